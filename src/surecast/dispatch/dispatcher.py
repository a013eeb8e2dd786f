"""The two jobs of a broadcast. Any number of processes may run them over one ledger."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from surecast.decide import Decision, decide
from surecast.dispatch.carrier import Carrier
from surecast.dispatch.clerk import Clerk
from surecast.dispatch.lanes import Lanes
from surecast.dispatch.ports import Bench
from surecast.errors import LedgerError
from surecast.health import assess_all
from surecast.history import Plan
from surecast.ledger import batches, broadcasts, crowds, gates
from surecast.ledger.owner import proven_dead
from surecast.policy import Gate

BEAT_S = 5.0
#: A batch that the ledger or a mistake of ours stopped is looked at again after this.
TROUBLE_PAUSE_S = 1.0
#: The most deliveries of one process that are on their way at once; a flood helps nobody in an outage.
FAN_OUT = 64
PLANS_KEPT = 64
TOGETHER_S = 0.2


class Dispatcher:
    """Runs `conduct` and `run_batch`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._ledger = bench.ledger
        self._clock = bench.clock
        self._slots = asyncio.Semaphore(FAN_OUT)
        self._lanes = Lanes(bench)
        self._plans: dict[str, Plan] = {}

    async def conduct(self, broadcast: str) -> Decision | None:
        """Decides, opens turns, and says when to look again; None while another process does.

        Raises:
            UnknownBroadcastError: when the ledger has none of this id.
        """
        now = self._clock.now()
        await self._end_what_died(broadcast, now)
        epoch = await self._ledger.do(broadcasts.claim, broadcast, self._bench.owner, now, proven_dead)
        if epoch is None:
            return None
        await self._tend(broadcast, now)
        stored = await self._ledger.do(broadcasts.load, broadcast)
        known = [await self._seen_from_here(gate) for gate in await self._ledger.do(gates.listing)]
        health = assess_all(known, now)
        decision = decide(stored.plan, stored.history, health, now)
        settled = await self._ledger.do(
            broadcasts.settle,
            stored.plan,
            epoch,
            turns=tuple(
                broadcasts.Turn(channel=opening.channel, skip=opening.skip, not_before=opening.not_before)
                for opening in decision.openings
            ),
            state=decision.state.value,
            final=decision.final,
            owed=decision.owed,
            wake_at=decision.wake_at,
            now=now,
            unwanted=decision.unwanted,
            takes=decision.takes,
        )
        if settled and any(what and stored.plan.terms[name].costly for name, what in decision.takes.items()):
            await self._tend(broadcast, now)  # what waited until it was worth its money
        if decision.openings:
            self._bench.host.warm(stored.plan.route.names())
        return decision if settled else None

    async def _tend(self, broadcast: str, now: float) -> None:
        """Hands contacts whose delivery is spent to the next alternative over their audience."""
        plan = await self._plan(broadcast)
        if not any(terms.direct for terms in plan.terms.values()):
            return
        more = await self._ledger.do(crowds.tend, plan, now)
        if more:
            self._bench.waker.wake(broadcast)

    async def _plan(self, broadcast: str) -> Plan:
        """The plan of a broadcast, which never changes."""
        if broadcast not in self._plans:
            if len(self._plans) >= PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[broadcast] = await self._ledger.do(broadcasts.plan, broadcast)
        return self._plans[broadcast]

    async def _end_what_died(self, broadcast: str, now: float) -> None:
        """Ends the attempts of workers that died before anything is decided.

        Their turns start again, as nobody's patience was used while nobody worked.
        """
        for batch in await self._ledger.do(batches.listed, broadcast):
            if batch.owner is None or not (batch.lease_until < now or proven_dead(batch.owner)):
                continue
            claim = await self._ledger.do(batches.claim, batch.id, self._bench.owner, now, proven_dead)
            if claim is not None:  # deliveries to contacts are seen to by whoever takes the batch next
                await self._ledger.do(batches.release, claim, now, now)

    async def _seen_from_here(self, gate: Gate) -> Gate:
        """A gate that is shut over a refused login keeps nobody back who has another secret, as in `gates.take`."""
        if gate.credentials and gate.credentials != await self._bench.host.credentials(gate.channel):
            return replace(gate, open_until=0.0)
        return gate

    def leave(self) -> None:
        """The process goes: to no contact anything more begins."""
        self._lanes.leave()

    async def run_batch(self, batch: int, *, ordered: bool = False) -> None:
        """Takes the deliveries of a batch as far as they can go now; does nothing while another worker holds it.

        Args:
            ordered: a person wants one trial now: back-off and an open breaker do not hold it, an isolation does.
        """
        async with self._slots:
            claim = await self._ledger.do(batches.claim, batch, self._bench.owner, self._clock.now(), proven_dead)
            if claim is not None:
                await self._run_claimed(claim, ordered=ordered)

    async def _run_claimed(self, claim: batches.Claim, *, ordered: bool) -> None:
        wake_at: float | None = self._clock.now()
        beating = asyncio.create_task(self._beat(claim))
        try:
            with contextlib.suppress(batches.ClaimLostError):
                wake_at = await self._carry(claim, ordered=ordered)
        except Exception:
            wake_at = self._clock.now() + TROUBLE_PAUSE_S
            raise
        finally:
            beating.cancel()
            await asyncio.wait({beating})
            # Of many batches to contacts, one does not change what is decided: they are looked at a few together.
            decide_at = self._clock.now() + (TOGETHER_S if claim.number else 0.0)
            # Whoever takes over after us must not wait for the lease, not even when we are being stopped.
            await asyncio.shield(self._ledger.do(batches.release, claim, wake_at, decide_at))
            if not claim.number:
                self._bench.waker.wake(claim.broadcast)

    async def _carry(self, claim: batches.Claim, *, ordered: bool) -> float | None:
        plan = await self._plan(claim.broadcast)
        if plan.terms[claim.channel].direct:
            if claim.number == 0:
                return await Clerk(self._bench, claim, plan).run()
            return await self._lanes.run(plan, claim, ordered=ordered)
        work = await self._ledger.do(batches.work, claim)
        wakes = [await Carrier(self._bench, claim, delivery.id).run(ordered=ordered) for delivery in work.deliveries]
        return min((wake for wake in wakes if wake is not None), default=None)

    async def _beat(self, claim: batches.Claim) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            with contextlib.suppress(LedgerError):  # the next beat still comes before the lease ends
                await self._ledger.do(batches.beat, claim, self._clock.now())
