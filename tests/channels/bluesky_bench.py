"""What the Bluesky tests share: an adapter on a loopback server, and the way in which it is driven."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds

from surecast.channel import Context, Errand, Limits, Part, Picture, Post, Sending, Words
from surecast.channels._bluesky_record import write_request
from surecast.channels.bluesky import LIMITS, Bluesky, Settings
from surecast.outcome import Outcome
from surecast.secret import Secret
from surecast.transport.classify import classify

MOMENT = 1_700_000_000.25
PASSWORD = "harbour-pass-1234"
TIMEOUT_S = 5.0


def is_write(_method: str, path: str) -> bool:
    """Picks the write alone, for a `FaultServer`."""
    return "com.atproto.repo.putRecord" in path


def is_login(_method: str, path: str) -> bool:
    return "com.atproto.server.createSession" in path


def methods(requests: list[Recorded]) -> list[str]:
    """The API methods of recorded requests, by their last word."""
    return [request.path.partition("?")[0].rpartition(".")[2] for request in requests]


@dataclass
class MemorySessions:
    """A session store in memory, shared by the adapters that are given the same one."""

    stored: str | None = None
    saves: int = 0
    broken: Exception | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self) -> str | None:
        return self.stored

    async def save(self, session: str) -> None:
        if self.broken:
            raise self.broken
        self.stored = session
        self.saves += 1

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        async with self.lock:
            yield

    @property
    def tokens(self) -> list[str]:
        """The parts of the stored session: handle, DID, access token, refresh token, server."""
        assert self.stored is not None
        return str(json.loads(self.stored)["session"]).split(":::")

    def change(self, *, access: str = "", refresh: str = "", service: str = "") -> None:
        """Puts other tokens or another address into the stored session."""
        assert self.stored is not None
        kept = json.loads(self.stored)
        parts = self.tokens
        parts[2:4] = [access or parts[2], refresh or parts[3]]
        kept["session"] = ":::".join(parts)
        kept["service"] = service or kept["service"]
        self.stored = json.dumps(kept)

    def copy(self) -> MemorySessions:
        return MemorySessions(stored=self.stored)


@dataclass
class Writer:
    """An account on a test server."""

    pds: Pds
    handle: str
    did: str
    sessions: MemorySessions = field(default_factory=MemorySessions)

    @staticmethod
    def on(pds: Pds, name: str) -> Writer:
        handle = f"bsky-{name}.test"  # the server is shared with other tests
        return Writer(pds, handle, pds.create_account(handle, PASSWORD))

    def adapter(
        self,
        service: str = "",
        *,
        sessions: MemorySessions | None = None,
        password: str = PASSWORD,
        appview: str | None = None,
        handle: str = "",
    ) -> Bluesky:
        """An adapter of this account; by default on the server itself, with the writer's shared session."""
        settings = Settings(
            handle=handle or self.handle,
            app_password=Secret.of(password),
            service=service or self.pds.url,
            appview=appview,
        )
        return Bluesky(settings, a_context(self.sessions if sessions is None else sessions))

    async def log_in(self) -> MemorySessions:
        """The sessions of an account that has logged in."""
        if self.sessions.stored is None:
            await using(self.adapter(), lambda adapter: adapter.prepare(an_errand("hello")))
        return self.sessions

    async def at(self, server: FaultServer, *, access: str = "", refresh: str = "") -> Bluesky:
        """An adapter that talks to `server` and is logged in already, if need be with these tokens."""
        sessions = (await self.log_in()).copy()
        sessions.change(service=server.url, access=access, refresh=refresh)
        return self.adapter(server.url, sessions=sessions)

    @property
    def payload(self) -> bytes:
        """The body of a write that nobody prepared."""
        record = {"$type": "app.bsky.feed.post", "text": "Ferry 12", "createdAt": "2023-11-14T22:13:20.250Z"}
        return write_request(self.did, "3ke6kg4666kks", record)

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.pds.posts(self.did)


def a_context(sessions: MemorySessions) -> Context:
    return Context(
        name="bluesky",
        sessions=sessions,
        sender="Harbour Ferries",
        language="en",
        time_zone="UTC",
        use_environment=False,
    )


def an_errand(
    text: str,
    *,
    key: str = "b1/bluesky",
    pictures: tuple[tuple[bytes, Picture], ...] = (),
    limits: Limits = LIMITS,
    created_at: float = MOMENT,
    **words: str,
) -> Errand:
    data = {picture.digest: image for image, picture in pictures}

    async def image(digest: str) -> bytes:
        return data[digest]

    post = Post(
        parts=(Part(text=text),),
        words=Words(text=text, **words),  # type: ignore[arg-type]
        language="en",
        sender="Harbour Ferries",
        limits=limits,
        pictures=tuple(picture for _, picture in pictures),
    )
    return Errand(key=key, post=post, part=0, created_at=created_at, expires_at=created_at + 86_400, image=image)


def a_picture(name: str, *, width: int = 64, height: int = 48, noise: bool = False) -> tuple[bytes, Picture]:
    """A JPEG and what the ledger knows of it; `noise` makes it as large as its size allows."""
    import os

    from PIL import Image

    if noise:
        image = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    else:
        image = Image.new("RGB", (width, height), (sum(name.encode()) % 256, 90, 120))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=100 if noise else 85)
    picture = Picture(digest=name, media_type="image/jpeg", alt=f"Picture of {name}", width=width, height=height)
    return file.getvalue(), picture


def a_sending(payload: bytes, *, timeout_s: float = TIMEOUT_S) -> Sending:
    return Sending(key="b1/bluesky", payload=payload, first_began_at=MOMENT, timeout_s=timeout_s)


async def publish(adapter: Bluesky, payload: bytes, timeout_s: float = TIMEOUT_S) -> Outcome:
    """One attempt, as it is driven in earnest: a total time-out around it, and what it raises is classified."""
    try:
        async with asyncio.timeout(timeout_s):
            return await adapter.publish(a_sending(payload, timeout_s=timeout_s))
    except BaseException as error:
        logging.getLogger("surecast.test").exception("this attempt failed")
        return classify(error, own=adapter.classify)


async def outcome_of(adapter: Bluesky, call: Awaitable[Any]) -> Outcome:
    """What the failure of `call` is classified as."""
    try:
        await call
    except Exception as error:
        return classify(error, own=adapter.classify)
    raise AssertionError("it did not fail")


async def using(adapter: Bluesky, work: Callable[[Bluesky], Awaitable[Any]]) -> Any:
    """Opens the adapter, lets `work` use it, and closes it."""
    await adapter.open()
    try:
        return await work(adapter)
    finally:
        await adapter.close()


def going(adapter: Bluesky, work: Callable[[Bluesky], Awaitable[Any]]) -> Any:
    """`using` in an event loop of its own."""
    return asyncio.run(using(adapter, work))
