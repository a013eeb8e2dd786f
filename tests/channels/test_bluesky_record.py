"""The record of a post, byte by byte."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.channel import Errand, Limits, Part, Picture, Post, Words
from surecast.channels._bluesky_record import (
    Shown,
    post_record,
    post_uri,
    record_key,
    split_uri,
    write_request,
)
from surecast.text.facets import detect

MOMENT = 1_700_000_000.25  # 2023-11-14T22:13:20.250Z
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
BLOB = {"$type": "blob", "ref": {"$link": "bafy"}, "mimeType": "image/jpeg", "size": 4}


async def no_image(_digest: str) -> bytes:
    raise AssertionError("no picture was asked for")


def an_errand(text: str, *, language: str = "en", part: int = 0, pictures: tuple[Picture, ...] = (), **words: str):
    post = Post(
        parts=tuple(Part(text=text) for _ in range(part + 1)),
        words=Words(text=text, **words),
        language=language,
        sender="Harbour Ferries",
        limits=Limits(text=300),
        pictures=pictures,
    )
    return Errand(key="b1/bluesky", post=post, part=part, created_at=MOMENT, expires_at=MOMENT + 3600, image=no_image)


def a_record(text: str, *, dids: dict[str, str] | None = None, images: tuple[Shown, ...] = (), **given_words: str):
    errand = an_errand(text, **given_words)
    return post_record(errand, detect(text), dids or {}, images)


def test_the_record_key_is_the_time_and_a_hash_of_the_delivery() -> None:
    assert record_key(0.0, "a") == "2222222222" + record_key(0.0, "a")[10:]
    assert record_key(MOMENT, "b1/bluesky") == record_key(MOMENT, "b1/bluesky")
    assert record_key(MOMENT, "b1/bluesky") != record_key(MOMENT, "b2/bluesky")
    assert record_key(MOMENT, "b1/bluesky")[:10] == record_key(MOMENT, "b2/bluesky")[:10]


@given(st.floats(min_value=0, max_value=4e9), st.text(), st.integers(0, 20))
def test_a_record_key_has_the_form_that_the_network_demands(moment: float, key: str, part: int) -> None:
    assert TID.fullmatch(record_key(moment, key, part))


@given(st.integers(0, 4_000_000_000), st.integers(1, 1_000_000), st.text())
def test_record_keys_sort_by_time_and_then_by_part(moment: int, later: int, key: str) -> None:
    assert record_key(moment, key) < record_key(moment, key, 1) < record_key(moment + later, key)


def test_the_least_record() -> None:
    assert a_record("Ferry 12 is cancelled today") == {
        "$type": "app.bsky.feed.post",
        "text": "Ferry 12 is cancelled today",
        "createdAt": "2023-11-14T22:13:20.250Z",
        "langs": ["en"],
    }


def test_the_body_of_the_write_says_only_if_nothing_is_there() -> None:
    body = write_request("did:plc:abc", "3kabc", {"text": "Fähre 12"})
    assert body.decode() == (
        '{"repo":"did:plc:abc","collection":"app.bsky.feed.post","rkey":"3kabc","swapRecord":null,'
        '"record":{"text":"Fähre 12"}}'
    )


def test_the_same_errand_gives_the_same_bytes() -> None:
    text = "Fähre 12 fällt aus #ferry https://ferries.example/12"
    once, again = (write_request("did:plc:abc", "3kabc", a_record(text)) for _ in range(2))
    assert once == again


def test_links_and_tags_count_in_bytes() -> None:
    text = "Fähre fällt aus: https://ferries.example/12 #Hafen"
    facets = a_record(text)["facets"]
    assert [text.encode()[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in facets] == [
        "https://ferries.example/12",
        "#Hafen",
    ]
    assert [facet["features"] for facet in facets] == [
        [{"$type": "app.bsky.richtext.facet#link", "uri": "https://ferries.example/12"}],
        [{"$type": "app.bsky.richtext.facet#tag", "tag": "Hafen"}],
    ]


def test_a_mention_needs_an_account_and_is_plain_text_without() -> None:
    text = "Ask @duty.example or @nobody.example"
    assert a_record(text, dids={"duty.example": "did:plc:duty"})["facets"] == [
        {
            "index": {"byteStart": 4, "byteEnd": 17},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:duty"}],
        }
    ]
    assert "facets" not in a_record(text)


def test_a_link_gets_a_card_with_the_title() -> None:
    record = a_record("Ferry 12 is cancelled", url="https://ferries.example/12", title="Ferry 12")
    assert record["embed"] == {
        "$type": "app.bsky.embed.external",
        "external": {
            "uri": "https://ferries.example/12",
            "title": "Ferry 12",
            "description": "Ferry 12 is cancelled",
        },
    }


def test_a_card_without_a_title_takes_the_first_words() -> None:
    card = a_record("Ferry 12 is cancelled", url="https://ferries.example/12")["embed"]["external"]
    assert card == {
        "uri": "https://ferries.example/12",
        "title": "Ferry 12 is cancelled",
        "description": "",
    }


@given(st.text(min_size=1))
def test_the_words_of_a_card_are_short_and_on_one_line(text: str) -> None:
    card = a_record("x", url="https://ferries.example/12", title=text, body=text)["embed"]["external"]
    assert (len(card["title"]) <= 120, len(card["description"]) <= 240) == (True, True)
    assert card["title"] == " ".join(card["title"].split())


def test_a_long_title_is_cut_between_words() -> None:
    card = a_record("x", url="https://ferries.example/12", title="harbour " * 40)["embed"]["external"]
    assert card["title"] == ("harbour " * 14).strip() + "…"


def test_images_win_over_the_card() -> None:
    shown = Shown(blob=BLOB, alt="The closed pier", width=1200, height=800)
    assert a_record("Pier 3", url="https://ferries.example", images=(shown,))["embed"] == {
        "$type": "app.bsky.embed.images",
        "images": [
            {"image": BLOB, "alt": "The closed pier", "aspectRatio": {"width": 1200, "height": 800}},
        ],
    }


def test_only_the_first_part_has_the_card() -> None:
    errand = an_errand("Pier 3", url="https://ferries.example", part=1)
    assert "embed" not in post_record(errand, (), {}, ())


@pytest.mark.parametrize(("language", "langs"), [("en-GB", ["en-GB"]), ("", None), ("English!", None)])
def test_only_a_language_tag_goes_into_the_record(language: str, langs: list[str] | None) -> None:
    assert a_record("x", language=language).get("langs") == langs


def test_an_address_comes_apart_again() -> None:
    assert split_uri(post_uri("did:plc:abc", "3kabc")) == ("did:plc:abc", "3kabc")


def test_the_body_is_json() -> None:
    record = a_record('Quotes " and \\ and \n lines')
    assert json.loads(write_request("did:plc:abc", "3kabc", record))["record"] == record
