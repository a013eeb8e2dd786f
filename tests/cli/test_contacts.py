"""Contacts after a send: how many have it, who was missed, who is in doubt, and how it goes on."""

from __future__ import annotations

import json
import random

from surecast.sandbox import Fault, On, Sandbox
from tests.cli.desk import ANSI, Desk

MARIA = "+15005550009"


def words() -> str:
    return f"Ferry {random.randrange(10**9)} is cancelled"


def in_doubt(crowd: Desk, far_side: Sandbox) -> str:
    """A broadcast by e-mail of whose first three deliveries nobody knows; gives its id."""
    far_side.fault("email", Fault.LOST_REPLY, on=On.WRITES, remaining=3)
    ran = crowd.run("send", words(), "--route", "mail", "--json")
    assert ran.json["contacts"]["unsure"] == 3, ran.json
    return str(ran.json["id"])


# What is told -------------------------------------------------------------------------------------------------


def test_the_numbers_of_a_report(crowd: Desk) -> None:
    told = crowd.run("send", words(), "--json").json
    counts = told["channels"]["sms"]["contacts"]
    assert (counts["planned"], counts["reached"], counts["missed"], counts["open"]) == (20, 19, 1, 0)
    assert told["contacts"]["currency"] == "EUR"
    assert told["contacts"]["cost"] == counts["cost"] > 0


def test_the_report_of_an_alternative_in_plain_lines(crowd: Desk) -> None:
    ran = crowd.run("send", words(), "--route", "all", "--urgency", "emergency")
    assert "on your site; SMS to 19 and E-mail to 1 of 20 contacts (none missed)." in ran.lines[0]
    (sms,) = [line for line in ran.lines if line.startswith("sms: ")]
    assert sms.startswith("sms: sent, 19 of 20 contacts, ")
    assert "1 missed" in sms
    assert "tries" not in sms


def test_0_reached_4_missed_and_5_held_or_unsure(crowd: Desk, far_side: Sandbox) -> None:
    assert crowd.run("send", words()).code == 0
    assert crowd.run("send", words(), "--only", MARIA).code == 4
    far_side.fault("email", Fault.LOST_REPLY, on=On.WRITES, remaining=3)
    assert crowd.run("send", words(), "--route", "mail").code == 5
    crowd.top('quiet = { from = "00:00", to = "23:59", below = "emergency" }').route("sms")
    held = crowd.run("send", words(), "--json")
    assert (held.code, held.json["state"], held.json["contacts"]["held"]) == (5, "pending", 20)


def test_what_is_over_the_cap_is_told(desk: Desk, far_side: Sandbox) -> None:
    people = [(f"Anna {number}", f"+3069400000{number:02}", "") for number in range(10)]
    desk.riders(*people).sms(far_side.url("twilio"), max_cost=0.05).route("sms")
    ran = desk.run("send", words())
    assert ran.code == 4
    assert "SMS to 6 of 10 contacts (4 missed)." in ran.lines[0]
    assert any(line.startswith("4 contacts were left out of SMS: ") for line in ran.lines)
    assert "no money is left for it" in desk.run("status", "last", "--missed").out


# Who was missed -----------------------------------------------------------------------------------------------


def test_who_was_missed_is_listed_only_on_request(crowd: Desk) -> None:
    sent = crowd.run("send", words())
    assert "Maria" not in sent.out
    assert MARIA not in sent.out + crowd.run("status", "last", "--json").out
    ran = crowd.run("status", "last", "--missed")
    assert ran.code == 0
    (row,) = [line.split("\t") for line in ran.lines]
    assert row[:3] == ["sms", "Mute Maria", MARIA]
    assert row[3] == "there is no such address"


def test_the_missed_for_programs_and_on_a_terminal(crowd: Desk) -> None:
    crowd.run("send", words())
    (told,) = crowd.run("status", "last", "--missed", "--json").json["contacts"]
    assert told == {
        "channel": "sms",
        "name": "Mute Maria",
        "address": MARIA,
        "unsure": False,
        "reason": "no_such_address",
        "why": "there is no such address",
    }
    screen = crowd.watch("status", "last", "--missed")
    assert [line.rstrip() for line in screen.lines] == [
        f"sms  Mute Maria  {MARIA}  there is no such address",
        "1 contact was missed.",
    ]
    assert crowd.watch("status", "last", "--unsure").lines == ["Nobody is in doubt."]


def test_a_long_list_survives_a_reader_who_goes_away(desk: Desk, far_side: Sandbox) -> None:
    people = [(f"Anna {number}", f"+30694000{number:04}", "") for number in range(3_000)]
    desk.riders(*people).sms(far_side.url("twilio"), max_cost=0.01).route("sms")
    desk.run("send", words(), "--quiet")
    listing = desk.start("status", "last", "--missed")
    assert listing.stdout is not None
    assert listing.stdout.readline().startswith(b"sms\tAnna ")
    listing.stdout.close()
    assert listing.stderr is not None
    with listing.stderr:
        assert listing.wait(timeout=30) == 4
    assert len(desk.run("status", "last", "--missed").lines) == 2_999


def test_questions_that_contradict_each_other_or_name_nothing(crowd: Desk) -> None:
    both = crowd.run("status", "last", "--missed", "--unsure")
    assert (both.code, both.err) == (2, "--follow, --missed and --unsure exclude each other. Give one of them.\n")
    nothing = crowd.run("status", "--missed")
    assert (nothing.code, nothing.err) == (2, "Say which broadcast is meant: its ID, or `last`.\n")


# Who is in doubt ----------------------------------------------------------------------------------------------


def test_who_is_in_doubt_is_settled_one_by_one_or_all_at_once(crowd: Desk, far_side: Sandbox) -> None:
    name = in_doubt(crowd, far_side)
    assert any(f"surecast settle {name} newsletter --there" in line for line in crowd.run("status", name).lines)
    listed = crowd.run("status", name, "--unsure", "--json").json["contacts"]
    assert len(listed) == 3
    assert all(each["unsure"] for each in listed)
    one = crowd.run("settle", name, "newsletter", "--to", listed[0]["address"], "--there", "--json")
    assert (one.code, one.json["contacts"]["unsure"], one.json["contacts"]["reached"]) == (0, 2, 18)
    rest = crowd.run("settle", name, "newsletter", "--there", "--json")
    assert (rest.json["contacts"]["unsure"], rest.json["contacts"]["reached"], rest.json["state"]) == (0, 20, "reached")


def test_only_a_no_sends_it_again(crowd: Desk, far_side: Sandbox) -> None:
    name = in_doubt(crowd, far_side)
    crowd.run("settle", name, "newsletter", "--not-there")
    resumed = crowd.run("resume", name, "--json").json["broadcasts"][0]
    assert (resumed["contacts"]["reached"], resumed["contacts"]["unsure"]) == (20, 0)


def test_settling_whom_nobody_doubts_is_a_sentence(crowd: Desk, far_side: Sandbox) -> None:
    name = in_doubt(crowd, far_side)
    ran = crowd.run("settle", name, "newsletter", "--to", "nobody@ferries.example", "--there")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Nothing is in doubt for this address")


# How it goes on -----------------------------------------------------------------------------------------------


def slow(desk: Desk, far_side: Sandbox) -> Desk:
    people = [(f"Anna {number}", f"+30694000{number:04}", "") for number in range(60)]
    return desk.riders(*people).sms(far_side.url("twilio"), rate="20/s").route("sms")


def test_a_terminal_sees_how_far_it_is_and_what_it_costs(desk: Desk, far_side: Sandbox) -> None:
    terminal = slow(desk, far_side).terminal("send", words(), "--yes")
    terminal.wait_for("━")
    terminal.wait_for(" left")
    screen = terminal.end()
    assert screen.code == 0
    assert " of 60  " in screen.text
    assert "/s  " in screen.text
    assert " EUR" in screen.text
    assert not any("━━━━━━━━━━ " in line for line in screen.lines), "it vanishes at the end"


def test_a_narrow_terminal_gets_the_numbers_without_a_bar(desk: Desk, far_side: Sandbox) -> None:
    terminal = slow(desk, far_side).terminal("send", words(), "--yes", columns=60)
    terminal.wait_for(" of 60")
    screen = terminal.end()
    assert screen.code == 0
    assert "━" not in screen.text
    assert [line for line in screen.lines if len(line) > 60] == []


def test_another_terminal_follows_to_the_end(desk: Desk, far_side: Sandbox) -> None:
    sending = slow(desk, far_side).start("send", words())
    while not desk.ledger.exists() or not desk.run("status", "--json").json["broadcasts"]:
        assert sending.poll() is None
    following = desk.terminal("status", "last", "--follow")
    following.wait_for(" of 60")
    screen = following.end()
    assert screen.code == 0
    assert screen.lines[0].startswith("REACHED ")
    assert desk.ended(sending).code == 0


def test_ctrl_c_leaves_the_following_and_stops_nothing(desk: Desk, far_side: Sandbox) -> None:
    sending = slow(desk, far_side).start("send", words())
    while not desk.ledger.exists() or not desk.run("status", "--json").json["broadcasts"]:
        assert sending.poll() is None
    following = desk.terminal("status", "last", "--follow")
    following.wait_for(" of 60")
    following.type("\x03")
    screen = following.end()
    assert screen.code == 130
    assert "Traceback" not in ANSI.sub("", screen.raw)
    assert desk.ended(sending).code == 0


def test_following_in_a_pipe_waits_and_prints_once(desk: Desk, far_side: Sandbox) -> None:
    slow(desk, far_side).run("send", words(), "--no-wait")
    following = desk.start("status", "last", "--follow", "--json")
    assert desk.run("resume", "last").code == 0
    ended = desk.ended(following)
    assert (ended.code, json.loads(ended.out)["state"]) == (0, "reached")


def test_what_was_interrupted_is_resumed_and_nobody_gets_it_twice(desk: Desk, far_side: Sandbox) -> None:
    terminal = slow(desk, far_side).terminal("send", words(), "--yes")
    terminal.wait_for(" left")
    terminal.type("\x03")
    stopped = terminal.end()
    assert stopped.code == 130
    assert "Go on: surecast resume " in stopped.text
    resumed = desk.run("resume", "last", "--json").json["broadcasts"][0]
    assert resumed["contacts"]["reached"] == 60


def test_what_a_worker_sent_to_people_is_told_once(crowd: Desk) -> None:
    crowd.run("send", words(), "--no-wait")
    told = crowd.run("work", "--once")
    assert told.code == 0
    assert "SMS to 19 of 20 contacts (1 missed)." in told.lines[0]
    assert "SMS to" not in crowd.run("work", "--once").out
