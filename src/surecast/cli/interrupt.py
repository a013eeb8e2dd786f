"""Ctrl-C, SIGTERM and a closed terminal become one exception, so that every verb can leave in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """The process was told to end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that says so, as shells do."""
        return 128 + self.number


@contextmanager
def watching() -> Iterator[None]:
    """Raises `Stopped` in the main thread meanwhile; a signal that is ignored (nohup, a shell's &) stays so."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number] or signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    raise Stopped(number)
