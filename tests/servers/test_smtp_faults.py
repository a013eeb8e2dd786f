"""Every fault of the mail relay is what it says, and its memory shows what was taken."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
import time

import aiosmtplib
import pytest

from tests.servers.process import ServerError
from tests.servers.smtp_faults import MODES, PASSWORD, USER, SmtpFaults

MAIL = b"Subject: hello\r\n\r\nto you\r\n.a dot\r\n"
ANN, BOB = "ann@d.test", "bob@d.test"


def send(server: SmtpFaults, *recipients: str, timeout: float = 10) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(server.host, server.port, timeout=timeout) as client:
        return client.sendmail("a@x.test", recipients or [ANN], MAIL)


def test_ok_takes_every_message() -> None:
    with SmtpFaults() as server:
        assert send(server, ANN, BOB) == {}
        (stored,) = server.stored
        assert (stored.sender, stored.recipients) == ("a@x.test", (ANN, BOB))
        assert stored.content == MAIL
        assert stored.message["Subject"] == "hello"
        assert (server.data_starts, server.connections) == (1, 1)
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.ehlo()
            assert not client.has_extn("starttls")


def test_a_recipient_is_refused_with_the_answer_that_was_given() -> None:
    with SmtpFaults(refused={BOB: "550 5.1.1 no such user"}) as server:
        assert send(server, ANN, BOB) == {BOB: (550, b"5.1.1 no such user")}
        assert server.stored[0].recipients == (ANN,)
        server.refused[ANN] = "452 4.2.2 mailbox full"
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            send(server, ANN, BOB)
        assert [answer[0] for answer in caught.value.recipients.values()] == [452, 550]
        assert server.data_starts == 1


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("noreply", smtplib.SMTPServerDisconnected),
        ("close", smtplib.SMTPServerDisconnected),
        ("garbage", smtplib.SMTPConnectError),
        ("421greet", smtplib.SMTPConnectError),
        ("421rcpt", smtplib.SMTPRecipientsRefused),
        ("cut_early", smtplib.SMTPServerDisconnected),
        ("554data", smtplib.SMTPDataError),
    ],
)
def test_a_fault_before_the_message_is_taken(mode: str, error: type[Exception]) -> None:
    with SmtpFaults(mode, remaining=1) as server:
        with pytest.raises((error, OSError)) as caught:
            send(server, timeout=0.3 if mode == "noreply" else 10)
        assert isinstance(caught.value, error)
        assert server.stored == []
        assert server.data_starts == (mode in ("cut_early", "554data"))
        assert send(server) == {}
        assert len(server.stored) == 1


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("421data", smtplib.SMTPDataError),
        ("cut", smtplib.SMTPServerDisconnected),
        ("slow", smtplib.SMTPServerDisconnected),
    ],
)
def test_a_fault_after_the_message_is_taken(mode: str, error: type[Exception]) -> None:
    with SmtpFaults(mode) as server:
        with pytest.raises((error, OSError)) as caught:
            send(server, timeout=0.5)
        assert isinstance(caught.value, error)
        assert len(server.wait_for(1)) == server.data_starts == 1
        server.set_mode("ok")
        assert send(server) == {}
        assert len(server.stored) == 2


def test_slow_answers_in_the_end() -> None:
    with SmtpFaults("slow", delay_seconds=0.3) as server:
        started = time.monotonic()
        assert send(server) == {}
        assert time.monotonic() - started >= 0.3


def test_a_greylisted_recipient_is_taken_at_the_second_try() -> None:
    with SmtpFaults("grey") as server:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            send(server, ANN, BOB)
        assert {answer[0] for answer in caught.value.recipients.values()} == {451}
        assert send(server, ANN, BOB) == {}
        assert server.data_starts == 1


def test_auth_demands_encryption_and_the_right_password() -> None:
    with SmtpFaults("auth") as server:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            send(server)
        assert refused.value.smtp_code == 530
        with pytest.raises(ssl.SSLCertVerificationError), smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.starttls(context=ssl.create_default_context())
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.starttls(context=ssl.create_default_context(cafile=server.ca_file))
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.sendmail("a@x.test", [ANN], MAIL)
            with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
                client.login(USER, "wrong")
            assert wrong.value.smtp_code == 535
            client.login(USER, PASSWORD)
            assert client.sendmail("a@x.test", [ANN], MAIL) == {}
        assert len(server.stored) == 1


@pytest.mark.parametrize("mode", ["cut", "421data", "421rcpt", "cut_early"])
def test_faults_under_encryption(mode: str) -> None:
    with SmtpFaults(mode, remaining=1, tls=True) as server:
        trusted = ssl.create_default_context(cafile=server.ca_file)
        for number in range(2):
            with smtplib.SMTP(server.host, server.port, timeout=10) as client:
                client.starttls(context=trusted)
                if number:
                    assert client.sendmail("a@x.test", [ANN], MAIL) == {}
                else:
                    with pytest.raises((smtplib.SMTPException, OSError)):
                        client.sendmail("a@x.test", [ANN], MAIL)
        assert len(server.stored) == 2 if mode in ("cut", "421data") else 1


def test_many_at_one_time() -> None:
    async def talk(server: SmtpFaults, number: int) -> None:
        client = aiosmtplib.SMTP(hostname=server.host, port=server.port, timeout=20)
        async with client:
            for turn in range(5):
                await client.sendmail("a@x.test", [f"n{number}-{turn}@d.test"], MAIL)

    async def all_of_them(server: SmtpFaults) -> None:
        await asyncio.gather(*(talk(server, number) for number in range(20)))

    with SmtpFaults() as server:
        asyncio.run(all_of_them(server))
        assert len({stored.recipients for stored in server.stored}) == 100
        assert (server.data_starts, server.connections) == (100, 20)


def test_it_ends_with_its_connections() -> None:
    before = threading.active_count()
    server = SmtpFaults("slow")
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.ehlo()
        client.mail("a@x.test")
        client.rcpt(ANN)
        client.putcmd("DATA")
        assert client.getreply()[0] == 354
        client.send(MAIL + b".\r\n")
        server.wait_for(1)
        server.stop()
        server.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.getreply()
        client.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        send(server)


def test_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="no mode is called 'nonsense'; there are ok, noreply"):
        SmtpFaults("nonsense")
    with SmtpFaults() as server, pytest.raises(ServerError, match="fewer than 1 messages"):
        server.wait_for(1, seconds=0.05)
    assert len(set(MODES)) == len(MODES)
