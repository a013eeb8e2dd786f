"""What the people in charge are told without asking: each cause once, and anew when it was over and comes again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops.stage import BEGINS_AT, DAY, HOUR, MINUTE, Listener, Stage, Telling, house
from tests.ops.test_people import fake_config

from surecast.config.assemble import assemble
from surecast.ledger import rounds
from surecast.ops.reporter import Reporter, _last_due
from surecast.ops.service import watch_over
from surecast.outcome import Reason, Verdict
from surecast.report import Status
from surecast.sandbox import Fault
from surecast.testing import FakeChannel, ManualClock, lose_reply, say

ATHENS = ZoneInfo("Europe/Athens")
WEEK = 7 * DAY


def at(text: str) -> float:
    """A moment as a clock in Athens shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=ATHENS).timestamp()


@contextmanager
def desk(tmp_path: Path, *fakes: FakeChannel, **own: Any) -> Iterator[Reported]:
    config = fake_config(tmp_path, *fakes, **own)
    clock = ManualClock(BEGINS_AT)
    with assemble(config, background="worker", clock=clock) as caster:
        yield Reported(caster, config, clock)


class Reported:
    """A house over fake platforms whose people are told what there is to tell."""

    def __init__(self, caster: Any, config: Any, clock: ManualClock) -> None:
        self.caster, self.config, self.clock = caster, config, clock
        self.people = Listener()

    def announce(self, text: str, route: str, **own: Any) -> str:
        sent = self.caster.broadcast(text, route=route, wait=False, again=True, **own)
        self.deliver()
        return str(sent.id)

    def deliver(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.caster.attend(lambda desk: desk.deliver_due())

    @property
    def causes(self) -> set[str]:
        return {told.cause for told in self.caster.attend(lambda desk: desk.ledger.do(rounds.told))}

    def report(self) -> list[str]:
        """Goes through everything once; gives the sorts of the messages that were new."""
        before = len(self.people.told)

        async def reported(desk: Any) -> None:
            await Reporter(desk, self.config, Telling(desk, self.people)).report(await desk.operator.health())

        self.caster.attend(reported)
        return self.people.sorts[before:]


# A fallback was used


def test_that_a_fallback_was_used_is_told_once_however_many_posts_it_took(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    first.script(*[say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, detail="It is being repaired.")] * 9)
    with desk(tmp_path, first, second) as home:
        for number in range(4):
            home.announce(f"Ferry {number} is late", "a | b")
            home.clock.advance(30)
        assert [home.report() for _ in range(3)] == [["fallback_used"], [], []]
        (values,) = home.people.of("fallback_used")
        assert (values["channel"], values["others"], values["failing"]) == ("a", ("B",), "a")
        assert values["commands"][1] == "surecast channels off a --why ..."
        message = home.people.read("fallback_used")
        assert "A counts as down" in message.subject
        assert "Announcements go out on B." in message.body


def test_what_a_platform_refused_for_its_words_is_no_fallback_that_anybody_must_hear_of(tmp_path: Path) -> None:
    first, second = FakeChannel("a"), FakeChannel("b")
    first.script(say(Verdict.REFUSED, reason=Reason.TEXT_REFUSED))
    with desk(tmp_path, first, second) as home:
        home.announce("Ferry 12 is late", "a | b")
        assert home.report() == []


def test_a_fallback_of_long_ago_is_not_told_any_more(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    first.script(say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR))
    with desk(tmp_path, first, second) as home:
        home.announce("Ferry 12 is late", "a | b")
        home.clock.advance(901)
        assert home.report() == []


def test_when_the_platform_was_well_for_a_while_the_next_fallback_is_told_anew(tmp_path: Path) -> None:
    first, second = FakeChannel("a", channel={"attempts": 1}), FakeChannel("b")
    down = say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR)
    first.script(down)
    with desk(tmp_path, first, second) as home:
        sent = home.announce("Ferry 12 is late", "a | b")
        assert home.report() == ["fallback_used"]
        home.deliver(60)
        assert home.caster.status(sent)["a"].status is Status.DONE
        assert home.report() == []
        for _ in range(4):
            home.clock.advance(600)
            home.announce("Ferry 12 sails", "a")
            assert home.report() == []
        assert home.causes == set()
        first.script(down)
        home.announce("Ferry 13 is late", "a | b")
        assert home.report() == ["fallback_used"]


def test_an_old_fallback_is_not_told_again_and_again_when_the_platform_is_well(tmp_path: Path) -> None:
    first, second = FakeChannel("a", resend="never", finds=False, channel={"attempts": 1}), FakeChannel("b")
    first.script(lose_reply())
    with desk(tmp_path, first, second) as home:
        sent = home.announce("Ferry 12 is late", "a | b")
        assert home.caster.status(sent)["a"].status is Status.UNSURE
        assert "fallback_used" in home.report()
        home.announce("Ferry 13 is late", "a | b")
        for _ in range(6):
            home.clock.advance(30)
            home.report()
        assert len(home.people.of("fallback_used")) == 1


# Logins


def test_a_refused_login_is_told_once_until_it_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with house(tmp_path) as stage:
        stage.fault("bluesky", Fault.UNAUTHORIZED)
        stage.play(5 * MINUTE)
        assert stage.people.sorts == ["needs_a_person"]
        message = stage.people.read("needs_a_person")
        assert "it refused our login" in message.body
        assert "surecast channels trial bluesky" in message.body
        stage.up("bluesky")
        monkeypatch.setenv("BLUESKY_APP_PASSWORD", "another-pass-word-4711")
        stage.play(5 * MINUTE)
        assert stage.causes == set()
        monkeypatch.setenv("BLUESKY_APP_PASSWORD", "wrong")
        stage.play(5 * MINUTE)
        assert stage.people.sorts == ["needs_a_person"] * 2


@pytest.mark.parametrize(
    ("end", "begins", "days"),
    [
        ("2026-05-01", "2026-04-16 22:00", None),
        ("2026-05-01", "2026-04-17 00:00", 14),
        ("2026-05-01", "2026-04-30 12:00", 1),
        ("2026-05-01", "2026-05-01 12:00", 0),
        ("2026-05-01", "2026-05-04 12:00", -3),
    ],
    ids=["not yet", "two weeks before", "the day before", "the day itself", "too late"],
)
def test_the_end_of_credentials_is_told_in_time_and_once(
    tmp_path: Path, end: str, begins: str, days: int | None
) -> None:
    with house(tmp_path, own_bluesky=f"credentials_end = {end}", begins_at=at(begins)) as stage:
        stage.round()
        stage.clock.advance(HOUR)
        stage.round()
        assert [values["days"] for values in stage.people.of("credentials_end")] == ([] if days is None else [days])
        assert all(values["channel"] == "bluesky" for values in stage.people.of("credentials_end"))


def test_another_end_is_told_anew_and_another_time_before_it_may_be_written(tmp_path: Path) -> None:
    with house(tmp_path, watch='credentials_before = "30 days"', own_bluesky="credentials_end = 2026-05-10") as stage:
        stage.round()
        renewed = dataclasses.replace(
            stage.config.channels["bluesky"], credentials_end=datetime(2026, 5, 12, tzinfo=UTC).date()
        )
        stage.config = dataclasses.replace(stage.config, channels={**stage.config.channels, "bluesky": renewed})
        stage.round()
        assert [values["days"] for values in stage.people.of("credentials_end")] == [25, 27]


# Posts of which only a person knows


def test_posts_in_doubt_are_told_once_for_each_channel_with_what_to_type(tmp_path: Path) -> None:
    fake = FakeChannel("a", resend="never", finds=False)
    fake.script(lose_reply(), lose_reply())
    with desk(tmp_path, fake) as home:
        home.announce("Ferry 12 is late", "a")
        home.announce("Ferry 13 is late", "a")
        home.deliver(70)
        assert [home.report() for _ in range(3)] == [["unsure"], [], []]
        (values,) = home.people.of("unsure")
        found = values["broadcast"]
        assert values["commands"] == (f"surecast settle {found} a --there", f"surecast settle {found} a --not-there")
        for each in home.caster.listing():
            home.caster.settle(each.id, "a", there=True)
        assert home.report() == []
        assert "unsure:a" not in home.causes
        fake.script(lose_reply())
        home.announce("Ferry 14 is late", "a")
        home.deliver(70)
        assert home.report() == ["unsure"]


# This machine


def test_that_this_machine_was_cut_off_is_told_once_when_it_is_back(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        since = stage.clock.now()
        for _ in range(5):
            stage.cut_off()
            stage.round()
            stage.clock.advance(MINUTE)
        assert stage.people.told == [], "nobody could be reached"
        stage.play(5 * MINUTE)
        (values,) = stage.people.of("own_network")
        assert (values["since"], values["until"]) == (since, since + 4 * MINUTE)
        assert "09:00" in str(stage.people.read("own_network"))
        stage.clock.advance(HOUR)
        stage.cut_off()
        stage.play(5 * MINUTE)
        assert stage.people.sorts == ["own_network"] * 2


def test_that_it_was_cut_off_days_ago_is_no_news(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.cut_off()
        stage.clock.advance(DAY)
        stage.play(5 * MINUTE)
        assert stage.people.told == []


# The digest of the week


def rounds_at(stage: Stage, *moments: str) -> list[int]:
    """How many digests there were after a round at each of these moments."""
    counts = []
    for moment in moments:
        stage.clock.advance(at(moment) - stage.clock.now())
        stage.round()
        counts.append(len(stage.people.of("digest")))
    return counts


def test_the_digest_comes_once_a_week_at_its_time(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        assert rounds_at(
            stage,
            "2026-04-15 10:00",
            "2026-04-19 23:59",
            "2026-04-20 08:59",
            "2026-04-20 09:00",
            "2026-04-20 09:01",
            "2026-04-24 09:00",
            "2026-04-27 09:05",
        ) == [0, 0, 0, 1, 1, 1, 2]


def test_a_watch_that_slept_over_it_tells_it_when_it_wakes_and_the_next_one_at_its_time(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        assert rounds_at(
            stage, "2026-04-15 10:00", "2026-04-22 17:00", "2026-04-22 17:01", "2026-04-27 08:59", "2026-04-27 09:00"
        ) == [0, 1, 1, 1, 2]


def test_the_time_of_the_digest_is_the_houses_and_may_be_never(tmp_path: Path) -> None:
    with house(tmp_path, watch='digest = "fri 18:30"') as stage:
        assert rounds_at(stage, "2026-04-15 10:00", "2026-04-17 18:29", "2026-04-17 18:30") == [0, 0, 1]
        rules = dataclasses.replace(stage.config.watch, digest="never")
        stage.config = dataclasses.replace(stage.config, watch=rules)
        assert rounds_at(stage, "2026-04-24 18:30", "2026-05-01 18:30") == [1, 1]


def test_two_watches_tell_one_digest(tmp_path: Path) -> None:
    with house(tmp_path) as stage, assemble(stage.config, background="worker", clock=stage.clock) as other:
        rounds_at(stage, "2026-04-15 10:00")
        stage.clock.advance(at("2026-04-20 09:00") - stage.clock.now())

        async def round_of(desk: Any) -> None:
            await stage.watch(desk).round()

        for caster in (other, stage.caster, other):
            caster.attend(round_of)
        assert len(stage.people.of("digest")) == 1


def test_the_digest_says_what_was_and_what_is_still_to_do(tmp_path: Path) -> None:
    with house(tmp_path, act="draft", top='[catch_up]\npolicy = "all"\n') as stage:
        stage.round()
        stage.clock.advance(at("2026-04-20 08:50") - stage.clock.now())
        stage.announce("Ferry 1 sails")
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.announce("Ferry 2 is late")
        stage.play(9 * MINUTE)
        (values,) = stage.people.of("digest")
        assert values["states"] == {"reached": 1, "rerouted": 1}
        (spell,) = values["outages"]
        assert (spell.platform, spell.over) == ("Bluesky", False)
        assert spell.lasted_s > 7 * MINUTE
        assert values["owed"] == ("Bluesky: 1, the oldest of 08:52",)
        assert any("surecast approve" in need for need in values["needs"])
        assert values["watcher_seen"] == values["now"]
        assert stage.people.read("digest").body


@given(
    st.sampled_from(["mon 09:00", "sun 00:00", "wed 23:59", "sun 03:30"]),
    st.datetimes(datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2028-01-01")),
    st.sampled_from(["UTC", "Europe/Athens", "America/St_Johns", "Pacific/Apia"]),
)
def test_the_last_due_moment_is_the_nearest_such_moment_before_now(weekly: str, when: datetime, zone: str) -> None:
    now = when.replace(tzinfo=ZoneInfo(zone))
    due = _last_due(weekly, now)
    assert due is not None
    assert now.timestamp() - WEEK - HOUR <= due <= now.timestamp() + HOUR, "an hour, for the clock may change"
    shown = datetime.fromtimestamp(due, ZoneInfo(zone))
    day, _, clock = weekly.partition(" ")
    assert f"{shown:%a}".lower() == day
    hour, minute = map(int, clock.split(":"))
    apart = abs(shown.hour * 60 + shown.minute - hour * 60 - minute)
    assert apart in {0, 60}, "or a moment that the clock left out"


def test_there_is_no_due_moment_where_no_digest_is_wanted() -> None:
    assert _last_due("never", datetime(2026, 4, 20, tzinfo=UTC)) is None


# Outages


def test_who_is_told_that_a_notice_went_out_reads_it(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        message = stage.people.read("fallback_used")
        assert "Readers were told: We cannot reach our readers on Bluesky" in message.body


def test_who_is_told_that_a_notice_went_out_does_not_read_that_nothing_takes_its_place(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        assert "nothing takes its place" not in stage.people.read("fallback_used").subject


def test_nobody_is_told_that_it_counts_as_down_when_the_all_clear_goes_out(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(5 * MINUTE)
        before = len(stage.people.of("fallback_used"))
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        assert stage.posts("mastodon")[-1].startswith("Bluesky works for us again")
        assert len(stage.people.of("fallback_used")) == before


def test_that_it_is_over_is_told_with_how_long_it_was(tmp_path: Path) -> None:
    with house(tmp_path) as stage:
        stage.down("bluesky")
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        (values,) = stage.people.of("outage_over")
        (outage,) = stage.outages
        assert (values["since"], values["until"], values["outage"]) == (outage.began_at, outage.up_since, outage.id)
        assert stage.people.read("outage_over").subject.startswith("Bluesky works again after 1")


def test_that_it_is_over_is_not_told_with_the_words_that_nothing_was_missed_when_something_was(tmp_path: Path) -> None:
    with house(tmp_path, top='[catch_up]\npolicy = "all"\n') as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        stage.announce("Ferry 12 is late")
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        while not stage.posts("bluesky"):  # it is the trial that finds the platform back, as what is owed often is
            stage.clock.advance(10)
            stage.do(lambda desk: desk.deliver_due())
        stage.play(15 * MINUTE)
        assert len(stage.posts("bluesky")) == 1
        message = stage.people.read("outage_over").body
        assert "It missed nothing" not in message
        assert "Ferry 12 is late" in message


def test_what_it_got_when_it_was_well_is_told_with_its_end(tmp_path: Path) -> None:
    with house(tmp_path, top='[catch_up]\npolicy = "all"\npace = "1/min"\n') as stage:
        stage.play(2 * MINUTE)
        stage.down("bluesky")
        for number in range(3):
            stage.announce(f"Ferry {number} is late")
            stage.clock.advance(20)
        stage.play(10 * MINUTE)
        stage.up("bluesky")
        stage.play(15 * MINUTE)
        assert len(stage.posts("bluesky")) == 3
        (values,) = stage.people.of("outage_over")
        assert values["posts"]
        assert all(post.split(" (")[0].endswith("is late") for post in values["posts"])


# By real letters


PEOPLE = """
[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{{ host = "{email}" }}]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"

[audiences.riders]
source = "riders.csv"
consent = {{ email = "signup form" }}

[people.duty]
name = "Dora Manager"
email = "dora@ferries.example"
via = ["email"]
"""


def test_that_letters_do_not_go_out_is_told_by_another_way_though_readers_are_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "riders.csv").write_text("email\nrider@ferries.example\n", "utf-8")
    with house(tmp_path, more=PEOPLE, platforms=("bluesky", "mastodon", "email")) as stage:
        stage.down("email")
        stage.play(10 * MINUTE)
        assert [outage.channel for outage in stage.open_outages] == ["newsletter"]
        assert stage.people.sorts == ["outage_untold"]
        (values,) = stage.people.of("outage_untold")
        assert (values["channel"], values["failing"]) == ("newsletter", "newsletter")
        message = stage.people.read("outage_untold")
        assert message.subject == "E-mail counts as down since 09:00 EEST; readers are told nothing"
        assert "It writes no notice, as this channel writes to people one by one." in message.body
        stage.up("email")
        stage.play(20 * MINUTE)
        assert stage.people.sorts == ["outage_untold", "outage_over"]
        assert (stage.notices(), stage.posts("mastodon")) == ((), [])


def test_a_person_gets_a_letter_about_a_draft_and_one_when_it_is_over(tmp_path: Path) -> None:
    (tmp_path / "riders.csv").write_text("email\nrider@ferries.example\n", "utf-8")
    platforms = ("bluesky", "mastodon", "email")
    with house(tmp_path, act="draft", more=PEOPLE, platforms=platforms) as stage:

        async def gone(desk: Any) -> None:
            watch = watch_over(desk, stage.config)
            for number in range(40):
                if number == 8:
                    stage.up("bluesky")
                await watch.round()
                await desk.deliver_due()
                stage.clock.advance(30)

        stage.down("bluesky")
        stage.do(gone)
        letters = stage.sandbox.platforms["email"].posts()
        assert {letter.raw["to"] for letter in letters} == {"dora@ferries.example"}
        draft, over = (str(letter.raw["message"]["Subject"]) for letter in letters)
        assert draft.startswith("A notice about Bluesky waits for you: surecast approve ")
        assert over.startswith("Bluesky works again after ")
        assert stage.posts("mastodon") == []
