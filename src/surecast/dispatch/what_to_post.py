"""Which words a post has: its own, with a note why it comes to this channel, or with the mark that it is late."""

from __future__ import annotations

from dataclasses import replace

from surecast.channel import Errand
from surecast.dispatch.errands import errand
from surecast.ledger import batches, gates
from surecast.ledger.database import Ledger
from surecast.standing import stand, surely

#: What is paid back after so long says when it was first announced.
LATE_S = 600.0


async def what_to_post(
    ledger: Ledger, claim: batches.Claim, work: batches.Work, delivery: batches.Delivery, now: float
) -> Errand:
    """What the adapter is told of a delivery that was never on its way."""
    plan, channel = work.plan, claim.channel
    told = errand(ledger, plan, channel, delivery.key, delivery.part)
    facts = tuple(fact for fact in work.facts if fact.channel == channel)
    if stand(plan.terms[channel], facts).turn_over(now) and now - plan.created_at >= LATE_S:
        # It may be dated anew: else readers would find it hours down in their feeds.
        return replace(told, created_at=now, post=plan.late.get(channel, told.post))
    note = plan.notes.get(channel)
    if note is None or not _stands_in(work, note.failing, now):
        return told
    # The first post here since the other channel failed; its readers are told once.
    first = await ledger.do(gates.claim_note, note.failing, channel, claim.broadcast, now)
    return replace(told, post=note.post) if first else told


def _stands_in(work: batches.Work, failing: str, now: float) -> bool:
    """Whether the other channel's readers cannot read this there: not where it only refused these words."""
    facts = tuple(fact for fact in work.facts if fact.channel == failing)
    other = stand(work.plan.terms[failing], facts)
    if surely(other) or other.turn_at is None:
        return False
    return other.invisible_at is not None or (other.turn_over(now) and not other.refused)
