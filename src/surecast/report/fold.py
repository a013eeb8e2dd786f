"""From plan, facts and decision to a report; nothing is judged anew. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from surecast.decide import Decision, State
from surecast.health import Health
from surecast.history import Action, History, Kind, Plan
from surecast.outcome import Reason, Verdict
from surecast.report.crowds import Crowds
from surecast.report.values import ChannelReport, Report, Status
from surecast.standing import Standing, Step, next_step, stand, surely


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
    currency: str = "EUR",
) -> Report:
    """Reads plan and facts back, with what was decided from them.

    Args:
        health: what keeps a channel back beyond its own waits; only moments are read from it.
        currency: of all costs.
    """
    cancelled = history.cancelled_at is not None
    crowds = Crowds(plan, history, decision, now)
    channels = {}
    for name in plan.route.names():
        held_until = health[name].not_before if name in health else 0.0
        if plan.terms[name].direct:
            channels[name] = crowds.channel(name, held_until=held_until)
        else:
            channels[name] = _channel(plan, history, decision, name, now, held_until=held_until)
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
        groups=tuple(crowds.groups()),
        currency=currency,
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
        reason=decision.dropped.get(name) or _reason(standing, status, over=over, cancelled=cancelled),
        url=standing.receipt.url if standing.receipt else None,
        attempts=standing.attempts,
        error=last.detail if last is not None and failed else "",
        began=began,
        ended=ended,
        next_try=_next_try(step, held_until, plan.expires_at, status),
        perhaps=_perhaps(standing, now),
    )


def _next_try(step: Step | None, held_until: float, expires_at: float, status: Status) -> float | None:
    """When the post is tried again; None when that is not known, or only after the announcement is over."""
    if step is None or step.action is Action.CONFIRM or status is Status.SENDING:
        return None
    moment = max(step.at, held_until)
    return moment if moment < expires_at else None


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
    if name in decision.dropped and not standing.doubts:
        return Status.GAVE_UP
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
