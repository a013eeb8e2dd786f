"""The same configuration on simulated platforms: a rehearsal that cannot reach a real one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from surecast.channel import Channel
from surecast.config.fields import Field, fields_of
from surecast.config.tables import Network
from surecast.config.values import Config
from surecast.secret import Secret

LEDGER = "surecast.db"


def rehome(config: Config, endpoints: Mapping[str, str], folder: Path) -> Config:
    """`config` with every channel on simulated platforms, and a ledger of its own.

    Addresses, folders and secrets are replaced as each setting declares; proxies, certificates and people are left
    out, so that nothing leaves the machine and nobody is woken. A channel whose type has no simulated platform
    becomes misconfigured rather than reach the real one; a channel that lacked only its secrets becomes usable.

    Args:
        endpoints: the simulated platforms' addresses, by the type of channel.
        folder: holds the ledger and, for each channel that writes files, a folder with the channel's name.
    """
    home = folder.absolute()
    channels = {name: _rehomed(channel, endpoints, home) for name, channel in config.channels.items()}
    return dataclasses.replace(
        config,
        ledger=home / LEDGER,
        ledger_key=None if config.ledger_key is None else Secret.of("sandbox-ledger-key"),
        network=Network(use_environment=False, independent=()),
        watch=dataclasses.replace(config.watch, heartbeat=None),
        people=MappingProxyType({}),
        channels=MappingProxyType(channels),
    )


def _rehomed(channel: Channel, endpoints: Mapping[str, str], home: Path) -> Channel:
    if channel.settings is None:
        return channel
    endpoint = endpoints.get(channel.kind.name)
    if endpoint is None and not _only_writes_files(fields_of(type(channel.settings))):
        why = f"There is no simulated platform for channels of the type {channel.kind.name}."
        return dataclasses.replace(channel, settings=None, misconfigured=why)
    simulated = _Simulated(channel.name, endpoint or "", home / channel.name)
    settings = simulated.table(channel.settings)
    # Nobody serves a simulated folder: its pages would be looked for at the real address, and never be found there.
    confirm = "accepted" if endpoint is None else channel.confirm
    return dataclasses.replace(channel, settings=settings, misconfigured="", status_page="none", confirm=confirm)


def _only_writes_files(fields: Iterable[Field]) -> bool:
    """Whether a folder is all that the channel needs."""
    behaviours = {field.sandbox for field in fields}
    return "folder" in behaviours and "endpoint" not in behaviours


@dataclass(frozen=True, slots=True)
class _Simulated:
    """What one channel has on simulated platforms."""

    channel: str
    endpoint: str
    home: Path

    def table(self, settings: Any) -> Any:
        """Settings with what each field declares put in the place of what is real."""
        declared = {field.attribute: field for field in fields_of(type(settings))}
        folders = sum(field.sandbox == "folder" for field in declared.values())
        values: dict[str, Any] = {}
        for raw in dataclasses.fields(settings):
            value, field = getattr(settings, raw.name), declared.get(raw.name)
            if field is not None and field.sandbox == "endpoint":
                values[raw.name] = self.endpoint
            elif field is not None and field.sandbox == "folder":
                place = self.home if folders == 1 else self.home / raw.name
                values[raw.name] = str(place) if isinstance(value, str) else place
            elif field is not None and field.sandbox == "default" and not field.required:
                values[raw.name] = field.default
            elif raw.init:
                values[raw.name] = self.value(value, raw.name)
        return dataclasses.replace(settings, **values)

    def value(self, value: Any, name: str) -> Any:
        """A value with every secret in it replaced."""
        if isinstance(value, Secret):
            return Secret.of(f"sandbox-{self.channel}-{name}")
        if isinstance(value, tuple | list):
            return tuple(self.value(item, name) for item in value)
        if isinstance(value, Mapping):
            return MappingProxyType({key: self.value(item, name) for key, item in value.items()})
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.table(value)
        return value
