"""What a report claims about contacts, beside what the far side holds."""

from __future__ import annotations

from pathlib import Path

from surecast.audiences import Audience
from surecast.broadcaster import Broadcaster
from surecast.contact import Medium
from surecast.outcome import Reason, Scope, Verdict
from surecast.report import Status
from surecast.testing import FakeChannel, lose_reply, say

GONE = say(Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.NO_SUCH_ADDRESS, detail="There is no such number.")


def fakes() -> tuple[FakeChannel, FakeChannel]:
    audience = {"audience": "riders"}
    sms = FakeChannel("sms", resend="never", finds=False, public=False, medium=Medium.PHONE, channel=audience)
    mail = FakeChannel("mail", resend="never", finds=False, public=False, medium=Medium.EMAIL, channel=audience)
    return sms, mail


def house(folder: Path, *channels: FakeChannel, route: str, contacts: int = 10) -> Broadcaster:
    rows = [f"Anna {number},+30694000000{number},a{number}@ferries.example,yes,yes" for number in range(contacts)]
    (folder / "riders.csv").write_text("\n".join(["name,phone,email,consent_sms,consent_email", *rows]) + "\n")
    return Broadcaster(
        [fake.channel for fake in channels],
        ledger=folder / "ledger.db",
        route=route,
        audiences={"riders": Audience(source="riders.csv", folder=folder)},
    )


def test_whoever_a_channel_cannot_reach_is_claimed_for_the_next_one(tmp_path: Path) -> None:
    sms, mail = fakes()
    for number in (3, 7):
        sms.script_for(f"+30694000000{number}", GONE)
    with house(tmp_path, sms, mail, route="sms | mail") as broadcaster:
        report = broadcaster.broadcast("Ferry 12 is cancelled")
    (group,) = report.groups
    assert dict(group.shares) == {"sms": len(sms.recipients), "mail": len(mail.recipients)} == {"sms": 8, "mail": 2}
    assert (report.reached, report.missed) == (10, 0)
    assert str(report).splitlines()[0].endswith(": Sms to 8 and Mail to 2 of 10 contacts (none missed).")


def test_who_may_have_it_is_neither_claimed_nor_denied(tmp_path: Path) -> None:
    sms, _ = fakes()
    sms.script_for("+306940000003", lose_reply())
    with house(tmp_path, sms, route="sms") as broadcaster:
        report = broadcaster.broadcast("Ferry 12 is cancelled")
        assert (report.reached, report.unsure, report.missed) == (9, 1, 0)
        assert report["sms"].status is Status.UNSURE
        assert len(sms.recipients) == 10
        settled = broadcaster.settle(report.id, "sms", there=True)
    assert (settled.reached, settled.unsure, settled["sms"].status) == (10, 0, Status.DONE)
