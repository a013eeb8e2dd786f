"""What the dispatcher needs of the place where it runs; the only difference between the ways to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from surecast.channel import Adapter
from surecast.clock import Clock
from surecast.contact import Contact
from surecast.ledger.database import Ledger
from surecast.policy import Breaker


class Waker(Protocol):
    """Is told that a broadcast may have work; a lost, repeated or reordered word does no harm."""

    def wake(self, broadcast: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an audience.

    Attributes:
        flawed: rows of it in which something was wrong.
        last: the audience is at its end.
    """

    contacts: tuple[Contact, ...]
    flawed: int = 0
    last: bool = False


class AudienceReader(Protocol):
    """Reads an audience from its beginning to its end, off the loop."""

    async def next(self, most: int) -> Part:
        """The contacts of the next rows, at most so many.

        Raises:
            ConfigError: the source cannot be read.
        """
        ...

    async def close(self) -> None:
        """Lets go of the source; called once, whatever happened."""
        ...


class Host(Protocol):
    """Has the adapters of this process, and knows its audiences."""

    async def adapter(self, channel: str) -> Adapter:
        """The channel's adapter, opened.

        Raises:
            Exception: whatever keeps it from opening; classified like any other failure.
        """
        ...

    async def credentials(self, channel: str) -> str:
        """Fingerprint of the channel's secrets; changes when one of them does."""
        ...

    async def cut_off(self, channel: str) -> bool:
        """Whether this machine reaches nobody at all, so that the channel's failing says nothing about its platform."""
        ...

    def audience(self, name: str) -> AudienceReader:
        """An audience, to be read from its beginning.

        Raises:
            ConfigError: there is none of this name.
        """
        ...

    def warm(self, channels: tuple[str, ...]) -> None:
        """Begins to open adapters that may be needed soon; nothing is published."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything the two jobs work with.

    Attributes:
        owner: this process's name on leases, from `ledger.owner.new_owner`.
    """

    ledger: Ledger
    host: Host
    waker: Waker
    clock: Clock
    breaker: Breaker
    owner: str
