"""What Telegram's answers mean: by its own words, in a table for each kind of channel, or else by their status.

Every refusal is a JSON object with ``ok`` false, ``error_code`` and ``description``
(https://core.telegram.org/bots/api#making-requests). Descriptions are those of
https://github.com/tdlib/telegram-bot-api (telegram-bot-api/Client.cpp); Telegram says that they may change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from surecast.contact import masked
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.redact import redact
from surecast.transport.status import LONGEST_QUOTE, MAYBE, from_status, unreadable

PLATFORM = "Telegram"

#: Telegram's own word that the request was wrong, although it came with a success: then its code counts.
REFUSALS = range(400, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def answer(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            answer = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return answer if isinstance(answer, dict) else {}


class CallError(Exception):
    """A call of the Bot API failed; raised from the SDK's error.

    Attributes:
        method: the Bot API's method.
        reply: what was answered by then; None without an answer.
    """

    def __init__(self, method: str, reply: Reply | None) -> None:
        super().__init__(f"The call {method} failed.")
        self.method = method
        self.reply = reply

    @property
    def description(self) -> str:
        """Telegram's own words, in small letters; empty where there are none."""
        return "" if self.reply is None else str(self.reply.answer.get("description", "")).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a refusal means; `sentence` follows the platform's name."""

    verdict: Verdict
    reason: Reason
    scope: Scope = Scope.CHANNEL
    sentence: str


_TOKEN = _Row(
    verdict=Verdict.UNAUTHORIZED,
    reason=Reason.CREDENTIALS,
    sentence="does not accept the bot's token. Copy the present one from @BotFather",
)
_BUSY = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NOT_ALLOWED,
    sentence="says that the bot is used elsewhere in a way that excludes this",
)
_PHOTO = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.MEDIA_REFUSED,
    scope=Scope.CONTENT,
    sentence="refused the image. Give a smaller one, or none",
)
_TEXT = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.TEXT_REFUSED,
    scope=Scope.CONTENT,
    sentence="refused the post",
)

# Of the one chat of a public channel:
_RIGHTS = _Row(
    verdict=Verdict.UNAUTHORIZED,
    reason=Reason.NOT_ALLOWED,
    sentence="does not let the bot post there. Make it an administrator of the chat who may post messages",
)
_CHAT = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NOT_ALLOWED,
    sentence="does not know this chat. Check chat, and add the bot to it",
)
_MOVED = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NOT_ALLOWED,
    sentence='has made a supergroup of this group, with another number. Write chat = "{new}"',
)


def _of_one(reason: Reason, sentence: str, verdict: Verdict = Verdict.REFUSED) -> _Row:
    return _Row(verdict=verdict, reason=reason, scope=Scope.RECIPIENT, sentence=sentence)


# Of one contact's chat among many:
_BLOCKED = _of_one(
    Reason.NO_SUCH_ADDRESS, "says that the person has blocked the bot, which only the person can take back"
)
_DELETED = _of_one(Reason.NO_SUCH_ADDRESS, "says that the person's account, or the group, is no more")
_NEVER_SEEN = _of_one(Reason.NO_SUCH_ADDRESS, "does not know this chat. Correct it in the contacts")
_NEVER_STARTED = _of_one(
    Reason.NOT_ALLOWED,
    "lets the bot write only to who wrote to it first. Ask the person to open the bot and press Start",
)
_KEPT_OUT = _of_one(Reason.NOT_ALLOWED, "does not let the bot write to this chat")
_MOVED_AWAY = _of_one(
    Reason.NO_SUCH_ADDRESS, "has made a supergroup of this group. Correct its number in the contacts: now it is {new}"
)
_PHOTO_FORGOTTEN = _of_one(
    Reason.MEDIA_REFUSED,
    "did not know the image again that it was given before; it is uploaded anew",
    Verdict.UNAVAILABLE,
)

#: What an image is refused with that was named by the id of an earlier upload.
STALE_PHOTO = ("wrong file identifier", "wrong remote file identifier", "file_reference_")

_Rows = tuple[tuple[int, tuple[str, ...], _Row], ...]

_OF_THE_BOT: _Rows = (
    (401, ("",), _TOKEN),
    (404, ("",), _TOKEN),  # the answer to a token that is malformed
    (409, ("",), _BUSY),
)
_OF_IMAGES: _Rows = ((400, ("photo_", "image_process_failed", "too big for a photo", "file is too big"), _PHOTO),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """What Telegram's refusals mean to a kind of channel.

    Attributes:
        rows: (HTTP status, any of these in the description in small letters, what it means); the first that fits
            counts, and what fits none means what its status does.
        moved: of a group that has another number now, which its sentence says.
        shows: how that number may be shown.
    """

    rows: _Rows
    moved: _Row
    shows: Callable[[str], str] = str


#: The chat is the whole channel.
OF_A_CHANNEL = Meanings(
    rows=(
        *_OF_THE_BOT,
        (403, ("",), _RIGHTS),
        (400, ("chat not found", "chat_id is empty", "group chat was deactivated", "group chat is deactivated"), _CHAT),
        (400, ("peer_id_invalid", "channel_invalid", "username_invalid", "username_not_occupied"), _CHAT),
        (400, ("not enough rights", "no rights to send", "administrator rights", "chat_admin_required"), _RIGHTS),
        (400, ("chat_write_forbidden", "chat_restricted", "chat_send_plain_forbidden", "chat_send_photos_"), _RIGHTS),
        (400, ("channel_private", "user_banned_in_channel", "topic_closed"), _RIGHTS),
        *_OF_IMAGES,
    ),
    moved=_MOVED,
)

#: The chat is one contact's: what its refusal means must never keep the post from the others. So a refusal that is
#: not known here counts for this chat alone, although it may say something about the post.
OF_A_CONTACT = Meanings(
    rows=(
        *_OF_THE_BOT,
        (403, ("blocked by the user",), _BLOCKED),
        (403, ("user is deactivated", "chat was deleted"), _DELETED),
        (403, ("can't initiate conversation",), _NEVER_STARTED),
        (403, ("",), _KEPT_OUT),
        (400, ("group chat was deactivated", "group chat is deactivated"), _DELETED),
        (400, ("chat not found", "chat_id is empty", "user not found"), _NEVER_SEEN),
        (400, ("peer_id_invalid", "channel_invalid", "username_invalid", "username_not_occupied"), _NEVER_SEEN),
        (400, STALE_PHOTO, _PHOTO_FORGOTTEN),
        *_OF_IMAGES,
        (400, ("too long", "text is empty", "text must be non-empty", "must be encoded in utf-8"), _TEXT),
        (400, ("",), _KEPT_OUT),
    ),
    moved=_MOVED_AWAY,
    shows=masked,
)


def judge(error: BaseException, meanings: Meanings) -> Outcome | None:
    """The outcome by what Telegram answered; None without an answer, which leaves it to the common rules."""
    if not isinstance(error, CallError) or error.reply is None:
        return None
    return _judge_reply(error.reply, meanings)


def _judge_reply(reply: Reply, meanings: Meanings) -> Outcome:
    answer, status = reply.answer, reply.status
    if 200 <= status < 300:
        code = answer.get("error_code")
        if answer.get("ok") is not False or not isinstance(code, int) or code not in REFUSALS:
            return unreadable(PLATFORM)
        status = code
    if status == 502:
        # The nginx in front of the Bot API says so too when the server behind it dies in the middle of a request.
        detail = f"{PLATFORM} broke off (502). {MAYBE}"
        return Outcome(verdict=Verdict.UNCERTAIN, reason=Reason.SERVER_ERROR, detail=detail)
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if "migrate_to_chat_id" in parameters:
        return _moved(meanings.moved, meanings.shows(str(parameters["migrate_to_chat_id"])))
    row = _row(status, answer, meanings.rows)
    if row is not None:
        return _outcome(row, status, str(answer.get("description", "")))
    outcome = from_status(status, headers=reply.headers, body=reply.body, platform=PLATFORM)
    wait = parameters.get("retry_after")
    if status == 429 and isinstance(wait, int | float):
        return replace(outcome, retry_after_s=float(wait))
    return outcome


def _row(status: int, answer: Mapping[str, Any], rows: _Rows) -> _Row | None:
    """The meaning of Telegram's own words; a page of something in front of it has none."""
    if answer.get("ok") is not False:
        return None
    said = str(answer.get("description", "")).lower()
    return next((row for code, words, row in rows if code == status and any(word in said for word in words)), None)


def _outcome(row: _Row, status: int, said: str) -> Outcome:
    words = redact(" ".join(said.split()))[:LONGEST_QUOTE]
    detail = f"{PLATFORM} {row.sentence} ({status}{': ' if words else ''}{words})."
    return Outcome(verdict=row.verdict, scope=row.scope, reason=row.reason, detail=detail)


def _moved(row: _Row, new: str) -> Outcome:
    detail = f"{PLATFORM} {row.sentence.format(new=new)}."
    return Outcome(verdict=row.verdict, scope=row.scope, reason=row.reason, detail=redact(detail))
