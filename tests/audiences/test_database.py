from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from surecast.audiences import Audience, rows
from surecast.contact import Medium
from surecast.errors import ConfigError
from surecast.secret import Secret
from tests.audiences.lists import contacts, told

QUERY = "select id, name, phone as Mobile, email, agreed as consent_sms from riders order by id"
COLUMNS = {"phone": "Mobile"}


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    """A database of three riders."""
    path = tmp_path / "crm.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table riders (id integer, name text, phone, email text, agreed)")
        database.executemany(
            "insert into riders values (?, ?, ?, ?, ?)",
            [
                (1, "Anna", "+306941234561", "anna@ferries.example", "2024-05-31"),
                (2, "Bob", 306941234562, None, 1),
                (3, "Carl", b"+30", "carl@ferries.example", 0),
            ],
        )
        database.commit()
    return path


@pytest.fixture(params=["sqlite:///crm.db", "sqlite+pysqlite:///{crm}"], ids=["by itself", "by SQLAlchemy"])
def source(request: pytest.FixtureRequest, crm: Path) -> str:
    """The same database by both readers."""
    return str(request.param).format(crm=crm)


def audience(source: str | Secret, crm: Path, query: str = QUERY) -> Audience:
    return Audience(source=source, query=query, columns=COLUMNS, region="GR", folder=crm.parent)


def refused(one: Audience) -> str:
    with pytest.raises(ConfigError) as error:
        list(rows(one))
    return str(error.value)


def test_rows_of_a_database_are_contacts(source: str, crm: Path) -> None:
    anna, bob = contacts(audience(source, crm))
    assert (anna.key, anna.name, anna.consents) == ("1", "Anna", {Medium.PHONE})
    assert (bob.key, bob.addresses, bob.consents) == ("2", {Medium.PHONE: "+306941234562"}, {Medium.PHONE})
    assert told(audience(source, crm)) == [
        "row 3: Mobile is a bytes, which is no text. Give a text, a number, a day or nothing"
    ]


def test_a_percent_sign_or_a_colon_in_a_query_is_no_parameter(source: str, crm: Path) -> None:
    query = "select name, phone as Mobile from riders where name like 'A%' and ':x' = ':x' and '%s' = '%s'"
    assert [one.name for one in contacts(audience(source, crm, query))] == ["Anna"]


@pytest.mark.parametrize("query", ["delete from riders", "update riders set name = 'x'", "create table t (x)"])
def test_a_query_cannot_write(source: str, crm: Path, query: str) -> None:
    with pytest.raises(ConfigError):
        list(rows(audience(source, crm, query)))
    with closing(sqlite3.connect(crm)) as database:
        assert database.execute("select count(*), group_concat(name) from riders").fetchone() == (3, "Anna,Bob,Carl")


def test_a_query_that_is_wrong_is_told_in_the_databases_words(source: str, crm: Path) -> None:
    said = refused(audience(source, crm, "select nme, phone as Mobile from riders"))
    assert "cannot be read: no such column: nme. Correct the query" in said
    assert "has no column 'Mobile' (columns.phone). There are: name" in refused(
        audience(source, crm, "select name from riders")
    )


def test_what_fails_in_the_midst_is_told_after_the_rows_before_it(source: str, crm: Path) -> None:
    query = "select id, phone as Mobile, abs(iif(id = 3, -9223372036854775808, 1)) from riders"
    found = rows(audience(source, crm, query))
    first = next(found)
    assert first.contact is not None
    with pytest.raises(ConfigError, match="cannot be read: integer overflow"):
        list(found)


def test_a_database_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    one = audience("sqlite:///none.db", tmp_path / "none.db")
    assert "There is no file" in refused(one)
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_text("name,phone\n" * 200)
    assert "file is not a database" in refused(audience("sqlite:///crm.db", tmp_path / "crm.db"))


def test_rows_may_be_read_by_a_thread_after_the_other(source: str, crm: Path) -> None:
    """A thread pool gives each step to whichever thread is free."""
    found, got = rows(audience(source, crm)), []

    def step() -> None:
        got.append(next(found).number)

    for _ in range(3):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert got == [1, 2, 3]
    assert next(found, None) is None


def test_rows_are_streamed_and_not_fetched_at_once(source: str, crm: Path) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) "
    query = f"{endless} select i as id, '+306941234561' as Mobile from n"
    found = rows(audience(source, crm, query))
    assert [next(found).number for _ in range(3000)][-1] == 3000
    found.close()  # type: ignore[attr-defined]


def test_the_address_may_come_from_a_variable(crm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = audience(Secret("env", "CRM_URL"), crm)
    monkeypatch.setenv("CRM_URL", f"sqlite:///{crm}")
    assert len(contacts(one)) == 2
    monkeypatch.setenv("CRM_URL", "hunter2")
    said = refused(one)
    assert said.startswith("The database (from the environment variable CRM_URL) has no address. Write e.g. postgresql")
    assert "hunter2" not in said
    monkeypatch.delenv("CRM_URL")
    assert "Set it, e.g. export CRM_URL=" in refused(one)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense://me:hunter2@db/crm", "has an address that cannot be read"),
        ("postgresql://me:hunter2@db:port/crm", "has an address that cannot be read"),
        ("oracle+cx_oracle://me:hunter2@db/crm", "needs the package cx_Oracle. Install it with pip."),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(crm: Path, address: str, sentence: str) -> None:
    said = refused(audience(Secret.of(address), crm))
    assert sentence in said
    assert "hunter2" not in said


def test_a_missing_sqlalchemy_is_told_with_what_to_install(crm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy.exc", None)
    said = refused(audience(Secret.of("postgresql://db/crm"), crm))
    assert 'needs SQLAlchemy. Install it: pip install "surecast[sql]".' in said


@pytest.fixture
def disposed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The engines that were given back."""
    found: list[object] = []
    real = sqlalchemy.Engine.dispose

    def noted(engine: sqlalchemy.Engine, close: bool = True) -> None:
        found.append(engine)
        real(engine, close)

    monkeypatch.setattr(sqlalchemy.Engine, "dispose", noted)
    return found  # type: ignore[return-value]


def test_the_connection_is_given_back_when_nobody_reads_on(crm: Path, disposed: list[object]) -> None:
    found = rows(audience(f"sqlite+pysqlite:///{crm}", crm))
    next(found)
    assert disposed == []
    found.close()  # type: ignore[attr-defined]
    assert len(disposed) == 1
