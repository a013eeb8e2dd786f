from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.text.facets import Facet, detect, find, links

SIGILS = {"link": [""], "mention": ["@"], "tag": ["#", "＃"]}


def seen(text: str) -> list[tuple[str, str]]:
    return [(facet.kind, facet.value) for facet in detect(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start https://middle.com/foo?bar=baz#hash end", ["https://middle.com/foo?bar=baz#hash"]),
        ("https://newline1.com\nhttp://newline2.com", ["https://newline1.com", "http://newline2.com"]),
        ("https://foo.com, https://bar.com/whatever; https://baz.com.", ["https://foo.com", "https://bar.com/whatever", "https://baz.com"]),
        ("(https://foo.com)", ["https://foo.com"]),
        ("except https://foo.com/thing_(cool)", ["https://foo.com/thing_(cool)"]),
        ("(https://foo.com/thing_(cool)).", ["https://foo.com/thing_(cool)"]),
        ("[see https://foo.com/a[1]]", ["https://foo.com/a[1]"]),
        ("really https://foo.com/a?!…", ["https://foo.com/a"]),
        ('he wrote "https://foo.com/a" and <https://foo.com/b>', ["https://foo.com/a", "https://foo.com/b"]),
        ("詳細はhttps://foo.com/案内。次", ["https://foo.com/案内"]),
        ("HTTPS://FOO.COM/A", ["HTTPS://FOO.COM/A"]),
        ("Line:https://foo.com", ["https://foo.com"]),
        ("middle.com www.middle.com/a e.g. something-cool.jpg noon.Then", []),
        ("ftp://foo.com git+https://foo.com xhttps://foo.com", []),
        ("https:// and https://. and ://", []),
    ],
)  # fmt: skip
def test_links_are_addresses_with_their_scheme_and_without_the_sentence(text: str, expected: list[str]):
    assert seen(text) == [("link", value) for value in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@handle.com middle end", ["handle.com"]),
        ("start @full123-chars.test", ["full123-chars.test"]),
        ("@handle.com\n@other.bsky.social", ["handle.com", "other.bsky.social"]),
        ("parenthetical (@handle.com), @handle.com. @handle.com!@#$chars", ["handle.com"] * 3),
        ("not@right no@t.example @nodots .@handle.com", []),
        ("@-a.com @a-.com @a.1com @a..com @" + "a" * 64 + ".com @" + "a." * 130 + "com", []),
        ("@duty.team@social.example @a.co_x", []),  # of another network; no handle
    ],
)
def test_mentions_are_written_like_handles(text: str, expected: list[str]):
    assert seen(text) == [("mention", value) for value in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#a #b", ["a", "b"]),
        ("#1 # ## #12.30 #️⃣ #_b #-b", ["_b", "-b"]),
        ("body #a1 #b_ #a-b #with,comma, #turtles!!!", ["a1", "b", "a-b", "with,comma", "turtles"]),
        ("#double#rainbow bsky.app/profile#header", ["double#rainbow"]),
        ("＃日本語 #ελλάδα #🦋 #butter🦋fly #👍🏻", ["日本語", "ελλάδα", "🦋", "butter🦋fly", "👍🏻"]),
        ("#" + "a" * 64, ["a" * 64]),
        ("#" + "a" * 65, []),
        ("#" + "👍🏽" * 64, ["👍🏽" * 64]),
        ("#" + "e\u0301\u0301\u0301\u0301\u0301" * 64, []),  # 64 clusters, but 704 bytes
    ],
)
def test_tags_say_something_and_are_not_too_long(text: str, expected: list[str]):
    assert seen(text) == [("tag", value) for value in expected]


def test_offsets_are_bytes_and_leave_the_rest_of_the_text_out():
    text = "Fähre 🚢 https://ferries.example/12, @duty.example #Fähre12!"
    facets = detect(text)
    assert facets == (
        Facet(kind="link", start=12, end=38, value="https://ferries.example/12"),
        Facet(kind="mention", start=40, end=53, value="duty.example"),
        Facet(kind="tag", start=54, end=63, value="Fähre12"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://ferries.example/(@a.example #a", [("link", "https://ferries.example/(@a.example"), ("tag", "a")]),
        ("#tag:https://ferries.example/", [("link", "https://ferries.example/")]),
        ("https://social.example/@duty#top", [("link", "https://social.example/@duty#top")]),
    ],
)  # fmt: skip
def test_where_two_would_overlap_the_link_stays(text: str, expected: list[tuple[str, str]]):
    assert seen(text) == expected


def test_a_text_without_links_has_none():
    assert links("Ferry 12 is cancelled.") == []


PIECES = st.sampled_from(
    [
        "https://ferries.example/12", "http://a.b/(c)", "HTTPS://x.y?z=1&b[]=2", "@duty.example", "@a.b@c.d",
        "#tag", "#日本語", "＃🚢", "#👩‍👩‍👧‍👦", "é", "e\u0301", "🚢", "(", ")", "“", ".", ",", "…", "\n", " ", "a", "1",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=14).map(" ".join), st.text())


@given(TEXTS)
def test_slicing_the_bytes_gives_each_value_back(text: str):
    data = text.encode()
    for facet in detect(text):
        shown = data[facet.start : facet.end].decode()
        sigil = shown[: len(shown) - len(facet.value)]
        assert shown == sigil + facet.value
        assert sigil in SIGILS[facet.kind]


@given(TEXTS)
def test_facets_are_in_order_and_apart(text: str):
    edges = [edge for facet in detect(text) for edge in (facet.start, facet.end)]
    assert edges == sorted(edges)
    assert all(facet.start < facet.end for facet in detect(text))


@given(TEXTS)
def test_characters_and_bytes_tell_of_the_same_facets(text: str):
    spans = [(len(text[: span.start].encode()), len(text[: span.end].encode())) for span in find(text)]
    assert spans == [(facet.start, facet.end) for facet in detect(text)]


WORDS = st.sampled_from(
    [
        "ferry", "12", "(", "naïve", "🚢", "#tag", "#a1,", "#1", "#日本", "#a#b!", "(@duty.com",
        "@harbour.bsky.social,", "not@here", "https://ferries.com/12", "(https://ferries.com)", "https://ferries.com/a_(b)",
        "https://ferries.com,",
    ]
)  # fmt: skip


@settings(deadline=None)  # the first example pays for the SDK's import
@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_blueskys_own_rules_find_the_same(text: str):
    from atproto_client.utils.facet_detection import detect_facets, detect_mentions

    theirs = [(facet.index.byte_start, facet.index.byte_end) for facet in detect_facets(text)]
    theirs += [(mention.byte_start, mention.byte_end) for mention in detect_mentions(text)]
    assert [(facet.start, facet.end) for facet in detect(text)] == sorted(theirs)


@pytest.mark.parametrize("text", ["https://a" + ")" * 5_000, "#" + "." * 50_000, "@" + "a." * 50_000, "#" * 50_000])
def test_long_hostile_texts_are_read_in_time(text: str):
    assert len(detect(text)) <= 1
