"""What a channel's health means for its outage: when it begins, what readers are told, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.health import Condition, Health
from surecast.ops.judging import OUTAGES, Judgement, Times, judge
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.outcome import Verdict
from surecast.testing import ManualClock

NOW = 1_000_000.0
MINUTE, HOUR = 60.0, 3_600.0
TIMES = Times()
OUTAGE = Outage(id=1, channel="a", began_at=NOW - 10 * MINUTE, noticed_at=NOW - 9 * MINUTE)

UP = Health(channel="a", condition=Condition.UP)
DEGRADED = Health(channel="a", condition=Condition.DEGRADED, reason="unavailable")
UNKNOWN = Health(channel="a", condition=Condition.UNKNOWN)
OFF = Health(channel="a", condition=Condition.ISOLATED, reason="isolated by a person")
LOGIN = Health(channel="a", condition=Condition.DOWN, reason="unauthorized", since=NOW - HOUR)


def down(since: float | None = NOW - 5 * MINUTE, reason: str = "unavailable") -> Health:
    return Health(channel="a", condition=Condition.DOWN, reason=reason, since=since)


def said(sort: Sort = Sort.NOTICE, stage: Stage = Stage.SENT, number: int = 0, at: float = NOW - 8 * MINUTE) -> Notice:
    return Notice(
        id=f"{sort}{number}",
        outage=1,
        sort=sort,
        number=number,
        text="x",
        route="b",
        stage=stage,
        created_at=at,
        decided_at=None if stage is Stage.DRAFT else at,
    )


def judged(
    outage: Outage | None, health: Health, *notices: Notice, times: Times = TIMES, now: float = NOW
) -> Judgement:
    return judge(outage, health, notices, times, now)


# It begins


@pytest.mark.parametrize("health", [UP, DEGRADED, UNKNOWN, OFF, LOGIN], ids=lambda health: health.condition)
def test_nothing_begins_while_the_platform_works_or_only_we_are_kept_out(health: Health) -> None:
    assert judged(None, health) == Judgement()


@pytest.mark.parametrize("reason", sorted(OUTAGES))
def test_it_begins_with_the_first_sign_and_is_told_once_that_is_long_enough_ago(reason: str) -> None:
    for age, say in ((0.0, None), (59.0, None), (60.0, Sort.NOTICE), (HOUR, Sort.NOTICE)):
        assert judged(None, down(NOW - age, reason)) == Judgement(begins_at=NOW - age, say=say)


def test_where_nobody_knows_since_when_it_begins_now() -> None:
    assert judged(None, down(None)) == Judgement(begins_at=NOW)
    assert judged(None, down(NOW + 5)) == Judgement(begins_at=NOW), "another machine's clock may be ahead"


def test_where_readers_are_told_at_once_it_is_told_with_the_first_sign() -> None:
    assert judged(None, down(NOW), times=replace(TIMES, notice_after_s=0.0)).say is Sort.NOTICE


# It goes on


@pytest.mark.parametrize(
    ("age", "notices", "say"),
    [
        (59.0, (), None),
        (60.0, (), Sort.NOTICE),
        (60.0, (said(stage=Stage.DRAFT),), None),
        (60.0, (said(stage=Stage.DROPPED),), None),
        (60.0, (said(),), None),
    ],
    ids=["too early", "now", "it waits for a person", "a person did not want it", "it was told"],
)
def test_readers_are_told_once_when_it_lasts(age: float, notices: tuple[Notice, ...], say: Sort | None) -> None:
    assert judged(replace(OUTAGE, began_at=NOW - age), down(), *notices) == Judgement(say=say)


HOUR_AGO, LONG_AGO = said(at=NOW - HOUR), said(at=NOW - 12 * HOUR)


@pytest.mark.parametrize(
    ("notices", "number"),
    [
        ((said(at=NOW - HOUR + 1),), 0),
        ((HOUR_AGO,), 1),
        ((HOUR_AGO, said(Sort.UPDATE, number=1)), 0),
        ((said(at=NOW - 3 * HOUR), said(Sort.UPDATE, number=1)), 2),
        ((LONG_AGO, said(Sort.UPDATE, number=1), said(Sort.UPDATE, number=2)), 3),
        ((LONG_AGO, *(said(Sort.UPDATE, number=number) for number in (1, 2, 3))), 0),
        ((LONG_AGO, said(Sort.UPDATE, Stage.DRAFT, 1)), 0),
        ((said(at=NOW - 3 * HOUR), said(Sort.UPDATE, Stage.DROPPED, 1)), 2),
        ((said(stage=Stage.DRAFT, at=NOW - 12 * HOUR),), 0),
        ((said(stage=Stage.DROPPED, at=NOW - 12 * HOUR),), 0),
    ],
    ids=[
        "too early",
        "the first",
        "not again",
        "the second",
        "the third",
        "there is no fourth",
        "one waits for a person",
        "one was not wanted",
        "nobody was told",
        "nobody is to be told",
    ],
)
def test_readers_who_were_told_are_told_that_it_goes_on_at_its_times(notices: tuple[Notice, ...], number: int) -> None:
    say = Sort.UPDATE if number else None
    assert judged(OUTAGE, down(), *notices) == Judgement(say=say, number=number)


def test_the_times_of_updates_are_those_since_readers_were_told_not_since_the_draft() -> None:
    approved = replace(said(), created_at=NOW - 5 * HOUR, decided_at=NOW - 59 * MINUTE)
    assert judged(OUTAGE, down(), approved).say is None
    assert judged(OUTAGE, down(), approved, now=NOW + MINUTE).say is Sort.UPDATE


@pytest.mark.parametrize("health", [UP, DEGRADED, UNKNOWN, OFF, LOGIN], ids=lambda health: health.condition)
def test_nothing_is_said_of_it_while_it_is_not_down(health: Health) -> None:
    assert judged(OUTAGE, health).say is None
    assert judged(OUTAGE, health, LONG_AGO).say is None


def test_after_a_night_without_a_watch_readers_get_one_update_and_not_three_at_once() -> None:
    first = judged(OUTAGE, down(), LONG_AGO)
    assert first.say is Sort.UPDATE
    sent = said(Sort.UPDATE, number=first.number, at=NOW)
    assert judged(OUTAGE, down(), LONG_AGO, sent, now=NOW + 2).say is None


# It is well again


def test_it_is_well_since_the_first_good_sign() -> None:
    assert judged(OUTAGE, UP, said()) == Judgement(well_since=NOW)
    well = replace(OUTAGE, up_since=NOW - MINUTE)
    assert judged(well, UP, said()) == Judgement(well_since=NOW - MINUTE)


def test_an_outage_begins_no_recovery_and_ends_every_one() -> None:
    assert judged(OUTAGE, down()).well_since is None
    assert judged(replace(OUTAGE, up_since=NOW - 44 * MINUTE), down(), said()) == Judgement()


@pytest.mark.parametrize("health", [DEGRADED, UNKNOWN, OFF, LOGIN], ids=lambda health: health.condition)
def test_a_doubtful_sign_neither_begins_a_recovery_nor_ends_one(health: Health) -> None:
    assert judged(OUTAGE, health).well_since is None
    assert judged(replace(OUTAGE, up_since=NOW - MINUTE), health).well_since == NOW - MINUTE


# It is over


def test_it_is_over_when_it_was_well_for_long_enough() -> None:
    almost = replace(OUTAGE, up_since=NOW - 45 * MINUTE + 1)
    assert not judged(almost, UP, said()).over
    well = replace(OUTAGE, up_since=NOW - 45 * MINUTE)
    assert judged(well, UP, said()) == Judgement(well_since=NOW - 45 * MINUTE, over=True, say=Sort.ALL_CLEAR)


def test_it_is_not_over_on_a_bad_look_and_is_with_the_next_good_one() -> None:
    well = replace(OUTAGE, up_since=NOW - 50 * MINUTE)
    assert judged(well, DEGRADED, said()) == Judgement(well_since=NOW - 50 * MINUTE)
    assert judged(well, UP, said()).over
    assert judged(well, UNKNOWN, said()).over, "where nobody looks, no look can be awaited"


@pytest.mark.parametrize(
    "notices",
    [(), (said(stage=Stage.DRAFT),), (said(stage=Stage.DROPPED),), (said(Sort.UPDATE),)],
    ids=["nothing was said", "nobody let it go", "it was not wanted", "only an update"],
)
def test_there_is_no_all_clear_where_no_notice_went_out(notices: tuple[Notice, ...]) -> None:
    judgement = judged(replace(OUTAGE, up_since=NOW - HOUR), UP, *notices)
    assert (judgement.over, judgement.say) == (True, None)


def test_what_nobody_let_go_by_then_is_dropped_but_no_all_clear() -> None:
    notice, update = said(stage=Stage.DRAFT), said(Sort.UPDATE, Stage.DRAFT, 1)
    ended = said(Sort.ALL_CLEAR, Stage.DRAFT)
    well = replace(OUTAGE, up_since=NOW - HOUR)
    assert judged(well, UP, notice, update, ended).drop == (notice, update)
    assert judged(well, UP, said(), update).drop == (update,)
    assert judged(well, UP, said(), said(Sort.UPDATE, number=1)).drop == ()
    assert judged(OUTAGE, UP, notice, update).drop == (), "it may come back"


# Whatever comes: the whole of an outage, in the time of an injected clock


@dataclass
class Watched:
    """What the watch keeps of one channel, and everything that happened to it."""

    clock: ManualClock
    times: Times
    sends: bool
    outage: Outage | None = None
    notices: list[Notice] = field(default_factory=list)
    every: list[Notice] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def sees(self, health: Health) -> Judgement:
        now = self.clock.now()
        judgement = judge(self.outage, health, tuple(self.notices), self.times, now)
        if judgement.begins_at is not None:
            assert self.outage is None, "two at once"
            self.outage = Outage(id=len(self.began), channel="a", began_at=judgement.begins_at, noticed_at=now)
            self.began.append(judgement.begins_at)
        elif self.outage is not None:
            self.outage = replace(self.outage, up_since=judgement.well_since)
        for notice in judgement.drop:
            self.decide(notice, Stage.DROPPED)
        if judgement.say is not None:
            self.say(judgement.say, judgement.number)
        if judgement.over:
            self.ended.append(now)
            self.every += self.notices
            self.outage, self.notices = None, []
        return judgement

    def say(self, sort: Sort, number: int) -> None:
        assert self.outage is not None
        known = {(each.sort, each.number) for each in self.notices}
        assert (sort, number) not in known, "said already; the ledger would drop it, and somebody may have been told"
        stage = Stage.SENT if self.sends else Stage.DRAFT
        self.notices.append(replace(said(sort, stage, number, at=self.clock.now()), outage=self.outage.id))

    def decide(self, notice: Notice, stage: Stage) -> None:
        self.notices[self.notices.index(notice)] = replace(notice, stage=stage, decided_at=self.clock.now())

    def person(self, stage: Stage) -> None:
        """Somebody decides about the oldest draft."""
        if waiting := [each for each in self.notices if each.stage is Stage.DRAFT]:
            self.decide(waiting[0], stage)

    def count(self, sort: Sort) -> int:
        return sum(each.sort is sort for each in (*self.every, *self.notices))


HEALTHS = st.builds(
    Health,
    channel=st.just("a"),
    condition=st.sampled_from(Condition),
    reason=st.sampled_from([verdict.value for verdict in Verdict]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from((1.0, 30.0, MINUTE, 10 * MINUTE, 44 * MINUTE, HOUR, 5 * HOUR)),
        st.one_of(st.sampled_from((UP, UP, down(None))), HEALTHS),
        st.sampled_from((None, None, Stage.SENT, Stage.DROPPED)),
    ),
    max_size=60,
)


@given(STEPS, st.booleans(), st.sampled_from(((), (HOUR,), (HOUR, 3 * HOUR, 6 * HOUR))))
def test_whatever_comes_each_outage_is_told_once_and_over_only_after_a_long_recovery(
    steps: list[tuple[float, Health, Stage | None]], sends: bool, updates: tuple[float, ...]
) -> None:
    watched = Watched(ManualClock(NOW), replace(TIMES, update_after_s=updates), sends)
    well_since: float | None = None
    for seconds, health, word in steps:
        watched.clock.advance(seconds)
        if word is not None:
            watched.person(word)
        now, before, notices = watched.clock.now(), watched.outage, tuple(watched.notices)
        is_down = health.condition is Condition.DOWN and health.reason in OUTAGES
        if is_down:
            well_since = None
        elif before is not None and well_since is None and health.condition is Condition.UP:
            well_since = now
        judgement = watched.sees(health)

        assert judgement.begins_at is None or before is None, "at most one at a time"
        assert judgement.say in {None, Sort.ALL_CLEAR} or is_down, "no trouble is told while there is none"
        told = any(each.sort is Sort.NOTICE and each.stage is Stage.SENT for each in notices)
        assert (judgement.say is Sort.ALL_CLEAR) == (judgement.over and told)
        if judgement.over:
            assert well_since is not None
            assert now - well_since >= TIMES.all_clear_after_s
            well_since = None
        sorts = [each.sort for each in watched.notices]
        assert sorts.count(Sort.NOTICE) <= 1
        assert sorts.count(Sort.UPDATE) <= len(updates)
        assert sorts.count(Sort.UPDATE) == 0 or Sort.NOTICE in sorts
    for outage in range(len(watched.began)):
        of_it = [each.sort for each in watched.every if each.outage == outage]
        assert of_it.count(Sort.ALL_CLEAR) <= of_it.count(Sort.NOTICE) <= 1
        assert of_it.count(Sort.UPDATE) <= len(updates)
    assert len(watched.ended) == len(watched.began) - (watched.outage is not None)


@given(st.lists(st.floats(1.0, 44 * MINUTE), max_size=30))
def test_as_long_as_it_relapses_in_time_it_is_one_outage(wells: list[float]) -> None:
    watched = Watched(ManualClock(NOW), TIMES, sends=True)
    for well in wells:
        for health, seconds in ((down(None), MINUTE), (down(None), 5 * MINUTE), (UP, well)):
            watched.sees(health)
            watched.clock.advance(seconds)
    watched.sees(down(None))
    assert (len(watched.began), watched.ended, watched.count(Sort.ALL_CLEAR)) == (1, [], 0)
    assert watched.count(Sort.NOTICE) <= 1


@pytest.mark.parametrize("act", ["send", "a person who is awake"])
def test_eight_cycles_of_half_an_hour_are_one_notice_at_most_three_updates_and_one_all_clear(act: str) -> None:
    watched = Watched(ManualClock(NOW), TIMES, sends=act == "send")
    for minute in range(8 * 60 + 90):
        watched.sees(down(None) if minute < 8 * 60 and minute % 60 < 30 else UP)
        watched.clock.advance(MINUTE)
        watched.person(Stage.SENT)
    assert (len(watched.began), len(watched.ended)) == (1, 1)
    assert watched.count(Sort.NOTICE) == 1
    assert 1 <= watched.count(Sort.UPDATE) <= 3
    assert watched.count(Sort.ALL_CLEAR) == 1
    assert watched.ended[0] == NOW + 7.5 * HOUR + 45 * MINUTE


def test_eight_cycles_that_nobody_lets_readers_know_of_end_without_a_word() -> None:
    watched = Watched(ManualClock(NOW), TIMES, sends=False)
    for minute in range(8 * 60 + 90):
        watched.sees(down(None) if minute < 8 * 60 and minute % 60 < 30 else UP)
        watched.clock.advance(MINUTE)
    assert [(each.sort, each.stage) for each in watched.every] == [(Sort.NOTICE, Stage.DROPPED)]
