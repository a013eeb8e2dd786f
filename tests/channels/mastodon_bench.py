"""What the tests of the Mastodon adapter share: adapters, errands, attempts, and a server of canned answers."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PIL import Image
from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.snac import Snac

from surecast.channel import Context, Errand, Limits, Part, Picture, Post, Sending, Words
from surecast.channels.mastodon import TRAITS, MastodonAdapter, Settings
from surecast.outcome import Outcome
from surecast.secret import Secret
from surecast.transport.classify import classify

T = TypeVar("T")
Server = Snac | MastodonMock

TOKEN = "tok-3n-SECRET"
LINK = "https://www.ferries.example/notices/2026/11/a-very-long-path?x=1&y=2#z"
A_WAIT = 1.0  # long enough for a loaded machine, short enough to wait for
SLACK = 0.5

INSTANCE = {"configuration": {"statuses": {"max_characters": 500, "characters_reserved_per_url": 23}}}
ACCOUNT = {"id": "7", "acct": "ferries"}
STATUS = {"id": "1", "uri": "https://social.example/1", "url": "https://social.example/@ferries/1"}


class NoSessions:
    """Mastodon's token is for ever: nothing is kept between steps."""

    async def load(self) -> str | None:
        raise AssertionError("a session was loaded")

    async def save(self, session: str) -> None:
        raise AssertionError("a session was saved")

    def renewing(self) -> Any:
        raise AssertionError("a session was renewed")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def new_text() -> str:
    """Words that no other test posts."""
    return f"Ferry 12 is cancelled today ({time.time_ns()})"


def with_text(server: Server, text: str) -> list[dict[str, Any]]:
    """The statuses on a server that were made of these words."""
    return [status for status in server.statuses() if text.rsplit("(", 1)[-1].rstrip(")") in status["content"]]


def png() -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.effect_noise((32, 24), 90).save(file, "PNG")
    return file.getvalue()


def an_adapter(server: str, token: str | Secret = TOKEN, **settings: Any) -> MastodonAdapter:
    secret = token if isinstance(token, Secret) else Secret.of(token)
    context = Context(
        name="mastodon",
        sessions=NoSessions(),
        sender="Harbour Ferries",
        language="en",
        time_zone="UTC",
        use_environment=False,
    )
    return MastodonAdapter(Settings(server=server, access_token=secret, **settings), context)


def an_errand(
    text: str,
    *,
    key: str = "",
    images: dict[str, bytes] | None = None,
    limits: Limits = TRAITS.limits,
    language: str = "en",
    words: Words | None = None,
) -> Errand:
    """An errand for words that were fitted; its images are described as ``Picture 0``, ``Picture 1`` and so on."""
    stored = images or {}

    async def image(digest: str) -> bytes:
        return stored[digest]

    post = Post(
        parts=(Part(text=text),),
        words=words or Words(text=text),
        language=language,
        sender="Harbour Ferries",
        limits=limits,
        pictures=tuple(
            Picture(digest=digest, media_type="image/png", alt=f"Picture {number}", width=32, height=24)
            for number, digest in enumerate(stored)
        ),
    )
    now = time.time()
    return Errand(key=key or text, post=post, part=0, created_at=now, expires_at=now + 3600, image=image)


def key_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def a_payload(text: str) -> bytes:
    return json.dumps(
        {"status": text, "visibility": "public", "language": "en", "idempotency_key": key_of(text)}
    ).encode()


def a_sending(
    payload: bytes | str, *, timeout_s: float = 10.0, began: float = 0.0, claimed: frozenset[str] = frozenset()
) -> Sending:
    """A delivery on its way, given its payload or just its words."""
    return Sending(
        key="b1/mastodon",
        payload=a_payload(payload) if isinstance(payload, str) else payload,
        first_began_at=began or time.time(),
        timeout_s=timeout_s,
        claimed=claimed,
    )


async def attempt(adapter: MastodonAdapter, sending: Sending) -> Outcome:
    """One attempt, with its end and its judgement, as the dispatcher makes it."""
    try:
        async with asyncio.timeout(sending.timeout_s):
            return await adapter.publish(sending)
    except Exception as error:
        return classify(error, adapter.classify)


async def preparation(adapter: MastodonAdapter, errand: Errand) -> Outcome | bytes:
    """One preparation, judged in the same way."""
    try:
        async with asyncio.timeout(10):
            return await adapter.prepare(errand)
    except Exception as error:
        return classify(error, adapter.classify)


def is_post(method: str, path: str) -> bool:
    return method == "POST" and path == "/api/v1/statuses"


def by_name(**answers: Any) -> Callable[[Recorded, int], Any]:
    """Answers by the last word of the path, e.g. ``instance``; a function is given the request."""

    def answer(request: Recorded, _status: int) -> Any:
        found = answers.get(request.path.partition("?")[0].rstrip("/").rsplit("/", 1)[-1], {})
        return found(request) if callable(found) else found

    return answer


def a_canned_server(**answers: Any) -> FaultServer:
    """A server without faults; see `by_name`."""
    return FaultServer("200", body=by_name(**answers))
