"""The simulated relay, asked by the standard library's client."""

from __future__ import annotations

import json
import smtplib
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from surecast.sandbox import Fault, Kind, On, Sandbox, Trouble
from tests.sandbox.bench import TurnedClock

PORT = slice(len("smtp://127.0.0.1:"), None)


@pytest.fixture
def sandbox(clock: TurnedClock) -> Iterator[Sandbox]:
    with Sandbox.in_thread(["email"], clock=clock) as running:
        yield running


@pytest.fixture
def mail(sandbox: Sandbox) -> Any:
    return sandbox.platforms["email"]


def a_message(text: str = "hello") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "notices@ferries.example", "Ferry 12"
    message.set_content(text)
    return message


def a_client(mail: Any) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", int(mail.url[PORT]), timeout=1)


def send(mail: Any, to: str = "ann@d.test", text: str = "hello") -> None:
    with a_client(mail) as client:
        client.send_message(a_message(text), to_addrs=to)


def test_a_message_is_kept_for_its_recipient(mail: Any, clock: TurnedClock) -> None:
    send(mail)
    (post,) = mail.posts()
    assert (post.text, post.raw["to"], post.at) == ("hello\n", "ann@d.test", clock.now())
    assert post.raw["message"]["Subject"] == "Ferry 12"
    assert mail.visible() == mail.posts()


def test_what_a_relay_offers_is_told(mail: Any) -> None:
    with a_client(mail) as client:
        client.ehlo()
        assert {"pipelining", "size", "smtputf8", "auth"} <= {*client.esmtp_features}


@pytest.mark.parametrize(
    ("local", "code"), [("nobody", 550), ("moved", 551), ("full", 452), ("grey", 450), ("foreign", 554)]
)
def test_some_addresses_have_no_mailbox(mail: Any, local: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mail, f"{local}.1@d.test")
    ((told, _),) = refused.value.recipients.values()
    assert (told, mail.posts()) == (code, ())


@pytest.mark.parametrize(("password", "good"), [("anything", True), ("wrong", False)])
def test_any_password_is_good_but_one(mail: Any, password: str, good: bool) -> None:
    with a_client(mail) as client:
        if good:
            client.login("user", password)
        else:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("user", password)
    assert mail.counts()[Kind.SESSION] >= 1


TOLD = {
    Fault.THROTTLED: (smtplib.SMTPSenderRefused, False),
    Fault.UNAUTHORIZED: (smtplib.SMTPSenderRefused, False),
    Fault.FORBIDDEN: (smtplib.SMTPSenderRefused, False),
    Fault.UNAVAILABLE: (smtplib.SMTPSenderRefused, False),
    Fault.EDGE: (smtplib.SMTPSenderRefused, False),
    Fault.REFUSED: (smtplib.SMTPDataError, False),
    Fault.ERROR: (smtplib.SMTPDataError, False),
    Fault.CLOSE: (smtplib.SMTPServerDisconnected, False),
    Fault.RESET: (smtplib.SMTPServerDisconnected, False),
    Fault.HANG_BEFORE: (smtplib.SMTPServerDisconnected, False),
    Fault.HANG_AFTER: (smtplib.SMTPServerDisconnected, True),
    Fault.LOST_REPLY: (smtplib.SMTPServerDisconnected, True),
}


@pytest.mark.parametrize("fault", [*TOLD])
def test_a_fault_looks_as_it_does_at_a_real_relay(mail: Any, fault: Fault) -> None:
    error, taken_in = TOLD[fault]
    mail.trouble(Trouble(fault=fault, on=On.WRITES, remaining=1))
    with pytest.raises(error):
        send(mail)
    assert len(mail.posts()) == taken_in
    (request,) = [request for request in mail.requests() if request.kind is Kind.WRITE]
    assert request.fault is fault
    mail.trouble()
    send(mail)
    assert len(mail.posts()) == taken_in + 1


def test_half_an_answer_is_no_line(mail: Any) -> None:
    mail.trouble(Trouble(fault=Fault.HALF, on=On.WRITES))
    with a_client(mail) as client:
        client.ehlo()
        client.mail("a@b.example")
        client.rcpt("ann@d.test")
        client.putcmd("data")
        client.getreply()
        client.send(b"Subject: x\r\n\r\nhello\r\n.\r\n")
        assert client.sock is not None
        assert client.sock.recv(100) == b"250 2.0.0 "
        assert client.sock.recv(100) == b""
        client.close()
    assert len(mail.posts()) == 1


def test_a_closed_port_refuses_connections_and_comes_back(mail: Any) -> None:
    mail.trouble(Trouble(fault=Fault.DOWN))
    with pytest.raises(ConnectionRefusedError):
        a_client(mail)
    mail.trouble()
    send(mail)
    assert len(mail.posts()) == 1


def test_an_error_may_come_although_the_message_was_taken_in(mail: Any) -> None:
    mail.trouble(Trouble(fault=Fault.ERROR, taken_in=True))
    with pytest.raises(smtplib.SMTPDataError):
        send(mail)
    assert len(mail.posts()) == 1


def test_a_login_is_struck_only_by_what_is_meant_for_it(mail: Any) -> None:
    mail.trouble(Trouble(fault=Fault.UNAUTHORIZED, on=On.WRITES))
    with a_client(mail) as client:
        client.login("user", "good")
    mail.trouble(Trouble(fault=Fault.UNAUTHORIZED, on=On.SESSIONS))
    with a_client(mail) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("user", "good")


def test_hidden_messages_come_up_later(mail: Any) -> None:
    mail.trouble(Trouble(fault=Fault.HIDDEN))
    send(mail)
    assert (len(mail.posts()), mail.visible()) == (1, ())
    mail.trouble()
    assert mail.visible() == mail.posts()


def test_nobodys_address_stands_on_the_control_port_or_in_the_log(sandbox: Sandbox, mail: Any) -> None:
    send(mail, "ann.smith@d.test", "words")
    shown = ""
    for page in ("posts", "requests"):
        with urllib.request.urlopen(f"{sandbox.control_url}/{page}") as answer:
            shown += answer.read().decode()
    assert "words" in shown
    assert "a***@d.test" in shown
    assert "ann.smith" not in shown + repr(mail.requests()) + json.dumps([str(each) for each in mail.counts()])
