"""Calls of Telegram's Bot API through python-telegram-bot, each with an end. Importing this module loads the SDK.

Answers are taken as they come over the wire. The SDK's own errors drop status and headers, warn while they are built
(RetryAfter), and log the body of an answer that is no JSON; its models refuse an answer that lacks a field they know,
and would make a doubt of a post that was accepted.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
from telegram import Bot, InputFile, LinkPreviewOptions
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from surecast.channel import Context
from surecast.channels._telegram_answers import CallError, Reply
from surecast.transport.clients import httpx_options
from surecast.transport.redact import quiet_sdks

#: The share of an attempt's time that setting up a connection, and its TLS, may take each. What ends there was not
#: sent; the end of the whole attempt leaves in doubt what no look-up can settle.
CONNECT_SHARE = 0.4


class _AnsweredError(TelegramError):
    """An answer without a result; the SDK hands its own kind of errors on as they are."""


@dataclass(slots=True)
class _Exchange:
    """What one call was answered so far."""

    headers: Mapping[str, str] = field(default_factory=dict)
    reply: Reply | None = None
    result: Any = None


#: The call under way in this task: the SDK's client is shared by calls that go on at once, and hands nothing through.
_exchange: ContextVar[_Exchange] = ContextVar("telegram_exchange")


class _Request(HTTPXRequest):
    """The SDK's HTTP client, which keeps what each call was answered."""

    def __init__(self, context: Context, kept_s: float) -> None:
        limits = httpx.Limits(max_keepalive_connections=None if kept_s else 0, keepalive_expiry=kept_s)
        super().__init__(
            httpx_kwargs={**httpx_options(context), "limits": limits, "event_hooks": {"response": [self._note]}}
        )

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        exchange = _exchange.get()
        status, body = await super().do_request(*args, **kwargs)
        exchange.reply = Reply(status=status, headers=exchange.headers, body=body)
        answer = exchange.reply.answer
        if not 200 <= status < 300 or answer.get("ok") is not True or answer.get("result") is None:
            raise _AnsweredError("no result")
        exchange.result = answer["result"]
        return status, body

    async def _note(self, response: httpx.Response) -> None:
        _exchange.get().headers = dict(response.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that Telegram took.

    Attributes:
        number: the message's, in its chat.
        name: the chat's public name; may be empty.
        photo: the id by which this bot may send the message's photo again; empty where there is none.
    """

    chat: int
    number: int
    name: str = ""
    photo: str = ""


class Line:
    """One bot's connections to the Bot API, in one event loop; any number of calls may go on at once.

    Args:
        api: the Bot API's address.
        kept_s: how long an idle connection may be used again, in seconds; 0 uses each for one call.
    """

    def __init__(self, context: Context, *, api: str, token: str, kept_s: float = 0.0) -> None:
        quiet_sdks()  # the token stands in every address, and addresses in every log
        self._request = _Request(context, kept_s)
        # The SDK wants a second client, for updates; without one it makes its own.
        self._bot = Bot(
            token, base_url=lambda own: f"{api}/bot{own}", request=self._request, get_updates_request=self._request
        )

    def talk(self, timeout_s: float) -> Talk:
        """Calls on this line.

        Args:
            timeout_s: the longest wait for a reply and between two pieces of it, in seconds; bound the whole call with
                `asyncio.timeout`.
        """
        return Talk(self._bot, timeout_s)

    async def close(self) -> None:
        """Ends all connections, and with them the calls under way."""
        await self._request.shutdown()


class Talk:
    """Calls on a line; see `Line.talk`."""

    def __init__(self, bot: Bot, timeout_s: float) -> None:
        self._bot = bot
        self._times = {
            **dict.fromkeys(("read_timeout", "write_timeout"), timeout_s),
            **dict.fromkeys(("connect_timeout", "pool_timeout"), timeout_s * CONNECT_SHARE),
        }

    async def call(self, method: str, **arguments: Any) -> Any:
        """Calls the Bot API's `method`; its result as JSON has it.

        Raises:
            CallError: there was no result.
        """
        return (await self._exchanged(method, arguments)).result

    async def one(self, method: str, **arguments: Any) -> dict[str, Any]:
        """`call` for a result that is one object; anything else is an error."""
        exchange = await self._exchanged(method, arguments)
        if not isinstance(exchange.result, dict):
            raise CallError(method, exchange.reply)
        return exchange.result

    async def send(self, method: str, **arguments: Any) -> Sent:
        """Sends a message or a photo.

        Raises:
            CallError: there was no result that tells chat and number.
        """
        exchange = await self._exchanged(method, arguments)
        sent = _sent(exchange.result)
        if sent is None:
            raise CallError(method, exchange.reply)
        return sent

    async def _exchanged(self, method: str, arguments: Mapping[str, Any]) -> _Exchange:
        exchange = _Exchange()
        before = _exchange.set(exchange)
        try:
            await getattr(self._bot, method)(**arguments, **self._times)
        except Exception as error:
            if exchange.result is None:
                raise CallError(method, exchange.reply) from error
        finally:
            _exchange.reset(before)
        return exchange


@asynccontextmanager
async def talk(context: Context, *, api: str, token: str, timeout_s: float) -> AsyncIterator[Talk]:
    """A talk on a line of its own, which ends with it.

    No connection is used twice: one that died while it was idle gives an error that looks as if the post might have
    arrived.
    """
    line = Line(context, api=api, token=token)
    try:
        yield line.talk(timeout_s)
    finally:
        await line.close()


class Letter:
    """A prepared post, read once however often it is sent.

    Attributes:
        left_out: what was left out of it, for people.
        photo: its photo, to be uploaded; None where it has none.
    """

    def __init__(self, method: str, arguments: Mapping[str, Any], photo: InputFile | None, left_out: str) -> None:
        self.left_out = left_out
        self.photo = photo
        self._method = method
        self._arguments = arguments

    @classmethod
    def read(cls, payload: bytes) -> Letter:
        """The post that `prepare` wrote down."""
        post = json.loads(payload)
        arguments, photo = post["arguments"], post.get("photo")
        if "link_preview_options" in arguments:
            arguments["link_preview_options"] = LinkPreviewOptions(**arguments["link_preview_options"])
        file = InputFile(base64.b64decode(photo["data"]), filename=photo["name"]) if photo else None
        return cls(post["method"], arguments, file, post.get("left_out", ""))

    async def send(self, talk: Talk, *, photo_id: str = "", **place: Any) -> Sent:
        """Sends it once.

        Args:
            photo_id: by which this bot sends the photo again, in place of another upload.
            place: what the payload leaves open.

        Raises:
            CallError: there was no result that tells chat and number.
        """
        shown = {} if self.photo is None else {"photo": photo_id or self.photo}
        return await talk.send(self._method, **place, **self._arguments, **shown)


def _sent(result: Any) -> Sent | None:
    """What a message's JSON tells; None when it does not tell where it is."""
    match result:
        case {"chat": {"id": int(chat), **about}, "message_id": int(number)}:
            return Sent(chat=chat, number=number, name=str(about.get("username") or ""), photo=_photo_id(result))
    return None


def _photo_id(message: Mapping[str, Any]) -> str:
    """The id of the largest of a photo's sizes, which stands last."""
    match message.get("photo"):
        case [*_, {"file_id": str(known)}]:
            return known
    return ""
