"""What one channel will publish, and what its adapter is told about one delivery of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from surecast.channel.traits import Limits
from surecast.contact import Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of a post: known by the digest of its bytes, which the ledger keeps."""

    digest: str
    media_type: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a post; a post that fits is one part."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The announcement as it was given, for an adapter that must fit it anew to live limits."""

    text: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    exact: bool = False  # a variant: these words and no others


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What one channel will publish, fitted and frozen.

    Attributes:
        cut: what was left out to make it fit, for people; empty when nothing was.
        count: the units that the parts' texts cost, as this platform counts.
        below: a line of ours that stands below the words, in the parts' texts already; empty for none.
    """

    parts: tuple[Part, ...]
    words: Words
    language: str
    sender: str
    limits: Limits
    pictures: tuple[Picture, ...] = ()
    cut: str = ""
    count: int = 0
    below: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What an adapter is told about one delivery, or about all deliveries of one direct channel together.

    Attributes:
        key: names the delivery for ever; what makes a write idempotent is derived from it and from `created_at`.
            For a direct channel it names the channel's part of the broadcast.
        created_at: when the announcement was accepted, Unix seconds.
        expires_at: from when on it is no longer valid, Unix seconds.
        image: reads a picture's bytes by its digest.
    """

    key: str
    post: Post
    part: int
    created_at: float
    expires_at: float
    image: Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A prepared delivery on its way.

    Attributes:
        key: the errand's key.
        payload: the exact bytes that `prepare` gave; every attempt sends these. A direct channel prepares once for
            all its recipients, and its adapter is given the same object for each of them.
        first_began_at: when the first attempt began, Unix seconds; what the platform dates before is not ours.
        timeout_s: the whole time that this step may take.
        claimed: ids of posts that belong to other deliveries of this channel; a look-up must not take them for ours.
        to: whom a direct channel sends it to; None for a public one.
    """

    key: str
    payload: bytes
    first_began_at: float
    timeout_s: float
    claimed: frozenset[str] = frozenset()
    to: Recipient | None = None
