"""Whom a process asks whether this machine is cut off, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from surecast.broadcaster.roster import CUT_OFF_KEPT_S, Network, Roster
from surecast.ledger.database import Ledger
from surecast.ledger.rounds import last_cut_off
from surecast.planning import House
from surecast.settings import setting
from surecast.testing import FakeChannel, ManualClock
from surecast.transport.network import INDEPENDENT, place_of

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: str = setting("Where it is.", default="https://a.example", sandbox="endpoint")


def at(name: str, address: str) -> FakeChannel:
    return FakeChannel(name, settings=Settings(server=address))


class Asked:
    """Stands for the look at the network: what it was asked, and what it says."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[Place], list[Place], tuple[Place, ...]]] = []
        self.says = True

    async def __call__(self, hosts: Any, others: Any, independent: tuple[Place, ...]) -> bool:
        self.calls.append((list(hosts), list(others), independent))
        return self.says


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    there = Asked()
    monkeypatch.setattr("surecast.broadcaster.roster.cut_off", there)
    return there


def with_roster(
    tmp_path: Path, work: Callable[[Roster, Ledger, ManualClock], Awaitable[None]], *fakes: FakeChannel, **network: Any
) -> None:
    async def done() -> None:
        ledger, clock = Ledger(tmp_path / "ledger.db"), ManualClock()
        roster = Roster(
            {fake.name: fake.channel for fake in fakes},
            House(),
            Network(**network),
            ledger=ledger,
            ledger_key=None,
            owner="me",
            clock=clock,
        )
        try:
            await work(roster, ledger, clock)
        finally:
            await roster.close()
            await ledger.close()

    asyncio.run(done())


def test_the_platforms_of_others_and_independent_places_are_asked_and_not_its_own(tmp_path: Path, asked: Asked) -> None:
    async def work(roster: Roster, ledger: Ledger, clock: ManualClock) -> None:
        assert await roster.cut_off("a")
        ((own, others, independent),) = asked.calls
        assert own == [("one.example", 443)]
        assert others == [("two.example", 8080)], "nor another channel on the same platform"
        assert independent == (("www.example.org", 443), ("192.0.2.7", 53))

    fakes = at("a", "https://one.example"), at("b", "http://two.example:8080"), at("c", "https://one.example")
    with_roster(tmp_path, work, *fakes, independent=("www.example.org", "192.0.2.7:53"))


def test_what_is_known_is_known_for_a_few_seconds_of_each_channel(tmp_path: Path, asked: Asked) -> None:
    async def work(roster: Roster, ledger: Ledger, clock: ManualClock) -> None:
        assert [await roster.cut_off("a") for _ in range(3)] == [True] * 3
        assert await roster.cut_off("b")
        assert len(asked.calls) == 2
        clock.advance(CUT_OFF_KEPT_S + 1)
        asked.says = False
        assert not await roster.cut_off("a")
        assert len(asked.calls) == 3

    with_roster(tmp_path, work, at("a", "https://one.example"), at("b", "https://two.example"))


def test_a_channel_that_is_no_longer_there_is_nowhere(tmp_path: Path, asked: Asked) -> None:
    async def work(roster: Roster, ledger: Ledger, clock: ManualClock) -> None:
        await roster.cut_off("gone")
        assert asked.calls[0][0] == []

    with_roster(tmp_path, work, at("a", "https://one.example"))


def test_that_it_is_cut_off_is_remembered_and_that_it_is_not_is_no_news(tmp_path: Path, asked: Asked) -> None:
    async def work(roster: Roster, ledger: Ledger, clock: ManualClock) -> None:
        asked.says = False
        await roster.cut_off("a")
        assert await ledger.do(last_cut_off) is None
        clock.advance(60)
        asked.says = True
        await roster.cut_off("a")
        known = await ledger.do(last_cut_off)
        assert known is not None
        assert (known.since, known.until) == (clock.now(), clock.now())

    with_roster(tmp_path, work, at("a", "https://one.example"))


# The way out


def test_without_a_proxy_the_independent_places_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Network().way_out() == tuple(map(place_of, INDEPENDENT))
    assert Network(independent=()).way_out() == ()
    assert Network(independent=("one.example:8443",)).way_out() == (("one.example", 8443),)


@pytest.mark.parametrize(
    ("proxy", "place"),
    [
        ("http://proxy.example:3128", ("proxy.example", 3128)),
        ("http://proxy.example", ("proxy.example", 80)),
        ("http://user:secret@proxy.example:3128/", ("proxy.example", 3128)),
        ("proxy.example:3128", ("proxy.example", 3128)),
        ("http://[2001:db8::1]:3128", ("2001:db8::1", 3128)),
    ],
)
def test_where_a_proxy_leads_out_it_is_asked_in_their_place(proxy: str, place: Place) -> None:
    assert Network(proxy=proxy).way_out() == (place,)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_counts_unless_the_environment_does_not(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy.example:3128")
    assert Network().way_out() == (("proxy.example", 3128),)
    assert Network(use_environment=False).way_out() == tuple(map(place_of, INDEPENDENT))
    assert Network(proxy="http://own.example:8080").way_out() == (("own.example", 8080),)


def test_a_proxy_that_names_no_host_leads_nowhere() -> None:
    assert Network(proxy="http://").way_out() == ()
