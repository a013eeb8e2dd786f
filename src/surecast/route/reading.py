"""Reads route expressions, and answers the signs that people write from habit with the right line."""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import and_, or_

from surecast.errors import RouteError
from surecast.route.nodes import AtLeast, Name, Optional, Route

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
OPERATORS = frozenset({"at_least", "optional"})
MAX_LENGTH, MAX_BRACKETS = 2_000, 20  # far beyond any route that a person can follow
_SHOWN_CHARS = 200

#: Whatever is not made of these never comes to Python's parser: it would take comments, strings and look-alike
#: letters, and warn of numbers.
_TOKENS = re.compile(r"(?:[a-z][a-z0-9_]*+|[0-9]{1,4}+(?![0-9a-z_])|[&|(), \t])*")


def parse(text: str) -> Route:
    """Reads an expression; see `Route.parse`."""
    line = text.strip()
    if not line:
        raise RouteError("The route is empty. Name at least one channel, e.g. site.")
    check_size(line)
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


def check_size(line: str) -> None:
    """Refuses a route that no person could follow, before anything else looks at it."""
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
