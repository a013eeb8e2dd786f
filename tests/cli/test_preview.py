"""`surecast preview` says to the letter what would be posted, and touches nothing."""

from __future__ import annotations

import json
import random

from PIL import Image

from surecast.route import Route, describe
from surecast.sandbox import Sandbox
from tests.cli.desk import Desk
from tests.servers.faults import FaultServer

KEYS = {"schema", "route", "route_name", "describes", "urgency", "expires", "warnings", "channels", "estimate"}
CHANNEL_KEYS = {
    *("platform", "parts", "title", "body", "count", "limit", "unit", "link_card", "images", "cut", "note", "skipped"),
}


def test_route_words_and_lengths(house: Desk) -> None:
    ran = house.run("preview", "Call +30 210 1234567", "--url", "https://ferries.example/12")
    assert ran.code == 0
    assert ran.lines == [
        describe(Route.parse("site & (bluesky | mastodon)")),
        "",
        "site (Website): no limit",
        "  | Call +30 210 1234567",
        "  Link: https://ferries.example/12",
        "",
        "bluesky: 48 of 300 characters",
        "  | Call +30 210 1234567",
        "  |",
        "  | https://ferries.example/12",
        "  Link card: Call +30 210 1234567 (https://ferries.example/12)",
        "",
        "mastodon: 45 of 500 characters",
        "  | Call +30 210 1234567",
        "  |",
        "  | https://ferries.example/12",
        "  If bluesky fails, below it: Posted here because we cannot reach our readers on Bluesky at the moment. "
        "All our notices: https://ferries.example/notices",
    ]


def test_what_would_be_cut_and_the_words_of_the_images(house: Desk) -> None:
    path = house.folder / "map.png"
    Image.new("RGB", (8, 8), "red").save(path)
    ran = house.run("preview", "word " * 70, "--image", str(path), "--alt", "The berth", "--route", "bluesky")
    assert f"  Image: {path}: The berth" in ran.lines
    assert any(line.startswith("  Shortened for Bluesky, which takes 300 characters") for line in ran.lines)
    assert "Link card" not in ran.out


def test_the_long_form_is_shown_where_there_is_room(house: Desk) -> None:
    (house.folder / "body").write_text("The body.\n", encoding="utf-8")
    ran = house.run("preview", "The text", "--title", "The title", "--body-file", "body")
    assert ran.lines[
        ran.lines.index("site (Website): no limit") + 1 : ran.lines.index("bluesky: 8 of 300 characters") - 1
    ] == [
        "  | The title",
        "  |",
        "  | The text",
        "  |",
        "  | The body.",
    ]
    assert "The body." not in ran.out.partition("bluesky:")[2]


def test_warnings_first_and_channels_that_are_not_set_up_before_others(house: Desk) -> None:
    path = house.folder / "map.png"
    Image.new("RGB", (8, 8), "red").save(path)
    house.config.write_text(f"{house.config.read_text()}colour = 1\n", encoding="utf-8")
    ran = house.run("preview", "The text", "--image", str(path))
    assert ran.code == 0
    assert ran.lines[0] == f"{path} has no alternative text; people who cannot see it will miss what it says."
    assert ran.lines[1].startswith("mastodon is not set up and would be skipped: colour: ")
    assert ran.lines.index("mastodon: 8 of 500 characters") < ran.lines.index("site (Website): no limit")


def test_secrets_are_not_needed(house: Desk) -> None:
    with_them = house.run("preview", "The text").out
    house.environment.clear()
    assert house.run("preview", "The text").out == with_them


def test_nothing_is_connected_opened_or_written(desk: Desk) -> None:
    with FaultServer("500") as server:
        desk.site().bluesky(server.url).mastodon(server.url).route("site & bluesky & mastodon")
        before = sorted(desk.folder.iterdir())
        assert desk.run("preview", "The text", "--json").code == 0
        assert sorted(desk.folder.iterdir()) == before
        assert server.connections == 0


def test_the_object_of_json(house: Desk) -> None:
    told = house.run("preview", "The text", "--url", "https://ferries.example/12", "--json").json
    assert set(told) == KEYS
    assert list(told["channels"]) == ["site", "bluesky", "mastodon"]
    assert all(set(channel) == CHANNEL_KEYS for channel in told["channels"].values())
    bluesky = told["channels"]["bluesky"]
    assert bluesky["parts"] == ["The text\n\nhttps://ferries.example/12"]
    assert (bluesky["count"], bluesky["limit"], bluesky["unit"]) == (36, 300, "graphemes")
    assert bluesky["link_card"] == "https://ferries.example/12"
    assert bluesky["skipped"] is None
    assert bluesky["note"] is None
    assert told["channels"]["mastodon"]["note"] == {
        "failing": "bluesky",
        "text": "Posted here because we cannot reach our readers on Bluesky at the moment. "
        "All our notices: https://ferries.example/notices",
    }


def test_what_it_shows_is_what_is_posted(house: Desk, far_side: Sandbox) -> None:
    text = f"Ferry {random.randrange(10**9)} is cancelled. " * 12
    route = ("--route", "bluesky & mastodon", "--url", "https://ferries.example/12")
    told = house.run("preview", text, *route, "--json").json["channels"]
    assert house.run("send", text, *route).code == 0
    for name in ("bluesky", "mastodon"):
        newest = max(far_side.platforms[name].posts(), key=lambda post: post.at)
        assert [newest.text] == told[name]["parts"]


def test_a_text_that_fits_nowhere_says_what_to_write(house: Desk) -> None:
    ran = house.run("preview", "https://ferries.example/" + "x" * 400, "--route", "bluesky | site", "--json")
    assert ran.code == 0
    assert ran.json["channels"]["bluesky"]["skipped"]["reason"] == "cannot_be_fitted"
    assert json.dumps(ran.json)
