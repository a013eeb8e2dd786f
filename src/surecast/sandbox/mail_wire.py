"""The simulated relay's side of a connection, on aiosmtpd; importing this module loads it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, syntax

from surecast.sandbox.chaos import Fault, Kind, Trouble
from surecast.sandbox.mail import OF_THE_TEXT, REPLIES

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, LoginPassword, Session

    from surecast.sandbox.mail import Mail, Struck

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells addresses and texts below that

HOSTNAME = "mx.sandbox.example"
BAD_PASSWORD = b"wrong"
NO_LOGIN = "535 5.7.8 Error: authentication failed"

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


class Conversation(SMTP):
    """One connection. Methods that begin with ``smtp_`` and ``handle_`` are found by aiosmtpd by their names."""

    def __init__(self, relay: Mail) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            _Hooks(relay, self),
            hostname=HOSTNAME,
            ident="surecast sandbox",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_authenticate,
            loop=loop,
        )
        self._relay = relay
        self._struck: Struck | None = None

    @syntax("AUTH <mechanism>")
    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands by name
        struck = self._relay.begin(Kind.SESSION, "AUTH")
        if struck.trouble is None:
            await super().smtp_AUTH(arg)
            return
        usual = "235 2.7.0 Authentication successful" if struck.trouble.carried_out else ""
        said = NO_LOGIN if struck.trouble.fault is Fault.UNAUTHORIZED else ""
        await self._spoil(struck, usual, said)
        self._relay.over()

    @syntax("MAIL FROM: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - as above
        self._struck = struck = self._relay.begin(Kind.WRITE, "MAIL")
        trouble = struck.trouble
        if trouble is None or trouble.carried_out or trouble.fault in OF_THE_TEXT:
            await super().smtp_MAIL(arg)
            return
        await self._spoil(struck, "")
        self._relay.over()

    async def end_of_text(self, envelope: Envelope) -> str:
        """The answer to a message; empty when there will be none."""
        struck, content = self._struck, envelope.original_content or b""
        assert struck is not None, "a text follows MAIL"
        self._struck = None
        recipient = str(envelope.rcpt_tos[0])
        self._relay.note(struck, recipient, content)
        trouble = struck.trouble
        if trouble is None or trouble.carried_out:
            for each in envelope.rcpt_tos:
                self._relay.take(str(each), content)
        usual = "250 2.0.0 Ok: queued"
        if trouble is None:
            struck.entry.answer = 250
        else:
            await self._spoil(struck, usual)
            usual = ""
        self._relay.over()
        return usual

    async def push(self, status: Any) -> None:
        """Says something, where there is something to say."""
        if status:
            await super().push(status)

    async def _spoil(self, struck: Struck, usual: str, said: str = "") -> None:
        """Does what a fault does in place of an answer.

        Args:
            usual: the answer that there would be.
            said: instead of the fault's own words.
        """
        trouble = struck.trouble
        assert trouble is not None
        assert struck.lifted is not None
        match trouble.fault:
            case Fault.HANG_BEFORE | Fault.HANG_AFTER:
                await struck.lifted.wait()
                self._hang_up()
            case Fault.LOST_REPLY | Fault.CLOSE:
                self._hang_up()
            case Fault.RESET:
                self._reset()
            case Fault.HALF:
                self._say(usual.encode()[: len(usual) // 2])
                self._hang_up()
            case Fault.SLOW:
                await self._drip(f"{usual}\r\n".encode(), trouble.drip_s, struck.lifted)
            case _:
                struck.entry.answer = await self._refuse(trouble, said or REPLIES[trouble.fault])

    async def _refuse(self, trouble: Trouble, reply: str) -> int | None:
        wait = trouble.stated_wait_s
        if wait is not None and trouble.fault in {Fault.THROTTLED, Fault.UNAVAILABLE}:
            reply = f"{reply}, try again in {max(1, round(wait))} seconds"
        await super().push(reply)
        if reply.startswith("421") or trouble.fault is Fault.GARBAGE:
            self._hang_up()
        return int(reply[:3]) if reply[:3].isdigit() else None

    async def _drip(self, data: bytes, pause_s: float, lifted: asyncio.Event) -> None:
        for place in range(len(data)):
            self._say(data[place : place + 1])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lifted.wait(), pause_s)

    def _say(self, data: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(data)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def _reset(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            connection = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
            self.transport.abort()


class _Hooks:
    """What aiosmtpd asks in the course of a conversation."""

    def __init__(self, relay: Mail, conversation: Conversation) -> None:
        self._relay = relay
        self._conversation = conversation

    async def handle_EHLO(  # noqa: N802 - its name is aiosmtpd's
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        refused = self._relay.mailbox(address)
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        return await self._conversation.end_of_text(envelope)


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword | None
) -> AuthResult:
    return AuthResult(success=data is not None and data.password != BAD_PASSWORD, handled=False)
