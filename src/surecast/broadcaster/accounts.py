"""What the ledger knows of a broadcast and of the channels, read in one visit to its thread.

Every visit may wait for others, and a busy interpreter lets another thread in only after milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from surecast.ledger import batches, broadcasts, gates, signals
from surecast.ledger.batches import Listed
from surecast.ledger.broadcasts import Stored
from surecast.ledger.database import Database
from surecast.ledger.owner import proven_dead
from surecast.policy import Gate
from surecast.signals import KEPT_S, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was observed of the channels."""

    gates: tuple[Gate, ...]
    slots: Mapping[str, tuple[Slot, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One broadcast.

    Attributes:
        stored: plan and facts.
        in_hand: somebody works on a part of it, who is not known to be dead.
        worker_seen_at: when a process that delivers what is owed was last seen, Unix seconds; None for never.
    """

    stored: Stored
    observed: Observed
    in_hand: bool
    worker_seen_at: float | None


def observed(database: Database, now: float) -> Observed:
    """What was observed of the channels and still says something."""
    return Observed(gates=gates.listing(database), slots=signals.since(database, now - KEPT_S))


def in_hand(listed: Iterable[Listed]) -> bool:
    """Whether somebody works on one of these batches, who is not known to be dead."""
    return any(batch.owner is not None and not proven_dead(batch.owner) for batch in listed)


def account(database: Database, name: str, now: float) -> Account:
    """A broadcast, by its name as a person types it.

    Raises:
        UnknownBroadcastError: no broadcast is meant by it, or several.
    """
    found = broadcasts.find(database, name)
    return Account(
        stored=broadcasts.load(database, found),
        observed=observed(database, now),
        in_hand=in_hand(batches.listed(database, found)),
        worker_seen_at=broadcasts.last_worker(database),
    )
