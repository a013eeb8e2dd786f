"""What the one decision makes of channels that write to people one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.crowd import Crowd, Spent, Takes
from surecast.decide import Decision, State, decide, wanted
from surecast.health import Condition, Health
from surecast.history import Fact, History, Order, Plan
from surecast.message import Urgency
from surecast.outcome import Outcome, Reason, Scope, Sighting, Verdict
from tests.crowd_model import ACCEPTED, Weather, World
from tests.stories import (
    EXPIRES,
    START,
    began,
    crowd,
    direct,
    ended,
    history,
    invisible,
    looked,
    ordered,
    plan,
    roll,
    sms,
    terms,
    turn,
)

DUE = START + 300.0
LETTERS, CHATS, SMS = direct("letters"), direct("chats"), sms()


def route(text: str, *, urgency: Urgency = Urgency.NORMAL, **own: object) -> Plan:
    given = {"letters": LETTERS, "chats": CHATS, "sms": SMS, **own}
    named = {name: some for name, some in given.items() if name in text}
    return plan(text, urgency=urgency, **named)  # type: ignore[arg-type]


def judge(some: Plan, past: History, now: float, **health: Health) -> Decision:
    return decide(some, past, health, now)


def opened(decision: Decision) -> tuple[tuple[str, str], ...]:
    return tuple((opening.channel, opening.skip.reason if opening.skip else "") for opening in decision.openings)


def down(channel: str, since: float | None, reason: str = "unavailable") -> Health:
    return Health(
        channel=channel, condition=Condition.DOWN, not_before=EXPIRES, since=START, reason=reason, failing_since=since
    )


def failed(channel: str, verdict: Verdict, at: float = START + 1) -> tuple[Fact, ...]:
    """Three failures in a row, of which the first was at `at`."""
    facts: list[Fact] = [turn(channel)]
    for attempt in (1, 2, 3):
        began_at = at - 1 + (attempt - 1)
        facts += [
            began(channel, began_at, attempt),
            ended(channel, began_at + 1, verdict, attempt, not_before=began_at),
        ]
    return tuple(facts)


# Alternatives over one audience


def test_the_first_alternative_has_everybody_and_the_next_waits() -> None:
    decision = judge(route("letters | chats"), history(), START)
    assert (opened(decision), decision.state, decision.turns_open) == ((("letters", ""),), State.PENDING, True)


def test_the_next_opens_for_those_whom_only_it_can_reach() -> None:
    past = history(letters=crowd(queued=90), riders=roll(_1=90, _2=10))
    assert opened(judge(route("letters | chats"), past, START + 1)) == (("chats", ""),)


def test_the_next_opens_as_soon_as_one_contact_is_left() -> None:
    past = history(letters=crowd(queued=98, sending=1, missed=1, unrouted=1), riders=roll(_3=100))
    assert opened(judge(route("letters | chats"), past, START + 1)) == (("chats", ""),)


def test_the_one_after_next_opens_for_its_own_although_nobody_needs_the_next() -> None:
    past = history(letters=crowd(queued=90), riders=roll(_3=90, _4=10))
    assert opened(judge(route("letters | chats | sms"), past, START + 1)) == (("sms", ""),)


def test_waiting_in_the_queue_opens_nothing_however_long_it_lasts() -> None:
    past = history(letters=crowd(queued=100), riders=roll(_3=100))
    decision = judge(route("letters | sms"), past, EXPIRES - 1)
    assert (opened(decision), decision.state, decision.wake_at) == ((), State.PENDING, EXPIRES)


def test_a_channel_that_is_down_leaves_everybody_in_the_same_decision() -> None:
    decision = judge(route("letters | chats"), history(), START, letters=down("letters", START - 60))
    assert opened(decision) == (("letters", "breaker_open"), ("chats", ""))
    assert decision.takes == {"chats": Takes.ALL}
    assert decision.owed == ("letters", "chats")


def test_a_channel_in_doubt_that_holds_keeps_its_contacts() -> None:
    past = history(letters=crowd(reached=90, unsure=10), riders=roll(_3=100))
    decision = judge(route("letters | chats"), past, START + 90)
    assert (opened(decision), decision.state, decision.final) == ((), State.UNSURE, False)


def test_the_nearest_end_of_a_turn_is_waited_for() -> None:
    past = history(letters=crowd(sending=1, turn_ends_at=START + 60), riders=roll(_3=1))
    assert judge(route("letters | chats"), past, START + 1).wake_at == START + 60


def test_a_channel_that_a_person_cancelled_yields_to_the_next() -> None:
    past = history(ordered("letters", START + 1, Order.CANCEL), letters=crowd(queued=100), riders=roll(_3=100))
    decision = judge(route("letters | chats"), past, START + 1)
    assert (opened(decision), decision.unwanted) == ((("chats", ""),), frozenset({"letters"}))
    alone = judge(route("letters"), past, START + 1)
    assert (alone.state, alone.owed, alone.final) == (State.MISSED, (), True)


# States


@pytest.mark.parametrize(
    ("crowds", "state", "owed", "final"),
    [
        ({"letters": crowd(reached=100)}, State.REACHED, (), True),
        ({"letters": crowd(reached=96, missed=4)}, State.REACHED, (), True),
        ({"letters": crowd(reached=96, missed=3, sending=1)}, State.PENDING, ("letters",), False),
        ({"letters": crowd(reached=96, retrying=4, late=4, unrouted=4)}, State.PENDING, ("letters", "chats"), False),
        ({"letters": crowd(reached=50, missed=50), "chats": crowd(bit=2, reached=48)}, State.REROUTED, (), True),
        (
            {"letters": crowd(missed=50, reached=50), "chats": crowd(bit=2, missed=48, reached=2)},
            State.MISSED,
            (),
            True,
        ),
        ({"letters": crowd(reached=94, held=6)}, State.PENDING, ("letters",), False),
        ({"letters": crowd(reached=90, unsure=10)}, State.UNSURE, (), False),
        ({"letters": crowd(reached=96, unsure=4)}, State.REACHED, (), False),
        ({"letters": crowd(reached=10, missed=90, closed=True), "chats": crowd(bit=2)}, State.MISSED, (), True),
        (
            {"letters": crowd(queued=90, spent=Spent.UNAVAILABLE), "chats": crowd(bit=2, reached=99, covered=False)},
            State.PENDING,
            ("letters", "chats"),
            False,
        ),
    ],
)
def test_the_state_of_an_audience(crowds: dict[str, Crowd], state: State, owed: tuple[str, ...], final: bool) -> None:
    past = History.of(tuple(map(turn, crowds)), crowds=crowds, rolls={"riders": roll(_3=100)})
    decision = judge(route("letters | chats"), past, START + 9)
    assert (decision.state, decision.owed, decision.final) == (state, owed, final)


def test_a_newsletter_for_some_and_messages_for_the_others_is_no_rerouting() -> None:
    past = history(letters=crowd(reached=60), sms=crowd(bit=2, reached=40), riders=roll(_1=60, _2=40))
    assert judge(route("letters | sms"), past, START + 9).state is State.REACHED


def test_an_audience_beside_public_channels_is_needed_as_they_are() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED), letters=crowd(missed=9))
    decision = judge(route("a & letters"), past, START + 9)
    assert decision.state is State.PENDING  # the roll is not complete
    missed = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED), letters=crowd(missed=9))
    assert judge(route("a & optional(letters)"), missed, START + 9).state is State.REACHED


def test_contacts_left_at_the_end_are_missed_and_nothing_is_final_while_one_is_on_its_way() -> None:
    left = judge(route("letters"), history(letters=crowd(reached=90, queued=10), riders=roll(_1=100)), EXPIRES)
    assert (left.state, left.owed, left.final, left.unwanted, left.wake_at) == (
        State.MISSED,
        (),
        True,
        frozenset({"letters"}),
        None,
    )
    few = judge(route("letters"), history(letters=crowd(reached=95, queued=5), riders=roll(_1=100)), EXPIRES)
    assert (few.state, few.final) == (State.REACHED, True)
    going = judge(route("letters"), history(letters=crowd(reached=90, sending=10), riders=roll(_1=100)), EXPIRES)
    assert (going.state, going.final) == (State.UNSURE, False)


def test_quiet_hours_are_said_and_keep_no_call_waiting() -> None:
    past = history(letters=crowd(reached=10, held=90), riders=roll(_1=100))
    decision = judge(route("letters"), past, START + 9)
    assert (decision.held, decision.turns_open, decision.state) == (True, False, State.PENDING)


def test_a_receipt_may_come_until_the_end() -> None:
    some = route("sms", sms=sms(receipts=True))
    past = history(sms=crowd(reached=100, confirmed=99), riders=roll(_1=100))
    waiting = judge(some, past, START + 9)
    assert (waiting.state, waiting.owed, waiting.final, waiting.wake_at) == (State.REACHED, (), False, EXPIRES)
    assert judge(some, history(sms=crowd(reached=100, confirmed=100), riders=roll(_1=100)), START + 9).final
    assert judge(some, past, EXPIRES).final


# Behind and before others


def test_a_public_channel_behind_an_audience_opens_when_too_few_can_still_be_reached() -> None:
    some = route("letters | a")
    hoped = history(letters=crowd(reached=90, queued=10), riders=roll(_1=100))
    assert opened(judge(some, hoped, START + 9)) == ()
    missed = history(letters=crowd(reached=90, queued=1, missed=9), riders=roll(_1=100))
    assert opened(judge(some, missed, START + 9)) == (("a", ""),)


def test_a_public_channel_behind_an_audience_in_doubt_waits_for_a_person() -> None:
    past = history(letters=crowd(reached=90, unsure=10), riders=roll(_1=100))
    decision = judge(route("letters | a"), past, START + 9)
    assert (opened(decision), decision.state) == ((), State.UNSURE)


def test_a_public_channel_behind_an_audience_that_was_reached_is_not_wanted() -> None:
    past = history(letters=crowd(reached=100), riders=roll(_1=100))
    assert wanted(route("letters | a"), past, START + 9) == {"letters": True, "a": False}


def test_another_audience_behind_gets_everybody_of_its_own() -> None:
    others = direct("letters", audience="others")
    missed = history(chats=crowd(missed=100), riders=roll(_1=100))
    assert opened(judge(route("chats | letters", letters=others), missed, START + 9)) == (("letters", ""),)


# What costs money


def test_money_in_the_first_place_is_spent_at_once() -> None:
    assert opened(judge(route("sms | letters"), history(), START)) == (("sms", ""),)


def test_public_dead_for_fifteen_seconds_sends_nothing_that_costs_money() -> None:
    decision = judge(route("a | sms"), history(*failed("a", Verdict.UNAVAILABLE)), START + 15)
    assert (opened(decision), decision.state, decision.wake_at) == ((), State.PENDING, DUE + 1)
    assert (decision.turns_open, decision.final) == (True, False)


def test_public_dead_for_five_minutes_sends_them() -> None:
    assert opened(judge(route("a | sms"), history(*failed("a", Verdict.UNAVAILABLE)), DUE + 1)) == (("sms", ""),)


def test_what_other_processes_saw_counts() -> None:
    decision = judge(route("a | sms"), history(), START, a=down("a", START - 240))
    assert (opened(decision), decision.wake_at) == ((("a", "breaker_open"),), START + 60)
    assert opened(judge(route("a | sms"), history(), START, a=down("a", START - 300)))[1:] == (("sms", ""),)


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.UNAUTHORIZED])
def test_a_mistake_to_be_put_right_is_no_reason_to_spend(verdict: Verdict) -> None:
    decision = judge(
        route("a | sms | b"), history(turn("a"), began("a", START), ended("a", START + 1, verdict)), START + 1
    )
    assert opened(decision) == (("sms", "not_worth_it"), ("b", ""))
    assert "sms" in decision.unwanted


def test_nor_when_the_platform_failed_before_it_answered() -> None:
    past = history(
        *failed("a", Verdict.UNAVAILABLE), began("a", START + 9, 4), ended("a", START + 10, Verdict.REFUSED, 4)
    )
    assert opened(judge(route("a | sms"), past, START + 10)) == (("sms", "not_worth_it"),)


def test_nor_is_a_post_that_nobody_can_see_or_what_cannot_be_used_as_configured() -> None:
    seen = terms("a", confirm="visible", confirms=True)
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED), invisible("a", START + 62))
    assert opened(judge(route("a | sms", a=seen), past, START + 62)) == (("sms", "not_worth_it"),)
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED)
    broken = judge(route("a | sms", a=terms("a", skip=skip)), history(), START)
    assert opened(broken) == (("a", "misconfigured"), ("sms", "not_worth_it"))


@pytest.mark.parametrize("reason", ["unauthorized", "invisible"])
def test_a_breaker_that_such_a_mistake_opened_is_none_either(reason: str) -> None:
    decision = judge(route("a | sms"), history(), START, a=down("a", None, reason))
    assert opened(decision)[1:] == (("sms", "not_worth_it"),)


def test_a_mistake_decides_nothing_while_another_channel_in_front_may_still_fail() -> None:
    past = history(turn("a"), turn("b"), began("a", START), ended("a", START + 1, Verdict.REFUSED), began("b", START))
    decision = judge(route("a & b | sms"), past, START + 2)
    assert (opened(decision), decision.turns_open) == ((), True)
    hung = judge(route("a & b | sms"), past, START + 60)
    assert (opened(hung), hung.wake_at) == ((), START + 360)
    assert opened(judge(route("a & b | sms"), past, START + 360)) == (("sms", ""),)


def test_a_channel_in_front_that_reached_is_no_reason_to_spend_however_it_began() -> None:
    late = [began("b", START), ended("b", START + 1, Verdict.UNAVAILABLE), began("b", START + 2, 2)]
    past = history(
        turn("a"), turn("b"), began("a", START), ended("a", START + 1, Verdict.REFUSED), *late,
        ended("b", START + 3, Verdict.ACCEPTED, 2),
    )  # fmt: skip
    assert opened(judge(route("a & b | sms"), past, START + 4)) == (("sms", "not_worth_it"),)


def test_in_an_emergency_any_failure_is_a_reason_after_a_minute() -> None:
    some = route("a | sms", urgency=Urgency.EMERGENCY, sms=sms(spend_after_s=60.0))
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAUTHORIZED))
    assert judge(some, past, START + 1).wake_at == START + 61
    assert opened(judge(some, past, START + 61)) == (("sms", ""),)


def test_what_has_not_begun_is_unwanted_when_the_channel_in_front_is_back() -> None:
    back = (*failed("a", Verdict.UNAVAILABLE), began("a", DUE + 9, 4), ended("a", DUE + 10, Verdict.ACCEPTED, 4))
    past = history(*back, sms=crowd(reached=10, queued=90), riders=roll(_1=100))
    decision = judge(route("a | sms"), past, DUE + 10)
    assert (decision.state, decision.unwanted, decision.owed, decision.final) == (
        State.REACHED,
        frozenset({"sms"}),
        (),
        True,
    )


def test_the_channel_behind_waits_while_money_is_waited_for() -> None:
    past = history(*failed("a", Verdict.UNAVAILABLE))
    assert opened(judge(route("a | sms | b"), past, START + 99)) == ()


def test_what_costs_money_and_cannot_be_used_is_skipped_without_waiting() -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED)
    decision = judge(route("a | sms | b", sms=sms(skip=skip)), history(*failed("a", Verdict.UNAVAILABLE)), START + 9)
    assert opened(decision) == (("sms", "misconfigured"), ("b", ""))


# Money for contacts of one audience


def test_one_bad_address_neither_spends_money_nor_ends_the_matter() -> None:
    past = history(letters=crowd(queued=98, sending=1, missed=1, unrouted=1), riders=roll(_3=100))
    decision = judge(route("letters | sms"), past, START + 9)
    assert (opened(decision), decision.state) == ((), State.PENDING)


def test_bad_addresses_alone_are_never_worth_money() -> None:
    past = history(letters=crowd(reached=90, missed=10, unrouted=10), riders=roll(_3=100))
    decision = judge(route("letters | sms"), past, START + 9)
    assert (opened(decision), decision.state) == ((("sms", "not_worth_it"),), State.MISSED)


def test_letters_that_fail_are_worth_money_after_five_minutes() -> None:
    failing = crowd(reached=50, retrying=50, late=50, unrouted=50, failing_at=START + 1)
    past = history(letters=failing, riders=roll(_3=100))
    early = judge(route("letters | sms"), past, START + 9)
    assert (opened(early), early.state, early.wake_at) == ((), State.PENDING, DUE + 1)
    late = judge(route("letters | sms"), past, DUE + 1)
    assert (opened(late), late.takes) == ((("sms", ""),), {"sms": Takes.FAILURES})


def test_what_opened_for_its_own_contacts_takes_over_others_only_when_it_is_worth_it() -> None:
    failing = crowd(queued=60, retrying=30, late=30, unrouted=30, failing_at=START + 1)
    past = history(letters=failing, sms=crowd(bit=2, reached=10), riders=roll(_3=90, _2=10))
    early = judge(route("letters | sms"), past, START + 9)
    assert (early.takes, early.wake_at) == ({"sms": Takes.NOTHING}, DUE + 1)
    assert judge(route("letters | sms"), past, DUE + 1).takes == {"sms": Takes.FAILURES}


def test_a_new_outage_has_five_minutes_of_its_own() -> None:
    dead = crowd(queued=50, reached=50, spent=Spent.UNAVAILABLE, failing_at=START + 1)
    past = history(letters=dead, sms=crowd(bit=2), riders=roll(_3=100))
    again = judge(route("letters | sms"), past, DUE + 600, letters=down("letters", DUE + 590))
    assert (again.takes, again.wake_at) == ({"sms": Takes.NOTHING}, DUE + 890)


def test_letters_with_a_revoked_password_cost_no_money() -> None:
    dead = crowd(queued=100, spent=Spent.REFUSED)
    decision = judge(route("letters | sms"), history(letters=dead, riders=roll(_3=100)), START + 9)
    assert opened(decision) == (("sms", "not_worth_it"),)


def test_unless_the_public_channel_in_front_is_dead_as_well() -> None:
    dead = crowd(queued=100, spent=Spent.REFUSED)
    past = history(*failed("a", Verdict.UNAVAILABLE), letters=dead, riders=roll(_3=100))
    decision = judge(route("a | letters | sms"), past, DUE + 1)
    assert (opened(decision), decision.takes) == ((("sms", ""),), {"sms": Takes.ALL})


def test_behind_a_public_channel_those_whom_only_money_reaches_wait_five_minutes_too() -> None:
    past = history(*failed("a", Verdict.UNAVAILABLE), letters=crowd(reached=90), riders=roll(_1=90, _2=10))
    early = judge(route("a | letters | sms"), past, START + 9)
    assert (opened(early), early.state, early.wake_at) == ((), State.PENDING, DUE + 1)
    late = judge(route("a | letters | sms"), past, DUE + 1)
    assert (opened(late), late.takes) == ((("sms", ""),), {"sms": Takes.NOTHING})


def test_what_is_left_to_money_goes_to_nobody_behind_it_meanwhile() -> None:
    failing = crowd(reached=50, retrying=50, late=50, unrouted=50, failing_at=START + 1)
    past = history(letters=failing, riders=roll(_7=100))
    assert opened(judge(route("letters | sms | chats"), past, START + 9)) == ()
    own = history(letters=failing, riders=roll(_3=90, _4=10))
    assert opened(judge(route("letters | sms | chats"), own, START + 9)) == (("chats", ""),)


def test_in_an_emergency_refused_contacts_are_taken_over_as_well() -> None:
    some = route("letters | sms", urgency=Urgency.EMERGENCY, sms=sms(spend_after_s=60.0))
    past = history(letters=crowd(reached=90, missed=10, unrouted=10, failed_at=START + 1), riders=roll(_3=100))
    assert opened(judge(some, past, START + 9)) == ()
    decision = judge(some, past, START + 61)
    assert (opened(decision), decision.takes) == ((("sms", ""),), {"sms": Takes.ALL})


def test_another_audience_in_front_that_fails_is_a_reason_too() -> None:
    others = direct("letters", audience="others")
    failing = crowd(missed=50, retrying=50, late=50, failing_at=START + 1)
    past = History.of((turn("letters"),), crowds={"letters": failing}, rolls={"others": roll(_1=100)})
    some = route("letters | sms", letters=others)
    assert judge(some, past, START + 9).wake_at == DUE + 1
    assert opened(judge(some, past, DUE + 1)) == (("sms", ""),)


def test_an_audience_in_a_group_in_front_counts_as_well() -> None:
    others = direct("letters", audience="others")
    past = History.of(
        (turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED), turn("letters")),
        crowds={"letters": crowd(retrying=50, late=50, failing_at=START + 1)},
        rolls={"others": roll(_1=50)},
    )
    assert judge(route("a & letters | sms", letters=others), past, START + 9).wake_at == DUE + 1


def test_another_audience_in_front_with_somebody_in_turn_decides_nothing_yet() -> None:
    others = direct("letters", audience="others")
    past = History.of(
        (turn("letters"),), crowds={"letters": crowd(missed=50, queued=50)}, rolls={"others": roll(_1=100)}
    )
    assert opened(judge(route("letters | sms", letters=others), past, START + 9)) == ()


def test_a_doubt_that_is_looked_up_is_not_yet_worth_anything() -> None:
    past = history(*failed("a", Verdict.UNCERTAIN), looked("a", START + 9, Sighting.UNKNOWN))
    assert judge(route("a | sms"), past, START + 9).wake_at == DUE + 1


# Rules that hold for every story

DOWN, GREYLISTED = Outcome(verdict=Verdict.UNAVAILABLE), Outcome(verdict=Verdict.UNAVAILABLE, scope=Scope.RECIPIENT)
REVOKED, IN_DOUBT = Outcome(verdict=Verdict.UNAUTHORIZED), Outcome(verdict=Verdict.UNCERTAIN)
NO_ADDRESS = Outcome(verdict=Verdict.REFUSED, scope=Scope.RECIPIENT)


def fine(now: float, who: int) -> Outcome:
    return ACCEPTED


def failing(outcome: Outcome, since: float = 0.0, until: float = math.inf) -> Weather:
    return lambda now, who: outcome if START + since <= now < START + until else ACCEPTED


@st.composite
def weathers(draw: st.DrawFn) -> Weather:
    """A channel that fails in a few spans of time, and whom it always fails, or never accepts."""
    spans = draw(
        st.lists(
            st.tuples(st.floats(0, 3_000), st.floats(1, 2_000), st.sampled_from((DOWN, REVOKED, IN_DOUBT))), max_size=3
        )
    )
    never = draw(st.dictionaries(st.integers(1, 12), st.sampled_from((NO_ADDRESS, GREYLISTED, IN_DOUBT)), max_size=3))

    def weather(now: float, who: int) -> Outcome:
        bad = (outcome for since, length, outcome in spans if START + since <= now < START + since + length)
        return next(bad, never.get(who, ACCEPTED))

    return weather


ROUTES = (
    "letters",
    "letters | chats",
    "letters | sms",
    "letters | sms | chats",
    "letters | chats | sms",
    "a | sms",
    "a | letters | sms",
    "a & (letters | sms)",
    "letters | a",
    "at_least(1, a, letters) | sms",
    "a & optional(letters | sms)",
)


@settings(max_examples=80)
@given(
    text=st.sampled_from(ROUTES),
    urgency=st.sampled_from(Urgency),
    able=st.lists(st.integers(1, 7), min_size=1, max_size=12).map(tuple),
    skies=st.fixed_dictionaries(dict.fromkeys(("a", "letters", "chats", "sms"), weathers())),
    doubt=st.sampled_from(("hold", "reroute")),
)
def test_every_story_settles_and_tells_the_truth(
    text: str, urgency: Urgency, able: tuple[int, ...], skies: dict[str, Weather], doubt: str
) -> None:
    letters = direct("letters", when_unsure=doubt)
    some = route(text, urgency=urgency, a=terms("a", finds=False), letters=letters)
    bits = sum(1 << number for number, _ in enumerate(each for each in some.terms.values() if each.direct))
    world = World(some, tuple(mask & bits or 1 for mask in able), skies)
    end = world.run()
    assert end.final
    assert end.state is not State.PENDING
    opened_once = [opening.channel for _, decision in world.decisions for opening in decision.openings]
    assert len(opened_once) == len(set(opened_once))
    assert len(world.sent) == len({(name, who) for _, name, who in world.sent})
    for now, decision in world.decisions:
        assert decision.final or now >= EXPIRES or decision.wake_at is not None
        assert decision.wake_at is None or decision.wake_at <= EXPIRES + 1
        if decision.state in {State.REACHED, State.REROUTED} and "|" not in text and "&" not in text:
            assert len({who for at, _, who in world.sent if at <= now}) >= 0.95 * len(able)
    families = [name for name, each in some.terms.items() if each.direct]
    if text.startswith("letters") and "a" not in some.terms:
        twice = [who for _, _, who in world.sent]
        assert len(twice) == len(set(twice)) or doubt == "reroute" or urgency is Urgency.EMERGENCY
        share = len(world.reached(*families)) / len(able)
        assert (share >= 0.95) == (end.state in {State.REACHED, State.REROUTED})


@settings(max_examples=50)
@given(
    text=st.sampled_from(("letters | sms", "letters | sms | chats", "a | sms", "a | letters | sms")),
    # Nobody could tell two that follow one another at once from a long one, as it is not asked all the time.
    starts=st.lists(st.integers(0, 6), max_size=3, unique=True).map(lambda places: [450.0 * place for place in places]),
    length=st.floats(1, 100),
    able=st.lists(st.sampled_from((3, 7)), min_size=1, max_size=12).map(tuple),
)
def test_no_hiccup_however_often_it_comes_sends_what_costs_money(
    text: str, starts: list[float], length: float, able: tuple[int, ...]
) -> None:
    def hiccups(now: float, who: int) -> Outcome:
        return DOWN if any(START + start <= now < START + start + length for start in starts) else ACCEPTED

    some = route(text)
    world = World(some, able if "letters" in text else (1,) * len(able), {"a": hiccups, "letters": hiccups})
    world.weather = {**world.weather, "sms": fine, "chats": fine}
    end = world.run()
    assert not world.reached("sms")
    assert end.state in {State.REACHED, State.REROUTED}


@pytest.mark.parametrize("text", ["letters | sms", "a | sms"])
def test_a_dead_channel_sends_everything_after_five_minutes_and_not_before(text: str) -> None:
    dead = failing(DOWN)
    world = World(route(text), (3,) * 12 if "letters" in text else (1,) * 12, {"a": dead, "letters": dead, "sms": fine})
    world.run()
    assert world.reached("sms") == set(range(1, 13))
    assert min(at for at, name, _ in world.sent if name == "sms") >= DUE


@pytest.mark.parametrize("text", ["letters | sms", "a | sms", "a | letters | sms"])
def test_a_revoked_password_sends_nothing_that_costs_money(text: str) -> None:
    revoked = failing(REVOKED)
    world = World(route(text), (3,) * 12, {"a": revoked, "letters": revoked, "sms": fine})
    end = world.run()
    assert (world.reached("sms"), end.state) == (set(), State.MISSED)


def test_back_in_the_middle_of_it_the_rest_costs_nothing() -> None:
    world = World(route("a | sms"), (1,) * 300, {"a": failing(DOWN, until=310), "sms": fine}, speed=1)
    end = world.run()
    assert (end.state, end.unwanted) == (State.REACHED, frozenset({"sms"}))
    assert 0 < len(world.reached("sms")) < 300


def test_nobody_gets_it_twice_though_both_work_through_the_rest() -> None:
    world = World(route("letters | sms"), (3,) * 100, {"letters": failing(DOWN, until=310), "sms": fine}, speed=1)
    end = world.run()
    assert (len(world.sent), len(world.reached()), end.state) == (100, 100, State.REROUTED)


def test_one_full_mailbox_is_written_to_its_telephone_and_nobody_else_is() -> None:
    def letters(now: float, who: int) -> Outcome:
        return GREYLISTED if who == 7 else ACCEPTED

    world = World(route("letters | sms"), (3,) * 20, {"letters": letters, "sms": fine})
    world.run()
    assert world.reached("sms") == {7}
    assert world.reached("letters") == set(range(1, 21)) - {7}
