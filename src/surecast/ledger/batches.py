"""The ledger's transactions over batches: claim, record intent, record the end.

What schedules or settles carries the epoch of its claim. A worker that lost its claim may still say how its own
attempt ended, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from surecast.crowd import Crowd, Roll
from surecast.errors import LedgerError
from surecast.history import Action, Fact, Kind, Plan
from surecast.ledger import crowds, incidents
from surecast.ledger.codec import fact_of, fact_row, plan_of
from surecast.ledger.database import Database
from surecast.ledger.gates import change, read
from surecast.ledger.owner import LEASE_S
from surecast.ledger.signals import note, told_by
from surecast.outcome import PASSES_BY_ITSELF, RULES, Outcome, Reason, Verdict
from surecast.policy import Breaker, Passage, after, answered
from surecast.signals import Source


class ClaimLostError(LedgerError):
    """Another worker holds the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on a batch, until its lease ends or another epoch begins."""

    batch: int
    broadcast: str
    channel: str
    epoch: int
    owner: str
    number: int = 0

    @property
    def visitor(self) -> str:
        """Who knocks at the channel's gate."""
        return f"{self.owner}/{self.batch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One part of a post on its way to one channel."""

    id: int
    part: int
    key: str
    payload: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A batch as the host sees it."""

    id: int
    channel: str
    number: int
    wake_at: float | None
    owner: str | None
    lease_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Everything that a worker needs to know of its batch."""

    plan: Plan
    facts: tuple[Fact, ...]
    cancelled_at: float | None
    deliveries: tuple[Delivery, ...]
    crowds: Mapping[str, Crowd] = field(default_factory=dict)
    rolls: Mapping[str, Roll] = field(default_factory=dict)
    superseded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended, and what follows for its gate.

    Attributes:
        fact: the end.
        judges: its outcome says something about the channel, for the breaker.
        seen_by_s: see `policy.after`.
        answered: it was a look-up, and the platform answered.
        credentials: fingerprint of the secret it used.
        payload: what was prepared in it, for the next attempt.
        slow: it took longer than it should.
        pause_s: between two posts that come again when this one finds the channel back.
    """

    fact: Fact
    judges: Outcome | None = None
    slow: bool = False
    pause_s: float = 0.0
    seen_by_s: float | None = None
    answered: bool = False
    credentials: str = ""
    payload: bytes | None = None


#: Of a direct channel there may be thousands of batches; so many of each channel are looked at at once.
MOST_LISTED = 4


def listed(database: Database, broadcast: str) -> tuple[Listed, ...]:
    """The batches of a broadcast that somebody holds, and of each channel the few that are due first."""
    with database.reading() as queries:
        connection = database.connection
        rows = [
            *queries.held_batches(connection, broadcast=broadcast),
            *queries.first_batches(connection, broadcast=broadcast),
        ]
        for crowd in list(queries.crowds_of(connection, broadcast=broadcast)):
            rows += queries.ready_batches(connection, broadcast=broadcast, channel=crowd["channel"], most=MOST_LISTED)
        return tuple(Listed(**dict(row)) for row in rows)


def claim(database: Database, batch: int, owner: str, now: float, dead: Callable[[str], bool]) -> Claim | None:
    """The right to work on a batch, or None while another worker holds it.

    Attempts that an earlier holder began and never ended are ended here as crashed: whether they were delivered is
    not known, and from now on that is a fact.
    """
    with database.transaction() as queries:
        held = queries.batch_owner(database.connection, id=batch)
        gone = held["owner"] if held and held["owner"] and held["owner"] != owner and dead(held["owner"]) else None
        row = queries.claim_batch(database.connection, id=batch, owner=owner, until=now + LEASE_S, now=now, dead=gone)
        if row is None:
            return None
        claimed = Claim(
            batch=batch,
            broadcast=row["broadcast"],
            channel=row["channel"],
            epoch=row["epoch"],
            owner=owner,
            number=row["number"],
        )
        for orphan in _orphans(database, claimed):
            queries.add_fact(database.connection, **fact_row(claimed.broadcast, _crashed(orphan, now)))
        return claimed


def _orphans(database: Database, claimed: Claim) -> list[Fact]:
    begun: dict[tuple[Action | None, int], Fact] = {}
    for row in database.queries.facts_of(database.connection, broadcast=claimed.broadcast):
        if row["channel"] != claimed.channel:
            continue
        fact = fact_of(row)
        if fact.kind is Kind.BEGAN:
            begun[fact.action, fact.attempt] = fact
        elif fact.kind is Kind.ENDED:
            begun.pop((fact.action, fact.attempt), None)
    return list(begun.values())


def _crashed(began: Fact, now: float) -> Fact:
    """The end of an attempt whose process died: unknown if it may have been sent, nothing if it cannot have been."""
    verdict = Verdict.UNCERTAIN if began.action in {Action.PUBLISH, Action.RETRACT} else Verdict.UNAVAILABLE
    detail = "the sending process ended in the middle of it"
    return Fact(
        seq=0,
        channel=began.channel,
        kind=Kind.ENDED,
        at=now,
        action=began.action,
        attempt=began.attempt,
        outcome=Outcome(verdict=verdict, reason=Reason.CRASHED, detail=detail),
    )


def beat(database: Database, claimed: Claim, now: float) -> bool:
    """Extends the lease; False when the claim was lost."""
    with database.transaction() as queries:
        return bool(
            queries.beat_batch(
                database.connection,
                id=claimed.batch,
                epoch=claimed.epoch,
                owner=claimed.owner,
                until=now + LEASE_S,
            )
        )


def release(database: Database, claimed: Claim, wake_at: float | None, now: float) -> None:
    """Ends the claim; the batch is due again at `wake_at`, and the conductor looks at what happened by `now`."""
    with database.transaction() as queries:
        if queries.release_batch(database.connection, id=claimed.batch, epoch=claimed.epoch, wake_at=wake_at):
            queries.wake_broadcast_by(database.connection, id=claimed.broadcast, at=now)


def work(database: Database, claimed: Claim) -> Work:
    """What the worker needs to know now."""
    with database.reading() as queries:
        row = queries.broadcast_by_id(database.connection, id=claimed.broadcast)
        facts = tuple(map(fact_of, queries.facts_of(database.connection, broadcast=claimed.broadcast)))
        rows = queries.deliveries_of(database.connection, batch=claimed.batch)
        deliveries = tuple(
            Delivery(id=found["id"], part=found["part"], key=found["key"], payload=found["payload"]) for found in rows
        )
        plan = plan_of(row["plan"])
        some, read_rolls = crowds.of_broadcast(database, plan)
        superseded = incidents.superseded_on(database, plan)
    return Work(
        plan=plan,
        facts=facts,
        cancelled_at=row["cancelled_at"],
        deliveries=deliveries,
        crowds=some,
        rolls=read_rolls,
        superseded=superseded,
    )


def claimed_remotes(database: Database, claimed: Claim) -> frozenset[str]:
    """Posts on the channel that belong to other deliveries."""
    with database.reading() as queries:
        rows = queries.claimed_remotes(database.connection, channel=claimed.channel, broadcast=claimed.broadcast)
        return frozenset(row["remote"] for row in rows)


def begin(
    database: Database,
    claimed: Claim,
    delivery: Delivery,
    facts: tuple[Fact, ...],
    *,
    payload: bytes | None,
    needs_until: float,
    durable: bool,
) -> bool:
    """Records that an action begins, with the exact payload of a publish; False when a person cancelled meanwhile.

    This is the last look before the network, in the transaction that commits to it. When it was cancelled, only
    what ended before is recorded.

    Args:
        facts: the beginning, last; before it the end of the step that it follows.
        needs_until: the attempt's time-out; the lease is made to outlive it.
        durable: not even a power cut may undo the intent.

    Raises:
        ClaimLostError: another worker has the batch by now.
    """
    with database.transaction(durable=durable) as queries:
        connection = database.connection
        lease = queries.batch_lease(connection, id=claimed.batch, epoch=claimed.epoch)
        if lease is None:
            raise ClaimLostError("Another process took this delivery over; it goes on there.")
        if lease["lease_until"] < needs_until:
            queries.beat_batch(
                connection, id=claimed.batch, epoch=claimed.epoch, owner=claimed.owner, until=needs_until
            )
        goes = not (facts[-1].action is Action.PUBLISH and _cancelled(database, claimed))
        if goes and payload is not None and payload != delivery.payload:
            queries.keep_payload(connection, id=delivery.id, payload=payload)
        for fact in facts if goes else facts[:-1]:
            queries.add_fact(connection, **fact_row(claimed.broadcast, fact, owner=claimed.owner, epoch=claimed.epoch))
        return goes


def _cancelled(database: Database, claimed: Claim) -> bool:
    queries, connection = database.queries, database.connection
    whole = queries.cancelled_at(connection, id=claimed.broadcast)
    one = queries.cancel_of(connection, broadcast=claimed.broadcast, channel=claimed.channel)
    return (whole is not None and whole["cancelled_at"] is not None) or one is not None


def end(
    database: Database, claimed: Claim, delivery: Delivery, ending: Ending, *, breaker: Breaker, now: float
) -> None:
    """Records how an action ended and what it means for the channel's gate; wakes the conductor.

    A worker that lost its claim only appends the end of its own attempt, with the receipt.
    """
    with database.transaction() as queries:
        connection = database.connection
        queries.add_fact(
            connection, **fact_row(claimed.broadcast, ending.fact, owner=claimed.owner, epoch=claimed.epoch)
        )
        receipt = (ending.fact.outcome and ending.fact.outcome.receipt) or (
            ending.fact.look and ending.fact.look.receipt
        )
        if receipt:
            queries.keep_remote(
                connection,
                broadcast=claimed.broadcast,
                channel=claimed.channel,
                part=delivery.part,
                remote=receipt.id,
            )
        if queries.batch_lease(connection, id=claimed.batch, epoch=claimed.epoch) is None:
            return
        if ending.payload is not None:
            queries.keep_payload(connection, id=delivery.id, payload=ending.payload)
        _judge(database, claimed, ending, breaker, now)
        if ending.fact.outcome is not None and _closes(ending.fact.outcome):
            incidents.give_back(database, claimed.broadcast, claimed.channel, now)
        queries.wake_broadcast(connection, id=claimed.broadcast, now=now)


def _closes(outcome: Outcome) -> bool:
    """Whether the channel will not take this post, now or later."""
    if outcome.verdict is Verdict.SKIPPED:
        return outcome.reason not in PASSES_BY_ITSELF
    return outcome.verdict is Verdict.REFUSED


def _judge(database: Database, claimed: Claim, ending: Ending, breaker: Breaker, now: float) -> None:
    before = read(database, claimed.channel)
    trial = before.trial_owner == claimed.visitor
    gate, why = before, ""
    if ending.judges is not None:
        gate = after(
            before,
            ending.judges,
            trial=trial,
            now=now,
            breaker=breaker,
            credentials=ending.credentials,
            seen_by_s=ending.seen_by_s,
        )
        why = ending.judges.detail
        source = Source.READ_BACK if ending.fact.action is Action.CONFIRM else Source.WRITE
        signal = told_by(ending.judges, source)
        if signal is not None:
            note(database, claimed.channel, replace(signal, slow=int(ending.slow)), now)
        if RULES[ending.judges.verdict].breaker == "heals" and ending.seen_by_s is None:
            database.queries.forget_notes(database.connection, failing=claimed.channel)
    elif trial and ending.answered:
        gate = answered(before, now)
    change(database, before, gate, actor="breaker", now=now, why=why, pause_s=ending.pause_s)


def queue_for_trial(database: Database, claimed: Claim, passage: Passage) -> float:
    """When a delivery that a shut gate turned away comes back: each has a trial of its own, one after the other.

    All would else come back for the same trial, which only one of them gets. The first success wakes all.
    """
    with database.reading() as queries:
        row = queries.last_waiting(
            database.connection, channel=claimed.channel, batch=claimed.batch, since=passage.not_before
        )
    return passage.not_before if row["at"] is None else float(row["at"]) + passage.interval_s
