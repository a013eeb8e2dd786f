"""A platform in a folder, so that several processes see the same far side; and a way to die at a chosen moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surecast.broadcaster import Broadcaster
from surecast.channel import Channel, Context, Errand, Kind, Limits, Resend, Sending, Traits
from surecast.ledger.database import Ledger
from surecast.outcome import Look, Outcome, Receipt, Sighting, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfSettings:
    """Where the posts are."""

    folder: Path


class Shelf:
    """Keeps every post as a file; with ``same_key`` one a key."""

    traits: Traits
    #: Called with the name of a moment; a test dies in it, or says that it was reached.
    moment: Callable[[str], Any] = staticmethod(lambda _: None)

    def __init__(self, settings: ShelfSettings, context: Context) -> None:
        self._folder = settings.folder
        self._folder.mkdir(parents=True, exist_ok=True)

    async def open(self) -> None: ...

    async def prepare(self, errand: Errand) -> bytes:
        self.moment("prepare")
        return errand.post.parts[errand.part].text.encode()

    async def publish(self, sending: Sending) -> Outcome:
        with (self._folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {sending.key}\n")
        self.moment("before taking in")
        number = "" if self.traits.resend == "same_key" else f"-{os.urandom(4).hex()}"
        post = self._folder / f"{sending.key}{number}.post"
        post.write_bytes(sending.payload)
        self.moment("after taking in")
        return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(post.name))

    def classify(self, error: BaseException) -> Outcome | None:
        return None

    async def close(self) -> None: ...


class FindingShelf(Shelf):
    """Can look posts up."""

    async def find(self, sending: Sending) -> Look:
        found = list(self._folder.glob(f"{sending.key}*.post"))
        if len(found) != 1:
            return Look(sighting=Sighting.UNKNOWN if found else Sighting.UNSEEN)
        return Look(sighting=Sighting.SEEN, receipt=Receipt(found[0].name))


def shelf(name: str, folder: Path, resend: Resend, **own: Any) -> Channel:
    """A channel on a folder."""
    base = Shelf if resend == "never" else FindingShelf
    traits = Traits(platform=name.title(), limits=Limits(), resend=resend)
    adapter = type(f"Shelf{name}", (base,), {"traits": traits})
    kind = Kind(name=name, traits=traits, settings=ShelfSettings, adapter=adapter)
    given = {"settle_after_s": 0.05, "within_s": 0.5, **own}
    return Channel(name=name, kind=kind, settings=ShelfSettings(folder=folder), **given)


def posts(folder: Path) -> list[str]:
    """What the platform holds."""
    return sorted(post.read_text() for post in folder.glob("*.post"))


def publishes(folder: Path) -> list[tuple[int, str]]:
    """Who sent what, in order."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(line.split()[0]), line.split()[1]) for line in lines]


def caster(root: Path, resend: Resend, **own: Any) -> Broadcaster:
    """A broadcaster whose channel ``a`` is a folder; it delivers nothing by itself after a call."""
    given = {"route": "a", "background": "worker", **own}
    channels = [shelf("a", root / "a", resend), shelf("b", root / "b", "same_key")]
    return Broadcaster(channels, ledger=root / "ledger.db", **given)


def die(*_: object) -> None:
    """As `kill -9` would end this process."""
    os._exit(9)


def send(root: Path, resend: Resend, step: str) -> None:
    """Sends an announcement and dies at `step`: a moment of the platform, or before or after a call of the ledger."""
    when, _, name = step.partition(" ")
    reached = 0
    call_name, _, count = name.partition("#")

    def moment(reached_now: str) -> None:
        if step == reached_now:
            die()

    Shelf.moment = staticmethod(moment)
    real = Ledger.do

    async def watched(self: Ledger, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal reached
        here = f"{call.__module__.rpartition('.')[2]}.{call.__name__}" == call_name
        reached += here
        if here and when == "before" and reached == int(count or 1):
            die()
        result = await real(self, call, *args, **kwargs)
        if here and when == "after" and reached == int(count or 1):
            die()
        return result

    Ledger.do = watched  # type: ignore[method-assign]
    caster(root, resend).broadcast("Ferry 12 is cancelled", key="k")
    os._exit(0)


def hold(root: Path, resend: Resend, step: str) -> None:
    """Sends an announcement, tells when `step` is reached, and waits in it to be stopped and woken up again."""

    def moment(reached: str) -> None:
        if step == reached:
            (root / "reached").touch()
            while not (root / "go on").exists():
                time.sleep(0.01)

    Shelf.moment = staticmethod(moment)
    caster(root, resend).broadcast("Ferry 12 is cancelled", key="k", wait=30.0)
    os._exit(0)
