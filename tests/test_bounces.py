"""Bounces as mail servers and mailbox providers write them."""

from __future__ import annotations

from contextlib import suppress
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.bounces import Bounce, parse
from surecast.channels.email import Relay
from surecast.errors import UsageError
from surecast.outcome import Reason
from tests.channels.email_bench import an_adapter, send
from tests.servers.fixtures import OwnPostfix

NOBODY, NOT_NOW, STOP = Reason.NO_SUCH_ADDRESS, Reason.UNDELIVERED, Reason.OPTED_OUT


def a_bounce(*recipients: str, subject: str = "Undelivered Mail Returned to Sender") -> bytes:
    """As Postfix writes it; each recipient is a group of fields."""
    groups = "\n\n".join(("Reporting-MTA: dns; mx.d.test\nX-Postfix-Queue-ID: 4F1", *recipients))
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.d.test (Mail Delivery System)\nTo: notices@ferries.example\n"
        f"Subject: {subject}\nDate: Thu, 26 Nov 2026 06:00:00 +0000\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nI'm sorry. <somebody@else.example>: 550 5.1.1\n\n"
        f"--b\nContent-Type: message/delivery-status\n\n{groups}\n\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: notices@ferries.example\nTo: ann@d.test\nSubject: Ferry\n\nhello\n"
        "--b--\n"
    ).encode()


def a_group(address: str, status: str, action: str = "failed", original: str = "") -> str:
    first = f"Original-Recipient: rfc822;{original}\n" if original else ""
    return f"Final-Recipient: rfc822; {address}\n{first}Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; 550"


def a_complaint(kind: str = "abuse", fields: str = "Original-Rcpt-To: <ann@d.test>\n") -> bytes:
    return (
        "From: feedback@provider.example\nTo: abuse@ferries.example\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n{fields}\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: notices@ferries.example\nTo: Bob <bob@d.test>\n\nhello\n"
        "--b--\n"
    ).encode()


def said(data: bytes) -> list[tuple[str, Reason, str]]:
    return [(bounce.address, bounce.reason, bounce.status) for bounce in parse(data)]


def test_an_address_that_nobody_has_is_told() -> None:
    assert said(a_bounce(a_group("ann@d.test", "5.1.1"))) == [("ann@d.test", NOBODY, "5.1.1")]


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1", "5.4.4", "4.4.1", "5.0.0", "5.1.8"])
def test_other_failures_take_nobody_off_the_list(status: str) -> None:
    assert said(a_bounce(a_group("ann@d.test", status))) == [("ann@d.test", NOT_NOW, status)]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_did_not_fail_says_nothing(action: str) -> None:
    assert said(a_bounce(a_group("ann@d.test", "5.1.1", action))) == []


def test_the_address_that_was_written_to_counts_more_than_where_it_was_forwarded() -> None:
    assert said(a_bounce(a_group("ann@home.example", "5.1.1", original="ann@d.test"))) == [
        ("ann@d.test", NOBODY, "5.1.1")
    ]


def test_one_bounce_may_be_about_several_people() -> None:
    data = a_bounce(a_group("ann@d.test", "5.1.1"), a_group("bob@d.test", "4.2.2"), a_group("eve@d.test", "5.1.2"))
    assert said(data) == [
        ("ann@d.test", NOBODY, "5.1.1"),
        ("bob@d.test", NOT_NOW, "4.2.2"),
        ("eve@d.test", NOBODY, "5.1.2"),
    ]


def test_addresses_of_other_kinds_are_left_out() -> None:
    group = a_group("ann@d.test", "5.1.1").replace("rfc822; ann@d.test", "x400; /G=Ann@d.test/")
    assert said(a_bounce(group)) == []


@pytest.mark.parametrize("kind", ["abuse", "opt-out", "Abuse"])
def test_who_complains_gets_no_more(kind: str) -> None:
    assert said(a_complaint(kind)) == [("ann@d.test", STOP, "")]


def test_a_complaint_that_names_nobody_means_whom_the_message_went_to() -> None:
    assert said(a_complaint(fields="")) == [("bob@d.test", STOP, "")]


@pytest.mark.parametrize("kind", ["not-spam", "virus", "other"])
def test_other_reports_are_no_complaints(kind: str) -> None:
    assert said(a_complaint(kind)) == []


def test_an_mbox_holds_many_of_them_and_each_fact_counts_once() -> None:
    messages = [a_bounce(a_group("ann@d.test", "5.1.1")), a_complaint(), a_bounce(a_group("ann@d.test", "5.1.1"))]
    box = b"".join(b"From MAILER-DAEMON Thu Nov 26 06:00:00 2026\n" + message + b"\n" for message in messages)
    assert said(box) == [("ann@d.test", NOBODY, "5.1.1"), ("ann@d.test", STOP, "")]


def test_an_answer_of_a_person_is_no_bounce() -> None:
    message = EmailMessage()
    message["From"] = "ann@d.test"
    message.set_content("550 5.1.1 is what I got. Final-Recipient: rfc822; bob@d.test")
    assert said(message.as_bytes()) == []


def test_a_bounce_that_is_quoted_in_a_message_says_nothing() -> None:
    message = EmailMessage()
    message["From"] = "ann@d.test"
    message.set_content("Look what I got")
    quoted = EmailMessage()
    quoted["From"] = "x@y.example"
    quoted.set_content("inner")
    message.add_attachment(quoted)
    outer = message.as_bytes().replace(b"inner", a_bounce(a_group("bob@d.test", "5.1.1")))
    assert said(outer) == []


@pytest.mark.parametrize("data", [b"", b"email,reason\nann@d.test,stop\n", b"\x00\xff" * 20])
def test_a_file_without_messages_is_told(data: bytes) -> None:
    with pytest.raises(UsageError, match="Give an mbox"):
        parse(data)


@pytest.mark.parametrize(
    ("reason", "permanent", "opted_out"), [(NOBODY, True, False), (STOP, False, True), (NOT_NOW, False, False)]
)
def test_what_takes_somebody_off_the_list_has_a_name(reason: Reason, permanent: bool, opted_out: bool) -> None:
    bounce = Bounce(address="ann@d.test", reason=reason)
    assert (bounce.permanent, bounce.opted_out) == (permanent, opted_out)


def test_no_address_shows_in_a_repr() -> None:
    assert "ann" not in repr(Bounce(address="ann@d.test", reason=STOP))


@given(st.binary(max_size=200), st.integers(0, 900))
def test_whatever_stands_in_a_file_it_is_read_or_refused(noise: bytes, place: int) -> None:
    good = a_bounce(a_group("ann@d.test", "5.1.1"))
    for data in (noise, good[:place] + noise + good[place:], b"From x\n" + noise):
        with suppress(UsageError):
            parse(data)


@pytest.mark.server
def test_a_bounce_that_postfix_writes_is_understood(own_postfix: OwnPostfix) -> None:
    """It takes mail for everybody, and finds out only then that most have no mailbox."""
    one_mailbox = {"virtual_mailbox_maps": "inline:{bounces@d.test=all/}", "smtpd_reject_unlisted_recipient": "no"}
    postfix = own_postfix(one_mailbox)
    relay = Relay(host="127.0.0.1", port=postfix.port)
    send(an_adapter(relay, ca_file=postfix.ca_file, envelope_from="bounces@d.test"), "ann@d.test")
    (mail,) = postfix.mails()
    assert (mail.sender, mail.recipient) == ("", "bounces@d.test")
    assert said(mail.raw) == [("ann@d.test", NOBODY, "5.1.1")]
