"""Alternatives that share an audience, taken together as one leaf of a route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from surecast.route.nodes import All, AnyOf, AtLeast, Name, Optional, Route, Together


def gather(route: Route, audiences: Mapping[str, str]) -> Route:
    """The route with every direct channel, and every run of alternatives over one audience, as a `Together`.

    Args:
        audiences: the audience of each direct channel, by the channel's name.
    """
    match route:
        case Name(name):
            return Together((name,)) if audiences.get(name) else route
        case All(parts):
            return All(tuple(gather(part, audiences) for part in parts))
        case AtLeast(count, parts):
            return AtLeast(count, tuple(gather(part, audiences) for part in parts))
        case Optional(part):
            return Optional(gather(part, audiences))
        case AnyOf(parts):
            gathered = tuple(_runs(parts, audiences))
            return gathered[0] if len(gathered) == 1 else AnyOf(gathered)
        case _:
            return route


def _runs(parts: tuple[Route, ...], audiences: Mapping[str, str]) -> Iterator[Route]:
    def audience(part: Route) -> str:
        return audiences.get(part.name, "") if isinstance(part, Name) else ""

    for shared, run in groupby(parts, audience):
        if shared:
            yield Together(tuple(dict.fromkeys(part.name for part in run if isinstance(part, Name))))
        else:
            yield from (gather(part, audiences) for part in run)
