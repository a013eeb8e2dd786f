"""`surecast status`: one broadcast, or all of them; the shape of the objects is frozen."""

from __future__ import annotations

import random

from surecast.sandbox import Fault, Sandbox
from tests.cli.desk import Desk

#: Scripts read these. A key may be added; none may go or change its meaning.
REPORT_KEYS = {
    *("schema", "id", "key", "state", "final", "owed", "route", "channels", "created", "expires"),
    *("cancelled", "repeated", "warnings", "contacts"),
}
CHANNEL_KEYS = {"verdict", "status", "reason", "url", "attempts", "error", "began", "ended", "next_try", "contacts"}
LISTED_KEYS = {"id", "key", "state", "final", "owed", "created", "expires", "text"}


def test_the_object_of_a_report_is_the_same_from_send_and_status(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.DOWN)
    sent = house.run("send", f"a {random.random()}", "--json")
    status = house.run("status", "last", "--json")
    assert (sent.code, status.code) == (3, 3)
    for told in (sent.json, status.json):
        assert set(told) == REPORT_KEYS
        assert told["schema"] == 1
        assert list(told["channels"]) == ["site", "bluesky", "mastodon"]
        assert all(set(channel) == CHANNEL_KEYS for channel in told["channels"].values())
    assert sent.json["id"] == status.json["id"]
    assert len(sent.out.splitlines()) == len(status.out.splitlines()) == 1


def test_by_id_by_its_beginning_and_as_last(shop: Desk) -> None:
    first = shop.run("send", "one", "--json").json["id"]
    second = shop.run("send", "two", "--json").json["id"]
    beginning = first[:4] if first[:4] != second[:4] else first
    assert shop.run("status", first, "--json").json["id"] == first
    assert shop.run("status", beginning, "--json").json["id"] == first
    assert shop.run("status", "last", "--json").json["id"] == second


def test_one_that_is_not_there_is_a_sentence(shop: Desk) -> None:
    shop.run("send", "one")
    ran = shop.run("status", "zzzzzz", "--json")
    assert ran.code == 2
    assert ran.json == {"schema": 1, "error": "No broadcast is called 'zzzzzz'. `surecast status` lists them."}
    assert ran.err == "No broadcast is called 'zzzzzz'. `surecast status` lists them.\n"


def test_the_list_is_newest_first(shop: Desk) -> None:
    for text in ("one", "two\nlines", "three"):
        shop.run("send", text, "--key", text[:3])
    told = shop.run("status", "--json")
    assert set(told.json) == {"schema", "broadcasts"}
    assert [each["text"] for each in told.json["broadcasts"]] == ["three", "two\nlines", "one"]
    assert all(set(each) == LISTED_KEYS for each in told.json["broadcasts"])
    plain = shop.run("status")
    assert plain.code == 0
    assert [line.split("  ")[-1] for line in plain.lines] == ["three", "two lines", "one"]


def test_every_broadcast_that_is_kept_is_listed(shop: Desk) -> None:
    for number in range(3):
        shop.run("send", f"number {number}", "--no-wait")
    assert len(shop.run("status", "--json").json["broadcasts"]) == 3


def test_asking_makes_no_ledger(shop: Desk) -> None:
    assert shop.run("status").lines == ["Nothing was broadcast yet."]
    assert shop.run("status", "--json").json == {"schema": 1, "broadcasts": []}
    assert shop.run("status", "--quiet").out == ""
    last = shop.run("status", "last")
    assert (last.code, last.err) == (2, "Nothing was broadcast yet from this ledger.\n")
    assert not shop.ledger.exists()


def test_quiet_says_nothing_of_what_is_reached(shop: Desk) -> None:
    shop.run("send", "one")
    assert shop.run("status", "last", "--quiet").out == ""
