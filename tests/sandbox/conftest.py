from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Sandbox
from tests.sandbox.bench import HANDLE, TurnedClock, a_client, a_mastodon

if TYPE_CHECKING:
    from atproto import Client
    from mastodon import Mastodon


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(clock=clock) as running:
        yield running


@pytest.fixture
def bluesky(sandbox: Sandbox) -> Any:
    return sandbox.platforms["bluesky"]


@pytest.fixture
def mastodon(sandbox: Sandbox) -> Any:
    return sandbox.platforms["mastodon"]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Bluesky's SDK, logged in."""
    with a_client(sandbox) as made:
        made.login(HANDLE, "app-password", fetch_bsky_profile=False)
        yield made


@pytest.fixture
def toots(sandbox: Sandbox) -> Iterator[Mastodon]:
    """Mastodon's SDK with an access token."""
    with a_mastodon(sandbox) as made:
        yield made
