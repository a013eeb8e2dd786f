"""``surecast config``: whether the file is right, and what may stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call
from surecast.cli.options import bare_verb, verb
from surecast.cli.output import SCHEMA, safe, safe_mistake

if TYPE_CHECKING:
    from surecast.config import Config
    from surecast.errors import Mistake


@click.group(subcommand_metavar="check | schema")
def config() -> None:
    """Checks the configuration, or prints its schema for editors."""


@config.command(short_help="Show every mistake at once, or what the routes do.")
@verb
def check(call: Call) -> int:
    """Shows every mistake at once, each with its line and with what to write instead; else what the routes do.

    Also looks at what the file refers to: secrets (commands are run), certificates, packages. Exits with 2 when
    there is a mistake.
    """
    from surecast.config import examine  # noqa: PLC0415 - not for --help

    found = examine(call.path())
    sentences = _sentences(found.config) if found.config is not None and not found.mistakes else {}
    good = not found.mistakes
    if not (call.out.quiet and good):
        call.out.object(
            {
                "schema": SCHEMA,
                "ok": good,
                "mistakes": [_object(each) for each in found.mistakes],
                "notes": [_object(each) for each in found.notes],
                "routes": sentences,
            }
        )
        call.out.lines(*map(safe_mistake, found.mistakes), verbatim=True)
        if good:
            call.out.lines(*(f"{name}: {sentence}" for name, sentence in sentences.items()))
            call.out.lines(*(f"Note: {safe_mistake(note)}" for note in found.notes), verbatim=True)
    return Exit.REACHED if good else Exit.USAGE


@config.command(short_help="Print the file's JSON Schema, for editors.")
@bare_verb
def schema(call: Call) -> int:
    """Prints the JSON Schema of the whole file, for editors that know TOML.

    `surecast config schema > surecast.schema.json`
    """
    import json  # noqa: PLC0415 - not for --help

    from surecast.config import schema as written  # noqa: PLC0415

    del call
    click.echo(json.dumps(written(), indent=2))
    return Exit.REACHED


def _sentences(config: Config) -> dict[str, str]:
    """Every route in words; where none is written, the one that priorities make."""
    from surecast.config import resolve_route  # noqa: PLC0415 - not for --help
    from surecast.route import describe  # noqa: PLC0415

    routes = dict(config.routes)
    if not routes:
        route, name = resolve_route(config)
        routes[name] = route
    return {name: describe(route) for name, route in routes.items()}


def _object(mistake: Mistake) -> dict[str, str]:
    return {"place": mistake.place, "what": safe(mistake.what), "cure": safe(mistake.cure)}
