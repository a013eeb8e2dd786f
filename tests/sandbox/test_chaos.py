from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.errors import UsageError
from surecast.sandbox.chaos import Fault, Kind, On, Switch, Trouble


@pytest.mark.parametrize(
    ("on", "covered"),
    [
        (On.ALL, set(Kind)),
        (On.WRITES, {Kind.WRITE}),
        (On.READS, {Kind.READ}),
        (On.UPLOADS, {Kind.UPLOAD}),
        (On.SESSIONS, {Kind.SESSION}),
    ],
)
def test_a_reach_covers_its_own_kind(on: On, covered: set[Kind]) -> None:
    assert {kind for kind in Kind if on.covers(kind)} == covered


@pytest.mark.parametrize(
    "values",
    [
        {"fault": Fault.ERROR, "remaining": 0},
        {"fault": Fault.SLOW, "seconds": -1},
        {"fault": Fault.SLOW, "seconds": float("nan")},
        {"fault": Fault.DOWN, "remaining": 1},
        {"fault": Fault.DOWN, "on": On.WRITES},
        {"fault": Fault.HIDDEN, "on": On.WRITES},
        {"fault": Fault.HALF, "taken_in": False},
        {"fault": Fault.HIDDEN, "taken_in": True},
    ],
)
def test_values_that_cannot_go_together_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Trouble(**values)


def test_a_trouble_is_read_from_json() -> None:
    given = {"fault": "throttled", "on": "writes", "remaining": 2, "seconds": 7, "wait": "date", "taken_in": True}
    expected = Trouble(fault=Fault.THROTTLED, on=On.WRITES, remaining=2, seconds=7, wait="date", taken_in=True)
    assert Trouble.read(given) == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Which fault? Give one of: none, down"),
        ({"fault": "fire"}, "fault is 'fire'. Give one of: none, down"),
        ({"fault": ["down"]}, "fault is"),
        ({"fault": "error", "on": "mondays"}, "on is 'mondays'. Give one of: all, writes"),
        ({"fault": "error", "times": 3}, "'times' is not known. Known are: fault, on"),
        ({"fault": "error", "remaining": "3"}, "remaining is '3'. Give a whole number"),
        ({"fault": "error", "remaining": True}, "remaining is True. Give a whole number"),
        ({"fault": "slow", "seconds": "1"}, "seconds is '1'. Give a number of seconds"),
        ({"fault": "error", "wait": "long"}, "wait is 'long'. Give one of: own, date, absent"),
        ({"fault": "error", "wait": []}, "wait is []"),
        ({"fault": "error", "taken_in": "yes"}, "taken_in is neither true nor false"),
    ],
)
def test_a_mistake_in_json_is_answered_with_what_may_be_written(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        Trouble.read(given)
    assert str(caught.value).startswith(told)


@given(on=st.sampled_from(On), remaining=st.integers(1, 5), kinds=st.lists(st.sampled_from(Kind), max_size=12))
def test_exactly_the_first_requests_of_its_kind_are_struck(on: On, remaining: int, kinds: list[Kind]) -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.ERROR, on=on, remaining=remaining))
    struck = []
    for kind in kinds:
        struck.append(switch.strike(kind)[0] is not None)
        switch.expire()
    matching = [place for place, kind in enumerate(kinds) if on.covers(kind)]
    assert [place for place, hit in enumerate(struck) if hit] == matching[:remaining]
    assert bool(switch.troubles) == (len(matching) < remaining)


def test_what_remains_is_told() -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.ERROR, remaining=3), Trouble(fault=Fault.EDGE, on=On.READS))
    switch.strike(Kind.WRITE)
    expected = (Trouble(fault=Fault.ERROR, remaining=2), Trouble(fault=Fault.EDGE, on=On.READS))
    assert switch.troubles == expected


def test_the_first_trouble_that_covers_a_request_strikes_it() -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.ERROR, on=On.WRITES), Trouble(fault=Fault.EDGE))
    struck = [trouble.fault for kind in (Kind.WRITE, Kind.READ) if (trouble := switch.strike(kind)[0])]
    assert struck == [Fault.ERROR, Fault.EDGE]


def test_hiding_strikes_readers_and_lets_other_trouble_strike_the_request() -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.HIDDEN), Trouble(fault=Fault.RESET, on=On.WRITES))
    assert switch.strike(Kind.READ)[0] is None
    struck = switch.strike(Kind.WRITE)[0]
    assert struck is not None
    assert struck.fault == Fault.RESET
    assert switch.hidden


def test_the_last_request_that_is_counted_still_finds_posts_hidden() -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.HIDDEN, on=On.READS, remaining=1))
    switch.strike(Kind.READ)
    during = switch.hidden
    switch.expire()
    assert (during, switch.hidden) == (True, False)


def test_setting_other_trouble_lets_go_what_hangs() -> None:
    switch = Switch()
    switch.set(Trouble(fault=Fault.HANG_AFTER))
    _, lifted = switch.strike(Kind.WRITE)
    before = lifted.is_set()
    switch.set(Trouble(fault=Fault.NONE))
    assert (before, lifted.is_set(), switch.troubles) == (False, True, ())


def test_every_fault_stands_in_the_table() -> None:
    from surecast.sandbox import chaos

    table = chaos.__doc__ or ""
    assert [fault for fault in Fault if fault is not Fault.NONE and fault not in table] == []
