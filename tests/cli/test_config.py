"""`surecast config check` and `surecast config schema`."""

from __future__ import annotations

import json

from surecast.route import Route, describe
from tests.cli.desk import Desk


def test_a_good_one_says_what_every_route_does(house: Desk) -> None:
    house.route("site & (bluesky | mastodon)", urgent="site & bluesky")
    ran = house.run("config", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[:2] == [
        f"default: {describe(Route.parse('site & (bluesky | mastodon)'))}",
        f"urgent: {describe(Route.parse('site & bluesky'))}",
    ]
    assert all(line.startswith("Note: ") for line in ran.lines[2:])


def test_without_routes_it_says_what_the_priorities_do(shop: Desk) -> None:
    shop.config.write_text(shop.config.read_text().replace('[routes]\ndefault = "site"\n', ""), encoding="utf-8")
    assert shop.run("config", "check").lines == ["default: Posts to site."]


def test_every_mistake_on_a_line_of_its_own(house: Desk) -> None:
    house.environment["ACCESS_TOKEN"] = ""
    house.config.write_text(f'{house.config.read_text()}[routs]\n[breaker]\nfailures = "red"\n', encoding="utf-8")
    ran = house.run("config", "check")
    assert (ran.code, ran.err) == (2, "")
    assert len(ran.lines) == 3
    assert all(line.startswith("surecast.toml:") for line in ran.lines)
    assert any("access_token: The secret from the environment variable ACCESS_TOKEN" in line for line in ran.lines)


def test_as_json(house: Desk) -> None:
    good = house.run("config", "check", "--json")
    assert good.code == 0
    assert set(good.json) == {"schema", "ok", "mistakes", "notes", "routes"}
    assert (good.json["ok"], good.json["mistakes"], list(good.json["routes"])) == (True, [], ["default"])
    house.config.write_text("sender = 1\n", encoding="utf-8")
    bad = house.run("config", "check", "--json")
    assert (bad.code, bad.json["ok"], bad.json["routes"]) == (2, False, {})
    assert set(bad.json["mistakes"][0]) == {"place", "what", "cure"}


def test_quiet_says_nothing_of_a_good_one(house: Desk) -> None:
    assert house.run("config", "check", "--quiet").out == ""
    house.config.write_text("sender = 1\n", encoding="utf-8")
    assert house.run("config", "check", "--quiet").code == 2


def test_a_file_that_is_no_toml_or_not_there(desk: Desk) -> None:
    desk.config.write_text("sender = \n", encoding="utf-8")
    ran = desk.run("config", "check")
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert ran.lines[0].startswith("surecast.toml:1: ")
    assert desk.run("config", "check", "--config", "nowhere.toml").code == 2


def test_the_schema_is_json_and_needs_no_configuration(desk: Desk) -> None:
    ran = desk.run("config", "schema")
    assert (ran.code, ran.err) == (0, "")
    schema = json.loads(ran.out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "channels" in schema["properties"]
    assert ran.out == desk.run("config", "schema", "--json").out
