"""Announcements of one incident: on each channel the newest one takes the place of what older ones are still owed.

Everything here runs inside the caller's transaction.
"""

from __future__ import annotations

from surecast.history import Plan
from surecast.ledger.database import Database


def supersede(database: Database, plan: Plan, channel: str, now: float) -> None:
    """An announcement has its turn on a channel; whoever is owed there an older one of its incident looks again."""
    if plan.incident is None:
        return
    connection, db = database.connection, database.queries
    before = db.newest_of(connection, incident=plan.incident, channel=channel)
    db.put_newest(connection, incident=plan.incident, channel=channel, broadcast=plan.id, created_at=plan.created_at)
    if before is not None and before["broadcast"] != plan.id:
        _look_again(database, before["broadcast"], channel, now)


def superseded_on(database: Database, plan: Plan) -> frozenset[str]:
    """Channels on which a newer announcement of the same incident had its turn."""
    if plan.incident is None:
        return frozenset()
    rows = database.queries.superseded_on(
        database.connection, incident=plan.incident, created_at=plan.created_at, broadcast=plan.id
    )
    return frozenset(row["channel"] for row in rows)


def give_back(database: Database, broadcast: str, channel: str | None, now: float) -> None:
    """An announcement will not be posted after all, on one channel or on all: the one before it is wanted again."""
    connection, db = database.connection, database.queries
    row = db.incident_of(connection, id=broadcast)
    if row is None or row["incident"] is None:
        return
    db.drop_newest(connection, broadcast=broadcast, channel=channel)
    newest = {
        each["channel"]: each
        for each in db.turns_of_incident(connection, incident=row["incident"], channel=channel, broadcast=broadcast)
    }
    for name, each in newest.items():
        known = db.newest_of(connection, incident=row["incident"], channel=name)
        if known is None:
            db.put_newest(
                connection,
                incident=row["incident"],
                channel=name,
                broadcast=each["broadcast"],
                created_at=each["created_at"],
            )
            _look_again(database, each["broadcast"], name, now)


def _look_again(database: Database, broadcast: str, channel: str, now: float) -> None:
    database.queries.wake_broadcast(database.connection, id=broadcast, now=now)
    database.queries.wake_batch_of(database.connection, broadcast=broadcast, channel=channel, now=now)
