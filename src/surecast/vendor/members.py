"""Reading documents of which nothing is certain: what is not as it should be counts as unknown, and nothing raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

Json = Mapping[str, object]

_BETWEEN = re.compile(r"[\s_-]+")
#: Instatus writes times as JavaScript does: Sat Jun 11 2022 18:55:50 GMT+0000 (Coordinated Universal Time),
#: https://instatus.com/help/api/public-data (2026-11-22).
_JAVASCRIPT = re.compile(r"GMT(?=[+-]\d{4})")


def as_object(value: object) -> Json:
    """`value`, or an empty object in place of anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> tuple[Json, ...]:
    """The objects of a list, which may as well be missing or null.

    What is no object counts as an empty one: something stands there that cannot be understood.
    """
    if value is None:
        return ()
    return tuple(as_object(item) for item in value) if isinstance(value, list) else ({},)


def text(value: object) -> str:
    """`value`, or an empty text in place of anything else."""
    return value if isinstance(value, str) else ""


def state(value: object) -> str:
    """A vendor's word for a state, as it is compared: ``PARTIAL_OUTAGE`` is ``partialoutage``."""
    return _BETWEEN.sub("", text(value)).lower()


def latest(times: Iterable[object], now: float) -> float | None:
    """The latest of `times` that is not to come, in Unix seconds; None when there is none."""
    moments = (moment(text(time)) for time in times)
    return max((each for each in moments if each is not None and each <= now), default=None)


def moment(time: str) -> float | None:
    """Unix seconds of an ISO 8601, RFC 5322 or JavaScript time; None when it is none of these.

    A time without a zone counts as UTC.
    """
    time = time.strip()[:100]
    try:
        found = _moment(time)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # all of which the standard library raises here
        return None


def _moment(time: str) -> datetime:
    try:
        return datetime.fromisoformat(time)
    except ValueError:
        return parsedate_to_datetime(_JAVASCRIPT.sub("", time, count=1))
