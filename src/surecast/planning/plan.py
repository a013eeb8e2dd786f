"""From an announcement to a plan: the route, the exact words for each channel, and its terms. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from surecast.channel import Channel, Confirms, Finds, Part, Picture, Post, Receipts, Terms, Words
from surecast.errors import UsageError
from surecast.history import Plan
from surecast.message import Announcement, Urgency
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.planning.below import late_posts, reroute_notes
from surecast.planning.house import SPEND_AFTER_IN_EMERGENCY_S, SPEND_AFTER_S, Few, House, Times
from surecast.policy import attempt_timeout_s
from surecast.route import Route, check, effective_within
from surecast.text.fit import CannotBeFitted, fit


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
    flaws: dict[str, None] = {}
    notes = reroute_notes(route, house, named, posts, flaws)
    late = late_posts(house, named, posts, now, flaws)
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
        late=late,
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
        local=kind.traits.local,
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
