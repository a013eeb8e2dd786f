"""Telegram to contacts: what each of them is sent, whom a refusal concerns, and what many messages share."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import pytest
from tests.channels.telegram_bench import (
    A_WAIT,
    SLACK,
    TOKEN,
    an_errand,
    chats,
    png,
    refusing,
    run,
    says,
    to,
)
from tests.servers.faults import FaultServer
from tests.servers.telemelya import Telemelya

from surecast.channel import Confirms, Finds, Probes, Retracts
from surecast.channels import telegram, telegram_chats
from surecast.channels._telegram_answers import CallError
from surecast.channels.telegram_chats import KIND, TRAITS, TelegramChats
from surecast.contact import Medium
from surecast.outcome import Outcome, Reason, Receipt, Scope, Verdict
from surecast.rate import Rate
from surecast.sandbox import Fault, Sandbox
from surecast.secret import Secret
from surecast.testing import attempt

ANNA, BORIS, CLEO = "551234567", "551234568", "551234569"
BLOCKED, DELETED, NEVER_STARTED, UNKNOWN = "403001", "403002", "403003", "400404"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.in_thread(["telegram"]) as running:
        yield running


@pytest.fixture
def url(sandbox: Sandbox) -> str:
    return sandbox.url("telegram")


@pytest.fixture
def far(sandbox: Sandbox) -> Any:
    return sandbox.platforms["telegram"]


async def write(
    adapter: TelegramChats, addresses: Sequence[str], text: str, *pictures: bytes, timeout_s: float = 10.0
) -> list[Outcome]:
    """One announcement to each, at once."""
    payload = await adapter.prepare(an_errand(text, *pictures))
    try:
        return await asyncio.gather(*(attempt(adapter, to(each, payload, timeout_s)) for each in addresses))
    finally:
        await adapter.close()


def one(adapter: TelegramChats, text: str = "Hello") -> Outcome:
    return run(write(adapter, [ANNA], text))[0]


def taken(number: int = 7, photo: str = "") -> dict[str, Any]:
    sizes = {"photo": [{"file_id": "small"}, {"file_id": photo}]} if photo else {}
    return {"ok": True, "result": {"message_id": number, "chat": {"id": int(ANNA), "type": "private"}, **sizes}}


# The kind and its payload


def test_the_kind_says_what_it_can() -> None:
    assert KIND.name == telegram.KIND.name
    assert telegram.KIND.with_audience is KIND
    assert [KIND.able(ability) for ability in (Finds, Confirms, Retracts, Probes)] == [False, False, False, True]
    assert (TRAITS.public, TRAITS.medium, TRAITS.resend) == (False, Medium.TELEGRAM, "never")
    assert TRAITS.limits == telegram.TRAITS.limits
    assert (KIND.in_flight, KIND.rate) == (20, Rate.parse("30/s"))
    assert telegram.KIND.rate == Rate.parse("20/min")


def test_an_audience_stands_in_the_place_of_the_chat() -> None:
    here = {field.name: field.metadata for field in fields(telegram_chats.Settings)}
    there = {field.name: field.metadata for field in fields(telegram.Settings)}
    assert set(there) - set(here) == {"chat", "pages"}
    assert here.items() <= there.items()


def test_the_payload_names_no_chat() -> None:
    adapter = chats("https://api.telegram.org", silent=True, link_preview=False)
    assert json.loads(run(adapter.prepare(an_errand("Ferry 12 < 13 & *so* on")))) == {
        "method": "sendMessage",
        "arguments": {
            "disable_notification": True,
            "text": "Ferry 12 < 13 & *so* on",
            "link_preview_options": {"is_disabled": True},
        },
    }


def test_an_image_that_does_not_go_beside_the_words_stays_and_each_is_told(url: str, far: Any) -> None:
    outcomes = run(write(chats(url), [ANNA, BORIS], "x" * 1025, png()))
    assert [post.pictures for post in far.posts()] == [(), ()]
    assert {outcome.detail for outcome in outcomes} == {
        "The image was left out: Telegram takes 1024 characters beside one, and these are 1025."
    }


# Whom a refusal concerns


def test_each_contact_gets_the_message_in_the_chat_with_the_bot(url: str, far: Any) -> None:
    outcomes = run(write(chats(url), [ANNA, BORIS], "Ferry 12 is cancelled"))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 2
    assert {str(post.raw["chat"]["id"]): post.text for post in far.posts()} == dict.fromkeys(
        [ANNA, BORIS], "Ferry 12 is cancelled"
    )
    assert far.visible() == ()


def test_a_receipt_keeps_no_address(url: str) -> None:
    assert one(chats(url)).receipt == Receipt(id="1", url=None)


def test_one_who_blocked_the_bot_concerns_nobody_else(url: str, far: Any) -> None:
    first, blocked, last = run(write(chats(url), [ANNA, BLOCKED, CLEO], "Ferry 12 is cancelled"))
    assert (first.verdict, last.verdict, len(far.posts())) == (Verdict.ACCEPTED, Verdict.ACCEPTED, 2)
    assert (blocked.verdict, blocked.scope, blocked.reason) == NOBODY_THERE


def test_answers_to_calls_at_once_are_not_mixed_up(url: str, far: Any) -> None:
    meant = [f"55{number:07}" if number % 3 else BLOCKED for number in range(60)]
    outcomes = run(write(chats(url), meant, "Ferry 12 is cancelled"))
    numbers = {str(post.raw["chat"]["id"]): str(post.raw["message_id"]) for post in far.posts()}
    assert [outcome.receipt and outcome.receipt.id for outcome in outcomes] == [numbers.get(each) for each in meant]


NOBODY_THERE = (Verdict.REFUSED, Scope.RECIPIENT, Reason.NO_SUCH_ADDRESS)
NOT_LET = (Verdict.REFUSED, Scope.RECIPIENT, Reason.NOT_ALLOWED)
TOKEN_REFUSED = (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS)
TEXT = (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED)
PHOTO = (Verdict.REFUSED, Scope.CONTENT, Reason.MEDIA_REFUSED)


@pytest.mark.parametrize(
    ("address", "means", "said"),
    [
        (BLOCKED, NOBODY_THERE, "has blocked the bot"),
        (DELETED, NOBODY_THERE, "is no more"),
        (NEVER_STARTED, NOT_LET, "press Start"),
        (UNKNOWN, NOBODY_THERE, "Correct it in the contacts"),
        ("@kicked_group", NOT_LET, "does not let the bot write to this chat"),
        ("@readonly", NOT_LET, "does not let the bot write to this chat"),
        ("-42", NOBODY_THERE, "now it is -10***0042."),
    ],
)
def test_who_cannot_be_reached_is_told_apart(
    url: str, address: str, means: tuple[Verdict, Scope, Reason], said: str
) -> None:
    (outcome,) = run(write(chats(url), [address], "Hello"))
    assert (outcome.verdict, outcome.scope, outcome.reason) == means
    assert said in outcome.detail


@pytest.mark.parametrize(
    ("status", "description", "means"),
    [
        (403, "Forbidden: bot was kicked from the group chat", NOT_LET),
        (403, "Forbidden: bot can't send messages to bots", NOT_LET),
        (403, "Forbidden: the group chat was deleted", NOBODY_THERE),
        (403, "Forbidden: something new", NOT_LET),
        (400, "Bad Request: PEER_ID_INVALID", NOBODY_THERE),
        (400, "Bad Request: group chat was deactivated", NOBODY_THERE),
        (400, "Bad Request: have no rights to send a message", NOT_LET),
        (400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", NOT_LET),
        (400, "Bad Request: something new", NOT_LET),
        (400, "Bad Request: message is too long", TEXT),
        (400, "Bad Request: message text is empty", TEXT),
        (400, "Bad Request: message caption is too long", TEXT),
        (400, "Bad Request: IMAGE_PROCESS_FAILED", PHOTO),
        (413, "Request Entity Too Large", PHOTO),
        (401, "Unauthorized", TOKEN_REFUSED),
        (404, "Not Found", TOKEN_REFUSED),
        (409, "Conflict: terminated by other getUpdates request", (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED)),
    ],
)
def test_telegrams_own_words_tell_whom_a_refusal_concerns(
    status: int, description: str, means: tuple[Verdict, Scope, Reason]
) -> None:
    with FaultServer(str(status), body=says(status, description)) as server:
        outcome = one(chats(server.url))
    assert (outcome.verdict, outcome.scope, outcome.reason) == means
    assert description in outcome.detail


def test_a_wait_concerns_the_bot_as_a_whole(url: str, far: Any) -> None:
    far.flood.most = Rate(count=2, span_s=60.0)
    outcomes = run(write(chats(url), [ANNA, BORIS, CLEO], "Hello"))
    (late,) = [outcome for outcome in outcomes if outcome.verdict is not Verdict.ACCEPTED]
    assert (late.verdict, late.scope, len(far.posts())) == (Verdict.THROTTLED, Scope.CHANNEL, 2)
    assert late.retry_after_s == pytest.approx(60.0, abs=2.0)


# Photos


def uploads(server: FaultServer) -> list[bool]:
    """Of each request to send a photo, whether the photo was in it."""
    return [request.headers["Content-Type"].startswith("multipart/") for request in server.requests]


def test_a_photo_is_uploaded_once_for_all(url: str, far: Any) -> None:
    with FaultServer("500", upstream=url, remaining=0) as server:
        outcomes = run(write(chats(server.url), [ANNA, BORIS, CLEO], "Look", png()))
        assert sorted(uploads(server)) == [False, False, True]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 3
    assert [(post.text, len(post.pictures)) for post in far.posts()] == [("Look", 1)] * 3


def test_photos_of_two_announcements_are_not_mixed_up(url: str, far: Any) -> None:
    async def both(adapter: TelegramChats) -> None:
        payloads = [await adapter.prepare(an_errand(text, png())) for text in ("first", "second")]
        await asyncio.gather(*(attempt(adapter, to(each, payload)) for each in (ANNA, BORIS) for payload in payloads))
        await adapter.close()

    run(both(chats(url)))
    shown = {(post.text, post.pictures[0].url) for post in far.posts()}
    assert (len(far.posts()), len(shown), len({picture for _, picture in shown})) == (4, 2, 2)


def test_the_largest_size_of_a_photo_is_sent_again() -> None:
    with FaultServer("200", body=taken(photo="large")) as server:
        run(write(chats(server.url), [ANNA, BORIS], "Look", png()))
        assert b"photo=large" in server.requests[1].body


def test_an_upload_that_failed_is_made_with_the_next_message(url: str, far: Any) -> None:
    with FaultServer("503", upstream=url, remaining=1, body=refusing()) as server:
        outcomes = run(write(chats(server.url), [ANNA, BORIS, CLEO], "Look", png()))
        assert sorted(uploads(server)) == [False, True, True]
    assert sorted(outcome.verdict for outcome in outcomes) == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.UNAVAILABLE]
    assert len(far.posts()) == 2


def test_a_photo_whose_id_is_no_longer_known_is_uploaded_anew() -> None:
    stale = says(400, "Bad Request: wrong file identifier/HTTP URL specified")

    def answer(request: Any, _status: int) -> Any:
        return stale if b"photo=large" in request.body else taken(photo="large")

    async def four(adapter: TelegramChats) -> list[Outcome]:
        payload = await adapter.prepare(an_errand("Look", png()))
        outcomes = [await attempt(adapter, to(ANNA, payload)) for _ in range(3)]
        await adapter.close()
        return outcomes

    with FaultServer("200", body=answer) as server:
        outcomes = run(four(chats(server.url)))
        assert uploads(server) == [True, False, True]
    forgotten = outcomes[1]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED, Verdict.UNAVAILABLE, Verdict.ACCEPTED]
    assert (forgotten.scope, forgotten.reason) == (Scope.RECIPIENT, Reason.MEDIA_REFUSED)


def test_who_waits_too_long_for_an_upload_is_not_sent_anything_and_is_not_in_doubt() -> None:
    with FaultServer("hang_after_body") as server:
        began = time.monotonic()
        outcomes = run(write(chats(server.url), [ANNA, BORIS], "Look", png(), timeout_s=A_WAIT))
        assert (len(server.requests), time.monotonic() - began < A_WAIT + SLACK) == (1, True)
    assert [(outcome.verdict, outcome.scope) for outcome in outcomes] == [
        (Verdict.UNCERTAIN, Scope.CHANNEL),
        (Verdict.UNAVAILABLE, Scope.RECIPIENT),
    ]
    assert "not sent yet" in outcomes[1].detail


def test_in_another_event_loop_a_photo_is_uploaded_again(url: str) -> None:
    adapter = chats(url)
    with FaultServer("500", upstream=url, remaining=0) as server:
        adapter = chats(server.url)
        verdicts = [run(write(adapter, [ANNA, BORIS], "Look", png()))[0].verdict for _ in range(2)]
        assert sorted(uploads(server)) == [False, False, True, True]
    assert verdicts == [Verdict.ACCEPTED] * 2


# Connections


async def one_after_the_other(adapter: TelegramChats, between: Callable[[], None] = lambda: None) -> list[Outcome]:
    payload = await adapter.prepare(an_errand("Hello"))
    first = await attempt(adapter, to(ANNA, payload))
    between()
    second = await attempt(adapter, to(BORIS, payload))
    await adapter.close()
    return [first, second]


def test_a_connection_is_used_again() -> None:
    with FaultServer("200", body=taken()) as server:
        outcomes = run(one_after_the_other(chats(server.url)))
        assert (len(server.requests), server.connections) == (2, 1)
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telegram_chats, "KEPT_S", 1e-9)
    with FaultServer("200", body=taken()) as server:
        run(one_after_the_other(chats(server.url)))
        assert (len(server.requests), server.connections) == (2, 2)


def test_a_connection_that_the_server_gave_up_leaves_no_doubt(sandbox: Sandbox, url: str) -> None:
    outcomes = run(one_after_the_other(chats(url), between=lambda: sandbox.fault("telegram", Fault.DOWN)))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED, Verdict.UNAVAILABLE]


@pytest.mark.parametrize("fault", ["refused", "tls_garbage", "tls_self_signed"])
def test_a_connection_that_is_never_made_leaves_no_doubt(fault: str) -> None:
    with FaultServer(fault) as server:
        outcome = one(chats(server.url))
    assert (outcome.verdict, outcome.scope, outcome.reason) == (
        Verdict.UNAVAILABLE,
        Scope.CHANNEL,
        Reason.NOT_CONNECTED,
    )


# The token, and what must not be shown


@pytest.mark.parametrize("status", ["401", "404"])
def test_a_token_that_was_refused_is_read_anew(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "1:old-token")
    renew = lambda: monkeypatch.setenv("THE_TOKEN", "1:new-token")  # noqa: E731 - reads like the others
    with FaultServer(status, body=refusing()) as server:
        outcomes = run(one_after_the_other(chats(server.url, Secret("env", "THE_TOKEN")), between=renew))
        paths = [request.path for request in server.requests]
    assert paths == ["/bot1:old-token/sendMessage", "/bot1:new-token/sendMessage"]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.UNAUTHORIZED] * 2


def test_a_token_that_cannot_be_read_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    outcome = one(chats("https://api.telegram.org", Secret("env", "NO_SUCH_TOKEN")))
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)


@pytest.mark.parametrize("fault", ["200", "400", "401", "403", "429", "500", "200-html", "reset", "hang_after_body"])
def test_neither_the_token_nor_the_address_nor_the_words_are_shown(
    fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    async def publish(adapter: TelegramChats) -> None:
        sending = to(ANNA, await adapter.prepare(an_errand("Secret words")), A_WAIT)
        shown.extend([repr(adapter), repr(await attempt(adapter, sending))])
        try:
            await asyncio.wait_for(adapter.publish(sending), A_WAIT)
        except (CallError, TimeoutError) as error:
            shown.append("".join(traceback.format_exception(error)) + repr(vars(error)))
        await adapter.close()

    body = taken() if fault == "200" else refusing() if fault.isdecimal() else None
    with FaultServer(fault, body=body) as server:
        run(publish(chats(server.url)))
    everything = "".join([*shown, caplog.text, *capfd.readouterr()])
    assert [secret for secret in (TOKEN, ANNA, "Secret words") if secret in everything] == []


# Probing


def test_a_probe_says_which_bot_writes(url: str, far: Any) -> None:
    probed = run(chats(url).probe(5.0))
    assert (probed.ok, probed.detail) == (True, "Writes as @announcer_bot to who has pressed Start there.")
    assert far.posts() == ()


@pytest.mark.parametrize(("token", "said"), [("wrong", "@BotFather"), ("two words", "Copy it anew")])
def test_a_probe_of_a_token_that_is_none_says_so(url: str, token: str, said: str) -> None:
    probed = run(chats(url, token).probe(5.0))
    assert (probed.ok, said in probed.detail, token in probed.detail) == (False, True, False)


@pytest.mark.parametrize("fault", ["refused", "hang_after_body", "500", "200-html"])
def test_a_probe_of_a_platform_in_trouble_says_what_is_wrong(fault: str) -> None:
    with FaultServer(fault) as server:
        probed = run(chats(server.url).probe(A_WAIT))
    assert (probed.ok, bool(probed.detail), "delivered" in probed.detail) == (False, True, False)


# Somebody else's reading of the SDK's requests


@pytest.mark.server
def test_somebody_else_reads_what_each_was_sent(telemelya: Telemelya) -> None:
    text = f"Ferry 12: 5 > 3 & *so* on ¡Olé! 👩‍👩‍👧 {time.time_ns()}"
    data = png()
    outcomes = run(write(chats(telemelya.url, silent=True), [ANNA, BORIS, CLEO], text, data))
    sent = telemelya.sent()[-3:]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.ACCEPTED] * 3
    assert sorted(str(each["chat_id"]) for each in sent) == [ANNA, BORIS, CLEO]
    assert {(each["method"], each["caption"]) for each in sent} == {("sendPhoto", text)}
    assert telemelya.photo(sent[0]["file_id"]) == data
