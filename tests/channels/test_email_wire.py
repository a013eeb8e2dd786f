"""One connection to a mail server that says what a test wants it to say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from surecast.channels._email_replies import Reply, Stage
from surecast.channels._email_wire import BrokenError, Mail, Offers, Wire

T = TypeVar("T")

MAIL = Mail("a@b.example", "ann@d.test", b"Subject: x\r\n\r\nhello\r\n")
ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<ann@d.test>\r\nDATA\r\n"
ACCEPTED = (Stage.TEXT, Reply(250, "2.0.0 Ok"))


class Script:
    """A server: what it waits to be told, and what it then says; "" hangs up."""

    def __init__(self, *lines: tuple[bytes, bytes]) -> None:
        self.lines = lines
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for awaited, said in self.lines:
            self.heard += await reader.readexactly(len(awaited))
            for place in range(len(said)):
                writer.write(said[place : place + 1])  # replies come in any pieces
            await writer.drain()
            if not said:
                break
        else:
            self.heard += await reader.read()
        writer.close()


def talk(script: Script, work: Callable[[Wire], Awaitable[T]], *, pipelining: bool = True) -> T:
    async def talked() -> T:
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        wire = Wire(transport, Offers(pipelining=pipelining, size=False, utf8=False))
        try:
            return await work(wire)
        finally:
            wire.abort()
            server.close()
            await server.wait_closed()
            await asyncio.sleep(0.01)  # in which the server hears of it

    return asyncio.run(talked())


async def hand_over(wire: Wire, seconds: float = 5.0) -> tuple[Stage, Reply]:
    now = asyncio.get_running_loop().time()
    return await wire.hand_over(MAIL, dot_until=now + seconds, until=now + seconds)


def test_with_pipelining_all_before_the_text_goes_out_at_once() -> None:
    script = Script(
        (ENVELOPE, b"250 2.1.0 Ok\r\n250-2.1.5 Ok\r\n250 2.1.5 really\r\n354 go on\r\n"),
        (MAIL.data + b".\r\n", b"250 2.0.0 Ok\r\n"),
    )

    async def one(wire: Wire) -> tuple[tuple[Stage, Reply], bool]:
        return await hand_over(wire), wire.usable

    assert talk(script, one) == (ACCEPTED, True)


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    first, second, third = ENVELOPE.splitlines(keepends=True)
    script = Script(
        (first, b"250 Ok\r\n"),
        (second, b"250 Ok\r\n"),
        (third, b"354 go on\r\n"),
        (MAIL.data + b".\r\n", b"250 2.0.0 Ok\r\n"),
    )
    assert talk(script, hand_over, pipelining=False) == ACCEPTED


def test_a_refusal_ends_one_message_and_the_next_begins_anew() -> None:
    script = Script(
        (ENVELOPE, b"250 Ok\r\n550 5.1.1 no such user\r\n503 no recipients\r\n"),
        (b"RSET\r\n", b"250 Ok\r\n"),
        (ENVELOPE, b"250 Ok\r\n250 Ok\r\n354 go on\r\n"),
        (MAIL.data + b".\r\n", b"250 2.0.0 Ok\r\n"),
    )

    async def two(wire: Wire) -> list[tuple[Stage, Reply]]:
        return [await hand_over(wire), await hand_over(wire)]

    assert talk(script, two) == [(Stage.RECIPIENT, Reply(550, "5.1.1 no such user")), ACCEPTED]


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        (b"550 5.7.1 not you\r\n250 Ok\r\n354 go on\r\n", Stage.SENDER),
        (b"250 Ok\r\n550 5.1.1 nobody\r\n354 go on\r\n", Stage.RECIPIENT),
    ],
)
def test_a_server_that_wants_a_text_all_the_same_gets_none(replies: bytes, stage: Stage) -> None:
    async def one(wire: Wire) -> tuple[Stage, bool]:
        return (await hand_over(wire))[0], wire.usable

    script = Script((ENVELOPE, replies))
    assert talk(script, one) == (stage, False)
    assert script.heard == ENVELOPE


def test_a_server_that_refuses_and_leaves_is_heard() -> None:
    async def one(wire: Wire) -> tuple[tuple[Stage, Reply], bool]:
        return await hand_over(wire), wire.usable

    script = Script((ENVELOPE, b"421 4.3.2 closing\r\n"), (b"", b""))
    assert talk(script, one) == ((Stage.SENDER, Reply(421, "4.3.2 closing")), False)


def test_a_server_that_says_good_bye_unasked_is_not_used_again() -> None:
    async def look(wire: Wire) -> bool:
        await asyncio.sleep(0.1)
        return wire.usable

    assert talk(Script((b"", b"421 4.4.2 timeout\r\n")), look) is False


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        (((ENVELOPE, b""),), Stage.SENDER),
        (((ENVELOPE, b"250 Ok\r\n250 Ok\r\n"), (b"", b"")), Stage.SENDER),
        (((ENVELOPE, b"250 Ok\r\n250 Ok\r\n354 go on\r\n"), (MAIL.data + b".\r\n", b"")), Stage.TEXT),
        (((ENVELOPE, b"250 Ok\r\n250 Ok\r\n354 go on\r\n"), (MAIL.data + b".\r\n", b"250 O"), (b"", b"")), Stage.TEXT),
    ],
)
def test_where_a_connection_broke_is_always_known(lines: tuple[tuple[bytes, bytes], ...], stage: Stage) -> None:
    with pytest.raises(BrokenError) as broken:
        talk(Script(*lines), hand_over)
    assert (broken.value.stage, broken.value.timed_out) == (stage, False)


@pytest.mark.parametrize(
    ("replies", "stage"), [(b"250 Ok\r\n", Stage.SENDER), (b"250 Ok\r\n250 Ok\r\n354 go on\r\n", Stage.TEXT)]
)
def test_a_server_that_falls_silent_is_left_in_time(replies: bytes, stage: Stage) -> None:
    with pytest.raises(BrokenError) as broken:
        talk(Script((ENVELOPE, replies)), lambda wire: hand_over(wire, 0.1))
    assert (broken.value.stage, broken.value.timed_out) == (stage, True)


def test_a_reply_without_end_is_not_waited_for() -> None:
    with pytest.raises(BrokenError):
        talk(Script((ENVELOPE, b"250-" + b"x" * 40_000)), hand_over)
