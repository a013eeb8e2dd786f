"""What a broadcaster can be asked about people: estimates, suppressions, bounces, missed ones, forgetting."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.broadcaster.harbour import email, harbour, mail, phone, raw, row, sms

from surecast.contact import Medium
from surecast.errors import ConfigError, UsageError
from surecast.outcome import Reason, Scope, Verdict
from surecast.testing import say

BOUNCE = """\
From MAILER-DAEMON Thu Nov 26 06:00:00 2026
From: MAILER-DAEMON@relay.example
To: notices@ferries.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--b--
"""


# Estimates


def test_an_estimate_counts_whom_each_channel_reaches_and_writes_nothing(tmp_path: Path) -> None:
    costly = {"price": 0.5, "max_cost": 100.0, "max_cost_per_day": 100.0}
    rows = [row(0), row(1, phones=False), row(2, emails=False), row(3, sms="no")]
    with harbour(tmp_path, sms(costly=True, channel=costly), mail(), riders=rows, route="sms & mail") as caster:
        estimate = caster.estimate("x")
        text = str(estimate)
        assert not (tmp_path / "ledger.db").exists()
        caster.suppress(phone(0))
        after = str(caster.estimate("x"))
    assert text != after, "who must not be written to is left out"
    assert "6940" not in text


def test_an_estimate_of_an_audience_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with harbour(tmp_path, sms(), riders=None) as caster:
        with pytest.raises(ConfigError, match=r"riders\.csv"):
            caster.estimate("x")
        caster.health()


# The list


def test_a_person_is_suppressed_however_the_address_is_typed(tmp_path: Path) -> None:
    with harbour(tmp_path, sms()) as caster:
        assert caster.suppress("+30 694 0000 001")
        assert not caster.suppress(phone(1))
        assert caster.suppress(email(2).upper())
        assert {(one.medium, one.person) for one in caster.suppressions()} == {
            (Medium.PHONE, True),
            (Medium.EMAIL, True),
        }
        assert caster.unsuppress(phone(1))
        assert not caster.unsuppress(phone(1))
        assert len(caster.suppressions()) == 1


def test_what_is_no_address_is_told(tmp_path: Path) -> None:
    with harbour(tmp_path, sms()) as caster:
        with pytest.raises(UsageError):
            caster.suppress("Anna")
        caster.health()


def test_bounces_are_entered_from_a_file_and_count_in_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "bounces.mbox").write_text(BOUNCE.format(address=email(1)))
    fake = mail()
    with harbour(tmp_path, fake, riders=3) as caster:
        assert caster.suppress_bounces(tmp_path / "bounces.mbox") == {"bounced": 1, "complained": 0, "temporary": 0}
        assert [one.person for one in caster.suppressions()] == [False]
        caster.broadcast("x")
    assert sorted(fake.recipients) == [email(0), email(2)]


def test_a_file_without_bounces_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("hello")
    with harbour(tmp_path, mail()) as caster:
        with pytest.raises(UsageError, match="holds no"):
            caster.suppress_bounces(tmp_path / "empty")
        with pytest.raises(UsageError, match="Correct the path"):
            caster.suppress_bounces(tmp_path / "none")
        caster.health()


# Afterwards


def test_the_missed_are_named_to_the_one_who_asks_and_nowhere_else(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone(1), say(Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.NO_SUCH_ADDRESS))
    with harbour(tmp_path, fake, riders=3) as caster:
        report = caster.broadcast("x")
        [missed] = caster.unreached(report.id)
        assert (missed.name, missed.address, missed.reason) == ("Anna 1", phone(1), "no_such_address")
        assert "Anna" not in f"{missed!r}{report!r}{report}"


def test_settling_an_address_that_is_not_in_doubt_is_told(tmp_path: Path) -> None:
    with harbour(tmp_path, sms(), riders=3) as caster:
        report = caster.broadcast("x")
        with pytest.raises(UsageError, match="this address"):
            caster.settle(report.id, "sms", there=True, to=phone(1))


def test_a_person_who_is_forgotten_leaves_no_byte_and_stays_suppressed(tmp_path: Path) -> None:
    fake = sms()
    fake.script_for(phone(1), say(Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.OPTED_OUT))
    with harbour(tmp_path, fake, riders=3) as caster:
        caster.broadcast("x")
        assert caster.forget(email(1)) == 1
        assert caster.forget(email(9)) == 0
        fake.script_for(phone(1), None)
        caster.broadcast("y")
    assert phone(1) not in fake.recipients
    left = raw(tmp_path)
    assert phone(1).encode() not in left
    assert email(1).encode() not in left
    assert b"Anna 1" not in left
