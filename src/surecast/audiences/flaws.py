"""What is wrong in a row, told so that a person finds and mends it; never with what stands there."""

from __future__ import annotations

from dataclasses import dataclass


class Unusable(Exception):  # noqa: N818 - no error of the program: a cell, or a row, that cannot be taken
    """A value that cannot be taken: what is wrong with it, and what to do."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(f"{what}. {cure}")
        self.what = what
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something wrong in one row.

    Attributes:
        place: ``line 7`` of a file, ``row 7`` of a database or a function.
        column: as the source names it; empty when it is about the whole row.
        what: what is wrong; never the value itself.
        cure: what to do about it.
    """

    place: str
    column: str
    what: str
    cure: str

    def __str__(self) -> str:
        where = f"{self.place}, {self.column}" if self.column else self.place
        return f"{where}: {self.what}. {self.cure}"


def not_utf8() -> Unusable:
    """What is wrong with text that came through the decoder as lone surrogates."""
    return Unusable(
        "it holds bytes that are not UTF-8", "Convert the file, e.g. iconv -f latin1 -t utf-8 old.csv > new.csv"
    )


def holds_surrogates(value: str) -> bool:
    """Whether there is half a surrogate pair in it: a byte that was no UTF-8, or a broken escape of JSON."""
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)
