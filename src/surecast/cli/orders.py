"""``surecast resume``, ``cancel`` and ``settle``: what a person orders about broadcasts that are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from surecast.cli.codes import Exit, code_of, worst
from surecast.cli.house import Call, House, opened
from surecast.cli.interrupt import Stopped
from surecast.cli.options import span, verb
from surecast.cli.output import SCHEMA
from surecast.cli.status import NOTHING_YET
from surecast.errors import UnknownBroadcastError, UsageError

if TYPE_CHECKING:
    from surecast.report import Report


@click.command()
@click.argument("broadcast", required=False, metavar="[ID]")
@click.option("--for", "for_s", callback=span, default="60s", metavar="SPAN", help="Wait at most so long; else 60s.")
@verb
def resume(call: Call, *, broadcast: str | None, for_s: float) -> int:
    """Gives everything that is owed one try now, of one broadcast or of all.

    ID is a broadcast's id, the beginning of it, or `last`. It does not matter that a channel rests or is waited for;
    only what is switched off stays off. What may have been delivered is looked up before it is sent again.

    Exits with the code of the worst broadcast: missed, unsure or pending, rerouted, reached; 0 when nothing was owed.
    """
    with opened(call) as house:
        owed = _open(house, broadcast)
        if not owed:
            return _nothing_owed(call, house, broadcast)
        try:
            reports = house.broadcaster.resume(broadcast, for_s=for_s)
        except Stopped as stopped:
            sentence = f"Stopped; what is owed stays in the ledger. Go on: {call.again('resume')}."
            call.out.hint(sentence)
            call.out.object({"schema": SCHEMA, "error": sentence})
            return stopped.code
        code = worst(code_of(report.state) for report in reports)
        if code is not Exit.REACHED or not call.out.quiet:
            _show(call, reports)
        return code


def _open(house: House, broadcast: str | None) -> bool:
    """Whether anything can still happen in a broadcast, or in any."""
    if house.empty:
        if broadcast is not None:
            raise UnknownBroadcastError(NOTHING_YET)
        return False
    if broadcast is not None:
        return not house.broadcaster.status(broadcast).final
    return True


def _nothing_owed(call: Call, house: House, broadcast: str | None) -> int:
    reports = (house.broadcaster.status(broadcast),) if broadcast is not None else ()
    if not call.out.quiet:
        _show(call, reports)
    return Exit.REACHED


def _show(call: Call, reports: tuple[Report, ...]) -> None:
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    call.out.object({"schema": SCHEMA, "broadcasts": [report.to_dict() for report in reports]})
    for number, report in enumerate(reports):
        call.out.lines(*([""] if number else []))
        show_report(call.out, report, object_too=False)
    if not reports:
        call.out.lines("Nothing is owed.")


@click.command()
@click.argument("broadcast", metavar="ID")
@click.option("--channel", metavar="NAME", help="Only this channel; the others go on.")
@verb
def cancel(call: Call, *, broadcast: str, channel: str | None) -> int:
    """Stops for good what has not begun; every process sees it.

    What is already posted stays. ID is a broadcast's id, the beginning of it, or `last`.
    """
    with opened(call) as house:
        if house.empty:
            raise UnknownBroadcastError(NOTHING_YET)
        return _ordered(call, house.broadcaster.cancel(broadcast, channel))


SETTLE_EXAMPLES = """\
\b
surecast settle k3f9x telegram --there https://t.me/ferries/12
surecast settle k3f9x telegram --not-there
surecast settle k3f9x sms --there --to +306940000000
"""


@click.command(epilog=SETTLE_EXAMPLES)
@click.argument("broadcast", metavar="ID")
@click.argument("channel")
@click.option(
    "--there", is_flag=False, flag_value="", metavar="[URL]", help="The post is there, at URL if you know it."
)
@click.option("--not-there", is_flag=True, help="It is not there: it is sent again.")
@click.option("--to", metavar="ADDRESS", help="Only this contact; else all that are in doubt.")
@verb
def settle(call: Call, *, broadcast: str, channel: str, there: str | None, not_there: bool, to: str | None) -> int:
    """Says whether a post in doubt is there, when surecast cannot find out.

    Look for it, then say so; only --not-there lets it be sent again. For a channel that writes to people it means all
    that are in doubt, or the one of --to; `surecast status ID --unsure` lists them.
    """
    if (there is None) is not not_there:
        raise UsageError("Look for the post, then say one of: --there [URL], or --not-there to send it again.")
    if there and not there.startswith(("https://", "http://")):
        raise UsageError(f"{there!r} is not a web address. Write --there at the end, alone or with https://...")
    with opened(call) as house:
        if house.empty:
            raise UnknownBroadcastError(NOTHING_YET)
        report = house.broadcaster.settle(broadcast, channel, there=there is not None, url=there or None, to=to)
        return _ordered(call, report)


def _ordered(call: Call, report: Report) -> int:
    """An order that was carried out succeeded, whatever became of the announcement."""
    from surecast.cli.reports import show_report  # noqa: PLC0415 - not for --help

    if not call.out.quiet:
        show_report(call.out, report)
    return Exit.REACHED
