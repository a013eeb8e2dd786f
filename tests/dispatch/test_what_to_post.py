"""Which words a post has: its own, a line why it comes here, or the mark that it is late; and what is not paid back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.broadcaster.test_broadcaster import casting, soon
from tests.broadcaster.test_observer import Eye, eyeing

from surecast.channel import Adapter, CatchUp, Errand, Limits
from surecast.dispatch.what_to_post import LATE_S
from surecast.ledger import outages
from surecast.outcome import Reason, Verdict
from surecast.planning import House
from surecast.policy import Breaker
from surecast.rate import Rate
from surecast.report import Report, Status
from surecast.testing import FakeChannel, hang, refuse, say

DOWN = say(Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, detail="It is being repaired.")
NOTE = "Posted here because we cannot reach our readers on A at the moment."
LATE = "First announced on"
HOUR = 3_600.0


class Recording(FakeChannel):
    """A fake platform that remembers what its adapter was told to prepare."""

    def __init__(self, name: str, **own: Any) -> None:
        channel = {"attempts": 1, "within_s": 30.0, **own.pop("channel", {})}
        super().__init__(name, **{"channel": channel, **own})
        self.told: list[Errand] = []
        far, prepares = self, self.kind.adapter.prepare  # type: ignore[attr-defined]

        async def prepare(adapter: Adapter, errand: Errand) -> bytes:
            far.told.append(errand)
            return bytes(await prepares(adapter, errand))

        adapter = type("Recording", (self.kind.adapter,), {"prepare": prepare})  # type: ignore[arg-type]
        self.kind = replace(self.kind, adapter=adapter)
        self.channel = replace(self.channel, kind=self.kind)


@contextmanager
def desk(tmp_path: Path, *fakes: FakeChannel, catch_up: CatchUp = "latest", **own: Any) -> Iterator[Eye]:
    """A house whose platforms are left alone for ten minutes when they fail once."""
    given = {"catch_up": catch_up, "catch_up_rate": Rate.parse("60/min"), "sender": "Harbour Ferries", **own}
    breaker = Breaker(failures=1, interval_s=60.0, longest_s=60.0)
    with eyeing(tmp_path, *fakes, house=House(**given), breaker=breaker) as eye:
        yield eye


def announce(eye: Eye, text: str = "Ferry 12 is late", route: str = "a | b", **own: Any) -> str:
    eye.clock.advance(1)
    sent = eye.caster.broadcast(text, route=route, wait=False, again=True, **own)
    eye.deliver()
    return sent.id


def part(eye: Eye, broadcast: str, channel: str = "a") -> Any:
    return eye.caster.status(broadcast)[channel]


def texts(fake: FakeChannel) -> list[str]:
    """The first lines of what a platform holds."""
    return [text.split("\n")[0] for text in fake.texts]


# Its own words


def test_a_post_in_its_turn_has_its_own_words_and_the_time_of_the_announcement(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        assert (first.texts, second.told) == (["Ferry 12 is late"], [])
        assert first.told[0].created_at == eye.clock.now()


def test_channels_that_are_meant_anyway_say_nothing_of_each_other(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        announce(eye, route="a & b")
        assert second.texts == ["Ferry 12 is late"]


# The line why it comes here


def test_the_first_post_in_place_of_another_says_why_and_the_next_ones_do_not(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second, follow="https://ferries.example/notices") as eye:
        for number in range(3):
            announce(eye, f"Ferry {number} is late")
        assert NOTE in second.texts[0]
        assert "https://ferries.example/notices" in second.texts[0]
        assert second.texts[1:] == ["Ferry 1 is late", "Ferry 2 is late"]


def test_each_channel_has_readers_of_its_own_who_are_told_once(tmp_path: Path) -> None:
    first, second, third = Recording("a"), Recording("b"), Recording("c")
    first.script(DOWN)
    with desk(tmp_path, first, second, third) as eye:
        for number in range(2):
            announce(eye, f"Ferry {number} is late", route="a | b & c")
        assert [NOTE in text for text in (*second.texts, *third.texts)] == [True, False] * 2


def test_when_the_platform_was_well_in_between_it_is_said_anew(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        announce(eye, "Ferry 1 is late")
        eye.deliver(until=120)
        assert texts(first) == ["Ferry 1 is late"]
        first.script(DOWN)
        announce(eye, "Ferry 2 is late")
        announce(eye, "Ferry 3 is late")
        assert [NOTE in text for text in second.texts] == [True, True, False]


def test_within_one_outage_it_is_said_once_though_a_post_went_through_in_between(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        now = eye.clock.now()
        outage = eye.do(
            lambda desk: desk.ledger.do(outages.begin, "a", began_at=now, why="posts fail", facts=(), now=now)
        )
        assert outage is not None
        announce(eye, "Ferry 1 is late")
        eye.deliver(until=120)
        first.script(DOWN)
        announce(eye, "Ferry 2 is late")
        assert [NOTE in text for text in second.texts] == [True, False]
        eye.deliver(until=120)
        eye.do(lambda desk: desk.ledger.do(outages.end, outage, eye.clock.now()))
        first.script(DOWN)
        announce(eye, "Ferry 3 is late")
        assert [NOTE in text for text in second.texts] == [True, False, True]


def test_a_post_that_has_to_be_tried_again_keeps_its_line(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b", channel={"attempts": 9})
    first.script(DOWN)
    second.broken["prepare"] = ValueError("not now")
    with desk(tmp_path, first, second) as eye:
        announce(eye, "Ferry 1 is late")
        assert second.texts == []
        del second.broken["prepare"]
        announce(eye, "Ferry 2 is late", route="a | b")
        eye.caster.switch_on("b")
        eye.deliver(until=20)
        assert {text.split("\n")[0]: NOTE in text for text in second.texts} == {
            "Ferry 1 is late": True,
            "Ferry 2 is late": False,
        }


def test_where_the_platform_only_refused_the_words_there_is_nothing_to_say(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(refuse())
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        assert second.texts == ["Ferry 12 is late"]


def test_a_post_that_nobody_sees_is_a_reason_to_say_why(tmp_path: Path) -> None:
    seen = {"confirm": "visible", "visible_within_s": 20.0}
    first, second = Recording("a", confirms=True, channel=seen), Recording("b")
    first.hidden = True
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        eye.deliver(until=25)
        assert NOTE in second.texts[0]


def test_a_turn_that_ends_while_the_attempt_hangs_is_a_reason_too(tmp_path: Path) -> None:
    first, second = Recording("a", channel={"within_s": 0.2, "timeout_s": 5.0}), Recording("b")
    first.script(hang())
    with casting(tmp_path, first, second, house=House(sender="Harbour Ferries")) as caster:
        caster.broadcast("Ferry 12 is late")
        assert NOTE in second.texts[0]
        first.release()
        soon(lambda: first.texts)


@pytest.mark.parametrize(
    "own",
    [{"variants": {"b": "Ferry 12 is late"}}, {"text": "x" * 290}],
    ids=["exact words", "no room"],
)
def test_words_that_are_not_to_be_touched_or_leave_no_room_are_left_as_they_are(
    tmp_path: Path, own: dict[str, Any]
) -> None:
    first, second = Recording("a"), Recording("b", limits=Limits(text=300))
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        text = own.pop("text", "Ferry 12 is late")
        announce(eye, text, **own)
        assert second.texts == [text]


def test_with_little_room_the_line_is_short(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b", limits=Limits(text=75))
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        assert "Here because we cannot reach our readers on A now." in second.texts[0]


def test_another_account_on_the_same_platform_says_nothing(tmp_path: Path) -> None:
    first, second = Recording("a", platform="Bluesky"), Recording("b", platform="Bluesky")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        assert second.texts == ["Ferry 12 is late"]


def test_a_house_that_does_not_want_it_says_nothing(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second, reroute_notes=False) as eye:
        announce(eye)
        assert second.texts == ["Ferry 12 is late"]


def test_two_broadcasts_at_the_same_moment_say_it_once(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(*[DOWN] * 4)
    with desk(tmp_path, first, second) as eye:
        for number in range(4):
            eye.caster.broadcast(f"Ferry {number} is late", route="a | b", wait=False)
        eye.deliver()
        assert sum(NOTE in text for text in second.texts) == 1
        assert len(second.texts) == 4


# The mark that it is late


def back_after(eye: Eye, seconds: float) -> None:
    """The platform works again after so long; what is owed is delivered within the next minutes."""
    eye.clock.advance(seconds)
    eye.deliver(until=120)


@pytest.mark.parametrize(("seconds", "late"), [(LATE_S - 130, False), (LATE_S, True), (7 * HOUR, True)])
def test_what_is_paid_back_after_long_says_when_it_was_announced_and_is_dated_anew(
    tmp_path: Path, seconds: float, *, late: bool
) -> None:
    first, second = Recording("a"), Recording("b")
    first.broken["prepare"] = ConnectionRefusedError("nobody listens")
    with desk(tmp_path, first, second) as eye:
        sent = announce(eye)
        announced_at = eye.clock.now()
        del first.broken["prepare"]
        back_after(eye, seconds)
        assert part(eye, sent).status is Status.DONE
        (text,) = first.texts
        assert (LATE in text) is late
        assert text.startswith("Ferry 12 is late")
        posted_at = first.told[-1].created_at
        assert posted_at == announced_at if not late else posted_at >= announced_at + LATE_S


def test_what_was_prepared_in_time_is_sent_as_it_was_prepared(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(say(Verdict.UNCERTAIN, reason=Reason.TIMED_OUT))
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        back_after(eye, HOUR)
        assert len({post.payload for post in first.published}) == 1, (
            "it may be there: the same bytes under the same key"
        )
        assert first.texts == ["Ferry 12 is late"]


def test_a_post_that_comes_late_to_a_channel_in_its_turn_is_not_marked(tmp_path: Path) -> None:
    """Its readers are not told an hour later that it was announced before: it is their turn."""
    first, second = Recording("a", channel={"within_s": HOUR}), Recording("b")
    first.broken["prepare"] = ConnectionRefusedError("nobody listens")
    with desk(tmp_path, first, second) as eye:
        announce(eye)
        assert NOTE in second.texts[0]
        assert LATE not in second.texts[0]


# What is paid back: the newest of each incident


def outage(eye: Eye, first: FakeChannel) -> dict[str, str]:
    """Announcements of an hour in which the platform was down; gives their ids by their words."""
    first.broken["prepare"] = ConnectionRefusedError("nobody listens")
    said = [
        ("Ferry 12 is 1 h late", "ferry-12"),
        ("Ferry 13 is 1 h late", "ferry-13"),
        ("Ferry 12 is 2 h late", "ferry-12"),
        ("The kiosk is closed", None),
        ("Ferry 12 is cancelled", "ferry-12"),
        ("The kiosk stays closed", None),
    ]
    sent = {}
    for text, incident in said:
        sent[text] = announce(eye, text, incident=incident)
        eye.deliver(until=600)
    del first.broken["prepare"]
    return sent


def test_of_each_incident_the_newest_is_paid_back_with_the_mark_and_older_ones_are_dropped(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    with desk(tmp_path, first, second) as eye:
        sent = outage(eye, first)
        back_after(eye, 60)
        reasons = {text: part(eye, broadcast).reason for text, broadcast in sent.items()}
        dropped = {"Ferry 12 is 1 h late", "Ferry 12 is 2 h late"}
        assert {text for text, reason in reasons.items() if reason is Reason.OUTDATED} == dropped
        assert sorted(texts(first)) == sorted(set(sent) - dropped)
        for text, broadcast in sent.items():
            report: Report = eye.caster.status(broadcast)
            assert (report.owed, report.final) == ((), True), text
            assert report["a"].status is (Status.GAVE_UP if text in dropped else Status.DONE)
        marked = {text.split("\n")[0]: LATE in text for text in first.texts}
        assert marked["Ferry 12 is cancelled"]
        assert marked["Ferry 13 is 1 h late"]
        assert len(second.texts) == 6, "its readers had all of them"


def test_all_of_them_are_paid_back_where_that_is_wanted_each_once(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    with desk(tmp_path, first, second, catch_up="all") as eye:
        sent = outage(eye, first)
        back_after(eye, 60)
        assert sorted(texts(first)) == sorted(sent)
        assert all(part(eye, broadcast).status is Status.DONE for broadcast in sent.values())


def test_nothing_that_readers_had_elsewhere_is_paid_back_where_that_is_not_wanted(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    with desk(tmp_path, first, second, catch_up="none") as eye:
        sent = outage(eye, first)
        back_after(eye, 60)
        assert first.texts == []
        assert {part(eye, broadcast).reason for broadcast in sent.values()} == {Reason.HAD_ELSEWHERE}
        assert all(eye.caster.status(broadcast).final for broadcast in sent.values())


def test_what_nobody_had_is_paid_back_all_the_same(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    second.script(DOWN)
    with desk(tmp_path, first, second, catch_up="none") as eye:
        sent = announce(eye)
        assert set(eye.caster.status(sent).owed) == {"a", "b"}
        eye.deliver(until=120)
        assert texts(first) == ["Ferry 12 is late"]


def test_a_channel_may_want_another_way_than_the_house(tmp_path: Path) -> None:
    first, second = Recording("a", channel={"catch_up": "all"}), Recording("b")
    with desk(tmp_path, first, second, catch_up="none") as eye:
        sent = outage(eye, first)
        back_after(eye, 60)
        assert sorted(texts(first)) == sorted(sent)


def test_while_a_channel_works_every_announcement_of_an_incident_is_posted(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    with desk(tmp_path, first, second) as eye:
        for number in range(3):
            announce(eye, f"Ferry 12 is {number} h late", incident="ferry-12")
        assert texts(first) == [f"Ferry 12 is {number} h late" for number in range(3)]


def test_what_has_its_turn_is_not_dropped_because_a_newer_one_comes(tmp_path: Path) -> None:
    first = Recording("a", channel={"attempts": 9, "within_s": 600.0})
    first.broken["prepare"] = ConnectionRefusedError("nobody listens")
    with eyeing(tmp_path, first, breaker=Breaker(failures=99)) as eye:
        one = announce(eye, "Ferry 12 is late", route="a", incident="ferry-12")
        announce(eye, "Ferry 12 is cancelled", route="a", incident="ferry-12")
        assert part(eye, one).reason is not Reason.OUTDATED
        del first.broken["prepare"]
        eye.deliver(until=60)
        assert sorted(texts(first)) == ["Ferry 12 is cancelled", "Ferry 12 is late"]


def test_a_newer_one_for_other_channels_takes_the_place_of_nothing_here(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        one = announce(eye, "Ferry 12 is late", incident="ferry-12")
        announce(eye, "Ferry 12 is cancelled", route="b", incident="ferry-12")
        assert eye.caster.status(one).owed == ("a",)
        eye.deliver(until=120)
        assert texts(first) == ["Ferry 12 is late"]


def test_when_the_newer_one_is_cancelled_the_older_one_is_wanted_again(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        one = announce(eye, "Ferry 12 is late", incident="ferry-12")
        two = announce(eye, "Ferry 12 is cancelled", incident="ferry-12")
        assert eye.caster.status(one).owed == ()
        eye.caster.cancel(two)
        assert eye.caster.status(one).owed == ("a",)


def test_when_the_newer_one_is_cancelled_the_older_one_is_delivered(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        announce(eye, "Ferry 12 is late", incident="ferry-12")
        two = announce(eye, "Ferry 12 is cancelled", incident="ferry-12")
        eye.deliver()
        eye.caster.cancel(two)
        eye.deliver(until=300)
        assert texts(first) == ["Ferry 12 is late"]


def test_the_older_one_is_dropped_as_soon_as_the_newer_one_has_its_turn(tmp_path: Path) -> None:
    first, second = Recording("a"), Recording("b")
    first.script(DOWN)
    with desk(tmp_path, first, second) as eye:
        one = announce(eye, "Ferry 12 is late", incident="ferry-12")
        assert (eye.caster.status(one).owed, eye.caster.status(one).final) == (("a",), False)
        announce(eye, "Ferry 12 is cancelled", incident="ferry-12")
        assert {each.id: each.final for each in eye.caster.listing()}[one], "nobody has to look again"
        assert part(eye, one).reason is Reason.OUTDATED
        assert part(eye, one).next_try is None
