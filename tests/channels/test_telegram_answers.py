"""Calls of the Bot API: the token, what answers and failures mean, and that no call outlives its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import traceback
import warnings
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest
from tests.channels.telegram_bench import (
    A_WAIT,
    CHAT,
    MESSAGE,
    SLACK,
    TOKEN,
    a_sending,
    an_adapter,
    an_errand,
    is_post,
    png,
    refusing,
    run,
    says,
)
from tests.servers.faults import FaultServer

from surecast.channels._telegram_answers import CallError
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.sandbox import Sandbox
from surecast.secret import Secret
from surecast.testing import attempt

# The token


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tökén", "1:a/../2:b", "1:a?x", "1:a#x", "%2e"])
def test_a_token_that_would_lead_elsewhere_is_a_mistake_and_is_not_shown(token: str) -> None:
    with FaultServer("200") as far:
        outcome = run(attempt(an_adapter(far.url, token), a_sending("Hello")))
        probed = run(an_adapter(far.url, token).probe(1.0))
        assert far.requests == []
    assert (outcome.verdict, outcome.reason, probed.ok) == (Verdict.SKIPPED, Reason.MISCONFIGURED, False)
    assert token not in outcome.detail + probed.detail


def test_a_token_that_is_not_set_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    adapter = an_adapter("https://api.telegram.org", Secret("env", "NO_SUCH_TOKEN"))

    async def open_and_publish() -> Outcome:
        await adapter.open()
        return await attempt(adapter, a_sending("Hello"))

    outcome = run(open_and_publish())
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert "NO_SUCH_TOKEN" in outcome.detail


@pytest.mark.parametrize("status", ["401", "404"])
def test_a_token_that_was_refused_is_read_anew(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "1:old-token")

    async def twice(far: FaultServer) -> None:
        adapter = an_adapter(far.url, Secret("env", "THE_TOKEN"))
        await attempt(adapter, a_sending("Hello"))
        monkeypatch.setenv("THE_TOKEN", "1:new-token")
        await attempt(adapter, a_sending("Hello"))

    with FaultServer(status, body=refusing()) as far:
        run(twice(far))
        paths = [request.path for request in far.requests]
    assert paths == ["/bot1:old-token/sendMessage", "/bot1:new-token/sendMessage"]


# What errors mean


IN_DOUBT = (Verdict.UNCERTAIN, Scope.CHANNEL)
FAULTS: dict[str, tuple[Verdict, Scope, Reason]] = {
    "refused": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "tls_garbage": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "tls_self_signed": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.NOT_CONNECTED),
    "hang_before_body": (*IN_DOUBT, Reason.TIMED_OUT),
    "hang_after_body": (*IN_DOUBT, Reason.TIMED_OUT),
    "slow_drip": (*IN_DOUBT, Reason.TIMED_OUT),
    "reset": (*IN_DOUBT, Reason.INTERRUPTED),
    "close": (*IN_DOUBT, Reason.INTERRUPTED),
    "half": (*IN_DOUBT, Reason.INTERRUPTED),
    "302": (*IN_DOUBT, Reason.REDIRECTED),
    "400": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "401": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS),
    "403": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "404": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS),
    "408": (*IN_DOUBT, Reason.SERVER_ERROR),
    "409": (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "413": (Verdict.REFUSED, Scope.CONTENT, Reason.MEDIA_REFUSED),
    "422": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "429": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "429-date": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "429-none": (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED),
    "500": (*IN_DOUBT, Reason.SERVER_ERROR),
    "502": (*IN_DOUBT, Reason.SERVER_ERROR),
    "503": (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.SERVER_ERROR),
    "504": (*IN_DOUBT, Reason.SERVER_ERROR),
    "200-html": (*IN_DOUBT, Reason.UNREADABLE_REPLY),
    "200-broken-json": (*IN_DOUBT, Reason.UNREADABLE_REPLY),
    "lost_reply": (*IN_DOUBT, Reason.INTERRUPTED),
    "lost_reply_hang": (*IN_DOUBT, Reason.TIMED_OUT),
    "lost_reply_502": (*IN_DOUBT, Reason.SERVER_ERROR),
}
UNREACHED = ("refused", "tls_garbage", "tls_self_signed")


@pytest.mark.parametrize("pictures", [0, 1], ids=["text", "photo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_matrix(
    fault: str, pictures: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    body = refusing() if fault[:1] in "45" and fault != "502" else None

    async def twice(far: FaultServer) -> Any:
        adapter = an_adapter(far.url)
        await adapter.open()
        payload = await adapter.prepare(an_errand("Ferry 12", *([png()] * pictures)))
        outcomes, times = [], []
        for _ in range(2):
            began = time.monotonic()
            outcomes.append(await attempt(adapter, a_sending(payload, A_WAIT)))
            times.append(time.monotonic() - began)
        await adapter.close()
        return outcomes, times

    with ExitStack() as servers:
        options: dict[str, Any] = {}
        if fault not in UNREACHED:
            upstream = servers.enter_context(Sandbox.in_thread(["telegram"]))
            options = {"only": is_post, "upstream": upstream.url("telegram"), "body": body}
        far = servers.enter_context(FaultServer(fault, **options))
        outcomes, times = run(twice(far))
        if fault.startswith("lost"):
            assert len(upstream.platforms["telegram"].posts()) == 2
        assert len(far.disturbed) == len(far.requests) == (0 if fault in UNREACHED else 2)  # one write per attempt
        sent = {_without_boundary(request.body) for request in far.requests}
    assert [(one.verdict, one.scope, one.reason) for one in outcomes] == [FAULTS[fault]] * 2
    assert max(times) < A_WAIT + SLACK
    assert len(sent) <= 1
    assert all(one.detail for one in outcomes)
    shown = "".join(one.detail for one in outcomes) + repr(outcomes) + caplog.text + "".join(capfd.readouterr())
    assert TOKEN not in shown
    assert "Ferry 12" not in shown  # no bodies either


def _without_boundary(body: bytes) -> bytes:
    """A multipart body without the random line between its parts."""
    first = body.partition(b"\r\n")[0]
    return body.replace(first, b"") if first.startswith(b"--") else body


RIGHTS = (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.NOT_ALLOWED)
NO_CHAT = (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED)
PHOTO = (Verdict.REFUSED, Scope.CONTENT, Reason.MEDIA_REFUSED)
TEXT = (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED)


@pytest.mark.parametrize(
    ("status", "description", "means"),
    [
        (400, "Bad Request: chat not found", NO_CHAT),
        (400, "Bad Request: PEER_ID_INVALID", NO_CHAT),
        (400, "Bad Request: group chat was deactivated", NO_CHAT),
        (400, "Bad Request: need administrator rights in the channel chat", RIGHTS),
        (400, "Bad Request: not enough rights to send text messages to the chat", RIGHTS),
        (400, "Bad Request: have no rights to send a message", RIGHTS),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", RIGHTS),
        (400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", RIGHTS),
        (400, "Bad Request: TOPIC_CLOSED", RIGHTS),
        (403, "Forbidden: bot is not a member of the channel chat", RIGHTS),
        (403, "Forbidden: bot was kicked from the supergroup chat", RIGHTS),
        (400, "Bad Request: message is too long", TEXT),
        (400, "Bad Request: message text is empty", TEXT),
        (400, "Bad Request: message caption is too long", TEXT),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", PHOTO),
        (400, "Bad Request: IMAGE_PROCESS_FAILED", PHOTO),
        (401, "Unauthorized", (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS)),
        (404, "Not Found", (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS)),
        (409, "Conflict: terminated by other getUpdates request", NO_CHAT),
        (413, "Request Entity Too Large", PHOTO),
        (
            500,
            "Internal Server Error: sent message was immediately deleted and can't be returned",
            (*IN_DOUBT, Reason.SERVER_ERROR),
        ),
        (502, "Bad Gateway", (*IN_DOUBT, Reason.SERVER_ERROR)),
    ],
)
@pytest.mark.parametrize("over", ["http", "success"])
def test_telegrams_own_words_tell_what_a_refusal_means(
    status: int, description: str, means: tuple[Verdict, Scope, Reason], over: str
) -> None:
    """Also where they come with a success: then the code in the body counts."""
    with FaultServer(str(status) if over == "http" else "200", body=says(status, description)) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.scope, outcome.reason) == means
    assert status == 502 or description in outcome.detail


def test_a_group_that_became_a_supergroup_is_named_by_its_new_number() -> None:
    body = says(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001234567890)
    with FaultServer("400", body=body) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.scope, outcome.reason) == NO_CHAT
    assert 'Write chat = "-1001234567890".' in outcome.detail


@pytest.mark.parametrize(
    ("fault", "parameters", "wait"),
    [
        ("429", {"retry_after": 35}, 35.0),
        ("429-none", {"retry_after": 35}, 35.0),
        ("429", {}, 7.0),
        ("429-date", {}, 7.0),
        ("429", {"retry_after": "soon"}, 7.0),
        ("429-none", {}, None),
    ],
)
def test_a_stated_wait_is_passed_on_and_telegrams_own_counts_first(
    fault: str, parameters: dict[str, Any], wait: float | None
) -> None:
    with FaultServer(fault, retry_after=7.0, body=refusing("Too Many Requests", **parameters)) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert outcome.verdict is Verdict.THROTTLED
    assert outcome.retry_after_s == (None if wait is None else pytest.approx(wait, abs=1.5))


def test_being_throttled_warns_nobody() -> None:
    """The SDK warns when it builds its own error for that."""
    with FaultServer("429", body=refusing("Too Many Requests", retry_after=3)) as far:  # noqa: SIM117
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert [str(each.message) for each in told if each.category is not ResourceWarning] == []


@pytest.mark.parametrize(
    "body",
    [
        {"ok": True},
        {"ok": True, "result": True},
        {"ok": True, "result": None},
        {"ok": True, "result": {"message_id": "7", "chat": {"id": -100}}},
        {"ok": True, "result": {"message_id": 7}},
        {"ok": True, "result": {**MESSAGE, "chat": {}}},
        {"ok": False},
        {"ok": False, "error_code": "400"},
        {"ok": False, "error_code": 200},
        {"message_id": 7},
        [],
        "7",
    ],
)
def test_a_success_without_a_message_leaves_doubt(body: Any) -> None:
    with FaultServer("200", body=body) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)


@pytest.mark.parametrize(
    ("fault", "means"),
    [
        ("401", (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)),
        ("403", (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)),
        ("404", (Verdict.REFUSED, Reason.NOT_ALLOWED)),
    ],
)
def test_a_page_of_something_in_between_is_not_telegrams_word(fault: str, means: tuple[Verdict, Reason]) -> None:
    with FaultServer(fault, body="<html><h1>Blocked</h1></html>") as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.reason) == means


def test_a_body_that_cannot_be_decoded_leaves_doubt_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer("200", body=b"\xff\xfe secret words") as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)
    assert caplog.text == ""


# What was surely not sent


def test_a_connection_that_is_never_made_leaves_no_doubt() -> None:
    with ExitStack() as sockets:
        full = sockets.enter_context(closing(socket.socket()))
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # one connection fits; the packets that would begin others are dropped
        for _ in range(3):
            waiting = sockets.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        outcome = _not_connected(f"http://127.0.0.1:{full.getsockname()[1]}")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)


def test_a_handshake_that_never_ends_leaves_no_doubt() -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcome = _not_connected(f"https://127.0.0.1:{silent.getsockname()[1]}")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)


def _not_connected(url: str) -> Outcome:
    async def once() -> Outcome:
        adapter = an_adapter(url)
        await adapter.open()  # loading the SDK is no part of the attempt
        return await attempt(adapter, a_sending("Hello", A_WAIT))

    return run(once())


# Nothing secret, nothing left behind


@pytest.mark.parametrize(
    "fault", ["refused", "reset", "hang_after_body", "401", "404", "422", "429", "200-html", "302"]
)
def test_no_error_shows_the_token_however_far_it_is_followed(fault: str) -> None:
    with FaultServer(fault) as far, pytest.raises((CallError, TimeoutError)) as raised:
        run(asyncio.wait_for(an_adapter(far.url).publish(a_sending("Hello")), A_WAIT))
    assert TOKEN not in "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))


def test_nothing_in_the_settings_or_the_adapter_shows_the_token() -> None:
    adapter = an_adapter("https://api.telegram.org")
    run(adapter.open())
    assert TOKEN not in repr(replace(adapter._settings)) + repr(adapter) + str(vars(adapter))


def test_another_adapters_error_is_left_to_the_common_rules() -> None:
    adapter = an_adapter("https://api.telegram.org")
    assert adapter.classify(ValueError("whatever")) is None
    assert adapter.classify(ConfigError("whatever")) is None
    assert adapter.classify(CallError("sendMessage", None)) is None


def test_a_call_that_is_given_up_closes_its_connection() -> None:
    async def give_up() -> None:
        came, gone = asyncio.Event(), asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"text=Hello")
            came.set()
            await reader.read()  # until the other end closes
            gone.set()
            writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        async with server:
            adapter = an_adapter(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            call = asyncio.create_task(adapter.publish(a_sending("Hello", 60.0)))
            await asyncio.wait_for(came.wait(), 10.0)
            call.cancel()
            await asyncio.wait({call}, timeout=SLACK)
            assert call.cancelled()
            await asyncio.wait_for(gone.wait(), SLACK)

    run(give_up())


def test_a_proxy_of_the_house_is_used() -> None:
    async def through(far: FaultServer) -> Outcome:
        adapter = an_adapter("http://127.0.0.1:1", chat=CHAT)
        adapter._context = replace(adapter._context, proxy=far.url)
        return await attempt(adapter, a_sending("Hello"))

    with FaultServer("200", body={"ok": True, "result": MESSAGE}) as far:
        outcome = run(through(far))
        assert [request.path for request in far.requests] == [f"http://127.0.0.1:1/bot{TOKEN}/sendMessage"]
    assert outcome.verdict is Verdict.ACCEPTED
