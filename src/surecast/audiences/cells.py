"""Values of other types as the text that would stand in a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from surecast.audiences.audience import FIELDS
from surecast.audiences.flaws import Unusable


def as_cells(values: Iterable[Any], names: Mapping[str, str]) -> tuple[str, ...]:
    """The values of one row, in the order of `FIELDS`, as texts.

    Raises:
        Unusable: one of them is none that a text could hold.
    """
    return tuple(
        value if type(value) is str else _text(value, names.get(field, field))
        for field, value in zip(FIELDS, values, strict=True)
    )


def _text(value: object, column: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int() | UUID():
            return str(value)
        case float() | Decimal() if _is_whole(value):  # a spreadsheet or a data frame made a number of it
            return str(int(value))
        case date():
            return value.isoformat()
    raise Unusable(f"{column} is a {type(value).__name__}, which is no text", "Give a text, a number, a day or nothing")


def _is_whole(value: float | Decimal) -> bool:
    return math.isfinite(value) and -1e18 < value < 1e18 and value == int(value)
