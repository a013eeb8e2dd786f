"""The gate of a channel: one breaker for all processes, and one trial."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.ledger.open_files import ME, NOW, OTHER, claimed, open_turn, opened, running

from surecast.clock import hours_minutes
from surecast.ledger import batches, gates
from surecast.ledger.database import Database
from surecast.policy import Gate, Passage

SHUT = Gate(channel="a", failures=3, opened_at=NOW - 10, open_until=NOW + 20, interval_s=30.0, reason="unavailable")


def take(
    database: Database,
    owner: str = ME,
    *,
    now: float = NOW,
    credentials: str = "s1",
    ordered: bool = False,
    retry: bool = False,
) -> Passage:
    return gates.take(
        database, "a", owner, now=now, trial_s=15.0, credentials=credentials, ordered=ordered, retry=retry
    )


def shut(database: Database, gate: Gate = SHUT) -> None:
    with database.transaction():
        gates.put(database, gate)


def test_a_gate_that_nothing_is_known_of_is_open(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert take(database) == Passage(go=True)
        assert take(database, OTHER) == Passage(go=True)
        assert gates.listing(database) == (), "and nothing is known of it now"


def test_what_is_put_is_read_back(tmp_path: Path) -> None:
    whole = replace(SHUT, credentials="s1", isolated_until=NOW + 5, trial_owner=ME, trial_until=NOW + 9)
    with opened(tmp_path / "ledger.db") as database:
        shut(database, whole)
        assert gates.listing(database) == (whole,)
        assert gates.read(database, "a") == whole
        assert gates.read(database, "unknown") == Gate(channel="unknown")


def test_during_its_rest_nobody_goes(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database)
        assert take(database) == Passage(go=False, not_before=NOW + 20, interval_s=30.0)


def test_after_its_rest_one_goes_and_the_others_wait_for_the_trial(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database)
        assert take(database, now=NOW + 20) == Passage(go=True, trial=True)
        behind = Passage(go=False, not_before=NOW + 35, on_trial=True, interval_s=30.0)
        assert take(database, OTHER, now=NOW + 21) == behind
        assert take(database, OTHER, now=NOW + 35) == Passage(go=True, trial=True), "the trial's process died"


@pytest.mark.parametrize(
    ("stored", "in_use", "goes"), [("s1", "s2", True), ("s1", "s1", False), ("", "s2", False), ("s1", "", True)]
)
def test_a_gate_shut_over_a_refused_login_tries_another_secret_at_once(
    tmp_path: Path, stored: str, in_use: str, goes: bool
) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, replace(SHUT, credentials=stored))
        assert take(database, credentials=in_use).go is goes


def test_a_persons_order_goes_through_a_shut_gate_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database)
        assert take(database, ordered=True) == Passage(go=True, trial=True)
        behind = Passage(go=False, not_before=NOW + 20, on_trial=True, interval_s=30.0)
        assert take(database, OTHER, ordered=True) == behind


@pytest.mark.parametrize("gate", [Gate(channel="a"), SHUT])
def test_what_a_person_isolated_nobody_passes_not_even_by_order(tmp_path: Path, gate: Gate) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, replace(gate, isolated_until=NOW + 60))
        assert take(database, ordered=True) == Passage(go=False, not_before=NOW + 60, isolated=True)
        assert take(database, now=NOW + 60).go, "until then"


def test_a_refused_passage_is_never_asked_for_again_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, replace(SHUT, open_until=NOW - 5, trial_owner=OTHER, trial_until=NOW + 0.01))
        assert take(database).not_before >= NOW + 0.1


def test_retries_have_a_budget_that_first_attempts_fill(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert [take(database, retry=True).go for _ in range(12)] == [True] * 10 + [False] * 2
        assert take(database, retry=True) == Passage(go=False, not_before=NOW + 30, spared=True)
        assert take(database, retry=True, ordered=True).go, "a person's order costs nothing"
        for _ in range(5):
            assert take(database).go, "first attempts always go"
        assert [take(database, retry=True).go for _ in range(2)] == [True, False]


def test_the_budget_of_retries_has_an_end(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for _ in range(100):
            take(database)
        assert [take(database, retry=True).go for _ in range(11)] == [True] * 10 + [False]


def test_time_earns_retries_so_that_what_is_owed_is_paid_back_though_nothing_new_is_announced(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert [take(database, retry=True).go for _ in range(11)] == [True] * 10 + [False]
        assert take(database, retry=True, now=NOW + 31).go
        assert not take(database, retry=True, now=NOW + 32).go


def test_a_wait_that_the_platform_asked_for_holds_everybody_even_at_a_persons_order(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, Gate(channel="a", wait_until=NOW + 60))
        waiting = Passage(go=False, not_before=NOW + 60, throttled=True)
        assert [take(database), take(database, OTHER), take(database, ordered=True)] == [waiting] * 3
        assert take(database, now=NOW + 60).go


def test_a_retry_behind_an_open_gate_waits_for_the_gate_not_for_the_budget(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, replace(SHUT, retry_credit=0.0))
        assert take(database, retry=True) == Passage(go=False, not_before=NOW + 20, interval_s=30.0)
        assert take(database, retry=True, now=NOW + 20).trial


def test_an_isolation_that_is_over_does_not_hide_that_the_budget_is_spent(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database, Gate(channel="a", isolated_until=NOW - 5, retry_credit=0.0, credit_at=NOW))
        assert take(database, retry=True) == Passage(go=False, not_before=NOW + 30, spared=True)


def test_one_of_many_threads_gets_the_trial(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        shut(database)
    passages: list[Passage] = []

    def one(owner: str) -> None:
        with opened(path) as database:
            passages.append(take(database, owner, now=NOW + 20))

    threads = [threading.Thread(target=one, args=(f"owner {number}",)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passage.go for passage in passages) == [False] * 9 + [True]


def test_one_of_many_processes_gets_the_trial(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as database:
        shut(database)
    program = """
        import sys
        from pathlib import Path
        from tests.ledger.open_files import NOW, opened
        from tests.ledger.test_gates import take
        with opened(Path(sys.argv[1])) as database:
            print("ready", flush=True)
            sys.stdin.readline()
            for number in range(20):
                print(int(take(database, f"{sys.argv[2]} {number}", now=NOW + 20).go), flush=True)
    """
    with running(program, path, 1) as one, running(program, path, 2) as two, running(program, path, 3) as three:
        processes = (one, two, three)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=30)[0] for process in processes]
    assert sum(int(line) for lines in told for line in lines.split()) == 1


# Switches


def waits_until(database: Database, at: float, text: str) -> int:
    """A broadcast whose one channel waits; gives the batch."""
    _, batch = open_turn(database, text=text)
    batches.release(database, claimed(database, batch), at, NOW)
    return batch


def wakes(database: Database) -> dict[int, float | None]:
    rows = database.connection.execute("select id, wake_at from batch order by id")
    return {row["id"]: row["wake_at"] for row in rows}


def switched(database: Database, channel: str | None = "a") -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(each.what, each.actor, each.why, each.facts) for each in gates.switches(database, channel, 9)]


def test_a_channel_that_a_person_switches_off_is_isolated_and_its_breaker_stays_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database)
        gate = gates.isolate(database, "a", until=NOW + 60, why="a pause", now=NOW)
        assert gate == gates.get(database, "a") == replace(SHUT, isolated_until=NOW + 60, isolated_why="a pause")
        assert take(database, ordered=True) == Passage(go=False, not_before=NOW + 60, isolated=True)
        assert take(database, now=NOW + 60).trial, "until then; its breaker is another matter"
        assert switched(database) == [("off", "person", "a pause", ())]


def test_switched_off_for_no_stated_time_it_is_so_for_ever(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        gates.isolate(database, "a", until=None, why="", now=NOW)
        assert take(database, now=NOW + 100 * 365 * 86_400).isolated


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Athens", "UTC", "Pacific/Pago_Pago"])
def test_for_ever_can_be_said_in_every_time_zone(zone: str) -> None:
    assert hours_minutes(gates.FOR_EVER, ZoneInfo(zone), NOW).startswith("9999-12-")


def test_switched_off_once_more_the_later_word_counts(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        gates.isolate(database, "a", until=None, why="one", now=NOW)
        gates.isolate(database, "a", until=NOW + 5, why="two", now=NOW)
        assert (gates.get(database, "a").isolated_until, gates.get(database, "a").isolated_why) == (NOW + 5, "two")
        assert [what for what, *_ in switched(database)] == ["off", "off"]


def test_a_channel_that_is_switched_on_is_neither_off_nor_down_and_what_waits_is_woken_oldest_first(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "ledger.db") as database:
        one, two = waits_until(database, NOW + 900, "one"), waits_until(database, NOW + 600, "two")
        shut(database, replace(SHUT, wait_until=NOW + 5, retry_credit=3.0))
        gates.isolate(database, "a", until=None, why="a pause", now=NOW)
        gate = gates.release(database, "a", why="it is back", now=NOW + 1, pause_s=2.0)
        assert gate == gates.get(database, "a")
        assert gate == Gate(channel="a", wait_until=NOW + 5, retry_credit=3.0, changed_at=NOW + 1, healed_at=NOW + 1), (
            "what the platform asked for still holds"
        )
        assert wakes(database) == {one: NOW + 1, two: NOW + 3}
        assert switched(database)[0] == ("on", "person", "it is back", ("it was switched off: a pause",))


def test_what_others_wait_for_is_not_woken_by_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        batch = waits_until(database, NOW + 900, "one")
        gates.release(database, "b", why="", now=NOW)
        assert wakes(database) == {batch: NOW + 900}
        claimed(database, batch)
        gates.release(database, "a", why="", now=NOW)
        assert wakes(database) == {batch: None}, "somebody works on it"


def test_a_person_lets_one_trial_through_a_gate_that_rests(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        batch = waits_until(database, NOW + 900, "one")
        shut(database, replace(SHUT, trial_owner=OTHER, trial_until=NOW + 9))
        gate = gates.allow_trial(database, "a", why="it is back", now=NOW)
        assert gate.opened_at == SHUT.opened_at, "it is still taken as down"
        assert wakes(database) == {batch: NOW}
        assert [take(database).trial, take(database, OTHER).go] == [True, False]
        assert switched(database) == [("trial", "person", "it is back", ("its breaker was open: unavailable",))]


def test_a_trial_does_not_open_what_is_switched_off(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        gates.isolate(database, "a", until=NOW + 60, why="", now=NOW)
        gates.allow_trial(database, "a", why="", now=NOW)
        assert take(database, ordered=True).isolated
        assert switched(database)[0] == ("trial", "person", "", ("it was switched off",))


def test_a_breaker_that_opens_or_closes_is_a_switch_and_a_gate_that_only_counts_is_none(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        batch = waits_until(database, NOW + 900, "one")
        closed = Gate(channel="a")
        counting = replace(closed, failures=1)
        with database.transaction():
            gates.change(database, closed, counting, actor="breaker", now=NOW)
            gates.change(database, counting, SHUT, actor="watch", now=NOW + 1, why="nobody sees it", facts=("f", "g"))
            gates.change(database, SHUT, replace(SHUT, open_until=NOW + 99), actor="breaker", now=NOW + 2)
        assert switched(database) == [("opened", "watch", "nobody sees it", ("f", "g"))]
        assert wakes(database) == {batch: NOW + 900}
        with database.transaction():
            gates.change(database, SHUT, closed, actor="breaker", now=NOW + 3)
        assert switched(database)[0] == ("closed", "breaker", "", ())
        assert wakes(database) == {batch: NOW + 3}


def test_switches_are_told_newest_first_of_one_channel_or_of_all(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        gates.isolate(database, "a", until=None, why="1", now=NOW + 5)
        gates.isolate(database, "b", until=None, why="2", now=NOW)
        gates.release(database, "a", why="3", now=NOW + 6)
        assert [each.why for each in gates.switches(database, None, 9)] == ["3", "2", "1"]
        assert [each.why for each in gates.switches(database, "a", 9)] == ["3", "1"]
        assert [each.why for each in gates.switches(database, None, 2)] == ["3", "2"]
        assert gates.switches(database, "c", 9) == ()
