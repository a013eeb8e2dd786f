"""The JSON Schema of the whole file, for editors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from surecast.channel import Kind
from surecast.config.audiences import audience_schema
from surecast.config.channel_terms import ChannelTerms
from surecast.config.fields import Field, fields_of, table_schema, with_defaults
from surecast.config.kinds import Kinds, known_kinds
from surecast.config.values import URGENCY_TIMES, Config, UrgencyTimes
from surecast.message import Urgency
from surecast.route import MAX_LENGTH

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME = "^[a-z][a-z0-9_]*$"

ABOUT_ROUTES = "Which channels, in which order, and what counts as enough: & for both, | for otherwise."
ABOUT_CHANNELS = "The accounts to post to, one table each."
ABOUT_AUDIENCES = "The people whom direct channels write to, one table for each list."
ABOUT_URGENCIES = "How much time there is, by urgency."


def schema(*, kinds: Kinds | None = None) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of surecast.toml, from the same declarations that read it.

    It says what an editor can know while somebody types; `check` knows more. Types of channels that cannot be loaded
    are left out.
    """
    found = kinds or known_kinds()
    tables = {f"channel_{one.name}": one for name in found.names() for one in tables_of(found, name)}
    top = table_schema(fields_of(Config))
    top["properties"] |= {
        "routes": {
            "type": "object",
            "description": ABOUT_ROUTES,
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        },
        "channels": {
            "type": "object",
            "description": ABOUT_CHANNELS,
            "minProperties": 1,
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in tables]},
        },
        "audiences": {
            "type": "object",
            "description": ABOUT_AUDIENCES,
            "propertyNames": {"pattern": NAME},
            "additionalProperties": audience_schema(),
        },
        "urgencies": {
            "type": "object",
            "description": ABOUT_URGENCIES,
            "properties": {urgency.value: _urgency_schema(urgency) for urgency in Urgency},
            "additionalProperties": False,
        },
    }
    return {
        "$schema": DRAFT,
        "title": "surecast.toml",
        "description": "The configuration of surecast.",
        **top,
        "required": [*top["required"], "channels"],
        "$defs": {name: _channel_schema(one) for name, one in tables.items()},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTable:
    """What the table of a channel may hold.

    Attributes:
        name: of the table: the type's, with a word more where the type has two.
        audience: whether it names an audience in place of a public address; None where the type has one table only.
    """

    name: str
    type: str
    platform: str
    own: tuple[Field, ...]
    audience: bool | None = None


def tables_of(kinds: Kinds, name: str) -> tuple[ChannelTable, ...]:
    """The tables that a type of channel may have; none when it cannot be loaded."""
    try:
        kind = kinds.load(name)
        return tuple(_tables(kind))
    except Exception:  # noqa: BLE001 - the package of a foreign channel type may break in any way
        return ()


def _tables(kind: Kind) -> Iterator[ChannelTable]:
    platform, direct = kind.traits.platform, kind.with_audience
    either = None if direct is None else False
    yield ChannelTable(name=kind.name, type=kind.name, platform=platform, own=fields_of(kind.settings), audience=either)
    if direct is not None:
        own = fields_of(direct.settings)
        yield ChannelTable(name=f"{kind.name}_audience", type=kind.name, platform=platform, own=own, audience=True)


def _channel_schema(one: ChannelTable) -> dict[str, Any]:
    terms = tuple(field for field in fields_of(ChannelTerms) if one.audience is not False or field.key != "audience")
    keys = {field.key for field in terms}
    table = table_schema((*terms, *(field for field in one.own if field.key not in keys)))
    table["properties"]["type"] = {**table["properties"]["type"], "const": one.type}
    if one.audience:
        table["required"] = [*table["required"], "audience"]
    return {"title": f"A channel of the type {one.type}", **table}


def _urgency_schema(urgency: Urgency) -> dict[str, Any]:
    fields = with_defaults(fields_of(UrgencyTimes), URGENCY_TIMES[urgency])
    return {"description": f"How much time there is when the urgency is {urgency.value}.", **table_schema(fields)}
