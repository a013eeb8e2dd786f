"""Getting a status page from servers that answer, dawdle, lie and lead astray."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.faults import FaultServer
from tests.servers.process import wait_until
from tests.transport.far_sides import _certificates, context, never_connects

from surecast.channel import Context
from surecast.transport import redact
from surecast.transport.clients import user_agent
from surecast.vendor import View, Word, read_page
from surecast.vendor.fetching import MOST_BYTES
from surecast.vendor.view import LONGEST

NOW = 1_795_348_800.0
WELL = {
    "page": {"id": "x", "name": "Ferries", "updated_at": "2026-11-22T11:55:00Z"},
    "status": {"indicator": "none", "description": "All Systems Operational"},
    "components": [{"name": "Voice", "status": "major_outage"}],
}
GOOD = View(word=Word.GOOD, detail="All Systems Operational", at=NOW - 300)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server on this machine whose every path is answered by `handler`."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def read(url: str, timeout_s: float = 10.0, component: str = "", given: Context | None = None) -> View:
    return await read_page(url, context=given or context(), timeout_s=timeout_s, now=NOW, component=component)


def read_from(
    handler: Handler, path: str = "/api/v2/summary.json", timeout_s: float = 10.0, component: str = ""
) -> View:
    async def live() -> View:
        async with serving(handler) as url:
            return await read(url + path, timeout_s, component)

    return asyncio.run(live())


def unread(why: str, host: str = "127.0.0.1") -> View:
    return View(word=Word.UNKNOWN, detail=f"The status page of {host} could not be read. {why}")


async def well(request: web.Request) -> web.StreamResponse:
    return web.json_response(WELL)


def test_a_page_is_read() -> None:
    assert read_from(well) == GOOD
    assert read_from(well, component="voice").word is Word.BAD


def test_it_says_who_it_is_and_what_it_understands() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await well(request)

    assert read_from(answer) == GOOD
    assert asked[0].headers["User-Agent"] == user_agent()
    assert asked[0].headers["Accept"].startswith("application/json")
    assert "Authorization" not in asked[0].headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429, 500, 502, 503, 304, 204])
def test_a_refusal_is_no_information_whatever_it_holds(status: int) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response(WELL, status=status) if status >= 400 else web.Response(status=status)

    view = read_from(refuse)
    assert (view.word, view.at) == (Word.UNKNOWN, None)
    if status != 204:
        assert view == unread(f"It answered with {status}.")


def test_a_page_of_another_kind_says_what_to_give_instead() -> None:
    async def html(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<!DOCTYPE html><html>All Systems Operational</html>", content_type="text/html")

    assert read_from(html).detail == (
        "The status page is of a kind that cannot be read (text/html). "
        "Give the address of its JSON or of its feed, e.g. /api/v2/summary.json or /history.atom."
    )


def test_a_refused_connection_is_no_information() -> None:
    with FaultServer("refused") as server:
        assert asyncio.run(read(server.url)) == unread("The server refused the connection.")


def test_a_server_that_never_takes_the_connection_is_given_up() -> None:
    with never_connects() as url:
        begun = time.monotonic()
        view = asyncio.run(read(url, 0.3))
    assert time.monotonic() - begun < 5.0
    assert view.word is Word.UNKNOWN
    assert view.detail.startswith("The status page of 127.0.0.1 could not be read. No ")


@pytest.mark.parametrize("fault", ["hang_before_body", "hang_after_body"])
def test_a_server_that_never_answers_is_given_up(fault: str) -> None:
    with FaultServer(fault) as server:
        begun = time.monotonic()
        assert asyncio.run(read(server.url, 0.3)) == unread("No answer came in time.")
        assert 0.2 < time.monotonic() - begun < 5.0


def test_a_page_that_drips_is_given_up_at_the_end_of_the_whole_time() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Type": "application/json"})
        await reply.prepare(request)
        with contextlib.suppress(ConnectionError):
            for byte in json.dumps(WELL):
                await reply.write(byte.encode())
                await asyncio.sleep(0.05)
        return reply

    begun = time.monotonic()
    assert read_from(drip, timeout_s=0.5) == unread("No answer came in time.")
    assert time.monotonic() - begun < 5.0


@pytest.mark.parametrize("fault", ["reset", "close", "half"])
def test_a_connection_that_breaks_is_no_information(fault: str) -> None:
    with FaultServer(fault) as server:
        assert asyncio.run(read(server.url)) == unread("The connection broke before the answer was complete.")


@pytest.mark.parametrize("fault", ["tls_garbage", "tls_self_signed"])
def test_a_server_that_is_not_trusted_is_no_information(fault: str) -> None:
    with FaultServer(fault) as server:
        view = asyncio.run(read(server.url))
    assert view.word is Word.UNKNOWN
    assert view.detail.startswith("The status page of 127.0.0.1 could not be read. ")


def padded(size: int) -> bytes:
    content = json.dumps(WELL).encode()
    return content + b" " * (size - len(content))


def test_a_page_as_large_as_may_be_is_read_and_a_larger_one_is_not() -> None:
    def of(size: int) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=padded(size))

        return answer

    assert read_from(of(MOST_BYTES)) == GOOD
    assert read_from(of(MOST_BYTES + 1)) == unread("It is larger than 512 KiB.")


def test_an_endless_page_is_not_read_to_its_end() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        reply = web.StreamResponse()
        await reply.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await reply.write(b" " * 65_536)
                sent += 65_536
        return reply

    assert read_from(endless) == unread("It is larger than 512 KiB.")
    assert sent < 64 * MOST_BYTES


def encoded(content: bytes, encoding: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, headers={"Content-Encoding": encoding, "Content-Type": "application/json"})

    return answer


def test_a_packed_page_is_unpacked_up_to_the_same_size() -> None:
    assert read_from(encoded(gzip.compress(json.dumps(WELL).encode()), "gzip")) == GOOD
    assert read_from(encoded(gzip.compress(padded(MOST_BYTES)), "GZIP")) == GOOD
    assert read_from(encoded(gzip.compress(bytes(100 * 1024 * 1024)), "gzip")) == unread("It is larger than 512 KiB.")


def test_a_page_that_is_packed_wrongly_is_no_information() -> None:
    packed = gzip.compress(json.dumps(WELL).encode())
    assert read_from(encoded(json.dumps(WELL).encode(), "gzip")) == unread("It cannot be unpacked.")
    assert read_from(encoded(packed[:40], "gzip")).word is Word.UNKNOWN
    assert read_from(encoded(zlib.compress(packed), "deflate, gzip")) == unread(
        "It is packed in a way that was not asked for."
    )


def redirecting(times: int, status: int = 302) -> tuple[Handler, list[web.Request]]:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if len(asked) > times:
            return await well(request)
        return web.Response(status=status, headers={"Location": f"/next/{len(asked)}?step={len(asked)}"})

    return answer, asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed(status: int) -> None:
    handler, asked = redirecting(3, status)
    assert read_from(handler) == GOOD
    assert [request.path for request in asked] == ["/api/v2/summary.json", "/next/1", "/next/2", "/next/3"]


def test_a_fourth_redirect_is_not_followed() -> None:
    handler, asked = redirecting(4)
    assert read_from(handler) == unread("It redirects more than 3 times. Give the address where it leads to.")
    assert len(asked) == 4


def test_all_redirects_share_one_time() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": "/again"})

    assert read_from(slow, timeout_s=0.5) == unread("No answer came in time.")


def test_no_credentials_travel_with_a_redirect() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if request.path == "/final":
            return await well(request)
        return web.Response(status=302, headers={"Location": f"http://somebody:hush@{request.host}/final"})

    async def live() -> View:
        async with serving(answer) as url:
            return await read(url.replace("://", "://me:secret@") + "/first")

    assert asyncio.run(live()) == GOOD
    assert "Authorization" in asked[0].headers  # what somebody wrote into the address of their own accord
    assert "Authorization" not in asked[1].headers


def test_no_cookies_travel_with_a_redirect() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if request.path == "/final":
            return await well(request)
        return web.Response(status=302, headers={"Location": "/final", "Set-Cookie": "session=hush; Path=/"})

    assert read_from(answer) == GOOD
    assert "Cookie" not in asked[1].headers


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://x"])
def test_a_redirect_to_something_else_is_not_followed(target: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    assert read_from(answer) == unread("It redirects to an address that is not secure (https).")


@pytest.mark.parametrize(
    "target",
    [
        "http://[",
        "javascript:alert(1)",
        "mailto:me@x.example",
        "http://a:b:c/",
        "//",
        "http://",
        "https://\u2603..invalid/",
        "\\\\x",
    ],
)
def test_a_redirect_to_nowhere_is_no_information(target: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    assert read_from(answer).word is Word.UNKNOWN


def test_a_redirect_may_lead_to_https_and_not_from_there_to_http(tmp_path: Path) -> None:
    authority, chain = _certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain)
    trusting = context(ca_file=authority)

    async def live() -> tuple[View, View, View]:
        leads_to = {"/up": "", "/down": ""}

        async def answer(request: web.Request) -> web.StreamResponse:
            target = leads_to.get(request.path)
            return web.Response(status=301, headers={"Location": target}) if target else await well(request)

        async with serving(answer) as plain, serving(answer, tls=tls) as secure:
            leads_to |= {"/up": f"{secure}/page", "/down": f"{plain}/page"}
            return (
                await read(f"{plain}/up", given=trusting),
                await read(f"{secure}/page", given=trusting),
                await read(f"{secure}/down", given=trusting),
            )

    assert asyncio.run(live()) == (GOOD, GOOD, unread("It redirects to an address that is not secure (https)."))


def test_nothing_of_the_address_but_its_host_is_told() -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    async def live() -> View:
        async with serving(refuse) as url:
            return await read(url.replace("://", "://me:hush@") + "/secret-path?token=hush#hush")

    assert asyncio.run(live()) == unread("It answered with 500.")


def test_a_registered_secret_that_a_page_repeats_is_masked() -> None:
    redact.register("hush-hush")

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"page": {}, "status": {"indicator": "minor", "description": "Key hush-hush is slow"}})

    assert read_from(answer).detail == "Key *** is slow"


@pytest.mark.parametrize(
    "url",
    ["", "status.example", "ftp://status.example/x", "http://", "http://[", "http://127.0.0.1:99999/", "http://a\nb/"],
)
def test_an_address_that_cannot_be_used_is_no_information(url: str) -> None:
    view = asyncio.run(read(url))
    assert (view.word, view.at) == (Word.UNKNOWN, None)
    assert view.detail.startswith("The status page ")
    assert "could not be read. " in view.detail


def test_an_address_that_is_none_is_to_be_corrected() -> None:
    assert asyncio.run(read("http://a\nb/")) == unread("Its address cannot be used. Correct it.", "ab")


def test_a_name_that_nobody_has_is_no_information() -> None:
    view = asyncio.run(read("https://status.ferries.invalid/api/v2/summary.json?key=hush"))
    assert view.detail.startswith("The status page of status.ferries.invalid could not be read. ")
    assert "hush" not in view.detail


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    view = asyncio.run(read("https://status.example/", given=context(ca_file=tmp_path / "nowhere.pem")))
    assert view.word is Word.UNKNOWN
    assert "certificates" in view.detail


def test_no_time_at_all_is_no_information() -> None:
    assert read_from(well, timeout_s=0.0) == unread("No answer came in time.")


def test_who_cancels_the_call_is_heard() -> None:
    async def live() -> bool:
        with FaultServer("hang_after_body") as server:
            task = asyncio.create_task(read(server.url, 60.0))
            await asyncio.to_thread(wait_until, lambda: bool(server.requests), 5.0, "no request")
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return task.cancelled()

    assert asyncio.run(live())


def test_the_proxy_is_used() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.raw_path)
        return await well(request)

    async def live() -> View:
        async with serving(answer) as proxy:
            return await read("http://status.ferries.invalid/summary.json", given=context(proxy=proxy))

    assert asyncio.run(live()) == GOOD
    assert asked == ["http://status.ferries.invalid/summary.json"]


def test_no_connection_stays_open() -> None:
    async def live() -> bool:
        with contextlib.closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            reading = asyncio.create_task(read(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.3))
            loop = asyncio.get_running_loop()
            connection, _ = await loop.sock_accept(listener)
            with contextlib.closing(connection):
                await reading
                while piece := await asyncio.wait_for(loop.sock_recv(connection, 65_536), 5.0):
                    assert piece
                return True

    assert asyncio.run(live())


@given(st.text(max_size=60))
def test_no_address_raises(url: str) -> None:
    """None of them is a server: each begins with a scheme that nobody can use."""
    view = asyncio.run(read(f"gopher:{url}", 1.0))
    assert view.word is Word.UNKNOWN
    assert view.detail.isprintable()
    assert len(view.detail) <= LONGEST
