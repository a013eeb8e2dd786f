"""Calls that would hang for ever end at their deadline, in their thread too, and nothing leaves late."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.servers.faults import FaultServer
from tests.transport.far_sides import context, never_connects

from surecast.threads import DaemonPool
from surecast.transport.abortable import RequestsSession
from surecast.transport.clients import requests_session

#: Longer than any test may take: what ends sooner was ended.
FOR_EVER_S = 60.0
SOON_S = 5.0


@pytest.fixture
def session() -> Iterator[RequestsSession]:
    session = requests_session(context())
    yield session
    session.close()


@pytest.fixture
def one_thread() -> Iterator[DaemonPool]:
    pool = DaemonPool("test", size=1)
    yield pool
    pool.close()


def post(session: RequestsSession, url: str) -> int:
    return session.post(f"{url}/posts", json={"text": "hello"}, timeout=FOR_EVER_S).status_code


async def give_up(session: RequestsSession, pool: DaemonPool, url: str) -> None:
    """Gives up a call after a moment, and comes back when its thread is free again."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await session.run(pool, post, session, url)
    async with asyncio.timeout(SOON_S):
        await pool.run(lambda: None)


@pytest.mark.parametrize("fault", ["hang_before_body", "hang_after_body", "slow_drip"])
def test_a_call_that_is_given_up_frees_its_thread(fault: str, session: RequestsSession, one_thread: DaemonPool) -> None:
    with FaultServer(fault) as server:
        asyncio.run(give_up(session, one_thread, server.url))


def test_a_hung_tls_handshake_is_ended(session: RequestsSession, one_thread: DaemonPool) -> None:
    with FaultServer("hang_before_body") as server:
        asyncio.run(give_up(session, one_thread, server.url.replace("http:", "https:")))


def test_a_connection_that_is_never_made_is_ended(session: RequestsSession, one_thread: DaemonPool) -> None:
    with never_connects() as url:
        asyncio.run(give_up(session, one_thread, url))


def test_a_kept_connection_in_use_is_ended(one_thread: DaemonPool) -> None:
    session = requests_session(context(), keep_alive=True)
    with FaultServer("hang_after_body", remaining=0) as server, session:
        assert [post(session, server.url), post(session, server.url)] == [200, 200]
        assert server.connections == 1
        server.set_fault("hang_after_body")
        asyncio.run(give_up(session, one_thread, server.url))


def test_a_call_that_waits_for_a_thread_sends_nothing_once_it_is_given_up(
    session: RequestsSession, one_thread: DaemonPool
) -> None:
    free = threading.Event()

    async def given_up_in_the_queue(url: str) -> None:
        busy = asyncio.create_task(one_thread.run(free.wait, SOON_S))
        await asyncio.sleep(0)  # it takes the only thread
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.run(one_thread, post, session, url)
        free.set()
        await busy
        await one_thread.run(lambda: None)

    with FaultServer("200-html") as server:
        asyncio.run(given_up_in_the_queue(server.url))

        assert (server.connections, server.requests) == (0, [])


def test_a_call_that_is_given_up_before_it_connects_sends_nothing(
    session: RequestsSession, one_thread: DaemonPool
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    def slow_to_begin(url: str) -> int:
        begun.set()
        may_go_on.wait(SOON_S)
        return post(session, url)

    async def given_up_early(url: str) -> None:
        call = asyncio.create_task(session.run(one_thread, slow_to_begin, url))
        await asyncio.to_thread(begun.wait, SOON_S)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        may_go_on.set()
        await one_thread.run(lambda: None)

    with FaultServer("200-html") as server:
        asyncio.run(given_up_early(server.url))

        assert server.requests == []


def test_giving_up_one_call_leaves_the_others_alone(session: RequestsSession) -> None:
    pool = DaemonPool("test", size=2)

    async def two_calls(hanging: str, answering: str) -> int:
        other = asyncio.create_task(session.run(pool, post, session, answering))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await session.run(pool, post, session, hanging)
        return await other

    def slow(*_: object) -> str:
        time.sleep(0.4)
        return "{}"

    with FaultServer("hang_after_body") as hanging, FaultServer("500", remaining=0, otherwise=slow) as answering:
        assert asyncio.run(two_calls(hanging.url, answering.url)) == 200


def test_abort_ends_every_call_in_hand_from_another_thread(session: RequestsSession) -> None:
    failures: list[requests.ConnectionError] = []

    def call(url: str) -> None:
        try:
            post(session, url)
        except requests.ConnectionError as error:
            failures.append(error)

    with FaultServer("hang_after_body") as server:
        threads = [threading.Thread(target=call, args=(server.url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        server.wait_for(3)
        session.abort()
        for thread in threads:
            thread.join(SOON_S)

        assert [thread.is_alive() for thread in threads] == [False] * 3
        assert len(failures) == 3


def test_a_session_goes_on_after_abort(session: RequestsSession) -> None:
    with FaultServer("200-html") as server:
        session.abort()

        assert post(session, server.url) == 200


def test_no_descriptor_is_left_behind(session: RequestsSession, one_thread: DaemonPool) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def many_calls(url: str) -> None:
        for _ in range(20):
            await session.run(one_thread, post, session, url)

    with FaultServer("200-html") as server:
        post(session, server.url)
        before = descriptors()
        asyncio.run(many_calls(server.url))
        for _ in range(20):
            post(session, server.url)
        server.stop()

    assert descriptors() <= before


def test_without_keep_alive_every_call_has_its_own_connection_even_if_the_server_would_keep_it(
    session: RequestsSession,
) -> None:
    del session.headers["Connection"]
    with FaultServer("200-html") as server:
        post(session, server.url)
        post(session, server.url)

        assert server.connections == 2


def test_the_last_reply_is_there_for_the_thread_that_got_it(session: RequestsSession) -> None:
    seen: list[requests.Response | None] = []
    with FaultServer("429") as server:
        post(session, server.url)
        other = threading.Thread(target=lambda: seen.append(session.last_reply))
        other.start()
        other.join()

        assert session.last_reply is not None
        assert session.last_reply.headers["Retry-After"] == "2"
        assert seen == [None]


def test_no_answer_leaves_no_last_reply(session: RequestsSession) -> None:
    with FaultServer("429") as server:
        post(session, server.url)
        server.set_fault("close")
        with pytest.raises(requests.ConnectionError):
            post(session, server.url)

        assert session.last_reply is None


def test_a_server_with_several_addresses_is_reached_at_the_one_that_answers(
    session: RequestsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with FaultServer("refused") as dead, never_connects() as silent, FaultServer("200-html") as server:
        ports = [dead.port, int(silent.rpartition(":")[2]), server.port]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        assert session.post(f"{server.url}/x", timeout=1.0).status_code == 200
