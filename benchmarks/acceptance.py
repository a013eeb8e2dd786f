"""`broadcast(wait=False)` on a warm broadcaster, beyond one fsync of the same disk."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.stage import stage

RUNS = 200


def measure() -> Iterator[Figure]:
    with stage(within=30.0, failures=3) as (broadcaster, _):
        calls = [
            _ms(lambda run=run: broadcaster.broadcast(f"call {run}", wait=False))
            for run in range(RUNS)  # type: ignore[misc]
        ]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "synced").open("wb") as file:
        syncs = [_ms(lambda: (file.write(b"x" * 4096), file.flush(), os.fsync(file.fileno()))) for _ in range(RUNS)]
    fsync = median(syncs)
    yield Figure(what="one fsync", values=syncs, unit="ms", budget=float("inf"))
    yield Figure(
        what="broadcast(wait=False) beyond one fsync", values=[call - fsync for call in calls], unit="ms", budget=5.0
    )


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)
