"""Retry, breaker and budget as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.outcome import RULES, Outcome, Reason, Scope, Verdict
from surecast.policy import (
    LONGEST_S,
    PACE_SLACK_S,
    SAME_OUTAGE_S,
    UNAUTHORIZED_TRIAL_S,
    Breaker,
    Gate,
    after,
    answered,
    attempt_timeout_s,
    failing_since,
    gradually,
    paced,
    turn_is_spent,
    wait_s,
)
from surecast.rate import Rate
from tests.stories import terms

NOW = 1_000.0
BREAKER = Breaker()
SHUT = Gate(channel="a", failures=3, opened_at=NOW - 60, open_until=NOW, interval_s=30.0, reason="unavailable")
TRIED = replace(SHUT, trial_owner="me", trial_until=NOW + 15)


def then(gate: Gate, verdict: Verdict, *, trial: bool = False, breaker: Breaker = BREAKER, **own: object) -> Gate:
    outcome = Outcome(verdict=verdict, **own)  # type: ignore[arg-type]
    return after(gate, outcome, trial=trial, now=NOW, breaker=breaker, credentials="s1")


# Waiting


@given(seed=st.text(), failures=st.integers(1, 60))
def test_every_process_computes_the_same_wait_and_none_is_too_long(seed: str, failures: int) -> None:
    wait = wait_s(seed=seed, failures=failures, asked_s=None)
    assert wait == wait_s(seed=seed, failures=failures, asked_s=None)
    assert 0 <= wait <= min(2.0 ** (failures - 1), LONGEST_S)


def test_deliveries_spread_over_the_whole_wait() -> None:
    waits = sorted(wait_s(seed=f"delivery {n}", failures=4, asked_s=None) for n in range(400))
    assert waits[0] < 0.2
    assert waits[-1] > 7.8
    assert 3.0 < waits[200] < 5.0


@given(seed=st.text(), failures=st.integers(1, 20), asked=st.floats(0, 1e6))
def test_what_the_platform_asked_for_is_never_cut_short(seed: str, failures: int, asked: float) -> None:
    wait = wait_s(seed=seed, failures=failures, asked_s=asked)
    assert asked <= wait <= max(asked + 1.0, LONGEST_S)


@pytest.mark.parametrize(
    ("timeout_s", "within_s", "expected"),
    [(10, 600, 10), (10, 60, 10), (10, 15, 5), (10, 10, 10 / 3), (10, 3, 2), (10, 0.5, 2), (1.5, 60, 1.5)],
)
def test_an_attempt_has_a_third_of_the_turn(timeout_s: float, within_s: float, expected: float) -> None:
    assert attempt_timeout_s(timeout_s, within_s) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("failures", "elapsed_s", "next_wait_s", "spent"),
    [
        (0, 0, 0, False),
        (0, 90, 0, False),
        (1, 1, 1, False),
        (2, 10, 49.9, False),
        (2, 10, 50, True),
        (1, 0, 3_600, True),
        (3, 1, 1, True),
        (1, 61, 0, True),
    ],
)
def test_failures_or_a_wait_beyond_its_end_spend_a_turn(
    failures: int, elapsed_s: float, next_wait_s: float, spent: bool
) -> None:
    assert turn_is_spent(terms("a"), failures=failures, elapsed_s=elapsed_s, next_wait_s=next_wait_s) is spent


# The breaker


def test_failures_in_a_row_open_it_for_an_interval() -> None:
    gate = Gate(channel="a")
    for count in (1, 2):
        gate = then(gate, Verdict.UNAVAILABLE)
        assert (gate.failures, gate.opened_at) == (count, None)
    gate = then(gate, Verdict.UNCERTAIN)
    assert (gate.opened_at, gate.open_until, gate.interval_s, gate.reason) == (NOW, NOW + 30, 30.0, "uncertain")


def test_a_success_in_between_starts_the_count_again() -> None:
    gate = then(then(then(Gate(channel="a"), Verdict.UNAVAILABLE), Verdict.UNAVAILABLE), Verdict.ACCEPTED)
    assert gate == Gate(channel="a")


def test_each_failed_trial_doubles_the_rest_up_to_the_longest() -> None:
    gate, rests = TRIED, []
    for _ in range(6):
        gate = then(gate, Verdict.UNAVAILABLE, trial=True)
        rests.append(gate.open_until - NOW)
        assert (gate.trial_owner, gate.opened_at) == (None, NOW - 60)
    assert rests == [60, 120, 240, 480, 600, 600]


def test_an_attempt_that_began_before_it_opened_does_not_prolong_the_rest() -> None:
    assert then(TRIED, Verdict.UNAVAILABLE) == TRIED


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.CONFIRMED])
def test_a_success_closes_it_and_leaves_what_a_person_isolated(verdict: Verdict) -> None:
    isolated = replace(TRIED, isolated_until=NOW + 60, retry_credit=4.0)
    # And what is owed may go: the budget is full again.
    expected = Gate(channel="a", isolated_until=NOW + 60, changed_at=NOW, healed_at=NOW)
    assert then(isolated, verdict, trial=True) == expected


def test_a_refused_login_opens_it_at_once_and_is_tried_once_an_hour() -> None:
    gate = then(Gate(channel="a"), Verdict.UNAUTHORIZED)
    assert (gate.opened_at, gate.open_until, gate.credentials) == (NOW, NOW + UNAUTHORIZED_TRIAL_S, "s1")


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.THROTTLED, Verdict.SKIPPED])
def test_what_says_nothing_about_the_platform_is_not_counted(verdict: Verdict) -> None:
    assert then(SHUT, verdict) == SHUT
    assert then(Gate(channel="a"), verdict) == Gate(channel="a")


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if RULES[verdict].breaker in {"counts", "opens"}])
@pytest.mark.parametrize(
    "own",
    [{"scope": Scope.RECIPIENT}, {"scope": Scope.CONTENT}, {"reason": Reason.OURS}],
    ids=["recipient", "content", "ours"],
)
def test_our_own_faults_and_what_concerns_one_recipient_or_text_are_not_counted(
    verdict: Verdict, own: dict[str, object]
) -> None:
    assert then(Gate(channel="a"), verdict, **own) == Gate(channel="a")


def test_a_trial_that_says_nothing_gives_the_trial_back() -> None:
    gate = then(TRIED, Verdict.REFUSED, trial=True, scope=Scope.CONTENT)
    assert (gate.trial_owner, gate.trial_until, gate.open_until) == (None, 0.0, NOW)


def test_the_owner_may_set_other_numbers() -> None:
    quick = Breaker(failures=1, interval_s=5.0, longest_s=8.0)
    gate = then(Gate(channel="a"), Verdict.UNAVAILABLE, breaker=quick)
    assert gate.open_until == NOW + 5
    assert then(gate, Verdict.UNAVAILABLE, trial=True, breaker=quick).open_until == NOW + 8


def test_an_acceptance_that_nobody_has_seen_yet_heals_nothing() -> None:
    worn = replace(Gate(channel="a"), failures=2)
    outcome = Outcome(verdict=Verdict.ACCEPTED)
    same = after(worn, outcome, trial=False, now=NOW, breaker=BREAKER, credentials="s1", seen_by_s=65.0)
    assert same == worn
    trial = after(TRIED, outcome, trial=True, now=NOW, breaker=BREAKER, credentials="s1", seen_by_s=65.0)
    assert (trial.trial_owner, trial.trial_until, trial.opened_at) == ("me", NOW + 65, NOW - 60)


def test_an_acceptance_ends_the_outage_that_money_is_spent_on() -> None:
    failing = replace(TRIED, failing_since=NOW - 70)
    for trial in (True, False):
        taken = after(
            failing,
            Outcome(verdict=Verdict.ACCEPTED),
            trial=trial,
            now=NOW,
            breaker=BREAKER,
            credentials="s1",
            seen_by_s=65.0,
        )
        assert (taken.failing_since, taken.opened_at) == (None, NOW - 60)


def test_posts_that_stay_invisible_open_it_though_every_write_is_accepted() -> None:
    gate = Gate(channel="a")
    for _ in range(3):
        gate = after(
            gate,
            Outcome(verdict=Verdict.ACCEPTED),
            trial=False,
            now=NOW,
            breaker=BREAKER,
            credentials="s1",
            seen_by_s=65.0,
        )
        gate = then(gate, Verdict.INVISIBLE)
    assert gate.opened_at == NOW


def test_a_look_up_that_is_answered_lets_the_next_attempt_be_the_trial() -> None:
    gate = answered(replace(TRIED, open_until=NOW + 300), NOW)
    assert (gate.trial_owner, gate.open_until, gate.failures, gate.opened_at) == (None, NOW, 3, NOW - 60)


def test_a_wait_that_the_platform_states_is_for_everybody() -> None:
    assert then(Gate(channel="a"), Verdict.THROTTLED, retry_after_s=3_600.0).wait_until == NOW + 3_600


# The rate of a channel


def test_without_a_rate_everything_goes() -> None:
    gate = Gate(channel="a")
    assert paced(gate, None, wanted=50, now=NOW) == (50, 0.0, gate)
    assert paced(gate, Rate.parse("1/s"), wanted=0, now=NOW) == (0, 0.0, gate)


def test_one_goes_and_the_next_when_it_is_due() -> None:
    rate = Rate.parse("10/s")
    goes, next_at, gate = paced(Gate(channel="a"), rate, wanted=5, now=NOW)
    assert (goes, next_at) == (1, pytest.approx(NOW + 0.08))
    assert paced(gate, rate, wanted=5, now=NOW + 0.05) == (0, next_at, gate)
    assert paced(gate, rate, wanted=5, now=next_at)[0] == 1


def test_a_long_rest_lets_no_burst_go() -> None:
    goes, _, _ = paced(Gate(channel="a", pace_at=NOW - 3_600), Rate.parse("10/s"), wanted=100, now=NOW)
    assert goes == 1


def test_at_high_rates_several_go_together() -> None:
    goes, next_at, _ = paced(Gate(channel="a"), Rate.parse("1000/s"), wanted=100, now=NOW)
    assert goes in {20, 21}
    assert next_at == pytest.approx(NOW + 0.001, abs=0.0011)


@given(
    per_s=st.sampled_from((0.05, 1.0, 7.0, 30.0, 50.0, 333.0, 2_000.0)),
    callers=st.lists(st.tuples(st.floats(0.0, 0.4), st.integers(1, 60)), min_size=1, max_size=150),
)
def test_in_no_span_of_time_more_go_than_the_rate_says(per_s: float, callers: list[tuple[float, int]]) -> None:
    rate, gate, now = Rate(count=per_s, span_s=1.0), Gate(channel="a"), NOW
    gone: list[tuple[float, int]] = []
    for pause, wanted in callers:  # one after the other over the one gate, from whichever process
        now += pause
        goes, next_at, gate = paced(gate, rate, wanted=wanted, now=now)
        assert 0 <= goes <= wanted
        assert goes == wanted or next_at > now - 1e-6
        gone.append((now, goes))
    for first, (begins, _) in enumerate(gone):
        count = 0
        for ends, goes in gone[first:]:
            count += goes
            assert count <= (ends - begins + PACE_SLACK_S) * per_s + 1 + 1e-3


@given(per_s=st.sampled_from((0.05, 1.0, 30.0, 500.0)), late=st.floats(0.0, PACE_SLACK_S * 0.9))
def test_who_comes_a_little_late_every_time_is_not_slowed_down(per_s: float, late: float) -> None:
    rate, gate, now, gone = Rate(count=per_s, span_s=1.0), Gate(channel="a"), NOW, 0
    for _ in range(400):
        goes, next_at, gate = paced(gate, rate, wanted=1_000, now=now)
        gone += goes
        now = max(now, next_at) + late
    assert gone >= (now - NOW) * per_s * 0.999 - 1


# Since when a channel fails


def test_the_first_failure_in_a_row_is_remembered_until_one_arrives() -> None:
    gate = then(Gate(channel="a"), Verdict.UNAVAILABLE)
    later = after(gate, Outcome(verdict=Verdict.UNCERTAIN), trial=False, now=NOW + 99, breaker=BREAKER, credentials="")
    assert (later.failures, later.failing_since) == (2, NOW)
    assert then(later, Verdict.ACCEPTED).failing_since is None


def test_posts_that_nobody_sees_shut_the_gate_and_do_not_say_that_it_fails() -> None:
    gate = Gate(channel="a")
    for _ in range(3):
        gate = then(gate, Verdict.INVISIBLE)
    assert (gate.opened_at, gate.failing_since) == (NOW, None)


def test_a_refused_login_says_nothing_of_it_either_and_ends_what_was_known() -> None:
    gate = then(replace(SHUT, opened_at=None, failures=1, failing_since=NOW - 9), Verdict.UNAUTHORIZED)
    assert (gate.opened_at, gate.failing_since) == (NOW, None)
    assert then(replace(gate, trial_owner="me"), Verdict.UNAVAILABLE, trial=True).failing_since == NOW


def test_a_failure_long_after_the_last_is_another_outage() -> None:
    long_ago = NOW - SAME_OUTAGE_S - 1
    assert then(Gate(channel="a", failures=1, failing_since=long_ago), Verdict.UNAVAILABLE).failing_since == NOW
    rested = replace(TRIED, open_until=long_ago, failing_since=long_ago - 60)
    assert failing_since(rested, NOW) is None
    assert then(rested, Verdict.UNAVAILABLE, trial=True).failing_since == NOW
    assert then(replace(rested, open_until=NOW), Verdict.UNAVAILABLE, trial=True).failing_since == long_ago - 60


def test_a_gate_that_heals_keeps_its_pace() -> None:
    assert then(replace(TRIED, pace_at=NOW + 3), Verdict.ACCEPTED, trial=True).pace_at == NOW + 3


@pytest.mark.parametrize(
    ("back_s", "own", "expected"),
    [
        (0, None, 2),
        (4, None, 8),
        (18, None, 1_024),
        (20, None, None),
        (4, "5/s", 5),
        (4, "100/s", 8),
        (-1, None, None),
    ],
)
def test_a_channel_that_was_down_gets_more_and_more(back_s: float, own: str | None, expected: float | None) -> None:
    rate = Rate.parse(own) if own else None
    found = gradually(rate, Gate(channel="a", healed_at=NOW - back_s), NOW)
    assert (None if found is None else round(found.per_s)) == expected


def test_a_channel_that_was_never_down_has_its_own_rate_from_the_beginning() -> None:
    assert gradually(None, Gate(channel="a"), 3.0) is None
