"""Plays a timeline: the product whole, its libraries and its watch, on simulated platforms and a clock turned by hand.

Nothing is left out but waiting: the clock is turned on to the next moment at which anything is due.
"""

from __future__ import annotations

import heapq
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from surecast.broadcaster.desk import Desk
from surecast.channel import CatchUp
from surecast.config import load_config, rehome
from surecast.config.assemble import assemble
from surecast.config.values import Config
from surecast.message import Announcement
from surecast.ops.heartbeat import Heartbeat
from surecast.ops.notices import Notices
from surecast.ops.watch import Watch
from surecast.replay.figures import Figures, Said, count
from surecast.replay.timeline import Timeline
from surecast.route import Route
from surecast.sandbox import Fault, Sandbox
from surecast.text.messages import MessageValues

#: A Monday morning in Piraeus, as the outage was at its worst on a Monday.
BEGINS_AT = 1_775_455_200.0  # 2026-04-06 06:00 UTC
PLATFORMS = ("bluesky", "mastodon")
#: The watch looks so soon after something was delivered.
NEWS_S = 15.0

CONFIG = """\
sender = "Harbour Ferries"
time_zone = "Europe/Athens"
follow = "https://ferries.example/notices"

[urgencies.normal]
within = "60s"
visible_within = "20s"

[routes]
default = "bluesky | mastodon"

[watch]
act = "send"
every = "2 min"
notice_after = "60s"

[catch_up]
policy = "{catch_up}"

[channels.bluesky]
type = "bluesky"
handle = "ferries.example"
app_password = {{ env = "BLUESKY_APP_PASSWORD" }}

[channels.mastodon]
type = "mastodon"
server = "https://social.example"
access_token = {{ env = "MASTODON_ACCESS_TOKEN" }}
"""


class TurnedClock:
    """A clock that shows what it was turned to."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def turn_to(self, moment: float) -> None:
        """Turns it on; never back."""
        self._now = max(self._now, moment)


@dataclass(slots=True)
class Listener:
    """Stands for the people in charge: counts what they are told."""

    causes: list[str] = field(default_factory=list)

    async def tell(self, cause: str, message: str, *, failing: str | None = None, **_: Unpack[MessageValues]) -> bool:
        del message, failing
        if cause in self.causes:
            return False
        self.causes.append(cause)
        return True

    async def over(self, cause: str) -> None:
        """Told once is told: a replay counts causes, not repetitions."""


def play(
    timeline: Timeline,
    *,
    catch_up: CatchUp = "latest",
    folder: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Plays a timeline to its end and counts what came of it.

    Args:
        catch_up: what the platform gets when it is back.
        folder: where ledger and site are written; else a temporary one, removed at the end.
        say: is told how far it is, from time to time.
    """
    home = folder or Path(tempfile.mkdtemp(prefix="surecast-replay-"))
    home.mkdir(parents=True, exist_ok=True)
    (home / "surecast.toml").write_text(CONFIG.format(catch_up=catch_up), encoding="utf-8")
    clock = TurnedClock(BEGINS_AT)
    try:
        with Sandbox.in_thread(PLATFORMS, clock=clock) as sandbox:
            endpoints = {name: sandbox.url(name) for name in sandbox.platforms}
            config = rehome(load_config(home / "surecast.toml"), endpoints, home)
            with assemble(config, background="worker", clock=clock) as broadcaster:
                stage = _Stage(timeline, config, sandbox, clock, say)
                return broadcaster.attend(stage.play)
    finally:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


class _Stage:
    """One performance."""

    def __init__(
        self, timeline: Timeline, config: Config, sandbox: Sandbox, clock: TurnedClock, say: Callable[[str], None]
    ) -> None:
        self._timeline = timeline
        self._config = config
        self._sandbox = sandbox
        self._clock = clock
        self._say = say
        self._listener = Listener()
        self._said: list[Said] = []
        self._events = [(moment, number, act) for number, (moment, act) in enumerate(self._script())]
        heapq.heapify(self._events)

    def _script(self) -> list[tuple[float, Callable[[Desk], Any]]]:
        script: list[tuple[float, Callable[[Desk], Any]]] = []
        for spell in self._timeline.spells:
            script += [(spell.begins_s, self._strikes(spell.fault)), (spell.ends_s, self._strikes(Fault.NONE))]
        number, moment = 0, 0.0
        while moment < self._timeline.announcing_s:
            script.append((moment, self._announces(number)))
            number, moment = number + 1, moment + self._timeline.every_s
        return script

    def _strikes(self, fault: Fault) -> Callable[[Desk], Any]:
        async def strike(desk: Desk) -> None:
            del desk
            self._sandbox.fault(self._timeline.platform, fault)

        return strike

    def _announces(self, number: int) -> Callable[[Desk], Any]:
        async def announce(desk: Desk) -> None:
            incident = f"ferry-{number % self._timeline.incidents + 1}"
            words = Announcement(text=f"Announcement {number:04}: news of {incident}.", incident=incident)
            route = Route.parse(str(self._config.routes["default"]))
            report = await desk.broadcast(words, route, "default", wait=False, again=True, on_change="raise")
            self._said.append(Said(id=report.id, text=words.text, incident=incident, at=self._clock.now()))

        return announce

    async def play(self, desk: Desk) -> Figures:
        """From the first event to the last, and on until nothing is left to say."""
        watch = Watch(
            desk,
            self._config,
            people=self._listener,
            notices=Notices(desk, self._config),
            heartbeat=Heartbeat(desk, self._config),
        )
        ends_at, round_at = BEGINS_AT + self._timeline.lasts_s, BEGINS_AT
        told_at = BEGINS_AT
        while self._clock.now() < ends_at:
            now = self._clock.now()
            while self._events and BEGINS_AT + self._events[0][0] <= now:
                await heapq.heappop(self._events)[2](desk)
            due_at = await desk.deliver_due()
            if now >= round_at:
                round_at = now + await watch.round()
                due_at = await desk.deliver_due()
            if now >= told_at:
                self._say(f"{(now - BEGINS_AT) / 3600:.0f} h of {self._timeline.lasts_s / 3600:.0f} h are played")
                told_at += 3_600.0
            if due_at is not None:  # what is delivered may be news to the watch, which looks every few seconds
                round_at = min(round_at, max(due_at, now) + NEWS_S)
            event_at = BEGINS_AT + self._events[0][0] if self._events else ends_at
            self._clock.turn_to(min(at for at in (event_at, round_at, due_at, ends_at) if at is not None))
        return await count(
            desk, self._timeline, self._sandbox, self._said, begins_at=BEGINS_AT, told=len(self._listener.causes)
        )
