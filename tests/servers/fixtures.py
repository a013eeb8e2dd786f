"""pytest fixtures for the test servers: `pytest_plugins = ["tests.servers.fixtures"]`.

A test whose server is not installed is skipped, or fails with SURECAST_STRICT=1; both say what to run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import NoReturn, Protocol

import pytest

from tests.servers.cache import available
from tests.servers.emulate import Emulate
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.network import Network
from tests.servers.pds import Pds
from tests.servers.postfix import Postfix
from tests.servers.prism import Prism
from tests.servers.slow_sms import SlowSms
from tests.servers.smtp_sink import SmtpSink
from tests.servers.snac import Snac
from tests.servers.telemelya import Telemelya


class OwnPds(Protocol):
    """Starts a PDS of the test's own, with these PDS_* settings."""

    def __call__(self, env: Mapping[str, str] | None = None) -> Pds: ...


class OwnMastodonMock(Protocol):
    """Starts a mock of the test's own, limited to so many requests in so many seconds."""

    def __call__(self, rate_limit: tuple[int, int] | None = None) -> MastodonMock: ...


class OwnPostfix(Protocol):
    """Starts a Postfix of the test's own, with these lines of main.cf."""

    def __call__(self, settings: Mapping[str, str] | None = None) -> Postfix: ...


OwnSnac = Callable[[], Snac]
OwnEmulate = Callable[[], Emulate]


def require(name: str) -> None:
    """Skip or fail the test if that server is not installed."""
    missing = available(name)
    if missing:
        _missing(missing)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("SURECAST_STRICT") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pds]:
    """The session's PDS: make an account of your own on it, and leave it running."""
    require("pds")
    with Pds.start(tmp_path_factory.mktemp("pds")) as server:
        yield server


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The session's Bluesky with an AppView: make an account of your own, and leave it running and indexing."""
    require("network")
    with Network.start(tmp_path_factory.mktemp("network")) as server:
        yield server


@pytest.fixture(scope="session")
def snac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snac]:
    """The session's snac: its one user's statuses pile up, and it is to be left running."""
    require("snac")
    with Snac.start(tmp_path_factory.mktemp("snac")) as server:
        yield server


@pytest.fixture(scope="session")
def mastodon_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MastodonMock]:
    """The session's mock: its one user's statuses pile up; clear your faults, and leave it running."""
    require("mastodon_mock")
    with MastodonMock.start(tmp_path_factory.mktemp("mastodon_mock")) as server:
        yield server


@pytest.fixture(scope="session")
def telemelya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemelya]:
    """The session's Telegram: what it was sent piles up, and it is to be left running."""
    require("telemelya")
    with Telemelya.start(tmp_path_factory.mktemp("telemelya")) as server:
        yield server


@pytest.fixture(scope="session")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    """The session's Twilio: what it was sent piles up unless you reset() it, and it is to be left running."""
    require("emulate")
    with Emulate.start(tmp_path_factory.mktemp("emulate")) as server:
        yield server


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """The session's judge of requests to Twilio; it keeps nothing, and is to be left running."""
    require("prism")
    with Prism.start(tmp_path_factory.mktemp("prism")) as server:
        yield server


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """The session's Postfix: mail piles up unless you reset() it, and it is to be left running."""
    require("postfix")
    with Postfix.start() as server:
        yield server


@pytest.fixture
def slow_sms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowSms]:
    """The test's own far side for text messages, which answers after 50 ms; there is nothing to install."""
    with SlowSms.start(tmp_path_factory.mktemp("slow_sms")) as server:
        yield server


@pytest.fixture
def smtp_sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpSink]:
    """The test's own far side for e-mail, which takes everything at once; there is nothing to install."""
    with SmtpSink.start(tmp_path_factory.mktemp("smtp_sink")) as server:
        yield server


@pytest.fixture
def own_pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPds]:
    """Starts PDSs that the test may freeze and kill; they end with it."""
    require("pds")
    with ExitStack() as servers:

        def start(env: Mapping[str, str] | None = None) -> Pds:
            return servers.enter_context(Pds.start(tmp_path_factory.mktemp("own_pds"), env))

        yield start


@pytest.fixture
def own_snac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnSnac]:
    """Starts snacs that the test may freeze and kill; they end with it."""
    require("snac")
    with ExitStack() as servers:
        yield lambda: servers.enter_context(Snac.start(tmp_path_factory.mktemp("own_snac")))


@pytest.fixture
def own_mastodon_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnMastodonMock]:
    """Starts mocks that the test may freeze and kill; they end with it."""
    require("mastodon_mock")
    with ExitStack() as servers:

        def start(rate_limit: tuple[int, int] | None = None) -> MastodonMock:
            folder = tmp_path_factory.mktemp("own_mastodon_mock")
            return servers.enter_context(MastodonMock.start(folder, rate_limit))

        yield start


@pytest.fixture
def own_emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEmulate]:
    """Starts imitations of Twilio that the test may freeze and kill; they end with it."""
    require("emulate")
    with ExitStack() as servers:
        yield lambda: servers.enter_context(Emulate.start(tmp_path_factory.mktemp("own_emulate")))


@pytest.fixture
def own_postfix() -> Iterator[OwnPostfix]:
    """Starts Postfixes that the test may freeze and kill; they end with it."""
    require("postfix")
    with ExitStack() as servers:

        def start(settings: Mapping[str, str] | None = None) -> Postfix:
            return servers.enter_context(Postfix.start(settings))

        yield start
