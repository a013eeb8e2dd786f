"""How often something may happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.rate import SPANS_S, Rate


@pytest.mark.parametrize(
    ("text", "count", "span_s", "per_s"),
    [
        ("10/s", 10, 1, 10),
        ("20/min", 20, 60, 1 / 3),
        (" 0.5 / h ", 0.5, 3_600, 0.5 / 3_600),
        ("3/day", 3, 86_400, 3 / 86_400),
    ],
)
def test_a_rate_is_so_many_in_a_time(text: str, count: float, span_s: float, per_s: float) -> None:
    rate = Rate.parse(text)
    assert (rate.count, rate.span_s) == (count, span_s)
    assert rate.per_s == pytest.approx(per_s)


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "/s", "0/s", "0.0/min", "-1/s", "10/sec", "1e9/s", "١/s", "9" * 10 + "/s"]
)
def test_what_is_no_rate_is_answered_with_the_right_line(text: str) -> None:
    with pytest.raises(ValueError, match="no rate. Write so many in a time"):
        Rate.parse(text)


@given(
    whole=st.integers(0, 999_999_999),
    parts=st.integers(0, 999_999),
    span=st.sampled_from(sorted(SPANS_S)),
)
def test_a_rate_reads_back_as_it_is_written(whole: int, parts: int, span: str) -> None:
    if whole == parts == 0:
        return
    rate = Rate.parse(f"{whole}.{parts:06}/{span}")
    assert Rate.parse(str(rate)).per_s == pytest.approx(rate.per_s)


def test_a_span_without_a_name_is_shown_in_seconds() -> None:
    assert (str(Rate(count=10, span_s=1)), str(Rate(count=2.5, span_s=90))) == ("10/s", "2.5/90 s")
