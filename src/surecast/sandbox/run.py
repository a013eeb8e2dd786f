"""A sandbox: simulated platforms and a control port, in this event loop or in a thread of their own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import Any, Final

from surecast.clock import Clock, SteadyClock
from surecast.errors import UsageError
from surecast.sandbox.chaos import Fault, On, Trouble, Wait
from surecast.sandbox.control import Control, pick
from surecast.sandbox.home import Home, Port
from surecast.sandbox.server import Platform

#: The simulated platforms that come with surecast: where each is.
PLATFORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bluesky": "surecast.sandbox.bluesky:Bluesky",
        "mastodon": "surecast.sandbox.mastodon:Mastodon",
        "telegram": "surecast.sandbox.telegram:Telegram",
        "twilio": "surecast.sandbox.twilio:Twilio",
        "email": "surecast.sandbox.mail:Mail",
    }
)

#: A platform's kind by name, or a class of one's own.
KindOfPlatform = str | type[Platform]

THREAD_S = 10.0


class Sandbox:
    """Simulated platforms that run; begin one with `start` or `in_thread`. Its methods may be called from any thread.

    Attributes:
        platforms: by the names they were given.
        control_url: where curl switches faults and looks at posts.
    """

    def __init__(self, platforms: Mapping[str, Platform], control_url: str) -> None:
        self.platforms = MappingProxyType(dict(platforms))
        self.control_url = control_url

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        platforms: Iterable[KindOfPlatform] | Mapping[str, KindOfPlatform] = tuple(PLATFORMS),
        *,
        port: int = 0,
        clock: Clock | None = None,
    ) -> AsyncIterator[Sandbox]:
        """Runs in this event loop until the block is left; requests that hang do not delay the end.

        Args:
            platforms: which ones; a mapping gives them names of one's own, e.g. one for each channel.
            port: the control port; the platforms take the next ones. 0 takes any free ones.
            clock: tells the platforms the time.

        Raises:
            UsageError: when a platform is not known or a port is taken.
        """
        home, clock = Home(), clock or SteadyClock()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(home.end)
            control = Port(port)
            stack.push_async_callback(control.close)
            made: dict[str, Platform] = {}
            for number, (name, kind) in enumerate(_named(platforms).items(), start=port + 1):
                own = Port(number if port else 0)
                stack.push_async_callback(own.close)
                made[name] = _class(kind)(name, clock=clock, home=home, port=own)
                stack.push_async_callback(made[name].close)
                await made[name].open()
            await control.serve(Control(made, control.url).app())
            yield cls(made, control.url)

    @classmethod
    @contextmanager
    def in_thread(
        cls,
        platforms: Iterable[KindOfPlatform] | Mapping[str, KindOfPlatform] = tuple(PLATFORMS),
        *,
        port: int = 0,
        clock: Clock | None = None,
    ) -> Iterator[Sandbox]:
        """As `start`, in a thread and an event loop of its own."""
        running: concurrent.futures.Future[tuple[Sandbox, asyncio.AbstractEventLoop, asyncio.Event]]
        running = concurrent.futures.Future()

        async def live() -> None:
            async with cls.start(platforms, port=port, clock=clock) as sandbox:
                stop = asyncio.Event()
                running.set_result((sandbox, asyncio.get_running_loop(), stop))
                await stop.wait()

        def work() -> None:
            try:
                asyncio.run(live())
            except BaseException as error:  # raised again in the thread that asked
                if running.done():
                    raise
                running.set_exception(error)

        thread = threading.Thread(target=work, name="surecast-sandbox", daemon=True)
        thread.start()
        sandbox, loop, stop = running.result(timeout=THREAD_S)
        try:
            yield sandbox
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=THREAD_S)

    def url(self, name: str) -> str:
        """The address of a platform, as its channel's setting takes it."""
        return pick(self.platforms, name).url

    def fault(
        self,
        name: str,
        fault: Fault,
        *,
        on: On = On.ALL,
        remaining: int | None = None,
        seconds: float | None = None,
        wait: Wait = "own",
        taken_in: bool | None = None,
    ) -> None:
        """Makes one thing go wrong at a platform, in place of what went wrong before; `Fault.NONE` lifts all.

        Several at once are given to `Platform.trouble`.

        Raises:
            UsageError: as for `Trouble`, or when there is no such platform.
        """
        trouble = Trouble(fault=fault, on=on, remaining=remaining, seconds=seconds, wait=wait, taken_in=taken_in)
        pick(self.platforms, name).trouble(trouble)

    def lift(self) -> None:
        """Nothing goes wrong any more, anywhere."""
        for platform in self.platforms.values():
            platform.trouble()


def _named(platforms: Iterable[KindOfPlatform] | Mapping[str, KindOfPlatform]) -> dict[str, KindOfPlatform]:
    if isinstance(platforms, Mapping):
        return dict(platforms)
    return {kind if isinstance(kind, str) else kind.__name__.lower(): kind for kind in platforms}


def _class(kind: KindOfPlatform) -> Any:
    if not isinstance(kind, str):
        return kind
    if kind not in PLATFORMS:
        raise UsageError(f"No platform {kind!r} can be simulated. There are: {', '.join(PLATFORMS)}.")
    module, _, name = PLATFORMS[kind].partition(":")
    return getattr(importlib.import_module(module), name)
