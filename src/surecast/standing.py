"""What the facts of one channel amount to, and which step comes next: a fold, and questions about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from surecast.channel import Terms
from surecast.crowd import unavailable
from surecast.history import Action, Fact, Kind, Order
from surecast.outcome import (
    ENDS_THE_ROUTE,
    PASSES_BY_ITSELF,
    RULES,
    Outcome,
    Reason,
    Receipt,
    Sighting,
    Verdict,
)
from surecast.policy import turn_is_spent

#: Turned away by the channel's gate, which is asked anew before every attempt.
HELD_BY_THE_GATE = frozenset({Reason.BREAKER_OPEN, Reason.ISOLATED, Reason.CREDENTIALS})
#: A read side that gave no information so often in a row, over so long, is taken as no read side at all.
UNKNOWN_READS, UNKNOWN_READS_SPAN_S = 3, 2.0
#: Pauses before the read-backs after acceptance, seconds; the last one repeats.
READ_PAUSES_S = (0.2, 0.4, 0.8, 1.5, 3.0, 5.0, 10.0, 20.0)
#: Pauses after the question is settled: a post may turn visible, or vanish from sight, later. The last one repeats for
#: one that nobody sees.
LATE_READ_PAUSES_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0)
#: So often a post that nobody sees is looked for: beyond the eight hours of a long outage.
LATE_READS = 40
#: Pauses between look-ups that the platform did not answer.
LOOK_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)


@dataclass(slots=True, kw_only=True)
class Standing:
    """Where one channel stands after the facts so far. Made by `stand`, then only read.

    Attributes:
        turn_at: when its turn opened; None before.
        clock_at: when `within` began to run: at the first network step; after a take-over, anew.
        clock_waits: nobody has begun anything since the take-over; the first network step sets the clock once more.
        attempts: how often we tried to send; one that got no further than its preparation counts.
        failures: failed attempts, all told; those of the turn decide whether it is spent.
        doubts: attempts whose effect is unknown, with the moment each ended.
        refused: closed for good by the platform, or by an end of the route.
        spent: its turn is used up, whatever the time.
        unseen_looks: look-ups since the last doubt that did not find it.
        no_information: the read side does not answer; acceptance counts, unconfirmed.
        failing_at: since when it has not been available.
        failed_at: when the first failure of any sort was seen.
        ended_at: when the last attempt ended.
    """

    terms: Terms
    turn_at: float | None = None
    clock_at: float | None = None
    clock_waits: bool = True
    attempts: int = 0
    failures: int = 0
    first_began_at: float | None = None
    in_flight: dict[int, Action] = field(default_factory=dict)
    doubts: dict[int, float] = field(default_factory=dict)
    unseen_looks: int = 0
    unknown_looks: int = 0
    last_look_at: float = 0.0
    accepted_at: float | None = None
    receipt: Receipt | None = None
    confirmed_at: float | None = None
    invisible_at: float | None = None
    reads: int = 0
    late_reads: int = 0
    unknown_reads: int = 0
    unknown_since: float | None = None
    no_information: bool = False
    last_read_at: float = 0.0
    refused: bool = False
    cancelled: bool = False
    spent: bool = False
    not_before: float = 0.0
    last: Outcome | None = None
    failing_at: float | None = None
    failed_at: float | None = None
    ended_at: float = 0.0

    @property
    def turn_ends_at(self) -> float | None:
        """When `within` is over; None while its clock has not begun to run."""
        return None if self.clock_at is None else self.clock_at + self.terms.within_s

    @property
    def cut_off(self) -> bool:
        """Whether its turn waits for this machine's network."""
        return self.last is not None and self.last.reason is Reason.NO_NETWORK and self.clock_at is None

    @property
    def sending(self) -> bool:
        """Whether a publish is on its way, as far as the facts tell."""
        return Action.PUBLISH in self.in_flight.values()

    def turn_over(self, now: float) -> bool:
        """Whether the next alternative has its turn, as far as this channel is concerned."""
        return self.spent or (self.turn_ends_at is not None and now >= self.turn_ends_at)


def stand(terms: Terms, facts: Iterable[Fact], *, cancelled: bool = False) -> Standing:
    """Folds the facts of one channel, in the ledger's order."""
    standing = Standing(terms=terms, cancelled=cancelled)
    for fact in facts:
        _APPLY[fact.kind](standing, fact)
    return standing


# The questions ---------------------------------------------------------------------------------------------


def surely(standing: Standing) -> bool:
    """Reached: accepted, or confirmed where that is asked and can be had."""
    if standing.accepted_at is None or standing.invisible_at is not None:
        return False
    asked = standing.terms.confirm == "visible" and standing.terms.confirms
    return not asked or standing.confirmed_at is not None or standing.no_information


def hopefully(standing: Standing, now: float, *, over: bool = False) -> bool:
    """Reached, or its turn is still open, or has not come yet; `over`: the announcement is, so no turn helps."""
    if surely(standing):
        return True
    if standing.refused or standing.invisible_at is not None:
        return False
    if standing.accepted_at is not None:  # `within` ends at acceptance; the read-back has a time of its own
        return True
    return not (over or standing.cancelled or standing.turn_over(now))


def charitably(standing: Standing, now: float, *, over: bool = False) -> bool:
    """Reached, hoped for, or perhaps delivered without our knowing."""
    return hopefully(standing, now, over=over) or bool(standing.doubts) or standing.sending


def holding(standing: Standing, now: float) -> bool:
    """Whether the next alternative must wait for this channel."""
    held = bool(standing.doubts) and standing.terms.when_unsure == "hold"
    return hopefully(standing, now) or held


def owed(standing: Standing) -> bool:
    """Whether the channel still gets its post, before the announcement expires."""
    return (
        standing.turn_at is not None
        and standing.accepted_at is None
        and not standing.refused
        and not standing.cancelled
    )


# The next step --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a delivery does next, and not before when."""

    action: Action
    at: float


def next_step(standing: Standing, *, over: bool) -> Step | None:
    """The next step of an opened delivery; None when there is none.

    Args:
        over: the announcement expired: nothing is sent any more, but what is in doubt is still looked up.
    """
    if standing.in_flight or standing.turn_at is None:
        return None
    if standing.accepted_at is not None:
        return _read_back(standing)
    may_send = not (standing.refused or standing.cancelled or over)
    if standing.doubts and not (may_send and standing.terms.resend == "same_key"):
        return _look(standing, over=over)
    return Step(action=Action.PUBLISH, at=standing.not_before) if may_send else None


def _look(standing: Standing, *, over: bool) -> Step | None:
    if not standing.terms.finds or (over and standing.unknown_looks >= len(LOOK_PAUSES_S)):
        return None
    ended = max(standing.doubts.values())
    if standing.unknown_looks:
        at = standing.last_look_at + _nth(LOOK_PAUSES_S, standing.unknown_looks - 1)
    elif standing.unseen_looks:
        at = max(ended + standing.terms.settle_after_s, standing.last_look_at + LOOK_PAUSES_S[0])
    else:
        at = ended
    return Step(action=Action.FIND, at=at)


def _read_back(standing: Standing) -> Step | None:
    if standing.terms.confirm != "visible" or not standing.terms.confirms or standing.confirmed_at is not None:
        return None
    assert standing.accepted_at is not None
    if standing.no_information or standing.invisible_at is not None:
        if standing.late_reads >= (len(LATE_READ_PAUSES_S) if standing.no_information else LATE_READS):
            return None
        pause = _nth(LATE_READ_PAUSES_S, standing.late_reads)
        return Step(action=Action.CONFIRM, at=standing.last_read_at + pause)
    last_call = standing.accepted_at + standing.terms.visible_within_s
    previous = standing.last_read_at or standing.accepted_at
    at = previous + _nth(READ_PAUSES_S, standing.reads)
    return Step(action=Action.CONFIRM, at=min(at, last_call) if previous < last_call else at)


def _nth(pauses: tuple[float, ...], index: int) -> float:
    return pauses[min(index, len(pauses) - 1)]


# The fold -------------------------------------------------------------------------------------------------------


def _turn(standing: Standing, fact: Fact) -> None:
    if standing.turn_at is None:
        standing.turn_at = fact.at
        standing.not_before = fact.at


def _began(standing: Standing, fact: Fact) -> None:
    assert fact.action is not None
    standing.in_flight[fact.attempt] = fact.action
    if fact.action in {Action.PREPARE, Action.PUBLISH} and standing.clock_waits:
        standing.clock_at, standing.clock_waits = fact.at, False
    if fact.action is Action.PUBLISH:
        standing.attempts += 1
        if standing.first_began_at is None:
            standing.first_began_at = fact.at


def _ended(standing: Standing, fact: Fact) -> None:
    began = None
    if standing.in_flight.get(fact.attempt) is fact.action:  # a look by who lost the claim may have the same number
        began = standing.in_flight.pop(fact.attempt)
    if fact.action is Action.FIND:
        _looked(standing, fact)
    elif fact.action is Action.CONFIRM:
        _read(standing, fact)
    elif fact.action in {Action.PREPARE, Action.PUBLISH} and fact.outcome is not None:
        late = began is None and fact.attempt in standing.doubts
        _attempted(standing, fact, fact.outcome, late=late)


def _attempted(standing: Standing, fact: Fact, outcome: Outcome, *, late: bool) -> None:
    arrived = outcome.verdict in {Verdict.ACCEPTED, Verdict.CONFIRMED}
    if standing.accepted_at is not None and not arrived:
        return  # the late word of an attempt that another one has overtaken
    standing.last, standing.ended_at = outcome, fact.at
    standing.attempts += fact.action is Action.PREPARE
    rule = RULES[outcome.verdict]
    if arrived:
        _accept(standing, fact.at, outcome.receipt)
        return
    _note_failure(standing, fact.at, outcome)
    if outcome.verdict is Verdict.SKIPPED:
        standing.spent = True
        standing.refused = standing.refused or outcome.reason not in PASSES_BY_ITSELF
        standing.cancelled = standing.cancelled or outcome.reason in ENDS_THE_ROUTE
        if outcome.reason not in HELD_BY_THE_GATE:  # that moment may change; the gate knows when
            standing.not_before = max(standing.not_before, fact.not_before or 0.0)
        return
    if rule.look_first:
        standing.doubts[fact.attempt] = fact.at
        standing.unseen_looks = standing.unknown_looks = 0
    elif late:
        # The attempt that we had given up spoke after all, and it had not been sent.
        standing.doubts.pop(fact.attempt, None)
        return
    if outcome.verdict is Verdict.REFUSED:
        standing.refused = True
    _count_failure(standing, fact, outcome, spends=rule.spends)


def _note_failure(standing: Standing, at: float, outcome: Outcome) -> None:
    if outcome.reason is Reason.NO_NETWORK:  # nothing was learned of the platform
        return
    standing.failed_at = at if standing.failed_at is None else standing.failed_at
    if unavailable(outcome):
        standing.failing_at = at if standing.failing_at is None else standing.failing_at
    elif outcome.verdict is not Verdict.SKIPPED:  # the platform answers, and what it says is another matter
        standing.failing_at = None


def _count_failure(standing: Standing, fact: Fact, outcome: Outcome, *, spends: bool) -> None:
    if outcome.reason is Reason.CRASHED:
        # Another process took over. Nobody's patience was used while nobody worked: the turn's time starts again,
        # unless an attempt had already ended in it. It runs from now, as there may be no other attempt: what is in
        # doubt can perhaps only be looked up, or not even that.
        if standing.failures == 0:
            standing.clock_at, standing.clock_waits = fact.at, True
        return
    if outcome.reason is Reason.NO_NETWORK:
        # We are cut off: the next alternative would fare no better. The turn begins anew when we are back.
        standing.not_before = max(standing.not_before, fact.not_before or fact.at)
        standing.clock_at, standing.clock_waits = None, True
        return
    standing.failures += 1
    if standing.clock_waits:  # it failed before any network step
        standing.clock_at, standing.clock_waits = fact.at, False
    standing.not_before = max(standing.not_before, fact.not_before or fact.at)
    began = standing.clock_at if standing.clock_at is not None else fact.at
    elapsed = fact.at - began
    standing.spent = (
        standing.spent
        or spends
        or turn_is_spent(
            standing.terms,
            failures=standing.failures,
            elapsed_s=elapsed,
            next_wait_s=max(0.0, standing.not_before - fact.at),
        )
    )


def _accept(standing: Standing, at: float, receipt: Receipt | None) -> None:
    if standing.accepted_at is None:
        standing.accepted_at = at
    standing.receipt = receipt or standing.receipt
    standing.doubts.clear()
    standing.refused = False


def _looked(standing: Standing, fact: Fact) -> None:
    assert fact.look is not None
    standing.last_look_at = fact.at
    if fact.look.sighting is Sighting.SEEN:
        standing.last = Outcome(verdict=Verdict.ACCEPTED, receipt=fact.look.receipt)
        _accept(standing, fact.at, fact.look.receipt)
    elif fact.look.sighting is Sighting.UNKNOWN:
        standing.unknown_looks += 1
    elif standing.doubts:
        standing.unseen_looks += 1
        standing.unknown_looks = 0
        settled = fact.at >= max(standing.doubts.values()) + standing.terms.settle_after_s
        if standing.unseen_looks >= 2 and settled:
            standing.doubts.clear()


def _read(standing: Standing, fact: Fact) -> None:
    if standing.no_information or standing.invisible_at is not None:
        standing.late_reads += 1
    standing.reads += 1
    standing.last_read_at = fact.at
    if fact.outcome is not None and fact.outcome.verdict is Verdict.INVISIBLE:
        standing.invisible_at = fact.at
        standing.no_information = False
        standing.spent = True
        standing.last = fact.outcome
        _note_failure(standing, fact.at, fact.outcome)
        return
    assert fact.look is not None
    if fact.look.sighting is Sighting.SEEN:
        standing.confirmed_at = fact.at
        standing.invisible_at = None
        standing.receipt = fact.look.receipt or standing.receipt
        standing.last = Outcome(verdict=Verdict.CONFIRMED, receipt=standing.receipt)
    elif fact.look.sighting is Sighting.UNSEEN:
        standing.unknown_reads, standing.unknown_since = 0, None
    elif standing.invisible_at is None:
        standing.unknown_reads += 1
        standing.unknown_since = fact.at if standing.unknown_since is None else standing.unknown_since
        long_enough = fact.at - standing.unknown_since >= UNKNOWN_READS_SPAN_S
        standing.no_information = standing.unknown_reads >= UNKNOWN_READS and long_enough


def _ordered(standing: Standing, fact: Fact) -> None:
    if fact.order is Order.THERE:
        receipt = fact.outcome.receipt if fact.outcome else None
        standing.last = Outcome(verdict=Verdict.CONFIRMED, receipt=receipt)
        _accept(standing, fact.at, receipt)
        standing.confirmed_at = fact.at
    elif fact.order is Order.NOT_THERE:
        standing.doubts.clear()
        standing.not_before = fact.at
    else:
        standing.cancelled = True


_APPLY = {Kind.TURN: _turn, Kind.BEGAN: _began, Kind.ENDED: _ended, Kind.ORDERED: _ordered}
