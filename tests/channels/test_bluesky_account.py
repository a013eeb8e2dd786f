"""Logging in rarely: the session is shared, restored without traffic, and renewed by one at a time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.channels.bluesky_bench import (
    PASSWORD,
    MemorySessions,
    Writer,
    an_errand,
    going,
    is_write,
    methods,
    outcome_of,
    publish,
    using,
)
from tests.servers import web
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds

from surecast.channels._bluesky_account import Account, error_code, is_loopback
from surecast.channels.bluesky import Bluesky
from surecast.errors import LedgerError
from surecast.outcome import Outcome, Reason, Verdict
from surecast.secret import Secret
from surecast.transport.redact import quiet_sdks

if TYPE_CHECKING:
    from tests.servers.fixtures import OwnPds

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def account(pds: Pds) -> Writer:
    return Writer.on(pds, "keeper")


@pytest.fixture
def writer(account: Writer) -> Iterator[Writer]:
    yield account
    account.pds.delete_posts(account.did)


@pytest.fixture
def proxy(writer: Writer, caplog: pytest.LogCaptureFixture) -> Iterator[FaultServer]:
    """The server behind a proxy that disturbs nothing, counts the requests, and sees to it that none is betrayed."""
    quiet_sdks()
    caplog.set_level("DEBUG")
    with FaultServer("500", upstream=writer.pds.url, remaining=0) as server:
        yield server
        tokens = [(request.headers["Authorization"] or "").removeprefix("Bearer ") for request in server.requests]
        shown = "".join(record.getMessage() + str(record.exc_text) for record in caplog.get_records("call"))
        assert [secret for secret in (PASSWORD, *tokens) if secret and secret in shown] == []


def forged(writer: Writer, *, ends_in_s: float, key: str = "") -> str:
    """An access token as the server makes them, that ends so soon; signed with another key when one is given."""

    def encoded(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    now = int(time.time())
    claims = {
        "scope": "com.atproto.access",
        "aud": "did:web:localhost",
        "sub": writer.did,
        "iat": now - 7200,
        "exp": now + int(ends_in_s),
    }
    text = f"{encoded({'typ': 'at+jwt', 'alg': 'HS256'})}.{encoded(claims)}"
    secret = (key or writer.pds._env["PDS_JWT_SECRET"]).encode()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def post(adapter: Bluesky, text: str = "Ferry 12 is cancelled") -> Outcome:
    return await publish(adapter, await adapter.prepare(an_errand(text)))


def test_a_stored_session_is_restored_without_any_traffic(writer: Writer, proxy: FaultServer) -> None:
    sessions = MemorySessions()
    assert going(writer.adapter(proxy.url, sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["createSession", "putRecord"]
    assert going(writer.adapter(proxy.url, sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests[2:]) == ["putRecord"]
    assert sessions.saves == 1


def test_one_adapter_logs_in_once(writer: Writer, proxy: FaultServer) -> None:
    async def work(adapter: Bluesky) -> None:
        await asyncio.gather(*[post(adapter) for _ in range(5)])

    going(writer.adapter(proxy.url, sessions=MemorySessions()), work)
    assert methods(proxy.requests).count("createSession") == 1


def test_a_session_that_ends_soon_is_renewed_before_it_is_used(writer: Writer, proxy: FaultServer) -> None:
    async def work() -> tuple[Outcome, MemorySessions]:
        adapter = await writer.at(proxy, access=forged(writer, ends_in_s=20))
        return await using(adapter, post), adapter._context.sessions  # type: ignore[return-value]

    outcome, sessions = asyncio.run(work())
    assert outcome.verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["refreshSession", "putRecord"]
    assert sessions.saves == 1
    assert sessions.tokens[2:4] != writer.sessions.tokens[2:4]


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_a_session_that_the_server_calls_dead_is_renewed_in_the_same_attempt(code: str, writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), post)

    body = {"error": code, "message": "Token has expired"}
    with FaultServer("400", upstream=writer.pds.url, only=is_write, remaining=1, body=body) as server:
        assert asyncio.run(work()).verdict is Verdict.ACCEPTED
        assert methods(server.requests) == ["putRecord", "refreshSession", "putRecord"]
    assert len(writer.posts) == 1


def test_a_token_with_a_wrong_signature_is_renewed(writer: Writer, proxy: FaultServer) -> None:
    async def work() -> Outcome:
        adapter = await writer.at(proxy, access=forged(writer, ends_in_s=3600, key="not the server's"))
        return await using(adapter, post)

    assert asyncio.run(work()).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["putRecord", "refreshSession", "putRecord"]


def test_a_session_that_is_refused_again_and_again_ends_as_unauthorized(writer: Writer) -> None:
    async def work() -> Outcome:
        return await using(await writer.at(server), post)

    body = {"error": "ExpiredToken", "message": "Token has expired"}
    with FaultServer("400", upstream=writer.pds.url, only=is_write, body=body) as server:
        outcome = asyncio.run(work())
        assert methods(server.requests) == ["putRecord", "refreshSession", "putRecord"]
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert "https://bsky.app/settings/app-passwords" in outcome.detail


def test_two_adapters_that_renew_at_once_renew_once(writer: Writer, proxy: FaultServer) -> None:
    async def work() -> list[Outcome]:
        first = await writer.at(proxy, access=forged(writer, ends_in_s=5))
        second = writer.adapter(proxy.url, sessions=first._context.sessions)  # type: ignore[arg-type]
        try:
            await asyncio.gather(first.open(), second.open())
            return await asyncio.gather(post(first), post(second))
        finally:
            await first.close()
            await second.close()

    assert [outcome.verdict for outcome in asyncio.run(work())] == [Verdict.ACCEPTED] * 2
    assert sorted(methods(proxy.requests)) == ["putRecord", "putRecord", "refreshSession"]
    assert len(writer.posts) == 1


def test_a_dead_refresh_token_costs_one_login(writer: Writer, proxy: FaultServer) -> None:
    async def work() -> Outcome:
        adapter = await writer.at(proxy, access=forged(writer, ends_in_s=5), refresh=forged(writer, ends_in_s=-5))
        return await using(adapter, post)

    assert asyncio.run(work()).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["refreshSession", "createSession", "putRecord"]


def test_a_revoked_password_is_unauthorized_after_one_renewal_and_one_login(pds: Pds, proxy: FaultServer) -> None:
    writer = Writer.on(pds, "revoked")
    login = {"identifier": writer.handle, "password": PASSWORD}
    token = pds.call("com.atproto.server.createSession", login)["accessJwt"]
    made = pds.call("com.atproto.server.createAppPassword", {"name": "surecast"}, token=token)
    sessions = MemorySessions()
    given = {"sessions": sessions, "password": made["password"]}
    assert going(writer.adapter(proxy.url, **given), post).verdict is Verdict.ACCEPTED
    # 200 without a body
    revoked = web.send(
        "POST",
        f"{pds.url}/xrpc/com.atproto.server.revokeAppPassword",
        data={"name": "surecast"},
        token=token,
    )
    assert revoked.status == 200
    sessions.change(access=forged(writer, ends_in_s=5))
    seen = len(proxy.requests)

    async def work(adapter: Bluesky) -> Outcome:
        return await outcome_of(adapter, adapter.prepare(an_errand("Ferry 13")))

    outcome = going(writer.adapter(proxy.url, **given), work)
    assert methods(proxy.requests[seen:]) == ["refreshSession", "createSession"]
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAUTHORIZED, Reason.CREDENTIALS)
    assert made["password"] not in repr(outcome)


@pytest.mark.parametrize("stored", ["", "no json", "[]", "{}", '{"service": 1}', "null"])
def test_a_stored_session_that_cannot_be_read_costs_one_login(stored: str, writer: Writer, proxy: FaultServer) -> None:
    sessions = MemorySessions(stored=stored)
    assert going(writer.adapter(proxy.url, sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["createSession", "putRecord"]


@pytest.mark.parametrize("session", ["", "a:::b", "a:::b:::c:::d:::e:::f"])
def test_a_session_that_the_sdk_cannot_read_costs_one_login(session: str, writer: Writer, proxy: FaultServer) -> None:
    stored = json.dumps({"service": proxy.url, "handle": writer.handle, "session": session})
    sessions = MemorySessions(stored=stored)
    assert going(writer.adapter(proxy.url, sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert methods(proxy.requests) == ["createSession", "putRecord"]


def test_the_session_of_another_account_is_never_used(pds: Pds, writer: Writer) -> None:
    sessions = MemorySessions()
    going(writer.adapter(sessions=sessions), post)
    other = Writer.on(pds, "stranger")
    assert going(other.adapter(sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert [len(writer.posts), len(other.posts)] == [1, 1]


def test_a_session_that_cannot_be_stored_does_not_stop_the_post(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = MemorySessions(broken=LedgerError("The disk is full."))
    assert going(writer.adapter(sessions=sessions), post).verdict is Verdict.ACCEPTED
    assert [record.getMessage() for record in caplog.records if record.name.startswith("surecast")] == [
        "bluesky: the Bluesky session was not stored (LedgerError); it works on"
    ]


def test_a_secret_that_is_not_set_says_so(writer: Writer) -> None:
    account = writer.adapter(sessions=MemorySessions())
    account._account._app_password = Secret("env", "SURECAST_TEST_NO_SUCH_SECRET")
    outcome = going(account, lambda adapter: outcome_of(adapter, adapter.prepare(an_errand("x"))))
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIPPED, Reason.MISCONFIGURED)
    assert "SURECAST_TEST_NO_SUCH_SECRET" in outcome.detail


def test_nobody_waits_for_ever_for_another_process_that_renews(writer: Writer) -> None:
    async def work() -> tuple[Outcome, float]:
        sessions = MemorySessions()
        adapter = writer.adapter(sessions=sessions)
        await sessions.lock.acquire()
        began = time.monotonic()
        outcome = await using(adapter, lambda adapter: publish(adapter, writer.payload, 1.0))
        return outcome, time.monotonic() - began

    outcome, spent = asyncio.run(work())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.TIMED_OUT)
    assert spent < 3.0


@pytest.mark.slow
def test_more_logins_than_bluesky_allows_are_throttled_until_the_reset(own_pds: OwnPds) -> None:
    pds = own_pds({"PDS_RATE_LIMITS_ENABLED": "true"})
    writer = Writer.on(pds, "writer")
    for _ in range(30):
        web.send(
            "POST",
            f"{pds.url}/xrpc/com.atproto.server.createSession",
            data={"identifier": writer.handle, "password": "wrong"},
        )
    outcome = going(
        writer.adapter(sessions=MemorySessions()),
        lambda adapter: outcome_of(adapter, adapter.prepare(an_errand("x"))),
    )
    assert outcome.verdict is Verdict.THROTTLED
    assert outcome.retry_after_s is not None
    assert 200 < outcome.retry_after_s <= 300


@pytest.mark.parametrize(
    ("service", "home", "host"),
    [
        ("https://bsky.social", "https://oyster.us-east.host.bsky.network", "https://oyster.us-east.host.bsky.network"),
        ("https://bsky.social", "http://evil.example", "https://bsky.social"),
        ("https://pds.example", None, "https://pds.example"),
        ("http://127.0.0.1:2583", "https://pds.example", "http://127.0.0.1:2583"),
        ("http://localhost:2583", "http://localhost:9999", "http://localhost:2583"),
    ],
)
def test_calls_go_to_the_accounts_home_but_never_from_this_machine_to_another(
    service: str, home: str | None, host: str, writer: Writer
) -> None:
    from atproto_client import Session

    account = Account(
        handle="a.test",
        app_password=Secret.of(PASSWORD),
        service=service,
        context=writer.adapter()._context,
    )
    assert account._host(Session("a.test", "did:plc:a", "x", "y", home)) == host


@pytest.mark.parametrize(("handle", "name"), [("a.test", "a.test"), ("handle.invalid", "did:plc:a")])
def test_a_broken_handle_is_not_shown_to_readers(handle: str, name: str, writer: Writer) -> None:
    from atproto_client import Session

    account = writer.adapter()._account
    account._session = Session(handle, "did:plc:a", "x", "y", None)
    assert account.name == name


def test_the_code_of_an_error_is_read_in_every_shape() -> None:
    class HeldError(Exception):
        def __init__(self, content: object) -> None:
            self.response = type("Response", (), {"content": content})

    from atproto_client.models.common import XrpcError
    from atproto_client.models.dot_dict import DotDict

    contents = [
        XrpcError(error="ExpiredToken", message="m"),
        DotDict({"error": "ExpiredToken", "extra": {}}),
        {"error": "ExpiredToken"},
        DotDict({"message": "m"}),
        DotDict({"error": {"code": 1}}),
        b"<html>",
        None,
    ]
    assert [error_code(HeldError(content)) for content in contents] == ["ExpiredToken"] * 3 + [""] * 4
    assert error_code(ValueError()) == ""


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:2583", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("https://127.example", False),
        ("https://127.0.0.1.example", False),
        ("https://bsky.social", False),
        ("http://[::1", False),
    ],
)
def test_this_very_machine_is_recognised(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
