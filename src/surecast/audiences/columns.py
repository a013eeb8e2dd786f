"""Which of a source's columns are ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from surecast.audiences.audience import FIELDS
from surecast.errors import ConfigError

ADDRESSES = ("phone", "email", "telegram")
MOST_LISTED = 20

#: What other programs call addresses; only to help with a mistake.
_OTHER_WORDS = {
    **dict.fromkeys(
        ("phone", "phone_number", "telephone", "mobile", "mobile_phone", "cell", "cellphone", "sms"), "phone"
    ),
    **dict.fromkeys(("email", "mail", "email_address", "mail_address"), "email"),
    **dict.fromkeys(("telegram", "telegram_id", "chat_id"), "telegram"),
}

Pick = Callable[[Sequence[Any]], tuple[Any, ...]]

_VALUE = re.compile(r"@|\d{5}|://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A header that was read.

    Attributes:
        names: what the source calls those of our fields that it has.
        unread: its columns that nothing reads.
        pick: from a row with one more cell for what is not there, the cells of all our fields in their order.
    """

    names: Mapping[str, str]
    unread: tuple[str, ...]
    pick: Pick


def find_columns(header: Sequence[str], wanted: Mapping[str, str]) -> Columns:
    """Finds our fields in a header: under the names that the configuration gives, else under ours.

    Case does not count, nor whether words are joined by a space, ``-`` or ``_``.
    """
    places: dict[str, int] = {}
    for number, title in enumerate(header):
        places.setdefault(_plain(title), number)
    found = {field: places[title] for field in FIELDS if (title := _plain(wanted.get(field, field))) in places}
    taken = set(found.values())
    return Columns(
        names={field: header[number] for field, number in found.items()},
        unread=tuple(title for number, title in enumerate(header) if number not in taken and title.strip()),
        pick=itemgetter(*(found.get(field, -1) for field in FIELDS)),
    )


def require_columns(header: Sequence[str], wanted: Mapping[str, str], where: str) -> Columns:
    """The columns of a source that has one header for all rows.

    Raises:
        ConfigError: one that the configuration names is not there, one that is read is there twice, or there is none
            with an address; with the columns that there are.
    """
    columns = find_columns(header, wanted)
    _refuse_data(header, columns, where)
    for field, title in wanted.items():
        if field not in columns.names:
            raise ConfigError(f"{where} has no column {title!r} (columns.{field}). {_instead(title, header)}")
    titles = [_plain(title) for title in header]
    for field, title in columns.names.items():
        if titles.count(_plain(title)) > 1:
            raise ConfigError(f"{where} has more than one column {title!r}. Rename those that are not the {field}.")
    if not any(field in columns.names for field in ADDRESSES):
        field, title = _likely(header) or ("phone", "Mobile")
        raise ConfigError(
            f"{where} has no column with addresses (phone, email or telegram). {_there_are(header)} "
            f'Say which it is, e.g. columns = {{ {field} = "{title}" }}.'
        )
    return columns


def _refuse_data(header: Sequence[str], columns: Columns, where: str) -> None:
    """A first line that holds a person's data must not be shown as the names of columns."""
    if not columns.names and any(_VALUE.search(title) for title in header):
        raise ConfigError(
            f"The first line of {where} names no columns: it seems to hold a contact. "
            "Put a line above it, e.g. name,phone,email."
        )


def _instead(title: str, header: Sequence[str]) -> str:
    near = _near(title, header)
    return f"Did you mean {near[0]!r}?" if near else _there_are(header)


def _there_are(header: Sequence[str]) -> str:
    named = [title[:60] for title in header if title.strip()]
    more = f" and {len(named) - MOST_LISTED} more" if len(named) > MOST_LISTED else ""
    return f"There are: {', '.join(named[:MOST_LISTED])}{more}." if named else "It names no columns at all."


def _near(title: str, header: Iterable[str]) -> list[str]:
    known = {_plain(one): one for one in header if len(one) <= 60}
    return [known[one] for one in difflib.get_close_matches(_plain(title), known, n=1, cutoff=0.6)]


def _likely(header: Sequence[str]) -> tuple[str, str] | None:
    """A column that probably holds addresses, and which."""
    for title in header:
        if near := difflib.get_close_matches(_plain(title[:60]), _OTHER_WORDS, n=1, cutoff=0.75):
            return _OTHER_WORDS[near[0]], title
    return None


def _plain(title: str) -> str:
    return title.strip().casefold().replace(" ", "_").replace("-", "_")
