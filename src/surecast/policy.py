"""Retry and breaker as values: evaluated over what the ledger recorded, never by sleeping in a loop.

tenacity supplies the stop and wait strategies; here they judge recorded attempts instead of driving a call, so every
process that reads the same facts comes to the same moment.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, stop_before_delay, wait_exponential
from tenacity.wait import wait_base

from surecast.outcome import RULES, Outcome, Reason, Scope, Verdict
from surecast.rate import Rate

if TYPE_CHECKING:
    from surecast.channel import Terms

BASE_S = 1.0
LONGEST_S = 300.0  # an owed post is tried at least this often while its breaker is closed
#: The budget of retries of a channel, over all processes: ten to begin with, then one for every five first attempts
#: (20 % as in Finagle, https://finagle.github.io/blog/2016/02/08/retry-budgets/) and one every 30 seconds. Without the
#: last, what is owed after an outage would never be paid back where nothing new is announced.
MOST_CREDIT, CREDIT_PER_FIRST, CREDIT_EVERY_S = 10.0, 0.2, 30.0
LEAST_REST_S = 0.1
#: Where posts stay unseen, whoever only looks goes so much before whoever would post, or the other way round.
FIRST_S = 60.0
#: Who comes so much too late for its place in a channel's rate makes up for it; else every delay would slow it down.
PACE_SLACK_S = 0.02
#: A channel that was down is back in full after this.
RETURN_S = 20.0
#: Failures with a longer pause than this between them are two outages: nobody knows what was in between.
SAME_OUTAGE_S = 900.0
#: A channel that cannot be used as it is configured is looked at again after this; somebody must act first.
MISCONFIGURED_PAUSE_S = 300.0
UNAUTHORIZED_TRIAL_S = 3_600.0  # a refused login heals by a person, not by asking again


class FullJitter(wait_base):
    """A random share of the wait below it, drawn from a seed: spread over deliveries, equal in every process."""

    def __init__(self, ceiling: wait_base, seed: str) -> None:
        self._ceiling = ceiling
        self._seed = seed

    def __call__(self, retry_state: RetryCallState) -> float:
        draw = random.Random(f"{self._seed}:{retry_state.attempt_number}")  # noqa: S311 - jitter, not cryptography
        return draw.uniform(0.0, self._ceiling(retry_state))


def wait_s(*, seed: str, failures: int, asked_s: float | None) -> float:
    """Seconds from the end of failure number `failures` to the next attempt.

    Exponential with full jitter; what the platform asked for (`asked_s`) is a floor, with up to a second on top, so
    that many deliveries do not return in the same instant.
    """
    wait = FullJitter(wait_exponential(multiplier=BASE_S, max=LONGEST_S), seed)
    jittered = wait(_recorded(failures, elapsed_s=0.0))
    return jittered if asked_s is None else max(asked_s + min(jittered, 1.0), jittered)


def turn_is_spent(terms: Terms, *, failures: int, elapsed_s: float, next_wait_s: float) -> bool:
    """Whether failures, or a wait that ends after the turn, spend a turn that has run for `elapsed_s`."""
    stop = stop_after_attempt(terms.attempts) | stop_before_delay(terms.within_s)
    state = _recorded(failures, elapsed_s=elapsed_s)
    state.upcoming_sleep = next_wait_s
    return bool(failures and stop(state))


def attempt_timeout_s(timeout_s: float, within_s: float) -> float:
    """The total time of one attempt: a third of the turn, at least 2 s, at most the channel's own time-out."""
    return min(timeout_s, max(2.0, within_s / 3))


def _recorded(failures: int, *, elapsed_s: float) -> RetryCallState:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = max(1, failures)
    state.start_time, state.outcome_timestamp = 0.0, elapsed_s
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When a channel rests: after `failures` in a row, for `interval_s`; each failed trial doubles that."""

    failures: int = 3
    interval_s: float = 30.0
    longest_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A channel's breaker as the ledger keeps it, shared by all processes.

    Attributes:
        failures: counted failures in a row.
        opened_at: since when it is open; None while it is closed.
        open_until: when one trial may go; Unix seconds.
        reason: what opened it last.
        credentials: fingerprint of the secret that was refused; another secret gets a trial at once.
        isolated_until, isolated_why: held open by a person until then.
        wait_until: the platform asked everybody to wait until then.
        retry_credit, credit_at: how many retries could still go at that moment; first attempts and time fill it up.
        failing_since: when the first of the counted failures in a row was seen, those of visibility left aside.
        pace_at: when the next delivery is due that the channel's rate allows.
        changed_at: when it was opened or closed last; `healed_at`: when it was closed.
    """

    channel: str
    failures: int = 0
    opened_at: float | None = None
    open_until: float = 0.0
    interval_s: float = 0.0
    reason: str = ""
    credentials: str = ""
    isolated_until: float | None = None
    trial_owner: str | None = None
    trial_until: float = 0.0
    wait_until: float = 0.0
    retry_credit: float = MOST_CREDIT
    credit_at: float = 0.0
    failing_since: float | None = None
    pace_at: float = 0.0
    changed_at: float = 0.0
    healed_at: float = 0.0
    isolated_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the gate answered: go, go as the one trial, or not before a moment.

    Attributes:
        isolated: held open by a person.
        spared: the budget of retries is spent; more would only make the outage worse.
        on_trial: somebody else's trial is on its way.
        throttled: the platform asked for a wait.
        interval_s: the pause between two trials of a shut gate; 0 where it is not shut.
    """

    go: bool
    trial: bool = False
    not_before: float = 0.0
    isolated: bool = False
    spared: bool = False
    on_trial: bool = False
    throttled: bool = False
    interval_s: float = 0.0


def knock(
    gate: Gate,
    *,
    owner: str,
    now: float,
    trial_s: float,
    credentials: str,
    ordered: bool,
    retry: bool,
    look: bool = False,
) -> tuple[Passage, Gate]:
    """What a gate answers to a delivery that wants to go, and the gate afterwards.

    Args:
        owner: names the delivery at work, so that of several in one process only one is the trial.
        trial_s: how long a trial is leased; if its process dies, the next one may try then.
        credentials: fingerprint of the secret in use; a gate that is shut over another one lets a trial through.
        ordered: a person wants a trial now, whatever the rest and the budget; an isolation, and a wait that the
            platform asked for, stand.
        retry: the delivery has failed here before, so the attempt is charged to the budget of retries.
        look: it only looks and publishes nothing. Where posts stay unseen, a look at one of them is the better trial
            than one more that nobody sees.
    """
    if gate.isolated_until is not None and gate.isolated_until > now:
        return Passage(go=False, not_before=gate.isolated_until, isolated=True), gate
    if gate.wait_until > now:
        return Passage(go=False, not_before=gate.wait_until, throttled=True), gate
    if gate.opened_at is None:
        return (Passage(go=True), gate) if ordered or look else _charge(gate, now, retry=retry)
    on_trial = gate.trial_owner not in {None, owner} and gate.trial_until > now
    rests_until = gate.open_until
    if gate.reason == Verdict.INVISIBLE.value and look is _a_post_first(gate):
        rests_until += FIRST_S
    due = ordered or rests_until <= now or bool(gate.credentials and gate.credentials != credentials)
    if on_trial or not due:
        waits = (rests_until, gate.trial_until if on_trial else 0.0, now + LEAST_REST_S)
        return Passage(go=False, not_before=max(waits), on_trial=on_trial, interval_s=gate.interval_s), gate
    return Passage(go=True, trial=True), replace(gate, trial_owner=owner, trial_until=now + trial_s)


def _a_post_first(gate: Gate) -> bool:
    """Whether the next trial is rather a post's than a look's: once an hour, as what is looked for may be hidden for a
    reason of its own.
    """
    if gate.opened_at is None:
        return True
    before = gate.open_until - gate.interval_s - gate.opened_at
    return (gate.open_until - gate.opened_at) // 3_600 > before // 3_600


def _charge(gate: Gate, now: float, *, retry: bool) -> tuple[Passage, Gate]:
    credit = min(MOST_CREDIT, gate.retry_credit + (now - gate.credit_at) / CREDIT_EVERY_S)
    if retry and credit < 1:
        return Passage(go=False, not_before=now + CREDIT_EVERY_S, spared=True), gate
    left = min(MOST_CREDIT, credit + (-1 if retry else CREDIT_PER_FIRST))
    return Passage(go=True), gate if left == gate.retry_credit else replace(gate, retry_credit=left, credit_at=now)


def after(
    gate: Gate,
    outcome: Outcome,
    *,
    trial: bool,
    now: float,
    breaker: Breaker,
    credentials: str,
    seen_by_s: float | None = None,
) -> Gate:
    """The gate after an attempt or a read-back ended.

    Args:
        trial: it was the one trial of an open breaker.
        seen_by_s: an acceptance proves nothing yet, as within so many seconds the public shall see the post; a trial
            goes on until that is known.
    """
    effect = RULES[outcome.verdict].breaker
    if outcome.scope is not Scope.CHANNEL or outcome.reason in {Reason.OURS, Reason.NO_NETWORK}:
        effect = "ignores"
    if effect == "heals" and seen_by_s is not None:
        # It takes posts again: whatever is not seen of them is no outage that money is spent on.
        taken = replace(gate, failing_since=None)
        return replace(taken, trial_until=now + seen_by_s) if trial else taken
    rest = replace(gate, trial_owner=None, trial_until=0.0) if trial else gate
    if effect == "heals":
        credit = gate.retry_credit if gate.opened_at is None else MOST_CREDIT
        healed = closed(gate, now) if gate.opened_at is not None else replace(gate, failures=0, failing_since=None)
        return replace(healed, retry_credit=credit)
    if effect == "opens":
        return _open(replace(rest, failing_since=None), UNAUTHORIZED_TRIAL_S, now, outcome.verdict, credentials)
    if effect == "counts" and gate.opened_at is None:
        counted = _failed(replace(rest, failures=gate.failures + 1), outcome, now)
        enough = counted.failures >= breaker.failures
        return _open(counted, breaker.interval_s, now, outcome.verdict) if enough else counted
    if effect == "counts" and trial:
        return _open(_failed(rest, outcome, now), min(2 * gate.interval_s, breaker.longest_s), now, outcome.verdict)
    if outcome.verdict is Verdict.THROTTLED and outcome.scope is Scope.CHANNEL and outcome.retry_after_s:
        return replace(rest, wait_until=max(gate.wait_until, now + outcome.retry_after_s))
    return rest


def paced(gate: Gate, rate: Rate | None, *, wanted: int, now: float) -> tuple[int, float, Gate]:
    """How many of `wanted` deliveries a rate lets go now, when the next one may, and the gate afterwards.

    Deliveries are spaced evenly, whatever happened before: in any time there are at most as many as the rate says and
    one more, at rates of more than 50 a second as many more as fall into `PACE_SLACK_S`.
    """
    if rate is None or not wanted:
        return wanted, 0.0, gate
    start = max(gate.pace_at, now - PACE_SLACK_S)
    due = int((now - start) * rate.per_s) + 1 if start <= now else 0
    goes = min(wanted, due)
    pace_at = start + goes / rate.per_s
    return goes, pace_at, replace(gate, pace_at=pace_at) if goes else gate


def gradually(rate: Rate | None, gate: Gate, now: float) -> Rate | None:
    """The rate of a channel that writes to many: one that was down gets more and more, not all at once.

    Two a second at first, twice as many every two seconds, for twenty seconds; never more than its own rate.
    """
    back_s = now - gate.healed_at
    if not 0 <= back_s < RETURN_S or gate.healed_at == 0:
        return rate
    ramp = Rate(count=2.0 ** (1 + back_s / 2), span_s=1.0)
    return ramp if rate is None or ramp.per_s < rate.per_s else rate


def closed(gate: Gate, now: float) -> Gate:
    """The gate with its breaker closed: nothing of its failures is left; what a person or the platform asked for is."""
    return Gate(
        channel=gate.channel,
        isolated_until=gate.isolated_until,
        isolated_why=gate.isolated_why,
        wait_until=gate.wait_until,
        retry_credit=gate.retry_credit,
        credit_at=gate.credit_at,
        pace_at=gate.pace_at,
        changed_at=now,
        healed_at=now,
    )


def shut(gate: Gate, verdict: Verdict, now: float, breaker: Breaker) -> Gate:
    """The gate with its breaker open because of what is known of the platform; one that is open stays as it is."""
    return gate if gate.opened_at is not None else _open(gate, breaker.interval_s, now, verdict)


def answered(gate: Gate, now: float) -> Gate:
    """The gate after a trial that was only a look-up: the platform answers, so the next attempt is the trial."""
    return replace(gate, trial_owner=None, trial_until=0.0, open_until=min(gate.open_until, now))


def failing_since(gate: Gate, now: float) -> float | None:
    """Since when a channel with an open breaker fails, as far as anybody tried; None when that is not known."""
    return None if now - gate.open_until > SAME_OUTAGE_S else gate.failing_since


def _failed(gate: Gate, outcome: Outcome, now: float) -> Gate:
    """The gate with a counted failure in it. That a post is not seen does not say that the channel does not work."""
    if outcome.verdict is Verdict.INVISIBLE:
        return gate
    since = gate.failing_since
    if gate.opened_at is not None:
        since = failing_since(gate, now)
    elif since is not None and now - since > SAME_OUTAGE_S:
        since = None
    return replace(gate, failing_since=now if since is None else since)


def _open(gate: Gate, interval_s: float, now: float, verdict: Verdict, credentials: str = "") -> Gate:
    return replace(
        gate,
        opened_at=now if gate.opened_at is None else gate.opened_at,
        changed_at=now if gate.opened_at is None else gate.changed_at,
        open_until=now + interval_s,
        interval_s=interval_s,
        reason=verdict.value,
        credentials=credentials,
    )
