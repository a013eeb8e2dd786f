from __future__ import annotations

from functools import reduce
from operator import and_, or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.errors import RouteError
from surecast.route import (
    MAX_BRACKETS,
    MAX_LENGTH,
    All,
    AnyOf,
    AtLeast,
    Name,
    Operand,
    Optional,
    Route,
    check,
    describe,
    effective_within,
    holds,
    why_no_name,
)

A, B, C, D = map(Name, "abcd")
NAMES = ("a", "b", "c", "d", "e", "f", "site", "bluesky", "mastodon")


def routes() -> st.SearchStrategy[Route]:
    """Routes that mean something, as operators and parser build them."""
    name = st.sampled_from("abcdef").map(Name)

    def grown(inner: st.SearchStrategy[Route]) -> st.SearchStrategy[Route]:
        several = st.lists(inner, min_size=2, max_size=4)
        quorums = st.builds(
            lambda parts, count: AtLeast(min(count, len(parts)), tuple(parts)),
            st.lists(inner, min_size=1, max_size=4, unique=True),
            st.integers(1, 4),
        )
        return st.one_of(
            several.map(lambda parts: reduce(and_, parts)), several.map(lambda parts: reduce(or_, parts)), quorums
        )

    required = st.recursive(name, grown, max_leaves=10)
    also = st.lists(required.map(Optional), max_size=2)
    return st.builds(lambda route, optional: reduce(and_, [route, *optional]), required, also)


# Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A),
        (" \t(a)\n", A),
        ("a & b & c", All((A, B, C))),
        ("a & (b & c)", All((A, B, C))),
        ("a | b & c | d", AnyOf((A, All((B, C)), D))),
        ("(a | b) & c", All((AnyOf((A, B)), C))),
        ("at_least(2, a, b | c, d)", AtLeast(2, (A, AnyOf((B, C)), D))),
        ("at_least(1, a,)", AtLeast(1, (A,))),
        ("a & optional(b | c)", All((A, Optional(AnyOf((B, C)))))),
        ("match1_a", Name("match1_a")),
    ],
)
def test_a_route_is_read(text: str, expected: Route):
    assert Route.parse(text) == expected


@given(routes())
def test_what_is_written_is_read_back(route: Route):
    assert Route.parse(str(route)) == route


def test_a_long_fan_out_is_read():
    assert len(Route.parse("&".join("a" * (MAX_LENGTH // 2))).members()) == MAX_LENGTH // 2


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a || b || c", "a | b | c"),
        ("a && b", "a & b"),
        ("a and b or c", "a & b | c"),
        ("(a)or(b)AND c", "a | b & c"),
        ("a, b", "a & b"),
        ("a, b,", "a & b"),
        ("site, bluesky > mastodon", "site & (bluesky | mastodon)"),
        ("a -> b => c > d", "a | b | c | d"),
        ("a; b", "a & b"),
        ("a + b", "a & b"),
        ("status-page & e-mail-2", "status_page & e_mail_2"),
        ("site-", ""),
        ("a & at_least(2, b and c, d)", "a & at_least(2, b & c, d)"),
        ("optional(a-b) & c", "optional(a_b) & c"),
        ("Bluesky & MASTODON", "bluesky & mastodon"),
        ("ｂluesky ＆ ｓite", "bluesky & site"),
        ("site &\n  (bluesky |\r\n  mastodon)", "site & (bluesky | mastodon)"),
        ("site # the website\n& bluesky # and more", "site & bluesky"),
    ],
)
def test_other_signs_are_answered_with_the_right_line(text: str, meant: str):
    with pytest.raises(RouteError) as caught:
        Route.parse(text)
    if meant:
        assert str(caught.value).endswith(f" uses signs that routes do not have. Did you mean: {meant}")
        assert str(Route.parse(meant)) == meant
    else:
        assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The route is empty. Name at least one channel, e.g. site."),
        (" \n", "The route is empty"),
        ("#", "cannot be read. Write channel names"),
        ("a b", "cannot be read. Write channel names"),
        ("a &", "cannot be read"),
        ("(a", "cannot be read"),
        ("a))((", "cannot be read"),
        ("()", "means nothing in a route"),
        ("a\0b", "The route 'a\\x00b' cannot be read"),
        ("a\\\n& b", "cannot be read"),
        ("é & b", "lower-case letters, digits and _"),
        ("_a", "cannot be read"),
        ("(a := b)", "cannot be read"),
        ("f'{a}'", "cannot be read"),
        ("a.b", "cannot be read"),
        ("a[0]", "cannot be read"),
        ("1or a", "cannot be read"),
        ("1", "'1' means nothing in a route"),
        ("a(b)(c)", "'a(b)(c)' means nothing in a route"),
        ("(a - b) - (c & d)", "cannot be read"),
        ("- a", "cannot be read"),
        ("lambda: a", "'lambda' cannot name a channel: the word has a meaning of its own."),
        ("class & a", "'class' cannot name a channel"),
        ("not a", "'not' cannot name a channel"),
        ("a if b else c", "'if' cannot name a channel"),
        ("await a", "'await' cannot name a channel"),
        ("a in b", "'in' cannot name a channel"),
        ("a > b is c", "'is' cannot name a channel"),
        ("a & optional", "'optional' cannot name a channel"),
        ("a and optional", "'a and optional' means nothing in a route"),
        ("at_least(a, b)", "at_least() needs a number and channels. Write at_least(2, bluesky, mastodon, site)."),
        ("at_least(2)", "at_least() needs a number"),
        ("at_least(True, a)", "'True' cannot name a channel"),
        ("at_least(0x2, a, b)", "cannot be read"),
        ("at_least(1_0, a)", "cannot be read"),
        ("at_least(007, a)", "cannot be read"),
        ("at_least(" + "9" * 1_000 + ", a)", "cannot be read"),
        ("at_least(2, *a)", "cannot be read"),
        ("optional()", "optional() takes one channel or route. Write optional(slack)"),
        ("optional(a, b)", "optional() takes one channel or route"),
        ("any(a, b)", "any() means nothing in a route. Only at_least(2, a, b) and optional(a) do."),
        ("a" * (MAX_LENGTH + 1), "The route is 2001 characters long; 2000 is the most."),
        ("(" * 21 + "a" + ")" * 21, "21 brackets stand in each other; 20 is the most."),
        ("(" * 900, "900 brackets stand in each other"),
        ("a" * 300 + " b", f"The route '{'a' * 200}…' cannot be read"),
        ("-".join(["a"] * 999), "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(text: str, expected: str):
    with pytest.raises(RouteError) as caught:
        Route.parse(text)
    assert expected in str(caught.value)


PIECES = st.sampled_from(
    [
        "a", "b1", "site", "A", "é", "ａ", "1", "0x1", "9" * 5000, "1or", "&", "|", "&&", "||", "->", "=>", ">", "-",
        "+", ",", ";", "(", ")", "((", "))", "at_least", "optional", "at_least(2,", "optional(", "and", "or", "not",
        "lambda:", ":=", "f'{", "'", '"', "\\", "\\d", "#", "\n", "\r", "\t", "\0", " ", ".", "*", "[", "]", "{", "}",
        "is", "in", "None", "await", "\ud800", "🚢", "\u2028",
    ]
)  # fmt: skip


@given(
    st.one_of(
        st.lists(PIECES, max_size=14).map(" ".join),
        st.lists(PIECES, max_size=14).map("".join),
        st.text(st.characters()),
    )
)
def test_whatever_is_written_is_a_route_or_a_route_error(text: str):
    try:
        route = Route.parse(text)
    except RouteError as error:
        _, found, meant = str(error).partition("Did you mean: ")
        assert not found or str(Route.parse(meant)) == meant
    else:
        assert Route.parse(str(route)) == route
        assert describe(route).startswith("Posts ")


# Building


class Bluesky(Operand):
    def as_route(self) -> Route:
        return Name("bluesky")

    def __str__(self) -> str:
        return "bluesky"


def test_operators_build_the_same_routes():
    assert Route.parse("a & b & c") == A & B & C
    assert Route.parse("(a | b) & c | d") == (A | B) & C | D
    assert Bluesky() & A == Route.parse("bluesky & a")
    assert A | Bluesky() == Route.parse("a | bluesky")


@given(routes(), routes())
def test_operators_nest_nothing_in_its_own_kind(left: Route, right: Route):
    for built, kind in ((left & right, All), (left | right, AnyOf)):
        assert isinstance(built, kind)
        assert not any(isinstance(part, kind) for part in built.members())


def test_python_words_build_no_routes():
    with pytest.raises(RouteError, match=r"a & b has no truth value: .* Write & for both, \| for otherwise\."):
        _ = A & B and C
    with pytest.raises(RouteError, match="bluesky has no truth value"):
        bool(Bluesky())


def test_text_among_operands_is_answered_with_what_to_write():
    with pytest.raises(RouteError, match=r"'b & c' is neither a channel nor a route\. Write Route.parse\('b & c'\)"):
        _ = A & "b & c"  # type: ignore[operator]
    with pytest.raises(RouteError, match="3 is neither"):
        _ = A | 3  # type: ignore[operator]


def test_an_operand_must_say_which_route_it_is():
    with pytest.raises(NotImplementedError):
        _ = Operand() & A


def test_names_in_the_order_of_reading_each_once():
    assert Route.parse("c & (a | at_least(1, c, b)) & optional(a)").names() == ("c", "a", "b")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bluesky_2", ""),
        ("Bluesky", "lower-case letters"),
        ("2nd", "lower-case letters"),
        ("é", "lower-case letters"),
        ("a\n", "lower-case letters"),
        ("", "lower-case letters"),
        ("class", "a meaning of its own"),
        ("at_least", "a meaning of its own"),
    ],
)
def test_what_can_name_a_channel(name: str, reason: str):
    assert reason in why_no_name(name)
    assert bool(reason) == bool(why_no_name(name))


# Meaning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a & zzz", "No channel is named 'zzz'. Known are: a, b, bluesky, c, d, e, f, mastodon, site."),
        ("blusky", "No channel is named 'blusky'. Did you mean 'bluesky'?"),
        ("optional(a)", "A route of optional(a) alone never counts as sent. Write a."),
        ("optional(a) & optional(b)", "Nothing in optional(a) & optional(b) counts as sent."),
        ("a | optional(b)", "optional() has no meaning in an alternative of a | optional(b). Join it with &"),
        ("a | b & optional(c)", "optional() has no meaning in an alternative"),
        ("at_least(1, a, optional(b))", "optional() has no meaning inside at_least(1, a, optional(b))."),
        ("at_least(1, optional(a), optional(b))", "Nothing in at_least(1, optional(a), optional(b)) counts as sent."),
        ("at_least(3, a, b)", "at_least(3, a, b) asks for 3 of 2. Name more channels or ask for fewer."),
        ("at_least(2, a, a)", "asks for 2 of 1"),
        ("site & at_least(0, a)", "asks for 0 of 1"),
        ("at_least(2, a, a, b)", "at_least(2, a, a, b) names the same twice, which would count twice. Name each once."),
    ],
)  # fmt: skip
def test_a_route_that_means_nothing_is_refused(text: str, expected: str):
    with pytest.raises(RouteError) as caught:
        check(Route.parse(text), NAMES)
    assert expected in str(caught.value)


def test_without_any_channel_the_error_says_so():
    with pytest.raises(RouteError, match=r"No channel is named 'a'\. Known are: none yet\."):
        check(A, ())


@given(routes())
def test_a_route_that_means_something_is_accepted(route: Route):
    check(route, NAMES)


def test_a_route_that_could_not_be_read_back_is_refused():
    long = reduce(and_, [Name("a" * 100)] * 20)
    with pytest.raises(RouteError, match=r"2057 characters long; 2000 is the most"):
        check(long, ["a" * 100])
    deep: Route = A
    for _ in range(MAX_BRACKETS + 1):
        deep = Optional(deep)
    with pytest.raises(RouteError, match="21 brackets stand in each other"):
        check(A & deep, NAMES)


@pytest.mark.parametrize(
    ("text", "reached", "expected"),
    [
        ("a", "a", True),
        ("a & b", "a", False),
        ("a & b", "ab", True),
        ("a | b", "b", True),
        ("a | b", "c", False),
        ("at_least(2, a, b, c)", "ac", True),
        ("at_least(2, a, b, c)", "a", False),
        ("a & optional(b)", "a", True),
        ("a & (b | c & d)", "acd", True),
    ],
)
def test_what_counts_as_enough(text: str, reached: str, expected: bool):
    assert holds(Route.parse(text), lambda name: name in reached) is expected


@given(routes(), st.sets(st.sampled_from("abcdef")), st.sampled_from("abcdef"))
def test_one_channel_more_never_makes_less_of_a_route(route: Route, reached: set[str], more: str):
    assert holds(route, reached.__contains__) <= holds(route, (reached | {more}).__contains__)


OWN = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", {"a": 10}),
        ("a & b", {"a": 10, "b": 20}),  # no alternatives: each has its own time
        ("a | b", {"a": 10, "b": 20}),
        ("a & b | c", {"a": 20, "b": 20, "c": 30}),
        ("at_least(1, a, b) | d", {"a": 20, "b": 20, "d": 40}),
        ("d | a & at_least(1, b, c)", {"a": 30, "b": 30, "c": 30, "d": 40}),
        ("d | a & (b | c)", {"a": 10, "b": 20, "c": 30, "d": 40}),
        ("d & (a & b | c)", {"a": 20, "b": 20, "c": 30, "d": 40}),
        ("(a | b & (a & c | d)) & a", {"a": 30, "b": 20, "c": 30, "d": 40}),
        ("a & optional(b & a | c)", {"a": 20, "b": 20, "c": 30}),
    ],
)
def test_a_group_that_is_an_alternative_has_one_turn(text: str, expected: dict[str, float]):
    assert effective_within(Route.parse(text), OWN) == expected


@given(routes(), st.fixed_dictionaries({name: st.floats(1, 600) for name in "abcdef"}))
def test_no_turn_becomes_shorter_or_longer_than_the_longest(route: Route, own: dict[str, float]):
    turns = effective_within(route, own)
    assert set(turns) == set(route.names())
    assert all(own[name] <= turn <= max(own.values()) for name, turn in turns.items())


# Saying it


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("site", "Posts to site."),
        ("site & bluesky & mastodon", "Posts at once to site, bluesky and mastodon."),
        ("bluesky | mastodon", "Posts to bluesky, or if bluesky does not reach, to mastodon."),
        (
            "site & (bluesky | mastodon & telegram | newsletter)",
            (
                "Posts at once to site; and to bluesky, or if bluesky does not reach, to mastodon and telegram "
                "together, or if one of them does not reach, to newsletter."
            ),
        ),
        (
            "(sms | newsletter) & site & at_least(2, bluesky, mastodon, telegram) & optional(slack)",
            (
                "Posts at once to site; and to sms, or if sms does not reach, to newsletter; and to bluesky, "
                "mastodon and telegram, of which 2 must reach; and to slack, without waiting for it."
            ),
        ),
        (
            "(a | b) & (c | d)",
            "Posts at once to a, or if a does not reach, to b; and to c, or if c does not reach, to d.",
        ),
        (
            "at_least(1, a, b | c) | d",
            "Posts to a and (b, or if b does not reach, to c), of which 1 must reach, or if fewer reach, to d.",
        ),
        (
            "a | (b | c & d) & e",
            "Posts to a, or if a does not reach, to e and (b, or if b does not reach, to c and d together) together.",
        ),
        (
            "a & optional(b & c)",
            "Posts at once to a; and to (b and c together), without waiting for it.",
        ),
    ],
)
def test_a_route_is_said_in_one_sentence(text: str, sentence: str):
    assert describe(Route.parse(text)) == sentence


def test_a_route_nested_by_hand_is_said_too():
    assert describe(AnyOf((AnyOf((A, B)), C))) == (
        "Posts to (a, or if a does not reach, to b), or if that does not reach, to c."
    )


def names_first(route: Route) -> Route:
    """The same route; the order in a fan-out means nothing."""
    parts = tuple(names_first(part) for part in route.members())
    match route:
        case All():
            return All(tuple(sorted(parts, key=lambda part: not isinstance(part, Name))))
        case AnyOf():
            return AnyOf(parts)
        case AtLeast(count, _):
            return AtLeast(count, parts)
        case Optional():
            return Optional(*parts)
        case _:
            return route


@given(st.lists(routes(), min_size=2, max_size=6))
def test_two_routes_never_share_a_sentence(some: list[Route]):
    meanings = {names_first(route) for route in some}
    assert len({describe(route) for route in some}) == len(meanings)
