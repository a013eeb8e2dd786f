"""E-mail: one message to each reader of a list of yours, through relays of yours, with aiosmtplib.

Formats: RFC 5321 (SMTP), RFC 5322 and 2045 to 2047 (messages), RFC 2369 and 8058 (leaving a list), RFC 3834
(Auto-Submitted). Rules of large receivers: https://support.google.com/a/answer/81126.

A relay that took a message keeps no key by which it would know it again. So a message whose final dot was written and
never answered stays in doubt and is not sent again; whatever fails before the dot was surely not sent.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import socket
from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from functools import partial
from typing import TYPE_CHECKING

from surecast.channel import Context, Errand, Kind, Limits, Probed, Sending, Traits
from surecast.channels._email_letter import Frozen, Letter
from surecast.channels._email_replies import PLATFORM
from surecast.channels._email_settings import Relay, Settings
from surecast.channels._email_wire import Mail
from surecast.channels._email_words import dress, frozen, in_ascii, templates
from surecast.contact import Medium
from surecast.outcome import Outcome, Reason, Receipt, Scope, Verdict
from surecast.secret import Secret
from surecast.threads import DaemonPool
from surecast.transport.clients import tls_context
from surecast.transport.redact import register

if TYPE_CHECKING:
    from surecast.channels._email_relays import Relays
    from surecast.channels._email_talk import Place

__all__ = ["KIND", "Email", "Relay", "Settings"]

#: So many letters are kept ready; a channel seldom sends more than one at a time.
LETTERS_KEPT = 4

#: What would end an address in a header or a command early.
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")

UNWRITABLE = Outcome(
    verdict=Verdict.REFUSED,
    scope=Scope.RECIPIENT,
    reason=Reason.NOT_ALLOWED,
    detail="This address cannot be written in an e-mail. Correct it in the audience.",
)

TRAITS = Traits(
    platform=PLATFORM,
    limits=Limits(text=None),  # relays take 10 MB and more; pictures are left out
    resend="never",
    public=False,
    medium=Medium.EMAIL,
    keeps_link_in_text=False,
    long_form=True,
)


class Email:
    """Writes to the readers of one list.

    Args:
        settings: see `Settings`.
        context: gives the sender's name where ``from`` has none, and the certificates to trust.
    """

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._pool = DaemonPool(f"email-{context.name}", size=2)
        self._letters: dict[bytes, Letter] = {}
        self._key = b""
        self._relays: Relays | None = None

    async def open(self) -> None:
        """Loads the SDK, the templates' engine, the certificates and the key for links, off the loop; no traffic."""
        module = await self._pool.run(importlib.import_module, "surecast.channels._email_relays")
        await self._pool.run(importlib.import_module, "surecast.text.template")
        await self._pool.run(importlib.import_module, "jinja2")
        await self._pool.run(tls_context, self._context)
        if self._settings.unsubscribe_key is not None:
            self._key = (await self._pool.run(self._settings.unsubscribe_key.reveal)).encode()
        self._relays = module.Relays([_post(relay, self._context, self._pool) for relay in self._settings.relays])

    async def close(self) -> None:
        """Ends all connections, whatever is under way."""
        if self._relays is not None:
            self._relays.close()
            await asyncio.sleep(0)  # in which sockets are closed
        self._relays = None
        self._pool.close()

    async def prepare(self, errand: Errand) -> bytes:
        """The letter as JSON, with the sources of its templates; they are tried before anything is sent.

        Raises:
            UsageError: a template cannot be filled; it says where.
        """
        sources = await self._pool.run(templates, self._settings)
        letter = frozen(errand.post, self._settings, sources, key=errand.key, created_at=errand.created_at)
        payload = letter.payload()
        await self._pool.run(self._letter(payload).try_out)
        return payload

    async def publish(self, sending: Sending) -> Outcome:
        """Writes to one reader, once."""
        assert sending.to is not None, "a direct channel writes to somebody"
        assert self._relays is not None, "open comes first"
        letter = self._letters.get(sending.payload) or self._letter(sending.payload)
        to = _on_the_wire(sending.to.address)
        if not to:
            return UNWRITABLE
        data = letter.message(sending.to, sending.key, address=to)
        outcome = await self._relays.hand_over(Mail(letter.envelope_from(to), to, data), sending.timeout_s)
        if outcome.verdict is Verdict.ACCEPTED:
            return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id=letter.message_id(sending.key)))
        return outcome

    async def probe(self, timeout_s: float) -> Probed:
        """Connects, secures the connection and logs in; says through which relay mail would go."""
        assert self._relays is not None, "open comes first"
        try:
            async with asyncio.timeout(timeout_s):
                outcome = await self._relays.check(timeout_s)
        except TimeoutError:
            outcome = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.TIMED_OUT, detail="No relay answered in time.")
        if outcome.verdict is not Verdict.ACCEPTED:
            return Probed(ok=False, detail=outcome.detail, outcome=outcome)
        return Probed(ok=True, detail=f"{outcome.detail} takes mail from {parseaddr(self._settings.sender)[1]}.")

    def classify(self, error: BaseException) -> Outcome | None:
        """What relays say has been judged where it was known how far the message had come."""
        del error
        return None

    def _letter(self, payload: bytes) -> Letter:
        letter = self._letters.get(payload)
        if letter is None:
            while len(self._letters) >= LETTERS_KEPT:
                del self._letters[next(iter(self._letters))]
            letter = self._letters[payload] = Letter(Frozen.read(payload), self._key)
        return letter


def _on_the_wire(address: str) -> str:
    """The address as servers take it; empty when it is none."""
    if _UNSAFE.search(address):
        return ""
    try:
        return address if address.isascii() else in_ascii(address)
    except ValueError:
        return ""


def _post(relay: Relay, context: Context, pool: DaemonPool) -> tuple[str, Callable[[], Awaitable[Place]]]:
    host = relay.where[0]
    return f"The relay {host}", partial(_place, relay, context, pool)


async def _place(relay: Relay, context: Context, pool: DaemonPool) -> Place:
    """Where a relay is, with the password as it is kept now."""
    from surecast.channels._email_talk import Place  # noqa: PLC0415 - loads the SDK, in `open`

    host, port, security = relay.where
    password = await pool.run(_read, relay.password) if relay.password is not None else ""
    return Place(
        host=host,
        port=port,
        tls=None if security == "none" else tls_context(context),
        at_once=security == "tls",
        hello=_hello(),
        user=relay.user,
        password=password,
    )


def _read(secret: Secret) -> str:
    value = secret.reveal()
    register(value)
    return value


def _hello() -> str:
    """What this machine calls itself, without a question to the DNS, which may hang; as smtplib does."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


KIND = Kind(
    name="email", traits=TRAITS, settings=Settings, adapter=Email, sdk=("aiosmtplib",), dress=dress, in_flight=10
)
