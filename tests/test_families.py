"""Alternatives that share an audience."""

from __future__ import annotations

import pytest
from hypothesis import given

from surecast.route import AnyOf, Name, Optional, Route, Together, gather, holds
from tests.test_route import routes

AUDIENCES = {"letters": "riders", "sms": "riders", "chats": "riders", "crew": "staff"}


def gathered(text: str) -> Route:
    return gather(Route.parse(text), AUDIENCES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("letters", Together(("letters",))),
        ("site", Name("site")),
        ("letters | sms", Together(("letters", "sms"))),
        ("letters | letters", Together(("letters",))),
        ("site | letters | sms", AnyOf((Name("site"), Together(("letters", "sms"))))),
        ("letters | site | sms", AnyOf((Together(("letters",)), Name("site"), Together(("sms",))))),
        ("letters | crew | sms", AnyOf((Together(("letters",)), Together(("crew",)), Together(("sms",))))),
        ("letters & site | sms", AnyOf((Route.parse("letters & site"), Together(("sms",))))),
        ("optional(letters | sms)", Optional(Together(("letters", "sms")))),
    ],
)
def test_neighbours_over_one_audience_stand_together(text: str, expected: Route) -> None:
    if "&" in text:
        expected = AnyOf((gather(Route.parse("letters & site"), AUDIENCES), Together(("sms",))))
    assert gathered(text) == expected


def test_a_quorum_and_a_fan_out_are_gathered_within() -> None:
    assert str(gathered("at_least(1, letters | sms, site) & (chats | crew)")) == (
        "at_least(1, letters | sms, site) & (chats | crew)"
    )
    assert gathered("site & letters").members()[1] == Together(("letters",))


def test_what_stands_together_is_one_leaf() -> None:
    some = gathered("site & (letters | sms)")
    assert some.names() == ("site", "letters", "sms")
    assert [node.names() for node in some.walk() if isinstance(node, Together)] == [("letters", "sms")]
    asked: list[str] = []
    assert holds(some, lambda leaf: not asked.append(leaf))  # type: ignore[func-returns-value]
    assert asked == ["site", "letters | sms"]


@given(routes())
def test_without_direct_channels_nothing_is_changed(route: Route) -> None:
    assert gather(route, {}) == route


@given(routes())
def test_every_channel_keeps_its_place(route: Route) -> None:
    some = gather(route, dict.fromkeys("abc", "riders") | dict.fromkeys("de", "staff"))
    assert some.names() == route.names()
    assert gather(some, {}) == some
    reached = frozenset("acf")
    read = holds(some, lambda leaf: not reached.isdisjoint(leaf.split(" | ")))
    assert read == holds(route, lambda leaf: leaf in reached)
