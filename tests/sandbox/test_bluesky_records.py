from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.sandbox.bluesky_records import (
    InvalidRecordError,
    _cbor,
    blob_cid,
    check_post,
    is_at_uri,
    record_cid,
)

POST = "app.bsky.feed.post"
CID = "bafkreidlp6sdj6jkroakvmbntpy2clsj77foijheae5byt3iwz7d2k542a"


def a_record(**fields: Any) -> dict[str, Any]:
    given = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z", **fields}
    return {key: value for key, value in given.items() if value is not None}


def with_facet(**fields: Any) -> dict[str, Any]:
    link = {"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example"}
    return a_record(facets=[{"index": {"byteStart": 0, "byteEnd": 5}, "features": [link], **fields}])


def with_image(media_type: str = "image/png", size: int = 1, count: int = 1, **fields: Any) -> dict[str, Any]:
    blob = {"$type": "blob", "ref": {"$link": CID}, "mimeType": media_type, "size": size}
    image = {key: value for key, value in {"image": blob, "alt": "", **fields}.items() if value is not None}
    return a_record(embed={"$type": "app.bsky.embed.images", "images": [image] * count})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # As computed by @atproto/pds 0.5.35.
        ({"langs": ["en"]}, "bafyreifcp7q4gijanlxd7emv6onawthvwr57sw7ujh26f4bcibkhfb4xca"),
        ({"text": "x", "langs": ["en"]}, "bafyreift7fbovcsp2ygggzd7lnthgs2zyhb5dupyw4lvyofavorvtoiuqm"),
        ({"text": "a" * 301, "langs": ["en"]}, "bafyreie32jsp6y6luq5sl4ufstp2hhenmxi2wonb6lz3xc6o4j4afw5q2i"),
    ],
)
def test_a_record_has_the_content_hash_that_the_real_server_gives_it(fields: dict[str, Any], expected: str) -> None:
    assert record_cid(a_record(**fields)) == expected


def test_a_blob_has_the_content_hash_that_the_real_server_gives_it() -> None:
    assert blob_cid(b"hello hello") == "bafkreiba2c76shmavhzszt4up6kxlavjicvs7gmyweahkeo3umxqq4aw4a"


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=30), inner, max_size=6),
    max_leaves=20,
)


@given(plain.filter(lambda value: "$link" not in str(value) and "$bytes" not in str(value)))
def test_data_is_encoded_as_the_reference_library_does(value: Any) -> None:
    assert _cbor(value) == libipld.encode_dag_cbor(value)


def test_a_link_is_encoded_as_a_link() -> None:
    raw = bytes([1, 0x55, 0x12, 32]) + libipld.decode_cid(CID)["hash"]["digest"]
    assert _cbor({"$link": CID}) == b"\xd8\x2a\x58\x25\x00" + raw


def test_bytes_are_encoded_as_bytes() -> None:
    assert _cbor({"$bytes": "AAEC"}) == libipld.encode_dag_cbor(b"\0\1\2")


@pytest.mark.parametrize("value", [1.5, {"$link": "b!"}, 2**64])
def test_what_is_no_data_of_the_protocol_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRecordError):
        record_cid({"value": value})


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        a_record(text=""),
        a_record(text="é" * 300),
        a_record(createdAt="2026-01-01T00:00:00+02:00"),
        a_record(langs=["en", "el", "pt-BR"]),
        a_record(something="new"),
        with_facet(),
        with_facet(index={"byteStart": 4, "byteEnd": 9_999}),
        with_facet(features=[{"$type": "app.bsky.richtext.facet#sparkle"}]),
        with_image(size=2_000_000, count=4),
        a_record(embed={"$type": "app.bsky.embed.hologram", "depth": 3}),
    ],
)
def test_what_the_real_server_takes(record: dict[str, Any]) -> None:
    check_post(record)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (a_record(text="a" * 301), "grapheme too big (maximum 300, got 301) at $.record.text"),
        (a_record(text="é" * 299 + "\u0301" * 3000), "string too big (maximum 3000, got 6598) at $.record.text"),
        (a_record(createdAt=None), 'Missing required key "createdAt" at $.record'),
        (a_record(text=None), 'Missing required key "text" at $.record'),
        (a_record(createdAt="yesterday"), 'Invalid datetime (got "yesterday") at $.record.createdAt'),
        (a_record(createdAt="2026-02-30T00:00:00Z"), 'Invalid datetime (got "2026-02-30T00:00:00Z")'),
        (a_record(text=5), "Expected string value type (got 5) at $.record.text"),
        (a_record(langs=["en"] * 4), "array too big (maximum 3, got 4) at $.record.langs"),
        (a_record(langs=["!!"]), 'Invalid language (got "!!") at $.record.langs[0]'),
        (
            with_facet(features=[{"$type": "app.bsky.richtext.facet#link", "uri": "no uri"}]),
            'Invalid uri (got "no uri") at $.record.facets[0].features[0].uri',
        ),
        (
            with_facet(index={"byteStart": -1, "byteEnd": 5}),
            "integer too small (minimum 0, got -1) at $.record.facets[0].index.byteStart",
        ),
        (
            with_facet(index={"byteStart": 1}),
            'Missing required key "byteEnd" at $.record.facets[0].index',
        ),
        (
            with_facet(features=[{"$type": "app.bsky.richtext.facet#mention", "did": "x"}]),
            'Invalid DID (got "x") at $.record.facets[0].features[0].did',
        ),
        (with_image(count=5), "array too big (maximum 4, got 5) at $.record.embed.images"),
        (with_image("text/plain"), 'Expected "image/*" (got "text/plain") at $.record.embed.images[0].image.mimeType'),
        (with_image(size=2_100_070), "blob too big (maximum 2000000, got 2100070) at $.record.embed.images[0].image"),
        (with_image(alt=None), 'Missing required key "alt" at $.record.embed.images[0]'),
        (
            a_record(embed={"$type": "app.bsky.embed.external", "external": {"uri": "https://a.example"}}),
            'Missing required key "title" at $.record.embed.external',
        ),
        (
            a_record(reply={"root": {"uri": "at://x/y/z", "cid": "q"}, "parent": {"uri": "at://x", "cid": "q"}}),
            'Invalid at-uri (got "at://x/y/z") at $.record.reply.root.uri',
        ),
    ],
)
def test_what_the_real_server_refuses_and_how(record: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        check_post(record)
    assert str(caught.value).startswith(told)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["$type", "index", "features", "images", "root", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(["text", "createdAt", "facets", "embed", "langs", "tags", "reply"]),
)
def test_whatever_is_sent_it_is_taken_or_refused(value: Any, field: str) -> None:
    with suppress(InvalidRecordError):  # and nothing else
        check_post({**a_record(), field: value})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at://did:plc:n2tcqpdni3mm6xwlvbhwkuvf/app.bsky.feed.post/3jzfcijpj2z2a", True),
        ("at://ferries.example", True),
        ("at://x", False),
        ("https://ferries.example", False),
        ("at://ferries.example/app.bsky.feed.post/", False),
        ("", False),
    ],
)
def test_an_address_of_a_record(text: str, expected: bool) -> None:
    assert is_at_uri(text) == expected


def test_the_digest_in_a_cid_is_that_of_the_data() -> None:
    assert libipld.decode_cid(blob_cid(b"x"))["hash"]["digest"] == hashlib.sha256(b"x").digest()
