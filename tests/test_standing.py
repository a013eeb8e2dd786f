"""What the facts of one channel amount to, and which step comes next."""

from __future__ import annotations

import pytest

from surecast.history import Action, Fact, Order
from surecast.outcome import Reason, Sighting, Verdict
from surecast.standing import LATE_READS, Standing, Step, next_step, owed, stand, surely
from tests.stories import START, began, ended, invisible, looked, ordered, terms, turn

BY_LOOKING = terms("a", resend="after_lookup")
NEVER_AGAIN = terms("a", resend="never", finds=False)
SEEN_IN_PUBLIC = terms("a", confirm="visible", confirms=True, visible_within_s=30.0)


def step(standing: Standing, *, over: bool = False) -> Step | None:
    return next_step(standing, over=over)


def unsure(at: float = START + 5, **own: object) -> tuple[Fact, ...]:
    return turn("a"), began("a", START), ended("a", at, Verdict.UNCERTAIN, not_before=at + 2)


# The next step


def test_nothing_is_done_before_the_turn_opens() -> None:
    assert step(stand(terms("a"), ())) is None


def test_an_opened_channel_publishes_at_once() -> None:
    assert step(stand(terms("a"), [turn("a")])) == Step(action=Action.PUBLISH, at=START)


def test_nothing_is_done_while_an_attempt_is_on_its_way() -> None:
    assert step(stand(terms("a"), [turn("a"), began("a", START)])) is None


def test_a_failure_is_retried_after_its_wait() -> None:
    facts = [turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAVAILABLE, not_before=START + 3)]
    assert step(stand(terms("a"), facts)) == Step(action=Action.PUBLISH, at=START + 3)


def test_an_attempt_in_doubt_is_sent_again_under_the_same_key() -> None:
    assert step(stand(terms("a"), unsure())) == Step(action=Action.PUBLISH, at=START + 7)


def test_an_attempt_in_doubt_is_looked_up_first_without_a_key() -> None:
    assert step(stand(BY_LOOKING, unsure())) == Step(action=Action.FIND, at=START + 5)


def test_a_cancelled_channel_in_doubt_is_only_looked_up_even_with_a_key() -> None:
    standing = stand(terms("a"), [*unsure(), ordered("a", START + 6, Order.CANCEL)])
    assert step(standing) == Step(action=Action.FIND, at=START + 5)


def test_an_attempt_in_doubt_without_key_or_look_up_waits_for_a_person() -> None:
    assert step(stand(NEVER_AGAIN, unsure())) is None


def test_the_second_look_up_comes_after_the_platform_had_time_to_settle() -> None:
    standing = stand(BY_LOOKING, [*unsure(), looked("a", START + 6, Sighting.UNSEEN)])
    assert step(standing) == Step(action=Action.FIND, at=START + 15)


def test_after_two_look_ups_that_did_not_find_it_it_is_sent_again() -> None:
    facts = [*unsure(), looked("a", START + 6, Sighting.UNSEEN), looked("a", START + 15, Sighting.UNSEEN)]
    assert step(stand(BY_LOOKING, facts)) == Step(action=Action.PUBLISH, at=START + 7)


def test_two_look_ups_too_early_do_not_prove_an_absence() -> None:
    facts = [*unsure(), looked("a", START + 6, Sighting.UNSEEN), looked("a", START + 7, Sighting.UNSEEN)]
    assert step(stand(BY_LOOKING, facts)) == Step(action=Action.FIND, at=START + 15)


def test_a_look_up_without_an_answer_is_repeated_after_a_pause() -> None:
    standing = stand(BY_LOOKING, [*unsure(), looked("a", START + 6, Sighting.UNKNOWN)])
    assert step(standing) == Step(action=Action.FIND, at=START + 7)


def test_a_look_up_that_finds_the_post_settles_it() -> None:
    standing = stand(BY_LOOKING, [*unsure(), looked("a", START + 6, Sighting.SEEN)])
    assert (surely(standing), step(standing), owed(standing)) == (True, None, False)


def test_a_new_doubt_needs_two_look_ups_of_its_own() -> None:
    facts = [
        *unsure(),
        looked("a", START + 6, Sighting.UNSEEN),
        looked("a", START + 15, Sighting.UNSEEN),
        began("a", START + 16, 2),
        ended("a", START + 17, Verdict.UNCERTAIN, 2, not_before=START + 18),
    ]
    assert step(stand(BY_LOOKING, facts)) == Step(action=Action.FIND, at=START + 17)


def test_a_look_up_without_a_doubt_changes_nothing() -> None:
    standing = stand(BY_LOOKING, [turn("a"), looked("a", START + 1, Sighting.UNSEEN)])
    assert step(standing) == Step(action=Action.PUBLISH, at=START)


def test_nothing_is_sent_once_the_announcement_is_over() -> None:
    assert step(stand(terms("a"), [turn("a")]), over=True) is None


@pytest.mark.parametrize("order", [Order.THERE, Order.NOT_THERE])
def test_a_persons_word_ends_the_doubt(order: Order) -> None:
    standing = stand(NEVER_AGAIN, [*unsure(), ordered("a", START + 50, order)])
    assert surely(standing) is (order is Order.THERE)
    expected = None if order is Order.THERE else Step(action=Action.PUBLISH, at=START + 50)
    assert step(standing) == expected


def test_an_acceptance_told_twice_keeps_its_first_moment() -> None:
    again = ended("a", START + 9, Verdict.ACCEPTED)
    assert stand(terms("a"), [*ACCEPTED, again]).accepted_at == START + 1


# Turns


def test_a_refused_post_in_doubt_is_looked_up_and_never_sent_again() -> None:
    facts = [*unsure(), began("a", START + 7, 2), ended("a", START + 8, Verdict.REFUSED, 2)]
    assert step(stand(terms("a"), facts)) == Step(action=Action.FIND, at=START + 5)


def test_a_crash_starts_the_turn_again() -> None:
    facts = [
        turn("a"),
        began("a", START),
        ended("a", START + 900, Verdict.UNCERTAIN, reason=Reason.CRASHED),
        began("a", START + 901, 2),
    ]
    standing = stand(terms("a"), facts)
    assert standing.turn_ends_at == START + 961
    assert not standing.turn_over(START + 950)


def test_the_word_of_an_attempt_that_another_one_has_overtaken_changes_nothing() -> None:
    facts = [
        turn("a"),
        began("a", START),
        ended("a", START + 20, Verdict.UNCERTAIN, reason=Reason.CRASHED),
        began("a", START + 21, 2),
        ended("a", START + 22, Verdict.ACCEPTED, 2),
        ended("a", START + 23, Verdict.UNCERTAIN, 1),
    ]
    standing = stand(BY_LOOKING, facts)
    assert surely(standing)
    assert step(standing) is None


def test_a_channel_that_fails_before_any_network_step_has_its_turn_from_then_on() -> None:
    skipped = ended("a", START + 5, Verdict.UNAVAILABLE, action=Action.PREPARE, not_before=START + 6)
    assert stand(terms("a"), [turn("a"), skipped]).turn_ends_at == START + 65


def test_a_crash_after_a_failure_does_not_start_the_turn_again() -> None:
    facts = [
        turn("a"),
        began("a", START),
        ended("a", START + 1, Verdict.UNAVAILABLE),
        began("a", START + 2, 2),
        ended("a", START + 900, Verdict.UNCERTAIN, 2, reason=Reason.CRASHED),
    ]
    assert stand(terms("a"), facts).turn_over(START + 900)


def test_a_turn_opened_twice_counts_once() -> None:
    assert stand(terms("a"), [turn("a"), turn("a", START + 9)]).turn_at == START


def test_a_crashed_attempt_that_speaks_after_all_settles_its_own_doubt() -> None:
    facts = [
        turn("a"),
        began("a", START),
        ended("a", START + 20, Verdict.UNCERTAIN, reason=Reason.CRASHED),
        ended("a", START + 21, Verdict.UNAVAILABLE),
    ]
    standing = stand(BY_LOOKING, facts)
    assert step(standing) == Step(action=Action.PUBLISH, at=START)
    accepted = stand(BY_LOOKING, [*facts[:3], ended("a", START + 21, Verdict.ACCEPTED)])
    assert surely(accepted)


def test_what_a_shut_gate_turned_away_stays_owed_and_asks_the_gate_again_whenever_it_is_looked_at() -> None:
    skip = ended("a", START, Verdict.SKIPPED, reason=Reason.BREAKER_OPEN, not_before=START + 30)
    standing = stand(terms("a"), [turn("a"), skip])
    assert standing.turn_over(START)
    assert owed(standing)
    assert step(standing) == Step(action=Action.PUBLISH, at=START)


def test_a_skip_for_another_reason_that_passes_waits_for_its_moment() -> None:
    skip = ended("a", START, Verdict.SKIPPED, reason=Reason.MISCONFIGURED, not_before=START + 30)
    assert step(stand(terms("a"), [turn("a"), skip])) == Step(action=Action.PUBLISH, at=START + 30)


@pytest.mark.parametrize("reason", [Reason.CANNOT_BE_FITTED, Reason.EXPIRED, Reason.CANCELLED])
def test_a_skip_for_good_is_not_owed(reason: Reason) -> None:
    standing = stand(terms("a"), [turn("a"), ended("a", START, Verdict.SKIPPED, reason=reason)])
    assert not owed(standing)
    assert step(standing) is None


def test_a_failed_preparation_counts_as_an_attempt_and_a_good_one_does_not() -> None:
    good = Fact(seq=0, channel="a", kind=began("a", 0).kind.ENDED, at=START, action=Action.PREPARE, attempt=1)
    prepared = stand(terms("a"), [turn("a"), began("a", START, 1, Action.PREPARE), good])
    assert (prepared.attempts, prepared.failures) == (0, 0)
    failed = stand(
        terms("a"),
        [
            turn("a"),
            began("a", START, 1, Action.PREPARE),
            ended("a", START + 1, Verdict.UNAVAILABLE, action=Action.PREPARE),
        ],
    )
    assert (failed.attempts, failed.failures) == (1, 1)


def test_a_retraction_says_nothing_about_the_attempts() -> None:
    facts = [turn("a"), began("a", START, 1, Action.RETRACT), ended("a", START, Verdict.REFUSED, action=Action.RETRACT)]
    assert stand(terms("a"), facts).failures == 0


# Reading back

ACCEPTED = (turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED))


def test_an_accepted_post_is_read_back_soon_then_less_often_and_once_more_at_the_end() -> None:
    facts: list[Fact] = list(ACCEPTED)
    moments = []
    while (read := step(stand(SEEN_IN_PUBLIC, facts))) is not None and read.at <= START + 31:
        moments.append(round(read.at - START - 1, 1))
        facts.append(looked("a", read.at, Sighting.UNSEEN, Action.CONFIRM))
        if read.at == START + 31:
            break
    assert moments == [0.2, 0.6, 1.4, 2.9, 5.9, 10.9, 20.9, 30.0]


def test_a_read_back_that_overslept_is_taken_soon() -> None:
    late = looked("a", START + 40, Sighting.UNSEEN, Action.CONFIRM)
    read = step(stand(SEEN_IN_PUBLIC, [*ACCEPTED, late]))
    assert read == Step(action=Action.CONFIRM, at=START + 40.4)


def test_a_post_seen_in_public_is_not_read_again() -> None:
    standing = stand(SEEN_IN_PUBLIC, [*ACCEPTED, looked("a", START + 2, Sighting.SEEN, Action.CONFIRM)])
    assert step(standing) is None
    assert surely(standing)


def test_a_read_side_that_never_answers_is_no_information_and_acceptance_counts() -> None:
    reads = [looked("a", START + at, Sighting.UNKNOWN, Action.CONFIRM) for at in (1.2, 1.6, 2.4)]
    assert not surely(stand(SEEN_IN_PUBLIC, [*ACCEPTED, *reads]))
    reads.append(looked("a", START + 3.9, Sighting.UNKNOWN, Action.CONFIRM))
    standing = stand(SEEN_IN_PUBLIC, [*ACCEPTED, *reads])
    assert surely(standing)
    assert step(standing) == Step(action=Action.CONFIRM, at=START + 18.9)


def test_an_answer_in_between_is_information() -> None:
    reads = [
        looked("a", START + 1.2, Sighting.UNKNOWN, Action.CONFIRM),
        looked("a", START + 1.6, Sighting.UNSEEN, Action.CONFIRM),
        looked("a", START + 4.0, Sighting.UNKNOWN, Action.CONFIRM),
        looked("a", START + 6.1, Sighting.UNKNOWN, Action.CONFIRM),
    ]
    assert not surely(stand(SEEN_IN_PUBLIC, [*ACCEPTED, *reads]))


def test_an_invisible_post_is_read_again_for_longer_than_a_long_outage_and_may_turn_visible() -> None:
    facts: list[Fact] = [*ACCEPTED, invisible("a", START + 31)]
    pauses = []
    while (read := step(stand(SEEN_IN_PUBLIC, facts))) is not None:
        pauses.append(read.at - facts[-1].at)
        facts.append(looked("a", read.at, Sighting.UNKNOWN, Action.CONFIRM))
    assert pauses == [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, *[1_200.0] * (LATE_READS - 6)]
    assert sum(pauses) > 8 * 3_600
    seen = stand(
        SEEN_IN_PUBLIC, [*ACCEPTED, invisible("a", START + 31), looked("a", START + 91, Sighting.SEEN, Action.CONFIRM)]
    )
    assert surely(seen)


def test_nothing_is_read_back_where_acceptance_counts() -> None:
    assert step(stand(terms("a"), ACCEPTED)) is None


# Since when it fails


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNCERTAIN])
def test_the_first_failure_of_a_channel_that_is_not_available_is_remembered(verdict: Verdict) -> None:
    first = [turn("a"), began("a", START), ended("a", START + 1, verdict)]
    again = [*first, began("a", START + 2, 2), ended("a", START + 3, Verdict.UNAVAILABLE, 2)]
    standing = stand(terms("a"), again)
    assert (standing.failing_at, standing.failed_at) == (START + 1, START + 1)


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.UNAUTHORIZED])
def test_a_platform_that_answers_is_available_whatever_it_says(verdict: Verdict) -> None:
    first = [turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAVAILABLE)]
    standing = stand(terms("a"), [*first, began("a", START + 2, 2), ended("a", START + 3, verdict, 2)])
    assert (standing.failing_at, standing.failed_at) == (None, START + 1)


def test_a_turn_away_at_our_own_gate_says_nothing_new() -> None:
    skipped = ended("a", START + 3, Verdict.SKIPPED, 2, reason=Reason.BREAKER_OPEN)
    assert stand(terms("a"), [turn("a"), skipped]).failing_at is None
    first = [turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAVAILABLE)]
    assert stand(terms("a"), [*first, skipped]).failing_at == START + 1


def test_a_post_that_nobody_sees_failed_and_the_channel_is_available() -> None:
    accepted = [turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED)]
    standing = stand(SEEN_IN_PUBLIC, [*accepted, invisible("a", START + 40)])
    assert (standing.failing_at, standing.failed_at) == (None, START + 40)


# This machine has no network


def test_while_this_machine_is_cut_off_no_turn_runs_and_nothing_counts_as_a_failure() -> None:
    cut = ended("a", START + 1, Verdict.UNAVAILABLE, reason=Reason.NO_NETWORK, not_before=START + 9)
    standing = stand(BY_LOOKING, [turn("a"), began("a", START), cut])
    assert standing.cut_off
    assert (standing.failures, standing.failed_at, standing.turn_ends_at) == (0, None, None)
    assert not standing.turn_over(START + 10_000)
    assert step(standing) == Step(action=Action.PUBLISH, at=START + 9)


def test_the_turn_begins_anew_when_this_machine_is_back() -> None:
    cut = ended("a", START + 1, Verdict.UNAVAILABLE, reason=Reason.NO_NETWORK, not_before=START + 9)
    standing = stand(BY_LOOKING, [turn("a"), began("a", START), cut, began("a", START + 500, 2)])
    assert not standing.cut_off
    assert standing.turn_ends_at == START + 500 + BY_LOOKING.within_s
