"""``surecast channels``: which there are, and, with ``check``, whether they work; nothing is posted.

Switching them is in a file of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call, House, opened
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA, Output, safe
from surecast.cli.switching import history, off, on_, trial
from surecast.clock import hours_minutes, iso
from surecast.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from surecast.channel import Channel, Probed, Traits
    from surecast.config import Config
    from surecast.health import Health
    from surecast.route import Route

UNITS = {
    "graphemes": "characters",
    "utf16": "UTF-16 units",
    "characters": "characters",
    "segments": "UTF-16 units, paid by segments",
}
IN_DOUBT = {
    "same_key": "may be sent again without harm",
    "after_lookup": "is looked up before it is sent again",
    "never": "is never sent again",
}
DOWN_BECAUSE = {
    "unavailable": "it cannot be reached",
    "unauthorized": "it refused our login",
    "uncertain": "it does not answer",
    "invisible": "its posts stay unseen",
}


@click.group(invoke_without_command=True, subcommand_metavar="[check | off | on | trial | history]")
@verb
def channels(call: Call) -> int | None:
    """Lists the channels: what each can take, where it stands in the routes, and how it was last.

    `surecast channels check` tries each without posting; `off`, `on` and `trial` switch one, for every process.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return None
    with opened(call) as house:
        if not call.out.quiet:
            health = {} if house.empty else house.broadcaster.health()
            listed = _all(house)
            call.out.object({"schema": SCHEMA, "channels": [_object(each, house.config, health) for each in listed]})
            if not call.out.as_json:
                _show(call.out, listed, house.config, health)
        return Exit.REACHED


for command in (off, on_, trial, history):
    channels.add_command(command)


@channels.command(short_help="Try credentials and platforms; post nothing.")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@verb
def check(call: Call, *, names: tuple[str, ...]) -> int:
    """Tries the credentials and the platform of every channel, or of those that are named; posts nothing.

    Exits with 0 when all are well, else with 4.
    """
    with opened(call) as house:
        known = house.broadcaster.channels
        for name in names:
            if name not in known:
                raise UsageError(f"No channel is named {name!r}. There are: {', '.join(known)}.")
        probed = _probe_all(house, names or tuple(known))
        good = all(each.ok for each in probed.values())
        shown = {name: each for name, each in probed.items() if not (call.out.quiet and each.ok)}
        if not (call.out.quiet and good):
            call.out.object(
                {
                    "schema": SCHEMA,
                    "ok": good,
                    "channels": {n: {"ok": p.ok, "detail": safe(p.detail)} for n, p in shown.items()},
                }
            )
        _show_probed(call.out, shown)
        return Exit.REACHED if good else Exit.MISSED


def _probe_all(house: House, names: Sequence[str]) -> dict[str, Probed]:
    """Probes all at once, each in a thread that holds nobody at the end."""
    found: dict[str, Probed] = {}
    errors: list[Exception] = []

    def probe(name: str) -> None:
        try:
            found[name] = house.broadcaster.probe(name)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that prints
            errors.append(error)

    threads = [threading.Thread(target=probe, args=(name,), daemon=True) for name in dict.fromkeys(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return {name: found[name] for name in dict.fromkeys(names)}


def _show_probed(out: Output, probed: Mapping[str, Probed]) -> None:
    if not out.terminal:
        out.lines(*(f"{name}: {'ok' if each.ok else 'not ok'}: {each.detail}" for name, each in probed.items()))
        return
    from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, each in probed.items():
        word = Text("ok", style="green") if each.ok else Text("not ok", style="red")
        grid.add_row(Text(name), word, Text(safe(each.detail)))
    out.show(grid)


# The list -----------------------------------------------------------------------------------------------------


def _all(house: House) -> Sequence[Channel]:
    """Those that cannot be used come first, also for want of a secret."""
    return sorted(house.config.with_secrets_checked().channels.values(), key=lambda channel: not channel.misconfigured)


def _object(channel: Channel, config: Config, health: Mapping[str, Health]) -> dict[str, Any]:
    traits, known = channel.kind.traits, health.get(channel.name)
    return {
        "name": channel.name,
        "type": channel.kind.name,
        "platform": traits.platform,
        "public": traits.public,
        "costly": traits.costly,
        "resend": traits.resend,
        "limit": traits.limits.text,
        "unit": traits.limits.unit,
        "images": traits.limits.images,
        "routes": _places(config, channel.name),
        "condition": known.condition.value if known else "unknown",
        "since": iso(known.since) if known and known.since is not None else None,
        "reason": (known.reason or None) if known else None,
        "reasons": [safe(reason) for reason in known.reasons] if known else [],
        "misconfigured": safe(channel.misconfigured) or None,
    }


def _show(out: Output, listed: Sequence[Channel], config: Config, health: Mapping[str, Health]) -> None:
    zone, now = ZoneInfo(config.time_zone), time.time()
    for number, channel in enumerate(listed):
        condition, style = _condition(channel, health.get(channel.name), zone, now)
        where = channel.kind.traits.platform
        facts = [_takes(channel.kind.traits), _routes(config, channel.name)]
        facts = [safe(channel.misconfigured), *facts] if channel.misconfigured else facts
        if not out.terminal:
            out.lines(f"{channel.name}: {'; '.join([where, condition, *facts])}")
            continue
        out.lines(*([""] if number else []))
        out.show(_head(channel.name, where, condition, style))
        _show_below(out, facts)


def _head(name: str, where: str, condition: str, style: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    return Text().append(name, style="bold").append(f"  {where}  ").append(safe(condition), style=style)


def _show_below(out: Output, facts: Sequence[str]) -> None:
    from rich.padding import Padding  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    out.show(*(Padding(Text(fact, style="dim"), (0, 0, 0, 2)) for fact in facts))


def _condition(channel: Channel, health: Health | None, zone: ZoneInfo, now: float) -> tuple[str, str]:
    from surecast.cli.overview import exactly  # noqa: PLC0415 - not for --help

    if channel.misconfigured:
        return "not set up", "red"
    if health is None or health.condition in {"up", "unknown"}:
        return "no trouble known", "green"
    because = exactly(health.reasons)[0] if health.reasons else DOWN_BECAUSE.get(health.reason, health.reason)
    if health.condition == "isolated":
        ends = health.not_before < _for_ever()
        return f"{because}{f', until {hours_minutes(health.not_before, zone, now)}' if ends else ''}", "yellow"
    if health.condition == "degraded":
        return f"degraded: {because}", "yellow"
    since = f" since {hours_minutes(health.since, zone, now)}" if health.since is not None else ""
    return f"down{since}: {because}", "red"


def _for_ever() -> float:
    from surecast.ledger.gates import FOR_EVER  # noqa: PLC0415 - not for --help

    return FOR_EVER


def _takes(traits: Traits) -> str:
    limits = traits.limits
    text = "text of any length" if limits.text is None else f"{limits.text} {UNITS[limits.unit]}"
    images = {0: "no images", 1: "1 image"}.get(limits.images, f"{limits.images} images")
    reach = "public" if traits.public else "to each contact"
    cost = ", costs money" if traits.costly else ""
    return f"{reach}{cost}; {text}, {images}; a post in doubt {IN_DOUBT[traits.resend]}"


def _routes(config: Config, name: str) -> str:
    places = [f"{route} ({place})" if place else route for route, place in _places(config, name).items()]
    return f"in {', '.join(places)}" if places else "in no route"


def _places(config: Config, name: str) -> dict[str, str]:
    """The routes that name a channel, and what it is in each: empty where it simply belongs to it."""
    from surecast.config import by_priority  # noqa: PLC0415 - not for --help
    from surecast.errors import ConfigError  # noqa: PLC0415

    routes = dict(config.routes)
    if not routes and not config.unreadable_routes:
        try:
            routes["default"] = by_priority(config)
        except ConfigError:
            return {}
    return {title: _place(route, name) for title, route in routes.items() if name in route.names()}


def _place(node: Route, name: str) -> str:
    """What a channel is in a route, seen from the nearest node that says something about it."""
    from surecast.route import AnyOf, Optional  # noqa: PLC0415 - not for --help

    here = ""
    for number, member in enumerate(node.members(), start=1):
        if name in member.names():
            if isinstance(node, Optional):
                here = "optional"
            elif isinstance(node, AnyOf):
                here = "first" if number == 1 else f"alternative {number - 1}"
            return _place(member, name) or here
    return here
