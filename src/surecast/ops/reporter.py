"""What the people in charge are told, and when: once for each cause, until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from surecast.broadcaster.desk import Desk
from surecast.channel import Channel
from surecast.config.values import Config
from surecast.health import Condition, Health
from surecast.ledger import outages, rounds, watching
from surecast.ops.outage_reporter import TOO_LATE
from surecast.ops.telling import Teller, tries_again
from surecast.outcome import Reason, Verdict
from surecast.report import ChannelReport, Report, Status

#: A reroute is looked for among the announcements of so long.
RECENT_S = 900.0
#: This machine counts as back when it was not cut off for so long.
BACK_AFTER_S = 120.0
#: Whether money ran out is looked at so often.
MONEY_S = 60.0
#: So many of the newest announcements of a state are looked at.
MOST_LOOKED_AT = 10
WEEK_S = 7 * 86_400.0
DAY_S = 86_400.0


class Reporter:
    """Goes through everything that a person may have to know, but for outages."""

    def __init__(self, desk: Desk, config: Config, teller: Teller) -> None:
        self._desk = desk
        self._config = config
        self._teller = teller

    async def report(self, health: Mapping[str, Health]) -> None:
        """Tells what is new."""
        await self._fallbacks(health)
        for name, channel in self._config.channels.items():
            await self._credentials(channel, health.get(name))
        await self._unsure()
        await self._money()
        await self._own_network()

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
        await self._teller.tell(
            f"fallback:{name}",
            "fallback_used",
            failing=name,
            platform=part.platform,
            channel=name,
            since=part.began or report.created_at,
            why=(part.error or "").rstrip("."),
            others=tuple(dict.fromkeys(other.platform for other in done)),
            does=(tries_again(part.platform),),
            commands=("surecast status", f"surecast channels off {name} --why ..."),
        )

    async def _over_unless_outage(self, cause: str, channel: str) -> None:
        ledger = self._desk.ledger
        told = await ledger.do(rounds.told_of, cause)
        if told is None or self._now - told.last_at <= RECENT_S:
            return  # the same reroute would be found again
        if all(outage.channel != channel for outage in await ledger.do(outages.open_now)):
            await self._teller.over(cause)

    async def _credentials(self, channel: Channel, health: Health | None) -> None:
        name, platform = channel.name, channel.kind.traits.platform
        refused = health is not None and health.reason == Verdict.UNAUTHORIZED.value
        if refused and health is not None:
            await self._teller.tell(
                f"credentials:{name}",
                "needs_a_person",
                failing=name,
                platform=platform,
                channel=name,
                why="it refused our login",
                does=("Announcements go by the other channels of their route.",),
                commands=(f"surecast channels check {name}", f"surecast channels trial {name}"),
            )
        elif health is not None and health.condition is Condition.UP:
            await self._teller.over(f"credentials:{name}")
        if channel.credentials_end is not None:
            await self._credentials_end(channel, channel.credentials_end)

    async def _credentials_end(self, channel: Channel, day: date) -> None:
        left = (day - self._today).days
        if left * DAY_S > self._config.watch.credentials_before_s:
            return
        await self._teller.tell(
            f"credentials_end:{channel.name}:{day.isoformat()}",
            "credentials_end",
            platform=channel.kind.traits.platform,
            channel=channel.name,
            day=day,
            days=left,
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
                await self._teller.over(cause)
                continue
            found = waiting[name].id
            await self._teller.tell(
                cause,
                "unsure",
                platform=channel.kind.traits.platform,
                channel=name,
                broadcast=found,
                commands=(f"surecast settle {found} {name} --there", f"surecast settle {found} {name} --not-there"),
            )

    async def _money(self) -> None:
        """What was left out because it would have cost more than allowed: once for each announcement and channel."""
        ledger = self._desk.ledger
        costly = {name: each for name, each in self._config.channels.items() if each.kind.traits.costly}
        if not costly or not await ledger.do(rounds.take, "money", every_s=MONEY_S, now=self._now):
            return
        for broadcast, name, contacts in await ledger.do(watching.stopped_at_the_cap, self._now - DAY_S):
            if name in costly:
                await self._teller.tell(
                    f"over_the_cap:{broadcast}:{name}",
                    "over_the_cap",
                    platform=costly[name].kind.traits.platform,
                    channel=name,
                    broadcast=broadcast,
                    count=contacts,
                    cap=f"{costly[name].max_cost or 0:.2f} {self._config.currency}",
                )

    async def _own_network(self) -> None:
        """That this machine was cut off can be told only when it is back."""
        cut = await self._desk.ledger.do(rounds.last_cut_off)
        if cut is not None and BACK_AFTER_S <= self._now - cut.until < DAY_S:
            cause = f"own_network:{cut.since:.0f}"
            await self._teller.tell(cause, "own_network", since=cut.since, until=cut.until)

    @property
    def _now(self) -> float:
        return self._desk.clock.now()

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._now, self._config.zone).date()


#: A channel that was passed over for one of these failed just as well.
_DOWN = frozenset({Reason.BREAKER_OPEN, Reason.SPARED, Reason.CREDENTIALS})


def _failed(report: Report) -> list[str]:
    """The channels in whose place another one posted, or that reached nobody."""
    return [name for name, part in report.channels.items() if _did_not_work(part)]


def _did_not_work(part: ChannelReport) -> bool:
    if part.reason in TOO_LATE or part.status not in {Status.OWED, Status.GAVE_UP, Status.UNSURE}:
        return False
    if part.verdict is Verdict.SKIPPED:
        return part.reason in _DOWN
    return part.verdict not in {Verdict.REFUSED, None}
