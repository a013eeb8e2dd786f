"""Accepting, finding, deciding, cancelling and forgetting broadcasts, in real files."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests import stories
from tests.ledger.open_files import ME, NOW, OTHER, accept, alive, claimed, open_turn, open_turns, opened, plan, rows

from surecast.errors import LedgerError, UnknownBroadcastError
from surecast.history import Order
from surecast.ledger import batches, broadcasts
from surecast.ledger.broadcasts import Turn
from surecast.ledger.database import Database
from surecast.outcome import Outcome, Reason, Verdict

DAY_S = 86_400.0


# Accepting


def test_an_accepted_plan_comes_back_as_it_was_frozen(tmp_path: Path) -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.MISCONFIGURED, detail="no secret")
    with opened(tmp_path / "ledger.db") as database:
        accepted = accept(database, plan("a & (b | c)", key="cms:1", b=stories.terms("b", skip=skip)))
        assert (accepted.created, accepted.same) == (True, True)
        stored = broadcasts.load(database, accepted.plan.id)
    assert stored.plan == accepted.plan
    assert (stored.state, stored.final, stored.history.facts) == ("pending", False, {})


def test_an_id_has_five_signs_that_cannot_be_mistaken(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        ids = {accept(database, plan(key=f"k{number}")).plan.id for number in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch("[2-9a-hjkmnp-z]{5}", some) for some in ids)


def test_the_same_key_gives_the_first_broadcast_and_says_whether_it_says_the_same(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first = accept(database, plan(key="cms:1"))
        second = accept(database, plan(key="cms:1", at=NOW + 90 * DAY_S))
        other = accept(database, plan(key="cms:1", text="other words"))
    assert [second.plan.id, other.plan.id] == [first.plan.id] * 2
    assert [(some.created, some.same) for some in (second, other)] == [(False, True), (False, False)]


@pytest.mark.parametrize(
    ("again", "created"),
    [
        ({"at": NOW + 600.0}, False),
        ({"at": NOW + 601.0}, True),
        ({"text": "other words"}, True),
        ({"route": "a & b"}, True),
        ({"key": "a key of its own"}, True),
    ],
)
def test_the_same_words_without_a_key_count_once_within_the_window(
    tmp_path: Path, again: dict[str, object], created: bool
) -> None:
    second = plan(**again)  # type: ignore[arg-type]
    with opened(tmp_path / "ledger.db") as database:
        accept(database, plan())
        assert accept(database, second, since=second.created_at - 600.0).created is created


def test_the_same_words_are_sent_once_more_when_asked(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        accept(database, plan())
        assert accept(database, plan(), since=None).created


def test_a_cancelled_announcement_may_be_made_again(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first = accept(database, plan())
        assert broadcasts.cancel(database, first.plan.id, None, NOW + 1)
        assert accept(database, plan(at=NOW + 2), since=NOW - 600).created


def test_the_same_key_from_many_threads_is_one_broadcast(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    results: list[broadcasts.Accepted] = []

    def one() -> None:
        with opened(path) as database:
            results.append(accept(database, plan(key="cms:1")))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert len({result.plan.id for result in results}) == 1
    assert sum(result.created for result in results) == 1


def test_neither_an_announcement_nor_an_order_is_undone_by_a_power_cut(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        flushed: list[str] = []
        database.connection.set_trace_callback(lambda line: flushed.append(line) if "= full" in line else None)
        some = accept(database, plan()).plan
        broadcasts.cancel(database, some.id, None, NOW)
        broadcasts.order(database, some.id, stories.ordered("a", NOW, Order.THERE), None)
    assert len(flushed) == 3


def test_images_are_kept_by_digest_and_a_lost_one_says_what_to_do(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        accept(database, plan(), images={"d1": b"picture"})
        assert broadcasts.image(database, "d1") == b"picture"
        with pytest.raises(LedgerError, match="Send the announcement again"):
            broadcasts.image(database, "d2")


# Finding


def test_a_broadcast_is_found_by_its_id_its_beginning_or_as_the_last(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first = accept(database, plan(key="1")).plan.id
        last = accept(database, plan(key="2")).plan.id
        assert broadcasts.find(database, "last") == last
        assert broadcasts.find(database, f" {first.upper()} ") == first
        unique = next(first[:n] for n in range(1, 6) if not last.startswith(first[:n]))
        assert broadcasts.find(database, unique) == first


@pytest.mark.parametrize("name", ["zzzzz", "", "  ", "%", "_____", "\\"])
def test_a_name_that_means_no_broadcast_says_where_they_are_listed(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / "ledger.db") as database:
        accept(database, plan())
        with pytest.raises(UnknownBroadcastError, match="`surecast status` lists them"):
            broadcasts.find(database, name)


def test_a_beginning_of_two_names_is_not_guessed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for number in range(40):
            accept(database, plan(key=str(number)))
        starts = [row[0] for row in rows(tmp_path / "ledger.db", "select substr(id, 1, 1) from broadcast")]
        twice = next(start for start in starts if starts.count(start) > 1)
        with pytest.raises(UnknownBroadcastError, match="More than one"):
            broadcasts.find(database, twice)


def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        with pytest.raises(UnknownBroadcastError, match="Nothing was broadcast yet"):
            broadcasts.find(database, "last")
        with pytest.raises(UnknownBroadcastError, match="abcde"):
            broadcasts.load(database, "abcde")
        with pytest.raises(UnknownBroadcastError, match="abcde"):
            broadcasts.claim(database, "abcde", ME, NOW, alive)
        assert broadcasts.next_wake(database) is None
        assert broadcasts.last_worker(database) is None


def test_the_list_has_the_newest_first(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        ids = [accept(database, plan("a & b", key=str(number), at=NOW + number)).plan.id for number in range(3)]
        open_turns(database, broadcasts.load(database, ids[2]).plan, "a", "b")
        listed = broadcasts.listing(database, 2, NOW)
    assert [(line.id, line.key, line.owed, line.text) for line in listed] == [
        (ids[2], "2", ("a", "b"), "x"),
        (ids[1], "1", (), "x"),
    ]


# Deciding


def test_only_one_process_decides_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan()).plan
        assert broadcasts.claim(database, some.id, ME, NOW, alive) == 1
        assert broadcasts.claim(database, some.id, OTHER, NOW + 14, alive) is None
        assert broadcasts.claim(database, some.id, OTHER, NOW + 16, alive) == 2, "a lease runs out"


def test_who_died_while_deciding_is_replaced_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan()).plan
        broadcasts.claim(database, some.id, ME, NOW, alive)
        assert broadcasts.due(database, NOW, alive) == ()
        assert broadcasts.due(database, NOW, lambda owner: owner == ME) == (some.id,)
        assert broadcasts.claim(database, some.id, OTHER, NOW, lambda owner: owner == ME) == 2


def test_a_decision_whose_claim_was_lost_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan()).plan
        late = broadcasts.claim(database, some.id, ME, NOW, alive)
        broadcasts.claim(database, some.id, OTHER, NOW + 16, alive)
        assert late is not None
        turn = Turn(channel="a", skip=None, not_before=None)
        assert not broadcasts.settle(
            database, some, late, turns=(turn,), state="missed", final=True, owed=(), wake_at=None, now=NOW + 17
        )
        stored = broadcasts.load(database, some.id)
        assert (stored.state, stored.history.facts, batches.listed(database, some.id)) == ("pending", {}, ())


def test_a_turn_opened_by_two_conductors_is_one_batch_with_one_delivery(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan()).plan
        assert open_turns(database, some, "a") == open_turns(database, some, "a")
    assert rows(tmp_path / "ledger.db", "select count(*) from delivery") == [(1,)]


def test_a_turn_that_is_skipped_waits_until_it_may_be_tried(tmp_path: Path) -> None:
    skip = Outcome(verdict=Verdict.SKIPPED, reason=Reason.BREAKER_OPEN, detail="A is taken as down")
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan()).plan
        epoch = broadcasts.claim(database, some.id, ME, NOW, alive)
        assert epoch is not None
        turn = Turn(channel="a", skip=skip, not_before=NOW + 30)
        broadcasts.settle(
            database, some, epoch, turns=(turn,), state="missed", final=False, owed=("a",), wake_at=None, now=NOW
        )
        facts = broadcasts.load(database, some.id).history.facts["a"]
        assert [(fact.kind, fact.outcome, fact.not_before) for fact in facts] == [
            ("turn", None, None),
            ("ended", skip, NOW + 30),
        ]
        assert broadcasts.due(database, NOW + 29, alive) == ()
        assert broadcasts.due(database, NOW + 30, alive) == (some.id,)
        assert broadcasts.next_wake(database) == NOW + 30


def test_a_wake_up_during_the_decision_is_not_lost(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        epoch = broadcasts.claim(database, some.id, ME, NOW, alive)
        assert epoch is not None
        batches.release(database, claim, None, NOW + 1)  # wakes the conductor, which has read the facts already
        broadcasts.settle(
            database, some, epoch, turns=(), state="pending", final=False, owed=(), wake_at=NOW + 60, now=NOW + 2
        )
        assert broadcasts.due(database, NOW + 2, alive) == (some.id,)


def test_the_key_of_a_delivery_is_the_same_in_every_process_and_another_for_each(tmp_path: Path) -> None:
    some = replace(plan("a & b"), id="abcde")
    keys = {broadcasts.delivery_key(each, channel, 0) for each in (some, replace(some)) for channel in ("a", "b")}
    others = {
        broadcasts.delivery_key(other, "a", 0)
        for other in (replace(some, id="abcdf"), replace(some, created_at=NOW + 1), replace(some, fingerprint="g"))
    }
    assert len(keys) == 2
    assert len(keys | others) == 5


# Orders, and the end


def test_a_cancellation_is_seen_by_everybody_and_counts_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, _ = open_turn(database)
        assert broadcasts.cancel(database, some.id, None, NOW + 1)
        assert not broadcasts.cancel(database, some.id, None, NOW + 2)
        assert broadcasts.load(database, some.id).history.cancelled_at == NOW + 1
        assert broadcasts.due(database, NOW + 2, alive) == (some.id,)


def test_the_order_to_cancel_one_channel_is_a_fact_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, _ = open_turn(database)
        broadcasts.cancel(database, some.id, "a", NOW + 1)
        stored = broadcasts.load(database, some.id)
    assert stored.history.cancelled_at is None
    assert stored.history.facts["a"][-1].order is Order.CANCEL


def test_what_is_over_and_old_is_forgotten_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        old, _ = open_turn(database)
        accept(database, plan(key="young", at=NOW + 80 * DAY_S), images={"d1": b"x"})
        broadcasts.worker_seen(database, ME, NOW)
        before = NOW + 50 * DAY_S
        assert broadcasts.forget(database, before) == 0, "it is not over yet"
        epoch = broadcasts.claim(database, old.id, ME, NOW, alive)
        assert epoch is not None
        broadcasts.settle(database, old, epoch, turns=(), state="reached", final=True, owed=(), wake_at=None, now=NOW)
        assert broadcasts.forget(database, before) == 1
        assert broadcasts.last_worker(database) is None
    counted = "select (select count(*) from {}), (select count(*) from {}), (select count(*) from {})"
    assert rows(tmp_path / "ledger.db", counted.format("broadcast", "batch", "fact")) == [(1, 0, 0)]
    assert rows(tmp_path / "ledger.db", counted.format("delivery", "image", "worker")) == [(0, 1, 0)]


def test_the_last_worker_is_the_one_seen_last(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for owner, at in ((ME, NOW), (OTHER, NOW + 9), (ME, NOW + 5)):
            broadcasts.worker_seen(database, owner, at)
        assert broadcasts.last_worker(database) == NOW + 9


def test_the_version_changes_when_another_connection_wrote(tmp_path: Path) -> None:
    def version(database: Database) -> int:
        return broadcasts.version(database)

    with opened(tmp_path / "ledger.db") as mine, opened(tmp_path / "ledger.db") as other:
        before = version(mine)
        accept(mine, plan(key="1"))
        assert version(mine) == before
        accept(other, plan(key="2"))
        assert version(mine) != before
