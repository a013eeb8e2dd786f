"""Before people are written to: what it comes to, and a question that only a person on a terminal gets."""

from __future__ import annotations

import random

import pytest

from surecast.cli.figures import about, counted, money
from surecast.sandbox import Sandbox
from tests.cli.desk import Desk


def words() -> str:
    return f"Ferry {random.randrange(10**9)} is cancelled"


# The question -------------------------------------------------------------------------------------------------


def test_a_person_sees_what_it_comes_to_and_is_asked(crowd: Desk) -> None:
    terminal = crowd.terminal("send", words())
    terminal.wait_for("Send to 20 people? [y/N]")
    terminal.type("y\n")
    screen = terminal.end()
    assert screen.code == 0
    assert "sms: 20 contacts, 1 segment each, 0.17 EUR, " in screen.text
    assert any(line.startswith("REACHED ") and "SMS to 19 of 20 contacts (1 missed)" in line for line in screen.lines)


@pytest.mark.parametrize("typed", ["\n", "n\n", "\x04"])
def test_anything_but_yes_sends_nothing(crowd: Desk, typed: str) -> None:
    terminal = crowd.terminal("send", words())
    terminal.wait_for("[y/N]")
    terminal.type(typed)
    assert terminal.end().code == 130
    assert not crowd.ledger.exists()


def test_yes_json_and_quiet_ask_nothing_on_a_terminal(crowd: Desk) -> None:
    for option in ("--yes", "--json", "--quiet"):
        screen = crowd.watch("send", words(), option, "--limit", "1")
        assert screen.code == 0
        assert "[y/N]" not in screen.text


def test_in_a_pipe_nobody_is_asked(crowd: Desk) -> None:
    ran = crowd.run("send", words(), "--limit", "2", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["contacts"]["reached"] == 2


def test_a_public_route_asks_nothing(crowd: Desk) -> None:
    assert "[y/N]" not in crowd.watch("send", words(), "--route", "site").text


def test_a_rehearsal_shows_what_it_comes_to_and_asks_nothing(crowd: Desk) -> None:
    screen = crowd.watch("send", words(), "--sandbox", "--route", "mail")
    assert screen.code == 0
    assert "SANDBOX newsletter: 20 contacts" in screen.text
    assert "[y/N]" not in screen.text


def test_an_alternative_is_asked_for_with_what_must_fail_first(crowd: Desk) -> None:
    terminal = crowd.terminal("send", words(), "--route", "site | sms")
    terminal.wait_for("Send, and to 20 people if Website fails? [y/N]")
    terminal.type("n\n")
    assert "If Website fails: 0.17 EUR" in terminal.end().text


# What it comes to ---------------------------------------------------------------------------------------------


def test_a_preview_says_what_it_comes_to_below_the_texts(crowd: Desk) -> None:
    with (crowd.folder / "riders.csv").open("a") as file:
        file.write("Nobody,12,,yes,yes\nAnna again,+306940000001,,yes,yes\n")
    ran = crowd.run("preview", "Ferry 12 is cancelled", "--route", "all")
    assert ran.code == 0
    lines = ran.lines[ran.lines.index("newsletter (E-mail): no limit") :]
    below = lines[lines.index("") + 1 :]
    assert below[0].startswith("sms: 20 contacts, 1 segment each, 0.17 EUR, ")
    assert below[1].startswith("newsletter: 20 contacts, ")
    assert below[1].endswith("only for those not reached before")
    assert below[-1] == (
        "Left out of riders: 1 row without a usable address, 1 row that repeats another "
        "(surecast audience check riders)."
    )
    assert not crowd.ledger.exists()


def test_the_estimate_is_told_to_programs_too(crowd: Desk) -> None:
    told = crowd.run("preview", "Ferry 12 is cancelled", "--route", "all", "--json").json["estimate"]
    assert (told["people"], told["currency"], told["cost"]) == (20, "EUR", 0.166)
    assert told["worst"]["fails"] == ["sms"]
    assert told["channels"]["newsletter"]["behind"] is True
    assert crowd.run("preview", "a", "--route", "site", "--json").json["estimate"] is None


def test_caps_and_expiry_come_first(desk: Desk, far_side: Sandbox) -> None:
    people = [(f"Anna {number}", f"+3069400000{number:02}", "") for number in range(20)]
    desk.riders(*people).sms(far_side.url("twilio"), max_cost=0.05, rate="1/min").route("sms")
    ran = desk.run("preview", "Ferry 12 is cancelled", "--expires", "2min")
    assert ran.lines[:2] == [
        "sms cannot end before the announcement expires: at 1/min only 2 of 20 contacts get it in time. "
        "Raise the rate, or let it expire later.",
        "sms stops at its cap: 6 of 20 contacts are paid for. Raise max_cost and max_cost_per_day, or write less.",
    ]
    assert ran.lines[-2:] == [
        "sms: 6 of 20 contacts, 1 segment each, 0.05 EUR, 6 min at 1/min",
        "In all: 0.05 EUR, 6 min.",
    ]


def test_quiet_hours_that_reign_now_are_said_first(crowd: Desk) -> None:
    crowd.top('quiet = { from = "00:00", to = "23:59", below = "emergency" }')
    crowd.route("sms")
    assert "These are quiet hours" in crowd.run("preview", "Ferry 12 is cancelled").out
    assert "These are quiet hours" not in crowd.run("preview", "Ferry 12", "--urgency", "emergency").out


def test_an_audience_that_cannot_be_read_does_not_hide_the_texts(crowd: Desk) -> None:
    (crowd.folder / "riders.csv").unlink()
    ran = crowd.run("preview", "Ferry 12 is cancelled")
    assert ran.code == 0
    assert "riders.csv" in ran.lines[0]
    assert "  | Harbour Ferries: Ferry 12 is cancelled" in ran.lines
    told = crowd.run("preview", "Ferry 12 is cancelled", "--json").json
    assert told["estimate"] is None
    assert "riders.csv" in told["warnings"][-1]


# A careful first send -----------------------------------------------------------------------------------------


def test_first_to_a_few_and_then_to_all(crowd: Desk) -> None:
    text = words()
    few = crowd.run("send", text, "--limit", "3", "--json")
    everybody = crowd.run("send", text, "--json")
    assert (few.json["contacts"]["reached"], everybody.json["repeated"]) == (3, False)
    assert everybody.json["channels"]["sms"]["contacts"]["planned"] == 20


def test_to_one_address_only(crowd: Desk) -> None:
    ran = crowd.run("send", words(), "--only", "+306940000005", "--json")
    assert (ran.code, ran.json["contacts"]["groups"][0]["contacts"]) == (0, 1)
    terminal = crowd.terminal("send", words(), "--only", "+306940000005")
    terminal.wait_for("Send to 1 person? [y/N]")
    terminal.type("n\n")
    assert terminal.end().code == 130


def test_a_first_send_never_posts_in_public(crowd: Desk) -> None:
    for option in (("--limit", "1"), ("--only", "+306940000005")):
        ran = crowd.run("send", words(), "--route", "all", *option)
        assert (ran.code, ran.out) == (2, "")
        assert "must not post in public" in ran.err
    assert crowd.pages() == []


# Figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "1 s"),
        (40, "40 s"),
        (89, "89 s"),
        (600, "10 min"),
        (4_800, "1 h 20 min"),
        (7_200, "2 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_time_spans_have_two_units_at_most(seconds: float, told: str) -> None:
    assert about(seconds) == told


def test_numbers_are_grouped_and_words_agree_with_them() -> None:
    assert (counted(1, "row"), counted(1_200, "row"), counted(2, "entry", "entries")) == (
        "1 row",
        "1,200 rows",
        "2 entries",
    )
    assert money(3_212, "EUR") == "3,212.00 EUR"
