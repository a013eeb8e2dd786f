"""Where a sandbox lives: its event loop, which any thread may call into, and its ports on loopback."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from surecast.errors import UsageError

if TYPE_CHECKING:
    from aiohttp import web

T = TypeVar("T")

HOST = "127.0.0.1"
BACKLOG = 256
CALL_TIMEOUT_S = 10.0  # calls into the loop are instant; longer means that the loop is blocked
SHUTDOWN_S = 0.2


class Home:
    """The running event loop; everything in a sandbox is read and changed in its thread only."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._ended = False

    def run(self, call: Callable[[], T]) -> T:
        """The result of `call`, made in the loop's thread; once the sandbox has ended, made here."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def make() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                future.set_exception(error)

        with self._lock:
            here = self._ended or threading.get_ident() == self._thread
            if not here:
                self._loop.call_soon_threadsafe(make)
        return call() if here else future.result(timeout=CALL_TIMEOUT_S)

    async def end(self) -> None:
        """Calls made from now on are made where they are asked; those that were asked before are made first."""
        with self._lock:
            self._ended = True
        await asyncio.sleep(0)


class Port:
    """A loopback port that stays ours as long as the sandbox lives, whether or not it is listened on.

    A second socket is bound and never listens: while the first is closed, connections are refused as by a stopped
    server, and still nobody else is given the port.

    Args:
        number: the port, or 0 for any free one.

    Raises:
        UsageError: when the port is taken.
    """

    def __init__(self, number: int = 0) -> None:
        if number:
            _make_sure_it_is_free(number)
        self._keeper = _bound(number)
        self.number: int = self._keeper.getsockname()[1]
        self._runner: web.AppRunner | None = None
        self._begin: Callable[[], Any] | None = None
        self._open: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._listener: socket.socket | None = None
        self._greetings: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.number}"

    async def serve(self, app: web.Application) -> None:
        """Answers with `app` from now on."""
        from aiohttp import web  # noqa: PLC0415 - loaded with the first sandbox

        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, handle_signals=False, shutdown_timeout=SHUTDOWN_S
        )
        await self._runner.setup()
        assert self._runner.server is not None
        self.answer(self._runner.server)

    def answer(self, begin: Callable[[], Any]) -> None:
        """Answers each connection with the `asyncio.Protocol` that `begin` makes for it, from now on."""
        self._begin = begin
        self.listen()

    def listen(self) -> None:
        """Accepts connections, from the moment that this returns."""
        if self._listener is not None or self._begin is None:
            return
        self._listener = _bound(self.number)
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)
        # Not `create_server`: it ends in a later step of the loop, and a port may be closed again before that.
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def refuse(self) -> None:
        """Refuses connections and breaks those that are open."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for greeting in tuple(self._greetings):
            greeting.cancel()
        for transport in tuple(self._open):
            assert isinstance(transport, asyncio.WriteTransport)
            transport.abort()

    async def close(self) -> None:
        """Gives the port up; never waits for a request that hangs."""
        self.refuse()
        await asyncio.gather(*self._greetings, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        self._keeper.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # it was gone again before the loop came to it
            return
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        assert self._begin is not None
        greeting = loop.create_task(loop.connect_accepted_socket(self._begin, connection))
        self._greetings.add(greeting)
        greeting.add_done_callback(lambda done: self._greeted(done, connection))

    def _greeted(self, greeting: asyncio.Task[Any], connection: socket.socket) -> None:
        self._greetings.discard(greeting)
        if greeting.cancelled() or greeting.exception() is not None:
            connection.close()
        else:
            self._open.add(greeting.result()[0])


def _bound(number: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((HOST, number))
    except OSError:
        made.close()
        raise
    return made


def _make_sure_it_is_free(number: int) -> None:
    # Our own sockets share a port with each other, so they would share it with a second sandbox as well.
    try:
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, number))
    except (OSError, OverflowError) as error:
        raise UsageError(f"Port {number} cannot be used: {error}. Give another, or 0 for any free one.") from None
