"""The first batch of a direct channel: reads its audience, gives contacts to the channel, and collects receipts."""

from __future__ import annotations

import asyncio

from surecast.channel import Receipts
from surecast.contact import Contact
from surecast.crowd import channel_bits
from surecast.dispatch.lane import visit
from surecast.dispatch.ports import Bench, Part
from surecast.errors import LedgerError
from surecast.history import Plan
from surecast.ledger import crowds, rolls, steps
from surecast.ledger.batches import Claim
from surecast.ledger.owner import proven_dead
from surecast.ledger.rolls import Reach, RollClaim
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.transport.classify import classify

#: Rows that are read and taken down at once.
PART = 4_000
#: The right to read an audience is held for longer so often, in seconds.
HOLD_S = 5.0
#: Another process reads the audience; what it has taken down is looked at after this, in seconds.
LOOK_S = 0.3
#: Pauses between two collections of receipts, in seconds; the last one repeats.
RECEIPT_PAUSES_S = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
RECEIPT_TIMEOUT_S = 20.0


class Clerk:
    """The work on one direct channel of a broadcast that is not about a single contact."""

    def __init__(self, bench: Bench, claim: Claim, plan: Plan) -> None:
        self._bench = bench
        self._ledger, self._host, self._clock = bench.ledger, bench.host, bench.clock
        self._claim = claim
        self._plan = plan
        self._visit = visit(bench, plan, claim.channel)
        self._terms = plan.terms[claim.channel]

    async def run(self) -> float | None:
        """Goes as far as it can now; gives when to come back, Unix seconds, None when nothing is left to do."""
        standing = await self._ledger.do(crowds.look, self._plan, self._claim.channel)
        over = standing.final or self._clock.now() >= self._plan.expires_at
        if over:
            await self._tidy()
        if over or standing.idle:  # what is only stopped may be needed again
            return None
        if not standing.covered:
            try:
                comes_back = await self._cover_all()
            except LedgerError:
                raise
            except Exception as error:  # noqa: BLE001 - a source may be broken in any way
                return await self._unreadable(error)
            if comes_back is not None:
                return comes_back
        return await self._collect()

    # The audience

    async def _cover_all(self) -> float | None:
        """Reads the audience, if nobody has, and gives its contacts to the channel as they come."""
        claim = await self._ledger.do(
            rolls.claim,
            self._plan.id,
            self._terms.audience,
            owner=self._bench.owner,
            now=self._clock.now(),
            dead=proven_dead,
        )
        if claim is not None and not claim.complete:
            try:
                await self._read(claim)
            finally:
                await asyncio.shield(self._ledger.do(rolls.free, claim))
        covered = await self._cover()
        if not covered.done:
            return self._clock.now() + LOOK_S
        await self._ledger.do(crowds.close_if_nobody, self._plan, self._claim.channel, self._clock.now())
        return None

    async def _read(self, claim: RollClaim) -> None:
        reader = self._host.audience(self._terms.audience)
        reaches = self._reaches()
        try:
            part = await self._arrived(asyncio.create_task(reader.next(PART)), claim)
            while True:
                following = None if part.last else asyncio.create_task(reader.next(PART))
                try:
                    taken = await self._take_down(claim, part.contacts, reaches, flawed=part.flawed, last=part.last)
                    covered = await self._cover()
                except BaseException:
                    if following is not None:
                        following.cancel()  # a source that hangs is left behind
                    raise
                if following is None:
                    return
                part = await self._arrived(following, claim)
                if not taken or covered.stopped:
                    return
        finally:
            await reader.close()

    async def _arrived(self, reading: asyncio.Task[Part], claim: RollClaim) -> Part:
        """The part that is being read; the right to read is held meanwhile, however slow the source is."""
        while not (await asyncio.wait({reading}, timeout=HOLD_S))[0]:
            await self._ledger.do(rolls.keep, claim, self._clock.now())
        return reading.result()

    async def _take_down(
        self, claim: RollClaim, contacts: tuple[Contact, ...], reaches: tuple[Reach, ...], *, flawed: int, last: bool
    ) -> bool:
        return await self._ledger.do(
            rolls.take_down, claim, contacts, reaches, flawed=flawed, last=last, now=self._clock.now()
        )

    async def _cover(self) -> crowds.Covered:
        while True:
            covered = await self._ledger.do(crowds.cover, self._plan, self._claim.channel, self._clock.now())
            if covered.added:
                self._bench.waker.wake(self._plan.id)
            if covered.stopped or not covered.more:
                return covered

    def _reaches(self) -> tuple[Reach, ...]:
        bits = channel_bits(self._plan.terms, self._terms.audience)
        reaches = []
        for name, bit in bits.items():
            terms = self._plan.terms[name]
            assert terms.medium is not None
            reaches.append(Reach(bit=bit, medium=terms.medium, only=terms.only, limit=terms.limit))
        return tuple(reaches)

    async def _unreadable(self, error: Exception) -> float:
        """The audience cannot be read: the channel is spent, and tried again when somebody may have seen to it."""
        outcome = classify(error)
        await self._ledger.do(steps.fail, self._visit, outcome, now=self._clock.now())
        self._bench.waker.wake(self._plan.id)
        return self._clock.now() + MISCONFIGURED_PAUSE_S

    # Receipts

    async def _collect(self) -> float | None:
        """Asks the platform what arrived, as long as something is waited for."""
        if not self._terms.receipts:
            return None
        awaited = await self._ledger.do(crowds.awaited, self._plan, self._claim.channel)
        if awaited.deliveries == 0 and awaited.settled:
            return None
        pause = RECEIPT_PAUSES_S[min(awaited.polled, len(RECEIPT_PAUSES_S) - 1)]
        due_at = (awaited.polled_at or awaited.began_at or self._clock.now()) + pause
        if awaited.deliveries == 0:
            return self._clock.now() + pause
        if due_at > self._clock.now():
            return due_at
        await self._ask(awaited.began_at or self._plan.created_at)
        await self._ledger.do(crowds.polled, self._plan, self._claim.channel, self._clock.now())
        return await self._collect()

    async def _ask(self, since: float) -> None:
        try:
            adapter = await self._host.adapter(self._claim.channel)
            if not isinstance(adapter, Receipts):
                return
            async for page in adapter.receipts(since, RECEIPT_TIMEOUT_S):
                if await self._ledger.do(steps.receive, self._visit, page, now=self._clock.now()):
                    self._bench.waker.wake(self._plan.id)
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001 - no receipt is no information; the next collection comes
            return

    # What is left

    async def _tidy(self) -> None:
        """Lets go of names and addresses that nobody needs any more."""
        above: int | None = 0
        while above is not None:
            above = await self._ledger.do(rolls.tidy, self._plan, self._terms.audience, above)
