"""Routes: which channels, in which order, and what counts as enough.

    "site & (bluesky | mastodon & telegram | newsletter)"
    "site & at_least(2, bluesky, mastodon, telegram) & optional(slack)"

`A & B` fans out, `A | B` fails over; `&` binds tighter than `|`, as in Python, whose own parser reads the text.
A route knows names only, never what stands behind them.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NoReturn

from surecast.errors import RouteError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
OPERATORS = frozenset({"at_least", "optional"})
MAX_LENGTH = 2_000  # far beyond any route that a person can follow


class Operand:
    """What `&` and `|` combine: routes, and whatever can stand for one."""

    __slots__ = ()

    def as_route(self) -> Route:
        raise NotImplementedError

    def __and__(self, other: Operand) -> Route:
        return All(_flat(All, self.as_route(), other.as_route()))

    def __or__(self, other: Operand) -> Route:
        return AnyOf(_flat(AnyOf, self.as_route(), other.as_route()))

    def __bool__(self) -> NoReturn:
        raise RouteError(
            f"{self} has no truth value: `and`, `or` and `if` do not build routes. Write & for both, | for otherwise."
        )


class Route(Operand):
    """A route expression; `Route.parse` reads one, `&` and `|` build one."""

    __slots__ = ()

    def as_route(self) -> Route:
        return self

    @staticmethod
    def parse(text: str) -> Route:
        """Reads an expression.

        Raises:
            RouteError: with the right line where the meaning is plain, else with what is wrong.
        """
        return _parse(text)

    def names(self) -> tuple[str, ...]:
        """Every channel named, once, in the order of reading."""
        return tuple(dict.fromkeys(node.name for node in self.walk() if isinstance(node, Name)))

    def members(self) -> tuple[Route, ...]:
        """The nodes directly below."""
        return ()

    def walk(self) -> Iterator[Route]:
        """This node and all below it, in the order of reading."""
        yield self
        for member in self.members():
            yield from member.walk()


@dataclass(frozen=True, slots=True)
class Name(Route):
    """One channel."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class All(Route):
    """Fan-out: every member starts at once and every member is needed."""

    parts: tuple[Route, ...]

    def members(self) -> tuple[Route, ...]:
        return self.parts

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Route):
    """Failover: a member's turn opens when the one before it is spent or its time is over."""

    parts: tuple[Route, ...]

    def members(self) -> tuple[Route, ...]:
        return self.parts

    def __str__(self) -> str:
        return " | ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class AtLeast(Route):
    """Quorum: all members start at once; missed when fewer than `count` can still reach."""

    count: int
    parts: tuple[Route, ...]

    def members(self) -> tuple[Route, ...]:
        return self.parts

    def __str__(self) -> str:
        return f"at_least({self.count}, {', '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Optional(Route):
    """Starts at once, never counts, is never waited for."""

    part: Route

    def members(self) -> tuple[Route, ...]:
        return (self.part,)

    def __str__(self) -> str:
        return f"optional({self.part})"


def check(route: Route, known: Collection[str]) -> None:
    """Makes sure that a route means something over the channels `known`.

    Raises:
        RouteError: an unknown channel, `optional` where it has no meaning, a quorum that cannot be met.
    """
    for name in route.names():
        if name not in known:
            raise RouteError(f"No channel is named {name!r}. {_nearest(name, known)}")
    if isinstance(route, Optional):
        raise RouteError(f"A route of {route} alone never counts as sent. Write {route.part}.")
    for node in route.walk():
        if isinstance(node, AnyOf) and any(isinstance(part, Optional) for part in node.parts):
            raise RouteError(f"optional() has no meaning as an alternative in {node}. Join it with & outside of |.")
        if isinstance(node, All | AtLeast) and all(isinstance(part, Optional) for part in node.parts):
            raise RouteError(f"Nothing in {node} counts as sent. Name one channel without optional().")
        if isinstance(node, AtLeast) and any(isinstance(part, Optional) for part in node.parts):
            raise RouteError(f"optional() has no meaning inside {node}. Join it with & outside.")
        if isinstance(node, AtLeast) and not 1 <= node.count <= len(set(node.parts)):
            raise RouteError(
                f"{node} asks for {node.count} of {len(set(node.parts))}. Name more channels or ask for fewer."
            )


def holds(route: Route, leaf: Callable[[str], bool]) -> bool:
    """Whether `route` counts as enough when `leaf` says which channels do; the one reading all judgement uses."""
    match route:
        case Name(name):
            return leaf(name)
        case All(parts):
            return all(holds(part, leaf) for part in parts)
        case AnyOf(parts):
            return any(holds(part, leaf) for part in parts)
        case AtLeast(count, parts):
            return sum(holds(part, leaf) for part in parts) >= count
        case _:
            return True  # optional: never counts


def describe(route: Route) -> str:
    """The route as a sentence."""
    return f"Posts to {_say(route)}."


def _say(route: Route) -> str:
    match route:
        case All(parts):
            return ", and to ".join(_say(part) for part in parts)
        case AnyOf(parts):
            first, *others = (_say(part) for part in parts)
            return f"{first} or, if that does not reach, {', or else '.join(others)}"
        case AtLeast(count, parts):
            return f"at least {count} of {', '.join(_say(part) for part in parts)}"
        case Optional(part):
            return f"{_say(part)} (not waited for)"
        case _:
            return str(route)


def _flat(kind: type[All | AnyOf], left: Route, right: Route) -> tuple[Route, ...]:
    """Members of a chain: `A & B & C` is one fan-out of three."""
    return tuple(member for side in (left, right) for member in (side.members() if isinstance(side, kind) else (side,)))


def _parse(text: str) -> Route:
    _answer_wrong_operators(text)
    if len(text) > MAX_LENGTH:
        raise RouteError(f"The route is {len(text)} characters long; {MAX_LENGTH} is the most.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _build(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RouteError(
            f"The route {text.strip()!r} cannot be read. Write channel names with & (both) and | (otherwise), "
            "e.g. site & (bluesky | mastodon)."
        ) from None


def _build(node: ast.expr) -> Route:
    match node:
        case ast.Name(id=name):
            return Name(_checked_name(name))
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            return _build(left) & _build(right)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _build(left) | _build(right)
        case ast.Call(func=ast.Name(id="optional"), args=[inner], keywords=[]):
            return Optional(_build(inner))
        case ast.Call(func=ast.Name(id="at_least"), args=[ast.Constant(value=int(count)), *rest], keywords=[]) if (
            rest and not isinstance(count, bool)
        ):
            return AtLeast(count, tuple(_build(member) for member in rest))
        case ast.Call(func=ast.Name(id="at_least")):
            raise RouteError(f"{ast.unparse(node)} cannot be read. Write at_least(2, bluesky, mastodon, site).")
        case ast.Call(func=ast.Name(id=name)):
            raise RouteError(f"{name}() means nothing in a route. Only at_least(2, a, b) and optional(a) do.")
        case _:
            raise RouteError(
                f"{ast.unparse(node)!r} means nothing in a route. Write channel names with & (both) and | (otherwise)."
            )


def _checked_name(name: str) -> str:
    if reason := why_no_name(name):
        raise RouteError(f"{name!r} cannot name a channel: {reason}.")
    return name


def why_no_name(name: str) -> str:
    """Why `name` cannot name a channel or a route; empty when it can."""
    if not NAME.match(name):
        return "names are lower-case letters, digits and _, beginning with a letter"
    if keyword.iskeyword(name) or name in OPERATORS:
        return "the word has a meaning of its own"
    return ""


def _answer_wrong_operators(text: str) -> None:
    right = text.strip()
    if not right:
        raise RouteError("The route is empty. Name at least one channel, e.g. site.")
    right = re.sub(r"\s*\|\|+\s*", " | ", right)
    right = re.sub(r"\s*&&+\s*", " & ", right)
    right = re.sub(r"\s*(?:->|=>|>+|;)\s*", " | ", right)
    right = re.sub(r"\s+\bor\b\s+", " | ", right, flags=re.IGNORECASE)
    right = re.sub(r"\s+\band\b\s+|\s*\+\s*", " & ", right, flags=re.IGNORECASE)
    if "(" not in right:
        right = re.sub(r"\s*,\s*", " & ", right)
    right = re.sub(r"(?<=[a-z0-9_)])\s*-\s*(?=[a-z(])", "_", right)
    if right != text.strip():
        raise RouteError(f"The route {text.strip()!r} uses signs that routes do not have. Did you mean: {right}")


def _nearest(name: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - only needed to help with a mistake

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known are: {', '.join(sorted(known)) or 'none yet'}."
