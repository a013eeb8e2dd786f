"""The simulated Telegram, asked by its real SDK."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
from PIL import Image
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from surecast.rate import Rate
from surecast.sandbox import Fault, Kind, On, Sandbox
from tests.sandbox.bench import TurnedClock

T = TypeVar("T")

CHANNEL = "@harbourferries"
TOKEN = "7000000001:AAF-secret"


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(["telegram"], clock=clock) as running:
        yield running


@pytest.fixture
def telegram(sandbox: Sandbox) -> Any:
    return sandbox.platforms["telegram"]


def ask(sandbox: Sandbox, work: Callable[[Bot], Awaitable[T]], token: str = TOKEN) -> T:
    """What the SDK makes of it, in an event loop of its own."""

    async def asked() -> T:
        request = HTTPXRequest(httpx_kwargs={"trust_env": False})
        try:
            return await work(
                Bot(token, base_url=f"{sandbox.url('telegram')}/bot", request=request, get_updates_request=request)
            )
        finally:
            await request.shutdown()

    return asyncio.run(asked())


def get(sandbox: Sandbox, path: str) -> httpx.Response:
    return httpx.get(f"{sandbox.url('telegram')}{path}", trust_env=False)


def png(width: int = 30, height: int = 20) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


def test_messages_are_numbered_within_their_chat(sandbox: Sandbox, telegram: Any) -> None:
    async def three(bot: Bot) -> list[tuple[int, str | None]]:
        sent = [await bot.send_message(chat, "hello") for chat in (CHANNEL, CHANNEL, "@others")]
        return [(message.message_id, message.chat.username) for message in sent]

    assert ask(sandbox, three) == [(1, "harbourferries"), (2, "harbourferries"), (1, "others")]
    assert [post.author for post in telegram.visible()] == ["harbourferries", "harbourferries", "others"]


def test_a_chat_is_the_same_by_name_in_any_case_and_by_number(sandbox: Sandbox) -> None:
    async def numbers(bot: Bot) -> list[int]:
        number = (await bot.get_chat(CHANNEL)).id
        return [(await bot.send_message(chat, "hello")).message_id for chat in (CHANNEL, CHANNEL.upper(), number)]

    assert ask(sandbox, numbers) == [1, 2, 3]


def test_a_photo_comes_with_its_caption(sandbox: Sandbox, telegram: Any) -> None:
    sent = ask(sandbox, lambda bot: bot.send_photo(CHANNEL, png(), caption="look"))
    (post,) = telegram.visible()
    assert (sent.caption, sent.photo[0].width, sent.photo[0].height, post.text) == ("look", 30, 20, "look")
    assert httpx.get(post.pictures[0].url, trust_env=False).content == png()


@pytest.mark.parametrize(
    ("chat", "error", "told"),
    [
        ("@nowhere", BadRequest, "Chat not found"),
        ("0", BadRequest, "Chat not found"),
        ("400404", BadRequest, "Chat not found"),
        ("403001", Forbidden, "Forbidden: bot was blocked by the user"),
        ("403002", Forbidden, "Forbidden: user is deactivated"),
        ("403003", Forbidden, "Forbidden: bot can't initiate conversation with a user"),
        ("", BadRequest, "Chat_id is empty"),
        ("@readonly", BadRequest, "Need administrator rights in the channel chat"),
        ("@readonly_group", BadRequest, "Not enough rights to send text messages to the chat"),
        ("@kicked", Forbidden, "Forbidden: bot was kicked from the channel chat"),
        ("@kicked_group", Forbidden, "Forbidden: bot was kicked from the supergroup chat"),
        ("-42", ChatMigrated, "Group migrated to supergroup. New chat id: -1000000000042"),
    ],
)
def test_chats_that_turn_the_bot_away(
    sandbox: Sandbox, telegram: Any, chat: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        ask(sandbox, lambda bot: bot.send_message(chat, "hello"))
    assert (str(caught.value), telegram.posts()) == (told, ())


def test_people_get_messages_that_are_numbered_together_and_that_readers_do_not_see(
    sandbox: Sandbox, telegram: Any
) -> None:
    async def three(bot: Bot) -> list[tuple[int, str]]:
        sent = [await bot.send_message(chat, "hello") for chat in (551_234_567, CHANNEL, 551_234_568)]
        return [(message.message_id, message.chat.type) for message in sent]

    assert ask(sandbox, three) == [(1, "private"), (1, "channel"), (2, "private")]
    assert [post.author for post in telegram.posts()] == ["55***4567", "harbourferries", "55***4568"]
    assert [post.author for post in telegram.visible()] == ["harbourferries"]


def test_a_photo_is_sent_again_by_its_id(sandbox: Sandbox, telegram: Any) -> None:
    async def twice(bot: Bot) -> Any:
        first = await bot.send_photo(551_234_567, png())
        return await bot.send_photo(551_234_568, first.photo[-1].file_id, caption="again")

    again = ask(sandbox, twice)
    assert (again.caption, again.photo[0].width) == ("again", 30)
    assert len({post.pictures[0].url for post in telegram.posts()}) == 1


def test_a_photo_by_an_id_that_is_not_known_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest, match="Wrong file identifier/http url specified"):
        ask(sandbox, lambda bot: bot.send_photo(551_234_567, "photo-9"))


def test_what_comes_too_fast_is_turned_away_where_that_is_asked(
    sandbox: Sandbox, telegram: Any, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the SDK warns
    telegram.flood.most = Rate(count=2, span_s=3.0)

    async def write(bot: Bot) -> Any:
        return await bot.send_message(551_234_567, "hello")

    for _ in range(2):
        ask(sandbox, write)
        clock.moment += 1.0
    with pytest.raises(RetryAfter) as caught:
        ask(sandbox, write)
    assert caught.value.retry_after == timedelta(seconds=1)
    clock.moment += 1.0
    ask(sandbox, write)
    assert len(telegram.posts()) == 3


@pytest.mark.parametrize("token", ["wrong", "revoked"])
def test_a_bad_token_is_no_bot(sandbox: Sandbox, token: str) -> None:
    with pytest.raises(InvalidToken):
        ask(sandbox, lambda bot: bot.get_me(), token)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "Message text is empty"), (" \n", "Message text is empty"), ("x" * 4097, "Message is too long")],
)
def test_a_text_that_is_refused(sandbox: Sandbox, text: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        ask(sandbox, lambda bot: bot.send_message(CHANNEL, text))


@pytest.mark.parametrize("text", ["x" * 4096, "\U0001f6a2" * 2048])
def test_a_text_counts_in_utf16_units(sandbox: Sandbox, text: str) -> None:
    assert ask(sandbox, lambda bot: bot.send_message(CHANNEL, text)).text == text
    with pytest.raises(BadRequest, match="Message is too long"):
        ask(sandbox, lambda bot: bot.send_message(CHANNEL, text + "!"))


@pytest.mark.parametrize(
    ("photo", "caption", "told"),
    [
        (png(), "x" * 1025, "Message caption is too long"),
        (b"no picture", "", "Image_process_failed"),
        (png(9_990, 11), "", "Photo_invalid_dimensions"),
        (png(210, 10), "", "Photo_invalid_dimensions"),
        (png() + bytes(10 * 1024 * 1024), "", "is too big for a photo; the maximum size is 10485760 bytes"),
    ],
)
def test_a_photo_that_is_refused(sandbox: Sandbox, photo: bytes, caption: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        ask(sandbox, lambda bot: bot.send_photo(CHANNEL, photo, caption=caption))


def test_markup_is_refused_rather_than_shown_as_it_is(sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest, match="Parse_mode is not simulated"):
        ask(sandbox, lambda bot: bot.send_message(CHANNEL, "*hello*", parse_mode="MarkdownV2"))


def test_a_message_is_taken_back_once(sandbox: Sandbox, telegram: Any) -> None:
    async def twice(bot: Bot) -> bool:
        sent = await bot.send_message(CHANNEL, "hello")
        assert await bot.delete_message(sent.chat.id, sent.message_id)
        return await bot.delete_message(CHANNEL, sent.message_id)

    with pytest.raises(BadRequest, match="Message to delete not found"):
        ask(sandbox, twice)
    assert telegram.visible() == ()


def test_after_two_days_nothing_can_be_taken_back(sandbox: Sandbox, clock: TurnedClock) -> None:
    sent = ask(sandbox, lambda bot: bot.send_message(CHANNEL, "hello"))
    clock.moment += 48 * 3600 + 1
    with pytest.raises(BadRequest, match="Message can't be deleted for everyone"):
        ask(sandbox, lambda bot: bot.delete_message(CHANNEL, sent.message_id))


@pytest.mark.parametrize(
    ("chat", "kind", "status", "may_post"),
    [
        (CHANNEL, "channel", "administrator", True),
        ("@readonly", "channel", "administrator", False),
        ("-1001234567890", "channel", "administrator", True),
        ("@harbour_group", "supergroup", "member", None),
        ("@readonly_group", "supergroup", "restricted", None),
    ],
)
def test_a_chat_says_what_it_is_and_what_the_bot_may(
    sandbox: Sandbox, chat: str, kind: str, status: str, may_post: bool | None
) -> None:
    async def look(bot: Bot) -> Any:
        found = await bot.get_chat(chat)
        return found, await bot.get_chat_member(found.id, (await bot.get_me()).id)

    found, member = ask(sandbox, look)
    assert (found.type, member.status, getattr(member, "can_post_messages", None)) == (kind, status, may_post)


def test_nobody_but_the_bot_is_a_member(sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest, match="User not found"):
        ask(sandbox, lambda bot: bot.get_chat_member(CHANNEL, 5))


def test_a_wait_is_stated_in_the_body_and_in_the_header(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the SDK warns
    sandbox.fault("telegram", Fault.THROTTLED, seconds=7)
    with pytest.raises(RetryAfter) as caught:
        ask(sandbox, lambda bot: bot.send_message(CHANNEL, "hello"))
    assert caught.value.retry_after == timedelta(seconds=7)
    answer = get(sandbox, f"/bot{TOKEN}/getMe")
    assert (answer.headers["Retry-After"], answer.json()["parameters"]) == ("7", {"retry_after": 7})


def test_a_wait_that_is_not_stated_stands_nowhere(sandbox: Sandbox) -> None:
    sandbox.fault("telegram", Fault.THROTTLED, wait="absent")
    answer = get(sandbox, f"/bot{TOKEN}/getMe")
    assert "Retry-After" not in answer.headers
    assert answer.json() == {"ok": False, "error_code": 429, "description": "Too Many Requests"}


def test_only_what_changes_something_is_a_write(sandbox: Sandbox, telegram: Any) -> None:
    sandbox.fault("telegram", Fault.ERROR, on=On.WRITES)
    ask(sandbox, lambda bot: bot.get_me())
    with pytest.raises(Exception, match="Internal Server Error"):
        ask(sandbox, lambda bot: bot.send_message(CHANNEL, "hello"))
    assert telegram.counts() == {Kind.READ: 1, Kind.WRITE: 1, Kind.UPLOAD: 0, Kind.SESSION: 0}


def test_the_log_keeps_no_token(sandbox: Sandbox, telegram: Any) -> None:
    ask(sandbox, lambda bot: bot.send_message(CHANNEL, "hello"))
    assert [entry.path for entry in telegram.requests()] == ["/bot***/sendMessage"]
    assert TOKEN not in httpx.get(f"{sandbox.control_url}/requests", trust_env=False).text


def test_a_method_that_does_not_exist_is_not_found(sandbox: Sandbox) -> None:
    answers = [get(sandbox, path) for path in (f"/bot{TOKEN}/sendRocket", "/nowhere")]
    assert [(answer.status_code, answer.json()["description"]) for answer in answers] == [
        (404, "Not Found: method not found"),
        (404, "Not Found"),
    ]


@pytest.mark.parametrize("how", ["json", "form", "query"])
def test_arguments_are_taken_in_every_form(sandbox: Sandbox, telegram: Any, how: str) -> None:
    url, given = f"{sandbox.url('telegram')}/bot{TOKEN}/SendMessage", {"chat_id": CHANNEL, "text": "hello"}
    if how == "query":
        answer = httpx.get(url, params=given, trust_env=False)
    else:
        answer = httpx.post(url, trust_env=False, **{"json" if how == "json" else "data": given})
    assert answer.json()["result"]["text"] == "hello"
    assert len(telegram.posts()) == 1


def test_broken_json_is_refused(sandbox: Sandbox) -> None:
    url, headers = f"{sandbox.url('telegram')}/bot{TOKEN}/sendMessage", {"Content-Type": "application/json"}
    answer = httpx.post(url, content=b"{", headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


# What the public sees


def test_the_widget_shows_the_post_escaped_or_says_that_there_is_none(sandbox: Sandbox) -> None:
    ask(sandbox, lambda bot: bot.send_message(CHANNEL, "<b> & https://a.example/1."))
    there, absent, nobody = (
        get(sandbox, f"/{path}?embed=1").text for path in ("HarbourFerries/1", "harbourferries/2", "nobodys/1")
    )
    assert 'data-post="harbourferries/1"' in there
    assert '&lt;b&gt; &amp; <a href="https://a.example/1" rel="noopener">https://a.example/1</a>.' in there
    assert '<div class="tgme_widget_message_error">Post not found</div>' in absent
    assert "Channel with username @nobodys not found" in nobody


def test_a_hidden_post_is_shown_nowhere_until_the_fault_is_lifted(sandbox: Sandbox, telegram: Any) -> None:
    sandbox.fault("telegram", Fault.HIDDEN)
    ask(sandbox, lambda bot: bot.send_message(CHANNEL, "hello"))
    paths = ("/harbourferries/1?embed=1", "/s/harbourferries", "/harbourferries/1")
    assert ["hello" in get(sandbox, path).text for path in paths] == [False] * 3
    sandbox.lift()
    assert ["hello" in get(sandbox, path).text for path in paths] == [True] * 3


def test_a_channels_list_has_the_twenty_before_a_number(sandbox: Sandbox) -> None:
    async def many(bot: Bot) -> None:
        for number in range(1, 24):
            await bot.send_message(CHANNEL, f"number {number}")

    def numbers(path: str) -> list[int]:
        return [int(piece.partition('"')[0]) for piece in get(sandbox, path).text.split("harbourferries/")[1:]]

    ask(sandbox, many)
    assert numbers("/s/harbourferries") == list(range(4, 24))
    assert numbers("/s/harbourferries?before=10") == list(range(1, 10))


def test_groups_and_channels_without_previews_have_no_list(sandbox: Sandbox, telegram: Any) -> None:
    for chat in (CHANNEL, "@harbour_group"):
        ask(sandbox, lambda bot, chat=chat: bot.send_message(chat, "hello"))  # type: ignore[misc]
    telegram.previews = False
    assert [get(sandbox, f"/s/{name}").status_code for name in ("harbourferries", "harbour_group")] == [302, 302]


def test_a_private_chat_is_not_for_readers(sandbox: Sandbox, telegram: Any) -> None:
    ask(sandbox, lambda bot: bot.send_message("-1001234567890", "hello"))
    assert (len(telegram.posts()), telegram.visible()) == (1, ())
