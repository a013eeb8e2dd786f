from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from surecast.channel import Context, SessionStore
from surecast.config.fields import build, fields_of
from surecast.config.findings import BAD, At
from surecast.config.kinds import stand_in
from surecast.errors import UsageError
from surecast.secret import Secret
from tests.config.fakes import FilesSettings, MailSettings, RichSettings, Size

CONTEXT = Context(name="x", sessions=cast(SessionStore, None), sender="", language="en", time_zone="UTC")
SECRET = {"keys": {"a": {"env": "A"}}}


def read(table: dict[str, Any], declared: type = RichSettings) -> tuple[Any, list[str]]:
    at = At(("channels", "x"), Path("/home/here"), [])
    value = build(declared, table, at)
    return value, [f"{'.'.join(map(str, finding.path[2:]))}: {finding.what}" for finding in at.findings]


def test_a_table_of_the_persons_own_names_is_read_by_its_values() -> None:
    value, wrong = read({"keys": {"a": {"env": "A"}, "b": {"file": "f"}}})
    assert wrong == []
    assert dict(value.keys) == {"a": Secret("env", "A"), "b": Secret("file", "/home/here/f")}
    assert read({"keys": {"a": "hunter2"}}) == (BAD, ["keys.a: a secret must not stand in this file"])
    assert read({"keys": 1}) == (BAD, ["keys: a table is expected, not a number"])


def test_a_member_of_an_enumeration_is_written_by_its_value() -> None:
    assert read(SECRET | {"size": 2})[0].size is Size.LARGE
    assert read(SECRET | {"size": 3})[1] == ["size: it is none of the words that are known here"]
    assert read(SECRET | {"size": True})[1] == ["size: it is none of the words that are known here"]


def test_of_two_sorts_the_one_that_fits_is_read() -> None:
    assert read(SECRET | {"either": 3})[0].either == 3
    assert read(SECRET | {"either": ["a", "b"]})[0].either == ("a", "b")
    assert read(SECRET | {"either": ["a", 1]})[1] == ["either.1: a text is expected, not a number"]
    assert read(SECRET | {"either": "a"})[1] == ["either: a whole number is expected, not a text"]


def test_what_is_not_described_is_taken_as_it_is() -> None:
    value, wrong = read(SECRET | {"raw": [1, {"a": 2}], "bare": 7})
    assert (value.raw, value.bare, wrong) == ([1, {"a": 2}], 7, [])


def test_a_field_that_was_not_declared_is_no_key() -> None:
    assert "own" not in {field.key for field in fields_of(RichSettings)}
    assert read(SECRET | {"own": "x"})[1] == ["own: there is no such key"]


@pytest.mark.parametrize(
    ("declared", "key", "words", "example", "default"),
    [
        (RichSettings, "rest", "time span", "90", '"1.5 s"'),
        (RichSettings, "size", "`1` or `2`", "", "1"),
        (RichSettings, "either", "whole number or list of text", "", "1"),
        (RichSettings, "keys", "table of secret", "", ""),
        (RichSettings, "raw", "any value", "", ""),
        (FilesSettings, "directory", "path", '"public"', ""),
        (FilesSettings, "after_write", "list of text", '["rsync"]', "[]"),
        (MailSettings, "relays", "list of table of host, password, port", "", ""),
        (MailSettings, "ratio", "number", "", "0.95"),
    ],
)
def test_a_declaration_says_itself_in_words(declared: type, key: str, words: str, example: str, default: str) -> None:
    (field,) = (field for field in fields_of(declared) if field.key == key)
    assert (field.shape.words, field.example, field.default_words) == (words, example, default)


def test_a_stand_in_never_sends() -> None:
    with pytest.raises(UsageError, match="misconfigured"):
        stand_in("x").adapter(None, CONTEXT)
