"""Lines of ours below a post: why it comes to a channel in another one's place, and that it comes late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from surecast.channel import Channel, Part, Post
from surecast.errors import UsageError
from surecast.history import RerouteNote
from surecast.planning.house import House
from surecast.route import AnyOf, Name, Route
from surecast.text.fit import BLANK_LINE, fit
from surecast.text.measure import fits, units
from surecast.text.notices import render_notice

#: Takes what is wrong in the house's templates; ours are used then, for an announcement cannot wait.
Flaws = dict[str, None]


def reroute_notes(
    route: Route, house: House, channels: Mapping[str, Channel], posts: Mapping[str, Post], flaws: Flaws
) -> dict[str, RerouteNote]:
    """What channels behind others post when those failed."""
    notes: dict[str, RerouteNote] = {}
    for name, failing in _stand_ins(route, channels).items() if house.reroute_notes else ():
        platform = channels[failing].kind.traits.platform
        if channels[name].kind.traits.platform == platform:
            continue
        post, channel = posts[name], channels[name]
        follow = "" if any(house.follow in part.text for part in post.parts) else house.follow
        for template in ("reroute_note", "reroute_note_short"):
            noted = _with_line(post, channel, house, template, flaws, platform=platform, follow=follow)
            if noted is not None:
                notes[name] = RerouteNote(failing=failing, post=noted)
                break
    return notes


def late_posts(
    house: House, channels: Mapping[str, Channel], posts: Mapping[str, Post], now: float, flaws: Flaws
) -> dict[str, Post]:
    """What channels post that get it long after it was announced: with the time at which it was."""
    marked = {
        name: _with_line(post, channels[name], house, "late_mark", flaws, since=now)
        for name, post in posts.items()
        if has_followers(channels[name])
    }
    return {name: post for name, post in marked.items() if post is not None}


def _with_line(
    post: Post,
    channel: Channel,
    house: House,
    template: str,
    flaws: Flaws,
    *,
    platform: str = "",
    follow: str = "",
    since: float | None = None,
) -> Post | None:
    """The post with a line below its whole words; None where that does not fit, or the words are not to be touched."""
    if post.words.exact or not post.parts:
        return None
    kind = channel.kind
    words = fit(post.words, post.limits, traits=kind.traits)
    line = (
        ""
        if words.cut
        else _line(template, house, flaws, language=post.language, platform=platform, follow=follow, since=since)
    )
    text = f"{words.text}{BLANK_LINE}{line}"
    if not line or not fits(text, post.limits):
        return None
    longer = replace(post, parts=(Part(text=text),), count=units(text, post.limits), below=line)
    try:
        return kind.dress(channel.settings, longer) if kind.dress else longer
    except UsageError:
        return None


def _line(
    template: str, house: House, flaws: Flaws, *, language: str, platform: str, follow: str, since: float | None
) -> str:
    for folder in (house.templates, None):
        try:
            return render_notice(
                template,
                language=language,
                folder=folder,
                sender=house.sender,
                time_zone=house.time_zone,
                platform=platform,
                follow=follow,
                since=since,
            )
        except UsageError as error:
            flaws[f"{error} Until then surecast's own words are used."] = None
    return ""


def _stand_ins(route: Route, channels: Mapping[str, Channel]) -> dict[str, str]:
    """The channels that post only where another failed, each with the one whose readers are meant.

    Websites are none: they keep every announcement anyway, and nobody follows them instead of a platform.
    """
    found: dict[str, str] = {}
    for node in route.walk():
        if not isinstance(node, AnyOf):
            continue
        failing = next((name for name in node.parts[0].names() if has_followers(channels[name])), None)
        if failing is not None:
            for name in (name for part in node.parts[1:] for name in part.names()):
                found.setdefault(name, failing)
    at_once = _at_once(route)
    return {
        name: failing
        for name, failing in found.items()
        if name not in at_once and name != failing and has_followers(channels[name])
    }


def has_followers(channel: Channel) -> bool:
    traits = channel.kind.traits
    return traits.public and not traits.long_form and not traits.local


def _at_once(route: Route) -> frozenset[str]:
    """The channels that have their turn whatever becomes of others."""
    if isinstance(route, Name):
        return frozenset(route.names())
    members = route.parts[:1] if isinstance(route, AnyOf) else route.members()
    return frozenset(name for member in members for name in _at_once(member))
