"""Text messages cost money: they are sent when nothing else helps, as fast as allowed, and up to the caps."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest

from tests.scenarios.riders import PRICE, Ferries, held, most_within, phone
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnPds
from tests.servers.pds import Pds
from tests.servers.process import wait_until
from tests.servers.slow_sms import SlowSms

HANDLE, PASSWORD = "writer.test", "pass-word-1234"

pytestmark = [pytest.mark.server, pytest.mark.slow]


def texts(pds: Pds, did: str) -> list[str]:
    return [post["value"]["text"] for post in pds.posts(did)]


def behind_bluesky(folder: Path, pds: Pds, sms: SlowSms, *more: str, riders: int, password: str = PASSWORD) -> Ferries:
    """Bluesky first, text messages to so many riders behind it; a dead Bluesky is tried again each second."""
    shop = Ferries(folder / "shop").riders(riders)
    shop.bluesky("bluesky", pds.url, HANDLE, password, within="3s", confirm="accepted")
    shop.top("[breaker]").top('interval = "1 s"').top('longest = "1 s"')
    shop.sms(sms, *more).route("bluesky | sms")
    return shop


# When money is spent


@pytest.mark.timeout(240)
def test_bluesky_dead_for_15_seconds_costs_nothing(tmp_path: Path, own_pds: OwnPds, slow_sms: SlowSms) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = behind_bluesky(tmp_path, pds, slow_sms, riders=50)
    pds.kill()
    sending = shop.start("send", "No ferries today", "--json")
    threading.Event().wait(15)
    assert sending.poll() is None, sending.communicate()
    pds.restart()
    out, err = sending.communicate(timeout=150)  # by then its attempts are up to a minute apart
    assert sending.returncode == 0, out + err
    assert texts(pds, did) == ["No ferries today"]
    assert held(slow_sms) == {}


def test_a_revoked_password_costs_nothing(tmp_path: Path, own_pds: OwnPds, slow_sms: SlowSms) -> None:
    pds = own_pds()
    pds.create_account(HANDLE, PASSWORD)
    shop = behind_bluesky(tmp_path, pds, slow_sms, 'spend_after = "1s"', riders=50, password="revoked")
    sent = shop.run("send", "No ferries today", "--wait", "8s", "--json")
    assert sent.code == 4, sent.out + sent.err
    assert sent.json["channels"]["bluesky"]["reason"] == "credentials"
    assert shop.run("send", "Ferries again", "--wait", "4s").code == 4, "nor while it rests for that reason"
    assert held(slow_sms) == {}


def test_a_refused_token_of_one_text_message_channel_costs_nothing_on_the_next(
    tmp_path: Path, slow_sms: SlowSms
) -> None:
    refused = {"code": 20003, "message": "Authenticate", "more_info": "https://www.twilio.com/docs/errors/20003"}
    with FaultServer("401", body=refused) as far:
        shop = Ferries(tmp_path / "shop").riders(100).sms(slow_sms, url=far.url)
        shop.sms(slow_sms, 'spend_after = "1s"', name="backup").route("sms | backup")
        for text in ("No ferries today", "Ferries again"):
            sent = shop.run("send", text, "--wait", "5s", "--json")
            assert sent.code == 4, sent.out + sent.err
    assert held(slow_sms) == {}


def test_in_an_emergency_a_revoked_password_is_reason_enough(
    tmp_path: Path, own_pds: OwnPds, slow_sms: SlowSms
) -> None:
    pds = own_pds()
    pds.create_account(HANDLE, PASSWORD)
    shop = behind_bluesky(tmp_path, pds, slow_sms, 'spend_after = "1s"', riders=50, password="revoked")
    sent = shop.run("send", "Boil water", "--urgency", "emergency", "--json")
    assert (sent.code, sent.json["state"]) == (3, "rerouted"), sent.out + sent.err
    assert held(slow_sms) == {phone(number): 1 for number in range(50)}


def test_bluesky_back_in_the_middle_stops_the_spending(tmp_path: Path, own_pds: OwnPds, slow_sms: SlowSms) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = behind_bluesky(tmp_path, pds, slow_sms, 'spend_after = "3s"', 'rate = "20/s"', riders=1_000)
    pds.kill()
    sending = shop.start("send", "No ferries today", "--json")
    wait_until(lambda: slow_sms.counts().creates >= 20 or sending.poll() is not None, 60, "text messages begin")
    assert min(shop.begun_at()) - shop.created_at() >= 3
    pds.restart()
    out, err = sending.communicate(timeout=30)
    assert sending.returncode == 0, out + err
    spent = slow_sms.counts().creates
    assert 20 <= spent < 1_000
    assert texts(pds, did) == ["No ferries today"]
    assert shop.run("resume").code == 0
    assert slow_sms.counts().creates == spent == sum(held(slow_sms).values())
    assert shop.tally()["reached"] == spent


# How fast


def test_two_processes_together_obey_one_rate(tmp_path: Path, slow_sms: SlowSms) -> None:
    shop = Ferries(tmp_path / "shop").riders(120).sms(slow_sms, 'rate = "40/s"').route("sms")
    senders = [shop.start("send", f"Announcement {number}", "--json") for number in range(2)]
    looks: list[tuple[float, int, float]] = []  # asked at, messages by then, answered at
    while any(sender.poll() is None for sender in senders):
        asked = time.monotonic()
        looks.append((asked, slow_sms.counts().creates, time.monotonic()))
        threading.Event().wait(0.01)
    for sender in senders:
        out, err = sender.communicate()
        assert sender.returncode == 0, out + err
    assert sum(held(slow_sms).values()) == 240
    begun = shop.begun_at()
    assert most_within(begun, 1.0) <= 41
    assert begun[-1] - begun[0] < 1.5 * 240 / 40, "what the rate allows is used"
    arrived = [
        after - before
        for (asked, before, _), (_, after, answered) in itertools.combinations(looks, 2)
        if answered - asked <= 1.0
    ]
    assert max(arrived) <= 41 + 1, "one that was held up on its way may arrive among later ones"


@pytest.mark.parametrize("rate", [50, 100])
def test_a_high_rate_is_used_and_obeyed(tmp_path: Path, slow_sms: SlowSms, rate: int) -> None:
    shop = Ferries(tmp_path / "shop").riders(200).sms(slow_sms, f'rate = "{rate}/s"').route("sms")
    sent = shop.run("send", "No ferries today", "--json")
    assert sent.code == 0, sent.out + sent.err
    begun = shop.begun_at()
    assert most_within(begun, 1.0) <= rate + 1 + rate // 50, "one, and those of 20 ms"
    assert begun[-1] - begun[0] < 1.5 * 200 / rate, "what the rate allows is used"


# How much


def test_what_the_cap_of_an_announcement_allows_is_sent_and_no_more(tmp_path: Path, slow_sms: SlowSms) -> None:
    shop = Ferries(tmp_path / "shop").riders(4_000).sms(slow_sms, max_cost=1_000 * PRICE).route("sms")
    sent = shop.run("send", "No ferries today", "--json")
    assert (sent.code, sent.json["state"]) == (4, "missed"), sent.out + sent.err
    assert len(held(slow_sms)) == slow_sms.counts().creates == 1_000
    assert shop.tally() == {"reached": 1_000, "skipped": 3_000, "cost": pytest.approx(1_000 * PRICE)}
    with shop.broadcaster() as broadcaster:
        missed = broadcaster.unreached("last")
    assert len(missed) == 3_000
    assert {each.reason for each in missed} == {"over_the_cap"}


def test_the_cap_of_a_day_holds_over_all_announcements(tmp_path: Path, slow_sms: SlowSms) -> None:
    a_day = f"max_cost_per_day = {300 * PRICE}"
    shop = Ferries(tmp_path / "shop").riders(200).sms(slow_sms, a_day).route("sms")
    codes = [shop.run("send", f"Announcement {number}").code for number in range(3)]
    assert codes == [0, 4, 4]
    told = [message["body"] for message in slow_sms.sent()]
    assert [sum(body.endswith(str(number)) for body in told) for number in range(3)] == [200, 100, 0]
