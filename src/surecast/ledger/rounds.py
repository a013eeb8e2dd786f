"""The ledger's transactions over what is done from time to time, and over what people were told."""

from __future__ import annotations

from dataclasses import dataclass

from surecast.ledger.database import Database

_CUT_OFF, _CUT_OFF_SINCE = "cut off", "cut off since"
_HEARTBEAT, _HEARTBEAT_FAILS = "heartbeat", "heartbeat fails"
#: Two moments without network within so many seconds belong together.
SAME_CUT_S = 300.0


def take(database: Database, name: str, *, every_s: float, now: float) -> bool:
    """Whether it is time again, and ours to do: of all processes one goes a round."""
    with database.transaction() as queries:
        return bool(queries.take_round(database.connection, name=name, now=now, before=now - every_s))


def last(database: Database, name: str) -> float | None:
    """When it was last done, Unix seconds."""
    with database.reading() as queries:
        row = queries.round_of(database.connection, name=name)
        return None if row is None else float(row["at"])


def put(database: Database, name: str, at: float) -> None:
    """Sets when it was last done."""
    with database.transaction() as queries:
        queries.take_round(database.connection, name=name, now=at, before=float("inf"))


def watcher_seen(database: Database, owner: str, now: float) -> None:
    """Records that a process which watches and delivers is alive."""
    with database.transaction() as queries:
        queries.watcher_seen(database.connection, owner=owner, now=now)


def last_watcher(database: Database) -> float | None:
    """When such a process was last seen, Unix seconds."""
    with database.reading() as queries:
        row = queries.last_watcher(database.connection)
        return None if row is None else row[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """The last time in which this machine reached nobody at all, Unix seconds."""

    since: float
    until: float


def cut_off(database: Database, now: float) -> None:
    """Records that this machine reaches nobody at all now."""
    with database.transaction() as queries:
        last = queries.round_of(database.connection, name=_CUT_OFF)
        if last is None or now - last["at"] > SAME_CUT_S:
            queries.take_round(database.connection, name=_CUT_OFF_SINCE, now=now, before=float("inf"))
        queries.take_round(database.connection, name=_CUT_OFF, now=now, before=float("inf"))


def last_cut_off(database: Database) -> CutOff | None:
    """The last time in which this machine reached nobody at all."""
    until, since = last(database, _CUT_OFF), last(database, _CUT_OFF_SINCE)
    return None if until is None else CutOff(since=until if since is None else since, until=until)


def heartbeat_due(database: Database, *, every_s: float, now: float) -> bool:
    """Whether it is time for a sign of life, and ours to give."""
    return take(database, _HEARTBEAT, every_s=every_s, now=now)


def heartbeat(database: Database, now: float, *, well: bool) -> bool:
    """Records how the last sign of life went, of failures in a row the first; whether that is news."""
    with database.transaction() as queries:
        if well:
            return bool(queries.forget_round(database.connection, name=_HEARTBEAT_FAILS))
        return bool(queries.begin_round(database.connection, name=_HEARTBEAT_FAILS, now=now))


def heartbeat_failed(database: Database) -> bool:
    """Whether the last sign of life did not arrive."""
    return last(database, _HEARTBEAT_FAILS) is not None


def heartbeat_fails_since(database: Database) -> float | None:
    """Since when no sign of life arrives, Unix seconds; None until two in a row did not."""
    since, tried = last(database, _HEARTBEAT_FAILS), last(database, _HEARTBEAT)
    return since if since is not None and tried is not None and tried > since else None


# What people were told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A cause of which people were told.

    Attributes:
        cause: its name, e.g. ``credentials:bluesky``.
        times: how often it came up since.
        broadcast: by which they were told.
    """

    cause: str
    at: float
    last_at: float
    times: int
    broadcast: str | None


def tell(database: Database, cause: str, now: float) -> bool:
    """Whether people are to be told of a cause now: once, until it is over."""
    with database.transaction() as queries:
        fresh = bool(queries.tell(database.connection, cause=cause, now=now))
        if not fresh:
            queries.told_again(database.connection, cause=cause, now=now)
        return fresh


def told_by(database: Database, cause: str, broadcast: str) -> None:
    """Records by which broadcast people were told."""
    with database.transaction() as queries:
        queries.told_by(database.connection, cause=cause, broadcast=broadcast)


def told(database: Database) -> tuple[Told, ...]:
    """The causes that are not over."""
    with database.reading() as queries:
        return tuple(Told(**dict(row)) for row in queries.told_all(database.connection))


def told_of(database: Database, cause: str) -> Told | None:
    """A cause, if people were told of it and it is not over."""
    with database.reading() as queries:
        row = queries.told_of(database.connection, cause=cause)
        return None if row is None else Told(**dict(row))


def over(database: Database, cause: str) -> None:
    """A cause is over: the next time people are told anew."""
    with database.transaction() as queries:
        queries.untell(database.connection, cause=cause)
