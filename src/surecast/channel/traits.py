"""What a kind of channel can take and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from surecast.contact import Medium

#: How a platform counts text. `graphemes` also holds the byte limit where there is one. `segments` are what an SMS is
#: paid by: a post's `count` is theirs, while the limit of its text is one of UTF-16 units.
Unit = Literal["graphemes", "utf16", "characters", "segments"]

#: What may be done about an attempt whose effect is unknown: the same payload again is harmless; only after two
#: look-ups that did not find it; never.
Resend = Literal["same_key", "after_lookup", "never"]


#: What a channel that was down gets when it is back: the newest announcement of each incident, all, or nothing that
#: readers have had elsewhere.
CatchUp = Literal["latest", "all", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What fits into one post; live values replace these where a platform publishes them.

    Attributes:
        text: the most units of text; None for no limit.
        text_bytes: the most bytes of UTF-8, where the platform counts both.
        url_cost: what any link costs in units; None when it costs its own length.
        images: the most images; 0 when it shows none.
        image_bytes: the most bytes of one image.
        alt: the most characters of an image's alternative text.
    """

    text: int | None = None
    unit: Unit = "graphemes"
    text_bytes: int | None = None
    url_cost: int | None = None
    images: int = 0
    image_bytes: int = 2_000_000
    alt: int = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a kind of channel can take and do; fixed facts of the platform, the same for every account.

    Attributes:
        platform: the platform's name for people, e.g. ``Bluesky``.
        public: whether it reaches whoever follows; else it is direct, and reaches contacts one by one.
        medium: by which of a contact's addresses a direct channel reaches it; None for a public one.
        costly: whether every post costs money.
        resend: see `Resend`.
        link_card: whether a link is shown as a card beside the text.
        keeps_link_in_text: whether the link must stand in the text to reach readers.
        long_form: whether it carries `title` and `body` as well.
        local: whether the work is done on this machine; an attempt then takes the time that it takes.
        read_back_needs_no_setup: whether `confirm` works without configuration; then it is asked for by default.
    """

    platform: str
    limits: Limits
    resend: Resend
    public: bool = True
    medium: Medium | None = None
    costly: bool = False
    link_card: bool = False
    keeps_link_in_text: bool = True
    long_form: bool = False
    local: bool = False
    read_back_needs_no_setup: bool = False
