"""`surecast init`: a first configuration with which `send` works at once."""

from __future__ import annotations

import stat
import threading
import tomllib

import pytest

from surecast.route import Route, describe
from tests.cli.desk import Desk

GIVEN = (
    *("--sender", "Harbour Ferries", "--url", "https://ferries.example/notices", "--directory", "www/notices"),
    *("--language", "el", "--time-zone", "Europe/Athens"),
)


def test_with_yes_it_asks_nothing_and_send_works_at_once(desk: Desk) -> None:
    ran = desk.run("init", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "Written: surecast.toml",
        "Posts to site.",
        'Next: surecast preview "Hello", then surecast send with the same words.',
    ]
    assert desk.run("config", "check").code == 0
    assert desk.run("send", "Hello").code == 0
    assert (desk.folder / "public" / "notices" / "index.html").exists()


def test_the_options_stand_in_the_file(desk: Desk) -> None:
    assert desk.run("init", "--yes", *GIVEN).code == 0
    written = tomllib.loads(desk.config.read_text(encoding="utf-8"))
    assert (written["sender"], written["language"], written["time_zone"]) == ("Harbour Ferries", "el", "Europe/Athens")
    site = written["channels"]["site"]
    assert (site["url"], site["directory"]) == ("https://ferries.example/notices", "www/notices")


def test_defaults_come_from_the_machine(desk: Desk) -> None:
    assert desk.run("init", "--yes", TZ="Europe/Athens", LANG="el_GR.UTF-8").code == 0
    written = tomllib.loads(desk.config.read_text(encoding="utf-8"))
    assert (written["sender"], written["language"], written["time_zone"]) == ("Desk", "el", "Europe/Athens")


def test_nothing_is_overwritten(shop: Desk) -> None:
    before = shop.config.read_bytes()
    ran = shop.run("init", "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "surecast.toml is already there and is left as it is. Move it away, or choose another folder.\n"
    assert shop.config.read_bytes() == before


def test_into_another_folder_and_as_json(desk: Desk) -> None:
    ran = desk.run("init", "new/folder", "--yes", "--json")
    assert ran.code == 0
    assert ran.json == {
        "schema": 1,
        "files": ["new/folder/surecast.toml"],
        "route": "Posts to site.",
        "next": 'surecast preview "Hello" --config new/folder/surecast.toml',
    }
    assert desk.run("preview", "Hello", "--config", "new/folder/surecast.toml").code == 0


def test_with_nobody_to_ask_it_says_so(desk: Desk) -> None:
    ran = desk.run("init")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "There is nobody to ask. Say --yes to take the defaults, with options for what differs.\n"
    assert not desk.config.exists()


@pytest.mark.parametrize("given", [("--url", "ferries"), ("--time-zone", "Mars/Base"), ("--language", "??")])
def test_an_answer_that_cannot_be_used_is_a_sentence(desk: Desk, given: tuple[str, str]) -> None:
    ran = desk.run("init", "--yes", *given)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 2
    assert not desk.config.exists()


def test_quiet(desk: Desk) -> None:
    assert desk.run("init", "--yes", "--quiet").out == ""


def test_on_a_terminal_it_asks_and_keeps_secrets_to_oneself(desk: Desk) -> None:
    terminal = desk.terminal("init")
    for question, answer in (
        ("Who speaks", "Harbour Ferries"),
        ("The folder for your website", ""),
        ("Its public address", "https://ferries.example/notices"),
        ("The language", "en"),
        ("The time zone", "Europe/Athens"),
        ("Your Bluesky handle", "@ferries.example"),
        ("An app password", "abcd-efgh-ijkl-mnop"),
        ("Your Mastodon server", "social.example"),
        ("An access token", "token-of-the-shop"),
    ):
        terminal.wait_for(question)
        terminal.type(f"{answer}\n")
    screen = terminal.end()
    assert screen.code == 0, screen.text
    assert "abcd-efgh-ijkl-mnop" not in screen.raw
    assert "token-of-the-shop" not in screen.raw
    assert describe(Route.parse("site & (bluesky | mastodon)")) in screen.text
    for name, value in (("bluesky", "abcd-efgh-ijkl-mnop"), ("mastodon", "token-of-the-shop")):
        secret = desk.folder / "secrets" / name
        assert secret.read_text(encoding="utf-8").strip() == value
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    written = tomllib.loads(desk.config.read_text(encoding="utf-8"))
    assert written["channels"]["bluesky"]["handle"] == "ferries.example"
    assert written["channels"]["mastodon"]["server"] == "https://social.example"
    assert desk.run("config", "check").code == 0


def test_ctrl_c_at_a_question_writes_nothing(desk: Desk) -> None:
    terminal = desk.terminal("init")
    terminal.wait_for("Who speaks")
    threading.Event().wait(0.5)  # Python misses a signal that comes just before it begins to read
    terminal.type("\x03")
    screen = terminal.end()
    assert screen.code == 130
    assert "Traceback" not in screen.text
    assert not desk.config.exists()
