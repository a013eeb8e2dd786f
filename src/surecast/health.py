"""What we believe of a channel: judgement over its gate, pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from surecast.policy import Gate, failing_since


class Condition(StrEnum):
    """A channel's condition, as far as we know."""

    UP = "up"
    DOWN = "down"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The belief and why.

    Attributes:
        not_before: when the next attempt may go; 0 when it may go now.
        since: since when the channel has been down, Unix seconds.
        failing_since: when the first of the failures was seen that shut its breaker; None while it is not shut, or
            shut for another reason than failures.
    """

    channel: str
    condition: Condition
    not_before: float = 0.0
    since: float | None = None
    reason: str = ""
    failing_since: float | None = None


def assess(gate: Gate, now: float) -> Health:
    """What the gate says at `now`; an open breaker whose rest is over is still down, but a trial may go."""
    if gate.isolated_until is not None and gate.isolated_until > now:
        return Health(
            channel=gate.channel,
            condition=Condition.ISOLATED,
            not_before=gate.isolated_until,
            since=gate.opened_at,
            reason="isolated by a person",
        )
    if gate.opened_at is not None:
        return Health(
            channel=gate.channel,
            condition=Condition.DOWN,
            not_before=max(gate.open_until, gate.trial_until if gate.trial_until > now else 0.0),
            since=gate.opened_at,
            reason=gate.reason,
            failing_since=failing_since(gate, now),
        )
    return Health(channel=gate.channel, condition=Condition.UP)


def assess_all(gates: Iterable[Gate], now: float) -> Mapping[str, Health]:
    """Every channel that the ledger knows anything about."""
    return {gate.channel: assess(gate, now) for gate in gates}
