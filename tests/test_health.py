"""What is believed of a channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surecast.health import Condition, Health, assess, assess_all
from surecast.policy import SAME_OUTAGE_S, Gate

NOW = 1_000.0
SHUT = Gate(channel="a", failures=3, opened_at=NOW - 60, open_until=NOW + 20, interval_s=30.0, reason="unavailable")


def test_of_a_closed_gate_alone_nothing_is_known_even_after_some_failures() -> None:
    assert assess(Gate(channel="a", failures=2), NOW) == Health(channel="a", condition=Condition.UNKNOWN)


def test_an_open_gate_is_down_since_it_opened_and_waits_for_its_rest() -> None:
    assert assess(SHUT, NOW) == Health(
        channel="a",
        condition=Condition.DOWN,
        not_before=NOW + 20,
        since=NOW - 60,
        reason="unavailable",
        reasons=("it does not work for us",),
    )


@pytest.mark.parametrize(
    ("trial_until", "open_until", "not_before"),
    [(NOW + 40, NOW - 1, NOW + 40), (NOW + 5, NOW + 20, NOW + 20), (NOW - 5, NOW - 10, NOW - 10)],
)
def test_a_trial_that_runs_is_waited_for(trial_until: float, open_until: float, not_before: float) -> None:
    gate = replace(SHUT, open_until=open_until, trial_owner="me", trial_until=trial_until)
    assert assess(gate, NOW).not_before == not_before


@pytest.mark.parametrize("gate", [SHUT, Gate(channel="a")])
def test_what_a_person_isolated_is_isolated_until_then(gate: Gate) -> None:
    isolated = replace(gate, isolated_until=NOW + 300)
    found = assess(isolated, NOW)
    assert (found.condition, found.not_before) == (Condition.ISOLATED, NOW + 300)
    assert assess(isolated, NOW + 300) == assess(gate, NOW + 300)


def test_all_channels_are_assessed_by_name() -> None:
    found = assess_all([SHUT, Gate(channel="b")], NOW)
    assert {name: health.condition for name, health in found.items()} == {"a": Condition.DOWN, "b": Condition.UNKNOWN}


def test_a_gate_that_is_shut_says_since_when_the_channel_fails_unless_nobody_tried_for_long() -> None:
    failing = replace(SHUT, failing_since=NOW - 90)
    assert assess(failing, NOW).failing_since == NOW - 90
    assert assess(failing, NOW + 20 + SAME_OUTAGE_S).failing_since == NOW - 90
    assert assess(failing, NOW + 21 + SAME_OUTAGE_S).failing_since is None
    assert assess(replace(failing, opened_at=None), NOW).failing_since is None
