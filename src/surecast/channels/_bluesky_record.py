"""A Bluesky post as data: its record key, its record, and the exact body of the write. Nothing here does I/O.

Lexicons: https://github.com/bluesky-social/atproto/tree/main/lexicons/app/bsky (feed/post, richtext/facet,
embed/external, embed/images). Record keys: https://atproto.com/specs/tid
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from surecast.clock import iso

if TYPE_CHECKING:
    from surecast.channel import Errand, Words
    from surecast.text.facets import Facet

COLLECTION = "app.bsky.feed.post"

#: The record may name up to three languages; an announcement has one.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")

#: The lexicon sets no limit to a card's words; a card shows a few lines of them.
_CARD_TITLE, _CARD_DESCRIPTION = 120, 240

_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_TID_LENGTH = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An image that was uploaded: the blob as the server described it, and how it is shown."""

    blob: Mapping[str, Any]
    alt: str
    width: int
    height: int


def record_key(created_at: float, key: str, part: int = 0) -> str:
    """The same record key (TID) for the same delivery, always: what makes the write idempotent.

    Args:
        created_at: Unix seconds; 53 bits of microseconds, so that posts sort by it.
        key: the delivery's key; ten bits of its hash keep two posts of one microsecond apart.
        part: later parts of one announcement sort after earlier ones.
    """
    microseconds = (round(created_at * 1_000_000) + part) & (1 << 53) - 1
    clock_id = int.from_bytes(hashlib.sha256(key.encode()).digest()[:2], "big") & 1023
    number = microseconds << 10 | clock_id
    return "".join(_SORTABLE[number >> 5 * place & 31] for place in reversed(range(_TID_LENGTH)))


def post_uri(did: str, rkey: str) -> str:
    """The address of a post inside the network."""
    return f"at://{did}/{COLLECTION}/{rkey}"


def split_uri(uri: str) -> tuple[str, str]:
    """The repository and the record key of a post's address."""
    repo, _, rkey = uri.removeprefix("at://").split("/")
    return repo, rkey


def post_record(
    errand: Errand, facets: tuple[Facet, ...], dids: Mapping[str, str], images: tuple[Shown, ...]
) -> dict[str, Any]:
    """The record of an errand's part. Images win over a link card: a post shows one or the other.

    Args:
        facets: what `surecast.text.facets.detect` found in the part's text.
        dids: the account of each mentioned handle; a handle that is missing stays plain text.
        images: the uploaded images, in the order in which they are shown.
    """
    text = errand.post.parts[errand.part].text
    record: dict[str, Any] = {"$type": COLLECTION, "text": text, "createdAt": iso(errand.created_at)}
    if _LANGUAGE.fullmatch(errand.post.language):
        record["langs"] = [errand.post.language]
    if rich := _rich_text(facets, dids):
        record["facets"] = rich
    if images:
        record["embed"] = {"$type": "app.bsky.embed.images", "images": [_image(image) for image in images]}
    elif errand.part == 0 and (card := _link_card(errand.post.words)):
        record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
    return record


def write_request(did: str, rkey: str, record: Mapping[str, Any]) -> bytes:
    """The exact body of the `putRecord` call, which every attempt sends.

    ``"swapRecord": null`` means "only if nothing is there"; the same content already there is a success as well.
    """
    body = {"repo": did, "collection": COLLECTION, "rkey": rkey, "swapRecord": None, "record": record}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _rich_text(facets: tuple[Facet, ...], dids: Mapping[str, str]) -> list[dict[str, Any]]:
    rich = []
    for facet in facets:
        feature = _feature(facet, dids)
        if feature is not None:
            rich.append({"index": {"byteStart": facet.start, "byteEnd": facet.end}, "features": [feature]})
    return rich


def _feature(facet: Facet, dids: Mapping[str, str]) -> dict[str, str] | None:
    if facet.kind == "link":
        return {"$type": "app.bsky.richtext.facet#link", "uri": facet.value}
    if facet.kind == "tag":
        return {"$type": "app.bsky.richtext.facet#tag", "tag": facet.value}
    did = dids.get(facet.value)
    return None if did is None else {"$type": "app.bsky.richtext.facet#mention", "did": did}


def _link_card(words: Words) -> dict[str, str] | None:
    if words.url is None:
        return None
    title = words.title or words.text
    description = words.body or (words.text if words.title else "")
    return {
        "uri": words.url,
        "title": _first_words(title, _CARD_TITLE),
        "description": _first_words(description, _CARD_DESCRIPTION),
    }


def _image(image: Shown) -> dict[str, Any]:
    ratio = {"width": image.width, "height": image.height}
    return {"image": image.blob, "alt": image.alt, "aspectRatio": ratio}


def _first_words(text: str, length: int) -> str:
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    whole_words = line[: length - 1].rpartition(" ")[0]
    return (whole_words or line[: length - 1]).rstrip(" ,;:") + "…"
