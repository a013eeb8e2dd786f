"""A `requests.Session` whose hung calls can be ended. Importing this module loads requests.

requests bounds every single read, not a call: a reply that drips one byte a second never ends. And nothing ends a
thread. So every call knows the sockets it uses; whoever gives up the call shuts them, and the thread's next
read or write fails at once. A call that was given up opens no socket any more: a post must not leave late, from a
thread nobody waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from surecast.threads import DaemonPool
from surecast.transport.clients import CONNECTIONS

P = ParamSpec("P")
T = TypeVar("T")


class _Call:
    """A call in hand: the sockets it uses, and whether it was given up.

    Holds duplicates of their file descriptors: TLS detaches the socket it wraps, and a number that was closed may
    already belong to another connection.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptors: list[int] = []
        self.given_up = False

    def hold(self, connection: socket.socket) -> None:
        """Takes note of a socket before it is used; raises ConnectionAbortedError when the call was given up."""
        with self._lock:
            if self.given_up:
                raise ConnectionAbortedError("The call was given up.")
            self._descriptors.append(os.dup(connection.fileno()))

    def give_up(self) -> None:
        with self._lock:
            self.given_up = True
            for descriptor in self._descriptors:
                twin = socket.socket(fileno=descriptor)
                with contextlib.suppress(OSError):  # not connected any more
                    twin.shutdown(socket.SHUT_RDWR)
                twin.detach()

    def done(self) -> None:
        with self._lock:
            for descriptor in self._descriptors:
                os.close(descriptor)
            self._descriptors.clear()


_thread = threading.local()


def _current() -> _Call | None:
    call: _Call | None = getattr(_thread, "call", None)
    return call


class RequestsSession(requests.Session):
    """A session whose calls can be ended from any thread.

    Proxies and certificates come from the arguments alone, redirects are errors, ``.netrc`` is never read, and there
    are no retries.

    Args:
        tls: trusted certificates.
        agent: the User-Agent.
        proxy: for every request; None uses the environment's proxies if `use_environment` allows it.
        keep_alive: whether connections are used again. A connection that died while it was idle gives an error that
            looks as if the post might have arrived.
    """

    def __init__(
        self, *, tls: ssl.SSLContext, agent: str, proxy: str | None, use_environment: bool, keep_alive: bool
    ) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._calls: set[_Call] = set()
        self._replies = threading.local()
        self._ask_environment = use_environment and proxy is None
        self.trust_env = False  # it would also read .netrc, and let the environment's proxy win over ours
        self.max_redirects = 0
        self.headers["User-Agent"] = agent
        if proxy is not None:
            self.proxies.update({"http": proxy, "https": proxy})
        if not keep_alive:
            self.headers["Connection"] = "close"
        self.mount("https://", _Adapter(tls, keep_alive=keep_alive))
        self.mount("http://", _Adapter(tls, keep_alive=keep_alive))

    @property
    def last_reply(self) -> requests.Response | None:
        """What this thread's last request through this session was answered; None when it got no answer.

        An SDK's error often drops the answer's headers and body. Read it in the function that `run` runs.
        """
        reply: requests.Response | None = getattr(self._replies, "last", None)
        return reply

    async def run(self, pool: DaemonPool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`, run in a thread of `pool`.

        When the awaiting task is cancelled, as `asyncio.timeout` does, the sockets of this one call are shut, and a
        call that was still waiting for a thread sends nothing.
        """
        mine = _Call()

        def work() -> T:
            with self._in_hand(mine):
                return call(*args, **kwargs)

        try:
            return await pool.run(work)
        except asyncio.CancelledError:
            mine.give_up()
            raise

    def abort(self) -> None:
        """Ends all calls in hand at once; new ones may follow."""
        with self._lock:
            calls = tuple(self._calls)
        for call in calls:
            call.give_up()

    def close(self) -> None:
        """Ends all calls and connections; waits for nothing."""
        self.abort()
        super().close()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self._replies.last = None
        with contextlib.nullcontext() if _current() else self._in_hand(_Call()):
            reply = super().send(request, **kwargs)
        self._replies.last = reply
        return reply

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        if self._ask_environment and not proxies:
            proxies = get_environ_proxies(str(url))
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    @contextlib.contextmanager
    def _in_hand(self, call: _Call) -> Iterator[None]:
        if call.given_up:
            raise ConnectionAbortedError("The call was given up.")
        with self._lock:
            self._calls.add(call)
        _thread.call = call
        try:
            yield
        finally:
            _thread.call = None
            with self._lock:
                self._calls.discard(call)
            call.done()


class _Adapter(HTTPAdapter):
    """Connections of our own kind, with one TLS context for all of them."""

    def __init__(self, tls: ssl.SSLContext, *, keep_alive: bool) -> None:
        self._tls = tls
        self._pools = _KEPT if keep_alive else _USED_ONCE
        super().__init__(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS, max_retries=0, pool_block=True)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **kwargs)
        self._use_own_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("socks"):
            return super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs)
        self._use_own_pools(manager)
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        del verify  # an SDK's False would switch off verification for everybody who shares the context
        return super().build_connection_pool_key_attributes(request, verify=True, cert=cert)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: requests would load its own bundle into the context for every connection."""

    def _use_own_pools(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools


class _Connection(HTTPConnection):
    """A connection whose sockets the current call knows, from before they connect."""

    _known_to: _Call | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell(self.sock)  # one that is used again
        super().request(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        until = None if self.timeout is None else time.monotonic() + self.timeout
        last: OSError = OSError("The name has no address.")
        for number, (family, kind, protocol, _, address) in enumerate(found):
            fair_share = None if until is None else (until - time.monotonic()) / (len(found) - number)
            try:
                return self._connected(socket.socket(family, kind, protocol), address, fair_share)
            except ConnectionAbortedError:
                raise
            except OSError as error:
                last = error
        if isinstance(last, TimeoutError):
            raise ConnectTimeoutError(self, "No connection was made in time.") from last
        raise NewConnectionError(self, f"No connection could be made: {last}") from last

    def _connected(self, fresh: socket.socket, address: Any, timeout_s: float | None) -> socket.socket:
        try:
            for option in self.socket_options or ():
                fresh.setsockopt(*option)
            fresh.settimeout(None if timeout_s is None else max(0.001, timeout_s))
            self._known_to = None
            self._tell(fresh)
            fresh.connect(address)
            self._refuse_if_given_up()
            fresh.settimeout(self.timeout)
        except BaseException:
            fresh.close()
            raise
        return fresh

    def _tell(self, connection: socket.socket | None) -> None:
        call = _current()
        if call is not None and connection is not None and self._known_to is not call:
            call.hold(connection)
            self._known_to = call

    def _refuse_if_given_up(self) -> None:
        if self._known_to is not None and self._known_to.given_up:
            raise ConnectionAbortedError("The call was given up.")


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _UsedOnce(HTTPConnectionPool):
    """Closes a connection after its first use, also where the server would keep it."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()
        super()._put_conn(conn)


class _PoolUsedOnce(_UsedOnce, _Pool):
    pass


class _SecurePoolUsedOnce(_UsedOnce, _SecurePool):
    pass


_KEPT: dict[str, Any] = {"http": _Pool, "https": _SecurePool}
_USED_ONCE: dict[str, Any] = {"http": _PoolUsedOnce, "https": _SecurePoolUsedOnce}
