"""Whether a route means something over the channels there are."""

from __future__ import annotations

from collections.abc import Collection

from surecast.errors import RouteError
from surecast.route.nodes import All, AnyOf, AtLeast, Optional, Route
from surecast.route.reading import check_size


def check(route: Route, known: Collection[str]) -> None:
    """Makes sure that a route means something over the channels `known`.

    Raises:
        RouteError: an unknown channel, `optional` where it has no meaning, a quorum that cannot be met, or a route
            that is too large to be followed.
    """
    check_size(str(route))
    for name in route.names():
        if name not in known:
            raise RouteError(f"No channel is named {name!r}. {_nearest(name, known)}")
    if isinstance(route, Optional):
        raise RouteError(f"A route of {route} alone never counts as sent. Write {route.part}.")
    for node in route.walk():
        if isinstance(node, AnyOf) and any(isinstance(below, Optional) for below in node.walk()):
            raise RouteError(f"optional() has no meaning in an alternative of {node}. Join it with & outside of |.")
        if isinstance(node, All | AtLeast) and all(isinstance(part, Optional) for part in node.parts):
            raise RouteError(f"Nothing in {node} counts as sent. Name one channel without optional().")
        if isinstance(node, AtLeast) and any(isinstance(part, Optional) for part in node.parts):
            raise RouteError(f"optional() has no meaning inside {node}. Join it with & outside.")
        if isinstance(node, AtLeast) and not 1 <= node.count <= len(set(node.parts)):
            raise RouteError(
                f"{node} asks for {node.count} of {len(set(node.parts))}. Name more channels or ask for fewer."
            )
        if isinstance(node, AtLeast) and len(set(node.parts)) < len(node.parts):
            raise RouteError(f"{node} names the same twice, which would count twice. Name each once.")


def _nearest(name: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - only needed to help with a mistake

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known are: {', '.join(sorted(known)) or 'none yet'}."
