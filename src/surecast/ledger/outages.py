"""The ledger's transactions over outages, and over what surecast has to say about them."""

from __future__ import annotations

import json
import secrets
from typing import Any

from surecast.errors import UsageError
from surecast.ledger.broadcasts import ALPHABET
from surecast.ledger.database import Database
from surecast.outage import Notice, Outage, Sort, Stage


def begin(
    database: Database, channel: str, *, began_at: float, why: str, facts: tuple[str, ...], now: float
) -> Outage | None:
    """Enters an outage; None when one of the channel is open already."""
    with database.transaction() as queries:
        row = queries.add_outage(
            database.connection,
            channel=channel,
            began_at=began_at,
            why=why,
            facts=json.dumps(facts, ensure_ascii=False),
            now=now,
        )
    if row is None:
        return None
    return Outage(id=row["id"], channel=channel, began_at=began_at, noticed_at=now, why=why, facts=facts)


def open_now(database: Database) -> tuple[Outage, ...]:
    """The outages that are not over, the oldest first."""
    with database.reading() as queries:
        return tuple(_outage(row) for row in queries.open_outages(database.connection))


def by_id(database: Database, outage: int) -> Outage:
    """One outage."""
    with database.reading() as queries:
        return _outage(queries.outage_by_id(database.connection, id=outage))


def since(database: Database, moment: float) -> tuple[Outage, ...]:
    """The outages that are not over, or ended since then, in the order in which they began."""
    with database.reading() as queries:
        return tuple(_outage(row) for row in queries.outages_since(database.connection, since=moment))


def up_again(database: Database, outage: Outage, up_since: float | None) -> None:
    """Records since when it is well again, or that it is not after all."""
    relapsed = int(up_since is None and outage.up_since is not None)
    with database.transaction() as queries:
        queries.up_again(database.connection, id=outage.id, up_since=up_since, relapsed=relapsed)


def end(database: Database, outage: Outage, now: float) -> bool:
    """Ends an outage; False when another process did. The secondaries' readers are told anew the next time."""
    with database.transaction() as queries:
        ended = bool(queries.end_outage(database.connection, id=outage.id, now=now))
        queries.forget_notes(database.connection, failing=outage.channel)
        return ended


def _outage(row: Any) -> Outage:
    values = {**dict(row), "facts": tuple(json.loads(row["facts"]))}
    return Outage(**values)


# Notices ------------------------------------------------------------------------------------------------------------


def draft(
    database: Database,
    outage: Outage,
    sort: Sort,
    *,
    number: int = 0,
    text: str,
    route: str,
    title: str | None = None,
    url: str | None = None,
    language: str | None = None,
    now: float,
) -> Notice | None:
    """Enters a notice as a draft; None when there is one of this sort and number already."""
    name = "".join(secrets.choice(ALPHABET) for _ in range(5))
    said: dict[str, Any] = {"text": text, "title": title, "url": url, "language": language}
    with database.transaction() as queries:
        added = queries.add_notice(
            database.connection,
            id=name,
            outage=outage.id,
            sort=sort.value,
            number=number,
            announcement=json.dumps(said, ensure_ascii=False),
            route=route,
            state=Stage.DRAFT.value,
            now=now,
        )
    if not added:
        return None
    return Notice(
        id=name, outage=outage.id, sort=sort, number=number, route=route, stage=Stage.DRAFT, created_at=now, **said
    )


def notices(database: Database, outage: int) -> tuple[Notice, ...]:
    """Everything that was, or is to be, said about an outage."""
    with database.reading() as queries:
        return tuple(_notice(row) for row in queries.notices_of(database.connection, outage=outage))


def drafts(database: Database) -> tuple[Notice, ...]:
    """What waits for a person, oldest first."""
    with database.reading() as queries:
        return tuple(_notice(row) for row in queries.notices_in(database.connection, state=Stage.DRAFT.value))


def find(database: Database, name: str) -> Notice:
    """The notice that a person meant, by its id or the beginning of it.

    Raises:
        UsageError: none, or more than one, is meant.
    """
    typed = "".join(sign for sign in name.strip().lower() if sign.isalnum())
    with database.reading() as queries:
        rows = list(queries.notice_like(database.connection, pattern=f"{typed}%"))
    if len(rows) != 1 or not typed:
        which = "More than one draft begins with" if len(rows) > 1 else "No draft is called"
        raise UsageError(f"{which} {name!r}. `surecast drafts` lists them.")
    return _notice(rows[0])


def half_sent(database: Database, before: float) -> tuple[Notice, ...]:
    """What was let go before a moment and is in no broadcast yet: whoever did it must have died."""
    with database.reading() as queries:
        return tuple(_notice(row) for row in queries.half_sent(database.connection, before=before))


def sent_as(database: Database, notice: Notice, broadcast: str) -> None:
    """Records which broadcast carries a notice."""
    with database.transaction() as queries:
        queries.sent_as(database.connection, id=notice.id, broadcast=broadcast)


def decide(database: Database, notice: Notice, stage: Stage, now: float) -> bool:
    """Records that a notice was let go or dropped; False when somebody else decided meanwhile."""
    with database.transaction(durable=True) as queries:
        return bool(
            queries.decide_notice(
                database.connection,
                id=notice.id,
                state=stage.value,
                before=notice.stage.value,
                now=now,
            )
        )


def _notice(row: Any) -> Notice:
    said = json.loads(row["announcement"])
    return Notice(
        id=row["id"],
        outage=row["outage"],
        sort=Sort(row["sort"]),
        number=row["number"],
        route=row["route"],
        stage=Stage(row["state"]),
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        broadcast=row["broadcast"],
        **said,
    )
