"""Several processes over one ledger: one post a key, and one trial a rest for a dead platform."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.scenarios.shop import Shop
from tests.servers.faults import FaultServer
from tests.servers.pds import Pds
from tests.servers.snac import Snac

INTERVAL_S = 2

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_the_same_key_from_eight_processes_at_once_is_one_post_a_channel(tmp_path: Path, pds: Pds, snac: Snac) -> None:
    handle = f"key{random.randrange(10**6)}.test"
    did = pds.create_account(handle, "pass-word-1234")
    shop = Shop(tmp_path / "shop").site().bluesky("bluesky", pds.url, handle, "pass-word-1234")
    shop.mastodon("mastodon", snac.url, snac.access_token).route("site & bluesky & mastodon")
    text = f"Eight at once {random.random()}"
    running = [shop.start("send", text, "--key", "cms:412", "--json") for _ in range(8)]
    ended = [process.communicate(timeout=110) for process in running]
    assert [process.returncode for process in running] == [0] * 8, ended
    assert len(pds.posts(did)) == 1
    assert sum(text in status["content"] for status in snac.statuses()) == 1
    assert len(shop.pages()) == 1


def test_twenty_processes_in_turn_cost_a_dead_platform_one_trial_a_rest(tmp_path: Path) -> None:
    with FaultServer("503") as dead:
        shop = Shop(tmp_path / "shop").site().bluesky("bluesky", dead.url, "writer.test", "pass-word-1234")
        shop.top("[breaker]").top(f'interval = "{INTERVAL_S} s"').route("bluesky | site")
        codes = [shop.run("send", f"announcement {number}").code for number in range(3)]
        opened, attempts = time.monotonic(), len(dead.requests)
        assert attempts == 3, "the attempts that opened the breaker"
        codes += [shop.run("send", f"announcement {number}").code for number in range(3, 20)]
        trials = len(dead.requests) - attempts
        assert codes == [3] * 20
        assert 1 <= trials <= 1 + (time.monotonic() - opened) / INTERVAL_S
