"""Asking a channel's platform whether it works, without publishing anything."""

from __future__ import annotations

import asyncio

from surecast.broadcaster.roster import Roster
from surecast.channel import Probed, Probes
from surecast.transport.classify import classify

#: The whole time of one probe.
PROBE_S = 10.0


async def probe(roster: Roster, channel: str) -> Probed | None:
    """What the platform says; whatever goes wrong becomes its answer. None where this kind cannot be asked."""
    try:
        adapter = await roster.adapter(channel)
        if not isinstance(adapter, Probes):
            return None
        async with asyncio.timeout(PROBE_S):
            return await adapter.probe(PROBE_S)
    except Exception as error:  # noqa: BLE001 - a probe tells what is wrong, whatever it is
        outcome = classify(error)
        return Probed(ok=False, detail=outcome.detail or type(error).__name__, outcome=outcome)
