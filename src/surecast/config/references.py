"""Whether what a channel's settings refer to is there."""

from __future__ import annotations

from surecast.channel import Channel
from surecast.secret import secrets_of, unset


def misconfigured(channel: Channel) -> str:
    """Why a channel cannot be used, its secrets included; empty when it can.

    Reads the secrets: files and variables at once, commands for as long as they take.
    """
    if channel.misconfigured:
        return channel.misconfigured
    return next((why for secret in secrets_of(channel.settings) if (why := unset(secret))), "")
