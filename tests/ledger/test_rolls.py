"""An audience is taken down once, whoever reads it and however often it is begun anew."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.open_files import ME, NOW, OTHER, opened
from tests.ledger.recount import recount
from tests.ledger.riders import MAIL, SMS, Board, direct, rider, riders

from surecast.contact import Medium
from surecast.ledger import people, rolls
from surecast.ledger.owner import LEASE_S


def test_contacts_are_counted_by_what_can_reach_them(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail").open("sms")
        board.read([rider(1), rider(2, phone=False), rider(3, email=False), rider(4, phone=False, email=False)])
        roll = board.roll
    assert (roll.complete, dict(roll.able), roll.unable, roll.duplicates) == (True, {3: 1, 2: 1, 1: 1}, 1, 0)
    recount(tmp_path / "ledger.db")


def test_an_address_without_consent_is_none(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail").open("sms")
        board.read([rider(1, consents=frozenset({Medium.EMAIL})), rider(2, consents=frozenset())])
        assert (dict(board.roll.able), board.roll.unable) == ({2: 1}, 1)


def test_a_contact_that_comes_twice_is_on_the_roll_once(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms").read([rider(1), rider(2), rider(1)])
        assert (dict(board.roll.able), board.roll.duplicates) == ({1: 2}, 1)
    recount(tmp_path / "ledger.db")


def test_one_reads_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms | mail").open("sms", "mail")
        assert board.claim_roll(ME) is not None
        assert board.claim_roll(OTHER) is None
        assert board.claim_roll(ME) is None, "two channels of one process would begin it anew by turns, for ever"


def test_a_right_that_was_given_back_can_be_had_again_and_a_complete_roll_needs_no_reading(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms")
        first = board.claim_roll(ME)
        assert first is not None
        rolls.free(database, first)
        board.read(riders(3))
        again = board.claim_roll(OTHER)
        assert again is not None
        assert again.complete


def test_whoever_goes_on_after_a_death_begins_anew_and_doubles_nobody(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms")
        dead = board.claim_roll(OTHER)
        assert dead is not None
        assert board.take_down(dead, [*riders(3), rider(9, phone=False)], last=False, flawed=2)
        claim = board.claim_roll(ME, dead=lambda owner: owner == OTHER)
        assert claim is not None
        assert board.take_down(claim, [*riders(5), rider(9, phone=False)], flawed=2)
        roll = board.roll
        assert not board.take_down(dead, riders(9)), "the dead one's right is gone"
        assert board.roll == roll
    assert (dict(roll.able), roll.unable, roll.flawed, roll.duplicates) == ({1: 5}, 1, 2, 0)
    recount(tmp_path / "ledger.db")


def test_a_right_ends_by_itself(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms")
        assert board.claim_roll(OTHER) is not None
        board.now = NOW + LEASE_S + 1
        assert board.claim_roll(ME) is not None


def test_reading_extends_the_right(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database).open("sms")
        claim = board.claim_roll(OTHER)
        assert claim is not None
        board.now = NOW + LEASE_S - 1
        assert board.take_down(claim, riders(2), last=False)
        board.now = NOW + LEASE_S + 1
        assert board.claim_roll(ME) is None


def test_a_limit_ends_the_roll(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, sms=direct("sms", limit=3)).open("sms")
        claim = board.claim_roll()
        assert claim is not None
        assert board.take_down(claim, [rider(1, phone=False), *riders(5)], last=False)
        assert (dict(board.roll.able), board.roll.complete, board.roll.unable) == ({1: 3}, True, 1)


def test_a_limit_counts_contacts_and_not_rows_read_again(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, sms=direct("sms", limit=4)).open("sms")
        dead = board.claim_roll(OTHER)
        assert dead is not None
        assert board.take_down(dead, riders(3), last=False)
        claim = board.claim_roll(ME, dead=lambda owner: owner == OTHER)
        assert claim is not None
        assert board.take_down(claim, [*riders(3), *riders(9)], last=False)
        assert (dict(board.roll.able), board.roll.complete) == ({1: 4}, True)
    recount(tmp_path / "ledger.db")


def test_only_one_address_is_meant_and_the_others_are_not_called_unreachable(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        meant = str(people.hashed(database, (Medium.PHONE, "+306940000002")))
        board = Board.of(database, sms=direct("sms", only=meant)).open("sms").read(riders(5))
        assert (dict(board.roll.able), board.roll.unable) == ({1: 1}, 0)


def test_of_addresses_only_keyed_hashes_and_masked_forms_stay_in_the_columns(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        Board.of(database).open("sms").read(riders(1))
        row = dict(database.connection.execute("select * from recipient").fetchone())
    person = row.pop("person")
    assert "+306940000000" in person
    assert "rider0@" not in str(row)
    assert "6940000000" not in str(row)
    assert row["masked"] == '{"phone":"+30***0000","email":"r***@ferries.example"}'


def test_tidying_keeps_whom_somebody_may_still_write_to_or_was_missed(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        board = Board.of(database, "sms & mail", sms=SMS, mail=MAIL).open("sms", "mail").read(riders(6))
        board.cover("sms", "mail").send("sms")
        assert board.persons() == 6, "mail needs them"
        rolls.tidy(database, board.plan, "riders", 0)
        assert board.persons() == 6, "open deliveries"
        board.decide(state="reached", final=True)
        assert rolls.tidy(database, board.plan, "riders", 0) is not None
        assert board.persons() == 0, "reached without them"
        assert rolls.tidy(database, board.plan, "riders", 5_000) is None
