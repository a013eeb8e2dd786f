"""The errors a caller may see.

Only usage, configuration and ledger errors are raised; whatever a platform does is an `Outcome` in the report.

    SurecastError
    ├── UsageError            the call itself cannot be carried out
    │   ├── RouteError        a route that cannot be read
    │   ├── KeyReusedError    the same key with other content
    │   └── UnknownBroadcastError
    ├── ConfigError           the configuration file; holds every mistake at once
    │   └── SecretMissingError
    └── LedgerError           the ledger cannot be opened, read or written
        ├── LedgerBusyError
        └── LedgerTooNewError
"""

from __future__ import annotations

from dataclasses import dataclass


class SurecastError(Exception):
    """The family; its text is a sentence that tells the person what to do next."""


class UsageError(SurecastError):
    """The call cannot be carried out as it was made."""


class RouteError(UsageError):
    """A route expression that cannot be read; the text shows the line to write instead."""


class KeyReusedError(UsageError):
    """A key that already stands for an announcement with other content."""


class UnknownBroadcastError(UsageError):
    """No broadcast in the ledger has this id."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration.

    Attributes:
        place: file, line and table, e.g. ``surecast.toml:12 [channels.bluesky] handle``.
        what: what is wrong there.
        cure: what to write instead.
    """

    place: str
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.cure}"


class ConfigError(SurecastError):
    """The configuration cannot be used; `mistakes` holds all of them."""

    def __init__(self, message: str, mistakes: tuple[Mistake, ...] = ()) -> None:
        super().__init__("\n".join([message, *map(str, mistakes)]))
        self.mistakes = mistakes


class SecretMissingError(ConfigError):
    """A secret's reference leads to nothing."""


class LedgerError(SurecastError):
    """The ledger cannot be opened, read or written.

    Attributes:
        broadcast: the id of the announcement that had been accepted before; None when nothing was, nor was sent.
    """

    broadcast: str | None = None


class LedgerBusyError(LedgerError):
    """Another process holds the ledger's write lock for too long."""


class LedgerTooNewError(LedgerError):
    """The ledger was written by a newer surecast."""
