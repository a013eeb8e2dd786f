"""The one bridge between synchronous callers and the asyncio core: an event loop in a daemon thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from surecast.errors import UsageError

T = TypeVar("T")

#: How long the end of the loop is waited for; its thread is a daemon, so a stuck one holds nobody.
STOP_S = 1.0


class Bridge:
    """Runs coroutines in a loop of its own, begun at the first call and again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` and waits for it.

        Raises:
            UsageError: inside a running event loop, which waiting would freeze.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            try:
                return asyncio.run_coroutine_threadsafe(work, self.loop()).result()
            except concurrent.futures.CancelledError:
                raise _closed() from None
        work.close()
        raise UsageError(
            "broadcast() waits, and would freeze the event loop that is running here. "
            "Write `await abroadcast(...)` instead, and `await asyncio.to_thread(...)` around other methods."
        )

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` in the bridge's loop and awaits it in the caller's."""
        running = asyncio.run_coroutine_threadsafe(work, self.loop())
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _closed() from None

    def submit(self, work: Coroutine[Any, Any, None]) -> None:
        """Begins `work` and does not wait for it; for what may fail without harm."""
        asyncio.run_coroutine_threadsafe(work, self.loop())

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, begun if need be; a child process after fork gets one of its own."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._loop.run_forever, name="surecast-loop", daemon=True)
                self._thread.start()
            return self._loop

    @property
    def begun(self) -> bool:
        """Whether this process has a loop running."""
        return self._loop is not None and self._pid == os.getpid()

    def stop(self) -> None:
        """Ends the loop; coroutines still in it are cancelled, and who waits for one is told so."""
        with self._lock:
            if self.begun and self._loop is not None and self._thread is not None:
                ending = asyncio.run_coroutine_threadsafe(_end_all(), self._loop)
                concurrent.futures.wait([ending], timeout=STOP_S)
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(STOP_S)
                if not self._thread.is_alive():
                    self._loop.close()
            self._loop = None


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=STOP_S)


def _closed() -> UsageError:
    return UsageError("This broadcaster was closed while the call waited. Nothing is lost: surecast resume goes on.")
