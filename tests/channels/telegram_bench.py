"""What the tests of the Telegram adapter share: adapters, errands, sendings, and Telegram's own answers."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from PIL import Image
from tests.servers.fault_http import Recorded

from surecast.channel import Errand, Picture, Sending
from surecast.channels import telegram_chats
from surecast.channels.telegram import TRAITS, Settings, TelegramAdapter
from surecast.channels.telegram_chats import TelegramChats
from surecast.contact import Recipient
from surecast.secret import Secret
from surecast.testing import a_context
from surecast.testing import an_errand as a_bare_errand

T = TypeVar("T")

TOKEN = "7000000001:AAF-1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuV"
CHAT = "@harbourferries"
A_WAIT = 1.0  # long enough for a loaded machine, short enough to wait for
SLACK = 0.5
MESSAGE = {
    "message_id": 7,
    "date": 1_795_000_000,
    "chat": {"id": -1001234567890, "title": "Harbour Ferries", "username": "harbourferries", "type": "channel"},
    "text": "Hello",
}


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def an_adapter(url: str, token: str | Secret = TOKEN, chat: str | int = CHAT, **settings: Any) -> TelegramAdapter:
    secret = token if isinstance(token, Secret) else Secret.of(token)
    given = {"api": url, "pages": url, **settings}
    return TelegramAdapter(Settings(bot_token=secret, chat=chat, **given), a_context("telegram"))


def chats(url: str, token: str | Secret = TOKEN, **settings: Any) -> TelegramChats:
    """An adapter that writes to contacts."""
    secret = token if isinstance(token, Secret) else Secret.of(token)
    return TelegramChats(telegram_chats.Settings(bot_token=secret, api=url, **settings), a_context("riders"))


def an_errand(text: str, *pictures: bytes, size: tuple[int, int] = (32, 24)) -> Errand:
    """A delivery of `text` with pictures, which are all said to be of `size`."""
    stored = {f"digest {number}": data for number, data in enumerate(pictures)}

    async def image(digest: str) -> bytes:
        return stored[digest]

    errand = a_bare_errand(text, TRAITS)
    shown = tuple(
        Picture(digest=digest, media_type="image/png", alt="A ferry", width=size[0], height=size[1])
        for digest in stored
    )
    return replace(errand, post=replace(errand.post, pictures=shown), image=image)


def a_sending(payload: bytes | str, timeout_s: float = 10.0) -> Sending:
    """A delivery on its way, given its payload or just its words."""
    if isinstance(payload, str):
        arguments = {"chat_id": CHAT, "disable_notification": False, "text": payload}
        payload = json.dumps({"method": "sendMessage", "arguments": arguments}).encode()
    return Sending(key="b1/telegram", payload=payload, first_began_at=time.time(), timeout_s=timeout_s)


def to(address: str, payload: bytes, timeout_s: float = 10.0) -> Sending:
    """A delivery on its way to one contact."""
    return replace(a_sending(payload, timeout_s), key=f"b1/riders/{address}", to=Recipient(address=address))


def png(width: int = 32, height: int = 24) -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).save(file, "PNG")
    return file.getvalue()


def says(status: int, description: str, **parameters: Any) -> dict[str, Any]:
    """A refusal as the Bot API words it."""
    more = {"parameters": parameters} if parameters else {}
    return {"ok": False, "error_code": status, "description": description, **more}


def refusing(description: str = "", **parameters: Any) -> Callable[[Recorded, int], dict[str, Any]]:
    """A body for a `FaultServer`, for whatever status it answers with."""
    return lambda _request, status: says(status, description or f"Error {status}", **parameters)


def is_post(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(("/sendMessage", "/sendPhoto"))
