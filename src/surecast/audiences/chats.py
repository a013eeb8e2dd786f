"""Telegram chats: the number of a person or a group, or the public name of a group."""

from __future__ import annotations

import re

from surecast.audiences.flaws import Unusable

_NUMBER = re.compile(r"-?[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}", re.ASCII)
LARGEST = 2**52 - 1  # "at most 52 significant bits" (https://core.telegram.org/bots/api#chat)


def chat(value: str) -> str:
    """A chat as the Bot API takes it; names in small letters, as Telegram does not tell them apart.

    Raises:
        Unusable: it is neither a number nor a name.
    """
    if _NUMBER.fullmatch(value) and abs(int(value)) <= LARGEST:
        return value
    if _NAME.fullmatch(value):
        return value.lower()
    raise Unusable(
        "it is no Telegram chat", "Write the chat's number, e.g. 123456789 or -1001234567890, or @name of a group"
    )
