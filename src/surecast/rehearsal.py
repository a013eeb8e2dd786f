"""The real configuration on simulated platforms: nothing leaves this machine, nothing real is written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from surecast.config import Config, rehome

VARIABLE = "SURECAST_SANDBOX"


def wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether SURECAST_SANDBOX asks for a rehearsal of everything, as on a staging copy of a website."""
    return environ.get(VARIABLE, "").strip().lower() not in {"", "0", "false", "no", "off"}


@contextmanager
def rehearse(config: Config) -> Iterator[Config]:
    """Runs simulated platforms while the block lasts and gives `config` with every channel on them.

    The ledger and the site's pages go to a temporary folder, which is removed at the end; proxies are ignored.
    """
    from surecast.sandbox.run import PLATFORMS, Sandbox  # noqa: PLC0415 - loads a web server, only for rehearsals

    kinds = {channel.kind.name for channel in config.channels.values()}
    folder = Path(tempfile.mkdtemp(prefix="surecast-sandbox-"))
    try:
        with Sandbox.in_thread(tuple(sorted(kinds & PLATFORMS.keys()))) as sandbox:
            yield rehome(config, {name: sandbox.url(name) for name in sandbox.platforms}, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
