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
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, pairwise
from operator import and_, or_
from typing import NoReturn

from surecast.errors import RouteError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
OPERATORS = frozenset({"at_least", "optional"})
MAX_LENGTH, MAX_BRACKETS = 2_000, 20  # far beyond any route that a person can follow
_SHOWN_CHARS = 200


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
        return _parse(text)

    def names(self) -> tuple[str, ...]:
        """Every channel named, once, in the order of reading."""
        return tuple(dict.fromkeys(node.name for node in self.walk() if isinstance(node, Name)))

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
        RouteError: an unknown channel, `optional` where it has no meaning, a quorum that cannot be met, or a route
            that is too large to be followed.
    """
    _check_size(str(route))
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


def _operand(other: object) -> Route:
    if isinstance(other, Operand):
        return other.as_route()
    raise RouteError(
        f"{other!r} is neither a channel nor a route. Write Route.parse({str(other)!r}) for an expression."
    )


def _flat(kind: type[All | AnyOf], left: Route, right: Route) -> tuple[Route, ...]:
    """Members of a chain: `A & B & C` is one fan-out of three."""
    return tuple(member for side in (left, right) for member in (side.members() if isinstance(side, kind) else (side,)))


#: Whatever is not made of these never comes to Python's parser: it would take comments, strings and look-alike
#: letters, and warn of numbers.
_TOKENS = re.compile(r"(?:[a-z][a-z0-9_]*+|[0-9]{1,4}+(?![0-9a-z_])|[&|(), \t])*")


def _parse(text: str) -> Route:
    line = text.strip()
    if not line:
        raise RouteError("The route is empty. Name at least one channel, e.g. site.")
    _check_size(line)
    try:
        return _build(_tree(line))
    except RouteError:
        meant = _meant(line)
        if not meant:
            raise
        raise RouteError(
            f"The route {_shown(line)} uses signs that routes do not have. Did you mean: {meant}"
        ) from None


def _tree(line: str) -> ast.expr:
    for word in re.findall(r"\w+", line):
        if keyword.iskeyword(word) and word not in {"and", "or"}:
            raise RouteError(f"{word!r} cannot name a channel: the word has a meaning of its own.")
    try:
        if _TOKENS.fullmatch(line):
            return ast.parse(line, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        pass  # the same answer as to other signs
    raise RouteError(
        f"The route {_shown(line)} cannot be read. Write channel names (lower-case letters, digits and _) with "
        "& (both) and | (otherwise), e.g. site & (bluesky | mastodon)."
    )


def _check_size(line: str) -> None:
    """A plan keeps its route as text, so what is too large to be read must not be built either."""
    if len(line) > MAX_LENGTH:
        raise RouteError(f"The route is {len(line)} characters long; {MAX_LENGTH} is the most.")
    depth = max(accumulate({"(": 1, ")": -1}.get(sign, 0) for sign in line))
    if depth > MAX_BRACKETS:
        raise RouteError(
            f"The route {_shown(line)} cannot be read: {depth} brackets stand in each other; "
            f"{MAX_BRACKETS} is the most."
        )


def _build(node: ast.expr) -> Route:
    match node:
        case ast.Name(id=name):
            return Name(_checked_name(name))
        case ast.BinOp(op=ast.BitAnd()):
            return reduce(and_, map(_build, _chain(node, ast.BitAnd)))
        case ast.BinOp(op=ast.BitOr()):
            return reduce(or_, map(_build, _chain(node, ast.BitOr)))
        case ast.Call(func=ast.Name(id="optional"), args=[inner], keywords=[]):
            return Optional(_build(inner))
        case ast.Call(func=ast.Name(id="at_least"), args=[ast.Constant(value=int(count)), first, *rest], keywords=[]):
            return AtLeast(count, tuple(map(_build, (first, *rest))))
        case ast.Call(func=ast.Name(id="at_least")):
            raise RouteError("at_least() needs a number and channels. Write at_least(2, bluesky, mastodon, site).")
        case ast.Call(func=ast.Name(id="optional")):
            raise RouteError("optional() takes one channel or route. Write optional(slack) or optional(slack & site).")
        case ast.Call(func=ast.Name(id=name)):
            raise RouteError(f"{name}() means nothing in a route. Only at_least(2, a, b) and optional(a) do.")
        case _:
            raise RouteError(
                f"{_shown(ast.unparse(node))} means nothing in a route. Write channel names with & (both) and "
                "| (otherwise)."
            )


def _chain(node: ast.expr, operator: type[ast.operator]) -> list[ast.expr]:
    """The operands of `a & b & c`, which Python's parser nests to the left; a long chain must not nest our calls."""
    operands: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, operator):
        operands.append(node.right)
        node = node.left
    return [node, *reversed(operands)]


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


#: What people write for what routes have; compiled only where somebody did.
_HABITS = ((r"#[^\n]*", ""), (r"\s+", " "), (r"\|\|+", "|"), (r"&&+", "&"), (r"[-=]*>+", ">"), (r";", ","))
_HABITUAL = r"(?:[a-z][a-z0-9_]*+|[0-9]{1,4}+(?![0-9a-z_])|[&|(), >+-])*"


def _meant(line: str) -> str:
    """The route that somebody had in mind who wrote `and`, `||`, `->` or a comma; empty when that is not plain."""
    line = unicodedata.normalize("NFKC", line).lower()
    for habit, right in _HABITS:
        line = re.sub(habit, right, line)
    if not re.fullmatch(_HABITUAL, line):
        return ""
    try:
        return str(_build(_corrected(ast.parse(line.strip(" ,"), mode="eval").body)))
    except (SyntaxError, RecursionError, MemoryError, RouteError):
        return ""


def _corrected(node: ast.expr) -> ast.expr:
    """The tree with & and | in place of Python's other operators."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts) | ast.Tuple(elts=[_, *_] as parts):
            return _join(ast.BitAnd(), parts)
        case ast.BoolOp(values=parts):
            return _join(ast.BitOr(), parts)
        case ast.Compare(left=first, ops=signs, comparators=others) if {type(sign) for sign in signs} == {ast.Gt}:
            return _join(ast.BitOr(), [first, *others])
        case ast.BinOp(left=left, op=ast.Sub(), right=right) if (before := _word(left)) and (after := _word(right)):
            return ast.Name(f"{before}_{after}")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _join(ast.BitAnd(), [left, right])
        case ast.BinOp(left=left, op=operator, right=right):
            return _join(operator, [left, right])
        case ast.Call(func=function, args=parts):
            return ast.Call(function, [_corrected(part) for part in parts], [])
        case _:
            return node


def _join(operator: ast.operator, parts: Sequence[ast.expr]) -> ast.expr:
    return reduce(lambda left, right: ast.BinOp(left, operator, right), map(_corrected, parts))


def _word(node: ast.expr) -> str:
    """A piece of a name that was written with hyphens; empty when it is none."""
    match _corrected(node):
        case ast.Name(id=word) | ast.Constant(value=word):
            return str(word)
        case _:
            return ""


def _shown(line: str) -> str:
    return repr(line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]}…")


def _nearest(name: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - only needed to help with a mistake

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known are: {', '.join(sorted(known)) or 'none yet'}."
