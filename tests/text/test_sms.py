"""Counting SMS segments and making texts cheaper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.text.sms import BASIC, CAPACITY, EXTENSION, Segments, cheapest, segments, transliterate

GSM = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=700)
ANY = st.text(st.one_of(st.sampled_from("aé€’…😀[\n"), st.characters(exclude_categories=("Cs",))), max_size=400)


def packed(text: str) -> int:
    """The segments of a text, filled one character after the other."""
    gsm = set(text) <= BASIC | EXTENSION
    costs = [2 if (c in EXTENSION if gsm else ord(c) > 0xFFFF) else 1 for c in text]
    whole, part = CAPACITY["GSM-7" if gsm else "UCS-2"]
    if sum(costs) <= whole:
        return 1
    count, room = 1, part
    for cost in costs:
        if cost > room:
            count, room = count + 1, part
        room -= cost
    return count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 1)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("€" * 80, ("GSM-7", 160, 1)),
        ("äöüßñ@£", ("GSM-7", 7, 1)),
        ("ç", ("UCS-2", 1, 1)),  # only the capital is in the alphabet
        ("Ç", ("GSM-7", 1, 1)),
        ("\t", ("UCS-2", 1, 1)),
        ("я" * 70, ("UCS-2", 70, 1)),
        ("я" * 71, ("UCS-2", 71, 2)),
        ("я" * 134, ("UCS-2", 134, 2)),
        ("я" * 135, ("UCS-2", 135, 3)),
        ("😀" * 35, ("UCS-2", 70, 1)),
        ("😀" * 36, ("UCS-2", 72, 2)),
    ],
)
def test_known_texts_cost_what_they_are_known_to_cost(text: str, expected: tuple[str, int, int]) -> None:
    encoding, units, count = expected
    assert segments(text) == Segments(encoding=encoding, units=units, count=count)  # type: ignore[arg-type]


def test_an_escaped_character_is_not_cut_in_two() -> None:
    text = "a" * 152 + "€" + "a" * 152  # 306 units would be two segments, if the escape could stand alone
    assert segments(text) == Segments(encoding="GSM-7", units=306, count=3)
    assert segments("a" * 151 + "€" + "a" * 153).count == 2


def test_a_surrogate_pair_is_not_cut_in_two() -> None:
    assert segments("я" * 66 + "😀" + "я" * 66) == Segments(encoding="UCS-2", units=134, count=3)
    assert segments("я" * 65 + "😀" + "я" * 67).count == 2


@given(GSM)
def test_gsm_texts_cost_what_filling_segments_costs(text: str) -> None:
    assert segments(text).encoding == "GSM-7"
    assert segments(text).count == packed(text)


@given(ANY)
def test_any_text_costs_what_filling_segments_costs(text: str) -> None:
    assert segments(text).count == packed(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“It’s late” – really…", '"It\'s late" - really...'),
        ("10\u00a0h, 5\u202f€", "10 h, 5 €"),
        ("«Ça va»", '"Ça va"'),
        ("ﬁve ½", "five 1/2"),
        ("so\u00adft", "soft"),
        ("ＳＡＬＥ！", "SALE!"),
        ("Fähre, ç, я, 😀", "Fähre, ç, я, 😀"),  # a letter is never replaced by another
    ],
)
def test_typography_becomes_plain(text: str, plain: str) -> None:
    assert transliterate(text) == plain


def test_links_stay_as_they_are_and_what_stands_around_them_does_not() -> None:
    text = "See “https://ferries.example/a–b’c?q=“x”&y=1”…"
    assert transliterate(text) == 'See "https://ferries.example/a–b’c?q=“x”&y=1"...'


@given(ANY)
def test_plain_text_stays_plain(text: str) -> None:
    assert transliterate(transliterate(text)) == transliterate(text)


@given(ANY)
def test_the_cheapest_costs_no_more_and_changes_nothing_for_nothing(text: str) -> None:
    saved = segments(text).count - segments(cheapest(text)).count
    assert saved >= 0
    assert saved > 0 or cheapest(text) == text


def test_one_typographic_character_can_cost_a_segment() -> None:
    text = "It’s late. " + "a" * 80
    assert (segments(text).count, segments(cheapest(text)).count) == (2, 1)


def test_typography_that_costs_nothing_stays() -> None:
    assert cheapest("It’s late.") == "It’s late."
    assert cheapest("It’s late, я." + "я" * 80) == "It’s late, я." + "я" * 80
