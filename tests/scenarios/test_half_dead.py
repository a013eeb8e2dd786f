"""Bluesky takes posts and shows them to nobody, on its own servers: the true shape of April 2026."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from surecast.config import load_config
from surecast.config.assemble import assemble
from surecast.outcome import Verdict
from tests.scenarios.shop import Shop
from tests.servers.network import Network
from tests.servers.process import wait_until
from tests.servers.snac import Snac

pytestmark = pytest.mark.server

PASSWORD = "pass-word-1234"
VISIBLE_WITHIN_S = 3.0


Account = tuple[str, str]  # handle and DID


@pytest.fixture
def account(network: Network) -> Iterator[Account]:
    """An account of the test's own; the indexing goes on afterwards."""
    handle = f"writer{random.randrange(10**6)}.test"
    yield handle, network.create_account(handle, PASSWORD)
    network.resume_indexing()


def shop_at(folder: Path, network: Network, snac: Snac, handle: str) -> Shop:
    shop = Shop(folder).top('follow = "https://ferries.example/notices"').top("[breaker]").top('interval = "2s"')
    within = f"{VISIBLE_WITHIN_S:g}s"
    shop.bluesky("bluesky", network.url, handle, PASSWORD, appview=network.appview, visible_within=within)
    return shop.mastodon("mastodon", snac.url, snac.access_token).route("bluesky | mastodon")


def on_mastodon(snac: Snac, text: str) -> list[str]:
    return [status["content"] for status in snac.statuses() if text in status["content"]]


def seconds_until_invisible(shop: Shop, broadcast: str) -> float:
    """From the moment Bluesky took the post to that at which it was found to be unseen, as the ledger has it."""
    with assemble(load_config(shop.folder / "surecast.toml")) as broadcaster:
        facts = [fact for fact in broadcaster.facts(broadcast) if fact.channel == "bluesky" and fact.outcome]
    at = {fact.outcome.verdict: fact.at for fact in reversed(facts) if fact.outcome is not None}
    return at[Verdict.INVISIBLE] - at[Verdict.ACCEPTED]


def test_a_post_that_nobody_sees_is_carried_by_mastodon_with_a_note_and_recorded_when_it_is_seen_at_last(
    tmp_path: Path, network: Network, snac: Snac, account: Account
) -> None:
    handle, did = account
    shop = shop_at(tmp_path / "shop", network, snac, handle)
    first = shop.run("send", "warming up", "--json")
    assert first.json["channels"]["bluesky"]["verdict"] == "confirmed", first.out
    text = f"Half dead {random.random()}"
    network.stop_indexing()

    sent = shop.run("send", text, "--json")
    assert (sent.code, sent.json["state"], sent.json["channels"]["bluesky"]["verdict"]) == (3, "rerouted", "invisible")
    assert VISIBLE_WITHIN_S <= seconds_until_invisible(shop, sent.json["id"]) <= VISIBLE_WITHIN_S + 1
    (status,) = on_mastodon(snac, text)
    assert "Bluesky" in status
    assert "https://ferries.example/notices" in status

    second = shop.run("send", f"Once more: {text}", "--json")
    assert second.json["state"] == "rerouted"
    (status,) = on_mastodon(snac, f"Once more: {text}")
    assert "Bluesky" not in status, "readers are told once"

    network.resume_indexing()

    def seen() -> bool:
        shop.run("work", "--once")
        return bool(shop.run("status", sent.json["id"], "--json").json["channels"]["bluesky"]["verdict"] == "confirmed")

    wait_until(seen, 90, "the post to be recorded as visible")
    posts = [post["value"]["text"] for post in network.posts(did)]
    assert sorted(posts) == sorted(["warming up", text, f"Once more: {text}"])
    assert len(on_mastodon(snac, text)) == 2
