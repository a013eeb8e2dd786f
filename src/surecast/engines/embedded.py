"""Runs both jobs in the event loop of this process: inline while a caller waits, and in the background after."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

from surecast.clock import Clock
from surecast.decide import Decision
from surecast.dispatch import Dispatcher
from surecast.errors import LedgerError, UnknownBroadcastError, UsageError
from surecast.ledger import batches, broadcasts
from surecast.ledger.database import Ledger
from surecast.ledger.owner import proven_dead

#: How soon a change by another process is seen: well inside the second that a cancel may take.
POLL_S = 0.25
#: How often a process that holds what we wait for is looked at: its death changes nothing in the ledger.
HOLDER_CHECK_S = 1.0
#: How often a worker looks for what others left, when nothing is due before.
SWEEP_S = 2.0
#: So many batches of a direct channel are worked on at once: enough that none of its slots stands idle between two.
MOST_AT_ONCE = 3
TOGETHER_S = 0.2
NEXT_SWEEP_S = 0.005


class _Driver:
    """Somebody who drives a broadcast: told that there is news, and whether it may change what is decided."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.decides = True


class Embedded:
    """Drives broadcasts in this loop.

    `dispatcher` is given after construction, because it wakes this engine and this engine runs it.
    """

    dispatcher: Dispatcher

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._running: dict[int, asyncio.Task[None]] = {}
        self._started: dict[int, float] = {}
        self._errors: dict[str, BaseException] = {}
        self._waiting: dict[str, set[_Driver]] = {}
        self._news = asyncio.Event()
        self._stopping = False

    # Waker

    def wake(self, broadcast: str) -> None:
        """Something happened in a broadcast; everybody who drives or tends it here looks again at once."""
        self._news.set()
        self._tell(broadcast)

    def _tell(self, broadcast: str, *, decides: bool = True) -> None:
        for driver in self._waiting.get(broadcast, ()):
            driver.decides = driver.decides or decides
            driver.event.set()

    # Driving

    async def drive(
        self,
        broadcast: str,
        *,
        enough: Callable[[Decision], Awaitable[bool]],
        until: float | None = None,
        ordered: bool = False,
    ) -> None:
        """Conducts a broadcast and runs its batches until `enough` says so, or until a moment.

        Raises:
            UsageError: the engine was stopped meanwhile.

        Args:
            enough: asked after every decision.
            until: Unix seconds; None for no bound but the broadcast's own end.
            ordered: a person wants one trial of everything owed now.
        """
        driver = _Driver()
        self._waiting.setdefault(broadcast, set()).add(driver)
        try:
            await self._drive(broadcast, driver, enough, until, ordered=ordered)
        finally:
            self._waiting[broadcast].discard(driver)
            if not self._waiting[broadcast]:
                del self._waiting[broadcast]
                self._errors.pop(broadcast, None)

    async def _drive(
        self,
        broadcast: str,
        driver: _Driver,
        enough: Callable[[Decision], Awaitable[bool]],
        until: float | None,
        *,
        ordered: bool,
    ) -> None:
        seen: int | None = None
        due_at: float | None = None
        decide_at: float | None = None
        decision: Decision | None = None
        event = driver.event
        while True:
            if (error := self._errors.pop(broadcast, None)) is not None:
                raise error
            if self._stopping:
                raise UsageError(
                    f"This broadcaster was closed meanwhile. Nothing is lost: surecast resume {broadcast} goes on."
                )
            woken = event.is_set()
            event.clear()
            version = await self._ledger.do(broadcasts.version)
            due = due_at is not None and due_at <= self._clock.now()
            if woken or due or version != seen:
                if driver.decides or due or version != seen:
                    seen, driver.decides = version, False
                    decision = await self.dispatcher.conduct(broadcast)
                    # Without a decision, another process decides just now.
                    decide_at = self._clock.now() + POLL_S if decision is None else decision.wake_at
                due_at = _earlier(await self._start_due(broadcast, ordered=ordered), decide_at)
                ordered = False
                if decision is not None and await enough(decision) and not event.is_set():
                    return
            now = self._clock.now()
            if until is not None and now >= until:
                return
            await self._rest(event, min(at for at in (due_at, until, now + POLL_S) if at is not None) - now)

    async def _start_due(self, broadcast: str, *, ordered: bool) -> float | None:
        """Starts the batches that are due; gives when the next one is."""
        next_at: float | None = None
        now = self._clock.now()
        listed = await self._ledger.do(batches.listed, broadcast)
        busy = Counter(batch.channel for batch in listed if self.runs(batch.id) and batch.number)
        for batch in listed:
            if self.runs(batch.id) or (batch.number and busy[batch.channel] >= MOST_AT_ONCE):
                continue
            if batch.owner is not None and batch.lease_until >= now and not proven_dead(batch.owner):
                next_at = _earlier(next_at, now + HOLDER_CHECK_S)
                continue
            due = batch.owner is not None or (batch.wake_at is not None and batch.wake_at <= now)
            if due or ordered:
                self._start(broadcast, batch, ordered=ordered)
                busy[batch.channel] += bool(batch.number)
            else:
                next_at = _earlier(next_at, batch.wake_at)
        return next_at

    def _start(self, broadcast: str, batch: batches.Listed, *, ordered: bool) -> None:
        if self._stopping:
            return
        work = self.dispatcher.run_batch(batch.id, ordered=ordered)
        task = asyncio.create_task(work, name=f"surecast-batch-{batch.id}")
        self._running[batch.id] = task
        self._started[batch.id] = self._clock.now()
        task.add_done_callback(lambda done: self._ended(broadcast, batch, done))

    def _ended(self, broadcast: str, batch: batches.Listed, task: asyncio.Task[None]) -> None:
        self._running.pop(batch.id, None)
        self._started.pop(batch.id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only the ledger raises here; whoever waits for this broadcast must hear of it. Who tends it tries again
            # in a moment, and not at once: a full disk stays full.
            if broadcast in self._waiting:
                self._errors[broadcast] = error
                self._tell(broadcast)
            return
        if batch.number == 0:
            self.wake(broadcast)
            return
        # One of many batches to contacts makes room for the next; what it means is decided a few together.
        self._news.set()
        self._tell(broadcast, decides=False)
        asyncio.get_running_loop().call_later(TOGETHER_S, self.wake, broadcast)

    async def _rest(self, event: asyncio.Event, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()

    # Tending what is owed

    async def sweep(self, only: Callable[[str], bool] = lambda _: True) -> float | None:
        """Conducts and starts everything that is due now, once; gives when something is due next, Unix seconds."""
        for broadcast in await self._ledger.do(broadcasts.due, self._clock.now(), proven_dead):
            if only(broadcast):
                await self.dispatcher.conduct(broadcast)
                await self._start_due(broadcast, ordered=False)
        return await self._ledger.do(broadcasts.next_wake)

    async def tend(self, only: Callable[[str], bool] = lambda _: True) -> None:
        """Sweeps for ever: what is owed is delivered when its time comes, also after the ledger was out of order."""
        while True:
            next_at: float | None = None
            self._news.clear()
            with contextlib.suppress(LedgerError, UnknownBroadcastError):  # that one was forgotten meanwhile
                next_at = await self.sweep(only)
            now = self._clock.now()
            await self._rest(self._news, max(POLL_S, min(SWEEP_S, (next_at or now + SWEEP_S) - now)))

    async def run_due(self) -> float | None:
        """Carries on until nothing is due now; gives when something is due next, Unix seconds."""
        while True:
            next_at = await self.sweep()
            if self._running:
                await asyncio.wait(tuple(self._running.values()))
            elif next_at is None or next_at > self._clock.now():
                return next_at
            else:  # it has just become due, or another process is at it
                await asyncio.sleep(NEXT_SWEEP_S)

    def runs(self, batch: int) -> bool:
        """Whether a batch is being worked on here."""
        return batch in self._running and not self._running[batch].done()

    async def stop(self, *, young_s: float) -> None:
        """Stops for good: what is younger than `young_s` may end by then, the rest is recorded as interrupted."""
        self._stopping = True
        self.dispatcher.leave()
        for broadcast in self._waiting:
            self._tell(broadcast)
        while young := [task for batch, task in self._running.items() if self._age(batch) < young_s]:
            left = min(young_s - self._age(batch) for batch, task in self._running.items() if task in young)
            await asyncio.wait(young, timeout=max(0.01, left))
        tasks = tuple(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _age(self, batch: int) -> float:
        return self._clock.now() - self._started[batch]


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
