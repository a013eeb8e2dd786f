"""A sign of life to somebody outside: when it stops, surecast itself needs looking at."""

from __future__ import annotations

import asyncio
import logging

from surecast.broadcaster.desk import Desk
from surecast.config.values import Config
from surecast.errors import SurecastError
from surecast.ledger import rounds
from surecast.secret import Secret
from surecast.transport.clients import httpx_client
from surecast.transport.redact import quiet_sdks, register

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0


class Heartbeat:
    """Calls an address from time to time, as services that watch over cron jobs want it."""

    def __init__(self, desk: Desk, config: Config) -> None:
        self._desk = desk
        self._address = config.watch.heartbeat
        self._every_s = config.watch.heartbeat_every_s

    async def beat(self) -> bool | None:
        """Calls the address if it is time; whether that went well, None where nothing was called.

        A call that fails is entered, for `surecast status`: whoever watches that address may not know it yet.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ledger, now = self._desk.ledger, self._desk.clock.now()
        if self._address is None:
            if await ledger.do(rounds.heartbeat_failed):  # it is no longer configured
                await ledger.do(rounds.heartbeat, now, well=True)
            return None
        if not await ledger.do(rounds.heartbeat_due, every_s=self._every_s, now=now):
            return None
        fault = await self._call(self._address)
        news = await ledger.do(rounds.heartbeat, now, well=not fault)
        if news and fault:
            log.warning("The sign of life did not arrive (%s). Look at heartbeat in [watch]", fault)
        elif news:
            log.info("The sign of life arrives again")
        return not fault

    async def _call(self, address: str | Secret) -> str:
        """Calls it; what went wrong, without the address: whoever has it can silence the warning."""
        try:
            if isinstance(address, Secret):
                address = address.reveal()
                register(address)
            quiet_sdks()  # an HTTP client's log would show where the sign of life goes
            async with asyncio.timeout(TIMEOUT_S), httpx_client(self._desk.context(), TIMEOUT_S) as client:
                reply = await client.get(address.strip())
        except SurecastError:
            return "its address cannot be read"
        except Exception:  # noqa: BLE001 - whatever it is, the watch goes on
            return "its address cannot be reached"
        return "" if reply.is_success else f"it was answered with {reply.status_code}"
