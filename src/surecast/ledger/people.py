"""The ledger's transactions over single people: who was missed, what a person says of them, and forgetting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from surecast.contact import Medium
from surecast.crowd import Mark
from surecast.direct import family_of
from surecast.history import Plan
from surecast.ledger import crowds
from surecast.ledger.database import Database
from surecast.ledger.keyed import hasher


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """A contact whom a channel did not reach, or perhaps did not.

    Attributes:
        name, address: while the ledger has them; else empty and masked.
        unsure: whether it may have the message all the same.
        reason: a word of `Reason`, or of `Verdict`.
    """

    channel: str
    name: str = field(repr=False)
    address: str = field(repr=False)
    unsure: bool
    reason: str


def unreached(database: Database, plan: Plan, *, unsure: bool, most: int) -> tuple[Unreached, ...]:
    """Contacts who were missed by all channels that could have reached them, or whose deliveries are in doubt."""
    marks = (Mark.UNSURE,) if unsure else (Mark.MISSED, Mark.SKIPPED, *_open(database, plan))
    found: list[Unreached] = []
    with database.reading() as queries:
        opened = list(queries.crowds_of(database.connection, broadcast=plan.id))
        for crowd in opened:
            family = family_of(plan, crowd["channel"])
            rows = queries.unreached(
                database.connection,
                crowd=crowd["id"],
                marks=json.dumps(marks),
                family=sum(other["bit"] for other in opened if other["channel"] in family),
                most=most - len(found),
            )
            medium = plan.terms[crowd["channel"]].medium
            for row in rows:
                name, addresses = ("", {}) if row["person"] is None else msgspec.json.decode(row["person"])
                address = addresses.get(medium) or msgspec.json.decode(row["masked"]).get(medium, "***")
                found.append(
                    Unreached(
                        channel=crowd["channel"],
                        name=name,
                        address=address,
                        unsure=row["mark"] == Mark.UNSURE,
                        reason=row["reason"] or "not_sent",
                    )
                )
    return tuple(found)


def _open(database: Database, plan: Plan) -> tuple[Mark, ...]:
    """What is still open counts as missed once nothing more will be sent."""
    with database.reading() as queries:
        row = queries.broadcast_by_id(database.connection, id=plan.id)
    return (Mark.QUEUED, Mark.RETRYING, Mark.HELD) if row["final"] else ()


def settle(
    database: Database,
    plan: Plan,
    channel: str,
    *,
    there: bool,
    address: tuple[Medium, str] | None,
    most: int,
    now: float,
) -> int:
    """Records a person's word about at most so many deliveries of a channel that are in doubt; gives their number.

    Args:
        there: they arrived; else they are sent again, to those whom no other alternative has reached meanwhile.
        address: the one that is meant; None for all.
    """
    with database.transaction(durable=True) as queries:
        connection = database.connection
        crowd = queries.crowd_of(connection, broadcast=plan.id, channel=channel)
        if crowd is None:
            return 0
        hashed = None if address is None else hasher(database)(*address)
        rows = list(
            queries.rows_marked(connection, crowd=crowd["id"], mark=int(Mark.UNSURE), address=hashed, most=most)
        )
        before = _reached_before(database, plan, channel, rows)
        needed = [row for row in rows if there or row["recipient"] not in before]
        mark = Mark.REACHED if there else Mark.RETRYING
        ids = json.dumps([row["id"] for row in needed])
        queries.settle_rows(connection, ids=ids, mark=int(mark), now=now)
        if there:
            people = json.dumps([row["recipient"] for row in rows])
            queries.mark_reached(connection, ids=people, bit=crowd["bit"])
        terms = plan.terms[channel]
        refund = terms.unit_cost if terms.costly and not there else 0.0
        for row in rows:
            reached = row["recipient"] in before
            if reached and not there:
                queries.supersede_row(connection, id=row["id"])
            queries.settle_tally(
                connection,
                batch=row["batch"],
                there=int(there),
                first=int(there and not reached),
                skipped=int(reached and not there),
                refund=refund,
            )
            queries.wake_batch(connection, id=row["batch"], now=now)
        for batch in {row["batch"] for row in rows}:
            crowds.count_spent(database, batch, terms)
        if refund and rows:
            day = datetime.fromtimestamp(now, UTC).date().isoformat()
            amount = -refund * len(rows)
            queries.add_spending(connection, channel=channel, day=day, broadcast=plan.id, amount=amount)
        queries.wake_broadcast(connection, id=plan.id, now=now)
        return len(rows)


def _reached_before(database: Database, plan: Plan, channel: str, rows: Sequence[Any]) -> set[int]:
    """Those of the contacts whom another alternative has reached."""
    queries, connection = database.queries, database.connection
    rivals = set(family_of(plan, channel)) - {channel}
    bits = sum(row["bit"] for row in queries.crowds_of(connection, broadcast=plan.id) if row["channel"] in rivals)
    ids = json.dumps([row["recipient"] for row in rows])
    return {row["id"] for row in queries.reached_before(connection, ids=ids, rivals=bits)}


def forget(database: Database, address: tuple[Medium, str]) -> int:
    """Empties name and addresses of every contact with an address; what was not sent to it is given up."""
    with database.transaction(durable=True) as queries:
        connection = database.connection
        hashed = hasher(database)(*address)
        ids = [row["id"] for row in queries.recipients_with(connection, address=hashed)]
        held = json.dumps(ids)
        rows = list(queries.open_rows_of(connection, recipients=held))
        queries.forget_persons(connection, ids=held)
        queries.forget_masked(connection, ids=held)
        for row in rows:
            queries.give_up_row(connection, id=row["id"])
            queries.give_up_tally(
                connection, batch=row["batch"], mark=row["mark"], unrouted=row["to_route"], late=row["late"]
            )
        return len(ids)


def hashed(database: Database, address: tuple[Medium, str]) -> int:
    """The keyed hash of an address."""
    with database.transaction():
        return hasher(database)(*address)
