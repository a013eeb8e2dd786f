"""How things stand, above the list of broadcasts: what is down, what is owed, what needs you."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from surecast.cli.figures import counted
from surecast.cli.house import Call
from surecast.cli.output import safe
from surecast.cli.switching import owed_object
from surecast.clock import hours_minutes, iso

if TYPE_CHECKING:
    from surecast.broadcaster.overview import Overview, Owed, Trouble

ALL_WELL = "All channels work as far as is known; nothing is owed."
#: The first word of a line, and its colour.
HEADS = {"down": ("DOWN", "red"), "degraded": ("DEGRADED", "yellow"), "isolated": ("OFF", "yellow")}
CUT_OFF, OWED, WORKER, FOR_YOU = ("CUT OFF", "red"), ("OWED", "yellow"), ("WORKER", "green"), ("FOR YOU", "bold")

Line = tuple[tuple[str, str], str]


def is_silent(seen_at: float | None, now: float) -> bool:
    """Whether nobody who delivers what is owed was seen for long."""
    from surecast.report.words import WORKER_SILENT_S  # noqa: PLC0415 - not for --help

    return seen_at is None or now - seen_at > WORKER_SILENT_S


def exactly(reasons: Sequence[str]) -> list[str]:
    """The reasons of a condition, without the first where the second says the same and more."""
    return list(reasons[1:] if len(reasons) > 1 and reasons[1].startswith(reasons[0]) else reasons)


def nobody_delivers(call: Call, worker: str) -> str:
    """What a person does who has no worker running."""
    return f"Nobody is running to deliver what is owed: {call.again('resume')}, or in cron: */5 * * * * {worker}"


def show_overview(call: Call, overview: Overview, zone: tzinfo) -> None:
    """Prints it for people."""
    lines = list(_lines(call, overview, zone))
    out = call.out
    if out.as_json:
        return
    if not lines:
        out.lines(ALL_WELL)
    elif not out.terminal:
        out.lines(*(f"{head}: {text}" for (head, _), text in lines))
    else:
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415

        grid = Table.grid(padding=(0, 2, 0, 0))
        before = ""
        for (head, style), text in lines:
            grid.add_row(Text("" if head == before else head, style=style, no_wrap=True), Text(safe(text)))
            before = head
        out.show(grid)


def overview_object(overview: Overview) -> dict[str, Any]:
    """The same for machines."""
    return {
        "down": [_trouble_object(each) for each in overview.down],
        "owed": [owed_object(each) for each in overview.owed],
        "needs_you": [safe(each) for each in overview.needs_you],
        "worker_seen": _iso(overview.worker_seen_at),
        "watcher_seen": _iso(overview.watcher_seen_at),
        "own_network": safe(overview.own_network) or None,
    }


def _trouble_object(trouble: Trouble) -> dict[str, Any]:
    outage = None
    if trouble.outage is not None:
        outage = {"id": trouble.outage, "began": _iso(trouble.began_at), "notices": trouble.notices}
    return {
        "channel": trouble.name,
        "platform": trouble.platform,
        "condition": trouble.condition.value,
        "since": _iso(trouble.since),
        "reasons": [safe(reason) for reason in trouble.reasons],
        "not_before": _iso(trouble.not_before),
        "outage": outage,
    }


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)


# In sentences -------------------------------------------------------------------------------------------------------


def _lines(call: Call, overview: Overview, zone: tzinfo) -> Iterator[Line]:
    if overview.own_network:
        yield CUT_OFF, overview.own_network
    for trouble in overview.down:
        yield HEADS[trouble.condition.value], _trouble(call, trouble, overview, zone)
    for owed in overview.owed:
        yield OWED, _owed(owed, overview, zone)
    seen_at = overview.worker_seen_at
    nobody = is_silent(seen_at, overview.at)
    if overview.owed and seen_at is not None and not nobody:
        yield WORKER, f"seen at {hours_minutes(seen_at, zone, overview.at)}; it delivers what is owed"
    for sentence in overview.needs_you:
        yield FOR_YOU, sentence
    if overview.owed and nobody:
        yield FOR_YOU, nobody_delivers(call, overview.worker)


def _trouble(call: Call, trouble: Trouble, overview: Overview, zone: tzinfo) -> str:
    now, off = overview.at, trouble.condition == "isolated"
    name = trouble.name if trouble.platform.lower() == trouble.name else f"{trouble.name} ({trouble.platform})"
    since = f" since {hours_minutes(trouble.since, zone, now)}" if trouble.since is not None else ""
    again = hours_minutes(trouble.not_before, zone, now) if trouble.not_before is not None else ""
    until = f", until {again or 'it is switched on'}" if off else ""
    said = exactly(trouble.reasons)
    if trouble.began_at is not None:
        told = f"readers were told by {counted(trouble.notices, 'notice')}" if trouble.notices else "readers not told"
        said.append(f"an outage since {hours_minutes(trouble.began_at, zone, now)}, {told}")
    if off:
        said.append(f"on again: {call.again(f'channels on {trouble.name}')}")
    elif trouble.condition == "down":
        said.append(f"tried again at {again}" if again else "tried again with the next post")
    return f"{name}{since}{until}: {'; '.join(said)}"


def _owed(owed: Owed, overview: Overview, zone: tzinfo) -> str:
    now = overview.at
    oldest, expires = hours_minutes(owed.oldest_at, zone, now), hours_minutes(owed.expires_at, zone, now)
    if owed.posts == 1:
        return f"{owed.channel}: 1 post, from {oldest}, until {expires}"
    return f"{owed.channel}: {counted(owed.posts, 'post')}, the oldest from {oldest}, the first until {expires}"
