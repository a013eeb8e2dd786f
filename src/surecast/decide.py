"""The one decision: what opens now, what state the broadcast is in, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from surecast.health import Condition, Health
from surecast.history import History, Plan
from surecast.outcome import Outcome, Reason, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.route import AnyOf, Optional, Route, holds
from surecast.standing import Standing, charitably, holding, hopefully, next_step, owed, stand, surely


class State(StrEnum):
    """The state of a broadcast, over the parts of its route that are required."""

    REACHED = "reached"
    REROUTED = "rerouted"
    PENDING = "pending"
    UNSURE = "unsure"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A turn that opens now; with `skip`, it is over at once for that reason."""

    channel: str
    skip: Outcome | None = None
    not_before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from the facts so far.

    Attributes:
        openings: turns to open, in the order of reading the route.
        state: the state after them.
        owed: channels that still get their post.
        final: nothing will change by itself any more.
        turns_open: whether a channel that had its turn may still reach in it.
        wake_at: when to decide again although nothing happened; Unix seconds.
    """

    openings: tuple[Opening, ...]
    state: State
    owed: tuple[str, ...]
    final: bool
    wake_at: float | None
    turns_open: bool = False


def decide(plan: Plan, history: History, health: Mapping[str, Health], now: float) -> Decision:
    """What follows from plan and facts at `now`.

    Never skips an alternative without its being spent or its time being over, never opens one while the channel
    before it may still reach, and comes to an end: every turn has one, and so has the announcement.
    """
    view = _View(plan, history, health, now)
    if not view.over:
        view.open_turns(plan.route)
    state = view.state()
    still_owed = view.owed()
    return Decision(
        openings=tuple(view.openings),
        state=state,
        owed=still_owed,
        final=view.final(state, still_owed),
        wake_at=view.wake_at(state, still_owed),
        turns_open=view.turns_open(),
    )


class _View:
    """The standings of all channels at one moment, with the turns that open in it already counted in."""

    def __init__(self, plan: Plan, history: History, health: Mapping[str, Health], now: float) -> None:
        self._plan = plan
        self._health = health
        self._now = now
        self._cancelled = history.cancelled_at is not None
        self.over = self._cancelled or now >= plan.expires_at
        self.openings: list[Opening] = []
        self._held_back: set[str] = set()
        self.standings: dict[str, Standing] = {
            name: stand(plan.terms[name], history.facts.get(name, ()), cancelled=self._cancelled)
            for name in plan.route.names()
        }

    # Opening turns

    def open_turns(self, node: Route) -> None:
        if isinstance(node, AnyOf):
            for alternative in node.parts:
                self.open_turns(alternative)
                if holds(alternative, self._holding):
                    self._hold_back(node, alternative)
                    return
            return
        members = node.members()
        if not members:
            self._open(node.names()[0])
        for member in members:
            self.open_turns(member)

    def _hold_back(self, node: AnyOf, alternative: Route) -> None:
        """While `alternative` is only in doubt, those behind it wait for a person: there is nothing to hope for."""
        if not holds(alternative, self._hopefully):
            behind = node.parts[node.parts.index(alternative) + 1 :]
            self._held_back |= {name for part in behind for name in part.names()}

    def _open(self, name: str) -> None:
        standing = self.standings[name]
        if standing.turn_at is not None or standing.cancelled:
            return
        opening = Opening(channel=name)
        health = self._health.get(name)
        if standing.terms.skip is not None:
            opening = Opening(channel=name, skip=standing.terms.skip, not_before=self._now + MISCONFIGURED_PAUSE_S)
        elif health is not None and health.not_before > self._now:
            skip = _skip(*_why_not(health, standing.terms.platform))
            opening = Opening(channel=name, skip=skip, not_before=health.not_before)
        standing.turn_at = self._now
        standing.spent = standing.spent or opening.skip is not None
        self.openings.append(opening)

    # Readings

    def state(self) -> State:
        route = self._plan.route
        if holds(route, self._surely):
            return State.REROUTED if self._rerouted(route) else State.REACHED
        if holds(route, self._hopefully_or_on_its_way):
            return State.PENDING
        if holds(route, self._charitably):
            return State.UNSURE
        return State.MISSED

    def _rerouted(self, node: Route) -> bool:
        if isinstance(node, Optional) or not holds(node, self._surely):
            return False
        if isinstance(node, AnyOf) and not holds(node.parts[0], self._surely):
            return True
        return any(self._rerouted(member) for member in node.members())

    def owed(self) -> tuple[str, ...]:
        """Channels that had a turn and still get their post; not the alternatives behind the one that reached."""
        if self.over:
            return ()
        needed = self.needed(self._plan.route)
        return tuple(name for name, standing in self.standings.items() if name in needed and owed(standing))

    def needed(self, node: Route) -> frozenset[str]:
        if not isinstance(node, AnyOf):
            names = frozenset(node.names()) if not node.members() else frozenset()
            return names.union(*(self.needed(member) for member in node.members()))
        needed: frozenset[str] = frozenset()
        for alternative in node.parts:
            needed |= self.needed(alternative)
            if holds(alternative, self._surely):
                break
        return needed

    def final(self, state: State, still_owed: tuple[str, ...]) -> bool:
        if state is State.PENDING or any(standing.sending for standing in self.standings.values()):
            return False
        if self.over:
            return not any(self._still_looked_for(standing) for standing in self.standings.values())
        doubt = any(standing.doubts for standing in self.standings.values())
        return not still_owed and not doubt

    def _still_looked_for(self, standing: Standing) -> bool:
        return bool(standing.doubts) and next_step(standing, over=True) is not None

    def wake_at(self, state: State, still_owed: tuple[str, ...]) -> float | None:
        """The nearest end of a turn, or the end of the announcement while something is owed."""
        if self.over:
            return None
        ends = [
            standing.turn_ends_at
            for standing in self.standings.values()
            if standing.accepted_at is None and not standing.turn_over(self._now) and standing.turn_ends_at is not None
        ]
        if still_owed or state is State.PENDING or state is State.UNSURE:
            ends.append(self._plan.expires_at)
        return min(ends, default=None)

    def turns_open(self) -> bool:
        needed = self.needed(self._plan.route)
        return any(
            name in needed and standing.turn_at is not None and self._hopefully(name) and not self._surely(name)
            for name, standing in self.standings.items()
        )

    # Leaves

    def _surely(self, name: str) -> bool:
        return surely(self.standings[name])

    def _hopefully(self, name: str) -> bool:
        return hopefully(self.standings[name], self._now, over=self._hopeless(name))

    def _hopefully_or_on_its_way(self, name: str) -> bool:
        """An attempt that outlives its turn keeps no alternative waiting, but it may still be the one that reaches."""
        return self._hopefully(name) or (self.standings[name].sending and not self.over)

    def _charitably(self, name: str) -> bool:
        return charitably(self.standings[name], self._now, over=self._hopeless(name))

    def _hopeless(self, name: str) -> bool:
        return self.over or (name in self._held_back and self.standings[name].turn_at is None)

    def _holding(self, name: str) -> bool:
        return holding(self.standings[name], self._now)


def wanted(plan: Plan, history: History, now: float) -> Mapping[str, bool]:
    """By channel, whether its post may still be sent: neither expired, nor cancelled, nor reached by another."""
    view = _View(plan, history, {}, now)
    needed = view.needed(plan.route)
    return {name: name in needed and not view.over and not view.standings[name].cancelled for name in view.standings}


def _why_not(health: Health, platform: str) -> tuple[Reason, str]:
    if health.condition is Condition.ISOLATED:
        return Reason.ISOLATED, f"{platform} is switched off by hand"
    if health.reason == Verdict.UNAUTHORIZED:
        return Reason.CREDENTIALS, f"{platform} refused our login"
    return Reason.BREAKER_OPEN, f"{platform} is taken as down"


def _skip(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, reason=reason, detail=detail)
