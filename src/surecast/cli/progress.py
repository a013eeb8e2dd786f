"""What happens to each channel while an announcement goes out, live on a terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from surecast.cli.figures import about, money
from surecast.cli.output import SANDBOX, Output, one_line, safe
from surecast.cli.reports import status_words

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from surecast.report import ChannelReport, ContactCounts, Report

_WAVE, _ASCII_WAVE = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/"
_MARKS = {"done": "✓", "waiting": "·", "not_needed": "·", "owed": "!", "unsure": "?", "gave_up": "✗"}
_ASCII_MARKS = {"done": "+", "waiting": ".", "not_needed": ".", "owed": "!", "unsure": "?", "gave_up": "x"}

BAR = 20  # characters
WIDE = 80  # columns that a terminal needs for bars
PACE_S = 10.0  # how far back a pace looks


class Progress:
    """A few lines that are drawn anew with every report; they vanish at the end."""

    def __init__(self, live: Live, out: Output) -> None:
        self._live = live
        self._out = out
        self._wave = _WAVE if out.unicode else _ASCII_WAVE
        self._marks = _MARKS if out.unicode else _ASCII_MARKS
        self._turns = 0
        self._paces: dict[str, Pace] = {}

    def show(self, report: Report | None) -> None:
        """Draws the state of all channels; None: nothing is accepted yet."""
        from rich.console import Group  # noqa: PLC0415 - only a terminal needs it

        self._turns += 1
        lines = [self._line(channel, report) for channel in report.channels.values()] if report else []
        self._live.update(Group(*lines), refresh=True)

    def _line(self, channel: ChannelReport, report: Report) -> Text:
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        words, style = _doing(channel)
        wave = self._wave[self._turns % len(self._wave)]
        mark = wave if words.startswith("sending") else self._marks.get(channel.status, wave)
        name = channel.name.ljust(max(map(len, report.channels)) + 2)
        line = Text(SANDBOX if self._out.sandbox else "", no_wrap=True, overflow="ellipsis")
        line.append(f"{mark} ", style=style).append(name)
        line.append(words.ljust(len("sending")) if channel.contacts is not None else words, style=style)
        if channel.contacts is not None and channel.contacts.planned:
            self._append_contacts(line, channel, channel.contacts, report.currency)
        elif fact := _fact(channel):
            line.append(f"  {fact}", style="dim")
        return line

    def _append_contacts(self, line: Text, channel: ChannelReport, counts: ContactCounts, currency: str) -> None:
        """A bar, and how many have it; then how fast it goes, how long that takes, and what it has cost."""
        pace = self._paces.setdefault(channel.name, Pace())
        pace.note(time.monotonic(), counts.planned - counts.open)
        if self._out.console.width >= WIDE:
            full = BAR * (counts.planned - counts.open) // counts.planned
            block, empty = ("━", "─") if self._out.unicode else ("=", "-")
            line.append("  ").append(block * full, style="cyan").append(empty * (BAR - full), style="dim")
        line.append(f"  {counts.reached:,} of {counts.planned:,}")
        left = counts.open - counts.held
        facts = [f"{pace.per_s:,.0f}/s"] if pace.per_s >= 0.5 and left else []
        facts += [f"{about(left / pace.per_s)} left"] if pace.per_s and left else []
        facts += [f"{counts.missed:,} missed"] if counts.missed else []
        facts += [f"{counts.unsure:,} unsure"] if counts.unsure else []
        facts += [money(counts.cost, currency)] if counts.cost else []
        line.append("".join(f"  {fact}" for fact in facts), style="dim")


class Pace:
    """How fast a number grows, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, number: int) -> None:
        """Takes down the number at a moment."""
        self._seen.append((now, number))
        while now - self._seen[0][0] > PACE_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        """0 while it stands still, or was seen only once."""
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0


@contextmanager
def progress(out: Output) -> Iterator[Progress]:
    """Draws on the terminal until the block is left."""
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    # Drawn only when told to: no thread of its own, and nothing between two looks.
    # Its redirection of the standard streams would hide from us what they can show.
    with Live(
        console=out.console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:
        yield Progress(live, out)


def _doing(channel: ChannelReport) -> tuple[str, str]:
    """The status; a turn that has just opened is under way, though no step of it has begun."""
    just_opened = channel.status == "owed" and channel.began is None and not channel.error
    return ("sending", "cyan") if just_opened else status_words(channel)


def _fact(channel: ChannelReport) -> str:
    """What a person who waits would like to know beside the status."""
    now = time.time()
    error = safe(one_line(channel.error)).rstrip(".")
    if channel.status == "sending" and not channel.error:
        return f"{max(0, now - channel.began):.0f} s" if channel.began is not None else ""
    if channel.next_try is not None and channel.next_try > now:
        wait = f"again in {channel.next_try - now:.0f} s"
        return f"{wait}: {error}" if error else wait
    return error
