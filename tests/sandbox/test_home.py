from __future__ import annotations

import asyncio
import concurrent.futures
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from aiohttp import web

from surecast.errors import UsageError
from surecast.sandbox.home import Home, Port


def connects(number: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", number)) == 0


def hello() -> web.Application:
    async def say(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", say)
    return app


def get(port: Port) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=5)
    with closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().read().decode()


def test_a_port_refuses_until_it_listens_and_answers_from_then_on() -> None:
    async def live() -> tuple[bool, bool, str, bool]:
        port = Port()
        before = connects(port.number)
        await port.serve(hello())
        up, said = connects(port.number), await asyncio.to_thread(get, port)
        port.refuse()
        down = connects(port.number)
        port.listen()
        assert await asyncio.to_thread(get, port) == "hello"
        await port.close()
        return before, up, said, down

    assert asyncio.run(live()) == (False, True, "hello", False)


def test_closing_and_opening_in_one_step_of_the_loop_is_safe() -> None:
    async def live() -> list[str]:
        port, said = Port(), []
        await port.serve(hello())
        for _ in range(50):
            port.refuse()
            port.listen()
            port.listen()
            port.refuse()
            port.refuse()
            port.listen()
        said.append(await asyncio.to_thread(get, port))
        await port.close()
        return said

    assert asyncio.run(live()) == ["hello"]


def test_nobody_else_is_given_a_port_that_refuses() -> None:
    async def live() -> None:
        port = Port()
        await port.serve(hello())
        port.refuse()
        with closing(socket.socket()) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port.number))
        await port.close()

    asyncio.run(live())


def test_a_connection_that_is_open_breaks_when_the_port_closes() -> None:
    async def live() -> bytes:
        port = Port()
        await port.serve(hello())
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"hello")
        port.refuse()
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
        writer.close()
        await port.close()
        return rest

    assert asyncio.run(live()) == b""


@pytest.mark.parametrize("number", [70_000, -1])
def test_a_port_number_that_does_not_exist_is_a_mistake_in_the_call(number: int) -> None:
    with pytest.raises(UsageError, match="Give another, or 0 for any free one"):
        Port(number)


def test_a_port_that_is_taken_is_a_mistake_in_the_call() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        number = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {number} cannot be used"):
            Port(number)


@pytest.fixture
def home() -> Iterator[Home]:
    """One that lives in another thread."""
    living: concurrent.futures.Future[tuple[Home, asyncio.AbstractEventLoop, asyncio.Event]]
    living = concurrent.futures.Future()

    async def live() -> None:
        stop = asyncio.Event()
        living.set_result((Home(), asyncio.get_running_loop(), stop))
        await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    made, loop, stop = living.result(10)
    yield made
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


def test_a_call_from_another_thread_is_made_in_the_loop(home: Home) -> None:
    assert home.run(threading.get_ident) != threading.get_ident()


def test_what_the_call_raises_is_raised_where_it_was_asked(home: Home) -> None:
    with pytest.raises(ZeroDivisionError):
        home.run(lambda: 1 // 0)


def test_calls_may_call_again(home: Home) -> None:
    assert home.run(lambda: home.run(lambda: 7)) == 7


def test_after_the_end_calls_are_made_where_they_are_asked() -> None:
    async def live() -> Home:
        home = Home()
        await home.end()
        return home

    ended, answers = asyncio.run(live()), list[bool]()
    asking = threading.Thread(target=lambda: answers.append(ended.run(threading.get_ident) == threading.get_ident()))
    asking.start()
    asking.join(10)
    assert answers == [True]


def test_nobody_who_asks_while_it_ends_waits_in_vain() -> None:
    async def live(asking: list[threading.Thread]) -> None:
        home = Home()
        homes.append(home)
        for thread in asking:
            thread.start()
        while not counted:  # noqa: ASYNC110 - the others are threads
            await asyncio.sleep(0)
        await home.end()

    def ask() -> None:
        for _ in range(2_000):
            counted.append(homes[0].run(lambda: 1))

    homes, counted = list[Home](), list[int]()
    threads = [threading.Thread(target=ask) for _ in range(4)]
    asyncio.run(live(threads))
    for thread in threads:
        thread.join(30)
    assert len(counted) == 8_000
