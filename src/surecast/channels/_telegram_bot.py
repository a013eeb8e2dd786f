"""What every channel of a Telegram bot shares: its settings, its token, and the post as it is frozen.

API: https://core.telegram.org/bots/api sendMessage, sendPhoto.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from surecast.channel import Context, Errand, Limits, Picture
from surecast.channels._telegram_answers import PLATFORM, CallError, Meanings, judge
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Verdict
from surecast.pictures import shrink
from surecast.secret import Secret
from surecast.settings import setting, web_address
from surecast.text.measure import fits, units
from surecast.threads import DaemonPool
from surecast.transport.classify import classify
from surecast.transport.clients import tls_context
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

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
IMAGES_KEPT = 4


def safe_address(value: str) -> str:
    """What is wrong with an address that the token is sent to; empty when nothing is."""
    if value.startswith("http://") and not re.match(r"http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", value):
        return "http:// would send the token readable for everybody on the way. Begin it with https://"
    return web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """What a person writes about the bot, whomever it writes to."""

    bot_token: Secret = setting(
        "The bot's token, from @BotFather.",
        example='{ env = "TELEGRAM_BOT_TOKEN" }',
    )
    silent: bool = setting("Whether subscribers get the post without a sound.", default=False, example="true")
    link_preview: bool = setting("Whether Telegram adds a preview of the first link.", default=True, example="false")
    api: str = setting(
        "The address of the Bot API: Telegram's own, or that of a Bot API server of yours.",
        default="https://api.telegram.org",
        check=safe_address,
        sandbox="endpoint",
    )


class BotAdapter:
    """Freezes posts, and holds the token.

    Args:
        settings: the bot, and how it posts.
        context: what the house gives besides.
        place: those of the Bot API's arguments that say where every post goes; empty where each goes elsewhere.

    Attributes:
        meanings: what Telegram's refusals mean to this kind of channel.
    """

    meanings: ClassVar[Meanings]

    def __init__(self, settings: BotSettings, context: Context, place: dict[str, str]) -> None:
        self._settings = settings
        self._context = context
        self._place = place
        self._api = settings.api.rstrip("/")
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
        """Lets idle threads end."""
        self._pool.close()

    async def prepare(self, errand: Errand) -> bytes:
        """The post's arguments as JSON, and in it the image, which the Bot API takes only together with the post."""
        text = errand.post.parts[errand.part].text
        picture = errand.post.pictures[0] if errand.post.pictures and errand.part == 0 else None
        why_not = _why_not(picture, text) if picture else ""
        if picture is None or why_not:
            return self._payload(text, left_out=why_not)
        return self._payload(text, photo=(picture, await self._made_small(errand, picture)))

    def classify(self, error: BaseException) -> Outcome | None:
        """Judges by what Telegram answered; without an answer, the transport's error tells."""
        return judge(error, self.meanings)

    def _payload(self, text: str, *, photo: tuple[Picture, bytes] | None = None, left_out: str = "") -> bytes:
        """The Bot API's arguments: frozen with the first attempt, the same for every other.

        No markup is used, so nothing is escaped: Telegram itself makes links, hashtags and mentions of plain text.
        """
        arguments: dict[str, Any] = {**self._place, "disable_notification": self._settings.silent}
        post: dict[str, Any] = {"method": "sendMessage", "arguments": arguments}
        if photo is not None:
            picture, data = photo
            name = f"image.{EXTENSIONS.get(picture.media_type, 'jpg')}"
            post |= {"method": "sendPhoto", "photo": {"name": name, "data": base64.b64encode(data).decode()}}
            arguments["caption"] = text
        else:
            arguments["text"] = text
            if not self._settings.link_preview:
                arguments["link_preview_options"] = {"is_disabled": True}
        if left_out:
            post["left_out"] = left_out
        return json.dumps(post, ensure_ascii=False).encode()

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

    @asynccontextmanager
    async def _talk(self, timeout_s: float) -> AsyncIterator[Talk]:
        """A talk as this bot, on a line of its own."""
        from surecast.channels import _telegram_talk  # noqa: PLC0415 - loads the SDK, in `open`

        token = await self._read_token()
        try:
            async with _telegram_talk.talk(self._context, api=self._api, token=token, timeout_s=timeout_s) as talk:
                yield talk
        except CallError as error:
            if refuses_token(error):
                self._token = None
            raise

    async def _read_token(self) -> str:
        if self._token is None:
            self._token = Secret.of(await self._pool.run(read_token, self._settings.bot_token))
        return self._token.reveal()

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


def refuses_token(error: CallError) -> bool:
    """Whether it was the token; it may then have been changed where it is kept."""
    return error.reply is not None and error.reply.status in (401, 404)


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
