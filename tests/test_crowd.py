"""What the numbers of contacts amount to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surecast.crowd import Family, Member, Roll, Spent, Takes, Tally, channel_bits, spent_by, unavailable
from surecast.outcome import Outcome, Reason, Verdict
from tests.stories import crowd, direct, roll, sms, terms

LETTERS, TEXTS = direct("letters"), sms()


def family(first: Member, *others: Member, riders: Roll, over: bool = False) -> Family:
    return Family(members=(first, *others), roll=riders, over=over)


def letters(**numbers: object) -> Member:
    return Member(terms=LETTERS, crowd=crowd(**numbers), bit=1)  # type: ignore[arg-type]


def texts(*, takes: Takes = Takes.ALL, waits: bool = False, **numbers: object) -> Member:
    return Member(terms=TEXTS, crowd=crowd(**numbers), bit=2, takes=takes, waits=waits)  # type: ignore[arg-type]


# Outcomes


@pytest.mark.parametrize(
    ("outcome", "is_down", "spent"),
    [
        (Outcome(verdict=Verdict.UNAVAILABLE), True, Spent.UNAVAILABLE),
        (Outcome(verdict=Verdict.THROTTLED), True, Spent.UNAVAILABLE),
        (Outcome(verdict=Verdict.UNCERTAIN), True, Spent.UNAVAILABLE),
        (Outcome(verdict=Verdict.REFUSED), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.UNAUTHORIZED), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.INVISIBLE), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.OURS), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.SKIPPED, reason=Reason.SPARED), True, Spent.UNAVAILABLE),
        (Outcome(verdict=Verdict.SKIPPED, reason=Reason.BREAKER_OPEN), False, Spent.UNAVAILABLE),
        (Outcome(verdict=Verdict.SKIPPED, reason=Reason.CREDENTIALS), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED), False, Spent.REFUSED),
        (Outcome(verdict=Verdict.SKIPPED, reason=Reason.ISOLATED), False, Spent.REFUSED),
    ],
)
def test_what_an_outcome_says_of_the_channel(outcome: Outcome, is_down: bool, spent: Spent) -> None:
    assert (unavailable(outcome), spent_by(outcome)) == (is_down, spent)


# Numbers


def test_a_tally_adds_up() -> None:
    tally = Tally(
        queued=1, sending=2, retrying=3, held=4, reached=5, unsure=6, missed=7, suppressed=8, skipped=9, late=2
    )
    assert (tally.open, tally.planned, tally.in_turn) == (10, 45, 4)


def test_channels_over_an_audience_have_bits_in_the_order_of_the_route() -> None:
    some = {"a": direct("a"), "b": terms("b"), "c": sms("c"), "d": direct("d", audience="others")}
    assert channel_bits(some, "riders") == {"a": 1, "c": 2}


def test_a_roll_counts_whom_a_set_of_channels_can_reach() -> None:
    some = roll(_1=10, _2=20, _3=30)
    assert (some.reachable(1), some.reachable(2), some.reachable(3)) == (40, 50, 60)
    assert some.only_without(2, 1) == 20


def test_people_who_want_nothing_and_shared_addresses_are_not_asked_for() -> None:
    some = family(letters(reached=90, suppressed=6, duplicates=4), riders=roll(_1=100))
    assert (some.reachable, some.reached, some.surely()) == (90, 90, True)


def test_who_is_left_out_twice_does_not_make_more_reached_than_there_are() -> None:
    some = family(letters(reached=1, duplicates=1), texts(duplicates=1), riders=roll(_3=2))
    assert some.reachable == 1


# One channel


@pytest.mark.parametrize(
    ("numbers", "surely", "hopefully", "charitably"),
    [
        ({"reached": 95, "missed": 5}, True, True, True),
        ({"reached": 94, "missed": 6}, False, False, False),
        ({"reached": 94, "queued": 1, "missed": 5}, False, True, True),
        ({"reached": 99, "sending": 1}, False, True, True),  # nobody is judged while somebody is on the way
        ({"reached": 94, "held": 1, "missed": 5}, False, True, True),
        ({"reached": 95, "held": 5}, True, True, True),
        ({"reached": 94, "unsure": 1, "missed": 5}, False, False, True),
        ({"reached": 93, "unsure": 1, "missed": 6}, False, False, False),
        ({"reached": 90, "retrying": 10, "late": 10}, False, False, False),
        ({"reached": 90, "retrying": 10, "late": 4}, False, True, True),
        ({"queued": 100, "spent": Spent.UNAVAILABLE}, False, False, False),
        ({"queued": 100, "closed": True}, False, False, False),
        ({"queued": 100, "covered": False}, False, True, True),
        ({"covered": False, "spent": Spent.REFUSED}, False, False, False),
    ],
)
def test_three_readings(numbers: dict[str, object], surely: bool, hopefully: bool, charitably: bool) -> None:
    some = family(letters(**numbers), riders=roll(_1=100))
    assert (some.surely(), some.hopefully(), some.charitably()) == (surely, hopefully, charitably)


def test_waiting_is_over_with_the_announcement() -> None:
    numbers = {"reached": 95, "queued": 3, "held": 2}
    assert not family(letters(**numbers), riders=roll(_1=100)).surely()
    assert family(letters(**numbers), riders=roll(_1=100), over=True).surely()
    left = {"reached": 5, "queued": 90, "held": 5}
    assert not family(letters(**left), riders=roll(_1=100), over=True).charitably()
    assert family(letters(reached=5, sending=95), riders=roll(_1=100), over=True).charitably()


def test_an_audience_that_was_not_read_to_its_end_is_never_reached() -> None:
    some = family(letters(reached=100), riders=roll(_1=100, complete=False))
    assert (some.surely(), some.hopefully()) == (False, True)
    assert not replace(some, over=True).charitably()


def test_an_audience_of_nobody_is_missed() -> None:
    some = family(letters(closed=True), riders=roll())
    assert (some.surely(), some.hopefully(), some.charitably()) == (False, False, False)


def test_a_channel_whose_turn_has_not_come_is_hoped_for_and_one_that_never_opens_is_not() -> None:
    waiting = Member(terms=LETTERS)
    assert family(waiting, riders=Roll()).hopefully()
    assert not family(replace(waiting, hopeless=True), riders=Roll()).hopefully()


def test_a_share_that_is_no_whole_number_is_not_missed_by_rounding() -> None:
    some = Family(
        members=(Member(terms=replace(LETTERS, enough=0.55), crowd=crowd(reached=55, missed=45)),), roll=roll(_1=100)
    )
    assert some.surely()


def test_what_is_on_its_way_late_may_still_reach() -> None:
    some = family(letters(reached=90, sending=10, late=10), riders=roll(_1=100))
    assert (some.hopefully(), some.on_its_way()) == (False, True)
    assert family(letters(sending=100, spent=Spent.UNAVAILABLE), riders=roll(_1=100)).on_its_way()
    assert not replace(some, over=True).on_its_way()


# Several


def test_contacts_reached_by_any_alternative_count() -> None:
    some = family(letters(reached=60, missed=40), texts(reached=36), riders=roll(_3=100))
    assert (some.reached, some.surely(), some.as_intended()) == (96, True, False)


def test_contacts_whom_the_first_cannot_reach_anyway_are_not_rerouted() -> None:
    assert family(letters(reached=60), texts(reached=40), riders=roll(_1=60, _2=40)).as_intended()
    assert not family(letters(reached=50, missed=10), texts(reached=50), riders=roll(_1=20, _2=40, _3=40)).as_intended()


def test_contacts_that_wait_to_be_handed_on_are_hoped_for() -> None:
    some = family(letters(reached=90, missed=10, unrouted=10), texts(), riders=roll(_3=100))
    assert (some.surely(), some.hopefully(), some.on_the_move) == (False, True, True)


@pytest.mark.parametrize(
    "behind",
    [
        texts(takes=Takes.NOTHING),
        texts(closed=True),
        replace(texts(), hopeless=True),
        Member(terms=TEXTS, bit=2, takes=Takes.NOTHING),
    ],
)
def test_contacts_whom_nobody_takes_over_are_not_hoped_for(behind: Member) -> None:
    some = family(letters(reached=90, missed=10, unrouted=10), behind, riders=roll(_3=100))
    assert (some.hopefully(), some.on_the_move) == (False, False)


def test_spent_deliveries_of_the_last_alternative_are_handed_to_nobody() -> None:
    some = family(letters(reached=95), texts(missed=5, unrouted=5), riders=roll(_3=100))
    assert (some.on_the_move, some.surely()) == (False, True)


def test_money_that_will_be_spent_is_hope_but_keeps_nobody_waiting() -> None:
    later = texts(takes=Takes.NOTHING, waits=True)
    some = family(letters(reached=90, retrying=10, late=10, unrouted=10), later, riders=roll(_3=100))
    assert (some.hopefully(), some.on_the_move) == (True, False)
    few = family(letters(reached=99, retrying=1, late=1, unrouted=1), later, riders=roll(_3=100))
    assert few.surely()


def test_an_alternative_is_called_by_what_is_left_and_by_whom_only_it_can_reach() -> None:
    behind = Member(terms=TEXTS, bit=2)
    assert not family(letters(queued=100), behind, riders=roll(_3=100)).called(1)
    assert family(letters(queued=99, unrouted=1), behind, riders=roll(_3=100)).called(1)
    assert family(letters(queued=99), behind, riders=roll(_1=99, _2=1)).called(1)
    assert family(letters(spent=Spent.UNAVAILABLE), behind, riders=roll(_3=100)).called(1)


@pytest.mark.parametrize(
    ("numbers", "settled"),
    [
        ({"reached": 90, "missed": 10}, True),
        ({"queued": 1}, False),
        ({"held": 1}, False),
        ({"covered": False}, False),
        ({"queued": 100, "spent": Spent.UNAVAILABLE}, True),
    ],
)
def test_nobody_new_is_left_once_nobody_in_front_is_in_turn(numbers: dict[str, object], settled: bool) -> None:
    some = family(letters(**numbers), Member(terms=TEXTS, bit=2), riders=roll(_3=100))
    assert some.settled_before(1) is settled


@pytest.mark.parametrize(("when_unsure", "holds"), [("hold", True), ("reroute", False)])
def test_only_a_doubt_that_holds_keeps_another_audience_waiting(when_unsure: str, holds: bool) -> None:
    first = replace(letters(reached=90, unsure=10), terms=direct("letters", when_unsure=when_unsure))
    assert family(first, riders=roll(_1=100)).holding() is holds
    assert not family(replace(first, crowd=crowd(missed=100)), riders=roll(_1=100)).holding()
