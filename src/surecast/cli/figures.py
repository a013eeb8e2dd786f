"""Numbers as people read them: contacts, money, time spans."""

from __future__ import annotations

_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def counted(number: int, one: str, many: str = "") -> str:
    """``1 row``, ``1,200 rows``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def money(amount: float, currency: str) -> str:
    """``3,212.00 EUR``."""
    return f"{amount:,.2f} {currency}"


def about(seconds: float) -> str:
    """A time span in its two largest units: ``40 s``, ``12 min``, ``1 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    left = round(seconds / 60) * 60.0
    told = []
    for length, unit in _SPANS:
        if left >= length:
            told.append(f"{left // length:.0f} {unit}")
            left %= length
    return " ".join(told[:2])
