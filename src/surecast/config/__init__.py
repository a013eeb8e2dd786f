"""The configuration: surecast.toml read into values, with every mistake at once.

The declarations of the settings (`values` here with the tables that it names, `channel_terms`, and each channel type's
own) are read four ways: to read a file, to check it, to describe it to editors, and to write its documentation. What a
send does not need is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from surecast.config.read import FILE_NAME, find_config, load_config
from surecast.config.references import misconfigured
from surecast.config.routes import by_priority, resolve_route, route_for
from surecast.config.tables import Breaker, Network, Person
from surecast.config.values import Config, UrgencyTimes

if TYPE_CHECKING:
    from surecast.config.examination import Examination, check, examine
    from surecast.config.first_file import Answers, BlueskyAnswers, MastodonAnswers, starter, write_starter
    from surecast.config.json_schema import schema
    from surecast.config.key_reference import reference
    from surecast.config.simulated import rehome

_HOMES = {
    "Answers": "first_file",
    "BlueskyAnswers": "first_file",
    "Examination": "examination",
    "MastodonAnswers": "first_file",
    "check": "examination",
    "examine": "examination",
    "reference": "key_reference",
    "rehome": "simulated",
    "schema": "json_schema",
    "starter": "first_file",
    "write_starter": "first_file",
}

__all__ = [
    "FILE_NAME",
    "Answers",
    "BlueskyAnswers",
    "Breaker",
    "Config",
    "Examination",
    "MastodonAnswers",
    "Network",
    "Person",
    "UrgencyTimes",
    "by_priority",
    "check",
    "examine",
    "find_config",
    "load_config",
    "misconfigured",
    "reference",
    "rehome",
    "resolve_route",
    "route_for",
    "schema",
    "starter",
    "write_starter",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"surecast.config has no public name {name!r}")
    value = getattr(import_module(f"surecast.config.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
