from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.config.durations import LONGEST_S, PATTERN, seconds, spoken


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10 min", 600.0),
        ("90s", 90.0),
        ("2h", 7200.0),
        ("1 day", 86_400.0),
        ("90 days", 7_776_000.0),
        ("1h 30min", 5400.0),
        ("1.5 h", 5400.0),
        (" 2 Hours ", 7200.0),
        ("250ms", 0.25),
        (45, 45.0),
        (0.5, 0.5),
        ("0s", 0.0),
    ],
)
def test_a_span_as_people_write_it(written: str | float, expected: float) -> None:
    assert seconds(written) == expected


@pytest.mark.parametrize(
    "written",
    ["", "ten min", "10", "min", "-5s", "5 s -", "1e3s", "5 fortnights", "99999 days", "٣ s", -1, float("inf")],
)
def test_what_is_no_span_is_none(written: str | float) -> None:
    assert seconds(written) is None


@pytest.mark.parametrize("written", [float("nan"), 10**400, "9" * 90 + "s", "1s" * 60])
def test_what_no_clock_can_count_is_none(written: str | float) -> None:
    assert seconds(written) is None


@given(st.floats(min_value=0, max_value=LONGEST_S).map(lambda span: round(span, 1)))
def test_a_span_that_is_said_is_read_back(span: float) -> None:
    assert seconds(spoken(span)) == span


@given(st.text(alphabet="0123456789. smhdwinekly", max_size=12))
def test_the_editors_pattern_takes_what_the_reader_takes(written: str) -> None:
    taken = seconds(written) is not None or bool(re.search(PATTERN, written))
    assert bool(re.search(PATTERN, written)) == taken
