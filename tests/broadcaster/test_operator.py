"""What a person asks and orders in an outage: how channels are, off, on, a trial, and what needs somebody."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.broadcaster.harbour import harbour, sms
from tests.broadcaster.test_broadcaster import casting, soon
from tests.ledger.open_files import opened

from surecast.broadcaster import Broadcaster
from surecast.broadcaster.overview import Overview, Owed
from surecast.decide import State
from surecast.errors import UsageError
from surecast.health import Condition
from surecast.ledger import gates, outages, rounds
from surecast.ledger.database import Database
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.outcome import Reason, Verdict
from surecast.policy import Breaker
from surecast.report import Status
from surecast.testing import Act, FakeChannel, hang, lose_reply, refuse, say

WORKER: dict[str, Any] = {"background": "worker", "breaker": Breaker(failures=1)}
DOWN = say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, detail="It is being repaired.")
REFUSED_LOGIN = say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS, detail="Wrong password.")


def in_ledger(tmp_path: Path, change: Callable[[Database], Any]) -> Any:
    """What another process does to the ledger."""
    with opened(tmp_path / "ledger.db") as database:
        return change(database)


def failing(name: str, act: Act = DOWN) -> FakeChannel:
    """A channel whose first post fails, and spends its turn."""
    fake = FakeChannel(name, channel={"attempts": 1})
    fake.script(act)
    return fake


# How channels are


def test_of_a_channel_nothing_is_known_until_something_was_seen_of_it(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a"), FakeChannel("b")) as caster:
        assert {name: health.condition for name, health in caster.health().items()} == {
            "a": Condition.UNKNOWN,
            "b": Condition.UNKNOWN,
        }
        caster.broadcast("x", route="a")
        assert caster.health()["a"].condition is Condition.UP
        assert caster.health()["b"].condition is Condition.UNKNOWN


def test_a_channel_that_failed_once_is_degraded_and_says_why(tmp_path: Path) -> None:
    with casting(tmp_path, failing("a"), background="worker") as caster:
        caster.broadcast("x")
        health = caster.health()["a"]
        assert health.condition is Condition.DEGRADED
        assert health.reasons[0].startswith("posting to it failed just now")
        assert [trouble.condition for trouble in caster.overview().down] == [Condition.DEGRADED]


# Off


def test_nobody_posts_to_a_channel_that_is_off_and_its_post_stays_owed(tmp_path: Path) -> None:
    fakes = FakeChannel("a"), FakeChannel("b")
    with casting(tmp_path, *fakes, **WORKER) as caster, casting(tmp_path, *fakes, **WORKER) as other:
        done = caster.switch_off("a", why="they asked for a pause")
        assert (done.channel, done.platform, done.until, done.owed) == ("a", "A", None, None)
        report = other.broadcast("x")
        assert (report.state, report.owed, report["a"].reason) == (State.REROUTED, ("a",), Reason.ISOLATED)
        other.resume()
        other.work_once()
    assert fakes[0].published == []
    assert [text.split("\n")[0] for text in fakes[1].texts] == ["x"]


def test_a_channel_is_off_for_as_long_as_was_said(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a"), **WORKER) as caster:
        before = time.time()
        done = caster.switch_off("a", for_s=0.5)
        assert done.until is not None
        assert before + 0.4 < done.until < time.time() + 0.6
        assert caster.health()["a"].condition is Condition.ISOLATED
        soon(lambda: caster.health()["a"].condition is not Condition.ISOLATED)
        assert caster.broadcast("x").state is State.REACHED


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_channel_is_off_for_no_time(tmp_path: Path, seconds: float) -> None:
    with casting(tmp_path, FakeChannel("a")) as caster, pytest.raises(UsageError, match="Give a longer time"):
        caster.switch_off("a", for_s=seconds)


def test_a_turn_that_is_open_goes_on_to_the_next_alternative_when_its_channel_is_switched_off(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"within_s": 20.0, "attempts": 9}), FakeChannel("b")
    first.script(*[DOWN] * 9)
    with casting(tmp_path, first, second) as caster:
        sent = caster.broadcast("x", wait=False)
        first.wait_for(1)
        caster.switch_off("a")
        soon(lambda: caster.status(sent.id).state is State.REROUTED)
        report = caster.status(sent.id)
    assert (report["a"].reason, report["b"].status) == (Reason.ISOLATED, Status.DONE)
    assert len(first.published) < 9


def test_what_is_on_its_way_when_a_channel_is_switched_off_may_arrive(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(hang())
    with casting(tmp_path, fake) as caster:
        sent = caster.broadcast("x", wait=False)
        fake.wait_for(1)
        caster.switch_off("a")
        fake.release()
        soon(lambda: caster.status(sent.id).state is State.REACHED)
        assert caster.health()["a"].condition is Condition.ISOLATED, "one that arrived does not switch it on"


def test_no_contact_is_written_to_through_a_channel_that_is_off(tmp_path: Path) -> None:
    fake = sms()
    with harbour(tmp_path, fake, riders=3, **WORKER) as caster:
        caster.switch_off("sms")
        report = caster.broadcast("x", wait=1.0)
        assert (fake.recipients, report.owed) == ([], ("sms",))
        caster.switch_on("sms")
        assert caster.resume(report.id)[0].reached == 3


# On


def test_a_channel_that_is_switched_on_is_taken_as_one_that_works_and_nothing_is_posted_yet(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
        assert caster.health()["a"].condition is Condition.DOWN
        caster.switch_off("a")
        done = caster.switch_on("a", why="they are back")
        assert (done.until, done.owed and done.owed.posts, done.worker_seen_at) == (None, 1, None)
        assert in_ledger(tmp_path, lambda database: gates.get(database, "a")).opened_at is None
        assert caster.health()["a"].condition is not Condition.ISOLATED
        assert len(first.published) == 1, "what was tried before"
        assert caster.resume()[0].state is State.REACHED
    assert first.texts == ["x"]


def test_a_worker_delivers_what_was_turned_away_once_the_channel_is_on(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.switch_off("a", for_s=3_600)
        sent = caster.broadcast("x")
        caster.switch_on("a")
        assert caster.work_once() == (sent.id,)
    assert first.texts == ["x"]


def test_who_delivers_is_told_when_a_channel_is_switched_on(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
        caster.work_once()
        done = caster.switch_on("a")
        assert done.worker_seen_at is not None
        assert done.worker == "surecast work --once"


# A trial


def test_a_trial_probes_first_and_then_delivers_the_oldest_post_that_is_owed(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        oldest = caster.broadcast("one")
        caster.broadcast("two")
        assert len(first.published) == 1, "the second went by"
        tried = caster.trial("a", why="they say it works")
        assert (tried.works, tried.probed.ok, tried.channel, tried.platform) == (True, True, "a", "A")
        assert tried.report is not None
        assert (tried.report.id, tried.report.owed) == (oldest.id, ())
        assert first.texts == ["one"]
        assert caster.health()["a"].condition is not Condition.DOWN
        caster.resume()
    assert first.texts == ["one", "two"]


def test_after_a_trial_that_went_well_a_worker_delivers_the_rest_at_once(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("one")
        two = caster.broadcast("two")
        assert caster.trial("a").works
        assert two.id in caster.work_once()
    assert first.texts == ["one", "two"]


def test_a_trial_whose_probe_fails_posts_nothing_and_changes_nothing(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
    before = in_ledger(tmp_path, lambda database: gates.get(database, "a"))
    first.broken["open"] = ConnectionRefusedError("nobody listens")
    with casting(tmp_path, first, second, **WORKER) as caster:
        tried = caster.trial("a")
    assert (tried.works, tried.probed.ok, tried.report) == (False, False, None)
    assert tried.probed.detail
    assert len(first.published) == 1
    assert in_ledger(tmp_path, lambda database: gates.get(database, "a")) == before
    assert in_ledger(tmp_path, lambda database: gates.switches(database, "a", 9))[0].what == "opened"


@pytest.mark.parametrize("act", [DOWN, refuse("too long"), REFUSED_LOGIN], ids=["down", "refused", "login"])
def test_a_trial_that_the_platform_does_not_take_failed(tmp_path: Path, act: Act) -> None:
    first, second = failing("a"), FakeChannel("b")
    first.script(act)
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
        tried = caster.trial("a")
        assert (tried.works, tried.probed.ok, len(first.published)) == (False, True, 2)
        assert caster.health()["a"].condition is Condition.DOWN


def test_where_nothing_is_owed_a_trial_posts_nothing_and_the_next_post_is_the_trial(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.cancel(caster.broadcast("x").id)
        tried = caster.trial("a")
        assert (tried.works, tried.report, len(first.published)) == (True, None, 1)
        assert caster.broadcast("y").state is State.REACHED


def test_a_channel_that_is_off_is_not_tried(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    with casting(tmp_path, fake, **WORKER) as caster:
        caster.switch_off("a", why="they asked for a pause")
        caster.broadcast("x")
        with pytest.raises(UsageError, match=r"they asked for a pause.*surecast channels on a\."):
            caster.trial("a")
        assert [switch.what for switch in caster.switches()] == ["off"]
    assert fake.published == []


def test_a_trial_of_a_channel_to_people_goes_well_when_they_are_written_to(tmp_path: Path) -> None:
    fake = sms()
    fake.script(*[DOWN] * 12)
    with harbour(tmp_path, fake, riders=3, **WORKER) as caster:
        caster.broadcast("x", wait=3.0)
        soon(lambda: caster.trial("sms").works)
        assert len(fake.recipients) > 0


# What cannot be ordered


@pytest.mark.parametrize(
    "order",
    [
        lambda caster: caster.switch_off("blusky"),
        lambda caster: caster.switch_on("blusky"),
        lambda caster: caster.trial("blusky"),
        lambda caster: caster.switches("blusky"),
        lambda caster: caster.probe("blusky"),
    ],
    ids=["off", "on", "trial", "switches", "probe"],
)
def test_of_a_channel_that_is_not_there_those_are_named_that_are(
    tmp_path: Path, order: Callable[[Broadcaster], object]
) -> None:
    with casting(tmp_path, FakeChannel("bluesky"), FakeChannel("site")) as caster:
        with pytest.raises(UsageError, match=r"No channel is named 'blusky'\. There are: bluesky, site\."):
            order(caster)
        caster.health()


# Switches


def test_every_switch_is_told_with_who_did_it_and_why(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
        caster.switch_off("a", why="they asked for a pause")
        caster.switch_on("a", why="they are back")
        caster.switch_off("b")
        told = [(switch.channel, switch.what, switch.actor, switch.why) for switch in caster.switches()]
        assert told == [
            ("b", "off", "person", ""),
            ("a", "on", "person", "they are back"),
            ("a", "off", "person", "they asked for a pause"),
            ("a", "opened", "breaker", "It is being repaired."),
        ]
        assert caster.switches()[1].facts == ("it was switched off: they asked for a pause",)
        assert [switch.what for switch in caster.switches("a")] == ["on", "off", "opened"]
        assert [switch.what for switch in caster.switches("a", most=1)] == ["on"]
        assert caster.switches("b")[0].what == "off"
    with casting(tmp_path, second) as later:
        assert len(later.switches("a")) == 3, "it is not in the configuration any more"


# The overview


def test_when_nothing_is_wrong_the_overview_is_calm(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a")) as caster:
        assert caster.overview().calm
        assert not (tmp_path / "ledger.db").exists(), "looking makes no ledger"
        caster.broadcast("x")
        overview = caster.overview()
        assert overview.calm
        assert overview == Overview(at=overview.at)


def test_a_channel_that_is_down_is_in_it_with_what_it_is_owed(tmp_path: Path) -> None:
    first, second = failing("a", REFUSED_LOGIN), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        one, two = caster.broadcast("one"), caster.broadcast("two", urgency="emergency")
        caster.work_once()
        overview = caster.overview()
    [down] = overview.down
    assert (down.name, down.platform, down.condition, down.outage, down.notices) == ("a", "A", Condition.DOWN, None, 0)
    assert down.since is not None
    assert down.reasons[0] == "it refused our login"
    assert down.not_before is not None
    assert down.not_before > overview.at + 3_000
    assert overview.owed == (Owed(channel="a", posts=2, oldest_at=one.created_at, expires_at=two.expires_at),)
    assert overview.needs_you == ("Give a a valid password or token, then: surecast channels trial a.",)
    assert overview.worker_seen_at is not None
    assert overview.watcher_seen_at is None
    assert not overview.calm


def test_a_channel_that_is_off_is_in_it_since_when_and_until_when(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a"), FakeChannel("b"), **WORKER) as caster:
        caster.switch_off("a", for_s=600, why="they asked for a pause")
        caster.switch_off("b")
        a, b = caster.overview().down
    assert (a.condition, b.condition) == (Condition.ISOLATED, Condition.ISOLATED)
    assert a.since is not None
    assert a.not_before == pytest.approx(a.since + 600)
    assert "they asked for a pause" in a.reasons[0]
    assert b.not_before is None, "for ever"


def test_an_outage_that_is_open_is_in_it_with_the_notices_that_were_sent(tmp_path: Path) -> None:
    def story(database: Database) -> tuple[Outage, Notice]:
        outage = outages.begin(database, "a", began_at=100.0, why="w", facts=("f",), now=200.0)
        assert outage is not None
        words: dict[str, Any] = {"text": "t", "route": "b"}
        sent = outages.draft(database, outage, Sort.NOTICE, now=300.0, **words)
        waiting = outages.draft(database, outage, Sort.UPDATE, number=1, now=400.0, **words)
        assert sent is not None
        assert waiting is not None
        assert outages.decide(database, sent, Stage.SENT, 500.0)
        rounds.watcher_seen(database, "w", 600.0)
        return outage, waiting

    with casting(tmp_path, failing("a"), FakeChannel("b"), **WORKER) as caster:
        caster.broadcast("x")
        outage, waiting = in_ledger(tmp_path, story)
        overview = caster.overview()
    assert (overview.down[0].outage, overview.down[0].began_at, overview.down[0].notices) == (outage.id, 100.0, 1)
    assert overview.needs_you == (f"An update to readers waits for your word: surecast approve {waiting.id}.",)
    assert overview.watcher_seen_at == 600.0


def test_what_is_in_doubt_needs_a_person_when_nothing_is_looked_up_any_more(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="never", finds=False, channel={"within_s": 0.5, "when_unsure": "hold"})
    fake.script(lose_reply(), lose_reply())
    with casting(tmp_path, fake, background="worker") as caster:
        one = caster.broadcast("one")
        assert one.state is State.UNSURE
        assert caster.overview().needs_you == (
            f"Nobody knows whether {one.id} arrived: surecast status {one.id} says how to settle it.",
        )
        two = caster.broadcast("two")
        assert caster.overview().needs_you == (
            f"Nobody knows whether {two.id} and 1 other arrived: surecast status {two.id} says how to settle it.",
        )
        caster.settle(one.id, "a", there=True)
        caster.settle(two.id, "a", there=True)
        assert caster.overview().needs_you == ()


def test_what_was_missed_for_good_needs_a_person_for_a_day(tmp_path: Path) -> None:
    fake = FakeChannel("a")
    fake.script(*[refuse("no")] * 3)
    with casting(tmp_path, fake, **WORKER) as caster:
        one = caster.broadcast("one")
        assert caster.overview().needs_you == (f"{one.id} was missed: surecast status {one.id} says why.",)
        names = [one.id, caster.broadcast("two").id, caster.broadcast("three").id]
        assert caster.overview().needs_you == (
            f"{names[2]} and 2 others of the last 24 hours were missed: surecast status {names[2]} says why.",
        )

        def age(database: Database) -> None:
            with database.transaction():
                database.connection.execute("update broadcast set created_at = created_at - 90000")

        in_ledger(tmp_path, age)
        assert caster.overview().calm


def test_what_is_still_owed_or_was_cancelled_does_not_count_as_missed(tmp_path: Path) -> None:
    with casting(tmp_path, failing("a"), **WORKER) as caster:
        sent = caster.broadcast("x")
        assert (sent.state, sent.owed) == (State.MISSED, ("a",))
        assert caster.overview().needs_you == ()
        caster.cancel(sent.id)
        assert caster.overview().needs_you == ()
        assert caster.overview().owed == ()


def test_a_channel_that_is_not_set_up_needs_a_person_even_before_there_is_a_ledger(tmp_path: Path) -> None:
    broken = FakeChannel("a", channel={"misconfigured": "The handle is missing. Write handle = ..."})
    with casting(tmp_path, broken, FakeChannel("b")) as caster:
        assert caster.overview().needs_you == (
            "Set up a (surecast config check): The handle is missing. Write handle = ...",
        )
        assert not (tmp_path / "ledger.db").exists()


def test_a_channel_that_is_no_longer_configured_is_owed_but_not_down(tmp_path: Path) -> None:
    first, second = failing("a"), FakeChannel("b")
    with casting(tmp_path, first, second, **WORKER) as caster:
        caster.broadcast("x")
    with casting(tmp_path, second, **WORKER) as later:
        assert later.overview().down == ()
        assert [owed.channel for owed in later.overview().owed] == ["a"]


# What surecast itself had to say


def test_the_last_broadcast_is_the_last_announcement_of_the_house(tmp_path: Path) -> None:
    with casting(tmp_path, FakeChannel("a"), **WORKER) as caster:
        ours = caster.broadcast("ours")
        notice = caster.broadcast("a word of its own")

        def mark(database: Database) -> None:
            with database.transaction():
                database.connection.execute("update broadcast set purpose = 'notice' where id = ?", (notice.id,))

        in_ledger(tmp_path, mark)
        assert caster.status("last").id == ours.id
        assert [(each.id, each.purpose) for each in caster.listing()] == [(notice.id, "notice"), (ours.id, "")]
