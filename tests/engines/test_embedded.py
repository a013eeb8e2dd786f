"""Driving both jobs in one event loop: at once when something happens, from time to time in any case, for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.dispatch.rig import Rig

from surecast.clock import SteadyClock
from surecast.decide import Decision, State
from surecast.dispatch import Bench, Dispatcher
from surecast.engines.embedded import Embedded
from surecast.errors import LedgerBusyError, LedgerError, UsageError
from surecast.history import Plan
from surecast.ledger import batches, broadcasts
from surecast.ledger.owner import new_owner
from surecast.policy import Breaker
from surecast.testing import FakeChannel, fail, hang, refuse

T = TypeVar("T")


class Engine(Rig):
    """A rig with the engine that drives it."""

    def __init__(self, path: Path, *fakes: FakeChannel) -> None:
        super().__init__(path, *fakes, clock=SteadyClock())
        self.engine = Embedded(self.ledger, self.clock)
        self.engine.dispatcher = Dispatcher(
            Bench(
                ledger=self.ledger,
                host=self.host,
                waker=self.engine,
                clock=self.clock,
                breaker=Breaker(),
                owner=new_owner(),
            )
        )
        self.dispatcher = self.engine.dispatcher

    async def drive(self, plan: Plan, *, for_s: float = 20.0, ordered: bool = False) -> None:
        await self.engine.drive(plan.id, enough=decided, until=self.clock.now() + for_s, ordered=ordered)

    async def state(self, plan: Plan) -> str:
        return (await self.ledger.do(broadcasts.load, plan.id)).state


async def decided(decision: Decision) -> bool:
    return decision.state is not State.PENDING


@asynccontextmanager
async def an_engine(path: Path, *fakes: FakeChannel) -> AsyncIterator[Engine]:
    engine = Engine(path, *fakes)
    try:
        yield engine
    finally:
        await engine.engine.stop(young_s=0)
        await engine.close()


def with_engine(path: Path, work: Callable[[Engine], Awaitable[T]], *fakes: FakeChannel) -> T:
    async def done() -> T:
        async with asyncio.timeout(60), an_engine(path, *fakes) as engine:
            return await work(engine)

    return asyncio.run(done())


async def until(true: Callable[[], Any], seconds: float = 10.0) -> float:
    """Waits until something holds; gives how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.005)
    return time.monotonic() - began


# Driving


def test_a_broadcast_is_driven_until_it_is_decided(tmp_path: Path) -> None:
    fakes = [FakeChannel(name) for name in "abc"]
    fakes[0].script(refuse())

    async def work(engine: Engine) -> None:
        plan = await engine.accept("(a | b) & c")
        began = time.monotonic()
        await engine.drive(plan)
        assert time.monotonic() - began < 1.0, "every outcome wakes who drives"
        assert await engine.state(plan) == "rerouted"

    with_engine(tmp_path / "l.db", work, *fakes)
    assert [len(fake.texts) for fake in fakes] == [0, 1, 1]


def test_the_members_of_a_fan_out_are_on_their_way_at_once(tmp_path: Path) -> None:
    fakes = [FakeChannel(name) for name in "abcdefgh"]
    for fake in fakes:
        fake.script(hang())

    async def work(engine: Engine) -> None:
        plan = await engine.accept(" & ".join("abcdefgh"))
        driving = asyncio.create_task(engine.drive(plan))
        await until(lambda: all(fake.hanging for fake in fakes))
        for fake in fakes:
            fake.release()
        await driving
        assert await engine.state(plan) == "reached"

    with_engine(tmp_path / "l.db", work, *fakes)


def test_driving_ends_at_its_bound(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(engine: Engine) -> None:
        plan = await engine.accept("a")
        began = time.monotonic()
        await engine.drive(plan, for_s=0.3)
        assert 0.3 <= time.monotonic() - began < 0.8
        assert await engine.state(plan) == "pending"

    with_engine(tmp_path / "l.db", work, fake)


def test_a_broken_ledger_is_told_to_who_waits_and_to_nobody_later(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(engine: Engine) -> None:
        real = engine.ledger.do

        async def busy(call: Any, *args: Any, **kwargs: Any) -> Any:
            if call is batches.begin:
                raise LedgerBusyError("The ledger is locked.")
            return await real(call, *args, **kwargs)

        plan = await engine.accept("a")
        engine.ledger.do = busy  # type: ignore[method-assign]
        with pytest.raises(LedgerBusyError):
            await engine.drive(plan)
        batch = await engine.batch(plan)
        await engine.dispatcher.conduct(plan.id)
        await engine.engine.sweep()  # nobody waits for this one
        await until(lambda: not engine.engine.runs(batch))
        engine.ledger.do = real  # type: ignore[method-assign]
        await engine.drive(plan)
        assert await engine.state(plan) == "reached"

    with_engine(tmp_path / "l.db", work, fake)


def test_what_another_process_does_is_seen_soon(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(engine: Engine) -> None:
        plan = await engine.accept("a")
        driving = asyncio.create_task(engine.drive(plan))
        await until(lambda: fake.hanging)
        async with an_engine(tmp_path / "l.db", fake) as other:
            await other.ledger.do(broadcasts.cancel, plan.id, None, other.clock.now())
        fake.script(hang())
        fake.release()
        assert await until(driving.done, 2.0) < 1.0

    with_engine(tmp_path / "l.db", work, fake)


def test_driving_a_broadcast_whose_batch_another_process_holds_waits_for_it(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(engine: Engine) -> None:
        async with an_engine(tmp_path / "l.db", fake) as other:
            plan = await engine.accept("a")
            theirs = asyncio.create_task(other.drive(plan))
            await until(lambda: fake.hanging)
            ours = asyncio.create_task(engine.drive(plan, ordered=True))
            await asyncio.sleep(0.4)
            assert not ours.done()
            fake.release()
            await asyncio.gather(ours, theirs)
            assert await engine.state(plan) == "reached"

    with_engine(tmp_path / "l.db", work, fake)
    assert len(fake.published) == 1


# Tending


def test_what_is_due_is_delivered_though_no_word_came(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(engine: Engine) -> None:
        tending = asyncio.create_task(engine.engine.tend())
        await asyncio.sleep(0.1)
        async with an_engine(tmp_path / "l.db", fake) as other:
            plan = await other.accept("a")  # by another process that ends at once
        await until(lambda: fake.texts, 4.0)
        await until(lambda: not engine.engine._running)
        assert plan
        tending.cancel()

    with_engine(tmp_path / "l.db", work, fake)


def test_a_word_that_something_is_new_is_followed_at_once(tmp_path: Path) -> None:
    fakes = [FakeChannel("a"), FakeChannel("b")]
    fakes[0].script(refuse())

    async def work(engine: Engine) -> None:
        tending = asyncio.create_task(engine.engine.tend())
        await asyncio.sleep(0.1)
        plan = await engine.accept("a | b")
        engine.engine.wake(plan.id)
        assert await until(lambda: fakes[1].texts, 4.0) < 0.5, "not even the failover waits for the next sweep"
        tending.cancel()

    with_engine(tmp_path / "l.db", work, *fakes)


def test_what_waits_is_delivered_when_its_time_comes(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(fail(ConnectionRefusedError()))

    async def work(engine: Engine) -> None:
        plan = await engine.accept("a")
        tending = asyncio.create_task(engine.engine.tend())
        engine.engine.wake(plan.id)
        await until(lambda: fake.texts, 5.0)
        tending.cancel()

    with_engine(tmp_path / "l.db", work, fake)


def test_a_ledger_that_is_locked_for_a_while_ends_no_tending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.engines.embedded.SWEEP_S", 0.3)
    fake = FakeChannel("a")
    broken: list[LedgerError] = [LedgerBusyError("locked"), LedgerError("the disk is full"), LedgerBusyError("locked")]

    async def work(engine: Engine) -> None:
        real = engine.ledger.do

        async def flaky(call: Any, *args: Any, **kwargs: Any) -> Any:
            if broken and call is broadcasts.due:
                raise broken.pop()
            return await real(call, *args, **kwargs)

        await engine.accept("a")
        engine.ledger.do = flaky  # type: ignore[method-assign]
        tending = asyncio.create_task(engine.engine.tend())
        await until(lambda: fake.texts, 10.0)
        assert not tending.done()
        tending.cancel()

    with_engine(tmp_path / "l.db", work, fake)
    assert broken == []


def test_only_what_is_asked_for_is_tended(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(engine: Engine) -> None:
        mine, other = await engine.accept("a", "mine"), await engine.accept("a", "other")
        await engine.engine.sweep(only=lambda name: name == mine.id)
        await until(lambda: fake.texts)
        await asyncio.sleep(0.1)
        assert fake.texts == ["mine"]
        assert other

    with_engine(tmp_path / "l.db", work, fake)


def test_what_a_dead_process_held_is_swept_up(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(engine: Engine) -> None:
        plan = await engine.accept("a")
        await engine.conduct(plan)
        from tests.ledger.test_owner import NAME, run_python

        dead = run_python(NAME).stdout.strip()
        await engine.ledger.do(batches.claim, await engine.batch(plan), dead, engine.clock.now(), lambda _: False)
        await engine.engine.sweep()
        await until(lambda: fake.texts, 5.0)

    with_engine(tmp_path / "l.db", work, fake)


def test_a_ledger_that_fails_in_the_middle_of_the_work_is_not_hammered(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    asked = 0

    async def work(engine: Engine) -> None:
        real = engine.ledger.do

        async def full(call: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            if call is batches.begin and asked < 2:
                asked += 1
                raise LedgerError("the disk is full")
            return await real(call, *args, **kwargs)

        engine.ledger.do = full  # type: ignore[method-assign]
        plan = await engine.accept("a")
        tending = asyncio.create_task(engine.engine.tend())
        engine.engine.wake(plan.id)
        assert await until(lambda: fake.texts, 15.0) > 1.5, "there is a pause after each failure"
        tending.cancel()

    with_engine(tmp_path / "l.db", work, fake)
    assert asked == 2


# Stopping


def test_who_drives_is_told_when_the_engine_stops(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(engine: Engine) -> None:
        plan = await engine.accept("a")
        driving = asyncio.create_task(engine.drive(plan))
        await until(lambda: fake.hanging)
        await engine.engine.stop(young_s=0)
        with pytest.raises(UsageError, match=f"closed meanwhile.*surecast resume {plan.id}"):
            await asyncio.wait_for(driving, 2)

    with_engine(tmp_path / "l.db", work, fake)


def test_stopping_lets_young_attempts_end_and_interrupts_the_old_ones(tmp_path: Path) -> None:
    young, old = FakeChannel("young"), FakeChannel("old")
    young.script(hang())
    old.script(hang())

    async def work(engine: Engine) -> None:
        first = await engine.accept("old")
        driving = [asyncio.create_task(engine.drive(first))]
        await until(lambda: old.hanging)
        await asyncio.sleep(0.5)
        second = await engine.accept("young", "second")
        driving.append(asyncio.create_task(engine.drive(second)))
        await until(lambda: young.hanging)
        for each in driving:
            each.cancel()
        stopping = asyncio.create_task(engine.engine.stop(young_s=0.5))
        await asyncio.sleep(0.1)
        young.release()
        assert await until(stopping.done, 2.0) < 1.0
        facts = [(await engine.facts(plan, name))[-1] for plan, name in ((first, "old"), (second, "young"))]
        verdicts = [fact.outcome and fact.outcome.verdict.value for fact in facts]
        assert verdicts == ["uncertain", "accepted"]

    with_engine(tmp_path / "l.db", work, young, old)
    assert (old.texts, young.texts) == ([], ["second"])


def test_stopping_with_nothing_to_do_is_quick_and_can_be_done_twice(tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        began = time.monotonic()
        await engine.engine.stop(young_s=2.0)
        await engine.engine.stop(young_s=2.0)
        assert time.monotonic() - began < 0.1

    with_engine(tmp_path / "l.db", work, FakeChannel("a"))
