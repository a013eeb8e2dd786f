"""Pieces of e-mails, read back by the standard library's own reader."""

from __future__ import annotations

import quopri
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.text import mime
from surecast.text.fit import clean

#: Texts full of what quoted-printable, SMTP and mailbox files care about.
TEXTS = st.one_of(st.text("ab.F rom~=\n\té€😀 ", max_size=300), st.text(max_size=80)).map(clean)
NAMES = st.one_of(st.text(max_size=120), st.text('Añ "\\<>,;:@=?\r\n\0.', max_size=80))


def lines(encoded: bytes) -> list[bytes]:
    return encoded.split(b"\r\n")


def keeps_to_the_rules(encoded: bytes) -> bool:
    return all(
        len(line) <= 76 and b"\n" not in line and not line.startswith((b".", b"From ")) and line.isascii()
        for line in lines(encoded)
    )


def decoded(encoded: bytes) -> str:
    return quopri.decodestring(encoded).replace(b"\r\n", b"\n").decode()


@given(TEXTS)
def test_a_body_is_read_as_it_was_written_and_no_server_has_to_alter_it(text: str) -> None:
    encoded = mime.quoted_printable(text)
    assert decoded(encoded) == text
    assert keeps_to_the_rules(encoded)


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=6))
def test_pieces_and_values_make_one_text_in_any_order(parts: list[tuple[str, bool]]) -> None:
    encoded = b"".join(mime.value(text) if short else mime.piece(text) for text, short in parts)
    assert decoded(encoded) == "".join(text for text, _ in parts)
    assert keeps_to_the_rules(encoded)


@given(st.text("F.rom aZ09,'()/:;?@&+%_-", max_size=90))
def test_a_plain_value_is_the_same_as_any_other(text: str) -> None:
    assert decoded(mime.value(text)) == decoded(mime.piece(text)) == text


def headers(line: bytes) -> dict[str, str]:
    return dict(message_from_bytes(line + b"\r\n", policy=policy.default).items())


@given(st.one_of(NAMES, st.text("ab -\t", max_size=200)))
def test_a_subject_is_one_header_with_its_words(text: str) -> None:
    line = mime.header("Subject", text)
    assert headers(line) == {"Subject": mime.one_line(text)}
    assert max(map(len, lines(line))) <= 78


def test_a_long_subject_in_ascii_is_folded_between_words() -> None:
    assert mime.header("Subject", "word " * 20) == (
        b"Subject: " + b" ".join([b"word"] * 13) + b"\r\n " + b" ".join([b"word"] * 7) + b"\r\n"
    )


@given(NAMES)
def test_a_mailbox_is_one_header_with_its_name_and_address(name: str) -> None:
    line = mime.mailbox_header("To", name, "ann@example.org")
    read = message_from_bytes(line + b"\r\n")
    # Not by the newer reader, which puts a space between two encoded words of a name.
    shown, address = parseaddr(str(read["To"]))
    assert (str(make_header(decode_header(shown))), address) == (mime.one_line(name), "ann@example.org")
    assert read.keys() == ["To"]
    assert max(map(len, lines(line))) <= 78


@pytest.mark.parametrize(
    "name",
    ["Ann\r\nBcc: all@example.org", "Ann\nX: y", "Ann\0", "Ann\u2028Bcc: x", "\x85Ann", '"><script>', "=?utf-8?q?x?="],
)
def test_nothing_in_a_name_begins_another_header(name: str) -> None:
    line = mime.mailbox_header("To", name, "ann@example.org")
    read = message_from_bytes(line + b"\r\n", policy=policy.default)
    assert (read.keys(), read["To"].defects) == (["To"], ())
    assert [address.addr_spec for address in read["To"].addresses] == ["ann@example.org"]


def test_an_address_in_utf8_stays_as_it_is() -> None:
    assert mime.mailbox_header("To", "", "άννα@example.org") == "To: <άννα@example.org>\r\n".encode()


def test_a_name_is_shown_in_quotes_where_it_is_plain() -> None:
    assert mime.mailbox_header("To", 'O"Hara, Ann', "a@b.c") == b'To: "O\\"Hara, Ann" <a@b.c>\r\n'


def test_items_of_a_list_stand_one_in_a_line() -> None:
    assert mime.list_header("List-Unsubscribe", ["https://a.example/x", "mailto:b@c.d"]) == (
        b"List-Unsubscribe: <https://a.example/x>,\r\n <mailto:b@c.d>\r\n"
    )


@given(st.text("ab\ue000\ue001", max_size=30))
def test_a_text_is_cut_at_its_marks_and_nothing_is_lost(text: str) -> None:
    marks = ("\ue000", "\ue001")
    cut = mime.in_between(text, marks)
    assert "".join(part if isinstance(part, str) else marks[part] for part in cut) == text
    assert not any(mark in part for mark in marks for part in cut if isinstance(part, str))


def test_a_text_without_marks_is_one_piece() -> None:
    assert mime.in_between("hello", ()) == ["hello"]
