"""The adapters of a process: opened once, anew when a secret changed, and never at the cost of the others."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from surecast.broadcaster import Broadcaster
from surecast.broadcaster.roster import Network, Roster
from surecast.channel import Channel, Context
from surecast.decide import State
from surecast.errors import ConfigError, SecretMissingError
from surecast.ledger.database import Ledger
from surecast.outcome import Reason, Verdict
from surecast.planning import House
from surecast.secret import Secret
from surecast.testing import FakeChannel, ManualClock, say

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WithSecret:
    """Settings with a secret in them."""

    token: Secret


def secretive(name: str, secret: Secret, **own: Any) -> FakeChannel:
    return FakeChannel(name, settings=WithSecret(token=secret), **own)


def with_roster(
    tmp_path: Path, work: Callable[[Roster], Awaitable[T]], *fakes: FakeChannel, clock: ManualClock | None = None
) -> T:
    async def done() -> T:
        ledger = Ledger(tmp_path / "ledger.db")
        roster = Roster(
            {fake.name: fake.channel for fake in fakes},
            House(sender="Harbour Ferries", language="el", time_zone="Europe/Athens"),
            Network(proxy="http://proxy.corp:3128", ca_file="ca.pem", use_environment=False),
            ledger=ledger,
            ledger_key=None,
            owner="me",
            clock=clock or ManualClock(),
        )
        try:
            return await work(roster)
        finally:
            await roster.close()
            await ledger.close()

    return asyncio.run(done())


def command(program: str) -> Secret:
    return Secret("command", "\0".join([sys.executable, "-c", program]))


def test_an_adapter_is_opened_once_however_many_ask(tmp_path: Path) -> None:
    async def work(roster: Roster) -> int:
        return len({id(adapter) for adapter in await asyncio.gather(*(roster.adapter("a") for _ in range(5)))})

    assert with_roster(tmp_path, work, FakeChannel("a")) == 1


def test_an_adapter_is_told_what_the_house_has(tmp_path: Path) -> None:
    async def work(roster: Roster) -> Context:
        context: Context = (await roster.adapter("a")).context  # type: ignore[attr-defined]
        return context

    context = with_roster(tmp_path, work, FakeChannel("a"))
    assert (context.name, context.sender, context.language, context.time_zone) == (
        *("a", "Harbour Ferries", "el"),
        "Europe/Athens",
    )
    assert (context.proxy, context.ca_file, context.use_environment) == ("http://proxy.corp:3128", "ca.pem", False)


def test_a_changed_secret_opens_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "first")

    async def work(roster: Roster) -> list[bool]:
        adapters = [await roster.adapter("a"), await roster.adapter("a")]
        before = await roster.credentials("a")
        monkeypatch.setenv("THE_TOKEN", "second")
        assert await roster.credentials("a") != before
        adapters += [await roster.adapter("a")]
        return [adapters[0] is adapter for adapter in adapters]

    assert with_roster(tmp_path, work, secretive("a", Secret("env", "THE_TOKEN"))) == [True, True, False]


def test_a_secret_that_is_missing_says_so_and_may_come_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(roster: Roster) -> None:
        with pytest.raises(SecretMissingError, match="THE_TOKEN"):
            await roster.adapter("a")
        monkeypatch.setenv("THE_TOKEN", "now")
        assert await roster.adapter("a")

    with_roster(tmp_path, work, secretive("a", Secret("env", "THE_TOKEN")))


def test_a_command_is_asked_off_the_loop_and_again_after_a_while(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    clock = ManualClock()
    slow = f"import time; time.sleep(0.3); print(open({str(file)!r}).read())"

    async def work(roster: Roster) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        first = await roster.credentials("a")
        assert first
        assert ticks > 5, "the loop went on meanwhile"
        file.write_text("second")
        assert await roster.credentials("a") == first
        clock.advance(61)
        assert await roster.credentials("a") != first
        ticking.cancel()

    with_roster(tmp_path, work, secretive("a", command(slow)), clock=clock)


def test_a_command_that_hangs_keeps_no_other_channel_waiting(tmp_path: Path) -> None:
    hung = secretive("a", command("import time; time.sleep(10)"))
    fake = FakeChannel("b")
    with Broadcaster([hung.channel, fake.channel], ledger=tmp_path / "l.db", route="at_least(1, a, b)") as caster:
        began = time.monotonic()
        report = caster.broadcast("x")
        assert report.state is State.REACHED
        assert report["b"].verdict is Verdict.ACCEPTED
        assert time.monotonic() - began < 3


def test_a_command_that_hangs_delays_the_next_alternative_by_no_more_than_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surecast.dispatch.carrier.OPEN_S", 0.5)
    hung = secretive("a", command("import time; time.sleep(10)"), channel={"within_s": 0.5, "timeout_s": 0.5})
    fake = FakeChannel("b")
    with Broadcaster([hung.channel, fake.channel], ledger=tmp_path / "l.db", route="a | b") as caster:
        began = time.monotonic()
        report = caster.broadcast("x")
        assert report.state is State.REROUTED
        assert time.monotonic() - began < 5
        assert report["a"].verdict is Verdict.UNAVAILABLE


def test_a_channel_that_cannot_be_used_is_not_opened(tmp_path: Path) -> None:
    broken = FakeChannel("b", channel={"misconfigured": "handle is missing."})

    async def work(roster: Roster) -> None:
        with pytest.raises(ConfigError, match="handle is missing"):
            await roster.adapter("b")
        with pytest.raises(ConfigError, match="'zzz' is no longer in the configuration"):
            await roster.adapter("zzz")
        assert await roster.credentials("zzz") == ""

    with_roster(tmp_path, work, FakeChannel("a"), broken)


def test_warming_opens_what_can_be_opened_and_hides_no_mistake(tmp_path: Path) -> None:
    fakes = FakeChannel("a"), FakeChannel("b"), FakeChannel("c")
    fakes[1].broken["open"] = ModuleNotFoundError("No module named 'sdk'", name="sdk")

    async def work(roster: Roster) -> None:
        roster.warm(("a", "b", "c", "zzz"))
        until = time.monotonic() + 5
        while len(roster._open) < 2:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        with pytest.raises(ModuleNotFoundError):
            await roster.adapter("b")

    with_roster(tmp_path, work, *fakes)


def test_a_new_secret_is_tried_without_waiting_for_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "a-token-refused-4711")
    first, second = secretive("a", Secret("env", "THE_TOKEN")), FakeChannel("b")
    first.script(say(Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS))
    channels: list[Channel] = [first.channel, second.channel]
    with Broadcaster(channels, ledger=tmp_path / "l.db", route="a | b", background="worker") as caster:
        assert caster.broadcast("first").state is State.REROUTED
        assert caster.broadcast("second").state is State.REROUTED
        assert len(first.published) == 1, "the same secret is not tried again"
        monkeypatch.setenv("THE_TOKEN", "a-token-that-works-4711")
        assert caster.broadcast("third").state is State.REACHED
        caster.work_once()
    assert sorted(first.texts)[:1] == ["first"]
    assert "third" in first.texts
