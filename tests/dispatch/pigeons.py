"""Direct channels in a folder, so that several processes see the same far side; and ways to die in the middle."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.broadcaster.harbour import COLUMNS, row
from tests.dispatch.shelf import FindingShelf, Shelf, ShelfSettings, die

from surecast.audiences import Audience
from surecast.broadcaster import Broadcaster
from surecast.channel import Channel, Kind, Limits, Resend, Sending, Traits
from surecast.clock import SteadyClock
from surecast.contact import Medium
from surecast.ledger.database import Ledger
from surecast.outcome import Outcome, Receipt, Verdict
from surecast.rate import Rate

RIDERS = 8


class _ToOne:
    """Keeps every message as a file that holds the address it went to."""

    traits: Traits
    _folder: Path
    moment: Callable[[str], Any]

    async def publish(self, sending: Sending) -> Outcome:
        assert sending.to is not None
        with (self._folder / "log").open("a") as log:
            log.write(f"{time.monotonic()} {sending.to.address}\n")
        self.moment("before taking in")
        number = "" if self.traits.resend == "same_key" else f"-{os.urandom(4).hex()}"
        letter = self._folder / f"{sending.key}{number}.post"
        letter.write_text(sending.to.address)
        self.moment("after taking in")
        return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(letter.name))


def pigeons(root: Path, resend: Resend, rate: Rate | None = None) -> Channel:
    """A direct channel on a folder."""
    base = Shelf if resend == "never" else FindingShelf
    traits = Traits(
        platform="Pigeons", limits=Limits(), resend=resend, public=False, medium=Medium.EMAIL, keeps_link_in_text=True
    )
    adapter = type("Pigeons", (_ToOne, base), {"traits": traits})
    kind = Kind(name="a", traits=traits, settings=ShelfSettings, adapter=adapter, in_flight=2)
    return Channel(
        name="a",
        kind=kind,
        settings=ShelfSettings(folder=root / "a"),
        settle_after_s=0.05,
        audience="riders",
        rate=rate,
    )


def caster(root: Path, resend: Resend, rate: Rate | None = None) -> Broadcaster:
    """A broadcaster that delivers nothing by itself after a call."""
    riders = root / "riders.csv"
    if not riders.exists():
        riders.write_text("\n".join([COLUMNS, *(row(n, phones=False) for n in range(RIDERS)), ""]))
    return Broadcaster(
        [pigeons(root, resend, rate)],
        ledger=root / "ledger.db",
        route="a",
        background="worker",
        audiences={"riders": Audience(source="riders.csv", folder=root)},
    )


def moments(root: Path) -> list[float]:
    """When each message was sent, over all processes of this host."""
    return sorted(float(line.split()[0]) for line in (root / "a" / "log").read_text().splitlines())


def letters(root: Path) -> Counter[str]:
    """Who got how many."""
    return Counter(letter.read_text() for letter in (root / "a").glob("*.post"))


def send(root: Path, resend: Resend, step: str) -> None:
    """Writes to the riders and dies at `step`: a moment of the platform, or before or after a call of the ledger."""
    when, _, name = step.partition(" ")
    call_name, _, count = name.partition("#")
    seen: Counter[str] = Counter()

    def reached(what: str) -> None:
        seen[what] += 1
        if what == call_name and seen[what] == int(count or 1):
            die()

    Shelf.moment = staticmethod(lambda moment: reached(f"at {moment}"))
    _ToOne.moment = staticmethod(lambda moment: reached(f"at {moment}"))
    real = Ledger.do

    async def watched(self: Ledger, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        here = f"{call.__module__.rpartition('.')[2]}.{call.__name__}"
        if when == "before":
            reached(here)
        result = await real(self, call, *args, **kwargs)
        if when == "after":
            reached(here)
        return result

    if when == "at":
        call_name, _, count = step.partition("#")
    else:
        Ledger.do = watched  # type: ignore[method-assign]
    caster(root, resend).broadcast("Ferry 12 is cancelled", key="k")
    os._exit(0)


def write(root: Path, resend: Resend, text: str) -> None:
    """Writes to the riders at a rate."""
    caster(root, resend, Rate.parse("20/s")).broadcast(text)
    os._exit(0)


def hold(root: Path, resend: Resend, step: str) -> None:
    """Writes to the riders, tells when `step` is reached, and waits in it to be stopped and woken up a minute later."""

    def moment(reached: str) -> None:
        if step == reached:
            (root / "reached").touch()
            while not (root / "go on").exists():
                time.sleep(0.01)
            real = SteadyClock.now
            SteadyClock.now = lambda self: real(self) + 60.0  # type: ignore[method-assign]

    _ToOne.moment = staticmethod(moment)
    Shelf.moment = staticmethod(moment)
    caster(root, resend).broadcast("Ferry 12 is cancelled", key="k", wait=30.0)
    os._exit(0)
