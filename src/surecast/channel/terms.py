"""What applies to one channel in one broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from surecast.channel.traits import CatchUp, Resend
from surecast.contact import Medium
from surecast.outcome import Outcome
from surecast.rate import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What applies to one channel in one broadcast, frozen in its plan; all times in seconds.

    Attributes:
        within_s: from the first network step to acceptance; then the next alternative has its turn.
        timeout_s: of one attempt, total.
        attempts: failures that spend the turn.
        when_unsure: whether the next alternative may start while this channel is in doubt.
        confirm: what counts as reached.
        visible_within_s: from acceptance; still unseen then is INVISIBLE.
        settle_after_s: the second look-up comes at least so long after the attempt in doubt ended.
        finds, confirms: the adapter's abilities.
        skip: why the channel cannot be used in this broadcast; None when it can.
        audience: whom a direct channel writes to; empty for a public one.
        medium: see `Traits`.
        receipts: the adapter's ability to learn later what arrived.
        enough: the share of an audience that has to be reached for the channel to count as reached.
        in_flight: the most deliveries on their way at once, in one process.
        rate: how often it may send, over all processes; None for no bound of ours.
        costly: whether every delivery costs money; then:
        unit_cost: what one delivery of this announcement costs.
        max_cost, max_cost_per_day: what may be spent on this broadcast, and on this channel in a day of UTC.
        spend_after_s: as a later alternative it starts so long after the first failure of an earlier one.
        limit: at most so many contacts; None for all.
        only: the keyed hash of the one address that is meant; empty for all.
        local: the work is done on this machine.
        catch_up, catch_up_rate: what it gets when it is back from an outage, and how fast.
    """

    channel: str
    platform: str
    resend: Resend
    within_s: float
    timeout_s: float
    attempts: int = 3
    when_unsure: Literal["reroute", "hold"] = "reroute"
    confirm: Literal["accepted", "visible"] = "accepted"
    visible_within_s: float = 60.0
    settle_after_s: float = 10.0
    finds: bool = False
    confirms: bool = False
    skip: Outcome | None = None
    audience: str = ""
    medium: Medium | None = None
    receipts: bool = False
    enough: float = 0.95
    in_flight: int = 1
    rate: Rate | None = None
    costly: bool = False
    unit_cost: float = 0.0
    max_cost: float = 0.0
    max_cost_per_day: float = 0.0
    spend_after_s: float = 0.0
    limit: int | None = None
    only: str = ""
    local: bool = False
    catch_up: CatchUp = "latest"
    catch_up_rate: Rate | None = None

    @property
    def direct(self) -> bool:
        """Whether it reaches contacts one by one."""
        return self.medium is not None
