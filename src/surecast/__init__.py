"""surecast gets an announcement out although a platform is down.

    from surecast import broadcast

    report = broadcast("Ferry 12 is cancelled today", url="https://ferries.example/12", urgency="urgent")
    report.satisfied

Importing this loads nothing else: every public name is resolved when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surecast.broadcaster.broadcaster import Broadcaster
    from surecast.calls import abroadcast, broadcast, open_broadcaster
    from surecast.channel import Channel
    from surecast.decide import State
    from surecast.errors import (
        ConfigError,
        KeyReusedError,
        LedgerError,
        RouteError,
        SurecastError,
        UnknownBroadcastError,
        UsageError,
    )
    from surecast.message import Announcement, Image, Urgency
    from surecast.outcome import Verdict
    from surecast.planning import House
    from surecast.report import ChannelReport, Report, Status
    from surecast.route import Route
    from surecast.secret import Secret

__version__ = "0.1.0"

_HOMES = {
    "Announcement": "message",
    "Broadcaster": "broadcaster.broadcaster",
    "Channel": "channel",
    "ChannelReport": "report",
    "ConfigError": "errors",
    "House": "planning",
    "Image": "message",
    "KeyReusedError": "errors",
    "LedgerError": "errors",
    "Report": "report",
    "Route": "route",
    "RouteError": "errors",
    "Secret": "secret",
    "State": "decide",
    "Status": "report",
    "SurecastError": "errors",
    "UnknownBroadcastError": "errors",
    "Urgency": "message",
    "UsageError": "errors",
    "Verdict": "outcome",
    "abroadcast": "calls",
    "broadcast": "calls",
    "open_broadcaster": "calls",
}

__all__ = [
    "Announcement",
    "Broadcaster",
    "Channel",
    "ChannelReport",
    "ConfigError",
    "House",
    "Image",
    "KeyReusedError",
    "LedgerError",
    "Report",
    "Route",
    "RouteError",
    "Secret",
    "State",
    "Status",
    "SurecastError",
    "UnknownBroadcastError",
    "Urgency",
    "UsageError",
    "Verdict",
    "abroadcast",
    "broadcast",
    "open_broadcaster",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"surecast has no public name {name!r}")
    value = getattr(import_module(f"surecast.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
