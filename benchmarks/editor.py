"""What the announcement adds to an editor's click on Publish in the Wagtail example, with every platform down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure

ROOT = Path(__file__).resolve().parents[1]
PAGES = 15

CONFIG = """
sender = "Benchmark"
[routes]
default = "bluesky | mastodon"
[channels.bluesky]
type = "bluesky"
handle = "bench.example"
service = "http://127.0.0.1:9"
app_password = { env = "SURECAST_BENCH" }
[channels.mastodon]
type = "mastodon"
server = "http://127.0.0.1:9"
access_token = { env = "SURECAST_BENCH" }
"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "surecast.toml").write_text(CONFIG, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/examples/drive_wagtail.py"), str(ROOT / "examples"), str(PAGES)],
            env={
                **os.environ,
                "SURECAST_BENCH": "not-a-secret",
                "SITE_DB": str(home / "site.sqlite3"),
                "SURECAST_CONFIG": str(home / "surecast.toml"),
            },
            check=True,
            capture_output=True,
            text=True,
        )
    extra = json.loads(done.stdout.splitlines()[-1])["extra_ms"]
    yield Figure(what="Publish takes longer by (median of 15)", values=[extra], unit="ms", budget=100)
