"""One place for certificates, proxies, the user agent and redirects, for httpx and requests alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.servers.faults import FaultServer
from tests.transport.far_sides import context, with_own_authority

from surecast.channel import Context
from surecast.errors import ConfigError
from surecast.outcome import Reason, Verdict
from surecast.transport.classify import classify
from surecast.transport.clients import (
    BUNDLES,
    httpx_client,
    httpx_options,
    requests_session,
    tls_context,
    user_agent,
)

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*BUNDLES, *PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def by_httpx(given: Context, url: str) -> Answer:
    async def get() -> Answer:
        async with httpx_client(given, 5.0) as client:
            answer = await client.get(url)
            return Answer(answer.status_code, answer.text)

    return asyncio.run(get())


def by_an_sdk_on_httpx(given: Context, url: str) -> Answer:
    async def get() -> Answer:
        async with httpx.AsyncClient(follow_redirects=True, timeout=5.0, **httpx_options(given)) as client:
            answer = await client.get(url)
            return Answer(answer.status_code, answer.text)

    return asyncio.run(get())


def by_requests(given: Context, url: str) -> Answer:
    with requests_session(given) as session:
        answer = session.get(url, timeout=5.0)
        return Answer(answer.status_code, answer.text)


Way = Callable[[Context, str], Answer]
every_way = pytest.mark.parametrize("way", [by_httpx, by_an_sdk_on_httpx, by_requests])


@every_way
def test_it_says_who_it_is(way: Way) -> None:
    with FaultServer("404") as server:
        way(context(), server.url)

        assert server.requests[0].headers["User-Agent"] == user_agent()
        assert user_agent().startswith("surecast/")


@every_way
def test_an_authority_of_ones_own_is_trusted_when_it_is_named(way: Way, tmp_path: Path) -> None:
    with with_own_authority(tmp_path) as (url, authority):
        assert way(context(ca_file=authority), url) == Answer(200, user_agent())


@every_way
def test_an_unknown_authority_is_not_trusted(way: Way, tmp_path: Path) -> None:
    with with_own_authority(tmp_path) as (url, _), pytest.raises(Exception, match=r"(?i)certificate") as caught:
        way(context(), url)

    outcome = classify(caught.value)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert "certificate could not be verified" in outcome.detail


@every_way
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_the_environment_may_name_an_authority_for_all(
    way: Way, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_own_authority(tmp_path) as (url, authority):
        monkeypatch.setenv(variable, str(authority))

        assert way(context(use_environment=True), url).status == 200


@every_way
def test_the_environment_may_name_nothing_when_it_is_not_to(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_own_authority(tmp_path) as (url, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with pytest.raises(Exception, match=r"(?i)certificate"):
            way(context(use_environment=False), url)


def test_a_file_without_certificates_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    empty = tmp_path / "corp-ca.pem"
    empty.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"corp-ca\.pem cannot be read .* under \[network\]"):
        tls_context(context(ca_file=empty))


def test_a_file_that_is_not_there_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        tls_context(context(ca_file=tmp_path / "nowhere.pem"))


def test_the_certificates_are_loaded_once() -> None:
    assert tls_context(context()) is tls_context(context())


def test_an_sdk_cannot_switch_off_verification(tmp_path: Path) -> None:
    with (
        with_own_authority(tmp_path) as (url, _),
        requests_session(context()) as session,
        pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        session.get(url, timeout=5.0, verify=False)


@every_way
def test_requests_go_through_the_proxy(way: Way) -> None:
    with FaultServer("404") as proxy:
        assert way(context(proxy=proxy.url), "http://harbour.invalid/posts").status == 404
        assert proxy.requests[0].path == "http://harbour.invalid/posts"


@every_way
def test_the_configured_proxy_wins_over_the_environments(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer("404") as proxy, FaultServer("500") as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)

        assert way(context(proxy=proxy.url, use_environment=True), "http://harbour.invalid/").status == 404
        assert other.requests == []


@every_way
def test_the_environments_proxy_serves_when_it_may(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer("404") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert way(context(use_environment=True), "http://harbour.invalid/").status == 404


@every_way
def test_the_environments_proxy_is_not_asked_when_it_may_not(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer("404") as proxy, FaultServer("403") as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert way(context(use_environment=False), server.url).status == 403
        assert proxy.requests == []


@every_way
@pytest.mark.parametrize("fault", ["403", "407", "502"])
def test_a_proxy_that_makes_no_tunnel_is_not_sent(way: Way, fault: str) -> None:
    with (
        FaultServer(fault) as proxy,
        pytest.raises(Exception, match=r"(?i)proxy|tunnel|forbidden|bad gateway") as caught,
    ):
        way(context(proxy=proxy.url), "https://harbour.invalid/posts")

    outcome = classify(caught.value)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert "proxy" in outcome.detail


@every_way
def test_a_dead_proxy_is_not_sent(way: Way) -> None:
    with FaultServer("refused") as proxy, pytest.raises(OSError if way is by_requests else httpx.HTTPError) as caught:
        way(context(proxy=proxy.url), "http://harbour.invalid/posts")

    assert classify(caught.value).verdict is Verdict.UNAVAILABLE


@every_way
def test_a_netrc_adds_no_credentials(way: Way, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login harbour password hush\n")
    with FaultServer("404") as server:
        way(context(use_environment=True), server.url)

        assert server.requests[0].headers["Authorization"] is None


def test_a_redirect_is_an_answer_of_our_own_client() -> None:
    with FaultServer("302") as server:
        assert by_httpx(context(), server.url).status == 302


@pytest.mark.parametrize("way", [by_an_sdk_on_httpx, by_requests])
def test_an_sdk_that_follows_redirects_is_stopped(way: Way) -> None:
    with FaultServer("302") as server:
        with pytest.raises(Exception, match="redirects") as caught:
            way(context(), server.url)

        outcome = classify(caught.value)
        assert (outcome.verdict, outcome.reason) == (Verdict.UNCERTAIN, Reason.REDIRECTED)
        assert len(server.requests) == 1


@pytest.mark.parametrize(("keep_alive", "connections"), [(True, 1), (False, 2)])
def test_connections_are_kept_or_not(keep_alive: bool, connections: int) -> None:
    async def twice(url: str) -> None:
        async with httpx_client(context(), 5.0, keep_alive=keep_alive) as client:
            await client.get(url)
            await client.get(url)

    with FaultServer("404") as server:
        asyncio.run(twice(server.url))
        assert server.connections == connections
    with FaultServer("404") as server, requests_session(context(), keep_alive=keep_alive) as session:
        session.get(server.url, timeout=5.0)
        session.get(server.url, timeout=5.0)
        assert server.connections == connections


def test_no_phase_outlasts_its_time() -> None:
    async def read(url: str) -> Awaitable[None] | None:
        async with httpx_client(context(), 0.1) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(url)
        return None

    with FaultServer("hang_after_body") as server:
        asyncio.run(read(server.url))
