"""The chats and the bot of the simulated Telegram, as its Bot API shows them, and how fast the bot may write.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import itertools
import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from surecast.contact import masked
from surecast.rate import Rate
from surecast.sandbox.server import RefusedError

#: What a chat has against the bot: it is not known at all, does not let it post, or has thrown it out.
Against = Literal["", "unknown", "readonly", "kicked"]

#: Names of chats that turn the bot away, so that a configuration can try each.
AGAINST: Final[dict[str, Against]] = {"nowhere": "unknown", "readonly": "readonly", "kicked": "kicked"}

#: Numbers of people whom the bot cannot reach, so that a list of contacts can try each, and how it is told.
UNREACHABLE: Final[dict[str, tuple[int, str]]] = {
    "400404": (400, "Bad Request: chat not found"),
    "403001": (403, "Forbidden: bot was blocked by the user"),
    "403002": (403, "Forbidden: user is deactivated"),
    "403003": (403, "Forbidden: bot can't initiate conversation with a user"),
}

_NAME: Final = re.compile(r"@([A-Za-z]\w{3,31})\Z", re.ASCII)
_SUPERGROUP: Final = "-100"

_RIGHTS: Final = (
    *("can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users"),
    *("can_post_stories", "can_edit_stories", "can_delete_stories"),
)
_PERMISSIONS: Final = (
    *("can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos"),
    *("can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages"),
    *("can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics"),
)

BOT: Final = {"id": 7_000_000_001, "is_bot": True, "first_name": "Announcer", "username": "announcer_bot"}
_BOT_CAN: Final = ("can_join_groups", "can_read_all_group_messages", "supports_inline_queries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A channel or group, of which one without a name is private, or a person's chat with the bot.

    Attributes:
        numbers: gives its messages their numbers.
    """

    id: int
    kind: Literal["channel", "supergroup", "group", "private"]
    name: str = ""
    against: Against = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def author(self) -> str:
        """By what its posts are known; a person's number is nobody's business."""
        return masked(str(self.id)) if self.kind == "private" else self.name or str(self.id)

    def short(self) -> dict[str, Any]:
        """As a message names it."""
        if self.kind == "private":
            return {"id": self.id, "first_name": "Somebody", "type": self.kind}
        named = {"username": self.name} if self.name else {}
        return {"id": self.id, "title": self.name or "A private chat", **named, "type": self.kind}

    def full(self) -> dict[str, Any]:
        """As getChat shows it."""
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        about = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
        permissions = {} if self.kind in {"channel", "private"} else {"permissions": dict.fromkeys(_PERMISSIONS, True)}
        return {**self.short(), **about, **permissions}

    def member(self) -> dict[str, Any]:
        """The bot in it, as getChatMember shows it."""
        rights = {**dict.fromkeys(_RIGHTS, True), "can_be_edited": False, "is_anonymous": False}
        if self.kind == "channel":
            rights["can_post_messages"] = rights["can_edit_messages"] = self.against != "readonly"
            return {"user": BOT, "status": "administrator", **rights}
        if self.against == "readonly":
            limited = dict.fromkeys((*_PERMISSIONS, "can_edit_tag", "can_react_to_messages"), False)
            return {"user": BOT, "status": "restricted", "is_member": True, "until_date": 0, **limited}
        return {"user": BOT, "status": "member"}


class Chats:
    """Every chat that somebody asked for, made on the spot."""

    def __init__(self) -> None:
        self._chats: dict[str, Chat] = {}
        self._ids = itertools.count(-1_001_000_000_001, -1)
        self._to_people = itertools.count(1)  # one count for all their chats, as with every bot

    def find(self, wanted: str) -> Chat:
        """The chat of an ``@name`` or a number.

        Raises:
            RefusedError: as Telegram turns the bot away.
        """
        if not wanted:
            raise refused(400, "Bad Request: chat_id is empty")
        name = _NAME.match(wanted)
        if name is None and not re.fullmatch(r"-?[1-9]\d{0,15}", wanted):
            raise refused(400, "Bad Request: chat not found")
        if wanted in UNREACHABLE:
            raise refused(*UNREACHABLE[wanted])
        known = wanted.lower()
        if known not in self._chats:
            made = self._new(name[1] if name else "", wanted)
            self._chats[known] = self._chats[str(made.id)] = made
        chat = self._chats[known]
        if chat.against == "unknown":
            raise refused(400, "Bad Request: chat not found")
        if chat.against == "kicked":
            raise refused(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
        if chat.kind == "group":  # every basic group here has been upgraded
            new = int(f"{_SUPERGROUP}{abs(chat.id):010d}")
            raise refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=new)
        return chat

    def by_name(self, name: str) -> Chat | None:
        """The public chat of this name, in any case of letters."""
        return self._chats.get(f"@{name.lower()}")

    def _new(self, name: str, wanted: str) -> Chat:
        if name:
            kind: Literal["channel", "supergroup"] = "supergroup" if name.lower().endswith("group") else "channel"
            against = AGAINST.get(name.lower().removesuffix("_group"), "")
            return Chat(id=next(self._ids), kind=kind, name=name, against=against)
        if not wanted.startswith("-"):
            return Chat(id=int(wanted), kind="private", numbers=self._to_people)
        return Chat(id=int(wanted), kind="channel" if wanted.startswith(_SUPERGROUP) else "group")


class Flood:
    """What is sent too fast, by the times of what was sent before.

    Args:
        most: how often a message may be sent; None for no bound.
    """

    def __init__(self, most: Rate | None = None) -> None:
        self.most = most
        self._sent: deque[float] = deque()

    def wait_s(self, now: float) -> int:
        """In how many seconds a message may be sent; 0 when it may be sent now, which is then counted."""
        if self.most is None:
            return 0
        while self._sent and self._sent[0] <= now - self.most.span_s:
            self._sent.popleft()
        if len(self._sent) < self.most.count:
            self._sent.append(now)
            return 0
        return math.ceil(self._sent[0] + self.most.span_s - now) or 1


def me() -> dict[str, Any]:
    """The bot, as getMe shows it."""
    return {**BOT, **dict.fromkeys(_BOT_CAN, False), "can_join_groups": True}


def refused(status: int, description: str, **parameters: Any) -> RefusedError:
    """A refusal as https://core.telegram.org/bots/api#making-requests has it."""
    return RefusedError(status, words(status, description, **parameters))


def words(status: int, description: str, **parameters: Any) -> dict[str, Any]:
    """The body of a refusal."""
    more = {"parameters": parameters} if parameters else {}
    return {"ok": False, "error_code": status, "description": description, **more}
