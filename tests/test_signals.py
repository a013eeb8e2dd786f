"""What observations of several sources amount to, added up."""

from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.signals import READING, SLOT_S, WRITING, Answer, Slot, Source, Sum, sum_up

NOW = 10_000.0
GOOD, BAD, SILENT = Answer.GOOD, Answer.BAD, Answer.SILENT


def slot(
    at: float,
    *,
    good: int = 0,
    bad: int = 0,
    silent: int = 0,
    slow: int = 0,
    last: Answer | None = None,
    source: Source = Source.PROBE,
    detail: str = "",
) -> Slot:
    """A slot that says `last` at its end; where only one thing was said, that."""
    only = next((answer for answer, count in ((GOOD, good), (BAD, bad), (SILENT, silent)) if count), SILENT)
    return Slot(source=source, at=at, good=good, bad=bad, silent=silent, slow=slow, last=last or only, detail=detail)


def summed(*slots: Slot, sources: tuple[Source, ...] = WRITING, since: float = 0.0) -> Sum:
    return sum_up(slots, sources, since)


def test_where_nothing_was_observed_nothing_is_said() -> None:
    assert summed() == Sum()
    assert Sum().all == 0


def test_good_and_bad_ones_are_counted_over_all_slots_and_silent_ones_say_nothing() -> None:
    found = summed(slot(10, good=3, slow=1), slot(20, bad=2, slow=2), slot(30, silent=9), slot(40, good=1, silent=1))
    assert (found.good, found.bad, found.all, found.slow, found.last_at) == (4, 2, 6, 3, 40)


# In a row


def test_the_bad_ones_since_the_last_good_one_are_in_a_row_and_the_first_of_them_has_a_moment() -> None:
    found = summed(slot(10, bad=5), slot(20, good=1), slot(30, bad=2), slot(40, silent=1), slot(50, bad=1))
    assert (found.bad_in_a_row, found.first_bad_at, found.good_in_a_row) == (3, 30, 0)


def test_a_good_one_at_the_end_leaves_no_bad_one_in_a_row() -> None:
    found = summed(slot(10, bad=5), slot(20, good=1), slot(30, good=4))
    assert (found.bad_in_a_row, found.first_bad_at, found.good_in_a_row, found.bad) == (0, None, 2, 5)


def test_in_a_slot_that_ends_badly_a_good_one_stands_before_the_bad_ones() -> None:
    found = summed(slot(10, bad=4), slot(20, good=1, bad=2, last=BAD))
    assert (found.bad_in_a_row, found.first_bad_at) == (2, 20)


def test_a_slot_that_ends_well_ends_the_row_of_bad_ones_and_is_the_first_good_one() -> None:
    found = summed(slot(10, good=1), slot(20, good=1, bad=3, last=GOOD), slot(30, good=1))
    assert (found.bad_in_a_row, found.first_bad_at, found.good_in_a_row) == (0, None, 2)


def test_a_slot_of_bad_ones_and_silence_is_bad_whichever_came_last() -> None:
    for last in (BAD, SILENT):
        found = summed(slot(10, bad=1, silent=1, last=last))
        assert (found.bad_in_a_row, found.first_bad_at) == (1, 10)


def test_silence_neither_begins_nor_ends_a_row() -> None:
    found = summed(slot(10, good=1), slot(20, silent=4), slot(30, good=1), slot(40, silent=1))
    assert (found.good_in_a_row, found.last_at) == (2, 30)
    assert summed(slot(10, silent=3)) == Sum()


# Which


def test_only_the_sources_that_are_asked_for_count() -> None:
    slots = [slot(10 + number, bad=1, source=source) for number, source in enumerate(Source)]
    for source in Source:
        assert sum_up(slots, (source,), 0).bad == 1
    assert (sum_up(slots, WRITING, 0).bad, sum_up(slots, READING, 0).bad, sum_up(slots, (), 0)) == (2, 2, Sum())


def test_a_good_one_of_one_source_ends_the_row_of_another_only_where_both_are_asked_for() -> None:
    slots = [slot(10, bad=2, source=Source.WRITE), slot(20, good=1, source=Source.PROBE)]
    assert sum_up(slots, (Source.WRITE,), 0).bad_in_a_row == 2
    assert sum_up(slots, WRITING, 0).bad_in_a_row == 0


def test_what_is_older_than_the_moment_does_not_count_and_what_is_of_that_moment_does() -> None:
    slots = [slot(10, bad=1), slot(20, bad=1), slot(30, bad=1)]
    assert [sum_up(slots, WRITING, since).bad_in_a_row for since in (10, 10.5, 20, 30, 31)] == [3, 2, 2, 1, 0]
    assert sum_up(slots, WRITING, 11).first_bad_at == 20


def test_the_last_bad_one_that_says_something_is_told() -> None:
    found = summed(slot(10, bad=1, detail="503"), slot(20, bad=1, detail="reset"), slot(30, bad=1), slot(40, good=1))
    assert found.detail == "reset"
    assert summed(slot(10, good=1, detail="all is well")).detail == ""


# Whatever comes


ANSWERS = st.lists(st.sampled_from(Answer), max_size=12)


@given(ANSWERS, st.randoms())
def test_one_observation_a_slot_is_counted_as_it_came(answers: list[Answer], chance: object) -> None:
    slots = [
        slot(NOW + SLOT_S * number, **{answer.value: 1}, source=Source.PROBE) for number, answer in enumerate(answers)
    ]
    telling = [(each, answer) for each, answer in zip(slots, answers, strict=True) if answer is not SILENT]
    row = list(takewhile(lambda one: one[1] is BAD, reversed(telling)))
    chance.shuffle(slots)  # type: ignore[attr-defined]
    found = sum_up(slots, WRITING, 0)
    assert (found.good, found.bad) == (answers.count(GOOD), answers.count(BAD))
    assert (found.bad_in_a_row, found.first_bad_at) == (len(row), row[-1][0].at if row else None)
    assert found.good_in_a_row == len(list(takewhile(lambda one: one[1] is GOOD, reversed(telling))))
    assert found.last_at == (telling[-1][0].at if telling else None)


SLOTS = st.lists(
    st.builds(
        lambda at, source, good, bad, slow, silent, last: Slot(
            source=source, at=at, good=good, bad=bad, slow=slow, silent=silent, last=last
        ),
        st.floats(0, 100),
        st.sampled_from(Source),
        *[st.integers(0, 3)] * 4,
        st.sampled_from(Answer),
    ),
    max_size=12,
)


@given(SLOTS, st.floats(0, 100))
def test_whatever_is_summed_up_fits_together(slots: list[Slot], since: float) -> None:
    found = sum_up(slots, Source, since)
    within = [each for each in slots if each.at >= since]
    assert (found.good, found.bad) == (sum(each.good for each in within), sum(each.bad for each in within))
    assert 0 <= found.bad_in_a_row <= found.bad
    assert 0 <= found.good_in_a_row <= len(within)
    assert (found.first_bad_at is None) == (found.bad_in_a_row == 0) or found.bad_in_a_row == 0
    assert not (found.bad_in_a_row and found.good_in_a_row), "one of both comes last"
    assert found.first_bad_at is None or since <= found.first_bad_at <= (found.last_at or 0)
    assert (found.last_at is None) == (found.all == 0)


@pytest.mark.parametrize("source", [source for source in Source if source is not Source.VENDOR])
def test_every_source_but_the_status_page_tells_of_one_side(source: Source) -> None:
    assert (source in WRITING) != (source in READING)
