"""A route without some of its channels, and what stands behind one of them."""

from __future__ import annotations

from collections.abc import Collection

from surecast.route.nodes import All, AnyOf, AtLeast, Name, Optional, Route


def without(route: Route, names: Collection[str]) -> Route | None:
    """The route as it is when these channels cannot be had; None when nothing that counts is left of it."""
    if not frozenset(route.names()).intersection(names):
        return route
    match route:
        case Name():
            return None
        case Optional(part):
            left = without(part, names)
            return None if left is None else Optional(left)
        case _:
            left_over = [left for part in route.members() if (left := without(part, names)) is not None]
            parts = tuple(dict.fromkeys(left_over))
    if not any(not isinstance(part, Optional) for part in parts):
        return None
    if isinstance(route, AtLeast):
        return AtLeast(min(route.count, len(parts)), parts)
    if len(parts) == 1:
        return parts[0]
    return AnyOf(parts) if isinstance(route, AnyOf) else All(parts)


def stands_before(route: Route, name: str, others: Collection[str]) -> bool:
    """Whether one of `others` is an alternative behind a channel."""
    return any(
        isinstance(node, AnyOf)
        and any(
            name in part.names()
            and any(other in later.names() for later in node.parts[index + 1 :] for other in others)
            for index, part in enumerate(node.parts)
        )
        for node in route.walk()
    )
