"""A route as one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from surecast.route.nodes import All, AnyOf, AtLeast, Name, Optional, Route


def describe(route: Route) -> str:
    """The route as a sentence for people; what could be understood in two ways stands in brackets."""
    if isinstance(route, All):
        names, others = _names_first(route.parts)
        clauses = [_listed(names)] if names else []
        return f"Posts at once to {'; and to '.join([*clauses, *map(_said, others)])}."
    return f"Posts to {_said(route)}."


def _said(route: Route) -> str:
    match route:
        case All(parts):
            names, others = _names_first(parts)
            return f"{_listed([*names, *others])} together"
        case AtLeast(count, parts):
            return f"{_listed(parts)}, of which {count} must reach"
        case AnyOf(parts):
            said = _alternative(parts[0])
            for before, after in pairwise(parts):
                said += f", or if {_failing(before)}, to {_alternative(after)}"
            return said
        case Optional(part):
            return f"{_bracketed(part)}, without waiting for it"
        case _:
            return str(route)


def _alternative(route: Route) -> str:
    return _said(route) if isinstance(route, All | AtLeast) else _bracketed(route)


def _bracketed(route: Route) -> str:
    return str(route) if isinstance(route, Name) else f"({_said(route)})"


def _failing(route: Route) -> str:
    match route:
        case All():
            return "one of them does not reach"
        case AtLeast():
            return "fewer reach"
        case Name(name):
            return f"{name} does not reach"
        case _:
            return "that does not reach"


def _names_first(parts: Sequence[Route]) -> tuple[list[Route], list[Route]]:
    """Plain channels and the others: a fan-out has no order, and so it reads better."""
    names: list[Route] = [part for part in parts if isinstance(part, Name)]
    return names, [part for part in parts if not isinstance(part, Name)]


def _listed(parts: Sequence[Route]) -> str:
    *before, last = map(_bracketed, parts)
    return f"{', '.join(before)} and {last}" if before else last
