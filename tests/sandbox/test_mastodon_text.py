from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.sandbox.mastodon_text import content, count, tags

SERVER = "http://127.0.0.1:1"

_LINK = 'target="_blank" rel="nofollow noopener" translate="no"'
SHORT_LINK = (
    f'<p>(<a href="https://www.a.example/x?y=1&amp;z=2" {_LINK}><span class="invisible">https://www.</span>'
    '<span class="">a.example/x?y=1&amp;z=2</span><span class="invisible"></span></a>)</p>'
)
LONG_LINK = (
    f'<p><a href="https://ferries.example/announcements/12" {_LINK}><span class="invisible">https://</span>'
    '<span class="ellipsis">ferries.example/announcements/</span><span class="invisible">12</span></a></p>'
)


class Words(HTMLParser):
    """What a reader sees, paragraphs and line breaks included."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.text += "\n"
        elif tag == "p" and self.text:
            self.text += "\n\n"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text", "warning", "expected"),
    [
        ("", "", 0),
        ("hello", "", 5),
        ("hello", "boats", 10),
        ("👨‍👩‍👧‍👦", "", 1),
        ("see https://ferries.example/" + "x" * 300, "", 27),
        ("see https://ferries.example.", "", 28),
        ("see ferries.example", "", 19),
        ("hi @duty@social.example!", "", 9),
        ("mail duty@social.example", "", 24),
        ("https://a.example/@duty@social.example", "", 23),
    ],
)
def test_how_text_is_counted(text: str, warning: str, expected: int) -> None:
    assert count(text, warning) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "<p>a<br />b</p>"),
        ("a\n\nb", "<p>a</p><p>b</p>"),
        ("a\r\n\r\n\r\nb", "<p>a</p><p>b</p>"),
        ("a & <b>", "<p>a &amp; &lt;b&gt;</p>"),
        (
            "#Ferries!",
            f'<p><a href="{SERVER}/tags/Ferries" class="mention hashtag" rel="tag">#<span>Ferries</span></a>!</p>',
        ),
        ("#12 a#b", "<p>#12 a#b</p>"),
        (
            "(https://www.a.example/x?y=1&z=2)",
            SHORT_LINK,
        ),
        (
            "https://ferries.example/announcements/12",
            LONG_LINK,
        ),
    ],
)
def test_how_text_becomes_html(text: str, expected: str) -> None:
    assert content(text, SERVER) == expected


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=200))
def test_readers_get_every_word(text: str) -> None:
    shown = Words(content(text, SERVER)).text
    assert re.sub(r"\s+", " ", shown).strip() == re.sub(r"\s+", " ", text).strip()


@given(st.text(alphabet="<>&\"'# \n/:htps.@ax", max_size=80))
def test_no_text_becomes_markup_of_its_own(text: str) -> None:
    html = content(text, SERVER)
    assert set(re.findall(r"</?(\w+)", html)) <= {"p", "br", "a", "span"}


def test_a_hashtag_is_told_once() -> None:
    assert tags("#Ferries #ferries #Ορμος a#x https://a.example/#y") == ("ferries", "ορμος")
