"""The contacts whom a broadcast missed, or of whom nobody knows: names and addresses, printed only on request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from surecast.cli.codes import code_of
from surecast.cli.figures import counted
from surecast.cli.house import Call, House
from surecast.cli.output import SCHEMA, Output, one_line

if TYPE_CHECKING:
    from surecast.ledger.people import Unreached

PART = 1_000  # lines that are printed at once


def show_unreached(call: Call, house: House, broadcast: str, *, unsure: bool) -> int:
    """Lists them, channel by channel in the order of the route; the exit code is that of the broadcast's state."""
    report = house.broadcaster.status(broadcast)
    listed = house.broadcaster.unreached(report.id, unsure=unsure)
    call.out.object({"schema": SCHEMA, "id": report.id, "contacts": [_object(each) for each in listed]})
    if not call.out.as_json:
        _print(call.out, listed)
        if call.out.terminal:
            call.out.lines(_total(len(listed), unsure=unsure))
    return code_of(report.state)


def _total(number: int, *, unsure: bool) -> str:
    if not number:
        return "Nobody is in doubt." if unsure else "Nobody was missed."
    if unsure:
        return f"Of {counted(number, 'contact')} it is not known whether they have it."
    return f"{counted(number, 'contact was', 'contacts were')} missed."


def _print(out: Output, listed: Sequence[Unreached]) -> None:
    """Columns on a terminal; tabs between them in a pipe, as other programs take them."""
    widths = [max((len(_row(each)[column]) for each in listed), default=0) for column in range(3)]
    lines = (_aligned(_row(each), widths) if out.terminal else "\t".join(_row(each)) for each in listed)
    while part := list(islice(lines, PART)):
        out.lines(*part, verbatim=True)


def _row(contact: Unreached) -> tuple[str, ...]:
    return (contact.channel, one_line(contact.name), one_line(contact.address), _why(contact))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    *cells, why = row
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), why])


def _why(contact: Unreached) -> str:
    from surecast.report import why_not  # noqa: PLC0415 - not for --help

    return why_not(contact.reason)


def _object(contact: Unreached) -> dict[str, str | bool | None]:
    return {
        "channel": contact.channel,
        "name": contact.name or None,
        "address": contact.address,
        "unsure": contact.unsure,
        "reason": contact.reason,
        "why": _why(contact),
    }
