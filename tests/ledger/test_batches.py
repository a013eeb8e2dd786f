"""Claims on batches: one worker at a time, intent before the network, and what a worker that lost its claim may do."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests import stories
from tests.ledger.open_files import ME, NOW, OTHER, accept, alive, began, claimed, open_turn, opened, plan, rows
from tests.ledger.test_gates import take

from surecast.channel import Resend
from surecast.history import Action, Fact, Kind
from surecast.ledger import batches, broadcasts, gates
from surecast.ledger.batches import ClaimLostError, Ending
from surecast.ledger.database import Database
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.policy import Breaker

LATER = NOW + 16  # when a lease of now is over
ACCEPTED = Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id="post-1", url="https://a.example/1"))
DOWN = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, detail="no connection")


def the_delivery(database: Database, claim: batches.Claim) -> batches.Delivery:
    [delivery] = batches.work(database, claim).deliveries
    return delivery


def begin(
    database: Database, claim: batches.Claim, fact: Fact | None = None, *, payload: bytes = b"bytes", **given: object
) -> bool:
    until = given.get("needs_until", NOW + 10)
    return batches.begin(
        database,
        claim,
        the_delivery(database, claim),
        (fact or began(),),
        payload=payload,
        needs_until=until,  # type: ignore[arg-type]
        durable=bool(given.get("durable")),
    )


def end(database: Database, claim: batches.Claim, outcome: Outcome, attempt: int = 1, **given: object) -> None:
    fact = Fact(seq=0, channel="a", kind=Kind.ENDED, at=NOW, action=Action.PUBLISH, attempt=attempt, outcome=outcome)
    ending = Ending(fact=fact, judges=outcome, **given)  # type: ignore[arg-type]
    batches.end(
        database, claim, batches.Delivery(id=1, part=0, key="k", payload=None), ending, breaker=Breaker(), now=NOW
    )


def facts(database: Database, broadcast: str) -> list[tuple[str, int, Verdict | None]]:
    found = broadcasts.load(database, broadcast).history.facts.get("a", ())
    return [(fact.kind.value, fact.attempt, fact.outcome.verdict if fact.outcome else None) for fact in found]


# Claims


def test_a_batch_has_one_worker_until_its_lease_ends(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        first = claimed(database, batch)
        assert batches.claim(database, batch, OTHER, NOW + 14, alive) is None
        assert batches.claim(database, batch, ME, NOW + 14, alive) is None, "not even this process a second time"
        assert batches.beat(database, first, NOW + 10)
        assert batches.claim(database, batch, OTHER, LATER, alive) is None, "a heartbeat keeps it"
        second = claimed(database, batch, OTHER, NOW + 26)
        assert second.epoch == first.epoch + 1
        assert not batches.beat(database, first, NOW + 26)


def test_one_of_many_threads_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        _, batch = open_turn(database)
    got: list[str] = []

    def one(owner: str) -> None:
        with opened(path) as database:
            if batches.claim(database, batch, owner, NOW, alive) is not None:
                got.append(owner)

    threads = [threading.Thread(target=one, args=(f"owner {number}",)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_the_batch_of_a_dead_process_is_taken_over_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        claimed(database, batch)
        assert batches.claim(database, batch, OTHER, NOW, lambda owner: owner == ME) is not None


def test_a_batch_that_does_not_exist_is_nobodys(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert batches.claim(database, 7, ME, NOW, alive) is None


@pytest.mark.parametrize(
    ("action", "verdict"),
    [(Action.PUBLISH, Verdict.UNCERTAIN), (Action.PREPARE, Verdict.UNAVAILABLE)],
)
def test_what_a_dead_process_had_begun_is_ended_by_who_takes_over(
    tmp_path: Path, action: Action, verdict: Verdict
) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        begin(database, claimed(database, batch), stories.began("a", NOW, 1, action))
        claimed(database, batch, OTHER, LATER)
        last = broadcasts.load(database, some.id).history.facts["a"][-1]
    assert (last.kind, last.action, last.attempt, last.at) == (Kind.ENDED, action, 1, LATER)
    assert last.outcome is not None
    assert (last.outcome.verdict, last.outcome.reason) == (verdict, Reason.CRASHED)


def test_what_ended_is_not_ended_again(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        begin(database, claim)
        end(database, claim, DOWN)
        batches.release(database, claim, NOW, NOW)
        claimed(database, batch, OTHER)
        assert facts(database, some.id) == [("turn", 0, None), ("began", 1, None), ("ended", 1, DOWN.verdict)]


def test_the_end_of_a_look_with_the_same_number_does_not_hide_a_crash(tmp_path: Path) -> None:
    # A worker that lost its claim may count the same number as the one that took over.
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        late, new = claimed(database, batch), claimed(database, batch, OTHER, LATER)
        begin(database, new)
        look = Fact(
            seq=0,
            channel="a",
            kind=Kind.ENDED,
            at=LATER,
            action=Action.FIND,
            attempt=1,
            look=Look(sighting=Sighting.UNSEEN),
        )
        batches.end(database, late, the_delivery(database, new), Ending(fact=look), breaker=Breaker(), now=LATER)
        claimed(database, batch, ME, LATER + 30)
        crashed = broadcasts.load(database, some.id).history.facts["a"][-1]
    assert (crashed.action, crashed.outcome and crashed.outcome.verdict) == (Action.PUBLISH, Verdict.UNCERTAIN)


def test_a_released_batch_is_due_when_it_was_said_and_the_conductor_looks(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        batches.release(database, claimed(database, batch), NOW + 60, NOW + 1)
        assert broadcasts.due(database, NOW + 1, alive) == (some.id,), "the conductor"
        broadcasts.claim(database, some.id, ME, NOW + 1, alive)
        assert broadcasts.next_wake(database) == NOW + 60
        assert claimed(database, batch, OTHER).epoch == 2


def test_a_wake_up_asked_for_during_the_work_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        broadcasts.cancel(database, some.id, "a", NOW + 1)
        batches.release(database, claim, NOW + 60, NOW + 2)
        [listed] = batches.listed(database, some.id)
        assert (listed.wake_at, listed.owner) == (NOW + 1, None)


# Beginning


def test_the_exact_bytes_are_kept_with_the_intent(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        assert begin(database, claim, payload=b"\x00exact\xff")
        assert the_delivery(database, claim).payload == b"\x00exact\xff"
        assert facts(database, some.id) == [("turn", 0, None), ("began", 1, None)]
        assert begin(database, claim, began(2), payload=b"\x00exact\xff")


def test_who_lost_the_claim_cannot_begin(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        late = claimed(database, batch)
        new = claimed(database, batch, OTHER, LATER)
        with pytest.raises(ClaimLostError, match="took this delivery over"):
            begin(database, late)
        assert facts(database, some.id) == [("turn", 0, None)]
        assert the_delivery(database, new).payload is None


def test_the_lease_outlives_the_attempt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        begin(database, claim, needs_until=NOW + 35)
        [listed] = batches.listed(database, some.id)
        assert listed.lease_until == NOW + 35
        begin(database, claim, began(2), needs_until=NOW + 5)
        [listed] = batches.listed(database, some.id)
        assert listed.lease_until == NOW + 35, "it is never cut"


@pytest.mark.parametrize("channel", [None, "a"])
def test_nothing_is_sent_after_a_person_cancelled(tmp_path: Path, channel: str | None) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        assert begin(database, claim, stories.began("a", NOW, 1, Action.PREPARE)), "preparing publishes nothing"
        broadcasts.cancel(database, some.id, channel, NOW + 1)
        assert not begin(database, claim, began(2))
        assert ("began", 2, None) not in facts(database, some.id)


def test_the_end_of_the_preparation_is_kept_though_the_publish_was_cancelled(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        begin(database, claim, stories.began("a", NOW, 1, Action.PREPARE))
        broadcasts.cancel(database, some.id, None, NOW + 1)
        prepared = Fact(seq=0, channel="a", kind=Kind.ENDED, at=NOW, action=Action.PREPARE, attempt=1)
        delivery = the_delivery(database, claim)
        assert not batches.begin(
            database, claim, delivery, (prepared, began(2)), payload=b"x", needs_until=NOW + 9, durable=False
        )
        assert facts(database, some.id)[-1] == ("ended", 1, None), "nothing is left in the air"


@pytest.mark.parametrize(("resend", "times"), [("never", 1), ("same_key", 0)])
def test_the_intent_survives_a_power_cut_where_nothing_else_would_tell(
    tmp_path: Path, resend: Resend, times: int
) -> None:
    seen: list[str] = []
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        claim = claimed(database, batch)
        database.connection.set_trace_callback(seen.append)
        begin(database, claim, durable=resend == "never")
    assert seen.count("pragma synchronous = full") == times


# Ending


def test_an_end_wakes_the_conductor_and_keeps_the_receipt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        claim = claimed(database, batch)
        begin(database, claim)
        broadcasts.claim(database, some.id, ME, NOW, alive)
        end(database, claim, ACCEPTED)
        assert facts(database, some.id)[-1] == ("ended", 1, Verdict.ACCEPTED)
        assert broadcasts.next_wake(database) == NOW
        assert batches.claimed_remotes(database, claim) == frozenset()
        assert batches.claimed_remotes(database, replace(claim, broadcast="another")) == {"post-1"}
        assert batches.claimed_remotes(database, replace(claim, broadcast="another", channel="b")) == frozenset()


def test_what_was_prepared_too_late_is_kept_for_the_next_attempt(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        claim = claimed(database, batch)
        end(database, claim, DOWN, payload=b"ready")
        assert the_delivery(database, claim).payload == b"ready"


def test_the_late_word_of_a_worker_that_lost_its_claim_is_only_written_down(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some, batch = open_turn(database)
        late = claimed(database, batch)
        begin(database, late)
        new = claimed(database, batch, OTHER, LATER)
        epoch = broadcasts.claim(database, some.id, OTHER, LATER, alive)
        assert epoch is not None
        broadcasts.settle(
            database, some, epoch, turns=(), state="pending", final=False, owed=(), wake_at=NOW + 99, now=LATER
        )
        end(database, late, DOWN)
        end(database, late, DOWN)
        end(database, late, DOWN)
        batches.release(database, late, NOW, LATER)
        assert facts(database, some.id)[-1] == ("ended", 1, Verdict.UNAVAILABLE)
        assert broadcasts.next_wake(database) == NOW + 99, "it wakes nobody"
        assert [listed.owner for listed in batches.listed(database, some.id)] == [OTHER], "it releases nothing"
        assert gates.listing(database) == (), "it is no judge of the channel any more"
        assert batches.beat(database, new, LATER)


def test_the_late_word_of_a_worker_frees_nobody_elses_trial(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        late = claimed(database, batch)
        for _ in range(3):
            end(database, late, DOWN)
        claimed(database, batch, OTHER, LATER)
        assert take(database, OTHER, now=NOW + 31).trial
        end(database, late, DOWN)
        [gate] = gates.listing(database)
        assert gate.trial_owner == OTHER


# Gates follow


def test_failures_in_a_row_open_the_gate_and_an_acceptance_closes_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        claim = claimed(database, batch)
        for count in (1, 2, 3):
            end(database, claim, DOWN, count)
            [gate] = gates.listing(database)
            assert (gate.failures, gate.opened_at) == (count, NOW if count == 3 else None)
        end(database, claim, ACCEPTED, 4)
        [gate] = gates.listing(database)
        assert (gate.failures, gate.opened_at) == (0, None)


def test_a_look_is_no_judge_of_the_gate(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        _, batch = open_turn(database)
        claim = claimed(database, batch)
        look = Fact(
            seq=0,
            channel="a",
            kind=Kind.ENDED,
            at=NOW,
            action=Action.CONFIRM,
            attempt=1,
            look=Look(sighting=Sighting.UNKNOWN),
        )
        batches.end(database, claim, the_delivery(database, claim), Ending(fact=look), breaker=Breaker(), now=NOW)
        assert gates.listing(database) == ()


def test_only_the_facts_of_its_own_channel_are_ended(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        some = accept(database, plan("a & b")).plan
        from tests.ledger.open_files import open_turns

        first, second = open_turns(database, some, "a", "b")
        begin(database, claimed(database, first))
        claimed(database, second)
    assert rows(tmp_path / "ledger.db", "select channel, kind from fact where kind <> 'turn'") == [("a", "began")]
