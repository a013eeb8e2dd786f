"""Mistakes while a configuration is read: collected with their place, never raised one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from surecast.config.lines import line_numbers
from surecast.errors import Mistake

#: Tables whose second word is a name that the person chose: ``[channels.bluesky]``.
NAMED_TABLES = frozenset({"channels", "audiences", "people", "urgencies"})
PLAIN_TABLES = frozenset({"routes", "network", "breaker"})
LONGEST_KEY_SHOWN = 60

#: The cure for a key of the top that stands below a header, and so in its table.
ABOVE = "Move it above the first line in [brackets]"


class Bad(Enum):
    """Stands for a value that cannot be read; what is wrong has been reported."""

    BAD = "bad"


BAD: Literal[Bad.BAD] = Bad.BAD


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found at a place of the document; `path` is its keys from the top."""

    path: tuple[str | int, ...]
    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class At:
    """A place in the document while it is read.

    Attributes:
        folder: where relative paths start.
        findings: collects what is wrong, over the whole document.
        example: what a person might write here, as it stands in the file.
    """

    path: tuple[str | int, ...]
    folder: Path
    findings: list[Finding] = field(repr=False)
    example: str = ""

    def below(self, key: str | int, example: str = "") -> At:
        """The place of `key` in the table or list at this place."""
        return At((*self.path, key), self.folder, self.findings, example)

    def wrong(self, what: str, cure: str) -> Literal[Bad.BAD]:
        """Reports a mistake here."""
        self.findings.append(Finding(self.path, what, cure))
        return BAD

    def expected(self, wanted: str, value: object, example: str) -> Literal[Bad.BAD]:
        """Reports a value of another sort than `wanted`; the value itself is not shown, it may be a secret."""
        return self.wrong(f"{wanted} is expected, not {sort_of(value)}", f"Write {self.line(example)}")

    def failed(self, sentence: str) -> Literal[Bad.BAD]:
        """Reports what a check said: what is wrong, then what to write instead, as one text."""
        what, _, cure = sentence.partition(". ")
        return self.wrong(what.rstrip("."), cure or "See docs/configuration.md")

    def line(self, example: str) -> str:
        """The line as it might be written; the declared example goes before `example`."""
        return f"{self.key} = {self.example or example}"

    @property
    def key(self) -> str:
        """The innermost key, as it is written."""
        return next((shown(part) for part in reversed(self.path) if isinstance(part, str)), "value")


def sort_of(value: object) -> str:
    """What sort of value this is, in words; never the value."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def shown(key: str) -> str:
    """A key as it is written in a file, short and safe for a terminal."""
    short = key if len(key) <= LONGEST_KEY_SHOWN else key[: LONGEST_KEY_SHOWN - 3] + "..."
    if re.fullmatch(r"[A-Za-z0-9_-]+", short):
        return short
    return json.dumps(short, ensure_ascii=not short.isprintable())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    import difflib  # noqa: PLC0415 - only needed to help with a mistake

    candidates = tuple(known)
    asked = word[:LONGEST_KEY_SHOWN].lower().replace("-", "_")
    return next(iter(difflib.get_close_matches(asked, candidates, n=1, cutoff=0.6)), None)


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = tuple(words) or ("nothing",)
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True, slots=True)
class Locator:
    """Gives findings in one file their line; the text is scanned only when there is one."""

    file: str
    text: str = field(repr=False)

    def mistakes(self, findings: Iterable[Finding]) -> tuple[Mistake, ...]:
        """The findings with file, line and table, in the order of the lines."""
        wrong = tuple(findings)
        lines = line_numbers(self.text) if wrong else {}
        placed = sorted(((_line(finding.path, lines), finding) for finding in wrong), key=lambda pair: pair[0])
        return tuple(Mistake(self._place(line, one.path), one.what, one.cure) for line, one in placed)

    def _place(self, line: int, path: tuple[str | int, ...]) -> str:
        return f"{self.file}:{line} {_spoken(path)}".strip() if line else f"{self.file} {_spoken(path)}".strip()


def _line(path: tuple[str | int, ...], lines: Mapping[tuple[str, ...], int]) -> int:
    """The line of a key, else of the innermost table around it that has one; 0 when none has."""
    keys = tuple(part for part in path if isinstance(part, str))
    return next((lines[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in lines), 0)


def _spoken(path: tuple[str | int, ...]) -> str:
    """``[channels.bluesky] handle``; ``[routes] default``; ``sender``."""
    if not path:
        return ""
    depth = 2 if path[0] in NAMED_TABLES else 1 if path[0] in PLAIN_TABLES else 0
    table = ".".join(shown(part) for part in path[:depth] if isinstance(part, str))
    rest = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path[depth:])
    return " ".join(filter(None, (f"[{table}]" if table else "", rest.lstrip("."))))
