"""A broadcaster over simulated platforms, for measuring."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from surecast.broadcaster.broadcaster import Broadcaster
from surecast.config import load_config, rehome
from surecast.config.assemble import assemble
from surecast.sandbox import Sandbox

CONFIG = """\
sender = "Benchmark"
[urgencies.normal]
within = "{within}s"
confirm = "accepted"
[breaker]
failures = {failures}
[routes]
default = "bluesky | mastodon"
[channels.bluesky]
type = "bluesky"
handle = "bench.example"
app_password = {{ env = "UNUSED" }}
[channels.mastodon]
type = "mastodon"
server = "https://social.example"
access_token = {{ env = "UNUSED" }}
"""


@contextmanager
def stage(*, within: float, failures: int) -> Iterator[tuple[Broadcaster, Sandbox]]:
    """Bluesky first, Mastodon behind it, both open and warm."""
    with tempfile.TemporaryDirectory() as folder, Sandbox.in_thread(("bluesky", "mastodon")) as sandbox:
        home = Path(folder)
        (home / "surecast.toml").write_text(CONFIG.format(within=within, failures=failures), encoding="utf-8")
        endpoints = {name: sandbox.url(name) for name in sandbox.platforms}
        with assemble(rehome(load_config(home / "surecast.toml"), endpoints, home)) as broadcaster:
            for channel in ("bluesky", "mastodon"):
                broadcaster.broadcast(f"warming {channel}", route=channel)
            yield broadcaster, sandbox
