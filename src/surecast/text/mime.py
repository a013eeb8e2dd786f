"""The pieces of an e-mail, each made so that it can stand beside others: header lines and quoted-printable text.

Formats: RFC 5322 (headers and lines), RFC 2047 (encoded words), RFC 2045, 6.7 (quoted-printable), RFC 6532 (UTF-8).

Everything fixed can be encoded once for many messages. What differs from one person to the next is encoded alone and
put between: quoted-printable may break a line anywhere, so a piece simply ends its line.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from collections.abc import Sequence

from surecast.text.fit import clean

CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"

#: RFC 5322, 2.1.1: lines should have at most 78 characters, and must have at most 998.
LINE = 78

#: RFC 2047, 2: a line with an encoded word has at most 76 characters. The header's name is up to 10 of them, the frame
#: of the word 12, and base64 makes 4 of 3 bytes.
_WORD_BYTES = 39

#: A line that begins so is altered on its way: the dot by SMTP, the word by mailbox files.
_ALTERED = re.compile(rb"^(?:\.+|From )", re.MULTILINE)

_END = b"~~"
_ENDS = (_END, b"~=\r\n~")

# Characters that stand for themselves in quoted-printable, in a line of their own.
_AS_IT_IS = re.compile(r"(?!From )[A-Za-z0-9 ,'()/:;?@&+%_-][A-Za-z0-9 ,'()/:;?@&+%_.-]{0,69}")

_LONGEST_QUOTED = 50


def quoted_printable(text: str) -> bytes:
    """A whole body: lines of at most 76 characters with CRLF at their ends, none of which SMTP would have to alter."""
    encoded = binascii.b2a_qp(text.replace("\n", "\r\n").encode(), istext=True)
    encoded = encoded.replace(CRLF, b"\n").replace(b"\n", CRLF)
    return _ALTERED.sub(_kept, encoded)


def piece(text: str) -> bytes:
    """A part of a body, after which another may follow; the line break at its end is not seen in the text."""
    encoded = quoted_printable(text + _END.decode())
    end = next(end for end in _ENDS if encoded.endswith(end))
    return encoded[: -len(end)] + SOFT_BREAK


def value(text: str) -> bytes:
    """The same as `piece`, quick for what most names and addresses are made of."""
    return text.encode("ascii") + SOFT_BREAK if _AS_IT_IS.fullmatch(text) else piece(text)


def one_line(text: str) -> str:
    """`text` in one line, without anything that could begin another header."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(clean(text).split())


def header(name: str, text: str) -> bytes:
    """A header of free text, such as Subject; encoded where it is not ASCII."""
    line = one_line(text)
    if line.isascii() and line.isprintable() and "=?" not in line:
        rows = textwrap.wrap(f"{name}: {line}", LINE - 1, break_long_words=False, break_on_hyphens=False)
        if line and max(map(len, rows)) < LINE and len(rows[0]) > len(name) + 1:
            return "\r\n ".join(rows).encode("ascii") + CRLF
    return f"{name}: ".encode("ascii") + _encoded_words(line) + CRLF


def mailbox_header(name: str, display: str, address: str) -> bytes:
    """A header with one mailbox: ``To: "Anna" <anna@example.org>``. An address in UTF-8 stays so (RFC 6532)."""
    shown = one_line(display)
    if not shown:
        return f"{name}: <{address}>\r\n".encode()
    if shown.isascii() and shown.isprintable() and len(shown) <= _LONGEST_QUOTED and "=?" not in shown:
        phrase = b'"' + shown.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'
    else:
        phrase = _encoded_words(shown)
    between = CRLF if len(phrase) + len(address) + len(name) > LINE - 5 else b""
    return f"{name}: ".encode("ascii") + phrase + between + f" <{address}>\r\n".encode()


def list_header(name: str, items: Sequence[str]) -> bytes:
    """A header of items in angle brackets, each on a line of its own."""
    return f"{name}: {_NEXT_ITEM.join(f'<{item}>' for item in items)}\r\n".encode("ascii")


def in_between(text: str, marks: Sequence[str]) -> list[str | int]:
    """`text` cut at its marks: what stands between them, and for each mark its number."""
    numbers = {mark: number for number, mark in enumerate(marks)}
    if not numbers:
        return [text]
    cut = re.split(f"([{''.join(map(re.escape, marks))}])", text)
    return [numbers.get(part, part) for part in cut if part]


_NEXT_ITEM = ",\r\n "


def _kept(found: re.Match[bytes]) -> bytes:
    """The beginning of a line so that nobody takes it for something else; each sign ends its line."""
    return b"=2E=\r\n" * len(found[0]) if found[0].startswith(b".") else b"=46=\r\nrom "


def _encoded_words(text: str) -> bytes:
    words, taken = [], bytearray()
    for character in text:
        sign = character.encode()
        if len(taken) + len(sign) > _WORD_BYTES:
            words.append(bytes(taken))
            taken.clear()
        taken += sign
    words.append(bytes(taken))
    return b"\r\n ".join(b"=?utf-8?b?" + base64.b64encode(word) + b"?=" for word in words)
