"""How often something may happen: so many times in a span of time."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPANS_S = {"s": 1.0, "min": 60.0, "h": 3_600.0, "day": 86_400.0, "week": 604_800.0}

#: What a rate looks like, for readers of configurations and editors.
PATTERN = r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*/\s*(s|min|h|day|week)\s*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many times (`count`) in a span of `span_s` seconds."""

    count: float
    span_s: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Reads ``10/s``, ``20/min``, ``3/day``.

        Raises:
            ValueError: it is no rate, or one of nothing.
        """
        found = re.fullmatch(PATTERN, text)
        if found is None or float(found[1]) <= 0:
            raise ValueError(f'{text!r} is no rate. Write so many in a time, e.g. "10/s", "20/min" or "3/day".')
        return cls(count=float(found[1]), span_s=SPANS_S[found[2]])

    @property
    def per_s(self) -> float:
        """Times a second."""
        return self.count / self.span_s

    def __str__(self) -> str:
        span = next((name for name, seconds in SPANS_S.items() if seconds == self.span_s), f"{self.span_s:g} s")
        return f"{f'{self.count:.6f}'.rstrip('0').rstrip('.')}/{span}"
