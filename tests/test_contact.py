"""People and what may be shown of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.contact import Contact, Medium, Recipient, masked

ADA = Contact(
    key="1",
    addresses={Medium.PHONE: "+302101234567", Medium.EMAIL: "ada@ferries.example"},
    consents=frozenset({Medium.PHONE, Medium.TELEGRAM}),
    name="Ada",
)


def test_a_person_is_reachable_by_an_address_with_the_consent_to_use_it() -> None:
    assert [medium for medium in Medium if ADA.reachable(medium)] == [Medium.PHONE]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+302101234567", "+30***4567"),
        ("ada@ferries.example", "a***@ferries.example"),
        ("987654321", "98***4321"),
        ("4321", "***"),
        ("@group", "***roup"),
        ("", "***"),
    ],
)
def test_an_address_is_shown_in_part(address: str, shown: str) -> None:
    assert masked(address) == shown


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_at_least_three_digits_of_a_number_are_hidden(number: str) -> None:
    head, tail = masked(number).split("***")
    assert number.startswith(head)
    assert number.endswith(tail)
    assert len(number) - len(head) - len(tail) >= 3


def test_neither_name_nor_address_shows() -> None:
    shown = repr(ADA) + repr(Recipient(address="+302101234567", name="Ada"))
    assert not any(secret in shown for secret in ("Ada", "302101234567", "ferries.example"))
