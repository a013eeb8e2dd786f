"""Facts told in one line each, for tests of what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from surecast.channel import Limits, Part, Post, Terms, Words
from surecast.contact import Medium
from surecast.crowd import Crowd, Roll, Spent, Tally
from surecast.history import Action, Fact, History, Kind, Order, Plan
from surecast.message import Urgency
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.route import Route

START = 1_000.0
EXPIRES = START + 3_600.0


def terms(channel: str, **own: Any) -> Terms:
    """Terms of a public channel with a minute for its turn."""
    given: dict[str, Any] = {
        "platform": channel.title(),
        "resend": "same_key",
        "within_s": 60.0,
        "timeout_s": 10.0,
        "finds": True,
    }
    return Terms(channel=channel, **{**given, **own})


def direct(channel: str, medium: Medium = Medium.EMAIL, **own: Any) -> Terms:
    """Terms of a channel that writes to the riders; nobody is spent while it is in doubt."""
    given: dict[str, Any] = {"audience": "riders", "medium": medium, "when_unsure": "hold", "resend": "never"}
    return terms(channel, **{**given, "finds": False, **own})


def sms(channel: str = "sms", **own: Any) -> Terms:
    """Terms of a channel that costs money, which waits five minutes as a later alternative."""
    given: dict[str, Any] = {"costly": True, "unit_cost": 0.01, "max_cost": 1e6, "max_cost_per_day": 1e6}
    return direct(channel, Medium.PHONE, **{**given, "spend_after_s": 300.0, **own})


def crowd(
    *,
    bit: int = 1,
    covered: bool = True,
    duplicates: int = 0,
    spent: Spent = Spent.NO,
    closed: bool = False,
    failing_at: float | None = None,
    failed_at: float | None = None,
    **tally: Any,
) -> Crowd:
    """A direct channel that looked at its whole audience, with numbers of deliveries; nobody was reached before."""
    return Crowd(
        tally=Tally(**{"first": tally.get("reached", 0), **tally}),
        bit=bit,
        covered=covered,
        duplicates=duplicates,
        spent=spent,
        closed=closed,
        failing_at=failing_at,
        failed_at=failing_at if failed_at is None else failed_at,
    )


def roll(*, complete: bool = True, **able: int) -> Roll:
    """The riders, by the sets of channels that can reach them: `_1=90, _3=10`."""
    return Roll(complete=complete, able={int(name[1:]): count for name, count in able.items()})


def plan(route: str, *, urgency: Urgency = Urgency.NORMAL, **own: Terms) -> Plan:
    """A plan over a route; channels not given get `terms`."""
    names = Route.parse(route).names()
    post = Post(parts=(Part(text="x"),), words=Words(text="x"), language="en", sender="", limits=Limits())
    return Plan(
        id="story",
        key=None,
        fingerprint="f",
        urgency=urgency,
        route_text=route,
        route_name="",
        created_at=START,
        expires_at=EXPIRES,
        posts=dict.fromkeys(names, post),
        terms={name: own.get(name, terms(name)) for name in names},
    )


def turn(channel: str, at: float = START) -> Fact:
    return Fact(seq=0, channel=channel, kind=Kind.TURN, at=at)


def began(channel: str, at: float, attempt: int = 1, action: Action = Action.PUBLISH) -> Fact:
    return Fact(seq=0, channel=channel, kind=Kind.BEGAN, at=at, action=action, attempt=attempt)


def ended(
    channel: str,
    at: float,
    verdict: Verdict,
    attempt: int = 1,
    *,
    action: Action = Action.PUBLISH,
    reason: Reason = Reason.NONE,
    not_before: float | None = None,
) -> Fact:
    receipt = Receipt(id="post") if verdict is Verdict.ACCEPTED else None
    outcome = Outcome(verdict=verdict, reason=reason, receipt=receipt)
    return Fact(
        seq=0,
        channel=channel,
        kind=Kind.ENDED,
        at=at,
        action=action,
        attempt=attempt,
        outcome=outcome,
        not_before=not_before,
    )


def looked(channel: str, at: float, sighting: Sighting, action: Action = Action.FIND, attempt: int = 90) -> Fact:
    receipt = Receipt(id="post") if sighting is Sighting.SEEN else None
    look = Look(sighting=sighting, receipt=receipt)
    return Fact(seq=0, channel=channel, kind=Kind.ENDED, at=at, action=action, attempt=attempt, look=look)


def invisible(channel: str, at: float) -> Fact:
    fact = looked(channel, at, Sighting.UNSEEN, Action.CONFIRM)
    return replace(fact, outcome=Outcome(verdict=Verdict.INVISIBLE, reason=Reason.NOT_VISIBLE))


def ordered(channel: str, at: float, order: Order) -> Fact:
    return Fact(seq=0, channel=channel, kind=Kind.ORDERED, at=at, order=order)


def history(*facts: Fact, cancelled_at: float | None = None, riders: Roll | None = None, **crowds: Crowd) -> History:
    """The facts in the order of telling, and what became of the contacts; a channel with a crowd has its turn."""
    turns = tuple(turn(name) for name in crowds)
    numbered = tuple(replace(fact, seq=number) for number, fact in enumerate((*turns, *facts), start=1))
    rolls = {} if riders is None else {"riders": riders}
    return History.of(numbered, cancelled_at=cancelled_at, crowds=crowds, rolls=rolls)
