"""``[network]``, ``[breaker]`` and ``[people.NAME]``: small tables, each as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from surecast import policy
from surecast.config.channel_terms import more_than_nothing
from surecast.errors import ConfigError
from surecast.settings import setting, web_address
from surecast.transport.network import INDEPENDENT


def _places(value: tuple[str, ...]) -> str:
    wrong = next((each for each in value if not re.fullmatch(r"[^\s:/@]+(:\d{1,5})?", each)), None)
    return "" if wrong is None else f'{wrong!r} is no place. Write host:port, e.g. "www.example.org:443"'


def proxy_address(value: str) -> str:
    """What is wrong with a proxy's address."""
    if not value.startswith(("http://", "https://")):
        return 'it is no proxy address. Write e.g. "http://proxy.example:3128"'
    if "@" in value:
        return "a password must not stand in this file. Set the environment variable HTTPS_PROXY instead"
    return web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """``[network]``: one place for all platforms.

    Attributes:
        use_environment: whether HTTPS_PROXY and its like count; false on simulated platforms.
    """

    proxy: str | None = setting(
        "The web proxy for all platforms.", default=None, example="http://proxy.example:3128", check=proxy_address
    )
    ca_file: Path | None = setting(
        "A file with the certificates to trust instead of the usual ones (PEM).", default=None, example="corp-ca.pem"
    )
    independent: tuple[str, ...] = setting(
        "Places that have nothing to do with the platforms: when none of them and no channel can be reached, this "
        "machine is cut off, and no channel is blamed. An empty list: that is not looked at.",
        default=INDEPENDENT,
        example='["www.example.org:443"]',
        check=_places,
    )
    use_environment: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker(policy.Breaker):
    """``[breaker]``: when a channel that fails is left alone for a while; shared by all processes. In seconds."""

    failures: int = setting("How many failures in a row open it.", default=3, example="3", check=more_than_nothing)
    interval_s: float = setting(
        "How long it stays open before one trial is let through; doubles with every trial that fails.",
        default=30.0,
        example="30s",
        check=more_than_nothing,
    )
    longest_s: float = setting(
        "The longest time between two trials.", default=600.0, example="10 min", check=more_than_nothing
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """``[people.NAME]``: somebody to turn to when a channel needs a person."""

    name: str = setting("What the person is called.", example="Duty manager")
    email: str | None = setting("Their e-mail address.", default=None, example="duty@ferries.example")
    phone: str | None = setting("Their telephone number.", default=None, example="+302100000000")
    via: tuple[Literal["email", "phone"], ...] = setting(
        "How this person is reached, in order; never only by the channel that fails.", default=(), example='["email"]'
    )

    def __post_init__(self) -> None:
        for way in self.via:
            if getattr(self, way) is None:
                raise ConfigError(f'via names {way}, but no {way} is given. Write {way} = "..."')

    def __repr__(self) -> str:
        """Without name and addresses: it may end in a log."""
        return f"{type(self).__name__}(via={self.via!r})"
