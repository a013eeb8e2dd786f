"""Blocking calls off the event loop, in daemon threads that never hold the process at exit."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class DaemonPool:
    """A few daemon threads that run blocking calls for an event loop.

    The loop's own executor is joined by the interpreter at exit, so one hung SDK call would hold the process; a
    daemon thread is simply left behind. Threads are started as they are needed, up to `size`.

    Args:
        name: shown in thread names.
        size: the most threads, hence the most calls at once.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._crew = _Crew()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `call` in a thread of the pool and gives its result.

        When the awaiting task is cancelled, the call goes on in its thread and its result is dropped.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        crew = self._crew
        if crew.needs_a_thread(self._size):
            threading.Thread(target=crew.work, name=f"surecast-{self._name}", daemon=True).start()
        crew.jobs.put((loop, future, lambda: call(*args, **kwargs)))
        return await future

    def close(self) -> None:
        """Lets the threads end once they are free; calls in hand are not waited for. A later `run` begins anew."""
        crew, self._crew = self._crew, _Crew()
        crew.dismiss()


class _Crew:
    """The threads between two closings, and what they share."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def needs_a_thread(self, size: int) -> bool:
        """Counts one more thread in, if the jobs need one."""
        with self._lock:
            if self._idle > self.jobs.qsize() or self._threads >= size:
                return False
            self._threads += 1
            self._idle += 1
            return True

    def dismiss(self) -> None:
        """Lets each thread end after the jobs before it."""
        for _ in range(self._threads):
            self.jobs.put(None)

    def work(self) -> None:
        """What a thread of the crew does: one job after the other, until it is dismissed."""
        while (job := self.jobs.get()) is not None:
            loop, future, call = job
            with self._lock:
                self._idle -= 1
            try:
                result: Any = call()
                error: BaseException | None = None
            except BaseException as caught:  # noqa: BLE001 - handed to the awaiting task, whatever it is
                result, error = None, _harmless(caught)
            with self._lock:
                self._idle += 1
            # A closed loop means that nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, result, error)


def _harmless(error: BaseException) -> BaseException:
    """The error, or another in place of one that would end the waiting loop or could not be handed to it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    other = RuntimeError(f"The call ended with {type(error).__name__}.")
    other.__cause__ = error
    return other


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
