"""Quiet hours: when people are not to be woken, in their own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from surecast.message import Urgency

_ORDER = tuple(Urgency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """From when to when (local wall-clock times; they may span midnight), for announcements below an urgency."""

    begins: time
    ends: time
    below: Urgency = Urgency.EMERGENCY

    def applies(self, urgency: Urgency) -> bool:
        """Whether announcements of this urgency keep quiet hours."""
        return _ORDER.index(urgency) < _ORDER.index(self.below)

    def until(self, now: float, zone: tzinfo) -> float | None:
        """When the quiet hours end that reign at `now` (Unix seconds) in a zone; None while there are none.

        They follow the wall clock. Where it is changed so that one of their ends comes twice, or not at all, they are
        the longer ones.
        """
        today = datetime.fromtimestamp(now, zone).date()
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            last_day = day + timedelta(days=1) if self.ends <= self.begins else day
            begins_at, ends_at = min(_moments(day, self.begins, zone)), max(_moments(last_day, self.ends, zone))
            if begins_at <= now < ends_at:
                return ends_at
        return None


def _moments(day: date, wall: time, zone: tzinfo) -> tuple[float, float]:
    """When a clock on the wall shows a time; two moments where the clocks are changed then."""
    first, second = (datetime.combine(day, wall.replace(fold=fold), zone) for fold in (0, 1))
    return first.timestamp(), second.timestamp()
