"""What an attempt means for the delivery to one contact, and what it does next. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from surecast.channel import Terms
from surecast.crowd import Mark, Spent, spent_by
from surecast.history import Plan
from surecast.outcome import PASSES_BY_ITSELF, Look, Outcome, Reason, Scope, Sighting, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S, turn_is_spent, wait_s
from surecast.route import Together

#: Pauses between look-ups that the platform did not answer, in seconds; the last one repeats.
LOOK_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
#: Look-ups that found nothing, of which the last came late enough, before an attempt in doubt is made again.
LOOKS = 2
#: While this machine has no network, a delivery is tried again after about so many doublings of a second.
NO_NETWORK_WAITS = 5


class Ticket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The delivery to one contact, as a worker holds it; there are many, so it is of the lightest sort.

    Attributes:
        key: names the delivery for ever.
        address, name: of the contact; never shown.
        looks: look-ups since the doubt arose: below zero those that the platform did not answer.
        first_at: when the first attempt began; the contact's turn runs from then.
        ended_at: when the attempt in doubt ended.
        claimed: see `channel.Sending`; known for deliveries in doubt only.
    """

    id: int
    batch: int
    recipient: int
    key: str
    address: str
    name: str = ""
    language: str = ""
    time_zone: str = ""
    mark: Mark = Mark.QUEUED
    spent: Spent = Spent.NO
    attempts: int = 0
    failures: int = 0
    looks: int = 0
    first_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0
    reason: str = ""
    remote: str | None = None
    claimed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Ticket(id={self.id}, batch={self.batch}, mark={self.mark.name}, spent={self.spent.name})"

    def turn_ends_at(self, terms: Terms) -> float | None:
        """When the next alternative may cover this contact; None while no attempt was made, or when it may already."""
        if self.first_at is None or self.spent or self.mark not in {Mark.SENDING, Mark.RETRYING, Mark.UNSURE}:
            return None
        if self.mark is Mark.UNSURE and terms.when_unsure == "hold":
            return None
        return self.first_at + terms.within_s


def began(ticket: Ticket, now: float) -> Ticket:
    """The delivery once an attempt has begun."""
    first_at = now if ticket.first_at is None else ticket.first_at
    return replace(ticket, mark=Mark.SENDING, attempts=ticket.attempts + 1, first_at=first_at)


def unsent(ticket: Ticket) -> Ticket:
    """The delivery whose attempt was committed to and then not made: as if it had never begun."""
    if ticket.mark is Mark.UNSURE:
        return ticket
    first = ticket.attempts <= 1
    return replace(
        ticket,
        mark=Mark.QUEUED if first else Mark.RETRYING,
        attempts=max(0, ticket.attempts - 1),
        first_at=None if first else ticket.first_at,
    )


def attempted(ticket: Ticket, outcome: Outcome, terms: Terms, now: float) -> Ticket:
    """The delivery after an attempt ended."""
    reason = outcome.reason.value or outcome.verdict.value
    match outcome.verdict:
        case Verdict.ACCEPTED | Verdict.CONFIRMED:
            remote = outcome.receipt.id if outcome.receipt else None
            return replace(ticket, mark=Mark.REACHED, spent=Spent.NO, remote=remote, reason="")
        case Verdict.UNCERTAIN:
            unsure = replace(ticket, mark=Mark.UNSURE, ended_at=now, looks=0, reason=reason)
            return _failed(unsure, outcome, terms, now)
        case Verdict.UNAVAILABLE if outcome.reason is Reason.NO_NETWORK:  # its turn begins anew when we are back
            later = now + wait_s(seed=ticket.key, failures=NO_NETWORK_WAITS, asked_s=None)
            return replace(ticket, mark=Mark.RETRYING, reason=reason, first_at=None, not_before=later)
        case Verdict.UNAVAILABLE | Verdict.THROTTLED:
            return _failed(replace(ticket, mark=Mark.RETRYING, reason=reason), outcome, terms, now)
        case Verdict.UNAUTHORIZED if outcome.scope is Scope.CHANNEL:  # the gate is shut until another secret comes
            return replace(ticket, mark=Mark.RETRYING, spent=Spent.REFUSED, reason=reason, not_before=now)
        case Verdict.SKIPPED if outcome.scope is Scope.CHANNEL and outcome.reason in PASSES_BY_ITSELF:
            later = now + MISCONFIGURED_PAUSE_S
            return replace(ticket, mark=Mark.RETRYING, spent=Spent.REFUSED, reason=reason, not_before=later)
        case _:
            return replace(ticket, mark=Mark.MISSED, spent=Spent.REFUSED, reason=reason)


def _failed(ticket: Ticket, outcome: Outcome, terms: Terms, now: float) -> Ticket:
    failures = ticket.failures + 1
    wait = wait_s(seed=ticket.key, failures=failures, asked_s=outcome.retry_after_s)
    elapsed = now - (now if ticket.first_at is None else ticket.first_at)
    over = turn_is_spent(terms, failures=failures, elapsed_s=elapsed, next_wait_s=wait)
    holds = ticket.mark is Mark.UNSURE and terms.when_unsure == "hold"
    spent = spent_by(outcome) if over and not holds and not ticket.spent else ticket.spent
    looks_first = to_do(ticket, terms) == "find"
    return replace(ticket, failures=failures, spent=spent, not_before=now if looks_first else now + wait)


def looked(ticket: Ticket, look: Look, terms: Terms, now: float) -> Ticket:
    """The delivery in doubt after it was looked up."""
    if look.sighting is Sighting.SEEN:
        remote = look.receipt.id if look.receipt else None
        return replace(ticket, mark=Mark.REACHED, spent=Spent.NO, remote=remote, reason="")
    if look.sighting is Sighting.UNKNOWN:
        looks = min(ticket.looks, 0) - 1
        pause = LOOK_PAUSES_S[min(-looks, len(LOOK_PAUSES_S)) - 1]
        return replace(ticket, looks=looks, not_before=now + pause)
    ended_at = ticket.ended_at if ticket.ended_at is not None else now
    late_enough = ended_at + terms.settle_after_s
    looks = max(ticket.looks, 0) + 1
    if looks >= LOOKS and now >= late_enough:
        return replace(ticket, mark=Mark.RETRYING, looks=0, ended_at=None, not_before=now)
    return replace(ticket, looks=looks, not_before=max(late_enough, now + LOOK_PAUSES_S[0]))


def to_do(ticket: Ticket, terms: Terms) -> Literal["publish", "find", ""]:
    """What is to be done with it, sooner or later: ``publish``, ``find``, or nothing."""
    if ticket.mark in {Mark.QUEUED, Mark.RETRYING, Mark.HELD}:
        return "publish"
    if ticket.mark is Mark.UNSURE:
        if terms.resend == "same_key":
            return "publish"
        return "find" if terms.finds else ""
    return ""


# Alternatives over one audience ----------------------------------------------------------------------------------


def families(plan: Plan) -> tuple[Together, ...]:
    """The direct parts of a plan's route."""
    return tuple(dict.fromkeys(node for node in plan.gathered.walk() if isinstance(node, Together)))


def ahead_of(plan: Plan, channel: str) -> tuple[str, ...]:
    """The alternatives over the same audience in front of a direct channel, in order."""
    alternatives = family_of(plan, channel)
    return alternatives[: alternatives.index(channel)]


def family_of(plan: Plan, channel: str) -> tuple[str, ...]:
    """The alternatives among which a direct channel stands, in order, itself included."""
    return next(family.alternatives for family in families(plan) if channel in family.alternatives)
