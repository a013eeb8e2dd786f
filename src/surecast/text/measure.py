"""How long a text is, as each platform counts it.

Bluesky counts grapheme clusters and UTF-8 bytes, Mastodon grapheme clusters with every link at a flat price, others
UTF-16 units or characters; what an SMS costs is counted in `surecast.text.sms`. Most texts hold nothing that joins
characters into clusters; they are counted without the `regex` library, which is loaded at the first text that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surecast.channel import Limits

#: Ranges of characters that are a grapheme cluster each, whatever stands beside them (CR before LF apart): Latin,
#: Greek, Cyrillic, punctuation, symbols, kana, Han, and pictographs without modifiers.
#: Source: https://www.unicode.org/reports/tr29/#Grapheme_Cluster_Break_Property_Values (Unicode 17, 2026-11-22).
ALONE = (
    "\x00-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u200b\u200e-\u20cf\u2100-\u2cee\u3000-\u3029\u3031-\u3098"
    "\u309b-\ua66e\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)

# A link as Mastodon's server takes one: config/initializers/twitter_regex.rb and app/validators/
# status_length_validator.rb of github.com/mastodon/mastodon (4.6, 2026-11-22), without the list of top-level domains.
_HOST_CHAR = r"[^\s\x00-/:-@\[-`{-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
_PATH_CHAR = r"[^\s<>()?]"
_QUERY_CHAR = r"(?:[^\s\x00-\x7f]|[a-z0-9!?*'();:&=+$/%#\[\]_.,~|@^-])"
_LINK = rf"""
    (?<![A-Za-z0-9@＠$\#＃\ufeff\ufffe\uffff])
    (?: (?P<link>
            https?://
            (?: {_HOST_CHAR}+ (?:[-_]+ {_HOST_CHAR}+)* \. )*
            {_HOST_CHAR}+ (?:-+ {_HOST_CHAR}+)*
            \. (?: (?:xn--[a-z0-9-]+ | [a-z]{{2,}}) (?![0-9a-z@]) | [^\x00-\x7f\W\d_]{{2,}} )
            (?: :[0-9]+ )?
            (?: / (?: {_PATH_CHAR} | \( (?: {_PATH_CHAR} | \( {_PATH_CHAR}+ \) )+ \) )*
                (?<! [!*"'「」;:=,.$%\[\]~&|@] ) )?
            (?: \? {_QUERY_CHAR}* (?:[^\s\x00-\x7f]|[a-z0-9_&=\#/-]) )?
        )
      | https?:// \S+ )
"""

# The narrower of what its server and its web page take for a mention (Account::MENTION_RE, counter.js).
_REMOTE_MENTION = r"""
    (?<![=/\w]) (@[a-z0-9_]+ (?:[.-]+[a-z0-9_]+)*)
    @ [a-z0-9]+ (?:[.-]+[a-z0-9]+)+ (?! \w | [@＠] | :// )
"""


def units(text: str, limits: Limits) -> int:
    """What `text` costs in the platform's own unit.

    Args:
        limits: names the unit, and what any link costs; a link whose host no platform can know (``localhost``, an
            address in numbers) costs at least its own length.
    """
    if limits.url_cost is not None:
        text = _as_counted(text, limits.url_cost)
    if limits.unit == "graphemes":
        return graphemes(text)
    if limits.unit in ("utf16", "segments"):
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text)


def fits(text: str, limits: Limits) -> bool:
    """Whether one post takes `text`, in units and, where the platform counts them too, in bytes of UTF-8."""
    if limits.text is not None and units(text, limits) > limits.text:
        return False
    return limits.text_bytes is None or size(text) <= limits.text_bytes


def size(text: str) -> int:
    """The bytes of `text` in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def graphemes(text: str) -> int:
    """The number of grapheme clusters (Unicode Annex 29): what a reader sees as characters."""
    if text.isascii() or not _joining().search(text):
        return len(text) - text.count("\r\n")
    return int(_cluster().subn("", text)[1])


def boundaries(text: str) -> Container[int]:
    """The positions at which `text` can be cut without cutting a grapheme cluster, both ends included."""
    if "\r" not in text and (text.isascii() or not _joining().search(text)):
        return range(len(text) + 1)
    return {0, *(match.end() for match in _cluster().finditer(text))}


def _as_counted(text: str, url_cost: int) -> str:
    """`text` with a placeholder for every link and remote mentions without their server."""
    if "://" in text:

        def price(match: re.Match[str]) -> str:
            return "x" * (url_cost if match["link"] else max(url_cost, graphemes(match[0])))

        text = _link().sub(price, text)
    if "@" in text:
        text = _remote_mention().sub(r"\1", text)
    return text


@cache
def _joining() -> re.Pattern[str]:
    return re.compile(f"[^{ALONE}]")


@cache
def _link() -> re.Pattern[str]:
    return re.compile(_LINK, re.VERBOSE | re.IGNORECASE)


@cache
def _remote_mention() -> re.Pattern[str]:
    return re.compile(_REMOTE_MENTION, re.VERBOSE | re.IGNORECASE)


@cache
def _cluster() -> re.Pattern[str]:
    import regex  # noqa: PLC0415 - 17 ms that most posts need not pay

    pattern: re.Pattern[str] = regex.compile(r"\X")
    return pattern
