"""What a person at the desk asks and orders in an outage: how the channels are, off, on, a trial, what needs me."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from surecast.broadcaster.accounts import Observed, observed
from surecast.broadcaster.overview import WATCH_SILENT_S, Overview, Owed, Switched, Tried, Trouble
from surecast.broadcaster.probing import probe
from surecast.broadcaster.roster import Roster
from surecast.channel import Channel, Probed
from surecast.clock import Clock, hours_minutes
from surecast.errors import UsageError
from surecast.health import Condition, Health, assess_all
from surecast.ledger import broadcasts, gates, outages, rounds
from surecast.ledger.database import Database, Ledger
from surecast.ledger.gates import FOR_EVER, Switch
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.outcome import Verdict
from surecast.planning import House
from surecast.policy import Gate
from surecast.report import Report, Status
from surecast.signals import Slot

#: A trial waits so long for the platform, and for what readers see of it.
TRIAL_S = 60.0
#: That this machine was cut off is shown for so long after it was last seen to be.
CUT_OFF_SHOWN_S = 120.0
#: A person hears so long of an announcement that was missed.
MISSED_S = 86_400.0

Resume = Callable[[str | None, float], Awaitable[tuple[Report, ...]]]


class Operator:
    """The part of a desk that knows how channels are, and switches them.

    Args:
        resume: drives a broadcast as `Desk.resume` does.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        house: House,
        roster: Roster,
        clock: Clock,
        *,
        resume: Resume,
    ) -> None:
        self._ledger = ledger
        self._channels = channels
        self._house = house
        self._roster = roster
        self._clock = clock
        self._resume = resume

    # How it is

    async def health(self) -> Mapping[str, Health]:
        """What is believed of each channel, from its gate and from what was observed."""
        now = self._clock.now()
        return self.assessed(await self._ledger.do(observed, now), now)

    def assessed(self, known: Observed, now: float) -> Mapping[str, Health]:
        """What is believed of each channel at `now`, from what the ledger knows."""
        gates_of = {name: Gate(channel=name) for name in self._channels} | {gate.channel: gate for gate in known.gates}
        return assess_all(gates_of.values(), now, known.slots)

    async def probe(self, channel: str) -> Probed:
        """Whether a channel's credentials and platform work; publishes nothing."""
        self._check(channel)
        probed = await probe(self._roster, channel)
        return probed or Probed(ok=True, detail="opened; this kind of channel cannot be probed")

    async def overview(self) -> Overview:
        """What is down, what is owed, and what needs a person; makes no ledger where there is none."""
        now, unusable = self._clock.now(), self._unusable()
        if not self._ledger.path.exists():
            return Overview(at=now, needs_you=tuple(unusable.values()), worker=self._house.worker)
        found = await self._ledger.do(_survey, now)
        health = self.assessed(found.observed, now)
        return Overview(
            at=now,
            down=tuple(self._trouble(health[name], found, now) for name in self._channels if _ails(health[name])),
            owed=found.owed,
            needs_you=(
                *unusable.values(),
                *self._refused(health, unusable),
                *_open_questions(found),
                *self._silent_heartbeat(found, now),
            ),
            worker_seen_at=found.worker_seen_at,
            watcher_seen_at=found.watcher_seen_at,
            worker=self._house.worker,
            own_network=self._own_network(found, now),
        )

    def _own_network(self, found: _Survey, now: float) -> str:
        cut = found.cut_off
        if (
            cut is None
            or now - cut.until > CUT_OFF_SHOWN_S
            or any(self._reached_since(cut.until, found.observed.slots))
        ):
            return ""
        since = hours_minutes(cut.since, ZoneInfo(self._house.time_zone), now)
        return f"since {since} nothing can be reached from here, so no channel is blamed; look at the network here"

    def _reached_since(self, moment: float, slots: Mapping[str, tuple[Slot, ...]]) -> Iterator[bool]:
        """Whether a platform was reached after a moment, one by one."""
        for name, channel in self._channels.items():
            if not channel.kind.traits.local:
                yield from (slot.good > 0 and slot.at > moment for slot in slots.get(name, ()))

    def _trouble(self, health: Health, found: _Survey, now: float) -> Trouble:
        off = health.condition is Condition.ISOLATED
        outage = next((each for each in found.outages if each.channel == health.channel), None)
        return Trouble(
            name=health.channel,
            platform=self._platform(health.channel),
            condition=health.condition,
            since=found.off_since.get(health.channel) if off else health.since,
            reasons=health.reasons,
            not_before=health.not_before if now < health.not_before < FOR_EVER else None,
            outage=outage.id if outage else None,
            began_at=outage.began_at if outage else None,
            notices=found.notices.get(outage.id, 0) if outage else 0,
        )

    def _unusable(self) -> dict[str, str]:
        """The channels that cannot be used as they are configured, each with a sentence."""
        checked = {name: self._roster.checked(channel) for name, channel in self._channels.items()}
        return {
            name: f"Set up {name} (surecast config check): {channel.misconfigured}"
            for name, channel in checked.items()
            if channel.misconfigured
        }

    def _refused(self, health: Mapping[str, Health], unusable: Mapping[str, str]) -> Iterator[str]:
        for name in self._channels:
            if health[name].reason == Verdict.UNAUTHORIZED and name not in unusable:
                yield f"Give {name} a valid password or token, then: surecast channels trial {name}."

    def _silent_heartbeat(self, found: _Survey, now: float) -> Iterator[str]:
        fails_since, seen_at = found.heartbeat_fails_since, found.watcher_seen_at
        if fails_since is None or seen_at is None or now - seen_at > WATCH_SILENT_S or self._own_network(found, now):
            return
        since = hours_minutes(fails_since, ZoneInfo(self._house.time_zone), now)
        yield f"Look at heartbeat in [watch]: since {since} no sign of life arrived at its address."

    # Orders

    async def off(self, channel: str, for_s: float | None, why: str) -> Switched:
        """Lets no process post there any more; turns that are open go on to the next alternative.

        Raises:
            UsageError: there is no such channel, or no time in which it could be off.
        """
        self._check(channel)
        if for_s is not None and for_s <= 0:
            raise UsageError(f"{channel} cannot be off for {for_s:g} s. Give a longer time, or none: until it is on.")
        now = self._clock.now()
        until = None if for_s is None else min(now + for_s, FOR_EVER)
        await self._ledger.do(gates.isolate, channel, until=until, why=why, now=now)
        return await self._switched(channel, now, until)

    async def on(self, channel: str, why: str) -> Switched:
        """Ends an `off`, and takes the channel as well; what waits for it is due at once, for whoever delivers it."""
        self._check(channel)
        now = self._clock.now()
        await self._ledger.do(gates.release, channel, why=why, now=now)
        return await self._switched(channel, now, None)

    async def _switched(self, channel: str, now: float, until: float | None) -> Switched:
        owed = await self._ledger.do(_owed, now)
        return Switched(
            channel=channel,
            platform=self._platform(channel),
            at=now,
            until=until,
            owed=next((each for each in owed if each.channel == channel), None),
            worker_seen_at=await self._ledger.do(broadcasts.last_worker),
            worker=self._house.worker,
        )

    async def trial(self, channel: str, why: str) -> Tried:
        """Probes a channel, and when that goes well gives it its oldest owed post now.

        Raises:
            UsageError: there is no such channel, or it is switched off.
        """
        self._check(channel)
        gate = await self._ledger.do(gates.get, channel)
        if gate.isolated_until is not None and gate.isolated_until > self._clock.now():
            because = f" ({gate.isolated_why})" if gate.isolated_why else ""
            raise UsageError(
                f"{channel} is switched off{because}, so it is not tried. First: surecast channels on {channel}."
            )
        probed = await self.probe(channel)
        platform = self._platform(channel)
        if not probed.ok:
            return Tried(channel=channel, platform=platform, works=False, probed=probed)
        now = self._clock.now()
        await self._ledger.do(gates.allow_trial, channel, why=why, now=now)
        oldest = await self._ledger.do(_oldest_owed, channel, now)
        if oldest is None:
            return Tried(channel=channel, platform=platform, works=True, probed=probed)
        (report,) = await self._resume(oldest, TRIAL_S)
        gate = await self._ledger.do(gates.get, channel)
        works = _took_it(report, channel, gate)
        return Tried(channel=channel, platform=platform, works=works, probed=probed, report=report)

    async def switches(self, channel: str | None, most: int) -> tuple[Switch, ...]:
        """The newest switches, newest first; also of a channel that is no longer configured.

        Raises:
            UsageError: there is no such channel, and never was.
        """
        found = await self._ledger.do(gates.switches, channel, most)
        if channel is not None and not found:
            self._check(channel)
        return found

    def _check(self, channel: str) -> None:
        if channel not in self._channels:
            raise UsageError(f"No channel is named {channel!r}. There are: {', '.join(self._channels)}.")

    def _platform(self, channel: str) -> str:
        return self._channels[channel].kind.traits.platform


def _ails(health: Health) -> bool:
    return health.condition in {Condition.DOWN, Condition.DEGRADED, Condition.ISOLATED}


def _took_it(report: Report, channel: str, gate: Gate) -> bool:
    """Whether a post went out; of many messages to people it is enough that the channel is not taken as down."""
    part = report[channel]
    if part.contacts is not None:
        return gate.opened_at is None
    return part.status is Status.DONE or (part.status is Status.SENDING and part.verdict is Verdict.ACCEPTED)


def _open_questions(found: _Survey) -> Iterator[str]:
    """What only a person can answer."""
    if found.unsure:
        newest, which = found.unsure[0], _and_others(found.unsure)
        yield f"Nobody knows whether {which} arrived: surecast status {newest} says how to settle it."
    for draft in found.drafts:
        yield f"{_WAITS[draft.sort]} to readers waits for your word: surecast approve {draft.id}."
    if found.missed:
        newest, which = found.missed[0], _and_others(found.missed)
        were = "was" if len(found.missed) == 1 else "of the last 24 hours were"
        yield f"{which} {were} missed: surecast status {newest} says why."


_WAITS = {Sort.NOTICE: "A notice", Sort.UPDATE: "An update", Sort.ALL_CLEAR: "An all-clear"}


def _and_others(names: tuple[str, ...]) -> str:
    others = len(names) - 1
    return f"{names[0]} and {others} other{'s' if others > 1 else ''}" if others else names[0]


# What the ledger knows, in its thread ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    observed: Observed
    off_since: Mapping[str, float]
    outages: tuple[Outage, ...]
    notices: Mapping[int, int]
    drafts: tuple[Notice, ...]
    owed: tuple[Owed, ...]
    unsure: tuple[str, ...]
    missed: tuple[str, ...]
    worker_seen_at: float | None
    watcher_seen_at: float | None
    cut_off: rounds.CutOff | None
    heartbeat_fails_since: float | None


def _survey(database: Database, now: float) -> _Survey:
    known = observed(database, now)
    off = [gate.channel for gate in known.gates if gate.isolated_until is not None and gate.isolated_until > now]
    open_now = outages.open_now(database)
    with database.reading() as queries:
        connection = database.connection
        off_since = {name: queries.off_since(connection, channel=name)[0] for name in off}
        unsure = tuple(row["id"] for row in queries.only_a_person_knows(connection))
        missed = tuple(row["id"] for row in queries.missed_since(connection, since=now - MISSED_S, now=now))
    return _Survey(
        observed=known,
        off_since={name: at for name, at in off_since.items() if at is not None},
        outages=open_now,
        notices={each.id: _sent(outages.notices(database, each.id)) for each in open_now},
        drafts=outages.drafts(database),
        owed=_owed(database, now),
        unsure=unsure,
        missed=missed,
        worker_seen_at=broadcasts.last_worker(database),
        watcher_seen_at=rounds.last_watcher(database),
        cut_off=rounds.last_cut_off(database),
        heartbeat_fails_since=rounds.heartbeat_fails_since(database),
    )


def _sent(notices: Iterable[Notice]) -> int:
    return sum(notice.stage is Stage.SENT for notice in notices)


def _owed(database: Database, now: float) -> tuple[Owed, ...]:
    """What each channel still gets, by when its oldest was announced."""
    by_channel: dict[str, Owed] = {}
    with database.reading() as queries:
        for row in list(queries.owed_now(database.connection, now=now)):
            for name in row["owed"].split():
                before = by_channel.get(name)
                by_channel[name] = Owed(
                    channel=name,
                    posts=1 if before is None else before.posts + 1,
                    oldest_at=row["created_at"] if before is None else before.oldest_at,
                    expires_at=row["expires_at"] if before is None else min(before.expires_at, row["expires_at"]),
                )
    return tuple(by_channel.values())


def _oldest_owed(database: Database, channel: str, now: float) -> str | None:
    with database.reading() as queries:
        rows = list(queries.owed_now(database.connection, now=now))
        return next((row["id"] for row in rows if channel in row["owed"].split()), None)
