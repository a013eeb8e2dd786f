"""Quiet hours: when people are not to be woken, in their own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

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

        A change of the clocks within them moves their end with the wall clock.
        """
        here = datetime.fromtimestamp(now, zone)
        wall = here.time()
        if self.begins <= self.ends:
            quiet, next_day = self.begins <= wall < self.ends, False
        else:
            quiet, next_day = wall >= self.begins or wall < self.ends, wall >= self.begins
        if not quiet:
            return None
        day = here.date() + timedelta(days=1) if next_day else here.date()
        return datetime.combine(day, self.ends, zone).timestamp()
