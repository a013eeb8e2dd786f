from __future__ import annotations

from pathlib import Path

import pytest

from surecast.config import by_priority, load_config, resolve_route, route_for
from surecast.config.values import Config
from surecast.errors import ConfigError, RouteError
from surecast.message import Urgency
from surecast.route import MAX_LENGTH, Route
from tests.config.fakes import KINDS, write

CHANNELS = "".join(f'[channels.{name}]\ntype = "files"\ndirectory = "{name}"\n' for name in ("site", "one", "two"))


def config_with(folder: Path, routes: str, channels: str = CHANNELS) -> Config:
    return load_config(write(folder, f'sender = "X"\n{routes}\n{channels}'), kinds=KINDS)


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("default", ["default", "default", "default", "default"]),
        ("default urgent", ["default", "default", "urgent", "urgent"]),
        ("default low", ["low", "default", "default", "default"]),
        ("default emergency", ["default", "default", "default", "emergency"]),
        ("low normal", ["low", "normal", "normal", "normal"]),
        ("default normal", ["default", "normal", "normal", "normal"]),
        ("low", ["low", "low", "low", "low"]),
        ("low urgent", ["low", "low", "urgent", "urgent"]),
        ("urgent", [None, None, "urgent", "urgent"]),
        ("other", [None, None, None, None]),
    ],
)
def test_an_urgency_takes_its_own_route_else_the_next_lower_one_written(
    tmp_path: Path, written: str, taken: list[str | None]
) -> None:
    routes = "[routes]\n" + "\n".join(f'{name} = "site"' for name in written.split())
    config = config_with(tmp_path, routes)
    assert [route_for(config, urgency) for urgency in Urgency] == taken  # from low to emergency


def test_the_route_of_an_urgency_comes_with_its_name(tmp_path: Path) -> None:
    config = config_with(tmp_path, '[routes]\ndefault = "site"\nurgent = "site & one"')
    assert resolve_route(config, None, Urgency.EMERGENCY) == (Route.parse("site & one"), "urgent")
    assert resolve_route(config) == (Route.parse("site"), "default")


def test_a_route_is_asked_for_by_name_by_channel_by_expression_or_as_a_value(tmp_path: Path) -> None:
    config = config_with(tmp_path, '[routes]\ndefault = "site"\nmine = "site | one"')
    both = Route.parse("one & two")
    assert resolve_route(config, " mine ") == (Route.parse("site | one"), "mine")
    assert resolve_route(config, "two") == (Route.parse("two"), "")
    assert resolve_route(config, "one & two") == (both, "")
    assert resolve_route(config, config.channels["one"] & config.channels["two"]) == (both, "")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("mien", "No route and no channel is named 'mien'. Did you mean 'mine'?"),
        ("zzz", "No route and no channel is named 'zzz'. Known are: default, mine, site, one, two."),
        ("mine & one", "mine is a route, and a route names channels. Write (site | one) in its place."),
        ("one & thre", "No channel is named 'thre'"),
        ("optional(one)", "never counts as sent"),
        ("one and two", "Did you mean: one & two"),
        ("", "The route is empty"),
        ("a" * (MAX_LENGTH + 1) + " ", f"{MAX_LENGTH} is the most"),
        ("one |" + " " * 100_000 + "| two", f"{MAX_LENGTH} is the most"),
    ],
)
def test_a_route_by_hand_that_means_nothing_is_a_usage_error(tmp_path: Path, asked: str, expected: str) -> None:
    config = config_with(tmp_path, '[routes]\ndefault = "site"\nmine = "site | one"')
    with pytest.raises(RouteError) as caught:
        resolve_route(config, asked)
    assert expected in str(caught.value)


def test_a_built_route_over_other_channels_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(RouteError, match="No channel is named 'four'"):
        resolve_route(config_with(tmp_path, ""), Route.parse("site | four"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"site &"', "cannot be read"),
        ('"site & fuor"', "No channel is named 'fuor'"),
        ('"default"', "it names default, which is a route; a route names channels. Write (site) in its place"),
        ('"broken"', "it names broken, which is a route; a route names channels. Name channels in it"),
        ('"at_least(3, site, one)"', "asks for 3 of 2"),
        ("3", "a route in quotes is expected, not a number"),
        (f'"{"a" * (MAX_LENGTH + 1)}"', f"at most {MAX_LENGTH} characters"),
        (f'"site {" " * 500_000}|| one"', f"at most {MAX_LENGTH} characters"),
        (f'"{"(" * 900}site{")" * 900}"', "cannot be read"),
    ],
)
def test_a_route_that_cannot_be_read_raises_only_when_it_is_chosen(tmp_path: Path, text: str, expected: str) -> None:
    config = config_with(tmp_path, f'[routes]\ndefault = "site"\nbroken = {text}')
    (mistake,) = config.mistakes
    assert mistake.place == "surecast.toml:4 [routes] broken"
    assert expected in f"{mistake.what}. {mistake.cure}"
    assert resolve_route(config)[1] == "default"
    with pytest.raises(ConfigError, match=r"The route broken in .* cannot be used") as caught:
        resolve_route(config, "broken")
    assert caught.value.mistakes == config.mistakes


def test_an_urgent_route_that_cannot_be_read_is_not_replaced_by_a_lower_one(tmp_path: Path) -> None:
    config = config_with(tmp_path, '[routes]\ndefault = "site"\nurgent = "site & onne"')
    with pytest.raises(ConfigError, match="The route urgent"):
        resolve_route(config, None, Urgency.EMERGENCY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one", "a channel has the same name. Rename one of the two"),
        ("Mine", "it cannot name a route"),
        ("or", "it cannot name a route"),
    ],
)
def test_a_route_needs_a_name_of_its_own(tmp_path: Path, name: str, expected: str) -> None:
    config = config_with(tmp_path, f'[routes]\ndefault = "site"\n{name} = "site"')
    (mistake,) = config.mistakes
    assert expected in f"{mistake.what}. {mistake.cure}"


def test_routes_that_are_no_table_are_a_mistake(tmp_path: Path) -> None:
    (mistake,) = config_with(tmp_path, 'routes = "site"').mistakes
    assert mistake.what == "a table of routes is expected, not a text"


def test_without_a_route_for_it_an_announcement_is_refused(tmp_path: Path) -> None:
    config = config_with(tmp_path, '[routes]\nurgent = "site"')
    with pytest.raises(ConfigError, match=r"No route in .* is for low announcements"):
        resolve_route(config, None, Urgency.LOW)


# No route written


def ranked(**priorities: int | None) -> str:
    return "".join(
        f'[channels.{name}]\ntype = "files"\ndirectory = "d"\n' + (f"priority = {rank}\n" if rank else "")
        for name, rank in priorities.items()
    )


@pytest.mark.parametrize(
    ("priorities", "expected"),
    [
        ({"a": None, "b": None}, "a & b"),
        ({"a": 1, "b": 2}, "a | b"),
        ({"a": 2, "b": 1, "c": 2}, "b | a & c"),
        ({"a": None, "b": 7, "c": 1}, "a & c | b"),
        ({"a": 3}, "a"),
    ],
)
def test_without_routes_priorities_make_one(tmp_path: Path, priorities: dict[str, int | None], expected: str) -> None:
    config = config_with(tmp_path, "", ranked(**priorities))
    assert resolve_route(config, None, Urgency.URGENT) == (Route.parse(expected), "default")
    assert resolve_route(config, "default") == (Route.parse(expected), "default")


def test_channels_that_cost_or_write_to_people_take_part_only_in_a_written_route(tmp_path: Path) -> None:
    costly = '[channels.sms]\ntype = "texts"\naccount = "a"\ntoken = { env = "T" }\n'
    direct = '[channels.news]\ntype = "mail"\nrelays = []\n'
    assert by_priority(config_with(tmp_path, "", ranked(a=1) + costly + direct)) == Route.parse("a")
    assert resolve_route(config_with(tmp_path, '[routes]\ndefault = "sms | news"', costly + direct))[0].names() == (
        "sms",
        "news",
    )
    with pytest.raises(ConfigError, match=r"Add a \[channels.NAME\] table"):
        resolve_route(config_with(tmp_path, "", costly + direct))


def test_a_misconfigured_channel_keeps_its_place(tmp_path: Path) -> None:
    config = config_with(tmp_path, "", ranked(a=1, b=2).replace('directory = "d"', "directory = 3", 1))
    assert resolve_route(config)[0] == Route.parse("a | b")
    assert config.channels["a"].misconfigured.startswith("directory: a text is expected")
