"""What an adapter is told before it prepares, and what its failing then means."""

from __future__ import annotations

from dataclasses import replace

from surecast.channel import Errand
from surecast.history import Plan
from surecast.ledger import broadcasts
from surecast.ledger.database import Ledger
from surecast.outcome import Outcome, Verdict
from surecast.transport.classify import MAYBE

#: Loading a platform's library may take so long, or as long as an attempt.
OPEN_S = 5.0


class PreparingError(Exception):
    """A direct channel could not prepare what its recipients share."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def errand(ledger: Ledger, plan: Plan, channel: str, key: str, part: int) -> Errand:
    """What an adapter is told about a delivery, or about all of a direct channel's."""

    async def image(digest: str) -> bytes:
        return await ledger.do(broadcasts.image, digest)

    return Errand(
        key=key,
        post=plan.posts[channel],
        part=part,
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        image=image,
    )


def not_sent(outcome: Outcome) -> Outcome:
    """Before `publish` nothing can have been delivered, so nothing is in doubt."""
    if outcome.verdict is not Verdict.UNCERTAIN:
        return outcome
    detail = f"{outcome.detail.removesuffix(MAYBE).strip()} Nothing was sent yet."
    return replace(outcome, verdict=Verdict.UNAVAILABLE, detail=detail)
