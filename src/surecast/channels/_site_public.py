"""What the public sees of a notice: its page, fetched from the web server as any reader fetches it.

A page is believed only by its mark, the notice's own name in a ``<meta name="surecast-notice">``. The status alone
proves nothing: many web servers show some page of theirs, with 200, for one that is not there.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from surecast.outcome import Look, Receipt, Sighting

if TYPE_CHECKING:
    import httpx

REDIRECTS: Final = 3
MAX_BYTES: Final = 1_048_576

#: Asks caches on the way for the page as it is now (https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.4). Those
#: that do not listen are passed by a query that nobody has asked for before.
_AS_IT_IS_NOW: Final = {"Accept": "text/html", "Cache-Control": "no-cache", "Pragma": "no-cache"}
_FRESH: Final = "fresh"

_META: Final = re.compile(rb"<meta\s[^<>]*>", re.IGNORECASE)


async def look(reader: httpx.AsyncClient, address: str, receipt: Receipt) -> Look:
    """Looks whether the page at `address` is the notice of `receipt`; what is unclear is no information."""
    request = reader.build_request("GET", address, params={_FRESH: secrets.token_hex(8)}, headers=_AS_IT_IS_NOW)
    for _ in range(1 + REDIRECTS):
        reply = await reader.send(request, stream=True)
        try:
            if reply.next_request is None:
                return await _judge(reply, receipt)
            request = reply.next_request
        finally:
            await reply.aclose()
    return unknown(f"The page is more than {REDIRECTS} redirects away.")


def unknown(detail: str) -> Look:
    """A look that told nothing."""
    return Look(sighting=Sighting.UNKNOWN, answered=False, detail=detail)


async def _judge(reply: httpx.Response, receipt: Receipt) -> Look:
    if reply.status_code in (404, 410):
        return Look(sighting=Sighting.UNSEEN, detail="The web server has no such page.")
    if reply.status_code != 200:
        return unknown(f"The web server answered with {reply.status_code}.")
    page = bytearray()
    async for piece in reply.aiter_bytes():
        page += piece
        if len(page) > MAX_BYTES:
            return unknown(f"The page has more than {MAX_BYTES} bytes.")
    if _is_of(bytes(page), receipt.id):
        return Look(sighting=Sighting.SEEN, receipt=receipt)
    return Look(sighting=Sighting.UNSEEN, detail="The web server shows another page in its place.")


def _is_of(page: bytes, slug: str) -> bool:
    # Services in front of a web server may drop quotes and turn attributes round.
    own = re.compile(rb"""content\s*=\s*["']?%s["'\s/>]""" % re.escape(slug.encode()), re.IGNORECASE)
    return any(b"surecast-notice" in tag.lower() and own.search(tag) for tag in _META.findall(page))
