"""`kill -9` at any moment, then `resume`: nothing is lost and nothing doubled, on platforms of every kind.

As many kills as SURECAST_KILLS says, each of a process that was still running, at a random moment after acceptance.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.scenarios.shop import Shop
from tests.servers.mastodon_mock import MastodonMock
from tests.servers.pds import Pds
from tests.servers.process import wait_until
from tests.servers.snac import Snac

ROUNDS = int(os.environ.get("SURECAST_KILLS", "50"))


def accepted(ledger: Path) -> int:
    """How many broadcasts the ledger holds."""
    if not ledger.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("select count(*) from broadcast").fetchone()[0])
        except sqlite3.OperationalError:  # not set up yet
            return 0


def started_and_accepted(shop: Shop, ledger: Path, text: str) -> subprocess.Popen[str]:
    """A sending process whose announcement the ledger has just taken."""
    held = accepted(ledger)
    process = shop.start("send", text)
    wait_until(lambda: accepted(ledger) > held or process.poll() is not None, 60, "acceptance")
    return process


def accepted_and_running_s(shop: Shop, ledger: Path, text: str) -> float:
    """How long a whole run goes on after its announcement was accepted, in seconds."""
    process = started_and_accepted(shop, ledger, text)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    return time.monotonic() - began


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_killed_at_a_random_moment_and_resumed(
    tmp_path: Path, pds: Pds, snac: Snac, mastodon_mock: MastodonMock
) -> None:
    handle = f"kill{random.randrange(10**6)}.test"
    did = pds.create_account(handle, "pass-word-1234")
    shop = Shop(tmp_path / "shop").site().bluesky("bluesky", pds.url, handle, "pass-word-1234")
    shop.mastodon("keyed", mastodon_mock.url, mastodon_mock.access_token, settle_after="2s")
    shop.mastodon("keyless", snac.url, snac.access_token, settle_after="2s")
    shop.route("site & bluesky & keyed & keyless")
    ledger = shop.folder / "surecast.db"
    alive_s = accepted_and_running_s(shop, ledger, "a whole one, for its duration")

    killed = rounds = 0
    while killed < ROUNDS:
        rounds += 1
        assert rounds <= 4 * ROUNDS, f"only {killed} of {rounds} were still running when they were killed"
        text = f"round {rounds} of {random.randrange(10**9)}"
        victim = started_and_accepted(shop, ledger, text)
        threading.Event().wait(random.uniform(0, alive_s))
        killed += victim.poll() is None  # one that had ended is no kill, but has to hold all the same
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        resumed = shop.run("resume", "--json")
        assert resumed.code == 0, (rounds, resumed.out, resumed.err)
        copies = {
            "site": sum(text in (shop.folder / "public" / page).read_text("utf-8") for page in shop.pages()),
            "bluesky": sum(post["value"]["text"] == text for post in pds.posts(did)),
            "keyed": sum(text in status["content"] for status in mastodon_mock.statuses()),
            "keyless": sum(text in status["content"] for status in snac.statuses()),
        }
        assert copies == {"site": 1, "bluesky": 1, "keyed": 1, "keyless": 1}, (rounds, text)
    print(f"killed in the middle: {killed}, in {rounds} rounds")
