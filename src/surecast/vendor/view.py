"""What a status page says, brought to one word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: The longest detail, in characters.
LONGEST = 200

#: Invisible characters: control, format (they turn the direction of writing round), half of a pair, private, none.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class Word(StrEnum):
    """How a vendor says that it is. UNKNOWN is no information, never a sign that all is well."""

    GOOD = "good"
    DEGRADED = "degraded"
    BAD = "bad"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


#: Of several words the first of these stands for all: what is known to be wrong before what is not known.
GRAVITY = (Word.BAD, Word.DEGRADED, Word.MAINTENANCE, Word.UNKNOWN, Word.GOOD)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a status page says.

    Attributes:
        detail: one short sentence for people, e.g. the title of the incident; a single line.
        at: when the page says it was updated, in Unix seconds; None when it does not say, or says a time to come.
    """

    word: Word
    detail: str
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One incident or component, and what it says of the whole."""

    word: Word
    title: str


def worst(words: Iterable[Word]) -> Word:
    """The gravest of `words`; of none UNKNOWN, as silence says nothing."""
    return min(words, key=GRAVITY.index, default=Word.UNKNOWN)


def unknown(detail: str) -> View:
    """No information, and why."""
    return View(word=Word.UNKNOWN, detail=detail)


#: What is told where the page itself has no words for it.
SENTENCES = {
    Word.GOOD: "The status page says that all is well.",
    Word.DEGRADED: "The status page tells of a disturbance.",
    Word.BAD: "The status page tells of an outage.",
    Word.MAINTENANCE: "The status page tells of maintenance.",
    Word.UNKNOWN: "The status page says nothing that can be understood.",
}


def told(word: Word, notices: Iterable[Notice], otherwise: str = "") -> str:
    """The detail for `word`: the title of what led to it, and how many more there are.

    Args:
        otherwise: the page's own words, for when no title tells more.
    """
    titles = [notice.title for notice in notices if notice.word is word and line(notice.title)]
    if word is Word.GOOD or not titles:
        return line(otherwise) or SENTENCES[word]
    more = f" (and {len(titles) - 1} more)" if len(titles) > 1 else ""
    return line(titles[0], LONGEST - len(more)) + more


def line(text: str, longest: int = LONGEST) -> str:
    """`text` in one line without invisible characters, cut to `longest` characters."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    seen = "".join(char for char in spaced if unicodedata.category(char) not in _INVISIBLE)
    words = " ".join(seen.split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
