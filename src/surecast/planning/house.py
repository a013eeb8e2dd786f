"""Whose announcements these are, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from surecast.channel import CatchUp
from surecast.errors import UsageError
from surecast.message import Urgency
from surecast.quiet import Quiet
from surecast.rate import Rate

#: Nobody is to be written to more often than this, below an emergency, unless the house says so.
PER_CONTACT = Rate.parse("3/day")
#: A platform that is just back is not flooded with what it missed.
CATCH_UP_RATE = Rate.parse("12/min")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What an urgency means for every channel that has no value of its own; in seconds."""

    within_s: float
    expires_s: float
    visible_within_s: float = 60.0
    confirm: Literal["accepted", "visible"] | None = None


HOUR_S = 3_600.0
#: A later alternative that costs money waits so long after the first failure of an earlier one; see also the urgencies.
SPEND_AFTER_S, SPEND_AFTER_IN_EMERGENCY_S = 300.0, 60.0

DEFAULT_TIMES: Mapping[Urgency, Times] = MappingProxyType(
    {
        Urgency.LOW: Times(within_s=600.0, expires_s=24 * HOUR_S),
        Urgency.NORMAL: Times(within_s=60.0, expires_s=24 * HOUR_S),
        Urgency.URGENT: Times(within_s=15.0, expires_s=4 * HOUR_S),
        Urgency.EMERGENCY: Times(within_s=10.0, expires_s=2 * HOUR_S),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Whose announcements these are and what holds for all of them; from the top of the configuration.

    Attributes:
        quiet: when people are not to be woken by direct messages; None for never.
        per_contact: how many direct messages one person may get, below an emergency; None for no bound.
        currency: of all prices and caps.
        worker: the command that delivers what is owed, as it must stand in cron.
        catch_up, catch_up_rate: what a channel gets when it is back from an outage, and how fast; None for no bound.
        follow: an address at which readers can always follow; empty for none.
        templates: a folder of the house's own templates for notices.
        reroute_notes: whether a post that comes by rerouting says so.

    Raises:
        UsageError: no such time zone; a report would find that out after everything was sent.
    """

    sender: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    require_alt: bool = False
    times: Mapping[Urgency, Times] = field(default_factory=lambda: DEFAULT_TIMES)
    quiet: Quiet | None = None
    per_contact: Rate | None = PER_CONTACT
    currency: str = "EUR"
    worker: str = "surecast work --once"
    catch_up: CatchUp = "latest"
    catch_up_rate: Rate | None = CATCH_UP_RATE
    follow: str = ""
    templates: Path | None = None
    reroute_notes: bool = True

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise UsageError(
                f"{self.time_zone!r} is no time zone. Write a name of the IANA database, e.g. Europe/Athens."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """A careful first send.

    Attributes:
        limit: at most so many contacts.
        only: the keyed hash of the one address that is meant; empty for any.
    """

    limit: int | None = None
    only: str = ""
