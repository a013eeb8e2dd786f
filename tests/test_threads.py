"""Blocking calls in daemon threads: results, errors, cancellation, and a process that ends though one hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from surecast.threads import DaemonPool

ROOT = Path(__file__).resolve().parents[1]


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"surecast-{name}"]


def with_pool(name: str, size: int, work: Callable[[DaemonPool], Awaitable[None]]) -> None:
    async def done() -> None:
        pool = DaemonPool(name, size)
        try:
            async with asyncio.timeout(10):
                await work(pool)
        finally:
            pool.close()

    asyncio.run(done())


def test_a_call_gives_its_result_with_its_arguments() -> None:
    async def work(pool: DaemonPool) -> None:
        assert await pool.run(divmod, 17, 5) == (3, 2)
        assert await pool.run(int, "ff", base=16) == 255
        assert threads("results")[0].daemon

    with_pool("results", 1, work)


@pytest.mark.parametrize("error", [ValueError("v"), OSError("o"), TimeoutError("t")])
def test_an_error_comes_to_who_waits(error: Exception) -> None:
    def fail() -> None:
        raise error

    async def work(pool: DaemonPool) -> None:
        with pytest.raises(type(error)) as caught:
            await pool.run(fail)
        assert caught.value is error
        assert await pool.run(lambda: "next") == "next"

    with_pool("errors", 1, work)


@pytest.mark.parametrize("error", [StopIteration(1), SystemExit(3), KeyboardInterrupt()])
def test_an_error_that_would_end_the_loop_or_hang_it_comes_as_another(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def work(pool: DaemonPool) -> None:
        with pytest.raises(RuntimeError, match=type(error).__name__):
            await pool.run(fail)
        assert await pool.run(lambda: "next") == "next"

    with_pool("odd-errors", 1, work)


def test_no_more_than_its_size_run_at_once_and_the_others_wait() -> None:
    running = most = 0
    lock = threading.Lock()

    def one() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    async def work(pool: DaemonPool) -> None:
        await asyncio.gather(*(pool.run(one) for _ in range(12)))

    with_pool("size", 3, work)
    assert most == 3


def test_threads_are_started_as_they_are_needed_and_used_again() -> None:
    async def work(pool: DaemonPool) -> None:
        assert threads("needed") == []
        for _ in range(20):
            await pool.run(lambda: None)
        assert len(threads("needed")) == 1
        gate = threading.Barrier(4)
        await asyncio.gather(*(pool.run(gate.wait, 5) for _ in range(4)))
        assert len(threads("needed")) == 4

    with_pool("needed", 8, work)


def test_a_cancelled_call_goes_on_in_its_thread_and_its_result_is_dropped() -> None:
    release, ended = threading.Event(), threading.Event()

    def one() -> None:
        release.wait(5)
        ended.set()

    async def work(pool: DaemonPool) -> None:
        task = asyncio.create_task(pool.run(one))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not ended.is_set()
        release.set()
        assert await pool.run(lambda: "next") == "next"

    with_pool("cancelled", 1, work)
    assert ended.wait(5)


def test_a_result_for_a_loop_that_is_closed_is_dropped_and_the_pool_serves_the_next_loop() -> None:
    release = threading.Event()
    pool = DaemonPool("loops", 1)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await pool.run(release.wait, 5)

    asyncio.run(give_up())
    release.set()

    async def again() -> str:
        return await pool.run(lambda: "again")

    assert asyncio.run(again()) == "again"
    pool.close()


def test_closing_waits_for_nobody_ends_the_threads_and_a_later_call_begins_anew() -> None:
    release = threading.Event()

    async def work(pool: DaemonPool) -> None:
        hung = asyncio.create_task(pool.run(release.wait, 5))
        await asyncio.sleep(0.02)
        began = time.monotonic()
        pool.close()
        assert time.monotonic() - began < 0.1
        assert await pool.run(lambda: "anew") == "anew"
        release.set()
        assert await hung
        assert await pool.run(lambda: "and again") == "and again"

    with_pool("closing", 1, work)
    deadline = time.monotonic() + 5
    while threads("closing") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads("closing") == []


def test_the_process_ends_though_a_call_hangs() -> None:
    program = (
        "import asyncio, time\nfrom surecast.threads import DaemonPool\n"
        "async def main():\n    pool = DaemonPool('x', 2)\n    asyncio.create_task(pool.run(time.sleep, 60))\n"
        "    await pool.run(time.sleep, 0.05)\nasyncio.run(main())\nprint('ended')"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )
    assert (done.stdout, done.stderr) == ("ended\n", "")
    assert time.monotonic() - began < 10
