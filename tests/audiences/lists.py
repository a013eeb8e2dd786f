"""Audiences of real files for the tests, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from surecast.audiences import Audience, Row, rows
from surecast.contact import Contact

TODAY = date(2026, 5, 31)


@dataclass(frozen=True)
class Lists:
    """A folder with lists of people."""

    folder: Path

    def csv(self, *lines: str | bytes, **rest: Any) -> Audience:
        return self.file("riders.csv", *lines, **rest)

    def file(self, name: str, *lines: str | bytes, end: bytes = b"\n", **rest: Any) -> Audience:
        data = b"".join((line if isinstance(line, bytes) else line.encode()) + end for line in lines)
        (self.folder / name).write_bytes(data)
        return Audience(source=name, folder=self.folder, **rest)


def read(audience: Audience) -> list[Row]:
    return list(rows(audience, latest=TODAY))


def contacts(audience: Audience) -> list[Contact]:
    return [row.contact for row in read(audience) if row.contact is not None]


def told(audience: Audience) -> list[str]:
    """All flaws, as a person reads them."""
    return [str(flaw) for row in read(audience) for flaw in row.flaws]
