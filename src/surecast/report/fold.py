"""The facts read back, for programs (`Report`, `to_dict`) and for people (`str`); nothing is judged anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from surecast.clock import iso
from surecast.decide import Decision, State
from surecast.health import Health
from surecast.history import Action, History, Kind, Plan
from surecast.outcome import Reason, Verdict
from surecast.report.words import say
from surecast.standing import Standing, next_step, stand, surely

SCHEMA = 1


class Status(StrEnum):
    """Where a channel's post stands, in one word."""

    DONE = "done"
    SENDING = "sending"
    WAITING = "waiting"  # its turn has not come
    OWED = "owed"
    UNSURE = "unsure"
    NOT_NEEDED = "not_needed"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """One channel's part of a report.

    Attributes:
        verdict: the last one; None when nothing ended yet.
        url: where readers see the post.
        attempts: how often a post was sent off.
        error: one sentence about what went wrong last; empty when nothing did.
        perhaps: whether it may have the post without our knowing.
        began, ended, next_try: Unix seconds; the next try comes then or, if nobody is running, at the next run.
    """

    name: str
    platform: str
    verdict: Verdict | None
    status: Status
    reason: Reason
    url: str | None
    attempts: int
    error: str
    began: float | None
    ended: float | None
    next_try: float | None
    perhaps: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value if self.verdict else None,
            "status": self.status.value,
            "reason": self.reason.value or None,
            "url": self.url,
            "attempts": self.attempts,
            "error": self.error or None,
            "began": _iso(self.began),
            "ended": _iso(self.ended),
            "next_try": _iso(self.next_try),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a broadcast, as far as the facts say at `at`.

    Attributes:
        state: reached, rerouted, pending, unsure or missed; see the page on verdicts.
        final: nothing will change by itself any more.
        owed: channels that still get their post.
        repeated: this call sent nothing: the same announcement had been accepted before.
        worker_seen_at: when a process that delivers what is owed was last seen; None for never.
        worker: the command that would, as it must stand in cron.
    """

    id: str
    key: str | None
    state: State
    final: bool
    owed: tuple[str, ...]
    route: str
    channels: Mapping[str, ChannelReport]
    created_at: float
    expires_at: float
    at: float
    time_zone: str
    warnings: tuple[str, ...] = ()
    cancelled: bool = False
    repeated: bool = False
    worker_seen_at: float | None = None
    worker: str = "surecast work --once"

    @property
    def satisfied(self) -> bool:
        """Whether readers were reached as the route asks."""
        return self.state in {State.REACHED, State.REROUTED}

    def __getitem__(self, channel: str) -> ChannelReport:
        if channel not in self.channels:
            raise KeyError(f"The route has no channel {channel!r}. It has: {', '.join(self.channels)}.")
        return self.channels[channel]

    def to_dict(self) -> dict[str, Any]:
        """For machines: ``schema`` 1, times in ISO 8601 UTC."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "key": self.key,
            "state": self.state.value,
            "final": self.final,
            "owed": list(self.owed),
            "route": self.route,
            "channels": {name: channel.to_dict() for name, channel in self.channels.items()},
            "created": _iso(self.created_at),
            "expires": _iso(self.expires_at),
            "cancelled": self.cancelled,
            "repeated": self.repeated,
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        return "\n".join(say(self))


def make_report(
    plan: Plan,
    history: History,
    decision: Decision,
    now: float,
    *,
    health: Mapping[str, Health] = MappingProxyType({}),
    repeated: bool = False,
    worker_seen_at: float | None = None,
    worker: str = "surecast work --once",
) -> Report:
    """Reads plan and facts back, with what was decided from them.

    Args:
        health: what keeps a channel back beyond its own waits; only moments are read from it.
    """
    cancelled = history.cancelled_at is not None
    channels = {
        name: _channel(plan, history, decision, name, now, held_until=health[name].not_before if name in health else 0)
        for name in plan.route.names()
    }
    return Report(
        id=plan.id,
        key=plan.key,
        state=decision.state,
        final=decision.final,
        owed=decision.owed,
        route=plan.route_text,
        channels=channels,
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        at=now,
        time_zone=plan.time_zone,
        warnings=plan.warnings,
        cancelled=cancelled,
        repeated=repeated,
        worker_seen_at=worker_seen_at,
        worker=worker,
    )


def _channel(
    plan: Plan, history: History, decision: Decision, name: str, now: float, *, held_until: float
) -> ChannelReport:
    facts = history.facts.get(name, ())
    cancelled = history.cancelled_at is not None
    over = cancelled or now >= plan.expires_at
    standing = stand(plan.terms[name], facts, cancelled=cancelled)
    last = standing.last
    step = next_step(standing, over=over or (name not in decision.owed and not standing.doubts))
    began = next((fact.at for fact in facts if fact.kind is Kind.BEGAN), None)
    ended = next((fact.at for fact in reversed(facts) if fact.kind is Kind.ENDED and fact.action is not None), None)
    status = _status(standing, decision, now, over=over)
    failed = last is not None and last.verdict not in {Verdict.ACCEPTED, Verdict.CONFIRMED}
    return ChannelReport(
        name=name,
        platform=standing.terms.platform,
        verdict=last.verdict if last else None,
        status=status,
        reason=_reason(standing, status, over=over, cancelled=cancelled),
        url=standing.receipt.url if standing.receipt else None,
        attempts=standing.attempts,
        error=last.detail if last is not None and failed else "",
        began=began,
        ended=ended,
        next_try=max(step.at, held_until)
        if step is not None and step.action is not Action.CONFIRM and status is not Status.SENDING
        else None,
        perhaps=_perhaps(standing, now),
    )


def _reason(standing: Standing, status: Status, *, over: bool, cancelled: bool) -> Reason:
    """Why it stands as it does; the end of the announcement outweighs what the last attempt ran into."""
    if status is Status.GAVE_UP and not standing.refused and standing.accepted_at is None:
        if cancelled or standing.cancelled:
            return Reason.CANCELLED
        if over:
            return Reason.EXPIRED
    return standing.last.reason if standing.last else Reason.NONE


def _perhaps(standing: Standing, now: float) -> bool:
    """Whether the post may be there without our knowing; one whose turn is open is simply still on its way."""
    if standing.accepted_at is not None:
        return False
    return bool(standing.doubts) or (standing.sending and standing.turn_over(now))


def _status(standing: Standing, decision: Decision, now: float, *, over: bool) -> Status:
    name = standing.terms.channel
    if standing.accepted_at is not None:
        return _status_of_accepted(standing)
    if standing.doubts and (over or standing.terms.resend != "same_key"):
        return Status.UNSURE
    closed = over or standing.refused or standing.cancelled
    if standing.sending or (standing.turn_at is not None and not (closed or standing.turn_over(now))):
        return Status.SENDING
    if name in decision.owed:
        return Status.OWED
    if closed:
        return Status.GAVE_UP
    if standing.turn_at is None and decision.state is State.PENDING:
        return Status.WAITING
    return Status.NOT_NEEDED


def _status_of_accepted(standing: Standing) -> Status:
    if standing.invisible_at is not None:
        return Status.GAVE_UP
    return Status.DONE if surely(standing) else Status.SENDING


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)
