"""A lane: many deliveries on their way at once, few transactions, and nothing begun that may not be."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.broadcaster.harbour import mail, phone, sms
from tests.dispatch.rig import Rig, with_rig
from tests.ledger.recount import recount
from tests.ledger.riders import riders

from surecast.channel import Receipts
from surecast.contact import Contact
from surecast.crowd import Crowd, Tally
from surecast.dispatch.lane import Lane
from surecast.dispatch.ports import Part
from surecast.errors import ConfigError, LedgerBusyError
from surecast.history import Plan
from surecast.ledger import batches, people, steps
from surecast.ledger.database import Ledger
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.rate import Rate
from surecast.testing import FakeChannel, accept, fail, hang, lose_reply, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

DOWN = ConnectionRefusedError("nobody listens")


class Listed:
    """An `AudienceReader` of contacts in memory; may fail at a part."""

    def __init__(self, contacts: tuple[Contact, ...], fails: Exception | None = None) -> None:
        self._contacts, self._fails = list(contacts), fails
        self.closed = False

    async def next(self, most: int) -> Part:
        part, self._contacts = self._contacts[:most], self._contacts[most:]
        if self._fails is not None and not self._contacts:
            raise self._fails
        return Part(contacts=tuple(part), last=len(part) < most)

    async def close(self) -> None:
        self.closed = True


def crowded(
    path: Path, work: Callable[[Rig], Awaitable[None]], *fakes: FakeChannel, count: int = 10, **own: Any
) -> None:
    """`work` with a rig that knows an audience; the numbers are right in the end."""

    async def prepared(rig: Rig) -> None:
        rig.host.audience = lambda _name: Listed(riders(count))  # type: ignore[attr-defined]
        await work(rig)

    with_rig(path, prepared, *fakes, **own)
    recount(path)


async def tally(rig: Rig, plan: Plan, channel: str = "sms") -> Tally:
    return (await crowd(rig, plan, channel)).tally


async def crowd(rig: Rig, plan: Plan, channel: str = "sms") -> Crowd:
    return (await rig.history(plan)).crowds[channel]


async def begun(rig: Rig, plan: Plan) -> list[asyncio.Task[None]]:
    """The audience is covered, and all batches of contacts run in the background."""
    await rig.conduct(plan)
    await rig.run(plan, "sms")
    listed = await rig.ledger.do(batches.listed, plan.id)
    return [asyncio.create_task(rig.dispatcher.run_batch(found.id)) for found in listed if found.number]


def test_no_more_than_agreed_are_on_their_way(tmp_path: Path) -> None:
    fake = sms(in_flight=7)
    fake.script(*[hang()] * 7)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        await asyncio.to_thread(fake.wait_for, 7)
        await asyncio.sleep(0.1)
        assert len(fake.published) == 7
        fake.release()
        await asyncio.gather(*running)
        assert (await tally(rig, plan)).reached == 300

    crowded(tmp_path / "ledger.db", work, fake, count=300)
    assert fake.most_in_flight == 7


def test_a_delivery_costs_the_ledger_a_part_of_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = sms(in_flight=20)
    calls = 0
    real = Ledger.do

    async def counted(self: Ledger, call: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += call is steps.step
        return await real(self, call, *args, **kwargs)

    monkeypatch.setattr(Ledger, "do", counted)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        await rig.step(plan)
        await rig.step(plan)

    crowded(tmp_path / "ledger.db", work, fake, count=400)
    assert len(fake.recipients) == 400
    assert calls < 120


def test_two_broadcasts_share_the_slots_of_a_channel(tmp_path: Path) -> None:
    fake = sms(in_flight=3)
    fake.script(*[hang()] * 3)

    async def work(rig: Rig) -> None:
        plans = [await rig.accept("sms", text=text) for text in ("a", "b")]
        running = [task for plan in plans for task in await begun(rig, plan)]
        await asyncio.to_thread(fake.wait_for, 3)
        await asyncio.sleep(0.1)
        assert len(fake.published) == 3
        fake.release()
        await asyncio.gather(*running)

    crowded(tmp_path / "ledger.db", work, fake, count=60)
    assert len(fake.recipients) == 120
    assert fake.most_in_flight == 3


def test_what_waits_too_long_for_a_slot_is_looked_at_anew(tmp_path: Path) -> None:
    fake = sms(in_flight=1)
    fake.script(accept(), hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        await asyncio.to_thread(fake.wait_for, 2)
        await asyncio.sleep(0.05)  # the third is committed to by now
        await rig.ledger.do(people.forget, _address(2))
        rig.clock.advance(30)  # type: ignore[attr-defined]
        fake.release()
        await asyncio.gather(*running)

    crowded(tmp_path / "ledger.db", work, fake, count=4)
    assert fake.recipients == [phone(0), phone(1), phone(3)]


def _address(number: int) -> Any:
    from surecast.contact import Medium

    return (Medium.PHONE, f"+3069400{number:05}")


def test_a_lane_keeps_nothing_of_batches_that_are_done(tmp_path: Path) -> None:
    fake = sms(in_flight=5)
    fake.script(*[accept()] * 500, hang(), *[accept()] * 200)
    lanes: list[Lane] = []

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        await asyncio.to_thread(fake.wait_for, 590)
        await asyncio.sleep(0.2)
        gc.collect()
        lanes.extend(rig.dispatcher._lanes._lanes.values())
        assert len(lanes[0]._lots) == 1
        fake.release()
        await asyncio.gather(*running)

    crowded(tmp_path / "ledger.db", work, fake, count=600)


def test_an_adapter_that_raises_or_answers_nonsense_is_one_delivery_in_doubt(tmp_path: Path) -> None:
    fake = sms(in_flight=1, resend="never", finds=False)
    fake.script_for(phone_of(1), fail(ZeroDivisionError("a mistake")))
    fake.script_for(phone_of(2), say(Verdict.UNCERTAIN, scope=Scope.RECIPIENT))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        await rig.step(plan)
        await rig.step(plan)
        numbers = await tally(rig, plan)
        assert (numbers.reached, numbers.unsure) == (8, 2)

    crowded(tmp_path / "ledger.db", work, fake)


def phone_of(number: int) -> str:
    return f"+3069400{number:05}"


def test_a_look_up_that_answers_nonsense_says_nothing(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone_of(1), lose_reply())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        await rig.conduct(plan)
        adapter = await rig.host.adapter("sms")

        async def nonsense(_sending: Any) -> str:
            return "yes"

        adapter.find = nonsense  # type: ignore[attr-defined]
        for _ in range(3):
            await rig.step(plan)
            rig.clock.advance(5)  # type: ignore[attr-defined]
        assert (await tally(rig, plan)).unsure == 1

    crowded(tmp_path / "ledger.db", work, fake)


def test_a_call_that_is_cut_off_by_leaving_is_in_doubt_and_a_look_up_is_as_it_was(tmp_path: Path) -> None:
    fake = sms(in_flight=2)
    fake.script(hang(), hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        await asyncio.to_thread(fake.wait_for, 2)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        numbers = await tally(rig, plan)
        assert (numbers.unsure, numbers.queued, numbers.sending) == (2, 8, 0)

    crowded(tmp_path / "ledger.db", work, fake)


def test_a_process_that_leaves_lets_calls_end_that_are_about_to(tmp_path: Path) -> None:
    fake = sms(in_flight=2)
    fake.script(hang(), hang())

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        await asyncio.to_thread(fake.wait_for, 2)
        for task in running:
            task.cancel()
        await asyncio.sleep(0.1)
        fake.release()
        await asyncio.wait(running)
        numbers = await tally(rig, plan)
        assert (numbers.reached, numbers.unsure) == (2, 0)

    crowded(tmp_path / "ledger.db", work, fake)


def test_what_was_committed_to_while_the_process_left_was_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = sms(in_flight=2, resend="never", finds=False)
    real = Ledger.do
    leaving = asyncio.Event()

    async def slow(self: Ledger, call: Any, *args: Any, **kwargs: Any) -> Any:
        if call is steps.step and not leaving.is_set():
            leaving.set()
            await asyncio.sleep(0.1)
        return await real(self, call, *args, **kwargs)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        monkeypatch.setattr(Ledger, "do", slow)
        running = await begun(rig, plan)
        await leaving.wait()
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        numbers = await tally(rig, plan)
        assert (numbers.queued, numbers.unsure, numbers.sending) == (10, 0, 0)

    crowded(tmp_path / "ledger.db", work, fake)
    assert fake.published == []


def test_a_ledger_that_is_busy_for_a_moment_loses_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = sms(in_flight=2, resend="never", finds=False)
    real = Ledger.do
    failures = 2

    async def busy(self: Ledger, call: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal failures
        if call is steps.step and kwargs["ends"] and failures:
            failures -= 1
            raise LedgerBusyError("locked")
        return await real(self, call, *args, **kwargs)

    monkeypatch.setattr(Ledger, "do", busy)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        done, _ = await asyncio.wait(running)
        assert all(isinstance(task.exception(), LedgerBusyError) for task in done)
        numbers = await tally(rig, plan)
        assert (numbers.sending, numbers.unsure) == (0, 0)
        rig.clock.advance(5)  # type: ignore[attr-defined]
        await rig.step(plan)
        assert (await tally(rig, plan)).reached == 10

    crowded(tmp_path / "ledger.db", work, fake)
    assert len(fake.published) == 10


def test_a_channel_that_cannot_be_prepared_is_spent_and_tried_later(tmp_path: Path) -> None:
    fake = sms()
    fake.broken["prepare"] = DOWN

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        await rig.step(plan)
        await rig.step(plan)
        assert (await crowd(rig, plan)).spent
        del fake.broken["prepare"]
        rig.clock.advance(31)  # type: ignore[attr-defined]
        await rig.step(plan)
        assert (await tally(rig, plan)).reached == 10

    crowded(tmp_path / "ledger.db", work, fake)


def test_a_channel_that_cannot_be_opened_waits_for_a_person(tmp_path: Path) -> None:
    fake = sms()

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        rig.host.failing = ConfigError("no token")
        await rig.step(plan)
        await rig.step(plan)
        last = (await crowd(rig, plan)).last
        assert last is not None
        assert last.reason is Reason.MISCONFIGURED
        rig.host.failing = None
        rig.clock.advance(301)  # type: ignore[attr-defined]
        await rig.step(plan)
        assert (await tally(rig, plan)).reached == 10

    crowded(tmp_path / "ledger.db", work, fake)


def test_in_a_rate_nothing_is_committed_to_before_its_time(tmp_path: Path) -> None:
    fake = sms(in_flight=5, channel={"rate": Rate.parse("1/s")})

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        running = await begun(rig, plan)
        for second in range(5):
            await asyncio.sleep(0.06)
            assert len(fake.published) <= second + 1
            rig.clock.advance(1)  # type: ignore[attr-defined]
            await asyncio.sleep(0.3)
        await asyncio.gather(*running)

    crowded(tmp_path / "ledger.db", work, fake, count=5)


def test_what_a_person_orders_now_is_tried_now(tmp_path: Path) -> None:
    fake = sms()
    fake.script(*[fail(DOWN)] * 3)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        await rig.step(plan)
        await rig.step(plan)
        [batch] = [found.id for found in await rig.ledger.do(batches.listed, plan.id) if found.number]
        running = asyncio.create_task(rig.dispatcher.run_batch(batch, ordered=True))
        while not running.done():  # back from an outage, it gets more and more
            rig.clock.advance(0.1)  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
        await running
        assert (await tally(rig, plan)).reached == 3, "nobody waits for the gate, which opened with the trial"

    crowded(tmp_path / "ledger.db", work, fake, count=3)


# Receipts


class _WithReceipts:
    async def receipts(self, since: float, timeout_s: float) -> AsyncIterator[Sequence[tuple[str, Outcome]]]:
        del since, timeout_s
        assert isinstance(self, object)
        for page in type(self).pages:  # type: ignore[attr-defined]
            yield page


def receipting(pages: list[list[tuple[str, Outcome]]]) -> FakeChannel:
    """A direct channel that learns later what arrived."""
    from dataclasses import replace

    fake = sms()
    adapter = type("Receipting", (_WithReceipts, fake.kind.adapter), {"pages": pages})
    assert issubclass(adapter, Receipts)
    fake.kind = replace(fake.kind, adapter=adapter)
    fake.channel = replace(fake.channel, kind=fake.kind)
    return fake


def test_receipts_come_page_by_page_and_what_was_not_delivered_goes_to_the_next(tmp_path: Path) -> None:
    pages: list[list[tuple[str, Outcome]]] = []
    first, second = receipting(pages), mail()

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms | mail")
        for _ in range(2):
            await rig.step(plan)
        assert (await tally(rig, plan)).reached == 10
        names = list(first._posts)
        confirmed = Outcome(verdict=Verdict.CONFIRMED)
        lost = Outcome(verdict=Verdict.INVISIBLE, scope=Scope.RECIPIENT, reason=Reason.UNDELIVERED)
        pages.extend([[(name, confirmed) for name in names[:4]], [(names[4], lost)]])
        for _ in range(3):
            rig.clock.advance(6)  # type: ignore[attr-defined]
            await rig.step(plan)
        numbers = await tally(rig, plan)
        assert (numbers.reached, numbers.confirmed, numbers.missed) == (9, 4, 1)
        pages[:] = [[(name, confirmed) for name in names]]
        for _ in range(6):
            rig.clock.advance(30)  # type: ignore[attr-defined]
            await rig.step(plan)
        assert (await tally(rig, plan)).confirmed == 9

    crowded(tmp_path / "ledger.db", work, first, second)
    assert len(second.recipients) == 1


def test_an_unknown_sighting_is_no_absence(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone_of(1), lose_reply())
    fake.broken["find"] = DOWN

    async def work(rig: Rig) -> None:
        plan = await rig.accept("sms")
        for _ in range(4):
            await rig.step(plan)
            rig.clock.advance(20)  # type: ignore[attr-defined]
        assert (await tally(rig, plan)).unsure == 1
        del fake.broken["find"]
        rig.clock.advance(100)  # type: ignore[attr-defined]
        await rig.step(plan)
        assert (await tally(rig, plan)).reached == 10

    crowded(tmp_path / "ledger.db", work, fake)
