"""Before anything is sent: how many contacts, how long, how much, at once and at worst. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from surecast.channel import Terms
from surecast.history import Plan
from surecast.outcome import Reason
from surecast.route import All, AnyOf, AtLeast, Optional, Route, Together


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one pass over an audience found.

    Attributes:
        contacts: rows with a usable address.
        bad: rows without one.
        flawed: contacts of which something could not be taken.
        duplicates: rows that repeat an earlier one.
        people: contacts whom at least one of the channels may write to.
        reach: by channel, the contacts whom it may write to; suppressed ones are not among them.
        suppressed: by channel, contacts whom it must not write to although they agreed once.
    """

    contacts: int
    bad: int = 0
    flawed: int = 0
    duplicates: int = 0
    people: int = 0
    reach: Mapping[str, int] = field(default_factory=dict)
    suppressed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one direct channel would do.

    Attributes:
        behind: it starts only if the channels before it do not reach.
        alone: contacts whom none of those before it over the same audience can reach, at most: it writes to them
            whatever happens, unless a public channel or another audience stands in front.
        parts: what one message is counted as, for SMS its segments.
        cost: of all of them; 0 where nothing costs money.
        capped: how many of the contacts the caps pay for; None when all.
        seconds: how long it takes at the rate; None where there is no rate.
    """

    channel: str
    platform: str
    contacts: int
    behind: bool
    alone: int
    parts: int
    cost: float
    capped: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an announcement would come to.

    Attributes:
        cost, seconds: when everything goes well.
        worst_cost, worst_seconds: when every alternative but the last fails.
        fails: the channels that must fail for that.
        warnings: what should be known before it is sent.
    """

    shares: Mapping[str, Share]
    counts: Mapping[str, Count]
    currency: str
    cost: float
    seconds: float
    worst_cost: float
    worst_seconds: float
    fails: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def estimate(plan: Plan, counts: Mapping[str, Count], currency: str) -> Estimate:
    """What a plan comes to over its audiences.

    Args:
        counts: by the audience's name.
    """
    behind = _behind(plan.route)
    shares = {
        name: _share(terms, counts[terms.audience], plan, behind=name in behind)
        for name, terms in plan.terms.items()
        if terms.direct and terms.audience in counts and not _unfit(terms)
    }
    worst_seconds = _seconds(plan.route, shares, worst=True)
    return Estimate(
        shares=shares,
        counts=counts,
        currency=currency,
        cost=sum(_at_once(share) for share in shares.values()),
        seconds=_seconds(plan.route, shares, worst=False),
        worst_cost=sum(share.cost for share in shares.values()),
        worst_seconds=worst_seconds,
        fails=_fails(plan.route, shares),
        warnings=tuple(_warnings(plan, shares)),
    )


def _unfit(terms: Terms) -> bool:
    """Whether the words do not fit the channel, so that it sends nothing and costs nothing."""
    return terms.skip is not None and terms.skip.reason is Reason.CANNOT_BE_FITTED


def _share(terms: Terms, count: Count, plan: Plan, *, behind: bool) -> Share:
    contacts = count.reach.get(terms.channel, 0)
    if terms.limit is not None:
        contacts = min(contacts, terms.limit)
    capped = None
    if terms.costly and terms.unit_cost:
        affordable = int(min(terms.max_cost, terms.max_cost_per_day) / terms.unit_cost + 1e-9)
        capped = affordable if affordable < contacts else None
    sent = contacts if capped is None else capped
    return Share(
        channel=terms.channel,
        platform=terms.platform,
        contacts=contacts,
        behind=behind,
        alone=_alone(terms, count, plan),
        parts=plan.posts[terms.channel].count if terms.costly else 1,
        cost=sent * terms.unit_cost if terms.costly else 0.0,
        capped=capped,
        seconds=None if terms.rate is None else sent / terms.rate.per_s,
    )


def _at_once(share: Share) -> float:
    """What a channel costs when everything goes well."""
    if not share.behind or not share.contacts:
        return share.cost
    return share.cost * min(1.0, share.alone / (share.contacts if share.capped is None else share.capped or 1))


def _alone(terms: Terms, count: Count, plan: Plan) -> int:
    family = next(node for node in plan.gathered.walk() if isinstance(node, Together) and terms.channel in node.names())
    ahead = family.alternatives[: family.alternatives.index(terms.channel)]
    behind = (part for node in plan.gathered.walk() if isinstance(node, AnyOf) for part in node.parts[1:])
    if not ahead or any(terms.channel in part.names() for part in behind):
        return 0
    left = count.people - max(count.reach.get(name, 0) for name in ahead)
    return max(0, min(left, count.reach.get(terms.channel, 0)))


def _behind(route: Route) -> frozenset[str]:
    """Channels that start only when another does not reach."""
    later = (part for node in route.walk() if isinstance(node, AnyOf) for part in node.parts[1:])
    return frozenset(name for part in later for name in part.names())


def _fails(route: Route, shares: Mapping[str, Share]) -> tuple[str, ...]:
    """The channels in front of the direct ones that start only then."""
    fails: dict[str, None] = {}
    for node in route.walk():
        if not isinstance(node, AnyOf):
            continue
        for index, part in enumerate(node.parts):
            if any(name in shares for name in part.names()):
                fails |= dict.fromkeys(name for before in node.parts[:index] for name in before.names())
    return tuple(fails)


def _seconds(route: Route, shares: Mapping[str, Share], *, worst: bool) -> float:
    """How long the direct channels take: alternatives one after the other, members side by side."""
    match route:
        case AnyOf(parts):
            lengths = [_seconds(part, shares, worst=worst) for part in parts]
            return sum(lengths) if worst else lengths[0]
        case All(parts) | AtLeast(_, parts):
            return max(_seconds(part, shares, worst=worst) for part in parts)
        case Optional():
            return 0.0
        case _:
            share = shares.get(str(route))
            return 0.0 if share is None or share.seconds is None else share.seconds


def _warnings(plan: Plan, shares: Mapping[str, Share]) -> list[str]:
    left_s = plan.expires_at - plan.created_at
    warnings = []
    for share in shares.values():
        terms = plan.terms[share.channel]
        if share.contacts == 0:
            warnings.append(f"{share.channel} reaches nobody in the audience {terms.audience}.")
        if share.seconds is not None and share.seconds > left_s:
            in_time = int(left_s * (terms.rate.per_s if terms.rate else 0))
            warnings.append(
                f"{share.channel} cannot end before the announcement expires: at {terms.rate} only {in_time:,} of "
                f"{share.contacts:,} contacts get it in time. Raise the rate, or let it expire later."
            )
        if share.capped is not None:
            warnings.append(
                f"{share.channel} stops at its cap: {share.capped:,} of {share.contacts:,} contacts are paid for. "
                "Raise max_cost and max_cost_per_day, or write less."
            )
    return warnings
