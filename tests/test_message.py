"""What may be announced, and when two announcements are the same."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.errors import UsageError
from surecast.message import Announcement, Image, Urgency


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ({"text": ""}, "Give at least one word"),
        ({"text": " \n\t"}, "Give at least one word"),
        ({"text": "a\0b"}, "Remove it"),
        ({"text": "caf\udce9"}, "UTF-8"),
        ({"text": "x", "title": "\ud800"}, "UTF-8"),
        ({"text": "x", "body": "\ud800"}, "UTF-8"),
        ({"text": "x", "variants": {"site": "\ud800"}}, "UTF-8"),
        ({"text": "x", "images": (Image("a.png", "\ud800"),)}, "UTF-8"),
        ({"text": "x", "variants": {"site": " "}}, "Give at least one word"),
        ({"text": "x", "url": "ferries.example/12"}, "Begin it with https://"),
        ({"text": "x", "url": "javascript:alert(1)"}, "Begin it with https://"),
        ({"text": "x", "expires": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"text": "x", "key": "  "}, "leave the key out"),
        ({"text": "x", "urgency": "panic"}, "low, normal, urgent, emergency"),
        ({"text": None}, "text"),
    ],
)
def test_what_cannot_mean_anything_is_refused_with_a_cure(words: dict[str, Any], cure: str) -> None:
    with pytest.raises(UsageError, match=cure):
        Announcement(**words)


def test_the_urgency_may_be_given_as_a_word() -> None:
    assert Announcement(text="x", urgency="emergency").urgency is Urgency.EMERGENCY  # type: ignore[arg-type]


def test_an_announcement_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Announcement(text="x").text = "y"  # type: ignore[misc]


SAID = Announcement(
    text="Ferry 12 is cancelled",
    title="Ferry 12",
    body="All day.",
    url="https://ferries.example/12",
    language="en",
    variants={"site": "Ferry 12: no", "sms": "12 off"},
    images=(Image("ferry.png", "the ferry"),),
)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Ferry 7 is cancelled"},
        {"title": None},
        {"body": ""},
        {"url": "https://ferries.example/13"},
        {"language": "de"},
        {"variants": {"site": "Ferry 12: no"}},
        {"images": (Image("ferry.png", "a boat"),)},
        {"images": (Image("other.png", "the ferry"),)},
        {"images": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_words_links_or_pictures_are_another_announcement(change: dict[str, Any]) -> None:
    assert replace(SAID, **change).fingerprint() != SAID.fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"key": "cms:1"},
        {"urgency": Urgency.URGENT},
        {"expires": timedelta(hours=1)},
        {"variants": {"sms": "12 off", "site": "Ferry 12: no"}},
        {"images": (Image(Path("ferry.png"), "the ferry"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_key_urgency_and_the_order_of_writing_make_no_difference(change: dict[str, Any]) -> None:
    assert replace(SAID, **change).fingerprint() == SAID.fingerprint()


def test_pictures_are_the_same_by_their_bytes_not_by_their_names() -> None:
    moved = replace(SAID, images=(Image("elsewhere.png", "the ferry"),))
    assert moved.fingerprint(("d1",)) == SAID.fingerprint(("d1",))
    assert SAID.fingerprint(("d1",)) != SAID.fingerprint(("d2",))


def test_a_time_with_a_zone_and_a_span_are_both_good() -> None:
    for expires in (datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=2), None):
        assert Announcement(text="x", expires=expires).expires == expires


@given(st.text(min_size=1))
def test_any_words_are_taken_or_refused_with_a_sentence_and_have_a_fingerprint(text: str) -> None:
    try:
        said = Announcement(text=text)
    except UsageError as error:
        assert str(error)
    else:
        assert len(said.fingerprint()) == 64
