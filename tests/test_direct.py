"""What an attempt means for the delivery to one contact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from surecast.channel import Terms
from surecast.crowd import Mark, Spent
from surecast.direct import (
    LOOK_PAUSES_S,
    Ticket,
    ahead_of,
    attempted,
    began,
    families,
    family_of,
    looked,
    to_do,
    unsent,
)
from surecast.outcome import Look, Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.route import Together
from tests.stories import START, direct, plan, sms

LETTERS = direct("letters")
LOOKED_UP = direct("texts", resend="after_lookup", finds=True)
SAME_KEY = direct("chats", resend="same_key", finds=True)


def fresh(**own: Any) -> Ticket:
    return replace(Ticket(id=1, batch=1, recipient=1, key="k", address="ada@ferries.example"), **own)


def trying(**own: Any) -> Ticket:
    return began(fresh(**own), START)


def then(verdict: Verdict, terms: Terms = LETTERS, ticket: Ticket | None = None, at: float = 1.0, **own: Any) -> Ticket:
    return attempted(ticket or trying(), Outcome(verdict=verdict, **own), terms, START + at)


# Beginnings


def test_the_turn_of_a_contact_runs_from_its_own_first_attempt() -> None:
    waiting = fresh()
    assert (waiting.turn_ends_at(LETTERS), to_do(waiting, LETTERS)) == (None, "publish")
    first = began(waiting, START)
    assert (first.mark, first.attempts, first.turn_ends_at(LETTERS)) == (Mark.SENDING, 1, START + 60)
    assert to_do(first, LETTERS) == ""
    again = began(replace(first, mark=Mark.RETRYING), START + 20)
    assert (again.attempts, again.turn_ends_at(LETTERS)) == (2, START + 60)


def test_what_was_committed_to_and_not_made_leaves_no_trace() -> None:
    assert unsent(trying()) == fresh()
    second = began(replace(trying(), mark=Mark.RETRYING, failures=1), START + 9)
    assert unsent(second) == replace(second, mark=Mark.RETRYING, attempts=1)
    doubt = replace(trying(), mark=Mark.UNSURE)
    assert unsent(doubt) is doubt


def test_no_word_of_it_shows_the_address() -> None:
    assert "ada" not in repr(fresh(name="Ada"))


# Ends


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.CONFIRMED])
def test_accepted_is_reached_whatever_was_before(verdict: Verdict) -> None:
    late = trying(spent=Spent.UNAVAILABLE, failures=3, reason="timed_out")
    end = then(verdict, ticket=late, receipt=Receipt(id="sm1"))
    assert (end.mark, end.spent, end.remote, end.reason) == (Mark.REACHED, Spent.NO, "sm1", "")
    assert (then(verdict).remote, end.turn_ends_at(LETTERS), to_do(end, LETTERS)) == (None, None, "")


@pytest.mark.parametrize("verdict", [Verdict.UNAVAILABLE, Verdict.THROTTLED])
def test_a_passing_failure_is_tried_again_in_the_turn(verdict: Verdict) -> None:
    end = then(verdict, reason=Reason.TIMED_OUT)
    assert (end.mark, end.spent, end.failures, end.reason) == (Mark.RETRYING, Spent.NO, 1, "timed_out")
    assert START + 1 <= end.not_before <= START + 2
    assert (to_do(end, LETTERS), end.turn_ends_at(LETTERS)) == ("publish", START + 60)


def test_three_failures_spend_the_contact_and_it_is_still_tried() -> None:
    end = then(Verdict.UNAVAILABLE, ticket=trying(failures=2))
    assert (end.mark, end.spent, end.failures, to_do(end, LETTERS)) == (Mark.RETRYING, Spent.UNAVAILABLE, 3, "publish")
    assert end.turn_ends_at(LETTERS) is None


@pytest.mark.parametrize(("asked", "spent"), [(30.0, Spent.NO), (70.0, Spent.UNAVAILABLE)])
def test_a_wait_that_the_platform_asked_for_is_kept_and_spends_the_turn_when_it_ends_after_it(
    asked: float, spent: Spent
) -> None:
    end = then(Verdict.THROTTLED, retry_after_s=asked)
    assert end.spent is spent
    assert START + 1 + asked <= end.not_before <= START + 2 + asked


def test_a_failure_after_the_end_of_the_turn_spends_it() -> None:
    assert then(Verdict.UNAVAILABLE, at=61.0).spent is Spent.UNAVAILABLE


def test_a_fault_of_our_own_is_never_the_channel_being_down() -> None:
    assert then(Verdict.UNAVAILABLE, ticket=trying(failures=2), reason=Reason.OURS).spent is Spent.REFUSED


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(verdict=Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.OPTED_OUT),
        Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT, reason=Reason.TEXT_REFUSED),
        Outcome(verdict=Verdict.REFUSED),
        Outcome(verdict=Verdict.INVISIBLE, reason=Reason.UNDELIVERED),
        Outcome(verdict=Verdict.UNAUTHORIZED, scope=Scope.RECIPIENT),
        Outcome(verdict=Verdict.SKIPPED, scope=Scope.RECIPIENT, reason=Reason.CANNOT_BE_FITTED),
        Outcome(verdict=Verdict.SKIPPED, scope=Scope.RECIPIENT, reason=Reason.MISCONFIGURED),
    ],
)
def test_what_is_refused_is_missed_for_good_and_handed_on(outcome: Outcome) -> None:
    end = attempted(trying(), outcome, LETTERS, START + 1)
    assert (end.mark, end.spent, to_do(end, LETTERS)) == (Mark.MISSED, Spent.REFUSED, "")
    assert end.reason == (outcome.reason.value or outcome.verdict.value)


def test_a_refused_login_is_handed_on_and_goes_again_as_soon_as_the_gate_opens() -> None:
    end = then(Verdict.UNAUTHORIZED)
    assert (end.mark, end.spent, end.failures, end.not_before) == (Mark.RETRYING, Spent.REFUSED, 0, START + 1)


def test_a_channel_that_cannot_be_used_as_configured_is_left_alone_for_a_while() -> None:
    end = then(Verdict.SKIPPED, reason=Reason.MISCONFIGURED)
    assert (end.mark, end.spent, end.not_before) == (Mark.RETRYING, Spent.REFUSED, START + 1 + MISCONFIGURED_PAUSE_S)


# Doubt


def test_a_doubt_that_holds_is_handed_to_nobody() -> None:
    end = then(Verdict.UNCERTAIN, ticket=trying(failures=2), at=99.0, reason=Reason.TIMED_OUT)
    assert (end.mark, end.spent, end.ended_at, end.turn_ends_at(LETTERS)) == (Mark.UNSURE, Spent.NO, START + 99, None)
    assert to_do(end, LETTERS) == ""


def test_a_doubt_that_may_reroute_does_so_when_the_turn_is_over() -> None:
    rerouting = direct("letters", when_unsure="reroute")
    end = then(Verdict.UNCERTAIN, rerouting)
    assert (end.spent, end.turn_ends_at(rerouting)) == (Spent.NO, START + 60)
    assert then(Verdict.UNCERTAIN, rerouting, at=61.0).spent is Spent.UNAVAILABLE


def test_what_can_be_looked_up_is_looked_up_at_once() -> None:
    end = then(Verdict.UNCERTAIN, LOOKED_UP)
    assert (to_do(end, LOOKED_UP), end.not_before) == ("find", START + 1)


def test_what_can_be_sent_again_under_its_key_is_sent_after_a_pause() -> None:
    end = then(Verdict.UNCERTAIN, SAME_KEY, ticket=trying(failures=4))
    assert to_do(end, SAME_KEY) == "publish"
    assert end.not_before > START + 1


def look(sighting: Sighting) -> Look:
    return Look(sighting=sighting, receipt=Receipt(id="sm1") if sighting is Sighting.SEEN else None)


def test_found_is_reached() -> None:
    doubt = then(Verdict.UNCERTAIN, LOOKED_UP)
    end = looked(doubt, look(Sighting.SEEN), LOOKED_UP, START + 2)
    assert (end.mark, end.remote) == (Mark.REACHED, "sm1")
    assert looked(doubt, Look(sighting=Sighting.SEEN), LOOKED_UP, START + 2).remote is None


def test_absence_counts_after_two_looks_of_which_the_last_came_late_enough() -> None:
    doubt = then(Verdict.UNCERTAIN, LOOKED_UP)
    once = looked(doubt, look(Sighting.UNSEEN), LOOKED_UP, START + 1.2)
    assert (once.mark, once.looks, once.not_before) == (Mark.UNSURE, 1, START + 11)
    early = looked(once, look(Sighting.UNSEEN), LOOKED_UP, START + 10.9)
    assert (early.mark, early.looks, early.not_before) == (Mark.UNSURE, 2, START + 11.9)
    gone = looked(once, look(Sighting.UNSEEN), LOOKED_UP, START + 11)
    assert (gone.mark, gone.looks, gone.ended_at, to_do(gone, LOOKED_UP)) == (Mark.RETRYING, 0, None, "publish")


def test_a_doubt_without_a_time_settles_from_now_on() -> None:
    orphan = fresh(mark=Mark.UNSURE, looks=1)
    assert looked(orphan, look(Sighting.UNSEEN), LOOKED_UP, START).not_before == START + 10


def test_looks_that_are_not_answered_are_spaced_and_count_for_nothing() -> None:
    ticket = then(Verdict.UNCERTAIN, LOOKED_UP)
    for pause in (*LOOK_PAUSES_S, LOOK_PAUSES_S[-1]):
        ticket = looked(ticket, look(Sighting.UNKNOWN), LOOKED_UP, START)
        assert (ticket.mark, ticket.not_before) == (Mark.UNSURE, START + pause)
    ticket = looked(ticket, look(Sighting.UNSEEN), LOOKED_UP, START + 60)
    assert (ticket.mark, ticket.looks) == (Mark.UNSURE, 1)


# Rules for every story

OUTCOMES = st.builds(
    Outcome,
    verdict=st.sampled_from(Verdict),
    scope=st.sampled_from(Scope),
    reason=st.sampled_from(Reason),
    retry_after_s=st.none() | st.floats(0, 10_000),
)


@given(
    outcomes=st.lists(OUTCOMES | st.sampled_from(Sighting), min_size=1, max_size=12),
    terms=st.sampled_from((LETTERS, LOOKED_UP, SAME_KEY, direct("d", when_unsure="reroute"))),
)
def test_no_story_of_a_contact_goes_round_without_a_pause_or_is_spent_and_in_its_turn(
    outcomes: list[Outcome | Sighting], terms: Terms
) -> None:
    ticket, now = fresh(), START
    for told in outcomes:
        if to_do(ticket, terms) == "publish" and isinstance(told, Outcome):
            ticket = attempted(began(ticket, now), told, terms, now + 0.5)
        elif to_do(ticket, terms) == "find" and isinstance(told, Sighting):
            ticket = looked(ticket, look(told), terms, now + 0.5)
        else:
            continue
        now += 0.5
        passes = isinstance(told, Outcome) and told.verdict in {Verdict.UNAUTHORIZED, Verdict.UNCERTAIN}
        if to_do(ticket, terms) == "publish" and isinstance(told, Outcome) and not passes:
            assert ticket.not_before >= now
            assert ticket.failures > 0 or ticket.not_before > now
        assert ticket.turn_ends_at(terms) is None or not ticket.spent
        assert ticket.mark is not Mark.REACHED or not ticket.spent
        assert ticket.mark is not Mark.UNSURE or ticket.ended_at is not None
        now = max(now, ticket.not_before)


@given(failures=st.integers(0, 6), key=st.text(min_size=1))
def test_every_process_comes_to_the_same_pause(failures: int, key: str) -> None:
    one, other = (then(Verdict.UNAVAILABLE, ticket=trying(failures=failures, key=key)) for _ in range(2))
    assert one == other


# Alternatives


def test_a_direct_channel_knows_those_beside_it() -> None:
    some = plan("a & (letters | sms) & chats", letters=LETTERS, sms=sms(), chats=direct("chats", audience="others"))
    assert families(some) == (Together(("letters", "sms")), Together(("chats",)))
    assert (family_of(some, "sms"), family_of(some, "chats")) == (("letters", "sms"), ("chats",))
    assert (ahead_of(some, "sms"), ahead_of(some, "letters")) == (("letters",), ())


def test_while_this_machine_is_cut_off_a_contact_waits_and_its_turn_begins_anew() -> None:
    end = then(Verdict.UNAVAILABLE, reason=Reason.NO_NETWORK)
    assert (end.mark, end.spent, end.failures, end.first_at) == (Mark.RETRYING, Spent.NO, 0, None)
    assert end.not_before > START
