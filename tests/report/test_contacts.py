"""What a report says of direct channels, for programs: numbers that add up, and one word for each channel."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stories import EXPIRES, START, began, ended, history, ordered, plan, terms, turn

from surecast.channel import Terms
from surecast.contact import Medium
from surecast.crowd import Crowd, Roll, Spent, Tally
from surecast.decide import State, decide
from surecast.health import Condition, Health
from surecast.history import Fact, Order, Plan
from surecast.outcome import Outcome, Reason, Verdict
from surecast.quiet import Quiet
from surecast.report import Report, Status, make_report

OPENED = (turn("sms"),)
DOWN = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, detail="No connection.")


def direct(channel: str, **own: Any) -> Terms:
    given: dict[str, Any] = {"audience": "riders", "medium": Medium.PHONE, "when_unsure": "hold", "finds": False}
    return terms(channel, **{**given, "resend": "never", **own})


def crowd(bit: int = 1, *, covered: bool = True, own: dict[str, Any] | None = None, **numbers: Any) -> Crowd:
    return Crowd(tally=Tally(**numbers), bit=bit, covered=covered, **(own or {}))


def reported(
    route: str,
    crowds: dict[str, Crowd],
    roll: Roll,
    *facts: Fact,
    now: float = START + 10,
    cancelled_at: float | None = None,
    health: dict[str, Health] | None = None,
    some: Plan | None = None,
    **own: Terms,
) -> Report:
    names = [name for name in route.replace("|", " ").replace("&", " ").split() if name != "site"]
    made = some or plan(route, **{**{name: direct(name) for name in names}, **own})
    past = replace(history(*(facts or OPENED), cancelled_at=cancelled_at), crowds=crowds, rolls={"riders": roll})
    decision = decide(made, past, health or {}, now)
    return make_report(made, past, decision, now, health=health or {}, currency="CHF")


def everybody(contacts: int, **own: Any) -> Roll:
    return Roll(**{"complete": True, "able": {1: contacts}, **own})


STORIES: list[tuple[str, Status, Crowd, dict[str, Any]]] = [
    ("queued", Status.SENDING, crowd(queued=10), {}),
    ("on the way", Status.SENDING, crowd(sending=2, reached=8, first=8), {}),
    ("retried in their turns", Status.SENDING, crowd(retrying=2, reached=8, first=8), {}),
    ("its audience is being read", Status.SENDING, crowd(covered=False, reached=5, first=5), {}),
    ("everybody has it", Status.DONE, crowd(reached=10, first=10), {}),
    ("some were missed", Status.DONE, crowd(reached=9, first=9, missed=1), {}),
    ("held", Status.OWED, crowd(held=4, reached=6, first=6), {}),
    ("retried although their turns are over", Status.OWED, crowd(retrying=1, late=1, reached=9, first=9), {}),
    ("down as a whole", Status.OWED, crowd(queued=10, own={"spent": Spent.UNAVAILABLE, "last": DOWN}), {}),
    ("in doubt", Status.UNSURE, crowd(unsure=1, reached=9, first=9), {}),
    ("in doubt when it expired", Status.UNSURE, crowd(unsure=1, reached=9, first=9), {"now": EXPIRES}),
    ("refused", Status.GAVE_UP, crowd(queued=9, missed=1, own={"spent": Spent.REFUSED, "closed": True}), {}),
    ("all were missed", Status.GAVE_UP, crowd(missed=10), {}),
    ("expired in the middle", Status.GAVE_UP, crowd(queued=4, reached=6, first=6), {"now": EXPIRES}),
    ("cancelled in the middle", Status.GAVE_UP, crowd(queued=4, reached=6, first=6), {"cancelled_at": START + 5}),
    ("nobody is to be written to", Status.NOT_NEEDED, crowd(suppressed=10), {}),
]


@pytest.mark.parametrize(
    ("status", "some", "given"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES]
)
def test_every_story_has_its_word(status: Status, some: Crowd, given: dict[str, Any]) -> None:
    channel = reported("sms", {"sms": some}, everybody(10), **given)["sms"]
    assert channel.status is status
    assert channel.contacts is not None
    assert channel.contacts.planned == some.tally.planned


def test_a_channel_says_why_it_failed_and_when_it_began() -> None:
    some = crowd(queued=10, own={"spent": Spent.UNAVAILABLE, "last": DOWN})
    resting = {"sms": Health(channel="sms", condition=Condition.DOWN, not_before=START + 300)}
    channel = reported("sms", {"sms": some}, everybody(10), health=resting)["sms"]
    assert (channel.verdict, channel.reason, channel.error) == (
        Verdict.UNAVAILABLE,
        Reason.NOT_CONNECTED,
        "No connection.",
    )
    assert (channel.began, channel.next_try) == (START, START + 300)


def test_an_error_that_is_over_is_no_error() -> None:
    channel = reported("sms", {"sms": crowd(reached=10, first=10, own={"last": DOWN})}, everybody(10))["sms"]
    assert (channel.verdict, channel.reason, channel.error) == (Verdict.ACCEPTED, Reason.NONE, "")
    confirmed = reported("sms", {"sms": crowd(reached=10, first=10, confirmed=10)}, everybody(10))["sms"]
    assert confirmed.verdict is Verdict.CONFIRMED


def test_what_expired_or_was_cancelled_says_so_and_its_open_contacts_are_missed() -> None:
    some = {"sms": crowd(queued=3, held=1, reached=6, first=6)}
    expired = reported("sms", some, everybody(10), now=EXPIRES)
    cancelled = reported("sms", some, everybody(10), cancelled_at=START + 5)
    by_channel = reported("sms", some, everybody(10), *OPENED, ordered("sms", START + 5, Order.CANCEL))
    reasons = [each["sms"].reason for each in (expired, cancelled, by_channel)]
    assert reasons == [Reason.EXPIRED, Reason.CANCELLED, Reason.CANCELLED]
    for report in (expired, cancelled, by_channel):
        counts = report["sms"].contacts
        assert counts is not None
        assert (counts.open, counts.held, counts.missed, report.missed, report.held) == (0, 0, 4, 4, 0)


def test_contacts_in_doubt_are_looked_up_only_where_that_is_possible() -> None:
    some = {"sms": crowd(unsure=1, reached=9, first=9)}
    assert reported("sms", some, everybody(10))["sms"].next_try is None
    finds = reported("sms", some, everybody(10), sms=direct("sms", resend="after_lookup", finds=True))
    assert finds["sms"].next_try == START + 10
    assert finds["sms"].perhaps


def test_held_contacts_come_when_the_quiet_hours_end() -> None:
    some = replace(
        plan("sms", sms=direct("sms")), quiet=Quiet(begins=time(0, 0), ends=time(0, 30)), expires_at=START + 7_200
    )
    report = reported("sms", {"sms": crowd(held=4, reached=6, first=6)}, everybody(10), some=some)
    assert report["sms"].next_try == 1_800.0
    assert (report.groups[0].held, report.groups[0].held_until, report.groups[0].missed) == (4, 1_800.0, 0)
    assert report.state is State.PENDING


# Alternatives over one audience -----------------------------------------------------------------------------------


BOTH = (turn("sms"), turn("email"))
TWO = {1: 3, 2: 3, 3: 4}  # three with a telephone only, three with e-mail only, four with both


def test_whoever_is_reached_by_any_alternative_counts_once() -> None:
    crowds = {"sms": crowd(1, reached=6, first=6, missed=1), "email": crowd(2, reached=4, first=3, skipped=1)}
    report = reported("sms | email", crowds, everybody(10, able=TWO), *BOTH)
    (group,) = report.groups
    assert dict(group.shares) == {"sms": 6, "email": 3}
    assert (group.contacts, group.reached, group.missed, report.reached, report.missed) == (10, 9, 1, 9, 1)


def test_who_is_handed_on_is_on_the_way_and_not_missed() -> None:
    crowds = {"sms": crowd(1, reached=4, first=4, missed=3, unrouted=3), "email": crowd(2, queued=3)}
    (group,) = reported("sms | email", crowds, everybody(10, able=TWO), *BOTH).groups
    assert group.missed <= 3
    assert group.reached + group.missed + group.on_the_way == group.contacts


def test_an_audience_that_is_still_read_has_missed_nobody_yet() -> None:
    some = {"sms": crowd(covered=False, queued=2, reached=3, first=3)}
    (group,) = reported("sms", some, everybody(50, complete=False)).groups
    assert (group.complete, group.missed) == (False, 0)


def test_the_rest_is_not_missed_when_another_alternative_reached() -> None:
    facts = (turn("site"), turn("sms"))
    reached = (began("site", START), ended("site", START + 1, Verdict.ACCEPTED))
    some = {"sms": crowd(queued=6, reached=4, first=4)}
    report = reported("site | sms", some, everybody(10), *facts, *reached)
    counts = report["sms"].contacts
    assert report.state is State.REACHED
    assert counts is not None
    assert (counts.open, counts.missed, counts.skipped, report.missed) == (0, 0, 6, 0)


def test_two_channels_that_are_both_needed_are_two_groups() -> None:
    crowds = {"sms": crowd(1, reached=7, first=7), "email": crowd(2, reached=7, first=7)}
    report = reported("sms & email", crowds, everybody(10, able=TWO), *BOTH)
    assert [(group.contacts, list(group.shares)) for group in report.groups] == [(7, ["sms"]), (7, ["email"])]
    assert report.reached == 14


def test_whom_a_channel_cannot_reach_is_counted_beside_what_is_wrong_in_the_audience() -> None:
    roll = everybody(10, able=TWO, unable=5, flawed=2, duplicates=1)
    some = {"sms": replace(crowd(1, reached=6, first=6), duplicates=1)}
    counts = reported("sms | email", some, roll)["sms"].contacts
    assert counts is not None
    assert (counts.unable, counts.flawed, counts.duplicates) == (5 + 3, 2, 2)


def test_a_channel_whose_turn_did_not_open_has_no_numbers() -> None:
    report = reported("sms | email", {"sms": crowd(queued=10)}, everybody(10, able={3: 10}))
    assert (report["email"].contacts, report["email"].status) == (None, Status.WAITING)
    reached = reported("sms | email", {"sms": crowd(reached=10, first=10)}, everybody(10, able={3: 10}))
    assert reached["email"].status is Status.NOT_NEEDED


numbers = st.integers(0, 50)


@given(
    tally=st.fixed_dictionaries(
        dict.fromkeys(("queued", "sending", "retrying", "held", "reached", "unsure", "missed", "skipped"), numbers)
    ),
    confirmed=numbers,
    spent=st.sampled_from(Spent),
    closed=st.booleans(),
    complete=st.booleans(),
    more=numbers,
    over=st.booleans(),
)
def test_the_numbers_always_add_up(
    *, tally: dict[str, int], confirmed: int, spent: Spent, closed: bool, complete: bool, more: int, over: bool
) -> None:
    own = {"spent": spent, "closed": closed}
    confirmed = min(confirmed, tally["reached"])
    some = crowd(first=tally["reached"], confirmed=confirmed, own=own, covered=complete, **tally)
    roll = everybody(some.tally.planned + more, complete=complete)
    report = reported("sms", {"sms": some}, roll, now=EXPIRES if over else START + 10)
    counts, (group,) = report["sms"].contacts, report.groups
    assert counts is not None
    parts = (counts.reached, counts.missed, counts.unsure, counts.suppressed, counts.skipped, counts.open)
    assert sum(parts) == counts.planned == some.tally.planned
    assert counts.held <= counts.open
    told = (group.reached, group.missed, group.unsure, group.on_the_way, group.held)
    assert min(told) >= 0
    assert sum(told) <= group.contacts
    if complete and report.final:
        assert sum(told) == group.contacts
    assert str(report)


def test_the_keys_for_machines_never_change() -> None:
    some = {"sms": crowd(reached=9, first=9, missed=1, cost=0.0747)}
    told = reported("sms", some, everybody(10)).to_dict()
    assert told["contacts"] == {
        "reached": 9,
        "missed": 1,
        "unsure": 0,
        "suppressed": 0,
        "held": 0,
        "cost": 0.0747,
        "currency": "CHF",
        "groups": [
            {
                "audience": "riders",
                "channels": ["sms"],
                "contacts": 10,
                "reached": 9,
                "missed": 1,
                "unsure": 0,
                "suppressed": 0,
                "on_the_way": 0,
                "held": 0,
                "complete": True,
            }
        ],
    }
    assert told["channels"]["sms"]["contacts"] == {
        "planned": 10,
        "reached": 9,
        "confirmed": 0,
        "missed": 1,
        "unsure": 0,
        "suppressed": 0,
        "skipped": 0,
        "open": 0,
        "held": 0,
        "unable": 0,
        "flawed": 0,
        "duplicates": 0,
        "cost": 0.0747,
    }
    assert json.loads(json.dumps(told)) == told
