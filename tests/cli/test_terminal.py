"""What a person sees: a table and progress on a terminal, plain lines in a pipe, and nothing torn in 60 columns."""

from __future__ import annotations

import random

import pytest

from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import ANSI, COLOUR, Desk, Screen


def words() -> str:
    return f"Quay {random.randrange(10**9)} is flooded"


def too_wide(screen: Screen, columns: int) -> list[str]:
    """Lines that do not fit, but for addresses, which are never broken."""
    return [line for line in screen.lines if len(line) > columns and "://" not in line]


def test_the_sentences_then_a_table_then_the_id(house: Desk, far_side: Sandbox) -> None:
    screen = house.watch("send", words(), columns=140)
    assert screen.code == 0
    lines = [line.rstrip() for line in screen.lines]
    assert lines[0].startswith("REACHED ")
    assert lines[1:3] == ["Nothing to do.", ""]
    assert lines[3].split() == ["channel", "status", "tries", "post"]
    assert [line.split()[0] for line in lines[5:8]] == ["site", "bluesky", "mastodon"]
    assert lines[6].split()[1:4] == ["posted,", "seen", "1"]
    assert lines[-2] == ""
    assert lines[-1].startswith("Broadcast ")


@pytest.mark.parametrize("columns", [60, 40])
def test_on_a_narrow_terminal_nothing_is_torn(house: Desk, far_side: Sandbox, columns: int) -> None:
    far_side.fault("bluesky", Fault.REFUSED, on=On.WRITES)
    screen = house.watch("send", words(), "--url", "https://ferries.example/12", columns=columns)
    assert screen.code == 3
    assert too_wide(screen, columns) == []
    addresses = [line.strip() for line in screen.lines if "://" in line]
    assert len(addresses) == 2
    assert all(address.startswith(("https://ferries.example/", "http://127.0.0.1:")) for address in addresses)
    for verb in (("status",), ("status", "last"), ("channels",), ("channels", "check"), ("preview", "a" * 100)):
        assert too_wide(house.watch(*verb, columns=columns), columns) == []


def test_while_it_is_sent_every_channel_is_shown(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    terminal = house.terminal("send", words())
    terminal.wait_for("bluesky   sending")
    terminal.wait_for("mastodon  waits for its turn")
    terminal.wait_for("✓ site      posted")
    screen = terminal.end()
    assert screen.code == 3
    assert screen.lines[0].startswith("REROUTED ")
    assert not any("waits for its turn" in line for line in screen.lines)


def test_in_a_pipe_there_is_nothing_before_the_end_and_no_colour(house: Desk, far_side: Sandbox) -> None:
    ran = house.run("send", words())
    assert ANSI.search(ran.out) is None
    assert ran.err == ""
    assert ran.lines[2].startswith("site: posted, https://")


def test_state_and_statuses_are_coloured(shop: Desk) -> None:
    screen = shop.watch("send", words())
    assert COLOUR.search(screen.raw)
    assert "\x1b[1;32mREACHED\x1b[0m" in screen.raw


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(shop: Desk, environment: dict[str, str]) -> None:
    for verb in (("send", words()), ("status",), ("channels",), ("channels", "check"), ("preview", "a")):
        screen = shop.watch(*verb, columns=100, **environment)
        assert screen.code == 0
        assert not COLOUR.search(screen.raw)


def test_json_and_quiet_are_the_same_on_a_terminal(shop: Desk) -> None:
    screen = shop.watch("send", words(), "--json")
    assert screen.raw.startswith('{"schema": 1, ')
    assert len(screen.raw.splitlines()) == 1
    assert shop.watch("send", words(), "--quiet").raw == ""


def test_a_terminal_without_unicode_gets_other_marks(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    terminal = house.terminal("send", "Fähre", PYTHONIOENCODING="ascii")
    terminal.wait_for("+ site      posted")
    assert terminal.end().code == 3
    assert "\ufffd" not in terminal.raw


def test_a_rehearsal_is_marked_on_every_line(shop: Desk) -> None:
    screen = shop.watch("send", words(), "--sandbox", columns=60)
    assert screen.code == 0
    assert all(line.startswith("SANDBOX") for line in screen.lines)
    assert too_wide(screen, 60) == []


def test_ctrl_c_typed_on_the_terminal(house: Desk, far_side: Sandbox) -> None:
    far_side.fault("bluesky", Fault.HANG_AFTER, on=On.WRITES)
    house.route("bluesky")
    terminal = house.terminal("send", words())
    terminal.wait_for("bluesky  sending")
    terminal.type("\x03")
    screen = terminal.end()
    assert screen.code == 130
    assert "Go on: surecast resume " in screen.text
    assert "Traceback" not in screen.text
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")  # the cursor is back


def test_a_text_typed_on_the_terminal(shop: Desk) -> None:
    terminal = shop.terminal("send", "-")
    terminal.wait_for("Type the text; Ctrl-D on a line of its own ends it.")
    terminal.type("Typed by hand\n\x04")
    assert terminal.end().code == 0
    assert "Typed by hand" in shop.pages()[0]


def test_nothing_that_is_announced_steers_the_terminal(shop: Desk) -> None:
    shop.run("send", "Ferry \x1b[2J\x9b1A\u202e12", "--title", "\x1b]0;x\x07")
    for verb in (("status",), ("status", "last"), ("preview", "\x1b[2J", "--title", "\x1b[2J")):
        raw = shop.watch(*verb).raw
        assert "\x1b[2J" not in raw
        assert "\x1b]0;" not in raw
        assert "\x9b" not in raw
        assert "\u202e" not in raw


def test_the_list_shows_what_fits_and_says_how_many_are_older(shop: Desk) -> None:
    shop.run("send", "short")
    shop.run("send", "long " * 40)
    screen = shop.watch("status", columns=60)
    lines = [line.rstrip() for line in screen.lines][2:]  # how things stand comes before it
    assert lines[0].split() == ["id", "sent", "state", "announcement"]
    assert lines[2].endswith("…")
    assert lines[3].endswith("short")
