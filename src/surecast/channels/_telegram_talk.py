"""Calls of Telegram's Bot API through python-telegram-bot, each with an end. Importing this module loads the SDK.

Answers are taken as they come over the wire. The SDK's own errors drop status and headers, warn while they are built
(RetryAfter), and log the body of an answer that is no JSON; its models refuse an answer that lacks a field they know,
and would make a doubt of a post that was accepted.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from telegram import Bot, InputFile, LinkPreviewOptions
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from surecast.channel import Context
from surecast.channels._telegram_answers import CallError, Reply
from surecast.transport.clients import CONNECTIONS, httpx_options
from surecast.transport.redact import quiet_sdks

#: The share of an attempt's time that setting up a connection, and its TLS, may take each. What ends there was not
#: sent; the end of the whole attempt leaves in doubt what no look-up can settle.
CONNECT_SHARE = 0.4


class _AnsweredError(TelegramError):
    """An answer without a result; the SDK hands its own kind of errors on as they are."""


class _Request(HTTPXRequest):
    """The SDK's HTTP client, which keeps what the last call was answered."""

    def __init__(self, context: Context, timeout_s: float) -> None:
        self.reply: Reply | None = None
        self.result: Any = None
        self._headers: Mapping[str, str] = {}
        # A connection that died while it was idle gives an error that looks as if the post might have arrived.
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
        hooks = {"response": [self._note]}
        super().__init__(
            read_timeout=timeout_s,
            write_timeout=timeout_s,
            media_write_timeout=timeout_s,
            connect_timeout=timeout_s * CONNECT_SHARE,
            pool_timeout=timeout_s * CONNECT_SHARE,
            httpx_kwargs={**httpx_options(context), "limits": limits, "event_hooks": hooks},
        )

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        self.reply = self.result = None
        status, body = await super().do_request(*args, **kwargs)
        self.reply = Reply(status=status, headers=self._headers, body=body)
        answer = self.reply.answer
        if not 200 <= status < 300 or answer.get("ok") is not True or answer.get("result") is None:
            raise _AnsweredError("no result")
        self.result = answer["result"]
        return status, body

    async def _note(self, response: httpx.Response) -> None:
        self._headers = dict(response.headers)


class Talk:
    """A few calls on a client of their own, one after the other."""

    def __init__(self, bot: Bot, request: _Request) -> None:
        self._bot = bot
        self._request = request

    async def call(self, method: str, **arguments: Any) -> Any:
        """Calls the Bot API's `method`; its result as JSON has it.

        Raises:
            CallError: there was no result.
        """
        self._request.reply = self._request.result = None
        try:
            await getattr(self._bot, method)(**arguments)
        except Exception as error:
            if self._request.result is None:
                raise CallError(method, self._request.reply) from error
        return self._request.result

    async def one(self, method: str, **arguments: Any) -> dict[str, Any]:
        """`call` for a result that is one object; anything else is an error."""
        result = await self.call(method, **arguments)
        if not isinstance(result, dict):
            raise CallError(method, self._request.reply)
        return result

    async def publish(self, post: Mapping[str, Any]) -> tuple[int, int, str]:
        """Sends a message or a photo, as `prepare` wrote it down.

        Returns:
            The chat, the message's number in it, and the chat's public name, which may be empty.

        Raises:
            CallError: there was no result that tells these.
        """
        arguments = dict(post["arguments"])
        if "link_preview_options" in arguments:
            arguments["link_preview_options"] = LinkPreviewOptions(**arguments["link_preview_options"])
        if "photo" in post:
            arguments["photo"] = InputFile(base64.b64decode(post["photo"]["data"]), filename=post["photo"]["name"])
        message = await self.one(post["method"], **arguments)
        chat, number = message.get("chat"), message.get("message_id")
        if not (isinstance(chat, dict) and isinstance(chat.get("id"), int) and isinstance(number, int)):
            raise CallError(post["method"], self._request.reply)
        return chat["id"], number, str(chat.get("username") or "")


@asynccontextmanager
async def talk(context: Context, *, api: str, token: str, timeout_s: float) -> AsyncIterator[Talk]:
    """A talk with the Bot API at `api` as the token's bot; its connections end with it.

    Args:
        timeout_s: the longest wait for a reply and between two pieces of it, in seconds; bound the whole with
            `asyncio.timeout`.
    """
    quiet_sdks()  # the token stands in every address, and addresses in every log
    request = _Request(context, timeout_s)
    try:
        # The SDK wants a second client, for updates; without one it makes its own.
        yield Talk(
            Bot(token, base_url=lambda own: f"{api}/bot{own}", request=request, get_updates_request=request), request
        )
    finally:
        await request.shutdown()
