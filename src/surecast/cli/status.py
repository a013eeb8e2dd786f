"""``surecast status``: what became of a broadcast, or which ones there are."""

from __future__ import annotations

import sys
import time
from zoneinfo import ZoneInfo

import click

from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, opened
from surecast.cli.options import verb
from surecast.errors import UnknownBroadcastError

NOTHING_YET = "Nothing was broadcast yet from this ledger."


@click.command()
@click.argument("broadcast", required=False, metavar="[ID]")
@verb
def status(call: Call, *, broadcast: str | None) -> int:
    """Shows what became of a broadcast; without ID, lists all that are kept.

    ID is a broadcast's id, the beginning of it, or `last`. With ID the exit code is that of the broadcast's state.
    """
    from surecast.cli.reports import show_list, show_report  # noqa: PLC0415 - not for --help

    with opened(call) as house:
        if broadcast is None:
            listed = () if house.empty else house.broadcaster.listing(sys.maxsize)
            if not call.out.quiet:
                show_list(call.out, listed, ZoneInfo(house.config.time_zone), time.time())
            return Exit.REACHED
        if house.empty:
            raise UnknownBroadcastError(NOTHING_YET)
        report = house.broadcaster.status(broadcast)
        code = code_of(report.state)
        if code is not Exit.REACHED or not call.out.quiet:
            show_report(call.out, report)
        return code
