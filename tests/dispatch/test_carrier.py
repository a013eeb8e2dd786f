"""One delivery through its steps, on a real ledger with fake platforms."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.dispatch.rig import Rig, with_rig

from surecast.channel import Sending
from surecast.decide import State
from surecast.errors import SecretMissingError
from surecast.history import Action, Fact, Order
from surecast.ledger import batches, broadcasts
from surecast.outcome import Outcome, Reason, Scope, Sighting, Verdict
from surecast.testing import Act, FakeChannel, ManualClock, accept, fail, hang, lose_reply, refuse, say

REFUSED_CONNECTION = ConnectionRefusedError("nobody listens")


def told(facts: tuple[Fact, ...]) -> list[str]:
    """Facts in a word each."""
    return [
        " ".join(
            str(part.value)
            for part in (
                fact.kind,
                fact.action,
                fact.outcome and fact.outcome.verdict,
                fact.look and fact.look.sighting,
                fact.order,
            )
            if part
        )
        for fact in facts
    ]


def the_clock(rig: Rig) -> ManualClock:
    assert isinstance(rig.clock, ManualClock)
    return rig.clock


# The whole way


def test_intent_is_written_before_every_step_and_its_end_after(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        decision = await rig.settle(plan)
        assert (decision.state, decision.final) == (State.REACHED, True)
        return told(await rig.facts(plan))

    assert with_rig(tmp_path / "l.db", work, fake) == [
        "turn",
        "began prepare",
        "ended prepare",
        "began publish",
        "ended publish accepted",
    ]
    assert fake.texts == ["Ferry 12 is cancelled"]


def test_every_attempt_sends_the_bytes_that_were_prepared_once(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(fail(ConnectionResetError()), fail(TimeoutError()), say(Verdict.UNAVAILABLE))

    async def work(rig: Rig) -> State:
        return (await rig.settle(await rig.accept("a"))).state

    assert with_rig(tmp_path / "l.db", work, fake) is State.REACHED
    assert fake.prepared == 1
    assert len(fake.published) == 4
    assert len({(one.key, one.payload) for one in fake.published}) == 1
    assert len(fake.texts) == 1


def test_what_could_not_be_prepared_is_prepared_again(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.broken["prepare"] = REFUSED_CONNECTION

    async def work(rig: Rig) -> list[Verdict]:
        plan = await rig.accept("a")
        await rig.step(plan)
        del fake.broken["prepare"]
        await rig.settle(plan)
        return await rig.verdicts(plan)

    assert with_rig(tmp_path / "l.db", work, fake) == [Verdict.UNAVAILABLE, Verdict.ACCEPTED]
    assert fake.prepared == 2


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (TimeoutError(), Verdict.UNAVAILABLE, Reason.TIMED_OUT),
        (ConnectionResetError(), Verdict.UNAVAILABLE, Reason.INTERRUPTED),
        (SecretMissingError("The secret is not set."), Verdict.SKIPPED, Reason.MISCONFIGURED),
        (ModuleNotFoundError("No module named 'sdk'", name="sdk"), Verdict.SKIPPED, Reason.MISCONFIGURED),
        (KeyError("channel"), Verdict.UNAVAILABLE, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.parametrize("call", ["open", "prepare"])
def test_nothing_is_in_doubt_before_the_publish(
    tmp_path: Path, call: str, error: Exception, verdict: Verdict, reason: Reason | None
) -> None:
    fake = FakeChannel("a")
    fake.broken[call] = error

    async def work(rig: Rig) -> Outcome:
        plan = await rig.accept("a")
        await rig.step(plan)
        outcome = (await rig.facts(plan))[-1].outcome
        assert outcome is not None
        return outcome

    outcome = with_rig(tmp_path / "l.db", work, fake)
    assert outcome.verdict is verdict
    assert reason is None or outcome.reason is reason
    assert "may have been delivered" not in outcome.detail
    assert fake.published == []


# Retrying


def test_the_wait_is_written_with_the_failure_and_kept_by_everybody(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(fail(REFUSED_CONNECTION))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.step(plan)
        not_before = (await rig.facts(plan))[-1].not_before
        assert not_before is not None
        assert await rig.next_due(plan) == not_before
        the_clock(rig).advance(not_before - rig.clock.now() - 0.001)
        await rig.run(plan)
        assert len(fake.published) == 1
        the_clock(rig).advance(0.002)
        await rig.run(plan)
        assert len(fake.published) == 2

    with_rig(tmp_path / "l.db", work, fake)


def test_a_stated_wait_is_kept_to_even_when_a_person_orders(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(say(Verdict.THROTTLED, reason=Reason.RATE_LIMITED, retry_after_s=30.0))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.step(plan)
        await rig.run(plan, ordered=True)
        assert len(fake.published) == 1
        the_clock(rig).advance(31.1)
        await rig.run(plan)
        assert fake.texts == ["Ferry 12 is cancelled"]

    with_rig(tmp_path / "l.db", work, fake)


def test_what_was_refused_is_never_sent_again(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(refuse("too rude"))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        decision = await rig.settle(plan)
        await rig.run(plan, ordered=True)
        assert (decision.state, decision.final, decision.owed) == (State.MISSED, True, ())

    with_rig(tmp_path / "l.db", work, fake)
    assert len(fake.published) == 1


def test_an_order_ignores_the_wait_once(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(*[fail(REFUSED_CONNECTION)] * 5)

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.step(plan)
        await rig.run(plan, ordered=True)
        assert len(fake.published) == 2
        await rig.run(plan)
        assert len(fake.published) == 2

    with_rig(tmp_path / "l.db", work, fake)


# Doubt


def test_what_may_have_arrived_is_sent_again_under_its_key(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="same_key")
    fake.script(lose_reply())

    async def work(rig: Rig) -> State:
        return (await rig.settle(await rig.accept("a"))).state

    assert with_rig(tmp_path / "l.db", work, fake) is State.REACHED
    assert (len(fake.published), len(fake.texts)) == (2, 1)


def test_what_arrived_is_found_and_not_sent_again(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(lose_reply())

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        assert (await rig.settle(plan)).state is State.REACHED
        return told(await rig.facts(plan))[-2:]

    assert with_rig(tmp_path / "l.db", work, fake) == ["ended publish uncertain", "ended find seen"]
    assert (len(fake.published), len(fake.texts)) == (1, 1)


def test_what_did_not_arrive_is_sent_again_after_two_look_ups_ten_seconds_apart(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(fail(ConnectionResetError()))

    async def work(rig: Rig) -> tuple[list[str], float]:
        plan = await rig.accept("a")
        assert (await rig.settle(plan)).state is State.REACHED
        facts = await rig.facts(plan)
        looks = [fact.at for fact in facts if fact.action is Action.FIND]
        return told(facts)[4:], looks[1] - looks[0]

    story, pause = with_rig(tmp_path / "l.db", work, fake)
    assert story == [
        "ended publish uncertain",
        "ended find unseen",
        "ended find unseen",
        "began publish",
        "ended publish accepted",
    ]
    assert pause >= 10
    assert (len(fake.published), len(fake.texts)) == (2, 1)


def test_one_late_look_up_alone_proves_no_absence(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(fail(ConnectionResetError()))
    fake.broken["find"] = TimeoutError()

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        await rig.step(plan)
        the_clock(rig).advance(20)
        fake.broken.clear()
        await rig.run(plan)
        assert len(fake.published) == 1, "a second look comes first"
        assert (await rig.settle(plan)).state is State.REACHED
        return [line for line in told(await rig.facts(plan)) if "find" in line]

    looks = with_rig(tmp_path / "l.db", work, fake)
    assert looks.count("ended find unseen") == 2
    assert (len(fake.published), len(fake.texts)) == (2, 1)


def test_what_cannot_be_looked_up_waits_for_a_person_and_only_a_no_sends_it_again(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="never", finds=False)
    fake.script(fail(ConnectionResetError()))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        decision = await rig.settle(plan)
        assert (decision.state, decision.final) == (State.UNSURE, False)
        await rig.run(plan, ordered=True)
        assert len(fake.published) == 1, "not even by order"
        the_clock(rig).advance(1)
        no = Fact(
            seq=0, channel="a", kind=(await rig.facts(plan))[0].kind.ORDERED, at=rig.clock.now(), order=Order.NOT_THERE
        )
        await rig.ledger.do(broadcasts.order, plan.id, no, None)
        assert (await rig.settle(plan)).state is State.REACHED

    with_rig(tmp_path / "l.db", work, fake)
    assert (len(fake.published), len(fake.texts)) == (2, 1)


@pytest.mark.parametrize(
    "trouble", [ConnectionRefusedError(), TimeoutError(), SecretMissingError("not set"), KeyError()]
)
def test_a_look_up_in_trouble_is_no_information_and_is_repeated_slower_and_slower(
    tmp_path: Path, trouble: Exception
) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(lose_reply())
    fake.broken["find"] = trouble

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.step(plan)
        began = rig.clock.now()
        while rig.clock.now() < began + 300:
            at = await rig.next_due(plan)
            assert at is not None
            the_clock(rig).advance(max(0.0, at - rig.clock.now()))
            await rig.step(plan)
        looks = [fact for fact in await rig.facts(plan) if fact.action is Action.FIND]
        assert 3 <= len(looks) <= 15
        assert {fact.look and fact.look.sighting for fact in looks} == {Sighting.UNKNOWN}
        fake.broken.clear()
        assert (await rig.settle(plan)).state is State.REACHED

    with_rig(tmp_path / "l.db", work, fake)
    assert (len(fake.published), len(fake.texts)) == (1, 1)


def test_an_ordered_look_up_does_not_hammer_a_platform_that_does_not_answer(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(lose_reply())
    fake.broken["find"] = REFUSED_CONNECTION

    async def work(rig: Rig) -> int:
        plan = await rig.accept("a")
        await rig.step(plan)
        before = len(await rig.facts(plan))
        async with asyncio.timeout(5):
            await rig.run(plan, ordered=True)
        return len(await rig.facts(plan)) - before

    assert with_rig(tmp_path / "l.db", work, fake) == 1


def test_two_posts_with_the_same_words_stay_in_doubt(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    fake.script(lose_reply(), accept())
    fake.broken["find"] = REFUSED_CONNECTION

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        await rig.step(plan)
        adapter = await rig.host.adapter("a")
        await adapter.publish(Sending(key=fake.published[0].key, payload=b"x", first_began_at=0, timeout_s=1))
        fake.broken.clear()
        for _ in range(5):
            the_clock(rig).advance(100)
            decision = await rig.step(plan)
        assert (decision.state, decision.final) == (State.UNSURE, False)
        assert len(fake.published) == 2

    with_rig(tmp_path / "l.db", work, fake)


def test_a_post_of_another_delivery_is_not_taken_for_ours(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup")
    seen: list[frozenset[str]] = []
    real = fake.seen

    def watch(key: str) -> Any:
        return real(key)

    fake.seen = watch  # type: ignore[method-assign]

    async def work(rig: Rig) -> None:
        first = await rig.accept("a", "the same words")
        await rig.settle(first)
        second = await rig.accept("a", "the same words", key="again")
        await rig.conduct(second)
        claim = await rig.ledger.do(batches.claim, await rig.batch(second), "x", rig.clock.now(), lambda _: False)
        assert claim is not None
        seen.append(await rig.ledger.do(batches.claimed_remotes, claim))

    with_rig(tmp_path / "l.db", work, fake)
    assert seen == [{real(fake.published[0].key)[0].id}]


# Times


def test_an_attempt_that_hangs_is_given_up_at_its_time_out_and_is_in_doubt(tmp_path: Path) -> None:
    fake = FakeChannel("a", channel={"timeout_s": 0.7})
    fake.script(hang())

    async def work(rig: Rig) -> Outcome | None:
        plan = await rig.accept("a")
        async with asyncio.timeout(5):
            await rig.step(plan)
        return (await rig.facts(plan))[-1].outcome

    outcome = with_rig(tmp_path / "l.db", work, fake)
    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.TIMED_OUT)
    assert fake.texts == []


def test_a_worker_that_was_held_up_between_intent_and_request_sends_nothing(tmp_path: Path) -> None:
    # A laptop that slept, a virtual machine that was paused: by now another worker may have sent it.
    fake = FakeChannel("a", resend="after_lookup")

    async def work(rig: Rig) -> Outcome | None:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        real = rig.ledger.do

        async def held_up(call: Any, *args: Any, **kwargs: Any) -> Any:
            result = await real(call, *args, **kwargs)
            if call is batches.begin and args[2][-1].action is Action.PUBLISH:
                the_clock(rig).advance(60)
            return result

        rig.ledger.do = held_up  # type: ignore[method-assign]
        await rig.run(plan)
        return (await rig.facts(plan))[-1].outcome

    outcome = with_rig(tmp_path / "l.db", work, fake)
    assert fake.published == []
    assert outcome is not None
    assert outcome.verdict is Verdict.UNAVAILABLE, "nothing was sent, so nothing is in doubt"


def test_opening_an_adapter_takes_nothing_from_the_time_of_the_attempt(tmp_path: Path) -> None:
    fake = FakeChannel("a", channel={"timeout_s": 1.0})

    async def work(rig: Rig) -> State:
        real = rig.host.adapter

        async def slow(channel: str) -> Any:
            the_clock(rig).advance(20)
            return await real(channel)

        rig.host.adapter = slow  # type: ignore[method-assign]
        return (await rig.step(await rig.accept("a"))).state

    assert with_rig(tmp_path / "l.db", work, fake) is State.REACHED


def test_a_preparation_that_used_up_the_time_is_kept_for_the_next_attempt(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        real, slow = fake.count_preparation, [True]

        def late() -> None:
            real()
            the_clock(rig).advance(9.8 if slow.pop() else 0)

        fake.count_preparation = late  # type: ignore[method-assign]
        await rig.settle(plan)
        return told(await rig.facts(plan))

    story = with_rig(tmp_path / "l.db", work, fake)
    assert story[2:] == ["ended prepare unavailable", "began publish", "ended publish accepted"]
    assert (fake.prepared, len(fake.published)) == (1, 1)


# People


def test_what_is_cancelled_between_preparing_and_publishing_is_not_sent(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    path = tmp_path / "l.db"

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        real = fake.count_preparation

        def cancel_meanwhile() -> None:
            from tests.ledger.open_files import opened

            real()
            with opened(path) as database:
                broadcasts.cancel(database, plan.id, None, rig.clock.now())

        fake.count_preparation = cancel_meanwhile  # type: ignore[method-assign]
        decision = await rig.step(plan)
        assert (decision.state, decision.final) == (State.MISSED, True)
        return told(await rig.facts(plan))

    assert with_rig(path, work, fake) == ["turn", "began prepare", "ended prepare"]
    assert fake.published == []


def test_what_another_alternative_reached_meanwhile_is_not_sent(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(fail(REFUSED_CONNECTION))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a | b")
        await rig.step(plan)
        the_clock(rig).advance(61)
        await rig.conduct(plan)  # the turn of b opens
        await rig.run(plan, "a")  # ... and a comes through at last
        await rig.run(plan, "b")
        decision = await rig.conduct(plan)
        assert (decision.state, decision.owed) == (State.REACHED, ())

    with_rig(tmp_path / "l.db", work, first, second)
    assert (len(first.texts), second.published) == (1, [])


# Reading back


def visible(**own: Any) -> FakeChannel:
    return FakeChannel("a", confirms=True, read_back_needs_no_setup=True, **own)


def test_a_post_that_readers_see_is_confirmed(tmp_path: Path) -> None:
    fake = visible()

    async def work(rig: Rig) -> list[str]:
        plan = await rig.accept("a")
        assert (await rig.settle(plan)).state is State.REACHED
        return told(await rig.facts(plan))[-1:]

    assert with_rig(tmp_path / "l.db", work, fake) == ["ended confirm seen"]


def test_a_post_that_nobody_sees_in_time_is_invisible_and_yields_and_may_appear_later(tmp_path: Path) -> None:
    fake, second = visible(channel={"visible_within_s": 20.0}), FakeChannel("b")
    fake.hidden = True

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a | b")
        began = rig.clock.now()
        while second.texts == []:
            at = await rig.next_due(plan)
            assert at is not None
            the_clock(rig).advance(max(0.0, at - rig.clock.now()))
            decision = await rig.step(plan)
        assert 20 <= rig.clock.now() - began <= 21
        assert decision.state is State.REROUTED
        last = (await rig.facts(plan))[-1]
        assert last.outcome is not None
        assert (last.outcome.verdict, last.outcome.reason) == (Verdict.INVISIBLE, Reason.NOT_VISIBLE)
        assert (await rig.gate()).failures == 1
        fake.hidden = False
        assert (await rig.settle(plan)).state is State.REACHED

    with_rig(tmp_path / "l.db", work, fake, second)
    assert (len(fake.published), len(second.published)) == (1, 1)


def test_an_announcement_that_expires_while_it_is_read_back_is_final_when_that_is_known(tmp_path: Path) -> None:
    fake = visible(channel={"visible_within_s": 30.0})
    fake.hidden = True

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a", expires=timedelta(seconds=10))
        await rig.step(plan)
        the_clock(rig).advance(11)
        decision = await rig.step(plan)
        assert (decision.state, decision.final, decision.owed) == (State.PENDING, False, ())
        for _ in range(10):
            the_clock(rig).advance(5)
            decision = await rig.step(plan)
        assert (decision.state, decision.final) == (State.MISSED, True)

    with_rig(tmp_path / "l.db", work, fake)


@pytest.mark.parametrize("trouble", [ConnectionRefusedError(), TimeoutError(), KeyError("no such adapter")])
def test_a_read_side_in_trouble_is_no_information(tmp_path: Path, trouble: Exception) -> None:
    fake = visible()
    fake.broken["confirm"] = trouble

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        decision = await rig.settle(plan)
        assert decision.state is State.REACHED
        assert Verdict.INVISIBLE not in await rig.verdicts(plan)
        assert (await rig.gate()).failures == 0

    with_rig(tmp_path / "l.db", work, fake)


def test_a_process_without_the_secret_reads_nothing_back_and_does_no_harm(tmp_path: Path) -> None:
    fake = visible()

    async def work(rig: Rig) -> State:
        plan = await rig.accept("a")
        await rig.conduct(plan)
        await rig.run(plan)
        rig.host.failing = SecretMissingError("The secret is not set.")
        return (await rig.settle(plan)).state

    assert with_rig(tmp_path / "l.db", work, fake) is State.REACHED


# Adapters that break their contract


class Nonsense(FakeChannel):
    """An adapter whose calls give what they must not give."""

    def __init__(self, call: str, result: Any) -> None:
        super().__init__("a", resend="after_lookup", confirms=True, read_back_needs_no_setup=True)

        async def answer(*_: Any) -> Any:
            return result

        setattr(self.kind.adapter, call, answer)


@pytest.mark.parametrize("result", [None, "ok", True, {"id": "1"}])
@pytest.mark.parametrize("call", ["prepare", "publish", "find", "confirm"])
def test_an_adapter_that_answers_nonsense_is_judged_and_not_hammered(tmp_path: Path, call: str, result: Any) -> None:
    fake = Nonsense(call, result)
    if call == "find":
        fake.script(lose_reply())

    async def work(rig: Rig) -> tuple[int, list[Verdict]]:
        plan = await rig.accept("a")
        for _ in range(5):
            await rig.step(plan)
        return len(await rig.facts(plan)), await rig.verdicts(plan)

    count, verdicts = with_rig(tmp_path / "l.db", work, fake)
    assert count <= 12, "no hot loop"
    expected = {"prepare": Verdict.UNAVAILABLE, "publish": Verdict.UNCERTAIN, "find": Verdict.UNCERTAIN}
    assert verdicts[0] is expected.get(call, Verdict.ACCEPTED)
    assert len(fake.published) <= 1


def test_an_adapter_that_cancels_itself_is_in_doubt_and_not_hammered(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(Act(takes_in=True))

    async def cancelled(*_: Any) -> Outcome:
        raise asyncio.CancelledError

    fake.kind.adapter.publish = cancelled  # type: ignore[attr-defined]

    async def work(rig: Rig) -> list[Verdict]:
        plan = await rig.accept("a")
        for _ in range(3):
            task = asyncio.create_task(rig.step(plan))
            await asyncio.wait({task})
            task.cancelled()
        return await rig.verdicts(plan)

    assert with_rig(tmp_path / "l.db", work, fake) == [Verdict.UNCERTAIN]


# The gate


async def owed(rig: Rig, fake: FakeChannel, count: int) -> list[Any]:
    """So many posts that a dead platform still gets."""
    fake.script(*[fail(REFUSED_CONNECTION)] * 3)
    plans = [await rig.accept("a", f"post {number}") for number in range(count)]
    for plan in plans:
        await rig.conduct(plan)
        await rig.run(plan)
    return plans


def test_a_dead_platform_gets_three_requests_and_then_one_trial_for_all_that_is_owed(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> None:
        plans = await owed(rig, fake, 8)
        assert len(fake.published) == 3
        gate = await rig.gate()
        assert gate.open_until == rig.clock.now() + 30
        the_clock(rig).advance(30)
        fake.script(hang(fail(REFUSED_CONNECTION)))
        runs = [asyncio.create_task(rig.run(plan)) for plan in plans]
        await asyncio.to_thread(fake.wait_for, 4)
        await asyncio.sleep(0.1)
        fake.release()
        await asyncio.gather(*runs)
        assert len(fake.published) == 4, "one trial, whichever of them it is"
        gate = await rig.gate()
        assert (gate.interval_s, gate.open_until) == (60.0, rig.clock.now() + 60), "one failed trial doubles it once"

    with_rig(tmp_path / "l.db", work, fake)


def test_when_the_trial_succeeds_everything_else_that_is_owed_goes_at_once(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> None:
        plans = await owed(rig, fake, 8)
        the_clock(rig).advance(31)
        for _ in range(2):
            for plan in plans:
                await rig.step(plan)
        assert len(fake.texts) == 8

    with_rig(tmp_path / "l.db", work, fake)


def test_an_order_tries_a_resting_platform_once_and_if_it_is_back_everything_goes(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def work(rig: Rig) -> None:
        plans = await owed(rig, fake, 6)
        fake.script(fail(REFUSED_CONNECTION))
        await asyncio.gather(*(rig.run(plan, ordered=True) for plan in plans))
        assert len(fake.published) == 4, "it is still dead: one trial for all"
        await asyncio.gather(*(rig.run(plan, ordered=True) for plan in plans))
        assert len(fake.texts) == 6

    with_rig(tmp_path / "l.db", work, fake)


def test_a_post_that_meets_a_shut_gate_in_its_turn_yields_at_once(tmp_path: Path) -> None:
    fake, second = FakeChannel("a"), FakeChannel("b")

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a | b")
        await rig.conduct(plan)
        await owed(rig, fake, 3)
        await rig.run(plan, "a")
        decision = await rig.step(plan)
        assert (decision.state, decision.owed) == (State.REROUTED, ("a",))
        skipped = (await rig.facts(plan))[-1]
        assert skipped.outcome is not None
        assert (skipped.outcome.verdict, skipped.outcome.reason) == (Verdict.SKIPPED, Reason.BREAKER_OPEN)

    with_rig(tmp_path / "l.db", work, fake, second)


def test_a_refused_login_is_tried_again_as_soon_as_the_secret_changed(tmp_path: Path) -> None:
    fake, second = FakeChannel("a"), FakeChannel("b")
    fake.script(say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS))

    async def work(rig: Rig) -> None:
        first = await rig.accept("a | b", "first")
        assert (await rig.settle(first, rounds=3)).state is State.REROUTED
        rig.host.secrets["a"] = "s2"
        second_plan = await rig.accept("a | b", "second")
        assert (await rig.step(second_plan)).state is State.REACHED, "a new announcement does not wait for the hour"
        assert (await rig.step(first)).state is State.REACHED, "and what was owed follows"

    async def settle_only_now(rig: Rig) -> None:
        rig.settle = rig_step(rig)  # type: ignore[method-assign]
        await work(rig)

    def rig_step(rig: Rig) -> Any:
        async def steps(plan: Any, rounds: int) -> Any:
            for _ in range(rounds):
                decision = await rig.step(plan)
            return decision

        return steps

    with_rig(tmp_path / "l.db", settle_only_now, fake, second)
    assert (fake.texts, second.texts) == (["second", "first"], ["first"])


def test_the_same_refused_secret_waits_for_its_hour(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS))

    async def work(rig: Rig) -> None:
        plan = await rig.accept("a")
        began = rig.clock.now()
        assert (await rig.settle(plan)).state is State.REACHED
        assert rig.clock.now() - began >= 3_600

    with_rig(tmp_path / "l.db", work, fake)
    assert len(fake.published) == 2


def test_what_concerns_the_text_says_nothing_about_the_platform(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(*[refuse()] * 5)

    async def work(rig: Rig) -> int:
        for number in range(5):
            await rig.settle(await rig.accept("a", f"post {number}"))
        return (await rig.gate()).failures

    assert with_rig(tmp_path / "l.db", work, fake) == 0


def test_the_stories_of_the_gate_are_the_policys(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(say(Verdict.UNAVAILABLE, scope=Scope.CHANNEL), accept())

    async def work(rig: Rig) -> list[int]:
        plan = await rig.accept("a")
        counts = []
        await rig.step(plan)
        counts.append((await rig.gate()).failures)
        await rig.settle(plan)
        counts.append((await rig.gate()).failures)
        return counts

    assert with_rig(tmp_path / "l.db", work, fake) == [1, 0]
