"""The one decision: what opens now, what state the broadcast is in, and when to look again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from surecast.crowd import Crowd, Family, Member, Roll, Spent, channel_bits, spent_by, unavailable
from surecast.health import Condition, Health
from surecast.history import History, Plan
from surecast.message import Urgency
from surecast.outcome import PASSES_BY_ITSELF, Outcome, Reason, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.route import AnyOf, Optional, Route, Together, holds
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
        held: contacts wait for the end of quiet hours.
        wake_at: when to decide again although nothing happened; Unix seconds.
        unwanted: direct channels whose remaining contacts are not written to, as another alternative reached or the
            announcement is over.
    """

    openings: tuple[Opening, ...]
    state: State
    owed: tuple[str, ...]
    final: bool
    wake_at: float | None
    turns_open: bool = False
    held: bool = False
    unwanted: frozenset[str] = frozenset()


def decide(plan: Plan, history: History, health: Mapping[str, Health], now: float) -> Decision:
    """What follows from plan and facts at `now`.

    Never skips an alternative without its being spent or its time being over, never opens one while the channel
    before it may still reach, and comes to an end: every turn has one, and so has the announcement.
    """
    view = _View(plan, history, health, now)
    if not view.over:
        view.open_turns(plan.gathered)
    state = view.state()
    still_owed = view.owed()
    return Decision(
        openings=tuple(view.openings),
        state=state,
        owed=still_owed,
        final=view.final(state, still_owed),
        wake_at=view.wake_at(state, still_owed),
        turns_open=view.turns_open(),
        held=any(family.held for _, family in view.families()),
        unwanted=view.unwanted(),
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
        self._spending_at: list[float] = []
        self._crowds = dict(history.crowds)
        self._rolls = history.rolls
        self.standings: dict[str, Standing] = {
            name: stand(plan.terms[name], history.facts.get(name, ()), cancelled=self._cancelled)
            for name in plan.route.names()
        }

    # Opening turns

    def open_turns(self, node: Route, before: Sequence[Route] = ()) -> None:
        """Opens every turn below `node` that may open now; `before` are the alternatives in front of it."""
        if isinstance(node, Together):
            self._open_family(node, before)
        elif isinstance(node, AnyOf):
            for index, alternative in enumerate(node.parts):
                self.open_turns(alternative, (*before, *node.parts[:index]))
                if holds(alternative, self._holding):
                    self._hold_back(node, alternative)
                    return
        elif not node.members():
            self._open(node.names()[0])
        for member in () if isinstance(node, AnyOf) else node.members():
            self.open_turns(member, before)

    def _hold_back(self, node: AnyOf, alternative: Route) -> None:
        """While `alternative` is only in doubt, those behind it wait for a person: there is nothing to hope for."""
        if not holds(alternative, self._hopefully):
            behind = node.parts[node.parts.index(alternative) + 1 :]
            self._held_back |= {name for part in behind for name in part.names()}

    def _open_family(self, together: Together, before: Sequence[Route]) -> None:
        """Opens the first alternative, and each other one as soon as those before it leave contacts to it."""
        public = tuple(name for route in before for name in route.names())
        for index, name in enumerate(together.alternatives):
            if self.standings[name].turn_at is not None:
                continue
            family = self._family(together)
            left = any(family.failing(earlier) for earlier in range(index))
            alone = index > 0 and family.unable_before(index) > 0
            if index and not (left or alone):
                return
            ahead = (*public, *together.alternatives[:index])
            if not self.standings[name].terms.costly or not ahead or (alone and not public and not left):
                self._open(name)
            elif not self._open_costly(name, ahead):
                return

    def _open_costly(self, name: str, ahead: Iterable[str]) -> bool:
        """Opens a channel that costs money behind others, when that is due; False while it is waited for."""
        failed_at = self._failed_at(tuple(ahead))
        if failed_at is None:
            skip = _skip(Reason.NOT_WORTH_IT, "no money is spent because of a failure of this sort")
            self._open(name, skip)
            return True
        due_at = failed_at + self.standings[name].terms.spend_after_s
        if due_at <= self._now:
            self._open(name)
            return True
        self._spending_at.append(due_at)
        return False

    def _failed_at(self, ahead: tuple[str, ...]) -> float | None:
        """When the first of the channels `ahead` failed in a way that is worth money; None when none did.

        A refusal, a revoked password or a post that nobody can see is a mistake to be put right, and no reason to
        spend, but in an emergency.
        """
        moments = [self._health[name].failing_since for name in ahead if name in self._health]
        whatever = self._plan.urgency is Urgency.EMERGENCY
        seen = [each for name in ahead for each in (self.standings[name], self._crowds.get(name, Crowd()))]
        moments += [each.failed_at if whatever else each.failing_at for each in seen]
        return min((moment for moment in moments if moment is not None), default=None)

    def _open(self, name: str, skip: Outcome | None = None) -> None:
        standing = self.standings[name]
        if standing.turn_at is not None or standing.cancelled:
            return
        opening = Opening(channel=name, skip=skip)
        health = self._health.get(name)
        if skip is None and standing.terms.skip is not None:
            opening = Opening(channel=name, skip=standing.terms.skip, not_before=self._now + MISCONFIGURED_PAUSE_S)
        elif skip is None and health is not None and health.not_before > self._now:
            why = _skip(*_why_not(health, standing.terms.platform))
            opening = Opening(channel=name, skip=why, not_before=health.not_before)
        standing.turn_at = self._now
        self.openings.append(opening)
        if opening.skip is not None:
            standing.spent = True
            standing.refused = opening.skip.reason not in PASSES_BY_ITSELF
            standing.failed_at = self._now
            standing.failing_at = self._now if unavailable(opening.skip) else None
        if standing.terms.direct:
            spent = spent_by(opening.skip) if opening.skip else Spent.NO
            self._crowds[name] = Crowd(bit=self._bit(name), spent=spent, closed=standing.refused)

    # Families

    def _family(self, together: Together) -> Family:
        members = tuple(self._member(name) for name in together.alternatives)
        return Family(members=members, roll=self._rolls.get(members[0].terms.audience, Roll()))

    def _member(self, name: str) -> Member:
        standing = self.standings[name]
        return Member(
            terms=standing.terms,
            crowd=self._crowds.get(name),
            bit=self._bit(name),
            hopeless=standing.refused or standing.cancelled or self._hopeless(name),
        )

    def _bit(self, name: str) -> int:
        return channel_bits(self._plan.terms, self._plan.terms[name].audience)[name]

    def families(self) -> Iterable[tuple[Together, Family]]:
        """Every direct part of the route."""
        return ((node, self._family(node)) for node in self._plan.gathered.walk() if isinstance(node, Together))

    # Readings

    def state(self) -> State:
        route = self._plan.gathered
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
        if isinstance(node, Together):
            return not self._family(node).first_alone()
        return any(self._rerouted(member) for member in node.members())

    def owed(self) -> tuple[str, ...]:
        """Channels that had a turn and still get their post; not the alternatives behind the one that reached."""
        if self.over:
            return ()
        needed = self.needed(self._plan.gathered)
        return tuple(name for name in self.standings if name in needed and self._owed(name))

    def _owed(self, name: str) -> bool:
        standing = self.standings[name]
        if not standing.terms.direct:
            return owed(standing)
        if standing.turn_at is None or standing.refused or standing.cancelled:
            return False
        crowd = self._crowds.get(name)
        return crowd is None or (not crowd.closed and (crowd.tally.open > 0 or not crowd.covered))

    def needed(self, node: Route) -> frozenset[str]:
        """Channels that still count: all but the alternatives behind one that reached."""
        if isinstance(node, Together):
            return frozenset(node.alternatives)
        if not isinstance(node, AnyOf):
            names = frozenset(node.names()) if not node.members() else frozenset()
            return names.union(*(self.needed(member) for member in node.members()))
        needed: frozenset[str] = frozenset()
        for alternative in node.parts:
            needed |= self.needed(alternative)
            if holds(alternative, self._surely):
                break
        return needed

    def unwanted(self) -> frozenset[str]:
        """Direct channels in which nothing more may begin."""
        needed = self.needed(self._plan.gathered)
        direct = (name for name, standing in self.standings.items() if standing.terms.direct)
        return frozenset(name for name in direct if self.over or name not in needed or self.standings[name].cancelled)

    def final(self, state: State, still_owed: tuple[str, ...]) -> bool:
        if state is State.PENDING or any(standing.sending for standing in self.standings.values()):
            return False
        if any(crowd.tally.sending for crowd in self._crowds.values()):
            return False
        if self.over:
            return not any(self._still_looked_for(standing) for standing in self.standings.values())
        doubt = any(standing.doubts for standing in self.standings.values())
        return not still_owed and not doubt and not any(family.unsure for _, family in self.families())

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
        ends += self._spending_at
        ends += [crowd.tally.turn_ends_at for crowd in self._crowds.values() if crowd.tally.turn_ends_at is not None]
        if still_owed or state is State.PENDING or state is State.UNSURE:
            ends.append(self._plan.expires_at)
        return min(ends, default=None)

    def turns_open(self) -> bool:
        """Whether something may come of what is under way now."""
        needed = self.needed(self._plan.gathered)
        public = any(
            name in needed and standing.turn_at is not None and self._hopefully(name) and not self._surely(name)
            for name, standing in self.standings.items()
            if not standing.terms.direct
        )
        waits = bool(self._spending_at)
        direct = any(family.on_the_move for node, family in self.families() if not needed.isdisjoint(node.alternatives))
        return public or (not self.over and (waits or direct))

    # Leaves: a channel's name, or the names of alternatives over one audience

    def _together(self, leaf: str) -> Family | None:
        names = tuple(leaf.split(" | "))
        return self._family(Together(names)) if self.standings[names[0]].terms.direct else None

    def _surely(self, leaf: str) -> bool:
        family = self._together(leaf)
        return surely(self.standings[leaf]) if family is None else family.surely()

    def _hopefully(self, leaf: str) -> bool:
        family = self._together(leaf)
        if family is not None:
            return family.surely() or (not self.over and family.hopefully())
        return hopefully(self.standings[leaf], self._now, over=self._hopeless(leaf))

    def _hopefully_or_on_its_way(self, leaf: str) -> bool:
        """An attempt that outlives its turn keeps no alternative waiting, but it may still be the one that reaches."""
        if self._together(leaf) is not None:
            return self._hopefully(leaf)
        return self._hopefully(leaf) or (self.standings[leaf].sending and not self.over)

    def _charitably(self, leaf: str) -> bool:
        family = self._together(leaf)
        if family is not None:
            return self._hopefully(leaf) or family.charitably()
        return charitably(self.standings[leaf], self._now, over=self._hopeless(leaf))

    def _hopeless(self, name: str) -> bool:
        return self.over or (name in self._held_back and self.standings[name].turn_at is None)

    def _holding(self, leaf: str) -> bool:
        """Whether the next alternative must wait for this one."""
        family = self._together(leaf)
        if family is None:
            return holding(self.standings[leaf], self._now)
        held = any(member.terms.when_unsure == "hold" for member in family.members) and family.unsure > 0
        return family.surely() or family.hopefully() or (held and family.charitably())


def wanted(plan: Plan, history: History, now: float) -> Mapping[str, bool]:
    """By channel, whether its post may still be sent: neither expired, nor cancelled, nor reached by another."""
    view = _View(plan, history, {}, now)
    needed = view.needed(plan.gathered)
    return {name: name in needed and not view.over and not view.standings[name].cancelled for name in view.standings}


def _why_not(health: Health, platform: str) -> tuple[Reason, str]:
    if health.condition is Condition.ISOLATED:
        return Reason.ISOLATED, f"{platform} is switched off by hand"
    if health.reason == Verdict.UNAUTHORIZED:
        return Reason.CREDENTIALS, f"{platform} refused our login"
    return Reason.BREAKER_OPEN, f"{platform} is taken as down"


def _skip(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, reason=reason, detail=detail)
