"""What the people in charge are told of an outage: its notices, that readers hear nothing of it, and its end."""

from __future__ import annotations

from collections.abc import Mapping

from surecast.broadcaster.desk import Desk
from surecast.config.values import Config
from surecast.ledger import rounds, watching
from surecast.ops.telling import Teller, tries_again
from surecast.outage import Notice, Outage, Sort
from surecast.outcome import Reason
from surecast.report import Status
from surecast.route import Route

#: What ran into an outage may have been announced so long before its first sign.
BEFORE_S = 900.0
#: So many announcements are named in one message.
MOST_LISTED = 20

TOO_LATE: Mapping[Reason, str] = {
    Reason.EXPIRED: "too late",
    Reason.OUTDATED: "a newer one took its place",
    Reason.HAD_ELSEWHERE: "readers had it elsewhere",
}


class OutageReporter:
    """Tells of outages, once for each thing that is to be told."""

    def __init__(self, desk: Desk, config: Config, teller: Teller) -> None:
        self._desk = desk
        self._config = config
        self._teller = teller

    async def notice(self, outage: Outage, notice: Notice, *, sent: bool) -> None:
        """A notice was sent, or waits for a person; that it is over is told in any case."""
        channel = self._config.channels[outage.channel]
        platform = channel.kind.traits.platform
        if sent and notice.sort is Sort.ALL_CLEAR:
            return
        others = tuple(dict.fromkeys(self._teller.platform(name) for name in Route.parse(notice.route).names()))
        if sent:
            await self._teller.tell(
                f"notice:{notice.id}",
                "notice_sent",
                failing=outage.channel,
                platform=platform,
                channel=outage.channel,
                since=outage.began_at,
                why=outage.why.rstrip("."),
                others=others,
                text=notice.text,
                commands=("surecast status",),
                outage=outage.id,
            )
            return
        await self._teller.tell(
            f"draft:{notice.id}",
            "draft_ready",
            failing=outage.channel,
            platform=platform,
            notice=notice.id,
            sort=notice.sort.value,
            text=notice.text,
            others=others,
            commands=(f"surecast approve {notice.id}", f"surecast drafts --drop {notice.id}"),
        )

    async def untold(self, outage: Outage) -> None:
        """Nothing is said to readers of an outage: it concerns no public channel, or none is left to say it on.

        Not told to who knows already that a fallback was used; and who is told here, is not told that.
        """
        channel = self._config.channels[outage.channel]
        name, platform = channel.name, channel.kind.traits.platform
        silence = "It writes no notice, as this channel writes to people one by one."
        if channel.kind.traits.public:
            does = "tells readers" if self._config.watch.act == "send" else "writes a notice for you to approve"
            silence = f"It {does} as soon as a channel works on which that can be said."
        await self._teller.tell(
            f"fallback:{name}",
            "outage_untold",
            failing=name,
            platform=platform,
            channel=name,
            since=outage.began_at,
            why=outage.why.rstrip("."),
            does=(tries_again(platform), silence),
            commands=("surecast status", f"surecast channels off {name} --why ..."),
            outage=outage.id,
        )

    async def trouble(self, outage: Outage, sentence: str) -> None:
        """A notice could not be written or sent."""
        channel = self._config.channels[outage.channel]
        await self._teller.tell(
            f"notice trouble:{outage.id}",
            "needs_a_person",
            platform=channel.kind.traits.platform,
            channel=outage.channel,
            why=f"a notice to readers could not go out: {sentence}",
            commands=("surecast config check", "surecast drafts"),
        )

    async def dropped_in(self, outage: Outage) -> tuple[str, ...]:
        """The announcements that a platform was owed during an outage and gets no more, one line each."""
        lines = []
        since = outage.began_at - BEFORE_S
        for broadcast in await self._desk.ledger.do(watching.owed_since, outage.channel, since, 200):
            report = await self._desk.status(broadcast)
            part = report.channels.get(outage.channel)
            if part is None or part.status is not Status.GAVE_UP or part.reason not in TOO_LATE:
                continue
            cause = f"late:{outage.channel}:{broadcast}"  # told once, also when the next outage ends
            if await self._desk.ledger.do(rounds.tell, cause, self._desk.clock.now()):
                lines.append(f"{await self._text_of(broadcast)} ({broadcast}, {TOO_LATE[part.reason]})")
        return tuple(lines)

    async def _text_of(self, broadcast: str) -> str:
        text = await self._desk.ledger.do(watching.words_of, broadcast)
        return text if len(text) <= 60 else f"{text[:59]}…"

    async def over(self, outage: Outage, late: tuple[str, ...]) -> None:
        """It is over; what came too late is named."""
        channel = self._config.channels[outage.channel]
        platform = channel.kind.traits.platform
        until = outage.up_since or self._desk.clock.now()
        if late:
            await self._teller.tell(f"late:{outage.id}", "late", platform=platform, channel=outage.channel, posts=late)
        await self._teller.tell(
            f"over:{outage.id}",
            "outage_over",
            platform=platform,
            channel=outage.channel,
            since=outage.began_at,
            until=until,
            outage=outage.id,
            posts=tuple([f"{await self._text_of(each)} ({each})" for each in await self.paid_back(outage)]),
        )
        await self._teller.over(f"fallback:{outage.channel}")

    async def paid_back(self, outage: Outage) -> tuple[str, ...]:
        """The announcements of the outage that the platform got late, so far."""
        return await self._desk.ledger.do(
            watching.paid_back,
            outage.channel,
            since=outage.began_at - BEFORE_S,
            until=outage.up_since or self._desk.clock.now(),
            after=outage.noticed_at,
            most=MOST_LISTED,
        )
