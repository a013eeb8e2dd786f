"""`surecast suppress` and `surecast forget`: who must not be written to, and who is to be forgotten."""

from __future__ import annotations

import random

import pytest

from tests.cli.desk import Desk

BOUNCE = """\
From: Mail Delivery System <MAILER-DAEMON@mail.ferries.example>
Date: Mon, 1 Jun 2026 06:00:00 +0300
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.ferries.example

Final-Recipient: rfc822; a3@ferries.example
Action: failed
Status: 5.1.1

--b--
"""


def words() -> str:
    return f"Ferry {random.randrange(10**9)} is cancelled"


def reached(crowd: Desk, *options: str) -> int:
    told = crowd.run("send", words(), "--json", *options).json
    return int(told["contacts"]["reached"])


def test_nobody_on_the_list_is_written_to_by_whatever_channel(crowd: Desk) -> None:
    ran = crowd.run("suppress", "add", "+306940000001", "a2@ferries.example", "--why", "asked by telephone")
    assert (ran.code, ran.out) == (0, "2 addresses added.\n")
    assert reached(crowd) == 17
    counts = crowd.run("status", "last", "--json").json["channels"]["sms"]["contacts"]
    assert (counts["suppressed"], counts["missed"]) == (2, 1)
    assert reached(crowd, "--route", "mail") == 18


def test_the_list_shows_a_part_of_each_address_since_when_and_why(crowd: Desk) -> None:
    crowd.run("suppress", "add", "a2@ferries.example", "--why", "asked by\ttelephone")
    ran = crowd.run("suppress", "list")
    assert ran.code == 0
    assert ran.lines[0].endswith("  a***@ferries.example  the person: asked by telephone")
    (told,) = crowd.run("suppress", "list", "--json").json["suppressed"]
    assert set(told) == {"medium", "address", "person", "why", "at"}
    assert (told["medium"], told["address"], told["person"]) == ("email", "a***@ferries.example", True)
    assert "a2@" not in ran.out


def test_an_empty_list_says_so_and_asking_makes_no_ledger(crowd: Desk) -> None:
    assert crowd.run("suppress", "list").lines == ["Nobody is on the list."]
    assert crowd.run("suppress", "remove", "a2@ferries.example").lines == ["It was not on the list."]
    assert crowd.run("forget", "a2@ferries.example").lines[0].endswith("holds nothing of this person.")
    assert not crowd.ledger.exists()


def test_an_address_is_entered_once_and_taken_off_again(crowd: Desk) -> None:
    crowd.run("suppress", "add", "+306940000001")
    again = crowd.run("suppress", "add", "+306940000001", "--json")
    assert again.json == {"schema": 1, "added": 0, "known": 1}
    assert crowd.run("suppress", "remove", "+306940000001").out == "Taken off the list.\n"
    assert crowd.run("suppress", "list", "--json").json["suppressed"] == []


def test_what_is_no_address_is_a_sentence(crowd: Desk) -> None:
    first = crowd.run("suppress", "add", "+306940000001", "nobody")
    assert (first.code, first.out) == (2, "")
    assert first.err.startswith("1 address is on the list, then this one:\n")
    for verb in (("suppress", "add"), ("suppress", "remove"), ("forget",)):
        ran = crowd.run(*verb, "nobody")
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)


def test_bounces_take_addresses_off_but_not_the_people(crowd: Desk) -> None:
    (crowd.folder / "bounce.eml").write_text(BOUNCE)
    ran = crowd.run("suppress", "import", "bounce.eml")
    assert (ran.code, ran.out) == (0, "Added 1 address that does not exist, and 0 people who complained.\n")
    assert reached(crowd, "--route", "mail") == 19
    assert reached(crowd) == 19


def test_a_plain_list_of_addresses(crowd: Desk) -> None:
    (crowd.folder / "stop.txt").write_text("# those who wrote us\n+306940000001\n\na2@ferries.example\nno address\n")
    ran = crowd.run("suppress", "import", "stop.txt")
    assert (ran.code, ran.out) == (2, "2 addresses added.\n")
    assert ran.err == "stop.txt: no address stands in 1 line: 5. Correct them.\n"
    again = crowd.run("suppress", "import", "stop.txt", "--json")
    assert again.json == {"schema": 1, "added": 0, "known": 2, "wrong_lines": [5]}


@pytest.mark.parametrize("file", ["missing.txt", "missing.eml"])
def test_a_file_that_is_not_there(crowd: Desk, file: str) -> None:
    ran = crowd.run("suppress", "import", file)
    assert (ran.code, ran.out) == (2, "")
    assert file in ran.err
    assert "Correct the path." in ran.err


# Forgetting ---------------------------------------------------------------------------------------------------


def test_a_person_is_removed_from_the_ledger_and_stays_on_the_list(crowd: Desk) -> None:
    crowd.run("send", words())
    assert "Mute Maria" in crowd.run("status", "last", "--missed").out
    ran = crowd.run("forget", "+15005550009")
    assert (ran.code, ran.lines) == (
        0,
        [
            "Removed name and addresses from 1 entry.",
            "Whether the person must not be written to stays known, as a hash only.",
        ],
    )
    assert "Maria" not in crowd.run("status", "last", "--missed").out
    assert b"Mute Maria" not in crowd.ledger.read_bytes()


def test_a_terminal_is_asked_before_somebody_is_forgotten(crowd: Desk) -> None:
    crowd.run("send", words())
    terminal = crowd.terminal("forget", "+15005550009")
    terminal.wait_for("[y/N]")
    terminal.type("\n")
    screen = terminal.end()
    assert (screen.code, screen.lines[-1]) == (130, "Nothing was removed.")
    assert "Mute Maria" in crowd.run("status", "last", "--missed").out
    told = crowd.watch("forget", "+15005550009", "--yes")
    assert told.code == 0
    assert "Maria" not in crowd.run("status", "last", "--missed").out
