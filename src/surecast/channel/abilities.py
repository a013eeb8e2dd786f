"""What an adapter must be able to do, and what it may be able to do besides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from surecast.channel.post import Errand, Sending
from surecast.channel.traits import Traits
from surecast.outcome import Look, Outcome, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a probe found, in words for people; nothing was published.

    Attributes:
        outcome: what a post would have ended with; None where all is well, or something else is to be put right.
    """

    ok: bool
    detail: str
    outcome: Outcome | None = None


class SessionStore(Protocol):
    """Where an adapter keeps a renewable platform session: encrypted, and shared by all processes."""

    async def load(self) -> str | None:
        """The stored session, or None when there is none that can be read."""
        ...

    async def save(self, session: str) -> None:
        """Stores a session in place of the one before."""
        ...

    def renewing(self) -> AbstractAsyncContextManager[None]:
        """Holds the only right, over all processes, to renew the session; load again inside."""
        ...


class Adapter(Protocol):
    """The contract of every channel: translate, and send once.

    No retry, no sleep, no ledger, no cutting of text: an adapter does one thing when told. What it raises is
    classified in one place; `classify` adds the platform's own codes to that.
    """

    traits: Traits

    async def open(self) -> None:
        """Loads the SDK, in a thread because that takes long, and builds the client; no traffic."""
        ...

    async def prepare(self, errand: Errand) -> bytes:
        """The exact payload (uploads, look-ups, live limits); repeatable, publishes nothing."""
        ...

    async def publish(self, sending: Sending) -> Outcome:
        """Sends the payload once."""
        ...

    def classify(self, error: BaseException) -> Outcome | None:
        """The outcome of an error that only this platform explains; None leaves it to the common rules."""
        ...

    async def close(self) -> None:
        """Ends connections; never waits for a hung call."""
        ...


@runtime_checkable
class Finds(Protocol):
    """Can look up with our credentials whether a delivery is there."""

    async def find(self, sending: Sending) -> Look: ...


@runtime_checkable
class Confirms(Protocol):
    """Can see in public, without our credentials, whether a post is visible."""

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look: ...


@runtime_checkable
class Retracts(Protocol):
    """Can take a post back."""

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome: ...


@runtime_checkable
class Receipts(Protocol):
    """Can learn later, of many deliveries at once, whether they arrived."""

    def receipts(self, since: float, timeout_s: float) -> AsyncIterator[Sequence[tuple[str, Outcome]]]:
        """What became of all that was sent since a moment, page by page: receipt ids with their outcomes.

        An outcome is CONFIRMED, or INVISIBLE with scope `recipient`; what is still on its way is left out.

        Args:
            since: Unix seconds.
            timeout_s: of each page, in seconds.
        """
        ...


@runtime_checkable
class Probes(Protocol):
    """Can tell whether credentials and platform work without publishing anything."""

    async def probe(self, timeout_s: float) -> Probed: ...
