"""Ctrl-C, SIGTERM and a closed terminal become one exception, so that every verb can leave in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Terminals and wrappers may both pass on one Ctrl-C.
SAME_S = 0.3

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The process was told to end. No KeyboardInterrupt, which click would answer itself."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that says so, as shells do."""
        return 128 + self.number


@contextmanager
def watching() -> Iterator[None]:
    """Raises `Stopped` in the main thread meanwhile; a signal that is ignored (nohup, a shell's &) stays so.

    The second signal ends the process at once: what was on its way is found out by the next run, as after a crash.
    """
    first_at: float | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first_at
        del frame
        if first_at is None:
            first_at = time.monotonic()
            raise Stopped(number)
        if time.monotonic() - first_at > SAME_S:
            os._exit(128 + number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number] or signal.SIG_DFL)
