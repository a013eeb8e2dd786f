"""`surecast audience check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk

LIST = """\
id,name,phone,email,consent_sms,notes
1,Anna,694 123 4567,anna@ferries.example,yes,
2,Bob,12,bob@ferries.example,yes,
3,Carl,6941234569,,no,
4,=1+1,,,yes,
1,Anna again,6941234568,,yes,
6,Dora,6941234567,dora@ferries.example,,
"""

TABLE = """\
[audiences.riders]
source = "riders.csv"
region = "GR"
consent = { email = "signup form, since 2024-05" }
"""


def add(desk: Desk, text: str) -> None:
    desk.config.write_text(f"{desk.config.read_text()}{text}\n", encoding="utf-8")


@pytest.fixture
def riders(desk: Desk) -> Desk:
    """A shop with a list of riders, and text messages for them."""
    desk.environment |= {"SID": "AC" + "0" * 32, "TOKEN": "0" * 32}
    (desk.folder / "riders.csv").write_text(LIST, encoding="utf-8")
    desk.site().channel(
        "sms",
        "twilio",
        account_sid={"env": "SID"},
        auth_token={"env": "TOKEN"},
        audience="riders",
        price=0.01,
        max_cost=10,
        max_cost_per_day=20,
        **{"from": "+15005550006"},
    ).route("site & sms")
    add(desk, TABLE)
    return desk


def test_it_says_who_is_reached_and_what_is_wrong_with_lines_and_cures(riders: Desk) -> None:
    ran = riders.run("audience", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        f"riders: 5 contacts in 6 rows of {riders.folder}/riders.csv",
        "  sms reaches 1: 2 telephone numbers, 1 of them without consent",
        "  No channel uses 3 e-mail addresses",
        "  1 row repeats an earlier one, and 1 address stands in an earlier row; each is sent to once:",
        "    line 6: it has the id of line 2. Only the first is sent to; give each person an id of its own.",
        "    line 7: it has the phone (+30***4567) of line 2. It is sent to once.",
        "  1 row gives no contact, and something of 1 contact cannot be used:",
        "    line 3, phone: it has too few or too many digits. "
        "Correct it: + and the code of its country, then the number.",
        "    line 5: there is no address. Write a phone, an email or a telegram, or remove the row.",
        "  Columns that are not read: notes",
    ]


def test_strict_makes_a_flaw_a_failure(riders: Desk) -> None:
    assert riders.run("audience", "check", "--strict").code == 2
    (riders.folder / "riders.csv").write_text("\n".join(LIST.splitlines()[:2]), encoding="utf-8")
    assert riders.run("audience", "check", "--strict").code == 0


def test_a_source_that_cannot_be_read_is_told_beside_the_others(riders: Desk) -> None:
    add(riders, '[audiences.staff]\nsource = "staff.csv"')
    ran = riders.run("audience", "check")
    assert ran.code == 2
    assert ran.lines[0].startswith("riders: 5 contacts")
    assert ran.lines[-2:] == [
        "staff: cannot be read",
        f"  There is no file {riders.folder}/staff.csv. Correct source, or put the file there.",
    ]
    assert riders.run("audience", "check", "riders").code == 0


def test_as_json(riders: Desk) -> None:
    add(riders, '[audiences.staff]\nsource = "staff.csv"')
    ran = riders.run("audience", "check", "--json")
    assert (ran.code, ran.json["ok"], ran.err) == (2, False, "")
    found = ran.json["audiences"]["riders"]
    assert (found["rows"], found["contacts"], found["bad_rows"], found["duplicates"]) == (6, 5, 1, 1)
    assert found["media"]["phone"] == {"addresses": 2, "without_consent": 1, "suppressed": 0, "reach": 1}
    assert found["channels"] == {"sms": {"medium": "phone", "reach": 1}}
    assert found["flaws"][0]["place"] == "line 3"
    assert found["flaws"][1]["column"] is None
    assert "There is no file" in ran.json["audiences"]["staff"]["error"]


def test_nothing_that_it_prints_is_an_address_or_a_name(riders: Desk) -> None:
    for words in ((), ("--json",)):
        out = riders.run("audience", "check", *words).out
        assert not [said for said in ("6941234567", "1234567", "anna@", "dora", "Anna", "Carl", "1+1") if said in out]


def test_quiet_says_only_what_is_wrong(riders: Desk) -> None:
    assert riders.run("audience", "check", "--quiet").lines[0].startswith("riders: 5 contacts")
    (riders.folder / "riders.csv").write_text("\n".join(LIST.splitlines()[:2]), encoding="utf-8")
    assert riders.run("audience", "check", "--quiet").out == ""


def test_an_audience_that_is_not_there(riders: Desk) -> None:
    ran = riders.run("audience", "check", "rider")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "No audience is named 'rider'. Did you mean riders?\n"


def test_without_an_audience_it_says_how_to_write_one(shop: Desk) -> None:
    ran = shop.run("audience", "check")
    assert (ran.code, ran.lines) == (
        0,
        ['There is no audience. Write [audiences.riders] and below it source = "riders.csv".'],
    )
    assert shop.run("audience", "check", "riders").code == 2


def test_an_audience_that_is_not_set_up_is_no_missing_one(shop: Desk) -> None:
    add(shop, '[audiences.riders]\nsource = "riders.xlsx"\n')
    ran = shop.run("audience", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ".csv" in ran.err
    named = shop.run("audience", "check", "riders")
    assert named.code == 2
    assert named.err.endswith("The audience riders is not set up. Correct its table: surecast config check.\n")


def test_a_terminal_breaks_long_lines_under_their_beginning(riders: Desk) -> None:
    screen = riders.watch("audience", "check", columns=60)
    lines = [line.rstrip() for line in screen.lines]
    assert screen.code == 0
    assert lines[0].startswith("riders  5 contacts in 6 rows of")
    assert "  sms reaches 1: 2 telephone numbers, 1 of them without" in lines
    assert max(map(len, lines)) <= 60
    after = lines[next(n for n, line in enumerate(lines) if line.startswith("    line 6: it has")) + 1]
    assert after.startswith("    ")
    assert not after.startswith("    line")


def test_a_file_with_terminal_codes_in_it_moves_no_cursor(desk: Desk) -> None:
    (desk.folder / "riders.csv").write_text("phone,\x1b[2Jx\u202e\n12,y\n", encoding="utf-8")
    desk.site().route("site")
    add(desk, TABLE)
    for out in (desk.run("audience", "check").out, desk.run("audience", "check", "--json").out):
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_config_check_says_when_a_channel_reaches_nobody(riders: Desk) -> None:
    assert riders.run("config", "check").code == 0
    Path(riders.folder / "riders.csv").write_text("phone,consent_sms\n+306941234567,no\n", encoding="utf-8")
    ran = riders.run("config", "check")
    assert ran.code == 2
    assert "[channels.sms] audience: nobody in riders has a telephone number and agreed" in ran.out
