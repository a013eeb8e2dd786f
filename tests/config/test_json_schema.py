from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from surecast import channels
from surecast.config import schema
from surecast.config.channel_terms import ChannelTerms
from surecast.config.fields import fields_of
from surecast.config.values import Config
from tests.config.fakes import GOOD, KINDS
from tests.config.test_read import SAMPLE

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def wrong(value: Any, rule: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """What a value breaks of a JSON Schema; knows the words that the generator uses, and fails on any other."""
    known = {"$schema", "$ref", "$defs", "title", "description", "default", "type", "properties", "required"}
    known |= {"additionalProperties", "propertyNames", "minProperties", "items", "minItems", "minLength", "maxLength"}
    known |= {"pattern", "minimum", "maximum", "enum", "const", "anyOf", "oneOf"}
    assert set(rule) <= known, set(rule) - known
    if "$ref" in rule:
        return wrong(value, root["$defs"][rule["$ref"].removeprefix("#/$defs/")], root, at)
    found = [f"{at}: no {rule['type']}"] if "type" in rule and type(value) not in TYPES[rule["type"]] else []
    found += [f"{at}: not in enum"] if "enum" in rule and value not in rule["enum"] else []
    found += [f"{at}: not the const"] if "const" in rule and value != rule["const"] else []
    for word, most in (("anyOf", 99), ("oneOf", 1)):
        if word in rule and not 1 <= sum(not wrong(value, one, root, at) for one in rule[word]) <= most:
            found.append(f"{at}: {word}")
    if found:
        return found
    if isinstance(value, dict):
        return _wrong_in_table(value, rule, root, at)
    if isinstance(value, list):
        found = [f"{at}: too few"] if len(value) < rule.get("minItems", 0) else []
        return found + [
            no for i, item in enumerate(value) for no in wrong(item, rule.get("items", {}), root, f"{at}[{i}]")
        ]
    if isinstance(value, str):
        fits = rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value))
        return [] if fits and re.search(rule.get("pattern", ""), value) else [f"{at}: text"]
    if type(value) in (int, float):
        return [] if rule.get("minimum", value) <= value <= rule.get("maximum", value) else [f"{at}: range"]
    return []


def _wrong_in_table(table: dict[str, Any], rule: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: lacks {key}" for key in rule.get("required", []) if key not in table]
    found += [f"{at}: too few" for _ in [0] if len(table) < rule.get("minProperties", 0)]
    for key, value in table.items():
        inner = rule.get("properties", {}).get(key, rule.get("additionalProperties", {}))
        if inner is False:
            found.append(f"{at}: unknown {key}")
            continue
        found += wrong(key, rule.get("propertyNames", {}), root, f"{at} name {key}")
        found += wrong(value, inner, root, f"{at}.{key}")
    return found


def valid(text: str, root: dict[str, Any]) -> list[str]:
    return wrong(tomllib.loads(text), root, root)


def test_the_sample_is_valid() -> None:
    assert valid(SAMPLE.read_text(encoding="utf-8"), schema()) == []


def test_a_good_file_is_valid() -> None:
    assert valid(GOOD, schema(kinds=KINDS)) == []


@pytest.mark.parametrize(
    "change",
    [
        ('sender = "Harbour Ferries"', ""),
        ("sender", "sendr"),
        ('within = "20s"', 'within = "soon"'),
        ('within = "20s"', "within = -1"),
        ('within = "20s"', "readers = 'riders'"),
        ('{ env = "ONE_TOKEN" }', '"hunter2"'),
        ('{ env = "ONE_TOKEN" }', '{ env = "A", file = "b" }'),
        ('type = "files"', 'type = "plane"'),
        ('type = "files"\n', ""),
        ("[channels.one]", "[channels.One]"),
        ('default = "site & (one | two)"', "default = 3"),
        ("[routes]", "[urgencies.urgnt]\n[routes]"),
        ("[routes]", "[breaker]\nfailures = 1.5\n[routes]"),
        ("[routes]", "[network]\nca = 'x'\n[routes]"),
        ("[routes]", "[people.duty]\n[routes]"),
        ("[routes]", "[audiences.riders]\nsource = 3\n[routes]"),
        ("[routes]", "[audiences.riders]\nsource = 'a.csv'\ncolumns = { tel = 'Mobile' }\n[routes]"),
    ],
)
def test_what_the_reader_refuses_an_editor_marks(change: tuple[str, str]) -> None:
    assert change[0] in GOOD
    assert valid(GOOD.replace(change[0], change[1], 1), schema(kinds=KINDS)) != []


def test_every_key_is_described() -> None:
    root = schema()
    tables = [root, *root["$defs"].values(), *root["properties"]["urgencies"]["properties"].values()]
    tables += [root["properties"]["network"], root["properties"]["breaker"]]
    tables += [root["properties"]["people"]["additionalProperties"]]
    for table in tables:
        for key, rule in table["properties"].items():
            assert rule.get("description"), key


def test_it_names_every_declared_key_and_every_type() -> None:
    root = schema()
    tables = {"routes", "channels", "audiences", "urgencies"}
    assert set(root["properties"]) == {*(field.key for field in fields_of(Config)), *tables}
    tables = {f"channel_{name}": channels.load(name) for name in channels.names()}
    either = {f"{name}_audience": kind.with_audience for name, kind in tables.items() if kind.with_audience}
    assert set(root["$defs"]) == {*tables, *either}
    for name, kind in {**tables, **either}.items():
        terms = {field.key for field in fields_of(ChannelTerms)} - ({"audience"} if kind.with_audience else set())
        own = {field.key for field in fields_of(kind.settings)}
        assert set(root["$defs"][name]["properties"]) == own | terms


def test_a_telegram_channel_has_a_chat_or_an_audience_and_not_both() -> None:
    definitions = schema()["$defs"]
    public, direct = definitions["channel_telegram"], definitions["channel_telegram_audience"]
    assert "chat" in public["required"]
    assert "audience" not in public["properties"]
    assert "audience" in direct["required"]
    assert "chat" not in direct["properties"]


def test_no_type_of_channel_takes_a_key_that_every_channel_has() -> None:
    terms = {field.key for field in fields_of(ChannelTerms)}
    for name in channels.names():
        assert not terms & {field.key for field in fields_of(channels.load(name).settings)}, name


def test_defaults_are_said_as_people_write_them() -> None:
    root = schema()
    assert root["properties"]["keep"]["default"] == "90 days"
    assert root["properties"]["ledger"]["default"] == "surecast.db"
    assert root["properties"]["urgencies"]["properties"]["emergency"]["properties"]["within"]["default"] == "10 s"


def test_it_is_json_and_names_its_draft() -> None:
    root = json.loads(json.dumps(schema()))
    assert root["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_type_that_cannot_be_loaded_is_left_out() -> None:
    assert set(schema(kinds=KINDS)["$defs"]) == {
        f"channel_{n}" for n in ("plain", "files", "mail", "texts", "heavy", "rich")
    }
