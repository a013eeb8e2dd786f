"""What people read: who has it, what we still do, what they do. Every line is approved here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from surecast.decide import State
from surecast.outcome import Reason, Verdict
from surecast.report import ChannelReport, Report, Status, why_not
from surecast.report.words import _WHY

NOW = 1_780_282_920.0  # 2026-06-01 06:02 in Athens
SOON, LATER = NOW + 300, NOW + 4 * 3_600


def channel(name: str, status: Status, **own: Any) -> ChannelReport:
    given: dict[str, Any] = {
        "name": name,
        "platform": {"site": "Website"}.get(name, name.title()),
        "status": status,
        "verdict": Verdict.ACCEPTED if status is Status.DONE else None,
        "reason": Reason.NONE,
        "url": None,
        "attempts": 1,
        "error": "",
        "began": NOW - 10,
        "ended": NOW - 5,
        "next_try": None,
    }
    return ChannelReport(**{**given, **own})


def text(state: State, *channels: ChannelReport, owed: tuple[str, ...] = (), **own: Any) -> list[str]:
    given: dict[str, Any] = {
        "id": "k7m2p",
        "key": None,
        "state": state,
        "final": not owed,
        "owed": owed,
        "route": "x",
        "channels": {each.name: each for each in channels},
        "created_at": NOW - 10,
        "expires_at": LATER,
        "at": NOW,
        "time_zone": "Europe/Athens",
        "worker_seen_at": NOW,
    }
    return str(Report(**{**given, **own})).splitlines()


DONE = (channel("site", Status.DONE), channel("mastodon", Status.DONE))
DOWN = {"verdict": Verdict.UNAVAILABLE, "reason": Reason.NOT_CONNECTED, "next_try": SOON}


def test_the_report_of_the_worst_day() -> None:
    bluesky = channel("bluesky", Status.OWED, verdict=Verdict.INVISIBLE, reason=Reason.NOT_VISIBLE, next_try=SOON)
    assert text(State.REROUTED, DONE[1], DONE[0], bluesky, owed=("bluesky",)) == [
        "REROUTED 06:02 EEST: on Mastodon and your site, not on Bluesky (accepted, but nobody can see it).",
        "Bluesky is tried again at 06:07, until 10:02.",
        "Nothing to do.",
    ]


def test_all_is_well() -> None:
    assert text(State.REACHED, *DONE) == ["REACHED 06:02 EEST: on your site and Mastodon.", "Nothing to do."]


def test_one_channel_alone() -> None:
    assert text(State.REACHED, DONE[1]) == ["REACHED 06:02 EEST: on Mastodon.", "Nothing to do."]


def test_what_is_not_needed_or_has_no_turn_yet_is_not_spoken_of() -> None:
    others = channel("newsletter", Status.NOT_NEEDED), channel("sms", Status.WAITING)
    assert text(State.REACHED, DONE[0], *others)[0] == "REACHED 06:02 EEST: on your site."


def test_two_accounts_on_one_platform_have_their_own_names() -> None:
    both = channel("ferries", Status.DONE, platform="Mastodon"), channel("port", Status.DONE, platform="Mastodon")
    assert text(State.REACHED, *both)[0] == "REACHED 06:02 EEST: on ferries and port."


def test_still_at_it() -> None:
    assert text(State.PENDING, channel("bluesky", Status.SENDING)) == [
        "PENDING 06:02 EEST: on no channel yet: Bluesky (still at it).",
        "Nothing to do.",
    ]
    accepted = channel("bluesky", Status.SENDING, verdict=Verdict.ACCEPTED)
    assert text(State.PENDING, accepted)[0] == (
        "PENDING 06:02 EEST: on no channel yet: Bluesky (accepted, not yet seen in public)."
    )


def test_nobody_has_it() -> None:
    refused = channel(
        "bluesky", Status.GAVE_UP, verdict=Verdict.REFUSED, reason=Reason.TEXT_REFUSED, error="Text is too rude."
    )
    assert text(State.MISSED, refused) == [
        "MISSED 06:02 EEST: nobody has it: Bluesky (it refused the post: Text is too rude).",
        "Bluesky says: Text is too rude. Change the text and send it anew.",
    ]


def test_perhaps_there() -> None:
    unsure = channel("telegram", Status.UNSURE, verdict=Verdict.UNCERTAIN, reason=Reason.TIMED_OUT, perhaps=True)
    assert text(State.UNSURE, unsure) == [
        "UNSURE 06:02 EEST: perhaps on Telegram (it does not answer in time).",
        "Look whether it is on Telegram, then say so: surecast settle k7m2p telegram --there "
        "(or --not-there to send it again).",
    ]


def test_what_may_be_there_is_never_denied() -> None:
    doubt = channel("bluesky", Status.OWED, verdict=Verdict.UNCERTAIN, reason=Reason.CRASHED, perhaps=True)
    down = channel("threads", Status.OWED, **DOWN)
    assert text(State.REROUTED, DONE[1], doubt, down)[0] == (
        "REROUTED 06:02 EEST: on Mastodon, perhaps on Bluesky (we were interrupted while sending), "
        "not on Threads (it cannot be reached)."
    )


def test_a_refused_login_says_what_to_do() -> None:
    login = channel("bluesky", Status.OWED, verdict=Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS, next_try=SOON)
    assert text(State.REROUTED, DONE[1], login, owed=("bluesky",)) == [
        "REROUTED 06:02 EEST: on Mastodon, not on Bluesky (it refused our login).",
        "Bluesky is tried again at 06:07, until 10:02.",
        "Give Bluesky a valid password or token, then: surecast resume k7m2p.",
    ]


def test_a_channel_that_is_not_set_up_says_what_to_do() -> None:
    broken = channel(
        "bluesky",
        Status.OWED,
        verdict=Verdict.SKIPPED,
        reason=Reason.MISCONFIGURED,
        error="The secret BLUESKY_APP_PASSWORD is not set.",
        next_try=NOW - 5,
    )
    assert text(State.REROUTED, DONE[1], broken, owed=("bluesky",)) == [
        "REROUTED 06:02 EEST: on Mastodon, not on Bluesky (not set up: The secret BLUESKY_APP_PASSWORD is not set).",
        "Bluesky is tried again at the next run, until 10:02.",
        "Set up bluesky (surecast config check), then: surecast resume k7m2p.",
    ]


def test_nobody_delivers_what_is_owed() -> None:
    down = channel("bluesky", Status.OWED, **DOWN)
    for seen in (None, NOW - 601):
        assert text(State.REROUTED, DONE[1], down, owed=("bluesky",), worker_seen_at=seen) == [
            "REROUTED 06:02 EEST: on Mastodon, not on Bluesky (it cannot be reached).",
            "Bluesky is tried again at 06:07, until 10:02.",
            "Nobody is running to go on with it: surecast resume k7m2p, or in cron: */5 * * * * surecast work --once",
        ]
    assert text(State.REROUTED, DONE[1], down, owed=("bluesky",), worker_seen_at=NOW - 599)[-1] == "Nothing to do."


def test_a_site_that_is_owed_is_written_with_a_capital_letter() -> None:
    site = channel("site", Status.OWED, verdict=Verdict.UNAVAILABLE, reason=Reason.OURS, next_try=None)
    assert text(State.MISSED, site, owed=("site",))[1] == "Your site still gets it, until 10:02."


def test_a_repetition_says_that_nothing_was_sent_now() -> None:
    assert text(State.REACHED, DONE[1], repeated=True)[0] == (
        "REACHED 06:02 EEST: on Mastodon. The same announcement was sent before, so nothing was sent now."
    )


def test_warnings_come_with_what_to_do() -> None:
    assert text(State.REACHED, DONE[1], warnings=("ferry.png has no alternative text.",)) == [
        "REACHED 06:02 EEST: on Mastodon.",
        "ferry.png has no alternative text.",
    ]


def test_the_time_is_that_of_the_house_and_dates_stand_where_they_are_needed() -> None:
    down = channel("bluesky", Status.OWED, **{**DOWN, "next_try": NOW + 20 * 3_600})
    lines = text(State.MISSED, down, owed=("bluesky",), time_zone="UTC", expires_at=NOW + 23 * 3_600)
    assert lines[0].startswith("MISSED 03:02 UTC:")
    assert lines[1] == "Bluesky is tried again at 23:02, until 2026-06-02 02:02."


SENTENCES = {
    Reason.NOT_CONNECTED: "it cannot be reached",
    Reason.TIMED_OUT: "it does not answer in time",
    Reason.INTERRUPTED: "it broke off in the middle",
    Reason.CRASHED: "we were interrupted while sending",
    Reason.CANCELLED_IN_FLIGHT: "we were stopped while sending",
    Reason.SERVER_ERROR: "it answered with an error of its own",
    Reason.UNREADABLE_REPLY: "its answer cannot be read",
    Reason.REDIRECTED: "it sent us elsewhere",
    Reason.RATE_LIMITED: "it asks us to wait",
    Reason.TEXT_REFUSED: "it refused the post",
    Reason.MEDIA_REFUSED: "it refused an image",
    Reason.CREDENTIALS: "it refused our login",
    Reason.NOT_ALLOWED: "it does not allow us to post",
    Reason.NOT_VISIBLE: "accepted, but nobody can see it",
    Reason.OURS: "a fault on this machine",
    Reason.NO_NETWORK: "this machine has no network",
    Reason.BREAKER_OPEN: "it was down a moment ago and rests",
    Reason.ISOLATED: "switched off by hand",
    Reason.SPARED: "so many posts fail there that it is spared for a while",
    Reason.MISCONFIGURED: "not set up",
    Reason.CANNOT_BE_FITTED: "the text does not fit",
    Reason.CANCELLED: "cancelled",
    Reason.EXPIRED: "too late",
    Reason.SUPPRESSED: "not to be written to",
    Reason.OVER_THE_CAP: "no money is left for it",
    Reason.SUPERSEDED: "not needed any more",
    Reason.OUTDATED: "a newer announcement took its place",
    Reason.HAD_ELSEWHERE: "readers had it elsewhere",
    Reason.TOO_OFTEN: "had as many messages as one person may have",
    Reason.NOT_WORTH_IT: "no money is spent because of what happened to the others",
    Reason.NOBODY_THERE: "it reaches nobody in the audience",
    Reason.OPTED_OUT: "wants no messages",
    Reason.NO_SUCH_ADDRESS: "there is no such address",
    Reason.UNDELIVERED: "accepted, but it did not arrive",
}


@pytest.mark.parametrize("reason", SENTENCES)
def test_every_reason_has_its_words(reason: Reason) -> None:
    some = channel("bluesky", Status.OWED, verdict=Verdict.UNAVAILABLE, reason=reason)
    assert text(State.MISSED, some)[0] == f"MISSED 06:02 EEST: nobody has it: Bluesky ({SENTENCES[reason]})."


def test_no_reason_is_forgotten() -> None:
    assert set(_WHY) == set(SENTENCES) == set(Reason) - {Reason.NONE}


@pytest.mark.parametrize("verdict", [*Verdict])
def test_a_contact_without_a_reason_has_its_words_too(verdict: Verdict) -> None:
    assert why_not(verdict.value) != verdict.value
    assert why_not("no word that is known") == "not sent"


def test_no_line_names_a_verdict_or_shows_a_traceback() -> None:
    for verdict in Verdict:
        some = channel("bluesky", Status.OWED, verdict=verdict, reason=Reason.NONE, error="")
        shown = "\n".join(text(State.MISSED, some))
        assert verdict.name not in shown
        assert "Traceback" not in shown


def test_an_error_is_told_where_no_reason_says_more() -> None:
    odd = channel("bluesky", Status.GAVE_UP, verdict=Verdict.SKIPPED, reason=Reason.NONE, error="They said stop.")
    assert "Bluesky (They said stop)" in text(State.MISSED, odd)[0]
    assert "Bluesky (not sent)" in text(State.MISSED, replace(odd, error=""))[0]
