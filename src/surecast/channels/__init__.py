"""The kinds of channels: one line per platform, each module loaded when it is needed.

Packages of other people add kinds through the entry points group ``surecast.channels``: the entry's name is the
``type`` in configuration files, its object the module's `KIND`. A built-in kind cannot be replaced.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from surecast.channel import Kind
from surecast.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "surecast.channels"

_BUILT_IN = MappingProxyType(
    {
        "bluesky": "surecast.channels.bluesky",
        "email": "surecast.channels.email",
        "mastodon": "surecast.channels.mastodon",
        "site": "surecast.channels.site",
        "telegram": "surecast.channels.telegram",
        "twilio": "surecast.channels.twilio",
    }
)


def names() -> tuple[str, ...]:
    """The names of all kinds, in order: what may stand as ``type``. No adapter is loaded."""
    return tuple(sorted({*_BUILT_IN, *_entry_points()}))


def load(kind: str) -> Kind:
    """The kind of this name; only its own module is imported, and no SDK.

    Raises:
        UsageError: when there is no such kind, or when the package that offers it is broken.
    """
    if kind in _BUILT_IN:
        built_in: Kind = importlib.import_module(_BUILT_IN[kind]).KIND
        return built_in
    entry_point = _entry_points().get(kind)
    if entry_point is None:
        raise UsageError(_unknown(kind))
    return _load_foreign(entry_point)


def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs more than all of surecast's own import

    return {found.name: found for found in entry_points(group=ENTRY_POINTS)}


def _load_foreign(entry_point: EntryPoint) -> Kind:
    package = entry_point.dist.name if entry_point.dist else entry_point.value
    try:
        found = entry_point.load()
    except Exception as error:
        raise UsageError(
            f"The channel type {entry_point.name!r} comes from the package {package} and cannot be loaded "
            f"({type(error).__name__}: {error}). Upgrade or reinstall {package}; other channels are not affected."
        ) from error
    if not isinstance(found, Kind):
        raise UsageError(
            f"The channel type {entry_point.name!r} comes from the package {package}, but {entry_point.value} is "
            f"no surecast.channel.Kind. Tell its authors; other channels are not affected."
        )
    return found


def _unknown(kind: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for the mistake

    near = get_close_matches(kind.lower(), names(), n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no channel type {kind!r}.{guess} Known types: {', '.join(names())}."
