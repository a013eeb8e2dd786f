"""What plan and facts amount to at one moment, and the readings of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from surecast.crowd import Crowd, Family, Member, Roll, Spent, Takes, channel_bits, spent_by, unavailable
from surecast.decide.decision import Opening, State
from surecast.decide.money import Worth, worth
from surecast.health import Health
from surecast.history import History, Plan
from surecast.outcome import PASSES_BY_ITSELF, Reason
from surecast.route import AnyOf, Optional, Route, Together, holds
from surecast.standing import Standing, charitably, holding, hopefully, next_step, owed, stand, surely


class View:
    """The standings of all channels at one moment, with the turns that open in it already counted in."""

    def __init__(self, plan: Plan, history: History, health: Mapping[str, Health], now: float) -> None:
        self.plan, self.health, self.now = plan, health, now
        cancelled = history.cancelled_at is not None
        self.over = cancelled or now >= plan.expires_at
        self.crowds = dict(history.crowds)
        self._rolls = history.rolls
        self._superseded = history.superseded
        self._held_back: set[str] = set()
        self.standings: dict[str, Standing] = {
            name: stand(plan.terms[name], history.facts.get(name, ()), cancelled=cancelled)
            for name in plan.route.names()
        }

    def opened(self, opening: Opening) -> None:
        """Counts a turn in."""
        name, skip = opening.channel, opening.skip
        standing = self.standings[name]
        standing.turn_at = self.now
        if skip is not None:
            standing.spent = True
            standing.refused = standing.refused or skip.reason not in PASSES_BY_ITSELF
            standing.failed_at = self.now
            standing.failing_at = self.now if unavailable(skip) else None
        if standing.terms.direct:
            self.crowds[name] = Crowd(
                bit=self._bit(name),
                spent=spent_by(skip) if skip else Spent.NO,
                closed=standing.refused,
                failing_at=standing.failing_at,
                failed_at=standing.failed_at,
            )

    def hold_back(self, routes: Iterable[Route]) -> None:
        """What has not opened of these waits for a person."""
        self._held_back |= {name for route in routes for name in route.names()}

    def failing_since(self, name: str) -> float | None:
        """Since when all processes have seen a channel fail."""
        health = self.health.get(name)
        return None if health is None else health.failing_since

    # Direct channels

    @cached_property
    def fronts(self) -> Mapping[Together, tuple[str, ...]]:
        """Every direct part of the route, with the channels that stand in front of it."""
        return dict(_fronts(self.plan.gathered, ()))

    def family(self, node: Together) -> Family:
        """A direct part of the route, as it stands."""
        members = tuple(self._member(name) for name in node.alternatives)
        roll = self._rolls.get(members[0].terms.audience, Roll())
        family = Family(members=members, roll=roll, over=self.over)
        weighed = (
            replace(member, takes=value.takes, waits=value.due_at is not None)
            for member, value in zip(members, self._worths(node, family), strict=True)
        )
        return replace(family, members=tuple(weighed))

    def worth(self, node: Together, index: int) -> Worth:
        """Whether one of them may begin."""
        family = self.family(node)
        return worth(self, family, index, self.fronts[node])

    def _worths(self, node: Together, family: Family) -> Iterator[Worth]:
        return (worth(self, family, index, self.fronts[node]) for index in range(len(family.members)))

    def _member(self, name: str) -> Member:
        standing = self.standings[name]
        hopeless = standing.refused or standing.cancelled or self._hopeless(name)
        return Member(terms=standing.terms, crowd=self.crowds.get(name), bit=self._bit(name), hopeless=hopeless)

    def _bit(self, name: str) -> int:
        return channel_bits(self.plan.terms, self.plan.terms[name].audience)[name]

    def _family_of(self, leaf: str) -> Family | None:
        """The family that a leaf of the route stands for; None when it is a public channel."""
        names = tuple(leaf.split(" | "))
        return self.family(Together(names)) if self.standings[names[0]].terms.direct else None

    def takes(self) -> Mapping[str, Takes]:
        """See `Decision`."""
        return {
            name: member.takes
            for node in self.fronts
            for name, member in zip(node.alternatives[1:], self.family(node).members[1:], strict=True)
            if member.crowd is not None
        }

    # Readings of the whole

    def state(self) -> State:
        """The state over the parts of the route that are required."""
        route = self.plan.gathered
        if holds(route, self._surely):
            return State.REROUTED if self._rerouted(route) else State.REACHED
        if holds(route, self._on_its_way):
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
            return not self.family(node).as_intended()
        return any(self._rerouted(member) for member in node.members())

    def owed(self) -> tuple[str, ...]:
        """Channels that had a turn and still get their post; not the alternatives behind the one that reached."""
        if self.over:
            return ()
        needed = self.needed() - self.dropped().keys()
        return tuple(name for name in self.standings if name in needed and self._owed(name))

    def dropped(self) -> Mapping[str, Reason]:
        """See `Decision`."""
        if self.over:
            return {}
        reasons = {name: self._why_dropped(name) for name in self.standings}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def _why_dropped(self, name: str) -> Reason | None:
        """Why a channel that missed its turn gets the post no more, if so."""
        standing = self.standings[name]
        if not (owed(standing) and standing.turn_over(self.now)) or standing.terms.direct:
            return None
        if standing.terms.catch_up == "latest" and name in self._superseded:
            return Reason.OUTDATED
        if standing.terms.catch_up == "none" and holds(self.plan.gathered, self._surely):
            return Reason.HAD_ELSEWHERE
        return None

    def _owed(self, name: str) -> bool:
        standing, crowd = self.standings[name], self.crowds.get(name, Crowd())
        if not standing.terms.direct or not owed(standing):
            return owed(standing)
        return not crowd.closed and (crowd.tally.open > 0 or not crowd.covered)

    def needed(self) -> frozenset[str]:
        """Channels that still count: all but the alternatives behind one that reached."""
        return self._needed(self.plan.gathered)

    def _needed(self, node: Route) -> frozenset[str]:
        if not isinstance(node, AnyOf):
            names = frozenset(node.names()) if not node.members() else frozenset()
            return names.union(*map(self._needed, node.members()))
        needed: frozenset[str] = frozenset()
        for alternative in node.parts:
            needed |= self._needed(alternative)
            if holds(alternative, self._surely):
                break
        return needed

    def unwanted(self) -> frozenset[str]:
        """See `Decision`."""
        needed = self.needed()
        return frozenset(
            name
            for name, standing in self.standings.items()
            if standing.terms.direct and (self.over or name not in needed or standing.cancelled or standing.refused)
        )

    def final(self, state: State, still_owed: tuple[str, ...]) -> bool:
        """Whether nothing changes by itself any more."""
        if state is State.PENDING or any(standing.sending for standing in self.standings.values()):
            return False
        if any(crowd.tally.sending for crowd in self.crowds.values()):
            return False
        if self.over:
            return not any(self._still_looked_for(standing) for standing in self.standings.values())
        doubt = any(standing.doubts for standing in self.standings.values())
        return not (still_owed or doubt or self._contacts_in_doubt())

    def _still_looked_for(self, standing: Standing) -> bool:
        return bool(standing.doubts) and next_step(standing, over=True) is not None

    def _contacts_in_doubt(self) -> bool:
        """Whether it may still turn out that a contact was reached, or by a receipt that it was not."""
        needed = self.needed()
        return any(
            crowd.tally.unsure > 0
            or (name in needed and self.standings[name].terms.receipts and crowd.tally.reached > crowd.tally.confirmed)
            for name, crowd in self.crowds.items()
        )

    def ends(self, *, final: bool) -> Iterator[float]:
        """The ends of turns, and the end of the announcement while something may change by itself."""
        if self.over:
            return
        for standing in self.standings.values():
            ends_at = standing.turn_ends_at
            if standing.accepted_at is None and not standing.turn_over(self.now) and ends_at is not None:
                yield ends_at
        for crowd in self.crowds.values():
            if crowd.tally.turn_ends_at is not None:
                yield crowd.tally.turn_ends_at
        if not final:
            yield self.plan.expires_at

    def turns_open(self) -> bool:
        """Whether something may come of what is under way now."""
        needed = self.needed()
        public = any(
            name in needed
            and standing.turn_at is not None
            and not standing.cut_off
            and self.hopefully(name)
            and not surely(standing)
            for name, standing in self.standings.items()
            if not standing.terms.direct
        )
        direct = (self.family(node) for node in self.fronts if not needed.isdisjoint(node.alternatives))
        return public or any(family.on_the_move for family in direct)

    def held(self) -> bool:
        """See `Decision`."""
        return any(self.family(node).held for node in self.fronts) or any(
            standing.cut_off for standing in self.standings.values()
        )

    # Readings of a leaf: a channel's name, or the names of alternatives over one audience

    def _surely(self, leaf: str) -> bool:
        family = self._family_of(leaf)
        return surely(self.standings[leaf]) if family is None else family.surely()

    def hopefully(self, leaf: str) -> bool:
        """Whether it reached, or may in a turn that is open or has not come yet."""
        family = self._family_of(leaf)
        if family is not None:
            return family.hopefully()
        return hopefully(self.standings[leaf], self.now, over=self._hopeless(leaf))

    def _on_its_way(self, leaf: str) -> bool:
        """An attempt that outlives its turn keeps no alternative waiting, but it may still be the one that reaches."""
        family = self._family_of(leaf)
        if family is not None:
            return family.on_its_way()
        return self.hopefully(leaf) or (self.standings[leaf].sending and not self.over)

    def _charitably(self, leaf: str) -> bool:
        family = self._family_of(leaf)
        if family is not None:
            return family.charitably()
        return charitably(self.standings[leaf], self.now, over=self._hopeless(leaf))

    def holding(self, leaf: str) -> bool:
        """Whether the next alternative must wait for this one."""
        family = self._family_of(leaf)
        if family is None:
            return holding(self.standings[leaf], self.now)
        return family.holding()

    def _hopeless(self, name: str) -> bool:
        return self.over or (name in self._held_back and self.standings[name].turn_at is None)


def _fronts(node: Route, front: tuple[str, ...]) -> Iterator[tuple[Together, tuple[str, ...]]]:
    if isinstance(node, Together):
        yield node, front
    elif isinstance(node, AnyOf):
        for index, part in enumerate(node.parts):
            yield from _fronts(part, (*front, *(name for before in node.parts[:index] for name in before.names())))
    else:
        for member in node.members():
            yield from _fronts(member, front)
