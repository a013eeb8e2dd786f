"""Each fault does what its name says."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import itertools
import json
import socket
import ssl
import threading
import time
import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests.servers import web
from tests.servers.fault_http import STATUS_FAULTS, TRANSPORT_FAULTS
from tests.servers.faults import FAULTS, FaultServer, Recorded
from tests.servers.process import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator


def post(server: FaultServer, path: str = "/write", timeout: float = 5.0) -> web.Reply:
    return web.send("POST", server.url + path, data={"text": "hello"}, timeout=timeout)


@pytest.fixture
def upstream() -> Iterator[FaultServer]:
    """A server without a fault that tells what it was sent."""

    def told(request: Recorded, status: int) -> dict[str, object]:
        return {
            "line": [request.method, request.path],
            "body": request.body.decode(),
            "asked": request.headers["X-Asked"],
        }

    with FaultServer("500", remaining=0, otherwise=told, headers={"X-Kept": "yes"}) as server:
        yield server


def test_refused() -> None:
    with FaultServer("refused") as server, pytest.raises(urllib.error.URLError) as caught:
        post(server)
    assert isinstance(caught.value.reason, ConnectionRefusedError)


@pytest.mark.parametrize("fault", ["tls_garbage", "tls_self_signed"])
def test_tls(fault: str) -> None:
    with FaultServer(fault) as server:
        assert server.url.startswith("https://")
        with pytest.raises(urllib.error.URLError) as caught:
            post(server)
        assert isinstance(caught.value.reason, ssl.SSLError)
        assert isinstance(caught.value.reason, ssl.SSLCertVerificationError) == (fault == "tls_self_signed")
        assert server.connections == 1
        assert server.requests == []


def test_a_client_that_does_not_check_gets_through_the_self_signed_certificate() -> None:
    with FaultServer("tls_self_signed") as server:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=5)
        link.request("GET", "/")
        assert link.getresponse().read() == b"{}"
        link.close()


def test_hang_before_body_reads_nothing() -> None:
    with FaultServer("hang_before_body") as server:
        with pytest.raises(TimeoutError):
            post(server, timeout=0.3)
        assert (server.connections, server.requests) == (1, [])


def test_hang_before_body_reads_the_head_if_it_has_to_choose() -> None:
    with FaultServer("hang_before_body", only=lambda method, path: path == "/write") as server:
        with pytest.raises(TimeoutError):
            post(server, timeout=0.3)
        assert [(request.path, request.body) for request in server.requests] == [("/write", b"")]
        assert post(server, "/other").status == 200


def test_hang_after_body() -> None:
    with FaultServer("hang_after_body") as server:
        with pytest.raises(TimeoutError):
            post(server, timeout=0.3)
        assert server.wait_for(1)[0].json() == {"text": "hello"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", ConnectionResetError),
        ("close", http.client.RemoteDisconnected),
        ("half", http.client.IncompleteRead),
    ],
)
def test_broken_connections(fault: str, error: type[Exception]) -> None:
    with FaultServer(fault) as server:
        with pytest.raises((error, urllib.error.URLError)) as caught:
            post(server)
        assert isinstance(getattr(caught.value, "reason", caught.value), error)
        (request,) = server.requests
        assert request.method == "POST"
        assert request.body == b'{"text": "hello"}'
        assert request.headers["content-type"] == "application/json"
        assert request.disturbed


def test_slow_drip_never_times_out_between_bytes() -> None:
    with FaultServer("slow_drip") as server, socket.create_connection(("127.0.0.1", server.port)) as link:
        link.settimeout(2)
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        assert [link.recv(10) for _ in range(5)] == [b"H", b"T", b"T", b"P", b"/"]
        assert 0.7 < time.monotonic() - started < 4


@pytest.mark.parametrize("fault", [fault for fault in STATUS_FAULTS if fault.isdecimal()] + ["418"])
def test_statuses(fault: str) -> None:
    with FaultServer(fault) as server:
        reply = post(server)
        assert reply.status == int(fault)
        if fault == "502":
            assert reply.headers["Content-Type"].startswith("text/html")
            assert b"<html>" in reply.body
        elif fault == "302":
            page = web.send("GET", server.url + reply.headers["Location"])
            assert (page.status, page.headers.get_content_type()) == (200, "text/html")
        else:
            assert "error" in json.loads(reply.body)


def test_retry_after() -> None:
    with FaultServer("429", retry_after=7) as server:
        assert post(server).headers["Retry-After"] == "7"
        server.set_fault("429-date")
        when = email.utils.parsedate_to_datetime(post(server).headers["Retry-After"]).timestamp()
        assert 5 < when - time.time() < 9
        server.set_fault("429-none")
        assert "Retry-After" not in post(server).headers


def test_successes_that_are_none() -> None:
    with FaultServer("200-html") as server:
        assert post(server).body.startswith(b"<!DOCTYPE html>")
        server.set_fault("200-broken-json")
        with pytest.raises(ServerError, match="no JSON"):
            post(server).json()


def test_error_bodies_of_a_platforms_own_shape() -> None:
    with FaultServer("400", body={"error": "InvalidRequest"}, headers={"X-Limit": "0"}) as server:
        assert json.loads(post(server).body) == {"error": "InvalidRequest"}
        assert post(server).headers["X-Limit"] == "0"
    with FaultServer("503", body=lambda request, status: {"at": request.path, "code": status}) as server:
        assert json.loads(post(server).body) == {"at": "/write", "code": 503}


def test_remaining_and_clear() -> None:
    with FaultServer("500", remaining=2, otherwise={"id": "7"}) as server:
        assert [post(server).status for _ in range(3)] == [500, 500, 200]
        assert post(server).json() == {"id": "7"}
        server.set_fault("503")
        assert post(server).status == 503
        server.clear()
        assert post(server).status == 200
        assert len(server.disturbed) == 3


def test_the_rest_is_passed_on_as_it_came(upstream: FaultServer) -> None:
    with FaultServer("500", upstream=upstream.url, only=lambda method, path: method == "DELETE") as server:
        reply = web.send(
            "PUT",
            server.url + "/a%20b?c=d&e=%2F",
            data={"ü": "ß"},
            headers={"X-Asked": "what", "Host": "here"},
        )
        assert reply.json() == {
            "line": ["PUT", "/a%20b?c=d&e=%2F"],
            "body": json.dumps({"ü": "ß"}),
            "asked": "what",
        }
        (seen,), (passed,) = upstream.requests, server.requests
        assert seen.headers["Host"] == f"127.0.0.1:{upstream.port}"
        assert (passed.disturbed, passed.upstream_status) == (False, 200)
        assert web.send("DELETE", server.url + "/a").status == 500
        assert len(upstream.requests) == 1


def test_connections_are_kept_alive_and_chunked_bodies_read(upstream: FaultServer) -> None:
    with FaultServer("503", upstream=upstream.url, remaining=1) as server:
        link, bodies = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5), []
        for status in (503, 200, 200):
            link.request("POST", "/", body=iter([b"one ", b"two"]))  # http.client sends this in chunks
            reply = link.getresponse()
            assert reply.status == status
            bodies.append(json.loads(reply.read()))
        link.close()
        assert [body.get("body") for body in bodies] == [None, "one two", "one two"]
        assert server.connections == 1
        assert [request.body for request in server.requests] == [b"one two"] * 3


def test_a_dead_upstream_looks_like_a_dead_connection() -> None:
    with FaultServer("refused") as nobody, FaultServer("500", upstream=nobody.url, remaining=0) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            post(server)
        assert server.requests[0].upstream_status is None


def test_lost_replies(upstream: FaultServer) -> None:
    with FaultServer("lost_reply", upstream=upstream.url, remaining=1) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            post(server)
        server.set_fault("lost_reply_502", remaining=1)
        assert post(server).status == 502
        server.set_fault("lost_reply_hang", remaining=1)
        with pytest.raises(TimeoutError):
            post(server, timeout=0.3)
        assert post(server).status == 200
        assert [request.upstream_status for request in server.requests] == [200] * 4
        assert [request.body for request in upstream.requests] == [b'{"text": "hello"}'] * 4


def test_requests_of_many_threads_are_all_recorded() -> None:
    with FaultServer("500") as server:
        numbers = itertools.count()

        def work() -> None:
            for _ in range(20):
                post(server, f"/{next(numbers)}")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(int(request.path[1:]) for request in server.requests) == list(range(160))


@pytest.mark.parametrize("fault", TRANSPORT_FAULTS)
def test_stop_leaves_no_thread_and_no_listener(fault: str) -> None:
    before = threading.active_count()
    with FaultServer(fault) as server, socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        link.settimeout(0.2)
        with contextlib.suppress(OSError):  # the fault
            link.recv(1)
        server.stop()
        assert threading.active_count() == before
        with pytest.raises(urllib.error.URLError):
            post(server)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault is called 'melt'"):
        FaultServer("melt")
    with pytest.raises(ValueError, match="needs an upstream"):
        FaultServer("lost_reply")
    with pytest.raises(ValueError, match="disturbs every connection"):
        FaultServer("refused", only=lambda method, path: True)
    with FaultServer("500") as server, pytest.raises(ValueError, match="belong to the address"):
        server.set_fault("refused")
    assert len(FAULTS) == len(set(FAULTS))
