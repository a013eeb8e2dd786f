"""Where the reader gets the types of channels from."""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

from surecast.channel import Context, Kind, Limits, Traits
from surecast.errors import UsageError


class Kinds(Protocol):
    """What the module `surecast.channels` offers; a test or a program may bring its own."""

    def names(self) -> tuple[str, ...]:
        """All types, by the names that stand as ``type``."""
        ...

    def load(self, kind: str) -> Kind:
        """The type of this name, or any error."""
        ...


def known_kinds() -> Kinds:
    """The types that are installed."""
    from surecast import channels  # noqa: PLC0415 - the table is wanted only once a file is read

    return channels


def stand_in(name: str) -> Kind:
    """A type for a channel whose own cannot be loaded, so that routes still know the channel; it never sends."""
    traits = Traits(platform=name, limits=Limits(), resend="never")
    return Kind(name=name, traits=traits, settings=type(None), adapter=_refuse)


def _refuse(_settings: Any, context: Context) -> NoReturn:
    raise UsageError(f"The channel {context.name} is misconfigured. See surecast config check.")
