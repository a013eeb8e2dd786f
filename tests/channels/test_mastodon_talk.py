"""Calls to a Mastodon server: the token, what failures mean, and that no call outlives its end."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.channels.mastodon_bench import (
    A_WAIT,
    SLACK,
    STATUS,
    TOKEN,
    Server,
    a_sending,
    an_adapter,
    attempt,
    is_post,
    key_of,
    new_text,
    run,
    with_text,
)
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnMastodonMock
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.process import wait_until

from surecast.channels._mastodon_talk import CallError
from surecast.errors import ConfigError
from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.secret import Secret

pytestmark = pytest.mark.server


@pytest.fixture(params=["snac", "mastodon_mock"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


# The token


def test_a_token_that_is_also_the_name_of_a_file_is_sent_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-token").write_text("another-token\n")
    monkeypatch.chdir(tmp_path)
    with FaultServer("422") as far:
        run(attempt(an_adapter(far.url, "my-token"), a_sending("Hello")))

        assert far.requests[0].headers["Authorization"] == "Bearer my-token"


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tökén"])
def test_a_token_that_no_header_can_carry_is_a_mistake_and_is_not_shown(token: str) -> None:
    with FaultServer("200") as far:
        outcome = run(attempt(an_adapter(far.url, token), a_sending("Hello")))
        probed = run(an_adapter(far.url, token).probe(1.0))

        assert far.requests == []
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert not probed.ok
    assert token not in outcome.detail + probed.detail


def test_a_token_that_is_not_set_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    secret = Secret("env", "NO_SUCH_TOKEN")

    outcome = run(attempt(an_adapter("https://social.example", secret), a_sending("Hello")))

    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert "NO_SUCH_TOKEN" in outcome.detail


def test_a_token_that_was_refused_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "old-token")

    async def twice(far: FaultServer) -> None:
        adapter = an_adapter(far.url, Secret("env", "THE_TOKEN"))
        await attempt(adapter, a_sending("Hello"))
        monkeypatch.setenv("THE_TOKEN", "new-token")
        await attempt(adapter, a_sending("Hello"))

    with FaultServer("401") as far:
        run(twice(far))

        assert [request.headers["Authorization"] for request in far.requests] == [
            "Bearer old-token",
            "Bearer new-token",
        ]


def test_a_refused_token_is_not_the_servers_fault(server: Server) -> None:
    text = new_text()
    outcome = run(attempt(an_adapter(server.url, "no-such-token"), a_sending(text)))

    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert with_text(server, text) == []


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
    "304": (*IN_DOUBT, Reason.REDIRECTED),
    "400": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
    "401": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS),
    "403": (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "404": (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED),
    "408": (*IN_DOUBT, Reason.SERVER_ERROR),
    "413": (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED),
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
    "200": (*IN_DOUBT, Reason.UNREADABLE_REPLY),  # JSON, but no status
    "lost_reply": (*IN_DOUBT, Reason.INTERRUPTED),
    "lost_reply_hang": (*IN_DOUBT, Reason.TIMED_OUT),
    "lost_reply_502": (*IN_DOUBT, Reason.SERVER_ERROR),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_matrix(
    fault: str, mastodon_mock: MastodonMock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    text = new_text()
    caplog.set_level(logging.DEBUG)
    unreachable = fault in ("refused", "tls_garbage", "tls_self_signed")
    token = mastodon_mock.access_token if fault.startswith("lost") else TOKEN
    options: dict[str, Any] = {} if unreachable else {"only": is_post, "upstream": mastodon_mock.url}
    if fault == "200":
        options["body"] = {"ok": True}

    async def twice(far: FaultServer) -> Any:
        adapter = an_adapter(far.url, token)
        await adapter.open()
        sending = a_sending(text, timeout_s=A_WAIT)
        outcomes, times = [], []
        for _ in range(2):
            started = time.monotonic()
            outcomes.append(await attempt(adapter, sending))
            times.append(time.monotonic() - started)
        return outcomes, times

    with FaultServer(fault, **options) as far:
        outcomes, times = run(twice(far))

        assert [(one.verdict, one.scope, one.reason) for one in outcomes] == [FAULTS[fault]] * 2
        assert max(times) < A_WAIT + SLACK
        assert len(far.disturbed) == len(far.requests) == (0 if unreachable else 2)  # one write per attempt
        assert {request.headers["Idempotency-Key"] for request in far.requests} <= {key_of(text)}
        assert len({request.body for request in far.requests if fault != "hang_before_body"}) <= 1
    assert len(with_text(mastodon_mock, text)) == (1 if fault.startswith("lost") else 0)
    shown = "".join(one.detail for one in outcomes) + repr(outcomes) + caplog.text + "".join(capfd.readouterr())
    assert token not in shown
    assert all(one.detail for one in outcomes)


@pytest.mark.parametrize(("fault", "wait"), [("429", 7.0), ("429-date", 7.0), ("429-none", None)])
def test_a_stated_wait_is_passed_on(fault: str, wait: float | None) -> None:
    with FaultServer(fault, retry_after=7.0) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))

    assert outcome.retry_after_s == (None if wait is None else pytest.approx(wait, abs=1.5))


def test_mastodons_own_rate_limit_is_a_stated_wait(own_mastodon_mock: OwnMastodonMock) -> None:
    text = new_text()
    server = own_mastodon_mock(rate_limit=(4, 30))

    async def until_limited() -> list[Outcome]:
        adapter = an_adapter(server.url, server.access_token)
        return [await attempt(adapter, a_sending(f"{text} {number}")) for number in range(6)]

    outcome = run(until_limited())[-1]

    assert (outcome.verdict, outcome.reason) == (Verdict.THROTTLED, Reason.RATE_LIMITED)
    assert outcome.retry_after_s == pytest.approx(15, abs=16)


@pytest.mark.parametrize(
    ("status", "verdict"), [("200", Verdict.UNCERTAIN), ("429-none", Verdict.THROTTLED), ("422", Verdict.REFUSED)]
)
def test_a_reset_time_that_cannot_be_read_hides_no_answer(status: str, verdict: Verdict) -> None:
    headers = {"X-RateLimit-Reset": "soon"}
    with FaultServer(status, headers=headers, body=STATUS if status == "200" else None) as far:
        outcome = run(attempt(an_adapter(far.url), a_sending("Hello")))

    assert outcome.verdict is verdict


def test_the_servers_words_are_told_for_a_refused_text(mastodon_mock: MastodonMock) -> None:
    outcome = run(attempt(an_adapter(mastodon_mock.url, mastodon_mock.access_token), a_sending("x" * 501)))

    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)
    assert "500" in outcome.detail


def test_what_the_sdk_refuses_to_send_is_refused_content() -> None:
    payload = json.dumps({"status": "Hello", "visibility": "everybody"}).encode()
    with FaultServer("200") as far:
        outcome = run(attempt(an_adapter(far.url), a_sending(payload)))

        assert far.requests == []
    assert (outcome.verdict, outcome.scope) == (Verdict.REFUSED, Scope.CONTENT)


@pytest.mark.parametrize("fault", ["refused", "reset", "hang_after_body", "401", "422", "429", "200-html", "302"])
def test_no_error_shows_the_token_however_far_it_is_followed(fault: str) -> None:
    with FaultServer(fault) as far, pytest.raises((CallError, TimeoutError)) as raised:
        run(asyncio.wait_for(an_adapter(far.url).publish(a_sending("Hello")), A_WAIT))

    assert TOKEN not in "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))


def test_another_adapters_error_is_left_to_the_common_rules() -> None:
    assert an_adapter("https://social.example").classify(ValueError("whatever")) is None
    assert an_adapter("https://social.example").classify(ConfigError("whatever")) is None


# Threads


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "surecast-mastodon-mastodon"]


@pytest.mark.parametrize("fault", ["hang_after_body", "slow_drip"])
def test_a_call_that_is_given_up_ends_its_thread(fault: str) -> None:
    before = set(workers())

    async def give_up(far: FaultServer) -> None:
        adapter = an_adapter(far.url)
        attempts = [asyncio.create_task(adapter.publish(a_sending("Hello", timeout_s=60))) for _ in range(3)]
        await asyncio.to_thread(far.wait_for, 3)
        for each in attempts:
            each.cancel()
        ended = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(each) for each in ended] == [asyncio.CancelledError] * 3
        await adapter.close()

    with FaultServer(fault) as far:
        run(give_up(far))
        wait_until(lambda: set(workers()) <= before, 3.0, "a thread still waits for the server")


def test_after_a_hung_attempt_the_next_one_works(mastodon_mock: MastodonMock) -> None:
    text = new_text()

    async def twice(far: FaultServer) -> list[Verdict]:
        adapter = an_adapter(far.url, mastodon_mock.access_token)
        first = await attempt(adapter, a_sending(text, timeout_s=0.5))
        return [first.verdict, (await attempt(adapter, a_sending(text))).verdict]

    with FaultServer("hang_after_body", only=is_post, remaining=1, upstream=mastodon_mock.url) as far:
        assert run(twice(far)) == [Verdict.UNCERTAIN, Verdict.ACCEPTED]


def test_an_attempt_that_was_given_up_while_it_waited_for_a_thread_sends_nothing() -> None:
    async def crowd(far: FaultServer) -> Outcome:
        adapter = an_adapter(far.url)
        hung = [asyncio.create_task(adapter.publish(a_sending("Hello", timeout_s=60))) for _ in range(8)]
        await asyncio.to_thread(far.wait_for, 8)
        late = await attempt(adapter, a_sending("Too late", timeout_s=0.3))
        for each in hung:
            each.cancel()
        await asyncio.gather(*hung, return_exceptions=True)
        await adapter.publish(a_sending("Next", timeout_s=60))
        return late

    with FaultServer("hang_after_body", remaining=8, otherwise=STATUS) as far:
        outcome = run(crowd(far))

        assert outcome.verdict is Verdict.UNCERTAIN
        assert len(far.requests) == 9
        assert not any(b"late" in request.body for request in far.requests)


def test_nothing_in_the_settings_or_the_adapter_shows_the_token() -> None:
    adapter = an_adapter("https://social.example")
    settings = replace(adapter._settings)

    assert TOKEN not in repr(settings) + repr(adapter) + str(vars(adapter))
