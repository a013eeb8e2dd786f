"""When people are not to be woken."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.message import Urgency
from surecast.quiet import Quiet

NIGHT = Quiet(begins=time(22), ends=time(7))
NOON = Quiet(begins=time(13), ends=time(15, 30))
ATHENS, NEW_YORK = ZoneInfo("Europe/Athens"), ZoneInfo("America/New_York")
ZONES = ("Europe/Athens", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "UTC")


def at(*when: int, zone: ZoneInfo = ATHENS, fold: int = 0) -> float:
    return datetime(*when, tzinfo=zone, fold=fold).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, at(2026, 6, 1, 21, 59), None),
        (NIGHT, at(2026, 6, 1, 22, 0), at(2026, 6, 2, 7)),
        (NIGHT, at(2026, 6, 2, 0, 0), at(2026, 6, 2, 7)),
        (NIGHT, at(2026, 6, 2, 6, 59), at(2026, 6, 2, 7)),
        (NIGHT, at(2026, 6, 2, 7, 0), None),
        (NIGHT, at(2026, 12, 31, 23), at(2027, 1, 1, 7)),
        (NOON, at(2026, 6, 1, 12, 59), None),
        (NOON, at(2026, 6, 1, 13, 0), at(2026, 6, 1, 15, 30)),
        (NOON, at(2026, 6, 1, 15, 30), None),
    ],
)
def test_quiet_hours_by_the_clock_on_the_wall(quiet: Quiet, now: float, until: float | None) -> None:
    assert quiet.until(now, ATHENS) == until


def test_each_person_has_a_night_of_its_own() -> None:
    now = datetime(2026, 6, 1, 21, tzinfo=UTC).timestamp()  # midnight in Athens, five in the afternoon in New York
    assert NIGHT.until(now, ATHENS) == at(2026, 6, 2, 7)
    assert NIGHT.until(now, NEW_YORK) is None


def test_a_night_in_which_the_clocks_are_changed_ends_by_the_clock() -> None:
    for day in ((2026, 3, 29), (2026, 10, 25)):
        assert NIGHT.until(at(*day, 1), ATHENS) == at(*day, 7)


def test_an_end_that_comes_twice_is_the_second_one() -> None:
    early = Quiet(begins=time(22), ends=time(1, 30))
    last = at(2026, 11, 1, 1, 30, zone=NEW_YORK, fold=1)
    for fold in (0, 1):
        assert early.until(at(2026, 11, 1, 1, 10, zone=NEW_YORK, fold=fold), NEW_YORK) == last
    assert early.until(at(2026, 11, 1, 1, 40, zone=NEW_YORK, fold=0), NEW_YORK) == last
    assert early.until(last, NEW_YORK) is None


def test_an_end_that_never_comes_wakes_nobody_early() -> None:
    early = Quiet(begins=time(22), ends=time(2, 30))
    until = early.until(at(2026, 3, 8, 1, 59, zone=NEW_YORK), NEW_YORK)
    assert until == at(2026, 3, 8, 3, 30, zone=NEW_YORK)


@given(
    begins=st.times(),
    hours=st.integers(1, 20),
    now=st.floats(1_750_000_000, 1_850_000_000),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_they_always_end_soon_and_then_they_are_over(begins: time, hours: int, now: float, zone: ZoneInfo) -> None:
    quiet = Quiet(begins=begins, ends=begins.replace(hour=(begins.hour + hours) % 24))
    until = quiet.until(now, zone)
    if until is not None:
        assert now < until <= now + (hours + 2) * 3_600
        assert quiet.until(until, zone) is None
        return
    wall = datetime.fromtimestamp(now, zone).time()
    within = begins <= wall < quiet.ends if begins < quiet.ends else wall >= begins or wall < quiet.ends
    assert not within


@pytest.mark.parametrize(
    ("below", "keep_quiet"),
    [
        (Urgency.EMERGENCY, [Urgency.LOW, Urgency.NORMAL, Urgency.URGENT]),
        (Urgency.URGENT, [Urgency.LOW, Urgency.NORMAL]),
        (Urgency.LOW, []),
    ],
)
def test_only_what_is_below_an_urgency_keeps_quiet(below: Urgency, keep_quiet: list[Urgency]) -> None:
    quiet = Quiet(begins=time(22), ends=time(7), below=below)
    assert [urgency for urgency in Urgency if quiet.applies(urgency)] == keep_quiet
