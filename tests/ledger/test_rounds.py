"""What is done from time to time, by one of all processes; who watches; and what people were told."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.open_files import NOW, opened
from tests.ledger.test_outages import at_once

from surecast.ledger import broadcasts, rounds
from surecast.ledger.rounds import SAME_CUT_S, CutOff, Told

# Rounds


def test_it_is_time_at_first_and_then_when_the_time_has_passed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        times = [0, 0, 59.9, 60, 60.1, 119.9, 500, 559]
        taken = [rounds.take(database, "look:a", every_s=60, now=NOW + at) for at in times]
        assert taken == [True, False, False, True, False, False, True, False]
        assert rounds.last(database, "look:a") == NOW + 500


def test_each_round_has_its_own_time(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert rounds.take(database, "look:a", every_s=60, now=NOW)
        assert rounds.take(database, "look:b", every_s=60, now=NOW + 1)
        assert rounds.take(database, "page:a", every_s=300, now=NOW + 1)
        assert [rounds.last(database, name) for name in ("look:a", "look:b", "nothing")] == [NOW, NOW + 1, None]


def test_one_of_all_processes_goes_a_round(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path):
        pass
    for moment in (NOW, NOW + 60):
        taken = at_once(path, lambda database, now=moment: rounds.take(database, "look:a", every_s=60, now=now))
        assert sorted(taken) == [False] * 7 + [True]


def test_a_process_whose_clock_is_a_little_behind_neither_goes_nor_turns_the_round_back(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert rounds.take(database, "look:a", every_s=60, now=NOW)
        assert not rounds.take(database, "look:a", every_s=60, now=NOW - 500)
        assert rounds.last(database, "look:a") == NOW


def test_a_moment_that_a_wrong_clock_wrote_keeps_nobody_from_going(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert rounds.take(database, "look:a", every_s=60, now=NOW + 365 * 86_400)
        assert rounds.take(database, "look:a", every_s=60, now=NOW)
        assert not rounds.take(database, "look:a", every_s=60, now=NOW + 59)
        assert rounds.last(database, "look:a") == NOW


def test_a_moment_may_be_set(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for moment in (NOW, NOW + 5, NOW - 5):
            rounds.put(database, "digest", moment)
            assert rounds.last(database, "digest") == moment


# Who watches


def test_a_watcher_delivers_as_well_and_a_worker_watches_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert (rounds.last_watcher(database), broadcasts.last_worker(database)) == (None, None)
        broadcasts.worker_seen(database, "worker", NOW)
        assert rounds.last_watcher(database) is None
        rounds.watcher_seen(database, "watch", NOW + 5)
        assert (rounds.last_watcher(database), broadcasts.last_worker(database)) == (NOW + 5, NOW + 5)
        broadcasts.worker_seen(database, "watch", NOW + 9)
        assert rounds.last_watcher(database) == NOW + 9, "it is the same process"
        rounds.watcher_seen(database, "another", NOW + 7)
        assert rounds.last_watcher(database) == NOW + 9, "the one seen last"


# This machine's own network


def test_a_machine_that_was_never_cut_off_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert rounds.last_cut_off(database) is None


def test_moments_without_network_that_follow_each_other_are_one_time(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        for at in (0, 10, SAME_CUT_S, 2 * SAME_CUT_S):
            rounds.cut_off(database, NOW + at)
        assert rounds.last_cut_off(database) == CutOff(since=NOW, until=NOW + 2 * SAME_CUT_S)


def test_after_a_while_with_network_it_is_another_time(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        rounds.cut_off(database, NOW)
        rounds.cut_off(database, NOW + SAME_CUT_S + 1)
        assert rounds.last_cut_off(database) == CutOff(since=NOW + SAME_CUT_S + 1, until=NOW + SAME_CUT_S + 1)


# What people were told


def test_people_are_told_of_a_cause_once_and_how_often_it_came_up_is_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert [rounds.tell(database, "credentials:a", NOW + at) for at in (0, 5, 9)] == [True, False, False]
        rounds.told_by(database, "credentials:a", "k3f9x")
        assert rounds.told(database) == (
            Told(cause="credentials:a", at=NOW, last_at=NOW + 9, times=3, broadcast="k3f9x"),
        )


def test_one_of_many_processes_tells(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path):
        pass
    assert sorted(at_once(path, lambda database: rounds.tell(database, "x", NOW))) == [False] * 7 + [True]
    with opened(path) as database:
        assert [told.times for told in rounds.told(database)] == [8]


def test_when_a_cause_is_over_people_are_told_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        rounds.over(database, "nothing")
        assert rounds.tell(database, "a", NOW)
        rounds.told_by(database, "a", "k3f9x")
        rounds.over(database, "a")
        assert rounds.told(database) == ()
        assert rounds.tell(database, "a", NOW + 60)
        assert rounds.told(database)[0].broadcast is None, "who was told before was told before"


def test_a_cause_is_known_by_its_whole_name(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert rounds.tell(database, "fallback:mail2", NOW)
        assert {told.cause for told in rounds.told(database)} == {"fallback:mail2"}
        assert rounds.told_of(database, "fallback:mail") is None
        assert rounds.told_of(database, "fallback:mail2") == Told(
            cause="fallback:mail2", at=NOW, last_at=NOW, times=1, broadcast=None
        )


def test_of_signs_of_life_that_fail_the_first_counts_and_one_alone_is_no_failure(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:

        def beats(at: float, *, well: bool) -> tuple[bool, float | None]:
            assert rounds.heartbeat_due(database, every_s=300, now=at)
            assert not rounds.heartbeat_due(database, every_s=300, now=at)
            return rounds.heartbeat(database, at, well=well), rounds.heartbeat_fails_since(database)

        assert beats(NOW, well=True) == (False, None)
        assert beats(NOW + 300, well=False) == (True, None)
        assert beats(NOW + 600, well=False) == (False, NOW + 300)
        assert beats(NOW + 900, well=False) == (False, NOW + 300)
        assert beats(NOW + 1200, well=True) == (True, None)
        assert not rounds.heartbeat_failed(database)
