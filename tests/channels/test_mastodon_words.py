"""Telling a post by its words, whatever HTML a server makes of them."""

from __future__ import annotations

import re
import unicodedata
from html import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surecast.channels._mastodon_words import alike, normal, plain_text, same

ENTITY = re.compile(r"https?://[^\s<>\"]+[\w/]|(?<![\w/@])@\w+(?:@[\w-]+(?:\.[\w-]+)+)?|(?<!\w)#\w+")


def as_mastodon_shows(text: str) -> str:
    """What Mastodon's TextFormatter makes of a text: paragraphs, breaks, and links in three pieces."""
    pieces, last = [], 0
    for found in ENTITY.finditer(text):
        pieces += [escape(text[last : found.start()]), linked(found[0])]
        last = found.end()
    whole = "".join([*pieces, escape(text[last:])]).strip()
    paragraphs = re.split(r"\n\n+", re.sub(r"\r\n?", "\n", whole))
    return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs)


def linked(entity: str) -> str:
    if entity.startswith("#"):
        return f'<a href="https://s.example/tags/x" class="mention hashtag" rel="tag">#<span>{entity[1:]}</span></a>'
    if entity.startswith("@"):
        name = entity.split("@")[1]
        link = f'<a href="https://s.example/@{name}" class="u-url mention">@<span>{name}</span></a>'
        return f'<span class="h-card">{link}</span>'
    prefix = re.match(r"https?://(www\.)?", entity)
    assert prefix
    rest = entity[prefix.end() :]
    kind = "ellipsis" if len(rest) > 30 else ""
    return (
        f'<a href="{escape(entity)}" target="_blank" rel="nofollow noopener noreferrer">'
        f'<span class="invisible">{escape(prefix[0])}</span><span class="{kind}">{escape(rest[:30])}</span>'
        f'<span class="invisible">{escape(rest[30:])}</span></a>'
    )


plain = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
entities = st.sampled_from(
    [
        "https://www.ferries.example/notices/2026/11/a-very-long-path?x=1&y=2#z",
        "http://a.example/",
        "@writer",
        "@someone@remote.example",
        "#Ferry",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "<b>",
        "&amp;",
        "5 > 3",
        "👩‍👩‍👧",
        "e\u0301",
    ]
)
texts = st.lists(st.one_of(plain, entities), max_size=8).map(" ".join)


@given(texts)
@example('Gate <5> & "6" closed.\n\n\n@someone@remote.example. https://a.example/x?y=1&z=2')
def test_a_text_is_known_again_in_the_html_that_mastodon_makes_of_it(text: str) -> None:
    assert same(text, as_mastodon_shows(text))


@given(texts)
def test_a_text_is_known_again_in_another_unicode_form(text: str) -> None:
    assert same(unicodedata.normalize("NFD", text), as_mastodon_shows(unicodedata.normalize("NFC", text)))


@given(texts)
def test_what_is_the_same_is_normal_already(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_another_word_is_another_post() -> None:
    html = as_mastodon_shows("Ferry 12 is cancelled today https://a.example/12")

    assert not same("Ferry 13 is cancelled today https://a.example/12", html)
    assert not same("Ferry 12 is cancelled today https://a.example/13", html)
    assert not alike("Ferry 13 is cancelled today https://a.example/12", html)


def test_a_shortened_link_comes_out_whole() -> None:
    link = "https://www.ferries.example/notices/2026/11/a-very-long-path?x=1&y=2#z"

    assert plain_text(as_mastodon_shows(f"See {link} now")) == f"\nSee {link} now"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Why: *strong* wind :-)", "Why: <i>strong</i> wind &#128578;"),
        ("`code` and\n> quote", "<code>code</code> and<br><blockquote>quote<br></blockquote>"),
    ],
    ids=["emphasis and smiley", "code and quotation"],
)
def test_a_server_that_reads_markdown_leaves_something_alike(text: str, html: str) -> None:
    assert not same(text, html)
    assert alike(text, html)


def test_a_text_of_signs_alone_is_like_nothing() -> None:
    assert not alike("!!!", "<p>???</p>")


@pytest.mark.parametrize(
    "shown",
    ["@writer@localhost:20632, come", "@writer, come", "@WRITER@social.example, come"],
    ids=["with host and port", "without host", "in capitals"],
)
def test_a_mention_is_known_with_and_without_its_host(shown: str) -> None:
    assert same("@writer, come", f"<p>{shown}</p>")


def test_a_full_stop_after_a_mention_is_no_part_of_its_host() -> None:
    assert normal("Ask @someone@remote.example. Now.") == "ask @someone. now."
