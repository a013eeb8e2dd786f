"""Contacts in a CSV file, as spreadsheets and other programs write it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from surecast.audiences.audience import Audience
from surecast.audiences.columns import Columns, require_columns
from surecast.audiences.flaws import Unusable, holds_surrogates, not_utf8
from surecast.audiences.lines import LONGEST_LINE, MOST_LINES, EndlessLine, EndlessRecord, Lines, open_lines
from surecast.audiences.sources import Record, Source
from surecast.errors import ConfigError

DELIMITERS = (",", ";", "\t")

_QUOTED = re.compile(r'"[^"]*"')
_SEPARATOR = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)  # what Excel writes and reads as the first line


@contextmanager
def open_csv(audience: Audience) -> Iterator[Source]:
    """Opens the file and reads its header.

    Raises:
        ConfigError: it cannot be read, or its header gives no addresses.
    """
    with open_lines(audience.path) as lines:
        reader = csv.reader(lines, delimiter=_delimiter(lines))
        header = _header(lines, reader, audience.where)
        columns = require_columns(header, audience.columns, audience.where)
        yield Source(
            word="line",
            records=_records(lines, reader, len(header), columns),
            names=columns.names,
            unread=dict.fromkeys(columns.unread),
        )


def _delimiter(lines: Lines) -> str:
    """What stands between the cells: what the first line says, else whatever it holds most of."""
    if found := _SEPARATOR.fullmatch(lines.peek()):
        lines.begin()
        next(lines)
        return found[1]
    first = _QUOTED.sub("", lines.peek())
    return max(DELIMITERS, key=first.count)


def _header(lines: Lines, reader: Any, where: str) -> list[str]:
    """The first row that is not blank."""
    for number, cells in _rows(lines, reader):
        if isinstance(cells, Unusable):
            raise ConfigError(f"{where}, line {number}: {cells.what}. {cells.cure}.")
        if any(map(holds_surrogates, cells)):
            wrong = not_utf8()
            raise ConfigError(f"{where}, line {number}: {wrong.what}. {wrong.cure}.")
        return cells
    raise ConfigError(f"{where} is empty. Write e.g. name,phone,email on its first line, and contacts below.")


def _records(lines: Lines, reader: Any, width: int, columns: Columns) -> Iterator[Record]:
    pick = columns.pick
    for number, cells in _rows(lines, reader):
        if isinstance(cells, Unusable):
            yield number, cells
            continue
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) != width:
            yield number, _ragged(len(cells), width)
            continue
        cells.append("")  # for the columns that are not there
        yield number, pick(cells)


def _rows(lines: Lines, reader: Any) -> Iterator[tuple[int, list[str] | Unusable]]:
    """The rows that are not blank, with the numbers of their first lines."""
    cells: list[str]
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except EndlessLine:
            yield (
                lines.number,
                Unusable(f"the line is longer than {LONGEST_LINE} characters", "Look at it, or remove it"),
            )
        except (EndlessRecord, csv.Error):
            lines.give_back()
            yield (
                lines.number,
                Unusable(
                    f"a quotation mark is opened and not closed within {MOST_LINES} lines",
                    'Close it, or write it twice: ""',
                ),
            )
        else:
            if any(map(str.strip, cells)):
                yield lines.number, cells


def _ragged(count: int, width: int) -> Unusable:
    """Cells that are shifted would give one person's consent to another address, so none of them is believed."""
    return Unusable(
        f"it has {count} cells, and the header has {width}",
        "Write an empty cell where there is nothing, and quotation marks around a cell that holds a separator",
    )
