"""Opening a source: whatever it is, it gives rows of the same cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from surecast.audiences.audience import Audience
from surecast.audiences.flaws import Unusable
from surecast.audiences.people import Cells

#: A row's number, and its cells in the order of `FIELDS`, or why it cannot be read.
Record = tuple[int, Cells | Unusable]


@dataclass(slots=True, kw_only=True)
class Source:
    """An open source.

    Attributes:
        word: what a row is called, ``line`` or ``row``.
        records: the rows that are not blank, once.
        names: what it calls those of our fields that it has; grows while it is read where every row brings its own.
        unread: its columns that nothing reads, in order; grows likewise.
    """

    word: str
    records: Iterator[Record]
    names: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, None] = field(default_factory=dict)


def open_source(audience: Audience) -> AbstractContextManager[Source]:
    """The source of an audience; closed at the end, also when it was not read to its end.

    Raises:
        ConfigError: it cannot be read at all, on entering or while it is read.
    """
    if audience.sort == "csv":
        from surecast.audiences.csv_file import open_csv as opened  # noqa: PLC0415 - one source needs one reader
    elif audience.sort == "json lines":
        from surecast.audiences.keyed import open_json_lines as opened  # noqa: PLC0415
    elif audience.sort == "function":
        from surecast.audiences.keyed import open_function as opened  # noqa: PLC0415
    elif audience.sort == "rows":
        from surecast.audiences.keyed import open_rows as opened  # noqa: PLC0415
    else:
        from surecast.audiences.database import open_database as opened  # noqa: PLC0415
    return opened(audience)
