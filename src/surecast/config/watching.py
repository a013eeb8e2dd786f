"""``[watch]`` and ``[catch_up]``: how outages are noticed and told, and what is paid back after them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from surecast.channel import CatchUp
from surecast.planning import CATCH_UP_RATE
from surecast.rate import Rate
from surecast.secret import Secret
from surecast.settings import setting, web_address

HOUR_S = 3_600.0
NEVER = "never"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_WEEKLY = re.compile(rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")


def some_time(value: float) -> str:
    """What is wrong with a time that must be above zero."""
    return "" if value > 0 else "it must be more than nothing. Write a time above 0"


def weekly(value: str) -> str:
    """What is wrong with a day of the week and a time."""
    if value == NEVER or _WEEKLY.fullmatch(value):
        return ""
    return f'it is no day and time. Write e.g. "mon 09:00", or "{NEVER}"'


def _address(value: str | Secret) -> str:
    return "" if isinstance(value, Secret) else web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """``[watch]``: what `surecast watch` does. All times are in seconds."""

    act: Literal["draft", "send"] = setting(
        "What becomes of a notice to readers: a draft that waits for a person's `surecast approve`, or it is sent.",
        default="draft",
        example="send",
    )
    route: str | None = setting(
        "The route of notices: its name, or an expression; without it, every public channel that costs nothing, of "
        "which your website and one platform are enough. The channel that is down is left out.",
        default=None,
        example='"at_least(1, mastodon, telegram)"',
    )
    every_s: float = setting(
        "How often each channel is looked at, without posting.", default=60.0, example="60s", check=some_time
    )
    recheck_s: float = setting(
        "A first bad sign is looked at again after this.", default=10.0, example="10s", check=some_time
    )
    notice_after_s: float = setting(
        "A platform must be down for so long before readers are told.", default=60.0, example="5 min"
    )
    update_after_s: tuple[float, ...] = setting(
        "When, after the notice, readers are told that it goes on.",
        default=(HOUR_S, 3 * HOUR_S, 6 * HOUR_S),
        example='["1h", "3h"]',
    )
    all_clear_after_s: float = setting(
        "A platform must be well for so long, without a break, before the outage counts as over.",
        default=45 * 60.0,
        example="45 min",
        check=some_time,
    )
    between_switches_s: float = setting(
        "What the watch has switched, it leaves as it is for so long.", default=60.0, example="60s"
    )
    status_every_s: float = setting(
        "How often the vendors' status pages are read.", default=300.0, example="5 min", check=some_time
    )
    heartbeat: str | Secret | None = setting(
        "An address that is called while all is well with surecast itself; whoever watches it is warned when it stops.",
        default=None,
        example='{ file = "secrets/heartbeat" }',
        check=_address,
    )
    heartbeat_every_s: float = setting("How often that is.", default=300.0, example="5 min", check=some_time)
    digest: str = setting(
        "When people get the digest of the week, in the house's time zone, or never.",
        default="mon 09:00",
        example="mon 09:00",
        check=weekly,
    )
    credentials_before_s: float = setting(
        "How long before a token or password ends (credentials_end of a channel) people are told.",
        default=14 * 24 * HOUR_S,
        example="14 days",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpTable:
    """``[catch_up]``: what a platform that was down gets when it is back."""

    policy: CatchUp = setting(
        "The newest announcement of each incident, all of them, or none that readers have had elsewhere.",
        default="latest",
        example="all",
    )
    pace: Rate = setting("How fast it gets them, oldest first.", default=CATCH_UP_RATE, example="12/min")
