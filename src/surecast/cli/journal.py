"""What a service does, as it does it: a line each on standard error, for a terminal or the journal of the system."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import tzinfo

from surecast.cli.output import Output, one_line
from surecast.clock import hours_minutes


@contextmanager
def journal(out: Output, zone: tzinfo) -> Iterator[None]:
    """Prints what surecast logs; of a quiet run only what is not as wanted.

    Args:
        zone: in whose time a line begins.
    """
    logger, level = logging.getLogger("surecast"), logging.WARNING if out.quiet else logging.INFO
    handler, before, passed_on = _Lines(out, zone), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        logger.propagate = passed_on


class _Lines(logging.Handler):
    def __init__(self, out: Output, zone: tzinfo) -> None:
        super().__init__()
        self._out = out
        self._zone = zone

    def emit(self, record: logging.LogRecord) -> None:
        self._out.hint(f"{hours_minutes(record.created, self._zone, time.time())}  {one_line(record.getMessage())}")
