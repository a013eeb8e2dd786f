"""`surecast status`: one broadcast, or all of them; the shape of the objects is frozen."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from surecast.ledger import outages
from surecast.ledger.database import Database
from surecast.outage import Sort
from surecast.sandbox import Fault, Sandbox
from tests.cli.desk import Desk
from tests.ledger.open_files import opened

#: Scripts read these. A key may be added; none may go or change its meaning.
REPORT_KEYS = {
    *("schema", "id", "key", "state", "final", "owed", "route", "channels", "created", "expires"),
    *("cancelled", "repeated", "warnings", "contacts"),
}
CHANNEL_KEYS = {"verdict", "status", "reason", "url", "attempts", "error", "began", "ended", "next_try", "contacts"}
LISTED_KEYS = {"id", "key", "state", "final", "owed", "created", "expires", "text", "purpose"}
OVERVIEW_KEYS = {"down", "owed", "needs_you", "worker_seen", "watcher_seen", "own_network"}
DOWN_KEYS = {"channel", "platform", "condition", "since", "reasons", "not_before", "outage"}
ALL_WELL = "All channels work as far as is known; nothing is owed."
CLOCK = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"


def in_ledger(desk: Desk, change: Callable[[Database], Any]) -> Any:
    """What another process does to the ledger."""
    with opened(desk.ledger) as database:
        return change(database)


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
    assert set(told.json) == {"schema", "overview", "broadcasts"}
    assert [each["text"] for each in told.json["broadcasts"]] == ["three", "two\nlines", "one"]
    assert all(set(each) == LISTED_KEYS for each in told.json["broadcasts"])
    plain = shop.run("status")
    assert plain.code == 0
    assert plain.lines[:2] == [ALL_WELL, ""]
    assert [line.split("  ")[-1] for line in plain.lines[2:]] == ["three", "two lines", "one"]


def test_every_broadcast_that_is_kept_is_listed(shop: Desk) -> None:
    for number in range(3):
        shop.run("send", f"number {number}", "--no-wait")
    assert len(shop.run("status", "--json").json["broadcasts"]) == 3


def test_asking_makes_no_ledger(shop: Desk) -> None:
    assert shop.run("status").lines == [ALL_WELL, "", "Nothing was broadcast yet."]
    told = shop.run("status", "--json").json
    assert (set(told), set(told["overview"]), told["broadcasts"]) == (
        {"schema", "overview", "broadcasts"},
        OVERVIEW_KEYS,
        [],
    )
    assert shop.run("status", "--quiet").out == ""
    last = shop.run("status", "last")
    assert (last.code, last.err) == (2, "Nothing was broadcast yet from this ledger.\n")
    assert not shop.ledger.exists()


def test_quiet_says_nothing_of_what_is_reached(shop: Desk) -> None:
    shop.run("send", "one")
    assert shop.run("status", "last", "--quiet").out == ""


# The overview


def test_what_is_down_and_owed_and_needs_you_comes_before_the_list(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    name = house.run("send", "Ferry 12 is cancelled", "--json").json["id"]
    ran = house.run("status")
    assert ran.code == 0
    down, owed, password, nobody, empty, listed = ran.lines
    assert re.match(rf"DOWN: bluesky since {CLOCK}: it refused our login; ", down)
    assert re.search(rf"; tried again at {CLOCK}$", down)
    assert re.fullmatch(rf"OWED: bluesky: 1 post, from {CLOCK}, until {CLOCK}", owed)
    assert password == "FOR YOU: Give bluesky a valid password or token, then: surecast channels trial bluesky."
    assert nobody.startswith("FOR YOU: Nobody is running to deliver what is owed: surecast resume, or in cron: */5 * ")
    assert (empty, listed.split("  ")[0]) == ("", name)


def test_a_worker_that_was_seen_is_named_in_place_of_cron(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", "a")
    house.run("work", "--once")
    out = house.run("status").out
    assert re.search(rf"^WORKER: seen at {CLOCK}; it delivers what is owed$", out, re.MULTILINE)
    assert "in cron" not in out


def test_the_overview_as_json(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", "a")
    house.run("channels", "off", "mastodon")
    told = house.run("status", "--json").json["overview"]
    assert set(told) == OVERVIEW_KEYS
    bluesky, mastodon = told["down"]
    assert set(bluesky) == set(mastodon) == DOWN_KEYS
    assert (bluesky["channel"], bluesky["condition"], bluesky["outage"]) == ("bluesky", "down", None)
    assert bluesky["since"] < bluesky["not_before"]
    assert bluesky["reasons"][0] == "it refused our login"
    assert (mastodon["condition"], mastodon["not_before"]) == ("isolated", None)
    assert mastodon["since"].endswith("Z")
    assert [set(owed) for owed in told["owed"]] == [{"channel", "posts", "oldest", "expires"}]
    assert (told["worker_seen"], told["watcher_seen"], told["own_network"]) == (None, None, None)
    assert len(told["needs_you"]) == 1


def test_what_is_off_says_until_when_and_how_it_comes_on_again(house: Desk) -> None:
    house.run("channels", "off", "bluesky", "--for", "2h", "--why", "they asked for a pause")
    house.run("channels", "off", "mastodon")
    bluesky, mastodon, *_ = house.run("status").lines
    assert re.fullmatch(
        rf"OFF: bluesky since {CLOCK}, until {CLOCK}: switched off by a person: they asked for a pause; "
        "on again: surecast channels on bluesky",
        bluesky,
    )
    assert re.fullmatch(
        rf"OFF: mastodon since {CLOCK}, until it is switched on: switched off by a person; "
        "on again: surecast channels on mastodon",
        mastodon,
    )


def test_an_outage_and_a_draft_are_told(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", "a")

    def story(database: Database) -> str:
        outage = outages.begin(database, "bluesky", began_at=1_000_000_000.0, why="w", facts=(), now=1_000_000_001.0)
        assert outage is not None
        draft = outages.draft(database, outage, Sort.NOTICE, text="t", route="mastodon", now=1_000_000_002.0)
        assert draft is not None
        return draft.id

    draft = in_ledger(house, story)
    out = house.run("status").out
    assert "; an outage since 2001-09-09 04:46, readers not told; tried again at " in out
    assert f"FOR YOU: A notice to readers waits for your word: surecast approve {draft}.\n" in out
    told = house.run("status", "--json").json["overview"]["down"][0]["outage"]
    assert told == {"id": 1, "began": "2001-09-09T01:46:40.000Z", "notices": 0}


def test_a_channel_that_is_not_set_up_needs_you(house: Desk) -> None:
    house.environment["ACCESS_TOKEN"] = ""
    line = house.run("status").lines[0]
    assert line.startswith(
        "FOR YOU: Set up mastodon (surecast config check): The secret from the environment variable "
    )
    assert not house.ledger.exists()


def test_quiet_shows_the_overview_only_when_there_is_something_to_see_to(house: Desk, far_side: Sandbox) -> None:
    house.run("send", "a")
    quiet = house.run("status", "--quiet")
    assert (quiet.code, quiet.out) == (0, "")
    assert house.run("status", "--quiet", "--json").out == ""
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", "b")
    quiet = house.run("status", "--quiet")
    assert (quiet.code, [line.split(":")[0] for line in quiet.lines]) == (0, ["DOWN", "OWED", "FOR YOU", "FOR YOU"])
    assert set(house.run("status", "--quiet", "--json").json) == {"schema", "overview", "broadcasts"}


def test_on_a_terminal_the_overview_is_in_columns_and_breaks_between_words(house: Desk, far_side: Sandbox) -> None:
    assert house.watch("status").lines[0].rstrip() == ALL_WELL
    far_side.fault("bluesky", Fault.UNAUTHORIZED)
    house.run("send", "a")
    screen = house.watch("status", columns=60)
    assert max(len(line) for line in screen.lines) <= 60
    heads = [line[:9].strip() for line in screen.lines[: screen.lines.index("")]]
    assert list(filter(None, heads)) == ["DOWN", "OWED", "FOR YOU"], "a head stands once"


# What surecast itself had to say


def test_what_surecast_itself_said_is_marked_in_the_list_and_is_not_the_last(shop: Desk) -> None:
    ours = shop.run("send", "ours", "--json").json["id"]
    notice = shop.run("send", "Follow us here", "--json").json["id"]

    def mark(database: Database) -> None:
        with database.transaction():
            database.connection.execute("update broadcast set purpose = 'notice' where id = ?", (notice,))

    in_ledger(shop, mark)
    assert shop.run("status").lines[2].endswith("  notice: Follow us here")
    assert [each["purpose"] for each in shop.run("status", "--json").json["broadcasts"]] == ["notice", None]
    assert "notice: Follow us here" in shop.watch("status").text
    assert shop.run("status", "last", "--json").json["id"] == ours
