"""The lanes of a process: one for each direct channel of each broadcast that it works on."""

from __future__ import annotations

import asyncio
from collections import Counter

from surecast.channel import Adapter
from surecast.dispatch.errands import OPEN_S, PreparingError, errand, not_sent
from surecast.dispatch.lane import Lane, visit
from surecast.dispatch.ports import Bench
from surecast.errors import LedgerError
from surecast.history import Plan
from surecast.ledger import steps, tickets
from surecast.ledger.batches import Claim
from surecast.ledger.broadcasts import delivery_key
from surecast.ledger.tickets import Lot
from surecast.outcome import Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.transport.classify import classify


class Lanes:
    """The lanes of this process."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._users: Counter[tuple[str, str]] = Counter()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._preparing: dict[tuple[str, str], asyncio.Lock] = {}
        self._closing = False

    def leave(self) -> None:
        """The process goes: nothing more begins."""
        self._closing = True
        for lane in self._lanes.values():
            lane.leave()

    async def run(self, plan: Plan, claim: Claim, *, ordered: bool) -> float | None:
        """Runs a batch in its lane; gives when to come back, None for never."""
        bench, channel = self._bench, claim.channel
        lot = await bench.ledger.do(tickets.take, claim, plan, bench.clock.now())
        if not lot.tickets:
            return None
        if self._closing:
            return bench.clock.now()
        try:
            adapter, payload = await self._prepared(plan, lot)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps a channel from beginning becomes an outcome
            outcome = not_sent(error.outcome if isinstance(error, PreparingError) else classify(error))
            await bench.ledger.do(steps.fail, visit(bench, plan, channel), outcome, now=bench.clock.now())
            passes = outcome.verdict in {Verdict.UNAVAILABLE, Verdict.THROTTLED}
            pause_s = bench.breaker.interval_s if passes else MISCONFIGURED_PAUSE_S
            return bench.clock.now() + max(pause_s, outcome.retry_after_s or 0.0)
        place = (plan.id, channel)
        slots = self._slots.setdefault(channel, asyncio.Semaphore(max(1, plan.terms[channel].in_flight)))
        lane = self._lanes.setdefault(place, Lane(bench, plan, channel, slots))
        self._users[place] += 1
        try:
            return await lane.run(lot, adapter, payload, ordered=ordered)
        finally:
            self._users[place] -= 1
            if not self._users[place]:
                del self._users[place], self._lanes[place]
                self._preparing.pop(place, None)

    async def _prepared(self, plan: Plan, lot: Lot) -> tuple[Adapter, bytes]:
        """The adapter, and what all recipients share: prepared once for a broadcast, by whoever comes first."""
        bench, channel = self._bench, lot.claim.channel
        timeout_s = plan.terms[channel].timeout_s
        async with asyncio.timeout(max(OPEN_S, timeout_s)):
            adapter = await bench.host.adapter(channel)
        if lot.payload is not None:
            return adapter, lot.payload
        async with self._preparing.setdefault((plan.id, channel), asyncio.Lock()):  # the first few batches come at once
            kept = await bench.ledger.do(tickets.payload, lot.crowd)
            if kept is not None:
                return adapter, kept
            try:
                async with asyncio.timeout(timeout_s):
                    key = delivery_key(plan, channel, 0)
                    payload = await adapter.prepare(errand(bench.ledger, plan, channel, key, 0))
            except Exception as error:
                raise PreparingError(classify(error, own=adapter.classify)) from error
            return adapter, await bench.ledger.do(tickets.keep_payload, lot.crowd, payload)
