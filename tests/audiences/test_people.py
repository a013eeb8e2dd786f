from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from surecast.audiences.flaws import Unusable
from surecast.audiences.people import _name, key_of
from surecast.contact import Medium
from tests.audiences.lists import Lists, contacts, read, told


def test_a_contact_has_what_its_row_says_normalised(lists: Lists) -> None:
    audience = lists.csv(
        "id,name,phone,email,telegram,language,time_zone,consent_sms,consent_email,consent_telegram",
        "7, Anna ,694 123 4567,Anna@Ferries.Example,@Anna_B,el,Europe/Athens,yes,2024-05-31,",
        region="GR",
    )
    (anna,) = contacts(audience)
    assert (anna.key, anna.name, anna.language, anna.time_zone) == ("7", "Anna", "el", "Europe/Athens")
    assert anna.addresses == {
        Medium.PHONE: "+306941234567",
        Medium.EMAIL: "Anna@ferries.example",
        Medium.TELEGRAM: "@anna_b",
    }
    assert anna.consents == {Medium.PHONE, Medium.EMAIL}


def test_a_bad_phone_leaves_the_email_in_use(lists: Lists) -> None:
    audience = lists.csv("Mobile,email", "+30 12,anna@ferries.example", columns={"phone": "Mobile"})
    (row,) = read(audience)
    assert row.contact is not None
    assert row.contact.addresses == {Medium.EMAIL: "anna@ferries.example"}
    (flaw,) = row.flaws
    assert (flaw.place, flaw.column, flaw.what) == ("line 2", "Mobile", "it has too few or too many digits")


def test_a_row_without_a_usable_address_is_no_contact_and_says_so(lists: Lists) -> None:
    audience = lists.csv("name,phone,email", "Anna,12,@", "Bob,,")
    assert [row.contact for row in read(audience)] == [None, None]
    assert told(audience)[-2:] == [
        "line 2: no address is left. Mend one of them, or remove the row",
        "line 3: there is no address. Write a phone, an email or a telegram, or remove the row",
    ]


def test_consent_of_the_list_counts_for_all_who_did_not_refuse(lists: Lists) -> None:
    audience = lists.csv(
        "phone,email,consent_email",
        *(f"+30694123456{n},a{n}@x.gr,{said}" for n, said in enumerate(("", "no", "yes", "perhaps"))),
        consent={"email": "form, since 2024-05"},
    )
    assert [sorted(one.consents) for one in contacts(audience)] == [["email"], [], ["email"], []]
    (flaw,) = told(audience)
    assert flaw.startswith("line 5, consent_email: it does not say whether there is consent. Write yes, no")


def test_without_any_word_of_consent_there_is_none(lists: Lists) -> None:
    (anna,) = contacts(lists.csv("phone", "+306941234567"))
    assert anna.consents == frozenset()
    assert not anna.reachable(Medium.PHONE)


def test_without_an_id_the_addresses_make_the_key_whatever_their_spelling(lists: Lists) -> None:
    audience = lists.csv(
        "id,phone,email",
        ",+30 694 123 4567,Anna@Ferries.example",
        ",+306941234567,anna@ferries.example",
        ",+306941234567,",
    )
    first, second, third = (one.key for one in contacts(audience))
    assert first == second != third
    assert len(first) == 24
    assert int(first, 16)
    assert key_of({Medium.PHONE: "+306941234567"}) == third


def test_language_and_time_zone_are_the_audiences_where_a_row_has_none_that_is_one(lists: Lists) -> None:
    audience = lists.csv(
        "phone,language,time zone",
        "+306941234561,,",
        "+306941234562,greek!,Athens",
        "+306941234563,pt-BR,America/Sao_Paulo",
        language="el",
        time_zone="Europe/Athens",
    )
    assert [(one.language, one.time_zone) for one in contacts(audience)] == [
        ("el", "Europe/Athens"),
        ("el", "Europe/Athens"),
        ("pt-BR", "America/Sao_Paulo"),
    ]
    assert [flaw.partition(". ")[0] for flaw in told(audience)] == [
        "line 3, language: it is no language tag",
        "line 3, time zone: it is no time zone",
    ]


def test_a_name_that_may_do_harm_is_left_out_and_the_person_is_still_written_to(lists: Lists) -> None:
    bad = [
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "+CMD",
        "-2+3",
        '"Anna\r\nBcc: x@x.example"',
        "a\0b",
        "win at http://x.example",
    ]
    audience = lists.csv("name,phone", *(f"{name},+30694123456{number}" for number, name in enumerate(bad)))
    assert [one.name for one in contacts(audience)] == [""] * len(bad)
    assert len(told(audience)) == len(bad)
    assert not any("calc" in flaw or "Bcc" in flaw for flaw in told(audience))


def test_names_of_all_the_world_are_names(lists: Lists) -> None:
    names = ["Σοφία Παπαδοπούλου", "Đặng Thị", "山田 太郎", "O'Neil-Smith, Jr.", "Anna {{ name }} <b>", "نور"]
    quoted = [f'"{name}",+30694123456{number}' for number, name in enumerate(names)]
    audience = lists.csv("name,phone", *quoted)
    assert [one.name for one in contacts(audience)] == names
    assert told(audience) == []


@given(st.text(max_size=300))
def test_a_name_that_is_kept_breaks_no_header_and_no_terminal(value: str) -> None:
    try:
        kept = _name(value)
    except Unusable:
        return
    kept.encode()
    assert len(kept) <= 200
    assert not set(kept) & {"\r", "\n", "\0", "\x1b", "\x85", "\u2028", "\u202e"}
    assert not kept.startswith(("=", "@", "+", "-"))


def test_an_id_that_cannot_be_one_is_told_and_the_addresses_identify(lists: Lists) -> None:
    (anna,) = contacts(lists.csv("id,phone", f"{'7' * 201},+306941234567"))
    assert anna.key == key_of(anna.addresses)
