"""The ledger's transactions over gates: one breaker a channel, shared by all processes."""

from __future__ import annotations

from dataclasses import asdict

from surecast.ledger.database import Database
from surecast.policy import CREDIT_PER_FIRST, MOST_CREDIT, SPARED_S, Gate, Passage


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
) -> Passage:
    """Asks the gate, in one statement for all processes: go, go as the one trial, or not before a moment.

    Args:
        owner: names one delivery at work, so that of several in one process only one is the trial.
        trial_s: how long the trial is leased; if its process dies, the next one may try then.
        credentials: fingerprint of the secret in use; a gate shut over another one lets a trial through.
        ordered: a person wants a trial now, whatever the rest and the budget; an isolation stands.
        retry: this delivery has failed here before, so the attempt is charged to the budget of retries.
    """
    with database.transaction() as queries:
        connection = database.connection
        queries.add_gate(connection, channel=channel)
        taken = queries.take_gate(
            connection,
            channel=channel,
            owner=owner,
            now=now,
            trial_until=now + trial_s,
            credentials=credentials,
            ordered=int(ordered),
            retry=int(retry),
            credit_per_first=CREDIT_PER_FIRST,
            most_credit=MOST_CREDIT,
        )
        if taken is not None:
            return Passage(go=True, trial=taken["opened_at"] is not None)
        gate = read(database, channel)
    isolated = gate.isolated_until is not None and gate.isolated_until > now
    if gate.opened_at is None and not isolated:
        return Passage(go=False, not_before=now + SPARED_S, spared=True)
    on_trial = gate.trial_owner is not None and gate.trial_until > now
    waits = [gate.open_until, gate.trial_until if on_trial else 0.0, gate.isolated_until or 0.0]
    return Passage(go=False, not_before=max([*waits, now + 0.1]), isolated=isolated, on_trial=on_trial and not isolated)


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
