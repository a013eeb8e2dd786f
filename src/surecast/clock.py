"""One clock for the whole process: wall time that never jumps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """Tells the time in Unix seconds; passed in everywhere, so that tests turn it by hand."""

    def now(self) -> float: ...


class SteadyClock:
    """Wall time anchored once, carried on by the monotonic clock.

    A step of the system clock in the middle of an outage neither stretches nor cuts a turn: differences of two
    readings in one process are monotonic, and readings of several processes agree as well as their hosts' clocks do.
    """

    def __init__(self) -> None:
        self._offset = time.time() - _elapsed()

    def now(self) -> float:
        return _elapsed() + self._offset


def _elapsed() -> float:
    """Seconds that never go back, and that count the time a computer sleeps where the system can tell it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def iso(moment: float) -> str:
    """`moment` (Unix seconds) as ISO 8601 in UTC with milliseconds, as machines get it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hours_minutes(moment: float, zone: tzinfo, now: float) -> str:
    """`moment` for people in `zone`: ``06:07``, with the date in front when it is not today's."""
    then, today = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(now, zone)
    return then.strftime("%H:%M") if then.date() == today.date() else then.strftime("%Y-%m-%d %H:%M")
