from __future__ import annotations

from html.parser import HTMLParser

from surecast.sandbox.page import index, page
from surecast.sandbox.server import Picture, Post


class Outline(HTMLParser):
    """Tags in order, and the attributes of those that matter."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[dict[str, str | None]]] = {}
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.setdefault(tag, []).append(dict(attrs))


def a_post(**values: object) -> Post:
    given = {"id": "1", "author": "ferries", "text": "x", "html": "<p>x</p>", "at": 0.0, "url": "http://127.0.0.1/1"}
    return Post(**{**given, **values})  # type: ignore[arg-type]


def test_a_post_stands_with_author_language_time_and_described_picture() -> None:
    post = a_post(language="el", pictures=(Picture(url="/media/1", alt='A "ferry"'),))
    outline = Outline(page("Bluesky, simulated", (post,)))
    assert outline.tags.count("article") == 1
    assert outline.attributes["html"] == [{"lang": "en"}]
    assert outline.attributes["article"] == [{"lang": "el"}]
    assert outline.attributes["img"] == [{"src": "/media/1", "alt": 'A "ferry"'}]
    assert outline.attributes["time"] == [{"datetime": "1970-01-01T00:00:00.000Z"}]
    assert [tag for tag in outline.tags if tag in {"h1", "h2"}] == ["h1", "h2"]


def test_nothing_from_outside_becomes_markup() -> None:
    evil = '"><script>alert(1)</script>'
    post = a_post(author=evil, language=evil, url=evil, pictures=(Picture(url=evil, alt=evil),))
    outline = Outline(page(evil, (post,)))
    assert "script" not in outline.tags


def test_an_empty_platform_says_so() -> None:
    assert "There are no posts that readers can see." in page("Mastodon, simulated", ())


def test_the_control_page_leads_to_every_platform() -> None:
    outline = Outline(index({"bluesky": "http://127.0.0.1:1", "mastodon": "http://127.0.0.1:2"}, "usage"))
    assert [each["href"] for each in outline.attributes["a"]] == ["http://127.0.0.1:1/", "http://127.0.0.1:2/"]
