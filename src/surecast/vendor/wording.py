"""What the text of an incident says of its state: labels before all (``Resolved - …``), then sentences.

Vendors write updates newest first (Statuspage) or oldest first (Instatus). No incident begins as resolved, so one whose
first or last label says so is over, in whichever order they stand.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

from surecast.vendor.view import Word

OVER = frozenset({"resolved", "completed", "postmortem", "cancelled", "canceled"})
OPEN = frozenset(
    {
        *("investigating", "identified", "monitoring", "active", "ongoing"),
        *("degraded", "degraded performance", "partial outage"),
    }
)
SEVERE = frozenset({"outage", "major outage"})
UNDER_WAY = frozenset({"in progress", "verifying"})
PLANNED = frozenset({"scheduled", "planned", "upcoming"})
WELL = "operational"
UPDATE = "update"  # says that something was added, and thereby that it is not over

_ANY = "|".join(sorted({*OVER, *OPEN, *SEVERE, *UNDER_WAY, *PLANNED, WELL, UPDATE}, key=len, reverse=True))

#: At the beginning of a line: Resolved - …, [Resolved] …, Status: Resolved; and after the time of an update, as
#: Instatus writes it into one line: Sep 25, 16:01:05 GMT+0 - Resolved - …
_LABEL = re.compile(
    rf"(?:^[ \t]*|\d\d:\d\d(?::\d\d)?[ \t]\S{{1,8}}[ \t]-[ \t])(?:(?:status|state|severity):[ \t]*)?"
    rf"[\[(]?({_ANY})[\])]?(?=[ \t]*(?:[-–—]?$|[-–—][ \t])|[:.])",
    re.IGNORECASE | re.MULTILINE,
)
#: In a title: [Resolved] …, Resolved: …, … - Resolved, … resolved.
_IN_TITLE = re.compile(
    rf"[\[(]({_ANY})[\])]|^({_ANY})(?::|\s[-–—])|\s[-–—:]\s?({_ANY})\W?$|(?<!not )\b(resolved|completed)\W?$",
    re.IGNORECASE,
)

_BLOCK = re.compile(r"</?(?:p|br|hr|div|li|ul|ol|h[1-6]|tr|td|table|section|blockquote)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_END = (
    r"(?:resolved|fully recovered|operating normally|(?:is|are|now|fully|again|systems|services) operational|"
    r"(?:been|now|is|are|maintenance|work) (?:successfully )?completed?)\b"
)
_ENDED = re.compile(rf"\b{_END}", re.IGNORECASE)
_NOT_ENDED = re.compile(rf"(?:\b(?:not|never|yet to be)|n['’]t)(?: \w+){{0,3}} {_END}", re.IGNORECASE)
_LASTS = re.compile(
    r"\b(?:investigat(?:ing|e)|identified|monitor(?:ing)?|outages?|degraded|disruptions?)\b", re.IGNORECASE
)
_OUTAGE = re.compile(
    r"(?<!partial )(?<!minor )(?<!no )\b(?:outages?|unavailable|offline|is down|are down)\b", re.IGNORECASE
)
#: Before a word, in its sentence: it is not so, or not yet, or of something else.
_NONE = re.compile(r"\b(?:not?|never)\b|n['’]t\b", re.IGNORECASE)
_HEDGED = re.compile(
    r"\b(?:when|once|until|unless|if|will|would|should|before|to be|being|partially|others?|remain\w*|previous\w*)\b",
    re.IGNORECASE,
)
_STILL = re.compile(r"\b(?:still|but|however)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The state of one incident.

    Attributes:
        word: None for what is only announced.
        labelled: a label says so, not a sentence.
    """

    word: Word | None
    labelled: bool


def said(title: str, bodies: Iterable[str]) -> Said:
    """What an incident says of its state, in the first of its texts that has labels, or in its title."""
    texts = [plain(body) for body in bodies]
    for text in texts:
        labels = [match[1].lower() for match in _LABEL.finditer(text)]
        if labels:
            return Said(word=_of_labels(labels, title), labelled=True)
    labels = [word.lower() for match in _IN_TITLE.finditer(title) for word in match.groups() if word]
    if labels:
        return Said(word=_of_labels(labels, title), labelled=True)
    words = (_of_sentences(f"{title}.\n{text}") for text in texts or [""])
    return Said(word=next((word for word in words if word is not Word.UNKNOWN), Word.UNKNOWN), labelled=False)


def bare(title: str) -> str:
    """`title` without what it says of the state, to tell that two entries are about one incident."""
    return _IN_TITLE.sub("", title).strip().casefold()


def plain(markup: str) -> str:
    """The text of HTML in lines. Twice, as Instatus escapes its markup twice."""
    for _ in range(2):
        with contextlib.suppress(ValueError):  # a character's number of thousands of digits
            markup = html.unescape(markup)
        markup = _TAG.sub("", _BLOCK.sub("\n", markup))
    return markup.replace("\xa0", " ")


def _of_labels(labels: list[str], title: str) -> Word | None:
    if OVER & {labels[0], labels[-1]}:
        return Word.GOOD
    found = set(labels)
    if found & SEVERE or (found & OPEN and _OUTAGE.search(title)):
        return Word.BAD
    if found & OPEN:
        return Word.DEGRADED
    if found & UNDER_WAY:
        return Word.MAINTENANCE
    if found & PLANNED:
        return None
    return Word.GOOD if found == {WELL} else Word.UNKNOWN


def _of_sentences(text: str) -> Word:
    """The last sentence that says something decides: without labels, an update reads from its beginning."""
    word = Word.UNKNOWN
    for sentence in _SENTENCE.split(text):
        word = _of_sentence(sentence) or word
    return word


def _of_sentence(sentence: str) -> Word | None:
    hedged = _start(_HEDGED, sentence)
    lasts = _start(_LASTS, sentence) < min(hedged, _start(_NONE, sentence))
    ended = _start(_ENDED, sentence) < hedged
    if _start(_NOT_ENDED, sentence) < hedged:
        lasts, ended = True, False
    if ended and not (lasts and _STILL.search(sentence)):
        return Word.GOOD
    if lasts:
        return Word.BAD if _OUTAGE.search(sentence) else Word.DEGRADED
    return None


def _start(pattern: re.Pattern[str], sentence: str) -> int:
    """Where the first match begins; after the end when there is none."""
    found = pattern.search(sentence)
    return len(sentence) if found is None else found.start()
