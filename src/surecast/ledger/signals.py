"""The ledger's transactions over observations of channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from surecast.ledger.database import Database
from surecast.outcome import RULES, Outcome, Reason, Scope
from surecast.signals import SLOT_S, Answer, Signal, Slot, Source

LONGEST_DETAIL = 200


def record(database: Database, channel: str, signals: Iterable[Signal], now: float) -> None:
    """Takes observations down, in a transaction of their own."""
    with database.transaction():
        for signal in signals:
            note(database, channel, signal, now)


def note(database: Database, channel: str, signal: Signal, now: float) -> None:
    """Takes one observation down. Runs inside the caller's transaction."""
    counts = {answer.value: signal.count if answer is signal.answer else 0 for answer in Answer}
    database.queries.add_signal(
        database.connection,
        channel=channel,
        source=signal.source.value,
        slot=int(now // SLOT_S),
        **counts,
        slow=signal.slow,
        last=signal.answer.value,
        at=now,
        detail=signal.detail[:LONGEST_DETAIL],
    )


def told_by(outcome: Outcome, source: Source) -> Signal | None:
    """What the end of an attempt or a read-back says of its channel; None when it says nothing of it."""
    effect = RULES[outcome.verdict].breaker
    if outcome.scope is not Scope.CHANNEL or effect == "ignores" or outcome.reason in {Reason.OURS, Reason.NO_NETWORK}:
        return None
    answer = Answer.GOOD if effect == "heals" else Answer.BAD
    return Signal(source=source, answer=answer, detail="" if answer is Answer.GOOD else outcome.detail)


def since(database: Database, moment: float) -> Mapping[str, tuple[Slot, ...]]:
    """What was observed since then, by channel, oldest first."""
    with database.reading() as queries:
        by_channel: dict[str, list[Slot]] = {}
        for row in queries.signals_since(database.connection, since=moment):
            by_channel.setdefault(row["channel"], []).append(_slot(row))
    return {channel: tuple(slots) for channel, slots in by_channel.items()}


def of_channel(database: Database, channel: str, since: float) -> tuple[Slot, ...]:
    """What was observed of one channel since then. Runs inside the caller's transaction."""
    return tuple(map(_slot, database.queries.signals_of(database.connection, channel=channel, since=since)))


def _slot(row: Any) -> Slot:
    return Slot(
        source=Source(row["source"]),
        at=row["at"],
        good=row["good"],
        bad=row["bad"],
        slow=row["slow"],
        silent=row["silent"],
        last=Answer(row["last"]),
        detail=row["detail"],
    )
