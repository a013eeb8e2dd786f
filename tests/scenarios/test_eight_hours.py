"""Hours of an outage with an announcement every 18 seconds: the platform is spared, and memory does not grow.

Two hours stand for eight: after the first, the pauses of the breaker are as long as they get.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from surecast.policy import Breaker
from surecast.replay import Spell, Timeline, play, player
from surecast.sandbox import Fault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MINUTE_S, HOUR_S = 60.0, 3_600.0
DOWN_S, EVERY_S = 2 * HOUR_S, 18.0
BEGINS_S = 10 * MINUTE_S
MOST_GROWTH = 10 * 1024 * 1024


def pauses(breaker: Breaker, lasts_s: float) -> int:
    """How many of its pauses, each twice as long as the one before, go into a time."""
    found, at_s, pause_s = 0, 0.0, breaker.interval_s
    while at_s < lasts_s:
        found, at_s, pause_s = found + 1, at_s + pause_s, min(2 * pause_s, breaker.longest_s)
    return found


def resident() -> int:
    """Bytes of memory that this process really has."""
    gc.collect()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HIDDEN])
def test_a_platform_that_is_down_for_hours_is_spared(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    after_half_an_hour: list[int] = []
    turn_to = player.TurnedClock.turn_to

    def turned(clock: player.TurnedClock, moment: float) -> None:
        if moment >= player.BEGINS_AT + HOUR_S / 2 and not after_half_an_hour:
            after_half_an_hour.append(resident())
        turn_to(clock, moment)

    monkeypatch.setattr(player.TurnedClock, "turn_to", turned)
    timeline = Timeline(
        title="Hours",
        source="",
        platform="bluesky",
        spells=(Spell(begins_s=BEGINS_S, ends_s=BEGINS_S + DOWN_S, fault=fault),),
        announcing_s=BEGINS_S + DOWN_S,
        every_s=EVERY_S,
        incidents=12,
        lasts_s=BEGINS_S + DOWN_S + 30 * MINUTE_S,
    )
    figures = play(timeline)
    grown = resident() - after_half_an_hour[0]

    assert figures.in_time == figures.announcements >= 400 + BEGINS_S / EVERY_S
    assert figures.requests <= 0.1 * DOWN_S / EVERY_S + pauses(Breaker(), DOWN_S)
    assert grown < MOST_GROWTH, f"{grown / 1024 / 1024:.1f} MiB more"
    assert (figures.doubled, figures.missing, figures.notices) == (0, 0, 1)
