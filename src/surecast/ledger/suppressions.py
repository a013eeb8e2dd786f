"""The ledger's list of those who must not be written to; read last before every send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from surecast.contact import Medium, masked
from surecast.ledger.database import Database
from surecast.ledger.keyed import hasher


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One entry of the list; of the address itself only a masked form is known.

    Attributes:
        person: the person does not want to be written to, by whatever address; else only this address is of no use.
        at: when it was entered, Unix seconds.
    """

    medium: Medium
    masked: str
    person: bool
    why: str
    at: float


def add(database: Database, addresses: Iterable[tuple[Medium, str]], *, person: bool, why: str, now: float) -> int:
    """Enters addresses, durably; gives how many were new or now say more."""
    with database.transaction(durable=True) as queries:
        hashed = hasher(database)
        changed = 0
        for medium, address in addresses:
            before = queries.suppressed(database.connection, address=hashed(medium, address))
            changed += before is None or bool(person and not before["person"])
            queries.add_suppression(
                database.connection,
                address=hashed(medium, address),
                medium=medium.value,
                masked=masked(address),
                person=int(person),
                why=why,
                at=now,
            )
        return changed


def remove(database: Database, medium: Medium, address: str) -> bool:
    """Takes an address off the list; False when it was not on it."""
    with database.transaction(durable=True) as queries:
        return bool(queries.drop_suppression(database.connection, address=hasher(database)(medium, address)))


def listing(database: Database, most: int) -> tuple[Suppression, ...]:
    """The list, oldest entry first."""
    with database.reading() as queries:
        return tuple(
            Suppression(
                medium=Medium(row["medium"]),
                masked=row["masked"],
                person=bool(row["person"]),
                why=row["why"],
                at=row["at"],
            )
            for row in queries.suppressions(database.connection, most=most)
        )


def holds(database: Database, medium: Medium, address: str) -> bool:
    """Whether an address is on the list."""
    with database.transaction() as queries:
        return queries.suppressed(database.connection, address=hasher(database)(medium, address)) is not None
