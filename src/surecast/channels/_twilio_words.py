"""What an SMS says, and what all recipients of a broadcast are sent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from surecast.channel import Limits, Part, Post
from surecast.errors import UsageError
from surecast.text.fit import BLANK_LINE
from surecast.text.measure import units
from surecast.text.sms import cheapest, segments

if TYPE_CHECKING:
    from surecast.channels.twilio import Settings

# https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource (seen 2026-11-22): Body has 1,600
# characters, counted here as UTF-16 units, which is never fewer. ValidityPeriod has 1 to 36,000 seconds.
LONGEST = 1600
LIMITS = Limits(text=LONGEST, unit="segments", images=0, alt=0)
LONGEST_VALIDITY_S = 36_000


def dress(settings: Settings | None, post: Post) -> Post:
    """The words as they arrive, with the sender's name before and how to stop them behind, and their segments.

    Exact words stay alone, without name and ending.

    Raises:
        UsageError: they are longer than a message may be.
    """
    text = post.parts[0].text
    link = f"{BLANK_LINE}{post.words.url}"
    if text.endswith(link):
        text = f"{text.removesuffix(link)} {post.words.url}"  # a blank line costs more than a space
    if not post.words.exact:
        text = " ".join(filter(None, (_beginning(settings, post), text, settings.opt_out.strip() if settings else "")))
    if settings is None or settings.smart:
        text = cheapest(text)
    length = units(text, LIMITS)
    if length > LONGEST:
        raise UsageError(
            f"The SMS is {length} characters long with the sender's name and what follows it; {LONGEST} are the most. "
            "Shorten the text, or give other words for this channel in variants."
        )
    return replace(post, parts=(Part(text=text),), count=segments(text).count)


def _beginning(settings: Settings | None, post: Post) -> str:
    name = True if settings is None else settings.sender_name
    named = post.sender if name is True else name or ""
    return f"{named.strip()}:" if named.strip() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What all recipients of a broadcast are sent; `payload` and `read` turn it into bytes and back.

    Attributes:
        sender: the number or name it comes from, else
        service: the messaging service that picks one.
        validity_s: how long Twilio may keep it.
        expires_at: when the announcement is no longer valid, Unix seconds.
    """

    body: str = field(repr=False)
    sender: str | None
    service: str | None
    validity_s: float
    expires_at: float

    @classmethod
    def read(cls, payload: bytes) -> Template:
        return cls(**json.loads(payload))

    def payload(self) -> bytes:
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(values, ensure_ascii=False).encode()

    def fields(self) -> dict[str, Any]:
        """The message's own, as Twilio names them. One that waits in a queue must not outlive the announcement."""
        left = min(self.validity_s, self.expires_at - time.time(), LONGEST_VALIDITY_S)
        source = {"MessagingServiceSid": self.service} if self.service else {"From": self.sender}
        return {"Body": self.body, "ValidityPeriod": max(1, int(left)), **source}
