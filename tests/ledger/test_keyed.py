"""Keyed hashes recognise an address, in one ledger only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.open_files import opened

from surecast.errors import LedgerError
from surecast.ledger.database import Database
from surecast.ledger.keyed import _hasher, hasher

SIGNED_64 = range(-(2**63), 2**63)


def of(database: Database, medium: str, address: str) -> int:
    with database.transaction():
        return hasher(database)(medium, address)


def test_one_address_has_one_hash_in_a_ledger_for_ever(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        first = of(database, "phone", "+306940000000")
    with opened(tmp_path / "ledger.db") as database, opened(tmp_path / "ledger.db") as other:
        assert of(database, "phone", "+306940000000") == of(other, "phone", "+306940000000") == first


def test_another_ledger_has_another_key(tmp_path: Path) -> None:
    with opened(tmp_path / "one.db") as one, opened(tmp_path / "two.db") as two:
        assert of(one, "phone", "+306940000000") != of(two, "phone", "+306940000000")


def test_a_key_that_was_made_in_a_transaction_that_failed_is_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as database:
        with pytest.raises(LedgerError), database.transaction():
            hasher(database)("phone", "+306940000000")
            database.connection.execute("nonsense")
        kept = of(database, "phone", "+306940000000")
    with opened(tmp_path / "ledger.db") as database:
        assert of(database, "phone", "+306940000000") == kept, "what later transactions wrote must be recognised"


@given(st.text(), st.text())
def test_hashes_fit_the_column_and_tell_media_apart(one: str, other: str) -> None:
    hashed = _hasher(b"k" * 32)
    assert hashed("phone", one) in SIGNED_64
    assert hashed("phone", one) != hashed("telegram", one)
    assert (hashed("phone", one) == hashed("phone", other)) == (one == other)
    assert hashed("email", one) == hashed("email", one.lower())
