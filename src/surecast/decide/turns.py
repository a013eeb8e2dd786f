"""Which turns open now."""

from __future__ import annotations

from surecast.decide.decision import Opening
from surecast.decide.money import settled_in_front
from surecast.decide.view import View
from surecast.health import Condition, Health
from surecast.outcome import Outcome, Reason, Verdict
from surecast.policy import MISCONFIGURED_PAUSE_S
from surecast.route import AnyOf, Route, Together, holds


class Turns:
    """Opens turns in a view, which counts them in.

    Attributes:
        due_at: when channels that cost money may begin, or take over more.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self.openings: list[Opening] = []
        self.due_at: list[float] = []

    def open(self, node: Route) -> None:
        """Opens every turn below `node` that may open now."""
        if isinstance(node, Together):
            self._open_family(node)
        elif isinstance(node, AnyOf):
            self._open_first_of(node)
        elif node.members():
            for member in node.members():
                self.open(member)
        else:
            self._open_channel(node.names()[0])

    def _open_first_of(self, node: AnyOf) -> None:
        """Opens alternatives up to the first one that those behind it must wait for."""
        for index, alternative in enumerate(node.parts):
            self.open(alternative)
            if holds(alternative, self._view.holding):
                if not holds(alternative, self._view.hopefully):  # only in doubt: a person must say so
                    self._view.hold_back(node.parts[index + 1 :])
                return

    def _open_family(self, node: Together) -> None:
        """Opens the first alternative, and each other one as soon as those before it leave contacts to it."""
        one_waits = False  # until it is worth its money; what is left to it goes to no other meanwhile
        for index, name in enumerate(node.alternatives):
            family, worth = self._view.family(node), self._view.worth(node, index)
            member = family.members[index]
            called = family.alone(index) > 0 if one_waits else family.called(index)
            if member.given_up or (member.crowd is None and not called):
                continue
            if worth.due_at is not None:
                self.due_at.append(worth.due_at)
            if member.crowd is not None:
                continue
            settled = family.settled_before(index) and settled_in_front(self._view, self._view.fronts[node])
            if worth.opens or member.terms.skip is not None:
                self._open_channel(name)
            elif worth.due_at is None and settled:
                detail = "no money is spent because of a failure of this sort"
                self._open_channel(name, _skip(Reason.NOT_WORTH_IT, detail))
            else:
                one_waits = True

    def _open_channel(self, name: str, skip: Outcome | None = None) -> None:
        view, standing = self._view, self._view.standings[name]
        if standing.turn_at is not None or standing.cancelled:
            return
        opening = Opening(channel=name, skip=skip)
        health = view.health.get(name)
        if skip is None and standing.terms.skip is not None:
            opening = Opening(channel=name, skip=standing.terms.skip, not_before=view.now + MISCONFIGURED_PAUSE_S)
        elif skip is None and health is not None and health.not_before > view.now:
            why = _skip(*_why_not(health, standing.terms.platform))
            opening = Opening(channel=name, skip=why, not_before=health.not_before)
        self.openings.append(opening)
        view.opened(opening)


def _why_not(health: Health, platform: str) -> tuple[Reason, str]:
    if health.condition is Condition.ISOLATED:
        return Reason.ISOLATED, f"{platform} is switched off by hand"
    if health.reason == Verdict.UNAUTHORIZED:
        return Reason.CREDENTIALS, f"{platform} refused our login"
    return Reason.BREAKER_OPEN, f"{platform} is taken as down"


def _skip(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, reason=reason, detail=detail)
