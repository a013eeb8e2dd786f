"""`surecast resume`, `cancel` and `settle`."""

from __future__ import annotations

import random

import pytest

from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import Desk


def words() -> str:
    return f"Pier {random.randrange(10**9)} is closed"


def count(far_side: Sandbox, platform: str, text: str) -> int:
    return sum(text in post.text for post in far_side.platforms[platform].posts())


def missed_on_bluesky(house: Desk, far_side: Sandbox) -> tuple[str, str]:
    """A broadcast that Bluesky still owes: its text and id."""
    text = words()
    far_side.fault("bluesky", Fault.DOWN)
    ran = house.run("send", text, "--json")
    assert (ran.code, ran.json["owed"]) == (3, ["bluesky"])
    return text, ran.json["id"]


@pytest.mark.parametrize("named", [True, False])
def test_resume_pays_back_what_is_owed_once(house: Desk, far_side: Sandbox, named: bool) -> None:
    text, name = missed_on_bluesky(house, far_side)
    far_side.lift()
    given = (name,) if named else ()
    resumed = house.run("resume", *given, "--json")
    assert resumed.code == 0, resumed.out
    assert [each["state"] for each in resumed.json["broadcasts"]] == ["reached"]
    again = house.run("resume", *given)
    assert again.code == 0
    assert again.lines[0].startswith("REACHED ") if named else again.lines == ["Nothing is owed."]
    assert (count(far_side, "bluesky", text), count(far_side, "mastodon", text)) == (1, 1)


def test_resume_exits_with_the_code_of_the_worst(house: Desk, far_side: Sandbox) -> None:
    missed_on_bluesky(house, far_side)
    assert house.run("resume", "--for", "5s").code == 3
    house.route("bluesky")
    assert house.run("send", words()).code == 4
    ran = house.run("resume", "--for", "5s", "--json")
    assert (ran.code, sorted(each["state"] for each in ran.json["broadcasts"])) == (4, ["missed", "rerouted"])


def test_resume_waits_no_longer_than_it_may(house: Desk, far_side: Sandbox) -> None:
    ran = house.run("resume", "--for", "later")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("surecast resume: Invalid value for '--for': 'later' is no time span.")


def test_resume_with_nothing_owed_makes_no_ledger(shop: Desk) -> None:
    ran = shop.run("resume")
    assert (ran.code, ran.lines) == (0, ["Nothing is owed."])
    assert shop.run("resume", "--json").json == {"schema": 1, "broadcasts": []}
    assert shop.run("resume", "--quiet").out == ""
    assert shop.run("resume", "last").code == 2
    assert not shop.ledger.exists()


def test_cancel_stops_for_good_what_is_owed(house: Desk, far_side: Sandbox) -> None:
    text, name = missed_on_bluesky(house, far_side)
    ran = house.run("cancel", name, "--json")
    assert (ran.code, ran.json["cancelled"], ran.json["owed"]) == (0, True, [])
    far_side.lift()
    house.run("resume")
    assert count(far_side, "bluesky", text) == 0
    assert house.run("status", name, "--json").json["final"] is True


def test_cancel_of_one_channel_lets_the_others_go_on(house: Desk, far_side: Sandbox) -> None:
    text = words()
    far_side.fault("bluesky", Fault.DOWN)
    far_side.fault("mastodon", Fault.DOWN)
    house.route("bluesky & mastodon")
    assert house.run("send", text).code == 4
    ran = house.run("cancel", "last", "--channel", "bluesky", "--json")
    assert (ran.code, ran.json["owed"]) == (0, ["mastodon"])
    far_side.lift()
    house.run("resume")
    assert (count(far_side, "bluesky", text), count(far_side, "mastodon", text)) == (0, 1)


def test_orders_about_what_is_not_there_are_sentences(shop: Desk) -> None:
    for verb in (("cancel", "last"), ("settle", "last", "site", "--there")):
        ran = shop.run(*verb)
        assert (ran.code, ran.err) == (2, "Nothing was broadcast yet from this ledger.\n")
    shop.run("send", "one")
    ran = shop.run("cancel", "last", "--channel", "sit")
    assert ran.code == 2
    assert "has no channel 'sit'. It has: site." in ran.err


def in_doubt(house: Desk, far_side: Sandbox) -> str:
    """A post that Mastodon took in without our knowing, while it does not answer look-ups either."""
    text = words()
    far_side.fault("mastodon", Fault.HANG_AFTER)
    house._channels = [line for line in house._channels if "settle_after" not in line]
    house.route("mastodon")
    house.config.write_text(house.config.read_text() + 'within = "2s"\n', encoding="utf-8")
    assert house.run("send", text).code in {4, 5}
    return text


def test_settle_there_makes_it_reached_and_nothing_is_sent_again(house: Desk, far_side: Sandbox) -> None:
    text = in_doubt(house, far_side)
    before = count(far_side, "mastodon", text)
    ran = house.run("settle", "last", "mastodon", "--json", "--there", "https://social.example/@ferries/1")
    assert (ran.code, ran.json["state"]) == (0, "reached")
    assert ran.json["channels"]["mastodon"]["url"] == "https://social.example/@ferries/1"
    far_side.lift()
    assert house.run("resume").code == 0
    assert count(far_side, "mastodon", text) == before


def test_settle_there_needs_no_address(shop: Desk) -> None:
    shop.run("send", "one")
    ran = shop.run("settle", "last", "site", "--there")
    assert (ran.code, ran.lines[0][:8]) == (0, "REACHED ")


def test_settle_not_there_lets_it_be_sent_again(house: Desk, far_side: Sandbox) -> None:
    text = in_doubt(house, far_side)
    far_side.lift()
    assert house.run("settle", "last", "mastodon", "--not-there").code == 0
    assert house.run("resume", "last").code == 0
    assert count(far_side, "mastodon", text) >= 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "Look for the post, then say one of: --there [URL], or --not-there to send it again."),
        (("--there", "https://a.example", "--not-there"), "Look for the post, then say one of: --there [URL], "),
        (("--there", "ferries"), "'ferries' is not a web address. Write --there at the end, alone or with https://..."),
    ],
)
def test_settle_wants_one_clear_answer(shop: Desk, given: tuple[str, ...], sentence: str) -> None:
    ran = shop.run("settle", "last", "site", *given)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(sentence)


def test_orders_are_quiet_when_asked(shop: Desk) -> None:
    shop.run("send", "one")
    assert shop.run("cancel", "last", "--quiet").out == ""
    assert shop.run("resume", "last", "--quiet").out == ""
    assert shop.run("settle", "last", "site", "--quiet", "--there").out == ""


def test_a_fault_on_writes_only_is_found_by_resume(house: Desk, far_side: Sandbox) -> None:
    text = words()
    house.route("bluesky")
    far_side.fault("bluesky", Fault.LOST_REPLY, on=On.WRITES)
    assert house.run("send", text).code in {0, 4, 5}
    far_side.lift()
    assert house.run("resume").code == 0
    assert count(far_side, "bluesky", text) == 1
