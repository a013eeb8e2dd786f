"""`import surecast` beside `import httpx`: whole processes, CPU as the kernel accounts it, in turn."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.figures import Figure

RUNS = 15
HEAVY = ("atproto", "mastodon", "telegram", "twilio", "pydantic", "httpx", "requests", "aiohttp", "sqlite3", "jinja2")


def _cpu_ms(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure() -> Iterator[Figure]:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import surecast, sys; print([m for m in {HEAVY} if m in sys.modules])"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.strip() == "[]", f"import surecast loads {loaded.stdout}"
    pairs = [(_cpu_ms("import surecast"), _cpu_ms("import httpx")) for _ in range(RUNS)]
    yield Figure(what="import surecast", values=[ours for ours, _ in pairs], unit="ms CPU", budget=float("inf"))
    yield Figure(what="import surecast / import httpx", values=[a / b for a, b in pairs], unit="x", budget=0.6)
