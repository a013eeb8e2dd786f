"""A watch over a shop, as a process of its own, with times that fit into a test."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.scenarios.shop import Ran, Shop

QUICK = (
    'follow = "https://ferries.example/notices"',
    "[watch]",
    'act = "send"',
    'every = "2s"',
    'recheck = "1s"',
    'notice_after = "1s"',
    'all_clear_after = "6s"',
    'between_switches = "1s"',
    'status_every = "1s"',
    "[breaker]",
    'interval = "2s"',
)


def quick(shop: Shop) -> Shop:
    """The shop, whose watch looks every few seconds; called before anything else is said at the top."""
    for line in QUICK:
        shop.top(line)
    return shop


@contextmanager
def watching(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """A watch that runs while the block lasts, or until `stopped`."""
    process = shop.start("watch")
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Watching "), process.communicate(timeout=10)
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def stopped(process: subprocess.Popen[str]) -> Ran:
    """The watch after SIGTERM, with what it has said since its first line."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    return Ran(process.returncode, out, err)
