"""The whole watch on simulated platforms: an outage is noticed, told once, gone through, and over."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.ops.stage import HOUR, MINUTE, Stage, house

from surecast.broadcaster.desk import Desk
from surecast.config import load_config
from surecast.config.assemble import assemble
from surecast.errors import LedgerBusyError, RouteError
from surecast.health import Condition
from surecast.ledger import gates, outages, rounds, signals
from surecast.ops import notices as notices_module
from surecast.ops import watch as watch_module
from surecast.ops.service import watch_over
from surecast.outage import Sort
from surecast.outage import Stage as NoticeStage
from surecast.outcome import Reason, Verdict
from surecast.report import Status
from surecast.sandbox import Fault, On
from surecast.signals import KEPT_S, Answer, Signal, Source

NOTICE = "We cannot reach our readers on Bluesky at the moment"
UPDATE = "we still cannot reach our readers on Bluesky"
ALL_CLEAR = "Bluesky works for us again"


def told(stage: Stage, platform: str = "mastodon") -> list[str]:
    """What readers of a platform were told of an outage of Bluesky, in a word each."""
    words = {NOTICE: "notice", UPDATE: "update", ALL_CLEAR: "all-clear"}
    return [next((word for text, word in words.items() if text in post), post) for post in stage.posts(platform)]


def condition(stage: Stage, name: str = "bluesky") -> Condition:
    return stage.caster.health()[name].condition


def looks(stage: Stage) -> int:
    """How often Mastodon was looked at."""
    asked = stage.sandbox.platforms["mastodon"].requests()
    return sum(request.path.endswith("accounts/verify_credentials") for request in asked)


# What it says as it goes


def test_whoever_reads_along_sees_what_changes_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "surecast.ops"), house(tmp_path) as stage:

        async def hours(desk: Desk) -> None:
            watch = stage.watch(desk)
            for number in range(80):
                if number == 3:
                    stage.down("bluesky")
                elif number == 20:
                    stage.up("bluesky")
                await watch.round()
                await desk.deliver_due()
                stage.clock.advance(30)

        stage.do(hours)
    degraded, down, *rest = caplog.messages
    assert degraded.startswith("bluesky is degraded: ")
    assert down.startswith("bluesky is down: ")
    assert rest == [
        "Outage 1 of bluesky began",
        "The notice of outage 1 is written, as " + stage.notices()[0].id,
        "The notice of outage 1 was sent",
        "bluesky is up: asking it without posting works",
        "The all-clear of outage 1 is written, as " + stage.notices()[1].id,
        "The all-clear of outage 1 was sent",
        "Outage 1 of bluesky is over",
    ]


# While all is well


def test_while_all_is_well_nothing_is_posted_and_nobody_is_told(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(10 * MINUTE)
        assert {name: health.condition for name, health in stage.caster.health().items()} == {
            "bluesky": Condition.UP,
            "mastodon": Condition.UP,
        }
        assert (stage.posts("bluesky"), stage.posts("mastodon"), stage.people.told) == ([], [], [])
        assert stage.outages == ()
        assert looks(stage) == 11, "one a minute"
        assert stage.caster.overview().watcher_seen_at == stage.clock.now()


def test_one_bad_look_is_looked_at_again_soon_and_is_no_outage(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.round()
        stage.clock.advance(MINUTE)
        stage.down("bluesky")
        assert stage.round() == 10
        assert condition(stage) is Condition.DEGRADED
        stage.up("bluesky")
        stage.play(5 * MINUTE)
        assert (condition(stage), stage.outages, stage.people.told) == (Condition.UP, (), [])


def test_a_channel_that_cannot_be_used_as_it_is_configured_is_not_looked_at(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        broken = dataclasses.replace(stage.config.channels["bluesky"], misconfigured="handle is missing.")
        stage.config = dataclasses.replace(stage.config, channels={**stage.config.channels, "bluesky": broken})
        stage.play(3 * MINUTE)
        assert condition(stage) is Condition.UNKNOWN
        assert stage.sandbox.platforms["bluesky"].requests() == ()


def test_a_channel_that_is_switched_off_is_neither_looked_at_nor_an_outage(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.caster.switch_off("bluesky", why="they asked for a pause")
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert stage.outages == ()
        assert told(stage) == []


# Sent by the watch


def test_an_outage_is_told_once_and_its_end_once_on_the_channels_that_work(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.play(10 * MINUTE)
        assert told(stage) == ["notice"]
        (outage,) = stage.open_outages
        assert (outage.channel, outage.up_since, outage.relapses) == ("bluesky", None, 0)
        assert "asking it without posting failed" in outage.facts[-1]
        stage.up("bluesky")
        stage.play(5 * MINUTE)
        assert condition(stage) is Condition.UP
        assert told(stage) == ["notice"], "it was well for too short"
        stage.play(10 * MINUTE)
        assert told(stage) == ["notice", "all-clear"]
        assert stage.posts("bluesky") == []
        (over,) = stage.outages
        assert over.ended_at is not None
        assert over.up_since is not None
        assert 10 * MINUTE <= over.ended_at - over.up_since <= 11 * MINUTE
        assert stage.people.sorts == ["notice_sent", "outage_over"]
        stage.play(20 * MINUTE)
        assert told(stage) == ["notice", "all-clear"]


def test_a_notice_says_since_when_and_where_readers_can_follow(tmp_path: Path) -> None:
    with house(tmp_path, top='follow = "https://ferries.example/notices"') as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        (post,) = stage.posts("mastodon")
        assert "since 09:00 EEST" in post
        assert "https://ferries.example/notices" in post
        (notice,) = stage.notices()
        assert stage.caster.status(str(notice.broadcast)).key == "outage:1:notice:0"
        assert stage.caster.listing()[0].purpose == "notice"


def test_readers_are_told_that_it_goes_on_at_the_times_that_are_written(tmp_path: Path) -> None:
    with house(tmp_path, updates='"10 min", "20 min"') as stage:
        stage.down("bluesky")
        stage.play(45 * MINUTE)
        assert told(stage) == ["notice", "update", "update"]
        assert [(notice.sort, notice.number) for notice in stage.notices()] == [
            (Sort.NOTICE, 0),
            (Sort.UPDATE, 1),
            (Sort.UPDATE, 2),
        ]


def test_to_and_fro_is_one_outage_with_one_notice(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        for _ in range(4):
            stage.down("bluesky")
            stage.play(5 * MINUTE)
            stage.up("bluesky")
            stage.play(6 * MINUTE)
        stage.play(6 * MINUTE)
        (outage,) = stage.outages
        assert (outage.relapses, outage.ended_at is not None) == (3, True)
        assert told(stage) == ["notice", "all-clear"]


def test_a_short_trouble_is_told_to_nobody(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.play(70)
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        (outage,) = stage.outages
        assert outage.ended_at is not None
        assert (told(stage), stage.notices()) == ([], ())
        assert "notice_sent" not in stage.people.sorts


def test_what_only_readers_notice_is_an_outage_as_well(tmp_path: Path) -> None:
    """Writes succeed, nobody sees them: April 2026."""
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.fault("bluesky", Fault.HIDDEN)
        sent = stage.announce()
        stage.play(10 * MINUTE)
        report = stage.caster.status(sent.id)
        assert (report["bluesky"].verdict, report["mastodon"].status) == (Verdict.INVISIBLE, Status.DONE)
        assert told(stage) == ["Ferry 12 is cancelled today", "notice"]
        (outage,) = stage.open_outages
        assert outage.why == "its posts stay unseen"
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        assert told(stage)[-1] == "all-clear"
        assert stage.posts("bluesky") == ["Ferry 12 is cancelled today"], "and nothing twice"
        assert stage.caster.status(sent.id)["bluesky"].verdict is Verdict.CONFIRMED


def test_a_route_of_its_own_is_taken_without_the_channels_that_do_not_work(tmp_path: Path) -> None:
    with house(tmp_path, watch='route = "at_least(1, bluesky, mastodon)"') as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        (notice,) = stage.notices()
        assert notice.route == "at_least(1, mastodon)"
        assert told(stage) == ["notice"]


def test_a_refused_login_is_no_outage_for_readers(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.fault("bluesky", Fault.UNAUTHORIZED)
        stage.play(10 * MINUTE)
        assert (condition(stage), stage.outages, told(stage)) == (Condition.DOWN, (), [])
        assert stage.people.sorts == ["needs_a_person"]


def test_a_login_that_is_refused_for_a_day_is_no_outage_for_readers_either(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.fault("bluesky", Fault.UNAUTHORIZED)
        for _ in range(4):
            stage.round()
            stage.clock.advance(HOUR + 1)
        stage.play(3 * MINUTE)
        assert (stage.outages, told(stage)) == ((), [])


def test_an_outage_begins_with_its_first_sign(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        first_bad_look_at = stage.clock.now() + MINUTE
        stage.play(5 * MINUTE)
        (outage,) = stage.open_outages
        assert outage.began_at == first_bad_look_at


# Both sides


def test_with_both_sides_down_nobody_can_be_told_and_later_those_who_can_are(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky", "mastodon")
        stage.play(10 * MINUTE)
        assert sorted(outage.channel for outage in stage.open_outages) == ["bluesky", "mastodon"]
        assert (stage.drafts, stage.notices(1), stage.notices(2)) == ((), (), ())
        assert stage.people.sorts == ["outage_untold", "outage_untold"], "a person has to know, if readers cannot"
        told_of = {values["channel"]: values["does"][-1] for values in stage.people.of("outage_untold")}
        says = "It tells readers as soon as a channel works on which that can be said."
        assert told_of == {"bluesky": says, "mastodon": says}
        stage.up("mastodon")
        stage.play(5 * MINUTE)
        assert told(stage) == ["notice"], "of Bluesky, on Mastodon"
        stage.play(15 * MINUTE)
        assert [outage.channel for outage in stage.open_outages] == ["bluesky"]
        assert told(stage) == ["notice"], "nobody was told of Mastodon's outage, so nobody is told that it is over"
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        assert stage.open_outages == ()
        assert (told(stage), stage.posts("bluesky")) == (["notice", "all-clear"], [])


def test_where_notices_are_drafts_a_person_is_promised_one(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky", "mastodon")
        stage.play(5 * MINUTE)
        does = {values["does"][-1] for values in stage.people.of("outage_untold")}
        assert does == {"It writes a notice for you to approve as soon as a channel works on which that can be said."}


def test_who_was_told_of_an_outage_is_not_told_of_the_first_post_that_runs_into_it(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky", "mastodon")
        stage.play(5 * MINUTE)
        stage.announce(urgency="urgent")
        stage.play(5 * MINUTE)
        assert stage.people.sorts == ["outage_untold", "outage_untold"]


def test_when_both_come_back_before_anybody_could_be_told_there_is_no_word_at_all(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky", "mastodon")
        stage.play(10 * MINUTE)
        stage.up("bluesky", "mastodon")
        stage.play(20 * MINUTE)
        assert [outage.ended_at is not None for outage in stage.outages] == [True, True]
        assert (stage.posts("bluesky"), stage.posts("mastodon")) == ([], [])
        assert stage.people.sorts == [*["outage_untold"] * 2, *["outage_over"] * 2]


def test_the_all_clear_goes_only_where_the_notice_went(tmp_path: Path) -> None:
    """A third channel that was down when the notice went out, and works when it is over."""
    third = '[channels.other]\ntype = "mastodon"\nserver = "{mastodon}"\naccess_token = {{ env = "OTHER" }}\n'
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTHER", "other-4711")
        with house(tmp_path, more=third) as stage:
            stage.caster.switch_off("other")
            stage.down("bluesky")
            stage.play(5 * MINUTE)
            assert told(stage) == ["notice"]
            stage.caster.switch_on("other")
            stage.up("bluesky")
            stage.play(20 * MINUTE)
            assert told(stage) == ["notice", "all-clear"]
            authors = {post.author for post in stage.sandbox.platforms["mastodon"].posts()}
            assert len(authors) == 1


def test_where_two_channels_carried_the_notice_both_carry_the_all_clear(tmp_path: Path) -> None:
    third = '[channels.other]\ntype = "mastodon"\nserver = "{mastodon}"\naccess_token = {{ env = "OTHER" }}\n'
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTHER", "other-4711")
        with house(tmp_path, more=third) as stage:
            stage.down("bluesky")
            stage.play(5 * MINUTE)
            stage.up("bluesky")
            stage.play(20 * MINUTE)
            assert told(stage) == ["notice"] * 2 + ["all-clear"] * 2
            assert [notice.route for notice in stage.notices()] == ["at_least(1, mastodon, other)"] * 2


# Drafts


def test_a_draft_waits_for_a_person_who_is_told_and_is_sent_once(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky")
        stage.play(10 * MINUTE)
        (draft,) = stage.drafts
        assert NOTICE in draft.text
        assert (stage.posts("mastodon"), stage.posts("bluesky")) == ([], [])
        (values,) = stage.people.of("draft_ready")
        assert (values["notice"], values["text"], values["failing"]) == (draft.id, draft.text, "bluesky")
        assert values["commands"] == (f"surecast approve {draft.id}", f"surecast drafts --drop {draft.id}")
        assert any(draft.id in need for need in stage.caster.overview().needs_you)

        assert stage.approve(draft) is not None
        assert told(stage) == ["notice"]
        assert stage.approve(draft) is None, "it was decided about"
        stage.play(10 * MINUTE)
        assert told(stage) == ["notice"]

        stage.up("bluesky")
        stage.play(20 * MINUTE)
        (clear,) = stage.drafts
        assert (clear.sort, clear.route) == (Sort.ALL_CLEAR, "mastodon")
        assert told(stage) == ["notice"], "nor does that go by itself"
        stage.approve(clear)
        assert told(stage) == ["notice", "all-clear"]
        assert stage.posts("bluesky") == []


def test_a_draft_that_nobody_approved_is_dropped_when_it_is_over_and_no_all_clear_follows(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky")
        stage.play(10 * MINUTE)
        (draft,) = stage.drafts
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        assert stage.drafts == ()
        assert [notice.stage for notice in stage.notices()] == [NoticeStage.DROPPED]
        assert stage.approve(draft) is None
        assert (stage.posts("mastodon"), stage.posts("bluesky")) == ([], [])
        assert stage.people.sorts == ["draft_ready", "outage_over"]


def test_an_all_clear_that_nobody_approved_is_dropped_when_nobody_wonders_any_more(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        stage.approve(stage.drafts[0])
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        (clear,) = stage.drafts
        stage.clock.advance(23 * HOUR)
        stage.play(2 * MINUTE)
        assert stage.drafts == (clear,)
        stage.clock.advance(HOUR)
        stage.play(2 * MINUTE)
        assert stage.drafts == ()
        assert told(stage) == ["notice"]


def test_an_all_clear_that_waits_is_dropped_when_it_is_down_again(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        stage.approve(stage.drafts[0])
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        assert [draft.sort for draft in stage.drafts] == [Sort.ALL_CLEAR]
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert [(draft.outage, draft.sort) for draft in stage.drafts] == [(2, Sort.NOTICE)]


def test_a_draft_that_was_dropped_is_not_written_again(tmp_path: Path) -> None:
    with house(tmp_path, act="draft", updates='"5 min"') as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        (draft,) = stage.drafts
        assert stage.do(lambda desk: notices_module.Notices(desk, stage.config).drop(draft))
        stage.play(20 * MINUTE)
        assert (stage.drafts, told(stage), len(stage.notices())) == ((), [], 1)


def test_a_draft_whose_route_cannot_be_followed_any_more_waits_on(tmp_path: Path) -> None:
    with house(tmp_path, act="draft") as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        (draft,) = stage.drafts
        with pytest.raises(RouteError, match="'gone'"):
            stage.approve(dataclasses.replace(draft, route="gone"))
        assert [each.id for each in stage.drafts] == [draft.id]
        assert stage.approve(draft) is not None
        assert told(stage) == ["notice"]


# Several watches


@contextlib.contextmanager
def two(stage: Stage) -> Iterator[Callable[[], None]]:
    """A second watch over the same ledger, as another process is; gives a round of both at once."""
    config = load_config(stage.config.path)
    with (
        assemble(config, background="worker", clock=stage.clock) as other,
        ThreadPoolExecutor(max_workers=2) as threads,
    ):
        watches = [
            (stage.caster, stage.caster.attend(_made(stage.watch))),
            (other, other.attend(_made(stage.watch))),
        ]

        def both() -> None:
            rounds = [threads.submit(caster.attend, _rounds(watch)) for caster, watch in watches]
            for each in rounds:
                each.result(30)
            stage.do(lambda desk: desk.deliver_due())

        yield both


def _made(make: Callable[[Desk], Any]) -> Callable[[Desk], Coroutine[Any, Any, Any]]:
    async def made(desk: Desk) -> Any:
        return make(desk)

    return made


def _rounds(watch: Any) -> Callable[[Desk], Coroutine[Any, Any, float]]:
    async def gone(_: Desk) -> float:
        return float(await watch.round())

    return gone


def test_two_watches_over_one_ledger_make_one_notice_and_one_all_clear(tmp_path: Path) -> None:
    with house(tmp_path) as stage, two(stage) as both:
        stage.down("bluesky")
        for _ in range(8):
            both()
            stage.clock.advance(30)
        assert (len(stage.outages), told(stage)) == (1, ["notice"])
        assert stage.people.sorts == ["notice_sent"]
        stage.up("bluesky")
        for _ in range(15):
            both()
            stage.clock.advance(MINUTE)
        assert told(stage) == ["notice", "all-clear"]
        assert stage.people.sorts == ["notice_sent", "outage_over"]


def test_two_watches_look_no_more_often_than_one(tmp_path: Path) -> None:
    with house(tmp_path) as stage, two(stage) as both:
        for _ in range(10):
            both()
            stage.clock.advance(MINUTE)
        assert looks(stage) == 10


# Paying back


def test_what_was_owed_in_an_outage_is_delivered_once_when_it_is_over(tmp_path: Path) -> None:
    with house(tmp_path, top='[catch_up]\npolicy = "all"\n') as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        sent = []
        for number in range(4):
            sent.append(stage.announce(f"Ferry {number} is late"))
            stage.play(MINUTE)
        assert [stage.caster.status(each.id).owed for each in sent] == [("bluesky",)] * 4
        stage.up("bluesky")
        stage.play(8 * MINUTE)
        first, *rest = [text.split("\n")[0] for text in stage.posts("bluesky")]
        assert sorted([first, *rest]) == [f"Ferry {number} is late" for number in range(4)], "each once"
        assert rest == sorted(rest), "behind the one that was the trial, the oldest first"
        assert all(stage.caster.status(each.id).final for each in sent)


def test_what_came_too_late_is_named_when_it_is_over(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.play(3 * MINUTE)
        for number in (1, 2, 3):
            stage.announce(f"Ferry 12 is {number} hours late", incident="ferry-12")
            stage.clock.advance(30)
        stage.play(20 * MINUTE)
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        (late,) = stage.people.of("late")
        assert [post.split(" (")[0] for post in late["posts"]] == [
            "Ferry 12 is 1 hours late",
            "Ferry 12 is 2 hours late",
        ]
        assert all("a newer one took its place" in post for post in late["posts"])
        (post,) = stage.posts("bluesky")
        assert "Ferry 12 is 3 hours late" in post


def test_the_announcement_that_ran_into_the_outage_is_named_too(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        for number in (1, 2):
            stage.announce(f"Ferry 12 is {number} hours late", incident="ferry-12")
            stage.play(30)
        stage.play(5 * MINUTE)
        stage.up("bluesky")
        stage.play(20 * MINUTE)
        (late,) = stage.people.of("late")
        assert [post.split(" (")[0] for post in late["posts"]] == ["Ferry 12 is 1 hours late"]


# What goes wrong with the telling


def test_a_route_that_cannot_be_read_is_told_once_and_the_watch_goes_on(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        rules = dataclasses.replace(stage.config.watch, route="nowhere | nothing")
        stage.config = dataclasses.replace(stage.config, watch=rules)
        stage.down("bluesky")
        stage.play(6 * MINUTE)
        (trouble,) = stage.people.of("needs_a_person")
        assert "a notice to readers could not go out" in trouble["why"]
        assert "nowhere" in trouble["why"]
        assert len(stage.open_outages) == 1


def test_a_broken_template_of_the_house_gives_way_to_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = tmp_path / "own" / "outage_notice.txt.j2"
    own.write_text("{{ platform }} has gone fishing.", "utf-8")
    with house(tmp_path, top='templates = "own"') as stage:
        own.write_text("{{ nothing.like.it }}", "utf-8")
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert told(stage) == ["notice"]


def test_a_template_of_the_house_is_what_readers_get(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "outage_notice.txt.j2").write_text("{{ platform }} has gone fishing.", "utf-8")
    with house(tmp_path, top='templates = "own"') as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert stage.posts("mastodon") == ["Bluesky has gone fishing."]


@contextlib.contextmanager
def once(module: Any, name: str, error: BaseException) -> Iterator[None]:
    """The first call of a function ends with an error before it does anything."""
    real, failed = getattr(module, name), False

    def call(*arguments: Any, **own: Any) -> Any:
        nonlocal failed
        if failed:
            return real(*arguments, **own)
        failed = True
        raise error

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, name, call)
        yield
    assert failed, "it was never called"


def survive(stage: Stage, seconds: float) -> None:
    """The watch goes its rounds, and is started again when it dies."""
    ends_at = stage.clock.now() + seconds
    while stage.clock.now() < ends_at:
        with contextlib.suppress(LedgerBusyError, asyncio.CancelledError, MemoryError):
            stage.round()
        stage.clock.advance(30)


def test_a_watch_that_dies_before_the_notice_is_accepted_sends_it_when_it_is_back(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        with once(Desk, "broadcast", MemoryError()):
            survive(stage, 5 * MINUTE)
        assert told(stage) == ["notice"]


def test_a_watch_that_dies_between_writing_and_sending_sends_it_when_it_is_back(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        with once(notices_module.outages, "decide", MemoryError()):
            survive(stage, 5 * MINUTE)
        assert told(stage) == ["notice"]


@pytest.mark.parametrize("error", [LedgerBusyError("somebody writes for long"), MemoryError()], ids=["busy", "died"])
def test_an_all_clear_that_could_not_be_written_at_once_is_said_later(tmp_path: Path, error: Exception) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert told(stage) == ["notice"]
        stage.up("bluesky")
        stage.play(5 * MINUTE)
        with once(notices_module.outages, "draft", error):
            survive(stage, 15 * MINUTE)
        assert told(stage) == ["notice", "all-clear"]


@pytest.mark.parametrize("name", ["decide", "end"])
def test_an_all_clear_that_was_written_when_the_watch_died_is_sent_once(tmp_path: Path, name: str) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        stage.up("bluesky")
        stage.play(5 * MINUTE)
        with once(notices_module.outages, name, MemoryError()):
            survive(stage, 15 * MINUTE)
        assert told(stage) == ["notice", "all-clear"]
        assert stage.open_outages == ()


def test_who_read_a_notice_of_a_watch_that_died_is_told_that_it_is_over(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        with once(notices_module.outages, "sent_as", MemoryError()):
            while not stage.notices():
                survive(stage, 30)
        stage.do(lambda desk: desk.deliver_due())
        assert told(stage) == ["notice"]
        stage.clock.advance(2 * HOUR)  # without a watch
        stage.up("bluesky")
        survive(stage, 20 * MINUTE)
        assert stage.open_outages == ()
        assert told(stage) == ["notice", "all-clear"]


def test_a_notice_whose_watch_came_back_after_hours_is_not_said_any_more(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        with once(Desk, "broadcast", MemoryError()):
            while not stage.notices():
                survive(stage, 30)
        stage.up("bluesky")
        stage.clock.advance(3 * HOUR)
        survive(stage, 20 * MINUTE)
        assert told(stage) == []
        assert stage.open_outages == ()


def test_a_watch_that_dies_after_the_notice_was_accepted_sends_it_once(tmp_path: Path) -> None:
    real = notices_module.outages.decide
    with house(tmp_path) as stage, pytest.MonkeyPatch.context() as patched:

        def decide(*arguments: Any, **own: Any) -> bool:
            if own.get("broadcast"):
                raise MemoryError
            return real(*arguments, **own)

        stage.down("bluesky")
        patched.setattr(notices_module.outages, "decide", decide)
        survive(stage, 5 * MINUTE)
        patched.undo()
        survive(stage, 5 * MINUTE)
        assert told(stage) == ["notice"]


# The ledger


def test_what_is_too_old_to_say_anything_does_not_stay_in_the_ledger(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        old = Signal(source=Source.PROBE, answer=Answer.GOOD)
        before = stage.clock.now() - KEPT_S - 1
        stage.do(lambda desk: desk.ledger.do(signals.record, "bluesky", (old,), before))
        stage.do(lambda desk: desk.work_once())
        stage.play(3 * MINUTE)
        known = stage.do(lambda desk: desk.ledger.do(signals.since, 0.0))["bluesky"]
        assert all(slot.at > before for slot in known)


# As it is run


def test_one_round_for_cron_looks_and_delivers_what_is_due(tmp_path: Path) -> None:
    with house(tmp_path) as stage, assemble(stage.config, background="worker") as caster:  # in the time of this machine
        sent = caster.broadcast("Ferry 12 is cancelled today", route="mastodon", wait=False)
        assert caster.attend(lambda desk: watch_over(desk, stage.config).once()) == (sent.id,)
        assert told(stage) == ["Ferry 12 is cancelled today"]
        assert caster.status(sent.id).final
        assert caster.health()["bluesky"].condition is Condition.UP
        overview = caster.overview()
        assert overview.watcher_seen_at is not None
        assert overview.worker_seen_at is not None


def test_one_round_for_cron_pays_back_at_the_pace_and_not_one_post_a_run(tmp_path: Path) -> None:
    with (
        house(tmp_path, top='[catch_up]\npolicy = "all"\npace = "60/min"\n') as stage,
        assemble(stage.config, background="worker") as caster,  # in the time of this machine
    ):
        stage.down("bluesky")
        for number in range(3):
            caster.broadcast(f"Ferry {number} is late")
        stage.up("bluesky")
        assert caster.trial("bluesky").works
        assert len(stage.posts("bluesky")) == 1
        touched = caster.attend(lambda desk: watch_over(desk, stage.config).once())
        assert len(stage.posts("bluesky")) == 3
        assert len(touched) >= 2


async def first_round(desk: Desk) -> None:
    async with asyncio.timeout(10):
        while await desk.ledger.do(rounds.last_watcher) is None:  # noqa: ASYNC110 - the ledger rings no bell
            await asyncio.sleep(0.01)


def test_the_watch_runs_until_it_is_told_to_stop_and_leaves_nothing_running(tmp_path: Path) -> None:
    async def ran(desk: Desk) -> tuple[int, bool]:
        watch, before = watch_over(desk, stage.config), len(asyncio.all_tasks())
        running = asyncio.create_task(watch.run())
        await first_round(desk)
        running.cancel()
        await asyncio.wait({running})
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks()) - before, running.cancelled()

    with house(tmp_path) as stage:
        assert stage.do(ran) == (0, True)


def test_a_ledger_that_is_busy_does_not_end_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "PAUSE_S", 0.01)

    async def ran(desk: Desk) -> None:
        running = asyncio.create_task(watch_over(desk, stage.config).run())
        await first_round(desk)
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})

    with house(tmp_path) as stage, once(rounds, "watcher_seen", LedgerBusyError("somebody writes for long")):
        stage.do(ran)


def test_the_breaker_that_the_watch_opened_keeps_announcements_from_waiting(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.play(2 * MINUTE)
        stage.fault("bluesky", Fault.UNAVAILABLE, On.ALL)
        stage.play(3 * MINUTE)
        before = stage.sandbox.platforms["bluesky"].counts()
        sent = stage.announce()
        stage.play(2)
        report = stage.caster.status(sent.id)
        assert (report["bluesky"].reason, report["mastodon"].status) == (Reason.BREAKER_OPEN, Status.DONE)
        assert stage.sandbox.platforms["bluesky"].counts() == before
        opened = next(switch for switch in stage.caster.switches("bluesky") if switch.what == "opened")
        assert opened.actor == "watch"
        assert stage.do(lambda desk: desk.ledger.do(gates.get, "bluesky")).opened_at == opened.at


def test_outages_of_before_are_still_there_for_who_asks(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        for _ in range(2):
            stage.down("bluesky")
            stage.play(5 * MINUTE)
            stage.up("bluesky")
            stage.play(20 * MINUTE)
        assert [outage.channel for outage in stage.outages] == ["bluesky", "bluesky"]
        assert told(stage) == ["notice", "all-clear", "notice", "all-clear"], "each in its own words, of its own time"
        assert stage.do(lambda desk: desk.ledger.do(outages.open_now)) == ()
