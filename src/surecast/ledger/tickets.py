"""The ledger's transactions over deliveries to contacts: hand them out, record ends, commit to the next ones.

Ends and beginnings go together, many in one transaction. A beginning is committed before its attempt touches the
network, and everything that forbids an attempt is looked at in the same transaction.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from surecast.channel import Terms
from surecast.contact import masked
from surecast.crowd import Mark, Spent, unavailable
from surecast.direct import Ticket, attempted, began, looked, to_do
from surecast.history import Plan
from surecast.ledger import crowds, gates
from surecast.ledger.batches import Claim
from surecast.ledger.codec import to_json
from surecast.ledger.database import Database
from surecast.ledger.keyed import hasher
from surecast.message import Urgency
from surecast.outcome import Look, Outcome, Reason, Scope, Verdict
from surecast.policy import Breaker, Passage, after, answered, knock, paced

_MARKS = {mark: mark.name.lower() for mark in Mark}
_MONEY_BACK = frozenset(
    {Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNAUTHORIZED, Verdict.REFUSED, Verdict.SKIPPED}
)
_NOTHING = dict.fromkeys((*_MARKS.values(), "confirmed", "first", "late", "unrouted", "cost"), 0)


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
    """How an attempt, or a look-up, ended."""

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
    """

    gone: list[Ticket] = field(default_factory=list)
    put_back: list[Ticket] = field(default_factory=list)
    stopped: bool = False
    shut_until: float | None = None
    next_at: float | None = None
    lost: set[int] = field(default_factory=set)
    later: list[tuple[int, float]] = field(default_factory=list)


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
        tickets = [_ticket(row, claimed, plan, medium) for row in queries.tickets_of(connection, batch=claimed.batch)]
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
        row = database.connection.execute("select payload from crowd where id = ?", (crowd,)).fetchone()
        return bytes(row["payload"])


# One step --------------------------------------------------------------------------------------------------------


def step(
    database: Database,
    visit: Visit,
    lots: Mapping[int, Lot],
    *,
    ends: Sequence[End],
    wants: Sequence[Ticket] = (),
    held: Sequence[Ticket] = (),
    now: float,
) -> Step:
    """Records ends, and commits to as many of `wants` as may begin now.

    Args:
        lots: the claimed batches, by id.
        wants: deliveries that are due, in order; those in doubt among them are looked up.
        held: deliveries that quiet hours put off, with the moment in their `not_before`.
    """
    durable = bool(wants) and visit.terms.resend == "never"
    with database.transaction(durable=durable):
        return _Transaction(database, visit, lots, now).run(ends, wants, held)


class _Transaction:
    """What one step gathers until it writes it."""

    def __init__(self, database: Database, visit: Visit, lots: Mapping[int, Lot], now: float) -> None:
        self._database = database
        self._queries, self._connection = database.queries, database.connection
        self._visit, self._lots, self._now = visit, lots, now
        self._terms = visit.terms
        self._crowd = self._queries.crowd_of(self._connection, broadcast=visit.plan.id, channel=visit.channel)
        self._before = self._gate = gates.read(database, visit.channel)
        self._rows: dict[int, Ticket] = {}
        self._tallies: dict[int, Counter[str]] = {}
        self._turn_ends: dict[int, float] = {}
        self._spent_money = 0.0

    def run(self, ends: Sequence[End], wants: Sequence[Ticket], held: Sequence[Ticket]) -> Step:
        step = Step(lost={batch for batch in self._lots if self._lease(batch) is None})
        for end in ends:
            if end.ticket.batch in step.lost:
                self._end_late(end)
            else:
                then = self._end(end)
                if to_do(then, self._terms):
                    step.later.append((then.batch, then.not_before))
        self._reached(ends)
        for ticket in held:
            self._put(ticket, replace(ticket, mark=Mark.HELD))
            step.later.append((ticket.batch, ticket.not_before))
        self._begin(step, [ticket for ticket in wants if ticket.batch not in step.lost])
        self._write()
        return step

    def _lease(self, batch: int) -> Any:
        claim = self._lots[batch].claim
        lease = self._queries.batch_lease(self._connection, id=batch, epoch=claim.epoch)
        needed = self._now + self._terms.timeout_s
        if lease is not None and lease["lease_until"] < needed:
            self._queries.beat_batch(
                self._connection, id=batch, epoch=claim.epoch, owner=claim.owner, until=needed + crowds.GRACE_S
            )
        return lease

    # Ends

    def _end(self, end: End) -> Ticket:
        ticket, outcome = end.ticket, end.outcome
        if outcome is None:
            assert end.look is not None
            then = looked(ticket, end.look, self._terms, self._now)
            self._put(ticket, then)
            if end.look.answered and self._trial:
                self._gate = answered(self._gate, self._now)
            return then
        then = attempted(ticket, outcome, self._terms, self._now)
        self._put(ticket, then)
        if outcome.verdict is not Verdict.ACCEPTED or self._gate.opened_at is not None or self._gate.failures:
            self._gate = after(
                self._gate,
                outcome,
                trial=self._trial,
                now=self._now,
                breaker=self._visit.breaker,
                credentials=self._visit.credentials,
            )
        if outcome.verdict not in {Verdict.ACCEPTED, Verdict.CONFIRMED}:
            if outcome.verdict in _MONEY_BACK:
                self._pay(ticket.batch, -self._terms.unit_cost)
            self._failed(ticket, outcome)
        return then

    @property
    def _trial(self) -> bool:
        return self._gate.trial_owner == self._visit.visitor

    def _failed(self, ticket: Ticket, outcome: Outcome) -> None:
        self._suppress(ticket, outcome)
        if outcome.scope is Scope.RECIPIENT:
            return
        closed = outcome.scope is Scope.CONTENT or outcome.verdict is Verdict.REFUSED
        whole = closed or outcome.verdict is Verdict.UNAUTHORIZED or outcome.reason is Reason.MISCONFIGURED
        if whole:
            crowds.spend(self._database, self._visit.plan, self._crowd, outcome, self._now, closed=closed)
            return
        self._queries.fail_crowd(
            self._connection,
            id=self._crowd["id"],
            failing_at=self._now if unavailable(outcome) else None,
            failed_at=self._now,
            last=to_json(outcome),
        )

    def _suppress(self, ticket: Ticket, outcome: Outcome) -> None:
        if outcome.scope is not Scope.RECIPIENT or outcome.reason not in {Reason.OPTED_OUT, Reason.NO_SUCH_ADDRESS}:
            return
        medium = self._terms.medium
        assert medium is not None
        self._queries.add_suppression(
            self._connection,
            address=hasher(self._database)(medium, ticket.address),
            medium=medium.value,
            masked=masked(ticket.address),
            person=int(outcome.reason is Reason.OPTED_OUT),
            why=f"{self._terms.platform}: {outcome.reason.value}",
            at=self._now,
        )

    def _end_late(self, end: End) -> None:
        """A worker that lost its claim may still say that its own attempt arrived, and nothing else."""
        if end.outcome is None or end.outcome.verdict is not Verdict.ACCEPTED:
            return
        row = self._queries.mark_of(self._connection, id=end.ticket.id)
        if row is None or row["attempts"] != end.ticket.attempts or row["mark"] not in {Mark.SENDING, Mark.UNSURE}:
            return
        then = replace(end.ticket, mark=Mark(row["mark"]))
        self._put(then, attempted(then, end.outcome, self._terms, self._now))

    def _reached(self, ends: Sequence[End]) -> None:
        """Counts contacts reached for the first time, and lets go of the addresses that nobody needs any more."""
        reached = {
            end.ticket.recipient: end.ticket
            for end in ends
            if (row := self._rows.get(end.ticket.id)) is not None and row.mark is Mark.REACHED
        }
        if not reached:
            return
        ids = json.dumps(list(reached))
        before: set[int] = set()
        if self._visit.rivals:
            before = {
                row["id"] for row in self._queries.reached_before(self._connection, ids=ids, rivals=self._rival_bits())
            }
            self._queries.mark_reached(self._connection, ids=ids, bit=self._crowd["bit"])
            self._let_go(ids)
        for recipient, ticket in reached.items():
            self._count(ticket.batch, "first", int(recipient not in before))
        if self._visit.lone and not self._terms.receipts:
            self._queries.forget_persons(self._connection, ids=ids)

    def _let_go(self, reached: str) -> None:
        """Contacts who were reached need no other alternative any more."""
        rivals = [row["id"] for row in self._rival_crowds()]
        for row in list(self._queries.open_among(self._connection, recipients=reached, crowds=json.dumps(rivals))):
            self._queries.supersede_row(self._connection, id=row["id"])
            self._count(row["batch"], _MARKS[Mark(row["mark"])], -1)
            self._count(row["batch"], "skipped", 1)
            self._count(row["batch"], "late", -int(bool(row["spent"]) and row["mark"] == Mark.RETRYING))

    def _rival_crowds(self) -> list[Any]:
        rows = self._queries.crowds_of(self._connection, broadcast=self._visit.plan.id)
        return [row for row in rows if row["channel"] in self._visit.rivals]

    def _rival_bits(self) -> int:
        return sum(row["bit"] for row in self._rival_crowds())

    def receive(self, rows: Sequence[Any], outcomes: Mapping[str, Outcome]) -> None:
        """Receipts of accepted deliveries: they arrived, or they did not and are handed on."""
        arrived: list[Any] = []
        for row in rows:
            outcome = outcomes[row["remote"]]
            if outcome.verdict is Verdict.CONFIRMED:
                arrived.append(row)
                self._count(row["batch"], "confirmed", 1)
            elif outcome.verdict is Verdict.INVISIBLE:
                self._undelivered(row, outcome)
        ids = json.dumps([row["id"] for row in arrived])
        self._queries.confirm_rows(self._connection, ids=ids)
        if self._visit.lone:
            people = json.dumps([row["recipient"] for row in arrived])
            self._queries.forget_persons(self._connection, ids=people)
        self._write()

    def _undelivered(self, row: Any, outcome: Outcome) -> None:
        batch, rivals = row["batch"], self._rival_bits()
        self._queries.miss_row(self._connection, id=row["id"], reason=outcome.reason.value or "undelivered")
        self._queries.unmark_reached(self._connection, id=row["recipient"], bit=self._crowd["bit"])
        for name, by in (("reached", -1), ("missed", 1), ("unrouted", 1)):
            self._count(batch, name, by)
        self._count(batch, "first", 0 if row["reached"] & rivals else -1)
        if outcome.reason in {Reason.OPTED_OUT, Reason.NO_SUCH_ADDRESS}:
            medium = self._terms.medium
            assert medium is not None
            self._queries.add_suppression(
                self._connection,
                address=row["address"],
                medium=medium.value,
                masked=msgspec.json.decode(row["masked"]).get(medium, "***"),
                person=int(outcome.reason is Reason.OPTED_OUT),
                why=f"{self._terms.platform}: {outcome.reason.value}",
                at=self._now,
            )

    @property
    def crowd(self) -> int:
        """The row of the channel's part of the broadcast."""
        return int(self._crowd["id"])

    # Beginnings

    def _begin(self, step: Step, wants: list[Ticket]) -> None:
        plan = self._visit.plan
        cancelled = self._queries.cancelled_at(self._connection, id=plan.id)
        looks = [ticket for ticket in wants if ticket.mark is Mark.UNSURE and self._terms.resend != "same_key"]
        sends = [ticket for ticket in wants if ticket not in looks] if looks else wants
        over = self._crowd_now("stopped") or self._crowd_now("closed") or self._now >= plan.expires_at
        if over or cancelled is None or cancelled["cancelled_at"] is not None:
            step.stopped = True
            sends = []
        allowed = self._knock(step, looks, sends)
        looks = [ticket for ticket in looks if allowed]
        sends = self._check(sends if allowed else [])
        sends = self._afford(sends)
        self._go(step, looks, sends, allowed)

    def _crowd_now(self, name: str) -> Any:
        row = self._queries.crowd_of(self._connection, broadcast=self._visit.plan.id, channel=self._visit.channel)
        return row[name]

    def _knock(self, step: Step, looks: Sequence[Ticket], sends: list[Ticket]) -> int:
        """How many may go, as far as the channel's gate is concerned; one when it is a trial."""
        if not (looks or sends):
            return 0
        passage, gate = knock(
            self._gate,
            owner=self._visit.visitor,
            now=self._now,
            trial_s=self._terms.timeout_s + crowds.GRACE_S,
            credentials=self._visit.credentials,
            ordered=self._visit.ordered,
            retry=False,
        )
        if not passage.go:
            step.shut_until = passage.not_before
            if not passage.on_trial:
                skipped = Outcome(verdict=Verdict.SKIPPED, reason=_why_shut(passage), detail="")
                if not passage.throttled:
                    crowds.spend(self._database, self._visit.plan, self._crowd, skipped, self._now)
            return 0
        if passage.trial and self._gate.trial_owner == self._visit.visitor and self._gate.trial_until > self._now:
            step.shut_until = self._gate.trial_until  # ours is on its way
            return 0
        self._gate = gate
        return 1 if passage.trial else len(looks) + len(sends)

    def _check(self, sends: list[Ticket]) -> list[Ticket]:
        """Those who may be written to: neither suppressed, nor too often, nor reached by another alternative."""
        if not sends:
            return sends
        plan = self._visit.plan
        bound = plan.per_contact if plan.urgency is not Urgency.EMERGENCY else None
        rivals = [
            row["id"]
            for row in self._queries.crowds_of(self._connection, broadcast=plan.id)
            if row["channel"] in self._visit.rivals
        ]
        found = {
            row["id"]: row
            for row in self._queries.before_sending(
                self._connection,
                ids=json.dumps([ticket.id for ticket in sends]),
                since=None if bound is None else self._now - bound.span_s,
                rivals=json.dumps(rivals),
                settled=json.dumps(crowds.SETTLED_OR_UNSURE),
            )
        }
        good = []
        for ticket in sends:
            row = found[ticket.id]
            if row["suppressed"]:
                self._put(ticket, replace(ticket, mark=Mark.SUPPRESSED, reason=Reason.SUPPRESSED.value))
            elif row["elsewhere"]:
                self._put(ticket, replace(ticket, mark=Mark.SKIPPED, reason=Reason.SUPERSEDED.value))
            elif bound is not None and row["had"] >= bound.count:
                self._put(
                    ticket, replace(ticket, mark=Mark.SKIPPED, spent=Spent.REFUSED, reason=Reason.TOO_OFTEN.value)
                )
            else:
                good.append(ticket)
        return good

    def _afford(self, sends: list[Ticket]) -> list[Ticket]:
        if not self._terms.costly or not sends:
            return sends
        name, plan = self._visit.channel, self._visit.plan
        total = self._queries.spent_on_broadcast(self._connection, channel=name, broadcast=plan.id)["amount"]
        today = self._queries.spent_on_day(self._connection, channel=name, day=self._day())["amount"]
        left = min(self._terms.max_cost - total, self._terms.max_cost_per_day - today) - self._spent_money
        affordable = len(sends) if not self._terms.unit_cost else int(left / self._terms.unit_cost + 1e-9)
        for ticket in sends[max(0, affordable) :]:
            self._put(ticket, replace(ticket, mark=Mark.SKIPPED, spent=Spent.REFUSED, reason=Reason.OVER_THE_CAP.value))
        return sends[: max(0, affordable)]

    def _go(self, step: Step, looks: Sequence[Ticket], sends: list[Ticket], allowed: int) -> None:
        goes, next_at, self._gate = paced(
            self._gate, self._terms.rate, wanted=min(len(sends), max(0, allowed - len(looks))), now=self._now
        )
        step.next_at = next_at if goes < len(sends) and next_at > self._now else None
        for ticket in looks[:allowed]:
            step.gone.append(ticket)
        for ticket in sends[:goes]:
            begun = began(ticket, self._now)
            self._put(ticket, begun)
            self._pay(ticket.batch, self._terms.unit_cost)
            step.gone.append(begun)
        step.put_back = [*looks[allowed:], *sends[goes:]]
        if step.gone and self._crowd["began_at"] is None:
            self._queries.begin_crowd(self._connection, id=self._crowd["id"], now=self._now)

    # Writing

    def _put(self, before: Ticket, then: Ticket) -> None:
        """Notes a change of a delivery, and what it means for the batch's numbers."""
        self._rows[then.id] = then
        if before.mark is not then.mark:
            self._count(then.batch, _MARKS[before.mark], -1)
            self._count(then.batch, _MARKS[then.mark], 1)
        late = int(_late(then)) - int(_late(before))
        unrouted = int(bool(then.spent) and not before.spent)
        if late:
            self._count(then.batch, "late", late)
        if unrouted:
            self._count(then.batch, "unrouted", 1)
        ends = then.turn_ends_at(self._terms)
        if ends is not None:
            self._turn_ends[then.batch] = min(ends, self._turn_ends.get(then.batch, ends))

    def _count(self, batch: int, name: str, by: int) -> None:
        self._tallies.setdefault(batch, Counter())[name] += by

    def _pay(self, batch: int, amount: float) -> None:
        if self._terms.costly and amount:
            self._spent_money += amount
            tally = self._tallies.setdefault(batch, Counter())
            tally["cost"] += amount  # type: ignore[assignment]

    def _write(self) -> None:
        if self._rows:
            self._queries.put_tickets(self._connection, [_row(ticket) for ticket in self._rows.values()])
        for batch, changes in self._tallies.items():
            self._queries.change_tally(
                self._connection, **{**_NOTHING, **changes}, turn_ends_at=self._turn_ends.get(batch), batch=batch
            )
        if self._spent_money:
            self._queries.add_spending(
                self._connection,
                channel=self._visit.channel,
                day=self._day(),
                broadcast=self._visit.plan.id,
                amount=self._spent_money,
            )
        if self._gate != self._before:
            gates.put(self._database, self._gate)
            if self._before.opened_at is not None and self._gate.opened_at is None:
                self._queries.wake_channel(self._connection, channel=self._visit.channel, now=self._now)

    def _day(self) -> str:
        return datetime.fromtimestamp(self._now, UTC).date().isoformat()


def _late(ticket: Ticket) -> bool:
    return bool(ticket.spent) and ticket.mark in {Mark.SENDING, Mark.RETRYING}


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


def _why_shut(passage: Passage) -> Reason:
    if passage.isolated:
        return Reason.ISOLATED
    return Reason.BREAKER_OPEN


# The channel as a whole, and receipts ----------------------------------------------------------------------------


def fail(database: Database, visit: Visit, outcome: Outcome, *, now: float) -> None:
    """Records that the channel could not even begin: no adapter, nothing prepared."""
    with database.transaction() as queries:
        before = gates.read(database, visit.channel)
        trial = before.trial_owner == visit.visitor
        gate = after(before, outcome, trial=trial, now=now, breaker=visit.breaker, credentials=visit.credentials)
        if gate != before:
            gates.put(database, gate)
        crowd = queries.crowd_of(database.connection, broadcast=visit.plan.id, channel=visit.channel)
        closed = outcome.scope is Scope.CONTENT or outcome.verdict is Verdict.REFUSED
        crowds.spend(database, visit.plan, crowd, outcome, now, closed=closed)


def receive(database: Database, visit: Visit, page: Sequence[tuple[str, Outcome]], *, now: float) -> int:
    """Records receipts; gives how many belonged to deliveries that waited for one."""
    outcomes = dict(page)
    with database.transaction() as queries:
        transaction = _Transaction(database, visit, {}, now)
        rows = list(
            queries.by_remotes(database.connection, remotes=json.dumps(list(outcomes)), crowd=transaction.crowd)
        )
        transaction.receive(rows, outcomes)
        return len(rows)
