"""The verdict table: the one place where it is written what a verdict means."""

from __future__ import annotations

import pytest

from surecast.outcome import ENDS_THE_ROUTE, PASSES_BY_ITSELF, RULES, Outcome, Reason, Rule, Scope, Verdict

#: retry here, breaker, spends the turn, look first, tell a person; as the documentation has it.
TABLE = {
    Verdict.ACCEPTED: ("no", "heals", False, False, False),
    Verdict.CONFIRMED: ("no", "heals", False, False, False),
    Verdict.INVISIBLE: ("no", "counts", True, False, True),
    Verdict.REFUSED: ("no", "ignores", True, False, True),
    Verdict.THROTTLED: ("stated_time", "ignores", False, False, False),
    Verdict.UNAVAILABLE: ("backoff", "counts", False, False, False),
    Verdict.UNAUTHORIZED: ("no", "opens", True, False, True),
    Verdict.UNCERTAIN: ("as_resend_allows", "counts", False, True, True),
    Verdict.SKIPPED: ("no", "ignores", True, False, False),
}


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_row(verdict: Verdict) -> None:
    rule = RULES[verdict]
    assert (rule.retry, rule.breaker, rule.spends, rule.look_first, rule.tell) == TABLE[verdict]


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RULES[Verdict.REFUSED] = Rule(retry="backoff", breaker="heals", spends=False)  # type: ignore[index]


def test_only_what_may_have_arrived_is_looked_up_before_it_is_sent_again() -> None:
    assert [verdict for verdict in Verdict if RULES[verdict].look_first] == [Verdict.UNCERTAIN]


def test_a_reason_ends_the_route_or_passes_but_never_both() -> None:
    assert frozenset() == ENDS_THE_ROUTE & PASSES_BY_ITSELF
    assert {Reason.EXPIRED, Reason.SUPERSEDED, Reason.CANCELLED} == ENDS_THE_ROUTE


def test_an_outcome_concerns_the_channel_unless_it_says_otherwise() -> None:
    outcome = Outcome(verdict=Verdict.REFUSED)
    assert (outcome.scope, outcome.reason, outcome.detail, outcome.receipt) == (Scope.CHANNEL, Reason.NONE, "", None)
