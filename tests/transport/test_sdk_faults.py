"""The real SDKs against real faults: what each wraps comes out right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from tests.servers.faults import FaultServer
from tests.transport.far_sides import context, never_connects

from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.threads import DaemonPool
from surecast.transport.classify import classify
from surecast.transport.clients import httpx_client, httpx_options, requests_session
from surecast.transport.status import from_error

NOT_SENT = (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
TIMED_OUT = (Verdict.UNCERTAIN, Reason.TIMED_OUT)
BROKEN_OFF = (Verdict.UNCERTAIN, Reason.INTERRUPTED)
UNREADABLE = (Verdict.UNCERTAIN, Reason.UNREADABLE_REPLY)
REDIRECTED = (Verdict.UNCERTAIN, Reason.REDIRECTED)

#: Longer than any answer of a server that answers.
PHASE_S = 1.0
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
TEXT = "Ferry 12 is cancelled today"

Client = Callable[[str, float], Outcome | None]


def by_atproto(url: str, phase_s: float) -> Outcome | None:
    from atproto_client import AsyncClient, models
    from atproto_client.request import AsyncRequest

    async def put() -> Outcome | None:
        request = AsyncRequest(timeout=phase_s, **httpx_options(context()))
        client = AsyncClient(base_url=url, request=request)
        record = {"$type": "app.bsky.feed.post", "text": TEXT, "createdAt": "2026-11-22T06:00:00Z"}
        post = models.ComAtprotoRepoPutRecord.Data(
            collection="app.bsky.feed.post",
            repo="did:plc:z72i7hdynmk6r22z27h6tvur",
            rkey="3lbxyz2abcd2k",
            record=record,
        )
        try:
            async with asyncio.timeout(2 * PHASE_S):
                await client.com.atproto.repo.put_record(post, headers={"Authorization": f"Bearer {TOKEN}"})
        except Exception as error:
            return classify(error)
        finally:
            await request.close()
        return None

    return asyncio.run(put())


def by_mastodon(url: str, phase_s: float) -> Outcome | None:
    """As an adapter does it: on our session, with what the last reply still says."""
    from mastodon import Mastodon, MastodonAPIError, MastodonRatelimitError

    session = requests_session(context())
    client = Mastodon(
        api_base_url=url, access_token=TOKEN, session=session, request_timeout=phase_s, ratelimit_method="throw"
    )
    pool = DaemonPool("test", size=1)

    def post() -> Outcome | None:
        def own(error: BaseException) -> Outcome | None:
            reply = session.last_reply
            if reply is None or not isinstance(error, MastodonAPIError | MastodonRatelimitError):
                return None
            return from_error(reply.status_code, reply.headers, reply.content, platform="Mastodon")

        try:
            client.status_post(TEXT, idempotency_key="k")
        except Exception as error:
            return classify(error, own)
        return None

    async def call() -> Outcome | None:
        try:
            async with asyncio.timeout(2 * PHASE_S):
                return await session.run(pool, post)
        except TimeoutError as error:
            return classify(error)

    with session:
        outcome = asyncio.run(call())
    pool.close()
    return outcome


def by_mastodon_alone(url: str, phase_s: float) -> Outcome | None:
    """On the session the SDK makes itself: only the chain tells."""
    from mastodon import Mastodon

    client = Mastodon(api_base_url=url, access_token=TOKEN, request_timeout=phase_s, ratelimit_method="throw")
    client.session.trust_env = False
    with client.session:
        try:
            client.status_post(TEXT, idempotency_key="k")
        except Exception as error:
            return classify(error)
    return None


def by_httpx(url: str, phase_s: float) -> Outcome | None:
    async def post() -> Outcome | None:
        try:
            async with asyncio.timeout(2 * PHASE_S), httpx_client(context(), phase_s) as client:
                answer = await client.post(url, json={"text": TEXT}, headers={"Authorization": f"Bearer {TOKEN}"})
                answer.raise_for_status()
                answer.json()
        except Exception as error:
            return classify(error)
        return None

    return asyncio.run(post())


def by_aiohttp(url: str, phase_s: float) -> Outcome | None:
    import aiohttp

    async def post() -> Outcome | None:
        limits = aiohttp.ClientTimeout(total=None, connect=phase_s, sock_connect=phase_s, sock_read=phase_s)
        try:
            async with (
                asyncio.timeout(2 * PHASE_S),
                aiohttp.ClientSession(timeout=limits) as session,
                session.post(url, json={"text": TEXT}, allow_redirects=False) as answer,
            ):
                answer.raise_for_status()
                await answer.json()
        except Exception as error:
            return classify(error)
        return None

    return asyncio.run(post())


CLIENTS: list[Client] = [by_atproto, by_mastodon, by_mastodon_alone, by_httpx, by_aiohttp]
every_client = pytest.mark.parametrize("client", CLIENTS)


@contextmanager
def no_name() -> Iterator[str]:
    yield "http://harbour.invalid"


@contextmanager
def hung_handshake() -> Iterator[str]:
    with FaultServer("hang_before_body") as server:
        yield server.url.replace("http:", "https:")


def fault(name: str) -> AbstractContextManager[str]:
    @contextmanager
    def opened() -> Iterator[str]:
        with FaultServer(name) as server:
            yield server.url

    return opened()


@every_client
@pytest.mark.parametrize(
    ("far_side", "phase_s", "said"),
    [
        (lambda: fault("refused"), PHASE_S, "refused the connection"),
        (no_name, PHASE_S, "looked up"),
        (never_connects, 0.2, "in time"),
        (hung_handshake, 0.2, ""),
        (lambda: fault("tls_garbage"), PHASE_S, ""),
        (lambda: fault("tls_self_signed"), PHASE_S, "certificate could not be verified"),
    ],
    ids=["refused", "DNS", "connect timeout", "TLS hangs", "TLS garbage", "TLS unknown authority"],
)
def test_what_never_connected_was_not_sent(
    client: Client, far_side: Callable[[], AbstractContextManager[str]], phase_s: float, said: str
) -> None:
    with far_side() as url:
        outcome = client(url, phase_s)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == NOT_SENT
    assert said in outcome.detail


@every_client
@pytest.mark.parametrize(
    ("name", "phase_s", "expected"),
    [
        ("hang_before_body", 0.2, TIMED_OUT),
        ("hang_after_body", 0.2, TIMED_OUT),
        ("reset", PHASE_S, BROKEN_OFF),
        ("close", PHASE_S, BROKEN_OFF),
        ("half", PHASE_S, BROKEN_OFF),
        ("200-html", PHASE_S, UNREADABLE),
        ("200-broken-json", PHASE_S, UNREADABLE),
    ],
)
def test_what_may_have_arrived_is_uncertain(
    client: Client, name: str, phase_s: float, expected: tuple[Verdict, Reason]
) -> None:
    with FaultServer(name) as server:
        outcome = client(server.url, phase_s)

        assert len(server.requests) <= 1

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == expected


@pytest.mark.parametrize("client", [by_atproto, by_mastodon, by_httpx, by_aiohttp])
def test_a_reply_that_drips_for_ever_is_uncertain(client: Client) -> None:
    with FaultServer("slow_drip") as server:
        outcome = client(server.url, PHASE_S)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == TIMED_OUT


@pytest.mark.parametrize("client", [by_atproto, by_mastodon])
def test_a_redirect_of_a_post_is_not_followed(client: Client) -> None:
    with FaultServer("302") as server:
        outcome = client(server.url, PHASE_S)

        assert len(server.requests) == 1

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == REDIRECTED


def test_a_success_that_atproto_cannot_model_is_uncertain() -> None:
    with FaultServer("200-html", remaining=0, otherwise='{"no": "uri"}') as server:
        outcome = by_atproto(server.url, PHASE_S)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == UNREADABLE


def test_a_success_that_mastodon_calls_a_rate_limit_error_is_uncertain() -> None:
    body = json.dumps({"id": "1"})
    with FaultServer("200", body=body, headers={"X-RateLimit-Reset": "no time"}) as server:
        outcome = by_mastodon(server.url, PHASE_S)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == UNREADABLE


@pytest.mark.parametrize("client", [by_atproto, by_mastodon, by_httpx, by_aiohttp])
@pytest.mark.parametrize(
    ("name", "verdict", "reason", "scope"),
    [
        ("400", Verdict.REFUSED, Reason.TEXT_REFUSED, Scope.CONTENT),
        ("401", Verdict.UNAUTHORIZED, Reason.CREDENTIALS, Scope.CHANNEL),
        ("403", Verdict.UNAUTHORIZED, Reason.NOT_ALLOWED, Scope.CHANNEL),
        ("404", Verdict.REFUSED, Reason.NOT_ALLOWED, Scope.CHANNEL),
        ("408", Verdict.UNCERTAIN, Reason.SERVER_ERROR, Scope.CHANNEL),
        ("409", Verdict.REFUSED, Reason.TEXT_REFUSED, Scope.CONTENT),
        ("413", Verdict.REFUSED, Reason.MEDIA_REFUSED, Scope.CONTENT),
        ("422", Verdict.REFUSED, Reason.TEXT_REFUSED, Scope.CONTENT),
        ("429", Verdict.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL),
        ("429-date", Verdict.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL),
        ("429-none", Verdict.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL),
        ("500", Verdict.UNCERTAIN, Reason.SERVER_ERROR, Scope.CHANNEL),
        ("502", Verdict.UNAVAILABLE, Reason.NOT_CONNECTED, Scope.CHANNEL),
        ("503", Verdict.UNAVAILABLE, Reason.SERVER_ERROR, Scope.CHANNEL),
        ("504", Verdict.UNCERTAIN, Reason.SERVER_ERROR, Scope.CHANNEL),
    ],
)
def test_an_answer_means_what_its_status_means(
    client: Client, name: str, verdict: Verdict, reason: Reason, scope: Scope
) -> None:
    with FaultServer(name, retry_after=30) as server:
        outcome = client(server.url, PHASE_S)

        assert len(server.requests) == 1

    assert outcome is not None
    assert (outcome.verdict, outcome.reason, outcome.scope) == (verdict, reason, scope)
    waits = {"429": (30.0, 30.0), "429-date": (25.0, 31.0)}.get(name)
    assert (outcome.retry_after_s is None) == (waits is None)
    assert waits is None or waits[0] <= (outcome.retry_after_s or 0.0) <= waits[1]


@pytest.mark.parametrize("client", [by_atproto, by_mastodon])
@pytest.mark.parametrize("name", ["401", "403"])
def test_a_page_from_an_edge_does_not_condemn_the_credentials(client: Client, name: str) -> None:
    with FaultServer(name, body="<html><title>Attention required</title></html>") as server:
        outcome = client(server.url, PHASE_S)

    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == NOT_SENT


@every_client
@pytest.mark.parametrize("name", ["400", "401", "429", "500", "502", "200-html", "200-broken-json", "reset", "refused"])
def test_no_detail_holds_the_token_the_text_or_a_page(client: Client, name: str) -> None:
    def echo(request: Any, status: int) -> dict[str, str]:
        return {"error": f"token {request.headers['Authorization']} may not", "echo": request.body.decode()}

    with FaultServer(name, body=None if name == "502" else echo) as server:
        outcome = client(server.url, PHASE_S)

    assert outcome is not None
    assert TOKEN not in outcome.detail
    assert TEXT not in outcome.detail
    assert "<" not in outcome.detail


def test_the_platforms_own_words_reach_people() -> None:
    words = {"error": "InvalidRequest", "message": "Record/text must not be longer than 300 graphemes"}
    with FaultServer("400", body=words) as server:
        outcome = by_atproto(server.url, PHASE_S)

    assert outcome is not None
    assert outcome.detail == (
        "The platform refused the post (400): InvalidRequest: Record/text must not be longer than 300 graphemes."
    )
