"""The lines of a text file, one record at a time, whatever the file holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from surecast.errors import ConfigError

#: No contact needs more; a file without line ends, or with a quote that nobody closed, must not fill the memory.
LONGEST_LINE = 100_000
MOST_LINES = 50

_ENDS = ("\n", "\r")
_ZIP = "PK\x03\x04"


class EndlessRecord(Exception):  # noqa: N818 - no error of the program: a row that cannot be taken
    """A record that takes more lines than it may, or that the file's end cuts off."""


class EndlessLine(Exception):  # noqa: N818 - likewise
    """A line longer than `LONGEST_LINE`; the rest of it has been passed over."""


class Lines:
    """The lines of a file as an iterator for a reader of records, which may take several for one.

    What a record took too much is given back, so that a quote that nobody closed costs one line and not all that
    follow. Bytes that are no UTF-8 come as lone surrogates.

    Attributes:
        number: that of the record's first line, from 1.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._back: deque[str | None] = deque()
        self._taken: list[str] = []
        self.number = 1

    def begin(self) -> None:
        """Begins the next record."""
        self.number += len(self._taken)
        self._taken.clear()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The record's next line.

        Raises:
            EndlessRecord: it has too many, or the file ends within it.
            EndlessLine: it is too long.
        """
        if len(self._taken) == MOST_LINES:
            raise EndlessRecord
        line = self._next()
        if self._taken and not line:
            if line is None:  # the record is given up first, then comes this line's turn
                self._back.appendleft(None)
            raise EndlessRecord
        if line is None:
            self._taken.append("")
            raise EndlessLine
        if not line:
            raise StopIteration
        self._taken.append(line)
        return line

    def peek(self) -> str:
        """The next record's first line, which stays; empty at the end, or when it is too long."""
        line = self._next()
        if line != "":
            self._back.appendleft(line)
        return line or ""

    def give_back(self) -> None:
        """Gives back all lines of the record but its first."""
        self._back.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]

    def _next(self) -> str | None:
        """The next line; empty at the end, None for one that is too long."""
        if self._back:
            return self._back.popleft()
        line = self._read()
        if len(line) < LONGEST_LINE or line.endswith(_ENDS):
            return line
        while (rest := self._read()) and not rest.endswith(_ENDS):
            pass
        return None

    def _read(self) -> str:
        try:
            return self._file.readline(LONGEST_LINE)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read ({error.strerror}). Look at its disk.") from error


@contextmanager
def open_lines(path: Path) -> Iterator[Lines]:
    """Opens a file.

    Raises:
        ConfigError: it cannot be read, now or later, or is no text.
    """
    try:
        file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}. Correct source, or put the file there.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder. Name a file in it.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}). Look at its permissions.") from error
    with file:
        lines = Lines(file, path)
        _refuse_what_is_no_text(lines.peek(), path)
        yield lines


def _refuse_what_is_no_text(first: str, path: Path) -> None:
    if first.startswith(_ZIP):
        raise ConfigError(f"{path} is a spreadsheet or another archive. Export it as CSV (UTF-8).")
    if "\0" in first:
        raise ConfigError(f"{path} is not UTF-8. Convert it, e.g. iconv -f utf-16 -t utf-8 old.csv > new.csv")
