"""The ledger's transactions over gates: one breaker a channel, shared by all processes."""

from __future__ import annotations

from dataclasses import asdict

from surecast.ledger.database import Database
from surecast.policy import Gate, Passage, knock, paced
from surecast.rate import Rate


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
    rate: Rate | None = None,
) -> Passage:
    """Asks the gate, in one transaction for all processes; see `policy.knock` and `policy.paced`."""
    with database.transaction():
        before = read(database, channel)
        passage, gate = knock(
            before, owner=owner, now=now, trial_s=trial_s, credentials=credentials, ordered=ordered, retry=retry
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
