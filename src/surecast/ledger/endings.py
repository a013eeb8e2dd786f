"""How attempts, look-ups and receipts end, in the ledger."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from surecast.crowd import Mark, Spent, unavailable
from surecast.direct import Ticket, attempted, looked, to_do, unsent
from surecast.ledger import crowds
from surecast.ledger.books import Books
from surecast.ledger.codec import to_json
from surecast.ledger.tickets import End, Step
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.policy import after, answered

#: A platform that is asked too much and names no wait is left alone for so long, in seconds.
THROTTLED_PAUSE_S = 5.0
#: So many contacts must be refused, and none reached, until a refusal is taken for one of everybody.
REFUSALS = 3

ARRIVED = frozenset({Verdict.ACCEPTED, Verdict.CONFIRMED})
#: What surely was not sent costs nothing.
MONEY_BACK = frozenset({Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNAUTHORIZED, Verdict.REFUSED, Verdict.SKIPPED})


def record(books: Books, step: Step, ends: Sequence[End]) -> None:
    """Notes how attempts and look-ups ended, and what that means for contacts, channel and gate."""
    reached: dict[int, Ticket] = {}
    for end in ends:
        then = _late(books, end) if end.ticket.batch in step.lost else _end(books, end)
        if then is None:
            continue
        if then.mark is Mark.REACHED:
            reached[then.recipient] = then
        elif to_do(then, books.terms) and end.ticket.batch not in step.lost:
            step.later.append((then.batch, then.not_before))
    if reached:
        _reached(books, reached)
        crowds.recover(books.database, books.crowd)


def _end(books: Books, end: End) -> Ticket | None:
    ticket, outcome = books.current(end.ticket), end.outcome
    if ticket is None:  # a person has settled it
        return None
    if end.look is not None:
        then = looked(ticket, end.look, books.terms, books.now)
        if then.mark is Mark.RETRYING:  # it surely was not sent
            books.pay(ticket.batch, -books.terms.unit_cost)
        if end.look.answered and books.trial:
            books.gate = answered(books.gate, books.now)
    elif outcome is None:
        then = unsent(ticket)
        if ticket.mark is Mark.SENDING:
            books.pay(ticket.batch, -books.terms.unit_cost)
    else:
        then = attempted(ticket, outcome, books.terms, books.now)
        books.observe(outcome)
        _judge(books, outcome)
    if then.mark is Mark.REACHED:
        books.arrives(ticket, then)
        return then
    books.put(ticket, then)
    if outcome is not None:
        if outcome.verdict in MONEY_BACK:
            books.pay(ticket.batch, -books.terms.unit_cost)
        books.suppress(outcome, address=ticket.address)
        _failed(books, outcome, spent=then.spent)
    return then


def _judge(books: Books, outcome: Outcome) -> None:
    """What an attempt says about the channel; that all is well is no news for a gate that is open."""
    gate, visit = books.gate, books.visit
    if outcome.verdict in ARRIVED and gate.opened_at is None and not gate.failures:
        return
    if outcome.verdict is Verdict.THROTTLED and outcome.scope is Scope.CHANNEL and outcome.retry_after_s is None:
        outcome = dataclasses.replace(outcome, retry_after_s=THROTTLED_PAUSE_S)
    books.gate = after(
        gate,
        outcome,
        trial=books.trial,
        now=books.now,
        breaker=visit.breaker,
        credentials=visit.credentials,
    )


def _failed(books: Books, outcome: Outcome, *, spent: Spent) -> None:
    """What a failure means for the channel's part of the broadcast; one of a single recipient is only remembered."""
    if outcome.scope is Scope.RECIPIENT:
        failing_at = books.now if spent is Spent.UNAVAILABLE else None
        books.queries.fail_crowd(
            books.connection, id=books.crowd["id"], failing_at=failing_at, failed_at=books.now, last=None
        )
        return
    closed = outcome.scope is Scope.CONTENT or outcome.verdict is Verdict.REFUSED
    if closed and not _of_everybody(books):
        books.queries.fail_crowd(
            books.connection, id=books.crowd["id"], failing_at=None, failed_at=books.now, last=to_json(outcome)
        )
        return
    if closed or outcome.verdict is Verdict.UNAUTHORIZED or outcome.reason is Reason.MISCONFIGURED:
        crowds.spend(books.database, books.visit.plan, books.crowd, outcome, books.now, closed=closed)
        return
    books.queries.fail_crowd(
        books.connection,
        id=books.crowd["id"],
        failing_at=books.now if unavailable(outcome) else None,
        failed_at=books.now,
        last=to_json(outcome),
    )


def _of_everybody(books: Books) -> bool:
    """Whether a refusal that seems to be of the words, or of us, can be believed: it may be one recipient's filter."""
    books.refusals += 1
    counted = books.queries.reached_and_missed(books.connection, crowd=books.crowd["id"])
    return not (counted["reached"] or books.arrived) and counted["missed"] + books.refusals >= REFUSALS


def _late(books: Books, end: End) -> Ticket | None:
    """A worker that lost its claim may still say that its own attempt arrived, and nothing else."""
    if end.outcome is None or end.outcome.verdict not in ARRIVED:
        return None
    row = books.queries.mark_of(books.connection, id=end.ticket.id)
    if row is None or row["attempts"] != end.ticket.attempts or row["mark"] not in {Mark.SENDING, Mark.UNSURE}:
        return None
    books.known(row)
    before = replace(end.ticket, mark=Mark(row["mark"]), spent=Spent(row["spent"]))
    then = attempted(before, end.outcome, books.terms, books.now)
    books.arrives(before, then)
    return then


def _reached(books: Books, reached: Mapping[int, Ticket]) -> None:
    """Counts contacts reached for the first time, and lets go of what nobody needs any more."""
    ids = json.dumps(list(reached))
    queries, connection = books.queries, books.connection
    before: set[int] = set()
    if rivals := books.rivals():
        bits = sum(row["bit"] for row in rivals)
        before = {row["id"] for row in queries.reached_before(connection, ids=ids, rivals=bits)}
        crowd_ids = json.dumps([row["id"] for row in rivals])
        for row in list(queries.open_among(connection, recipients=ids, crowds=crowd_ids)):
            books.supersede(row)
    if books.visit.rivals:
        queries.mark_reached(connection, ids=ids, bit=books.crowd["bit"])
    for recipient, ticket in reached.items():
        if recipient not in before:
            books.count(ticket.batch, "first", 1)
    if books.visit.lone and not books.terms.receipts:
        queries.forget_persons(connection, ids=ids)


def receive(books: Books, outcomes: Mapping[str, Outcome]) -> int:
    """Notes receipts of accepted deliveries: they arrived, or they did not and are handed on; gives how many."""
    queries, connection = books.queries, books.connection
    rows = list(queries.by_remotes(connection, remotes=json.dumps(list(outcomes)), crowd=books.crowd["id"]))
    arrived = [row for row in rows if outcomes[row["remote"]].verdict in ARRIVED]
    for row in arrived:
        books.count(row["batch"], "confirmed", 1)
    queries.confirm_rows(connection, ids=json.dumps([row["id"] for row in arrived]))
    if books.visit.lone:
        queries.forget_persons(connection, ids=json.dumps([row["recipient"] for row in arrived]))
    for row in rows:
        outcome = outcomes[row["remote"]]
        if outcome.verdict is Verdict.INVISIBLE:
            _undelivered(books, row, outcome)
    return len(rows)


def _undelivered(books: Books, row: Any, outcome: Outcome) -> None:
    queries, connection, batch = books.queries, books.connection, row["batch"]
    elsewhere = row["reached"] & sum(rival["bit"] for rival in books.rivals())
    queries.miss_row(connection, id=row["id"], reason=outcome.reason.value or Reason.UNDELIVERED.value)
    queries.unmark_reached(connection, id=row["recipient"], bit=books.crowd["bit"])
    for name, by in (("reached", -1), ("missed", 1), ("unrouted", 1), ("first", 0 if elsewhere else -1)):
        books.count(batch, name, by)
    queries.fail_crowd(connection, id=books.crowd["id"], failing_at=None, failed_at=books.now, last=None)
    shown = msgspec.json.decode(row["masked"]).get(books.terms.medium, "***")
    books.suppress(outcome, known=row["address"], shown=shown)
