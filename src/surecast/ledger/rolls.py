"""The ledger's transactions over rolls: an audience as a broadcast finds it, taken down part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from surecast.contact import Contact, Medium, masked
from surecast.crowd import Roll
from surecast.history import Plan
from surecast.ledger.database import Database
from surecast.ledger.keyed import hasher
from surecast.ledger.owner import LEASE_S

TIDY = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RollClaim:
    """The right to read an audience onto a roll."""

    roll: int
    epoch: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One direct channel, as far as a roll needs to know it: its bit, its medium, and the one address that is meant.

    Attributes:
        limit: at most so many contacts.
    """

    bit: int
    medium: Medium
    only: str = ""
    limit: int | None = None


def claim(
    database: Database, broadcast: str, audience: str, *, owner: str, now: float, dead: Callable[[str], bool]
) -> RollClaim | None:
    """The right to read an audience, or None while another process does; a complete roll needs no reading."""
    with database.transaction() as queries:
        connection = database.connection
        row = queries.roll_of(connection, broadcast=broadcast, audience=audience)
        if row["complete"]:
            return RollClaim(roll=row["id"], epoch=row["epoch"], complete=True)
        held = row["owner"]
        gone = held if held and held != owner and dead(held) else None
        got = queries.claim_roll(connection, id=row["id"], owner=owner, until=now + LEASE_S, now=now, dead=gone)
        if got is None:
            return None
        queries.restart_roll(connection, id=row["id"])
        return RollClaim(roll=row["id"], epoch=got["epoch"], complete=False)


def keep(database: Database, claimed: RollClaim, now: float) -> None:
    """Holds the right for longer: a source may be slow."""
    with database.transaction() as queries:
        queries.keep_roll(database.connection, id=claimed.roll, epoch=claimed.epoch, until=now + LEASE_S)


def free(database: Database, claimed: RollClaim) -> None:
    """Ends the right; what was read stays."""
    with database.transaction() as queries:
        queries.free_roll(database.connection, id=claimed.roll, epoch=claimed.epoch)


def take_down(
    database: Database,
    claimed: RollClaim,
    contacts: Sequence[Contact],
    reaches: Sequence[Reach],
    *,
    flawed: int,
    last: bool,
    now: float,
) -> bool:
    """Adds a part of an audience to its roll; False when the right was lost meanwhile.

    Contacts that are on it already stay as they were: the audience may be read again after a crash.

    Args:
        reaches: the direct channels over the audience.
        flawed: rows of this part in which something was wrong.
        last: the audience is at its end.
    """
    with database.transaction() as queries:
        connection = database.connection
        roll = queries.roll_by_id(connection, id=claimed.roll)
        if roll["epoch"] != claimed.epoch:
            return False
        above = roll["numbered"]
        rows, unable = _rows(database, claimed.roll, contacts, reaches, above)
        limit = min((reach.limit for reach in reaches if reach.limit is not None), default=None)
        seen = 0
        while rows[seen:]:
            room = len(rows) if limit is None else _room(database, claimed.roll, limit)
            added = rows[seen : seen + room]
            if not added:
                last = True
                break
            queries.add_recipients(connection, added)
            for able in list(queries.able_since(connection, roll=claimed.roll, number=above + seen)):
                queries.add_ability(connection, roll=claimed.roll, able=able["able"], contacts=able["contacts"])
            seen += len(added)
        queries.read_on_roll(
            connection,
            id=claimed.roll,
            numbered=above + seen,
            seen=seen,
            unable=unable,
            flawed=flawed,
            complete=int(last or (limit is not None and _room(database, claimed.roll, limit) == 0)),
            until=now + LEASE_S,
        )
        return True


def _room(database: Database, roll: int, limit: int) -> int:
    """How many more contacts a limit leaves; repetitions do not count."""
    return max(0, limit - int(database.queries.contacts_on(database.connection, roll=roll)["contacts"]))


def _rows(
    database: Database, roll: int, contacts: Sequence[Contact], reaches: Sequence[Reach], above: int
) -> tuple[list[dict[str, Any]], int]:
    """The contacts as rows, and how many of them none of the channels can reach."""
    hashed = hasher(database)
    encode = msgspec.json.encode
    only = {reach.only for reach in reaches} - {""}
    rows: list[dict[str, Any]] = []
    unable = 0
    for contact in contacts:
        able = sum(reach.bit for reach in reaches if contact.reachable(reach.medium))
        hashes = {medium: hashed(medium, address) for medium, address in contact.addresses.items()}
        unable += not able
        if not able or (only and not any(str(each) in only for each in hashes.values())):
            continue
        rows.append(
            {
                "roll": roll,
                "number": above + len(rows) + 1,
                "contact": hashed("contact", contact.key),
                "able": able,
                "phone": hashes.get(Medium.PHONE),
                "email": hashes.get(Medium.EMAIL),
                "telegram": hashes.get(Medium.TELEGRAM),
                "time_zone": contact.time_zone,
                "language": contact.language,
                "masked": encode({medium: masked(address) for medium, address in contact.addresses.items()}).decode(),
                "person": encode([contact.name, contact.addresses]).decode(),
            }
        )
    return rows, unable


def tidy(database: Database, plan: Plan, audience: str, above: int) -> int | None:
    """Empties names and addresses that nobody needs, in a part of a roll; gives where to go on, None at its end.

    Nobody needs those of contacts who were reached, or whom nobody writes to any more as readers were reached
    elsewhere. Those of missed and unsure ones stay until the announcement is forgotten.
    """
    with database.transaction() as queries:
        connection = database.connection
        roll = queries.roll_of(connection, broadcast=plan.id, audience=audience)
        if roll is None or above >= roll["numbered"]:
            return None
        row = queries.broadcast_by_id(connection, id=plan.id)
        reached = row["state"] in {"reached", "rerouted"}
        upto = above + TIDY
        queries.tidy_recipients(connection, roll=roll["id"], above=above, upto=upto, needless=int(reached))
        return upto


def of_broadcast(database: Database, broadcast: str) -> Mapping[str, Roll]:
    """The rolls of a broadcast by audience. Runs inside a transaction."""
    queries, connection = database.queries, database.connection
    rolls = list(queries.rolls_of(connection, broadcast=broadcast))
    able: dict[int, dict[int, int]] = {}
    for row in list(queries.abilities_of(connection, broadcast=broadcast)) if rolls else ():
        able.setdefault(row["roll"], {})[row["able"]] = row["contacts"]
    return {
        row["audience"]: Roll(
            complete=bool(row["complete"]),
            able=able.get(row["id"], {}),
            flawed=row["flawed"],
            unable=row["unable"],
            duplicates=max(0, row["seen"] - sum(able.get(row["id"], {}).values())),
        )
        for row in rolls
    }
