"""A route when some of its channels cannot be had, and what stands behind one of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.test_route import NAMES, routes

from surecast.route import Route, check, holds, stands_before, without

GONE = st.frozensets(st.sampled_from("abcdef"))


@pytest.mark.parametrize(
    ("route", "gone", "left"),
    [
        ("a", "a", None),
        ("a", "b", "a"),
        ("a | b | c", "a", "b | c"),
        ("a | b | c", "ab", "c"),
        ("a | b", "ab", None),
        ("a & b & c", "b", "a & c"),
        ("a & b", "b", "a"),
        ("a & (b | c)", "b", "a & c"),
        ("a & (b | c)", "bc", "a"),
        ("a & (b | c)", "a", "b | c"),
        ("a | b & c", "b", "a | c"),
        ("at_least(1, a, b, c)", "a", "at_least(1, b, c)"),
        ("at_least(2, a, b, c)", "a", "at_least(2, b, c)"),
        ("at_least(2, a, b, c)", "ab", "at_least(1, c)"),
        ("at_least(2, a, b, c)", "abc", None),
        ("at_least(2, a | d, b, c)", "a", "at_least(2, d, b, c)"),
        ("a & optional(b)", "b", "a"),
        ("a & optional(b)", "a", None),
        ("a & optional(b | c)", "b", "a & optional(c)"),
        ("a & c & optional(b)", "a", "c & optional(b)"),
        ("d & (a & c | b) & optional(e)", "cd", "(a | b) & optional(e)"),
    ],
)
def test_what_is_left_of_a_route(route: str, gone: str, left: str | None) -> None:
    found = without(Route.parse(route), gone)
    assert (None if found is None else str(found)) == left


@given(routes(), GONE)
def test_what_is_left_names_none_of_the_removed_and_all_others_that_count(route: Route, gone: AbstractSet[str]) -> None:
    left = without(route, gone)
    if left is None:
        return
    assert not gone.intersection(left.names())
    assert set(left.names()) == set(route.names()) - gone


@given(routes(), GONE)
def test_nothing_is_left_only_where_nothing_could_count(route: Route, gone: AbstractSet[str]) -> None:
    left = without(route, gone)
    required = {name for part in _required(route) for name in part.names()}
    assert (left is None) == required.issubset(gone)
    if left is not None:
        assert holds(left, lambda _: True)
        assert not holds(left, lambda _: False)


def _required(route: Route) -> tuple[Route, ...]:
    """What of a route counts: all but the optional parts, which stand at its top."""
    text = str(route)
    if "optional(" not in text:
        return (route,)
    return tuple(part for part in route.members() if not str(part).startswith("optional("))


@given(routes(), GONE)
def test_a_route_whose_channels_are_all_left_is_the_same(route: Route, gone: AbstractSet[str]) -> None:
    others = gone.difference(route.names())
    assert without(route, others) == route
    assert without(route, ()) == route
    assert without(route, {"nobody"}) == route


@given(routes(), GONE, GONE)
def test_it_does_not_matter_whether_they_go_one_by_one(
    route: Route, one: AbstractSet[str], two: AbstractSet[str]
) -> None:
    first = without(route, one)
    assert (None if first is None else without(first, two)) == without(route, one | two)


@given(routes(), GONE, st.frozensets(st.sampled_from("abcdef")))
def test_whoever_is_reached_by_the_whole_route_without_them_is_reached_by_what_is_left(
    route: Route, gone: AbstractSet[str], reached: AbstractSet[str]
) -> None:
    left = without(route, gone)
    assume(left is not None)
    assert left is not None
    if holds(route, (reached - gone).__contains__):
        assert holds(left, (reached - gone).__contains__)


@given(routes(), GONE)
def test_what_is_left_can_be_written_down_and_read_back_and_means_the_same(
    route: Route, gone: AbstractSet[str]
) -> None:
    left = without(route, gone)
    if left is None:
        return
    again = Route.parse(str(left))
    assert (again.names(), str(again)) == (left.names(), str(left))
    for reached in (frozenset[str](), frozenset("ace"), frozenset("bdf"), frozenset("abcdef")):
        assert holds(again, reached.__contains__) == holds(left, reached.__contains__)


def test_a_quorum_of_different_alternatives_can_still_be_followed_when_one_is_gone() -> None:
    left = without(Route.parse("at_least(2, a | b, c, d)"), "a")
    assert left is not None
    check(left, NAMES)


def test_a_quorum_of_which_two_parts_become_the_same_can_still_be_followed() -> None:
    left = without(Route.parse("at_least(2, a | b, b, c)"), "a")
    assert left is not None
    check(left, NAMES)


# What stands behind


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("a | site", True),
        ("site | a", False),
        ("a & site", False),
        ("a | b | site", True),
        ("a & b | site", True),
        ("(a | b) & site", False),
        ("c & (a | b & site)", True),
        ("at_least(1, a, site)", False),
        ("at_least(1, a | site, b)", True),
        ("b | site", False),
        ("a | b & optional(site)", True),
        ("a", False),
    ],
)
def test_whether_one_of_some_channels_takes_over_when_another_fails(route: str, *, expected: bool) -> None:
    assert stands_before(Route.parse(route), "a", {"site", "files"}) is expected
    assert not stands_before(Route.parse(route), "a", ())


@given(routes(), st.sampled_from("abcdef"), GONE)
def test_who_is_gone_stands_behind_nobody(route: Route, name: str, gone: AbstractSet[str]) -> None:
    left = without(route, gone)
    if left is not None:
        assert not stands_before(left, name, gone)
        assert name not in gone or not stands_before(left, name, NAMES)
