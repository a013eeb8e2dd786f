"""A sign of life to somebody outside: when it stops, surecast itself needs looking at."""

from __future__ import annotations

import asyncio

from surecast.broadcaster.desk import Desk
from surecast.config.values import Config
from surecast.ledger import rounds
from surecast.secret import Secret
from surecast.transport.clients import httpx_client
from surecast.transport.redact import quiet_sdks, register

TIMEOUT_S = 10.0


class Heartbeat:
    """Calls an address from time to time, as services that watch over cron jobs want it."""

    def __init__(self, desk: Desk, config: Config) -> None:
        self._desk = desk
        self._address = config.watch.heartbeat
        self._every_s = config.watch.heartbeat_every_s

    async def beat(self) -> bool | None:
        """Calls the address if it is time; whether that went well, None where nothing was called.

        Only what it is for is lost with a call that fails: whoever watches it is warned.
        """
        if self._address is None:
            return None
        ledger, now = self._desk.ledger, self._desk.clock.now()
        if not await ledger.do(rounds.take, "heartbeat", every_s=self._every_s, now=now):
            return None
        try:
            address = self._address
            if isinstance(address, Secret):
                address = address.reveal()
                register(address)
            quiet_sdks()  # an HTTP client's log would show where the sign of life goes
            async with asyncio.timeout(TIMEOUT_S), httpx_client(self._desk.context(), TIMEOUT_S) as client:
                reply = await client.get(address.strip())
        except Exception:  # noqa: BLE001 - see above
            return False
        return reply.is_success
