"""The two jobs, run by anybody any number of times: claims, leases, heartbeats, two dispatchers over one ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.dispatch.rig import Rig, a_rig, with_rig

from surecast.channel import Resend
from surecast.clock import SteadyClock
from surecast.decide import State
from surecast.errors import LedgerBusyError, UnknownBroadcastError
from surecast.ledger import batches, broadcasts
from surecast.ledger.batches import Claim
from surecast.outcome import Verdict
from surecast.testing import FakeChannel, ManualClock, accept, fail, hang

# Deciding


def test_deciding_again_changes_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        first = await rig.conduct(plan)
        again = [await rig.conduct(plan) for _ in range(3)]
        assert [opening.channel for opening in first.openings] == ["a"]
        assert [decision.openings for decision in again] == [()] * 3
        assert len(await rig.facts(plan)) == 1

    with_rig(tmp_path / "l.db", work, fake)


def test_the_alternatives_are_warmed_up_when_the_first_turn_opens(tmp_path: Path) -> None:
    fakes = [FakeChannel(name) for name in "abc"]

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a | b | c")
        await rig.conduct(plan)
        await rig.conduct(plan)
        assert rig.host.warmed == [("a", "b", "c")]

    with_rig(tmp_path / "l.db", work, *fakes)


def test_a_broadcast_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        with pytest.raises(UnknownBroadcastError):
            await rig.dispatcher.conduct("zzzzz")

    with_rig(tmp_path / "l.db", work)


def test_who_decides_while_another_does_is_told_so(tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.ledger.do(broadcasts.claim, plan.id, "elsewhere", rig.clock.now(), lambda _: False)
        assert await rig.dispatcher.conduct(plan.id) is None
        assert isinstance(rig.clock, ManualClock)
        rig.clock.advance(16)
        assert await rig.dispatcher.conduct(plan.id) is not None

    with_rig(tmp_path / "l.db", work, FakeChannel("a"))


# Working


@pytest.mark.parametrize("resend", ["same_key", "after_lookup", "never"])
def test_a_batch_that_is_run_many_times_at_once_is_sent_once(tmp_path: Path, resend: Resend) -> None:
    fake = FakeChannel("a", resend=resend)
    fake.script(hang())

    async def work(rig: Rig) -> None:
        async with a_rig(tmp_path / "l.db", fake, clock=rig.clock) as other:
            plan = await rig.accept("a")
            await rig.conduct(plan)
            batch = await rig.batch(plan)
            runs = [
                asyncio.create_task(each.dispatcher.run_batch(batch, ordered=ordered))
                for each in (rig, other)
                for ordered in (True, False)
                for _ in range(5)
            ]
            await asyncio.to_thread(fake.wait_for, 1)
            await asyncio.sleep(0.1)
            fake.release()
            await asyncio.gather(*runs)
            await rig.settle(plan)
            assert await rig.verdicts(plan) == [Verdict.ACCEPTED]

    with_rig(tmp_path / "l.db", work, fake)
    assert (len(fake.published), fake.most_in_flight, len(fake.texts)) == (1, 1, 1)


def test_a_heartbeat_keeps_the_claim_of_a_long_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.dispatch.dispatcher.BEAT_S", 0.05)
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        run = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(fake.wait_for, 1)
        assert isinstance(rig.clock, ManualClock)
        for _ in range(4):
            rig.clock.advance(10)
            await asyncio.sleep(0.2)
            assert (
                await rig.ledger.do(batches.claim, await rig.batch(plan), "x", rig.clock.now(), lambda _: False) is None
            )
        fake.release()
        await run

    with_rig(tmp_path / "l.db", work, fake)


def test_a_heartbeat_that_fails_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surecast.dispatch.dispatcher.BEAT_S", 0.01)
    fake = FakeChannel("a")
    fake.script(hang())
    beats = 0

    async def work(rig: Rig) -> None:
        real = rig.ledger.do

        async def busy(call: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal beats
            if call is batches.beat:
                beats += 1
                raise LedgerBusyError("The ledger is locked.")
            return await real(call, *args, **kwargs)

        rig.ledger.do = busy  # type: ignore[method-assign]
        plan = await rig.accept("a")
        await rig.conduct(plan)
        run = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(fake.wait_for, 1)
        await asyncio.sleep(0.1)
        fake.release()
        await run
        [listed] = await real(batches.listed, plan.id)
        assert listed.owner is None, "the claim is given back"
        assert (await rig.conduct(plan)).state is State.REACHED

    with_rig(tmp_path / "l.db", work, fake)
    assert beats > 1


def test_a_worker_that_is_stopped_writes_down_what_it_was_doing_and_frees_the_batch(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        run = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(fake.wait_for, 1)
        run.cancel()
        await asyncio.wait({run})
        assert run.cancelled()
        assert await rig.verdicts(plan) == [Verdict.UNCERTAIN]
        [listed] = await rig.ledger.do(batches.listed, plan.id)
        assert (listed.owner, listed.lease_until) == (None, 0)
        assert (await rig.settle(plan)).state is State.REACHED

    with_rig(tmp_path / "l.db", work, fake)
    assert (len(fake.published), len(fake.texts)) == (2, 1)


def test_a_worker_that_lost_its_claim_sends_nothing_and_releases_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="never", finds=False)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        batch = await rig.batch(plan)
        real = fake.count_preparation
        taken: list[Claim | None] = []

        def taken_over_meanwhile() -> None:
            from tests.ledger.open_files import opened

            real()
            with opened(tmp_path / "l.db") as database:
                taken.append(batches.claim(database, batch, "other", rig.clock.now() + 20, lambda _: False))

        fake.count_preparation = taken_over_meanwhile  # type: ignore[method-assign]
        await rig.run(plan)
        assert taken[0] is not None
        [listed] = await rig.ledger.do(batches.listed, plan.id)
        assert listed.owner == "other"

    with_rig(tmp_path / "l.db", work, fake)
    assert fake.published == []


def test_a_zombies_late_word_resolves_its_doubt_and_nothing_else(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="never", finds=False)
    fake.script(hang(accept()))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        zombie = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(fake.wait_for, 1)
        assert isinstance(rig.clock, ManualClock)
        rig.clock.advance(60)
        async with a_rig(tmp_path / "l.db", fake, clock=rig.clock) as other:
            assert (await other.conduct(plan)).state is State.PENDING, "it may still be on its way"
            await other.run(plan)  # takes over: what began and never ended is in doubt
            assert (await other.conduct(plan)).state is State.PENDING, "the turn begins anew for who takes over"
            rig.clock.advance(61)
            assert (await other.conduct(plan)).state is State.UNSURE
            fake.release()
            await zombie
            assert (await other.conduct(plan)).state is State.REACHED
            assert await other.verdicts(plan) == [Verdict.UNCERTAIN, Verdict.ACCEPTED]

    with_rig(tmp_path / "l.db", work, fake)
    assert len(fake.published) == 1


@pytest.mark.parametrize(("resend", "finds"), [("after_lookup", True), ("never", False)])
def test_a_delivery_in_doubt_after_a_crash_yields_to_the_next_alternative_in_time(
    tmp_path: Path, resend: Resend, finds: bool
) -> None:
    first, second = FakeChannel("a", resend=resend, finds=finds), FakeChannel("b")
    first.script(hang())
    first.broken["find"] = ConnectionRefusedError()

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a | b")
        await rig.conduct(plan)
        killed = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(first.wait_for, 1)
        assert isinstance(rig.clock, ManualClock)
        rig.clock.advance(60)
        async with a_rig(tmp_path / "l.db", first, second, clock=rig.clock) as other:
            taken_over = rig.clock.now()
            await other.run(plan)
            while second.texts == []:
                await other.step(plan)
                rig.clock.advance(1)
                assert rig.clock.now() < taken_over + 65, "the alternative never has its turn"
            assert (await other.conduct(plan)).state is State.REROUTED
        killed.cancel()
        await asyncio.wait({killed})

    with_rig(tmp_path / "l.db", work, first, second)
    assert (len(first.published), len(second.published)) == (1, 1)


def test_after_another_worker_reached_the_late_word_of_a_zombie_changes_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang(fail(ConnectionResetError())), accept())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        zombie = asyncio.create_task(rig.run(plan))
        await asyncio.to_thread(fake.wait_for, 1)
        assert isinstance(rig.clock, ManualClock)
        rig.clock.advance(60)
        async with a_rig(tmp_path / "l.db", fake, clock=rig.clock) as other:
            await other.conduct(plan)
            await other.run(plan)
            assert (await other.conduct(plan)).final
            fake.release()
            await zombie
            decision = await other.conduct(plan)
            assert (decision.state, decision.final, decision.owed) == (State.REACHED, True, ())

    with_rig(tmp_path / "l.db", work, fake)
    assert (len(fake.published), len(fake.texts)) == (2, 1)


# Many


def test_two_dispatchers_share_twenty_broadcasts_over_three_channels(tmp_path: Path) -> None:
    fakes = [FakeChannel("a"), FakeChannel("b", resend="after_lookup"), FakeChannel("c", resend="never", finds=False)]
    path = tmp_path / "l.db"

    async def work(rig: Rig) -> None:
        async with a_rig(path, *fakes, clock=rig.clock) as other:
            plans = [await rig.accept("a & b & c", f"post {number}") for number in range(20)]

            async def drive(one: Rig) -> None:
                for _ in range(200):
                    due = await one.ledger.do(broadcasts.due, one.clock.now(), lambda _: False)
                    if not due:
                        return
                    for name in due:
                        await one.dispatcher.conduct(name)
                    listed = [found for name in due for found in await one.ledger.do(batches.listed, name)]
                    ready = [found.id for found in listed if found.wake_at is not None]
                    await asyncio.gather(*map(one.dispatcher.run_batch, ready))

            await asyncio.gather(drive(rig), drive(other), drive(rig), drive(other))
            decisions = [await rig.conduct(plan) for plan in plans]
            assert {decision.state for decision in decisions} == {State.REACHED}
            assert all(decision.final for decision in decisions)

    with_rig(path, work, *fakes, clock=SteadyClock())
    for fake in fakes:
        assert sorted(fake.texts) == sorted(f"post {number}" for number in range(20))
        assert len(fake.published) == 20
        assert len({one.key for one in fake.published}) == 20
