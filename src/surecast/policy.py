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

if TYPE_CHECKING:
    from surecast.channel import Terms

BASE_S = 1.0
LONGEST_S = 300.0  # an owed post is tried at least this often while its breaker is closed
#: The budget of retries of a channel, over all processes: ten to begin with, then one for every five first attempts
#: (20 % as in Finagle, https://finagle.github.io/blog/2016/02/08/retry-budgets/), and the rest wait so long.
MOST_CREDIT, CREDIT_PER_FIRST, SPARED_S = 10.0, 0.2, 30.0
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
        isolated_until: held open by a person until then.
        retry_credit: how many retries may still go; first attempts fill it up again.
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
    retry_credit: float = MOST_CREDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the gate answered: go, go as the one trial, or not before a moment.

    Attributes:
        isolated: held open by a person.
        spared: the budget of retries is spent; more would only make the outage worse.
        on_trial: somebody else's trial is on its way.
    """

    go: bool
    trial: bool = False
    not_before: float = 0.0
    isolated: bool = False
    spared: bool = False
    on_trial: bool = False


def after(gate: Gate, outcome: Outcome, *, trial: bool, now: float, breaker: Breaker, credentials: str) -> Gate:
    """The gate after an attempt ended: the breaker's only transition."""
    effect = RULES[outcome.verdict].breaker
    if outcome.scope is not Scope.CHANNEL or outcome.reason is Reason.OURS:
        effect = "ignores"
    rest = replace(gate, trial_owner=None, trial_until=0.0) if trial else gate
    if effect == "heals":
        return Gate(channel=gate.channel, isolated_until=gate.isolated_until, retry_credit=gate.retry_credit)
    if effect == "opens":
        return _open(rest, UNAUTHORIZED_TRIAL_S, now, outcome.verdict, credentials)
    if effect == "counts" and gate.opened_at is None:
        counted = replace(rest, failures=gate.failures + 1)
        return (
            _open(counted, breaker.interval_s, now, outcome.verdict)
            if counted.failures >= breaker.failures
            else counted
        )
    if effect == "counts" and trial:
        return _open(rest, min(2 * gate.interval_s, breaker.longest_s), now, outcome.verdict)
    return rest


def _open(gate: Gate, interval_s: float, now: float, verdict: Verdict, credentials: str = "") -> Gate:
    return replace(
        gate,
        opened_at=now if gate.opened_at is None else gate.opened_at,
        open_until=now + interval_s,
        interval_s=interval_s,
        reason=verdict.value,
        credentials=credentials,
    )
