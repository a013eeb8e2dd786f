"""What mail servers say, and what it means for one person, for the words and for the channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surecast.channels._email_replies import Reply, Stage, judge
from surecast.outcome import Outcome, Reason, Scope, Verdict

RELAY = "The relay mail.example"


def judged(stage: Stage, said: str) -> Outcome:
    return judge(RELAY, stage, Reply(int(said[:3]), said[4:]), hide="ann@d.test")


NOBODY = (Verdict.REFUSED, Scope.RECIPIENT, Reason.NO_SUCH_ADDRESS)
NOT_THIS_ONE = (Verdict.REFUSED, Scope.RECIPIENT, Reason.NOT_ALLOWED)
POLICY = (Verdict.REFUSED, Scope.CHANNEL, Reason.NOT_ALLOWED)
WORDS = (Verdict.REFUSED, Scope.CONTENT, Reason.TEXT_REFUSED)
LOGIN = (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.CREDENTIALS)
SENDER = (Verdict.UNAUTHORIZED, Scope.CHANNEL, Reason.NOT_ALLOWED)
NOT_NOW = (Verdict.UNAVAILABLE, Scope.RECIPIENT, Reason.SERVER_ERROR)
LATER = (Verdict.THROTTLED, Scope.RECIPIENT, Reason.RATE_LIMITED)
SLOWER = (Verdict.THROTTLED, Scope.CHANNEL, Reason.RATE_LIMITED)
CLOSED = (Verdict.UNAVAILABLE, Scope.CHANNEL, Reason.SERVER_ERROR)


@pytest.mark.parametrize(
    ("stage", "said", "expected"),
    [
        # Nobody has the address: only an enhanced code says so for sure.
        (Stage.RECIPIENT, "550 5.1.1 No such user", NOBODY),
        (Stage.RECIPIENT, "550 5.1.10 Null MX", NOBODY),
        (Stage.TEXT, "550 5.1.2 Bad domain", NOBODY),
        (Stage.RECIPIENT, "550 No such user here", NOT_THIS_ONE),
        (Stage.RECIPIENT, "553 Mailbox name invalid", NOT_THIS_ONE),
        (Stage.RECIPIENT, "551 5.7.1 User moved", NOT_THIS_ONE),
        (Stage.RECIPIENT, "552 5.2.2 Mailbox full", NOT_THIS_ONE),
        (Stage.RECIPIENT, "452 4.2.2 Mailbox full", NOT_NOW),
        (Stage.RECIPIENT, "450 4.2.0 Greylisted", NOT_NOW),
        (Stage.RECIPIENT, "451 4.7.1 Greylisted", LATER),
        (Stage.RECIPIENT, "452 4.3.1 Insufficient system storage", CLOSED),
        # What is said of one recipient and means us.
        (Stage.RECIPIENT, "554 5.7.1 <x@y.z>: Sender address rejected: Access denied", POLICY),
        (Stage.RECIPIENT, "554 5.7.1 Relay access denied", POLICY),
        (Stage.RECIPIENT, "554 Transaction failed", POLICY),
        (Stage.RECIPIENT, "550 5.7.1 Blocked by our list", POLICY),
        (Stage.RECIPIENT, "550 5.1.8 Bad sender", SENDER),
        (Stage.SENDER, "553 5.7.1 Sender address rejected: not owned by user", SENDER),
        (Stage.SENDER, "550 Not yours", SENDER),
        (Stage.SENDER, "530 5.7.0 Must issue a STARTTLS command first", LOGIN),
        (Stage.LOGIN, "535 5.7.8 Authentication credentials invalid", LOGIN),
        (Stage.LOGIN, "534 5.7.9 Application-specific password required", LOGIN),
        (Stage.LOGIN, "454 4.7.0 Temporary authentication failure", CLOSED),
        # Slower.
        (Stage.HELLO, "421 4.7.0 Too many connections", SLOWER),
        (Stage.SENDER, "450 4.7.1 Error: too much mail", SLOWER),
        (Stage.TEXT, "454 Throttling failure: Maximum sending rate exceeded.", SLOWER),
        (Stage.TEXT, "550 5.4.5 Daily user sending limit exceeded", SLOWER),
        # The server itself.
        (Stage.HELLO, "421 Service not available", CLOSED),
        (Stage.HELLO, "554 No SMTP service here", CLOSED),
        (Stage.SENDER, "452 4.3.1 Insufficient system storage", CLOSED),
        (Stage.DATA, "451 4.3.0 Try later", CLOSED),
        (Stage.TEXT, "451 4.3.0 queue file write error", CLOSED),
        (Stage.TEXT, "421 4.3.2 Shutting down", CLOSED),
        # The words.
        (Stage.SENDER, "552 5.3.4 Message size exceeds fixed limit", WORDS),
        (Stage.TEXT, "552 5.3.4 Message too big", WORDS),
        (Stage.TEXT, "554 5.7.1 Message refused as spam", WORDS),
        (Stage.TEXT, "550 5.6.0 Lone CR or LF", WORDS),
        (Stage.TEXT, "554 Transaction failed", WORDS),
    ],
)
def test_a_reply_means_what_its_code_and_its_moment_say(
    stage: Stage, said: str, expected: tuple[Verdict, Scope, Reason]
) -> None:
    outcome = judged(stage, said)
    assert (outcome.verdict, outcome.scope, outcome.reason) == expected
    assert outcome.detail.startswith(f"{RELAY} ")


@given(st.sampled_from(Stage), st.integers(0, 999), st.from_regex(r"([245]\.\d{1,3}\.\d{1,3} )?[ -~]{0,20}"))
def test_every_reply_is_judged_and_doubt_comes_only_after_the_text(stage: Stage, code: int, text: str) -> None:
    outcome = judge(RELAY, stage, Reply(code, text))
    assert outcome.detail
    if outcome.verdict is Verdict.UNCERTAIN:
        assert stage is Stage.TEXT
        assert not 400 <= code < 600


@given(st.sampled_from(Stage), st.integers(400, 599))
def test_without_an_enhanced_code_nobody_is_suppressed(stage: Stage, code: int) -> None:
    assert judge(RELAY, stage, Reply(code, "no such user")).reason is not Reason.NO_SUCH_ADDRESS


def test_the_recipients_address_is_not_repeated() -> None:
    detail = judged(Stage.RECIPIENT, "550 5.1.1 <ANN@d.test>: no such user, see ann@d.test").detail
    assert "ann@d.test" not in detail.lower()
    assert "the address" in detail


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("451 4.7.1 Greylisted, try again in 60 seconds", 60.0),
        ("421 4.7.0 Try again after 5 minutes", 300.0),
        ("421 4.7.0 Too fast", None),
        ("550 5.1.1 Nobody for 60 seconds", None),
    ],
)
def test_a_wait_that_the_server_states_is_kept(said: str, seconds: float | None) -> None:
    assert judged(Stage.RECIPIENT, said).retry_after_s == seconds
