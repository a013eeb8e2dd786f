"""The secrets of a channel: where they are referred to, and whether they are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from surecast.channel import Channel
from surecast.errors import SecretMissingError
from surecast.secret import Secret


def secrets_of(value: Any) -> Iterator[Secret]:
    """Every secret in settings, however deep."""
    if isinstance(value, Secret):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from secrets_of(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_of(item)


def misconfigured(channel: Channel) -> str:
    """Why a channel cannot be used, its secrets included; empty when it can.

    Reads the secrets: files and variables at once, commands for as long as they take.
    """
    if channel.misconfigured:
        return channel.misconfigured
    for secret in secrets_of(channel.settings):
        if sentence := unset(secret):
            return sentence
    return ""


def unset(secret: Secret) -> str:
    """Why a secret cannot be had; empty when it can."""
    try:
        secret.reveal()
    except SecretMissingError as error:
        return str(error)
    except (ValueError, OSError):  # a name or a command line that the system does not take
        return f"The secret {secret.source} cannot be read."
    return ""
