"""Whom surecast turns to itself, and what a configuration is told about that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from surecast.audiences import rows
from surecast.config import Config, check, examine, load_config, rehome
from surecast.config.assemble import assemble
from surecast.config.charge import AUDIENCE, Charge
from surecast.contact import Contact, Medium
from surecast.errors import Mistake, RouteError
from tests.config.fakes import write

TOP = """\
sender = "Harbour Ferries"

[routes]
default = "site & (newsletter | sms)"

[channels.site]
type = "site"
directory = "public"
url = "https://ferries.example/notices"

[channels.newsletter]
type = "email"
from = "Harbour Ferries <notices@ferries.example>"
relays = [{ host = "mail.ferries.example" }]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"
templates = "."

[channels.sms]
type = "twilio"
account_sid = { env = "ACCOUNT_SID" }
auth_token = { env = "AUTH_TOKEN" }
from = "+15005550006"
opt_out = "Reply STOP to end"
audience = "riders"
price = 0.01
max_cost = 400
max_cost_per_day = 800
spend_after = "5 min"

[audiences.riders]
source = "riders.csv"
consent = { email = "signup form, since 2024-05", sms = "on the pier" }
"""

DUTY = """
[people.duty]
name = "Dora Manager"
email = "dora@ferries.example"
phone = "+306941234567"
via = ["email", "phone"]
"""

BOSS = """
[people.boss]
name = "Bob Owner"
email = "bob@ferries.example"
phone = "+306941234568"
via = ["phone"]
"""

PRESS = """
[channels.press]
type = "email"
from = "Harbour Ferries <press@ferries.example>"
relays = [{ host = "mail.ferries.example" }]
unsubscribe = "mailto:stop@ferries.example"
postal_address = "Pier 3, Harbour"
audience = "riders"
"""


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_SID", "AC1")
    monkeypatch.setenv("AUTH_TOKEN", "token")
    (tmp_path / "riders.csv").write_text("name,phone,email\nAnna,+306940000001,anna@ferries.example\n", "utf-8")
    (tmp_path / "email.txt").write_text("{{ text }}\n", "utf-8")


def load(folder: Path, *tables: str) -> Config:
    return load_config(write(folder, "".join([TOP, *tables])))


def contacts(charge: Charge) -> list[Contact]:
    assert charge.audience is not None
    return [row.contact for row in rows(charge.audience) if row.contact is not None]


def told(folder: Path, *tables: str) -> list[str]:
    return list(map(without_line, check(write(folder, "".join([TOP, *tables])))))


def noted(folder: Path, text: str) -> list[str]:
    """The notes about people."""
    return [without_line(each) for each in examine(write(folder, text)).notes if "[people" in each.place]


def without_line(found: Mistake) -> str:
    return re.sub(r"^surecast.toml(:\d+)? ", "", str(found))


# Who, and by which channels


def test_each_person_is_a_contact_with_the_addresses_that_via_names_and_no_others(tmp_path: Path) -> None:
    duty, boss = contacts(load(tmp_path, DUTY, BOSS).charge)
    assert (duty.key, duty.name, boss.key, boss.name) == ("duty", "Dora Manager", "boss", "Bob Owner")
    assert duty.addresses == {Medium.EMAIL: "dora@ferries.example", Medium.PHONE: "+306941234567"}
    assert boss.addresses == {Medium.PHONE: "+306941234568"}
    assert (duty.consents, boss.consents) == ({Medium.EMAIL, Medium.PHONE}, {Medium.PHONE})


def test_the_channels_are_copied_for_the_people_and_stay_as_they_were(tmp_path: Path) -> None:
    config = load(tmp_path, DUTY)
    charge = config.charge
    assert list(config.channels) == ["site", "newsletter", "sms"]
    assert {name: copy.name for name, copy in charge.channels.items()} == {
        "newsletter": "people_newsletter",
        "sms": "people_sms",
    }
    assert {copy.audience for copy in charge.channels.values()} == {AUDIENCE} == set(charge.audiences)
    assert config.channels["newsletter"].audience == "riders"
    sms = charge.channels["sms"]
    assert (sms.price, sms.max_cost, sms.max_cost_per_day) == (0.01, 400, 800)


def test_what_is_said_around_messages_to_many_is_left_out_where_that_can_be(tmp_path: Path) -> None:
    config = load(tmp_path, DUTY)
    copies = config.charge.channels
    assert (copies["sms"].settings.opt_out, copies["newsletter"].settings.templates) == ("", None)
    assert config.channels["sms"].settings.opt_out == "Reply STOP to end"
    assert copies["newsletter"].settings.unsubscribe == "mailto:stop@ferries.example"


def test_a_medium_that_nobody_names_gets_no_copy(tmp_path: Path) -> None:
    assert list(load(tmp_path, BOSS).charge.channels) == ["sms"]


def test_a_channel_that_cannot_be_used_cannot_be_used_for_the_people_either(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, TOP.replace("max_cost = 400\n", "") + DUTY))
    assert config.charge.channels["sms"].misconfigured == config.channels["sms"].misconfigured != ""


def test_a_rehearsal_wakes_nobody(tmp_path: Path) -> None:
    assert rehome(load(tmp_path, DUTY), {}, tmp_path).charge == Charge()


# The way to them


@pytest.mark.parametrize(
    ("tables", "failing", "expected"),
    [
        ([DUTY], None, "people_newsletter | people_sms"),
        ([DUTY], "site", "people_newsletter | people_sms"),
        ([DUTY], "newsletter", "people_sms | people_newsletter"),
        ([DUTY], "sms", "people_newsletter | people_sms"),
        ([DUTY.replace('["email", "phone"]', '["phone", "email"]')], None, "people_sms | people_newsletter"),
        ([BOSS, DUTY], None, "people_sms | people_newsletter"),
        ([BOSS], "sms", "people_sms"),
        ([DUTY, PRESS], None, "people_newsletter | people_press | people_sms"),
        ([DUTY, PRESS], "newsletter", "people_press | people_sms | people_newsletter"),
    ],
)
def test_the_first_persons_order_counts_and_what_fails_comes_last(
    tmp_path: Path, tables: list[str], failing: str | None, expected: str
) -> None:
    assert str(load(tmp_path, *tables).charge.route(failing)) == expected


@pytest.mark.parametrize("tables", [[], [DUTY.replace('["email", "phone"]', "[]")]])
def test_where_nobody_is_to_be_told_there_is_no_way(tmp_path: Path, tables: list[str]) -> None:
    charge = load(tmp_path, *tables).charge
    assert (charge.route(), charge.audiences, dict(charge.channels)) == (None, {}, {})


def test_where_no_channel_leads_to_anybody_there_is_no_way(tmp_path: Path) -> None:
    text = TOP.partition("[channels.newsletter]")[0].replace(" & (newsletter | sms)", "")
    assert load_config(write(tmp_path, text + DUTY)).charge.route() is None


def test_no_list_shows_the_copies_and_no_route_may_name_them(tmp_path: Path) -> None:
    with assemble(load(tmp_path, DUTY)) as caster:
        assert set(caster.channels) == {"site", "newsletter", "sms"} == set(caster.health())
        with pytest.raises(RouteError, match="no channel is named 'people_sms'"):
            caster.preview("x", route="people_sms")
        assert "people" not in str(caster.preview("x"))


# Names that are taken


def test_a_channel_with_the_name_of_a_copy_is_a_mistake_and_stays_what_it_is(tmp_path: Path) -> None:
    clash = PRESS.replace("channels.press", "channels.people_sms")
    config = load(tmp_path, DUTY, clash)
    assert list(config.charge.channels) == ["newsletter", "people_sms"]
    assert told(tmp_path, DUTY, clash) == [
        "[channels.people_sms]: the name belongs to what sms sends to those in [people]. Choose another name"
    ]
    assemble(config).close()


def test_an_audience_with_the_name_of_theirs_is_a_mistake_and_is_never_written_to_in_their_place(
    tmp_path: Path,
) -> None:
    clash = '[audiences.people_in_charge]\nsource = "riders.csv"\n'
    config = load(tmp_path, DUTY, clash)
    assert config.charge == Charge()
    assert told(tmp_path, DUTY, clash) == [
        "[audiences.people_in_charge]: the name belongs to those in [people]. Choose another name"
    ]
    assert told(tmp_path, clash) == [], "where nobody is to be told, the name is free"


# What `config check` says


def test_people_who_can_be_reached_by_two_ways_are_no_note_and_no_mistake(tmp_path: Path) -> None:
    assert told(tmp_path, DUTY) == []
    assert noted(tmp_path, TOP + DUTY) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "+306941234567",
            "6941234567",
            "[people.duty] phone: it has no country code. Write it with + and the code of its country",
        ),
        ("dora@ferries.example", "dora@", "[people.duty] email: it is no e-mail address. "),
    ],
)
def test_an_address_that_cannot_be_written_to_is_a_mistake_that_does_not_show_it(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    (found,) = told(tmp_path, DUTY.replace(old, new))
    assert found.startswith(expected)
    assert new not in found


def test_a_person_with_one_way_alone_is_a_note_when_a_route_needs_that_channel(tmp_path: Path) -> None:
    said = (
        "[people.boss] via: sms alone reaches this person, so they may not hear of it when sms fails. Add another way"
    )
    assert noted(tmp_path, TOP + BOSS) == [said]
    assert told(tmp_path, BOSS) == []
    assert noted(tmp_path, TOP.replace("newsletter | sms", "newsletter") + BOSS) == []


def test_a_way_that_no_channel_goes_is_a_note(tmp_path: Path) -> None:
    text = TOP.partition("[channels.sms]")[0].replace("newsletter | sms", "newsletter")
    text += '[audiences.riders]\nsource = "riders.csv"\n'
    assert noted(tmp_path, text + BOSS) == [
        '[people.boss] via: no channel sends text messages, so nobody is told that way. Add one of the type "twilio"'
    ]


def test_nobody_to_tell_is_a_note_where_a_channel_could_tell_them(tmp_path: Path) -> None:
    said = (
        "[people]: nobody is told when a channel needs a person. "
        'Write [people.duty] and below it name = "...", email = "..." and via = ["email"]'
    )
    assert noted(tmp_path, TOP) == [said]
    (without_via,) = noted(tmp_path, TOP + DUTY.replace('["email", "phone"]', "[]"))
    assert "nobody is told when a channel needs a person" in without_via
    assert noted(tmp_path, TOP.partition("[channels.newsletter]")[0].replace(" & (newsletter | sms)", "")) == []


def test_one_of_several_who_is_never_told_is_a_note(tmp_path: Path) -> None:
    silent = BOSS.replace('["phone"]', "[]")
    (found,) = noted(tmp_path, TOP + DUTY + silent)
    assert found == '[people.boss]: nothing says how to reach this person. Write via = ["email"]'


# Personal data


def test_no_name_and_no_address_of_a_person_shows_in_a_repr(tmp_path: Path) -> None:
    config = load(tmp_path, DUTY, BOSS)
    shown = repr((config, config.people, config.charge, config.charge.audience, contacts(config.charge)))
    for secret in ("dora", "bob@", "+30694", "Dora", "Bob"):
        assert secret not in shown
