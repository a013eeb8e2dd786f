"""Counts anew what the ledger keeps as numbers: every tally must equal the rows that it stands for."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from surecast.crowd import Mark
from surecast.direct import families
from surecast.history import Plan
from surecast.ledger.codec import plan_of

_MARKS = ", ".join(f"sum(mark = {int(mark)}) as {mark.name.lower()}" for mark in Mark)
_BATCH = f"""
    select {_MARKS}, sum(mark = 4 and reason = 'confirmed') as confirmed,
        sum(mark in (1, 2) and spent > 0) as late, sum(spent > 0 and routed = 0) as unrouted
    from direct where batch = ?
"""


def recount(path: Path) -> None:
    """Asserts that all numbers of a ledger are right; to be asked after whatever was done to it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute("select id, plan from broadcast").fetchall():
            _broadcast(connection, row["id"], plan_of(row["plan"]))


def _broadcast(connection: sqlite3.Connection, broadcast: str, plan: Plan) -> None:
    crowds = {row["channel"]: row for row in _all(connection, "select * from crowd where broadcast = ?", broadcast)}
    for channel, crowd in crowds.items():
        _tallies(connection, plan, channel, crowd)
    for family in families(plan):
        _family(connection, [crowds[name] for name in family.alternatives if name in crowds], family.alternatives)
    for roll in _all(connection, "select * from roll where broadcast = ?", broadcast):
        _roll(connection, roll)


def _tallies(connection: sqlite3.Connection, plan: Plan, channel: str, crowd: Mapping[str, Any]) -> None:
    terms = plan.terms[channel]
    counted = 0
    for tally in _all(connection, "select * from tally where crowd = ?", crowd["id"]):
        [real] = _all(connection, _BATCH, tally["batch"])
        kept = {name: tally[name] for name in real.keys()}  # noqa: SIM118 - a row's own keys
        assert kept == {name: real[name] or 0 for name in real.keys()}, (channel, tally["batch"])  # noqa: SIM118
        counted += sum(kept[mark.name.lower()] for mark in Mark)
        _turns(connection, tally, terms.within_s, reroutes=terms.when_unsure == "reroute")
    deliveries = _all(connection, "select recipient from direct where crowd = ?", crowd["id"])
    assert counted == len(deliveries), "every delivery is counted in a tally"
    assert len({row["recipient"] for row in deliveries}) == len(deliveries), "nobody has two deliveries of a channel"
    [spent] = _all(
        connection,
        "select coalesce(sum(amount), 0) as amount from spending where channel = ? and broadcast = ?",
        channel,
        crowd["broadcast"],
    )
    [cost] = _all(connection, "select coalesce(sum(cost), 0) as cost from tally where crowd = ?", crowd["id"])
    assert abs(spent["amount"] - cost["cost"]) < 1e-6, channel
    if terms.costly:
        assert cost["cost"] <= terms.max_cost + 1e-6, "never over the cap"
        assert cost["cost"] > -1e-6


def _turns(connection: sqlite3.Connection, tally: Mapping[str, Any], within_s: float, *, reroutes: bool) -> None:
    """The next end of a turn may be told too early, and never too late."""
    marks = "(1, 2, 5)" if reroutes else "(1, 2)"
    [first] = _all(
        connection,
        f"select min(first_at) as at from direct where batch = ? and spent = 0 and mark in {marks}",
        tally["batch"],
    )
    if first["at"] is not None:
        assert tally["turn_ends_at"] is not None
        assert tally["turn_ends_at"] <= first["at"] + within_s + 1e-6


def _family(connection: sqlite3.Connection, crowds: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    if not crowds:
        return
    marks = ", ".join(str(crowd["id"]) for crowd in crowds)
    [first] = _all(connection, f"select coalesce(sum(first), 0) as first from tally where crowd in ({marks})")
    reached = _all(
        connection,
        "select d.recipient, r.reached, sum(c.bit) as bits from direct d join crowd c on c.id = d.crowd "
        f"join recipient r on r.id = d.recipient where d.crowd in ({marks}) and d.mark = 4 group by d.recipient",
    )
    assert first["first"] == len(reached), "everybody reached is counted once"
    if len(names) > 1:
        family = sum(crowd["bit"] for crowd in crowds)
        assert all(row["reached"] & family == row["bits"] for row in reached)


def _roll(connection: sqlite3.Connection, roll: Mapping[str, Any]) -> None:
    able = _all(connection, "select able, count(*) as contacts from recipient where roll = ? group by able", roll["id"])
    kept = _all(connection, "select able, contacts from ability where roll = ?", roll["id"])
    assert {row["able"]: row["contacts"] for row in kept} == {row["able"]: row["contacts"] for row in able}


def _all(connection: sqlite3.Connection, question: str, *values: object) -> list[Any]:
    return connection.execute(question, values).fetchall()
