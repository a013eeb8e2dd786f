"""The ledger's transactions over gates: one breaker a channel, shared by all processes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from surecast.ledger.database import Database
from surecast.policy import Gate, Passage, closed, knock, paced
from surecast.rate import Rate

Actor = Literal["breaker", "watch", "person"]
#: A channel that is switched off for no stated time.
FOR_EVER = 253_402_128_000.0  # 30 December 9999: two days later some time zones would have the year 10000


def take(
    database: Database,
    channel: str,
    owner: str,
    *,
    now: float,
    trial_s: float,
    credentials: str,
    ordered: bool,
    retry: bool = False,
    look: bool = False,
    rate: Rate | None = None,
) -> Passage:
    """Asks the gate, in one transaction for all processes; see `policy.knock` and `policy.paced`."""
    with database.transaction():
        before = read(database, channel)
        passage, gate = knock(
            before,
            owner=owner,
            now=now,
            trial_s=trial_s,
            credentials=credentials,
            ordered=ordered,
            retry=retry,
            look=look,
        )
        if passage.go and rate is not None:
            goes, next_at, gate = paced(gate, rate, wanted=1, now=now)
            passage = passage if goes else Passage(go=False, not_before=next_at, throttled=True)
        if gate != before:
            put(database, gate)
    return passage


def read(database: Database, channel: str) -> Gate:
    """A channel's gate; closed when nothing is known of it. Runs inside the caller's transaction."""
    row = database.queries.gate_of(database.connection, channel=channel)
    return Gate(channel=channel) if row is None else Gate(**dict(row))


def put(database: Database, gate: Gate) -> None:
    """Writes a gate. Runs inside the caller's transaction."""
    database.queries.add_gate(database.connection, channel=gate.channel)
    database.queries.put_gate(database.connection, **asdict(gate))


def listing(database: Database) -> tuple[Gate, ...]:
    """All gates that anything is known of."""
    with database.reading() as queries:
        return tuple(Gate(**dict(row)) for row in queries.gates(database.connection))


def get(database: Database, channel: str) -> Gate:
    """A channel's gate."""
    with database.reading():
        return read(database, channel)


def claim_note(database: Database, failing: str, channel: str, broadcast: str, now: float) -> bool:
    """Whether a broadcast's post on a channel is the one that says why it comes there, since another one failed."""
    with database.transaction() as queries:
        connection = database.connection
        queries.claim_note(connection, failing=failing, channel=channel, broadcast=broadcast, now=now)
        return bool(queries.note_of(connection, failing=failing, channel=channel)["broadcast"] == broadcast)


# Switches ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One switch of a channel.

    Attributes:
        what: ``opened`` and ``closed`` (the breaker), ``off``, ``on`` and ``trial`` (a person).
        facts: what was known then, in words for people.
        until: when a channel that was switched off goes on by itself; None for never, and for all else.
    """

    channel: str
    what: str
    at: float
    actor: str
    why: str
    facts: tuple[str, ...]
    until: float | None = None


def change(
    database: Database,
    before: Gate,
    gate: Gate,
    *,
    actor: Actor,
    now: float,
    why: str = "",
    facts: Iterable[str] = (),
    pause_s: float = 0.0,
) -> None:
    """Writes a gate; one that opens or closes is entered as a switch. Runs inside the caller's transaction.

    Args:
        pause_s: between two posts that come again when it closes.
    """
    if gate == before:
        return
    put(database, gate)
    if (before.opened_at is None) == (gate.opened_at is None):
        return
    opened = gate.opened_at is not None
    _enter(database, gate.channel, "opened" if opened else "closed", actor=actor, now=now, why=why, facts=facts)
    if not opened:
        wake(database, gate.channel, now, pause_s)


def wake(database: Database, channel: str, now: float, pause_s: float = 0.0) -> None:
    """Wakes what waits for a channel, oldest first. Runs inside the caller's transaction."""
    queries, connection = database.queries, database.connection
    waiting = [row["id"] for row in queries.waiting_for(connection, channel=channel, now=now)]
    queries.wake_at(connection, [{"id": batch, "at": now + place * pause_s} for place, batch in enumerate(waiting)])


def isolate(database: Database, channel: str, *, until: float | None, why: str, now: float) -> Gate:
    """A person switches a channel off, for every process, until a moment or until it is switched on again."""
    with database.transaction(durable=True):
        before = read(database, channel)
        gate = replace(before, isolated_until=FOR_EVER if until is None else until, isolated_why=why)
        put(database, gate)
        _enter(database, channel, "off", actor="person", now=now, why=why, until=until)
    return gate


def release(database: Database, channel: str, *, why: str, now: float, pause_s: float = 0.0) -> Gate:
    """A person switches a channel on: it is neither off nor taken as down, and what waits for it is woken."""
    with database.transaction(durable=True):
        before = read(database, channel)
        gate = replace(closed(before, now), isolated_until=None, isolated_why="")
        put(database, gate)
        _enter(database, channel, "on", actor="person", now=now, why=why, facts=_was(before, now))
        wake(database, channel, now, pause_s)
    return gate


def allow_trial(database: Database, channel: str, *, why: str, now: float) -> Gate:
    """A person lets one trial through now; a channel that is switched off stays so."""
    with database.transaction(durable=True):
        before = read(database, channel)
        gate = replace(before, trial_owner=None, trial_until=0.0, open_until=0.0)
        put(database, gate)
        _enter(database, channel, "trial", actor="person", now=now, why=why, facts=_was(before, now))
        wake(database, channel, now)
    return gate


def switches(database: Database, channel: str | None, most: int) -> tuple[Switch, ...]:
    """The newest switches of a channel, or of all, newest first."""
    with database.reading() as queries:
        return tuple(
            Switch(
                channel=row["channel"],
                what=row["what"],
                at=row["at"],
                actor=row["actor"],
                why=row["why"],
                facts=tuple(json.loads(row["facts"])),
                until=row["until"],
            )
            for row in queries.switches_of(database.connection, channel=channel, most=most)
        )


def _was(gate: Gate, now: float) -> tuple[str, ...]:
    if gate.isolated_until is not None and gate.isolated_until > now:
        return (f"it was switched off{f': {gate.isolated_why}' if gate.isolated_why else ''}",)
    return (f"its breaker was open: {gate.reason}",) if gate.opened_at is not None else ()


def _enter(
    database: Database,
    channel: str,
    what: str,
    *,
    actor: Actor,
    now: float,
    why: str,
    facts: Iterable[str] = (),
    until: float | None = None,
) -> None:
    database.queries.add_switch(
        database.connection,
        channel=channel,
        what=what,
        at=now,
        actor=actor,
        why=why,
        facts=json.dumps(list(facts), ensure_ascii=False),
        until=until,
    )
