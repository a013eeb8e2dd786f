"""Outcomes that nobody else gives: what was not begun, and what this process itself brought about."""

from __future__ import annotations

from dataclasses import replace

from surecast.dispatch.ports import Host
from surecast.history import Plan
from surecast.outcome import Outcome, Reason, Verdict
from surecast.policy import Passage
from surecast.route import stands_before
from surecast.transport.classify import MAYBE


def why_turned_away(passage: Passage) -> tuple[Reason, str]:
    if passage.throttled:
        return Reason.RATE_LIMITED, "asked us to wait"
    if passage.isolated:
        return Reason.ISOLATED, "is switched off by hand"
    if passage.spared:
        return Reason.SPARED, "fails so often that further tries would only add to its load"
    return Reason.BREAKER_OPEN, "is taken as down"


def mistaken(given: object) -> Outcome:
    """An adapter of somebody else's gave what it must not; the platform is not to blame."""
    detail = f"The channel's adapter gave a {type(given).__name__}, which is a mistake in it. {MAYBE}"
    return Outcome(verdict=Verdict.UNCERTAIN, reason=Reason.OURS, detail=detail)


def held_up() -> Outcome:
    """A computer that slept, a process that was stopped: another may have the delivery by now."""
    return Outcome(
        verdict=Verdict.UNAVAILABLE,
        reason=Reason.OURS,
        detail="This machine was held up until the time of the attempt was over. Nothing was sent.",
    )


def too_late() -> Outcome:
    return Outcome(
        verdict=Verdict.UNAVAILABLE,
        reason=Reason.TIMED_OUT,
        detail="Preparing the post used up the time of the attempt. Nothing was sent yet.",
    )


async def unless_cut_off(outcome: Outcome, host: Host, plan: Plan, channel: str) -> Outcome:
    """The outcome of an attempt; where it reached nobody, of our own making where this machine reaches nobody at all.

    The turn is held then, as the next platform cannot be reached either; not where the next one needs no network.
    """
    reached_nobody = outcome.verdict is Verdict.UNAVAILABLE and outcome.reason in {Reason.NOT_CONNECTED, Reason.OURS}
    if not (reached_nobody and await host.cut_off(channel)):
        return outcome
    local = frozenset(name for name, terms in plan.terms.items() if terms.local)
    reason = Reason.OURS if stands_before(plan.route, channel, local) else Reason.NO_NETWORK
    detail = "This machine has no network: nothing else can be reached either. Nothing was sent."
    return replace(outcome, reason=reason, detail=detail)
