"""Where each key of a TOML text stands: `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

_PIECE = re.compile(
    r'''(?P<long>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5})'''
    r"""|(?P<short>"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
    r"""|(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>\n)|[^"'\#\[\]{}\n]+|.""",
    re.DOTALL,
)
_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})[ \t]*=")


def line_numbers(text: str) -> dict[tuple[str, ...], int]:
    """The line, from 1, of every key and table header, by its keys from the top.

    Keys inside inline tables are left out; the line of the value that holds them answers for them. Meant for a text
    that `tomllib` could read; of any other it finds what it can.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, statement in _statements(text):
        if header := _HEADER.match(statement):
            table = keys = _keys(header[1])
        elif assignment := _ASSIGNMENT.match(statement):
            keys = (*table, *_keys(assignment[1]))
        else:
            continue
        for end in range(1, len(keys) + 1):
            found.setdefault(keys[:end], line)
        if header:
            found[keys] = line if "[[" not in statement else found[keys]
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first one: an array or a long text may run over several."""
    line, depth, first = 1, 0, 1
    pieces: list[str] = []
    for piece in _PIECE.finditer(text):
        kind, words = piece.lastgroup, piece[0]
        if kind == "end" and depth <= 0:
            yield first, "".join(pieces)
            pieces, depth, first = [], 0, line + 1
        elif kind != "comment":
            pieces.append(words)
        depth += (kind == "open") - (kind == "close")
        line += words.count("\n")
    yield first, "".join(pieces)


def _keys(dotted: str) -> tuple[str, ...]:
    if "'" not in dotted and '"' not in dotted:
        return tuple(part.strip() for part in dotted.split("."))
    keys: list[str] = []
    try:
        node: Any = tomllib.loads(f"{dotted} = 0")
    except ValueError:
        return (dotted,)
    while isinstance(node, dict):
        key, node = next(iter(node.items()))
        keys.append(key)
    return tuple(keys)
