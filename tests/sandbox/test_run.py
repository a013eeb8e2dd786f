from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from surecast.errors import UsageError
from surecast.sandbox import Fault, On, Sandbox
from surecast.sandbox.bluesky import Bluesky


def connects(url: str) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def test_a_platform_goes_down_and_comes_back_at_the_same_address(sandbox: Sandbox) -> None:
    url, seen = sandbox.url("bluesky"), []
    for fault in (Fault.NONE, Fault.DOWN, Fault.NONE, Fault.DOWN, Fault.ERROR):
        sandbox.fault("bluesky", fault)
        seen.append(connects(url))
    assert (seen, sandbox.url("bluesky")) == ([True, False, True, False, True], url)
    assert connects(sandbox.url("mastodon"))


def test_everything_is_lifted_at_once(sandbox: Sandbox) -> None:
    for name in sandbox.platforms:
        sandbox.fault(name, Fault.DOWN)
    sandbox.lift()
    assert {connects(platform.url) for platform in sandbox.platforms.values()} == {True}


@pytest.mark.parametrize("fault", [Fault.HANG_BEFORE, Fault.HANG_AFTER, Fault.SLOW])
def test_requests_that_hang_do_not_delay_the_end(fault: Fault) -> None:
    clients = []
    with Sandbox.in_thread() as sandbox:
        sandbox.fault("bluesky", fault, seconds=60 if fault is Fault.SLOW else None)
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", int(sandbox.url("bluesky").rpartition(":")[2])))
            client.sendall(b"GET /xrpc/_health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            clients.append(client)
        deadline = time.monotonic() + 10
        while len(sandbox.platforms["bluesky"].requests()) < 20:
            assert time.monotonic() < deadline
        began = time.monotonic()
    took = time.monotonic() - began
    for client in clients:
        with closing(client), suppress(ConnectionResetError):
            while client.recv(1000):
                pass
    assert took < 2


def test_no_thread_and_no_port_is_left_behind() -> None:
    before = set(threading.enumerate())
    with Sandbox.in_thread() as sandbox:
        urls = [sandbox.control_url, *(platform.url for platform in sandbox.platforms.values())]
        assert all(map(connects, urls))
    assert not any(map(connects, urls))
    assert "surecast-sandbox" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_what_was_posted_can_be_looked_at_after_the_end() -> None:
    with Sandbox.in_thread(["bluesky"]) as sandbox:
        pass
    assert (sandbox.platforms["bluesky"].posts(), sandbox.platforms["bluesky"].visible()) == ((), ())


def test_it_runs_in_the_loop_of_the_caller_and_again_in_another() -> None:
    async def live() -> tuple[bool, bool]:
        async with Sandbox.start(["mastodon"]) as sandbox:
            before = await asyncio.to_thread(connects, sandbox.url("mastodon"))
            sandbox.fault("mastodon", Fault.DOWN)
            return before, await asyncio.to_thread(connects, sandbox.url("mastodon"))

    assert [asyncio.run(live()), asyncio.run(live())] == [(True, False), (True, False)]


def test_channels_may_have_a_platform_each() -> None:
    with Sandbox.in_thread({"news": "bluesky", "alerts": "bluesky", "own": Bluesky}) as sandbox:
        sandbox.fault("alerts", Fault.DOWN)
        assert {name: connects(sandbox.url(name)) for name in sandbox.platforms} == {
            "news": True,
            "alerts": False,
            "own": True,
        }


def test_a_platform_of_which_nobody_heard_is_a_mistake_in_the_call() -> None:
    told = r"No platform 'friendster' can be simulated. There are: bluesky, mastodon"
    with pytest.raises(UsageError, match=told), Sandbox.in_thread(["friendster"]):
        pytest.fail("it started")


def test_a_platform_that_does_not_run_is_a_mistake_in_the_call(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match=r"No platform is named 'slack' here. There are: bluesky, mastodon"):
        sandbox.url("slack")
    with pytest.raises(UsageError, match="No platform is named"):
        sandbox.fault("slack", Fault.DOWN)


def test_trouble_that_means_nothing_is_a_mistake_in_the_call(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="A closed port strikes every request"):
        sandbox.fault("bluesky", Fault.DOWN, on=On.WRITES)


def free_ports() -> int:
    """A number from which three ports on are free, below those of outgoing connections."""
    for number in range(20_000, 30_000, 10):
        with suppress(OSError):
            for port in range(number, number + 3):
                socket.create_server(("127.0.0.1", port)).close()
            return number
    raise AssertionError("no ports")


def test_fixed_ports_follow_one_another_and_belong_to_one_sandbox() -> None:
    number = free_ports()
    with Sandbox.in_thread(port=number) as sandbox:
        urls = [sandbox.control_url, sandbox.url("bluesky"), sandbox.url("mastodon")]
        assert urls == [f"http://127.0.0.1:{number + place}" for place in range(3)]
        with pytest.raises(UsageError, match=f"Port {number} cannot be used"), Sandbox.in_thread(port=number):
            pytest.fail("it started")
    with Sandbox.in_thread(port=number) as again:
        assert connects(again.control_url)


def test_a_start_that_fails_half_way_gives_its_ports_back() -> None:
    number = free_ports()
    other, told = socket.create_server(("127.0.0.1", number + 2)), f"Port {number + 2} cannot be used"
    with closing(other), pytest.raises(UsageError, match=told), Sandbox.in_thread(port=number):
        pytest.fail("it started")
    with Sandbox.in_thread(port=number) as sandbox:
        assert connects(sandbox.url("mastodon"))
