from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.audiences import Audience, census, rows
from surecast.contact import Medium
from surecast.errors import ConfigError
from tests.audiences.lists import Lists, contacts, read, told

ANNA = '{"name": "Anna", "phone": "+306941234561", "consent_sms": true}'


def lines(lists: Lists, *texts: str | bytes, **rest: object) -> Audience:
    return lists.file("riders.jsonl", *texts, **rest)


def test_each_line_is_a_contact_whatever_its_keys_and_their_order(lists: Lists) -> None:
    audience = lines(
        lists,
        ANNA,
        '{"consent_sms": false, "Phone": "+306941234562", "id": 7, "telegram": -1001234567890, "tags": ["x"]}',
        "",
        '{"email": "c@x.gr", "phone": null, "consent_email": "2024-05-31"}',
    )
    anna, bob, carl = contacts(audience)
    assert (anna.name, anna.consents) == ("Anna", {Medium.PHONE})
    assert (bob.key, bob.consents, bob.addresses[Medium.TELEGRAM]) == ("7", frozenset(), "-1001234567890")
    assert carl.consents == {Medium.EMAIL}
    assert [row.number for row in read(audience)] == [1, 2, 4]
    assert census(audience).unread == ("tags",)


def test_lines_that_are_no_object_are_told_and_the_others_read(lists: Lists) -> None:
    audience = lines(
        lists,
        "{broken",
        "[1, 2]",
        '"Anna"',
        "[" * 90_000,
        '{"phone": ["+306941234561"]}',
        "{}",
        "x" * 500_000,
        ANNA,
        '{"name": "\\ud800", "phone": "+306941234562"}',
    )
    assert [one.name for one in contacts(audience)] == ["Anna", ""]
    assert [flaw.partition(". ")[0] for flaw in told(audience)] == [
        "line 1: it is no JSON",
        "line 2: it is no object with names and values",
        "line 3: it is no object with names and values",
        "line 4: it is no JSON",
        "line 5: phone is a list, which is no text",
        "line 6: there is no address",
        "line 7: the line is longer than 100000 characters",
        "line 9, name: it holds bytes that are not UTF-8",
    ]


def test_columns_of_the_configuration_name_the_keys(lists: Lists) -> None:
    audience = lines(lists, '{"tel": "6941234561", "phone": "x"}', columns={"phone": "tel"}, region="GR")
    assert contacts(audience)[0].addresses == {Medium.PHONE: "+306941234561"}


@settings(max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.dictionaries(
                st.sampled_from(["name", "phone", "email", "id", "x"]),
                st.recursive(
                    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)), st.lists
                ),
            ),
            st.integers(),
        ),
        max_size=8,
    )
)
def test_every_line_of_json_is_a_contact_or_a_bad_row(items: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
        found = census(Audience(source="a.jsonl", folder=Path(folder)))
    assert found.rows == len(items) == found.contacts + found.bad


# Functions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(lists: Lists) -> Iterator[Path]:
    """A module beside the configuration; forgotten afterwards."""
    path, before = lists.folder / "crm_of_this_test.py", list(sys.path)
    yield path
    sys.path[:] = before
    sys.modules.pop("crm_of_this_test", None)


def asked(lists: Lists, name: str = "riders") -> Audience:
    return Audience(source=f"crm_of_this_test:{name}", folder=lists.folder)


def test_a_function_beside_the_configuration_gives_contacts_one_by_one(lists: Lists, module: Path) -> None:
    module.write_text(
        "def riders():\n"
        "    yield {'id': 1, 'phone': '+306941234561', 'consent_sms': True}\n"
        "    yield 'Anna'\n"
        "    yield {1: 'x'}\n"
        "    while True:\n"
        "        yield {'email': 'a@x.gr'}\n"
    )
    found = rows(asked(lists))
    first = next(found)
    assert first.contact is not None
    assert (first.number, first.contact.key, first.contact.consents) == (1, "1", {Medium.PHONE})
    assert [str(flaw).partition(". ")[0] for flaw in next(found).flaws + next(found).flaws] == [
        "row 2: it is no object with names and values",
        "row 3: its names are not all texts",
    ]
    assert next(found).number == 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no function riders. Correct source."),
        ("riders = 7", "has no function riders"),
        ("def riders():\n    raise KeyError('Anna +306941234561')", "raised KeyError. Call it by hand and see why."),
        ("def riders():\n    yield {}\n    raise KeyError('Anna')", "raised KeyError. Call it by hand"),
        ("def riders():\n    return 7", "gave int. It must give mappings, one for each contact."),
        ("def riders():\n    return {'phone': '+306941234561'}", "gave dict. It must give mappings"),
        ("import no_such_module_of_mine", "There is no module no_such_module_of_mine, which"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_a_function_that_gives_no_contacts_is_told_without_their_data(
    lists: Lists, module: Path, text: str, sentence: str
) -> None:
    module.write_text(text + "\n")
    with pytest.raises(ConfigError) as refused:
        list(rows(asked(lists)))
    assert sentence in str(refused.value)
    assert "Anna" not in str(refused.value)


def test_a_module_that_is_not_there_is_told(lists: Lists, module: Path) -> None:
    with pytest.raises(ConfigError, match="There is no module crm_of_this_test"):
        list(rows(asked(lists)))
