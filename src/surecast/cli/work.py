"""``surecast work``: delivers what is owed, as a service or from cron."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from surecast.cli.codes import Exit, code_of
from surecast.cli.house import Call, House, opened
from surecast.cli.interrupt import Stopped
from surecast.cli.options import verb
from surecast.cli.output import SCHEMA

if TYPE_CHECKING:
    from surecast.report import ContactCounts, Report

    Contacts = Mapping[str, ContactCounts | None]


@click.command(epilog="In cron: */5 * * * * surecast work --once --quiet")
@click.option("--once", is_flag=True, help="Deliver what is due now, then end: for cron.")
@verb
def work(call: Call, *, once: bool) -> int:
    """Delivers what is owed as it falls due, until it is told to stop (Ctrl-C, SIGTERM).

    Exits with 0 when its work is done or it was told to stop, whatever became of the announcements.
    """
    with opened(call) as house:
        return _once(call, house) if once else _always(call, house)


def _once(call: Call, house: House) -> int:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    began, before = time.time(), _contacts_of_open(house)
    touched = [house.broadcaster.status(name) for name in house.broadcaster.work_once()]
    reports = [report for report in touched if _is_news(report, began, before.get(report.id))]
    if call.out.quiet:
        reports = [report for report in reports if code_of(report.state) is not Exit.REACHED]
    if reports or not call.out.quiet:
        call.out.object({"schema": SCHEMA, "broadcasts": [report.to_dict() for report in reports]})
    for number, report in enumerate(reports):
        call.out.lines(*([""] if number else []))
        show_report(call.out, report, object_too=False)
    if not reports and not call.out.quiet:
        call.out.lines("Nothing is due.")
    return Exit.REACHED


def _contacts_of_open(house: House) -> dict[str, Contacts]:
    """The numbers of contacts of every broadcast that is not over."""
    listed = () if house.empty else house.broadcaster.listing(sys.maxsize)
    return {each.id: _contacts(house.broadcaster.status(each.id)) for each in listed if not each.final}


def _contacts(report: Report) -> Contacts:
    return {name: channel.contacts for name, channel in report.channels.items()}


def _is_news(report: Report, began: float, before: Contacts | None) -> bool:
    """Whether anything came of a broadcast since then, rather than a mere look at it."""
    tried = any(channel.ended is not None and channel.ended >= began for channel in report.channels.values())
    moved = any(_contacts(report).values()) and _contacts(report) != before
    return tried or moved or (report.final and not report.satisfied)


def _always(call: Call, house: House) -> int:
    with contextlib.suppress(Stopped):
        if not call.out.quiet:
            call.out.lines(f"Delivering what is owed in {house.broadcaster.ledger}, until Ctrl-C or SIGTERM.")
        house.broadcaster.work()
    if not call.out.quiet:
        call.out.lines("Stopped; what is still owed stays in the ledger.")
        call.out.object({"schema": SCHEMA, "stopped": True})
    return Exit.REACHED
