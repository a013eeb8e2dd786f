"""A mail relay, simulated: it takes messages and keeps them (RFC 5321, with PIPELINING, SIZE, SMTPUTF8 and AUTH).

What differs on purpose:

- Nothing is encrypted; the port is on loopback. Any login is good but the password ``wrong``; none is needed.
- Any address has a mailbox, but those that begin with ``nobody`` (550 5.1.1), ``moved`` (551), ``full`` (452 4.2.2),
  ``grey`` (450 4.2.0) and ``foreign`` (554 5.7.1, as from a relay that does not know us).
- A write is one message, from MAIL to the answer to its text. What is not taken in fails at MAIL, but ``refused`` and
  ``error``, which are the answer to the text. Logging in is struck by faults on sessions only.

Messages are looked at with `posts`, or on the control port, which shows recipients masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from surecast.contact import masked
from surecast.sandbox.chaos import Fault, Kind, On, Trouble
from surecast.sandbox.server import Platform, Post, Request

if TYPE_CHECKING:
    import asyncio

    from aiohttp import web

REPLIES: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.THROTTLED: "450 4.7.1 Error: too much mail",
        Fault.UNAUTHORIZED: "530 5.7.0 Authentication required",
        Fault.FORBIDDEN: "553 5.7.1 Sender address rejected: not owned by the user",
        Fault.REFUSED: "554 5.7.1 Message refused",
        Fault.ERROR: "451 4.3.0 Error: queue file write error",
        Fault.UNAVAILABLE: "421 4.3.2 Service shutting down",
        Fault.EDGE: "421 4.4.1 No mail server behind this one answers",
        Fault.GARBAGE: "HTTP/1.1 400 Bad Request",
    }
)

#: Faults that are told about the text, not about the sender.
OF_THE_TEXT: Final = frozenset({Fault.REFUSED, Fault.ERROR})

MAILBOXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nobody": "550 5.1.1 No such user here",
        "moved": "551 5.1.6 User not local",
        "full": "452 4.2.2 Mailbox full",
        "grey": "450 4.2.0 Greylisted, try again in 60 seconds",
        "foreign": "554 5.7.1 Relay access denied",
    }
)


@dataclass(frozen=True, slots=True)
class Struck:
    """One message or login on its way, and what happens to it."""

    entry: Request
    trouble: Trouble | None = None
    lifted: asyncio.Event | None = None


class Mail(Platform):
    """The simulated relay."""

    title = "E-mail"

    def __init__(self, name: str, **house: Any) -> None:
        super().__init__(name, **house)
        self.url = f"smtp{self.url.removeprefix('http')}"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """None: this port does not speak HTTP."""
        return ()

    async def open(self) -> None:
        from surecast.sandbox.mail_wire import Conversation  # noqa: PLC0415 - loads aiosmtpd

        self._port.answer(lambda: Conversation(self))

    # What conversations ask, in the sandbox's loop

    def begin(self, kind: Kind, command: str) -> Struck:
        """Notes a message or a login, and whether a fault strikes it."""
        entry = Request(at=self.clock.now(), kind=kind, method=command, path="")
        self._log.append(entry)
        self._counts[kind] += 1
        # A fault on everything means the messages: a login is rare, and would use up what is to strike a message.
        if kind is Kind.SESSION and not any(each.on is On.SESSIONS for each in self._switch.troubles):
            return Struck(entry)
        trouble, lifted = self._switch.strike(kind)
        if trouble is not None:
            entry.fault = trouble.fault
        return Struck(entry, trouble, lifted)

    def over(self) -> None:
        """Lets a fault that has struck often enough go."""
        self._switch.expire()
        self._follow_the_switch()

    def mailbox(self, address: str) -> str:
        """What a recipient is refused with; empty when there is a mailbox."""
        local = address.partition("@")[0].lower()
        return next((reply for start, reply in MAILBOXES.items() if local.startswith(start)), "")

    def note(self, struck: Struck, recipient: str, content: bytes) -> None:
        """Notes of a message what a log may hold."""
        struck.entry.path = masked(recipient)
        struck.entry.digest = hashlib.sha256(content).hexdigest()

    def take(self, recipient: str, content: bytes) -> None:
        """Puts a message into its mailbox."""
        message = message_from_bytes(content, policy=policy.default)
        text = _text(message)
        self.shelves.put(
            Post(
                id=str(len(self.shelves.held) + 1),
                author=f"{message['From']} to {masked(recipient)}",
                text=text,
                html=f"<pre>{escape(text)}</pre>",
                at=self.clock.now(),
                url="",
                language=str(message["Content-Language"] or ""),
                raw={"to": recipient, "message": message, "content": content},
            )
        )


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
