"""`kill -9` in the middle of thousands of text messages: nobody is lost, and nobody gets a second one."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.scenarios.riders import PRICE, Ferries, held, phone
from tests.servers.process import wait_until
from tests.servers.slow_sms import SlowSms

RIDERS, KILLS = 4_000, 10

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.timeout(180)
def test_ten_kills_among_4000_messages_lose_nobody_and_repeat_nobody(tmp_path: Path, slow_sms: SlowSms) -> None:
    shop = Ferries(tmp_path / "shop").riders(RIDERS).sms(slow_sms, 'settle_after = "1s"').route("sms")
    process = shop.start("send", "No ferries today", "--json")
    for number in range(KILLS):
        kill_in_the_middle(process, slow_sms, RIDERS // (KILLS + 3))
        verb = ("resume", "--json") if number % 2 else ("work", "--once", "--json")
        process = shop.start(*verb)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    wait_until(lambda: settled(shop), 60, "everybody is settled")

    status = shop.run("status", "last", "--json").json
    assert (status["state"], status["owed"]) == ("reached", [])
    assert shop.tally()["reached"] == RIDERS
    assert shop.tally()["cost"] == pytest.approx(RIDERS * PRICE), "what was never sent costs nothing"
    assert held(slow_sms) == {phone(number): 1 for number in range(RIDERS)}


def kill_in_the_middle(process: subprocess.Popen[str], far: SlowSms, more: int) -> None:
    """Kills a process at a random moment after it has sent so many messages."""
    goal = far.counts().creates + more
    wait_until(lambda: far.counts().creates >= goal or process.poll() is not None, 60, f"{more} more messages")
    threading.Event().wait(random.uniform(0, 0.05))
    assert process.poll() is None, "it had ended before it was killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()


def settled(shop: Ferries) -> bool:
    """Runs what is due, and says whether nothing is left to do."""
    shop.run("work", "--once")
    tally = shop.tally()
    return not any(tally[name] for name in ("queued", "sending", "retrying", "unsure"))
