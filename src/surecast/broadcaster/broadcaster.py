"""The object behind `surecast.broadcast`; several may live in one process."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar, Unpack

from surecast.audiences import Audience
from surecast.broadcaster.bridge import Bridge
from surecast.broadcaster.desk import Desk
from surecast.broadcaster.options import Options, announcement_of, check
from surecast.broadcaster.overview import Overview, Switched, Tried
from surecast.broadcaster.roster import Network
from surecast.channel import Channel, Probed
from surecast.clock import Clock, SteadyClock
from surecast.errors import RouteError, UsageError
from surecast.estimate import Estimate
from surecast.health import Health
from surecast.history import Fact, Plan
from surecast.ledger.broadcasts import Listed
from surecast.ledger.database import Ledger
from surecast.ledger.gates import Switch
from surecast.ledger.people import Unreached
from surecast.ledger.suppressions import Suppression
from surecast.message import Announcement, Urgency
from surecast.planning import House
from surecast.policy import Breaker
from surecast.report import Report
from surecast.route import Operand, Route, why_no_name
from surecast.secret import Secret

T = TypeVar("T")

#: Gives the route to take and its name, for what the caller asked (None: nothing) and an urgency.
ChooseRoute = Callable[[str | Operand | None, Urgency], tuple[Route, str]]


class Broadcaster:
    """Sends announcements over its channels and answers for them.

    Nothing is started by making one: the event loop, the ledger and the platforms' libraries wait for the first call.

    Args:
        channels: every channel that a route may name.
        ledger: the SQLite file that remembers what was sent.
        route: the route where none is asked for; or `choose`, which finds one.
        house: sender, language, time zone, times by urgency.
        ledger_key: encrypts platform sessions; else each channel's own secret does.
        repeat_window_s: the same announcement without a key within so many seconds is the same one.
        background: who goes on after a call returned: a thread of this process, or a worker (`surecast work`).
        audiences: whom direct channels write to, by name.
        in_charge: channels over which surecast itself turns to people; no route may name them, and no list shows them.

    Raises:
        UsageError: two channels have the same name, or a name that no route can hold.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        *,
        ledger: str | os.PathLike[str],
        route: str | Operand | None = None,
        choose: ChooseRoute | None = None,
        house: House | None = None,
        ledger_key: Secret | None = None,
        network: Network | None = None,
        breaker: Breaker | None = None,
        repeat_window_s: float = 600.0,
        keep_s: float = 90 * 86_400.0,
        background: Literal["thread", "worker"] = "thread",
        audiences: Mapping[str, Audience] = MappingProxyType({}),
        in_charge: Iterable[Channel] = (),
        clock: Clock | None = None,
    ) -> None:
        self.channels: Mapping[str, Channel] = _by_name(channels)
        self._in_charge = _by_name(in_charge)
        self.ledger = Path(ledger)
        self._choose = choose or _always(route)
        self._bridge = Bridge()
        self._desk: tuple[int, Desk] | None = None
        self._make_desk = partial(
            Desk,
            self.channels,
            house or House(),
            ledger_key=ledger_key,
            network=network or Network(),
            breaker=breaker or Breaker(),
            repeat_window_s=repeat_window_s,
            keep_s=keep_s,
            background=background,
            audiences=audiences,
            in_charge=self._in_charge,
            clock=clock or SteadyClock(),
        )

    # Sending

    def broadcast(self, announcement: Announcement | str, **options: Unpack[Options]) -> Report:
        """Sends an announcement and gives the report once its route is decided.

        Raises:
            UsageError: called inside a running event loop, or the announcement cannot be sent as it is.
            KeyReusedError: the key stands for other words, with ``on_change="raise"`` (the default).
            LedgerError: the ledger cannot be written; nothing was sent then.
        """
        return self._bridge.run(self._broadcast(announcement, options))

    async def abroadcast(self, announcement: Announcement | str, **options: Unpack[Options]) -> Report:
        """`broadcast` for callers inside an event loop."""
        return await self._bridge.arun(self._broadcast(announcement, options))

    def preview(self, announcement: Announcement | str, **options: Unpack[Options]) -> Plan:
        """What would be posted where, to the letter; opens no connection and needs no secrets."""
        said, route, name = self._meant(announcement, options)
        return self._run(lambda desk: desk.preview(said, route, name))

    def estimate(self, announcement: Announcement | str, **options: Unpack[Options]) -> Estimate:
        """How many contacts an announcement would be sent to, how long that takes, and what it costs at worst.

        Reads the audiences of the route to their ends, which takes a minute for a million contacts.

        Raises:
            ConfigError: an audience cannot be read.
        """
        said, route, name = self._meant(announcement, options)
        return self._run(lambda desk: desk.people.estimate(said, route, name, limit=options.get("limit")))

    def _meant(self, announcement: Announcement | str, options: Options) -> tuple[Announcement, Route, str]:
        check(options)
        said = announcement_of(announcement, options)
        route, name = self._choose(options.get("route"), said.urgency)
        return said, route, name

    async def _broadcast(self, announcement: Announcement | str, options: Options) -> Report:
        check(options)
        said = announcement_of(announcement, options)
        again = options.get("again", False)
        if again and said.key is not None:
            raise UsageError("again=True cannot send a key twice. Give another key, or none.")
        route, name = self._choose(options.get("route"), said.urgency)
        return await self._desk_here().broadcast(
            said,
            route,
            name,
            wait=options.get("wait", True),
            again=again,
            on_change=options.get("on_change", "raise"),
            limit=options.get("limit"),
            only=options.get("only"),
        )

    # Reading

    def status(self, name: str = "last") -> Report:
        """The report of a broadcast by its id, the beginning of it, or ``last``.

        Raises:
            UnknownBroadcastError: the ledger has none of this name, or more than one.
        """
        return self._run(lambda desk: desk.status(name))

    def facts(self, name: str = "last") -> tuple[Fact, ...]:
        """What happened in a broadcast, step by step, in the ledger's order."""
        return self._run(lambda desk: desk.facts(name))

    def listing(self, most: int = 50) -> tuple[Listed, ...]:
        """The newest broadcasts, newest first."""
        return self._run(lambda desk: desk.listing(most))

    def health(self) -> Mapping[str, Health]:
        """What is believed of each channel."""
        believed = self._run(lambda desk: desk.operator.health())
        return {name: each for name, each in believed.items() if name not in self._in_charge}

    def probe(self, channel: str) -> Probed:
        """Whether a channel's credentials and platform work; publishes nothing."""
        return self._run(lambda desk: desk.operator.probe(channel))

    def overview(self) -> Overview:
        """What is down, what is owed, and what needs a person; makes no ledger where there is none."""
        return self._run(lambda desk: desk.operator.overview())

    def switches(self, channel: str | None = None, most: int = 50) -> tuple[Switch, ...]:
        """The newest switches of a channel, or of all, newest first: by its breaker, by a watch, or by a person."""
        return self._run(lambda desk: desk.operator.switches(channel, most))

    def unreached(self, name: str, *, unsure: bool = False) -> tuple[Unreached, ...]:
        """Contacts whom a broadcast missed, or with `unsure` those of whom that is not known."""
        return self._run(lambda desk: desk.people.unreached(name, unsure=unsure))

    # People

    def suppress(self, address: str, *, why: str = "by hand") -> bool:
        """Never writes to a person again, by whatever address; False when that was so before.

        Raises:
            UsageError: it is no telephone number, e-mail address or Telegram chat.
        """
        return self._run(lambda desk: desk.people.suppress(address, why))

    def unsuppress(self, address: str) -> bool:
        """Takes an address off the list of those who must not be written to; False when it was not on it."""
        return self._run(lambda desk: desk.people.unsuppress(address))

    def suppressions(self) -> tuple[Suppression, ...]:
        """The list of those who must not be written to; of addresses only masked forms are known."""
        return self._run(lambda desk: desk.people.suppressions())

    def suppress_bounces(self, file: str | os.PathLike[str]) -> Mapping[str, int]:
        """Enters addresses of a file of bounces (RFC 3464) and complaints (RFC 5965); says how many of which sort."""
        return self._run(lambda desk: desk.people.suppress_bounces(Path(file)))

    def forget(self, address: str) -> int:
        """Removes an address, and the name with it, from the ledger; gives how many entries held it.

        That it must not be written to, if so, stays known as a keyed hash.
        """
        return self._run(lambda desk: desk.people.forget(address))

    # A person's orders

    def cancel(self, name: str, channel: str | None = None) -> Report:
        """Ends everything of a broadcast, or of one channel, that has not begun; every process sees it."""
        return self._run(lambda desk: desk.cancel(name, channel))

    def settle(self, name: str, channel: str, *, there: bool, url: str | None = None, to: str | None = None) -> Report:
        """Records a person's answer to whether a post in doubt is there; only a no lets it be sent again.

        Args:
            to: of a direct channel, the one address that is meant; None for all that are in doubt.
        """
        return self._run(lambda desk: desk.settle(name, channel, there=there, url=url, to=to))

    def resume(self, name: str | None = None, *, for_s: float = 60.0) -> tuple[Report, ...]:
        """Gives everything owed one trial now, of one broadcast or of all, and waits up to `for_s` seconds."""
        return self._run(lambda desk: desk.resume(name, for_s))

    def switch_off(self, channel: str, *, for_s: float | None = None, why: str = "") -> Switched:
        """Lets no process post to a channel, for so many seconds or until `switch_on`; what is owed stays owed."""
        return self._run(lambda desk: desk.operator.off(channel, for_s, why))

    def switch_on(self, channel: str, *, why: str = "") -> Switched:
        """Ends a `switch_off` and takes the channel as well; what waits for it is due now, for whoever delivers it."""
        return self._run(lambda desk: desk.operator.on(channel, why))

    def trial(self, channel: str, *, why: str = "") -> Tried:
        """Probes a channel and, when that goes well, gives it its oldest owed post now; not one that is off."""
        return self._run(lambda desk: desk.operator.trial(channel, why))

    def work_once(self) -> tuple[str, ...]:
        """Delivers what is due now, obeying back-off; gives the broadcasts it touched."""
        return self._run(lambda desk: desk.work_once())

    def work(self) -> None:
        """Delivers what is owed as it falls due, until the process ends."""
        self._run(lambda desk: desk.work())

    def attend(self, service: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
        """Runs a service over the desk, in its loop, and gives what that gave; for the watch and its like."""
        return self._run(service)

    # Its life

    def warm(self) -> None:
        """Begins to open the ledger and the channels' libraries, and returns at once; the first call is quick then."""
        self._bridge.submit(self._warm())

    async def _warm(self) -> None:
        await self._desk_here().warm()

    def close(self) -> None:
        """Stops what runs in this process and records it; what is owed stays in the ledger."""
        atexit.unregister(self.close)
        if self._desk is not None and self._desk[0] == os.getpid() and self._bridge.begun:
            self._bridge.run(self._desk[1].close())
        self._desk = None
        self._bridge.stop()

    async def aclose(self) -> None:
        """`close` for callers inside an event loop."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, ask: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
        async def asked() -> T:
            return await ask(self._desk_here())

        return self._bridge.run(asked())

    def _desk_here(self) -> Desk:
        """The desk of this process; made inside the bridge's loop, and again after a fork."""
        if self._desk is None or self._desk[0] != os.getpid():
            self._desk = (os.getpid(), self._make_desk(ledger=Ledger(self.ledger)))
            # A program that just ends leaves its attempts recorded as interrupted, not as a riddle.
            atexit.register(self.close)
        return self._desk[1]


def _by_name(channels: Iterable[Channel]) -> dict[str, Channel]:
    by_name: dict[str, Channel] = {}
    for channel in channels:
        if why := why_no_name(channel.name):
            raise RouteError(f"{channel.name!r} cannot name a channel: {why}.")
        if channel.name in by_name:
            raise UsageError(f"Two channels are named {channel.name!r}. Give each a name of its own.")
        by_name[channel.name] = channel
    return by_name


def _always(route: str | Operand | None) -> ChooseRoute:
    def choose(asked: str | Operand | None, urgency: Urgency) -> tuple[Route, str]:
        del urgency
        chosen = asked if asked is not None else route
        if chosen is None:
            raise UsageError('No route is given. Give one, e.g. route="site & (bluesky | mastodon)".')
        return (Route.parse(chosen) if isinstance(chosen, str) else chosen.as_route()), ""

    return choose
