"""Where a sandbox lives: its event loop, which any thread may call into, and its ports on loopback."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
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

    def run(self, call: Callable[[], T]) -> T:
        """The result of `call`, made in the loop's thread; once the loop has ended, made here."""
        if threading.get_ident() == self._thread or self._loop.is_closed():
            return call()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def make() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(make)
        except RuntimeError:  # closed between the question and the call
            return call()
        return future.result(timeout=CALL_TIMEOUT_S)


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
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._accepting: asyncio.Task[None] | None = None

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
        self.listen()

    def listen(self) -> None:
        """Accepts connections, at once: the kernel takes them before the loop comes to them."""
        if self._listener is not None or self._runner is None:
            return
        listener = _bound(self.number)
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._listener = listener
        self._accepting = asyncio.get_running_loop().create_task(self._accept(listener))

    def refuse(self) -> None:
        """Refuses connections and breaks those that are open."""
        listener, self._listener = self._listener, None
        server, self._server = self._server, None
        if server is not None:
            server.close()
        elif listener is not None:
            listener.close()
        for connection in self._connections():
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self) -> None:
        """Gives the port up; never waits for a request that hangs."""
        self.refuse()
        if self._accepting is not None:
            await self._accepting
        if self._runner is not None:
            await self._runner.cleanup()
        self._keeper.close()

    async def _accept(self, listener: socket.socket) -> None:
        if self._listener is not listener:  # refused again before the loop came here
            return
        server = await asyncio.get_running_loop().create_server(self._web_server(), sock=listener, backlog=BACKLOG)
        if self._listener is listener:
            self._server = server
        else:
            server.close()

    def _web_server(self) -> Any:
        assert self._runner is not None
        assert self._runner.server is not None
        return self._runner.server

    def _connections(self) -> list[Any]:
        return list(self._web_server().connections) if self._runner is not None and self._runner.server else []


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
