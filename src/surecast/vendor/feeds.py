"""Feeds of incidents, RSS 2.0 and Atom: what the entries of the last day say, incident by incident.

An entry is an incident (Statuspage, Instatus, incident.io, Slack) or one update of it (Better Stack); those with the
same link and title are one incident, of which the newest speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surecast.vendor.members import latest, moment
from surecast.vendor.view import Notice, View, Word, line, told, unknown, worst
from surecast.vendor.wording import bare, plain, said

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: An entry that is older says nothing of today.
FRESH_S = 86_400.0
#: But an incident that is older and still said to be open may last: Instatus dates an entry by when it began.
LASTING_S = 7 * 86_400.0
#: A vendor's clock may be a little ahead of ours.
AHEAD_S = 300.0

TIMES = ("updated", "pubdate", "date", "published")
BODIES = ("content", "encoded", "description", "summary")

NO_COMPONENTS = (
    "The status page is a feed, which lists no components. "
    "Give the address of its components.json, or leave the component out."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a feed; `at` as it stands there, be it to come."""

    title: str
    link: str
    at: float | None
    bodies: tuple[str, ...]


def feed(root: Element, *, now: float, component: str) -> View | None:
    """What a feed says; None when the document is none.

    It says GOOD when all its incidents are over or more than a day old; what cannot be understood among the fresh ones
    makes it UNKNOWN, and so does a feed without entries.
    """
    match _name(root):
        case "rss":
            head, name = next(_children(root, "channel"), root), "item"
        case "feed":
            head, name = root, "entry"
        case _:
            return None
    if component:
        return unknown(NO_COMPONENTS)
    entries = [_entry(each) for each in _children(head, name)]
    notices = [notice for entry in _newest(entries) if (notice := _notice(entry, now))]
    if not notices:
        return unknown("The feed of the status page has no entries that say anything of today.")
    word = worst(notice.word for notice in notices)
    times = [_text(each) for tag in ("lastbuilddate", *TIMES) for each in _children(head, tag)]
    at = latest(times, now)
    if at is None:
        at = max((each.at for each in entries if each.at is not None and each.at <= now), default=None)
    return View(word=word, detail=told(word, notices, "The feed tells of no incident that is open."), at=at)


def _notice(entry: Entry, now: float) -> Notice | None:
    """What an incident says of today; None for what is only announced."""
    told_by = said(entry.title, entry.bodies)
    age = None if entry.at is None else now - entry.at
    if age is not None and age > FRESH_S:
        lasts = told_by.labelled and told_by.word not in {None, Word.GOOD} and age <= LASTING_S
        word: Word | None = Word.UNKNOWN if lasts else Word.GOOD
    elif age is None or age < -AHEAD_S:  # nobody knows when it was
        word = told_by.word if told_by.word in {None, Word.GOOD} else Word.UNKNOWN
    else:
        word = told_by.word
    return None if word is None else Notice(word=word, title=entry.title)


def _newest(entries: Iterable[Entry]) -> Iterable[Entry]:
    """The newest entry of each incident; of several that say no time the first one, as feeds begin with the newest."""
    found: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        key = (entry.link, bare(entry.title)) if entry.link else (id(entry),)
        known = found.get(key)
        if known is None or (entry.at or 0.0) > (known.at or 0.0):
            found[key] = entry
    return found.values()


def _entry(element: Element) -> Entry:
    times = (moment(_text(each)) for tag in TIMES for each in _children(element, tag))
    links = [each.get("href") or _text(each) for each in _children(element, "link")]
    return Entry(
        title=line(plain(next((_text(each) for each in _children(element, "title")), ""))),
        link=re.sub(r"[?#].*", "", links[0].strip(), flags=re.DOTALL) if links else "",
        at=next((each for each in times if each is not None), None),
        bodies=tuple(_text(each) for tag in BODIES for each in _children(element, tag)),
    )


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name(child) == name)


def _name(element: Element) -> str:
    """Without its namespace: feeds differ in which they use, and whether."""
    return element.tag.rpartition("}")[2].lower()


def _text(element: Element) -> str:
    """All text below `element`; elements inside it (Atom's xhtml) begin lines of their own."""
    return "\n".join(element.itertext())
