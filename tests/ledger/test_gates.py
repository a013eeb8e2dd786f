"""The gate of a channel: one breaker for all processes, and one trial."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledger.open_files import ME, NOW, OTHER, opened, running

from surecast.ledger import gates
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
        assert take(database) == Passage(go=False, not_before=NOW + 20)


def test_after_its_rest_one_goes_and_the_others_wait_for_the_trial(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        shut(database)
        assert take(database, now=NOW + 20) == Passage(go=True, trial=True)
        assert take(database, OTHER, now=NOW + 21) == Passage(go=False, not_before=NOW + 35, on_trial=True)
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
        assert take(database, OTHER, ordered=True) == Passage(go=False, not_before=NOW + 20, on_trial=True)


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
        assert take(database, retry=True) == Passage(go=False, not_before=NOW + 20)
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
