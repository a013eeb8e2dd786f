"""What a cell says about consent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from surecast.audiences.flaws import Unusable

#: `unsaid`: nothing stands there, so what holds for the whole list decides.
Said = Literal["yes", "no", "unsaid"]

YES = frozenset({"yes", "true", "1", "y"})
NO = frozenset({"no", "false", "0", "n"})


def latest_day() -> date:
    """The day that it is where the day is furthest."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()


@lru_cache(maxsize=8192)
def said(value: str, latest: date) -> Said:
    """What a cell says.

    Args:
        value: without space around it.
        latest: the last day on which somebody can have agreed.

    Raises:
        Unusable: it cannot be read, or names a day to come; then there is no consent.
    """
    word = value.casefold()
    if not word:
        return "unsaid"
    if word in YES:
        return "yes"
    if word in NO:
        return "no"
    try:
        day = datetime.fromisoformat(value).date()
    except ValueError:
        raise Unusable(
            "it does not say whether there is consent", "Write yes, no, or the day of the consent (2024-05-31)"
        ) from None
    if day > latest:
        raise Unusable("the day of the consent is in the future", "Correct it, or write no")
    return "yes"
