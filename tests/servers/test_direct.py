"""The counterparts for text messages and e-mail do what they are for, and come back after a crash."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from tests.servers import fixtures, web
from tests.servers.emulate import ACCOUNT_SID, AUTH_TOKEN, NUMBER, SERVICE_SID
from tests.servers.faults import FaultServer
from tests.servers.postfix import REFUSED, REFUSED_SENDER
from tests.servers.process import ServerError, answers, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.emulate import Emulate
    from tests.servers.fixtures import OwnEmulate, OwnPostfix
    from tests.servers.postfix import Postfix
    from tests.servers.prism import Prism
    from tests.servers.slow_sms import SlowSms
    from tests.servers.smtp_sink import SmtpSink

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
TEXT = {"To": "+14155550001", "MessagingServiceSid": SERVICE_SID, "Body": "hello"}
MAIL = b"Subject: hello\r\n\r\nto you\r\n"


def text(url: str, form: Mapping[str, str], token: str = AUTH_TOKEN, timeout: float = 20) -> web.Reply:
    headers = web.basic(ACCOUNT_SID, token)
    return web.send("POST", f"{url}{MESSAGES}.json", form=form, headers=headers, timeout=timeout)


def code(reply: web.Reply) -> tuple[int, int]:
    return reply.status, json.loads(reply.body)["code"]


def read(url: str, path: str) -> object:
    return web.send("GET", url + path, headers=web.basic(ACCOUNT_SID, AUTH_TOKEN)).json()


@pytest.mark.server
def test_emulate(emulate: Emulate) -> None:
    emulate.reset()
    by_service = text(emulate.url, TEXT).json()
    text(emulate.url, {"To": "+14155550002", "From": NUMBER, "Body": "to you"}).json()
    sent = [(message["to"], message["from"], message["body"], message["status"]) for message in emulate.sent()]
    assert sent == [("+14155550001", NUMBER, "hello", "queued"), ("+14155550002", NUMBER, "to you", "queued")]
    assert by_service["sid"] == emulate.sent()[0]["sid"]

    assert code(text(emulate.url, {**TEXT, "To": "none"})) == (400, 21201)
    assert code(text(emulate.url, {"To": "+14155550001", "From": "+14155559999", "Body": "x"})) == (400, 21606)
    assert code(text(emulate.url, TEXT, token="wrong")) == (401, 20003)
    assert len(emulate.sent()) == 2
    emulate.reset()
    assert emulate.sent() == []


@pytest.mark.server
def test_emulate_tells_a_new_status_with_a_signature(emulate: Emulate) -> None:
    with FaultServer("200", otherwise="") as receiver:
        address = f"{receiver.url}/status?delivery=1"
        sid = text(emulate.url, {**TEXT, "StatusCallback": address}).json()["sid"]
        emulate.set_status(sid, "undelivered")
        told = receiver.requests[-1]
    form = dict(parse_qsl(told.body.decode(), keep_blank_values=True))
    assert (told.path, form["MessageSid"], form["MessageStatus"]) == ("/status?delivery=1", sid, "undelivered")
    signed = address + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), signed.encode(), "sha1")).decode()
    assert told.headers["X-Twilio-Signature"] == signature
    assert emulate.sent()[-1]["status"] == "undelivered"
    with pytest.raises(ServerError, match="Status is invalid"):
        emulate.set_status(sid, "eaten")


@pytest.mark.server
def test_emulate_takes_what_came_while_it_hung_and_forgets_all_by_a_crash(own_emulate: OwnEmulate) -> None:
    emulate = own_emulate()
    emulate.freeze()
    with pytest.raises(TimeoutError):
        text(emulate.url, TEXT, timeout=0.3)
    emulate.thaw()
    wait_until(lambda: len(emulate.sent()) == 1, 10, "the message was not taken")
    emulate.kill()
    assert not answers(emulate.port)
    emulate.restart()
    assert emulate.sent() == []
    emulate.stop()
    assert not answers(emulate.port)


@pytest.mark.server
def test_prism_judges_the_shape_of_a_request(prism: Prism) -> None:
    assert text(prism.url, TEXT).status == 201
    assert "'To'" in text(prism.url, {"MessagingServiceSid": SERVICE_SID, "Body": "hello"}).text
    assert text(prism.url, {**TEXT, "MessagingServiceSid": "MG1"}).status == 422
    assert text(prism.url, {**TEXT, "ValidityPeriod": "soon"}).status == 422
    assert web.send("POST", f"{prism.url}{MESSAGES}.json", form=TEXT).status == 401


def test_slow_sms_takes_at_once_and_answers_later(slow_sms: SlowSms) -> None:
    slow_sms.set_delay(0.3)
    started = time.monotonic()
    answer = text(slow_sms.url, {**TEXT, "StatusCallback": "https://a.test/?delivery=1"}).json()
    assert time.monotonic() - started >= 0.3
    assert (answer["status"], answer["from"], answer["date_sent"]) == ("accepted", None, None)
    with pytest.raises(TimeoutError):
        text(slow_sms.url, {**TEXT, "To": "+14155550002"}, timeout=0.1)
    # Its sender is gone, and the message is out.
    first, second = slow_sms.sent()
    assert (first["sid"], first["status_callback"]) == (answer["sid"], "https://a.test/?delivery=1")
    assert (second["to"], second["from"], second["body"], second["status"]) == (
        "+14155550002", NUMBER, "hello", "delivered",
    )  # fmt: skip
    assert (slow_sms.counts().creates, slow_sms.counts().most_in_flight) == (2, 1)
    slow_sms.reset()
    assert slow_sms.sent() == []
    assert slow_sms.counts().requests == 0


def test_slow_sms_refuses_what_twilio_refuses(slow_sms: SlowSms) -> None:
    slow_sms.set_delay(0)
    numbers = {1: 21211, 2: 21612, 3: 21408, 4: 21610, 9: 21614}
    found = {last: code(text(slow_sms.url, {**TEXT, "To": f"+1500555000{last}"})) for last in numbers}
    assert found == {last: (400, number) for last, number in numbers.items()}
    assert code(text(slow_sms.url, {**TEXT, "To": ""})) == (400, 21604)
    assert code(text(slow_sms.url, {**TEXT, "Body": ""})) == (400, 21602)
    assert code(text(slow_sms.url, {**TEXT, "Body": "x" * 1601})) == (400, 21617)
    assert code(web.send("POST", f"{slow_sms.url}{MESSAGES}.json", form=TEXT)) == (401, 20003)
    assert code(web.send("GET", f"{slow_sms.url}/nothing")) == (404, 20404)
    assert slow_sms.sent() == []


def test_slow_sms_is_looked_up_by_the_official_sdk(slow_sms: SlowSms) -> None:
    from datetime import UTC, datetime, timedelta

    from twilio.base.exceptions import TwilioRestException
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    slow_sms.set_delay(0)
    http = TwilioHttpClient(timeout=5)
    client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http)
    client.api.base_url = slow_sms.url
    sids = [
        client.messages.create(to=f"+1415555000{number % 2}", from_=NUMBER, body=f"number {number}").sid
        for number in range(5)
    ]
    assert [message.sid for message in client.messages.list(page_size=2)] == sids[::-1]
    assert [message.sid for message in client.messages.list(to="+14155550001")] == [sids[3], sids[1]]
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert len(client.messages.list(date_sent_before=soon)) == 5
    assert client.messages.list(date_sent_after=soon) == []
    assert client.messages(sids[2]).fetch().body == "number 2"
    with pytest.raises(TwilioRestException, match="not found"):
        client.messages("SM" + "f" * 32).fetch()
    http.session.close()


def test_slow_sms_counts_what_is_in_flight(slow_sms: SlowSms) -> None:
    login = web.basic(ACCOUNT_SID, AUTH_TOKEN)["Authorization"]
    body = "To=%2B14155550001&Body=hello"
    request = (
        f"POST {MESSAGES}.json HTTP/1.1\r\nAuthorization: {login}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", slow_sms.port)
        for _ in range(4):
            writer.write(request[:30])
            await asyncio.sleep(0)
            writer.write(request[30:])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 201 Created\r\n")
            await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2]))
        writer.close()

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(25)))

    asyncio.run(clients())
    counts = slow_sms.counts()
    assert (counts.requests, counts.creates) == (100, 100)
    assert 2 <= counts.most_in_flight <= 25
    assert len(slow_sms.sent()) == 100


@pytest.mark.server
def test_postfix_delivers_and_refuses(postfix: Postfix) -> None:
    postfix.reset()
    with smtplib.SMTP(postfix.host, postfix.port, timeout=20) as client:
        client.starttls(context=ssl.create_default_context(cafile=postfix.ca_file))
        refused = client.sendmail("a@x.test", ["ann@d.test", "bob@d.test", *REFUSED], MAIL)
        assert {address: answer[0] for address, answer in refused.items()} == {
            address: int(answer[:3]) for address, answer in REFUSED.items()
        }
        for sender, recipient in ((REFUSED_SENDER, "ann@d.test"), ("a@x.test", "ann@elsewhere.test")):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                client.sendmail(sender, [recipient], MAIL)
            assert caught.value.recipients[recipient][0] == 554
        many = client.sendmail("a@x.test", [f"n{number}@d.test" for number in range(51)], MAIL)
        assert [answer[0] for answer in many.values()] == [452]
    mails = postfix.mails()
    assert len(mails) == postfix.count() == 52
    assert {mail.recipient for mail in mails[:2]} == {"ann@d.test", "bob@d.test"}
    assert (mails[0].sender, mails[0].message["Subject"]) == ("a@x.test", "hello")
    assert mails[0].raw.endswith(b"\n\nto you\n")
    postfix.reset()
    assert postfix.mails() == []


@pytest.mark.server
def test_postfix_crashes_and_comes_back_with_its_mail(own_postfix: OwnPostfix) -> None:
    postfix = own_postfix({"smtpd_recipient_limit": "1000"})

    def send() -> None:
        with smtplib.SMTP(postfix.host, postfix.port, timeout=20) as client:
            assert client.sendmail("a@x.test", [f"n{number}@d.test" for number in range(60)], MAIL) == {}

    send()
    assert len(postfix.mails()) == 60
    postfix.freeze()
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        smtplib.SMTP(postfix.host, postfix.port, timeout=0.3)
    postfix.thaw()
    postfix.kill()
    assert not answers(postfix.port)
    postfix.restart()
    send()
    assert len(postfix.mails()) == 120
    postfix.stop()
    postfix.stop()
    assert not answers(postfix.port)
    assert not postfix.folder.exists()
    with pytest.raises(ServerError, match="for good"):
        postfix.restart()


@pytest.mark.server
def test_a_postfix_that_cannot_start_leaves_nothing(
    own_postfix: OwnPostfix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "postfix"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(folder))
    with pytest.raises(ServerError, match="ended while starting"):
        own_postfix({"default_process_limit": "nonsense"})
    assert not folder.exists()


@pytest.mark.server
def test_postfix_dies_with_the_tests() -> None:
    fixtures.require("postfix")
    code = (
        "import sys; from tests.servers.postfix import Postfix; server = Postfix.start(); "
        "print(server.port, server.folder, flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port, folder = parent.stdout.readline().split()
        assert answers(int(port))
        parent.kill()
    wait_until(lambda: not answers(int(port)), 5, "the Postfix did not end")
    shutil.rmtree(folder)


def test_smtp_sink_keeps_who_was_written_to(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10) as client:
        assert client.sendmail("a@x.test", ["ann@d.test", "bob@d.test"], b"Message-ID: <1@x>\r\n" + MAIL) == {}
        assert client.sendmail("b@x.test", ["ann@d.test"], MAIL + b".\r\n") == {}
        assert client.rset()[0] == 250
        assert client.docmd("WHAT")[0] == 500
    first, second = smtp_sink.sent()
    assert (first.sender, first.recipients, first.message_id) == ("a@x.test", ("ann@d.test", "bob@d.test"), "<1@x>")
    assert (second.sender, second.recipients, second.message_id) == ("b@x.test", ("ann@d.test",), None)
    smtp_sink.kill()
    smtp_sink.restart()
    assert smtp_sink.sent() == [first, second]
