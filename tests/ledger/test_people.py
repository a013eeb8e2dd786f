"""Who was missed, what a person says of those in doubt, and forgetting somebody."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.open_files import NOW, OTHER, opened
from tests.ledger.recount import recount
from tests.ledger.riders import DOWN, UNSURE, Board, direct, of_one, rider, riders
from tests.ledger.test_crowds import board_of, covered

from surecast.contact import Medium
from surecast.crowd import Mark
from surecast.ledger import people
from surecast.outcome import Reason, Verdict

ANNA = (Medium.PHONE, "+306940000000")
REFUSED = of_one(Verdict.REFUSED, reason=Reason.NO_SUCH_ADDRESS)


def settle(board: Board, *, there: bool, address: tuple[Medium, str] | None = None) -> int:
    return people.settle(board.database, board.plan, "sms", there=there, address=address, most=10, now=board.now)


def test_missed_ones_are_named_with_their_address_and_reason(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(2))
        board.send("sms", lambda _: REFUSED)
        found = people.unreached(database, board.plan, unsure=False, most=10)
        assert [(one.name, one.address, one.reason, one.unsure) for one in found] == [
            ("Anna 0", "+306940000000", "no_such_address", False),
            ("Anna 1", "+306940000001", "no_such_address", False),
        ]
        assert len(people.unreached(database, board.plan, unsure=False, most=1)) == 1
        assert "Anna" not in repr(found)
        assert "6940" not in repr(found)


def test_who_was_reached_by_another_alternative_is_not_missed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database)
        board.send("sms", lambda _: REFUSED)
        board.tend()
        board.send("mail")
        assert people.unreached(database, board.plan, unsure=False, most=10) == ()


def test_what_is_open_counts_as_missed_only_once_nothing_more_is_sent(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(2))
        board.send("sms", lambda _: DOWN)
        assert people.unreached(database, board.plan, unsure=False, most=10) == ()
        board.decide(state="missed", final=True)
        assert len(people.unreached(database, board.plan, unsure=False, most=10)) == 2


def test_those_in_doubt_are_named_apart(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(1), sms=direct("sms", resend="never", finds=False))
        board.send("sms", lambda _: UNSURE)
        [one] = people.unreached(database, board.plan, unsure=True, most=10)
        assert (one.unsure, one.address) == (True, "+306940000000")
        assert people.unreached(database, board.plan, unsure=False, most=10) == ()


def test_a_person_settles_all_or_one(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(3))
        board.send("sms", lambda _: of_one(Verdict.UNCERTAIN))
        assert settle(board, there=True, address=ANNA) == 1
        assert (board.crowds["sms"].tally.reached, board.crowds["sms"].tally.first) == (1, 1)
        recount(tmp_path / "ledger.db")
        assert settle(board, there=False) == 2
        assert settle(board, there=False) == 0
        assert board.crowds["sms"].tally.retrying == 2
        board.send("sms")
        assert board.crowds["sms"].tally.reached == 3
    recount(tmp_path / "ledger.db")


def test_a_no_gives_the_money_back(tmp_path: Path) -> None:
    sms = direct("sms", costly=True, unit_cost=2.0, max_cost=9.0, max_cost_per_day=9.0)
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(2), sms=sms)
        board.send("sms", lambda _: UNSURE)
        settle(board, there=True, address=ANNA)
        settle(board, there=False)
        assert board.crowds["sms"].tally.cost == 2.0
    recount(tmp_path / "ledger.db")


def test_a_yes_counts_nobody_twice_whom_another_alternative_reached(tmp_path: Path) -> None:
    sms = direct("sms", when_unsure="reroute", resend="never", finds=False)
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=riders(2), sms=sms)
        board.send("sms", lambda _: UNSURE)
        board.now = NOW + 61
        board.tend()
        board.send("mail", lambda ticket: REFUSED if ticket.address.startswith("rider1") else _ok())
        settle(board, there=True)
        assert sum(crowd.tally.first for crowd in board.crowds.values()) == 2
    recount(tmp_path / "ledger.db")


def test_a_no_sends_nothing_again_to_those_whom_another_alternative_reached(tmp_path: Path) -> None:
    sms = direct("sms", when_unsure="reroute", resend="never", finds=False)
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=riders(2), sms=sms)
        board.send("sms", lambda _: UNSURE)
        board.now = NOW + 61
        board.tend()
        board.send("mail", lambda ticket: REFUSED if ticket.address.startswith("rider1") else _ok())
        assert settle(board, there=False) == 2
        assert (board.crowds["sms"].tally.skipped, board.crowds["sms"].tally.retrying) == (1, 1)
    recount(tmp_path / "ledger.db")


def _ok() -> object:
    from surecast.outcome import Outcome

    return Outcome(verdict=Verdict.ACCEPTED)


def test_somebody_who_is_forgotten_leaves_nothing_and_gets_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, contacts=riders(2))
        board.send("sms", lambda _: of_one(Verdict.UNAVAILABLE))
        board.now = NOW + 61
        board.tend()
        assert people.forget(database, (Medium.EMAIL, "rider0@ferries.example")) == 1
        recount(tmp_path / "ledger.db")
        board.now = NOW + 120
        board.send("sms")
        board.send("mail")
        assert covered(board, "sms")[1] is covered(board, "mail")[1] is Mark.SUPPRESSED
        row = database.connection.execute("select * from recipient where number = 1").fetchone()
        assert (row["person"], row["masked"]) == (None, "{}")
        assert people.forget(database, (Medium.EMAIL, "nobody@ferries.example")) == 0
    recount(tmp_path / "ledger.db")


def test_who_is_forgotten_after_being_missed_is_named_without_an_address(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", [rider(0)])
        board.send("sms", lambda _: REFUSED)
        people.forget(database, ANNA)
        [one] = people.unreached(database, board.plan, unsure=False, most=10)
        assert (one.name, one.address) == ("", "***")


def test_a_doubt_left_by_a_dead_worker_is_settled_like_any_other(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = board_of(database, "sms", riders(2))
        gone = board.step("sms", wants=board.take("sms", OTHER), worker=OTHER).gone
        assert len(gone) == 2
        board.take("sms", dead=lambda owner: owner == OTHER)
        assert settle(board, there=True) == 2
    recount(tmp_path / "ledger.db")
