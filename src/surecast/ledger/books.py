"""What one transaction over deliveries to contacts changes: noted first, and written together at its end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from surecast.contact import masked
from surecast.crowd import Mark, Spent
from surecast.direct import Ticket
from surecast.ledger import gates, signals
from surecast.ledger.database import Database
from surecast.ledger.keyed import hasher
from surecast.ledger.tickets import Visit
from surecast.outcome import Outcome, Reason, Scope
from surecast.signals import Signal, Source

_MARKS = {mark: mark.name.lower() for mark in Mark}
_NOTHING = dict.fromkeys((*_MARKS.values(), "confirmed", "first", "late", "unrouted", "cost"), 0)


class Books:
    """The notes of one transaction.

    Attributes:
        crowd: the row of the channel's part of the broadcast, as it was at the beginning.
        gate: the channel's gate, as it is after what was noted so far.
        money: what was spent, less what was not spent after all.
        refusals: outcomes so far that seem to refuse the words, or us.
    """

    def __init__(self, database: Database, visit: Visit, now: float) -> None:
        self.database = database
        self.queries, self.connection = database.queries, database.connection
        self.visit, self.terms, self.now = visit, visit.terms, now
        self.crowd = self.queries.crowd_of(self.connection, broadcast=visit.plan.id, channel=visit.channel)
        self.gate = self._before = gates.read(database, visit.channel)
        self.money = 0.0
        self.refusals = 0
        self._changed: dict[int, Any] = {}
        self._began: list[int] = []
        self._arrived: list[tuple[str | None, int]] = []
        self._others: dict[int, Ticket] = {}
        self._tallies: dict[int, dict[str, float]] = {}
        self._turn_ends: dict[int, float] = {}
        self._observed: list[Signal] = []

    @property
    def trial(self) -> bool:
        """Whether the one trial of a shut gate is ours."""
        return self.gate.trial_owner == self.visit.visitor

    @property
    def arrived(self) -> bool:
        """Whether a delivery was accepted."""
        return bool(self._arrived)

    @property
    def healed(self) -> bool:
        """Whether the channel's gate has opened."""
        return self._before.opened_at is not None and self.gate.opened_at is None

    @property
    def day(self) -> str:
        """The day of UTC, on which money is spent."""
        return datetime.fromtimestamp(self.now, UTC).date().isoformat()

    def rivals(self) -> list[Any]:
        """The other alternatives over the same audience whose turn has opened."""
        if not self.visit.rivals:
            return []
        rows = self.queries.crowds_of(self.connection, broadcast=self.visit.plan.id)
        return [row for row in rows if row["channel"] in self.visit.rivals]

    # What others changed meanwhile

    def compare(self, held: Iterable[Ticket]) -> None:
        """Looks up what the ledger knows better of deliveries than the worker that has them in hand."""
        packed = json.dumps([ticket.id << 4 | ticket.mark for ticket in held])
        with self.queries.changed_of_cursor(self.connection, held=packed) as cursor:
            self._changed.update((row["id"], row) for row in cursor.fetchall())

    def known(self, row: Any) -> None:
        """Takes in how a delivery stands in the ledger."""
        self._changed[row["id"]] = row

    def current(self, ticket: Ticket) -> Ticket | None:
        """A delivery as it is now; None when it is no longer what its worker takes it for."""
        row = self._changed.get(ticket.id)
        if row is None:
            return ticket
        return replace(ticket, spent=Spent(row["spent"])) if row["mark"] == ticket.mark else None

    def _to_route(self, ticket: Ticket) -> int:
        """One when it is spent and the next alternative has not looked at it yet."""
        row = self._changed.get(ticket.id)
        return int(bool(ticket.spent) and not (row is not None and row["routed"]))

    # Notes

    def begins(self, before: Ticket, then: Ticket) -> None:
        """A delivery begins."""
        self._began.append(then.id)
        self._note(before, then)

    def arrives(self, before: Ticket, then: Ticket) -> None:
        """A delivery was accepted."""
        self._arrived.append((then.remote, then.id))
        self._note(before, then)

    def put(self, before: Ticket, then: Ticket) -> None:
        """A delivery changes in any other way."""
        self._others[then.id] = then
        self._note(before, then)

    def _note(self, before: Ticket, then: Ticket) -> None:
        if before.mark is not then.mark:
            self.count(then.batch, _MARKS[before.mark], -1)
            self.count(then.batch, _MARKS[then.mark], 1)
        if before.spent or then.spent:
            self.count(then.batch, "late", _late(then) - _late(before))
            self.count(then.batch, "unrouted", self._to_route(then) - self._to_route(before))
        ends = then.turn_ends_at(self.terms)
        if ends is not None and ends < self._turn_ends.get(then.batch, float("inf")):
            self._turn_ends[then.batch] = ends

    def count(self, batch: int, name: str, by: float) -> None:
        """Changes one of the batch's numbers."""
        tally = self._tallies.get(batch)
        if tally is None:
            tally = self._tallies[batch] = dict(_NOTHING)
        tally[name] += by

    def pay(self, batch: int, amount: float) -> None:
        """Money is spent, or, below zero, was not spent after all."""
        if self.terms.costly and amount:
            self.money += amount
            self.count(batch, "cost", amount)

    def supersede(self, row: Any) -> None:
        """The delivery of another alternative is needed no more."""
        self.queries.supersede_row(self.connection, id=row["id"])
        self.count(row["batch"], _MARKS[Mark(row["mark"])], -1)
        self.count(row["batch"], "skipped", 1)
        self.count(row["batch"], "late", -int(bool(row["spent"]) and row["mark"] == Mark.RETRYING))
        self.count(row["batch"], "unrouted", -int(bool(row["spent"]) and not row["routed"]))

    def observe(self, outcome: Outcome) -> None:
        """An attempt says something about the channel."""
        signal = signals.told_by(outcome, Source.WRITE)
        if signal is None:
            return
        last = self._observed[-1] if self._observed else None
        if last is not None and last.answer is signal.answer:
            self._observed[-1] = dataclasses.replace(signal, count=last.count + 1)
        else:
            self._observed.append(signal)

    def suppress(self, outcome: Outcome, *, address: str = "", known: int = 0, shown: str = "") -> None:
        """Enters an address that the platform says must not, or cannot, be written to.

        Args:
            address: the address itself; or, when it is no longer known:
            known, shown: its keyed hash and masked form.
        """
        if outcome.scope is not Scope.RECIPIENT or outcome.reason not in {Reason.OPTED_OUT, Reason.NO_SUCH_ADDRESS}:
            return
        medium = self.terms.medium
        assert medium is not None
        self.queries.add_suppression(
            self.connection,
            address=hasher(self.database)(medium, address) if address else known,
            medium=medium.value,
            masked=masked(address) if address else shown,
            person=int(outcome.reason is Reason.OPTED_OUT),
            why=f"{self.terms.platform}: {outcome.reason.value}",
            at=self.now,
        )

    # Writing

    def write(self) -> None:
        """Writes everything, in as few statements as there are sorts of changes."""
        queries, connection = self.queries, self.connection
        if self._began:
            queries.begin_rows(connection, ids=json.dumps(self._began), now=self.now)
        if self._arrived:
            queries.arrive_rows(connection, [{"remote": remote, "id": row} for remote, row in self._arrived])
        if self._others:
            queries.put_tickets(connection, [_row(ticket) for ticket in self._others.values()])
        for batch, changes in self._tallies.items():
            queries.change_tally(connection, **changes, turn_ends_at=self._turn_ends.get(batch), batch=batch)
        if self.money:
            plan, channel = self.visit.plan.id, self.visit.channel
            queries.add_spending(connection, channel=channel, day=self.day, broadcast=plan, amount=self.money)
        why = self._observed[-1].detail if self._observed else ""
        gates.change(self.database, self._before, self.gate, actor="breaker", now=self.now, why=why)
        for signal in self._observed:
            signals.note(self.database, self.visit.channel, signal, self.now)


def _late(ticket: Ticket) -> int:
    return int(bool(ticket.spent) and ticket.mark in {Mark.SENDING, Mark.RETRYING})


def _row(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "mark": int(ticket.mark),
        "spent": int(ticket.spent),
        "attempts": ticket.attempts,
        "failures": ticket.failures,
        "looks": ticket.looks,
        "first_at": ticket.first_at,
        "ended_at": ticket.ended_at,
        "not_before": ticket.not_before,
        "reason": ticket.reason,
        "remote": ticket.remote,
    }
