"""Each fault as the real SDKs see it, and what the platform holds afterwards."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Fault, Kind, On, Sandbox, Trouble
from tests.sandbox.bench import HANDLE, a_mastodon

if TYPE_CHECKING:
    from atproto import Client
    from mastodon import Mastodon

RECORD = {"$type": "app.bsky.feed.post", "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
RKEY = "3jzfcijpj2z2a"
PATIENCE_S = 10.0


def put_raw(client: Client, record: dict[str, Any] = RECORD) -> Any:
    """The idempotent write; its null has to go round the SDK's models."""
    data = {"repo": client._session.did, "collection": "app.bsky.feed.post", "rkey": RKEY, "record": record}
    return client.invoke_procedure(
        "com.atproto.repo.putRecord",
        content=json.dumps({**data, "swapRecord": None}),
        input_encoding="application/json",
        output_encoding="application/json",
    ).content


def put(client: Client) -> dict[str, Any]:
    return dict(put_raw(client))


def failure(attempt: Callable[[], Any]) -> Exception:
    """What an attempt raises; the SDKs let errors of the transport through, so any class will do."""
    try:
        said = attempt()
    except Exception as error:
        return error
    raise AssertionError(f"it did not fail but said {said}")


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to this"
        time.sleep(0.01)


@dataclass(frozen=True)
class Seen:
    """What the SDK makes of a fault: the class raised, the class it comes from, the HTTP status it knows."""

    fault: Fault
    raised: str
    origin: str | None = None
    status: int | None = None
    taken_in: bool = False

    def __str__(self) -> str:
        return self.fault


BLUESKY = [
    Seen(Fault.DOWN, "NetworkError", "ConnectError"),
    Seen(Fault.HANG_BEFORE, "InvokeTimeoutError", "ReadTimeout"),
    Seen(Fault.HANG_AFTER, "InvokeTimeoutError", "ReadTimeout", taken_in=True),
    Seen(Fault.LOST_REPLY, "RemoteProtocolError", taken_in=True),
    Seen(Fault.HALF, "RemoteProtocolError", taken_in=True),
    Seen(Fault.RESET, "NetworkError", "ReadError"),
    Seen(Fault.CLOSE, "RemoteProtocolError"),
    Seen(Fault.THROTTLED, "RateLimitExceededError", status=429),
    Seen(Fault.UNAUTHORIZED, "UnauthorizedError", status=401),
    Seen(Fault.FORBIDDEN, "UnauthorizedError", status=403),
    Seen(Fault.REFUSED, "BadRequestError", status=400),
    Seen(Fault.ERROR, "RequestException", status=500),
    Seen(Fault.UNAVAILABLE, "RequestException", status=503),
    Seen(Fault.EDGE, "NetworkError", status=502),
]

MASTODON = [
    Seen(Fault.DOWN, "MastodonNetworkError", "ConnectionError"),
    Seen(Fault.HANG_BEFORE, "MastodonNetworkError", "ReadTimeout"),
    Seen(Fault.HANG_AFTER, "MastodonNetworkError", "ReadTimeout", taken_in=True),
    Seen(Fault.LOST_REPLY, "MastodonNetworkError", "ConnectionError", taken_in=True),
    Seen(Fault.HALF, "MastodonNetworkError", "ChunkedEncodingError", taken_in=True),
    Seen(Fault.RESET, "MastodonNetworkError", "ConnectionError"),
    Seen(Fault.CLOSE, "MastodonNetworkError", "ConnectionError"),
    Seen(Fault.THROTTLED, "MastodonRatelimitError"),
    Seen(Fault.UNAUTHORIZED, "MastodonUnauthorizedError", status=401),
    Seen(Fault.FORBIDDEN, "MastodonAPIError", status=403),
    Seen(Fault.REFUSED, "MastodonAPIError", status=422),
    Seen(Fault.ERROR, "MastodonInternalServerError", status=500),
    Seen(Fault.UNAVAILABLE, "MastodonServiceUnavailableError", status=503),
    Seen(Fault.EDGE, "MastodonBadGatewayError", status=502),
    Seen(Fault.GARBAGE, "MastodonAPIError"),
]


@pytest.mark.parametrize("seen", BLUESKY, ids=str)
def test_a_fault_as_the_bluesky_sdk_sees_it(sandbox: Sandbox, client: Client, seen: Seen) -> None:
    bluesky = sandbox.platforms["bluesky"]
    sandbox.fault("bluesky", seen.fault)
    error = failure(lambda: put(client))
    if seen.fault is Fault.DOWN and type(error).__name__ == "RemoteProtocolError":
        error = failure(lambda: put(client))  # the connection that was kept from the login broke; a new one is refused
    status = getattr(getattr(error, "response", None), "status_code", None)
    origin = type(error.__cause__).__name__ if seen.origin else None
    assert (type(error).__name__, origin, status) == (seen.raised, seen.origin, seen.status)
    assert [post.text for post in bluesky.posts()] == (["hello"] if seen.taken_in else [])
    assert bluesky.counts()[Kind.WRITE] == (0 if seen.fault is Fault.DOWN else 1)


@pytest.mark.parametrize("seen", MASTODON, ids=str)
def test_a_fault_as_the_mastodon_sdk_sees_it(sandbox: Sandbox, toots: Mastodon, seen: Seen) -> None:
    sandbox.fault("mastodon", seen.fault)
    error = failure(lambda: toots.status_post("hello"))
    status = error.args[1] if seen.status else None
    origin = type(error.__context__).__name__ if seen.origin else None
    assert (type(error).__name__, origin, status) == (seen.raised, seen.origin, seen.status)
    assert [post.text for post in sandbox.platforms["mastodon"].posts()] == (["hello"] if seen.taken_in else [])


def test_refused_and_reset_differ_only_at_the_end_of_the_chain(sandbox: Sandbox, toots: Mastodon) -> None:
    said = []
    for fault in (Fault.DOWN, Fault.RESET):
        sandbox.fault("mastodon", fault)
        said.append(str(failure(lambda: toots.status_post("hello")).__context__))
    assert ["refused" in text for text in said] == [True, False]
    assert "reset" in said[1]


def test_garbage_is_unreadable_for_the_bluesky_sdk(sandbox: Sandbox, client: Client) -> None:
    from atproto import models

    sandbox.fault("bluesky", Fault.GARBAGE)
    assert isinstance(put_raw(client), bytes)
    with pytest.raises(Exception) as caught:
        client.com.atproto.repo.get_record(
            models.ComAtprotoRepoGetRecord.Params(repo=HANDLE, collection="app.bsky.feed.post", rkey=RKEY)
        )
    assert type(caught.value).__name__ == "ModelError"


def test_a_slow_answer_is_ended_only_by_a_limit_on_the_whole_call(sandbox: Sandbox) -> None:
    from atproto import AsyncClient, AsyncRequest

    async def post() -> None:
        request = AsyncRequest(timeout=0.5)  # longer than the pause between two bytes: it never strikes
        try:
            await post_with(AsyncClient(base_url=sandbox.url("bluesky"), request=request))
        finally:
            await request.close()

    async def post_with(client: AsyncClient) -> None:
        await client.login(HANDLE, "app-password", fetch_bsky_profile=False)
        sandbox.fault("bluesky", Fault.SLOW, seconds=0.05)
        assert client._session is not None
        async with asyncio.timeout(1.2):
            await client.com.atproto.repo.put_record(
                {"repo": client._session.did, "collection": "app.bsky.feed.post", "rkey": RKEY, "record": RECORD}
            )

    with pytest.raises(TimeoutError):
        asyncio.run(post())
    assert [post.text for post in sandbox.platforms["bluesky"].posts()] == ["hello"]


def test_a_slow_answer_flows_once_the_fault_is_lifted(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("bluesky", Fault.SLOW, seconds=0.3)
    timer = threading.Timer(0.5, sandbox.lift)
    timer.start()
    assert put(client)["uri"].endswith(RKEY)
    timer.join()


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.UNAVAILABLE, Fault.RESET, Fault.CLOSE, Fault.EDGE, Fault.GARBAGE])
def test_a_fault_can_strike_after_the_post_was_taken_in(sandbox: Sandbox, client: Client, fault: Fault) -> None:
    sandbox.fault("bluesky", fault, taken_in=True)
    if fault is Fault.GARBAGE:
        assert isinstance(put_raw(client, RECORD), bytes)
    else:
        failure(lambda: put(client))
    assert [post.text for post in sandbox.platforms["bluesky"].posts()] == ["hello"]


def test_a_lost_reply_can_be_lost_without_the_post(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("bluesky", Fault.LOST_REPLY, taken_in=False)
    with pytest.raises(Exception, match="disconnected"):
        put(client)
    assert sandbox.platforms["bluesky"].posts() == ()


def test_what_is_refused_by_the_platform_itself_is_not_taken_in_by_a_lost_reply(sandbox: Sandbox) -> None:
    sandbox.fault("mastodon", Fault.LOST_REPLY, on=On.WRITES)
    with a_mastodon(sandbox) as toots, pytest.raises(Exception, match="Could not complete request"):
        toots.status_post("x" * 501)
    assert sandbox.platforms["mastodon"].posts() == ()


def test_faults_on_writes_leave_logins_and_reads_alone(sandbox: Sandbox, client: Client) -> None:
    put(client)
    sandbox.fault("bluesky", Fault.ERROR, on=On.WRITES)
    with pytest.raises(Exception, match="Internal Server Error"):
        put(client)
    client.login(HANDLE, "app-password", fetch_bsky_profile=False)
    uri = f"at://{client._session.did}/app.bsky.feed.post/{RKEY}"
    assert [post.uri for post in client.get_posts([uri]).posts] == [uri]


def test_faults_on_reads_leave_writes_alone(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("bluesky", Fault.UNAVAILABLE, on=On.READS)
    uri = put(client)["uri"]
    with pytest.raises(Exception, match="503"):
        client.get_posts([uri])


def test_a_fault_for_one_request_is_over_with_the_second(sandbox: Sandbox, client: Client) -> None:
    sandbox.fault("bluesky", Fault.LOST_REPLY, on=On.WRITES, remaining=1)
    with pytest.raises(Exception, match="disconnected"):
        put(client)
    again = put(client)
    assert ("commit" in again, len(sandbox.platforms["bluesky"].posts())) == (False, 1)
    assert sandbox.platforms["bluesky"].troubles == ()


def test_several_troubles_at_once(sandbox: Sandbox, client: Client) -> None:
    bluesky = sandbox.platforms["bluesky"]
    bluesky.trouble(Trouble(fault=Fault.HIDDEN), Trouble(fault=Fault.RESET, on=On.WRITES, taken_in=True))
    failure(lambda: put(client))
    assert (len(bluesky.posts()), len(bluesky.visible())) == (1, 0)
    bluesky.trouble()
    assert len(bluesky.visible()) == 1


def test_a_hung_request_is_cut_off_when_the_fault_is_lifted(sandbox: Sandbox) -> None:
    bluesky = sandbox.platforms["bluesky"]
    sandbox.fault("bluesky", Fault.HANG_BEFORE)
    with a_connection(bluesky.url) as connection:
        connection.sendall(b"GET /xrpc/_health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: len(bluesky.requests()) == 1)
        sandbox.lift()
        assert connection.recv(100) == b""


def test_hang_before_answers_nothing_although_the_body_never_comes(sandbox: Sandbox) -> None:
    bluesky = sandbox.platforms["bluesky"]
    sandbox.fault("bluesky", Fault.HANG_BEFORE)
    with a_connection(bluesky.url) as connection:
        connection.settimeout(0.3)
        connection.sendall(b"POST /xrpc/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
    assert bluesky.counts()[Kind.WRITE] == 1


def test_a_reset_is_a_reset_and_a_close_is_none(sandbox: Sandbox) -> None:
    seen = []
    for fault in (Fault.RESET, Fault.CLOSE):
        sandbox.fault("bluesky", fault)
        with a_connection(sandbox.url("bluesky")) as connection:
            connection.sendall(b"POST /xrpc/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab")
            try:
                seen.append(connection.recv(100))
            except ConnectionResetError:
                seen.append(b"reset")
    assert seen == [b"reset", b""]


def a_connection(url: str) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
    made.settimeout(PATIENCE_S)
    return made


def answer(url: str, method: str = "POST", path: str = "/xrpc/x") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(url.partition("://")[2], timeout=PATIENCE_S)
    connection.request(method, path, body=b"{}" if method == "POST" else None)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply


def test_bluesky_states_a_wait_in_its_own_headers(sandbox: Sandbox, clock: Any) -> None:
    sandbox.fault("bluesky", Fault.THROTTLED, seconds=7)
    headers = answer(sandbox.url("bluesky")).headers
    assert (headers["Retry-After"], headers["RateLimit-Reset"]) == ("7", str(int(clock.now() + 7)))
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("30", "0")


def test_the_bluesky_sdk_tells_the_wait(sandbox: Sandbox, client: Client) -> None:
    from atproto.exceptions import RateLimitExceededError

    sandbox.fault("bluesky", Fault.THROTTLED)
    with pytest.raises(RateLimitExceededError) as caught:
        put(client)
    assert caught.value.retry_after == 30.0


def test_mastodon_states_a_wait_as_a_time_and_never_in_seconds(sandbox: Sandbox, toots: Mastodon) -> None:
    from mastodon import MastodonRatelimitError

    sandbox.fault("mastodon", Fault.THROTTLED, seconds=90)
    with pytest.raises(MastodonRatelimitError):
        toots.status_post("hello")
    assert toots.ratelimit_reset == pytest.approx(time.time() + 90, abs=3)
    assert "Retry-After" not in answer(sandbox.url("mastodon"), path="/api/v1/statuses").headers


@pytest.mark.parametrize("name", ["bluesky", "mastodon"])
def test_a_wait_as_an_http_date_or_not_at_all(sandbox: Sandbox, clock: Any, name: str) -> None:
    from email.utils import parsedate_to_datetime

    sandbox.fault(name, Fault.UNAVAILABLE, seconds=60, wait="date")
    stated = answer(sandbox.url(name)).headers["Retry-After"]
    assert parsedate_to_datetime(stated).timestamp() == int(clock.now() + 60)
    sandbox.fault(name, Fault.THROTTLED, wait="absent")
    names = {header.lower() for header in answer(sandbox.url(name)).headers}
    assert names & {"retry-after", "ratelimit-reset", "x-ratelimit-reset"} == set()


def test_an_answer_carries_the_time_of_the_clock(sandbox: Sandbox, clock: Any) -> None:
    from email.utils import parsedate_to_datetime

    clock.moment += 86_400
    stated = answer(sandbox.url("bluesky"), "GET", "/xrpc/_health").headers["Date"]
    assert parsedate_to_datetime(stated).timestamp() == int(clock.now())
