"""How long a call waits for a broadcast, and what it says when the ledger fails meanwhile."""

from __future__ import annotations

from surecast.decide import Decision, State
from surecast.errors import LedgerError
from surecast.history import Plan
from surecast.route import All, AnyOf, AtLeast, Route


def after_acceptance(error: LedgerError, name: str) -> LedgerError:
    """The ledger failed when the announcement was already in it: nothing is lost, and somebody must go on."""
    told = type(error)(f"{error} The announcement had been accepted as {name} and is not lost: surecast resume {name}.")
    told.broadcast = name
    return told


async def decided(decision: Decision) -> bool:
    """Reached, or nobody whose turn is open can help any more: one refusal must not cut off who is still at it."""
    if decision.state in {State.REACHED, State.REROUTED}:
        return True
    return not decision.turns_open and not under_way(decision)


def under_way(decision: Decision) -> bool:
    """Whether it is worth to wait: contacts who are not to be woken now are waited for by nobody."""
    return decision.state is State.PENDING and (decision.turns_open or not decision.held)


def longest_s(plan: Plan) -> float:
    """The longest way through a route, in seconds: alternatives one after the other, members side by side."""

    def length(node: Route) -> float:
        if isinstance(node, AnyOf):
            return sum(map(length, node.parts))
        if isinstance(node, All | AtLeast):
            return max(map(length, node.parts))
        if node.members():
            return 0.0
        terms = plan.terms[str(node)]
        return terms.within_s + (terms.visible_within_s if terms.confirm == "visible" else 0.0)

    if any(terms.direct for terms in plan.terms.values()):
        return plan.expires_at - plan.created_at  # how long many contacts take, nobody knows
    return length(plan.route)
