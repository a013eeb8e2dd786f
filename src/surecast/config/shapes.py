"""What a value in the file may look like.

Each shape reads a value, says in words what it wants, and gives its JSON Schema; reader, documentation and editors
cannot drift apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from surecast.config import durations
from surecast.config.findings import BAD, At, listed, nearest, shown
from surecast.secret import Secret

JsonSchema = dict[str, Any]

#: What stands in a cure where the declaration gives no example.
TEXT, PATH, SPAN = '"..."', '"folder/file"', '"10 min"'


class Shape(Protocol):
    """One sort of value. `read` gives the value, or `BAD` after it reported what is wrong."""

    @property
    def words(self) -> str:
        """What it is, for people."""
        ...

    def takes(self, value: object) -> bool:
        """Whether a value of TOML is of this sort at all."""
        ...

    def read(self, value: Any, at: At) -> Any: ...

    def schema(self) -> JsonSchema: ...


class Text:
    """Any text that is not blank."""

    words = "text"

    def takes(self, value: object) -> bool:
        return type(value) is str

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a text", value, TEXT)
        if not value.strip():
            return at.wrong("it is empty", f"Write {at.line(TEXT)}, or leave the line out")
        if "\0" in value:
            return at.wrong("it holds a NUL character", "Remove it")
        return value

    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class File:
    """A path; a relative one starts at the configuration's folder."""

    as_text: bool = False
    words: ClassVar[str] = "path"

    def takes(self, value: object) -> bool:
        return type(value) is str

    def read(self, value: Any, at: At) -> Any:
        text = Text().read(value, at)
        if text is BAD:
            return BAD
        if "://" in text:
            return at.wrong("a path is expected, not an address", f"Write {at.line(PATH)}")
        path = at.folder / _at_home(text)
        return str(path) if self.as_text else path

    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1}


class Truth:
    """True or false."""

    words = "true or false"

    def takes(self, value: object) -> bool:
        return type(value) is bool

    def read(self, value: Any, at: At) -> Any:
        return value if self.takes(value) else at.expected("true or false", value, "true")

    def schema(self) -> JsonSchema:
        return {"type": "boolean"}


class Whole:
    """A whole number."""

    words = "whole number"

    def takes(self, value: object) -> bool:
        return type(value) is int

    def read(self, value: Any, at: At) -> Any:
        return value if self.takes(value) else at.expected("a whole number", value, "3")

    def schema(self) -> JsonSchema:
        return {"type": "integer"}


class Number:
    """A number."""

    words = "number"

    def takes(self, value: object) -> bool:
        return type(value) in {int, float}

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a number", value, "1.5")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else at.wrong("the number has no use", f"Write {at.key} = 1.5")

    def schema(self) -> JsonSchema:
        return {"type": "number"}


class Duration:
    """A time span, in seconds once it is read."""

    words = "time span"

    def takes(self, value: object) -> bool:
        return type(value) in {str, int, float}

    def read(self, value: Any, at: At) -> Any:
        span = durations.seconds(value) if self.takes(value) else None
        if span is None:
            return at.wrong("it is no time span", f"Write {at.line(SPAN)}; units are s, min, h, day, week")
        return span

    def schema(self) -> JsonSchema:
        return {
            "anyOf": [
                {"type": "string", "pattern": durations.PATTERN},
                {"type": "number", "minimum": 0, "maximum": durations.LONGEST_S},
            ]
        }


@dataclass(frozen=True, slots=True)
class OneOf:
    """One word, or number, of a closed list."""

    choices: tuple[Any, ...]

    @property
    def words(self) -> str:
        return listed(f"`{_toml(word)}`" for word in self._written())

    def takes(self, value: object) -> bool:
        return any(type(word) is type(value) for word in self._written())

    def read(self, value: Any, at: At) -> Any:
        if self.takes(value):
            for word, choice in zip(self._written(), self.choices, strict=True):
                if word == value:
                    return choice
        near = nearest(value, map(str, self._written())) if type(value) is str else None
        cure = f"Did you mean {_toml(near)}?" if near else f"Write {listed(map(_toml, self._written()))}"
        return at.wrong("it is none of the words that are known here", cure)

    def schema(self) -> JsonSchema:
        return {"enum": list(self._written())}

    def _written(self) -> tuple[Any, ...]:
        return tuple(choice.value if isinstance(choice, Enum) else choice for choice in self.choices)


class SecretReference:
    """Where a secret comes from; never the secret itself."""

    words = "secret"

    def takes(self, value: object) -> bool:
        return type(value) is dict

    def read(self, value: Any, at: At) -> Any:
        key = at.key
        if type(value) is str:
            return at.wrong(
                "a secret must not stand in this file",
                f'Put it into a file: {key} = {{ file = "secrets/{_owner(at)}" }}, or name a variable: '
                f'{key} = {{ env = "{key.upper()}" }}',
            )
        if not self.takes(value) or len(value) != 1 or next(iter(value)) not in {"env", "file", "command"}:
            return at.wrong(
                "it does not say where the secret comes from",
                f'Write {key} = {{ file = "secrets/{_owner(at)}" }}, {{ env = "{key.upper()}" }} '
                f'or {{ command = ["pass", "show", "{key}"] }}',
            )
        kind, reference = next(iter(value.items()))
        if kind == "command":
            words = ListOf(Text()).read(reference, at.below(kind, f'["pass", "show", "{key}"]'))
            if words is BAD:
                return BAD
            return Secret("command", "\0".join(words)) if words else at.wrong("the command is empty", "Name a program")
        read = File(as_text=True) if kind == "file" else Text()
        source = read.read(
            reference, at.below(kind, f'"secrets/{_owner(at)}"' if kind == "file" else f'"{key.upper()}"')
        )
        return BAD if source is BAD else Secret(kind, source)

    def schema(self) -> JsonSchema:
        text = {"type": "string", "minLength": 1}
        return {
            "oneOf": [
                _only("env", {**text, "description": "The name of an environment variable."}),
                _only("file", {**text, "description": "A file that holds the secret and nothing else."}),
                _only(
                    "command",
                    {
                        "type": "array",
                        "items": text,
                        "minItems": 1,
                        "description": "A program and its arguments; what it prints is the secret.",
                    },
                ),
            ]
        }


class Day:
    """A day: a date of TOML, or a text with one."""

    words = "day"

    def takes(self, value: object) -> bool:
        return type(value) in {date, str}

    def read(self, value: Any, at: At) -> Any:
        if type(value) is date:
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            return at.expected("a day", value, "2027-03-31")

    def schema(self) -> JsonSchema:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; a tuple once it is read."""

    item: Shape

    @property
    def words(self) -> str:
        return f"list of {self.item.words}"

    def takes(self, value: object) -> bool:
        return type(value) is list

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a list", value, '["...", "..."]')
        items = tuple(self.item.read(item, at.below(index)) for index, item in enumerate(value))
        return BAD if any(item is BAD for item in items) else items

    def schema(self) -> JsonSchema:
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class MapOf:
    """A table whose keys the person chooses."""

    item: Shape

    @property
    def words(self) -> str:
        return f"table of {self.item.words}"

    def takes(self, value: object) -> bool:
        return type(value) is dict

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a table", value, "{ name = ... }")
        items = {key: self.item.read(item, at.below(key)) for key, item in value.items()}
        return BAD if any(item is BAD for item in items.values()) else MappingProxyType(items)

    def schema(self) -> JsonSchema:
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Either:
    """One of several shapes that differ in their sort of value."""

    shapes: tuple[Shape, ...]

    @property
    def words(self) -> str:
        return listed(shape.words for shape in self.shapes)

    def takes(self, value: object) -> bool:
        return any(shape.takes(value) for shape in self.shapes)

    def read(self, value: Any, at: At) -> Any:
        shape = next((shape for shape in self.shapes if shape.takes(value)), self.shapes[0])
        return shape.read(value, at)

    def schema(self) -> JsonSchema:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


class Anything:
    """A value that its adapter reads itself."""

    words = "any value"

    def takes(self, value: object) -> bool:  # noqa: ARG002 - it takes all
        return True

    def read(self, value: Any, at: At) -> Any:  # noqa: ARG002 - nothing can be wrong
        return value

    def schema(self) -> JsonSchema:
        return {}


def _only(key: str, inner: Mapping[str, Any]) -> JsonSchema:
    return {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}


def _owner(at: At) -> str:
    """A good name for the secret's file: the channel's."""
    return next((shown(part) for part in at.path[1:2] if isinstance(part, str)), at.key)


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _at_home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user, or no home: then it is a name like any other
        return Path(text)
