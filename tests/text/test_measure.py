from __future__ import annotations

import re
import subprocess
import sys

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.channel import Limits
from surecast.text import measure

BLUESKY = Limits(text=300, text_bytes=3000)
MASTODON = Limits(text=500, url_cost=23)
TELEGRAM = Limits(text=4096, unit="utf16")
SLACK = Limits(text=4000, unit="characters")

#: What joins, breaks, or looks as if it did: marks, joiners, flags, jamo, prepended signs, line ends, controls.
TRICKY = st.sampled_from(
    [
        "\r\n",
        *"ab é\u0301\u0308\u200d\ufe0f\u20e3\r\n\t\0\xad",
        *"👩👨👍🏽❤🚢🇬🇷\U000e0067\U000e007f",
        *"\u1100\u1161\u11a8각\u0600\u0915\u094d\u0937นี้か\u3099",
    ]
)
ANY_TEXT = st.lists(st.one_of(TRICKY, st.characters(codec="utf-8")), max_size=60).map("".join)


def reference(text: str) -> int:
    return len(regex.findall(r"\X", text))


@given(ANY_TEXT)
def test_graphemes_are_counted_as_the_unicode_standard_says(text: str):
    assert measure.graphemes(text) == reference(text)


@given(ANY_TEXT)
def test_boundaries_are_those_of_the_clusters(text: str):
    ends = {0, *(match.end() for match in regex.finditer(r"\X", text))}
    known = measure.boundaries(text)
    assert {position for position in range(-1, len(text) + 2) if position in known} == ends


def test_a_line_end_of_two_characters_is_not_cut():
    assert [position for position in range(5) if position in measure.boundaries("a\r\nb")] == [0, 1, 3, 4]


def test_every_character_that_is_counted_without_the_library_is_a_cluster_of_its_own():
    alone = re.compile(f"[{measure.ALONE}]")
    breaks = regex.compile(r"[\p{GCB=Other}\p{GCB=Control}\p{GCB=CR}\p{GCB=LF}]")
    joining = [chr(code) for code in range(0x110000) if alone.match(chr(code)) and not breaks.match(chr(code))]
    assert joining == []


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("", BLUESKY, 0),
        ("Ferry 12", BLUESKY, 8),
        ("a\r\nb", BLUESKY, 3),
        ("a\r\nb", SLACK, 4),
        ("Fähre – “12” …", BLUESKY, 14),
        ("👩‍👩‍👧‍👦", BLUESKY, 1),
        ("👩‍👩‍👧‍👦", TELEGRAM, 11),
        ("👩‍👩‍👧‍👦", SLACK, 7),
        ("🇬🇷🇩🇪", BLUESKY, 2),
        ("e\u0301", BLUESKY, 1),
        ("\ud83d", TELEGRAM, 1),  # half a pair is measured, not refused: `fit` repairs it
    ],
)
def test_each_platform_counts_in_its_own_unit(text: str, limits: Limits, expected: int):
    assert measure.units(text, limits) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.co", 23),
        ("see https://social.example/@duty/1234567890123456789?page=2#top now", 31),
        ("HTTPS://FERRIES.EXAMPLE/LONG/LONG/LONG/LONG", 23),
        ("(https://en.wikipedia.org/wiki/Ferry_(disambiguation))", 25),
        ("https://ferries.example/a, https://ferries.example/b.", 23 + 2 + 23 + 1),
        ("https://ferries.example:8443/a", 23),
        ("https://ferries.example?day=monday", 23),
        ("https://例え.テスト/パス", 23),
        ("https://xn--r8jz45g.xn--zckzah/", 23),
        ("https://ferries.example。次", 25),
        ("xhttps://ferries.example/a/long/long/path", 41),  # no link: it stands in a word
        ("#https://ferries.example/a/long/long/path", 41),
        ("http://localhost:8000/a", 23),
        ("http://localhost:8000/a/long/long/path", 38),  # no server takes it for a link
        ("ftp://ferries.example/a/long/long/path", 38),
        ("@duty@social.example hello", 11),
        ("(@duty@social.example)", 7),
        ("@duty hello", 11),
        ("duty@social.example", 19),
        ("@duty@social.example@other.example", 34),
        ("a@b", 3),
    ],
)
def test_mastodon_prices_links_and_forgets_the_server_of_a_mention(text: str, expected: int):
    assert measure.units(text, MASTODON) == expected


PLAIN = st.text("abc xyzäé日本🚢👍🏽.,!?()'\n", max_size=12)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(["a.co", "ferries.com", "www.harbour-ferries.co.uk", "x.org:8080", "sub_1.example.net"]),
    st.sampled_from(["", "/", "/12", "/wiki/Ferry_(boat)", "/a,b;c", "/@duty/1", "/a/b/c/d/e/f/g/h/i/j.html"]),
    st.sampled_from(["", "?a=1&b=2", "?q=(x)", "#top"]),
)
MENTIONS = st.sampled_from(["@duty", "@duty@social.example", "@Duty_1@a.b.example"])
SENTENCES = st.lists(st.one_of(PLAIN, URLS, MENTIONS), max_size=6).map(" ".join)


@settings(deadline=None)  # the first example pays for the SDK's import
@given(SENTENCES)
def test_mastodons_own_rules_count_the_same(text: str):
    """The rules of Mastodon's web page, as Mastodon.py ships them; its table of top-level domains is the difference."""
    from mastodon._url_regex import url_regex

    counted = url_regex.sub(lambda match: match[2] + "x" * 23, text)
    counted = re.sub(r"(^|[^/\w])@(([a-z0-9_]+)@[a-z0-9.\-]+[a-z0-9]+)", r"\1@\3", counted, flags=re.IGNORECASE)
    assert measure.units(text, MASTODON) == reference(counted)


@given(st.text("htps:/.@a-_()?=é日 #", max_size=80))
def test_what_looks_almost_like_a_link_never_costs_less_than_nothing(text: str):
    assert 0 <= measure.units(text, MASTODON) <= len(text) + 23 * text.count("://")


@pytest.mark.parametrize(
    "text", ["https://" + "a" * 50_000, "https://" + "(a" * 25_000, "@a." * 20_000, "https://a.b/" * 5_000]
)
def test_long_hostile_texts_are_measured_in_time(text: str):
    assert measure.units(text, MASTODON) > 0


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("x" * 300, BLUESKY, True),
        ("x" * 301, BLUESKY, False),
        ("👩‍👩‍👧‍👦" * 120, BLUESKY, True),
        ("👩‍👩‍👧‍👦" * 121, BLUESKY, False),  # 25 bytes each: 3025 bytes
        ("x" * 10_000, Limits(), True),
        ("é" * 11, Limits(text_bytes=20), False),
    ],
)
def test_a_text_fits_by_units_and_by_bytes(text: str, limits: Limits, expected: bool):
    assert measure.fits(text, limits) is expected


def test_plain_text_is_measured_without_the_library():
    code = (
        "import sys; from surecast.channel import Limits; from surecast.text import measure; "
        "measure.fits('Fähre 12 – “fällt aus” 🚢', Limits(text=300)); assert 'regex' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
