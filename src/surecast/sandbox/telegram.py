"""Telegram, simulated: the part of its Bot API that posts and takes back (https://core.telegram.org/bots/api).

Codes and sentences are those of https://github.com/tdlib/telegram-bot-api (telegram-bot-api/Client.cpp, 2026-11-22).
What differs on purpose:

- Any token but ``wrong`` and ``revoked`` is that of the one bot there is.
- Any @name is a public channel that lets the bot post, made on the spot; names that end with ``group`` are groups,
  and numbers that begin with -100 private channels. ``@nowhere`` is not known, ``@readonly`` lets the bot read only,
  ``@kicked`` has thrown it out, and any other negative number is a group that became a supergroup.
- Any number without - is a person who has pressed Start, but for these: 400404 is not known, 403001 has blocked the
  bot, 403002 has deleted the account, and 403003 has never pressed Start. What people get is not seen by readers.
- Nothing is turned away for coming too fast unless `Telegram.flood` or a fault says so, and markup (parse_mode) is
  refused. A photo is taken as a file, or by the id of an earlier one.
- The public pages are here as well, in place of https://t.me.
"""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from aiohttp import web

from surecast.sandbox import telegram_pages as pages
from surecast.sandbox.chaos import Fault, Kind, Trouble
from surecast.sandbox.server import Picture, Platform, Post, RefusedError, html_reply, image_type
from surecast.sandbox.telegram_chats import BOT, Chat, Chats, Flood, me, refused, words

MOST_OF_A_TEXT, MOST_OF_A_CAPTION = 4096, 1024  # UTF-16 units
PHOTO_BYTES: Final = 10 * 1024 * 1024
MOST_OF_WIDTH_AND_HEIGHT, MOST_OF_THEIR_RATIO = 10_000, 20
DELETABLE_S: Final = 48 * 3600.0
LISTED: Final = 20  # posts on a page of a channel's list

#: Malformed tokens are answered as if the method were not there.
BAD_TOKENS: Final = {"wrong": (404, "Not Found"), "revoked": (401, "Unauthorized")}
WRITES: Final = frozenset({"sendmessage", "sendphoto", "deletemessage"})

_TOKEN_IN_PATH: Final = re.compile(r"\A/bot[^/]+")

Given = Mapping[str, Any]


class Telegram(Platform):
    """The simulated Telegram.

    Attributes:
        previews: whether channels have a public list of posts; their owners may switch it off.
        flood: how fast the bot may write; with a rate as its `most`, what comes faster is answered with 429.
    """

    title = "Telegram"
    words: ClassVar[Mapping[Fault, tuple[int, Mapping[str, Any]]]] = MappingProxyType(
        {
            Fault.THROTTLED: (429, words(429, "Too Many Requests")),
            Fault.UNAUTHORIZED: (401, words(401, "Unauthorized")),
            Fault.FORBIDDEN: (403, words(403, "Forbidden: bot is not a member of the channel chat")),
            Fault.REFUSED: (400, words(400, "Bad Request: message is too long")),
            Fault.ERROR: (500, words(500, "Internal Server Error")),
            Fault.UNAVAILABLE: (503, words(503, "Service Unavailable")),
        }
    )

    def __init__(self, name: str, **house: Any) -> None:
        super().__init__(name, **house)
        self.previews = True
        self.flood = Flood()
        self._chats = Chats()
        self._photos: dict[str, bytes] = {}
        self._methods: Mapping[str, Callable[[Given], Awaitable[Any]]] = {
            "getme": self._get_me,
            "getchat": self._get_chat,
            "getchatmember": self._get_chat_member,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "deletemessage": self._delete_message,
        }

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (
            web.route("*", "/bot{token:[^/]+}/{method}", self._call),
            web.get("/file/photos/{id}", self._show_photo),
            web.get("/s/{name}", self._show_list),
            web.get(r"/{name}/{number:\d+}", self._show_post),
        )

    def kind_of(self, request: web.Request) -> Kind:
        """The Bot API takes every method by POST, also those that only read."""
        return Kind.WRITE if request.path.rpartition("/")[2].lower() in WRITES else Kind.READ

    def path_of(self, request: web.Request) -> str:
        return _TOKEN_IN_PATH.sub("/bot***", request.path)

    def refusal(self, status: int, message: str) -> RefusedError:
        return refused(status, message)

    def says(self, trouble: Trouble) -> web.Response:
        """A 429 states the wait in its body, and in Retry-After as well."""
        seconds = trouble.stated_wait_s
        if trouble.fault is not Fault.THROTTLED or seconds is None or trouble.wait != "own":
            return super().says(trouble)
        wait = max(1, round(seconds))
        body = words(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        return RefusedError(429, body, self.wait_headers(seconds)).reply()

    # The Bot API

    async def _call(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"].lower()
        if token in BAD_TOKENS:
            raise refused(*BAD_TOKENS[token])
        if method not in self._methods:
            raise refused(404, "Not Found: method not found")
        return web.json_response({"ok": True, "result": await self._methods[method](await _given(request))})

    async def _get_me(self, given: Given) -> dict[str, Any]:
        del given
        return me()

    async def _get_chat(self, given: Given) -> dict[str, Any]:
        return self._chat(given).full()

    async def _get_chat_member(self, given: Given) -> dict[str, Any]:
        chat = self._chat(given)
        if str(given.get("user_id", "")) != str(BOT["id"]):
            raise refused(400, "Bad Request: user not found")
        return chat.member()

    async def _send_message(self, given: Given) -> dict[str, Any]:
        text = _text(given, "text")
        if not text:
            raise refused(400, "Bad Request: message text is empty")
        if pages.units(text) > MOST_OF_A_TEXT:
            raise refused(400, "Bad Request: message is too long")
        chat = self._open_chat(given, "text messages")
        return self._take(chat, text, {"text": text}, given)

    async def _send_photo(self, given: Given) -> dict[str, Any]:
        photo = given.get("photo")
        if not photo:
            raise refused(400, "Bad Request: there is no photo in the request")
        if not isinstance(photo, web.FileField) and photo not in self._photos:  # an address is not simulated
            raise refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
        caption = _text(given, "caption")
        if pages.units(caption) > MOST_OF_A_CAPTION:
            raise refused(400, "Bad Request: message caption is too long")
        chat = self._open_chat(given, "photos")
        data = photo.file.read() if isinstance(photo, web.FileField) else self._photos[photo]
        width, height = _size(data)
        number = self._kept(data) if isinstance(photo, web.FileField) else photo
        size = {"file_id": number, "file_unique_id": number, "width": width, "height": height, "file_size": len(data)}
        return self._take(chat, caption, {"caption": caption, "photo": [size]}, given, photo=number)

    def _kept(self, data: bytes) -> str:
        """The id of an uploaded photo, by which it may be sent again."""
        number = f"photo-{len(self._photos) + 1}"
        self._photos[number] = data
        return number

    def _take(self, chat: Chat, text: str, said: Given, given: Given, photo: str = "") -> dict[str, Any]:
        number = next(chat.numbers)
        sender = {"sender_chat": chat.short()} if chat.kind == "channel" else {"from": BOT}
        message = {"message_id": number, **sender, "chat": chat.short(), "date": int(self.clock.now()), **said}
        about = {name: given[name] for name in ("disable_notification", "link_preview_options") if name in given}
        self.shelves.put(
            Post(
                id=f"{chat.id}/{number}",
                author=chat.author,
                text=text,
                html=pages.content(text),
                at=self.clock.now(),
                url=f"{self.url}/{chat.name}/{number}" if chat.name else self.url,
                public=bool(chat.name),
                pictures=(Picture(url=f"{self.url}/file/photos/{photo}", alt=""),) if photo else (),
                raw={**message, **about},
            )
        )
        return message

    async def _delete_message(self, given: Given) -> bool:
        chat = self._chat(given)
        post = self.shelves.held.get(f"{chat.id}/{given.get('message_id', '')}")
        if post is None:
            raise refused(400, "Bad Request: message to delete not found")
        if self.clock.now() - post.at > DELETABLE_S:
            raise refused(400, "Bad Request: message can't be deleted for everyone")
        self.shelves.drop(post.id)
        return True

    def _chat(self, given: Given) -> Chat:
        return self._chats.find(str(given.get("chat_id", "")).strip())

    def _open_chat(self, given: Given, what: str) -> Chat:
        """The chat, if it lets the bot post."""
        chat = self._chat(given)
        if chat.against == "readonly" and chat.kind == "channel":
            raise refused(400, "Bad Request: need administrator rights in the channel chat")
        if chat.against == "readonly":
            raise refused(400, f"Bad Request: not enough rights to send {what} to the chat")
        wait = self.flood.wait_s(self.clock.now())
        if wait:
            raise refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        return chat

    # What the public sees

    async def _show_post(self, request: web.Request) -> web.Response:
        chat, number = self._chats.by_name(request.match_info["name"]), request.match_info["number"]
        post = self.shelves.shown.get(f"{chat.id}/{number}") if chat else None
        if "embed" not in request.query:
            return self.post_page(post) if post else html_reply("<h1>There is no such post.</h1>")
        if chat is None:
            return html_reply(pages.absent_widget(f"Channel with username @{request.match_info['name']} not found"))
        return html_reply(pages.widget(f"{chat.name}/{number}", post.html) if post else pages.absent_widget())

    async def _show_list(self, request: web.Request) -> web.Response:
        chat = self._chats.by_name(request.match_info["name"])
        if chat is None or chat.kind != "channel" or not self.previews:
            return web.Response(status=302, headers={"Location": f"/{request.match_info['name']}"})
        before = request.query.get("before", "")
        below = int(before) if before.isdecimal() else 1 << 31
        posts = [
            (f"{chat.name}/{number}", post.html)
            for post in self.shelves.shown.values()
            if post.author == chat.name and (number := int(post.id.rpartition("/")[2])) < below
        ]
        return html_reply(pages.listing(posts[-LISTED:]))

    async def _show_photo(self, request: web.Request) -> web.Response:
        data = self._photos.get(request.match_info["id"])
        if data is None:
            raise refused(404, "Not Found")
        headers = {"X-Content-Type-Options": "nosniff"}
        return web.Response(body=data, content_type=image_type(data), headers=headers)


async def _given(request: web.Request) -> dict[str, Any]:
    """The arguments, which may stand in the query, in a form, or in JSON."""
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise refused(400, "Bad Request: can't parse JSON object") from None
        return {**request.query, **(body if isinstance(body, dict) else {})}
    return {**request.query, **(await request.post())}


def _text(given: Given, name: str) -> str:
    if given.get("parse_mode"):
        raise refused(400, "Bad Request: parse_mode is not simulated")
    return str(given.get(name) or "").strip()


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a photo that Telegram takes (https://core.telegram.org/bots/api#sendphoto)."""
    if len(data) > PHOTO_BYTES:
        size = f"file of size {len(data)} bytes is too big for a photo; the maximum size is {PHOTO_BYTES} bytes"
        raise refused(400, f"Bad Request: {size}")
    import PIL.Image  # noqa: PLC0415 - only for photos

    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except (OSError, ValueError):
        raise refused(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
    too_long = max(width, height) > MOST_OF_THEIR_RATIO * min(width, height)
    if width + height > MOST_OF_WIDTH_AND_HEIGHT or too_long:
        raise refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    return width, height
