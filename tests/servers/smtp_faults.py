"""A mail relay that fails on purpose, in a thread of this process; Postfix is the one that does its work.

with SmtpFaults("cut") as server:
    ...  # the message is stored, and its sender gets no answer
    assert server.stored[0].recipients == ("ann@d.test",)
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import tempfile
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, syntax

from tests.servers.certificates import Certificate, make_certificate
from tests.servers.process import ServerError, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage
    from types import TracebackType
    from typing import Self

    from aiosmtpd.smtp import Envelope, LoginPassword, Session

CONNECTION_MODES: Final = ("noreply", "close", "garbage", "421greet", "auth")
RECIPIENT_MODES: Final = ("grey", "421rcpt")
MESSAGE_MODES: Final = ("421data", "554data", "cut_early", "cut", "slow")
MODES: Final = ("ok", *CONNECTION_MODES, *RECIPIENT_MODES, *MESSAGE_MODES)

USER, PASSWORD = "u", "p"
CLOSING: Final = b"421 4.3.2 Service shutting down\r\n"
# What a server says that hangs up or falls silent on connect, and whether it hangs up.
GREETINGS: Final = {
    "noreply": (b"", False),
    "close": (b"", True),
    "garbage": (b"HTTP/1.1 400 Bad Request\r\n\r\n", True),
    "421greet": (b"421 4.7.0 too many connections\r\n", True),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """One message that was taken, whatever its sender was told."""

    sender: str
    recipients: tuple[str, ...]
    """Those of the envelope that were not refused."""
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The content, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


class SmtpFaults:
    """Applies one fault to what comes, `remaining` times (default: always), and else does as "ok".

    ok         takes every message; STARTTLS is offered with `tls`
    noreply    accepts the connection and never says a word
    close      closes the connection at once
    garbage    greets with something that is no SMTP
    421greet   greets with 421 and closes
    auth       demands STARTTLS and a login as USER with PASSWORD; a wrong one gets 535
    grey       451 to each recipient's first try
    421rcpt    421 to a recipient, and closes
    421data    takes the message, answers it with 421 and closes
    554data    refuses the message with 554, and does not take it
    cut_early  closes at the command DATA: the message did not come
    cut        takes the message and closes without an answer
    slow       takes the message and answers after `delay_seconds`

    What is refused of `refused` is so in all modes: each key is an address, its value the whole answer to it, as
    "550 5.1.1 no such user". A test may change it at any time.
    """

    def __init__(
        self,
        mode: str = "ok",
        *,
        remaining: int | None = None,
        refused: Mapping[str, str] | None = None,
        tls: bool = False,
        delay_seconds: float = 10.0,
    ) -> None:
        self.host: Final = "127.0.0.1"
        self.refused = dict(refused or {})
        self.tls = tls
        self.delay_seconds = delay_seconds
        self._lock = threading.Lock()
        self._stored: list[Stored] = []
        self._data_starts = self._connections = 0
        self._greylisted: set[str] = set()
        self._open: set[asyncio.Transport] = set()
        self.set_mode(mode, remaining)
        self._files = tempfile.TemporaryDirectory()
        started: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True, name="smtp-faults")
        self._thread.start()
        self.port: Final = started.result(timeout=30)

    def set_mode(self, mode: str, remaining: int | None = None) -> None:
        """Apply another fault from now on, to that many connections, recipients or messages, or to all."""
        if mode not in MODES:
            raise ValueError(f"no mode is called {mode!r}; there are {', '.join(MODES)}")
        with self._lock:
            self._mode, self._remaining = mode, remaining

    @property
    def stored(self) -> list[Stored]:
        """The messages it took, in the order they came; a copy."""
        with self._lock:
            return list(self._stored)

    @property
    def data_starts(self) -> int:
        """How many DATA commands came: how often somebody began to send a message."""
        return self._data_starts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._connections

    @property
    def ca_file(self) -> Path:
        """The certificate of its STARTTLS, to be given to a client as its file of authorities."""
        return self._certificate.file

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Stored]:
        """Wait until it took that many messages and return them; raises ServerError when it does not."""
        wait_until(lambda: len(self.stored) >= count, seconds, f"fewer than {count} messages came")
        return self.stored

    def stop(self) -> None:
        """End it and all its connections; safe to call twice."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # its loop ended meanwhile
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout=10)
        self._files.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @cached_property
    def _certificate(self) -> Certificate:
        return make_certificate(Path(self._files.name))

    async def _run(self, started: concurrent.futures.Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # clients break off: that is what they test
        self._stopping = asyncio.Event()
        try:
            server = await self._loop.create_server(self._accept, self.host, 0, backlog=1024)
        except OSError as error:
            started.set_exception(ServerError(f"no port for the mail relay: {error}"))
            return
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for transport in list(self._open):
            transport.abort()
        await asyncio.sleep(0)  # so that the protocols hear of it

    def _accept(self) -> asyncio.Protocol:
        self._connections += 1
        mode = self.draw(*CONNECTION_MODES)
        if mode in GREETINGS:
            return _Rude(self._open, *GREETINGS[mode])
        options: dict[str, Any] = {}
        if self.tls or mode == "auth":
            options["tls_context"] = self._certificate.context()
        if mode == "auth":
            options |= {"require_starttls": True, "auth_required": True, "authenticator": _authenticate}
        return _Conversation(self, self._open, options)

    def draw(self, *modes: str) -> str:
        """The mode if it is one of these and its turns are not used up, else "ok"; takes one turn."""
        with self._lock:
            if self._mode not in modes or self._remaining == 0:
                return "ok"
            if self._remaining is not None:
                self._remaining -= 1
            return self._mode

    def answer_recipient(self, address: str) -> str | None:
        """What a recipient is refused with, "" for hanging up, None when it is taken."""
        if address in self.refused:
            return self.refused[address]
        if self.draw("421rcpt") != "ok":
            return ""
        if address not in self._greylisted and self.draw("grey") != "ok":
            self._greylisted.add(address)
            return "451 4.7.1 Greylisted, try again later"
        return None

    def began(self) -> None:
        """Count a DATA command."""
        self._data_starts += 1

    def store(self, envelope: Envelope) -> int:
        """Take a message and return its number."""
        content = envelope.original_content or b""
        with self._lock:
            self._stored.append(Stored(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
            return len(self._stored)

    async def dawdle(self) -> None:
        """Wait for `delay_seconds`, or until it is stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self.delay_seconds)


class _Rude(asyncio.Protocol):
    """A connection on which no mail is talked about."""

    def __init__(self, opened: set[asyncio.Transport], greeting: bytes, closing: bool) -> None:
        self._opened = opened
        self._greeting = greeting
        self._closing = closing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened.add(transport)
        transport.write(self._greeting)
        if self._closing:
            transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._opened.discard(self._transport)


class _Conversation(SMTP):
    """A connection with a client."""

    def __init__(self, faults: SmtpFaults, opened: set[asyncio.Transport], options: Mapping[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(_Hooks(faults), hostname="mx.d.test", enable_SMTPUTF8=True, loop=loop, **options)
        self._faults = faults
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:  # else it is the same one after STARTTLS
            assert isinstance(transport, asyncio.Transport)
            self._raw = transport
            self._opened.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._opened.discard(self._raw)
        super().connection_lost(error)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands and hooks by name
        self._faults.began()
        if self.envelope and self.envelope.rcpt_tos and self._faults.draw("cut_early") != "ok":
            self.break_off()
            return
        await super().smtp_DATA(arg)

    def break_off(self) -> None:
        """End the connection without a word."""
        self._raw.abort()

    def hang_up(self) -> str:
        """End the connection with 421; gives the answer again, for a caller that must have one."""
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.write(CLOSING)
        self.transport.close()
        return CLOSING.decode().strip()


class _Hooks:
    """What aiosmtpd asks in the course of a conversation."""

    def __init__(self, faults: SmtpFaults) -> None:
        self._faults = faults

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: _Conversation, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self._faults.answer_recipient(address)
        if answer == "":
            return server.hang_up()
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: _Conversation, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        mode = self._faults.draw("421data", "554data", "cut", "slow")
        if mode == "554data":
            return "554 5.7.1 Message refused"
        number = self._faults.store(envelope)
        if mode == "421data":
            return server.hang_up()
        if mode == "cut":
            server.break_off()
        elif mode == "slow":
            await self._faults.dawdle()
        return f"250 OK id={number}"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword | None
) -> AuthResult:
    good = data is not None and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)
