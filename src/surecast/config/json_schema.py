"""The JSON Schema of the whole file, for editors."""

from __future__ import annotations

from typing import Any

from surecast.config.audiences import audience_schema
from surecast.config.fields import Field, fields_of, table_schema, with_defaults
from surecast.config.kinds import Kinds, known_kinds
from surecast.config.values import URGENCY_TIMES, ChannelTerms, Config, UrgencyTimes
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
    types = {name: fields for name in found.names() if (fields := settings_of(found, name)) is not None}
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
            "additionalProperties": {"oneOf": [{"$ref": f"#/$defs/channel_{name}"} for name in types]},
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
        "$defs": {f"channel_{name}": _channel_schema(name, fields) for name, fields in types.items()},
    }


def settings_of(kinds: Kinds, name: str) -> tuple[Field, ...] | None:
    """The settings that a type of channel declares; None when it cannot be loaded."""
    try:
        return fields_of(kinds.load(name).settings)
    except Exception:  # noqa: BLE001 - the package of a foreign channel type may break in any way
        return None


def _channel_schema(name: str, own: tuple[Field, ...]) -> dict[str, Any]:
    terms = fields_of(ChannelTerms)
    keys = {field.key for field in terms}
    table = table_schema((*terms, *(field for field in own if field.key not in keys)))
    table["properties"]["type"] = {**table["properties"]["type"], "const": name}
    return {"title": f"A channel of the type {name}", **table}


def _urgency_schema(urgency: Urgency) -> dict[str, Any]:
    fields = with_defaults(fields_of(UrgencyTimes), URGENCY_TIMES[urgency])
    return {"description": f"How much time there is when the urgency is {urgency.value}.", **table_schema(fields)}
