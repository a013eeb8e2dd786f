"""What the website shows: the files made of all its entries.

Formats: https://www.rfc-editor.org/rfc/rfc4287 (Atom), https://www.rssboard.org/rss-specification (RSS 2.0),
https://www.jsonfeed.org/version/1.1/ (JSON Feed). Ids of items are opaque and never change.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from surecast.channels._site_entry import SCHEMA, Entry, as_json, newest_first
from surecast.clock import iso

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Renders a website's files.

    Attributes:
        url: the site's public address, without a slash at its end.
        language: of pages that hold several entries.
    """

    title: str
    sender: str
    url: str
    language: str
    zone: ZoneInfo

    def load(self) -> None:
        """Loads jinja2 and reads the templates."""
        for name in ("page.html", "index.html", "feed_content.html", "atom.xml", "rss.xml"):
            self._environment.get_template(name)
        self._fixed, self._all_words  # noqa: B018 - read now, not in the middle of a write

    def render(
        self, valid: Sequence[Entry], ended: Sequence[Entry], others: Sequence[Entry], now: float
    ) -> Iterator[tuple[str, bytes]]:
        """All files, pages before what links to them."""
        listed = newest_first([*valid, *ended])
        for entry in (*listed, *others):
            yield entry.page, self._html("page.html", entry.language, entry=entry, over=entry.expires <= now)
        content = {entry.slug: self._content(entry) for entry in listed}
        updated = max((entry.published for entry in listed), default=now)
        feed: dict[str, Any] = {"entries": listed, "content": content, "updated": updated, "language": self.language}
        yield "feed.atom", self._render("atom.xml", **feed).encode()
        yield "feed.rss", self._render("rss.xml", **feed).encode()
        yield "feed.json", as_json(self._json_feed(listed, content))
        yield "current.json", as_json(self._current(valid))
        chrome = self._chrome(self.language)["lang"]  # what an index without entries is written in
        yield "index.html", self._html("index.html", chrome, current=valid, ended=ended)

    def _html(self, template: str, language: str, **values: Any) -> bytes:
        return self._render(template, language=language, **values, **self._fixed).encode()

    def _render(self, template: str, *, language: str, **values: Any) -> str:
        words = self._chrome(language)
        page = self._environment.get_template(template)
        return page.render(site=self, zone=self.zone, words=words, language=language, **values)

    def _content(self, entry: Entry) -> str:
        return self._render("feed_content.html", language=entry.language, entry=entry).strip()

    def _chrome(self, language: str) -> dict[str, str]:
        """The site's own words: in this language, else in the site's, else in English."""
        known = self._all_words
        wanted = (tag.partition("-")[0].lower() for tag in (language, self.language, "en"))
        lang = next(tag for tag in wanted if tag in known)
        return {**known[lang], "lang": lang}

    def _json_feed(self, entries: Sequence[Entry], content: dict[str, str]) -> dict[str, Any]:
        return {
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.title,
            "home_page_url": f"{self.url}/",
            "feed_url": f"{self.url}/feed.json",
            "language": self.language,
            "authors": [{"name": self.sender}],
            "items": [self._json_item(entry, content[entry.slug]) for entry in entries],
        }

    def _json_item(self, entry: Entry, html: str) -> dict[str, Any]:
        item = {
            "id": entry.uid,
            "url": f"{self.url}/{entry.page}",
            "external_url": entry.url,
            "title": entry.heading,
            "content_html": html,
            "content_text": "\n\n".join(filter(None, (entry.text, entry.body))),
            "image": f"{self.url}/{entry.pictures[0].file}" if entry.pictures else None,
            "date_published": iso(entry.published),
            "language": entry.language,
            "_surecast": {"expires": iso(entry.expires)},
        }
        return {name: value for name, value in item.items() if value is not None}

    def _current(self, valid: Sequence[Entry]) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "title": self.title,
            "sender": self.sender,
            "notices": [
                {
                    "id": entry.uid,
                    "text": entry.text,
                    "title": entry.title,
                    "url": f"{self.url}/{entry.page}",
                    "external_url": entry.url,
                    "published": iso(entry.published),
                    "expires": iso(entry.expires),
                    "language": entry.language,
                }
                for entry in valid
            ],
        }

    @cached_property
    def _all_words(self) -> dict[str, dict[str, str]]:
        words: dict[str, dict[str, str]] = json.loads(_template("words.json"))
        return words

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import PackageLoader  # noqa: PLC0415 - SDKs load when a channel opens

        from surecast.text.template import environment  # noqa: PLC0415

        return environment(loader=PackageLoader("surecast", "templates/site"))

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        from markupsafe import Markup  # noqa: PLC0415

        style, script = _template("style.css"), _template("ended.js")
        # A second wall behind escaping: nothing runs on these pages but our own few lines.
        policy = (
            f"default-src 'none'; img-src 'self'; style-src {_source(style)}; script-src {_source(script)}; "
            "base-uri 'none'; form-action 'none'"
        )
        return {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704 - our own files


def _template(name: str) -> str:
    return files("surecast").joinpath("templates", "site", name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
