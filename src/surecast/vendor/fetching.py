"""Getting a status page: without credentials, within a time and a size, and without ever failing."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from surecast.transport.classify import MALFORMED, MAYBE, classify
from surecast.transport.clients import httpx_client
from surecast.transport.redact import redact
from surecast.vendor.parsing import parse
from surecast.vendor.view import View, line, unknown

if TYPE_CHECKING:
    import httpx

    from surecast.channel import Context

#: The largest page that is read, packed and unpacked.
MOST_BYTES = 512 * 1024
REDIRECTS = 3

HEADERS = {
    "Accept": "application/json, application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip",  # unpacked here, as the client would do it without a limit
}

TOO_LARGE = f"It is larger than {MOST_BYTES // 1024} KiB."


class _UnreadableError(Exception):
    """Why a page was not read, in a sentence for people."""


async def read_page(url: str, *, context: Context, timeout_s: float, now: float, component: str = "") -> View:
    """What the status page at `url` says; UNKNOWN with the reason when it cannot be read, as that is no information.

    Raises nothing but `asyncio.CancelledError`. The detail names the page's host and nothing else of `url`.

    Args:
        timeout_s: of the whole call, in seconds.
        now: Unix seconds.
        component: see `parse`.
    """
    try:
        async with asyncio.timeout(timeout_s), httpx_client(context, timeout_s) as client:
            content, media_type = await _get(client, url)
        view = parse(content, media_type, now=now, component=component)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is no information
        return unknown(line(redact(f"The status page{_of_host(url)} could not be read. {_why(error)}")))
    return replace(view, detail=line(redact(view.detail)))


async def _get(client: httpx.AsyncClient, url: str) -> tuple[bytes, str]:
    target = url
    for _ in range(1 + REDIRECTS):
        client.cookies.clear()
        async with client.stream("GET", target, headers=HEADERS) as reply:
            if reply.has_redirect_location:
                target = _redirected(reply)
                continue
            if not reply.is_success:
                raise _UnreadableError(f"It answered with {reply.status_code}.")
            return await _content(reply), reply.headers.get("Content-Type", "")
    raise _UnreadableError(f"It redirects more than {REDIRECTS} times. Give the address where it leads to.")


def _redirected(reply: httpx.Response) -> str:
    """Where a redirect leads to, without the credentials it may hold; never from https to http."""
    target = reply.url.join(reply.headers["Location"])
    if target.scheme not in {"https", reply.url.scheme}:
        raise _UnreadableError("It redirects to an address that is not secure (https).")
    return str(target.copy_with(username=None, password=None))


async def _content(reply: httpx.Response) -> bytes:
    packed = bytearray()
    async for piece in reply.aiter_raw():
        packed += piece
        if len(packed) > MOST_BYTES:
            raise _UnreadableError(TOO_LARGE)
    match reply.headers.get("Content-Encoding", "").strip().lower():
        case "" | "identity":
            return bytes(packed)
        case "gzip" | "x-gzip":
            return _unpacked(packed)
    raise _UnreadableError("It is packed in a way that was not asked for.")


def _unpacked(packed: bytearray) -> bytes:
    try:
        content = zlib.decompressobj(wbits=31).decompress(packed, MOST_BYTES + 1)
    except zlib.error as error:
        raise _UnreadableError("It cannot be unpacked.") from error
    if len(content) > MOST_BYTES:
        raise _UnreadableError(TOO_LARGE)
    return content


def _of_host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return f" of {host}" if host else ""


def _why(error: Exception) -> str:
    """The reason for people; of a read nothing is in doubt."""
    if isinstance(error, _UnreadableError):
        return str(error)
    outcome = classify(error)
    if outcome is MALFORMED:  # its sentence is about channels
        return "Its address cannot be used. Correct it."
    return outcome.detail.removesuffix(MAYBE).strip()
