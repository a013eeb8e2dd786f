"""What is known of a broadcast, in one visit to the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.open_files import NOW, claimed, open_turn, opened

from surecast.broadcaster.accounts import account
from surecast.errors import UnknownBroadcastError
from surecast.ledger import batches, broadcasts, gates, signals
from surecast.ledger.owner import new_owner
from surecast.signals import KEPT_S, Answer, Signal, Source


def test_it_tells_what_happened_and_what_was_seen_of_the_channels(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        plan, _ = open_turn(database)
        gates.isolate(database, "a", until=None, why="a pause", now=NOW)
        signals.record(database, "b", (Signal(source=Source.PROBE, answer=Answer.GOOD),), NOW)
        broadcasts.worker_seen(database, "somebody", NOW - 5)
        found = account(database, plan.id, NOW)
        assert found.stored == broadcasts.load(database, plan.id)
        assert [(gate.channel, gate.isolated_why) for gate in found.observed.gates] == [("a", "a pause")]
        assert list(found.observed.slots) == ["b"]
        assert found.worker_seen_at == NOW - 5
        assert account(database, plan.id, NOW + KEPT_S + 600).observed.slots == {}, "that says nothing any more"


@pytest.mark.parametrize("alive", [True, False], ids=["alive", "dead"])
def test_it_is_in_hand_while_whoever_works_on_it_is_not_known_to_be_dead(tmp_path: Path, alive: bool) -> None:
    me = new_owner()
    host, namespace, *_ = me.split(":")
    holder = me if alive else f"{host}:{namespace}:4194304:1:x"  # above the highest id that a process can have
    with opened(tmp_path / "ledger.db") as database:
        plan, batch = open_turn(database)
        assert not account(database, plan.id, NOW).in_hand
        claim = claimed(database, batch, holder)
        assert account(database, plan.id, NOW).in_hand is alive
        batches.release(database, claim, None, NOW)
        assert not account(database, plan.id, NOW).in_hand


def test_a_name_that_means_nothing_is_an_error(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database, pytest.raises(UnknownBroadcastError):
        account(database, "nobody", NOW)
