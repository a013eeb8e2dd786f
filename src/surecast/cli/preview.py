"""``surecast preview``: what would be posted where, to the letter; nothing is posted, opened or written."""

from __future__ import annotations

from collections.abc import Sequence
from os import fspath
from typing import TYPE_CHECKING, Any

import click

from surecast.cli.announcing import InOrder, announcement, announcement_options
from surecast.cli.codes import Exit
from surecast.cli.estimating import estimate_object, has_contacts, lines, warn, warnings
from surecast.cli.figures import counted
from surecast.cli.house import Call, opened
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA, Output, one_line, safe, tame
from surecast.clock import iso
from surecast.errors import SurecastError

if TYPE_CHECKING:
    from rich.text import Text

    from surecast.broadcaster.broadcaster import Broadcaster
    from surecast.channel import Limits, Post, Traits
    from surecast.estimate import Estimate
    from surecast.history import Plan
    from surecast.message import Announcement

UNITS = {"graphemes": "characters", "utf16": "UTF-16 units", "characters": "characters"}


@click.command(cls=InOrder)
@announcement_options
@verb
def preview(call: Call, *, route: str | None, **words: Any) -> int:
    """Shows what would be posted where, to the letter: text, length, link card, images, and what would be cut.

    For channels that write to people, it reads their audience and says how many get it, how long that takes and what
    it costs. Posts nothing, opens no connection, needs no secrets, makes no ledger.
    """
    return show_preview(call, announcement(**words), route)


def show_preview(
    call: Call, said: Announcement, route: str | None, *, sandbox: bool = False, limit: int | None = None
) -> int:
    """Prints the plan of an announcement, and what it comes to; what is wrong comes first.

    Args:
        limit: of a careful first send to so many contacts.
    """
    with opened(call, sandbox=sandbox, platforms=False) as house:
        plan = house.broadcaster.preview(said, route=route)
        found = _estimate(house.broadcaster, said, route, limit) if has_contacts(plan) else None
        if call.out.as_json:
            call.out.object(_object(plan, said, house.broadcaster, found))
        elif not call.out.quiet:
            _show(call.out, plan, said, house.broadcaster, found)
        return Exit.REACHED


def _estimate(
    broadcaster: Broadcaster, said: Announcement, route: str | None, limit: int | None
) -> Estimate | SurecastError:
    """What it comes to; the reason where an audience cannot be read."""
    try:
        return broadcaster.estimate(said, route=route, limit=limit)
    except SurecastError as error:
        return error


def _show(
    out: Output,
    plan: Plan,
    said: Announcement,
    broadcaster: Broadcaster,
    found: Estimate | SurecastError | None,
) -> None:
    from surecast.route import describe  # noqa: PLC0415 - not for --help

    warn(out, [*_warnings(plan, found), *_obstacles(plan)])
    out.lines(describe(plan.route))
    for name in _in_order(plan):
        out.lines("")
        _show_channel(out, name, plan, broadcaster.channels[name].kind.traits, said)
    if found is not None and not isinstance(found, SurecastError):
        out.lines("", *lines(found, plan), verbatim=True)


def _warnings(plan: Plan, found: Estimate | SurecastError | None) -> list[str]:
    """What should be known first of all, also that an audience cannot be read."""
    if found is None:
        return list(plan.warnings)
    return [*plan.warnings, *([safe(str(found))] if isinstance(found, SurecastError) else warnings(found, plan))]


def _show_channel(out: Output, name: str, plan: Plan, traits: Traits, said: Announcement) -> None:
    post, skip = plan.posts[name], plan.terms[name].skip
    count = "does not fit" if skip is not None and skip.reason.value == "cannot_be_fitted" else _count(post)
    where = name if name == traits.platform.lower() else f"{name} ({traits.platform})"
    note = plan.notes.get(name)
    instead = f"If {note.failing} fails, below it: {note.post.below}" if note is not None else ""
    beside = list(map(one_line, [*_card(post, traits, words=True), *_images(post, said), post.cut, instead]))
    text = [tame(line) for line in _shown(post, traits)]
    if not out.terminal:
        out.lines(f"{where}: {count}", verbatim=True)
        out.lines(*(f"  | {line}".rstrip() for line in text), *(f"  {line}" for line in beside if line), verbatim=True)
        return
    from rich.padding import Padding  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    out.show(Text().append(where, style="bold").append(f"  {count}", style="dim"))
    out.show(*(_quoted(out, line) for line in text))
    out.show(*(Padding(Text(line, style="dim", overflow="fold"), (0, 0, 0, 2)) for line in beside if line))


def _quoted(out: Output, line: str) -> Text:
    """A line of a post behind a bar, so that nothing of ours is taken for the post."""
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    bar = Text("  │ " if out.unicode else "  | ", style="dim")
    pieces = Text(line, overflow="fold").wrap(out.console, max(10, out.console.width - len(bar)))
    return Text("\n").join(bar.copy().append_text(piece) for piece in pieces)


def _in_order(plan: Plan) -> Sequence[str]:
    """Channels that cannot be used come first."""
    return sorted(plan.posts, key=lambda name: plan.terms[name].skip is None)


def _obstacles(plan: Plan) -> list[str]:
    """Why a channel would be skipped, one line each."""
    lines = []
    for name in _in_order(plan):
        skip = plan.terms[name].skip
        if skip is not None:
            what = "is not set up" if skip.reason.value == "misconfigured" else "cannot take it"
            lines.append(f"{name} {what} and would be skipped: {skip.detail}")
    return lines


def _count(post: Post) -> str:
    limits = post.limits
    if limits.text is None:
        return "no limit"
    if limits.unit == "segments":
        return counted(post.count, "segment")
    return f"{post.count} of {limits.text} {UNITS[limits.unit]}"


def _shown(post: Post, traits: Traits) -> list[str]:
    """The words that readers of the channel see, line by line."""
    texts = [part.text for part in post.parts] or ["(nothing fits)"]
    if traits.long_form:
        texts = [*filter(None, [post.words.title]), *texts, *filter(None, [post.words.body])]
    return "\n\n".join(texts).split("\n")


def _card(post: Post, traits: Traits, *, words: bool = False) -> list[str]:
    """The link card, where the platform shows one; images take its place."""
    url = post.words.url
    if url is None or (traits.link_card and post.pictures):
        return []
    if traits.link_card:
        return [f"Link card: {post.words.title or post.words.text} ({url})" if words else url]
    return [f"Link: {url}"] if words and not traits.keeps_link_in_text else []


def _images(post: Post, said: Announcement) -> list[str]:
    shown = zip(said.images, post.pictures, strict=False)
    return [f"Image: {fspath(image.path)}: {picture.alt or 'no alternative text'}" for image, picture in shown]


def _object(
    plan: Plan, said: Announcement, broadcaster: Broadcaster, found: Estimate | SurecastError | None
) -> dict[str, Any]:
    from surecast.route import describe  # noqa: PLC0415 - not for --help

    return {
        "schema": SCHEMA,
        "route": plan.route_text,
        "route_name": plan.route_name or None,
        "describes": describe(plan.route),
        "urgency": plan.urgency.value,
        "expires": iso(plan.expires_at),
        "warnings": _warnings(plan, found),
        "channels": {
            name: _channel_object(plan, name, said, broadcaster.channels[name].kind.traits) for name in _in_order(plan)
        },
        "estimate": None if found is None or isinstance(found, SurecastError) else estimate_object(found, plan),
    }


def _channel_object(plan: Plan, name: str, said: Announcement, traits: Traits) -> dict[str, Any]:
    post, skip, note = plan.posts[name], plan.terms[name].skip, plan.notes.get(name)
    limits: Limits = post.limits
    return {
        "platform": traits.platform,
        "parts": [part.text for part in post.parts],
        "title": post.words.title if traits.long_form else None,
        "body": post.words.body if traits.long_form else None,
        "count": post.count,
        "limit": limits.text,
        "unit": limits.unit,
        "link_card": next(iter(_card(post, traits)), None),
        "images": [
            {"path": fspath(image.path), "alt": picture.alt}
            for image, picture in zip(said.images, post.pictures, strict=False)
        ],
        "cut": post.cut or None,
        "note": None if note is None else {"failing": note.failing, "text": note.post.below},
        "skipped": None if skip is None else {"reason": skip.reason.value, "error": safe(skip.detail)},
    }
