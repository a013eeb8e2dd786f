"""How Telegram shows a message to the public, for the simulated one: text as HTML, the post widget, a channel's list.

The widget of a post (https://core.telegram.org/widgets/post) is a page at ``/name/number?embed=1``; the list of a
channel's posts, which groups do not have, at ``/s/name``. Markup as it is read by many programs, 2026-11-22.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final

_LINK: Final = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]}]")


def units(text: str) -> int:
    """What a text costs: UTF-16 units, as entities are counted (https://core.telegram.org/bots/api#messageentity)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def content(text: str) -> str:
    """A text as HTML: escaped, with links."""
    parts, done = list[str](), 0
    for match in _LINK.finditer(text):
        url = html.escape(match[0])
        parts += [html.escape(text[done : match.start()]), f'<a href="{url}" rel="noopener">{url}</a>']
        done = match.end()
    return "".join([*parts, html.escape(text[done:])]).replace("\n", "<br/>")


def widget(place: str, text: str) -> str:
    """The widget of one post. `place` is ``name/number``, `text` is HTML."""
    body = f'<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>'
    return _page(f'<div class="tgme_widget_message js-widget_message" data-post="{place}">{body}</div>')


def absent_widget(sentence: str = "Post not found") -> str:
    """The widget where there is no post."""
    return _page(f'<div class="tgme_widget_message_error">{html.escape(sentence)}</div>')


def listing(posts: Iterable[tuple[str, str]]) -> str:
    """A channel's list of posts, oldest first: pairs of ``name/number`` and HTML."""
    wraps = (
        '<div class="tgme_widget_message_wrap js-widget_message_wrap">'
        f'<div class="tgme_widget_message js-widget_message" data-post="{place}">{text}</div></div>'
        for place, text in posts
    )
    return _page(f'<section class="tgme_channel_history js-message_history">{"".join(wraps)}</section>')


def _page(body: str) -> str:
    return f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"></head>\n<body>{body}</body></html>\n'
