"""What we believe of a channel, and why: a judgement over its gate and over what was observed of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from surecast.outcome import Verdict
from surecast.policy import Gate, failing_since
from surecast.signals import KEPT_S, READING, SLOT_S, WRITING, Answer, Slot, Source, Sum, sum_up


class Condition(StrEnum):
    """A channel's condition, as far as we know."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The belief and why.

    Attributes:
        not_before: when the next attempt may go; 0 when it may go now.
        since: since when the channel has been down, Unix seconds.
        reason: the one word for it: a verdict, or ``isolated by a person``.
        reasons: what it rests on, in words for people, the weightiest first.
        failing_since: when the first of the failures was seen that shut its breaker; None while it is not shut, or
            shut for another reason than failures.
    """

    channel: str
    condition: Condition
    not_before: float = 0.0
    since: float | None = None
    reason: str = ""
    reasons: tuple[str, ...] = ()
    failing_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When observations make a condition; those of error rate and slowness follow GOV.UK Notify's providers
    (https://github.com/alphagov/notifications-api, `app/dao/provider_details_dao.py`), times are in seconds.

    Attributes:
        in_a_row: so many bad observations in a row of one side, with none good between them: down.
        window_s: the time over which rates are taken.
        down_share: of at least `least` observations, so many bad: down.
        degraded_share: likewise: degraded.
        slow_share: of at least `least` attempts, so many slow: degraded.
        fresh_s: what was observed longer ago says nothing any more.
    """

    in_a_row: int = 2
    window_s: float = 600.0
    least: int = 5
    down_share: float = 0.5
    degraded_share: float = 0.2
    slow_share: float = 0.5
    fresh_s: float = 1_800.0


DEFAULT_RULES = Rules()


def assess(gate: Gate, now: float, slots: Sequence[Slot] = (), rules: Rules = DEFAULT_RULES) -> Health:
    """What gate and observations say at `now`; an open breaker whose rest is over is still down, but a trial may go.

    A status page never decides alone: it is named beside what we saw ourselves, and makes worse only what we found
    impaired ourselves.
    """
    if gate.isolated_until is not None and gate.isolated_until > now:
        why = f"switched off by a person{f': {gate.isolated_why}' if gate.isolated_why else ''}"
        return Health(
            channel=gate.channel,
            condition=Condition.ISOLATED,
            not_before=gate.isolated_until,
            since=gate.opened_at,
            reason="isolated by a person",
            reasons=(why,),
        )
    # What was seen before the breaker was closed is what it had been open for.
    healed_at = gate.healed_at if gate.healed_at <= now else 0.0  # a clock may have been put right since
    seen = _observed([slot for slot in slots if healed_at <= slot.at <= now + SLOT_S], now, rules)
    if gate.opened_at is not None:
        return Health(
            channel=gate.channel,
            condition=Condition.DOWN,
            not_before=max(gate.open_until, gate.trial_until if gate.trial_until > now else 0.0),
            since=gate.opened_at if seen.since is None else min(gate.opened_at, seen.since),
            reason=gate.reason,
            reasons=(_GATE_WORDS.get(gate.reason, gate.reason), *seen.reasons),
            failing_since=failing_since(gate, now),
        )
    return Health(
        channel=gate.channel,
        condition=seen.condition,
        since=seen.since,
        reason=seen.reason,
        reasons=seen.reasons,
    )


def assess_all(
    gates: Iterable[Gate], now: float, slots: Mapping[str, Sequence[Slot]] = MappingProxyType({})
) -> Mapping[str, Health]:
    """Every channel that the ledger knows anything about."""
    return {gate.channel: assess(gate, now, slots.get(gate.channel, ())) for gate in gates}


_GATE_WORDS = {
    Verdict.UNAVAILABLE.value: "it does not work for us",
    Verdict.UNCERTAIN.value: "it does not answer posts",
    Verdict.UNAUTHORIZED.value: "it refused our login",
    Verdict.INVISIBLE.value: "its posts stay unseen",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    condition: Condition
    since: float | None = None
    reason: str = ""
    reasons: tuple[str, ...] = ()


_WORSE = (Condition.UNKNOWN, Condition.UP, Condition.DEGRADED, Condition.DOWN)


def _observed(slots: Sequence[Slot], now: float, rules: Rules) -> _Seen:
    sides = [
        _side(
            sum_up(slots, (source,), now - rules.window_s), sum_up(slots, (source,), now - rules.fresh_s), rules, said
        )
        for source, said in _SAID.items()
    ]
    known = [side for side in sides if side.condition is not Condition.UNKNOWN]
    worst = max(sides, key=lambda side: _WORSE.index(side.condition))
    page = _status_page(slots, now, rules)
    condition, reasons = worst.condition, [reason for side in _worst_first(known) for reason in side.reasons]
    if page is not None and page.last is Answer.BAD:
        reasons.append(f"its status page says: {page.detail or 'trouble'}")
        if condition is Condition.DEGRADED:
            condition = Condition.DOWN
    elif page is not None and page.last is Answer.GOOD and condition in {Condition.DOWN, Condition.DEGRADED}:
        reasons.append("its status page says that all is well")
    return _Seen(condition=condition, since=worst.since, reason=worst.reason, reasons=tuple(reasons))


def _worst_first(sides: list[_Seen]) -> list[_Seen]:
    return sorted(sides, key=lambda side: -_WORSE.index(side.condition))


#: How each source is told of, and the verdict that a breaker shut over it bears.
_SAID: Mapping[Source, tuple[str, Verdict]] = MappingProxyType(
    {
        Source.WRITE: ("posting to it", Verdict.UNAVAILABLE),
        Source.PROBE: ("asking it without posting", Verdict.UNAVAILABLE),
        Source.READ_BACK: ("looking for our posts in public", Verdict.INVISIBLE),
        Source.READ_PROBE: ("looking for an earlier post in public", Verdict.INVISIBLE),
    }
)
assert set(_SAID) == {*WRITING, *READING}


def _side(recent: Sum, fresh: Sum, rules: Rules, said: tuple[str, Verdict]) -> _Seen:
    """What one source says."""
    words, verdict = said
    if not fresh.all:
        return _Seen(condition=Condition.UNKNOWN)
    because = f": {fresh.detail.rstrip('.')}" if fresh.detail else ""
    down = _Seen(condition=Condition.DOWN, since=fresh.first_bad_at, reason=verdict.value)
    if fresh.bad_in_a_row >= rules.in_a_row:
        return _with(down, f"{words} failed {fresh.bad_in_a_row} times in a row{because}")
    share = recent.bad / recent.all if recent.all >= rules.least else 0.0
    if share >= rules.down_share and recent.bad_in_a_row:
        return _with(
            down, f"{words} failed {recent.bad} of {recent.all} times within {rules.window_s / 60:.0f} min{because}"
        )
    degraded = _Seen(condition=Condition.DEGRADED, since=fresh.first_bad_at, reason=verdict.value)
    if share >= rules.degraded_share:
        return _with(
            degraded, f"{words} failed {recent.bad} of {recent.all} times within {rules.window_s / 60:.0f} min"
        )
    if fresh.bad_in_a_row:
        return _with(degraded, f"{words} failed just now{because}")
    if recent.all >= rules.least and recent.slow / recent.all >= rules.slow_share:
        return _with(degraded, f"{words} was slow {recent.slow} of {recent.all} times")
    return _Seen(condition=Condition.UP, reasons=(f"{words} works",))


def _with(seen: _Seen, reason: str) -> _Seen:
    return _Seen(condition=seen.condition, since=seen.since, reason=seen.reason, reasons=(reason,))


def _status_page(slots: Sequence[Slot], now: float, rules: Rules) -> Slot | None:
    """The last word of the status page, if it is not too old."""
    pages = [slot for slot in slots if slot.source is Source.VENDOR and slot.at >= now - min(rules.fresh_s, KEPT_S)]
    return max(pages, key=lambda slot: slot.at, default=None)
