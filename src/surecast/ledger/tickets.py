"""The ledger's transactions over deliveries to contacts: hand them out, record ends, commit to the next ones.

Ends and beginnings go together, many in one transaction. A beginning is committed before its attempt touches the
network, and everything that forbids an attempt is looked at in the same transaction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import replace

from surecast.channel import Terms
from surecast.crowd import Mark, Spent
from surecast.direct import Ticket
from surecast.history import Plan
from surecast.ledger import crowds
from surecast.ledger.batches import Claim
from surecast.ledger.database import Database
from surecast.outcome import Look, Outcome
from surecast.policy import Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A claimed batch of deliveries.

    Attributes:
        crowd: the row of the channel's part of the broadcast.
        payload: what was prepared for all of its recipients; None before.
    """

    claim: Claim
    crowd: int
    payload: bytes | None
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an attempt, or a look-up, ended; with neither, it was never made."""

    ticket: Ticket
    outcome: Outcome | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who works on a channel, and under which rules.

    Attributes:
        visitor: see `policy.knock`.
        rivals: the other alternatives over the same audience.
        lone: whether nobody but these alternatives needs the audience's addresses.
        credentials: fingerprint of the secret in use.
        ordered: a person wants one trial now.
    """

    plan: Plan
    channel: str
    visitor: str
    rivals: tuple[str, ...]
    lone: bool
    breaker: Breaker
    credentials: str
    ordered: bool = False

    @property
    def terms(self) -> Terms:
        """The channel's terms."""
        return self.plan.terms[self.channel]


@dataclass(slots=True, kw_only=True)
class Step:
    """What a transaction gave.

    Attributes:
        gone: deliveries that begin now.
        put_back: deliveries that may not yet, with the moment from which on.
        stopped: nothing more may begin in this channel.
        shut_until: the channel's gate is shut until then; None while it is open.
        next_at: the channel's rate lets the next one go then; None for at once.
        lost: batches that another worker has by now.
        later: when something is to be done again for a delivery that ended or was put off, with its batch.
        healed: the channel's gate has opened.
    """

    gone: list[Ticket] = field(default_factory=list)
    put_back: list[Ticket] = field(default_factory=list)
    stopped: bool = False
    shut_until: float | None = None
    next_at: float | None = None
    lost: set[int] = field(default_factory=set)
    later: list[tuple[int, float]] = field(default_factory=list)
    healed: bool = False


# Handing out -----------------------------------------------------------------------------------------------------


def take(database: Database, claimed: Claim, plan: Plan, now: float) -> Lot:
    """The deliveries of a batch that are not settled; what a dead worker had begun is in doubt from now on."""
    with database.transaction() as queries:
        connection = database.connection
        crowd = queries.crowd_of(connection, broadcast=plan.id, channel=claimed.channel)
        orphans = queries.orphans_of(connection, batch=claimed.batch)["orphans"]
        if orphans:
            queries.end_orphans(connection, batch=claimed.batch, now=now)
            queries.count_orphans(connection, batch=claimed.batch, orphans=orphans)
            crowds.count_spent(database, claimed.batch, plan.terms[claimed.channel])
        medium = plan.terms[claimed.channel].medium
        with queries.tickets_of_cursor(connection, batch=claimed.batch) as cursor:
            tickets = [_ticket(row, claimed, plan, medium) for row in cursor.fetchall()]
        doubted = json.dumps([ticket.id for ticket in tickets if ticket is not None and ticket.mark is Mark.UNSURE])
        others: dict[int, set[str]] = {}
        for row in queries.remotes_beside(connection, ids=doubted):
            others.setdefault(row["id"], set()).add(row["remote"])
        tickets = [
            replace(ticket, claimed=frozenset(others[ticket.id])) if ticket and ticket.id in others else ticket
            for ticket in tickets
        ]
        return Lot(
            claim=claimed,
            crowd=crowd["id"],
            payload=crowd["payload"],
            tickets=tuple(ticket for ticket in tickets if ticket is not None),
        )


def _ticket(row: Any, claimed: Claim, plan: Plan, medium: Any) -> Ticket | None:
    if row["person"] is None:  # forgotten by order
        return None
    name, addresses = msgspec.json.decode(row["person"])
    address = addresses.get(medium)
    if address is None:
        return None
    return Ticket(
        id=row["id"],
        batch=claimed.batch,
        recipient=row["recipient"],
        key=contact_key(plan, claimed.channel, row["contact"]),
        address=address,
        name=name,
        language=row["language"],
        time_zone=row["time_zone"],
        mark=Mark(row["mark"]),
        spent=Spent(row["spent"]),
        attempts=row["attempts"],
        failures=row["failures"],
        looks=row["looks"],
        first_at=row["first_at"],
        ended_at=row["ended_at"],
        not_before=row["not_before"],
        reason=row["reason"],
        remote=row["remote"],
    )


def contact_key(plan: Plan, channel: str, contact: int) -> str:
    """Names the delivery to a contact for ever."""
    told = f"{plan.id}\0{plan.fingerprint}\0{plan.created_at!r}\0{channel}\0{contact}"
    return blake2b(told.encode(), digest_size=16).hexdigest()


def keep_payload(database: Database, crowd: int, payload: bytes) -> bytes:
    """Freezes what all recipients of a channel share; whoever comes later gets what the first one prepared."""
    with database.transaction(durable=True) as queries:
        queries.keep_mould(database.connection, id=crowd, payload=payload)
        return bytes(queries.mould_of(database.connection, id=crowd)["payload"])


def payload(database: Database, crowd: int) -> bytes | None:
    """What was prepared for all recipients of a channel; None while nobody has."""
    with database.reading() as queries:
        kept = queries.mould_of(database.connection, id=crowd)["payload"]
        return None if kept is None else bytes(kept)
