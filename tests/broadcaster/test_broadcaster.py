"""What a program sees: one call, an honest report, and everything that a person may order afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from surecast.broadcaster import Broadcaster
from surecast.channel import Channel
from surecast.decide import State
from surecast.errors import KeyReusedError, LedgerError, RouteError, UnknownBroadcastError, UsageError
from surecast.health import Condition
from surecast.message import Announcement, Image, Urgency
from surecast.outcome import Reason, Verdict
from surecast.planning import House
from surecast.report import Report, Status
from surecast.route import Route
from surecast.testing import FakeChannel, accept, fail, hang, lose_reply, refuse, say

DOWN = ConnectionRefusedError("nobody listens")


@contextmanager
def casting(tmp_path: Path, *fakes: FakeChannel, **own: Any) -> Iterator[Broadcaster]:
    """A broadcaster over fake platforms; without a route, over all of them with |."""
    given = {"ledger": tmp_path / "ledger.db", "route": " | ".join(fake.name for fake in fakes), **own}
    with Broadcaster([fake.channel for fake in fakes], **given) as caster:
        yield caster


def soon(true: Callable[[], Any], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


# Sending


def test_an_announcement_is_sent_and_reported(tmp_path: Path) -> None:
    fake = FakeChannel("bluesky")
    with casting(tmp_path, fake) as caster:
        report = caster.broadcast("Ferry 12 is cancelled", url="https://ferries.example/12", urgency="urgent")
    assert (report.state, report.satisfied, report.final, report.owed) == (State.REACHED, True, True, ())
    channel = report["bluesky"]
    assert (channel.status, channel.verdict, channel.attempts, channel.error) == (Status.DONE, Verdict.ACCEPTED, 1, "")
    assert channel.url
    assert channel.url.startswith("https://fake.example/")
    [text] = fake.texts
    assert text.startswith("Ferry 12 is cancelled")
    assert "https://ferries.example/12" in text


def test_a_failing_primary_is_rerouted_and_stays_owed(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS))
    with casting(tmp_path, first, second) as caster:
        report = caster.broadcast("x")
    assert (report.state, report.owed, report.final) == (State.REROUTED, ("a",), False)
    assert (report["a"].status, report["b"].status) == (Status.OWED, Status.DONE)


def test_when_nothing_reaches_that_is_said_and_nothing_is_raised(tmp_path: Path) -> None:
    fakes = FakeChannel("a"), FakeChannel("b")
    for fake in fakes:
        fake.script(refuse("no"))
    with casting(tmp_path, *fakes) as caster:
        report = caster.broadcast("x")
    assert (report.state, report.satisfied, report.final) == (State.MISSED, False, True)
    assert [channel.status for channel in report.channels.values()] == [Status.GAVE_UP] * 2


def test_a_ready_announcement_a_route_object_and_a_channel_object_work_too(tmp_path: Path) -> None:
    fakes = FakeChannel("a"), FakeChannel("b")
    said = Announcement(text="x", urgency=Urgency.EMERGENCY, key="k", variants={"b": "y"})
    with casting(tmp_path, *fakes) as caster:
        assert caster.broadcast(said, route=fakes[0].channel & fakes[1].channel).route == "a & b"
        assert caster.broadcast("z", route=Route.parse("b")).route == "b"
        assert caster.broadcast("z", route=fakes[0].channel).route == "a"
    assert [fake.texts for fake in fakes] == [["x", "z"], ["y", "z"]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"urgency": "panic"}, "'panic' is no urgency. Write one of: low, normal, urgent, emergency"),
        ({"route": "a | zzz"}, "No channel is named 'zzz'"),
        ({"route": "a and b"}, "Did you mean: a & b"),
        ({"url": "ferries.example"}, "Begin it with https://"),
        ({"expires": timedelta(0)}, "has expired already"),
        ({"again": True, "key": "k"}, "Give another key, or none"),
        ({"urgncy": "urgent"}, r"'urgncy'.*Did you mean 'urgency'"),
        ({"foo": 1}, "'foo'"),
        ({"on_change": "replace"}, "raise.*keep"),
        ({"wait": None}, "wait"),
        ({"wait": -1}, "wait"),
        ({"images": [Image("/nowhere/ferry.png")]}, "ferry.png"),
        ({"variants": {"zzz": "x"}}, "'zzz'"),
    ],
    ids=str,
)
def test_a_mistake_in_the_call_is_told_before_anything_is_kept(
    tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    fake, other = FakeChannel("a"), FakeChannel("b")
    with casting(tmp_path, fake, other) as caster:
        with pytest.raises(UsageError, match=sentence):
            caster.broadcast("x", **options)
        assert caster.listing() == ()
    assert fake.published == []


def test_words_beside_a_ready_announcement_are_a_mistake(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a")) as caster, pytest.raises(UsageError, match=r"url: set this in the Announ"):
        caster.broadcast(Announcement(text="x"), url="https://a.example")


def test_a_route_is_needed(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake, route=None) as caster:
        with pytest.raises(UsageError, match="No route is given"):
            caster.broadcast("x")
        assert caster.broadcast("x", route="a").state is State.REACHED


def test_two_channels_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    fakes = FakeChannel("a"), FakeChannel("a")
    with pytest.raises(UsageError, match="Two channels are named 'a'"):
        Broadcaster([fake.channel for fake in fakes], ledger=tmp_path / "ledger.db")


def test_a_name_that_no_route_can_hold_is_a_mistake(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    bad = Channel(name="Blue Sky", kind=fake.kind)
    with pytest.raises(RouteError, match="'Blue Sky' cannot name a channel"):
        Broadcaster([bad], ledger=tmp_path / "ledger.db")


def test_a_ledger_that_cannot_be_written_sends_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    (tmp_path / "ledger.db").mkdir()
    with casting(tmp_path, fake) as caster, pytest.raises(LedgerError, match="Nothing was sent"):
        caster.broadcast("x")
    assert fake.published == []


def test_a_misconfigured_channel_is_skipped_and_rerouted_and_shown(tmp_path: Path) -> None:
    fake = FakeChannel("b")
    broken = Channel(name="a", kind=FakeChannel("a").kind, misconfigured="The secret TOKEN is not set.")
    with Broadcaster([broken, fake.channel], ledger=tmp_path / "l.db", route="a | b") as caster:
        report = caster.broadcast("x")
        assert report.state is State.REROUTED
        assert report["a"].reason is Reason.MISCONFIGURED
        assert "The secret TOKEN is not set" in report["a"].error
        [resumed] = caster.resume("last", for_s=1)
    assert resumed["a"].reason is Reason.MISCONFIGURED, "it still is"
    assert resumed.state is State.REROUTED


def test_a_channel_that_left_the_configuration_is_told_as_that(tmp_path: Path) -> None:
    gone, fake = FakeChannel("a"), FakeChannel("b")
    gone.script(fail(DOWN), fail(DOWN), fail(DOWN))
    with casting(tmp_path, gone, fake) as caster:
        assert caster.broadcast("x").owed == ("a",)
    with casting(tmp_path, fake) as caster:
        [report] = caster.resume("last", for_s=1)
        assert report["a"].reason is Reason.MISCONFIGURED
        assert "configuration" in report["a"].error
        assert caster.status().state is State.REROUTED


# Inside and beside event loops


def test_inside_an_event_loop_it_refuses_and_names_the_other_call(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def inside(caster: Broadcaster) -> None:
        for call in (lambda: caster.broadcast("x"), caster.status, caster.listing, caster.health):
            with pytest.raises(UsageError, match=r"await abroadcast\(\.\.\.\)"):
                call()

    with casting(tmp_path, fake) as caster:
        asyncio.run(inside(caster))
    assert fake.published == []


def test_two_event_loops_in_turn_may_await_it(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        states = [asyncio.run(caster.abroadcast(f"post {number}")).state for number in range(2)]
        assert caster.broadcast("post 2").state is State.REACHED
    assert states == [State.REACHED] * 2
    assert fake.texts == ["post 0", "post 1", "post 2"]


def test_an_awaiting_task_that_is_cancelled_loses_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())

    async def give_up(caster: Broadcaster) -> None:
        task = asyncio.create_task(caster.abroadcast("x"))
        await asyncio.to_thread(fake.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with casting(tmp_path, fake) as caster:
        asyncio.run(give_up(caster))
        fake.release()
        soon(lambda: caster.status().state is State.REACHED)
    assert fake.texts == ["x"]


def test_threads_may_call_at_once(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    reports: list[Report] = []
    with casting(tmp_path, fake) as caster:
        threads = [
            threading.Thread(target=lambda n=n: reports.append(caster.broadcast(f"post {n}"))) for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {report.state for report in reports} == {State.REACHED}
    assert sorted(fake.texts) == sorted(f"post {number}" for number in range(12))


def test_several_broadcasters_share_a_ledger(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as one, casting(tmp_path, fake) as other:
        assert one.broadcast("x", key="k").state is State.REACHED
        assert other.broadcast("x", key="k").repeated
    assert len(fake.published) == 1


# Not waiting


def test_without_waiting_a_thread_delivers_it_and_what_comes_back_is_pending(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(refuse())
    with casting(tmp_path, first, second) as caster:
        caster.broadcast("warm")
        began = time.monotonic()
        first.script(refuse())
        report = caster.broadcast("x", wait=False)
        assert time.monotonic() - began < 0.5
        assert report.state is State.PENDING
        soon(lambda: second.texts == ["warm", "x"])
        assert time.monotonic() - began < 1.5, "the failover in the background is as quick as in the foreground"
        soon(lambda: caster.status().state is State.REROUTED)


def test_a_bound_on_the_wait_returns_what_is_known_then(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())
    with casting(tmp_path, fake) as caster:
        began = time.monotonic()
        report = caster.broadcast("x", wait=0.3)
        assert 0.3 <= time.monotonic() - began < 1.0
        assert (report.state, report["a"].status) == (State.PENDING, Status.SENDING)
        fake.release()
        soon(lambda: caster.status().state is State.REACHED)


def test_what_is_owed_is_delivered_in_the_background_after_the_call(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    first.script(fail(DOWN))
    with casting(tmp_path, first, second) as caster:
        assert caster.broadcast("x").state is State.REROUTED
        soon(lambda: caster.status().state is State.REACHED)
    assert first.texts == ["x"]


def test_with_a_worker_nothing_is_delivered_until_it_works(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake, background="worker") as caster:
        report = caster.broadcast("x", wait=False)
        assert report.state is State.PENDING
        time.sleep(0.5)
        assert fake.published == []
        with casting(tmp_path, fake, background="worker") as worker:
            assert worker.work_once() == (report.id,)
            worker.work_once()
        assert caster.status().state is State.REACHED
        assert len(fake.published) == 1


def test_a_worker_obeys_the_wait_that_a_failure_set(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    first.script(say(Verdict.THROTTLED, retry_after_s=3_600))
    with casting(tmp_path, first, second, background="worker") as caster:
        assert caster.broadcast("x").owed == ("a",)
        caster.work_once()
    assert len(first.published) == 1


def test_a_worker_works_until_it_is_closed_whoever_locks_the_ledger_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surecast.ledger.database.BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr("surecast.engines.embedded.SWEEP_S", 0.2)
    fake = FakeChannel("a")
    ended: list[BaseException] = []
    with casting(tmp_path, fake, background="worker") as caster, casting(tmp_path, fake) as worker:
        caster.broadcast("first", wait=False)
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            working = threading.Thread(target=lambda: ended.append(told(worker.work)))
            working.start()
            time.sleep(0.5)
            other.execute("rollback")
        soon(lambda: fake.texts == ["first"])
        caster.broadcast("second", wait=False)
        soon(lambda: fake.texts == ["first", "second"])
        assert ended == []
        worker.close()
        working.join(5)
        assert isinstance(ended[0], UsageError)


def told(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except UsageError as error:
        return error
    raise AssertionError("it ended by itself")


# The same once more


def test_the_same_key_attaches_to_the_first_and_sends_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        first = caster.broadcast("x", key="cms:412")
        second = caster.broadcast("x", key="cms:412", urgency="emergency")
    assert (first.repeated, second.repeated, second.id) == (False, True, first.id)
    assert len(fake.published) == 1


def test_the_same_key_waits_for_what_the_first_call_began(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())
    reports: list[Report] = []
    with casting(tmp_path, fake) as caster:
        threads = [threading.Thread(target=lambda: reports.append(caster.broadcast("x", key="k"))) for _ in range(3)]
        for thread in threads:
            thread.start()
        fake.wait_for(1)
        time.sleep(0.2)
        assert reports == []
        fake.release()
        for thread in threads:
            thread.join(10)
    assert [report.state for report in reports] == [State.REACHED] * 3
    assert len(fake.published) == 1


def test_other_words_under_the_same_key_raise_or_leave_the_first_as_it_is(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        first = caster.broadcast("x", key="k")
        with pytest.raises(KeyReusedError, match=rf"'k' stands for another announcement \(broadcast {first.id}\)"):
            caster.broadcast("y", key="k")
        kept = caster.broadcast("y", key="k", on_change="keep")
    assert (kept.id, kept.repeated) == (first.id, True)
    assert fake.texts == ["x"]


def test_pressing_enter_twice_sends_once_unless_it_is_meant(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        first, second = caster.broadcast("x"), caster.broadcast("x")
        assert (second.id, second.repeated) == (first.id, True)
        assert "sent before" in str(second)
        assert caster.broadcast("x", again=True).id != first.id
        assert caster.broadcast("x", route=fake.channel | fake.channel).repeated is False, "on another route"
    assert fake.texts == ["x", "x", "x"] or len(fake.published) == 3


def test_the_window_for_repetitions_can_be_closed(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake, repeat_window_s=0.05) as caster:
        caster.broadcast("x")
        time.sleep(0.1)
        assert not caster.broadcast("x").repeated


def test_what_expired_is_reported_as_missed_and_not_sent_any_more(tmp_path: Path) -> None:
    fake = FakeChannel("a", channel={"within_s": 0.1, "attempts": 1})
    fake.script(say(Verdict.THROTTLED, retry_after_s=0.6))
    with casting(tmp_path, fake, background="worker") as caster:
        assert caster.broadcast("x", key="k", expires=timedelta(seconds=0.5)).owed == ("a",)
        time.sleep(1.7)
        caster.work_once()
        report = caster.broadcast("x", key="k")
        assert (report.state, report.owed, report.final) == (State.MISSED, (), True)
        [resumed] = caster.resume("last", for_s=0.5)
        assert resumed.state is State.MISSED
    assert len(fake.published) == 1


# A person's orders


def test_cancelling_before_anything_began_sends_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake, background="worker") as caster:
        report = caster.broadcast("x", wait=False)
        cancelled = caster.cancel(report.id)
        assert (cancelled.state, cancelled.cancelled, cancelled.final) == (State.MISSED, True, True)
        caster.work_once()
        caster.resume(report.id, for_s=0.5)
    assert fake.published == []


def test_cancelling_in_the_middle_stops_what_has_not_begun_and_tells_the_truth_about_the_rest(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(hang(refuse()))
    with casting(tmp_path, first, second) as caster:
        report = caster.broadcast("x", wait=False)
        first.wait_for(1)
        cancelled = caster.cancel(report.id)
        assert not cancelled.final, "one post is on its way"
        first.release()
        soon(lambda: caster.status().final)
        assert caster.status().state is State.MISSED
    assert second.published == []


def test_cancelling_one_channel_goes_on_with_the_next(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(fail(DOWN))
    with casting(tmp_path, first, second, background="worker") as caster:
        report = caster.broadcast("x", wait=0.0)
        cancelled = caster.cancel(report.id, "a")
        assert cancelled["a"].status is Status.GAVE_UP
        caster.work_once()
        assert caster.status().state is State.REROUTED
        with pytest.raises(UsageError, match="has no channel 'c'. It has: a, b"):
            caster.cancel(report.id, "c")


def test_cancelling_after_everything_was_sent_changes_no_truth(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        report = caster.broadcast("x")
        cancelled = caster.cancel(report.id)
        assert (cancelled.state, cancelled["a"].status) == (State.REACHED, Status.DONE)
        assert not caster.broadcast("x").repeated, "what was cancelled may be said again"


@pytest.mark.parametrize("there", [True, False])
def test_a_person_settles_what_nobody_else_can(tmp_path: Path, there: bool) -> None:
    fake = FakeChannel("a", resend="never", finds=False, channel={"within_s": 0.2})
    fake.script(lose_reply() if there else fail(ConnectionResetError()))
    with casting(tmp_path, fake) as caster:
        report = caster.broadcast("x")
        assert (report.state, report["a"].status) == (State.UNSURE, Status.UNSURE)
        settled = caster.settle("last", "a", there=there, url="https://a.example/1" if there else None)
        if there:
            assert (settled.state, settled["a"].url, settled.final) == (State.REACHED, "https://a.example/1", True)
        else:
            soon(lambda: caster.status().state is State.REACHED)
        assert len(fake.published) == (1 if there else 2)
    assert fake.texts == ["x"]


def test_settling_what_is_in_no_doubt_is_refused(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        caster.broadcast("x")
        with pytest.raises(UsageError, match="no channel 'zzz'"):
            caster.settle("last", "zzz", there=True)
        with pytest.raises(UsageError, match="not in doubt"):
            caster.settle("last", "a", there=False)


def test_resuming_ignores_the_wait_and_the_open_breaker(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(*[fail(DOWN)] * 3)
    with casting(tmp_path, first, second, background="worker") as caster:
        ids = [caster.broadcast(f"post {number}").id for number in range(5)]
        assert caster.health()["a"].condition is Condition.DOWN
        began = time.monotonic()
        reports = caster.resume(for_s=10)
        assert time.monotonic() - began < 3
        assert [(report.id, report.state) for report in reports] == [(name, State.REACHED) for name in ids]
        assert caster.resume() == ()
    assert sorted(first.texts) == [f"post {number}" for number in range(5)]


def test_resuming_waits_for_the_time_that_a_platform_stated(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    first.script(say(Verdict.THROTTLED, retry_after_s=0.8))
    with casting(tmp_path, first, second, background="worker") as caster:
        began = time.monotonic()
        assert caster.broadcast("x").state is State.REROUTED
        [report] = caster.resume("last", for_s=10)
        assert report.state is State.REACHED
        assert time.monotonic() - began >= 0.8


def test_resuming_ends_after_its_time_and_after_one_trial_of_a_platform_that_is_still_down(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    with casting(tmp_path, first, second, background="worker") as caster:
        first.script(*[fail(DOWN)] * 3)
        caster.broadcast("x")
        first.script(fail(DOWN))
        began = time.monotonic()
        [report] = caster.resume("last", for_s=20)
        assert time.monotonic() - began < 3, "it does not wait for the next rest to be over"
        assert (report.state, report.owed) == (State.REROUTED, ("a",))
        assert len(first.published) == 4
        first.script(say(Verdict.THROTTLED, retry_after_s=3_600))
        [report] = caster.resume("last", for_s=0.5)
        assert report["a"].verdict is Verdict.THROTTLED


def test_resuming_settles_a_doubt_by_looking(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="after_lookup", channel={"within_s": 0.3, "settle_after_s": 0.1})
    fake.script(fail(ConnectionResetError()))
    fake.broken["find"] = DOWN
    with casting(tmp_path, fake, background="worker") as caster:
        assert caster.broadcast("x").state is State.UNSURE
        fake.broken.clear()
        [report] = caster.resume("last", for_s=10)
        assert report.state is State.REACHED
    assert (len(fake.published), fake.texts) == (2, ["x"])


# Reading


def test_reports_facts_and_lists_can_be_asked_for(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake) as caster:
        with pytest.raises(UnknownBroadcastError, match="Nothing was broadcast yet"):
            caster.status()
        report = caster.broadcast("Ferry 12")
        assert caster.status(report.id[:3]).id == caster.status().id == report.id
        assert [fact.seq for fact in caster.facts()] == sorted(fact.seq for fact in caster.facts())
        assert len(caster.facts(report.id)) == 5
        assert [(line.id, line.text, line.final) for line in caster.listing()] == [(report.id, "Ferry 12", True)]
        assert caster.health()["a"].condition is Condition.UP
        with pytest.raises(UnknownBroadcastError, match="zzzzz"):
            caster.status("zzzzz")


def test_a_preview_opens_nothing_and_sends_nothing(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.broken["open"] = DOWN
    with casting(tmp_path, fake, house=House(sender="Harbour Ferries")) as caster:
        plan = caster.preview("Ferry 12", url="https://ferries.example/12")
        assert plan.posts["a"].parts[0].text.startswith("Ferry 12")
        assert plan.posts["a"].sender == "Harbour Ferries"
        with pytest.raises(RouteError):
            caster.preview("x", route="zzz")
    assert not (tmp_path / "ledger.db").exists()
    assert fake.prepared == 0


def test_a_probe_says_what_is_wrong(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    broken = Channel(name="b", kind=fake.kind, misconfigured="No secret.")
    with Broadcaster([fake.channel, broken], ledger=tmp_path / "l.db", route="a") as caster:
        assert caster.probe("a").ok
        assert (caster.probe("b").ok, caster.probe("b").detail) == (False, "No secret.")
        with pytest.raises(UsageError, match="No channel is named 'zzz'"):
            caster.probe("zzz")
    fake.broken["open"] = DOWN
    with casting(tmp_path, fake) as caster:
        probed = caster.probe("a")
        assert not probed.ok
        assert probed.detail


# Its life


def test_no_thread_and_no_file_before_the_first_call(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    caster = Broadcaster([FakeChannel("a").channel], ledger=tmp_path / "ledger.db", route="a")
    assert set(threading.enumerate()) == before
    assert list(tmp_path.iterdir()) == []
    caster.close()
    caster.close()
    assert set(threading.enumerate()) == before


def test_after_closing_a_call_opens_it_again(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    caster = Broadcaster([fake.channel], ledger=tmp_path / "ledger.db", route="a")
    assert caster.broadcast("x").state is State.REACHED
    caster.close()
    caster.close()
    assert caster.status().state is State.REACHED
    caster.close()


def test_closing_while_another_thread_waits_lets_it_go(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())
    ended: list[object] = []

    def wait_for_it() -> None:
        try:
            ended.append(caster.broadcast("x"))
        except BaseException as error:
            ended.append(error)

    with casting(tmp_path, fake) as caster:
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        fake.wait_for(1)
        began = time.monotonic()
        caster.close()
        thread.join(10)
        assert not thread.is_alive(), "it waits for ever"
        assert time.monotonic() - began < 5
        assert isinstance(ended[0], UsageError | Report)
        assert caster.status()["a"].verdict is Verdict.UNCERTAIN


def test_closing_waits_for_no_adapter_that_hangs(tmp_path: Path) -> None:
    fake = FakeChannel("a")

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    fake.kind.adapter.close = never  # type: ignore[attr-defined]
    caster = Broadcaster([fake.channel], ledger=tmp_path / "ledger.db", route="a")
    caster.broadcast("x")
    began = time.monotonic()
    caster.close()
    assert time.monotonic() - began < 3


def test_a_broadcast_is_taken_over_by_the_next_process_where_this_one_closed(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang(), accept())
    with casting(tmp_path, fake) as caster:
        caster.broadcast("x", wait=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    with casting(tmp_path, fake) as caster:
        [report] = caster.resume(for_s=5)
        assert report.state is State.REACHED
    assert (len(fake.published), fake.texts) == (2, ["x"])
