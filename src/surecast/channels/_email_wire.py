"""Handing messages over on a connection to a mail server that is greeted, secured and logged in.

aiosmtplib sets the connection up. Its own protocol waits for the reply to every command before it writes the next, and
its errors look alike before and after the final dot. Here all commands before the text go out at once where the server
can take that (PIPELINING, RFC 2920), and it is always known whether the dot was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from surecast.channels._email_replies import Reply, Stage

LONGEST_REPLY = 32_768

#: Postfix lets a connection wait after its tenth mistake, and one refused message makes two: the recipient, and DATA
#: without one (https://www.postfix.org/postconf.5.html#smtpd_soft_error_limit, 2026-11-26).
REFUSALS = 4

_STAGES = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message with its envelope.

    Attributes:
        data: no line of it begins with a dot, and it ends with a line break.
    """

    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What the server said that it can do."""

    pipelining: bool
    size: bool
    utf8: bool


class BrokenError(Exception):
    """The connection broke, or no reply came in time.

    Attributes:
        stage: `Stage.TEXT` when the final dot was written: then nobody knows whether the message was taken.
        timed_out: whether time was up.
    """

    def __init__(self, stage: Stage, *, timed_out: bool) -> None:
        super().__init__(stage)
        self.stage = stage
        self.timed_out = timed_out


class Wire(asyncio.Protocol):
    """One connection, for one message at a time.

    Args:
        transport: of a connection on which nothing is under way; from now on it is only this object's.
    """

    def __init__(self, transport: asyncio.Transport, offers: Offers) -> None:
        self.offers = offers
        self.idle_since = 0.0
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._lines: list[bytes] = []
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._broken = False
        self._timed_out = False
        self._closing = False  # the server said that it is about to
        self._half_way = False  # a transaction was begun and refused
        self._refusals = 0
        transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Whether another message may be tried; a server that spoke unasked has said good-bye."""
        ended = self._broken or self._closing or self._transport.is_closing() or self._refusals >= REFUSALS
        return not ended and not self._replies and not self._rest

    async def hand_over(self, mail: Mail, *, dot_until: float, until: float) -> tuple[Stage, Reply]:
        """The reply that decided, and the stage in which it came.

        Args:
            dot_until: the final dot is not written later; in the loop's time.
            until: the last reply is waited for so long.

        Raises:
            BrokenError: without such a reply.
        """
        try:
            refused = await self._envelope(mail, dot_until)
            if refused is not None:
                self._refusals += 1
                return refused
            self._half_way = False
            self._write(Stage.DATA, mail.data + b".\r\n")
            (reply,) = await self._answers(Stage.TEXT, 1, until)
        except BaseException:
            self.abort()
            raise
        return Stage.TEXT, reply

    async def quick_check(self, until: float) -> Reply:
        """The reply to NOOP.

        Raises:
            BrokenError: there is none.
        """
        self._write(Stage.HELLO, b"NOOP\r\n")
        return (await self._answers(Stage.HELLO, 1, until))[0]

    def close(self) -> None:
        """Says good-bye and leaves; over TLS, a polite end would go on after the event loop."""
        if not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
            self._transport.abort()

    def abort(self) -> None:
        """Ends the connection at once, whatever is under way."""
        self._transport.abort()

    async def _envelope(self, mail: Mail, until: float) -> tuple[Stage, Reply] | None:
        """Says who writes to whom, and asks to write; the refusal, if one comes."""
        size = f" SIZE={len(mail.data)}" if self.offers.size else ""
        utf8 = "" if mail.recipient.isascii() else " SMTPUTF8"
        commands = (f"MAIL FROM:<{mail.sender}>{size}{utf8}\r\n", f"RCPT TO:<{mail.recipient}>\r\n", "DATA\r\n")
        if self._half_way:
            self._write(Stage.SENDER, b"RSET\r\n")
            (reply,) = await self._answers(Stage.SENDER, 1, until)
            if reply.code >= 300:
                return Stage.SENDER, reply
        self._half_way = True
        replies = await self._ask(commands, until)
        for stage, reply in zip(_STAGES, replies, strict=False):
            if reply.code != 354 if stage is Stage.DATA else not 200 <= reply.code < 300:
                if stage is not Stage.DATA and replies[-1].code == 354:
                    self.abort()  # it waits for a text to nobody (RFC 2920, 3.1); without a dot there is none
                return stage, reply
        return None

    async def _ask(self, commands: Sequence[str], until: float) -> list[Reply]:
        if self.offers.pipelining:
            self._write(Stage.SENDER, "".join(commands).encode())
            return await self._answers(Stage.SENDER, len(commands), until)
        replies: list[Reply] = []
        for stage, command in zip(_STAGES, commands, strict=True):
            self._write(stage, command.encode())
            replies += await self._answers(stage, 1, until)
            if replies[-1].code >= 400:
                break
        return replies

    def _write(self, stage: Stage, data: bytes) -> None:
        if self._broken or self._transport.is_closing():
            raise BrokenError(stage, timed_out=False)
        self._transport.write(data)

    async def _answers(self, stage: Stage, count: int, until: float) -> list[Reply]:
        """So many replies, or fewer that end with a refusal, after which the server left."""
        if len(self._replies) < count and not self._broken:
            self._wanted, self._waiter = count, self._loop.create_future()
            timer = self._loop.call_at(until, self._end, True)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        replies, self._replies = self._replies, []
        if len(replies) < count and not (replies and replies[-1].code >= 400):
            raise BrokenError(stage, timed_out=self._timed_out)
        return replies

    def _end(self, timed_out: bool = False) -> None:
        self._broken = True
        self._timed_out = timed_out
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        """Takes replies apart: lines of a code, a hyphen or a space, and words (RFC 5321, 4.2.1)."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) + len(self._lines) > LONGEST_REPLY:
            self._end()
            return
        for line in lines:
            self._lines.append(line[4:])
            if line[3:4] == b"-":
                continue
            code = int(line[:3]) if line[:3].isdigit() else 0
            self._closing = self._closing or code in {0, 421}
            self._replies.append(Reply(code, b" ".join(self._lines).decode("utf-8", "replace").strip()))
            self._lines.clear()
        if self._waiter is not None and len(self._replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def eof_received(self) -> bool:
        """The server has left; so do we."""
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing comes any more."""
        del exc
        self._end()
