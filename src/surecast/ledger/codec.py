"""Plans, outcomes and looks to JSON and back."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

import msgspec

from surecast.history import Action, Fact, Kind, Order, Plan
from surecast.outcome import Look, Outcome

T = TypeVar("T")


def to_json(value: Any) -> str | None:
    """A value of ours as JSON; None stays None."""
    return None if value is None else msgspec.json.encode(value).decode()


def from_json(text: str | None, kind: type[T]) -> T | None:
    """The value back again."""
    return None if text is None else msgspec.json.decode(text, type=kind)


def plan_of(text: str) -> Plan:
    """A plan as it was frozen."""
    return msgspec.json.decode(text, type=Plan)


def fact_of(row: sqlite3.Row) -> Fact:
    """A row of the table `fact`."""
    return Fact(
        seq=row["seq"],
        channel=row["channel"],
        kind=Kind(row["kind"]),
        at=row["at"],
        action=Action(row["action"]) if row["action"] else None,
        attempt=row["attempt"],
        outcome=from_json(row["outcome"], Outcome),
        look=from_json(row["look"], Look),
        order=Order(row["ordered"]) if row["ordered"] else None,
        not_before=row["not_before"],
    )


def fact_row(broadcast: str, fact: Fact, *, owner: str = "", epoch: int = 0) -> dict[str, Any]:
    """The parameters of `add_fact`; the ledger gives the sequence."""
    return {
        "broadcast": broadcast,
        "channel": fact.channel,
        "kind": fact.kind.value,
        "at": fact.at,
        "action": fact.action.value if fact.action else None,
        "attempt": fact.attempt,
        "outcome": to_json(fact.outcome),
        "look": to_json(fact.look),
        "ordered": fact.order.value if fact.order else None,
        "not_before": fact.not_before,
        "owner": owner,
        "epoch": epoch,
    }
