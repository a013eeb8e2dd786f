"""The chats and the bot of the simulated Telegram, as its Bot API shows them (https://core.telegram.org/bots/api)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from surecast.sandbox.server import RefusedError

#: What a chat has against the bot: it is not known at all, does not let it post, or has thrown it out.
Against = Literal["", "unknown", "readonly", "kicked"]

#: Names of chats that turn the bot away, so that a configuration can try each.
AGAINST: Final[dict[str, Against]] = {"nowhere": "unknown", "readonly": "readonly", "kicked": "kicked"}

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
    """A channel or group; one without a name is private.

    Attributes:
        numbers: gives its messages their numbers.
    """

    id: int
    kind: Literal["channel", "supergroup", "group"]
    name: str = ""
    against: Against = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def word(self) -> str:
        """Its kind as error texts have it."""
        return "channel" if self.kind == "channel" else self.kind

    def short(self) -> dict[str, Any]:
        """As a message names it."""
        named = {"username": self.name} if self.name else {}
        return {"id": self.id, "title": self.name or "A private chat", **named, "type": self.kind}

    def full(self) -> dict[str, Any]:
        """As getChat shows it."""
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        about = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
        permissions = {} if self.kind == "channel" else {"permissions": dict.fromkeys(_PERMISSIONS, True)}
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

    def find(self, wanted: str) -> Chat:
        """The chat of an ``@name`` or a number.

        Raises:
            RefusedError: as Telegram turns the bot away.
        """
        if not wanted:
            raise refused(400, "Bad Request: chat_id is empty")
        name = _NAME.match(wanted)
        if name is None and not re.fullmatch(r"-\d{1,16}", wanted):  # a person who never wrote to the bot
            raise refused(400, "Bad Request: chat not found")
        known = wanted.lower()
        if known not in self._chats:
            made = self._new(name[1] if name else "", wanted)
            self._chats[known] = self._chats[str(made.id)] = made
        chat = self._chats[known]
        if chat.against == "unknown":
            raise refused(400, "Bad Request: chat not found")
        if chat.against == "kicked":
            raise refused(403, f"Forbidden: bot was kicked from the {chat.word} chat")
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
        return Chat(id=int(wanted), kind="channel" if wanted.startswith(_SUPERGROUP) else "group")


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
