"""Facts told in one line each, for tests of what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from surecast.channel import Limits, Part, Post, Terms, Words
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


def plan(route: str, **own: Terms) -> Plan:
    """A plan over a route; channels not given get `terms`."""
    names = Route.parse(route).names()
    post = Post(parts=(Part(text="x"),), words=Words(text="x"), language="en", sender="", limits=Limits())
    return Plan(
        id="story",
        key=None,
        fingerprint="f",
        urgency=Urgency.NORMAL,
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


def history(*facts: Fact, cancelled_at: float | None = None) -> History:
    """The facts in the order of telling."""
    numbered = tuple(replace(fact, seq=number) for number, fact in enumerate(facts, start=1))
    return History.of(numbered, cancelled_at=cancelled_at)
