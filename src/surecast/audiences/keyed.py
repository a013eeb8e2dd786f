"""Contacts that bring the names of their columns with them: JSON Lines, and what a function or a program gives."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from surecast.audiences.audience import Audience
from surecast.audiences.cells import as_cells
from surecast.audiences.columns import Columns, find_columns
from surecast.audiences.flaws import Unusable
from surecast.audiences.lines import LONGEST_LINE, EndlessLine, Lines, open_lines
from surecast.audiences.sources import Record, Source
from surecast.errors import ConfigError

MOST_HEADERS = 1000


class _Headers:
    """The headers that were met: few, so each is looked at once."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = wanted
        self._met: dict[tuple[Any, ...], Columns] = {}
        self.names: dict[str, str] = {}
        self.unread: dict[str, None] = {}

    def cells(self, item: object) -> tuple[str, ...] | Unusable:
        """A row's cells, or why there are none."""
        if not isinstance(item, Mapping):
            return Unusable("it is no object with names and values", 'Write e.g. {"name": "Anna", "phone": "+30..."}')
        try:
            header = tuple(item)
            columns = self._met.get(header) or self._meet(header)
            return as_cells(columns.pick((*item.values(), "")), columns.names)
        except Unusable as wrong:
            return wrong

    def _meet(self, header: tuple[Any, ...]) -> Columns:
        if not all(type(title) is str for title in header):
            raise Unusable("its names are not all texts", "Name the values by texts")
        columns = find_columns(header, self._wanted)
        if len(self._met) < MOST_HEADERS:
            self._met[header] = columns
            self.names.update(columns.names)
            self.unread.update(dict.fromkeys(columns.unread))
        return columns


@contextmanager
def open_json_lines(audience: Audience) -> Iterator[Source]:
    """Opens a file with one JSON object on each line.

    Raises:
        ConfigError: it cannot be read.
    """
    with open_lines(audience.path) as lines:
        headers = _Headers(audience.columns)
        yield Source(word="line", records=_lines(lines, headers), names=headers.names, unread=headers.unread)


def _lines(lines: Lines, headers: _Headers) -> Iterator[Record]:
    while True:
        lines.begin()
        try:
            line = next(lines)
        except StopIteration:
            return
        except EndlessLine:
            yield (
                lines.number,
                Unusable(f"the line is longer than {LONGEST_LINE} characters", "Look at it, or remove it"),
            )
            continue
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            yield lines.number, Unusable("it is no JSON", "Write one whole object on each line")
            continue
        yield lines.number, headers.cells(item)


@contextmanager
def open_function(audience: Audience) -> Iterator[Source]:
    """Calls a function that gives mappings, one for each contact.

    Raises:
        ConfigError: it cannot be found or called, or it raises while it is read.
    """
    items = iter(_called(audience))
    headers = _Headers(audience.columns)
    try:
        yield Source(
            word="row",
            records=_items(items, headers, audience.where),
            names=headers.names,
            unread=headers.unread,
        )
    finally:
        if (close := getattr(items, "close", None)) is not None:
            close()


@contextmanager
def open_rows(audience: Audience) -> Iterator[Source]:
    """Gives the rows that an audience holds itself."""
    headers = _Headers(audience.columns)
    records = ((number, headers.cells(row)) for number, row in enumerate(audience.rows or (), start=1))
    yield Source(word="row", records=records, names=headers.names, unread=headers.unread)


def _items(items: Iterator[object], headers: _Headers, where: str) -> Iterator[Record]:
    number = 0
    while True:
        number += 1
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:
            raise _broke(where, error) from error
        yield number, headers.cells(item)


def _called(audience: Audience) -> Iterable[object]:
    where = audience.where
    function = _found(audience)
    try:
        given = function()
    except Exception as error:
        raise _broke(where, error) from error
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise ConfigError(f"{where} gave {type(given).__name__}. It must give mappings, one for each contact.")
    return given


def _found(audience: Audience) -> Callable[[], object]:
    """The function; its module is looked for in the configuration's folder after all other places."""
    where = audience.where
    module_name, _, name = where.partition(":")
    folder = str(audience.folder.absolute())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"There is no module {error.name}, which {where} needs. Put it beside the configuration, or install it."
        ) from None
    except Exception as error:
        raise _broke(where, error) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(f"The module {module_name} has no function {name}. Correct source.")
    return function  # type: ignore[no-any-return]


def _broke(where: str, error: Exception) -> ConfigError:
    """Its text is left out: it may quote a person's data."""
    return ConfigError(f"{where} raised {type(error).__name__}. Call it by hand and see why.")
