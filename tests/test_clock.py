"""Times: one clock that never jumps, and how moments are written."""

from __future__ import annotations

import time
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from surecast.clock import SteadyClock, hours_minutes, iso
from surecast.testing import ManualClock

NOON = 1_780_308_000.0  # 2026-06-01T10:00Z, 13:00 in Athens


def test_a_step_of_the_system_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    before = clock.now()
    assert before == pytest.approx(time.time(), abs=0.5)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= clock.now() - before < 1


def test_machines_get_utc_with_milliseconds() -> None:
    assert iso(NOON + 0.25) == "2026-06-01T10:00:00.250Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOON, "13:00"),
        (NOON + 11 * 3600 - 1, "23:59"),
        (NOON + 11 * 3600, "2026-06-02 00:00"),
        (NOON - 13 * 3600 - 60, "2026-05-31 23:59"),
    ],
)
def test_people_get_the_time_of_their_zone_and_the_date_when_it_is_not_today(moment: float, expected: str) -> None:
    assert hours_minutes(moment, ZoneInfo("Europe/Athens"), NOON) == expected
    assert hours_minutes(NOON, UTC, NOON) == "10:00"


def test_a_clock_turned_by_hand_goes_only_forward() -> None:
    clock = ManualClock(NOON)
    clock.advance(1.5)
    assert clock.now() == NOON + 1.5
    with pytest.raises(ValueError, match="goes back"):
        clock.advance(-1)
