"""The primary dies, freezes, comes back: nothing is lost, nothing is sent twice, and the report says what is true."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.scenarios.shop import Shop
from tests.servers.faults import FaultServer
from tests.servers.fixtures import OwnPds
from tests.servers.pds import Pds
from tests.servers.process import wait_until
from tests.servers.snac import Snac

pytestmark = pytest.mark.server

HANDLE, PASSWORD = "writer.test", "pass-word-1234"


def texts(pds: Pds, did: str) -> list[str]:
    return sorted(post["value"]["text"] for post in pds.posts(did))


def statuses(snac: Snac, text: str) -> int:
    return sum(text in status["content"] for status in snac.statuses())


def test_a_primary_that_is_dead_is_rerouted_and_paid_back_once(tmp_path: Path, own_pds: OwnPds, snac: Snac) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = Shop(tmp_path / "shop").site().bluesky("bluesky", pds.url, HANDLE, PASSWORD)
    shop.mastodon("mastodon", snac.url, snac.access_token).route("site & (bluesky | mastodon)")
    text = f"Dead primary {random.random()}"
    pds.kill()

    sent = shop.run("send", text, "--json")
    assert sent.code == 3, sent.err
    assert sent.json["state"] == "rerouted"
    assert sent.json["owed"] == ["bluesky"]
    assert (statuses(snac, text), len(shop.pages())) == (1, 1)

    pds.restart()
    resumed = shop.run("resume", "--json")
    assert resumed.code == 0, resumed.out
    assert texts(pds, did) == [text]
    assert (statuses(snac, text), len(shop.pages())) == (1, 1)

    again = shop.run("resume", "--json")
    assert again.code == 0
    assert (texts(pds, did), statuses(snac, text), len(shop.pages())) == ([text], 1, 1)


@pytest.mark.parametrize("moment_s", [0.0, 0.002, 0.01, 0.03])
def test_a_primary_frozen_in_the_middle_of_a_post_holds_it_once(
    tmp_path: Path, own_pds: OwnPds, snac: Snac, moment_s: float
) -> None:
    pds = own_pds()
    did = pds.create_account(HANDLE, PASSWORD)

    with FaultServer("500", upstream=pds.url, only=lambda *_: False) as far_side:
        shop = Shop(tmp_path / "shop").bluesky("bluesky", far_side.url, HANDLE, PASSWORD, within="3s")
        shop.mastodon("mastodon", snac.url, snac.access_token).route("bluesky | mastodon")
        assert shop.run("send", "warming up").code == 0
        text = f"Frozen primary {moment_s} {random.random()}"

        def freeze_when_it_comes() -> None:
            wait_until(lambda: sum("putRecord" in seen.path for seen in far_side.requests) >= 2, 60, "the post")
            threading.Event().wait(moment_s)
            pds.freeze()

        freezer = threading.Thread(target=freeze_when_it_comes, daemon=True)
        freezer.start()
        sent = shop.run("send", text, "--json")
        freezer.join(10)
        pds.thaw()
        claimed = sent.json["channels"]["bluesky"]["status"]
        if claimed == "done":  # the answer came before the ice
            assert text in texts(pds, did)
        else:
            assert (sent.code, sent.json["state"]) == (3, "rerouted")
        assert statuses(snac, text) == (0 if claimed == "done" else 1)

        resumed = shop.run("resume", "--json")
        assert resumed.code == 0, resumed.out
        assert texts(pds, did) == sorted(["warming up", text])
        assert statuses(snac, text) == (0 if claimed == "done" else 1)
        assert shop.run("status", "last", "--json").json["channels"]["bluesky"]["status"] == "done"
