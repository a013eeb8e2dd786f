"""What the one decision makes of the facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.decide import Decision, State, decide, wanted
from surecast.health import Condition, Health
from surecast.history import Action, Fact, History, Order, Plan
from surecast.outcome import Outcome, Reason, Sighting, Verdict
from tests.stories import (
    EXPIRES,
    START,
    began,
    ended,
    history,
    invisible,
    looked,
    ordered,
    plan,
    terms,
    turn,
)


def opened(decision: Decision) -> tuple[str, ...]:
    return tuple(opening.channel for opening in decision.openings)


def judge(some: Plan, past: History, now: float, health: dict[str, Health] | None = None) -> Decision:
    return decide(some, past, health or {}, now)


# Which turns open


def test_a_fan_out_opens_every_member_at_once() -> None:
    decision = judge(plan("a & b & optional(c)"), history(), START)
    assert opened(decision) == ("a", "b", "c")
    assert decision.state is State.PENDING


def test_a_failover_opens_only_its_first_alternative() -> None:
    assert opened(judge(plan("a | b"), history(), START)) == ("a",)


def test_a_quorum_opens_every_member_at_once() -> None:
    assert opened(judge(plan("at_least(2, a, b, c)"), history(), START)) == ("a", "b", "c")


def test_the_next_alternative_waits_while_the_turn_is_open() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAVAILABLE, not_before=START + 2))
    decision = judge(plan("a | b"), past, START + 1)
    assert opened(decision) == ()
    assert decision.wake_at == START + 60


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.UNAUTHORIZED])
def test_the_next_alternative_opens_at_once_when_the_turn_is_spent(verdict: Verdict) -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, verdict))
    assert opened(judge(plan("a | b"), past, START + 1)) == ("b",)


def test_the_next_alternative_opens_at_the_end_of_the_turn_though_an_attempt_hangs() -> None:
    past = history(turn("a"), began("a", START + 3))
    some = plan("a | b")
    assert opened(judge(some, past, START + 62.9)) == ()
    assert opened(judge(some, past, START + 63)) == ("b",)


def test_three_failures_spend_a_turn() -> None:
    facts: list[Fact] = [turn("a")]
    for attempt in (1, 2, 3):
        facts += [
            began("a", START + attempt, attempt),
            ended("a", START + attempt, Verdict.UNAVAILABLE, attempt, not_before=START + attempt + 1),
        ]
        expected = ("b",) if attempt == 3 else ()
        assert opened(judge(plan("a | b"), history(*facts), START + attempt)) == expected


def test_a_wait_that_ends_after_the_turn_spends_it() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.THROTTLED, not_before=START + 300))
    assert opened(judge(plan("a | b"), past, START + 1)) == ("b",)


def test_an_open_breaker_spends_the_turn_in_the_same_decision() -> None:
    health = {"a": Health(channel="a", condition=Condition.DOWN, not_before=START + 30)}
    decision = judge(plan("a | b"), history(), START, health)
    assert opened(decision) == ("a", "b")
    assert decision.openings[0].skip == Outcome(
        verdict=Verdict.SKIPPED, reason=Reason.BREAKER_OPEN, detail="A is taken as down"
    )
    assert decision.openings[0].not_before == START + 30


def test_a_channel_isolated_by_a_person_says_so() -> None:
    health = {"a": Health(channel="a", condition=Condition.ISOLATED, not_before=START + 30)}
    skip = judge(plan("a | b"), history(), START, health).openings[0].skip
    assert skip is not None
    assert skip.reason is Reason.ISOLATED


def test_a_login_that_was_refused_is_named_as_the_reason_also_for_later_announcements() -> None:
    down = Health(channel="a", condition=Condition.DOWN, not_before=START + 30, reason="unauthorized")
    skip = judge(plan("a | b"), history(), START, {"a": down}).openings[0].skip
    assert skip == Outcome(verdict=Verdict.SKIPPED, reason=Reason.CREDENTIALS, detail="A refused our login")


def test_a_missed_route_still_has_turns_open_while_another_needed_channel_is_at_it() -> None:
    past = history(*refused("a"), turn("b"), began("b", START))
    decision = judge(plan("a & b"), past, START + 2)
    assert (decision.state, decision.turns_open) == (State.MISSED, True)
    assert not judge(plan("a & b"), past, START + 60).turns_open


def test_a_breaker_whose_rest_is_over_does_not_spend_the_turn() -> None:
    health = {"a": Health(channel="a", condition=Condition.DOWN, not_before=START - 1)}
    assert opened(judge(plan("a | b"), history(), START, health)) == ("a",)


def test_a_channel_that_cannot_be_used_is_skipped_and_rerouted() -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED, detail="no secret")
    decision = judge(plan("a | b", a=terms("a", skip=skip)), history(), START)
    assert [(opening.channel, opening.skip) for opening in decision.openings] == [("a", skip), ("b", None)]


def test_a_group_yields_as_soon_as_one_member_cannot_reach() -> None:
    past = history(turn("a"), turn("b"), began("a", START), ended("a", START + 1, Verdict.REFUSED))
    assert opened(judge(plan("a & b | c"), past, START + 1)) == ("c",)


def test_a_name_that_stands_twice_is_opened_once() -> None:
    assert opened(judge(plan("a & (b | a)"), history(), START)) == ("a", "b")


def test_nothing_opens_after_the_announcement_expired_or_was_cancelled() -> None:
    assert opened(judge(plan("a | b"), history(), EXPIRES)) == ()
    assert opened(judge(plan("a | b"), history(cancelled_at=START), START + 1)) == ()


def test_a_channel_that_a_person_cancelled_yields_to_the_next() -> None:
    past = history(turn("a"), ordered("a", START + 1, Order.CANCEL))
    assert opened(judge(plan("a | b"), past, START + 1)) == ("b",)


# When unsure


def doubtful(channel: str) -> tuple[Fact, ...]:
    facts: list[Fact] = [turn(channel)]
    for attempt in (1, 2, 3):
        facts += [
            began(channel, START + attempt, attempt),
            ended(channel, START + attempt, Verdict.UNCERTAIN, attempt, not_before=START + attempt),
        ]
    return tuple(facts)


def test_a_channel_in_doubt_lets_the_next_start_when_it_may_reroute() -> None:
    assert opened(judge(plan("a | b"), history(*doubtful("a")), START + 4)) == ("b",)


def test_a_channel_in_doubt_that_holds_keeps_the_next_waiting_and_the_state_says_unsure() -> None:
    some = plan("a | b", a=terms("a", when_unsure="hold", resend="never"))
    decision = judge(some, history(*doubtful("a")), START + 4)
    assert opened(decision) == ()
    assert (decision.state, decision.final) == (State.UNSURE, False)


def test_a_held_alternative_opens_once_a_person_says_it_is_not_there() -> None:
    some = plan("a | b", a=terms("a", when_unsure="hold", resend="never"))
    past = history(*doubtful("a"), ordered("a", START + 5, Order.NOT_THERE))
    assert opened(judge(some, past, START + 5)) == ("b",)


# States


def accepted(channel: str, at: float = START + 1) -> tuple[Fact, ...]:
    return turn(channel), began(channel, at - 1), ended(channel, at, Verdict.ACCEPTED)


def refused(channel: str, at: float = START + 1) -> tuple[Fact, ...]:
    return turn(channel), began(channel, at - 1), ended(channel, at, Verdict.REFUSED)


@pytest.mark.parametrize(
    ("route", "facts", "state"),
    [
        ("a", accepted("a"), State.REACHED),
        ("a & b", accepted("a"), State.PENDING),
        ("a & b", (*accepted("a"), *refused("b")), State.MISSED),
        ("a & optional(b)", accepted("a"), State.REACHED),
        ("a & optional(b | c)", (*accepted("a"), *refused("b"), *accepted("c")), State.REACHED),
        ("a | b", (*refused("a"), *accepted("b")), State.REROUTED),
        ("a | b", (*refused("a"), *refused("b")), State.MISSED),
        ("(a | b) & c", (*refused("a"), *accepted("b"), *accepted("c")), State.REROUTED),
        ("at_least(1, a, b)", (*refused("a"), *accepted("b")), State.REACHED),
        ("at_least(2, a, b)", (*refused("a"), *accepted("b")), State.MISSED),
        ("a | b", (*doubtful("a"), *refused("b", START + 6)), State.UNSURE),
    ],
)
def test_the_state_over_what_is_required(route: str, facts: tuple[Fact, ...], state: State) -> None:
    assert judge(plan(route), history(*facts), START + 6).state is state


def test_a_primary_paid_back_counts_as_reached() -> None:
    past = history(
        turn("a"),
        began("a", START),
        ended("a", START + 1, Verdict.UNAUTHORIZED),
        *accepted("b", START + 2),
        began("a", START + 90, 2),
        ended("a", START + 91, Verdict.ACCEPTED, 2),
    )
    decision = judge(plan("a | b"), past, START + 92)
    assert (decision.state, decision.owed, decision.final) == (State.REACHED, (), True)


# Visibility

SEEN_IN_PUBLIC = terms("a", confirm="visible", confirms=True, visible_within_s=30.0)


def test_accepted_is_not_reached_while_its_visibility_is_asked_for() -> None:
    decision = judge(plan("a | b", a=SEEN_IN_PUBLIC), history(*accepted("a")), START + 20)
    assert (decision.state, opened(decision)) == (State.PENDING, ())


def test_accepted_and_seen_is_reached() -> None:
    past = history(*accepted("a"), looked("a", START + 2, Sighting.SEEN, Action.CONFIRM))
    assert judge(plan("a | b", a=SEEN_IN_PUBLIC), past, START + 2).state is State.REACHED


def test_an_invisible_post_yields_and_is_not_owed() -> None:
    past = history(*accepted("a"), invisible("a", START + 31))
    decision = judge(plan("a | b", a=SEEN_IN_PUBLIC), past, START + 31)
    assert (opened(decision), decision.owed) == (("b",), ("b",))


def test_a_late_invisible_reopens_a_settled_route() -> None:
    no_information = [looked("a", START + 1 + n, Sighting.UNKNOWN, Action.CONFIRM) for n in range(3)]
    settled = history(*accepted("a"), *no_information)
    some = plan("a | b", a=SEEN_IN_PUBLIC)
    assert judge(some, settled, START + 4).state is State.REACHED
    reopened = history(*accepted("a"), *no_information, invisible("a", START + 65))
    assert opened(judge(some, reopened, START + 65)) == ("b",)


# Owed and final


def test_a_spent_primary_stays_owed_after_the_secondary_reached() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAUTHORIZED), *accepted("b", START + 2))
    decision = judge(plan("a | b | c"), past, START + 2)
    assert (decision.owed, decision.final, decision.wake_at) == (("a",), False, EXPIRES)


def test_the_alternative_behind_the_one_that_reached_is_not_owed() -> None:
    past = history(
        turn("a"),
        began("a", START),
        turn("b", START + 60),
        began("b", START + 60),
        ended("a", START + 61, Verdict.ACCEPTED),
    )
    decision = judge(plan("a | b"), past, START + 61)
    assert (decision.state, decision.owed) == (State.REACHED, ())
    assert wanted(plan("a | b"), past, START + 61) == {"a": True, "b": False}


def test_a_refused_channel_is_not_owed() -> None:
    past = history(*refused("a"), *accepted("b", START + 2))
    decision = judge(plan("a | b"), past, START + 2)
    assert (decision.owed, decision.final) == ((), True)


def test_nothing_is_owed_and_all_is_final_once_it_expired() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAVAILABLE))
    decision = judge(plan("a"), past, EXPIRES)
    assert (decision.state, decision.owed, decision.final, decision.wake_at) == (State.MISSED, (), True, None)


def test_doubt_is_not_final_before_the_announcement_expires() -> None:
    some = plan("a", a=terms("a", resend="never", finds=False))
    assert judge(some, history(*doubtful("a")), START + 4).final is False
    assert judge(some, history(*doubtful("a")), EXPIRES).final is True


def test_a_doubt_that_is_still_looked_up_is_not_final_even_after_the_end() -> None:
    unanswered = [looked("a", EXPIRES + n, Sighting.UNKNOWN) for n in range(7)]
    some = plan("a")
    assert judge(some, history(*doubtful("a")), EXPIRES + 9).final is False
    assert judge(some, history(*doubtful("a"), *unanswered), EXPIRES + 9).final is True


def test_a_channel_cancelled_alone_is_no_longer_wanted() -> None:
    past = history(turn("a"), turn("b"), ordered("a", START, Order.CANCEL))
    assert wanted(plan("a & b"), past, START + 1) == {"a": False, "b": True}


# Rules that hold for every story

CHANNELS = ("a", "b", "c")
ROUTES = (
    "a | b | c",
    "a & (b | c)",
    "a & b | c",
    "at_least(2, a, b, c)",
    "(a | b) & optional(c)",
    "at_least(1, a, b) | c",
)
FAILURES = (Verdict.UNAVAILABLE, Verdict.UNCERTAIN, Verdict.REFUSED, Verdict.UNAUTHORIZED, Verdict.THROTTLED)


@given(
    route=st.sampled_from(ROUTES),
    script=st.lists(st.tuples(st.sampled_from((*FAILURES, Verdict.ACCEPTED)), st.floats(0.1, 30.0)), max_size=40),
)
def test_every_story_settles_and_no_alternative_starts_before_its_time(
    route: str, script: list[tuple[Verdict, float]]
) -> None:
    some = plan(route)
    facts: list[Fact] = []
    now = START
    decision = judge(some, history(), now)
    for verdict, pause in script:
        facts += [turn(name, now) for name in opened(decision)]
        reached = {fact.channel for fact in facts if fact.outcome and fact.outcome.verdict is Verdict.ACCEPTED}
        open_now = [fact.channel for fact in facts if fact.kind == "turn" and fact.channel not in reached]
        if open_now and decision.state is State.PENDING:
            channel = open_now[-1]
            attempt = len(facts) + 1
            facts += [
                began(channel, now, attempt),
                ended(channel, now + pause, verdict, attempt, not_before=now + pause),
            ]
        now += pause
        decision = judge(some, history(*facts), now)
        if "b" in opened(decision) and route == "a | b | c":
            last = [fact for fact in facts if fact.channel == "a" and fact.outcome]
            clock = next((fact.at for fact in facts if fact.channel == "a" and fact.kind == "began"), now)
            over = now >= clock + 60.0
            spent = len(last) >= 3 or any(
                fact.outcome and fact.outcome.verdict in {Verdict.REFUSED, Verdict.UNAUTHORIZED} for fact in last
            )
            assert over or spent or any((fact.not_before or 0) > clock + 60 for fact in last)
    end = judge(some, history(*facts), EXPIRES + 1)
    assert end.final or any(verdict is Verdict.UNCERTAIN for verdict, _ in script)
    assert end.state is not State.PENDING
    assert end.openings == ()


# What is caught up on


def after_a_reroute(**own: object) -> tuple[Plan, History]:
    some = plan("a | b", a=terms("a", **own), b=terms("b"))
    past = history(turn("a"), *[ended("a", START + 1, Verdict.UNAUTHORIZED)], turn("b", START + 1))
    return some, History(
        facts={**past.facts, "b": (*past.facts["b"], began("b", START + 1), ended("b", START + 2, Verdict.ACCEPTED))}
    )


def test_a_channel_that_missed_its_turn_is_owed_the_post_unless_a_newer_one_of_the_incident_went_there() -> None:
    some, past = after_a_reroute()
    assert judge(some, past, START + 10).owed == ("a",)
    newer = History(facts=past.facts, superseded=frozenset({"a"}))
    decision = judge(some, newer, START + 10)
    assert (decision.owed, decision.dropped, decision.final) == ((), {"a": Reason.OUTDATED}, True)
    assert wanted(some, newer, START + 10)["a"] is False


@pytest.mark.parametrize("catch_up", ["all", "none"])
def test_all_of_an_incident_or_nothing_that_readers_had(catch_up: str) -> None:
    some, past = after_a_reroute(catch_up=catch_up)
    newer = History(facts=past.facts, superseded=frozenset({"a"}))
    expected = {} if catch_up == "all" else {"a": Reason.HAD_ELSEWHERE}
    assert judge(some, newer, START + 10).dropped == expected


def test_what_nobody_had_is_owed_although_nothing_is_caught_up_on() -> None:
    some, past = (
        plan("a", a=terms("a", catch_up="none")),
        history(turn("a"), ended("a", START + 1, Verdict.UNAUTHORIZED)),
    )
    assert judge(some, past, START + 10).owed == ("a",)
