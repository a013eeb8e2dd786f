"""How a fault looks on the wire; the one place where answers are spoiled, whatever the platform."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from surecast.sandbox.chaos import Fault, Trouble

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN

_EDGE_PAGE = (
    "<html>\n<head><title>502 Bad Gateway</title></head>\n"
    "<body>\n<center><h1>502 Bad Gateway</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>\n"
)
_GARBAGE_PAGE = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>Please sign in.</p></body></html>\n"


async def disturb(
    request: web.Request,
    trouble: Trouble,
    *,
    lifted: asyncio.Event,
    carry_out: Callable[[], Awaitable[web.Response]],
    says: Callable[[Trouble], web.Response],
) -> web.StreamResponse:
    """The spoiled answer to one request.

    Args:
        lifted: set when the trouble is over, which lets go what hangs.
        carry_out: takes the request in and gives the usual answer.
        says: a refusal in the platform's own words.
    """
    fault = trouble.fault
    answer: web.Response | None = None
    if trouble.carried_out:
        answer = await carry_out()
    elif fault is not Fault.HANG_BEFORE:
        await _swallow(request)
    match fault:
        case Fault.HANG_BEFORE | Fault.HANG_AFTER:
            await lifted.wait()
            return _cut(request)
        case Fault.LOST_REPLY | Fault.CLOSE:
            return _cut(request)
        case Fault.RESET:
            return _reset(request)
        case Fault.HALF if answer is not None:
            return await _half(request, answer)
        case Fault.SLOW if answer is not None:
            return await _drip(request, answer, trouble.drip_s, lifted)
        case Fault.EDGE:
            return web.Response(status=502, text=_EDGE_PAGE, content_type="text/html")
        case Fault.GARBAGE:
            return web.Response(status=200, text=_GARBAGE_PAGE, content_type="text/html")
        case _:
            return says(trouble)


def http_date(moment: float) -> str:
    """`moment` (Unix seconds) as HTTP headers write it."""
    return formatdate(moment, usegmt=True)


async def _swallow(request: web.Request) -> None:
    async for _ in request.content.iter_any():
        pass


def _cut(request: web.Request) -> web.Response:
    """Closes the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, answer: web.Response) -> web.StreamResponse:
    begun, body = await _begin(request, answer)
    await begun.write(body[: len(body) // 2])
    _cut(request)
    return begun


async def _drip(
    request: web.Request, answer: web.Response, pause_s: float, lifted: asyncio.Event
) -> web.StreamResponse:
    begun, body = await _begin(request, answer)
    for place in range(len(body)):
        await begun.write(body[place : place + 1])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(lifted.wait(), pause_s)
    await begun.write_eof()
    return begun


async def _begin(request: web.Request, answer: web.Response) -> tuple[web.StreamResponse, bytes]:
    """The head of an answer, sent, and the body that is to follow."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    begun = web.StreamResponse(status=answer.status, headers=answer.headers)
    begun.content_length = len(body)
    await begun.prepare(request)
    return begun, body
