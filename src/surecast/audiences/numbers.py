"""Telephone numbers to E.164.

`phonenumbers` has the last word and takes 30 us for it. Most numbers in a list are plain, so its own metadata is asked
first, by the same steps that the library takes, where they are few: no national prefix to strip, no leading zero, a
country's own numbering. A number taken that way is one that the library takes unchanged; all others go to the library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from surecast.audiences.flaws import Unusable, holds_surrogates, not_utf8
from surecast.errors import ConfigError

LONGEST = 60

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NATIONAL = re.compile(r"[1-9][0-9]{5,13}")
_SPACES = str.maketrans("", "", " -")
_CHARACTERS = re.compile(r"[+\d\s().\-/\u2010-\u2015\u2212\u200b\u200e\u202a\u202c\ufeff]+")
_SCIENTIFIC = re.compile(r"[\d.,]+e\+?\d+", re.IGNORECASE)
#: Marks that copying from an address book leaves around a number.
_INVISIBLE = str.maketrans("", "", "\u200b\u200e\u202a\u202c\ufeff")


def phone_number(value: str, region: str | None) -> str:
    """A written number in E.164.

    Args:
        value: without space around it.
        region: the country of numbers without a country code.

    Raises:
        Unusable: it is no number that is in use anywhere, as far as the numbering plans say.
    """
    digits = value.translate(_SPACES)
    if _E164.fullmatch(digits):
        return digits if _surely_valid_abroad(digits[1:]) else _by_library(value, region)
    if region is not None and _NATIONAL.fullmatch(digits):
        plan = _plan(region)
        if plan is not None and plan.surely_valid_at_home(digits):
            return f"+{plan.code}{digits}"
    return _by_library(value, region)


def known_region(region: str) -> None:
    """Makes sure that numbers of a country can be read.

    Raises:
        ConfigError: there is no such country.
    """
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigError(
            f'There is no country {region}. Write region = "GR", or the two capitals of yours (ISO 3166).'
        )


def _by_library(value: str, region: str | None) -> str:
    value = value.removeprefix("'")  # a spreadsheet's mark that a number is a text
    _check_characters(value)
    value = value.translate(_INVISIBLE).strip()
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE and not value.startswith("+"):
            cure = 'Write it with + and the code of its country, or set region = "GR" in the table of the audience'
            raise Unusable("it has no country code", cure) from None
        raise Unusable(
            "it is no telephone number", "Correct it: + and the code of its country, then the number"
        ) from None
    if not phonenumbers.is_possible_number(number):
        raise Unusable(
            "it has too few or too many digits", "Correct it: + and the code of its country, then the number"
        )
    if not phonenumbers.is_valid_number(number):
        raise Unusable("no such number is in use in its country", "Correct it; look at its first digits")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check_characters(value: str) -> None:
    """Refuses what the library would read with goodwill: words around a number, letters as digits, extensions."""
    if len(value) > LONGEST:
        raise Unusable(f"it is longer than {LONGEST} characters", "Write one number")
    if holds_surrogates(value):
        raise not_utf8()
    if _SCIENTIFIC.fullmatch(value):
        raise Unusable("a spreadsheet has shortened it (1.2E+11)", "Format the column as text, and export it again")
    if not _CHARACTERS.fullmatch(value):
        raise Unusable("it holds something that is no part of a number", "Write one number, and nothing else")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the numbering plan of one region says."""

    code: int
    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    general: tuple[frozenset[int], re.Pattern[str]]
    types: tuple[tuple[frozenset[int], re.Pattern[str]], ...]

    def knows(self, national: str) -> bool:
        """Whether a national number is of a type that the region has; so the library's `number_type` decides."""
        length = len(national)
        lengths, pattern = self.general
        if (lengths and length not in lengths) or not pattern.fullmatch(national):
            return False
        return any((not possible or length in possible) and each.fullmatch(national) for possible, each in self.types)

    def unchanged(self, national: str) -> bool:
        """Whether nothing at its beginning may be a national prefix."""
        return national[0] != "0" and (self.prefix is None or not self.prefix.match(national))

    def surely_valid_at_home(self, national: str) -> bool:
        """Whether it is valid when it is dialled within the region, and no other number is meant."""
        if national.startswith(str(self.code)) or (self.abroad is not None and self.abroad.match(national)):
            return False
        return self.unchanged(national) and _in_use(self.code, national)


def _surely_valid_abroad(digits: str) -> bool:
    for end in (1, 2, 3):  # no country code is the beginning of another
        code = int(digits[:end])
        if code in COUNTRY_CODE_TO_REGION_CODE:
            national = digits[end:]
            main = _plan(COUNTRY_CODE_TO_REGION_CODE[code][0])
            return main is not None and main.unchanged(national) and _in_use(code, national)
    return False


def _in_use(code: int, national: str) -> bool:
    """Whether the first region of a country code that claims the number has such numbers."""
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        plan = _plan(region)
        if plan is None:
            return False
        if plan.leading is None:
            if plan.knows(national):
                return True
        elif plan.leading.match(national):
            return plan.knows(national)
    return False


@cache
def _plan(region: str) -> _Plan | None:
    """None where the library knows no such region, or it is none: satellites, freephone of the world."""
    found = PhoneMetadata.metadata_for_region(region, None)
    if found is None or found.country_code is None:
        return None
    general = _rule(found.general_desc)
    if general is None:
        return None
    described = [
        found.fixed_line,
        None if found.same_mobile_and_fixed_line_pattern else found.mobile,
        found.premium_rate,
        found.toll_free,
        found.shared_cost,
        found.voip,
        found.personal_number,
        found.pager,
        found.uan,
        found.voicemail,
    ]
    return _Plan(
        code=found.country_code,
        prefix=_pattern(found.national_prefix_for_parsing),
        abroad=_pattern(found.international_prefix),
        leading=_pattern(found.leading_digits),
        general=general,
        types=tuple(rule for each in described if (rule := _rule(each)) is not None),
    )


def _rule(described: PhoneNumberDesc | None) -> tuple[frozenset[int], re.Pattern[str]] | None:
    if described is None or not described.national_number_pattern:
        return None
    return frozenset(described.possible_length), re.compile(described.national_number_pattern)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None
