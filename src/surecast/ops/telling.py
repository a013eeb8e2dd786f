"""How the people in charge are told: through what, and with what in every message."""

from __future__ import annotations

from typing import Protocol, Unpack

from surecast.broadcaster.desk import Desk
from surecast.config.values import Config
from surecast.text.messages import MessageValues


class Tells(Protocol):
    """Tells the people in charge."""

    async def tell(
        self, cause: str, message: str, *, failing: str | None = None, **values: Unpack[MessageValues]
    ) -> bool:
        """Tells of a cause, once until it is over; whether that was done now."""
        ...

    async def over(self, cause: str) -> None:
        """A cause is over."""
        ...


def tries_again(platform: str) -> str:
    """What surecast does by itself about a platform that counts as down."""
    return f"It tries {platform} again by itself, less and less often."


class Teller:
    """Tells the people in charge of one house, in its name and in its time.

    Args:
        people: tells each of them once for each cause.
    """

    def __init__(self, desk: Desk, config: Config, people: Tells) -> None:
        self._desk = desk
        self._config = config
        self._people = people

    async def tell(
        self, cause: str, message: str, *, failing: str | None = None, **values: Unpack[MessageValues]
    ) -> bool:
        """Tells of a cause, once until it is over; whether that was done now. See `Tells`."""
        filled: MessageValues = {
            "sender": self._config.sender,
            "time_zone": self._config.time_zone,
            "now": self._desk.clock.now(),
            **values,
        }
        return await self._people.tell(cause, message, failing=failing, **filled)

    async def over(self, cause: str) -> None:
        """A cause is over."""
        await self._people.over(cause)

    def platform(self, name: str) -> str:
        """What people know a channel by; its name, where it is no longer configured."""
        channel = self._config.channels.get(name)
        return name if channel is None else channel.kind.traits.platform
