"""`kill -9` at any moment, then `resume`: nothing is lost and nothing doubled, on platforms of every kind.

As many rounds as SURECAST_KILLS says; each kills one sending process at a random moment after acceptance.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
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
    began = time.monotonic()
    assert shop.run("send", "a whole one, for its duration").code == 0
    whole_s = time.monotonic() - began
    ledger = shop.folder / "surecast.db"
    killed = 0
    for number in range(ROUNDS):
        text = f"round {number} of {random.randrange(10**9)}"
        held = accepted(ledger)
        victim = shop.start("send", text)
        wait_until(
            lambda held=held, victim=victim: accepted(ledger) > held or victim.poll() is not None, 60, "acceptance"
        )  # type: ignore[misc]
        threading.Event().wait(random.uniform(0, whole_s))
        killed += victim.poll() is None
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        resumed = shop.run("resume", "--json")
        assert resumed.code == 0, (number, resumed.out, resumed.err)
        copies = {
            "site": sum(text in (shop.folder / "public" / page).read_text("utf-8") for page in shop.pages()),
            "bluesky": sum(post["value"]["text"] == text for post in pds.posts(did)),
            "keyed": sum(text in status["content"] for status in mastodon_mock.statuses()),
            "keyless": sum(text in status["content"] for status in snac.statuses()),
        }
        assert copies == {"site": 1, "bluesky": 1, "keyed": 1, "keyless": 1}, (number, text)
    assert killed > ROUNDS / 3, "too few were killed in the middle to say anything"
