"""Takes one delivery through its steps: look up, prepare, publish, read back. Records intent first, the end after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import TypeVar

from surecast.channel import Adapter, Sending
from surecast.decide import wanted
from surecast.dispatch.errands import OPEN_S, not_sent
from surecast.dispatch.looks import confirm, find
from surecast.dispatch.own_outcomes import held_up, mistaken, too_late, unless_cut_off, why_turned_away
from surecast.dispatch.ports import Bench
from surecast.dispatch.what_to_post import what_to_post
from surecast.history import Action, Fact, History, Kind
from surecast.ledger import batches, gates
from surecast.outcome import RULES, Look, Outcome, Reason, Sighting, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S, Passage, wait_s
from surecast.signals import SLOW_S
from surecast.standing import Standing, Step, next_step, stand, surely
from surecast.transport.classify import classify

T = TypeVar("T")

LOOK_TIMEOUT_S = 5.0
TRIAL_GRACE_S, TRIAL_POLL_S = 5.0, 0.1
#: With less time left than this, a publish would most likely end in doubt; it is left to the next attempt.
LEAST_PUBLISH_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """What the carrier knows at the beginning of a step."""

    work: batches.Work
    delivery: batches.Delivery
    standing: Standing
    attempt: int
    now: float


class Carrier:
    """One delivery under one claim."""

    def __init__(self, bench: Bench, claim: batches.Claim, delivery: int) -> None:
        self._ledger = bench.ledger
        self._host = bench.host
        self._waker = bench.waker
        self._clock = bench.clock
        self._breaker = bench.breaker
        self._claim = claim
        self._delivery = delivery

    async def run(self, *, ordered: bool) -> float | None:
        """Goes as far as it can now; gives when to come back (Unix seconds), None when nothing is left to do.

        Args:
            ordered: the first step is taken now, whatever the back-off and the breaker; a wait that the platform
                asked for is still obeyed.
        """
        while True:
            moment = await self._look_around()
            step = self._next(moment)
            if step is None:
                return None
            at_once = ordered and step.action is not Action.CONFIRM and not _throttled(moment.standing)
            at_once = at_once or (step.at > moment.now and await self._back_since(step, moment))
            if step.at > moment.now and not at_once:
                return step.at
            come_back = await self._take(step, moment, ordered=at_once)
            if come_back is not None:
                return come_back
            ordered = False

    async def _back_since(self, step: Step, moment: _Moment) -> bool:
        """Whether the platform came back since: then nothing waits any longer for what it had failed by."""
        standing = moment.standing
        if _throttled(standing) or (step.action is Action.CONFIRM and standing.invisible_at is None):
            return False
        gate = await self._ledger.do(gates.get, self._claim.channel)
        since = standing.last_read_at if step.action is Action.CONFIRM else standing.ended_at
        return gate.opened_at is None and gate.healed_at > since

    async def _look_around(self) -> _Moment:
        """The ledger is asked before every step: a person or another process may have changed what is wanted."""
        work = await self._ledger.do(batches.work, self._claim)
        facts = tuple(fact for fact in work.facts if fact.channel == self._claim.channel)
        return _Moment(
            work=work,
            delivery=next(found for found in work.deliveries if found.id == self._delivery),
            standing=stand(work.plan.terms[self._claim.channel], facts, cancelled=work.cancelled_at is not None),
            attempt=1 + max((fact.attempt for fact in facts), default=0),
            now=self._clock.now(),
        )

    def _next(self, moment: _Moment) -> Step | None:
        work = moment.work
        history = History.of(
            work.facts, work.cancelled_at, crowds=work.crowds, rolls=work.rolls, superseded=work.superseded
        )
        still_wanted = wanted(work.plan, history, moment.now)
        return next_step(moment.standing, over=not still_wanted.get(self._claim.channel, False))

    async def _take(self, step: Step, moment: _Moment, *, ordered: bool) -> float | None:
        """Takes a step; gives when to come back where the gate turned it away, else None."""
        if step.action is Action.CONFIRM:
            return await self._take_look(moment)
        retry = step.action is Action.PUBLISH
        passage = await self._pass(moment, ordered=ordered, retry=retry)
        while ordered and passage.on_trial:  # if that one finds the platform back, this one goes as well
            await asyncio.sleep(TRIAL_POLL_S)
            passage = await self._pass(moment, ordered=False, retry=retry, unpaced=True)
        if not passage.go:
            return await self._turned_away(moment, passage)
        if step.action is Action.FIND:
            await self._find(moment)
        else:
            await self._publish(moment)
        return None

    async def _take_look(self, moment: _Moment) -> float | None:
        """One look in public. Where posts stay unseen, all of them are not looked for again and again: one look in the
        time of a trial tells of all, and is better than one more post that nobody sees.
        """
        trial = False
        if moment.standing.invisible_at is not None:
            passage = await self._pass(moment, ordered=False, retry=False, look=True)
            if not passage.go:
                return await self._queued(passage)
            trial = passage.trial
        await self._confirm(moment, trial=trial)
        return None

    # The gate

    async def _pass(
        self, moment: _Moment, *, ordered: bool, retry: bool, look: bool = False, unpaced: bool = False
    ) -> Passage:
        terms = moment.standing.terms
        rates = [terms.rate]
        if moment.standing.turn_over(moment.now) and not (ordered or unpaced):  # it is being paid back
            rates.append(terms.catch_up_rate)
        rate = min(filter(None, rates), key=lambda each: each.per_s, default=None)
        return await self._ledger.do(
            gates.take,
            self._claim.channel,
            self._claim.visitor,
            now=self._clock.now(),
            trial_s=moment.standing.terms.timeout_s + TRIAL_GRACE_S,
            credentials=await self._host.credentials(self._claim.channel),
            ordered=ordered,
            retry=retry and moment.standing.failures > 0,
            look=look,
            rate=rate if retry else None,
        )

    async def _queued(self, passage: Passage) -> float:
        """When to come back to a gate that did not let us pass."""
        if not passage.interval_s or passage.on_trial:
            return passage.not_before
        return await self._ledger.do(batches.queue_for_trial, self._claim, passage)

    async def _turned_away(self, moment: _Moment, passage: Passage) -> float:
        """Nothing was begun. While the turn is open that spends it, once; later the post just waits."""
        ends_at = moment.standing.turn_ends_at or moment.now + moment.standing.terms.within_s
        fits = passage.throttled and passage.not_before < ends_at  # a wait that the platform asked for, inside the turn
        if not (fits or moment.standing.turn_over(moment.now)):
            reason, why = why_turned_away(passage)
            detail = f"{moment.standing.terms.platform} {why}"
            skipped = Outcome(verdict=Verdict.SKIPPED, reason=reason, detail=detail)
            fact = self._ended(moment, Action.PUBLISH, outcome=skipped, not_before=passage.not_before)
            await self._record(moment, batches.Ending(fact=fact))
        return await self._queued(passage)

    # Publishing

    async def _publish(self, moment: _Moment) -> None:
        try:
            # Loading a library is no network step, so the turn's time does not run yet; but it must not take for ever.
            async with asyncio.timeout(max(OPEN_S, moment.standing.terms.timeout_s)):
                adapter = await self._host.adapter(self._claim.channel)
        except Exception as error:  # noqa: BLE001 - whatever keeps an adapter from opening becomes an outcome
            await self._end_attempt(moment, Action.PREPARE, not_sent(classify(error)))
            return
        deadline = self._clock.now() + moment.standing.terms.timeout_s
        payload = moment.delivery.payload
        prepared: tuple[Fact, ...] = ()
        if payload is None:
            if not await self._begin(moment, Action.PREPARE, deadline):
                return
            payload = await self._prepare(adapter, moment, deadline)
            if payload is None:
                return
            if self._clock.now() > deadline - LEAST_PUBLISH_S:
                await self._end_attempt(moment, Action.PREPARE, too_late(), payload=payload)
                return
            prepared = (self._ended(moment, Action.PREPARE),)
            moment = replace(moment, attempt=moment.attempt + 1)
        sending = await self._sending(moment, payload)
        if not await self._begin(moment, Action.PUBLISH, deadline, after=prepared, payload=payload):
            return
        if self._clock.now() >= deadline:
            await self._end_attempt(moment, Action.PUBLISH, held_up())
            return
        try:
            outcome = await self._bounded(adapter, adapter.publish(sending), Outcome, deadline)
        except asyncio.CancelledError as stop:
            # We are being stopped, perhaps in the middle of the request: that is recorded before we go.
            await asyncio.shield(self._end_attempt(moment, Action.PUBLISH, classify(stop)))
            raise
        await self._end_attempt(moment, Action.PUBLISH, outcome)

    async def _prepare(self, adapter: Adapter, moment: _Moment, deadline: float) -> bytes | None:
        """The exact payload; None when there is none, and then why is recorded."""
        try:
            told = await what_to_post(self._ledger, self._claim, moment.work, moment.delivery, moment.now)
            prepared = await self._bounded(adapter, adapter.prepare(told), bytes, deadline)
        except asyncio.CancelledError as stop:
            await asyncio.shield(self._end_attempt(moment, Action.PREPARE, not_sent(classify(stop))))
            raise
        if isinstance(prepared, Outcome):
            await self._end_attempt(moment, Action.PREPARE, not_sent(prepared))
            return None
        return prepared

    async def _bounded(self, adapter: Adapter, call: Awaitable[T], wanted: type[T], deadline: float) -> T | Outcome:
        """What the call gave, or the outcome of what went wrong with it."""
        try:
            async with asyncio.timeout(max(0.1, deadline - self._clock.now())):
                given = await call
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything; it becomes an outcome here
            return classify(error, own=adapter.classify)
        return given if isinstance(given, wanted) else mistaken(given)

    async def _begin(
        self,
        moment: _Moment,
        action: Action,
        deadline: float,
        *,
        after: tuple[Fact, ...] = (),
        payload: bytes | None = None,
    ) -> bool:
        """Commits the intent; False when a person cancelled meanwhile."""
        began = Fact(
            seq=0,
            channel=self._claim.channel,
            kind=Kind.BEGAN,
            at=self._clock.now(),
            action=action,
            attempt=moment.attempt,
        )
        return await self._ledger.do(
            batches.begin,
            self._claim,
            moment.delivery,
            (*after, began),
            payload=payload,
            needs_until=deadline + TRIAL_GRACE_S,
            durable=moment.standing.terms.resend == "never",
        )

    async def _end_attempt(
        self, moment: _Moment, action: Action, outcome: Outcome, *, payload: bytes | None = None
    ) -> None:
        """Records the end of an attempt, with the moment before which there is no other.

        Args:
            payload: what was prepared in it, for the next one.
        """
        now = self._clock.now()
        outcome = await unless_cut_off(outcome, self._host, moment.work.plan, self._claim.channel)
        not_before = None
        if outcome.reason is Reason.MISCONFIGURED:
            not_before = now + MISCONFIGURED_PAUSE_S
        elif RULES[outcome.verdict].retry != "no":
            failures = moment.standing.failures + 1
            not_before = now + wait_s(seed=moment.delivery.key, failures=failures, asked_s=outcome.retry_after_s)
        fact = self._ended(moment, action, outcome=outcome, not_before=not_before)
        ending = batches.Ending(
            fact=fact,
            judges=outcome,
            seen_by_s=_seen_by_s(moment.standing),
            credentials=await self._host.credentials(self._claim.channel),
            payload=payload,
            slow=now - moment.now > SLOW_S,
        )
        await self._record(moment, ending)

    # Looking

    async def _find(self, moment: _Moment) -> None:
        look = Look(sighting=Sighting.UNKNOWN)
        if moment.delivery.payload is not None:
            sending = await self._sending(moment, moment.delivery.payload)
            look = await find(self._host, self._claim.channel, sending, _look_s(moment.standing))
        judges = None
        if not look.answered:
            judges = Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED)
        fact = self._ended(moment, Action.FIND, look=look)
        await self._record(moment, batches.Ending(fact=fact, judges=judges, answered=look.answered))

    async def _confirm(self, moment: _Moment, *, trial: bool = False) -> None:
        standing = moment.standing
        look = await confirm(self._host, self._claim.channel, standing.receipt, _look_s(standing))
        outcome = None
        assert standing.accepted_at is not None
        if (
            look.sighting is Sighting.UNSEEN
            and standing.invisible_at is None
            and self._clock.now() >= standing.accepted_at + standing.terms.visible_within_s
        ):
            outcome = Outcome(
                verdict=Verdict.INVISIBLE,
                reason=Reason.NOT_VISIBLE,
                detail=f"{standing.terms.platform} accepted it, but nobody can see it",
                receipt=standing.receipt,
            )
        fact = self._ended(moment, Action.CONFIRM, look=look, outcome=outcome)
        judges = outcome or self._what_a_look_proves(moment, fact)
        if judges is None and trial:
            judges = Outcome(verdict=Verdict.INVISIBLE, reason=Reason.NOT_VISIBLE, detail="it is still not seen")
        await self._record(moment, batches.Ending(fact=fact, judges=judges))

    def _what_a_look_proves(self, moment: _Moment, fact: Fact) -> Outcome | None:
        """The post is seen, or it never can be and acceptance has to do: only then the channel is known to work."""
        facts = (fact for fact in moment.work.facts if fact.channel == self._claim.channel)
        before, then = moment.standing, stand(moment.standing.terms, (*facts, fact))
        settled = surely(then) and not surely(before)
        return Outcome(verdict=Verdict.CONFIRMED) if settled else None

    # Facts

    def _ended(
        self,
        moment: _Moment,
        action: Action,
        *,
        outcome: Outcome | None = None,
        look: Look | None = None,
        not_before: float | None = None,
    ) -> Fact:
        return Fact(
            seq=0,
            channel=self._claim.channel,
            kind=Kind.ENDED,
            at=self._clock.now(),
            action=action,
            attempt=moment.attempt,
            outcome=outcome,
            look=look,
            not_before=not_before,
        )

    async def _record(self, moment: _Moment, ending: batches.Ending) -> None:
        rate = moment.standing.terms.catch_up_rate
        ending = replace(ending, pause_s=1 / rate.per_s if rate is not None else 0.0)
        await self._ledger.do(
            batches.end, self._claim, moment.delivery, ending, breaker=self._breaker, now=self._clock.now()
        )
        self._waker.wake(self._claim.broadcast)

    async def _sending(self, moment: _Moment, payload: bytes) -> Sending:
        return Sending(
            key=moment.delivery.key,
            payload=payload,
            first_began_at=moment.standing.first_began_at or moment.now,
            timeout_s=moment.standing.terms.timeout_s,
            claimed=await self._ledger.do(batches.claimed_remotes, self._claim),
        )


def _seen_by_s(standing: Standing) -> float | None:
    """How long an acceptance proves nothing yet; None where it is all that is asked for."""
    terms = standing.terms
    if terms.confirm != "visible" or not terms.confirms:
        return None
    return terms.visible_within_s + LOOK_TIMEOUT_S


def _throttled(standing: Standing) -> bool:
    return standing.last is not None and standing.last.verdict is Verdict.THROTTLED


def _look_s(standing: Standing) -> float:
    return min(LOOK_TIMEOUT_S, standing.terms.timeout_s)
