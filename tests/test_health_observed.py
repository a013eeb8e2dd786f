"""What is believed of a channel from what was observed of it; a status page never decides alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.health import DEFAULT_RULES, Condition, Health, Rules, assess, assess_all
from surecast.policy import Gate
from surecast.signals import SLOT_S, Answer, Slot, Source

NOW = 100_000.0
OPEN = Gate(channel="a")
SHUT = Gate(channel="a", failures=3, opened_at=NOW - 60, open_until=NOW + 20, interval_s=30.0, reason="unavailable")
GOOD, BAD, SILENT = Answer.GOOD, Answer.BAD, Answer.SILENT
OWN = tuple(source for source in Source if source is not Source.VENDOR)


def saw(source: Source, *answers: Answer, ago: float = 0.0, slow: int = 0, detail: str = "") -> list[Slot]:
    """Observations of one source, one in each slot, the last of them so long ago; so many of them slow."""
    return [
        Slot(
            source=source,
            at=NOW - ago - SLOT_S * (len(answers) - 1 - number),
            good=int(answer is GOOD),
            bad=int(answer is BAD),
            slow=int(number < slow),
            silent=int(answer is SILENT),
            last=answer,
            detail=detail if answer is BAD else "",
        )
        for number, answer in enumerate(answers)
    ]


def page(answer: Answer, ago: float = 0.0, detail: str = "") -> Slot:
    return replace(saw(Source.VENDOR, answer, ago=ago)[0], detail=detail)


def seen(*slots: Slot | Sequence[Slot], gate: Gate = OPEN, rules: Rules = DEFAULT_RULES) -> Health:
    every = [each for some in slots for each in ([some] if isinstance(some, Slot) else some)]
    return assess(gate, NOW, every, rules)


# One side


def test_where_nothing_was_observed_nothing_is_known() -> None:
    assert seen() == Health(channel="a", condition=Condition.UNKNOWN)
    assert seen(saw(Source.PROBE, SILENT, SILENT)) == Health(channel="a", condition=Condition.UNKNOWN)


@pytest.mark.parametrize("source", OWN)
def test_one_good_sign_is_enough_to_be_up(source: Source) -> None:
    health = seen(saw(source, GOOD))
    assert (health.condition, health.since, health.reason) == (Condition.UP, None, "")
    assert health.reasons[0].endswith(" works")


@pytest.mark.parametrize("source", OWN)
def test_one_bad_sign_is_a_reason_to_look_again_and_two_in_a_row_mean_down(source: Source) -> None:
    verdict = "invisible" if source in {Source.READ_BACK, Source.READ_PROBE} else "unavailable"
    once = seen(saw(source, GOOD, BAD, detail="It is being repaired."))
    assert (once.condition, once.reason, once.since) == (Condition.DEGRADED, verdict, NOW)
    assert once.reasons[0].endswith("failed just now: It is being repaired")
    twice = seen(saw(source, GOOD, BAD, BAD, detail="It is being repaired."))
    assert (twice.condition, twice.reason, twice.since) == (Condition.DOWN, verdict, NOW - SLOT_S)
    assert twice.reasons[0].endswith("failed 2 times in a row: It is being repaired")
    assert not twice.not_before, "its breaker is not shut"
    assert twice.failing_since is None


def test_a_good_sign_ends_it_at_once() -> None:
    assert seen(saw(Source.PROBE, BAD, BAD, BAD, GOOD)).condition is Condition.UP


def test_two_failures_of_two_sides_are_not_in_a_row() -> None:
    health = seen(saw(Source.PROBE, BAD), saw(Source.READ_PROBE, BAD))
    assert health.condition is Condition.DEGRADED
    assert len(health.reasons) == 2


def test_the_worst_side_says_how_it_is_and_all_are_told_the_weightiest_first() -> None:
    health = seen(
        saw(Source.WRITE, GOOD, ago=30),
        saw(Source.PROBE, BAD),
        saw(Source.READ_BACK, BAD, BAD, BAD, ago=40),
        saw(Source.READ_PROBE, SILENT),
    )
    assert (health.condition, health.reason, health.since) == (Condition.DOWN, "invisible", NOW - 40 - 2 * SLOT_S)
    assert health.reasons == (
        "looking for our posts in public failed 3 times in a row",
        "asking it without posting failed just now",
        "posting to it works",
    )


# Shares


@pytest.mark.parametrize(
    ("answers", "condition"),
    [
        ([BAD, GOOD, BAD, GOOD, BAD], Condition.DOWN),
        ([BAD, BAD, GOOD, BAD, GOOD], Condition.DEGRADED),
        ([GOOD, GOOD, BAD, GOOD, GOOD], Condition.DEGRADED),
        ([GOOD] * 3 + [BAD] + [GOOD] * 3, Condition.UP),
        ([BAD, GOOD, BAD, GOOD], Condition.UP),
        ([GOOD, BAD, GOOD, BAD], Condition.DEGRADED),
    ],
    ids=["half and the last", "half and not the last", "a fifth", "less than a fifth", "few", "few and the last"],
)
def test_a_share_of_failures_counts_where_there_are_enough_of_them(answers: list[Answer], condition: Condition) -> None:
    assert seen(saw(Source.WRITE, *answers)).condition is condition


def test_the_share_is_told_with_its_numbers() -> None:
    down = seen(saw(Source.WRITE, BAD, GOOD, BAD, GOOD, BAD, detail="503"))
    assert down.reasons == ("posting to it failed 3 of 5 times within 10 min: 503",)
    impaired = seen(saw(Source.WRITE, BAD, GOOD, GOOD, GOOD, GOOD, detail="503"))
    assert impaired.reasons == ("posting to it failed 1 of 5 times within 10 min",)


def test_only_the_last_ten_minutes_make_a_share() -> None:
    some = saw(Source.WRITE, BAD, GOOD, BAD, GOOD, BAD, GOOD)
    assert seen(some).condition is Condition.DEGRADED
    assert seen([replace(each, at=each.at - 600) for each in some]).condition is Condition.UP


def test_many_attempts_of_one_moment_count_as_many() -> None:
    burst = replace(saw(Source.WRITE, BAD)[0], good=40, bad=60)
    assert seen(burst).condition is Condition.DOWN
    assert seen(replace(burst, last=GOOD)).condition is Condition.DEGRADED
    assert seen(replace(burst, good=95, bad=5, last=GOOD)).condition is Condition.UP


# Slowness


def test_a_platform_that_is_slow_half_of_the_time_is_degraded() -> None:
    health = seen(saw(Source.PROBE, *[GOOD] * 6, slow=3))
    assert (health.condition, health.reason) == (Condition.DEGRADED, "unavailable")
    assert health.reasons == ("asking it without posting was slow 3 of 6 times",)
    assert seen(saw(Source.PROBE, *[GOOD] * 6, slow=2)).condition is Condition.UP
    assert seen(saw(Source.PROBE, *[GOOD] * 4, slow=4)).condition is Condition.UP, "of four nobody can say"


def test_slowness_alone_is_never_down_whatever_a_page_says() -> None:
    slow = saw(Source.PROBE, *[GOOD] * 9, slow=9)
    assert seen(slow).condition is Condition.DEGRADED
    assert seen(slow, page(GOOD)).condition is Condition.DEGRADED


# Age, and what a breaker was open for


def test_what_is_old_says_nothing() -> None:
    for source in OWN:
        assert seen(saw(source, BAD, BAD, ago=1_800)).condition is not Condition.UNKNOWN
        assert seen(saw(source, BAD, BAD, ago=1_801)).condition is Condition.UNKNOWN
        assert seen(saw(source, GOOD, ago=1_801)).condition is Condition.UNKNOWN


def test_what_was_seen_before_the_breaker_closed_does_not_count() -> None:
    before = saw(Source.WRITE, BAD, BAD, BAD, ago=60)
    healed = replace(OPEN, changed_at=NOW - 50, healed_at=NOW - 50)
    assert seen(before).condition is Condition.DOWN
    assert seen(before, gate=healed).condition is Condition.UNKNOWN
    assert seen(before, saw(Source.WRITE, GOOD, ago=50), gate=healed).condition is Condition.UP
    assert seen(before, saw(Source.WRITE, BAD), gate=healed).condition is Condition.DEGRADED, "the first one since"


def test_the_rules_may_be_others() -> None:
    rules = Rules(in_a_row=3, fresh_s=60.0)
    assert seen(saw(Source.PROBE, BAD, BAD), rules=rules).condition is Condition.DEGRADED
    assert seen(saw(Source.PROBE, BAD, BAD, BAD), rules=rules).condition is Condition.DOWN
    assert seen(saw(Source.PROBE, BAD, ago=61), rules=rules).condition is Condition.UNKNOWN


# The gate


@pytest.mark.parametrize("answers", [[], [GOOD, GOOD], [BAD, BAD]], ids=["nothing", "good", "bad"])
def test_an_open_breaker_is_down_whatever_was_seen(answers: list[Answer]) -> None:
    health = seen(saw(Source.PROBE, *answers), gate=SHUT)
    assert (health.condition, health.reason, health.since) == (Condition.DOWN, "unavailable", NOW - 60)
    assert health.reasons[0] == "it does not work for us"
    assert len(health.reasons) == 1 + bool(answers)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("unavailable", "it does not work for us"),
        ("uncertain", "it does not answer posts"),
        ("unauthorized", "it refused our login"),
        ("invisible", "its posts stay unseen"),
        ("else", "else"),
    ],
)
def test_why_a_breaker_is_open_is_told_in_words(reason: str, words: str) -> None:
    assert seen(gate=replace(SHUT, reason=reason)).reasons == (words,)


def test_what_a_person_switched_off_is_off_with_their_words_whatever_was_seen() -> None:
    off = replace(OPEN, isolated_until=NOW + 60, isolated_why="they asked for a pause")
    health = seen(saw(Source.PROBE, BAD, BAD), gate=off)
    assert (health.condition, health.reasons) == (
        Condition.ISOLATED,
        ("switched off by a person: they asked for a pause",),
    )
    assert seen(gate=replace(off, isolated_why="")).reasons == ("switched off by a person",)
    assert seen(saw(Source.PROBE, GOOD), gate=replace(off, isolated_until=NOW)).condition is Condition.UP, "until then"


def test_all_channels_are_assessed_each_by_its_own_signals() -> None:
    slots = {"a": saw(Source.PROBE, BAD, BAD), "b": saw(Source.PROBE, GOOD), "c": saw(Source.PROBE, BAD, BAD)}
    found = assess_all([OPEN, replace(OPEN, channel="b"), replace(OPEN, channel="d")], NOW, slots)
    assert {name: health.condition for name, health in found.items()} == {
        "a": Condition.DOWN,
        "b": Condition.UP,
        "d": Condition.UNKNOWN,
    }


# The status page


def test_a_page_that_says_trouble_makes_worse_what_we_found_impaired_ourselves() -> None:
    health = seen(saw(Source.PROBE, GOOD, BAD), page(BAD, detail="Degraded performance"))
    assert (health.condition, health.reason, health.since) == (Condition.DOWN, "unavailable", NOW)
    assert health.reasons[-1] == "its status page says: Degraded performance"
    assert seen(saw(Source.PROBE, GOOD, BAD), page(BAD)).reasons[-1] == "its status page says: trouble"


def test_a_page_that_says_all_is_well_is_named_beside_what_we_saw() -> None:
    health = seen(saw(Source.PROBE, BAD, BAD), page(GOOD))
    assert health.condition is Condition.DOWN
    assert health.reasons[-1] == "its status page says that all is well"
    assert len(seen(saw(Source.PROBE, GOOD), page(GOOD)).reasons) == 1, "nothing to add"


def test_the_last_word_of_a_page_counts_and_an_old_one_does_not() -> None:
    impaired = saw(Source.PROBE, GOOD, BAD)
    assert seen(impaired, page(BAD, ago=300), page(GOOD, ago=20)).condition is Condition.DEGRADED
    assert seen(impaired, page(GOOD, ago=300), page(BAD, ago=20)).condition is Condition.DOWN
    assert seen(impaired, page(BAD, ago=300), page(SILENT, ago=20)).condition is Condition.DEGRADED, "not read"
    assert seen(impaired, page(BAD, ago=1_801)).condition is Condition.DEGRADED


def of_own(answers: Sequence[Answer]) -> st.SearchStrategy[list[Slot]]:
    """Fresh slots of some own sources, in which only these answers come."""
    return st.lists(
        st.builds(
            lambda source, ago, answer, count: Slot(
                source=source,
                at=NOW - ago,
                good=count * (answer is GOOD),
                bad=count * (answer is BAD),
                slow=0,
                silent=count * (answer is SILENT),
                last=answer,
            ),
            st.sampled_from(OWN),
            st.floats(0, 1_800),
            st.sampled_from(answers),
            st.integers(1, 9),
        ),
        max_size=8,
    )


PAGES = st.lists(st.builds(page, st.sampled_from(Answer), st.floats(0, 7_200)), max_size=6)


@given(of_own([GOOD]).filter(bool), PAGES)
def test_with_all_own_signs_good_it_is_up_whatever_the_page_says(own: list[Slot], pages: list[Slot]) -> None:
    assert seen(own, pages).condition is Condition.UP


@given(of_own([GOOD, BAD, SILENT]), st.sampled_from(OWN), PAGES)
def test_with_own_signs_that_it_is_down_it_is_down_whatever_the_page_says(
    own: list[Slot], source: Source, pages: list[Slot]
) -> None:
    down = [replace(each, at=NOW + number) for number, each in enumerate(saw(source, BAD, BAD))]
    health = seen(own, down, pages)
    assert health.condition is Condition.DOWN
    assert not health.reasons[0].startswith("its status page")


@given(PAGES)
def test_of_a_page_alone_nothing_is_known(pages: list[Slot]) -> None:
    health = seen(pages)
    assert (health.condition, health.since, health.reason) == (Condition.UNKNOWN, None, "")


@given(of_own([GOOD, BAD, SILENT]), PAGES)
def test_a_page_only_ever_makes_down_of_degraded(own: list[Slot], pages: list[Slot]) -> None:
    without, health = seen(own), seen(own, pages)
    last = max(pages, key=lambda each: each.at, default=None)
    worse = last is not None and last.last is BAD and last.at >= NOW - 1_800 and without.condition is Condition.DEGRADED
    assert health.condition is (Condition.DOWN if worse else without.condition)
    assert (health.since, health.reason) == (without.since, without.reason)
    assert health.reasons[: len(without.reasons)] == without.reasons


@given(of_own([GOOD, BAD, SILENT]), PAGES, st.floats(0, 3_600))
def test_what_came_before_the_healing_changes_nothing(own: list[Slot], pages: list[Slot], ago: float) -> None:
    healed = replace(OPEN, healed_at=NOW - ago)
    since = [each for each in (*own, *pages) if each.at >= NOW - ago]
    assert seen(own, pages, gate=healed) == seen(since, gate=healed) == seen(since)
