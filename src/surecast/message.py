"""What the person says: an announcement and its images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from os import PathLike, fspath

from surecast.errors import UsageError


class Urgency(StrEnum):
    """How much a minute matters; sets the times of turns, expiry and what may be spent."""

    LOW = "low"
    NORMAL = "normal"
    URGENT = "urgent"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Image:
    """An image with the words that stand for it.

    Args:
        path: the file; it is read once, when the announcement is accepted.
        alt: what a person who cannot see it needs to know (WCAG 2.2, 1.1.1).
    """

    path: str | PathLike[str]
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One thing to say, once, everywhere.

    Args:
        text: the announcement itself, as short as it can be said.
        title: a heading, for places that have one.
        body: the long form, for places that have room (plain text; blank lines make paragraphs).
        url: where readers learn more.
        images: in the order in which they are shown.
        language: BCP 47 tag of the text, e.g. ``en``; None takes the configuration's.
        variants: exact words for single channels, by channel name.
        urgency: see `Urgency`.
        key: the caller's own name for this announcement; the same key is never sent twice.
        incident: what it is about, e.g. ``ferry-12``. A platform that was down gets only the newest announcement of an
            incident when it is back; one without an incident stands for itself.
        expires: from when on it is better not sent: a time with zone, or a span from acceptance.

    Raises:
        UsageError: when there is nothing to say, or a value cannot mean anything.
    """

    text: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    images: tuple[Image, ...] = ()
    language: str | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    urgency: Urgency = Urgency.NORMAL
    key: str | None = None
    incident: str | None = None
    expires: datetime | timedelta | None = None

    def __post_init__(self) -> None:
        for what, words in self._said():
            _check_words(what, words)
        for what, words in (("text", self.text), *self.variants.items()):
            if not words.strip():
                raise UsageError(f"There is nothing to announce: the {what} is empty. Give at least one word.")
        try:
            object.__setattr__(self, "urgency", Urgency(self.urgency))
        except ValueError:
            raise UsageError(f"{self.urgency!r} is no urgency. Write one of: {', '.join(Urgency)}.") from None
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise UsageError(f"The url {self.url!r} is not a web address. Begin it with https://.")
        if isinstance(self.expires, datetime) and self.expires.tzinfo is None:
            raise UsageError("expires has no time zone. Give one, e.g. datetime.now(UTC) + timedelta(hours=2).")
        if self.key is not None and not self.key.strip():
            raise UsageError("The key is empty. Give a name, or leave the key out.")
        if self.incident is not None and not self.incident.strip():
            raise UsageError("The incident is empty. Give a name, or leave it out.")

    def _said(self) -> Iterator[tuple[str, object]]:
        yield "text", self.text
        yield from ((what, words) for what in _OTHER_WORDS if (words := getattr(self, what)) is not None)
        yield from ((f"variant for {name}", words) for name, words in self.variants.items())
        yield from ((f"alternative text of {image.path}", image.alt) for image in self.images)

    def fingerprint(self, image_digests: tuple[str, ...] = ()) -> str:
        """A digest of what is said, the same for the same words, links and pictures; not of key or urgency."""
        said = {
            "text": self.text,
            "title": self.title,
            "body": self.body,
            "url": self.url,
            "language": self.language,
            "variants": dict(self.variants),
            "images": [[image.alt, digest] for image, digest in zip(self.images, image_digests, strict=True)]
            if image_digests
            else [[image.alt, fspath(image.path)] for image in self.images],
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


_OTHER_WORDS = ("title", "body", "url", "language", "key", "incident")


def _check_words(what: str, words: object) -> None:
    if not isinstance(words, str):
        raise UsageError(f"The {what} is no text but a {type(words).__name__}. Give a string.")
    if "\0" in words:
        raise UsageError(f"The {what} holds a NUL character. Remove it.")
    try:
        words.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The {what} was not read as UTF-8 and holds broken characters. Write it in UTF-8.") from None
