"""The HTTP of the fault server: what it reads, records, hands on and says, and the list of its faults."""

from __future__ import annotations

import contextlib
import email.utils
import http
import json
import math
import socket
import struct
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, parse_headers
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from email.message import Message
    from io import BufferedReader

# Any three-digit number is a fault too, with a JSON error as its body.
STATUS_FAULTS: Final = (
    *("400", "401", "403", "404", "408", "409", "413", "422", "500", "502", "503", "504", "302"),
    *("429", "429-date", "429-none", "200-html", "200-broken-json"),
)
TRANSPORT_FAULTS: Final = ("hang_before_body", "hang_after_body", "reset", "close", "half", "slow_drip")
LOST_REPLY_FAULTS: Final = ("lost_reply", "lost_reply_hang", "lost_reply_502")  # these need an upstream
UNREACHABLE_FAULTS: Final = ("refused", "tls_garbage", "tls_self_signed")
FAULTS: Final = (*UNREACHABLE_FAULTS, *TRANSPORT_FAULTS, *STATUS_FAULTS, *LOST_REPLY_FAULTS)

HTML: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
HOP_BY_HOP: Final = frozenset({
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    *("content-length", "expect", "host"),
})  # fmt: skip
UPSTREAM_SECONDS: Final = 120.0
MOVED: Final = "/moved"  # where a 302 leads: a page, as of a login


@dataclass
class Recorded:
    """One request as it came; `headers` is asked in any case and gives None for what was not sent."""

    method: str
    path: str
    headers: Message
    body: bytes = b""
    disturbed: bool = False
    upstream_status: int | None = None
    """What the upstream answered, if the request was handed on to it and it did."""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Body = bytes | str | Mapping[str, Any] | Sequence[Any]
BodySource = Body | Callable[[Recorded, int], Body]


@dataclass
class Answer:
    """One reply, not yet in bytes."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def head(self, length: int | None = None) -> bytes:
        """The status line and headers for a body of that length, of its own one by default."""
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() not in HOP_BY_HOP]
        if self.status >= 200 and self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def phrase(status: int) -> str:
    """The usual words for a status."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def make_answer(status: int, source: BodySource, request: Recorded, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """A reply with the content type that its body has: HTML for a page, JSON for anything else."""
    body = source(request, status) if callable(source) else source
    if isinstance(body, str | bytes):
        data = body.encode() if isinstance(body, str) else body
        kind = "text/html; charset=utf-8" if data[:1] == b"<" else "application/json"
    else:
        data, kind = json.dumps(body).encode(), "application/json"
    given = [name.lower() for name, _ in headers]
    return Answer(status, data, [*headers] if "content-type" in given else [("Content-Type", kind), *headers])


def canned(
    fault: str,
    request: Recorded,
    body: BodySource | None,
    retry_after: float,
    headers: Sequence[tuple[str, str]],
) -> Answer:
    """The complete reply of a fault that has one; `body` replaces the usual one of error replies."""
    extra = list(headers)
    if fault == "200-html":
        return make_answer(200, HTML.format("Under construction"), request, extra)
    if fault == "200-broken-json":
        return make_answer(200, '{"id": "1", "uri": "at:', request, extra)
    status = int(fault[:3])
    if 300 <= status < 400:
        return make_answer(status, "", request, [("Location", MOVED), *extra])
    if fault == "429":
        extra.append(("Retry-After", str(math.ceil(retry_after))))
    elif fault == "429-date":
        when = math.ceil(time.time() + retry_after)
        extra.append(("Retry-After", email.utils.formatdate(when, usegmt=True)))
    usual = HTML.format("502 Bad Gateway") if status == 502 else {"error": phrase(status)}
    return make_answer(status, usual if body is None else body, request, extra)


def read_head(stream: BufferedReader) -> Recorded | None:
    """The request line and headers, or None when the client has nothing more to say."""
    line = stream.readline(65537)
    parts = line.decode("latin-1").split()
    if len(parts) != 3:
        return None
    return Recorded(parts[0], parts[1], parse_headers(stream))


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline(65537)
    if not line:
        raise ConnectionError("the client broke off")
    return line


def read_body(stream: BufferedReader, headers: Message) -> bytes:
    """The body that these headers announce; raises ConnectionError when the client breaks off."""
    if (headers["Transfer-Encoding"] or "").lower() == "chunked":
        body = b""
        while size := int(_line(stream).partition(b";")[0], 16):
            body += stream.read(size)
            _line(stream)
        while _line(stream).strip():
            pass  # trailers
        return body
    length = int(headers["Content-Length"] or 0)
    body = stream.read(length)
    if len(body) < length:
        raise ConnectionError("the client broke off")
    return body


def forward(upstream: str, request: Recorded) -> Answer:
    """Hand the request on and return the upstream's whole answer; raises OSError when it gives none."""
    where = urllib.parse.urlsplit(upstream)
    link = HTTPConnection(where.hostname or "", where.port, timeout=UPSTREAM_SECONDS)
    with contextlib.closing(link):
        target = where.path.rstrip("/") + request.path
        link.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        link.putheader("Host", where.netloc)
        for name, value in request.headers.items():
            if name.lower() not in HOP_BY_HOP:
                link.putheader(name, value)
        if request.body or request.headers["Content-Length"] or request.headers["Transfer-Encoding"]:
            link.putheader("Content-Length", str(len(request.body)))
        link.endheaders(request.body or None)
        reply = link.getresponse()
        body = reply.read()
        request.upstream_status = reply.status
        return Answer(reply.status, body, reply.getheaders())


def reset(connection: socket.socket) -> None:
    """Make the coming close() send a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
