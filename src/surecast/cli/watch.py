"""``surecast watch``: looks at the platforms, tells of outages, and delivers what is owed; a service, or from cron."""

from __future__ import annotations

import contextlib
import logging
import time
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit
from surecast.cli.house import Call, House, opened
from surecast.cli.interrupt import Stopped
from surecast.cli.journal import journal
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA
from surecast.clock import hours_minutes, iso
from surecast.errors import UsageError

EPILOG = """\
\b
As a service: docs/watch.md has a unit for systemd.
In cron: */5 * * * * surecast watch --once --quiet
Elsewhere: surecast watch --check || mail -s "surecast is silent" duty@...
"""


@click.command(epilog=EPILOG)
@click.option("--once", is_flag=True, help="One round, then end: for cron.")
@click.option("--check", is_flag=True, help="Only say whether a watch is alive; exit with 4 if not.")
@verb
def watch(call: Call, *, once: bool, check: bool) -> int:
    """Looks at every platform without posting, notices outages, tells readers and people, and delivers what is owed.

    Notices to readers are drafts that wait for `surecast approve`, unless the configuration says act = "send".
    It does the work of `surecast work` as well. Exits with 0 when it was told to stop.
    """
    if once and check:
        raise UsageError("--once and --check exclude each other. Give one of them.")
    with opened(call) as house:
        if check:
            return _check(call, house)
        return _once(call, house) if once else _always(call, house)


def _always(call: Call, house: House) -> int:
    from surecast.ops.service import watch_over  # noqa: PLC0415 - not for --help

    with contextlib.suppress(Stopped):
        if not call.out.quiet:
            act = "are sent" if house.config.watch.act == "send" else "wait as drafts for surecast approve"
            call.out.lines(
                f"Watching {', '.join(house.config.channels)} and delivering what is owed in "
                f"{house.broadcaster.ledger}, until Ctrl-C or SIGTERM. Notices to readers {act}."
            )
        with journal(call.out, ZoneInfo(house.config.time_zone), logging.WARNING if call.out.quiet else logging.INFO):
            house.broadcaster.attend(lambda desk: watch_over(desk, house.config).run())
    if not call.out.quiet:
        call.out.lines("Stopped; what is still owed stays in the ledger.")
        call.out.object({"schema": SCHEMA, "stopped": True})
    return Exit.REACHED


def _once(call: Call, house: House) -> int:
    from surecast.cli.overview import overview_object, show_overview  # noqa: PLC0415 - not for --help
    from surecast.ops.service import watch_over  # noqa: PLC0415

    with journal(call.out, ZoneInfo(house.config.time_zone), logging.WARNING):
        touched = house.broadcaster.attend(lambda desk: watch_over(desk, house.config).once())
    overview = house.broadcaster.overview()
    if not (call.out.quiet and overview.calm):
        call.out.object({"schema": SCHEMA, "overview": overview_object(overview), "broadcasts": list(touched)})
        show_overview(call, overview, ZoneInfo(house.config.time_zone))
    return Exit.REACHED


def _check(call: Call, house: House) -> int:
    from surecast.broadcaster.overview import WATCH_SILENT_S  # noqa: PLC0415 - not for --help

    seen = None if house.empty else house.broadcaster.overview().watcher_seen_at
    now = time.time()
    alive = seen is not None and now - seen <= WATCH_SILENT_S
    if not (call.out.quiet and alive):
        call.out.object({"schema": SCHEMA, "alive": alive, "seen": None if seen is None else iso(seen)})
        call.out.lines(_said(seen, alive=alive, zone=ZoneInfo(house.config.time_zone), now=now))
    return Exit.REACHED if alive else Exit.MISSED


def _said(seen: float | None, *, alive: bool, zone: ZoneInfo, now: float) -> str:
    if seen is None:
        return "No watch was ever seen over this ledger. Start one: surecast watch, or in cron: surecast watch --once."
    when = hours_minutes(seen, zone, now)
    if alive:
        return f"A watch is alive; it was last seen at {when}."
    return f"The watch is silent since {when}. Look at its service, or start one: surecast watch."
