from __future__ import annotations

from pathlib import Path

import pytest

from surecast.audiences import Audience
from surecast.contact import Medium
from surecast.errors import ConfigError
from surecast.secret import Secret


@pytest.mark.parametrize(
    ("source", "sort"),
    [
        ("riders.csv", "csv"),
        ("Riders.TSV", "csv"),
        ("/lists/riders.jsonl", "json lines"),
        ("riders.ndjson", "json lines"),
        ("crm.lists:riders", "function"),
    ],
)
def test_a_source_is_known_by_how_it_is_written(source: str, sort: str) -> None:
    assert Audience(source=source).sort == sort


@pytest.mark.parametrize(
    "source", ["sqlite:///crm.db", "postgresql+psycopg://db.example/crm", Secret("env", "CRM_URL")]
)
def test_a_database_is_an_address_or_a_reference_to_one(source: str | Secret) -> None:
    assert Audience(source=source, query="select 1").sort == "database"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"source": "riders.xlsx"}, "source is none that can be read"),
        ({"source": "riders"}, "source is none that can be read"),
        ({"source": "sqlite:///crm.db"}, "a database needs a query"),
        ({"source": "riders.csv", "query": "select 1"}, "only a database is queried"),
        ({"source": "mysql://me:hunter2@db/crm", "query": "select 1"}, "a password must not stand in this file"),
        ({"source": "mysql://db/crm?password=hunter2", "query": "select 1"}, "a password must not stand in this file"),
        ({"source": "mysql://[db", "query": "select 1"}, "a password must not stand in this file"),
        ({"source": "riders.csv", "columns": {"mobile": "Mobile"}}, "columns does not know 'mobile'"),
        ({"source": "riders.csv", "consent": {"fax": "signed"}}, "consent does not know 'fax'"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_write(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        Audience(**settings)  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)


def test_words_of_channels_and_of_media_name_the_same_consent() -> None:
    consent = {"sms": "form", "phone": "form", "email": "form"}
    assert Audience(source="a.csv", consent=consent).consented == {Medium.PHONE, Medium.EMAIL}


def test_where_it_is_can_be_printed() -> None:
    database = Audience(source=Secret.of("mysql://me:hunter2@db/crm"), query="select 1")
    assert database.where == "the database (given in the program)"
    assert Audience(source="a.csv", folder=Path("/lists")).where == "/lists/a.csv"
    assert "hunter2" not in repr(database)
