"""Outcomes that nobody else gives: what was not begun, and what this process itself brought about."""

from __future__ import annotations

from surecast.outcome import Outcome, Reason, Verdict
from surecast.policy import Passage
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
