"""``surecast send``: one announcement, to wherever its route leads."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import click

from surecast.cli.announcing import InOrder, announcement, announcement_options
from surecast.cli.asking import NO, agreed, can_ask
from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, House, opened
from surecast.cli.interrupt import Stopped
from surecast.cli.options import span, verb
from surecast.cli.output import SCHEMA
from surecast.errors import SurecastError, UsageError

if TYPE_CHECKING:
    import concurrent.futures

    from surecast.message import Announcement
    from surecast.report import ChannelReport, Report

LOOK_S = 0.25  # between two looks at what happens
MOMENT_S = 2.0  # as long as leaving waits for what has just begun
GONE_S = 1.0  # a cancelled call has left the broadcaster's loop by then


EXAMPLES = """\
\b
surecast send "Ferry 12 is cancelled today" --url https://ferries.example/12
surecast send - --image map.png --alt "The ferry's new berth" < notice.txt
"""


@click.command(cls=InOrder, epilog=EXAMPLES)
@announcement_options
@click.option(
    "--on-change",
    type=click.Choice(["raise", "keep"]),
    default="raise",
    help="A known key with other words: refuse, or keep the first.",
)
@click.option("--again", is_flag=True, help="Send once more what was just sent.")
@click.option("--no-wait", is_flag=True, help="End as soon as it is safely in the ledger.")
@click.option("--wait", "wait_s", callback=span, metavar="SPAN", help="Wait at most so long, e.g. 90s.")
@click.option("--yes", is_flag=True, help="Do not ask before people are written to.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="First write to so many contacts only.")
@click.option("--only", metavar="ADDRESS", help="First write to this one contact of the audience only.")
@click.option("--reroute-ok", is_flag=True, help="Exit 0 also when it was reached by rerouting.")
@click.option("--sandbox", is_flag=True, help="Only rehearse, on simulated platforms.")
@click.option("--dry-run", is_flag=True, help="Post nothing: the same as surecast preview.")
@verb
def send(
    call: Call,
    *,
    on_change: str,
    again: bool,
    no_wait: bool,
    wait_s: float | None,
    yes: bool,
    limit: int | None,
    only: str | None,
    reroute_ok: bool,
    sandbox: bool,
    dry_run: bool,
    route: str | None,
    **words: Any,
) -> int:
    """Sends an announcement over the configured channels and says who has it.

    Before people are written to one by one, a terminal shows what that comes to and asks; elsewhere the caps of the
    configuration decide. --limit and --only are for a first try; they need a route of such channels alone.

    Exits with 0 reached, 3 reached by rerouting, 4 missed, 5 unsure or pending.
    """
    if no_wait and wait_s is not None:
        raise UsageError("--no-wait and --wait contradict each other. Give one of them.")
    said = announcement(**words)
    if again and said.key is not None:
        raise UsageError("--again cannot send a key twice. Give another --key, or none.")
    if dry_run:
        from surecast.cli.preview import show_preview  # noqa: PLC0415 - only for --dry-run

        return show_preview(call, said, route, sandbox=sandbox, limit=limit)
    options: dict[str, Any] = {"route": route, "again": again, "on_change": on_change, "limit": limit, "only": only}
    options["wait"] = False if no_wait else True if wait_s is None else wait_s
    with opened(call, sandbox=sandbox) as house:
        if not (yes or _agreed(call, house, said, options)):
            call.out.hint("Nothing was sent.")
            return NO
        since = time.time() - (0.0 if again else house.config.repeat_window_s)
        try:
            report = _drive(call, house, said, options, since=since)
        except Stopped as stopped:
            return _leave(call, house, said, stopped, since=since)
        code = Exit.REACHED if no_wait else code_of(report.state, reroute_ok=reroute_ok)
        _tell(call, report, code)
        return code


# Asking -------------------------------------------------------------------------------------------------------


def _agreed(call: Call, house: House, said: Announcement, options: dict[str, Any]) -> bool:
    """Whether a person who sees what it comes to wants it sent; True where nobody is asked."""
    if not can_ask(call.out):
        return True
    from surecast.cli import estimating  # noqa: PLC0415 - not for --help

    plan = house.broadcaster.preview(said, route=options["route"])
    if not estimating.has_contacts(plan):
        return True
    call.out.hint("Reading the audience ...")
    few = 1 if options["only"] is not None else options["limit"]
    estimate = house.broadcaster.estimate(said, route=options["route"], limit=few)
    estimating.warn(call.out, [*plan.warnings, *estimating.warnings(estimate, plan)])
    call.out.lines(*estimating.lines(estimate, plan), verbatim=True)
    return call.out.sandbox or agreed(call.out, estimating.question(estimate, plan))


# Driving ------------------------------------------------------------------------------------------------------


def _drive(call: Call, house: House, said: Announcement, options: dict[str, Any], *, since: float) -> Report:
    """Sends, and shows meanwhile on a terminal what happens; leaving it early takes the call back out of the loop."""
    import asyncio  # noqa: PLC0415 - not for --help

    from surecast.broadcaster.bridge import Bridge  # noqa: PLC0415

    gone = threading.Event()

    async def work() -> Report:
        try:
            return await house.broadcaster.abroadcast(said, **options)
        finally:
            gone.set()

    bridge = Bridge()
    future = asyncio.run_coroutine_threadsafe(work(), bridge.loop())
    try:
        if call.out.terminal and not call.out.quiet and options["wait"] is not False:
            _watch(call, house, said, future, since=since)
        return _settled(house, future.result()) if options["wait"] is True else future.result()
    except BaseException:
        future.cancel()
        gone.wait(GONE_S)
        raise
    finally:
        bridge.stop()


def _settled(house: House, report: Report) -> Report:
    """The report after what had just begun has ended, where that takes a moment only; leaving waits as long."""
    until = time.time() + MOMENT_S
    while time.time() < until and any(_just_began(channel) for channel in report.channels.values()):
        time.sleep(LOOK_S / 2)
        report = dataclasses.replace(house.broadcaster.status(report.id), repeated=report.repeated)
    return report


def _just_began(channel: ChannelReport) -> bool:
    return channel.status == "sending" and (channel.began is None or time.time() - channel.began < MOMENT_S)


def _watch(
    call: Call, house: House, said: Announcement, future: concurrent.futures.Future[Report], *, since: float
) -> None:
    from surecast.cli.progress import progress  # noqa: PLC0415 - only a terminal needs it

    with progress(call.out) as drawn:
        while not future.done():
            with contextlib.suppress(SurecastError):  # it only looks; what matters is raised by the sending itself
                name = _find(house, said, since=since)
                drawn.show(house.broadcaster.status(name) if name else None)
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=LOOK_S)


def _find(house: House, said: Announcement, *, since: float) -> str | None:
    """The id under which the ledger has an announcement; the newest one, as for the ledger itself."""
    texts = {said.text, *said.variants.values()}
    for listed in house.broadcaster.listing(20):
        if said.key is not None:
            if listed.key == said.key:
                return listed.id
        elif listed.key is None and listed.text in texts and listed.created_at >= since - 1.0:
            return listed.id
    return None


def _leave(call: Call, house: House, said: Announcement, stopped: Stopped, *, since: float) -> int:
    """Says how to go on, at once; then records what is on its way, which may take a moment."""
    name = _find(house, said, since=since)
    if name is None:  # perhaps it is being accepted just now
        house.broadcaster.close()
        name = _find(house, said, since=since)
    if call.out.sandbox:
        sentence = "Stopped. It was a rehearsal, so nothing is kept."
    elif name is None:
        sentence = "Stopped before anything was sent or saved."
    else:
        go_on, stop = call.again(f"resume {name}"), call.again(f"cancel {name}")
        sentence = f"Saved as {name}. Go on: {go_on}. Stop for good: {stop}."
    call.out.hint(sentence)
    call.out.object({"schema": SCHEMA, "error": sentence, "id": name})
    return stopped.code


# The answer ---------------------------------------------------------------------------------------------------


def _tell(call: Call, report: Report, code: Exit) -> None:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    if call.out.quiet and code is Exit.REACHED:
        return
    show_report(call.out, report)
    if call.out.sandbox:
        call.out.lines("Nothing was published: the platforms were simulated, and nothing of this is kept.")
