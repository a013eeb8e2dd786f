"""Routes that mix posts, text messages and letters: each reader gets it once, by whatever works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from surecast.sandbox import Sandbox
from tests.scenarios.letters import OURS, Newsletter, Reader, numbered, plain, recipients
from tests.scenarios.riders import phone
from tests.servers.fixtures import OwnPds, OwnPostfix
from tests.servers.pds import Pds
from tests.servers.process import wait_until
from tests.servers.smtp_faults import SmtpFaults
from tests.servers.smtp_sink import SmtpSink

pytestmark = pytest.mark.server

HANDLE, PASSWORD = "writer.test", "pass-word-1234"

#: Numbers at the simulated Twilio: nobody's, one that answered STOP, and one to which nothing arrives.
NO_NUMBER, STOPPED, LOST = "+15005550001", "+15005550004", "+15005551003"


@dataclass(slots=True)
class FarTwilio:
    """The simulated Twilio as a far side."""

    sandbox: Sandbox
    account_sid: str = "AC" + "1" * 32
    auth_token: str = "token"
    number: str = "+15005550006"

    @property
    def url(self) -> str:
        return self.sandbox.url("twilio")

    def sent(self) -> list[dict[str, str]]:
        return [{"to": post.author, "body": post.text} for post in self.sandbox.platforms["twilio"].posts()]


@pytest.fixture
def twilio() -> Iterator[FarTwilio]:
    with Sandbox.in_thread(("twilio",)) as sandbox:
        yield FarTwilio(sandbox)


def written(far: FarTwilio) -> Counter[str]:
    return Counter(message["to"] for message in far.sent())


def test_who_gets_no_text_message_gets_a_letter_and_nobody_both(
    tmp_path: Path, twilio: FarTwilio, own_postfix: OwnPostfix
) -> None:
    postfix = own_postfix(OURS)
    phones = [*map(phone, range(20)), *[""] * 10, NO_NUMBER, STOPPED, LOST]
    readers: list[Reader] = [{**reader, "phone": it} for reader, it in zip(numbered(len(phones)), phones, strict=True)]
    shop = Newsletter(tmp_path).readers(readers).letters([plain(postfix.port)])
    shop.sms(twilio).route("sms | newsletter")

    sent = shop.run("send", "Ferry 12 is cancelled today", "--json")

    assert sent.json["state"] in {"reached", "rerouted"}, sent.out
    worker = shop.start("work")
    try:
        wait_until(lambda: postfix.count() >= 12, 60, "the receipt that says that it did not arrive")
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    reached_by_phone = set(map(phone, range(20)))
    assert written(twilio) == dict.fromkeys((*reached_by_phone, LOST), 1)
    without = {reader["email"] for reader in readers if reader["phone"] not in {*reached_by_phone, STOPPED}}
    assert recipients(postfix.mails()) == dict.fromkeys(without, 1), "not who answered STOP"
    report = shop.run("status", "last", "--json").json["contacts"]
    assert (report["reached"], report["suppressed"]) == (32, 1), report


def bluesky_first(folder: Path, pds: Pds, sink: SmtpSink, count: int, *more: str) -> Newsletter:
    shop = Newsletter(folder)
    shop.site().bluesky("bluesky", pds.url, HANDLE, PASSWORD, confirm="accepted")
    shop.readers(numbered(count)).letters([plain(sink.port)], *more)
    shop.top("[breaker]").top('interval = "1s"').route("site & (bluesky | newsletter)")
    return shop


def test_the_newsletter_goes_out_only_when_the_post_does_not(
    tmp_path: Path, own_pds: OwnPds, smtp_sink: SmtpSink
) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = bluesky_first(tmp_path, pds, smtp_sink, 100)

    assert shop.run("send", "All is well").code == 0
    assert (len(pds.posts(did)), smtp_sink.sent()) == (1, [])

    pds.kill()
    sent = shop.run("send", "Ferry 12 is cancelled today", "--json")
    assert (sent.code, sent.json["state"], sent.json["contacts"]["reached"]) == (3, "rerouted", 100), sent.out
    assert Counter(taken.recipients[0] for taken in smtp_sink.sent()) == {r["email"]: 1 for r in numbered(100)}

    pds.restart()
    assert shop.run("resume").code in {0, 3}
    assert (len(pds.posts(did)), len(smtp_sink.sent()), len(shop.pages())) == (2, 100, 2)


def test_when_the_post_is_there_after_all_the_rest_of_a_slow_newsletter_is_not_sent(
    tmp_path: Path, own_pds: OwnPds, smtp_sink: SmtpSink
) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = bluesky_first(tmp_path, pds, smtp_sink, 400, 'rate = "20/s"')
    pds.kill()
    assert shop.run("send", "Ferry 12 is cancelled today", "--no-wait").code == 0
    worker = shop.start("work")
    try:
        wait_until(lambda: len(smtp_sink.sent()) >= 20, 60, "the newsletter")
        pds.restart()
        wait_until(lambda: len(pds.posts(did)) == 1, 60, "the post")
        wait_until(lambda: shop.run("status", "last", "--json").json["final"], 60, "the end")
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    taken = smtp_sink.sent()
    assert 20 <= len(taken) < 400, "the rest was called off"
    report = shop.run("status", "last", "--json").json
    contacts = report["channels"]["newsletter"]["contacts"]
    assert (report["state"], contacts["reached"], contacts["open"]) == ("reached", len(taken), 0), report


@pytest.mark.parametrize("again", [False, True])
def test_no_money_is_spent_because_a_relay_does_not_accept_the_login(
    tmp_path: Path, twilio: FarTwilio, again: bool
) -> None:

    with SmtpFaults("auth") as relay:
        shop = Newsletter(tmp_path)
        password = shop.folder / "password"
        password.write_text("revoked", "utf-8")
        password.chmod(0o600)
        login = 'user = "u", password = { file = "password" }'
        shop.top("[network]").top(f'ca_file = "{relay.ca_file}"')
        readers = [{**reader, "phone": phone(number)} for number, reader in enumerate(numbered(20))]
        shop.readers(readers).letters([f'{{ host = "127.0.0.1", port = {relay.port}, {login} }}'])
        shop.sms(twilio, 'spend_after = "0s"').route("newsletter | sms")
        for text in ("first", "second")[: 1 + again]:
            sent = shop.run("send", text, "--json", "--wait", "8s")
            assert sent.code in {4, 5}, sent.out
        assert twilio.sent() == []
