"""Telegram: posts of a bot in one public channel or group, through python-telegram-bot.

API: https://core.telegram.org/bots/api sendMessage, sendPhoto, deleteMessage, getMe, getChat, getChatMember.

The Bot API keeps no key for an attempt, and a bot cannot read what a chat holds. So a post in doubt stays in doubt
until a person has looked.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from surecast.channel import Context, Errand, Kind, Limits, Picture, Probed, Sending, Traits
from surecast.channels import _telegram_pages
from surecast.channels._telegram_answers import PLATFORM, CallError, judge
from surecast.errors import ConfigError
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.pictures import shrink
from surecast.secret import Secret
from surecast.settings import setting, web_address
from surecast.text.measure import fits, units
from surecast.threads import DaemonPool
from surecast.transport.classify import classify
from surecast.transport.clients import httpx_client, tls_context
from surecast.transport.redact import register

if TYPE_CHECKING:
    from surecast.channels._telegram_talk import Talk

# https://core.telegram.org/bots/api#sendmessage (seen 2026-11-22), in UTF-16 units as entities are counted. A photo may
# have 10 MB, but it goes out together with the post: what is still on its way when the attempt ends is in doubt.
# There is no place for an alternative text.
LIMITS = Limits(text=4096, unit="utf16", images=1, image_bytes=1_000_000, alt=0)

# https://core.telegram.org/bots/api#sendphoto (seen 2026-11-22)
CAPTION = Limits(text=1024, unit="utf16")
WIDTH_AND_HEIGHT, THEIR_RATIO = 10_000, 20

DELETABLE_H = 48  # https://core.telegram.org/bots/api#deletemessage (seen 2026-11-22)

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
IMAGES_KEPT = 4

_MESSAGE = re.compile(r"(-?\d+)/(\d+)")


def _address(value: str) -> str:
    if value.startswith("http://") and not re.match(r"http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", value):
        return "http:// would send the token readable for everybody on the way. Begin it with https://"
    return web_address(value)


def _chat(value: str | int) -> str:
    chat = str(value)
    if re.fullmatch(r"@[A-Za-z]\w{3,31}", chat, re.ASCII) or re.fullmatch(r"-\d+", chat):
        return ""
    if chat.isdecimal():
        return f"{chat} is a person; this channel posts to a channel or group, whose number begins with -"
    link = re.search(r"t(?:elegram)?\.me/(?:s/)?([A-Za-z]\w{3,31})/?$", chat, re.ASCII)
    name = link[1] if link else chat
    if re.fullmatch(r"[A-Za-z]\w{3,31}", name, re.ASCII):
        return f'{chat!r} is not the form that Telegram wants. Write "@{name}"'
    return f'{chat!r} names no chat. Write its public name with @, or its number, e.g. "-1001234567890"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person writes in the table of a channel of type ``telegram``."""

    bot_token: Secret = setting(
        "The bot's token, from @BotFather.",
        example='{ env = "TELEGRAM_BOT_TOKEN" }',
    )
    chat: str | int = setting(
        "The channel or group: its public name with @, or its number, which begins with -.",
        example='"@harbourferries"',
        check=_chat,
    )
    silent: bool = setting("Whether subscribers get the post without a sound.", default=False, example="true")
    link_preview: bool = setting("Whether Telegram adds a preview of the first link.", default=True, example="false")
    api: str = setting(
        "The address of the Bot API: Telegram's own, or that of a Bot API server of yours.",
        default="https://api.telegram.org",
        check=_address,
        sandbox="endpoint",
    )
    pages: str = setting(
        'Where the public reads posts on the web, for confirm = "visible".',
        default="https://t.me",
        check=_address,
        sandbox="endpoint",
    )


TRAITS = Traits(platform=PLATFORM, limits=LIMITS, resend="never")


class TelegramAdapter:
    """Publishes messages of one bot in one chat.

    Args:
        settings: the bot, the chat, and how it posts there.
        context: what the house gives besides.
    """

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._chat = str(settings.chat)
        self._api = settings.api.rstrip("/")
        self._pages = settings.pages.rstrip("/")
        self._pool = DaemonPool(f"telegram-{context.name}", size=4)
        self._token: Secret | None = None  # read, and as careful with its value as the one in the settings
        self._small: dict[str, bytes] = {}

    async def open(self) -> None:
        """Loads the SDK, the trusted certificates and the token, off the loop; no traffic."""
        await self._pool.run(importlib.import_module, "surecast.channels._telegram_talk")
        await self._pool.run(tls_context, self._context)
        try:
            await self._read_token()
        except ConfigError:
            return  # told when it is needed

    async def close(self) -> None:
        """Lets idle threads end; connections end with their calls."""
        self._pool.close()

    async def prepare(self, errand: Errand) -> bytes:
        """The post's arguments as JSON, and in it the image, which the Bot API takes only together with the post."""
        text = errand.post.parts[errand.part].text
        picture = errand.post.pictures[0] if errand.post.pictures and errand.part == 0 else None
        why_not = _why_not(picture, text) if picture else ""
        if picture is None or why_not:
            return _payload(text, self._settings, left_out=why_not)
        return _payload(text, self._settings, photo=(picture, await self._made_small(errand, picture)))

    async def publish(self, sending: Sending) -> Outcome:
        """Posts once."""
        post = json.loads(sending.payload)
        async with self._talk(sending.timeout_s) as talk:
            chat, number, name = await talk.publish(post)
        url = f"{self._pages}/{name}/{number}" if name else None
        return Outcome(
            verdict=Verdict.ACCEPTED, receipt=Receipt(id=f"{chat}/{number}", url=url), detail=post.get("left_out", "")
        )

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
            return Probed(ok=False, detail=self._explain(error))
        kind = chat.get("type", "chat")
        named = f"“{chat.get('title')}” ({'@' + chat['username'] if chat.get('username') else 'private'})"
        detail = f"Posts as @{bot.get('username')} in the {kind} {named}."
        if not may_post:
            detail += f" But it may not post there. Make it an administrator of the {kind} who may post messages."
        return Probed(ok=may_post, detail=detail)

    def classify(self, error: BaseException) -> Outcome | None:
        """Judges by what Telegram answered; without an answer, the transport's error tells."""
        return judge(error)

    @asynccontextmanager
    async def _talk(self, timeout_s: float) -> AsyncIterator[Talk]:
        """A talk as this bot."""
        from surecast.channels import _telegram_talk  # noqa: PLC0415 - loads the SDK, in `open`

        token = await self._read_token()
        try:
            async with _telegram_talk.talk(self._context, api=self._api, token=token, timeout_s=timeout_s) as talk:
                yield talk
        except CallError as error:
            if error.reply is not None and error.reply.status in (401, 404):
                self._token = None  # it may have been changed where it is kept
            raise

    async def _read_token(self) -> str:
        if self._token is None:
            self._token = Secret.of(await self._pool.run(read_token, self._settings.bot_token))
        return self._token.reveal()

    async def _made_small(self, errand: Errand, picture: Picture) -> bytes:
        """A large photograph takes seconds: what one attempt does not live to see is there for the next one."""
        known = self._small.get(picture.digest)
        if known is not None:
            return known
        data = await errand.image(picture.digest)

        def work() -> bytes:
            small = self._small.get(picture.digest)
            if small is None:
                small = self._small[picture.digest] = shrink(data, picture.media_type, errand.post.limits.image_bytes)
                for digest in list(self._small)[:-IMAGES_KEPT]:
                    del self._small[digest]
            return small

        return await self._pool.run(work)

    def _message(self, receipt: Receipt) -> tuple[str, int] | None:
        """Chat and number of a message; a person who settled a doubt knew only its address."""
        if found := _MESSAGE.fullmatch(receipt.id):
            return found[1], int(found[2])
        place = _telegram_pages.place(receipt)
        return (f"@{place[0]}", place[1]) if place else None

    def _explain(self, error: BaseException) -> str:
        """Why a look told nothing, for people; nothing was published."""
        outcome = classify(error, self.classify)
        return (
            f"{PLATFORM} gave no answer that can be used." if outcome.verdict is Verdict.UNCERTAIN else outcome.detail
        )


def read_token(secret: Secret) -> str:
    """The token's value, masked from now on.

    Raises:
        ConfigError: when it is missing, or holds what would lead to another address.
    """
    value = secret.reveal()
    if not re.fullmatch(r"[A-Za-z0-9:_-]+", value):
        raise ConfigError(f"The bot token {secret.source} holds characters that no token has. Copy it anew.")
    register(value)
    return value


def _payload(text: str, settings: Settings, *, photo: tuple[Picture, bytes] | None = None, left_out: str = "") -> bytes:
    """The Bot API's arguments: frozen with the first attempt, the same for every other.

    No markup is used, so nothing is escaped: Telegram itself makes links, hashtags and mentions of plain text.
    """
    arguments: dict[str, Any] = {"chat_id": str(settings.chat), "disable_notification": settings.silent}
    post: dict[str, Any] = {"method": "sendMessage", "arguments": arguments}
    if photo is not None:
        picture, data = photo
        name = f"image.{EXTENSIONS.get(picture.media_type, 'jpg')}"
        post |= {"method": "sendPhoto", "photo": {"name": name, "data": base64.b64encode(data).decode()}}
        arguments["caption"] = text
    else:
        arguments["text"] = text
        if not settings.link_preview:
            arguments["link_preview_options"] = {"is_disabled": True}
    if left_out:
        post["left_out"] = left_out
    return json.dumps(post, ensure_ascii=False).encode()


def _why_not(picture: Picture, text: str) -> str:
    """Why the post goes without its image, for people; empty when it goes with it. The words count more."""
    if not fits(text, CAPTION):
        return (
            f"The image was left out: Telegram takes {CAPTION.text} characters beside one, and these are "
            f"{units(text, CAPTION)}."
        )
    wide, high = picture.width, picture.height
    if wide + high > WIDTH_AND_HEIGHT or max(wide, high) > THEIR_RATIO * min(wide, high):
        return f"The image was left out: Telegram shows none of {wide} x {high} pixels."
    return ""


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
)
