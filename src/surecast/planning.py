"""From an announcement to a plan: the route, the exact words for each channel, and its terms. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from surecast.channel import CatchUp, Channel, Confirms, Finds, Part, Picture, Post, Receipts, Terms, Words
from surecast.errors import UsageError
from surecast.history import Plan, RerouteNote
from surecast.message import Announcement, Urgency
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.policy import attempt_timeout_s
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.route import AnyOf, Name, Route, check, effective_within
from surecast.text.fit import BLANK_LINE, CannotBeFitted, fit
from surecast.text.measure import fits, units
from surecast.text.notices import render_notice

#: Nobody is to be written to more often than this, below an emergency, unless the house says so.
PER_CONTACT = Rate.parse("3/day")
#: A platform that is just back is not flooded with what it missed.
CATCH_UP_RATE = Rate.parse("12/min")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What an urgency means for every channel that has no value of its own; in seconds."""

    within_s: float
    expires_s: float
    visible_within_s: float = 60.0
    confirm: Literal["accepted", "visible"] | None = None


HOUR_S = 3_600.0
#: A later alternative that costs money waits so long after the first failure of an earlier one; see also the urgencies.
SPEND_AFTER_S, SPEND_AFTER_IN_EMERGENCY_S = 300.0, 60.0

DEFAULT_TIMES: Mapping[Urgency, Times] = MappingProxyType(
    {
        Urgency.LOW: Times(within_s=600.0, expires_s=24 * HOUR_S),
        Urgency.NORMAL: Times(within_s=60.0, expires_s=24 * HOUR_S),
        Urgency.URGENT: Times(within_s=15.0, expires_s=4 * HOUR_S),
        Urgency.EMERGENCY: Times(within_s=10.0, expires_s=2 * HOUR_S),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Whose announcements these are and what holds for all of them; from the top of the configuration.

    Attributes:
        quiet: when people are not to be woken by direct messages; None for never.
        per_contact: how many direct messages one person may get, below an emergency; None for no bound.
        currency: of all prices and caps.
        worker: the command that delivers what is owed, as it must stand in cron.
        catch_up, catch_up_rate: what a channel gets when it is back from an outage, and how fast; None for no bound.
        follow: an address at which readers can always follow; empty for none.
        templates: a folder of the house's own templates for notices.
        reroute_notes: whether a post that comes by rerouting says so.

    Raises:
        UsageError: no such time zone; a report would find that out after everything was sent.
    """

    sender: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    require_alt: bool = False
    times: Mapping[Urgency, Times] = field(default_factory=lambda: DEFAULT_TIMES)
    quiet: Quiet | None = None
    per_contact: Rate | None = PER_CONTACT
    currency: str = "EUR"
    worker: str = "surecast work --once"
    catch_up: CatchUp = "latest"
    catch_up_rate: Rate | None = CATCH_UP_RATE
    follow: str = ""
    templates: Path | None = None
    reroute_notes: bool = True

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise UsageError(
                f"{self.time_zone!r} is no time zone. Write a name of the IANA database, e.g. Europe/Athens."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """A careful first send.

    Attributes:
        limit: at most so many contacts.
        only: the keyed hash of the one address that is meant; empty for any.
    """

    limit: int | None = None
    only: str = ""


def make_plan(
    announcement: Announcement,
    house: House,
    channels: Mapping[str, Channel],
    route: Route,
    *,
    route_name: str = "",
    pictures: tuple[Picture, ...] = (),
    now: float,
    few: Few | None = None,
) -> Plan:
    """The plan of one broadcast, still without an id.

    Args:
        channels: every configured channel by name.
        pictures: the announcement's images as read, in its order.
        now: the moment of acceptance, Unix seconds.
        few: a careful first send to a few contacts; its route must be of direct channels alone.

    Raises:
        RouteError: the route means nothing over these channels.
        UsageError: the announcement is expired, names unknown channels, or an image lacks the words it needs.
    """
    check(route, channels)
    _check_variants(announcement, channels)
    if few is not None:
        _check_few(few, route, channels)
    warnings = _missing_alt(announcement, house)
    times = house.times[announcement.urgency]
    named = {name: channels[name] for name in route.names()}
    fitted = {name: _fitted(announcement, channel, house, pictures) for name, channel in named.items()}
    own = {name: channel.within_s or times.within_s for name, channel in named.items()}
    within = effective_within(route, own)
    posts = {name: post for name, (post, _) in fitted.items()}
    notes, flaws = _notes(route, house, named, posts)
    return Plan(
        id="",
        key=announcement.key,
        fingerprint=_fingerprint(announcement, pictures, few),
        urgency=announcement.urgency,
        route_text=str(route),
        route_name=route_name,
        created_at=now,
        expires_at=_expiry(announcement, times, now),
        posts=posts,
        terms={
            name: _with_audience(
                _terms(channel, house, times, announcement.urgency, within_s=within[name], skip=fitted[name][1]),
                channel,
                announcement.urgency,
                fitted[name][0],
                few,
            )
            for name, channel in named.items()
        },
        warnings=(*warnings, *flaws, *(f"{name}: {post.cut}" for name, post in posts.items() if post.cut)),
        time_zone=house.time_zone,
        quiet=house.quiet if house.quiet is not None and house.quiet.applies(announcement.urgency) else None,
        per_contact=None if announcement.urgency is Urgency.EMERGENCY else house.per_contact,
        incident=announcement.incident,
        notes=notes,
    )


def _fitted(
    announcement: Announcement, channel: Channel, house: House, pictures: tuple[Picture, ...]
) -> tuple[Post, Outcome | None]:
    """The post of one channel, and why it cannot be sent, if so."""
    traits = channel.kind.traits
    variant = announcement.variants.get(channel.name)
    words = Words(
        text=announcement.text if variant is None else variant,
        title=announcement.title,
        body=announcement.body,
        url=announcement.url,
        exact=variant is not None,
    )
    shown = tuple(_described(picture, traits.limits.alt) for picture in pictures[: traits.limits.images])
    post = Post(
        parts=(),
        words=words,
        language=announcement.language or house.language,
        sender=house.sender,
        limits=traits.limits,
        pictures=shown,
    )
    try:
        fitted = fit(words, traits.limits, traits=traits)
    except CannotBeFitted as error:
        return post, _skip(Reason.CANNOT_BE_FITTED, str(error), Scope.CONTENT)
    cut = [fitted.cut] if fitted.cut else []
    if len(shown) < len(pictures):
        cut.append(f"{len(pictures) - len(shown)} of {len(pictures)} images are left out.")
    post = replace(post, parts=(Part(text=fitted.text),), cut=" ".join(cut), count=fitted.count)
    try:
        post = channel.kind.dress(channel.settings, post) if channel.kind.dress else post
    except UsageError as error:
        return post, _skip(Reason.CANNOT_BE_FITTED, str(error), Scope.CONTENT)
    return post, _skip(Reason.MISCONFIGURED, channel.misconfigured) if channel.misconfigured else None


def _notes(
    route: Route, house: House, channels: Mapping[str, Channel], posts: Mapping[str, Post]
) -> tuple[dict[str, RerouteNote], tuple[str, ...]]:
    """What channels behind others post when those failed, and what is wrong in the house's templates for it."""
    notes: dict[str, RerouteNote] = {}
    flaws: dict[str, None] = {}
    for name, failing in _stand_ins(route, channels).items() if house.reroute_notes else ():
        platform = channels[failing].kind.traits.platform
        if posts[name].words.exact or not posts[name].parts or channels[name].kind.traits.platform == platform:
            continue
        found = _noted(posts[name], channels[name], house, platform, flaws)
        if found is not None:
            post, line = found
            notes[name] = RerouteNote(failing=failing, post=post, line=line)
    return notes, tuple(flaws)


def _stand_ins(route: Route, channels: Mapping[str, Channel]) -> dict[str, str]:
    """The channels that post only where another failed, each with the one whose readers are meant.

    Websites are none: they keep every announcement anyway, and nobody follows them instead of a platform.
    """
    found: dict[str, str] = {}
    for node in route.walk():
        if not isinstance(node, AnyOf):
            continue
        failing = next((name for name in node.parts[0].names() if _has_followers(channels[name])), None)
        if failing is not None:
            for name in (name for part in node.parts[1:] for name in part.names()):
                found.setdefault(name, failing)
    at_once = _at_once(route)
    return {
        name: failing
        for name, failing in found.items()
        if name not in at_once and name != failing and _has_followers(channels[name])
    }


def _has_followers(channel: Channel) -> bool:
    traits = channel.kind.traits
    return traits.public and not traits.long_form and not traits.local


def _at_once(route: Route) -> frozenset[str]:
    """The channels that have their turn whatever becomes of others."""
    if isinstance(route, Name):
        return frozenset(route.names())
    members = route.parts[:1] if isinstance(route, AnyOf) else route.members()
    return frozenset(name for member in members for name in _at_once(member))


def _noted(
    post: Post, channel: Channel, house: House, platform: str, flaws: dict[str, None]
) -> tuple[Post, str] | None:
    """The post with the longest note that fits below its whole words, and the note; None when none does.

    Args:
        flaws: takes what is wrong in the house's templates; ours are used then, for an announcement cannot wait.
    """
    kind = channel.kind
    words = fit(post.words, post.limits, traits=kind.traits)
    if words.cut:
        return None
    for name in ("reroute_note", "reroute_note_short"):
        follow = "" if house.follow in words.text else house.follow
        note = _note(name, house, flaws, language=post.language, platform=platform, follow=follow)
        text = f"{words.text}{BLANK_LINE}{note}"
        if not note or not fits(text, post.limits):
            continue
        noted = replace(post, parts=(Part(text=text),), count=units(text, post.limits))
        try:
            return kind.dress(channel.settings, noted) if kind.dress else noted, note
        except UsageError:
            continue
    return None


def _note(name: str, house: House, flaws: dict[str, None], *, language: str, platform: str, follow: str) -> str:
    for folder in (house.templates, None):
        try:
            return render_notice(
                name,
                language=language,
                folder=folder,
                platform=platform,
                sender=house.sender,
                time_zone=house.time_zone,
                follow=follow,
            )
        except UsageError as error:
            flaws[f"{error} Until then surecast's own words are used."] = None
    return ""


def _described(picture: Picture, longest: int) -> Picture:
    """The picture with as much of its alternative text as the platform takes."""
    return picture if len(picture.alt) <= longest else replace(picture, alt=f"{picture.alt[: longest - 1]}…")


def _terms(
    channel: Channel, house: House, times: Times, urgency: Urgency, *, within_s: float, skip: Outcome | None
) -> Terms:
    kind = channel.kind
    reads_back = kind.able(Confirms) and (
        kind.reads_back is None or channel.settings is None or kind.reads_back(channel.settings)
    )
    by_default: Literal["accepted", "visible"] = (
        "visible" if reads_back and kind.traits.read_back_needs_no_setup else "accepted"
    )
    when_unsure = channel.when_unsure or ("reroute" if kind.traits.public else "hold")
    return Terms(
        channel=channel.name,
        platform=kind.traits.platform,
        resend=kind.traits.resend,
        within_s=within_s,
        timeout_s=channel.timeout_s if kind.traits.local else attempt_timeout_s(channel.timeout_s, within_s),
        attempts=channel.attempts,
        when_unsure="reroute" if urgency is Urgency.EMERGENCY else when_unsure,
        confirm=channel.confirm or times.confirm or by_default,
        visible_within_s=channel.visible_within_s or times.visible_within_s,
        settle_after_s=channel.settle_after_s,
        finds=kind.able(Finds),
        confirms=reads_back,
        rate=channel.rate or kind.rate,
        skip=skip,
        catch_up=channel.catch_up or house.catch_up,
        catch_up_rate=house.catch_up_rate if kind.traits.public and not kind.traits.local else None,
    )


def _with_audience(terms: Terms, channel: Channel, urgency: Urgency, post: Post, few: Few | None) -> Terms:
    """The terms of a direct channel: whom it writes to, how fast, and what that may cost."""
    kind = channel.kind
    if kind.traits.medium is None:
        return terms
    spend_after_s = SPEND_AFTER_IN_EMERGENCY_S if urgency is Urgency.EMERGENCY else SPEND_AFTER_S
    return replace(
        terms,
        audience=channel.audience or "",
        medium=kind.traits.medium,
        receipts=kind.able(Receipts),
        enough=channel.enough,
        in_flight=channel.in_flight or kind.in_flight,
        costly=kind.traits.costly,
        unit_cost=(channel.price or 0.0) * (post.count if kind.traits.costly else 1),
        max_cost=channel.max_cost or 0.0,
        max_cost_per_day=channel.max_cost_per_day or 0.0,
        spend_after_s=spend_after_s if channel.spend_after_s is None else channel.spend_after_s,
        limit=few.limit if few else None,
        only=few.only if few else "",
        skip=terms.skip or _unfit(channel),
    )


def _unfit(channel: Channel) -> Outcome | None:
    """Why a direct channel cannot be used as it is configured, if so."""
    detail = ""
    if not channel.audience:
        detail = f'The channel {channel.name} writes to people and names no audience. Write audience = "..."'
    elif channel.kind.traits.costly and None in {channel.price, channel.max_cost, channel.max_cost_per_day}:
        detail = (
            f"Messages of the channel {channel.name} cost money. Write their price, max_cost and max_cost_per_day, so "
            "that surecast knows where to stop"
        )
    return _skip(Reason.MISCONFIGURED, detail) if detail else None


def _check_few(few: Few, route: Route, channels: Mapping[str, Channel]) -> None:
    public = [name for name in route.names() if channels[name].kind.traits.public]
    if public:
        raise UsageError(
            f"A first send to a few contacts must not post in public, but the route names {', '.join(public)}. "
            "Give a route of direct channels, e.g. --route newsletter."
        )
    if few.limit is not None and few.limit < 1:
        raise UsageError("The limit must be at least 1 contact.")


def _fingerprint(announcement: Announcement, pictures: tuple[Picture, ...], few: Few | None) -> str:
    """A first send to a few is another announcement than that to all: it must not count as sent before."""
    said = announcement.fingerprint(tuple(picture.digest for picture in pictures))
    return said if few is None else f"{said}:{few.limit}:{few.only}"


def _skip(reason: Reason, detail: str, scope: Scope = Scope.CHANNEL) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, scope=scope, reason=reason, detail=detail)


def _expiry(announcement: Announcement, times: Times, now: float) -> float:
    match announcement.expires:
        case None:
            return now + times.expires_s
        case timedelta() as span:
            expires_at = now + span.total_seconds()
        case moment:
            expires_at = moment.timestamp()
    if expires_at <= now:
        raise UsageError("The announcement has expired already. Give a later time, or leave expires out.")
    return expires_at


def _check_variants(announcement: Announcement, channels: Mapping[str, Channel]) -> None:
    for name in announcement.variants:
        if name not in channels:
            close = difflib.get_close_matches(name, channels, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(sorted(channels))}."
            raise UsageError(f"A variant is given for {name!r}, but no channel has that name. {hint}")


def _missing_alt(announcement: Announcement, house: House) -> tuple[str, ...]:
    bare = [str(image.path) for image in announcement.images if not image.alt.strip()]
    if bare and house.require_alt:
        raise UsageError(
            f"No alternative text for {', '.join(bare)}. Say what the image shows (--alt), for those who cannot see it."
        )
    return tuple(f"{path} has no alternative text; people who cannot see it will miss what it says." for path in bare)
