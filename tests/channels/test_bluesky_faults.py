"""Bluesky when something fails: every fault has a name, and what may have arrived is found again or sent again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.channels.bluesky_bench import (
    PASSWORD,
    MemorySessions,
    Writer,
    a_context,
    a_sending,
    an_errand,
    going,
    is_login,
    is_write,
    methods,
    outcome_of,
    publish,
    using,
)
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds

from surecast.channels.bluesky import APPVIEW, Bluesky, Settings
from surecast.outcome import Outcome, Reason, Receipt, Sighting, Verdict
from surecast.secret import Secret
from surecast.transport.redact import quiet_sdks

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def account(pds: Pds) -> Writer:
    return Writer.on(pds, "faulty")


@pytest.fixture
def writer(account: Writer) -> Iterator[Writer]:
    yield account
    account.pds.delete_posts(account.did)


def summary(outcome: Outcome) -> tuple[Verdict, Reason]:
    return outcome.verdict, outcome.reason


# Faults of the network and of servers, on the write alone

DOUBT = {
    "hang_before_body": Reason.TIMED_OUT,
    "hang_after_body": Reason.TIMED_OUT,
    "slow_drip": Reason.TIMED_OUT,
    "lost_reply_hang": Reason.TIMED_OUT,
    "reset": Reason.INTERRUPTED,
    "close": Reason.INTERRUPTED,
    "half": Reason.INTERRUPTED,
    "lost_reply": Reason.INTERRUPTED,
    "408": Reason.SERVER_ERROR,
    "500": Reason.SERVER_ERROR,
    "504": Reason.SERVER_ERROR,
    "302": Reason.REDIRECTED,
    "200-html": Reason.UNREADABLE_REPLY,
    "200-broken-json": Reason.UNREADABLE_REPLY,
}
FAULTS = {fault: (Verdict.UNCERTAIN, reason) for fault, reason in DOUBT.items()} | {
    "400": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "401": (Verdict.UNAUTHORIZED, Reason.CREDENTIALS),
    "403": (Verdict.UNAUTHORIZED, Reason.NOT_ALLOWED),
    "404": (Verdict.REFUSED, Reason.NOT_ALLOWED),
    "409": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "413": (Verdict.REFUSED, Reason.MEDIA_REFUSED),
    "422": (Verdict.REFUSED, Reason.TEXT_REFUSED),
    "429": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "429-date": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "429-none": (Verdict.THROTTLED, Reason.RATE_LIMITED),
    "502": (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED),  # an HTML page of an edge
    "503": (Verdict.UNAVAILABLE, Reason.SERVER_ERROR),
    "lost_reply_502": (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_the_write_is_named_and_the_same_bytes_heal_it(
    fault: str, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    quiet_sdks()
    caplog.set_level("DEBUG")
    timeout_s = 1.0

    async def work() -> tuple[Outcome, float, Outcome, bytes]:
        async def attempts(adapter: Bluesky) -> tuple[Outcome, float, Outcome, bytes]:
            payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
            began = time.monotonic()
            first = await publish(adapter, payload, timeout_s)
            spent = time.monotonic() - began
            server.clear()
            return first, spent, await publish(adapter, payload), payload

        return await using(await writer.at(server), attempts)

    with FaultServer(fault, upstream=writer.pds.url, only=is_write, remaining=1) as server:
        first, spent, second, payload = asyncio.run(work())
        requests = server.requests
    assert summary(first) == FAULTS[fault]
    assert spent <= timeout_s + 0.5
    assert second.verdict is Verdict.ACCEPTED
    assert methods(requests) == ["putRecord", "putRecord"]
    assert [request.body for request in requests if request.body] in ([payload, payload], [payload])
    assert len(writer.posts) == 1
    shown = caplog.text + repr(first) + repr(second)
    assert [secret for secret in (PASSWORD, *writer.sessions.tokens[2:4]) if secret in shown] == []


@pytest.mark.parametrize("body", [{}, {"uri": "at://did:plc:abc/app.bsky.feed.post/x", "cid": "bafy"}, ["uri"]])
def test_a_success_that_does_not_name_our_post_is_uncertain(body: Any, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), lambda adapter: publish(adapter, writer.payload))

    with FaultServer("200", upstream=writer.pds.url, only=is_write, body=body) as server:
        assert summary(asyncio.run(work())) == (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)


def test_a_refusal_to_overwrite_our_own_post_is_a_success(writer: Writer) -> None:
    async def attempts(adapter: Bluesky) -> list[Outcome]:
        return [await publish(adapter, writer.payload) for _ in range(2)]

    async def work() -> list[Outcome]:
        first, *_ = await using(writer.adapter(), attempts)
        return [first, *await using(await writer.at(server), attempts)]

    body = {"error": "InvalidSwap", "message": "Record was at bafy"}
    with FaultServer("400", upstream=writer.pds.url, only=is_write, body=body) as server:
        first, *others = asyncio.run(work())
        assert methods(server.requests) == ["putRecord", "getRecord"] * 2
    assert first.verdict is Verdict.ACCEPTED
    assert others == [first, first]


@pytest.mark.parametrize(("fault", "wait_s"), [("429", 2.0), ("429-date", 2.0), ("429-none", None)])
def test_too_many_requests_say_when_to_come_back(fault: str, wait_s: float | None, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), lambda adapter: publish(adapter, writer.payload))

    with FaultServer(fault, upstream=writer.pds.url, only=is_write, retry_after=2.0) as server:
        outcome = asyncio.run(work())
    assert outcome.retry_after_s == (wait_s if wait_s is None else pytest.approx(wait_s, abs=1.1))


def test_too_many_logins_wait_for_the_reset_that_bluesky_names(writer: Writer) -> None:
    reset = {"RateLimit-Reset": str(int(time.time()) + 120)}
    with FaultServer("429-none", upstream=writer.pds.url, only=is_login, headers=reset) as server:
        outcome = going(
            writer.adapter(server.url, sessions=MemorySessions()),
            lambda adapter: outcome_of(adapter, adapter.prepare(an_errand("x"))),
        )
        assert methods(server.requests) == ["createSession"]
    assert summary(outcome) == (Verdict.THROTTLED, Reason.RATE_LIMITED)
    assert outcome.retry_after_s == pytest.approx(120, abs=3)


@pytest.mark.parametrize("fault", ["refused", "tls_garbage", "tls_self_signed"])
def test_a_server_that_cannot_be_connected_to_got_nothing(fault: str, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), lambda adapter: publish(adapter, writer.payload))

    with FaultServer(fault) as server:
        assert summary(asyncio.run(work())) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)


@pytest.mark.parametrize("fault", ["hang_after_body", "reset", "500", "200-html", "200-broken-json", "302"])
def test_a_login_that_fails_leaves_no_doubt_as_nothing_was_sent(fault: str, writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, writer.payload, 1.0)

    with FaultServer(fault, upstream=writer.pds.url, only=is_login) as server:
        outcome = going(writer.adapter(server.url, sessions=MemorySessions()), work)
        assert "putRecord" not in methods(server.requests)
    assert outcome.verdict is Verdict.UNAVAILABLE
    assert outcome.detail.startswith("Nothing was sent")
    assert "may have been delivered" not in outcome.detail


def test_a_cancelled_attempt_is_uncertain_and_the_same_bytes_heal_it(writer: Writer) -> None:
    async def attempts(adapter: Bluesky) -> None:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        attempt = asyncio.create_task(publish(adapter, payload))
        await asyncio.to_thread(server.wait_for, 1)
        attempt.cancel()
        assert summary(await attempt) == (Verdict.UNCERTAIN, Reason.CANCELLED_IN_FLIGHT)
        server.clear()
        assert (await publish(adapter, payload)).verdict is Verdict.ACCEPTED

    async def work() -> None:
        await using(await writer.at(server), attempts)

    with FaultServer("lost_reply_hang", upstream=writer.pds.url, only=is_write) as server:
        asyncio.run(work())
    assert len(writer.posts) == 1


def test_closing_does_not_wait_for_a_hung_call(writer: Writer) -> None:
    async def work() -> float:
        adapter = await writer.at(server)
        await adapter.open()
        attempt = asyncio.create_task(publish(adapter, writer.payload, 30.0))
        await asyncio.to_thread(server.wait_for, 1)
        began = time.monotonic()
        await adapter.close()
        spent = time.monotonic() - began
        attempt.cancel()
        await attempt
        return spent

    with FaultServer("hang_after_body", upstream=writer.pds.url, only=is_write) as server:
        assert asyncio.run(work()) < 0.5


def test_a_second_event_loop_works(writer: Writer) -> None:
    adapter = writer.adapter()

    async def work(adapter: Bluesky) -> Outcome:
        return await publish(adapter, await adapter.prepare(an_errand("Ferry 12 is cancelled")))

    assert [going(adapter, work).verdict for _ in range(2)] == [Verdict.ACCEPTED, Verdict.ACCEPTED]


# Looking


@pytest.mark.parametrize("fault", ["reset", "500", "404", "200-html", "200-broken-json", "429", "302"])
def test_a_look_up_that_fails_is_no_information(fault: str, writer: Writer) -> None:
    async def look(adapter: Bluesky) -> Any:
        payload = await adapter.prepare(an_errand("Ferry 12 is cancelled"))
        return await adapter.find(a_sending(payload))

    async def work() -> Any:
        return await using(await writer.at(server), look)

    with FaultServer(fault, upstream=writer.pds.url, only=lambda _, path: "getRecord" in path) as server:
        found = asyncio.run(work())
    assert found.sighting is Sighting.UNKNOWN
    assert found.detail
    assert "may have been delivered" not in found.detail


def test_what_was_never_posted_is_unseen(writer: Writer) -> None:
    async def work(adapter: Bluesky) -> Any:
        return await adapter.find(a_sending(await adapter.prepare(an_errand("Never sent"))))

    assert going(writer.adapter(), work).sighting is Sighting.UNSEEN


RECEIPT = Receipt("at://did:plc:abc/app.bsky.feed.post/3ke6kg4666kks", "https://bsky.app/...", {"cid": "bafy"})


def confirmed(body: Any, fault: str = "200") -> tuple[Any, list[Any]]:
    """What `confirm` says of an AppView that answers so, and the requests it got."""
    with FaultServer(fault, body=body) as appview:
        adapter = Bluesky(
            Settings(handle="a.test", app_password=Secret.of(PASSWORD), appview=appview.url),
            a_context(MemorySessions()),
        )
        return going(adapter, lambda adapter: adapter.confirm(RECEIPT, 1.0)), appview.requests


def test_a_post_that_the_public_can_read_is_seen_without_credentials() -> None:
    look, [request] = confirmed({"posts": [{"uri": RECEIPT.id, "cid": "bafy"}]})
    assert (look.sighting, look.receipt) == (Sighting.SEEN, RECEIPT)
    assert request.path == (
        "/xrpc/app.bsky.feed.getPosts?uris=at%3A%2F%2Fdid%3Aplc%3Aabc%2Fapp.bsky.feed.post%2F3ke6kg4666kks"
    )
    assert request.headers["Authorization"] is None


def test_a_post_that_the_public_read_side_lacks_is_unseen() -> None:
    assert confirmed({"posts": []})[0].sighting is Sighting.UNSEEN


@pytest.mark.parametrize("fault", ["500", "502", "404", "429", "reset", "hang_after_body", "200-html", "302"])
def test_a_read_side_that_fails_is_no_information(fault: str) -> None:
    look, requests = confirmed(None, fault)
    assert (look.sighting, len(requests)) == (Sighting.UNKNOWN, 1)


@pytest.mark.parametrize("body", [{"posts": None}, {"posts": [{}]}, ["posts"], {}, "null"])
def test_a_strange_answer_of_the_read_side_is_no_information(body: Any) -> None:
    assert confirmed(body)[0].sighting is Sighting.UNKNOWN


def test_a_server_on_this_machine_has_no_public_read_side() -> None:
    settings = Settings(handle="a.test", app_password=Secret.of(PASSWORD), service="http://127.0.0.1:1")
    adapter = Bluesky(settings, a_context(MemorySessions()))
    look = going(adapter, lambda adapter: adapter.confirm(RECEIPT, 1.0))
    assert look.sighting is Sighting.UNKNOWN
    assert "appview" in look.detail


def test_everybody_elses_read_side_is_blueskys_own() -> None:
    for service in ("https://bsky.social", "https://pds.example"):
        settings = Settings(handle="a.test", app_password=Secret.of(PASSWORD), service=service)
        assert Bluesky(settings, a_context(MemorySessions()))._appview == APPVIEW
