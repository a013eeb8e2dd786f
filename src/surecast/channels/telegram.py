"""Telegram: posts of a bot in one public channel or group, through python-telegram-bot.

API: https://core.telegram.org/bots/api sendMessage, sendPhoto, deleteMessage, getMe, getChat, getChatMember.

The Bot API keeps no key for an attempt, and a bot cannot read what a chat holds. So a post in doubt stays in doubt
until a person has looked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from surecast.channel import Context, Kind, Probed, Sending, Traits
from surecast.channels import _telegram_pages, telegram_chats
from surecast.channels._telegram_answers import OF_A_CHANNEL, PLATFORM, CallError
from surecast.channels._telegram_bot import LIMITS, BotAdapter, BotSettings, safe_address
from surecast.errors import ConfigError
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.rate import Rate
from surecast.settings import setting
from surecast.transport.classify import classify
from surecast.transport.clients import httpx_client

if TYPE_CHECKING:
    from surecast.channels._telegram_talk import Talk

DELETABLE_H = 48  # https://core.telegram.org/bots/api#deletemessage (seen 2026-11-22)

#: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this (seen 2026-11-22)
IN_ONE_GROUP = Rate(count=20, span_s=60.0)

_MESSAGE = re.compile(r"(-?\d+)/(\d+)")


def _chat(value: str | int) -> str:
    chat = str(value)
    if re.fullmatch(r"@[A-Za-z]\w{3,31}", chat, re.ASCII) or re.fullmatch(r"-\d+", chat):
        return ""
    if chat.isdecimal():
        return (
            f"{chat} is a person; this channel posts to a channel or group, whose number begins with -. "
            "To write to people, name an audience in place of chat"
        )
    link = re.search(r"t(?:elegram)?\.me/(?:s/)?([A-Za-z]\w{3,31})/?$", chat, re.ASCII)
    name = link[1] if link else chat
    if re.fullmatch(r"[A-Za-z]\w{3,31}", name, re.ASCII):
        return f'{chat!r} is not the form that Telegram wants. Write "@{name}"'
    return f'{chat!r} names no chat. Write its public name with @, or its number, e.g. "-1001234567890"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BotSettings):
    """What a person writes in the table of a channel of type ``telegram`` that names a chat."""

    chat: str | int = setting(
        "The channel or group: its public name with @, or its number, which begins with -.",
        example='"@harbourferries"',
        check=_chat,
    )
    pages: str = setting(
        'Where the public reads posts on the web, for confirm = "visible".',
        default="https://t.me",
        check=safe_address,
        sandbox="endpoint",
    )


TRAITS = Traits(platform=PLATFORM, limits=LIMITS, resend="never")


class TelegramAdapter(BotAdapter):
    """Publishes messages of one bot in one chat.

    Args:
        settings: the bot, the chat, and how it posts there.
        context: what the house gives besides.
    """

    traits = TRAITS
    meanings = OF_A_CHANNEL

    def __init__(self, settings: Settings, context: Context) -> None:
        self._chat = str(settings.chat)
        super().__init__(settings, context, {"chat_id": self._chat})
        self._pages = settings.pages.rstrip("/")

    async def publish(self, sending: Sending) -> Outcome:
        """Posts once."""
        from surecast.channels import _telegram_talk  # noqa: PLC0415 - loads the SDK, in `open`

        letter = _telegram_talk.Letter.read(sending.payload)
        async with self._talk(sending.timeout_s) as talk:
            sent = await letter.send(talk)
        url = f"{self._pages}/{sent.name}/{sent.number}" if sent.name else None
        receipt = Receipt(id=f"{sent.chat}/{sent.number}", url=url)
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt, detail=letter.left_out)

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look:
        """Looks for the post on Telegram's web pages, without credentials."""
        import httpx  # noqa: PLC0415 - loaded when a post is first looked for

        try:
            async with asyncio.timeout(timeout_s), httpx_client(self._context, timeout_s) as reader:
                return await _telegram_pages.look(reader, self._pages, receipt)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            return Look(sighting=Sighting.UNKNOWN, answered=False, detail=self._explain(error))

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome:
        """Deletes the post, which Telegram allows for 48 hours; one that is gone already counts as deleted."""
        where = self._message(receipt)
        if where is None:
            return _by_hand("It is not known which message this is.", receipt)
        async with asyncio.timeout(timeout_s), self._talk(timeout_s) as talk:
            try:
                await talk.call("deleteMessage", chat_id=where[0], message_id=where[1])
            except CallError as error:
                if "message can't be deleted" in error.description:
                    return _by_hand(
                        f"Telegram lets bots delete only what is younger than {DELETABLE_H} hours.", receipt
                    )
                if "message to delete not found" not in error.description:
                    raise
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt)

    async def probe(self, timeout_s: float) -> Probed:
        """Says which bot posts where, and whether the chat lets it."""
        try:
            async with asyncio.timeout(timeout_s), self._talk(timeout_s) as talk:
                bot = await talk.one("getMe")
                chat = await talk.one("getChat", chat_id=self._chat)
                may_post = await _may_post(talk, chat, bot)
        except (TimeoutError, ConfigError, CallError) as error:
            return Probed(ok=False, detail=self._explain(error), outcome=classify(error, own=self.classify))
        kind = chat.get("type", "chat")
        named = f"“{chat.get('title')}” ({'@' + chat['username'] if chat.get('username') else 'private'})"
        detail = f"Posts as @{bot.get('username')} in the {kind} {named}."
        if not may_post:
            detail += f" But it may not post there. Make it an administrator of the {kind} who may post messages."
        return Probed(ok=may_post, detail=detail)

    def _message(self, receipt: Receipt) -> tuple[str, int] | None:
        """Chat and number of a message; a person who settled a doubt knew only its address."""
        if found := _MESSAGE.fullmatch(receipt.id):
            return found[1], int(found[2])
        place = _telegram_pages.place(receipt)
        return (f"@{place[0]}", place[1]) if place else None


async def _may_post(talk: Talk, chat: Mapping[str, Any], bot: Mapping[str, Any]) -> bool:
    """Whether the chat lets the bot post (https://core.telegram.org/bots/api#chatmember)."""
    try:
        member = await talk.one("getChatMember", chat_id=chat.get("id"), user_id=bot.get("id"))
    except CallError as error:
        if error.reply is None or error.reply.status != 400:
            raise
        return False  # a channel keeps its members from everybody who is no administrator
    match chat.get("type"), member.get("status"):
        case _, "creator":
            return True
        case "channel", _:
            return member.get("can_post_messages") is True
        case _, "administrator":
            return True
        case _, "restricted":
            return member.get("can_send_messages") is True
        case _, status:
            return status == "member" and (chat.get("permissions") or {}).get("can_send_messages") is not False


def _by_hand(why: str, receipt: Receipt) -> Outcome:
    detail = f"{why} Delete it by hand{f': {receipt.url}' if receipt.url else '.'}"
    return Outcome(verdict=Verdict.REFUSED, reason=Reason.NOT_ALLOWED, detail=detail)


def _reads_back(settings: Settings) -> bool:
    """Only chats with a public name can be seen on the web."""
    return str(settings.chat).startswith("@")


KIND = Kind(
    name="telegram",
    traits=TRAITS,
    settings=Settings,
    adapter=TelegramAdapter,
    sdk=("telegram",),
    reads_back=_reads_back,
    rate=IN_ONE_GROUP,
    with_audience=telegram_chats.KIND,
)
