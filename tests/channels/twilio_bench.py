"""What the tests of the Twilio adapter share: adapters, sendings, and Twilio's own answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tests.servers.fault_http import Recorded

from surecast.channel import Sending
from surecast.channels.twilio import TRAITS, Settings, TwilioAdapter
from surecast.contact import Recipient
from surecast.secret import Secret
from surecast.testing import a_context, an_errand

T = TypeVar("T")

SID = f"AC{7:032x}"
TOKEN = f"{0xFEED:032x}"
FROM = "+15005550006"
SERVICE = f"MG{7:032x}"
ANN = Recipient(address="+15559871234", name="Ann")
A_WAIT = 1.0  # long enough for a loaded machine, short enough to wait for


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def some_settings(url: str, **own: Any) -> Settings:
    given = {"account_sid": Secret.of(SID), "auth_token": Secret.of(TOKEN), "from_": FROM, "api": url}
    return Settings(**{**given, **own})


def an_adapter(url: str, *, network: dict[str, Any] | None = None, **settings: Any) -> TwilioAdapter:
    """An adapter of an account, not opened yet; its messages are valid for ten minutes, so that all are alike."""
    return TwilioAdapter(some_settings(url, **{"validity_s": 600.0, **settings}), a_context("sms", **(network or {})))


def using(adapter: TwilioAdapter, work: Callable[[TwilioAdapter], Awaitable[T]]) -> T:
    """Opens an adapter in an event loop of its own, lets `work` use it, and closes it."""

    async def used() -> T:
        await adapter.open()
        try:
            return await work(adapter)
        finally:
            await adapter.close()

    return run(used())


async def a_sending(
    adapter: TwilioAdapter, text: str = "No ferries today", to: Recipient | str = ANN, **about: Any
) -> Sending:
    """A prepared delivery of `text` to one number."""
    recipient = Recipient(address=to) if isinstance(to, str) else to
    values = {"timeout_s": 10.0, "first_began_at": time.time(), **about}
    return Sending(key="b1/sms/1", payload=await adapter.prepare(an_errand(text, TRAITS)), to=recipient, **values)


def says(code: int | None, message: str = "No") -> dict[str, Any]:
    """A refusal as Twilio words it."""
    return {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}


def is_write(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/Messages.json")


def body(request: Recorded) -> str:
    return request.body.decode()
