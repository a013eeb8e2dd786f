"""What people read about contacts: how many have it, how many were missed, what becomes of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.report.test_words import DONE, DOWN, LATER, NOW, channel, text

from surecast.decide import State
from surecast.outcome import Reason, Verdict
from surecast.report import ChannelReport, ContactCounts, GroupReport, Status

SEVEN = NOW + 58 * 60  # 07:00 in Athens


def direct(name: str, status: Status, *, counts: dict[str, Any] | None = None, **own: Any) -> ChannelReport:
    platform = {"sms": "SMS", "newsletter": "E-mail"}.get(name, name.title())
    return channel(name, status, platform=platform, contacts=ContactCounts(**(counts or {})), **own)


def group(contacts: int, *, missed: int = 0, **given: Any) -> GroupReport:
    """Shares are given by the channels' names."""
    fields = {name: given.pop(name, 0) for name in ("unsure", "suppressed", "on_the_way", "held")}
    own = {name: given.pop(name) for name in ("held_until", "complete") if name in given}
    return GroupReport(
        audience="riders",
        shares=given,
        contacts=contacts,
        reached=sum(given.values()),
        missed=missed,
        **fields,
        **own,
    )


SENT = direct("sms", Status.DONE, counts={"planned": 10_000, "reached": 9_874, "missed": 112, "unsure": 14})


def test_the_first_line_says_how_many_have_it_and_how_many_were_missed() -> None:
    assert text(State.REACHED, DONE[0], SENT, groups=(group(10_000, missed=112, unsure=14, sms=9_874),))[:2] == [
        "REACHED 06:02 EEST: on your site; SMS to 9,874 of 10,000 contacts (112 missed, 14 unsure).",
        "Who was missed: surecast status k7m2p --missed.",
    ]


def test_two_alternatives_share_an_audience() -> None:
    sms = direct("sms", Status.DONE, counts={"planned": 5_000, "reached": 4_012, "missed": 988})
    mail = direct("newsletter", Status.DONE, counts={"planned": 5_988, "reached": 5_870, "missed": 118})
    down = channel("bluesky", Status.OWED, **DOWN)
    lines = text(
        State.REROUTED,
        down,
        sms,
        mail,
        owed=("bluesky",),
        groups=(group(10_000, missed=118, sms=4_012, newsletter=5_870),),
    )
    assert lines == [
        "REROUTED 06:02 EEST: SMS to 4,012 and E-mail to 5,870 of 10,000 contacts (118 missed), "
        "not on Bluesky (it cannot be reached).",
        "Bluesky is tried again at 06:07, until 10:02.",
        "Who was missed: surecast status k7m2p --missed.",
    ]


def test_everybody_has_it() -> None:
    done = direct("sms", Status.DONE, counts={"planned": 10_000, "reached": 10_000})
    assert text(State.REACHED, done, groups=(group(10_000, sms=10_000),)) == [
        "REACHED 06:02 EEST: SMS to all 10,000 contacts.",
        "Nothing to do.",
    ]
    one = direct("sms", Status.DONE, counts={"planned": 1, "reached": 1})
    assert text(State.REACHED, one, groups=(group(1, sms=1),))[0] == (
        "REACHED 06:02 EEST: SMS to 1 of 1 contact (none missed)."
    )


def test_while_it_is_sent() -> None:
    sms = direct("sms", Status.SENDING, counts={"planned": 10_000, "reached": 4_012, "open": 5_985, "missed": 3})
    some = group(10_000, sms=4_012, missed=3, on_the_way=5_985)
    assert text(State.PENDING, sms, groups=(some,)) == [
        "PENDING 06:02 EEST: SMS to 4,012 of 10,000 contacts so far (3 missed, 5,985 on the way).",
        "Nothing to do.",
    ]
    reading = replace(some, complete=False, missed=0)
    assert text(State.PENDING, sms, groups=(reading,))[0] == (
        "PENDING 06:02 EEST: SMS to 4,012 of at least 10,000 contacts so far (none missed, 5,985 on the way)."
    )
    begun = group(10_000, sms=0, on_the_way=10_000)
    assert text(State.PENDING, sms, groups=(begun,))[0] == (
        "PENDING 06:02 EEST: SMS to 0 of 10,000 contacts so far (none missed, 10,000 on the way)."
    )


def test_people_who_are_not_woken() -> None:
    counts = {"planned": 300, "reached": 174, "open": 126, "held": 126}
    sms = direct("sms", Status.OWED, counts=counts, next_try=SEVEN)
    some = group(300, sms=174, held=126, held_until=SEVEN)
    assert text(State.PENDING, sms, owed=("sms",), groups=(some,)) == [
        "PENDING 06:02 EEST: SMS to 174 of 300 contacts (none missed, 126 held until 07:00).",
        "126 contacts get SMS when the quiet hours end at 07:00.",
        "Nothing to do.",
    ]
    early = text(State.PENDING, sms, owed=("sms",), groups=(some,), expires_at=NOW + 1_800)
    assert early[1] == "126 contacts will not get SMS: their quiet hours end at 07:00, and it expires at 06:32."
    nobody = group(300, sms=0, held=300, held_until=SEVEN)
    assert text(State.PENDING, sms, owed=("sms",), groups=(nobody,))[0] == (
        "PENDING 06:02 EEST: none of 300 contacts has it yet (none missed, 300 held until 07:00)."
    )


def test_some_are_still_tried_though_they_count_as_missed() -> None:
    sms = direct("sms", Status.OWED, counts={"planned": 100, "reached": 70, "open": 30}, **DOWN)
    assert text(State.MISSED, sms, owed=("sms",), groups=(group(100, sms=70, missed=30),)) == [
        "MISSED 06:02 EEST: SMS to 70 of 100 contacts (30 missed).",
        "SMS is tried again at 06:07 for 30 contacts, until 10:02.",
        "Nothing to do.",
    ]


def test_a_channel_that_is_down_for_all_says_why() -> None:
    sms = direct("sms", Status.OWED, counts={"planned": 100, "open": 100}, **{**DOWN, "next_try": None})
    assert text(State.MISSED, DONE[0], sms, owed=("sms",), groups=(group(100, sms=0, missed=100),)) == [
        "MISSED 06:02 EEST: on your site; none of 100 contacts has it, not by SMS (it cannot be reached).",
        "SMS is tried again for 100 contacts, until 10:02.",
        "Nothing to do.",
    ]


def test_a_refused_login_says_what_to_do() -> None:
    own = {"verdict": Verdict.UNAUTHORIZED, "reason": Reason.CREDENTIALS, "next_try": None}
    sms = direct("sms", Status.OWED, counts={"planned": 5, "open": 5}, **own)
    lines = text(State.MISSED, sms, owed=("sms",), groups=(group(5, sms=0, missed=5),))
    assert lines[0] == "MISSED 06:02 EEST: none of 5 contacts has it, not by SMS (it refused our login)."
    assert lines[-1] == "Give SMS a valid password or token, then: surecast resume k7m2p."


def test_an_audience_that_cannot_be_read_names_no_number() -> None:
    own = {"verdict": Verdict.SKIPPED, "reason": Reason.MISCONFIGURED, "error": "riders.csv is not there."}
    sms = direct("sms", Status.OWED, **own)
    assert text(State.MISSED, sms, owed=("sms",), groups=(group(0, sms=0),)) == [
        "MISSED 06:02 EEST: nobody has it: SMS (not set up: riders.csv is not there).",
        "SMS is tried again, until 10:02.",
        "Set up sms (surecast config check), then: surecast resume k7m2p.",
    ]


@pytest.mark.parametrize(("unsure", "said"), [(1, "1 contact has it"), (14, "14 contacts have it")])
def test_people_in_doubt_are_for_a_person_to_settle(unsure: int, said: str) -> None:
    own = {"verdict": Verdict.UNCERTAIN, "reason": Reason.TIMED_OUT, "perhaps": True}
    sms = direct("sms", Status.UNSURE, counts={"planned": 20, "reached": 20 - unsure, "unsure": unsure}, **own)
    lines = text(State.UNSURE, sms, groups=(group(20, sms=20 - unsure, unsure=unsure),))
    assert lines == [
        f"UNSURE 06:02 EEST: SMS to {20 - unsure} of 20 contacts (none missed, {unsure} unsure).",
        f"Whether {said} by SMS is not known: surecast status k7m2p --unsure. "
        "Then say so: surecast settle k7m2p sms --there (or --not-there to send it again).",
    ]


def test_people_in_doubt_who_are_looked_up_are_for_nobody_to_settle() -> None:
    sms = direct("sms", Status.UNSURE, counts={"planned": 20, "reached": 6, "unsure": 14}, perhaps=True, next_try=NOW)
    lines = text(State.UNSURE, sms, groups=(group(20, sms=6, unsure=14),))
    assert lines[1:] == ["14 contacts in doubt by SMS: looked up again, until 10:02.", "Nothing to do."]


def test_people_for_whom_no_money_is_left() -> None:
    sms = direct("sms", Status.DONE, counts={"planned": 100, "reached": 70, "skipped": 30})
    lines = text(State.MISSED, sms, groups=(group(100, sms=70, missed=30),), expires_at=LATER)
    assert lines[2] == (
        "30 contacts were left out of SMS: reached by another channel, or had too many messages, or max_cost or "
        "max_cost_per_day is spent. Which: surecast status k7m2p --missed."
    )


def test_two_channels_that_are_both_needed() -> None:
    sms = direct("sms", Status.DONE, counts={"planned": 7, "reached": 7})
    mail = direct("newsletter", Status.DONE, counts={"planned": 9, "reached": 8, "missed": 1})
    assert text(State.REACHED, sms, mail, groups=(group(7, sms=7), group(9, newsletter=8, missed=1)))[0] == (
        "REACHED 06:02 EEST: SMS to all 7 contacts; E-mail to 8 of 9 contacts (1 missed)."
    )


def test_two_channels_of_one_platform_have_their_own_names() -> None:
    first = replace(direct("newsletter", Status.DONE, counts={"planned": 2, "reached": 2}), name="relay-a")
    second = replace(first, name="relay-b")
    assert text(State.REACHED, first, second, groups=(group(4, **{"relay-a": 2, "relay-b": 2}),))[0] == (
        "REACHED 06:02 EEST: relay-a to 2 and relay-b to 2 of 4 contacts (none missed)."
    )


@pytest.mark.parametrize(
    ("reason", "said"), [(Reason.CANCELLED, "as it was cancelled"), (Reason.EXPIRED, "as it was too late")]
)
def test_what_was_cut_short_says_so(reason: Reason, said: str) -> None:
    sms = direct("sms", Status.GAVE_UP, counts={"planned": 1_800, "reached": 529, "missed": 1_271}, reason=reason)
    assert text(State.MISSED, sms, groups=(group(1_800, sms=529, missed=1_271),))[0] == (
        f"MISSED 06:02 EEST: SMS to 529 of 1,800 contacts (1,271 missed, {said})."
    )


def test_a_channel_that_has_not_begun() -> None:
    site = channel("site", Status.OWED, attempts=0)
    assert text(State.PENDING, site, owed=("site",))[0] == (
        "PENDING 06:02 EEST: on no channel yet: your site (not begun yet)."
    )
