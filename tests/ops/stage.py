"""A house on simulated platforms, its watch, and a clock turned by hand: hours pass without waiting."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from surecast.broadcaster import Broadcaster
from surecast.broadcaster.desk import Desk
from surecast.config import Config, load_config
from surecast.config.assemble import assemble
from surecast.ledger import outages, rounds
from surecast.ops.heartbeat import Heartbeat
from surecast.ops.notices import Notices
from surecast.ops.watch import Watch
from surecast.outage import Notice, Outage
from surecast.report import Report
from surecast.sandbox import Fault, On, Sandbox
from surecast.testing import ManualClock
from surecast.text.messages import Message, render_message

T = TypeVar("T")

#: A Wednesday: 2026-04-15 06:00 UTC.
BEGINS_AT = 1_776_232_800.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

TOML = """\
sender = "Harbour Ferries"
time_zone = "Europe/Athens"
reroute_notes = false
{top}
[network]
independent = []

[breaker]
longest = "2 min"

[urgencies.normal]
within = "60s"
visible_within = "20s"

[routes]
default = "bluesky | mastodon"

[watch]
act = "{act}"
every = "60s"
recheck = "10s"
notice_after = "60s"
all_clear_after = "10 min"
update_after = [{updates}]
{watch}

[channels.bluesky]
type = "bluesky"
service = "{bluesky}"
appview = "{bluesky}"
handle = "ferries.example"
app_password = {{ env = "BLUESKY_APP_PASSWORD" }}
status_page = "http://127.0.0.1:1/none.json"
{own_bluesky}

[channels.mastodon]
type = "mastodon"
server = "{mastodon}"
access_token = {{ env = "MASTODON_ACCESS_TOKEN" }}
{more}
"""


@dataclass(slots=True)
class Listener:
    """Stands for the people in charge: what they were told, as they would read it."""

    told: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    def of(self, message: str) -> list[Mapping[str, Any]]:
        """The values of every message of a sort."""
        return [values for _, sort, values in self.told if sort == message]

    def read(self, message: str) -> Message:
        """The only message of a sort, as it is read."""
        (values,) = self.of(message)
        return render_message(message, None, **{name: value for name, value in values.items() if name != "failing"})

    @property
    def sorts(self) -> list[str]:
        return [sort for _, sort, _ in self.told]


@dataclass(slots=True)
class Telling:
    """Tells a listener once for each cause until it is over, as the ledger knows it."""

    desk: Desk
    listener: Listener

    async def tell(self, cause: str, message: str, *, failing: str | None = None, **values: Any) -> bool:
        said = render_message(message, None, **values)
        assert said.subject, "it can be written with what is given"
        if not await self.desk.ledger.do(rounds.tell, cause, self.desk.clock.now()):
            return False
        self.listener.told.append((cause, message, {**values, "failing": failing}))
        return True

    async def over(self, cause: str) -> None:
        await self.desk.ledger.do(rounds.over, cause)


@dataclass(slots=True)
class Stage:
    """One house that is watched.

    Attributes:
        people: who listens to every watch of this stage.
    """

    clock: ManualClock
    sandbox: Sandbox
    config: Config
    caster: Broadcaster
    people: Listener = field(default_factory=Listener)

    def do(self, work: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
        return self.caster.attend(work)

    def watch(self, desk: Desk) -> Watch:
        return Watch(
            desk,
            self.config,
            people=Telling(desk, self.people),
            notices=Notices(desk, self.config, self.config.templates),
            heartbeat=Heartbeat(desk, self.config),
        )

    def play(self, seconds: float) -> None:
        """The watch goes its rounds, and what is due is delivered at its time."""

        async def played(desk: Desk) -> None:
            watch, ends_at, round_at = self.watch(desk), self.clock.now() + seconds, self.clock.now()
            while True:
                due_at = await desk.deliver_due()
                if (now := self.clock.now()) >= round_at:
                    round_at = now + await watch.round()
                    due_at = await desk.deliver_due()
                if now >= ends_at:
                    return
                next_at = min(at for at in (due_at, round_at, ends_at) if at is not None)
                self.clock.advance(max(0.0, next_at - now))

        self.do(played)

    def round(self) -> float:
        """One round of the watch, and what is due."""

        async def once(desk: Desk) -> float:
            pause = await self.watch(desk).round()
            await desk.deliver_due()
            return pause

        return self.do(once)

    def announce(self, text: str = "Ferry 12 is cancelled today", **own: Any) -> Report:
        """An announcement of the house, carried as far as that goes at once."""
        sent = self.caster.broadcast(text, wait=False, again=True, **own)
        self.do(lambda desk: desk.deliver_due())
        return sent

    # What goes wrong

    def fault(self, platform: str, fault: Fault, on: On = On.ALL) -> None:
        self.sandbox.fault(platform, fault, on=on)

    def down(self, *platforms: str) -> None:
        for platform in platforms:
            self.fault(platform, Fault.DOWN)

    def up(self, *platforms: str) -> None:
        for platform in platforms:
            self.fault(platform, Fault.NONE)

    # What came of it

    def posts(self, platform: str) -> list[str]:
        """The texts of everything that a platform holds."""
        return [post.text for post in self.sandbox.platforms[platform].posts()]

    @property
    def open_outages(self) -> tuple[Outage, ...]:
        return self.do(lambda desk: desk.ledger.do(outages.open_now))

    @property
    def outages(self) -> tuple[Outage, ...]:
        return self.do(lambda desk: desk.ledger.do(outages.since, 0.0))

    @property
    def drafts(self) -> tuple[Notice, ...]:
        return self.do(lambda desk: desk.ledger.do(outages.drafts))

    def notices(self, outage: int = 1) -> tuple[Notice, ...]:
        return self.do(lambda desk: desk.ledger.do(outages.notices, outage))

    @property
    def causes(self) -> set[str]:
        """What people were told of and is not over."""
        return {told.cause for told in self.do(lambda desk: desk.ledger.do(rounds.told))}

    def approve(self, notice: Notice) -> Report | None:
        """What `surecast approve` does."""
        sent = self.do(lambda desk: Notices(desk, self.config).send(notice))
        self.do(lambda desk: desk.deliver_due())
        return sent

    def cut_off(self) -> None:
        """This machine reaches nobody now."""
        now = self.clock.now()
        self.do(lambda desk: desk.ledger.do(rounds.cut_off, now))


@contextmanager
def house(
    folder: Path,
    *,
    act: str = "send",
    updates: str = "",
    top: str = "",
    watch: str = "",
    own_bluesky: str = "",
    more: str = "",
    platforms: tuple[str, ...] = ("bluesky", "mastodon"),
    begins_at: float = BEGINS_AT,
) -> Iterator[Stage]:
    """A stage; `updates`, `top`, `watch`, `own_bluesky` and `more` are lines of its configuration."""
    clock = ManualClock(begins_at)
    with Sandbox.in_thread(platforms, clock=clock) as sandbox:
        path = folder / "surecast.toml"
        endpoints = {name: sandbox.url(name) for name in platforms}
        given = {"act": act, "updates": updates, "top": top, "watch": watch, "own_bluesky": own_bluesky}
        path.write_text(TOML.format(**endpoints, **given, more=more.format(**endpoints)), "utf-8")
        config = load_config(path)
        assert config.mistakes == ()
        with assemble(config, background="worker", clock=clock) as caster:
            yield Stage(clock, sandbox, config, caster)
