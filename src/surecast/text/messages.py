"""What surecast says to the people in charge.

All of it is templates below `surecast/templates/people`, in English. A folder of the user's own stands before them,
file by file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack, cast

from surecast.text.filling import ENDING, always_given, context_of, filled, is_file
from surecast.text.fit import clean

#: The folder of messages to the people in charge, ours and within the user's own.
PEOPLE = "people"

#: What the people in charge are told, and which values are always given for it.
MESSAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fallback_used": ("platform", "channel", "since", "now"),
        "needs_a_person": ("platform", "channel", "why"),
        "credentials_end": ("platform", "channel", "day", "days"),
        "unsure": ("platform", "channel", "broadcast"),
        "draft_ready": ("platform", "notice", "sort", "text"),
        "notice_sent": ("platform", "channel", "since", "now", "text", "others", "outage"),
        "over_the_cap": ("platform", "channel", "broadcast"),
        "own_network": ("since", "until", "now"),
        "outage_untold": ("platform", "channel", "since", "now", "outage"),
        "outage_over": ("platform", "channel", "since", "until", "now", "outage"),
        "late": ("platform", "channel", "posts"),
        "digest": ("since", "now", "states"),
    }
)


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
        text: of a notice to readers.
        sort: of a notice that waits: ``notice``, ``update`` or ``all_clear``.
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
    sort: str
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
    sort="",
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

#: With every value given; what a user's own templates are tried with.
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
    sort="notice",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to a person in charge; the subject alone fits into an SMS."""

    subject: str
    body: str

    def __str__(self) -> str:
        return f"{self.subject}\n\n{self.body}".rstrip()


def render_message(name: str, folder: Path | None = None, **values: Unpack[MessageValues]) -> Message:
    """A message to the people in charge: the template's first line is the subject.

    Args:
        name: one of `MESSAGES`.
        folder: the user's own templates; those of messages are in its folder `PEOPLE`.

    Raises:
        UsageError: a template of the user's cannot be read or filled; with file and line.
    """
    template = f"{PEOPLE}/{name}{ENDING}"
    own = folder is not None and is_file(folder / template)
    subject, _, body = clean(filled(template, folder if own else None, _context(values))).partition("\n")
    return Message(subject=subject, body=body.strip())


def trials(name: str) -> Iterator[dict[str, Any]]:
    """With what a user's own template is tried: with every value, and with those alone that are always given."""
    for values in (SAMPLE_MESSAGE, always_given(SAMPLE_MESSAGE, MESSAGES[name])):
        yield _context(cast(MessageValues, values))


def _context(values: MessageValues) -> dict[str, Any]:
    return context_of({**_NO_MESSAGE, **values})
