"""What a text costs as SMS: its segments, counted exactly, and how look-alike characters make it cheaper.

An SMS holds 140 bytes. A text of the GSM 7-bit alphabet has 160 units in one segment and 153 in each of several; any
other text goes as UCS-2, with 70 and 67. A character of the extension table is two units, and so is one outside the
Basic Multilingual Plane in UCS-2; neither is cut in two between segments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: 3GPP TS 23.038 (GSM 03.38) 6.2.1, without the escape (seen 2026-11-26).
#: https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: The same, 6.2.1.1: written as an escape and a second septet.
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_GSM7: Final = BASIC | EXTENSION

#: (units of the only segment, units of each of several): a header of six bytes says how they belong together.
CAPACITY: Final = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

_WIDE: Final = re.compile("[\U00010000-\U0010ffff]")
_EXTENDED: Final = re.compile(f"[{re.escape(''.join(sorted(EXTENSION)))}]")

#: Characters that are no part of the GSM alphabet, and what says the same in it. Letters are left alone: a word with
#: other letters is another word. After https://www.twilio.com/docs/messaging/services#smart-encoding (2026-11-26).
_LOOK_ALIKES: Final = {
    '"': "“”„‟«»″〃〝〞＂❝❞ʺˮ",
    "'": "‘’‚‛′´`＇❛❜ʹʻʼʽˈˊˋ",
    "-": "‐‑‒–—―−⁃﹘﹣－",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u0085\u2028\u2029",
    "": "\u00ad\u200b\u2060\ufeff",
    "...": "…",
    "..": "‥",
    ".": "․",
    "*": "•‣◦∙·",
    "<": "‹",
    ">": "›",
    "/": "⁄∕",
    "x": "×",
    "1/2": "½",
    "1/4": "¼",
    "3/4": "¾",
    "!!": "‼",
    "ff": "ﬀ",
    "fi": "ﬁ",
    "fl": "ﬂ",
}  # fmt: skip
_TABLE: Final = str.maketrans(
    {character: plain for plain, characters in _LOOK_ALIKES.items() for character in characters}
    | {chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(94)}  # full-width forms of ASCII
)

#: A link stays as it is, up to its last character that is no punctuation of the text around it.
_LINK: Final = re.compile(rf"(https?://\S*[^\s{re.escape(''.join(map(chr, _TABLE)))}])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """What a text costs.

    Attributes:
        units: septets in GSM-7, 16-bit units in UCS-2.
        count: how many segments are sent and paid for; an empty text is one.
    """

    encoding: Encoding
    units: int
    count: int


def segments(text: str) -> Segments:
    """Counts the segments of an SMS."""
    if _GSM7.issuperset(text):
        encoding: Encoding = "GSM-7"
        double = [found.start() for found in _EXTENDED.finditer(text)]
    else:
        encoding = "UCS-2"
        double = [found.start() for found in _WIDE.finditer(text)]
    units = len(text) + len(double)
    whole, part = CAPACITY[encoding]
    count = 1 if units <= whole else _count(len(text), double, part)
    return Segments(encoding=encoding, units=units, count=count)


def transliterate(text: str) -> str:
    """`text` with look-alikes of the GSM alphabet for typographic characters; its links are left as they are."""
    if text.isascii() and "`" not in text and "\t" not in text:
        return text
    pieces = _LINK.split(text)
    pieces[::2] = [piece.translate(_TABLE) for piece in pieces[::2]]
    return "".join(pieces)


def cheapest(text: str) -> str:
    """`text`, or what `transliterate` makes of it where that costs fewer segments."""
    plain = transliterate(text)
    return plain if segments(plain).count < segments(text).count else text


def _count(length: int, double: Iterable[int], part: int) -> int:
    """The segments of a text of several.

    Args:
        length: of the text, in characters.
        double: the positions of the characters that cost two units.
        part: the units of one segment.
    """
    used = before = 0  # units used, wasted ones included; characters counted
    for position in double:
        used += position - before
        if used % part == part - 1:  # one unit is left, and the pair needs two
            used += 1
        used += 2
        before = position + 1
    return math.ceil((used + length - before) / part)
