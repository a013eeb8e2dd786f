"""What readers are told of an outage: written as a draft, sent by a person or by the watch, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from surecast.broadcaster.desk import Desk
from surecast.channel import Channel
from surecast.config.routes import resolve_route
from surecast.config.values import Config
from surecast.errors import SurecastError, UsageError
from surecast.ledger import broadcasts, outages
from surecast.message import Announcement
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.report import Report, Status
from surecast.route import All, AtLeast, Name, Route, without
from surecast.text.notices import NoticeValues, render_notice

#: A notice that could not go out within this means something else by then; so that an all-clear does not.
VALID = {Sort.NOTICE: timedelta(hours=1), Sort.UPDATE: timedelta(hours=1), Sort.ALL_CLEAR: timedelta(hours=24)}
TEMPLATES = {Sort.NOTICE: "outage_notice", Sort.UPDATE: "outage_update", Sort.ALL_CLEAR: "all_clear"}


class Notices:
    """Writes notices and sends them, through their own route."""

    def __init__(self, desk: Desk, config: Config, templates: Path | None = None) -> None:
        self._desk = desk
        self._config = config
        self._templates = templates

    async def route(self, outage: Outage, sort: Sort, bad: frozenset[str]) -> Route | None:
        """The notices' own route, without the channels that do not work; an all-clear goes where the notice went.

        Args:
            bad: the channels that do not work at the moment, besides the one that the outage is of.

        Returns:
            None where nobody is left who could say it, and for a channel that writes to people one by one.
        """
        if not self._config.channels[outage.channel].kind.traits.public:
            return None
        bad |= {outage.channel}
        if sort is Sort.ALL_CLEAR:
            heard = [Name(name) for name in await self._heard(outage)]
            return AtLeast(1, tuple(heard)) if len(heard) > 1 else heard[0] if heard else None
        written = self._config.watch.route
        if written is not None:
            return without(resolve_route(self._config, written)[0], bad)
        free = {name: each for name, each in self._config.channels.items() if _speaks(each) and name not in bad}
        return _one_of(free)

    async def draft(self, outage: Outage, sort: Sort, route: Route, *, number: int, missed: int = 0) -> Notice | None:
        """Writes what is to be said; None when it was written already.

        Args:
            missed: for an all-clear: how many posts the platform gets now.
        """
        channels = self._config.channels
        now = self._desk.clock.now()
        text = self._rendered(
            TEMPLATES[sort],
            platform=channels[outage.channel].kind.traits.platform,
            sender=self._config.sender,
            since=outage.began_at,
            until=outage.up_since,
            now=now,
            time_zone=self._config.time_zone,
            others=[
                channels[name].kind.traits.platform for name in route.names() if not channels[name].kind.traits.local
            ],
            follow=self._config.house.follow,
            number=number,
            missed=missed,
        )
        return await self._desk.ledger.do(
            outages.draft,
            outage,
            sort,
            number=number,
            text=text,
            route=str(route),
            language=self._config.language,
            now=now,
        )

    async def send(self, notice: Notice, *, wait: bool = False) -> Report | None:
        """Sends a notice; None when somebody else has decided about it meanwhile.

        Args:
            wait: until its route is decided.
        """
        if not await self._desk.ledger.do(outages.decide, notice, Stage.SENT, self._desk.clock.now()):
            return None
        sent = dataclasses.replace(notice, stage=Stage.SENT)
        try:
            return await self.finish(sent, wait=wait)
        except SurecastError:
            await self._desk.ledger.do(outages.decide, sent, Stage.DRAFT, self._desk.clock.now())
            raise

    async def finish(self, notice: Notice, *, wait: bool = False) -> Report:
        """Sends what was let go; once, also where the process that let it go ended before it was accepted."""
        announcement = Announcement(
            text=notice.text,
            title=notice.title,
            url=notice.url,
            language=notice.language,
            key=_key(notice),
            incident=f"outage:{notice.outage}",
            expires=VALID[notice.sort],
        )
        report = await self._desk.broadcast(
            announcement,
            Route.parse(notice.route),
            "",
            wait=wait,
            again=False,
            on_change="keep",
            purpose=notice.sort.value,
        )
        await self._desk.ledger.do(outages.sent_as, notice, report.id)
        return report

    async def was_accepted(self, notice: Notice) -> bool:
        """Whether a notice that was let go is in a broadcast, which is entered then."""
        found = await self._desk.ledger.do(broadcasts.id_of_key, _key(notice))
        if found is not None:
            await self._desk.ledger.do(outages.sent_as, notice, found)
        return found is not None

    async def withdraw(self, outage: Outage) -> None:
        """Stops what was said of an outage and has not reached everybody by its end."""
        for notice in await self._desk.ledger.do(outages.notices, outage.id):
            if notice.sort is Sort.ALL_CLEAR or notice.broadcast is None:
                continue
            if (await self._desk.status(notice.broadcast)).owed:
                await self._desk.cancel(notice.broadcast, None)

    async def drop(self, notice: Notice) -> bool:
        """Lets a notice go unsaid."""
        return await self._desk.ledger.do(outages.decide, notice, Stage.DROPPED, self._desk.clock.now())

    def _rendered(self, template: str, **values: Unpack[NoticeValues]) -> str:
        """The words; ours, where those of the house's own template cannot be had: readers cannot wait for that."""
        try:
            return render_notice(template, language=self._config.language, folder=self._templates, **values)
        except UsageError:
            return render_notice(template, language=self._config.language, **values)

    async def _heard(self, outage: Outage) -> list[str]:
        """The channels whose readers were told that it began."""
        said = await self._desk.ledger.do(outages.notices, outage.id)
        heard: dict[str, None] = {}
        for notice in said:
            if notice.broadcast is not None:
                report = await self._desk.status(notice.broadcast)
                heard |= {name: None for name, part in report.channels.items() if part.status is Status.DONE}
        return list(heard)


def _one_of(channels: Mapping[str, Channel]) -> Route | None:
    """All of them; one platform is enough, and the house's own pages alone are not where there is a platform."""
    own = [Name(name) for name, channel in channels.items() if channel.kind.traits.local]
    others = [Name(name) for name in channels if name not in {each.name for each in own}]
    parts: list[Route] = [*own]
    if others:
        parts.append(AtLeast(1, tuple(others)) if len(others) > 1 else others[0])
    return All(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _key(notice: Notice) -> str:
    return f"outage:{notice.outage}:{notice.sort}:{notice.number}"


def _speaks(channel: Channel) -> bool:
    """Whether notices go there when no route is written for them: in public, at no cost."""
    traits = channel.kind.traits
    return traits.public and not traits.costly and not channel.misconfigured
