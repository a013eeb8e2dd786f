"""The contract of every adapter, run against simulated platforms, real servers and a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from tests.channels import bluesky_bench, email_bench, mastodon_bench, telegram_bench, twilio_bench
from tests.channels.contract_sides import PROXIED, SIMULATED, FolderSide, ProxiedSide, SimulatedSide
from tests.servers.emulate import Emulate
from tests.servers.fault_http import Recorded
from tests.servers.faults import FaultServer
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.pds import Pds
from tests.servers.smtp_faults import SmtpFaults
from tests.servers.snac import Snac
from tests.servers.telemelya import Telemelya

from surecast.channel import Adapter
from surecast.channels.bluesky import Bluesky, Settings
from surecast.channels.email import Relay
from surecast.contact import Recipient
from surecast.outcome import Verdict
from surecast.sandbox import Fault, Sandbox
from surecast.secret import Secret
from surecast.testing import ChannelContract, FarSide, a_context


def a_bluesky(server: str, handle: str = "ferries.example", appview: str | None = None) -> Bluesky:
    password = Secret.of(bluesky_bench.PASSWORD)
    settings = Settings(handle=handle, app_password=password, service=server, appview=appview)
    return Bluesky(settings, a_context("bluesky"))


# Simulated platforms


class Simulated(ChannelContract):
    """On a platform of the sandbox."""

    unreached = frozenset({Fault.DOWN})
    hangs = Fault.HANG_AFTER
    lost = Fault.LOST_REPLY
    timeout_s = 0.8  # nothing there takes time by itself


class TestBlueskyInTheSandbox(Simulated):
    # A page of an edge: the reference server itself never answers so.
    faults: ClassVar = {**SIMULATED, Fault.EDGE: Verdict.UNAVAILABLE}
    secrets = (bluesky_bench.PASSWORD,)

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with Sandbox.in_thread(["bluesky"]) as sandbox:
            yield SimulatedSide(
                sandbox.platforms["bluesky"],
                lambda server: a_bluesky(server, appview=server),
                mark=lambda request: request.digest,
            )


class TestMastodonInTheSandbox(Simulated):
    # The nginx in front of every Mastodon says so too when the server dies in the middle of a request.
    faults: ClassVar = {**SIMULATED, Fault.EDGE: Verdict.UNCERTAIN}
    secrets = (mastodon_bench.TOKEN,)

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with Sandbox.in_thread(["mastodon"]) as sandbox:
            yield SimulatedSide(
                sandbox.platforms["mastodon"], mastodon_bench.an_adapter, mark=lambda request: request.key
            )


class TestTelegramChatsInTheSandbox(Simulated):
    faults: ClassVar = {
        **SIMULATED,
        Fault.EDGE: Verdict.UNCERTAIN,
        Fault.FORBIDDEN: Verdict.REFUSED,  # by the one chat, which says nothing about the others
    }
    secrets = (telegram_bench.TOKEN, "551234567")
    recipient = Recipient(address="551234567")

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with Sandbox.in_thread(["telegram"]) as sandbox:
            yield SimulatedSide(
                sandbox.platforms["telegram"], telegram_bench.chats, mark=lambda request: request.digest
            )


class TestTwilioInTheSandbox(Simulated):
    # A server that fails, or something in front of it, may have passed the message on; and every copy costs money.
    faults: ClassVar = {**SIMULATED, Fault.EDGE: Verdict.UNCERTAIN, Fault.UNAVAILABLE: Verdict.UNCERTAIN}
    secrets = (twilio_bench.TOKEN, twilio_bench.ANN.address)
    recipient = twilio_bench.ANN

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with Sandbox.in_thread(["twilio"]) as sandbox:
            yield SimulatedSide(
                sandbox.platforms["twilio"], twilio_bench.an_adapter, mark=lambda request: request.digest
            )


class TestEmailInTheSandbox(Simulated):
    # What fails before the final dot of a message was surely not sent, and a server that answers has not taken it.
    faults: ClassVar = {
        **SIMULATED,
        **dict.fromkeys(
            (Fault.HANG_BEFORE, Fault.RESET, Fault.CLOSE, Fault.ERROR, Fault.GARBAGE, Fault.EDGE), Verdict.UNAVAILABLE
        ),
    }
    secrets = ("ann@d.test",)
    recipient = email_bench.ANN

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with Sandbox.in_thread(["email"]) as sandbox:
            yield SimulatedSide(
                sandbox.platforms["email"],
                lambda url: email_bench.an_adapter(Relay(host=url)),
                mark=lambda request: request.digest,
            )


class TestEmailOnAnotherServer(ChannelContract):
    faults: ClassVar = {
        "noreply": Verdict.UNAVAILABLE,
        "close": Verdict.UNAVAILABLE,
        "garbage": Verdict.UNAVAILABLE,
        "421greet": Verdict.THROTTLED,
        "421rcpt": Verdict.UNAVAILABLE,
        "421data": Verdict.UNAVAILABLE,
        "554data": Verdict.REFUSED,
        "cut_early": Verdict.UNAVAILABLE,
        "cut": Verdict.UNCERTAIN,
        "slow": Verdict.UNCERTAIN,
    }
    unreached = frozenset({"noreply", "close", "garbage", "421greet", "421rcpt"})
    hangs = "slow"
    lost = "cut"
    secrets = ("ann@d.test",)
    recipient = email_bench.ANN

    @pytest.fixture
    def far_side(self) -> Iterator[FarSide]:
        with SmtpFaults(tls=True) as server:
            yield email_bench.RelaySide(server)


# A folder


class TestSite(ChannelContract):
    faults: ClassVar = dict.fromkeys(FolderSide.FAULTS, Verdict.UNAVAILABLE)
    unreached = frozenset({"busy", "file_in_its_place", "foreign_start_page"})
    hangs = "command_hangs"
    reads_back = False

    @pytest.fixture
    def far_side(self, tmp_path: Path) -> Iterator[FarSide]:
        side = FolderSide(tmp_path)
        yield side
        side.mend()


# Real servers


class Proxied(ChannelContract):
    """On a real server, with a proxy in front of it that has the faults."""

    hangs = "hang_after_body"
    lost = "lost_reply"


@pytest.fixture(scope="module")
def account(pds: Pds) -> tuple[str, str]:
    """An account's handle and DID."""
    handle = "bsky-contract.test"
    return handle, pds.create_account(handle, bluesky_bench.PASSWORD)


@pytest.mark.server
class TestBlueskyOnItsOwnServer(Proxied):
    faults: ClassVar = {**PROXIED, "502": Verdict.UNAVAILABLE}
    secrets = (bluesky_bench.PASSWORD,)
    reads_back = False  # nothing that the public reads belongs to that server

    @pytest.fixture
    def far_side(self, pds: Pds, account: tuple[str, str]) -> Iterator[FarSide]:
        handle, did = account
        with FaultServer("500", upstream=pds.url, only=bluesky_bench.is_write, remaining=0) as server:
            yield ProxiedSide(
                server,
                lambda url: a_bluesky(url, handle),
                texts=lambda: [post["value"]["text"] for post in pds.posts(did)],
                mark=lambda request: request.body.decode(),
            )


class MastodonProxied(Proxied):
    faults: ClassVar = {**PROXIED, "502": Verdict.UNCERTAIN, "lost_reply_502": Verdict.UNCERTAIN}
    timeout_s = 0.8

    @pytest.fixture
    def far_side(self, server: mastodon_bench.Server) -> Iterator[FarSide]:
        self.secrets = (server.access_token,)
        with FaultServer("500", upstream=server.url, only=mastodon_bench.is_post, remaining=0) as proxy:
            yield ProxiedSide(
                proxy,
                lambda url: mastodon_bench.an_adapter(url, server.access_token),
                texts=lambda: [status["content"] for status in server.statuses()],
                mark=idempotency_key,
            )


def idempotency_key(request: Recorded) -> str:
    return request.headers["Idempotency-Key"] or ""


@pytest.mark.server
class TestMastodonOnSnac(MastodonProxied):
    @pytest.fixture
    def server(self, snac: Snac) -> Snac:
        return snac


@pytest.mark.server
class TestMastodonOnMastodonMock(MastodonProxied):
    @pytest.fixture
    def server(self, mastodon_mock: MastodonMock) -> MastodonMock:
        return mastodon_mock


class TelegramProxied(Proxied):
    faults: ClassVar = {**PROXIED, "502": Verdict.UNCERTAIN, "lost_reply_502": Verdict.UNCERTAIN}
    secrets = (telegram_bench.TOKEN,)
    reads_back = False  # a private chat; and that server shows nothing to anybody

    def begin(self, url: str) -> Adapter:
        return telegram_bench.an_adapter(url, chat=-1001234567890)

    @pytest.fixture
    def far_side(self, telemelya: Telemelya) -> Iterator[FarSide]:
        with FaultServer("500", upstream=telemelya.url, only=telegram_bench.is_post, remaining=0) as proxy:
            yield ProxiedSide(
                proxy,
                self.begin,
                texts=lambda: [message["text"] for message in telemelya.sent() if "text" in message],
                mark=lambda request: request.body.decode(),
            )


@pytest.mark.server
class TestTelegramOnTelemelya(TelegramProxied):
    pass


@pytest.mark.server
class TestTelegramChatsOnTelemelya(TelegramProxied):
    secrets = (telegram_bench.TOKEN, "551234567")
    recipient = Recipient(address="551234567")

    def begin(self, url: str) -> Adapter:
        return telegram_bench.chats(url)


@pytest.mark.server
class TestTwilioOnEmulate(Proxied):
    faults: ClassVar = {
        **PROXIED,
        "502": Verdict.UNCERTAIN,
        "503": Verdict.UNCERTAIN,
        "lost_reply_502": Verdict.UNCERTAIN,
    }
    secrets = (Emulate.auth_token, twilio_bench.ANN.address)
    recipient = twilio_bench.ANN

    @pytest.fixture
    def far_side(self, emulate: Emulate) -> Iterator[FarSide]:
        emulate.reset()
        login = {"account_sid": Secret.of(emulate.account_sid), "auth_token": Secret.of(emulate.auth_token)}
        with FaultServer("500", upstream=emulate.url, only=twilio_bench.is_write, remaining=0) as server:
            yield ProxiedSide(
                server,
                lambda url: twilio_bench.an_adapter(url, from_=emulate.number, **login),
                texts=lambda: [message["body"] for message in emulate.sent()],
                mark=twilio_bench.body,
            )


# The contract itself


@pytest.mark.parametrize("named", ["hangs", "lost", "unreached"])
def test_a_far_side_that_does_not_say_what_its_faults_are_called_is_a_mistake(named: str) -> None:
    own = {"faults": {"stands still": Verdict.UNCERTAIN}, "hangs": "stands still"}
    incomplete = type("Incomplete", (ChannelContract,), {**own, named: ["slow"] if named == "unreached" else "slow"})
    with pytest.raises(TypeError, match=r"Incomplete\.faults lacks 'slow'"):
        incomplete().pytest_generate_tests(SimpleNamespace(fixturenames=["far_side", "fault"]))
