"""``[channels.NAME]``: what every channel may say, whatever its type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from surecast.channel import CatchUp
from surecast.rate import Rate
from surecast.settings import setting, web_address

Confirm = Literal["accepted", "visible"]
WhenUnsure = Literal["reroute", "hold"]


def more_than_nothing(value: float) -> str:
    """What is wrong with a number that must be above zero."""
    return "" if value > 0 else "it must be more than nothing. Write a number above 0"


def a_share(value: float) -> str:
    """What is wrong with a share of the whole."""
    return "" if 0 < value <= 1 else "it is no share. Write a number above 0 and at most 1"


NO_PAGE = "none"


def _address_or_none(value: str) -> str:
    return "" if value == NO_PAGE else web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTerms:
    """``[channels.NAME]``: what every channel may say beside the settings of its type."""

    type: str = setting("The kind of platform.", example="bluesky")
    priority: int | None = setting(
        "Its rank where no route is written: all channels of 1 together, then all of 2, and so on; without it 1.",
        default=None,
        example="1",
        check=more_than_nothing,
    )
    within_s: float | None = setting(
        "How long it has from its first network step to acceptance; without it, the urgency's.",
        default=None,
        example="20s",
        check=more_than_nothing,
    )
    visible_within_s: float | None = setting(
        "How long after acceptance a post may stay unseen before it counts as invisible; without it, the urgency's.",
        default=None,
        example="2 min",
        check=more_than_nothing,
    )
    confirm: Confirm | None = setting(
        "What counts as reached here: the platform's word, or that the public can see it; without it, the urgency's.",
        default=None,
        example="accepted",
    )
    when_unsure: WhenUnsure | None = setting(
        "Whether the next alternative may start while it is unknown if a post went out here; without it, reroute for "
        "public channels and hold for direct ones.",
        default=None,
        example="hold",
    )
    timeout_s: float = setting(
        "How long one attempt may take in all.", default=10.0, example="10s", check=more_than_nothing
    )
    attempts: int = setting("How many failures spend its turn.", default=3, example="3", check=more_than_nothing)
    settle_after_s: float = setting(
        "How long after an attempt in doubt the second look-up comes at the earliest.", default=10.0, example="10s"
    )
    audience: str | None = setting(
        "Whom a direct channel writes to: the name of an [audiences.NAME].", default=None, example="riders"
    )
    enough: float = setting(
        "The share of an audience that has to be reached for the channel to count as reached.",
        default=0.95,
        example="0.95",
        check=a_share,
    )
    in_flight: int | None = setting(
        "How many messages of a direct channel are on their way at once, in one process; without it, the type's.",
        default=None,
        example="20",
        check=more_than_nothing,
    )
    rate: Rate | None = setting(
        "How often a direct channel sends at most, over all processes; without it, the type's.",
        default=None,
        example="10/s",
    )
    price: float | None = setting(
        "What one message costs, for SMS one segment, in the currency of `max_cost`; required where it costs money.",
        default=None,
        example="0.0083",
        check=more_than_nothing,
    )
    max_cost: float | None = setting(
        "What one announcement may cost on this channel; required where it costs money.",
        default=None,
        example="400",
        check=more_than_nothing,
    )
    max_cost_per_day: float | None = setting(
        "What this channel may cost in a day (UTC), over all announcements; required where it costs money.",
        default=None,
        example="800",
        check=more_than_nothing,
    )
    spend_after_s: float | None = setting(
        "As a later alternative, a channel that costs money starts so long after the first failure of an earlier one; "
        "without it 5 min, in an emergency 60 s. Contacts whom no channel before it over the same audience can reach "
        "are written to at once, unless a public channel or another audience stands in front.",
        default=None,
        example="5 min",
    )
    catch_up: CatchUp | None = setting(
        "What it gets when it is back from an outage: the newest announcement of each incident, all, or none that "
        "readers have had elsewhere; without it, what [catch_up] says.",
        default=None,
        example="all",
    )
    status_page: str | None = setting(
        'Where its vendor says how it is, for programs; without it, the type\'s; "none" for none.',
        default=None,
        example="https://status.example/api/v2/summary.json",
        check=_address_or_none,
    )
    status_component: str = setting(
        "The part of the status page that counts, where it has several.", default="", example="API"
    )
    credentials_end: date | None = setting(
        "The day on which its token or password ends; people are told before.", default=None, example="2027-03-31"
    )
