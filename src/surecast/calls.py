"""`broadcast` and `abroadcast`: the calls of a script, over the configuration that is found."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Unpack, cast

from surecast import rehearsal
from surecast.broadcaster.broadcaster import Broadcaster
from surecast.broadcaster.options import Options
from surecast.config import find_config, load_config
from surecast.config.assemble import assemble
from surecast.errors import ConfigError
from surecast.message import Announcement
from surecast.report import Report

_lock = threading.Lock()
_known: dict[tuple[str, int], Broadcaster] = {}


class CallOptions(Options, total=False):
    """`Options`, and the configuration to use.

    Attributes:
        config: the file; else SURECAST_CONFIG, else surecast.toml upward from the working folder.
    """

    config: str | os.PathLike[str] | None


def open_broadcaster(config: str | os.PathLike[str] | None = None) -> Broadcaster:
    """A new `Broadcaster` over a configuration file; close it when it is no longer needed.

    Args:
        config: the file; else SURECAST_CONFIG, else surecast.toml upward from the working folder.

    Raises:
        ConfigError: no file is found, or it cannot be used; with every mistake in it.
    """
    return _open(_found(config))


def broadcast(announcement: Announcement | str, **options: Unpack[CallOptions]) -> Report:
    """Sends an announcement over the configured channels and gives the report once its route is decided.

    Args:
        announcement: the text, or a ready `Announcement`.
        **options: see `Options` and `CallOptions`.

    Raises:
        UsageError: called inside a running event loop, or the announcement cannot be sent as it is.
        ConfigError: no configuration is found, or it cannot be used.
        LedgerError: the ledger cannot be written; nothing was sent then.
    """
    shared, rest = _shared(options)
    return shared.broadcast(announcement, **rest)


async def abroadcast(announcement: Announcement | str, **options: Unpack[CallOptions]) -> Report:
    """`broadcast` for callers inside an event loop."""
    shared, rest = await asyncio.to_thread(_shared, options)
    return await shared.abroadcast(announcement, **rest)


def _shared(options: CallOptions) -> tuple[Broadcaster, Options]:
    """One broadcaster a file, until the file changes; and the options that are meant for it."""
    path = _found(options.get("config"))
    rest = cast(Options, {name: value for name, value in options.items() if name != "config"})
    key = (str(path), path.stat().st_mtime_ns if path.exists() else 0)
    with _lock:
        if key not in _known:
            _known[key] = _open(path)
        return _known[key], rest


def _open(path: Path) -> Broadcaster:
    config = load_config(path)
    if rehearsal.wanted():
        # The simulated platforms live as long as this process.
        stack = ExitStack()
        config = stack.enter_context(rehearsal.rehearse(config))
        atexit.register(stack.close)
    return assemble(config)


def _found(config: str | os.PathLike[str] | None) -> Path:
    path = find_config(config, Path.cwd())
    if path is None:
        raise ConfigError(
            "No surecast.toml is found here or above. Run `surecast init --yes` to write one, "
            "or name it: --config FILE, or the variable SURECAST_CONFIG."
        )
    return path
