"""Which route an announcement takes: the written ones, by name or urgency, or one made of priorities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from surecast.channel import Channel
from surecast.config.findings import ABOVE, At, nearest, sort_of
from surecast.config.values import Config
from surecast.errors import ConfigError, RouteError
from surecast.message import Urgency
from surecast.route import MAX_LENGTH, Operand, Route, check, why_no_name

DEFAULT = "default"

#: The names under which a route for an urgency is looked for. `default` is the route of a normal announcement, so
#: it comes before the route that somebody wrote for what matters little.
NAMES: Mapping[Urgency, tuple[str, ...]] = {
    Urgency.LOW: ("low", DEFAULT),
    Urgency.NORMAL: ("normal", DEFAULT, "low"),
    Urgency.URGENT: ("urgent", "normal", DEFAULT, "low"),
    Urgency.EMERGENCY: ("emergency", "urgent", "normal", DEFAULT, "low"),
}


def read_routes(
    table: Any, channels: Collection[str], at: At, *, at_top: Collection[str] = ()
) -> tuple[dict[str, Route], dict[str, str]]:
    """Reads ``[routes]``: the routes by name, and why the others cannot be read, by name.

    Args:
        at_top: keys that belong to the top of the file; below a header they land in its table by mistake.
    """
    if type(table) is not dict:
        at.wrong(f"a table of routes is expected, not {sort_of(table)}", 'Write [routes] and below it default = "site"')
        return {}, {}
    routes: dict[str, Route] = {}
    unreadable: dict[str, str] = {}
    for name, text in table.items():
        before = len(at.findings)
        route = _read(name, text, table, channels, at.below(name))
        if route is None and name in at_top:
            del at.findings[before:]
            at.below(name).wrong("it belongs to the top of the file", ABOVE)
        elif route is None:
            unreadable[name] = f"{at.findings[before].what}. {at.findings[before].cure}"
        else:
            routes[name] = route
    return routes, unreadable


def route_for(config: Config, urgency: Urgency) -> str | None:
    """The name of the written route for `urgency`: its own, else the next lower one written, else ``default``.

    Without ``default`` a route of low urgency serves the higher ones too. None when no written route applies.
    """
    written = {*config.routes, *config.unreadable_routes}
    return next((name for name in NAMES[urgency] if name in written), None)


def resolve_route(
    config: Config, asked: str | Operand | None = None, urgency: Urgency = Urgency.NORMAL
) -> tuple[Route, str]:
    """The route to take, and its name in the configuration; an expression given by hand has the name "".

    Args:
        asked: the name of a route or a channel, an expression over channels, or a route that was built; None takes
            the urgency's.

    Raises:
        ConfigError: the configuration has no route to take, or not one that can be read; with all its mistakes.
        RouteError: `asked` means nothing.
    """
    if asked is None:
        return _resolve_urgency(config, urgency)
    if isinstance(asked, Operand):
        route = asked.as_route()
        check(route, config.channels)
        return route, ""
    name = asked.strip()
    if name in config.routes or name in config.unreadable_routes:
        return _written(config, name), name
    if name == DEFAULT and not (config.routes or config.unreadable_routes):
        return by_priority(config), DEFAULT
    return _by_hand(config, name), ""


def by_priority(config: Config) -> Route:
    """The route where none is written: all channels of priority 1 together, else all of 2, and so on.

    Channels that cost money, and those that write to people one by one, take part only in a route that somebody wrote.

    Raises:
        ConfigError: no channel is left.
    """
    ranks: dict[int, list[Channel]] = {}
    for channel in config.channels.values():
        if channel.kind.traits.public and not channel.kind.traits.costly:
            ranks.setdefault(channel.priority or 1, []).append(channel)
    if not ranks:
        raise ConfigError(
            f"No channel in {config.path.name} posts in public, and no route is written. "
            "Add a [channels.NAME] table, or write [routes] with default = ...",
            config.mistakes,
        )
    groups = [reduce(and_, [channel.as_route() for channel in ranks[rank]]) for rank in sorted(ranks)]
    return reduce(or_, groups)


def _resolve_urgency(config: Config, urgency: Urgency) -> tuple[Route, str]:
    if not (config.routes or config.unreadable_routes):
        return by_priority(config), DEFAULT
    name = route_for(config, urgency)
    if name is None:
        raise ConfigError(
            f"No route in {config.path.name} is for {urgency} announcements. Write default = ... under [routes]",
            config.mistakes,
        )
    return _written(config, name), name


def _written(config: Config, name: str) -> Route:
    if why := config.unreadable_routes.get(name):
        raise ConfigError(f"The route {name} in {config.path.name} cannot be used: {why}", config.mistakes)
    return config.routes[name]


def _by_hand(config: Config, text: str) -> Route:
    if len(text) > MAX_LENGTH:
        raise RouteError(f"The route is {len(text)} characters long; {MAX_LENGTH} is the most.")
    if not why_no_name(text) and text not in config.channels:
        near = nearest(text, (*config.routes, *config.channels))
        known = ", ".join((*config.routes, *config.channels)) or "none yet"
        hint = f"Did you mean {near!r}?" if near else f"Known are: {known}."
        raise RouteError(f"No route and no channel is named {text!r}. {hint}")
    route = Route.parse(text)
    written = {**config.routes, **config.unreadable_routes}
    if nested := _routes_named(route, written, config.channels):
        raise RouteError(f"{nested} is a route, and a route names channels. {_instead(nested, '', config.routes)}.")
    check(route, config.channels)
    return route


def _read(name: str, text: Any, table: Mapping[str, Any], channels: Collection[str], at: At) -> Route | None:
    if reason := why_no_name(name):
        at.wrong(f"it cannot name a route: {reason}", "Choose another name")
        return None
    if name in channels:
        at.wrong("a channel has the same name", "Rename one of the two")
        return None
    if type(text) is not str:
        at.expected("a route in quotes", text, '"site & (bluesky | mastodon)"')
        return None
    if len(text) > MAX_LENGTH:
        at.wrong(f"it is {len(text)} characters long", f"Write a route of at most {MAX_LENGTH} characters")
        return None
    try:
        route = Route.parse(text)
        if nested := _routes_named(route, table, channels):
            at.wrong(f"it names {nested}, which is a route; a route names channels", _instead(nested, name, table))
            return None
        check(route, channels)
    except RouteError as error:
        at.failed(str(error))
        return None
    except RecursionError:
        at.wrong("it is nested too deeply", "Write it with fewer brackets")
        return None
    return route


def _routes_named(route: Route, routes: Collection[str], channels: Collection[str]) -> str | None:
    return next((name for name in route.names() if name in routes and name not in channels), None)


def _instead(nested: str, name: str, routes: Mapping[str, Any]) -> str:
    """What to write in place of a route's name."""
    try:
        expression = str(Route.parse(str(routes.get(nested, ""))[:MAX_LENGTH]))
    except (RouteError, RecursionError):
        return "Name channels in it"
    if nested == name or len(expression) > 200:
        return "Name channels in it"
    return f"Write ({expression}) in its place"
