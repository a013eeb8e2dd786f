"""A template filled: what notices to readers and messages to the people in charge have in common.

Templates are below `surecast/templates`. A folder of the user's own stands before it, file by file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from surecast.clock import hours_minutes
from surecast.errors import UsageError
from surecast.text.template import environment, render

if TYPE_CHECKING:
    import jinja2

ENDING = ".txt.j2"

_MOMENTS = ("now", "since", "until", "worker_seen", "watcher_seen")


class Moment(float):
    """Unix seconds that also say what a clock of the house shows then.

    Attributes:
        clock: ``06:02 EEST``; with the date in front when that is not today's, or today is not known.
    """

    clock: str

    def __new__(cls, at: float, zone: tzinfo, now: float | None) -> Self:
        moment = super().__new__(cls, at)
        then = datetime.fromtimestamp(at, zone)
        shown = f"{then:%Y-%m-%d %H:%M}" if now is None else hours_minutes(at, zone, now)
        name = f"{then:%Z}"
        moment.clock = f"{shown} {name if name[:1].isalpha() else f'UTC{name}'}"  # some zones have numbers only
        return moment


def duration(seconds: float) -> str:
    """A span of time as it is read in every language: ``8 h 20 min``."""
    minutes = max(1, int(seconds // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def filled(template: str, folder: Path | None, context: Mapping[str, Any]) -> str:
    """A template with its values.

    Args:
        template: its path below `folder`, or below ours.
        folder: the user's own templates; None for ours alone.
        context: see `context_of`.

    Raises:
        UsageError: it cannot be read or filled; with file and line.
    """
    place = template if folder is None else folder / template
    try:
        return render(_environment(folder), template, **context)
    except UsageError as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise UsageError(f"The template {place} is not UTF-8. Save it as UTF-8.") from error
        raise
    except (OSError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it leads back to itself"
        raise UsageError(f"The template {place} cannot be used: {why}. Correct it there.") from error


def context_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a template sees them: moments that know the clock, a reason without full stop, how long it lasted."""
    context = _with_moments(values)
    since, end = context["since"], context["until"] or context["now"]
    return {
        **context,
        "why": " ".join(context["why"].split()).rstrip("."),
        "duration": "" if since is None or end is None else duration(end - since),
    }


def always_given(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Of values, those alone that a template may count on: those called `names`, and what is said everywhere."""
    return {name: values[name] for name in (*names, "sender", "time_zone")}


def is_file(path: Path) -> bool:
    """Whether there is such a file; also False where that cannot be found out."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=8)
def _environment(folder: Path | None) -> jinja2.Environment:
    """Kept, because reading a template takes far longer than filling it; a file that was changed is read anew."""
    made = environment(folder=folder)
    made.filters["duration"] = duration
    return made


def _with_moments(values: Mapping[str, Any]) -> dict[str, Any]:
    zone, now = ZoneInfo(values["time_zone"]), values["now"]
    moments = {name: Moment(values[name], zone, now) for name in _MOMENTS if values.get(name) is not None}
    return {**values, **moments}
