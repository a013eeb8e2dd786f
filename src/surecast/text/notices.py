"""What surecast says to readers about an outage.

All of it is templates below `surecast/templates/notices`, one folder for each language. A folder of the user's own
stands before them, file by file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack, cast

from surecast.text.filling import ENDING, always_given, context_of, filled, is_file
from surecast.text.fit import clean
from surecast.text.measure import graphemes

ENGLISH = "en"

#: A notice that is longer is said without its reason; Bluesky takes no more.
LONGEST = 300

#: What is said to readers, and which values are always given for it; the others may be empty.
NOTICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "outage_notice": ("platform", "since", "now"),
        "outage_update": ("platform", "since", "now", "number"),
        "all_clear": ("platform", "since", "now"),
        "reroute_note": ("platform",),
        "reroute_note_short": ("platform",),
        "late_mark": ("since",),
    }
)

#: These may say nothing: then no note stands below the post.
MAY_BE_EMPTY = ("reroute_note", "reroute_note_short", "late_mark")


class NoticeValues(TypedDict, total=False):
    """What a notice to readers is filled with. Moments are Unix seconds; a template sees each as a `filling.Moment`.

    Attributes:
        platform: the platform that fails, as people call it.
        sender: who speaks.
        since, until: when it began and ended; None for not known, or not yet.
        now: when it is said; a time of another day is shown with its date.
        time_zone: of all times that are shown.
        why: a short reason for readers; empty for none. Left out where the notice would be longer than `LONGEST`.
        others: the platforms on which readers find the same.
        follow: an address at which readers can follow; empty for none.
        number: of an update, which one it is.
        missed: for an all-clear, how many posts the platform gets now.
    """

    platform: str
    sender: str
    since: float | None
    until: float | None
    now: float | None
    time_zone: str
    why: str
    others: Sequence[str]
    follow: str
    number: int
    missed: int


_NO_NOTICE = NoticeValues(
    platform="",
    sender="",
    since=None,
    until=None,
    now=None,
    time_zone="UTC",
    why="",
    others=(),
    follow="",
    number=0,
    missed=0,
)

#: With every value given; what a user's own templates are tried with.
SAMPLE_NOTICE = NoticeValues(
    platform="Bluesky",
    sender="Harbour Ferries",
    since=1_776_308_520.0,  # 2026-04-16 03:02 UTC
    until=1_776_338_400.0,
    now=1_776_340_000.0,
    time_zone="Europe/Athens",
    why="posts are taken but not shown",
    others=("Mastodon", "Telegram"),
    follow="https://ferries.example/notices",
    number=2,
    missed=3,
)


def languages() -> tuple[str, ...]:
    """The languages in which there are notices to readers."""
    return _shipped()


def speaks(language: str, folder: Path | None = None) -> bool:
    """Whether every notice to readers is there in a language, or in one that it narrows (``pt`` for ``pt-BR``)."""
    if any(tag in languages() for tag in _tags(language)):
        return True
    return all(_own(name, language, folder) for name in NOTICES)


def render_notice(name: str, *, language: str, folder: Path | None = None, **values: Unpack[NoticeValues]) -> str:
    """A notice to readers: one text, which may have several lines.

    Args:
        name: one of `NOTICES`.
        language: a tag of BCP 47; English where there is no such notice in it.
        folder: the user's own templates; one for the language stands before one for all languages.

    Raises:
        UsageError: a template of the user's cannot be read or filled; with file and line.
    """
    own = _own(name, language, folder)
    template = own or f"notices/{_nearest(language)}/{name}{ENDING}"
    context = _context(values, language)
    text = clean(filled(template, folder if own else None, context))
    if context["why"] and graphemes(text) > LONGEST:
        text = clean(filled(template, folder if own else None, {**context, "why": ""}))
    return text


def trials(name: str, language: str) -> Iterator[dict[str, Any]]:
    """With what a user's own template is tried: with every value, and with those alone that are always given."""
    for values in (SAMPLE_NOTICE, always_given(SAMPLE_NOTICE, NOTICES[name])):
        yield _context(cast(NoticeValues, values), language)


def _context(values: NoticeValues, language: str) -> dict[str, Any]:
    context = context_of({**_NO_NOTICE, **values})
    others = tuple(dict.fromkeys(context["others"]))  # two accounts on one platform are named once
    return {
        **context,
        "language": language,
        "others": others,
        "places": tuple(filter(None, (*others, context["follow"]))),
    }


# Finding a template


def _tags(language: str) -> tuple[str, ...]:
    """A tag and those that it narrows, the nearest first (RFC 4647, 3.4): ``pt-br``, ``pt``."""
    parts = language.lower().replace("_", "-").split("-")
    return tuple("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def _nearest(language: str) -> str:
    """The language of ours that is used for `language`."""
    return next((tag for tag in _tags(language) if tag in languages()), ENGLISH)


@cache
def _shipped() -> tuple[str, ...]:
    from importlib.resources import files  # noqa: PLC0415 - not before the first notice

    folder = files("surecast").joinpath("templates", "notices")
    return tuple(sorted(each.name for each in folder.iterdir() if each.is_dir()))


def _own(name: str, language: str, folder: Path | None) -> str:
    """The user's own template for a notice, as a path below `folder`; empty when there is none."""
    if folder is None:
        return ""
    file = f"{name}{ENDING}"
    places = (*(f"{sub}/{file}" for sub in _folders_for(language, folder)), file)
    return next((place for place in places if is_file(folder / place)), "")


def _folders_for(language: str, folder: Path) -> Iterator[str]:
    """The folders of a language within `folder`, the nearest first, however their names are written."""
    try:
        there = {each.name.lower().replace("_", "-"): each.name for each in folder.iterdir() if each.is_dir()}
    except OSError:  # then there are no own templates; `config check` says so
        return
    yield from (there[tag] for tag in _tags(language) if tag in there)
