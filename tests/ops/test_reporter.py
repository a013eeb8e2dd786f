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
from tests.ops.stage import BEGINS_AT, DAY, HOUR, MINUTE, Listener, Telling, house
from tests.ops.test_people import fake_config

from surecast.config.assemble import assemble
from surecast.ledger import rounds
from surecast.ops.reporter import Reporter
from surecast.ops.telling import Teller
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
            teller = Teller(desk, self.config, Telling(desk, self.people))
            await Reporter(desk, self.config, teller).report(await desk.operator.health())

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
