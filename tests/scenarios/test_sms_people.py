"""What happens to one person while text messages go to many: opting out, wrong numbers, and messages that get lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.scenarios.riders import Ferries, email, held, phone
from tests.servers.emulate import Emulate
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnEmulate
from tests.servers.process import wait_until
from tests.servers.slow_sms import SlowSms
from tests.servers.smtp_faults import SmtpFaults

NO_NUMBER, OPTED_OUT, NO_SUCH_COUNTRY = "+15005550001", "+15005550004", "+15005550003"
STOPS_WITHIN_S = 1.0

pytestmark = [pytest.mark.server, pytest.mark.slow]


def is_create(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/Messages.json")


def refuses(code: int) -> dict[str, object]:
    return {"code": code, "message": "No", "more_info": f"https://www.twilio.com/docs/errors/{code}"}


# One person


def test_who_opts_out_in_the_middle_gets_nothing_any_more(tmp_path: Path, slow_sms: SlowSms) -> None:
    shop = Ferries(tmp_path / "shop").riders(200).sms(slow_sms, 'rate = "50/s"').route("sms")
    sending = shop.start("send", "No ferries today", "--json")
    wait_until(lambda: slow_sms.counts().creates >= 20, 60, "text messages begin")
    leaver = phone(150)
    assert leaver not in held(slow_sms)
    with shop.broadcaster() as broadcaster:
        assert broadcaster.suppress(leaver)
    out, err = sending.communicate(timeout=60)
    assert sending.returncode == 0, out + err
    assert held(slow_sms) == {phone(number): 1 for number in range(200) if number != 150}
    assert (shop.tally()["reached"], shop.tally()["suppressed"]) == (199, 1)
    assert shop.run("send", "Ferries again").code == 0
    assert leaver not in held(slow_sms)


def test_all_that_waited_for_one_channel_follow_its_trial(tmp_path: Path, slow_sms: SlowSms) -> None:
    with FaultServer("401", upstream=slow_sms.url, only=is_create, body=refuses(20003)) as far:
        shop = Ferries(tmp_path / "shop").riders(2).sms(slow_sms, url=far.url).route("sms")
        for words in ("First", "Second", "Third"):
            assert shop.run("send", words).code == 4
        far.clear()
        resumed = shop.run("resume")
        assert resumed.code == 0, resumed.out + resumed.err
    assert set(held(slow_sms).values()) == {3}


def test_wrong_numbers_and_refusals_of_one_person_leave_the_others_alone(tmp_path: Path, slow_sms: SlowSms) -> None:
    good = [phone(number) for number in range(30)]
    bad = [NO_NUMBER, OPTED_OUT, NO_SUCH_COUNTRY]
    with FaultServer("403", upstream=slow_sms.url, only=is_create, remaining=1, body=refuses(21999)) as far:
        shop = Ferries(tmp_path / "shop").riders([good[0], *bad, *good[1:]])
        shop.sms(slow_sms, "enough = 0.8", url=far.url).route("sms")
        first = shop.run("send", "No ferries today", "--json")
        assert first.code == 0, first.out + first.err
        refused = set(good) - set(held(slow_sms))
        assert len(refused) <= 1, "one request was answered with 403"
        assert shop.tally()["reached"] == 30 - len(refused)
        assert shop.tally()["missed"] == 3 + len(refused)
        assert len(far.requests) == 33

        with shop.broadcaster() as broadcaster:
            listed = {each.masked: each.person for each in broadcaster.suppressions()}
            health = broadcaster.health()["sms"]
            assert sorted(listed.values()) == [False, True]
        assert health.condition == "up"

        again = shop.run("send", "Ferries again", "--json")
        assert again.code == 0, again.out + again.err
        assert len(far.requests) == 33 + 31, "who must not be written to is not asked for again"


# The account


def test_a_token_that_is_revoked_in_the_middle_stops_it_until_there_is_another(
    tmp_path: Path, slow_sms: SlowSms
) -> None:
    with FaultServer("401", upstream=slow_sms.url, only=is_create, remaining=0, body=refuses(20003)) as far:
        shop = Ferries(tmp_path / "shop").riders(600).sms(slow_sms, "in_flight = 10", url=far.url).route("sms")
        sending = shop.start("send", "No ferries today", "--json")
        far.wait_for(100, 60)
        far.set_fault("401")
        out, err = sending.communicate(timeout=30)
        assert sending.returncode == 4, out + err
        assert 1 <= len(far.disturbed) <= 10 + 4, "what was committed to by then, and nothing after it"
        assert shop.run("work", "--once").code == 0
        assert len(far.disturbed) <= 10 + 4, "a refused login is not tried again by itself"

        far.clear()
        shop.secret("SMS_TOKEN", "another-token")
        resumed = shop.run("resume", "--json")
        assert resumed.code == 0, resumed.out + resumed.err
    assert held(slow_sms) == {phone(number): 1 for number in range(600)}


def test_a_wrong_token_sends_nothing_and_says_so(tmp_path: Path, emulate: Emulate) -> None:
    emulate.reset()
    shop = Ferries(tmp_path / "shop").riders(100).sms(emulate, token="wrong-token").route("sms")
    sent = shop.run("send", "No ferries today", "--json")
    assert sent.code == 4, sent.out + sent.err
    assert emulate.sent() == []
    assert sent.json["channels"]["sms"]["reason"] == "credentials"
    assert "wrong-token" not in sent.out + sent.err


# What became of it


def test_what_did_not_arrive_by_text_message_goes_out_by_mail(tmp_path: Path, own_emulate: OwnEmulate) -> None:
    emulate = own_emulate()
    with SmtpFaults() as mail:
        shop = Ferries(tmp_path / "shop").riders(10).sms(emulate).newsletter(mail.port).route("sms | newsletter")
        worker = shop.start("work")
        try:
            sent = shop.run("send", "No ferries today", "--json")
            assert sent.code == 0, sent.out + sent.err
            assert mail.stored == []
            for message in emulate.sent():
                lost = message["to"] in {phone(3), phone(7)}
                emulate.set_status(message["sid"], "undelivered" if lost else "delivered")
            mail.wait_for(2, 40)
            wait_until(lambda: shop.tally()["confirmed"] == 8, 20, "receipts are read")
        finally:
            worker.terminate()
            worker.communicate(timeout=30)
        assert sorted(to for stored in mail.stored for to in stored.recipients) == [email(3), email(7)]
        assert (shop.tally()["missed"], shop.tally("newsletter")["reached"]) == (2, 2)
        assert shop.run("status", "last", "--json").json["state"] == "rerouted"
        assert sum(held(emulate).values()) == 10


# Meanwhile


def test_status_is_right_and_cancel_stops_it_while_another_process_sends(tmp_path: Path, slow_sms: SlowSms) -> None:
    shop = Ferries(tmp_path / "shop").riders(2_000).sms(slow_sms, 'rate = "100/s"').route("sms")
    sending = shop.start("send", "No ferries today", "--json")
    wait_until(lambda: slow_sms.counts().creates >= 50, 60, "text messages begin")
    before = slow_sms.counts().creates
    status = shop.run("status", "last", "--json")
    assert before < slow_sms.counts().creates, "status keeps nobody waiting"
    assert (status.code, status.json["state"], status.json["final"]) == (5, "pending", False)
    assert status.json["channels"]["sms"]["status"] == "sending"

    with shop.broadcaster() as broadcaster:
        asked = time.monotonic()
        assert broadcaster.cancel("last").cancelled
        took = time.monotonic() - asked
        threading.Event().wait(max(0.0, STOPS_WITHIN_S - took))
        sent = slow_sms.counts().creates
    out, err = sending.communicate(timeout=30)
    assert sending.returncode == 4, out + err
    assert slow_sms.counts().creates == sent < 2_000
    assert took < STOPS_WITHIN_S
    assert shop.tally()["reached"] == sent == sum(held(slow_sms).values())
    assert shop.run("status", "last", "--json").json["cancelled"]
