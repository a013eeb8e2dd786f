"""Records of the AT Protocol: their content hashes, and what Bluesky's own server (PDS) says of an invalid post.

The words are those of @atproto/pds 0.5.35, compared with it by the tests. The schemas are the parts of
https://github.com/bluesky-social/atproto/tree/main/lexicons/app/bsky that an announcement can use (2026-11-22).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

POST: Final = "app.bsky.feed.post"

TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}\Z")
NSID = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9][a-zA-Z0-9-]*)+\.[a-zA-Z][a-zA-Z0-9]*\Z")
HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")
DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]\Z")
_URI = re.compile(r"[a-zA-Z][\w.+-]*:(?://)?[^\s/]\S*\Z")
_LANGUAGE = re.compile(r"(i|[a-z]{2,3})(-[a-zA-Z0-9-]+)?\Z")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)\Z")

Check = Callable[[Any, str], None]


class InvalidRecordError(Exception):
    """What is wrong with a record, and where in it."""

    def __init__(self, problem: str, path: str) -> None:
        super().__init__(f"{problem} at {path}")


def check_post(record: Mapping[str, Any]) -> None:
    """Makes sure that a record is a post.

    Raises:
        InvalidRecordError: the first thing that is not.
    """
    _post(record, "$.record")


def is_at_uri(value: str) -> bool:
    """Whether `value` names a record or a repository."""
    scheme, _, rest = value.partition("at://")
    authority, *path = rest.split("/")
    if scheme or not (DID.match(authority) or HANDLE.match(authority.lower())):
        return False
    return len(path) <= 2 and (not path or bool(NSID.match(path[0]))) and all(path)


def record_cid(value: Any) -> str:
    """The content hash (CID) of a record, as every server computes it: SHA-256 over DAG-CBOR."""
    return _cid(0x71, _cbor(value))


def blob_cid(data: bytes) -> str:
    """The content hash (CID) of a blob."""
    return _cid(0x55, data)


def _cid(codec: int, data: bytes) -> str:
    raw = bytes([1, codec, 0x12, 32]) + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def _cbor(value: Any) -> bytes:
    """DAG-CBOR, https://ipld.io/specs/codecs/dag-cbor/spec/, of JSON in the AT Protocol's form."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(_cbor, value))
        case {"$link": str(link), **rest} if not rest:
            raw = b"\0" + _base32(link)
            return b"\xd8\x2a" + _head(2, len(raw)) + raw
        case {"$bytes": str(encoded), **rest} if not rest:
            raw = base64.b64decode(encoded + "==")
            return _head(2, len(raw)) + raw
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return _head(5, len(keys)) + b"".join(_cbor(key) + _cbor(value[key]) for key in keys)
    raise InvalidRecordError(f"Invalid data type {type(value).__name__}", "$.record")


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise InvalidRecordError("integer too big", "$.record")


def _base32(link: str) -> bytes:
    try:
        return base64.b32decode(link[1:].upper() + "=" * (-len(link[1:]) % 8))
    except (binascii.Error, ValueError):
        raise InvalidRecordError(f'Invalid CID (got "{link}")', "$.record") from None


def _string(
    *, most_bytes: int = 0, most_graphemes: int = 0, form: Callable[[str], Any] | None = None, name: str = ""
) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise InvalidRecordError(f"Expected string value type (got {_shown(value)})", path)
        if most_bytes and (size := len(value.encode())) > most_bytes:
            raise InvalidRecordError(f"string too big (maximum {most_bytes}, got {size})", path)
        if most_graphemes and (size := _graphemes(value)) > most_graphemes:
            raise InvalidRecordError(f"grapheme too big (maximum {most_graphemes}, got {size})", path)
        if form is not None and not form(value):
            raise InvalidRecordError(f'Invalid {name} (got "{value}")', path)

    return check


def _integer(least: int) -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidRecordError(f"Expected integer value type (got {_shown(value)})", path)
        if value < least:
            raise InvalidRecordError(f"integer too small (minimum {least}, got {value})", path)

    return check


def _array(item: Check, most: int = 0) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise InvalidRecordError(f"Expected array value type (got {_shown(value)})", path)
        if most and len(value) > most:
            raise InvalidRecordError(f"array too big (maximum {most}, got {len(value)})", path)
        for place, each in enumerate(value):
            item(each, f"{path}[{place}]")

    return check


def _object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise InvalidRecordError(f"Expected object value type (got {_shown(value)})", path)
        for key in required:
            if key not in value:
                raise InvalidRecordError(f'Missing required key "{key}"', path)
        for key, inner in {**required, **(optional or {})}.items():
            if key in value:
                inner(value[key], f"{path}.{key}")

    return check


def _one_of(kinds: Mapping[str, Check]) -> Check:
    """An open union: what has another $type passes, as it does on every server that does not know it yet."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("$type"), str):
            raise InvalidRecordError('Expected an object which includes the "$type" property', path)
        if inner := kinds.get(value["$type"]):
            inner(value, path)

    return check


def _image(most_bytes: int) -> Check:
    """A blob; only what the record claims is checked, as on the real server."""

    def check(value: Any, path: str) -> None:
        match value:
            case {"$type": "blob", "ref": {"$link": str()}, "mimeType": str(media_type), "size": int(size)}:
                if not media_type.startswith("image/"):
                    raise InvalidRecordError(f'Expected "image/*" (got "{media_type}")', f"{path}.mimeType")
                if size > most_bytes:
                    raise InvalidRecordError(f"blob too big (maximum {most_bytes}, got {size})", path)
            case _:
                raise InvalidRecordError("Expected blob value type", path)

    return check


def _is_datetime(value: str) -> bool:
    if not _DATETIME.match(value) or value.endswith("-00:00"):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


def _graphemes(text: str) -> int:
    if text.isascii() and "\r" not in text:
        return len(text)
    import regex  # noqa: PLC0415 - only needed beyond ASCII

    return len(regex.findall(r"\X", text))


def _shown(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


_at_uri = _string(form=is_at_uri, name="at-uri")
_uri = _string(form=_URI.match, name="uri")
_strong_ref = _object({"uri": _at_uri, "cid": _string()})
_facet = _object(
    {
        "index": _object({"byteStart": _integer(0), "byteEnd": _integer(0)}),
        "features": _array(
            _one_of(
                {
                    "app.bsky.richtext.facet#link": _object({"uri": _uri}),
                    "app.bsky.richtext.facet#mention": _object({"did": _string(form=DID.match, name="DID")}),
                    "app.bsky.richtext.facet#tag": _object({"tag": _string(most_bytes=640, most_graphemes=64)}),
                }
            )
        ),
    }
)
_embed = _one_of(
    {
        "app.bsky.embed.images": _object(
            {
                "images": _array(
                    _object(
                        {"image": _image(2_000_000), "alt": _string()},
                        {"aspectRatio": _object({"width": _integer(1), "height": _integer(1)})},
                    ),
                    most=4,
                )
            }
        ),
        "app.bsky.embed.external": _object(
            {
                "external": _object(
                    {"uri": _uri, "title": _string(), "description": _string()}, {"thumb": _image(1_000_000)}
                )
            }
        ),
    }
)
_post = _object(
    {
        "text": _string(most_bytes=3000, most_graphemes=300),
        "createdAt": _string(form=_is_datetime, name="datetime"),
    },
    {
        "facets": _array(_facet),
        "reply": _object({"root": _strong_ref, "parent": _strong_ref}),
        "embed": _embed,
        "langs": _array(_string(form=_LANGUAGE.match, name="language"), most=3),
        "tags": _array(_string(most_bytes=640, most_graphemes=64), most=8),
    },
)
