"""`surecast channels` and `surecast channels check`."""

from __future__ import annotations

import random
import re
import time

from surecast.ledger import signals
from surecast.sandbox import Fault, Sandbox
from surecast.signals import Answer, Signal, Source
from tests.cli.desk import Desk
from tests.ledger.open_files import opened
from tests.servers.faults import FaultServer

KEYS = {
    *("name", "type", "platform", "public", "costly", "resend", "limit", "unit", "images", "routes"),
    *("condition", "since", "reason", "reasons", "misconfigured"),
}


def test_every_channel_with_what_it_takes_and_where_it_stands(house: Desk) -> None:
    house.mastodon("http://127.0.0.1:9", "crew").route(
        "site & (bluesky | mastodon) & optional(crew)", urgent="site & at_least(1, bluesky, mastodon)"
    )
    ran = house.run("channels")
    assert ran.code == 0
    again, looks = (
        "a post in doubt may be sent again without harm",
        "a post in doubt is looked up before it is sent again",
    )
    assert ran.lines == [
        f"site: Website; no trouble known; public; text of any length, 20 images; {again}; in default, urgent",
        f"bluesky: Bluesky; no trouble known; public; 300 characters, 4 images; {again}; in default (first), urgent",
        f"mastodon: Mastodon; no trouble known; public; 500 characters, 4 images; {looks}; in default (alternative 1), urgent",  # noqa: E501
        f"crew: Mastodon; no trouble known; public; 500 characters, 4 images; {looks}; in default (optional)",
    ]
    assert not house.ledger.exists()


def test_as_json(house: Desk) -> None:
    told = house.run("channels", "--json").json
    assert set(told) == {"schema", "channels"}
    assert all(set(channel) == KEYS for channel in told["channels"])
    site, bluesky, _ = told["channels"]
    assert (site["limit"], bluesky["limit"], bluesky["resend"]) == (None, 300, "same_key")
    assert bluesky["routes"] == {"default": "first"}
    assert (bluesky["condition"], bluesky["reason"], bluesky["reasons"]) == ("unknown", None, [])


def test_one_that_is_not_set_up_comes_first_and_says_why(house: Desk) -> None:
    house.environment["ACCESS_TOKEN"] = ""
    ran = house.run("channels")
    assert ran.lines[0].startswith("mastodon: Mastodon; not set up; The secret from the environment variable ")
    assert house.run("channels", "--json").json["channels"][0]["misconfigured"].startswith("The secret ")


def test_one_that_failed_is_down_and_says_since_when_and_why(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", f"a {random.random()}")
    told = {channel["name"]: channel for channel in house.run("channels", "--json").json["channels"]}
    assert (told["site"]["condition"], told["mastodon"]["condition"]) == ("up", "up")
    assert (told["bluesky"]["condition"], told["bluesky"]["reason"]) == ("down", "unauthorized")
    assert told["bluesky"]["reasons"][0] == "it refused our login"
    assert told["bluesky"]["since"].endswith("Z")
    (line,) = [line for line in house.run("channels").lines if line.startswith("bluesky")]
    assert "; down since " in line
    assert ": it refused our login; " in line


def test_one_that_failed_just_now_is_degraded_and_says_why(house: Desk) -> None:
    seen = Signal(source=Source.PROBE, answer=Answer.BAD, detail="It is being repaired.")
    with opened(house.ledger) as database:
        signals.record(database, "mastodon", [seen], time.time())
    *_, line = house.run("channels").lines
    why = "asking it without posting failed just now: It is being repaired"
    assert line.startswith(f"mastodon: Mastodon; degraded: {why}; public; ")
    *_, told = house.run("channels", "--json").json["channels"]
    assert (told["condition"], told["reasons"]) == ("degraded", [why])


def test_one_that_is_off_says_until_when_and_why(house: Desk) -> None:
    house.run("channels", "off", "bluesky", "--for", "2h", "--why", "a pause")
    house.run("channels", "off", "mastodon")
    _, bluesky, mastodon = house.run("channels").lines
    assert re.match(r"bluesky: Bluesky; switched off by a person: a pause, until [-0-9 ]*\d\d:\d\d; public; ", bluesky)
    assert mastodon.startswith("mastodon: Mastodon; switched off by a person; public; ")


def test_without_routes_the_priorities_say_the_places(house: Desk) -> None:
    text = house.config.read_text().replace('[routes]\ndefault = "site & (bluesky | mastodon)"\n', "")
    house.config.write_text(text + "priority = 2\n", encoding="utf-8")
    told = {channel["name"]: channel["routes"] for channel in house.run("channels", "--json").json["channels"]}
    assert told == {
        "site": {"default": "first"},
        "bluesky": {"default": "first"},
        "mastodon": {"default": "alternative 1"},
    }


def test_check_tries_each_and_posts_nothing(house: Desk, far_side: Sandbox) -> None:
    before = len(far_side.platforms["bluesky"].posts())
    ran = house.run("channels", "check")
    assert ran.code == 0
    assert [line.split(": ")[:2] for line in ran.lines] == [["site", "ok"], ["bluesky", "ok"], ["mastodon", "ok"]]
    assert len(far_side.platforms["bluesky"].posts()) == before
    assert house.pages() == []


def test_check_fails_when_one_does(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("mastodon", Fault.UNAUTHORIZED)
    ran = house.run("channels", "check", "--json")
    assert (ran.code, ran.json["ok"]) == (4, False)
    assert {name: told["ok"] for name, told in ran.json["channels"].items()} == {
        "site": True,
        "bluesky": True,
        "mastodon": False,
    }
    quiet = house.run("channels", "check", "--quiet")
    assert (quiet.code, [line.split(":")[0] for line in quiet.lines]) == (4, ["mastodon"])


def test_check_of_some(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("mastodon", Fault.DOWN)
    ran = house.run("channels", "check", "bluesky", "site", "bluesky")
    assert (ran.code, [line.split(":")[0] for line in ran.lines]) == (0, ["bluesky", "site"])
    unknown = house.run("channels", "check", "bluesk")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err == "No channel is named 'bluesk'. There are: site, bluesky, mastodon.\n"


def test_check_asks_all_at_once(desk: Desk) -> None:
    with FaultServer("hang_after_body") as one, FaultServer("hang_after_body") as other:
        desk.mastodon(one.url, "one").mastodon(other.url, "other").route("one & other")
        began = time.monotonic()
        assert desk.run("channels", "check").code == 4
        assert time.monotonic() - began < 18  # each is given 10 s


def test_check_prints_no_secret(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    ran = house.run("channels", "check")
    assert house.environment["APP_PASSWORD"] not in ran.out + ran.err
