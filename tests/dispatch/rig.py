"""A dispatcher on a real ledger with fake platforms, driven step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from surecast.channel import Adapter
from surecast.clock import Clock
from surecast.decide import Decision
from surecast.dispatch import Bench, Dispatcher
from surecast.history import Fact, History, Plan
from surecast.ledger import batches, broadcasts, gates
from surecast.ledger.database import Ledger
from surecast.ledger.owner import new_owner
from surecast.message import Announcement
from surecast.outcome import Verdict
from surecast.planning import House, make_plan
from surecast.policy import Breaker, Gate
from surecast.route import Route
from surecast.testing import FakeChannel, ManualClock, a_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")


class Fakes:
    """The `Host` of a rig: an adapter of each fake platform, opened once."""

    def __init__(self, fakes: tuple[FakeChannel, ...]) -> None:
        self._kinds = {fake.name: fake.kind for fake in fakes}
        self._open: dict[str, Adapter] = {}
        self.secrets: dict[str, str] = {}
        self.warmed: list[tuple[str, ...]] = []
        self.failing: Exception | None = None
        self.alone = False

    async def cut_off(self, channel: str) -> bool:
        return self.alone

    async def adapter(self, channel: str) -> Adapter:
        if self.failing is not None:
            raise self.failing
        if channel not in self._open:
            adapter = self._kinds[channel].adapter(None, a_context(channel))
            await adapter.open()
            self._open[channel] = adapter
        return self._open[channel]

    async def credentials(self, channel: str) -> str:
        return self.secrets.get(channel, "s1")

    def warm(self, channels: tuple[str, ...]) -> None:
        self.warmed.append(channels)


class Woken:
    """A `Waker` that remembers."""

    def __init__(self) -> None:
        self.broadcasts: list[str] = []

    def wake(self, broadcast: str) -> None:
        self.broadcasts.append(broadcast)


class Rig:
    """One process's dispatcher."""

    def __init__(self, path: Path, *fakes: FakeChannel, clock: Clock | None = None, owner: str = "") -> None:
        self.clock = clock or ManualClock()
        self.ledger = Ledger(path)
        self.host = Fakes(fakes)
        self.waker = Woken()
        # Notes and the pace of catching up have tests of their own.
        self.house = House(reroute_notes=False, catch_up_rate=None)
        self._channels = {fake.name: fake.channel for fake in fakes}
        self.dispatcher = Dispatcher(
            Bench(
                ledger=self.ledger,
                host=self.host,
                waker=self.waker,
                clock=self.clock,
                breaker=Breaker(),
                owner=owner or new_owner(),
            )
        )

    async def accept(self, route: str, text: str = "Ferry 12 is cancelled", **said: Any) -> Plan:
        announcement = Announcement(text=text, **said)
        plan = make_plan(announcement, self.house, self._channels, Route.parse(route), now=self.clock.now())
        return (await self.ledger.do(broadcasts.accept, plan, {}, repeat_since=None)).plan

    async def conduct(self, plan: Plan) -> Decision:
        decision = await self.dispatcher.conduct(plan.id)
        assert decision is not None
        return decision

    async def batch(self, plan: Plan, channel: str = "a") -> int:
        listed = await self.ledger.do(batches.listed, plan.id)
        return next(found.id for found in listed if found.channel == channel)

    async def run(self, plan: Plan, channel: str = "a", *, ordered: bool = False) -> None:
        await self.dispatcher.run_batch(await self.batch(plan, channel), ordered=ordered)

    async def step(self, plan: Plan) -> Decision:
        """One round: decide, run what is due, decide."""
        await self.conduct(plan)
        now = self.clock.now()
        due = [
            found.id
            for found in await self.ledger.do(batches.listed, plan.id)
            if found.wake_at is not None and found.wake_at <= now
        ]
        await asyncio.gather(*map(self.dispatcher.run_batch, due))
        return await self.conduct(plan)

    async def settle(self, plan: Plan, *, rounds: int = 60) -> Decision:
        """Rounds until nothing is due any more before the announcement expires; a manual clock is turned on."""
        decision = await self.step(plan)
        for _ in range(rounds):
            at = await self.next_due(plan)
            if at is None or at >= plan.expires_at:
                return decision
            if isinstance(self.clock, ManualClock):
                self.clock.advance(max(0.0, at - self.clock.now()))
            decision = await self.step(plan)
        raise AssertionError("it never settles")

    async def next_due(self, plan: Plan) -> float | None:
        stored = await self.ledger.do(broadcasts.load, plan.id)
        listed = await self.ledger.do(batches.listed, plan.id)
        return min(
            (at for at in (stored.wake_at, *(found.wake_at for found in listed)) if at is not None), default=None
        )

    async def history(self, plan: Plan) -> History:
        return (await self.ledger.do(broadcasts.load, plan.id)).history

    async def facts(self, plan: Plan, channel: str = "a") -> tuple[Fact, ...]:
        return (await self.history(plan)).facts.get(channel, ())

    async def verdicts(self, plan: Plan, channel: str = "a") -> list[Verdict]:
        return [fact.outcome.verdict for fact in await self.facts(plan, channel) if fact.outcome]

    async def gate(self, channel: str = "a") -> Gate:
        return next(
            (gate for gate in await self.ledger.do(gates.listing) if gate.channel == channel), Gate(channel=channel)
        )

    async def close(self) -> None:
        await self.ledger.close()


@asynccontextmanager
async def a_rig(path: Path, *fakes: FakeChannel, **own: Any) -> AsyncIterator[Rig]:
    rig = Rig(path, *fakes, **own)
    try:
        yield rig
    finally:
        await rig.close()


def with_rig(path: Path, work: Callable[[Rig], Awaitable[T]], *fakes: FakeChannel, **own: Any) -> T:
    """`work` with a rig, in an event loop of its own."""

    async def done() -> T:
        async with asyncio.timeout(60), a_rig(path, *fakes, **own) as rig:
            return await work(rig)

    return asyncio.run(done())
