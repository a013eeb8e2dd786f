"""A channel's clerk reads the audience once, gives its contacts to the channel, and tidies up in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.broadcaster.harbour import mail, sms
from tests.dispatch.rig import Rig, a_rig, with_rig
from tests.dispatch.test_lane import Listed, crowd, crowded, phone_of
from tests.ledger.recount import recount
from tests.ledger.riders import rider, riders

from surecast.errors import ConfigError, LedgerBusyError
from surecast.ledger import broadcasts, rolls
from surecast.ledger.database import Ledger
from surecast.outcome import Reason, Scope, Verdict
from surecast.testing import FakeChannel, hang, say

if TYPE_CHECKING:
    from typing import Any

PARTS = 5_000  # more than are read at once


def persons(rig: Rig) -> Any:
    return rig.ledger.do(
        lambda database: database.connection.execute("select count(person) from recipient").fetchone()[0]
    )


def test_an_audience_of_many_parts_is_read_once_for_all_channels_over_it(tmp_path: Path) -> None:
    readers: list[Listed] = []
    contacts = [rider(number, phone=number % 2 == 0) for number in range(PARTS)]

    async def work(rig: Rig) -> None:
        def audience(_name: str) -> Listed:
            readers.append(Listed(tuple(contacts)))
            return readers[-1]

        rig.host.audience = audience  # type: ignore[attr-defined]
        plan = await rig.accept("sms | mail")
        await rig.conduct(plan)
        await rig.run(plan, "sms")
        await rig.conduct(plan)
        await rig.run(plan, "mail")
        assert (await crowd(rig, plan)).tally.queued == PARTS // 2
        assert (await crowd(rig, plan, "mail")).tally.queued == PARTS // 2

    with_rig(tmp_path / "ledger.db", work, sms(), mail())
    assert len(readers) == 1
    assert readers[0].closed
    recount(tmp_path / "ledger.db")


def test_a_clerk_that_comes_while_another_reads_waits_and_does_not_begin_anew(tmp_path: Path) -> None:
    opened = 0

    async def work(rig: Rig) -> None:
        go_on = asyncio.Event()

        class Slow(Listed):
            async def next(self, most: int) -> Any:
                part = await super().next(most)
                await go_on.wait()
                return part

        def audience(_name: str) -> Listed:
            nonlocal opened
            opened += 1
            return Slow(tuple(rider(number, phone=number > 0) for number in range(PARTS)))

        rig.host.audience = audience  # type: ignore[attr-defined]
        plan = await rig.accept("sms & mail")
        await rig.conduct(plan)
        first = asyncio.create_task(rig.run(plan, "sms"))
        await asyncio.sleep(0.05)
        for _ in range(3):
            await rig.run(plan, "mail")
            rig.clock.advance(0.5)  # type: ignore[attr-defined]
        go_on.set()
        await first
        await rig.run(plan, "mail")
        assert (await crowd(rig, plan, "mail")).covered
        assert (await crowd(rig, plan)).covered

    with_rig(tmp_path / "ledger.db", work, sms(), mail())
    assert opened == 1
    recount(tmp_path / "ledger.db")


def test_a_reader_that_dies_in_the_middle_is_followed_by_another(tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        rig.host.audience = lambda _: Listed(riders(PARTS), fails=OSError("gone"))  # type: ignore[attr-defined]
        plan = await rig.accept("sms")
        await rig.conduct(plan)
        await rig.run(plan, "sms")
        found = await crowd(rig, plan)
        assert 0 < found.tally.queued < PARTS, "what was read is kept"
        assert found.last is not None
        async with a_rig(tmp_path / "ledger.db", sms(), clock=rig.clock) as other:
            other.host.audience = lambda _: Listed(riders(PARTS))  # type: ignore[attr-defined]
            other.clock.advance(301)  # type: ignore[attr-defined]
            await other.run(plan, "sms")
            found = await crowd(other, plan)
            assert (found.covered, found.tally.queued, found.duplicates) == (True, PARTS, 0)

    with_rig(tmp_path / "ledger.db", work, sms())
    recount(tmp_path / "ledger.db")


def test_a_source_that_cannot_be_read_is_no_failure_of_the_ledger_and_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Ledger.do
    broken = True

    async def busy(self: Ledger, call: Any, *args: Any, **kwargs: Any) -> Any:
        if call is rolls.take_down and broken:
            raise LedgerBusyError("locked")
        return await real(self, call, *args, **kwargs)

    monkeypatch.setattr(Ledger, "do", busy)

    async def work(rig: Rig) -> None:
        nonlocal broken
        plan = await rig.accept("sms")
        await rig.conduct(plan)
        with pytest.raises(LedgerBusyError):
            await rig.run(plan, "sms")
        assert not (await crowd(rig, plan)).spent
        broken = False
        rig.clock.advance(2)  # type: ignore[attr-defined]
        await rig.run(plan, "sms")
        assert (await crowd(rig, plan)).covered

    crowded(tmp_path / "ledger.db", work, sms())


def test_an_audience_that_is_not_configured_is_told(tmp_path: Path) -> None:
    async def work(rig: Rig) -> None:
        def audience(_name: str) -> Listed:
            raise ConfigError("The audience 'riders' is not in the configuration.")

        rig.host.audience = audience  # type: ignore[attr-defined]
        plan = await rig.accept("sms")
        await rig.conduct(plan)
        await rig.run(plan, "sms")
        last = (await crowd(rig, plan)).last
        assert last is not None
        assert (last.reason, "not in the configuration" in last.detail) == (Reason.MISCONFIGURED, True)

    with_rig(tmp_path / "ledger.db", work, sms())


def test_in_the_end_names_and_addresses_of_those_who_were_reached_are_gone(tmp_path: Path) -> None:
    first = sms()
    first.script_for(phone_of(3), say(Verdict.REFUSED, scope=Scope.RECIPIENT))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms & mail")
        for _ in range(12):
            await rig.step(plan)
            if await persons(rig) == 1:
                break
            # The two channels share the audience: whoever comes second to reading it looks again in a moment.
            rig.clock.advance(1)  # type: ignore[attr-defined]
        assert await persons(rig) == 1, "the missed one is kept for a person"

    crowded(tmp_path / "ledger.db", work, first, mail())


def test_a_channel_that_is_only_stopped_keeps_whom_it_may_need_again(tmp_path: Path) -> None:
    public, second = FakeChannel("bluesky", channel={"within_s": 2}), sms()
    public.script(hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("bluesky | sms")
        await rig.conduct(plan)
        rig.clock.advance(3)  # type: ignore[attr-defined]
        running = asyncio.create_task(rig.run(plan, "bluesky"))
        await asyncio.sleep(0.05)
        rig.clock.advance(3)  # type: ignore[attr-defined]
        await rig.conduct(plan)
        await rig.run(plan, "sms")
        epoch = await rig.ledger.do(broadcasts.claim, plan.id, "me", rig.clock.now(), lambda _: False)
        given = {"turns": (), "state": "reached", "final": False, "owed": (), "wake_at": None}
        await rig.ledger.do(broadcasts.settle, plan, epoch, now=rig.clock.now(), unwanted=frozenset({"sms"}), **given)
        await rig.run(plan, "sms")
        assert await persons(rig) == 10
        public.release()
        await running

    crowded(tmp_path / "ledger.db", work, public, second)
