"""What a service does, as it does it: a line each on standard error, for a terminal or the journal of the system.

The lines are written in a thread of their own. A terminal that was stopped, or a pipe that nobody reads, holds up no
delivery: lines that it does not take are dropped.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import tzinfo
from logging.handlers import QueueHandler

from surecast.cli.output import Output, one_line
from surecast.clock import hours_minutes

#: So many lines wait for whoever reads them.
MOST_WAITING = 1_000
#: At the end the lines that wait have so long.
LAST_WORDS_S = 1.0

Lines = queue.Queue[logging.LogRecord | None]


@contextmanager
def journal(out: Output, zone: tzinfo, level: int) -> Iterator[None]:
    """Prints what surecast logs while the block lasts.

    Args:
        zone: in whose time a line begins.
        level: what is less urgent is not printed.
    """
    logger, lines = logging.getLogger("surecast"), Lines(MOST_WAITING)
    handler, before, passed_on = _Dropping(lines), logger.level, logger.propagate
    writer = threading.Thread(target=_write, args=(lines, out, zone), name="surecast-journal", daemon=True)
    writer.start()
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        logger.propagate = passed_on
        _end(lines)
        writer.join(LAST_WORDS_S)


class _Dropping(QueueHandler):
    """Passes records on, and drops those for which there is no room."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(queue.Full):
            self.queue.put_nowait(record)


def _end(lines: Lines) -> None:
    """Lets the writer end after what waits; where there is no room for that, the oldest line makes it."""
    while True:
        with suppress(queue.Full):
            lines.put_nowait(None)
            return
        with suppress(queue.Empty):
            lines.get_nowait()


def _write(lines: Lines, out: Output, zone: tzinfo) -> None:
    before = 0.0  # so the first line has the date
    while (record := lines.get()) is not None:
        with suppress(ValueError):  # standard error was closed
            out.hint(f"{hours_minutes(record.created, zone, before)}  {one_line(record.getMessage())}")
        before = record.created
