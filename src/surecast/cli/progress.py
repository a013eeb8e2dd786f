"""What happens to each channel while an announcement goes out, live on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from surecast.cli.output import SANDBOX, Output, one_line, safe
from surecast.cli.reports import status_words

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from surecast.report import ChannelReport, Report

_WAVE, _ASCII_WAVE = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/"
_MARKS = {"done": "✓", "waiting": "·", "not_needed": "·", "owed": "!", "unsure": "?", "gave_up": "✗"}
_ASCII_MARKS = {"done": "+", "waiting": ".", "not_needed": ".", "owed": "!", "unsure": "?", "gave_up": "x"}


class Progress:
    """A few lines that are drawn anew with every report; they vanish at the end."""

    def __init__(self, live: Live, out: Output) -> None:
        self._live = live
        self._out = out
        self._wave = _WAVE if out.unicode else _ASCII_WAVE
        self._marks = _MARKS if out.unicode else _ASCII_MARKS
        self._turns = 0

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
        line.append(f"{mark} ", style=style).append(name).append(words, style=style)
        if fact := _fact(channel):
            line.append(f"  {fact}", style="dim")
        return line


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
