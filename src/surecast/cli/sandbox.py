"""``surecast sandbox`` and ``surecast demo``: simulated platforms on this machine, to try things on."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call
from surecast.cli.interrupt import Stopped
from surecast.cli.options import bare_verb
from surecast.cli.output import SCHEMA
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.channel import CatchUp


@click.command()
@click.option("--port", type=click.IntRange(0, 65_000), default=0, metavar="N", help="The control port; else any free.")
@bare_verb
def sandbox(call: Call, *, port: int) -> int:
    """Runs simulated platforms until Ctrl-C; the real libraries talk to them, nothing leaves this machine.

    The control port switches faults and shows what was posted. To rehearse one announcement over your own
    configuration, use `surecast send --sandbox`.
    """
    from surecast.sandbox import Sandbox  # noqa: PLC0415 - loads a web server

    call.out.sandbox = True
    with contextlib.suppress(Stopped), Sandbox.in_thread(port=port) as running:
        addresses = {name: platform.url for name, platform in running.platforms.items()}
        call.out.object({"schema": SCHEMA, "platforms": addresses, "control": running.control_url})
        if not call.out.quiet:
            width = max(map(len, [*addresses, "control"])) + 2
            call.out.lines(*(f"{name:<{width}}{url}" for name, url in addresses.items()))
            call.out.lines(f"{'control':<{width}}{running.control_url}", "", "Ctrl-C ends it.")
        threading.Event().wait()
    return Exit.REACHED


@click.command()
@click.argument("scenario", required=False, metavar="[april-2026]")
@click.option("--svg", type=click.Path(dir_okay=False), metavar="FILE", help="Of a scenario: draw it into a file.")
@click.option(
    "--catch-up",
    type=click.Choice(["latest", "all", "none"]),
    default="latest",
    help="Of a scenario: what the platform gets when it is back.",
)
@bare_verb
def demo(call: Call, *, scenario: str | None, svg: str | None, catch_up: CatchUp) -> int:
    """Plays an outage on this machine: Bluesky goes down, the announcement gets out, the missed post is paid back.

    Needs no account and no configuration; takes about half a minute. `surecast demo april-2026` plays the eight hours
    in which Bluesky was up for half an hour, then down, again and again, in about a minute, and counts what came of it.
    """
    call.out.sandbox = True
    if scenario is None and svg is not None:
        raise UsageError("--svg draws a scenario. Name one: surecast demo april-2026 --svg FILE.")
    if scenario is not None:
        from surecast.cli.replaying import replay  # noqa: PLC0415 - not for --help

        return replay(call, scenario, svg=svg, catch_up=catch_up)
    from surecast.demo import run_demo  # noqa: PLC0415 - loads a web server

    lines: list[str] = []
    code = run_demo(lines.append if call.out.as_json or call.out.quiet else call.out.lines)
    call.out.object({"schema": SCHEMA, "ok": code == 0, "lines": lines})
    if call.out.quiet and code:
        call.out.lines(*lines)
    return code
