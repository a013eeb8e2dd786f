"""The ledger's transactions over broadcasts: accept, read, decide, order."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from surecast.crowd import Takes
from surecast.errors import LedgerError, UnknownBroadcastError
from surecast.history import Action, Fact, History, Kind, Order, Plan
from surecast.ledger import crowds, incidents
from surecast.ledger.codec import fact_of, fact_row, plan_of, to_json
from surecast.ledger.database import Database
from surecast.ledger.owner import LEASE_S
from surecast.outcome import PASSES_BY_ITSELF, Outcome

FORGOTTEN_AT_ONCE = 5_000
#: Without 0/o, 1/l/i: an id is read aloud and typed by hand.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of an announcement at the door.

    Attributes:
        created: it is new; else `plan` is that of the first call.
        same: for an old one: whether it says the same.
    """

    plan: Plan
    created: bool
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A broadcast as the ledger holds it at one moment."""

    plan: Plan
    history: History
    state: str
    final: bool
    wake_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn that the conductor opens, with the skip that ends it at once, if one does."""

    channel: str
    skip: Outcome | None
    not_before: float | None


def accept(database: Database, plan: Plan, images: Mapping[str, bytes], *, repeat_since: float | None) -> Accepted:
    """Commits an announcement, durably, unless the ledger has it already.

    Args:
        plan: with an empty id; the ledger gives one.
        images: the bytes of its pictures by digest.
        repeat_since: without a key, the same words on the same route since then are the same announcement; None to
            send once more.
    """
    with database.transaction(durable=True) as queries:
        connection = database.connection
        first = None
        if plan.key is not None:
            first = queries.broadcast_by_key(connection, key=plan.key)
        elif repeat_since is not None:
            first = queries.broadcast_by_content(
                connection, fingerprint=plan.fingerprint, route=plan.route_text, since=repeat_since
            )
        if first is not None:
            same = first["fingerprint"] == plan.fingerprint
            return Accepted(plan=plan_of(first["plan"]), created=False, same=same)
        for digest, data in images.items():
            queries.add_image(connection, digest=digest, data=data, now=plan.created_at)
        for _ in range(100):
            named = replace(plan, id="".join(secrets.choice(ALPHABET) for _ in range(5)))
            added = queries.add_broadcast(
                connection,
                id=named.id,
                key=named.key,
                fingerprint=named.fingerprint,
                route=named.route_text,
                plan=to_json(named),
                created_at=named.created_at,
                expires_at=named.expires_at,
                incident=named.incident,
                purpose=named.purpose,
            )
            if added:
                return Accepted(plan=named, created=True, same=True)
    raise LedgerError("The ledger found no free id. Remove old broadcasts with a shorter `keep`.")


def load(database: Database, broadcast: str) -> Stored:
    """Plan and facts of a broadcast.

    Raises:
        UnknownBroadcastError: when the ledger has none of this id.
    """
    with database.reading() as queries:
        row = queries.broadcast_by_id(database.connection, id=broadcast)
        if row is None:
            raise UnknownBroadcastError(f"No broadcast is called {broadcast!r}. `surecast status` lists them.")
        facts = tuple(map(fact_of, queries.facts_of(database.connection, broadcast=broadcast)))
        planned = plan_of(row["plan"])
        some, rolls = crowds.of_broadcast(database, planned)
        superseded = incidents.superseded_on(database, planned)
    return Stored(
        plan=planned,
        history=History.of(facts, cancelled_at=row["cancelled_at"], crowds=some, rolls=rolls, superseded=superseded),
        state=row["state"],
        final=bool(row["final"]),
        wake_at=row["wake_at"],
    )


def plan(database: Database, broadcast: str) -> Plan:
    """The plan of a broadcast, without what happened since.

    Raises:
        UnknownBroadcastError: when the ledger has none of this id.
    """
    with database.reading() as queries:
        row = queries.broadcast_by_id(database.connection, id=broadcast)
    if row is None:
        raise UnknownBroadcastError(f"No broadcast is called {broadcast!r}. `surecast status` lists them.")
    return plan_of(row["plan"])


def id_of_key(database: Database, key: str) -> str | None:
    """The broadcast that was accepted under a key."""
    with database.reading() as queries:
        row = queries.broadcast_by_key(database.connection, key=key)
        return None if row is None else str(row["id"])


def find(database: Database, name: str) -> str:
    """The id that a person meant: itself, its beginning if only one begins so, or ``last``.

    Raises:
        UnknownBroadcastError: none, or more than one, is meant.
    """
    with database.reading() as queries:
        if name == "last":
            last = queries.last_id(database.connection)
            if last is None:
                raise UnknownBroadcastError("Nothing was broadcast yet from this ledger.")
            return str(last["id"])
        pattern = "".join(f"\\{sign}" if sign in "%_\\" else sign for sign in name.strip().lower()) + "%"
        rows = list(queries.ids_like(database.connection, pattern=pattern))
    if len(rows) != 1 or not name.strip():
        which = "More than one broadcast begins with" if len(rows) > 1 else "No broadcast is called"
        raise UnknownBroadcastError(f"{which} {name!r}. `surecast status` lists them.")
    return str(rows[0]["id"])


def claim(database: Database, broadcast: str, owner: str, now: float, dead: Callable[[str], bool]) -> int | None:
    """The epoch in which `owner` alone may decide, or None while another process does."""
    with database.transaction() as queries:
        held = queries.broadcast_owner(database.connection, id=broadcast)
        if held is None:
            raise UnknownBroadcastError(f"No broadcast is called {broadcast!r}. `surecast status` lists them.")
        gone = held["owner"] if held["owner"] and held["owner"] != owner and dead(held["owner"]) else None
        row = queries.claim_broadcast(
            database.connection, id=broadcast, owner=owner, until=now + LEASE_S, now=now, dead=gone
        )
        return None if row is None else int(row["epoch"])


def settle(
    database: Database,
    plan: Plan,
    epoch: int,
    *,
    turns: tuple[Turn, ...],
    state: str,
    final: bool,
    owed: tuple[str, ...],
    wake_at: float | None,
    now: float,
    unwanted: frozenset[str] = frozenset(),
    takes: Mapping[str, Takes] = MappingProxyType({}),
) -> bool:
    """Commits a decision and ends its claim; False when the claim was lost meanwhile and nothing was written.

    A turn's batch and delivery are unique, so a conductor that ran twice opens nothing twice.
    """
    with database.transaction() as queries:
        connection = database.connection
        before = queries.broadcast_by_id(connection, id=plan.id)
        settled = queries.settle_broadcast(
            connection,
            id=plan.id,
            epoch=epoch,
            state=state,
            final=int(final),
            owed=" ".join(owed),
            wake_at=wake_at,
        )
        if not settled:
            return False
        for turn in turns:
            _open(database, plan, turn, epoch, now)
        crowds.stop(database, plan, unwanted, now)
        crowds.take_over(database, plan, takes, now)
        if final and not before["final"]:
            crowds.tidy_up(database, plan, now)
        return True


def _open(database: Database, plan: Plan, turn: Turn, epoch: int, now: float) -> None:
    connection, db = database.connection, database.queries
    opened = Fact(seq=0, channel=turn.channel, kind=Kind.TURN, at=now)
    db.add_fact(connection, **fact_row(plan.id, opened, epoch=epoch))
    if turn.skip is None or turn.skip.reason in PASSES_BY_ITSELF:
        incidents.supersede(database, plan, turn.channel, now)
    if turn.skip is not None:
        skipped = Fact(
            seq=0,
            channel=turn.channel,
            kind=Kind.ENDED,
            at=now,
            action=Action.PUBLISH,
            outcome=turn.skip,
            not_before=turn.not_before,
        )
        db.add_fact(connection, **fact_row(plan.id, skipped, epoch=epoch))
    wake_at = now if turn.skip is None else turn.not_before
    db.add_batch(connection, broadcast=plan.id, channel=turn.channel, wake_at=wake_at)
    if plan.terms[turn.channel].direct:  # its first batch reads the audience, and makes the others
        crowds.open_turn(database, plan, turn.channel, turn.skip, now)
        return
    batch = db.batch_id(connection, broadcast=plan.id, channel=turn.channel)["id"]
    for part in range(len(plan.posts[turn.channel].parts) if turn.channel in plan.posts else 1):
        key = delivery_key(plan, turn.channel, part)
        db.add_delivery(connection, batch=batch, broadcast=plan.id, channel=turn.channel, part=part, key=key)


def delivery_key(plan: Plan, channel: str, part: int) -> str:
    """Names a delivery for ever: from it comes whatever makes a write idempotent."""
    told = "\0".join([plan.id, plan.fingerprint, repr(plan.created_at), channel, "", str(part)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def cancel(database: Database, broadcast: str, channel: str | None, now: float) -> bool:
    """Ends everything that has not begun, of one channel or of all; False when it was cancelled before."""
    with database.transaction(durable=True) as queries:
        if channel is None:
            changed = bool(queries.cancel_broadcast(database.connection, id=broadcast, now=now))
        else:
            fact = Fact(seq=0, channel=channel, kind=Kind.ORDERED, at=now, order=Order.CANCEL)
            changed = bool(queries.add_fact(database.connection, **fact_row(broadcast, fact)))
        incidents.give_back(database, broadcast, channel, now)
        queries.wake_broadcast(database.connection, id=broadcast, now=now)
        queries.wake_batches(database.connection, broadcast=broadcast, now=now)
        return changed


def order(database: Database, broadcast: str, fact: Fact, remote: str | None) -> None:
    """Records what a person said of a channel's post, and wakes whoever drives the broadcast."""
    with database.transaction(durable=True) as queries:
        queries.add_fact(database.connection, **fact_row(broadcast, fact))
        if remote:
            queries.keep_remote(database.connection, broadcast=broadcast, channel=fact.channel, part=0, remote=remote)
        queries.wake_broadcast(database.connection, id=broadcast, now=fact.at)
        queries.wake_batches(database.connection, broadcast=broadcast, now=fact.at)


def image(database: Database, digest: str) -> bytes:
    """A picture's bytes."""
    with database.reading() as queries:
        row = queries.image_data(database.connection, digest=digest)
    if row is None:
        raise LedgerError("A picture of this announcement is no longer in the ledger. Send the announcement again.")
    return bytes(row["data"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list of broadcasts.

    Attributes:
        purpose: empty for an announcement of the house; else what surecast itself had to say, e.g. ``notice``.
    """

    id: str
    key: str | None
    state: str
    final: bool
    owed: tuple[str, ...]
    created_at: float
    expires_at: float
    text: str
    purpose: str = ""


def listing(database: Database, most: int, now: float) -> tuple[Listed, ...]:
    """The newest broadcasts, newest first; one that expired since it was last looked at counts as over."""
    with database.reading() as queries:
        rows = list(queries.broadcasts(database.connection, most=most))
    return tuple(
        Listed(
            id=row["id"],
            key=row["key"],
            state="missed" if row["state"] == "pending" and now >= row["expires_at"] else row["state"],
            final=bool(row["final"]) or now >= row["expires_at"],
            owed=() if now >= row["expires_at"] else tuple(row["owed"].split()),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            text=next((post.words.text for post in plan_of(row["plan"]).posts.values()), ""),
            purpose=row["purpose"],
        )
        for row in rows
    )


def open_ids(database: Database) -> tuple[str, ...]:
    """Broadcasts in which something may still happen, oldest first."""
    with database.reading() as queries:
        return tuple(row["id"] for row in queries.open_ids(database.connection))


def due(database: Database, now: float, dead: Callable[[str], bool]) -> tuple[str, ...]:
    """Broadcasts for which something is due at `now`, or whose holder died."""
    with database.reading() as queries:
        rows = list(queries.due_broadcasts(database.connection, now=now))
    return tuple(
        dict.fromkeys(
            row["id"]
            for row in rows
            if row["due"] or (row["owner"] and (row["lease_until"] < now or dead(row["owner"])))
        )
    )


def next_wake(database: Database) -> float | None:
    """The nearest moment at which something is due, Unix seconds."""
    with database.reading() as queries:
        row = queries.next_wake(database.connection)
        return None if row is None else row[0]


def version(database: Database) -> int:
    """A number that changes when another process wrote to the ledger."""
    with database.reading():
        return int(database.connection.execute("pragma data_version").fetchone()[0])


def forget(database: Database, before: float) -> int:
    """Drops what is over and older than it is kept, of contacts a part; gives how many broadcasts went."""
    with database.transaction() as queries:
        queries.forget_contacts(database.connection, before=before, most=FORGOTTEN_AT_ONCE)
        gone = int(queries.forget_broadcasts(database.connection, before=before))
        queries.forget_spending(database.connection, day=_day(before))
        queries.forget_images(database.connection, before=before)
        queries.forget_workers(database.connection, before=before)
        return gone


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def worker_seen(database: Database, owner: str, now: float) -> None:
    """Records that a process which delivers what is owed is alive."""
    with database.transaction() as queries:
        queries.worker_seen(database.connection, owner=owner, now=now)


def last_worker(database: Database) -> float | None:
    """When such a process was last seen, Unix seconds."""
    with database.reading() as queries:
        row = queries.last_worker(database.connection)
        return None if row is None else row[0]
