"""Reading an audience row by row; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from surecast.audiences.audience import Audience
from surecast.audiences.consent import latest_day
from surecast.audiences.flaws import Flaw, Unusable
from surecast.audiences.people import People
from surecast.audiences.sources import Source, open_source
from surecast.contact import Contact


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source.

    Attributes:
        number: its line in a file, its place in the answer of a database or a function; from 1.
        contact: without whatever is wrong; None when no address is left.
        flaws: what is wrong with it; never empty where there is no contact.
    """

    number: int
    contact: Contact | None = field(repr=False)
    flaws: tuple[Flaw, ...] = ()


def rows(audience: Audience, *, latest: date | None = None) -> Iterator[Row]:
    """The rows of an audience, each once, in their order; blank ones are passed over.

    Blocking; the source is opened with the first row and closed with the last one, or when the iterator is closed.
    Contacts without a language or a time zone have the audience's.

    Args:
        latest: the last day on which somebody can have agreed; today, unless given.

    Raises:
        ConfigError: the source cannot be read, with the first row or with a later one.
    """
    with opened_rows(audience, latest) as (_, found):
        yield from found


@contextmanager
def opened_rows(audience: Audience, latest: date | None = None) -> Iterator[tuple[Source, Iterator[Row]]]:
    """The rows, and the source that they come from."""
    with open_source(audience) as source:
        people = People(audience, source.word, source.names, latest or latest_day())
        yield source, _rows(source, people)


def _rows(source: Source, people: People) -> Iterator[Row]:
    for number, cells in source.records:
        if isinstance(cells, Unusable):
            yield Row(number, None, (people.flaw(number, "", cells),))
        else:
            yield Row(number, *people.contact(number, cells))
