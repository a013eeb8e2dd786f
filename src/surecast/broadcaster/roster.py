"""The adapters of this process: opened when they are needed, once, and again when their secret changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from surecast.audiences import Audience
from surecast.broadcaster.reading import Reader
from surecast.channel import Adapter, Channel, Context
from surecast.clock import Clock
from surecast.errors import ConfigError
from surecast.ledger import rounds
from surecast.ledger.database import Ledger
from surecast.ledger.sessions import LedgerSessions
from surecast.planning import House
from surecast.secret import Secret, commands_run, secrets_of, unset
from surecast.settings import hosts
from surecast.threads import DaemonPool
from surecast.transport.network import INDEPENDENT, Place, cut_off, place_of
from surecast.transport.redact import quiet_sdks, register

T = TypeVar("T")

OPEN_TIMEOUT_S = 30.0
#: An adapter must not wait for hung calls when it is closed; one that does is left behind after this.
CLOSE_TIMEOUT_S = 0.5
#: What a command gave as a secret is taken as unchanged for so long.
COMMAND_KEPT_S = 60.0
#: A command that takes longer goes on by itself; until it ends, what it gave before counts.
COMMAND_WAIT_S = 1.0
#: Whether this machine is cut off is known for so long.
CUT_OFF_KEPT_S = 5.0

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One place for all SDKs: proxy, certificates, and whether the usual environment variables count.

    Attributes:
        independent: places, ``host:port``, that have nothing to do with the platforms; when none of them and no other
            channel can be reached, this machine is cut off. Empty: that is not checked.
    """

    proxy: str | None = None
    ca_file: str | None = None
    use_environment: bool = True
    independent: tuple[str, ...] = INDEPENDENT

    def way_out(self) -> tuple[Place, ...]:
        """What is asked whether this machine has a network: independent places, or the proxy where one leads out."""
        named = self.proxy or (
            next(filter(None, map(os.environ.get, _PROXIES)), None) if self.use_environment else None
        )
        if named is not None:
            address = urlsplit(named if "//" in named else f"//{named}")
            return ((address.hostname, address.port or 80),) if address.hostname else ()
        return tuple(map(place_of, self.independent))


class Roster:
    """The `Host` of a dispatcher."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        house: House,
        network: Network,
        *,
        ledger: Ledger,
        ledger_key: Secret | None,
        owner: str,
        clock: Clock,
        audiences: Mapping[str, Audience] = MappingProxyType({}),
    ) -> None:
        self._channels = channels
        self._audiences = audiences
        self._house = house
        self._network = network
        self._ledger = ledger
        self._ledger_key = ledger_key
        self._owner = owner
        self._clock = clock
        self._open: dict[str, tuple[str, Adapter]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._warming: set[asyncio.Task[None]] = set()
        self._fingerprints: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._cut_off: dict[str, tuple[float, bool]] = {}
        self._commands = DaemonPool("secrets", size=4)

    async def adapter(self, channel: str) -> Adapter:
        """The channel's adapter, opened.

        Raises:
            ConfigError: the channel cannot be used as it is configured.
        """
        if channel not in self._channels:
            raise ConfigError(f"The channel {channel!r} is no longer in the configuration. Put it back, or cancel it.")
        if why := self._channels[channel].misconfigured:
            raise ConfigError(why)
        lock = self._locks.setdefault(channel, asyncio.Lock())
        async with lock:
            credentials = await self.credentials(channel)
            known = self._open.get(channel)
            if known is not None and known[0] == credentials:
                return known[1]
            if known is not None:
                await _close(known[1])
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                adapter = await self._opened(self._channels[channel])
            self._open[channel] = (credentials, adapter)
            return adapter

    async def _opened(self, channel: Channel) -> Adapter:
        quiet_sdks()
        settings, ledger_key = await self._run_commands(channel.settings), await self._run_commands(self._ledger_key)
        for secret in secrets_of(settings):
            register(secret.reveal())
        adapter = channel.kind.adapter(settings, self._context(channel.name, settings, ledger_key))
        await adapter.open()
        return adapter

    async def _run_commands(self, value: T) -> T:
        """The same with its commands run, off the loop; who has none never waits for somebody else's."""
        commands = any(secret.kind == "command" for secret in secrets_of(value))
        return await self._commands.run(commands_run, value) if commands else value

    def checked(self, channel: Channel) -> Channel:
        """The channel, marked as misconfigured when a secret of it is not set; commands are run when it is opened."""
        if channel.misconfigured:
            return channel
        referred = (secret for secret in secrets_of(channel.settings) if secret.kind != "command")
        why = next((why for secret in referred if (why := unset(secret))), "")
        return replace(channel, misconfigured=why) if why else channel

    async def credentials(self, channel: str) -> str:
        """Fingerprint of the channel's secrets; a command is asked off the loop and not too often."""
        if channel not in self._channels:
            return ""
        secrets = tuple(secrets_of(self._channels[channel].settings))
        if all(secret.kind != "command" for secret in secrets):
            return _fingerprint(secrets)
        asked_at, _ = self._fingerprints.get(channel, (0.0, ""))
        if channel not in self._asking and self._clock.now() - asked_at > COMMAND_KEPT_S:
            self._asking[channel] = asyncio.create_task(self._ask(channel, secrets))
        if channel in self._asking:
            await asyncio.wait({self._asking[channel]}, timeout=COMMAND_WAIT_S)
        return self._fingerprints.get(channel, (0.0, ""))[1]

    async def _ask(self, channel: str, secrets: tuple[Secret, ...]) -> None:
        try:
            fingerprint = await self._commands.run(_fingerprint, secrets)
            self._fingerprints[channel] = (self._clock.now(), fingerprint)
        finally:
            del self._asking[channel]

    def context(self, channel: str) -> Context:
        """What is needed to ask for something in public, without the channel's credentials."""
        return self._context(channel, None, None)

    async def cut_off(self, channel: str) -> bool:
        """Whether this machine reaches nobody at all: neither independent places nor the other channels' platforms."""
        asked_at, known = self._cut_off.get(channel, (float("-inf"), False))
        if self._clock.now() - asked_at > CUT_OFF_KEPT_S:
            own = hosts(self._channels[channel].settings) if channel in self._channels else ()
            others = [place for other in self._channels.values() for place in hosts(other.settings) if place not in own]
            known = await cut_off(own, others, self._network.way_out())
            self._cut_off[channel] = (self._clock.now(), known)
            if known:
                await self._ledger.do(rounds.cut_off, self._clock.now())
        return known

    def audience(self, name: str) -> Reader:
        """An audience, to be read from its beginning.

        Raises:
            ConfigError: there is none of this name.
        """
        if name not in self._audiences:
            raise ConfigError(f"The audience {name!r} is not in the configuration. Write [audiences.{name}].")
        return Reader(self._audiences[name])

    def warm(self, channels: tuple[str, ...]) -> None:
        """Begins to open adapters that may be needed soon; what goes wrong shows when they are needed."""

        async def warm_up(name: str) -> None:
            with contextlib.suppress(Exception):  # not needed yet; the attempt that needs it will say why
                await self.adapter(name)

        for name in channels:  # each by itself: one that hangs keeps no other cold
            if name not in self._open:
                task = asyncio.create_task(warm_up(name))
                self._warming.add(task)
                task.add_done_callback(self._warming.discard)

    async def close(self) -> None:
        """Closes what is open; hung calls are left behind."""
        for task in (*self._warming, *self._asking.values()):
            task.cancel()
        await asyncio.gather(*(_close(adapter) for _, adapter in self._open.values()))
        self._open.clear()
        self._commands.close()

    def _context(self, name: str, settings: object, ledger_key: Secret | None) -> Context:
        key = ledger_key or next(secrets_of(settings), None)
        return Context(
            name=name,
            sessions=LedgerSessions(self._ledger, name, key, self._owner, self._clock),
            sender=self._house.sender,
            language=self._house.language,
            time_zone=self._house.time_zone,
            proxy=self._network.proxy,
            ca_file=self._network.ca_file,
            use_environment=self._network.use_environment,
        )


async def _close(adapter: Adapter) -> None:
    with contextlib.suppress(Exception):  # it goes anyway
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await adapter.close()


def _fingerprint(secrets: tuple[Secret, ...]) -> str:
    return "".join(secret.fingerprint() for secret in secrets)
