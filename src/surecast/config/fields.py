"""Reading a table by the declarations of a dataclass: its fields made by `surecast.settings.setting`."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union

from surecast.config.durations import spoken
from surecast.config.findings import ABOVE, BAD, At, listed, nearest
from surecast.config.rates import QuietShape, RateShape
from surecast.config.shapes import (
    Anything,
    Day,
    Duration,
    Either,
    File,
    JsonSchema,
    ListOf,
    MapOf,
    Number,
    OneOf,
    SecretReference,
    Shape,
    Text,
    Truth,
    Whole,
)
from surecast.errors import SurecastError
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.secret import Secret
from surecast.settings import ABOUT, CHECK, EXAMPLE, SANDBOX, InSandbox

_SECONDS = "_s"  # the unit in a field's name; the file has none, there a span brings its own


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared setting.

    Attributes:
        key: its name in the file.
        attribute: its name in the dataclass.
        example: what a person might write, as it stands in the file; may be empty.
        default: its value when it is not written; `dataclasses.MISSING` when it must be.
    """

    key: str
    attribute: str
    shape: Shape
    about: str
    example: str
    check: Callable[[Any], str] | None
    sandbox: InSandbox
    default: Any

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def default_words(self) -> str:
        """The default as a person would write it; empty when there is none to write."""
        return "" if self.required or self.default is None else written(self.default, self.shape)


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table declared by a dataclass."""

    declared: type[Any]

    @property
    def words(self) -> str:
        return f"table of {', '.join(field.key for field in fields_of(self.declared))}"

    def takes(self, value: object) -> bool:
        return type(value) is dict

    def read(self, value: Any, at: At) -> Any:
        if not self.takes(value):
            return at.expected("a table", value, "{ ... }")
        return build(self.declared, value, at)

    def schema(self) -> JsonSchema:
        return table_schema(fields_of(self.declared))


def fields_of(declared: type[Any]) -> tuple[Field, ...]:
    """The declared settings of a dataclass, in order; fields that were not made by `setting` are none.

    Raises:
        Exception: whatever its annotations raise when they cannot be resolved; that is its author's bug.
    """
    return _fields_of(declared)  # type: ignore[arg-type]  # mypy does not take a class for hashable


@cache
def _fields_of(declared: type[Any]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(declared)
    return tuple(
        _field(raw, hints[raw.name]) for raw in dataclasses.fields(declared) if raw.init and ABOUT in raw.metadata
    )


def with_defaults(fields: Iterable[Field], values: Any) -> tuple[Field, ...]:
    """The same fields with the values of a dataclass as their defaults."""
    return tuple(dataclasses.replace(field, default=getattr(values, field.attribute)) for field in fields)


def read_fields(fields: Iterable[Field], table: Mapping[str, Any], at: At) -> dict[str, Any]:
    """The values written in `table`, by attribute. What is wrong or missing is reported and left out."""
    values: dict[str, Any] = {}
    for field in fields:
        here = at.below(field.key, field.example)
        if field.key in table:
            value = field.shape.read(table[field.key], here)
            if value is not BAD and _passes(field, value, here):
                values[field.attribute] = value
        elif field.required:
            here.wrong("it is missing", f"Write {here.line('...')} ({_lower(field.about)})")
        elif isinstance(field.default, Path) or (isinstance(field.shape, File) and field.default):
            values[field.attribute] = field.shape.read(str(field.default), here)
    return values


def report_unknown(table: Mapping[str, Any], known: Iterable[str], at: At, *, at_top: Iterable[str] = ()) -> None:
    """Reports keys that nothing reads, each with the nearest that something does.

    Args:
        at_top: keys that belong to the top of the file; below a header they land in its table by mistake.
    """
    keys = tuple(known)
    for key in table:
        if key in keys:
            continue
        if key in at_top:
            at.below(key).wrong("it belongs to the top of the file", ABOVE)
        elif near := nearest(key, keys):
            at.below(key).wrong("there is no such key", f"Did you mean {near}?")
        else:
            at.below(key).wrong("there is no such key", f"Remove it; known here are {listed(keys)}")


def build(
    declared: type[Any], table: Mapping[str, Any], at: At, *, also: Iterable[str] = (), at_top: Iterable[str] = ()
) -> Any:
    """A value of the dataclass `declared`, or `BAD` after every mistake in `table` was reported.

    Args:
        also: keys that somebody else reads.
    """
    before = len(at.findings)
    fields = fields_of(declared)
    values = read_fields(fields, table, at)
    report_unknown(table, (*(field.key for field in fields), *also), at, at_top=at_top)
    if len(at.findings) > before:
        return BAD
    try:
        return declared(**values)
    except Exception as error:  # noqa: BLE001 - the author of a channel type may refuse a combination in any way
        told = isinstance(error, SurecastError | ValueError) and str(error)
        return at.failed(told or f"its values do not go together ({type(error).__name__})")


def written(value: Any, shape: Shape) -> str:
    """A value as it stands in a file."""
    match value:
        case Enum():
            return written(value.value, shape)
        case bool():
            return str(value).lower()
        case int() | float() if isinstance(shape, Duration):
            return f'"{spoken(value)}"'
        case str() | Path() | Rate():
            return f'"{value}"'
        case tuple() | list():
            inner = shape.item if isinstance(shape, ListOf) else Anything()
            return f"[{', '.join(written(item, inner) for item in value)}]"
        case _:
            return str(value)


def table_schema(fields: Iterable[Field]) -> JsonSchema:
    """The JSON Schema of a table with these keys and no others."""
    keys = tuple(fields)
    return {
        "type": "object",
        "properties": {field.key: _field_schema(field) for field in keys},
        "required": [field.key for field in keys if field.required],
        "additionalProperties": False,
    }


def _field_schema(field: Field) -> JsonSchema:
    schema = {**field.shape.schema(), "description": field.about}
    match field.default:
        case float() if _is_span(field.shape):
            schema["default"] = spoken(field.default)
        case bool() | int() | float() | str():
            schema["default"] = field.default
        case Path() | Rate():
            schema["default"] = str(field.default)
    return schema


def _field(raw: dataclasses.Field[Any], hint: Any) -> Field:
    sandbox: InSandbox = raw.metadata.get(SANDBOX, "keep")
    shape = _shape(hint, span=raw.name.endswith(_SECONDS), file=sandbox == "folder")
    bare = raw.name.removesuffix(_SECONDS) if _is_span(shape) else raw.name
    default = raw.default if raw.default_factory is dataclasses.MISSING else raw.default_factory()
    return Field(
        key=raw.metadata.get("name") or bare,
        attribute=raw.name,
        shape=shape,
        about=raw.metadata[ABOUT],
        example=_as_in_file(raw.metadata.get(EXAMPLE, ""), shape),
        check=raw.metadata.get(CHECK),
        sandbox=sandbox,
        default=default,
    )


def _shape(hint: Any, *, span: bool = False, file: bool = False) -> Shape:
    """The shape of a type hint."""
    if hint is float and span:
        return Duration()
    if hint is str and file:
        return File(as_text=True)
    simple: dict[Any, Shape] = {
        str: Text(),
        bool: Truth(),
        int: Whole(),
        float: Number(),
        Path: File(),
        date: Day(),
    }
    if hint in simple:
        return simple[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        shapes = tuple(_shape(one, span=span, file=file) for one in inner if one is not types.NoneType)
        return shapes[0] if len(shapes) == 1 else Either(shapes)
    if origin is Literal:
        return OneOf(inner)
    if origin in {tuple, list} and inner:
        return ListOf(_shape(inner[0], span=span, file=file))
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(inner) == 2:
        return MapOf(_shape(inner[1], file=file))
    return _shape_of_class(hint)


def _shape_of_class(hint: Any) -> Shape:
    of_values: dict[Any, Shape] = {Secret: SecretReference(), Rate: RateShape(), Quiet: QuietShape()}
    if hint in of_values:
        return of_values[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return OneOf(tuple(hint))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return Table(hint)
    return Anything()


def _is_span(shape: Shape) -> bool:
    return isinstance(shape, Duration) or (isinstance(shape, ListOf) and isinstance(shape.item, Duration))


def _passes(field: Field, value: Any, here: At) -> bool:
    if field.check is None:
        return True
    try:
        sentence = field.check(value)
    except Exception:  # noqa: BLE001 - a check that breaks on a value has refused it; the value is not shown
        sentence = "it cannot be read"
    if sentence:
        here.failed(sentence)
    return not sentence


def _as_in_file(example: str, shape: Shape) -> str:
    """An example in the quotes that its shape needs."""
    if not example or example[0] in "\"'[{" or not shape.takes(""):
        return example
    if isinstance(shape, Duration) and example.replace(".", "", 1).isdigit():
        return example
    return f'"{example}"'


def _lower(about: str) -> str:
    """A sentence that goes on after a semicolon."""
    text = about.rstrip(".")
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
