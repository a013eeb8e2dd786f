"""The facts read back for programs: one word for every channel, and keys that never change."""

from __future__ import annotations

from typing import Any

import pytest
from tests.stories import EXPIRES, START, began, ended, history, invisible, looked, ordered, plan, terms, turn

from surecast.channel import Terms
from surecast.decide import State, decide
from surecast.health import Condition, Health
from surecast.history import Action, Fact, History, Order
from surecast.outcome import Outcome, Reason, Scope, Sighting, Verdict
from surecast.report import Report, Status, make_report

SEEN_IN_PUBLIC = terms("a", confirm="visible", confirms=True, visible_within_s=30.0)
BY_LOOKING = terms("a", resend="after_lookup")
NEVER_AGAIN = terms("a", resend="never", finds=False)


def reported(
    route: str,
    past: History,
    now: float = START + 10,
    health: dict[str, Health] | None = None,
    *,
    repeated: bool = False,
    worker: float | None = None,
    **own: Terms,
) -> Report:
    some = plan(route, **own)
    known = health or {}
    return make_report(
        some,
        past,
        decide(some, past, known, now),
        now,
        health=known,
        repeated=repeated,
        worker_seen_at=worker,
    )


def failed(verdict: Verdict, reason: Reason = Reason.NONE, *, wait: float | None = None) -> tuple[Fact, ...]:
    return (
        turn("a"),
        began("a", START),
        ended("a", START + 1, verdict, reason=reason, not_before=None if wait is None else START + 1 + wait),
    )


def skipped(reason: Reason, until: float | None = None) -> tuple[Fact, ...]:
    return turn("a"), ended("a", START, Verdict.SKIPPED, reason=reason, not_before=until)


ACCEPTED = (turn("a"), began("a", START), ended("a", START + 1, Verdict.ACCEPTED))

STORIES: list[tuple[str, Status, tuple[Fact, ...], dict[str, Any]]] = [
    ("has its turn", Status.SENDING, (turn("a"),), {}),
    ("on its way", Status.SENDING, (turn("a"), began("a", START)), {}),
    ("on its way though its turn is over", Status.SENDING, (turn("a"), began("a", START)), {"now": START + 90}),
    ("retried in its turn", Status.SENDING, failed(Verdict.UNAVAILABLE, wait=1), {}),
    ("accepted", Status.DONE, ACCEPTED, {}),
    ("accepted, not yet seen", Status.SENDING, ACCEPTED, {"a": SEEN_IN_PUBLIC}),
    ("seen", Status.DONE, (*ACCEPTED, looked("a", START + 2, Sighting.SEEN, Action.CONFIRM)), {"a": SEEN_IN_PUBLIC}),
    ("seen by nobody", Status.GAVE_UP, (*ACCEPTED, invisible("a", START + 31)), {"a": SEEN_IN_PUBLIC}),
    ("refused", Status.GAVE_UP, failed(Verdict.REFUSED), {}),
    ("refused login", Status.OWED, failed(Verdict.UNAUTHORIZED), {}),
    ("told to wait for long", Status.OWED, failed(Verdict.THROTTLED, wait=600), {}),
    ("down", Status.OWED, skipped(Reason.BREAKER_OPEN, START + 30), {}),
    ("not set up", Status.OWED, skipped(Reason.MISCONFIGURED), {}),
    ("does not fit", Status.GAVE_UP, skipped(Reason.CANNOT_BE_FITTED), {}),
    ("in doubt, sent again under its key", Status.SENDING, failed(Verdict.UNCERTAIN, wait=1), {}),
    ("in doubt, looked up", Status.UNSURE, failed(Verdict.UNCERTAIN, wait=1), {"a": BY_LOOKING}),
    ("in doubt for ever", Status.UNSURE, failed(Verdict.UNCERTAIN, wait=1), {"a": NEVER_AGAIN}),
    ("in doubt when it expired", Status.UNSURE, failed(Verdict.UNCERTAIN, wait=1), {"now": EXPIRES}),
    ("expired", Status.GAVE_UP, failed(Verdict.UNAVAILABLE, wait=1), {"now": EXPIRES}),
    ("cancelled by a person", Status.GAVE_UP, (turn("a"), ordered("a", START + 1, Order.CANCEL)), {}),
    ("said to be there", Status.DONE, (*failed(Verdict.UNCERTAIN), ordered("a", START + 5, Order.THERE)), {}),
]


@pytest.mark.parametrize(
    ("status", "facts", "given"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES]
)
def test_every_story_has_its_word(status: Status, facts: tuple[Fact, ...], given: dict[str, Any]) -> None:
    assert reported("a", history(*facts), **given)["a"].status is status


def test_every_word_has_its_story() -> None:
    told = {story[1] for story in STORIES} | {Status.WAITING, Status.NOT_NEEDED}
    assert told == set(Status)


def test_an_alternative_waits_for_its_turn_and_then_is_not_needed() -> None:
    assert reported("a | b", history(turn("a")))["b"].status is Status.WAITING
    assert reported("a | b", history(*ACCEPTED))["b"].status is Status.NOT_NEEDED
    assert reported("a | b", history(), EXPIRES)["b"].status is Status.GAVE_UP


def test_a_channel_tells_what_happened_last_and_when() -> None:
    outcome = Outcome(
        verdict=Verdict.UNAVAILABLE, scope=Scope.CHANNEL, reason=Reason.NOT_CONNECTED, detail="No connection."
    )
    facts = [*failed(Verdict.UNAVAILABLE, wait=3)[:2]]
    last = ended("a", START + 1, Verdict.UNAVAILABLE, not_before=START + 4)
    from dataclasses import replace

    channel = reported("a", history(*facts, replace(last, outcome=outcome)), START + 2)["a"]
    assert (channel.verdict, channel.reason, channel.error) == (
        Verdict.UNAVAILABLE,
        Reason.NOT_CONNECTED,
        "No connection.",
    )
    assert (channel.attempts, channel.began, channel.ended, channel.url) == (1, START, START + 1, None)


def test_an_error_that_is_over_is_no_error() -> None:
    facts = [*failed(Verdict.UNAVAILABLE, Reason.TIMED_OUT), began("a", START + 5, 2)]
    channel = reported("a", history(*facts, ended("a", START + 6, Verdict.ACCEPTED, 2)))["a"]
    assert (channel.status, channel.error, channel.attempts) == (Status.DONE, "", 2)


def test_the_next_try_is_when_both_the_wait_and_the_rest_are_over() -> None:
    past = history(turn("a"), began("a", START), ended("a", START + 1, Verdict.UNAUTHORIZED), turn("b"))
    down = Health(channel="a", condition=Condition.DOWN, not_before=START + 900)
    assert reported("a | b", past, health={"a": down})["a"].next_try == START + 900
    forever = Health(channel="a", condition=Condition.ISOLATED, not_before=START + 1e9)
    assert reported("a | b", past, health={"a": forever})["a"].next_try is None, "the announcement is over by then"
    waits = history(*failed(Verdict.THROTTLED, wait=600), turn("b"))
    assert reported("a | b", waits)["a"].next_try == START + 601
    assert reported("a", history(*ACCEPTED))["a"].next_try is None
    assert reported("a", history(turn("a")))["a"].next_try is None, "it is being sent"


def test_a_report_says_what_is_owed_and_whether_anything_may_still_change() -> None:
    owed = reported("a | b", history(*failed(Verdict.UNAUTHORIZED), *accepted("b")))
    assert (owed.state, owed.satisfied, owed.owed, owed.final) == (State.REROUTED, True, ("a",), False)
    over = reported("a", history(*failed(Verdict.UNAVAILABLE)), EXPIRES)
    assert (over.state, over.satisfied, over.owed, over.final) == (State.MISSED, False, (), True)
    late = reported("a", history(turn("a"), began("a", START)), EXPIRES)
    assert (late.state, late.final) == (State.UNSURE, False), "one post is still on its way"


def accepted(channel: str) -> tuple[Fact, ...]:
    return turn(channel), began(channel, START), ended(channel, START + 1, Verdict.ACCEPTED)


def test_asking_for_a_channel_that_the_route_lacks_is_a_mistake_that_names_the_others() -> None:
    report = reported("a & b", history())
    with pytest.raises(KeyError, match="a, b"):
        report["zzz"]


def test_the_keys_for_machines_never_change() -> None:
    told = reported("a | b", history(*failed(Verdict.UNAUTHORIZED, Reason.CREDENTIALS), *accepted("b"))).to_dict()
    assert told == {
        "schema": 1,
        "id": "story",
        "key": None,
        "state": "rerouted",
        "final": False,
        "owed": ["a"],
        "route": "a | b",
        "created": "1970-01-01T00:16:40.000Z",
        "expires": "1970-01-01T01:16:40.000Z",
        "cancelled": False,
        "repeated": False,
        "warnings": [],
        "channels": {
            "a": {
                "verdict": "unauthorized",
                "status": "owed",
                "reason": "credentials",
                "url": None,
                "attempts": 1,
                "error": None,
                "began": "1970-01-01T00:16:40.000Z",
                "ended": "1970-01-01T00:16:41.000Z",
                "next_try": "1970-01-01T00:16:41.000Z",
                "contacts": None,
            },
            "b": {
                "verdict": "accepted",
                "status": "done",
                "reason": None,
                "url": None,
                "attempts": 1,
                "error": None,
                "began": "1970-01-01T00:16:40.000Z",
                "ended": "1970-01-01T00:16:41.000Z",
                "next_try": None,
                "contacts": None,
            },
        },
        "contacts": None,
    }


def test_what_is_told_to_machines_can_be_written_as_json() -> None:
    import json

    told = reported("a", history(*ACCEPTED)).to_dict()
    assert json.loads(json.dumps(told)) == told
