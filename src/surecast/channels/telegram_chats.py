"""Telegram to the contacts of an audience: messages of a bot in one chat after the other, through python-telegram-bot.

API: https://core.telegram.org/bots/api sendMessage, sendPhoto, getMe.

A bot writes only to people who have opened it and pressed Start. Nothing is sent twice: see the public channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surecast.channel import Context, Kind, Probed, Sending, Traits
from surecast.channels._telegram_answers import OF_A_CONTACT, PLATFORM, STALE_PHOTO, CallError
from surecast.channels._telegram_bot import LIMITS, BotAdapter, BotSettings, refuses_token
from surecast.contact import Medium
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Receipt, Scope, Verdict
from surecast.rate import Rate
from surecast.transport.classify import classify

if TYPE_CHECKING:
    from surecast.channels._telegram_talk import Letter, Line, Sent, Talk

#: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this (seen 2026-11-22)
OVER_ALL_CHATS = Rate(count=30, span_s=1.0)
IN_FLIGHT = 20

#: A connection that died while it was idle gives an error that looks as if the message might have arrived. In a
#: broadcast each is used again within a second. Servers keep idle ones much longer (nginx, as in front of the Bot API:
#: 75 s, https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_timeout), so that none is used again at the
#: moment at which it is given up; and where the network forgets idle ones, that takes longer as well.
KEPT_S = 2.0

#: The share of an attempt's time that the upload of the image by another attempt is waited for.
UPLOAD_SHARE = 0.5

#: How many posts stay read: more broadcasts than these are not on their way at once.
POSTS_KEPT = 4

STILL_UPLOADED = Outcome(
    verdict=Verdict.UNAVAILABLE,
    scope=Scope.RECIPIENT,
    reason=Reason.OURS,
    detail="The image was still on its way to Telegram with the first message, so this one was not sent yet.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BotSettings):
    """What a person writes in the table of a channel of type ``telegram`` that names an audience."""


TRAITS = Traits(platform=PLATFORM, limits=LIMITS, resend="never", public=False, medium=Medium.TELEGRAM)


class TelegramChats(BotAdapter):
    """Sends messages of one bot to the chats of contacts.

    Args:
        settings: the bot, and how it writes.
        context: what the house gives besides.
    """

    traits = TRAITS
    meanings = OF_A_CONTACT

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context, {})
        self._outbox: _Outbox | None = None

    async def close(self) -> None:
        """Ends all connections."""
        await super().close()
        outbox, self._outbox = self._outbox, None
        if outbox is not None and outbox.loop is asyncio.get_running_loop():
            await outbox.line.close()

    async def publish(self, sending: Sending) -> Outcome:
        """Sends the message once, to its recipient's chat."""
        assert sending.to is not None, "a direct channel sends to somebody"
        async with self._sending() as outbox:
            letter = outbox.letter(sending.payload)
            sent = await letter.send(outbox.line.talk(sending.timeout_s), sending.to.address, sending.timeout_s)
        if sent is None:
            return STILL_UPLOADED
        # The chat of a person has the person's own number, which a receipt must not keep. Messages to people are
        # numbered by the bot, so that this one is named all the same.
        return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id=str(sent.number)), detail=letter.left_out)

    async def probe(self, timeout_s: float) -> Probed:
        """Says which bot writes."""
        try:
            async with asyncio.timeout(timeout_s), self._talk(timeout_s) as talk:
                bot = await talk.one("getMe")
        except (TimeoutError, ConfigError, CallError) as error:
            return Probed(ok=False, detail=self._explain(error), outcome=classify(error, own=self.classify))
        return Probed(ok=True, detail=f"Writes as @{bot.get('username')} to who has pressed Start there.")

    @asynccontextmanager
    async def _sending(self) -> AsyncIterator[_Outbox]:
        """The outbox of this event loop; one whose token is refused is given up, and ends with its last call."""
        token = await self._read_token()
        outbox = self._outbox
        if outbox is None or outbox.loop is not asyncio.get_running_loop():
            outbox = self._outbox = _Outbox(self._context, self._api, token)
        outbox.users += 1
        try:
            yield outbox
        except CallError as error:
            if refuses_token(error) and outbox is self._outbox:
                self._token = self._outbox = None
            raise
        finally:
            outbox.users -= 1
            if not outbox.users and outbox is not self._outbox:
                await outbox.line.close()


class _Outbox:
    """A bot's connections in one event loop, and the posts that go out through them.

    Attributes:
        users: how many calls go on.
    """

    def __init__(self, context: Context, api: str, token: str) -> None:
        from surecast.channels import _telegram_talk  # noqa: PLC0415 - loads the SDK, in `open`

        self.loop = asyncio.get_running_loop()
        self.line: Line = _telegram_talk.Line(context, api=api, token=token, kept_s=KEPT_S)
        self.users = 0
        self._read = _telegram_talk.Letter.read
        self._letters: dict[bytes, _Circular] = {}

    def letter(self, payload: bytes) -> _Circular:
        """The post that a payload holds. All recipients' payloads are one object, whose hash is computed once."""
        letter = self._letters.get(payload)
        if letter is None:
            letter = self._letters[payload] = _Circular(self._read(payload))
            for old in list(self._letters)[:-POSTS_KEPT]:
                del self._letters[old]
        return letter


class _Circular:
    """A post for many chats, whose photo is uploaded with the first message and then named by its id.

    Ids hold for one bot; a photo that no longer is known by its id is simply uploaded again.
    """

    def __init__(self, letter: Letter) -> None:
        self.left_out = letter.left_out
        self._letter = letter
        self._photo_id = ""
        self._uploading = asyncio.Lock()

    async def send(self, talk: Talk, chat: str, timeout_s: float) -> Sent | None:
        """Sends it to a chat; None, with nothing sent, where another message's upload took too long."""
        if self._letter.photo is not None and not self._photo_id:
            try:
                async with asyncio.timeout(timeout_s * UPLOAD_SHARE):
                    await self._uploading.acquire()
            except TimeoutError:
                return None
            try:
                if not self._photo_id:
                    sent = await self._letter.send(talk, chat_id=chat)
                    self._photo_id = sent.photo
                    return sent
            finally:
                self._uploading.release()
        return await self._by_id(talk, chat)

    async def _by_id(self, talk: Talk, chat: str) -> Sent:
        known = self._photo_id
        try:
            return await self._letter.send(talk, photo_id=known, chat_id=chat)
        except CallError as error:
            if known and known == self._photo_id and any(words in error.description for words in STALE_PHOTO):
                self._photo_id = ""
            raise


KIND = Kind(
    name="telegram",
    traits=TRAITS,
    settings=Settings,
    adapter=TelegramChats,
    sdk=("telegram",),
    in_flight=IN_FLIGHT,
    rate=OVER_ALL_CHATS,
)
