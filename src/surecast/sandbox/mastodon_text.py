"""How Mastodon counts a status and turns it into HTML, for the simulated server.

Counting: https://docs.joinmastodon.org/user/posting/#text (2026-11-22). HTML: app/lib/text_formatter.rb of
https://github.com/mastodon/mastodon. Links without http(s):// and mentions of unknown people stay text.
"""

from __future__ import annotations

import html
import re
from typing import Final

URL_COST: Final = 23
SHOWN_OF_A_URL: Final = 30

_URL = r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]}]"
_ENTITY = re.compile(rf"(?P<url>{_URL})|(?<![\w/&])#(?P<tag>\w*[^\W\d_]\w*)")
_URLS = re.compile(_URL)
_REMOTE_MENTION = re.compile(r"(?<![\w/])@(\w+(?:[\w.-]*\w)?)@[\w.-]+\w")


def count(text: str, warning: str = "") -> int:
    """What text and content warning cost together: grapheme clusters, 23 for a link, a mention without its server."""
    import regex  # noqa: PLC0415 - only needed when something is posted

    shortened = _REMOTE_MENTION.sub(r"@\1", _URLS.sub("x" * URL_COST, text))
    return len(regex.findall(r"\X", warning + shortened))


def tags(text: str) -> tuple[str, ...]:
    """The hashtags of a text, without #, each once."""
    return tuple(dict.fromkeys(match["tag"].lower() for match in _ENTITY.finditer(text) if match["tag"]))


def content(text: str, server: str) -> str:
    """The text as HTML: escaped, with links, hashtags and paragraphs."""
    parts, done = list[str](), 0
    for match in _ENTITY.finditer(text):
        parts.append(_escape(text[done : match.start()]))
        parts.append(_link(match["url"]) if match["url"] else _hashtag(match["tag"], server))
        done = match.end()
    parts.append(_escape(text[done:]))
    paragraphs = re.split(r"\n\n+", "".join(parts).replace("\r\n", "\n").strip("\n"))
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph).replace("\n", "<br />")


def _link(url: str) -> str:
    scheme = re.match(r"https?://(www\.)?", url)
    assert scheme is not None
    rest = url[scheme.end() :]
    shown, hidden = rest[:SHOWN_OF_A_URL], rest[SHOWN_OF_A_URL:]
    kind = "ellipsis" if hidden else ""
    return (
        f'<a href="{_escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{_escape(scheme[0])}</span><span class="{kind}">{_escape(shown)}</span>'
        f'<span class="invisible">{_escape(hidden)}</span></a>'
    )


def _hashtag(tag: str, server: str) -> str:
    return f'<a href="{server}/tags/{_escape(tag)}" class="mention hashtag" rel="tag">#<span>{_escape(tag)}</span></a>'


def _escape(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;")
