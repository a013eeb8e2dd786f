"""Looks at channels without posting anything, takes down what is seen, and lets that open and close their breakers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from surecast.broadcaster.probing import PROBE_S, probe
from surecast.broadcaster.roster import Roster
from surecast.channel import Channel, Probes
from surecast.clock import Clock
from surecast.dispatch.looks import confirm
from surecast.health import Condition, Health
from surecast.ledger import gates, signals, watching
from surecast.ledger.database import Ledger
from surecast.outcome import Outcome, Reason, Scope, Sighting, Verdict
from surecast.policy import Breaker, Gate
from surecast.signals import SLOW_S, Answer, Signal, Source
from surecast.transport.classify import MAYBE
from surecast.vendor import Word, read_page

#: The whole time of one look.
LOOK_S = PROBE_S
#: So many good looks in a row close a breaker that failures had opened.
GOOD_IN_A_ROW = 2

#: A page that speaks of a minor incident somewhere says nothing of what concerns us.
_OF_A_PAGE = {Word.GOOD: Answer.GOOD, Word.BAD: Answer.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One observation, and what it rests on.

    Attributes:
        unconnected: nobody was reached; it may be this machine's own network.
        of_unseen: it was a look for a post of ours that nobody had seen.
    """

    signal: Signal
    outcome: Outcome | None = None
    unconnected: bool = False
    of_unseen: bool = False


class Observer:
    """Looks at the channels of one broadcaster."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        roster: Roster,
        channels: Mapping[str, Channel],
        breaker: Breaker,
        clock: Clock,
        owner: str,
        pause_s: float = 0.0,
    ) -> None:
        self._ledger = ledger
        self._roster = roster
        self._channels = channels
        self._breaker = breaker
        self._clock = clock
        self._pause_s = pause_s
        self._visitor = f"{owner}/look"

    async def look(self, channel: str) -> None:
        """Asks a channel's platform, once, without posting; while its breaker is shut, only in the time of a trial."""
        gate = await self._ledger.do(gates.get, channel)
        if max(gate.isolated_until or 0.0, gate.wait_until) > self._clock.now():
            return
        if gate.opened_at is None:
            seen = await self._sides(channel, writing=True)
            await self._take_down(channel, seen)
            return
        target = await self._ledger.do(watching.post_to_look_for, channel)
        if target is None and not self._channels[channel].kind.able(Probes):
            return  # there is nothing to ask, and a post may have the trial
        passage = await self._ledger.do(
            gates.take,
            channel,
            self._visitor,
            now=self._clock.now(),
            trial_s=2 * LOOK_S,
            credentials=await self._roster.credentials(channel),
            ordered=False,
            look=True,
        )
        if passage.go:
            unseen = gate.reason == Verdict.INVISIBLE.value and target is not None
            seen = await self._sides(channel, writing=not unseen)
            await self._note(channel, seen)
            await self._end_trial(channel, gate, seen)

    async def read_page(self, channel: str, *, timeout_s: float = LOOK_S) -> None:
        """Reads what the vendor says of itself; a page that cannot be read says nothing."""
        known = self._channels[channel]
        page = known.kind.status_page if known.status_page is None else known.status_page
        if page in {"", "none"}:
            return
        view = await read_page(
            page,
            context=self._roster.context(channel),
            timeout_s=timeout_s,
            now=self._clock.now(),
            component=known.status_component,
        )
        signal = Signal(source=Source.VENDOR, answer=_OF_A_PAGE.get(view.word, Answer.SILENT), detail=view.detail)
        await self._ledger.do(signals.record, channel, (signal,), self._clock.now())

    async def switch(self, health: Health, *, between_s: float) -> bool:
        """Opens the breaker of a channel that is seen to be down, unless it was switched just now; whether it did."""
        if health.condition is not Condition.DOWN or health.reason not in {Verdict.UNAVAILABLE, Verdict.INVISIBLE}:
            return False
        return await self._ledger.do(
            watching.shut_on_health,
            health.channel,
            Verdict(health.reason),
            why=health.reasons[0] if health.reasons else "",
            facts=health.reasons[1:],
            breaker=self._breaker,
            between_s=between_s,
            now=self._clock.now(),
        )

    # One look

    async def _sides(self, channel: str, *, writing: bool) -> list[_Seen]:
        """What both sides of the platform say, as far as they can be asked."""
        asked = [self._writes(channel)] if writing else []
        found = await asyncio.gather(*asked, self._reads(channel))
        seen = [each for each in found if each is not None]
        if any(each.unconnected for each in seen) and await self._roster.cut_off(channel):
            return [_silenced(each) if each.unconnected else each for each in seen]
        return seen

    async def _writes(self, channel: str) -> _Seen | None:
        began = self._clock.now()
        probed = await probe(self._roster, channel)
        if probed is None:
            return None
        slow, outcome = int(self._clock.now() - began > SLOW_S), probed.outcome
        if probed.ok:
            return _Seen(signal=Signal(source=Source.PROBE, answer=Answer.GOOD, slow=slow))
        told = signals.told_by(_without_doubt(outcome), Source.PROBE) if outcome is not None else None
        signal = told or Signal(source=Source.PROBE, answer=Answer.SILENT, detail=probed.detail)
        unconnected = outcome is not None and outcome.reason in {Reason.NOT_CONNECTED, Reason.TIMED_OUT, Reason.OURS}
        return _Seen(signal=replace(signal, slow=slow), outcome=outcome, unconnected=unconnected)

    async def _reads(self, channel: str) -> _Seen | None:
        """Looks for a post of ours: for one that nobody has seen yet, else for one that was seen before."""
        target = await self._ledger.do(watching.post_to_look_for, channel)
        if target is None:
            return None
        source = Source.READ_BACK if target.unseen else Source.READ_PROBE
        look = await confirm(self._roster, channel, target.receipt, LOOK_S)
        if look.sighting is Sighting.UNSEEN and target.other is not None:  # its owner may have taken that one back
            look = await confirm(self._roster, channel, target.other, LOOK_S)
        if look.sighting is Sighting.SEEN:
            return _Seen(signal=Signal(source=source, answer=Answer.GOOD), of_unseen=target.unseen)
        if look.sighting is Sighting.UNSEEN:
            detail = "a post is still not seen" if target.unseen else "a post that was seen before is not seen"
            return _Seen(signal=Signal(source=source, answer=Answer.BAD, detail=detail), of_unseen=target.unseen)
        if look.answered:
            return None
        # For one post that is no information; that readers are given nothing says much of the platform.
        detail = look.detail.removesuffix(MAYBE).strip()  # a look delivers nothing
        signal = Signal(source=Source.READ_PROBE, answer=Answer.BAD, detail=detail)
        return _Seen(signal=signal, unconnected=True, of_unseen=target.unseen)

    async def _take_down(self, channel: str, seen: list[_Seen]) -> None:
        await self._note(channel, seen)
        refused = _refusal(seen)
        if refused is not None:
            credentials = await self._roster.credentials(channel)
            now = self._clock.now()
            await self._ledger.do(
                watching.refused, channel, refused, breaker=self._breaker, credentials=credentials, now=now
            )

    async def _note(self, channel: str, seen: list[_Seen]) -> None:
        await self._ledger.do(signals.record, channel, tuple(each.signal for each in seen), self._clock.now())

    async def _end_trial(self, channel: str, gate: Gate, seen: list[_Seen]) -> None:
        """What a look in the time of a trial means for the breaker."""
        telling = [each for each in seen if each.signal.answer is not Answer.SILENT]
        bad = next((each for each in telling if each.signal.answer is Answer.BAD), None)
        outcome = _refusal(seen)
        if outcome is None and bad is not None:
            unseen = gate.reason == Verdict.INVISIBLE.value
            verdict = Verdict.INVISIBLE if unseen else Verdict.UNAVAILABLE
            outcome = Outcome(verdict=verdict, detail=bad.signal.detail)
        await self._ledger.do(
            watching.end_look,
            channel,
            self._visitor,
            bad=outcome,
            credentials=await self._roster.credentials(channel),
            good=bool(telling) and bad is None,
            proven=any(each.of_unseen and each.signal.answer is Answer.GOOD for each in telling),
            in_a_row=GOOD_IN_A_ROW,
            pause_s=self._pause_s,
            breaker=self._breaker,
            now=self._clock.now(),
        )


def _without_doubt(outcome: Outcome) -> Outcome:
    """A look delivers nothing, so nothing is in doubt."""
    return replace(outcome, detail=outcome.detail.removesuffix(MAYBE).strip())


def _silenced(seen: _Seen) -> _Seen:
    signal = replace(seen.signal, answer=Answer.SILENT, detail="this machine has no network")
    return replace(seen, signal=signal, outcome=None)


def _refusal(seen: list[_Seen]) -> Outcome | None:
    """The outcome of a look in which the platform refused our login."""
    outcomes = (each.outcome for each in seen if each.outcome is not None)
    return next(
        (each for each in outcomes if each.verdict is Verdict.UNAUTHORIZED and each.scope is Scope.CHANNEL), None
    )
