"""A report and the list of broadcasts as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from surecast.cli.figures import counted, money
from surecast.cli.output import Output, one_line, safe, tame
from surecast.clock import hours_minutes, iso
from surecast.outcome import Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from surecast.ledger.broadcasts import Listed
    from surecast.report import ChannelReport, ContactCounts, Report

#: A channel's status in a word or two, and its colour.
STATUS = {
    "done": ("posted", "green"),
    "sending": ("sending", "cyan"),
    "waiting": ("waits for its turn", "dim"),
    "owed": ("not yet", "yellow"),
    "unsure": ("perhaps posted", "yellow"),
    "not_needed": ("not needed", "dim"),
    "gave_up": ("not posted", "red"),
}
#: The same of a channel that writes to people.
STATUS_OF_DIRECT = {
    "done": ("sent", "green"),
    "unsure": ("perhaps sent", "yellow"),
    "gave_up": ("not sent", "red"),
}
STATUS_OF_SOME = {
    "owed": ("not to all yet", "yellow"),
    "unsure": ("sent, some unsure", "yellow"),
    "gave_up": ("not sent to all", "red"),
}
STATE_STYLES = {"reached": "green", "rerouted": "yellow", "pending": "cyan", "unsure": "yellow", "missed": "red"}
NEWEST = 20  # broadcasts that a terminal's list shows


def status_words(channel: ChannelReport) -> tuple[str, str]:
    """What to say of a channel, and in which colour."""
    if channel.contacts is not None:
        if channel.contacts.reached and channel.status in STATUS_OF_SOME:
            return STATUS_OF_SOME[channel.status]
        return STATUS_OF_DIRECT.get(channel.status) or STATUS[channel.status]
    if channel.verdict is Verdict.INVISIBLE:
        return "posted, unseen", "red"
    if channel.status == "sending" and channel.verdict is Verdict.ACCEPTED:
        return "posted, not seen yet", "cyan"
    if channel.status == "done" and channel.verdict is Verdict.CONFIRMED:
        return "posted, seen", "green"
    return STATUS[channel.status]


def show_report(out: Output, report: Report, *, object_too: bool = True) -> None:
    """Prints a report: the sentences first, then each channel, then the id.

    Args:
        object_too: with ``--json``, print the report's object as well.
    """
    if object_too:
        out.object(report.to_dict())
    if out.as_json:
        return
    lines = str(report).split("\n")
    rows = [_row(channel, report) for channel in report.channels.values()]
    if not out.terminal:
        out.lines(*lines)
        out.lines(*(row.plain() for row in rows), f"Broadcast {report.id}", verbatim=True)
        return
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    first, *rest = map(safe, lines)
    head = Text(first)
    head.stylize(f"bold {STATE_STYLES[report.state.value]}", 0, len(report.state.value))
    out.show(head, *map(Text, rest), Text(""), *_draw(rows, out.console.width), Text(""))
    out.show(Text(f"Broadcast {report.id}", style="dim"))


def show_list(out: Output, listed: Sequence[Listed], zone: tzinfo, now: float) -> None:
    """Prints the broadcasts for people, newest first."""
    if not listed:
        out.lines("Nothing was broadcast yet.")
    elif not out.terminal:
        out.lines(*(_listed_line(each, zone, now) for each in listed), verbatim=True)
    else:
        out.show(_listed_table(listed[:NEWEST], zone, now))
        if len(listed) > NEWEST:
            out.lines(f"{len(listed) - NEWEST} older ones: surecast status | less")


# One report ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One channel, in words."""

    name: str
    status: str
    style: str
    tries: str
    next_try: str
    url: str
    numbers: str
    error: str

    def plain(self) -> str:
        """The channel on one line."""
        after = f"next try {self.next_try}" if self.next_try else ""
        facts = [self.status, self.url, self.numbers, self.tries and _counted(self.tries), after, one_line(self.error)]
        return f"{self.name}: {', '.join(filter(None, facts))}"


def _row(channel: ChannelReport, report: Report) -> _Row:
    status, style = status_words(channel)
    coming = channel.next_try is not None and report.at < channel.next_try < report.expires_at
    zone = ZoneInfo(report.time_zone)
    return _Row(
        name=channel.name,
        status=status,
        style=style,
        tries=str(channel.attempts) if channel.attempts and channel.contacts is None else "",
        next_try=hours_minutes(channel.next_try, zone, report.at) if coming and channel.next_try else "",
        url=tame(channel.url or ""),
        numbers=_numbers(channel.contacts, report.currency) if channel.contacts is not None else "",
        error=safe(channel.error),
    )


def _numbers(counts: ContactCounts, currency: str) -> str:
    """What became of the contacts of a direct channel: they add up to those whom it was given."""
    if not counts.planned:
        return ""
    told = {
        "missed": counts.missed,
        "unsure": counts.unsure,
        "held": counts.held,
        "open": counts.open - counts.held,
        "left out": counts.skipped,
        "not to be written to": counts.suppressed,
    }
    reached = f"{counts.reached:,} of {counted(counts.planned, 'contact')}"
    rest = [f"{number:,} {word}" for word, number in told.items() if number]
    arrived = [f"{counts.confirmed:,} confirmed"] if counts.confirmed else []
    return ", ".join([reached, *arrived, *rest, *([money(counts.cost, currency)] if counts.cost else [])])


def _counted(tries: str) -> str:
    return "1 try" if tries == "1" else f"{tries} tries"


def _draw(rows: Sequence[_Row], width: int) -> Iterable[RenderableType]:
    """A table where the addresses fit beside the rest, else each channel with its address below it."""
    beside = width - sum(max(len(getattr(row, column)) for row in rows) for column in ("name", "status", "next_try"))
    widest = max(max(len(row.url), min(len(row.numbers), 60)) for row in rows)
    if widest <= beside - 20 and beside >= 50:
        return [_table(rows)]
    return _stacked(rows, width)


def _table(rows: Sequence[_Row]) -> RenderableType:
    from rich import box  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    columns = ["channel", "status", "tries", *(["next try"] if any(row.next_try for row in rows) else []), "post"]
    for column in columns:
        table.add_column(column, justify="right" if column == "tries" else "left", no_wrap=column != "post")
    for row in rows:
        cells = {
            "channel": Text(row.name),
            "status": Text(row.status, style=row.style),
            "tries": Text(row.tries),
            "next try": Text(row.next_try),
            "post": _place(row),
        }
        table.add_row(*(cells[column] for column in columns))
    return table


def _stacked(rows: Sequence[_Row], width: int) -> Iterable[RenderableType]:
    from rich.padding import Padding  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    name = max(len(row.name) for row in rows) + 2
    for row in rows:
        facts = [_counted(row.tries) if row.tries else "", f"next {row.next_try}" if row.next_try else ""]
        line = Text(row.name.ljust(name)).append(row.status, style=row.style)
        yield line.append("".join(f", {fact}" for fact in facts if fact))
        if row.url:
            # Never broken in two by us: it must stay something to click on and to copy.
            yield Text(f"  {row.url}" if len(row.url) + 2 <= width else row.url, overflow="ignore", no_wrap=True)
        if row.numbers:
            yield Padding(Text(row.numbers), (0, 0, 0, 2))
        if row.error:
            yield Padding(Text(row.error, style="dim"), (0, 0, 0, 2))


def _place(row: _Row) -> Text:
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    place = Text(row.url or row.numbers, overflow="fold")
    if row.error:
        place.append("\n" if place else "").append(row.error, style="dim")
    return place


# The list -----------------------------------------------------------------------------------------------------


def listed_object(listed: Listed) -> dict[str, Any]:
    """One broadcast of the list, for machines."""
    return {
        "id": listed.id,
        "key": listed.key,
        "state": listed.state,
        "final": listed.final,
        "owed": list(listed.owed),
        "created": iso(listed.created_at),
        "expires": iso(listed.expires_at),
        "text": listed.text,
        "purpose": listed.purpose or None,
    }


def _listed_line(listed: Listed, zone: tzinfo, now: float) -> str:
    owed = f"(owed: {', '.join(listed.owed)}) " if listed.owed else ""
    when = hours_minutes(listed.created_at, zone, now)
    purpose = f"{listed.purpose}: " if listed.purpose else ""
    return f"{listed.id}  {when}  {listed.state}  {owed}{purpose}{one_line(listed.text)}"


def _listed_table(listed: Sequence[Listed], zone: tzinfo, now: float) -> RenderableType:
    from rich import box  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    columns = ["id", "sent", "state", *(["owed"] if any(each.owed for each in listed) else []), "announcement"]
    for column in columns:
        last = column == "announcement"
        table.add_column(column, no_wrap=True, overflow="ellipsis", ratio=1 if last else None)
    table.expand = True
    for each in listed:
        cells = {
            "id": Text(each.id),
            "sent": Text(hours_minutes(each.created_at, zone, now)),
            "state": Text(each.state, style=STATE_STYLES.get(each.state, "")),
            "owed": Text(", ".join(each.owed)),
            "announcement": Text(f"{each.purpose}: " if each.purpose else "", style="dim").append(
                one_line(each.text), style="not dim"
            ),
        }
        table.add_row(*(cells[column] for column in columns))
    return table
