"""What every template may show: moments as a clock shows them, and spans of time."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from surecast.text.filling import Moment, duration, is_file

SINCE = 1_776_308_520.0  # 2026-04-16 06:02 in Athens
NOON = SINCE + 6 * 3_600


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("Europe/Athens", NOON, "06:02 EEST"),
        ("Europe/Athens", SINCE + 86_400, "2026-04-16 06:02 EEST"),
        ("Europe/Athens", None, "2026-04-16 06:02 EEST"),
        ("America/Sao_Paulo", NOON, "00:02 UTC-03"),
        ("UTC", SINCE, "03:02 UTC"),
    ],
)
def test_a_moment_is_also_what_the_clock_shows(zone: str, now: float | None, expected: str):
    moment = Moment(SINCE, ZoneInfo(zone), now)
    assert (moment, moment.clock) == (SINCE, expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1 min"),
        (-5, "1 min"),
        (119, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (29_900, "8 h 18 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_a_span_is_read_alike_in_every_language(seconds: float, expected: str):
    assert duration(seconds) == expected


def test_what_cannot_be_looked_at_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "is_file", forbidden)
    assert not is_file(Path("notice.txt.j2"))
