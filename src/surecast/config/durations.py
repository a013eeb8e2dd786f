"""Time spans as people write them: ``"10 min"``, ``"90s"``, ``"1h 30min"``, ``90``."""

from __future__ import annotations

import math
import re
from types import MappingProxyType

LONGEST_S = 10 * 365 * 86_400.0  # beyond any sense here, and safely within what a datetime can hold

_UNITS = MappingProxyType(
    {
        **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
        **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
        **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
        **dict.fromkeys(("d", "day", "days"), 86_400.0),
        **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
    }
)
#: The same rule for editors: JSON Schema knows ECMA 262 expressions.
PATTERN = rf"^\s*(?:[0-9]+(?:\.[0-9]+)?\s*(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})\s*)+$"

_WHOLE = re.compile(PATTERN.replace("$", r"\Z"), re.IGNORECASE | re.ASCII)
_PIECE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", re.IGNORECASE | re.ASCII)
_SPOKEN = ((86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def seconds(written: str | float) -> float | None:
    """The span in seconds; None when it cannot be read or is beyond ten years."""
    if isinstance(written, str):
        if len(written) > 100 or not _WHOLE.match(written):
            return None
        span = sum(float(count) * _UNITS[unit.lower()] for count, unit in _PIECE.findall(written))
    else:
        try:
            span = float(written)
        except OverflowError:
            return None
    return span if math.isfinite(span) and 0 <= span <= LONGEST_S else None


def spoken(span_s: float) -> str:
    """The span as a person writes it: ``10 min``; `seconds` reads it back."""
    for unit_s, one, many in _SPOKEN:
        if span_s >= unit_s and span_s % unit_s == 0:
            count = int(span_s // unit_s)
            return f"{count} {one if count == 1 else many}"
    return f"{span_s:.3f}".rstrip("0").rstrip(".") + " s"
