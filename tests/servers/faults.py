"""A server that fails on purpose, alone or as a proxy in front of a real one.

with FaultServer("lost_reply", upstream=pds.url, only=lambda method, path: "putRecord" in path) as server:
    ...  # logging in through server.url works, the reply to the post is lost
    assert len(server.disturbed) == 1
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.certificates import make_certificate
from tests.servers.fault_http import (
    FAULTS,
    HTML,
    LOST_REPLY_FAULTS,
    MOVED,
    UNREACHABLE_FAULTS,
    Answer,
    BodySource,
    Recorded,
    canned,
    forward,
    make_answer,
    read_body,
    read_head,
    reset,
)
from tests.servers.process import wait_until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from io import BufferedReader
    from types import TracebackType
    from typing import Self

__all__ = ["FAULTS", "BodySource", "FaultServer", "Recorded"]


class FaultServer:
    """Applies one fault to the requests that `only` picks (default: all), `remaining` of them (default: all).

    The others are handed on to `upstream` and get its reply, or if there is none 200 with `otherwise`.

    refused          a port that refuses connections
    tls_garbage      an https address that answers the handshake with something else
    tls_self_signed  an https address with a certificate nobody trusts
    hang_before_body accepts and reads nothing (with `only` or `remaining`: just the head); no answer
    hang_after_body  reads the whole request and never answers
    reset, close     reads the whole request, then RST or FIN
    half             a success whose body ends halfway with a FIN
    slow_drip        a success that comes one byte each 0.2 s, for minutes
    400, ... 504     that status, 502 as HTML, the others as {"error": ...}; `body` replaces the body
    429, 429-date, 429-none   with Retry-After in seconds, as an HTTP date, or without
    302              a redirect to a page that answers 200 (and is not recorded)
    200-html, 200-broken-json success with a body that is none
    lost_reply       the upstream gets the request and answers; the client gets only a FIN
    lost_reply_hang  the same, but the client waits for ever
    lost_reply_502   the same, but the client gets 502 HTML
    """

    def __init__(
        self,
        fault: str,
        *,
        upstream: str | None = None,
        only: Callable[[str, str], bool] | None = None,
        remaining: int | None = None,
        body: BodySource | None = None,
        retry_after: float = 2.0,
        headers: Mapping[str, str] | None = None,
        otherwise: BodySource = "{}",
        drip_seconds: float = 0.2,
    ) -> None:
        self.upstream = upstream
        self.only = only
        self.body = body
        self.retry_after = retry_after
        self.headers = list((headers or {}).items())
        self.otherwise = otherwise
        self.drip_seconds = drip_seconds
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []
        self._connections = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._check(fault)
        self._fault, self._remaining = fault, remaining
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if fault.startswith('tls_') else 'http'}://127.0.0.1:{self.port}"
        if fault != "refused":  # a bound port that does not listen refuses, and nobody else can take it
            self._listener.listen(64)
            self._spawn(self._accept)

    def _check(self, fault: str) -> None:
        if fault not in FAULTS and not (fault.isdecimal() and 200 <= int(fault) <= 599):
            raise ValueError(f"no fault is called {fault!r}; there are {', '.join(FAULTS)}")
        if fault in LOST_REPLY_FAULTS and self.upstream is None:
            raise ValueError(f"{fault} needs an upstream whose reply gets lost")
        if fault in UNREACHABLE_FAULTS and (self.upstream or self.only):
            raise ValueError(f"{fault} disturbs every connection: no upstream, no only")

    @property
    def requests(self) -> list[Recorded]:
        """All requests so far in the order they came, disturbed or not; a copy."""
        with self._lock:
            return list(self._requests)

    @property
    def disturbed(self) -> list[Recorded]:
        """The requests that got the fault."""
        return [request for request in self.requests if request.disturbed]

    @property
    def connections(self) -> int:
        """How many connections were accepted, with or without a request."""
        with self._lock:
            return self._connections

    def set_fault(self, fault: str, remaining: int | None = None) -> None:
        """Apply another fault from the next request on, to that many or all."""
        self._check(fault)
        if fault in UNREACHABLE_FAULTS or self._fault in UNREACHABLE_FAULTS:
            raise ValueError("refused and tls_ faults belong to the address: make another server")
        with self._lock:
            self._fault, self._remaining = fault, remaining

    def clear(self) -> None:
        """Disturb nothing from now on."""
        with self._lock:
            self._remaining = 0

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Recorded]:
        """Wait until that many requests have come and return them; raises ServerError when they do not."""
        wait_until(lambda: len(self.requests) >= count, seconds, f"fewer than {count} requests came")
        return self.requests

    def stop(self) -> None:
        """End it and all its connections; safe to call twice."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name=f"fault-server-{self.port}")
        with self._lock:
            self._threads = [known for known in self._threads if known.is_alive() or not known.ident]
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
                self._open.add(connection)
            if self._stopping.is_set():
                connection.close()
                return
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                self._converse(connection)
        finally:
            with self._lock:
                self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def _converse(self, connection: socket.socket) -> None:
        fault = self._fault
        if fault == "tls_garbage":
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nThis port speaks no TLS.\r\n")
            return
        if fault == "hang_before_body" and self.only is None and self._remaining is None:
            self._stopping.wait()
            return
        if fault == "tls_self_signed":
            with contextlib.ExitStack() as opened:
                secure = opened.enter_context(_self_signed().wrap_socket(connection, server_side=True))
                self._exchange(secure, opened.enter_context(secure.makefile("rb")))
            return
        with connection.makefile("rb") as stream:
            while self._exchange(connection, stream):
                pass

    def _exchange(self, connection: socket.socket, stream: BufferedReader) -> bool:
        """Take one request and answer it or not; whether the connection stays open."""
        request = read_head(stream)
        if request is None:
            return False
        if self._fault == "302" and request.path == MOVED:
            return self._answer(connection, request, make_answer(200, HTML.format("Log in"), request))
        fault = self._draw(request)
        if fault != "hang_before_body":
            if (request.headers["Expect"] or "").lower() == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.body = read_body(stream, request.headers)
        with self._lock:
            self._requests.append(request)
        if fault is None:
            if self.upstream is None:
                return self._answer(connection, request, make_answer(200, self.otherwise, request))
            return self._answer(connection, request, forward(self.upstream, request))
        return self._disturb(fault, connection, request)

    def _draw(self, request: Recorded) -> str | None:
        """The fault this request gets, if any."""
        if self._fault in UNREACHABLE_FAULTS or (self.only and not self.only(request.method, request.path)):
            return None
        with self._lock:
            if self._remaining is not None:
                if self._remaining <= 0:
                    return None
                self._remaining -= 1
            request.disturbed = True
            return self._fault

    def _disturb(self, fault: str, connection: socket.socket, request: Recorded) -> bool:
        if fault in LOST_REPLY_FAULTS:
            forward(self.upstream or "", request)
        if fault in ("hang_before_body", "hang_after_body", "lost_reply_hang"):
            self._stopping.wait()
        elif fault == "reset":
            reset(connection)
        elif fault == "half":
            whole = make_answer(200, {"id": "1", "padding": "x" * 200}, request, self.headers)
            connection.sendall(whole.head() + whole.body[: len(whole.body) // 2])
        elif fault == "slow_drip":
            whole = make_answer(200, {"id": "1", "padding": "x" * 3000}, request, self.headers)
            for byte in whole.head() + whole.body:
                if self._stopping.wait(self.drip_seconds):
                    break
                connection.sendall(bytes([byte]))
        elif fault == "lost_reply_502":
            return self._answer(connection, request, canned("502", request, None, 0, self.headers))
        elif fault not in ("close", "lost_reply"):
            answer = canned(fault, request, self.body, self.retry_after, self.headers)
            return self._answer(connection, request, answer)
        return False

    @staticmethod
    def _answer(connection: socket.socket, request: Recorded, answer: Answer) -> bool:
        connection.sendall(answer.head() + (b"" if request.method == "HEAD" else answer.body))
        return (request.headers["Connection"] or "").lower() != "close"


@cache
def _self_signed() -> ssl.SSLContext:
    """A TLS context with a fresh certificate for 127.0.0.1, right in all but who signed it."""
    with tempfile.TemporaryDirectory() as folder:
        return make_certificate(Path(folder)).context()
