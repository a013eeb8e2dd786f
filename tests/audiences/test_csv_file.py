from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.audiences import Audience, census, rows
from surecast.audiences.lines import LONGEST_LINE
from surecast.contact import Medium
from surecast.errors import ConfigError
from tests.audiences.lists import Lists, contacts, read, told

ANNA, BOB, CARL = "Anna,+306941234561", "Bob,+306941234562", "Carl,+306941234563"


def names(audience: Audience) -> list[str]:
    return [one.name for one in contacts(audience)]


def refused(audience: Audience) -> str:
    with pytest.raises(ConfigError) as error:
        list(rows(audience))
    return str(error.value)


# What other programs write ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_separators_line_ends_and_a_byte_order_mark_are_those_of_any_program(
    lists: Lists, delimiter: str, end: bytes
) -> None:
    lines = [line.replace(",", delimiter) for line in ("\ufeffname,phone", ANNA, BOB)]
    audience = lists.csv(*lines, end=end)
    assert names(audience) == ["Anna", "Bob"]
    assert [row.number for row in read(audience)] == [2, 3]


def test_the_separator_that_excel_names_counts(lists: Lists) -> None:
    audience = lists.csv("sep=;", "name,x;phone", "Anna;+306941234561")
    assert [one.addresses[Medium.PHONE] for one in contacts(audience)] == ["+306941234561"]
    assert [row.number for row in read(audience)] == [3]


def test_a_separator_within_quotes_of_the_header_is_none(lists: Lists) -> None:
    assert names(lists.csv('name;"a,b,c";phone', "Anna;x;+306941234561")) == ["Anna"]


def test_headers_are_found_whatever_their_case_and_joints(lists: Lists) -> None:
    (anna,) = contacts(lists.csv("NAME, Phone ,Consent SMS,Time-Zone", "Anna,+306941234561,yes,Europe/Athens"))
    assert (anna.time_zone, anna.consents) == ("Europe/Athens", {Medium.PHONE})


def test_a_cell_over_several_lines_is_one_row_with_the_number_of_its_first(lists: Lists) -> None:
    audience = lists.csv("name,notes,phone", 'Anna,"a\nb ""c""\nd",+306941234561', "Bob,,+306941234562")
    assert [(row.number, row.contact and row.contact.name) for row in read(audience)] == [(2, "Anna"), (5, "Bob")]


def test_blank_rows_are_passed_over(lists: Lists) -> None:
    audience = lists.csv("", "name,phone", "", ANNA, " , ", ",", BOB, "")
    assert [row.number for row in read(audience)] == [4, 7]


def test_empty_cells_at_the_end_that_the_header_does_not_have_do_no_harm(lists: Lists) -> None:
    assert names(lists.csv("name,phone", ANNA + ",,,")) == ["Anna"]


# What is wrong in a row ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "count"), [("Smith, Bob,+306941234562,yes", 4), ("Bob,+306941234562", 2)])
def test_a_row_of_another_width_is_refused_for_its_consent_may_be_somebody_elses(
    lists: Lists, row: str, count: int
) -> None:
    audience = lists.csv("name,phone,consent_sms", f"{ANNA},yes", row, f"{CARL},yes")
    assert names(audience) == ["Anna", "Carl"]
    assert told(audience) == [
        f"line 3: it has {count} cells, and the header has 3. Write an empty cell where there is nothing, "
        "and quotation marks around a cell that holds a separator"
    ]


@pytest.mark.parametrize("after", [1, 3, 80])
def test_a_quote_that_nobody_closes_costs_its_own_line_and_not_all_that_follow(lists: Lists, after: int) -> None:
    lines = [f"P{number},+3069412{number:05d}" for number in range(after)]
    audience = lists.csv("name,phone", ANNA, '"Bob,+306941234562', *lines)
    assert names(audience) == ["Anna", *(f"P{number}" for number in range(after))]
    (flaw,) = told(audience)
    assert flaw.startswith("line 3: a quotation mark is opened and not closed")


def test_a_line_without_end_is_refused_and_the_next_one_read(lists: Lists) -> None:
    audience = lists.csv("name,phone", ANNA, "x" * 1_000_000 + ",+306941234562", CARL)
    assert names(audience) == ["Anna", "Carl"]
    assert told(audience) == [f"line 3: the line is longer than {LONGEST_LINE} characters. Look at it, or remove it"]


def test_a_line_without_end_within_an_open_quote_costs_two_rows(lists: Lists) -> None:
    audience = lists.csv("name,phone", '"Bob,+306941234562', ANNA, "x" * 1_000_000, CARL)
    assert names(audience) == ["Anna", "Carl"]
    assert [flaw.partition(":")[0] for flaw in told(audience)] == ["line 2", "line 4"]


def test_a_programs_own_limit_for_cells_costs_a_row_and_no_more(lists: Lists) -> None:
    audience = lists.csv("name,phone", "x" * 200 + ",+306941234562", ANNA)
    before = csv.field_size_limit(100)
    try:
        assert names(audience) == ["Anna"]
        assert len(told(audience)) == 1
    finally:
        csv.field_size_limit(before)


def test_bytes_that_are_not_utf8_cost_the_cell_and_say_how_to_convert_the_file(lists: Lists) -> None:
    audience = lists.csv("name,phone", "Jörg,+306941234561".encode("latin-1"), BOB)
    assert names(audience) == ["", "Bob"]
    assert told(audience) == [
        "line 2, name: it holds bytes that are not UTF-8. "
        "Convert the file, e.g. iconv -f latin1 -t utf-8 old.csv > new.csv"
    ]


# What stops everything -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((), "is empty. Write e.g. name,phone,email on its first line"),
        (("", " "), "is empty. Write e.g."),
        (("name,Mobil", "x,y"), 'There are: name, Mobil. Say which it is, e.g. columns = { phone = "Mobil" }'),
        (("name,E-mail", "x,y"), 'e.g. columns = { email = "E-mail" }.'),
        (("phone,Phone", "x,y"), "has more than one column 'phone'. Rename those that are not the phone"),
        (("Anna,+306941234561", BOB), "names no columns: it seems to hold a contact"),
        (("anna@ferries.example",), "names no columns: it seems to hold a contact"),
        (("größe,phone".encode("latin-1"),), "line 1: it holds bytes that are not UTF-8. Convert the file"),
        (("name,phone\nAnna,+306941234561".encode("utf-16"),), "is not UTF-8. Convert it, e.g. iconv -f utf-16"),
        ((b"PK\x03\x04\x14\0",), "is a spreadsheet or another archive. Export it as CSV"),
        (('"name,phone', ANNA), "line 1: a quotation mark is opened"),
        (("x" * 200_000, ANNA), "line 1: the line is longer than"),
    ],
)
def test_a_file_without_a_header_to_go_by_is_refused_as_a_whole(
    lists: Lists, lines: tuple[str | bytes, ...], sentence: str
) -> None:
    said = refused(lists.csv(*lines))
    assert sentence in said
    assert "694" not in said
    assert "anna@" not in said


def test_a_column_that_the_configuration_names_and_the_file_lacks_is_told_with_the_nearest(lists: Lists) -> None:
    audience = lists.csv("Name,Mobile no,phone", "Anna,x,y", columns={"phone": "Mobile nr"})
    assert "has no column 'Mobile nr' (columns.phone). Did you mean 'Mobile no'?" in refused(audience)
    audience = lists.csv("Name,phone", "Anna,y", columns={"email": "zzz"})
    assert "(columns.email). There are: Name, phone." in refused(audience)


def test_files_that_cannot_be_read_are_told_with_a_cure(tmp_path: Path) -> None:
    assert "There is no file" in refused(Audience(source="none.csv", folder=tmp_path))
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder. Name a file in it" in refused(Audience(source="folder.csv", folder=tmp_path))
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    assert "cannot be read" in refused(Audience(source="loop.csv", folder=tmp_path))


def test_the_file_is_closed_when_nobody_reads_on(lists: Lists) -> None:
    found = rows(lists.csv("name,phone", ANNA, BOB))
    next(found)
    found.close()  # type: ignore[attr-defined]  # else the warning of an unclosed file would fail this test


# Any file --------------------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(
        ["", "Anna", "+306941234567", "6941234567", "anna@ferries.example", "yes", "=1+1", "@", "2024-01-01"]
    ),
    st.text(max_size=8),
    st.text('a,;"\t\r\n\0\udce9 ', max_size=8),
)


def in_a_file(data: bytes) -> Audience:
    with tempfile.NamedTemporaryFile(suffix=".csv", delete=False) as file:
        file.write(data)
    return Audience(source=file.name, region="GR")


@settings(max_examples=150)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12))
def test_every_row_of_a_proper_file_is_a_contact_or_a_bad_row(table: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["name", "phone", "email"], *table])
    audience = in_a_file(text.getvalue().encode("utf-8", "surrogateescape"))
    try:
        found = census(audience)
        full = [row for row in table if any(map(str.strip, row))]
        assert found.rows == len(full) == found.contacts + found.bad
        assert found.contacts == found.duplicates + sum(found.by_mask.values())
        assert found.flaws_found >= found.bad + found.flawed
    finally:
        Path(audience.where).unlink()


@settings(max_examples=200)
@given(st.binary(max_size=300).map(lambda data: data.replace(b'"', b"'").replace(b"\r", b"\n")))
def test_every_line_of_any_bytes_is_told_of(data: bytes) -> None:
    audience = in_a_file(b"name,phone\n" + data)
    try:
        lines = [line for line in data.split(b"\n") if _holds_something(line)]
        assert len(read(audience)) == len(lines)
    finally:
        Path(audience.where).unlink()


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_what_a_person_can_mend(data: bytes) -> None:
    audience = in_a_file(data)
    try:
        for row in rows(audience):
            assert row.contact is not None or row.flaws
    except ConfigError as error:
        assert str(error)
    finally:
        Path(audience.where).unlink()


@settings(max_examples=100)
@given(st.lists(st.text('ab,"\n', max_size=12), max_size=40))
def test_quotes_never_swallow_a_line_without_a_word(lines: list[str]) -> None:
    """Each line is blank, or within a row that is told of: between its number and that of the next."""
    data = "".join(f"{line}\n" for line in lines)
    audience = in_a_file(b"name,phone\n" + data.encode())
    try:
        numbers = [row.number for row in read(audience)]
        assert numbers == sorted(set(numbers))
        for number, line in enumerate(data.split("\n"), start=2):
            if line.replace(",", "").replace('"', "").strip():
                assert any(start <= number < start + 50 for start in numbers), number
    finally:
        Path(audience.where).unlink()


def _holds_something(line: bytes) -> bool:
    return any(cell.strip() for cell in line.decode("utf-8", "surrogateescape").split(","))
