"""What the sandbox tests share: a clock turned by hand, and the real SDKs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from surecast.sandbox import Sandbox

if TYPE_CHECKING:
    from atproto import Client
    from mastodon import Mastodon

HANDLE = "ferries.example"
SDK_TIMEOUT_S = 1.0
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


@dataclass
class TurnedClock:
    """A clock turned by hand. It begins now, as the SDK compares tokens with its own clock."""

    moment: float = field(default_factory=time.time)

    def now(self) -> float:
        return self.moment


@contextmanager
def a_client(sandbox: Sandbox) -> Iterator[Client]:
    from atproto import Client, Request

    with closing(Request(timeout=SDK_TIMEOUT_S)) as request:
        yield Client(base_url=sandbox.url("bluesky"), request=request)


@contextmanager
def a_mastodon(sandbox: Sandbox, token: str = "token") -> Iterator[Mastodon]:
    import requests
    from mastodon import Mastodon

    with requests.Session() as session:
        yield Mastodon(
            access_token=token,
            api_base_url=sandbox.url("mastodon"),
            ratelimit_method="throw",
            request_timeout=SDK_TIMEOUT_S,
            session=session,
        )
