"""The digest of the week: once, at its time, with what was and what is still to do."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tests.ops.stage import DAY, HOUR, MINUTE, Stage, house

from surecast.config.assemble import assemble
from surecast.ops.digest import _last_due

ATHENS = ZoneInfo("Europe/Athens")
WEEK = 7 * DAY


def at(text: str) -> float:
    """A moment as a clock in Athens shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=ATHENS).timestamp()


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
