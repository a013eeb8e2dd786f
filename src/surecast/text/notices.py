"""What surecast itself says: to readers about an outage, and to the people in charge.

All of it is templates: for readers below `surecast/templates/notices`, one folder for each language; for people in
charge below `surecast/templates/people`, in English. A folder of the user's own stands before both, file by file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack, cast
from zoneinfo import ZoneInfo

from surecast.clock import hours_minutes
from surecast.errors import UsageError
from surecast.text.fit import clean
from surecast.text.measure import graphemes
from surecast.text.template import environment, render

if TYPE_CHECKING:
    import jinja2

ENGLISH = "en"
ENDING = ".txt.j2"

#: The folder of messages to the people in charge, ours and within the user's own.
PEOPLE = "people"

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

#: What the people in charge are told, and which values are always given for it.
MESSAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fallback_used": ("platform", "channel", "since", "now"),
        "needs_a_person": ("platform", "channel", "why"),
        "credentials_end": ("platform", "channel", "day", "days"),
        "unsure": ("platform", "channel", "broadcast"),
        "draft_ready": ("platform", "notice", "text"),
        "over_the_cap": ("platform", "channel", "broadcast"),
        "own_network": ("since", "until", "now"),
        "outage_over": ("platform", "channel", "since", "until", "now", "outage"),
        "late": ("platform", "channel", "posts"),
        "digest": ("since", "now", "states"),
    }
)


class NoticeValues(TypedDict, total=False):
    """What a notice to readers is filled with. Moments are Unix seconds; a template sees each as a `Moment`.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """An outage in the digest: whose, how long, and whether it is over."""

    platform: str
    lasted_s: float
    over: bool = True


class MessageValues(TypedDict, total=False):
    """What a message to the people in charge is filled with.

    Attributes:
        why: what is wrong.
        does: what surecast does by itself, one sentence each.
        commands: what the person may type.
        broadcast, notice, outage: ids.
        text: of the notice that waits.
        day, days: when credentials end, and how many days are left.
        spent, cap: sums of money with their currency.
        count: the contacts that are left out because of the cap.
        posts: the announcements that were dropped, or that the platform got when it was back, one line each.
        states: how many announcements came to which state.
        owed, needs: what is still to be delivered, and what needs a person, one line each.
        worker_seen, watcher_seen: when they last gave a sign of life; None for never.
    """

    sender: str
    time_zone: str
    now: float | None
    since: float | None
    until: float | None
    platform: str
    channel: str
    broadcast: str
    notice: str
    outage: int
    text: str
    why: str
    others: Sequence[str]
    does: Sequence[str]
    commands: Sequence[str]
    day: date | None
    days: int
    spent: str
    cap: str
    count: int
    posts: Sequence[str]
    states: Mapping[str, int]
    outages: Sequence[Spell]
    owed: Sequence[str]
    needs: Sequence[str]
    worker_seen: float | None
    watcher_seen: float | None


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
_NO_MESSAGE = MessageValues(
    sender="",
    time_zone="UTC",
    now=None,
    since=None,
    until=None,
    platform="",
    channel="",
    broadcast="",
    notice="",
    outage=0,
    text="",
    why="",
    others=(),
    does=(),
    commands=(),
    day=None,
    days=0,
    spent="",
    cap="",
    count=0,
    posts=(),
    states=MappingProxyType({}),
    outages=(),
    owed=(),
    needs=(),
    worker_seen=None,
    watcher_seen=None,
)
_MOMENTS = ("now", "since", "until", "worker_seen", "watcher_seen")

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
SAMPLE_MESSAGE = MessageValues(
    sender="Harbour Ferries",
    time_zone="Europe/Athens",
    now=1_776_340_000.0,
    since=1_776_308_520.0,
    until=1_776_338_400.0,
    platform="Bluesky",
    channel="bluesky",
    broadcast="k3f9x",
    notice="n7q2",
    outage=4,
    text="We cannot reach our readers on Bluesky at the moment.",
    why="The server does not accept the app password.",
    others=("Mastodon", "Telegram"),
    does=("It tries Bluesky again every few minutes.", "It posts there what was missed when it is back."),
    commands=("surecast channels check bluesky",),
    day=date(2026, 4, 30),
    days=14,
    spent="12.40 EUR",
    cap="400.00 EUR",
    count=112,
    posts=("Ferry 12 is cancelled today (k3f9x)",),
    states=MappingProxyType({"reached": 12, "rerouted": 2}),
    outages=(Spell(platform="Bluesky", lasted_s=29_880.0), Spell(platform="SMS", lasted_s=400.0, over=False)),
    owed=("k3f9x: Bluesky",),
    needs=("Bluesky does not accept the app password.",),
    worker_seen=1_776_339_000.0,
    watcher_seen=1_776_339_900.0,
)


class Moment(float):
    """Unix seconds that also say what a clock of the house shows then.

    Attributes:
        clock: ``06:02 EEST``; with the date in front when that is not today's, or today is not known.
    """

    clock: str

    def __new__(cls, at: float, zone: tzinfo, now: float | None) -> Self:
        moment = super().__new__(cls, at)
        then = datetime.fromtimestamp(at, zone)
        shown = f"{then:%Y-%m-%d %H:%M}" if now is None else hours_minutes(at, zone, now)
        name = f"{then:%Z}"
        moment.clock = f"{shown} {name if name[:1].isalpha() else f'UTC{name}'}"  # some zones have numbers only
        return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to a person in charge; the subject alone fits into an SMS."""

    subject: str
    body: str

    def __str__(self) -> str:
        return f"{self.subject}\n\n{self.body}".rstrip()


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
    context = _notice_context(values, language)
    text = clean(_filled(template, folder if own else None, context))
    if context["why"] and graphemes(text) > LONGEST:
        text = clean(_filled(template, folder if own else None, {**context, "why": ""}))
    return text


def render_message(name: str, folder: Path | None = None, **values: Unpack[MessageValues]) -> Message:
    """A message to the people in charge: the template's first line is the subject.

    Args:
        name: one of `MESSAGES`.
        folder: the user's own templates; those of messages are in its folder `PEOPLE`.

    Raises:
        UsageError: a template of the user's cannot be read or filled; with file and line.
    """
    template = f"{PEOPLE}/{name}{ENDING}"
    own = folder is not None and _is_file(folder / template)
    subject, _, body = clean(_filled(template, folder if own else None, _message_context(values))).partition("\n")
    return Message(subject=subject, body=body.strip())


def check_folder(folder: Path, language: str) -> list[str]:
    """Sentences about what is wrong in a folder of the user's own templates, each with what to do; empty for nothing.

    Args:
        language: of the house.
    """
    try:
        return list(_flaws(folder, language))
    except OSError as error:
        return [f"The folder {folder} cannot be read ({error.strerror}). Make it, or leave templates out."]


def duration(seconds: float) -> str:
    """A span of time as it is read in every language: ``8 h 20 min``."""
    minutes = max(1, int(seconds // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


# Filling


def _filled(template: str, folder: Path | None, context: Mapping[str, Any]) -> str:
    place = template if folder is None else folder / template
    try:
        return render(_environment(folder), template, **context)
    except UsageError as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise UsageError(f"The template {place} is not UTF-8. Save it as UTF-8.") from error
        raise
    except (OSError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it leads back to itself"
        raise UsageError(f"The template {place} cannot be used: {why}. Correct it there.") from error


@lru_cache(maxsize=8)
def _environment(folder: Path | None) -> jinja2.Environment:
    """Kept, because reading a template takes far longer than filling it; a file that was changed is read anew."""
    made = environment(folder=folder)
    made.filters["duration"] = duration
    return made


def _notice_context(values: NoticeValues, language: str) -> dict[str, Any]:
    context = _with_moments({**_NO_NOTICE, **values})
    since, end = context["since"], context["until"] or context["now"]
    others = tuple(dict.fromkeys(context["others"]))  # two accounts on one platform are named once
    return {
        **context,
        "language": language,
        "others": others,
        "why": " ".join(context["why"].split()).rstrip("."),
        "places": tuple(filter(None, (*others, context["follow"]))),
        "duration": "" if since is None or end is None else duration(end - since),
    }


def _message_context(values: MessageValues) -> dict[str, Any]:
    context = _with_moments({**_NO_MESSAGE, **values})
    since, end = context["since"], context["until"] or context["now"]
    return {
        **context,
        "why": " ".join(context["why"].split()).rstrip("."),
        "duration": "" if since is None or end is None else duration(end - since),
    }


def _with_moments(values: dict[str, Any]) -> dict[str, Any]:
    zone, now = ZoneInfo(values["time_zone"]), values["now"]
    moments = {name: Moment(values[name], zone, now) for name in _MOMENTS if values.get(name) is not None}
    return {**values, **moments}


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
    return next((place for place in places if _is_file(folder / place)), "")


def _folders_for(language: str, folder: Path) -> Iterator[str]:
    """The folders of a language within `folder`, the nearest first, however their names are written."""
    try:
        there = {each.name.lower().replace("_", "-"): each.name for each in folder.iterdir() if each.is_dir()}
    except OSError:  # then there are no own templates; `config check` says so
        return
    yield from (there[tag] for tag in _tags(language) if tag in there)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


# Looking at the user's own


def _flaws(folder: Path, language: str) -> Iterator[str]:
    found = False
    for place in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        names = MESSAGES if place.name == PEOPLE and place != folder else NOTICES
        for path in sorted(each for each in place.iterdir() if each.is_file()):
            name = path.name.partition(".")[0]
            if path.name == f"{name}{ENDING}" and name in names:
                found = True
                tag = language if place == folder else place.name
                yield from _flaw_of(path, name, folder, tag)
            elif name in names:
                yield f"The file {path} is not read under this name. Call it {name}{ENDING}."
            elif path.suffix == ".j2" and not name.startswith("_"):  # those with _ are included by others
                yield f"The template {path} is none that surecast uses. {_meant(name, names)}"
    if not found:
        yield (
            f"The folder {folder} holds no template that surecast uses. Write one, e.g. "
            f"outage_notice{ENDING}, or leave templates out."
        )


def _flaw_of(path: Path, name: str, folder: Path, language: str) -> Iterator[str]:
    """What is wrong with one template, tried with every value and with those alone that are always given."""
    where = path.relative_to(folder).as_posix()
    for context in _trials(name, language):
        try:
            said = clean(_filled(where, folder, context))
        except UsageError as error:
            yield str(error)
            return
        if not said and name not in MAY_BE_EMPTY:
            yield f"The template {path} says nothing. Write at least one line in it."
            return


def _trials(name: str, language: str) -> Iterator[dict[str, Any]]:
    if name in NOTICES:
        for notice in (SAMPLE_NOTICE, _only(SAMPLE_NOTICE, NOTICES[name])):
            yield _notice_context(cast(NoticeValues, notice), language)
    else:
        for message in (SAMPLE_MESSAGE, _only(SAMPLE_MESSAGE, MESSAGES[name])):
            yield _message_context(cast(MessageValues, message))


def _only(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in (*names, "sender", "time_zone")}


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"Call it {close[0]}{ENDING}."
    return f"There are {', '.join(names)}; the name of what they include begins with _. Rename it, or take it away."
