"""What the tests of the e-mail adapter share: adapters, letters, sendings, and what came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

from tests.servers.smtp_faults import PASSWORD, USER, SmtpFaults

from surecast.channel import Adapter, Errand, Sending
from surecast.channels.email import TRAITS, Email, Relay, Settings
from surecast.contact import Recipient
from surecast.outcome import Outcome
from surecast.secret import Secret
from surecast.testing import a_context
from surecast.testing import an_errand as a_bare_errand
from surecast.testing.contract import attempt

T = TypeVar("T")

ANN = Recipient(address="ann@d.test", name="Ann", language="en")
STOP = "mailto:stop@ferries.example"


def settings(*relays: Relay, **own: Any) -> Settings:
    given = {
        "sender": "Harbour Ferries <notices@ferries.example>",
        "unsubscribe": STOP,
        "postal_address": "Pier 3, Harbour",
        **own,
    }
    return Settings(relays=relays or (Relay(host="mail.ferries.example"),), **given)


def plain(port: int) -> Relay:
    """A relay on this machine, which needs no encryption."""
    return Relay(host="127.0.0.1", port=port, security="none")


def secure(port: int, password: str = PASSWORD) -> Relay:
    return Relay(host="127.0.0.1", port=port, user=USER, password=Secret.of(password))


def an_adapter(*relays: Relay, ca_file: Path | None = None, **own: Any) -> Email:
    return Email(settings(*relays, **own), a_context("newsletter", ca_file=ca_file and str(ca_file)))


def an_errand(text: str = "Ferry 12 is cancelled today", **words: Any) -> Errand:
    """A delivery of `text`; `words` are those of an announcement beside it."""
    errand = a_bare_errand(text, TRAITS, created_at=1_795_000_000.0)
    return replace(errand, post=replace(errand.post, words=replace(errand.post.words, **words)))


def a_sending(payload: bytes, to: Recipient | str = ANN, *, key: str = "", timeout_s: float = 10.0) -> Sending:
    recipient = Recipient(address=to) if isinstance(to, str) else to
    return Sending(
        key=key or f"key of {recipient.address}",
        payload=payload,
        first_began_at=0.0,
        timeout_s=timeout_s,
        to=recipient,
    )


def using(adapter: Email, work: Callable[[bytes], Awaitable[T]], errand: Errand | None = None) -> T:
    """Lets `work` use an open adapter and a payload of it."""

    async def used() -> T:
        await adapter.open()
        try:
            return await work(await adapter.prepare(errand or an_errand()))
        finally:
            await adapter.close()

    return asyncio.run(used())


def send(adapter: Email, *to: Recipient | str, timeout_s: float = 10.0, errand: Errand | None = None) -> list[Outcome]:
    """What comes of one message to each, one after the other."""

    async def one_by_one(payload: bytes) -> list[Outcome]:
        return [await attempt(adapter, a_sending(payload, each, timeout_s=timeout_s)) for each in to or (ANN,)]

    return using(adapter, one_by_one, errand)


def parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


class RelaySide:
    """A server with aiosmtpd's own replies, for the contract."""

    def __init__(self, server: SmtpFaults) -> None:
        self._server = server

    def adapter(self) -> Adapter:
        return an_adapter(Relay(host=self._server.host, port=self._server.port), ca_file=self._server.ca_file)

    def texts(self) -> Sequence[str]:
        return [text_of(stored.message) for stored in self._server.stored]

    def writes(self) -> Sequence[str]:
        """The messages that were taken, and a blank for each that was only begun."""
        taken = [str(stored.message["Message-ID"]) for stored in self._server.stored]
        return [*taken, *[""] * (self._server.data_starts - len(taken))]

    def break_(self, fault: str) -> None:
        self._server.set_mode(fault)

    def mend(self) -> None:
        self._server.set_mode("ok")
