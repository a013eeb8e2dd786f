"""What an announcement would come to for the contacts of direct channels: shown by `preview`, and before a `send`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from surecast.cli.figures import about, counted, money
from surecast.cli.output import Output, safe

if TYPE_CHECKING:
    from surecast.estimate import Count, Estimate, Share
    from surecast.history import Plan


def has_contacts(plan: Plan) -> bool:
    """Whether anything of it goes to contacts one by one."""
    return any(terms.direct for terms in plan.terms.values())


def question(estimate: Estimate, plan: Plan) -> str:
    """What is asked before it is sent."""
    at_once = people(estimate, (share for share in estimate.shares.values() if not share.behind), plan)
    if at_once or not any(share.behind for share in estimate.shares.values()):
        return f"Send to {counted(at_once, 'person', 'people')}?"
    later = counted(people(estimate, estimate.shares.values(), plan), "person", "people")
    return f"Send, and to {later} if {_failing(estimate, plan)} {_fail(estimate)}?"


def people(estimate: Estimate, shares: Iterable[Share], plan: Plan) -> int:
    """How many people these channels, and the alternatives behind them over their audiences, would write to."""
    audiences = dict.fromkeys(plan.terms[share.channel].audience for share in shares)
    total = 0
    for audience in audiences:
        over_it = [each for each in estimate.shares.values() if plan.terms[each.channel].audience == audience]
        total += min(estimate.counts[audience].people, sum(map(_sent, over_it)))
    return total


def warnings(estimate: Estimate, plan: Plan) -> list[str]:
    """What should be known first of all."""
    return [*estimate.warnings, *_asleep(plan)]


def warn(out: Output, warnings: Sequence[str]) -> None:
    """Prints what should be seen first."""
    if not out.terminal:
        out.lines(*warnings)
        return
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    out.show(*(Text(safe(warning), style="yellow") for warning in warnings))


def lines(estimate: Estimate, plan: Plan) -> Iterator[str]:
    """The channels, what they come to together, and what is left out of the audiences."""
    for share in estimate.shares.values():
        yield f"{share.channel}: {', '.join(_facts(share, estimate, plan))}"
    usual = _sum(estimate.cost, estimate.seconds, estimate)
    worst = _sum(estimate.worst_cost, estimate.worst_seconds, estimate)
    at_once = any(not share.behind for share in estimate.shares.values())
    if at_once and usual:
        yield f"In all: {usual}."
    if worst and (worst != usual or not at_once):
        yield f"If {_failing(estimate, plan)} {_fail(estimate)}: {worst}."
    for audience, count in estimate.counts.items():
        if told := _left_out(count):
            yield f"Left out of {audience}: {', '.join(told)} (surecast audience check {audience})."


def _asleep(plan: Plan) -> Iterator[str]:
    """What quiet hours do to it, if they reign now."""
    from surecast.clock import hours_minutes  # noqa: PLC0415 - not for --help

    zone = ZoneInfo(plan.time_zone)
    until = None if plan.quiet is None else plan.quiet.until(plan.created_at, zone)
    if until is None:
        return
    end = hours_minutes(until, zone, plan.created_at)
    if until < plan.expires_at:
        yield f"These are quiet hours: it is held until {end}."
    else:
        expiry = hours_minutes(plan.expires_at, zone, plan.created_at)
        yield f"These are quiet hours, until {end}, and it expires before, at {expiry}: nobody gets it in them."


def _facts(share: Share, estimate: Estimate, plan: Plan) -> Iterator[str]:
    terms = plan.terms[share.channel]
    if not share.contacts:
        yield "nobody"
        return
    capped = "" if share.capped is None else f"{share.capped:,} of "
    yield f"{capped}{counted(share.contacts, 'contact')}"
    if terms.costly:
        yield f"{counted(share.parts, 'segment')} each"
        yield money(share.cost, estimate.currency)
    yield "as fast as it goes" if share.seconds is None else f"{about(share.seconds)} at {terms.rate}"
    if share.behind:
        yield "only for those not reached before"


def _sum(cost: float, seconds: float, estimate: Estimate) -> str:
    """What it costs and how long it takes; empty where it costs nothing and no rate holds it back."""
    return ", ".join([*([money(cost, estimate.currency)] if cost else []), *([about(seconds)] if seconds else [])])


def _failing(estimate: Estimate, plan: Plan) -> str:
    from surecast.report.contact_words import together  # noqa: PLC0415 - not for --help

    return together([plan.terms[name].platform for name in estimate.fails] or ["the others"])


def _fail(estimate: Estimate) -> str:
    return "fails" if len(estimate.fails) == 1 else "fail"


def _left_out(count: Count) -> list[str]:
    suppressed = max(count.suppressed.values(), default=0)
    told = [
        counted(count.bad, "row without a usable address", "rows without a usable address") if count.bad else "",
        counted(count.duplicates, "row that repeats another", "rows that repeat others") if count.duplicates else "",
        counted(suppressed, "contact who is not to be written to", "contacts who are not to be written to")
        if suppressed
        else "",
        f"what is wrong of {counted(count.flawed, 'contact')}" if count.flawed else "",
    ]
    return [each for each in told if each]


def _sent(share: Share) -> int:
    return share.contacts if share.capped is None else share.capped


# For programs -----------------------------------------------------------------------------------------------------


def estimate_object(estimate: Estimate, plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "people": people(estimate, (share for share in estimate.shares.values() if not share.behind), plan),
        "currency": estimate.currency,
        "cost": round(estimate.cost, 6),
        "seconds": estimate.seconds,
        "worst": {
            "people": people(estimate, estimate.shares.values(), plan),
            "cost": round(estimate.worst_cost, 6),
            "seconds": estimate.worst_seconds,
            "fails": list(estimate.fails),
        },
        "channels": {name: _share_object(share) for name, share in estimate.shares.items()},
        "audiences": {name: _count_object(count) for name, count in estimate.counts.items()},
        "warnings": warnings(estimate, plan),
    }


def _share_object(share: Share) -> dict[str, Any]:
    return {
        "contacts": share.contacts,
        "behind": share.behind,
        "parts": share.parts,
        "cost": round(share.cost, 6),
        "capped": share.capped,
        "seconds": share.seconds,
    }


def _count_object(count: Count) -> dict[str, Any]:
    return {
        "contacts": count.contacts,
        "people": count.people,
        "bad_rows": count.bad,
        "flawed_contacts": count.flawed,
        "duplicates": count.duplicates,
        "suppressed": dict(count.suppressed),
    }
