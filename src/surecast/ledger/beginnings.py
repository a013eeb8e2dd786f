"""What is looked at right before contacts are written to, and the commitment to write to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from operator import or_

from msgspec.structs import replace

from surecast.crowd import Mark, Spent
from surecast.direct import Ticket, began
from surecast.ledger import crowds
from surecast.ledger.books import Books
from surecast.ledger.database import Database
from surecast.ledger.tickets import Step, Visit
from surecast.outcome import Outcome, Reason, Verdict
from surecast.policy import Passage, gradually, knock, paced
from surecast.rate import Rate

#: The one trial of ours that is on its way is looked at again after this.
OWN_TRIAL_S = 0.25
#: Another alternative has a contact on its way, or in doubt; it is looked at again after this.
ELSEWHERE_S = 5.0
#: What the ledger answers before sending: another alternative has settled it; this address only is of no use.
SETTLED, ADDRESS = 2, 1


def begin(books: Books, step: Step, wants: Sequence[Ticket]) -> None:
    """Commits to as many deliveries as may begin now; those in doubt among them are looked up."""
    looks, sends = _sorted(books, wants)
    if _over(books.database, books.visit, books.now):
        step.stopped, sends = True, []
    before = books.gate
    allowed = _knock(books, step, len(looks) + len(sends))
    if not allowed:
        step.put_back = [*looks, *sends]
        return
    sends = _affordable(books, _permitted(books, step, sends))
    looking = looks[:allowed]
    goes, next_at, books.gate = paced(
        books.gate,
        _rate(books),
        wanted=min(len(sends), allowed - len(looking)),
        now=books.now,
    )
    step.next_at = next_at if goes < len(sends) else None
    for ticket in sends[:goes]:
        begun = began(ticket, books.now)
        books.begins(ticket, begun)
        books.pay(ticket.batch, books.terms.unit_cost)
        step.gone.append(begun)
    step.gone += looking
    step.put_back = [*looks[allowed:], *sends[goes:]]
    if not step.gone:  # a trial that nobody made keeps nobody waiting
        books.gate = before
    if step.gone and books.crowd["began_at"] is None:
        books.queries.begin_crowd(books.connection, id=books.crowd["id"], now=books.now)


def _rate(books: Books) -> Rate | None:
    """How fast the channel may go now; a person's order does not wait for its gradual return."""
    return books.terms.rate if books.visit.ordered else gradually(books.terms.rate, books.gate, books.now)


def _sorted(books: Books, wants: Sequence[Ticket]) -> tuple[list[Ticket], list[Ticket]]:
    """Those to look up, and those to send."""
    if books.terms.resend == "same_key":
        return [], list(wants)
    looks = [ticket for ticket in wants if ticket.mark is Mark.UNSURE]
    return looks, [ticket for ticket in wants if ticket.mark is not Mark.UNSURE] if looks else list(wants)


def stopped(database: Database, visit: Visit, now: float) -> bool:
    """Whether nothing more may begin: expired, cancelled, closed, or reached by another alternative."""
    with database.reading():
        return _over(database, visit, now)


def _over(database: Database, visit: Visit, now: float) -> bool:
    queries, connection, plan = database.queries, database.connection, visit.plan
    crowd = queries.crowd_of(connection, broadcast=plan.id, channel=visit.channel)  # as the ends have left it
    cancelled = queries.cancelled_at(connection, id=plan.id)
    gone = cancelled is None or cancelled["cancelled_at"] is not None
    return bool(crowd["stopped"] or crowd["closed"] or gone or now >= plan.expires_at)


def _knock(books: Books, step: Step, wanted: int) -> int:
    """How many the channel's gate lets go: all, one as its trial, or none."""
    if not wanted:
        return 0
    visit = books.visit
    passage, gate = knock(
        books.gate,
        owner=visit.visitor,
        now=books.now,
        trial_s=books.terms.timeout_s + crowds.GRACE_S,
        credentials=visit.credentials,
        ordered=visit.ordered,
        retry=False,
    )
    if not passage.go:
        step.shut_until = passage.not_before
        if not (passage.on_trial or passage.throttled):
            _spend(books, passage)
        return 0
    if passage.trial and books.trial and books.gate.trial_until > books.now:
        step.next_at = min(books.gate.trial_until, books.now + OWN_TRIAL_S)
        return 0
    books.gate = gate
    return 1 if passage.trial else wanted


def _permitted(books: Books, step: Step, sends: list[Ticket]) -> list[Ticket]:
    """Those who may be written to: neither suppressed, nor too often, nor reached by another alternative."""
    if not sends:
        return sends
    queries, connection, bound = books.queries, books.connection, books.visit.plan.per_contact
    since = None if bound is None else books.now - bound.span_s
    others, rivals = [], books.rivals()
    if since is not None:
        others = [row["id"] for row in queries.crowds_since(connection, since=since, id=books.crowd["id"])]
    if not (others or rivals or queries.anybody_suppressed(connection)["anybody"]):
        return sends
    with queries.before_sending_cursor(
        connection,
        ids=json.dumps([ticket.id for ticket in sends]),
        since=since,
        others=json.dumps(others),
        rivals=json.dumps([row["id"] for row in rivals]),
        holding=json.dumps([row["id"] for row in rivals if _holds(books, row["channel"])]),
    ) as cursor:
        found = {row["id"]: row for row in cursor.fetchall()}
    others_can = reduce(or_, (row["bit"] for row in rivals), 0)
    good = []
    for ticket in sends:
        row = found.get(ticket.id)
        if row is None:  # nothing speaks against it
            good.append(ticket)
        elif row["elsewhere"] == SETTLED:
            books.put(ticket, replace(ticket, mark=Mark.SKIPPED, spent=Spent.NO, reason=Reason.SUPERSEDED.value))
        elif row["suppressed"] == ADDRESS and row["able"] & others_can:  # the person may be reached otherwise
            books.put(
                ticket, replace(ticket, mark=Mark.MISSED, spent=Spent.REFUSED, reason=Reason.NO_SUCH_ADDRESS.value)
            )
        elif row["suppressed"]:
            books.put(ticket, replace(ticket, mark=Mark.SUPPRESSED, spent=Spent.NO, reason=Reason.SUPPRESSED.value))
        elif row["elsewhere"]:  # it may be settled there in a moment
            step.later.append((ticket.batch, books.now + ELSEWHERE_S))
        elif bound is not None and row["had"] >= bound.count:
            books.put(ticket, _skipped(ticket, Reason.TOO_OFTEN))
        else:
            good.append(ticket)
    return good


def _affordable(books: Books, sends: list[Ticket]) -> list[Ticket]:
    """As many as the caps pay for; the others are skipped."""
    terms, queries, connection = books.terms, books.queries, books.connection
    if not terms.costly or not terms.unit_cost or not sends:
        return sends
    channel, plan = books.visit.channel, books.visit.plan
    total = queries.spent_on_broadcast(connection, channel=channel, broadcast=plan.id)["amount"]
    today = queries.spent_on_day(connection, channel=channel, day=books.day)["amount"]
    left = min(terms.max_cost - total, terms.max_cost_per_day - max(0.0, today)) - books.money
    affordable = max(0, int(left / terms.unit_cost + 1e-9))
    for ticket in sends[affordable:]:
        books.put(ticket, _skipped(ticket, Reason.OVER_THE_CAP))
    return sends[:affordable]


def _holds(books: Books, channel: str) -> bool:
    """Whether a delivery in doubt there keeps its contact from the others."""
    return books.visit.plan.terms[channel].when_unsure == "hold"


def _skipped(ticket: Ticket, reason: Reason) -> Ticket:
    return replace(ticket, mark=Mark.SKIPPED, spent=Spent.REFUSED, reason=reason.value)


def _spend(books: Books, passage: Passage) -> None:
    """The channel is spent, as its gate is shut; where that is known already, what shut it stays the reason."""
    plan, channel = books.visit.plan, books.visit.channel
    crowd = books.queries.crowd_of(books.connection, broadcast=plan.id, channel=channel)  # as the ends have left it
    if crowd["spent"]:
        return
    reason = Reason.BREAKER_OPEN
    if passage.isolated:
        reason = Reason.ISOLATED
    elif books.gate.reason == Verdict.UNAUTHORIZED:
        reason = Reason.CREDENTIALS
    crowds.spend(books.database, plan, crowd, Outcome(verdict=Verdict.SKIPPED, reason=reason), books.now)
