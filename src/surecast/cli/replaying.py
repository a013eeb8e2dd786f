"""``surecast demo SCENARIO``: an outage that was, played again, with figures and a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surecast.cli.codes import Exit
from surecast.cli.house import Call
from surecast.cli.output import SCHEMA
from surecast.errors import UsageError

if TYPE_CHECKING:
    from surecast.channel import CatchUp
    from surecast.replay import Figures


def replay(call: Call, name: str, *, svg: str | None, catch_up: CatchUp) -> int:
    """Plays a scenario; the exit code is 0 when it came out as it must, else 4."""
    from surecast.replay import TIMELINES, play  # noqa: PLC0415 - loads a web server
    from surecast.replay.drawing import draw_svg, draw_text  # noqa: PLC0415
    from surecast.replay.player import BEGINS_AT  # noqa: PLC0415

    timeline = TIMELINES.get(name)
    if timeline is None:
        raise UsageError(f"There is no scenario {name!r}. There are: {', '.join(TIMELINES)}.")
    if svg is not None:
        _try_out(Path(svg))
    shown = not (call.out.quiet or call.out.as_json)
    if shown:
        call.out.lines(f"Playing {timeline.title}, hour by hour; nothing leaves this machine.")
    figures = play(timeline, catch_up=catch_up, say=call.out.lines if shown else lambda _: None)
    good = as_it_must(figures, catch_up)
    if svg is not None:
        Path(svg).write_text(draw_svg(timeline, figures, began_at=BEGINS_AT), encoding="utf-8")
    call.out.object({"schema": SCHEMA, "scenario": name, "catch_up": catch_up, "ok": good, **figures.to_dict()})
    if shown:
        call.out.lines("", *draw_text(timeline, figures), "", *sentences(figures), verbatim=True)
        call.out.lines(*([f"Drawn into {svg}."] if svg else []), "All as it must be." if good else "Not as it must be.")
    elif call.out.quiet and not good:
        call.out.lines(*sentences(figures), "Not as it must be.")
    return Exit.REACHED if good else Exit.MISSED


def _try_out(file: Path) -> None:
    """A minute of playing must not end in a place that cannot be written."""
    try:
        file.open("a").close()
    except OSError as error:
        raise UsageError(f"The drawing cannot be written to {file}: {error.strerror}. Name another file.") from error


def as_it_must(figures: Figures, catch_up: CatchUp = "latest") -> bool:
    """Whether readers were served and told, once, and nothing is there twice or lost."""
    return (
        figures.in_time == figures.announcements
        and (figures.notices, figures.all_clears, figures.outages) == (1, 1, 1)
        and figures.updates <= 3
        and not (figures.doubled or figures.missing)
        and (catch_up == "none" or figures.newest_there == figures.incidents)
    )


def sentences(figures: Figures) -> list[str]:
    """The figures in words."""
    noticed = "never" if figures.noticed_s is None else f"after {figures.noticed_s:.0f} s"
    dropped = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in figures.dropped.items()) or "none"
    return [
        (
            f"Announcements: {figures.announcements}; in time for readers: {figures.in_time} "
            f"(the slowest after {figures.slowest_s:.0f} s); by the fallback: {figures.rerouted}."
        ),
        (
            f"Readers were told {noticed}: {figures.notices} notice, {figures.updates} updates, "
            f"{figures.all_clears} all-clear; outages entered: {figures.outages}."
        ),
        (
            f"Bluesky took {figures.taken} posts; twice: {figures.doubled}; lost: {figures.missing}; "
            f"let go: {dropped}; newest of {figures.newest_there} of {figures.incidents} incidents is there."
        ),
        f"Requests to Bluesky while it was half dead: {figures.requests}. People were told of {figures.told} causes.",
    ]
