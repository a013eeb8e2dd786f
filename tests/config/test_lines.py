from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.config.lines import line_numbers

TEXT = '''\
# a comment with [brackets] and key = "value"
sender = "Harbour # Ferries"   # and one more

[routes]
default = """
site & [
  fake]
"""
urgent = 'site'

[channels."odd name"]   # a header with a comment
relays = [
  { host = "a]" },  # ]
  { host = "b" },
]
after.write = 1

[[people]]
name = "x"
[[people]]
name = "y"
'''


def test_every_key_and_header_has_its_line() -> None:
    lines = line_numbers(TEXT)
    assert lines[("sender",)] == 2
    assert lines[("routes",)] == 4
    assert lines[("routes", "default")] == 5
    assert lines[("routes", "urgent")] == 9
    assert lines[("channels", "odd name")] == 11
    assert lines[("channels", "odd name", "relays")] == 12
    assert lines[("channels", "odd name", "after", "write")] == 16
    assert lines[("people",)] == 18
    assert lines[("people", "name")] == 19
    assert ("routes", "fake") not in lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a = 1", {("a",): 1}),
        ('a = """"""\nb = 2', {("a",): 1, ("b",): 2}),
        ('a = """x\n""""" \nb = 2', {("a",): 1, ("b",): 3}),
        ("a = '''x\n[b]\n'''\nc = 2", {("a",): 1, ("c",): 4}),
        ('a = "\\"[x"\n[t]\nb = 2', {("a",): 1, ("t",): 2, ("t", "b"): 3}),
        ("a = [ # ]\n1]\nb = 2", {("a",): 1, ("b",): 3}),
        (' "a\\u0062" . c = 1', {("ab",): 1, ("ab", "c"): 1}),
    ],
)
def test_values_over_several_lines_do_not_shift_the_count(text: str, expected: dict[tuple[str, ...], int]) -> None:
    assert line_numbers(text) == expected


@given(st.text(alphabet="ab=[]{}\"'\n#.\\ ", max_size=80))
def test_any_text_is_scanned_without_an_error(text: str) -> None:
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in line_numbers(text).values())


KEYS = st.text(alphabet="abc_-", min_size=1, max_size=4)
VALUES = st.sampled_from(['"x"', "1", '"""\n#[x]\n"""', "[\n 1,\n 2, # ]\n]", "{ a = 1 }", "'''\n\"[\n'''"])


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_where_a_key_is_found_it_is_written(tables: dict[str, dict[str, str]]) -> None:
    text = "\n\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in table.items())])
        for name, table in tables.items()
    )
    document: dict[str, Any] = tomllib.loads(text)
    lines, rows = line_numbers(text), text.split("\n")
    assert {path for path in lines if len(path) == 2} == {(name, key) for name in document for key in document[name]}
    for path, line in lines.items():
        assert rows[line - 1].startswith(f"[{path[0]}]" if len(path) == 1 else f"{path[1]} =")
