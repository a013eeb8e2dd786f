"""The watch while Bluesky takes posts and shows them to nobody: noticed, told once, recorded, and over."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from surecast.ledger import outages
from tests.ledger.open_files import opened
from tests.scenarios.shop import Shop
from tests.scenarios.watching import quick, stopped, watching
from tests.servers.fixtures import OwnSnac
from tests.servers.network import Network
from tests.servers.process import wait_until
from tests.servers.snac import Snac

pytestmark = pytest.mark.server

PASSWORD = "pass-word-1234"
NOTICE, ALL_CLEAR = "We cannot reach our readers on Bluesky at the moment (since", "Bluesky works for us again."
JOURNAL = re.compile(
    r"(\d{4}-\d\d-\d\d )?\d\d:\d\d  ((bluesky|mastodon) is |Outage 1 of bluesky |The (notice|all-clear) of outage 1 )"
)


def texts(snac: Snac) -> list[str]:
    return [status["content"] for status in reversed(snac.statuses())]


def told(snac: Snac, words: str) -> int:
    return sum(words in text for text in texts(snac))


def ended_outages(shop: Shop) -> int:
    with opened(shop.folder / "surecast.db") as database:
        return sum(outage.ended_at is not None for outage in outages.since(database, 0.0))


def test_an_outage_that_only_readers_notice_is_told_once_and_ends_with_nothing_lost_or_doubled(
    tmp_path: Path, network: Network, own_snac: OwnSnac
) -> None:
    snac, handle = own_snac(), f"writer{random.randrange(10**6)}.test"
    did = network.create_account(handle, PASSWORD)
    shop = quick(Shop(tmp_path / "shop"))
    shop.bluesky("bluesky", network.url, handle, PASSWORD, appview=network.appview, visible_within="3s")
    shop.mastodon("mastodon", snac.url, snac.access_token).route("bluesky | mastodon")
    try:
        with watching(shop) as watch:
            assert shop.run("send", "Ferry 1 sails.", "--json").json["state"] == "reached"
            network.stop_indexing()

            sent = shop.run("send", "Ferry 2 is late.", "--json")
            assert (sent.code, sent.json["channels"]["bluesky"]["verdict"]) == (3, "invisible"), sent.out
            wait_until(lambda: told(snac, NOTICE) == 1, 30, "the outage notice")
            (down,) = shop.run("status", "--json").json["overview"]["down"]
            assert (down["channel"], down["condition"]) == ("bluesky", "down")
            assert any("our posts in public" in reason for reason in down["reasons"]), down
            assert down["outage"]["notices"] == 1

            network.resume_indexing()
            wait_until(lambda: told(snac, ALL_CLEAR) == 1, 60, "the all-clear")
            status = shop.run("status", sent.json["id"], "--json").json
            assert status["channels"]["bluesky"]["verdict"] == "confirmed", status
            assert shop.run("status", "--json").json["overview"]["down"] == []
            wait_until(lambda: ended_outages(shop) == 1, 20, "the end of the outage")
            ended = stopped(watch)
        assert ended.code == 0
        assert [line for line in ended.err.splitlines() if not JOURNAL.match(line)] == []
        assert "Outage 1 of bluesky is over" in ended.err
    finally:
        network.resume_indexing()
    posts = sorted(post["value"]["text"] for post in network.posts(did))
    assert posts == ["Ferry 1 sails.", "Ferry 2 is late."], "and no notice on the platform that is down"
    assert len(texts(snac)) == 3, texts(snac)
    assert told(snac, "Ferry 2 is late.") == 1
    assert "https://ferries.example/notices" in next(text for text in texts(snac) if NOTICE in text)
