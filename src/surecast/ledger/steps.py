"""One step of a direct channel: what ended is recorded, and what begins is committed to, in one transaction.

Many deliveries go together. A beginning is committed before its attempt touches the network, and everything that
forbids an attempt is looked at in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from surecast.crowd import Mark
from surecast.direct import Ticket
from surecast.ledger import beginnings, crowds, endings, gates
from surecast.ledger.books import Books
from surecast.ledger.database import Database
from surecast.ledger.tickets import End, Lot, Step, Visit
from surecast.outcome import Outcome, Scope, Verdict
from surecast.policy import after


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
        books, done = Books(database, visit, now), Step()
        done.lost = {batch for batch, lot in lots.items() if not _holds(books, lot)}
        books.compare((*(end.ticket for end in ends), *wants, *held))
        endings.record(books, done, ends)
        for ticket in _ours(books, done, held):
            books.put(ticket, replace(ticket, mark=Mark.HELD))
            done.later.append((ticket.batch, ticket.not_before))
        beginnings.begin(books, done, _ours(books, done, wants))
        books.write()
        done.healed = books.healed
        return done


def _ours(books: Books, done: Step, held: Sequence[Ticket]) -> list[Ticket]:
    """Those of the deliveries that still wait for us, as they are now."""
    still = (books.current(ticket) for ticket in held if ticket.batch not in done.lost)
    return [ticket for ticket in still if ticket is not None]


def _holds(books: Books, lot: Lot) -> bool:
    """Whether the batch is still ours; its lease is made to outlive the attempts that may begin now."""
    claim = lot.claim
    lease = books.queries.batch_lease(books.connection, id=claim.batch, epoch=claim.epoch)
    if lease is None:
        return False
    needed = books.now + books.terms.timeout_s + crowds.GRACE_S
    if lease["lease_until"] < needed:
        until = needed + crowds.GRACE_S  # not to be extended at every step
        books.queries.beat_batch(books.connection, id=claim.batch, epoch=claim.epoch, owner=claim.owner, until=until)
    return True


def receive(database: Database, visit: Visit, page: Sequence[tuple[str, Outcome]], *, now: float) -> int:
    """Records receipts; gives how many belonged to deliveries that waited for one."""
    with database.transaction():
        books = Books(database, visit, now)
        count = endings.receive(books, dict(page))
        books.write()
        return count


def fail(database: Database, visit: Visit, outcome: Outcome, *, now: float) -> None:
    """Records that the channel could not even begin: no adapter, no audience, nothing prepared."""
    with database.transaction() as queries:
        before = gates.read(database, visit.channel)
        trial = before.trial_owner == visit.visitor
        gate = after(before, outcome, trial=trial, now=now, breaker=visit.breaker, credentials=visit.credentials)
        gates.change(database, before, gate, actor="breaker", now=now, why=outcome.detail)
        crowd = queries.crowd_of(database.connection, broadcast=visit.plan.id, channel=visit.channel)
        closed = outcome.scope is Scope.CONTENT or outcome.verdict is Verdict.REFUSED
        crowds.spend(database, visit.plan, crowd, outcome, now, closed=closed)
