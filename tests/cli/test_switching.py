"""`surecast channels off`, `on`, `trial` and `history`; the shape of the objects is frozen."""

from __future__ import annotations

import random
import re

import pytest

from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import Desk

#: Scripts read these. A key may be added; none may go or change its meaning.
SWITCHED_KEYS = {"schema", "channel", "platform", "switched", "at", "until", "owed", "worker_seen"}
TRIED_KEYS = {"schema", "channel", "platform", "ok", "probe", "broadcast"}
SWITCH_KEYS = {"at", "channel", "what", "who", "why", "facts", "until"}


def send(desk: Desk) -> str:
    return str(desk.run("send", f"a {random.random()}", "--json").json["id"])


def posts_on_bluesky(far_side: Sandbox) -> int:
    return len(far_side.platforms["bluesky"].posts())


# Off


def test_nobody_posts_to_a_channel_that_is_off(house: Desk, far_side: Sandbox) -> None:
    before = posts_on_bluesky(far_side)
    ran = house.run("channels", "off", "bluesky", "--for", "2h", "--why", "they asked for a pause")
    assert (ran.code, ran.err) == (0, "")
    assert re.fullmatch(
        r"bluesky is off until [-0-9 ]*\d\d:\d\d: no process posts there, and routes go on to the next alternative\.",
        ran.lines[0],
    )
    assert ran.lines[1:] == [
        "Nothing is owed there now; what is announced meanwhile is owed there until it expires.",
        "On again sooner: surecast channels on bluesky.",
    ]
    sent = house.run("send", f"a {random.random()}")
    assert sent.code == 3
    assert "not on Bluesky (switched off by hand)" in sent.lines[0]
    assert house.run("resume").code == 3
    assert posts_on_bluesky(far_side) == before


def test_off_without_a_time_is_until_somebody_switches_it_on(house: Desk) -> None:
    ran = house.run("channels", "off", "mastodon")
    assert ran.lines[0].startswith("mastodon is off until you switch it on: ")
    assert ran.lines[-1] == "On again: surecast channels on mastodon."
    assert re.search(r"^mastodon: Mastodon; switched off by a person; public", house.run("channels").out, re.MULTILINE)


def test_what_is_owed_to_a_channel_that_is_switched_off_stays_owed(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    one = house.run("channels", "off", "bluesky")
    assert re.fullmatch(r"1 post is owed there; it stays owed, until [-0-9 ]+:\d\d\.", one.lines[1])
    send(house)
    two = house.run("channels", "off", "bluesky", "--for", "1h")
    assert two.lines[1].startswith("2 posts are owed there; they stay owed, the first of them until ")


def test_the_configuration_that_was_named_is_named_in_what_to_type_next(house: Desk) -> None:
    ran = house.run("channels", "off", "bluesky", "--config", str(house.config))
    assert ran.lines[-1] == f"On again: surecast channels on bluesky --config {house.config}."


def test_an_order_as_json(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    told = house.run("channels", "off", "bluesky", "--for", "2h", "--json").json
    assert set(told) == SWITCHED_KEYS
    assert (told["channel"], told["platform"], told["switched"]) == ("bluesky", "Bluesky", "off")
    assert told["at"] < told["until"]
    assert set(told["owed"]) == {"channel", "posts", "oldest", "expires"}
    assert (told["owed"]["posts"], told["worker_seen"]) == (1, None)
    told = house.run("channels", "on", "bluesky", "--json").json
    assert set(told) == SWITCHED_KEYS
    assert (told["switched"], told["until"]) == ("on", None)


def test_quiet_an_order_that_was_carried_out_says_nothing(house: Desk) -> None:
    for words in (("off", "bluesky"), ("on", "bluesky"), ("trial", "bluesky"), ("history",)):
        ran = house.run("channels", *words, "--quiet")
        assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("verb", ["off", "on", "trial", "history"])
def test_a_channel_that_is_not_there_is_a_sentence_that_names_those_that_are(house: Desk, verb: str) -> None:
    ran = house.run("channels", verb, "blusky")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "No channel is named 'blusky'. There are: site, bluesky, mastodon.\n"


@pytest.mark.parametrize("span", ["0", "soon"])
def test_a_time_that_is_none_is_refused(house: Desk, span: str) -> None:
    ran = house.run("channels", "off", "bluesky", "--for", span)
    assert (ran.code, ran.out) == (2, "")
    assert not house.ledger.exists() or house.run("channels", "history", "--json").json["switches"] == []


# On


def test_what_is_owed_is_delivered_by_whoever_runs_when_a_channel_is_on_again(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    far_side.lift()
    before = posts_on_bluesky(far_side)
    ran = house.run("channels", "on", "bluesky", "--why", "a new password")
    assert ran.code == 0
    assert ran.lines[0] == "bluesky is on: posts go there again."
    assert ran.lines[1].startswith("1 post is owed there, until ")
    assert ran.lines[2].startswith("Nobody is running to deliver what is owed: surecast resume, or in cron: */5 ")
    assert posts_on_bluesky(far_side) == before, "it posts nothing itself"
    assert house.run("resume").code == 0
    assert posts_on_bluesky(far_side) == before + 1
    ran = house.run("channels", "on", "bluesky")
    assert ran.lines == ["bluesky is on: posts go there again.", "Nothing is owed there. Nothing to do."]


def test_a_worker_that_was_seen_is_counted_on(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    house.run("work", "--once")
    ran = house.run("channels", "on", "bluesky")
    assert re.fullmatch(
        r"1 post is owed there, until [-0-9 ]+:\d\d; the worker delivers it now\. Nothing to do\.", ran.lines[1]
    )


# A trial


def test_a_trial_that_went_well_shows_the_report(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    name = send(house)
    far_side.lift()
    ran = house.run("channels", "trial", "bluesky", "--why", "a new password")
    assert ran.code == 0
    assert ran.lines[0].startswith("bluesky answers: ")
    assert ran.lines[1] == f"It was tried with broadcast {name}, and took the oldest post that was owed:"
    assert ran.lines[3].startswith("REACHED ")
    assert ran.lines[-1] == f"Broadcast {name}"


def test_a_trial_whose_probe_fails_posts_nothing_and_exits_with_4(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    ran = house.run("channels", "trial", "bluesky")
    assert (ran.code, ran.err) == (4, "")
    assert ran.lines[0].startswith("bluesky does not work: Bluesky does not accept the credentials")
    assert ran.lines[1:] == [
        "Nothing was posted there, and what is owed stays owed.",
        "When that is put right: surecast channels trial bluesky.",
    ]
    assert house.environment["APP_PASSWORD"] not in ran.out
    assert house.run("channels", "trial", "bluesky", "--quiet").lines == ran.lines


def test_a_trial_whose_post_fails_exits_with_4_and_says_so(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("mastodon", Fault.UNAVAILABLE, on=On.WRITES)
    name = str(house.run("send", "a", "--route", "mastodon", "--json").json["id"])
    ran = house.run("channels", "trial", "mastodon")
    assert ran.code == 4
    assert ran.lines[1] == f"It was tried with broadcast {name}, but did not take the post that was owed:"
    assert ran.lines[3].startswith("MISSED ")


def test_where_nothing_is_owed_a_trial_only_asks(house: Desk, far_side: Sandbox) -> None:
    before = posts_on_bluesky(far_side)
    ran = house.run("channels", "trial", "bluesky")
    assert ran.code == 0
    assert ran.lines[1] == "Nothing is owed there, so nothing was posted; the next announcement is tried there at once."
    assert posts_on_bluesky(far_side) == before


def test_a_trial_as_json(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    name = send(house)
    told = house.run("channels", "trial", "bluesky", "--json")
    assert (told.code, set(told.json)) == (4, TRIED_KEYS)
    assert (told.json["ok"], told.json["probe"]["ok"], told.json["broadcast"]) == (False, False, None)
    far_side.lift()
    told = house.run("channels", "trial", "bluesky", "--json")
    assert (told.code, told.json["ok"], told.json["probe"]["ok"]) == (0, True, True)
    assert told.json["broadcast"]["id"] == name


def test_a_channel_that_is_off_is_not_tried_and_says_what_to_do(house: Desk) -> None:
    house.run("channels", "off", "bluesky", "--why", "a pause")
    ran = house.run("channels", "trial", "bluesky")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == ("bluesky is switched off (a pause), so it is not tried. First: surecast channels on bluesky.\n")


# The history


def test_every_switch_is_listed_newest_first(house: Desk, far_side: Sandbox) -> None:
    assert house.run("channels", "history").lines == ["No channel was switched yet."]
    assert not house.ledger.exists()
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    send(house)
    house.run("channels", "off", "bluesky", "--why", "they asked\nfor a pause")
    house.run("channels", "on", "bluesky")
    house.run("channels", "off", "mastodon", "--for", "1h")
    lines = [re.sub(r"^[-0-9 ]*\d\d:\d\d  ", "", line) for line in house.run("channels", "history").lines]
    assert re.fullmatch(r"mastodon  switched off until [-0-9 ]*\d\d:\d\d  by a person", lines[0])
    assert lines[1:3] == [
        "bluesky  switched on  by a person  it was switched off: they asked for a pause",
        "bluesky  switched off  by a person  they asked for a pause",
    ]
    assert lines[3].startswith("bluesky  taken as down  by its posts  Bluesky does not accept the login.")
    assert [line.split("  ")[1] for line in house.run("channels", "history", "mastodon").lines] == ["mastodon"]
    told = house.run("channels", "history", "bluesky", "--json").json
    assert set(told) == {"schema", "switches"}
    assert all(set(switch) == SWITCH_KEYS for switch in told["switches"])
    assert [(each["what"], each["who"]) for each in told["switches"]] == [
        ("on", "person"),
        ("off", "person"),
        ("opened", "breaker"),
    ]
    (off,) = house.run("channels", "history", "mastodon", "--json").json["switches"]
    assert off["at"] < off["until"]


def test_on_a_terminal_the_history_is_a_table(house: Desk) -> None:
    house.run("channels", "off", "bluesky", "--why", "they asked for a pause")
    screen = house.watch("channels", "history")
    assert screen.code == 0
    assert screen.lines[0].split() == ["time", "channel", "what", "by", "why"]
    assert "switched off" in screen.text
    assert "they asked for a pause" in screen.text
