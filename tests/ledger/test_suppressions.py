"""The list of those who must not be written to."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.open_files import NOW, opened, rows

from surecast.contact import Medium
from surecast.ledger import suppressions
from surecast.ledger.database import Database

ANNA = (Medium.PHONE, "+306940000000")
MAIL = (Medium.EMAIL, "anna@ferries.example")


def add(database: Database, *addresses: tuple[Medium, str], person: bool = True, why: str = "by hand") -> int:
    return suppressions.add(database, addresses, person=person, why=why, now=NOW)


def test_what_is_entered_is_on_the_list_masked_and_can_be_taken_off(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert add(database, ANNA, MAIL) == 2
        found = suppressions.listing(database, 10)
        assert {(one.medium, one.masked) for one in found} == {
            (Medium.PHONE, "+30***0000"),
            (Medium.EMAIL, "a***@ferries.example"),
        }
        assert suppressions.holds(database, *ANNA)
        assert suppressions.remove(database, *ANNA)
        assert not suppressions.remove(database, *ANNA)
        assert not suppressions.holds(database, *ANNA)
        assert suppressions.holds(database, *MAIL)


def test_a_persons_word_outweighs_what_is_known_of_an_address_and_not_the_other_way_round(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        assert add(database, ANNA, person=False, why="bounce") == 1
        assert add(database, ANNA, person=False, why="bounce again") == 0
        assert add(database, ANNA, person=True, why="by hand") == 1
        assert add(database, ANNA, person=False, why="bounce") == 0
        [one] = suppressions.listing(database, 10)
        assert (one.person, one.why) == (True, "by hand")


def test_letters_of_any_case_are_one_mailbox(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        add(database, (Medium.EMAIL, "Anna@ferries.example"))
        assert suppressions.holds(database, *MAIL)


def test_a_list_is_cut_where_it_was_asked_to_be(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        add(database, *((Medium.PHONE, f"+3069400000{number:02}") for number in range(5)))
        assert len(suppressions.listing(database, 3)) == 3


def test_the_list_outlives_the_process_and_names_nobody_in_the_file(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        add(database, ANNA, MAIL)
    with opened(tmp_path / "ledger.db") as database:
        assert suppressions.holds(database, *ANNA)
    data = (tmp_path / "ledger.db").read_bytes()
    assert b"+306940000000" not in data
    assert b"anna@ferries" not in data
    assert rows(tmp_path / "ledger.db", "select count(*) from suppression") == [(2,)]
