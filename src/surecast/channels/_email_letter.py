"""The letter: what all recipients of an announcement get alike, frozen, and the message made of it for one of them.

Building is done once for many. The templates are filled with marks in the place of what is personal, cut at the marks,
and encoded; a message is then these pieces with a few encoded values between them. A template that does more with a
personal value than to show it cannot be cut so: it is found out by trying, and filled anew for every message.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from surecast.contact import Recipient
from surecast.text import mime

if TYPE_CHECKING:
    import jinja2

SCHEMA = 1
FALLBACK_LANGUAGE = "en"
TEXT, HTML = "email.txt", "email.html"

#: What stands for the person in a link for leaving the list.
ADDRESS, TOKEN = "{address}", "{token}"
TOKEN_BYTES = 16

#: People that no template treats the same when it does more than to show a value.
_PROBES = (
    ("Zoë <&> O'Hara", "zoe+x@example.org"),
    ("bo", "b@example.org"),
    ("a very long name " * 8, "long@example.org"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What `prepare` freezes; its JSON is the payload.

    Attributes:
        sender: the mailbox in From: its name and its address.
        envelope_from: where bounces go; empty takes the sender's address. `ADDRESS` in it stands for the recipient.
        shared: what the templates are told besides the person.
        words: the fixed phrases, by language.
        templates: the source of both, by name.
        leave: the addresses for leaving the list, the first of which is shown in the message.
        one_click: whether the first answers to RFC 8058.
    """

    sender: tuple[str, str]
    reply_to: str
    envelope_from: str
    subject: str
    date: str
    boundary: str
    language: str
    shared: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    templates: Mapping[str, str]
    leave: tuple[str, ...]
    one_click: bool

    def payload(self) -> bytes:
        """The same bytes for the same letter."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def read(cls, payload: bytes) -> Frozen:
        """What `payload` gave."""
        raw = json.loads(payload)
        del raw["schema"]
        return cls(**{**raw, "sender": tuple(raw["sender"]), "leave": tuple(raw["leave"])})


@dataclass(frozen=True, slots=True)
class Personal:
    """What is different in every message."""

    name: str
    address: str
    leave: str


class Letter:
    """A frozen letter, ready to be written to many.

    Args:
        key: of the tokens in links for leaving the list; empty where there are none.
    """

    def __init__(self, frozen: Frozen, key: bytes = b"") -> None:
        self._frozen = frozen
        self._key = key
        self._tags: dict[str, str] = {}
        self._moulds: dict[tuple[str, bool], _Mould] = {}
        self._shown = frozen.leave[0]
        self._personal_leave = any(mark in link for link in frozen.leave for mark in (ADDRESS, TOKEN))
        self._domain = frozen.sender[1].rpartition("@")[2]

    def message(self, to: Recipient, key: str, *, address: str = "") -> bytes:
        """The message to one person, ready for the wire: no line of it begins with a dot.

        Args:
            key: names the delivery; the Message-ID is made of it.
            address: as it is to stand in To, where that is not `to.address`.
        """
        address = address or to.address
        name = mime.one_line(to.name) if to.name else ""
        tag = self._tags.get(to.language) or self._tag(to.language)
        mould = self._moulds.get((tag, name != "")) or self._mould(tag, name != "")
        leave = self._links(address) if self._personal_leave else ()
        pieces = [
            mime.mailbox_header("To", name, address),
            f"Message-ID: <{self.message_id(key)}>\r\n".encode(),
            self._leave_headers(leave) if leave else b"",
        ]
        return mould.fill(pieces, Personal(name, address, leave[0] if leave else self._shown))

    def message_id(self, key: str) -> str:
        """The delivery's own name, the same in every attempt."""
        return f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}@{self._domain}"

    def envelope_from(self, address: str) -> str:
        """Whom the relay tells what could not be delivered; it may name the recipient (VERP)."""
        mailbox = self._frozen.envelope_from
        if ADDRESS not in mailbox:
            return mailbox or self._frozen.sender[1]
        told = mailbox.replace(ADDRESS, address.replace("@", "="))
        if told.isascii() and len(told.rpartition("@")[0]) <= 64:  # RFC 5321, 4.5.3.1.1
            return told
        return mailbox.replace(f"+{ADDRESS}", "").replace(ADDRESS, "")

    def try_out(self) -> None:
        """Fills the templates in every language, with a name and without.

        Raises:
            UsageError: with the template, the line and what is wrong there.
        """
        for language in self._frozen.words:
            for named in (True, False):
                self._mould(language, named)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        import jinja2  # noqa: PLC0415 - loaded with the first letter

        from surecast.text.template import environment  # noqa: PLC0415

        return environment(loader=jinja2.DictLoader(dict(self._frozen.templates)))

    def _render(self, template: str, person: Any, language: str) -> str:
        from surecast.text.template import render  # noqa: PLC0415 - its environment is there by now

        words = {**self._frozen.words[language], "language": language}
        values: dict[str, Any] = {
            **self._frozen.shared,
            "subject": self._frozen.subject,
            "language": self._frozen.language,
            "words": {**words, "why": words["why"].replace("{sender}", self._frozen.shared["sender"])},
            "greeting": _greeting(words["hello"], person.name),
            "name": person.name,
            "address": person.address,
            "unsubscribe": person.leave,
        }
        return render(self._environment, template, **values)

    def _tag(self, language: str) -> str:
        """The language of the fixed phrases for a reader of `language`: theirs, the announcement's, or English."""
        known = self._frozen.words
        wanted = (language, self._frozen.language, FALLBACK_LANGUAGE)
        tags = (tag for each in wanted for tag in (each.lower(), each.partition("-")[0].lower()))
        found = self._tags[language] = next(tag for tag in tags if tag in known)
        return found

    def _mould(self, language: str, named: bool) -> _Mould:
        marks = _unused_marks(self._frozen.payload().decode())
        slots = Personal(*map(_Slot, marks))  # type: ignore[arg-type]  # it stands for a text
        slots = Personal(
            name=slots.name if named else "",
            address=slots.address,
            leave=slots.leave if self._personal_leave else self._shown,
        )
        parts = [self._part(name, slots, marks, language) for name in (TEXT, HTML)]
        made = self._moulds[language, named] = _Mould(self._fixed_headers(), parts, self._frozen.boundary)
        return made

    def _part(self, template: str, slots: Personal, marks: Sequence[str], language: str) -> _Part:
        escape = _escaped if template == HTML else str

        def whole(person: Personal) -> bytes:
            return mime.quoted_printable(_ended(self._render(template, person, language)))

        people = [Personal(name if slots.name else "", each, self._links(each)[0]) for name, each in _PROBES]
        made = [_ended(self._render(template, person, language)) for person in people]
        try:
            cut = mime.in_between(_ended(self._render(template, slots, language)), marks)
        except _MoreThanShownError:
            return whole
        for person, text in zip(people, made, strict=True):
            values = (person.name, person.address, person.leave)
            if "".join(each if isinstance(each, str) else escape(values[each]) for each in cut) != text:
                return whole
        # The text ends with its last line, so the last piece is never a value.
        pieces: list[bytes | int] = [mime.piece(each) if isinstance(each, str) else each for each in cut[:-1]]
        return [*pieces, mime.quoted_printable(str(cut[-1]))], escape

    def _fixed_headers(self) -> bytes:
        frozen = self._frozen
        lines = [
            mime.mailbox_header("From", *frozen.sender),
            mime.header("Subject", frozen.subject),
            f"Date: {frozen.date}\r\n".encode(),
            f"Reply-To: <{frozen.reply_to}>\r\n".encode() if frozen.reply_to else b"",
            b"" if self._personal_leave else self._leave_headers(frozen.leave),
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if frozen.one_click else b"",
            b"Auto-Submitted: auto-generated\r\n",
            f"Content-Language: {frozen.language}\r\n".encode(),
            b"MIME-Version: 1.0\r\n",
            f'Content-Type: multipart/alternative;\r\n boundary="{frozen.boundary}"\r\n\r\n'.encode(),
        ]
        return b"".join(lines)

    def _leave_headers(self, links: Sequence[str]) -> bytes:
        return mime.list_header("List-Unsubscribe", links)

    def _links(self, address: str) -> tuple[str, ...]:
        return tuple(map(self._link(address), self._frozen.leave))

    def _link(self, address: str) -> Callable[[str], str]:
        quoted = quote(address, safe="")
        token = unsubscribe_token(self._key, address) if self._key else ""
        return lambda link: link.replace(ADDRESS, quoted).replace(TOKEN, token)


def unsubscribe_token(key: bytes, address: str) -> str:
    """What proves that a link for leaving the list came in a message to this address: HMAC-SHA-256, shortened."""
    digest = hmac.digest(key, address.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


#: A template cut into pieces, with numbers in the place of values, and how a value is written; or a whole filling.
_Part = tuple[list[bytes | int], Callable[[str], str]] | Callable[[Personal], bytes]


class _Mould:
    """A message with gaps."""

    def __init__(self, headers: bytes, parts: Sequence[_Part], boundary: str) -> None:
        self._pieces: list[bytes] = [b"", b"", b"", headers]
        self._gaps: list[tuple[int, int, Callable[[str], str]]] = []
        self._wholes: list[tuple[int, Callable[[Personal], bytes]]] = []
        for kind, part, before in zip(("plain", "html"), parts, ("", "\r\n"), strict=True):
            self._add(
                f"{before}--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
            )
            if callable(part):
                self._wholes.append((self._add(b""), part))
            else:
                for piece in part[0]:
                    if isinstance(piece, int):
                        self._gaps.append((self._add(b""), piece, part[1]))
                    else:
                        self._add(piece)
        self._add(f"\r\n--{boundary}--\r\n".encode())

    def fill(self, headers: Sequence[bytes], person: Personal) -> bytes:
        """The message; `headers` are the personal ones."""
        pieces = self._pieces.copy()
        pieces[0:3] = headers
        values = (person.name, person.address, person.leave)
        for place, number, written in self._gaps:
            pieces[place] = mime.value(written(values[number]))
        for place, whole in self._wholes:
            pieces[place] = whole(person)
        return b"".join(pieces)

    def _add(self, piece: bytes) -> int:
        self._pieces.append(piece)
        return len(self._pieces) - 1


class _MoreThanShownError(Exception):
    """A template compares, measures or changes a personal value."""


class _Slot:
    """Stands for a personal value that may only be shown, or be asked whether it is there."""

    __slots__ = ("_mark",)
    __hash__ = None  # type: ignore[assignment]  # a value that is looked up is more than shown

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __str__(self) -> str:
        return self._mark

    __html__ = __str__

    def __bool__(self) -> bool:
        return True

    def _more(self, *_: object) -> NoReturn:
        raise _MoreThanShownError

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _more
    __len__ = __iter__ = __contains__ = __getitem__ = __add__ = __radd__ = __mod__ = __mul__ = _more

    def __getattr__(self, name: str) -> NoReturn:
        raise _MoreThanShownError


def _greeting(pattern: str, name: Any) -> str:
    return pattern.replace("{name}", str(name)) if name else ""


def _ended(text: str) -> str:
    """A body that ends with exactly one line break."""
    return text.rstrip("\n") + "\n"


def _escaped(text: str) -> str:
    from markupsafe import escape  # noqa: PLC0415 - comes with jinja2, which has been loaded

    return str(escape(text))


def _unused_marks(text: str) -> list[str]:
    """Three characters for private use that stand nowhere in the letter."""

    def unused() -> Iterator[str]:
        yield from (chr(code) for code in range(0x10F000, 0x10FFFE) if chr(code) not in text)

    found = unused()
    return [next(found) for _ in range(3)]
