"""Looking for a post, with our credentials or as the public does; trouble on the way is no information."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from surecast.channel import Adapter, Confirms, Finds, Sending
from surecast.dispatch.own_outcomes import mistaken
from surecast.dispatch.ports import Host
from surecast.outcome import Look, Receipt, Sighting
from surecast.transport.classify import classify


async def find(host: Host, channel: str, sending: Sending, timeout_s: float) -> Look:
    """Whether a delivery is there, as far as the platform tells us."""

    async def look(adapter: Adapter) -> Look:
        return await adapter.find(sending) if isinstance(adapter, Finds) else Look(sighting=Sighting.UNKNOWN)

    return await _looked(host, channel, look, timeout_s)


async def confirm(host: Host, channel: str, receipt: Receipt | None, timeout_s: float) -> Look:
    """Whether the public sees a post."""

    async def look(adapter: Adapter) -> Look:
        if not isinstance(adapter, Confirms) or receipt is None:
            return Look(sighting=Sighting.UNKNOWN)
        return await adapter.confirm(receipt, timeout_s)

    return await _looked(host, channel, look, timeout_s)


async def _looked(host: Host, channel: str, look: Callable[[Adapter], Awaitable[Look]], timeout_s: float) -> Look:
    try:
        adapter = await host.adapter(channel)
        async with asyncio.timeout(timeout_s):
            seen: object = await look(adapter)
    except Exception as error:  # noqa: BLE001 - a read side in trouble may raise anything
        return Look(sighting=Sighting.UNKNOWN, answered=False, detail=classify(error).detail)
    return seen if isinstance(seen, Look) else Look(sighting=Sighting.UNKNOWN, detail=mistaken(seen).detail)
