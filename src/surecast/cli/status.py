"""``surecast status``: what became of a broadcast, or how things stand and which broadcasts there are."""

from __future__ import annotations

import sys
import time
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, House, opened
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA
from surecast.errors import UnknownBroadcastError, UsageError

NOTHING_YET = "Nothing was broadcast yet from this ledger."
LOOK_S = 0.5  # between two looks of --follow


@click.command()
@click.argument("broadcast", required=False, metavar="[ID]")
@click.option("--follow", is_flag=True, help="Show how it goes on until it is decided.")
@click.option("--missed", is_flag=True, help="List the contacts who were missed, with the reason.")
@click.option("--unsure", is_flag=True, help="List the contacts of whom it is not known.")
@verb
def status(call: Call, *, broadcast: str | None, follow: bool, missed: bool, unsure: bool) -> int:
    """Shows what became of a broadcast; without ID, what is down, what is owed, what needs you, and every broadcast.

    ID is a broadcast's id, the beginning of it, or `last`. With ID the exit code is that of the broadcast's state.

    --missed and --unsure print names and addresses, as long as the ledger keeps them.
    """
    if missed + unsure + follow > 1:
        raise UsageError("--follow, --missed and --unsure exclude each other. Give one of them.")
    with opened(call) as house:
        if broadcast is None:
            if missed or unsure or follow:
                raise UsageError("Say which broadcast is meant: its ID, or `last`.")
            return _list(call, house)
        if house.empty:
            raise UnknownBroadcastError(NOTHING_YET)
        if missed or unsure:
            from surecast.cli.unreached import show_unreached  # noqa: PLC0415 - not for --help

            return show_unreached(call, house, broadcast, unsure=unsure)
        return _show(call, house, broadcast, follow=follow)


def _list(call: Call, house: House) -> int:
    from surecast.cli.overview import overview_object, show_overview  # noqa: PLC0415 - not for --help
    from surecast.cli.reports import listed_object, show_list  # noqa: PLC0415

    overview, zone = house.broadcaster.overview(), ZoneInfo(house.config.time_zone)
    if call.out.quiet and overview.calm:
        return Exit.REACHED
    listed = () if house.empty else house.broadcaster.listing(sys.maxsize)
    broadcasts = [listed_object(each) for each in listed]
    call.out.object({"schema": SCHEMA, "overview": overview_object(overview), "broadcasts": broadcasts})
    show_overview(call, overview, zone)
    if not call.out.quiet:
        call.out.lines("")
        show_list(call.out, listed, zone, time.time())
    return Exit.REACHED


def _show(call: Call, house: House, broadcast: str, *, follow: bool) -> int:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    if follow:
        _follow(call, house, broadcast)
    report = house.broadcaster.status(broadcast)
    code = code_of(report.state)
    if code is not Exit.REACHED or not call.out.quiet:
        show_report(call.out, report)
    return code


def _follow(call: Call, house: House, broadcast: str) -> None:
    """Looks on until nothing is on its way; a terminal is shown it. It drives nothing itself."""
    from contextlib import nullcontext  # noqa: PLC0415 - not for --help

    from surecast.cli.progress import progress  # noqa: PLC0415

    report = house.broadcaster.status(broadcast)
    with progress(call.out) if call.out.terminal and not call.out.quiet else nullcontext() as drawn:
        while report.state == "pending" or any(channel.status == "sending" for channel in report.channels.values()):
            if drawn is not None:
                drawn.show(report)
            time.sleep(LOOK_S)
            report = house.broadcaster.status(report.id)
