"""The nodes of a route, and the one reading of them that all judgement uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from surecast.errors import RouteError


class Operand:
    """What `&` and `|` combine: routes, and whatever can stand for one."""

    __slots__ = ()

    def as_route(self) -> Route:
        raise NotImplementedError

    def __and__(self, other: Operand) -> Route:
        return All(_flat(All, self.as_route(), _operand(other)))

    def __or__(self, other: Operand) -> Route:
        return AnyOf(_flat(AnyOf, self.as_route(), _operand(other)))

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
        from surecast.route.reading import parse  # noqa: PLC0415 - reading makes nodes

        return parse(text)

    def names(self) -> tuple[str, ...]:
        """Every channel named, once, in the order of reading."""
        named = (node for node in self.walk() if isinstance(node, Name | Together))
        return tuple(dict.fromkeys(name for node in named for name in node.alternatives))

    def members(self) -> tuple[Route, ...]:
        """The nodes directly below."""
        return ()

    def walk(self) -> Iterator[Route]:
        """The node and all below it, in the order of reading."""
        yield self
        for member in self.members():
            yield from member.walk()


@dataclass(frozen=True, slots=True)
class Name(Route):
    """One channel."""

    name: str

    @property
    def alternatives(self) -> tuple[str, ...]:
        return (self.name,)

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


@dataclass(frozen=True, slots=True)
class Together(Route):
    """Neighbouring alternatives over one audience: each covers the contacts whom those before it did not reach."""

    alternatives: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(self.alternatives)


def holds(route: Route, leaf: Callable[[str], bool]) -> bool:
    """Whether `route` counts as enough when `leaf` says which channels do; the one reading all judgement uses."""
    match route:
        case Name(name):
            return leaf(name)
        case Together():
            return leaf(str(route))
        case All(parts):
            return all(holds(part, leaf) for part in parts)
        case AnyOf(parts):
            return any(holds(part, leaf) for part in parts)
        case AtLeast(count, parts):
            return sum(holds(part, leaf) for part in parts) >= count
        case _:
            return True  # optional: never counts


def effective_within(route: Route, within: Mapping[str, float]) -> dict[str, float]:
    """The length of every channel's turn, in seconds.

    The channels of a group that is an alternative share a turn: the longest of theirs. What is an alternative within
    the group keeps its own. A channel that stands in several places gets the longest.

    Args:
        within: each named channel's own turn.
    """
    turns = {name: within[name] for name in route.names()}
    for node in route.walk():
        if isinstance(node, AnyOf):
            for names in map(_together, node.parts):
                longest = max((within[name] for name in names), default=0.0)
                turns |= {name: max(turns[name], longest) for name in names}
    return turns


def _together(route: Route) -> tuple[str, ...]:
    """The channels that start as soon as `route` does."""
    if isinstance(route, AnyOf):
        return ()
    if isinstance(route, Name):
        return (route.name,)
    return tuple(name for member in route.members() for name in _together(member))


def _operand(other: object) -> Route:
    if isinstance(other, Operand):
        return other.as_route()
    raise RouteError(
        f"{other!r} is neither a channel nor a route. Write Route.parse({str(other)!r}) for an expression."
    )


def _flat(kind: type[All | AnyOf], left: Route, right: Route) -> tuple[Route, ...]:
    """Members of a chain: `A & B & C` is one fan-out of three."""
    return tuple(member for side in (left, right) for member in (side.members() if isinstance(side, kind) else (side,)))
