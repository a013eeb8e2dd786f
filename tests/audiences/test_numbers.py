from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, NumberParseException, PhoneNumberType

from surecast.audiences import numbers
from surecast.audiences.flaws import Unusable
from surecast.audiences.numbers import known_region, phone_number
from surecast.errors import ConfigError

REGIONS = sorted(SUPPORTED_REGIONS)
CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)


def by_the_library(value: str, region: str | None) -> str:
    """What `phonenumbers` alone makes of it; empty where it refuses it."""
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        return ""
    valid = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else ""


def by_us(value: str, region: str | None) -> str:
    try:
        return phone_number(value, region)
    except Unusable:
        return ""


def examples(region: str) -> list[phonenumbers.PhoneNumber]:
    kinds = PhoneNumberType.values()
    found = (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
    return [number for number in found if number is not None]


def spellings(number: phonenumbers.PhoneNumber) -> list[str]:
    formats = phonenumbers.PhoneNumberFormat
    return [
        phonenumbers.format_number(number, each) for each in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL)
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_numbers_of_every_country_are_what_the_library_says_also_with_a_digit_changed(region: str) -> None:
    chance = random.Random(region)
    for number in examples(region):
        for spelt in spellings(number):
            digits = [place for place, character in enumerate(spelt) if character.isdigit()]
            place = chance.choice(digits)
            for written in (spelt, spelt[:place] + chance.choice("0123456789") + spelt[place + 1 :], spelt[:-1]):
                for at_home in (region, None):
                    assert by_us(written, at_home) == by_the_library(written, at_home), (written, at_home)


@given(st.sampled_from(CODES), st.text("0123456789", min_size=3, max_size=13), st.sampled_from([None, *REGIONS]))
def test_any_digits_after_a_country_code_are_what_the_library_says(code: int, rest: str, region: str | None) -> None:
    assert by_us(f"+{code}{rest}", region) == by_the_library(f"+{code}{rest}", region)


@given(st.text("0123456789 -", min_size=5, max_size=15).map(str.strip), st.sampled_from(REGIONS))
def test_any_digits_at_home_are_what_the_library_says(digits: str, region: str) -> None:
    assert by_us(digits, region) == by_the_library(digits, region)


def test_a_number_that_begins_as_a_national_prefix_does_is_left_to_the_library() -> None:
    """Belarus dials 8 before its own numbers, and 810 before all others; this one looks valid and is none."""
    assert numbers._in_use(375, "8105289365")
    assert by_us("+3758105289365", None) == by_the_library("+3758105289365", None) == ""


def test_plain_numbers_do_not_wait_for_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(value: str, region: str | None) -> str:
        raise AssertionError(value)

    monkeypatch.setattr(numbers, "_by_library", refused)
    assert phone_number("+306941234567", None) == "+306941234567"
    assert phone_number("+30 694-123 4567", "GB") == "+306941234567"
    assert phone_number("6941234567", "GR") == "+306941234567"
    assert phone_number("+14155550123", None) == "+14155550123"


@pytest.mark.parametrize(
    ("written", "region", "what"),
    [
        ("6941234567", None, "it has no country code"),
        ("0030 6941234567", None, "it has no country code"),
        ("+30 123", None, "it has too few or too many digits"),
        ("+3069412345678901", "GR", "it has too few or too many digits"),
        ("+306141234567", "GR", "no such number is in use in its country"),
        ("+999123456789", None, "it is no telephone number"),
        ("Anna +306941234567", "GR", "it holds something that is no part of a number"),
        ("+1 800 FLOWERS", "US", "it holds something that is no part of a number"),
        ("+306941234567 x12", "GR", "it holds something that is no part of a number"),
        ("=+306941234567", "GR", "it holds something that is no part of a number"),
        ("3,06941E+11", "GR", "a spreadsheet has shortened it (1.2E+11)"),
        ("+30694\udce9234567", "GR", "it holds bytes that are not UTF-8"),
        ("1" * 61, "GR", "it is longer than 60 characters"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason_that_does_not_quote_it(
    written: str, region: str | None, what: str
) -> None:
    with pytest.raises(Unusable) as refused:
        phone_number(written, region)
    assert refused.value.what == what
    assert "694" not in refused.value.what + refused.value.cure


@pytest.mark.parametrize(
    "written",
    [
        "0030 6941234567",
        "'+306941234567",
        "\u202a+30 694 123 4567\u202c",
        "(+30) 694.123.4567",
        "+30\u00a0694\u00a01234567",
    ],
)
def test_what_spreadsheets_and_address_books_leave_around_a_number_does_no_harm(written: str) -> None:
    assert phone_number(written, "GR") == "+306941234567"


def test_a_region_that_is_no_country_is_told() -> None:
    known_region("GR")
    with pytest.raises(ConfigError, match="There is no country XX"):
        known_region("XX")
