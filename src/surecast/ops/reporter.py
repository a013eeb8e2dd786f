"""What the people in charge are told, and when: once for each cause, until it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, TypedDict, Unpack

from surecast.broadcaster.desk import Desk
from surecast.channel import Channel
from surecast.clock import hours_minutes
from surecast.config.values import Config
from surecast.config.watching import DAYS, NEVER
from surecast.health import Condition, Health
from surecast.ledger import outages, rounds, watching
from surecast.outage import Notice, Outage, Sort
from surecast.outcome import Reason, Verdict
from surecast.report import ChannelReport, Report, Status
from surecast.route import Route
from surecast.text.messages import MessageValues, Spell

#: A reroute is looked for among the announcements of so long.
RECENT_S = 900.0
#: This machine counts as back when it was not cut off for so long.
BACK_AFTER_S = 120.0
#: Whether money ran out is looked at so often.
MONEY_S = 60.0
#: So many of the newest announcements of a state are looked at.
MOST_LOOKED_AT = 10
#: So many announcements are named in one message.
MOST_LISTED = 20
WEEK_S = 7 * 86_400.0
DAY_S = 86_400.0


class _Usual(TypedDict):
    sender: str
    time_zone: str
    now: float


class Tells(Protocol):
    """Tells the people in charge."""

    async def tell(
        self, cause: str, message: str, *, failing: str | None = None, **values: Unpack[MessageValues]
    ) -> bool:
        """Tells of a cause, once until it is over; whether that was done now."""
        ...

    async def over(self, cause: str) -> None:
        """A cause is over."""
        ...


class Reporter:
    """Goes through everything that a person may have to know."""

    def __init__(self, desk: Desk, config: Config, people: Tells) -> None:
        self._desk = desk
        self._config = config
        self._people = people

    async def report(self, health: Mapping[str, Health]) -> None:
        """Tells what is new."""
        await self._fallbacks(health)
        for name, channel in self._config.channels.items():
            await self._credentials(channel, health.get(name))
        await self._unsure()
        await self._money()
        await self._own_network()
        await self._digest()

    # Causes

    async def _fallbacks(self, health: Mapping[str, Health]) -> None:
        """A fallback was used: once for each channel that failed, however many posts that concerned."""
        since = self._now - RECENT_S
        for state in ("rerouted", "missed"):
            for broadcast in await self._desk.ledger.do(watching.in_state, state, since, MOST_LOOKED_AT):
                report = await self._desk.status(broadcast)
                for name in _failed(report):
                    if name in health and health[name].condition is not Condition.UP:
                        await self._tell_fallback(report, name)
        for name, each in health.items():
            if each.condition is Condition.UP:
                await self._over_unless_outage(f"fallback:{name}", name)

    async def _tell_fallback(self, report: Report, name: str) -> None:
        part = report.channels[name]
        done = [other for other in report.channels.values() if other.status is Status.DONE and other.name != name]
        await self._people.tell(
            f"fallback:{name}",
            "fallback_used",
            failing=name,
            platform=part.platform,
            channel=name,
            since=part.began or report.created_at,
            why=(part.error or "").rstrip("."),
            others=tuple(dict.fromkeys(other.platform for other in done)),
            does=(f"It tries {part.platform} again by itself, less and less often.",),
            commands=("surecast status", f"surecast channels off {name} --why ..."),
            **self._usual,
        )

    async def _over_unless_outage(self, cause: str, channel: str) -> None:
        ledger = self._desk.ledger
        told = await ledger.do(rounds.told, cause)
        if not told or self._now - max(each.last_at for each in told) <= RECENT_S:
            return  # the same reroute would be found again
        if all(outage.channel != channel for outage in await ledger.do(outages.open_now)):
            await self._people.over(cause)

    async def _credentials(self, channel: Channel, health: Health | None) -> None:
        name, platform = channel.name, channel.kind.traits.platform
        refused = health is not None and health.reason == Verdict.UNAUTHORIZED.value
        if refused and health is not None:
            await self._people.tell(
                f"credentials:{name}",
                "needs_a_person",
                failing=name,
                platform=platform,
                channel=name,
                why="it refused our login",
                does=("Announcements go by the other channels of their route.",),
                commands=(f"surecast channels check {name}", f"surecast channels trial {name}"),
                **self._usual,
            )
        elif health is not None and health.condition is Condition.UP:
            await self._people.over(f"credentials:{name}")
        if channel.credentials_end is not None:
            await self._credentials_end(channel, channel.credentials_end)

    async def _credentials_end(self, channel: Channel, day: date) -> None:
        left = (day - self._today).days
        if left * DAY_S > self._config.watch.credentials_before_s:
            return
        await self._people.tell(
            f"credentials_end:{channel.name}:{day.isoformat()}",
            "credentials_end",
            platform=channel.kind.traits.platform,
            channel=channel.name,
            day=day,
            days=left,
            **self._usual,
        )

    async def _unsure(self) -> None:
        """Posts of which only a person can say whether they are there: once for each channel."""
        waiting: dict[str, Report] = {}
        for broadcast in await self._desk.ledger.do(watching.in_state, "unsure", self._now - WEEK_S, 20):
            report = await self._desk.status(broadcast)
            for name, part in report.channels.items():
                if part.status is Status.UNSURE and part.next_try is None:
                    waiting[name] = report
        for name, channel in self._config.channels.items():
            cause = f"unsure:{name}"
            if name not in waiting:
                await self._people.over(cause)
                continue
            found = waiting[name].id
            await self._people.tell(
                cause,
                "unsure",
                platform=channel.kind.traits.platform,
                channel=name,
                broadcast=found,
                commands=(f"surecast settle {found} {name} --there", f"surecast settle {found} {name} --not-there"),
                **self._usual,
            )

    async def _money(self) -> None:
        """What was left out because it would have cost more than allowed: once for each announcement and channel."""
        ledger = self._desk.ledger
        costly = {name: each for name, each in self._config.channels.items() if each.kind.traits.costly}
        if not costly or not await ledger.do(rounds.take, "money", every_s=MONEY_S, now=self._now):
            return
        for broadcast, name, contacts in await ledger.do(watching.stopped_at_the_cap, self._now - DAY_S):
            if name in costly:
                await self._people.tell(
                    f"over_the_cap:{broadcast}:{name}",
                    "over_the_cap",
                    platform=costly[name].kind.traits.platform,
                    channel=name,
                    broadcast=broadcast,
                    count=contacts,
                    cap=f"{costly[name].max_cost or 0:.2f} {self._config.currency}",
                    **self._usual,
                )

    async def _own_network(self) -> None:
        """That this machine was cut off can be told only when it is back."""
        cut = await self._desk.ledger.do(rounds.last_cut_off)
        if cut is not None and BACK_AFTER_S <= self._now - cut.until < DAY_S:
            cause = f"own_network:{cut.since:.0f}"
            await self._people.tell(cause, "own_network", since=cut.since, until=cut.until, **self._usual)

    # Outages

    async def notice(self, outage: Outage, notice: Notice, *, sent: bool) -> None:
        """A notice was sent, or waits for a person; that it is over is told in any case."""
        channel = self._config.channels[outage.channel]
        platform = channel.kind.traits.platform
        if sent and notice.sort is Sort.ALL_CLEAR:
            return
        others = tuple(dict.fromkeys(self._platform(name) for name in Route.parse(notice.route).names()))
        if sent:
            await self._people.tell(
                f"notice:{notice.id}",
                "fallback_used",
                failing=outage.channel,
                platform=platform,
                channel=outage.channel,
                since=outage.began_at,
                why=outage.why,
                others=others,
                does=(f"Readers were told: {notice.text}",),
                commands=("surecast status",),
                outage=outage.id,
                **self._usual,
            )
            return
        await self._people.tell(
            f"draft:{notice.id}",
            "draft_ready",
            failing=outage.channel,
            platform=platform,
            notice=notice.id,
            text=notice.text,
            others=others,
            commands=(f"surecast approve {notice.id}", f"surecast drafts --drop {notice.id}"),
            **self._usual,
        )

    async def untold(self, outage: Outage) -> None:
        """Nothing is said to readers of an outage, since it concerns no public channel or none is left to say it on."""
        channel = self._config.channels[outage.channel]
        name, platform = channel.name, channel.kind.traits.platform
        if await self._desk.ledger.do(rounds.told, f"fallback:{name}"):
            return  # they know that it is down
        if channel.kind.traits.public:
            silence = "It tells readers as soon as a channel works on which that can be done."
        else:
            silence = "It writes no notice, as this channel writes to people one by one."
        await self._people.tell(
            f"outage:{outage.id}",
            "outage_untold",
            failing=name,
            platform=platform,
            channel=name,
            since=outage.began_at,
            why=outage.why.rstrip("."),
            does=(f"It tries {platform} again by itself, less and less often.", silence),
            commands=("surecast status", f"surecast channels off {name} --why ..."),
            outage=outage.id,
            **self._usual,
        )

    async def trouble(self, outage: Outage, sentence: str) -> None:
        """A notice could not be written or sent."""
        channel = self._config.channels[outage.channel]
        await self._people.tell(
            f"notice trouble:{outage.id}",
            "needs_a_person",
            platform=channel.kind.traits.platform,
            channel=outage.channel,
            why=f"a notice to readers could not go out: {sentence}",
            commands=("surecast config check", "surecast drafts"),
            **self._usual,
        )

    async def dropped_in(self, outage: Outage) -> tuple[str, ...]:
        """The announcements that a platform was owed during an outage and gets no more, one line each."""
        lines = []
        since = outage.began_at - RECENT_S  # what ran into it was announced before its first sign
        for broadcast in await self._desk.ledger.do(watching.owed_since, outage.channel, since, 200):
            report = await self._desk.status(broadcast)
            part = report.channels.get(outage.channel)
            if part is None or part.status is not Status.GAVE_UP or part.reason not in _TOO_LATE:
                continue
            cause = f"late:{outage.channel}:{broadcast}"  # told once, also when the next outage ends
            if await self._desk.ledger.do(rounds.tell, cause, self._now):
                lines.append(f"{await self._text_of(broadcast)} ({broadcast}, {_TOO_LATE[part.reason]})")
        return tuple(lines)

    async def _text_of(self, broadcast: str) -> str:
        text = await self._desk.ledger.do(watching.words_of, broadcast)
        return text if len(text) <= 60 else f"{text[:59]}…"

    async def outage_over(self, outage: Outage, late: tuple[str, ...]) -> None:
        """It is over; what came too late is named."""
        channel = self._config.channels[outage.channel]
        platform = channel.kind.traits.platform
        until = outage.up_since or self._now
        if late:
            await self._people.tell(
                f"late:{outage.id}", "late", platform=platform, channel=outage.channel, posts=late, **self._usual
            )
        await self._people.tell(
            f"over:{outage.id}",
            "outage_over",
            platform=platform,
            channel=outage.channel,
            since=outage.began_at,
            until=until,
            outage=outage.id,
            posts=tuple([f"{await self._text_of(each)} ({each})" for each in await self.paid_back(outage)]),
            **self._usual,
        )
        await self._people.over(f"fallback:{outage.channel}")

    async def paid_back(self, outage: Outage) -> tuple[str, ...]:
        """The announcements of the outage that the platform got late, so far."""
        return await self._desk.ledger.do(
            watching.paid_back,
            outage.channel,
            since=outage.began_at - RECENT_S,
            until=outage.up_since or self._now,
            after=outage.noticed_at,
            most=MOST_LISTED,
        )

    # The week

    async def _digest(self) -> None:
        due = _last_due(self._config.watch.digest, datetime.fromtimestamp(self._now, self._config.zone))
        if due is None:
            return
        ledger = self._desk.ledger
        last = await ledger.do(rounds.last, "digest")
        if last is None:  # the first week has not passed yet
            await ledger.do(rounds.put, "digest", self._now)
            return
        if last >= due or not await ledger.do(rounds.take, "digest", every_s=self._now - due, now=self._now):
            return
        await self._tell_digest()

    async def _tell_digest(self) -> None:
        since = self._now - WEEK_S
        overview = await self._desk.operator.overview()
        found = await self._desk.ledger.do(outages.since, since)
        states = Counter(await self._desk.ledger.do(watching.states_since, since))
        zone = self._config.zone
        await self._people.tell(
            f"digest:{self._now:.0f}",
            "digest",
            since=since,
            states=states,
            outages=tuple(
                Spell(
                    platform=self._platform(outage.channel),
                    lasted_s=(outage.ended_at or self._now) - outage.began_at,
                    over=outage.ended_at is not None,
                )
                for outage in found
            ),
            owed=tuple(
                f"{self._platform(each.channel)}: {each.posts}, the oldest of "
                f"{hours_minutes(each.oldest_at, zone, self._now)}"
                for each in overview.owed
            ),
            needs=overview.needs_you,
            worker_seen=overview.worker_seen_at,
            watcher_seen=overview.watcher_seen_at,
            **self._usual,
        )

    def _platform(self, name: str) -> str:
        channel = self._config.channels.get(name)
        return name if channel is None else channel.kind.traits.platform

    @property
    def _now(self) -> float:
        return self._desk.clock.now()

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._now, self._config.zone).date()

    @property
    def _usual(self) -> _Usual:
        return _Usual(sender=self._config.sender, time_zone=self._config.time_zone, now=self._now)


_TOO_LATE: Mapping[Reason, str] = {
    Reason.EXPIRED: "too late",
    Reason.OUTDATED: "a newer one took its place",
    Reason.HAD_ELSEWHERE: "readers had it elsewhere",
}


#: A channel that was passed over for one of these failed just as well.
_DOWN = frozenset({Reason.BREAKER_OPEN, Reason.SPARED, Reason.CREDENTIALS})


def _failed(report: Report) -> list[str]:
    """The channels in whose place another one posted, or that reached nobody."""
    return [name for name, part in report.channels.items() if _did_not_work(part)]


def _did_not_work(part: ChannelReport) -> bool:
    if part.reason in _TOO_LATE or part.status not in {Status.OWED, Status.GAVE_UP, Status.UNSURE}:
        return False
    if part.verdict is Verdict.SKIPPED:
        return part.reason in _DOWN
    return part.verdict not in {Verdict.REFUSED, None}


def _last_due(weekly: str, now: datetime) -> float | None:
    """The last moment at which the digest was due, Unix seconds; None for never."""
    if weekly == NEVER:
        return None
    day, _, clock = weekly.partition(" ")
    hour, minute = map(int, clock.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    due -= timedelta(days=(now.weekday() - DAYS.index(day)) % 7)
    return (due if due <= now else due - timedelta(days=7)).timestamp()
