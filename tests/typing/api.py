"""What users write, under mypy --strict: checked, never run. A line that must not pass is marked as an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

from surecast import (
    Announcement,
    Broadcaster,
    Channel,
    ChannelReport,
    ConfigError,
    House,
    Image,
    KeyReusedError,
    LedgerError,
    Report,
    Route,
    RouteError,
    Secret,
    State,
    Status,
    SurecastError,
    UnknownBroadcastError,
    Urgency,
    UsageError,
    Verdict,
    abroadcast,
    broadcast,
    open_broadcaster,
)
from surecast.testing import ChannelContract, FakeChannel, FarSide, ManualClock, accept, fake_kind, refuse


def calls() -> None:
    report = broadcast("Ferry 12 is cancelled today", url="https://ferries.example/12", urgency="urgent")
    assert_type(report, Report)
    broadcast("x", key="cms:412", on_change="keep", wait=False)
    broadcast("x", wait=2.5, again=True, route="site & bluesky", config=Path("surecast.toml"))
    broadcast("x", urgency=Urgency.EMERGENCY, expires=timedelta(hours=1), language="el")
    broadcast("x", expires=datetime.now(UTC), variants={"bluesky": "y"}, images=[Image("a.png", "a ferry")])
    broadcast(Announcement(text="x", images=(Image(Path("a.png")),)), route=Route.parse("a | b"))
    broadcast("x", urgncy="urgent")  # type: ignore[call-arg]
    broadcast("x", urgency="panic")  # type: ignore[arg-type]
    broadcast("x", on_change="replace")  # type: ignore[arg-type]
    broadcast(12)  # type: ignore[arg-type]


async def awaited() -> None:
    assert_type(await abroadcast("x", wait=False), Report)


def read(report: Report) -> None:
    assert_type(report.state, State)
    assert_type(report.satisfied, bool)
    assert_type(report.owed, tuple[str, ...])
    assert_type(report.channels, Mapping[str, ChannelReport])
    channel = report["bluesky"]
    assert_type(channel.status, Status)
    assert_type(channel.verdict, Verdict | None)
    assert_type(channel.url, str | None)
    assert_type(channel.next_try, float | None)
    assert_type(report.to_dict(), dict[str, Any])
    if report.state is State.REROUTED and channel.verdict is Verdict.INVISIBLE:
        print(report)
    report.state = State.REACHED  # type: ignore[misc]


def built(channel: Channel, other: Channel) -> None:
    house = House(sender="Harbour Ferries", time_zone="Europe/Athens")
    with Broadcaster([channel, other], ledger="ledger.db", route=channel | other, house=house) as caster:
        assert_type(caster.broadcast("x"), Report)
        assert_type(caster.status("last"), Report)
        assert_type(caster.resume(for_s=5), tuple[Report, ...])
        assert_type(caster.cancel("abcde", "bluesky"), Report)
        assert_type(caster.settle("abcde", "bluesky", there=True, url="https://a.example/1"), Report)
        assert_type(caster.work_once(), tuple[str, ...])
        assert_type(caster.preview("x").route_text, str)
        assert_type(caster.health()["bluesky"].not_before, float)
    route = channel & (other | channel)
    assert_type(route, Route)
    Broadcaster([channel], ledger=Path("l.db"), ledger_key=Secret.of("k"), background="worker").close()
    Broadcaster([channel])  # type: ignore[call-arg]


def opened() -> None:
    try:
        open_broadcaster("surecast.toml").close()
    except ConfigError as error:
        print([mistake.cure for mistake in error.mistakes])
    except (RouteError, KeyReusedError, UnknownBroadcastError, UsageError, LedgerError) as error:
        assert_type(str(error), str)
    except SurecastError:
        raise


class TestMyChannel(ChannelContract):
    """What the author of a channel writes."""

    def far_side(self) -> FarSide:
        raise NotImplementedError


def tested(folder: Path) -> None:
    fake = FakeChannel("bluesky", resend="after_lookup", channel={"within_s": 1.0})
    fake.script(refuse("no"), accept())
    clock = ManualClock()
    clock.advance(5.0)
    with Broadcaster([fake.channel], ledger=folder / "l.db", route="bluesky", clock=clock) as caster:
        caster.broadcast("x", wait=False)
    assert_type(fake.texts, list[str])
    fake_kind("other", finds=False)
    FakeChannel(resend="sometimes")  # type: ignore[arg-type]
