"""Links, mentions and hashtags in a text.

Bluesky makes nothing clickable by itself: a facet must cover it, with offsets into UTF-8 bytes. The rules follow
Bluesky's own clients (github.com/bluesky-social/atproto, packages/api/src/rich-text/detection.ts, 2026-11-22), with
three differences: only addresses that begin with http:// or https:// are links, because a bare ``word.word`` may be a
missing space; all closing punctuation and unbalanced brackets stay outside a link; facets never overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple
from unicodedata import category

from surecast.text.measure import graphemes, size

Kind = Literal["link", "mention", "tag"]

#: app.bsky.richtext.facet#tag (lexicons/app/bsky/richtext/facet.json, 2026-11-22).
TAG_GRAPHEMES, TAG_BYTES = 64, 640

#: https://atproto.com/specs/handle
HANDLE_LENGTH = 253
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HANDLE = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]){_LABEL}", re.IGNORECASE | re.ASCII)

_LINK = re.compile(
    r"(?<![0-9A-Za-z_@＠#＃$/.+-])https?://(?=\w)"
    r"[^\s<>\"“”„«»「」『』【】（）《》、。，！？；：\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+",
    re.IGNORECASE,
)
_MENTION = re.compile(r"(?<![^\s(])@([0-9A-Za-z.-]++)(?![@_])")
_TAG = re.compile(r"(?<!\S)[#＃](?!\ufe0f)([^\s\ufeff\u00ad\u2060\u200b-\u200d\u20e2]+)")

_CLOSING = ".,;:!?…'’`|"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A piece of a text that means more than its characters.

    Attributes:
        start, end: offsets into the text's UTF-8 bytes, the end exclusive.
        value: the address of a link, the handle of a mention without ``@``, the tag without ``#``.
    """

    kind: Kind
    start: int
    end: int
    value: str


class Span(NamedTuple):
    """A facet by its place in characters instead of bytes."""

    kind: Kind
    start: int
    end: int
    value: str


def detect(text: str) -> tuple[Facet, ...]:
    """The facets of `text` in the order of reading, none overlapping another.

    A mention is only what is written like a handle; whether somebody has that handle must be looked up.
    """
    facets: list[Facet] = []
    done, offset = 0, 0
    for kind, start, end, value in find(text):
        first = offset + size(text[done:start])
        offset = first + size(text[start:end])
        facets.append(Facet(kind=kind, start=first, end=offset, value=value))
        done = end
    return tuple(facets)


def find(text: str) -> tuple[Span, ...]:
    """The same as `detect`, by characters."""
    found = links(text)
    for more in (_mentions(text), _tags(text)):
        found += [span for span in more if not any(span.start < b.end and b.start < span.end for b in found)]
    return tuple(sorted(found, key=lambda span: span.start))


def links(text: str) -> list[Span]:
    """The links alone, by characters."""
    if "://" not in text:
        return []
    spans = []
    for match in _LINK.finditer(text):
        address = _without_closing(match[0])
        spans.append(Span("link", match.start(), match.start() + len(address), address))
    return spans


def _without_closing(address: str) -> str:
    """The address without the sentence's punctuation after it; a bracket stays when its partner is inside."""
    while True:
        last = address[-1]
        unbalanced = last in _BRACKETS and address.count(last) > address.count(_BRACKETS[last])
        if last not in _CLOSING and not unbalanced:
            return address
        address = address[:-1]


def _mentions(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in _MENTION.finditer(text):
        handle = match[1].rstrip(".-")
        if len(handle) <= HANDLE_LENGTH and _HANDLE.fullmatch(handle):
            yield Span("mention", match.start(), match.start() + 1 + len(handle), handle)


def _tags(text: str) -> Iterator[Span]:
    if "#" not in text and "＃" not in text:
        return
    for match in _TAG.finditer(text):
        tag = _without_punctuation(match[1])
        if _is_tag(tag):
            yield Span("tag", match.start(), match.start() + 1 + len(tag), tag)


def _without_punctuation(tag: str) -> str:
    while tag and category(tag[-1]).startswith("P"):
        tag = tag[:-1]
    return tag


def _is_tag(tag: str) -> bool:
    """Numbers and punctuation alone are no tag: ``#1`` is a place in a list."""
    says_something = any(not (char.isascii() and char.isdigit()) and category(char)[0] != "P" for char in tag)
    return says_something and size(tag) <= TAG_BYTES and graphemes(tag) <= TAG_GRAPHEMES
