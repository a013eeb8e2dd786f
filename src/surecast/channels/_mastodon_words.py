"""Whether a status on a server has the words of a post: servers give text back as HTML of their own making."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import Final

#: A mention with its host; servers show it without, or add one where there was none.
_MENTION: Final = re.compile(r"(?<![\w/@])@(\w[\w.-]*)@[\w-]+(?:\.[\w-]+)*(?::\d+)?")
_LINK: Final = re.compile(r"https?://\S+")
_BREAKS: Final = frozenset({"p", "br", "div", "li", "ul", "ol", "blockquote", "pre", "hr", "h1", "h2", "h3"})


class _Reader(HTMLParser):
    """Collects the text. The hidden pieces of a shortened link are part of it, so links come out whole."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def plain_text(html: str) -> str:
    """The text of a status from its sanitised HTML (https://docs.joinmastodon.org/spec/activitypub/#sanitization)."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces)


def normal(text: str) -> str:
    """What of a text every server keeps: not the kind of white space, nor case, nor the host in a mention."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(_MENTION.sub(r"@\1", text).split())


def bare(text: str) -> str:
    """Letters and digits outside links: kept also by servers that read Markdown or draw smileys, as snac does."""
    return "".join(filter(str.isalnum, _LINK.sub("", normal(text))))


def same(text: str, html: str) -> bool:
    """Whether a status says what `text` says."""
    return normal(plain_text(html)) == normal(text)


def alike(text: str, html: str) -> bool:
    """Whether a status says nearly what `text` says: too near to call it absent."""
    return bare(plain_text(html)) == bare(text) != ""
