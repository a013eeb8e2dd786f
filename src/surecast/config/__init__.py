"""The configuration: surecast.toml read into values, with every mistake at once.

The declarations of the settings (`values` here, and each channel type's own) are read four ways: to read a file, to
check it, to describe it to editors, and to write its documentation.
"""

from __future__ import annotations

from surecast.config.examine import Examination, check, examine
from surecast.config.read import FILE_NAME, find_config, load_config
from surecast.config.reference import reference
from surecast.config.references import misconfigured
from surecast.config.rehome import rehome
from surecast.config.routes import by_priority, resolve_route, route_for
from surecast.config.schema import schema
from surecast.config.starter import Answers, BlueskyAnswers, MastodonAnswers, starter, write_starter
from surecast.config.values import Breaker, Config, Network, Person, UrgencyTimes

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
