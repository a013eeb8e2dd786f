"""This machine is cut off: no channel is blamed, the announcement is held, and it is delivered once afterwards."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scenarios.shop import ROOT, Ran, Shop
from tests.servers.pds import Pds
from tests.servers.snac import Snac

pytestmark = pytest.mark.server

PASSWORD = "pass-word-1234"
Addresses = tuple[str, str]  # of Bluesky and Mastodon

#: Where the platforms are; None: on loopback, which is down as well.
PLACES: dict[str, Addresses | None] = {
    "loopback": None,
    "addresses outside": ("https://198.51.100.7", "https://203.0.113.9"),
    "names outside": ("https://bsky.example", "https://social.example"),
}


@pytest.fixture(scope="module")
def cut() -> tuple[str, ...]:
    """The beginning of a command that runs without any network."""
    for prefix in (("unshare", "--net"), ("unshare", "--net", "--map-root-user")):
        if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    what = "needs a network namespace: install util-linux, and run as root or with user namespaces allowed"
    if os.environ.get("SURECAST_STRICT") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def run(prefix: tuple[str, ...], shop: Shop, *words: str) -> Ran:
    """The real command, behind a prefix."""
    done = subprocess.run(
        [*prefix, sys.executable, "-W", "error", "-m", "surecast", *words],
        cwd=shop.folder,
        env={**os.environ, **shop._secrets, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def shop_at(folder: Path, places: Addresses, handle: str, token: str, route: str = "bluesky | mastodon") -> Shop:
    shop = Shop(folder).site().bluesky("bluesky", places[0], handle, PASSWORD)
    return shop.mastodon("mastodon", places[1], token).route(route)


def blamed(shop: Shop) -> list[str]:
    """The channels that anything is held against."""
    listed = shop.run("channels", "--json").json["channels"]
    return [each["name"] for each in listed if each["condition"] not in {"up", "unknown"} or each["since"]]


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_a_machine_that_is_cut_off_blames_nobody_and_delivers_once_when_it_is_back(
    tmp_path: Path, pds: Pds, snac: Snac, cut: tuple[str, ...], places: Addresses | None
) -> None:
    handle, text = f"cut{random.randrange(10**6)}.test", f"Cut off {random.random()}"
    did, real = pds.create_account(handle, PASSWORD), (pds.url, snac.url)
    shop = shop_at(tmp_path / "shop", places or real, handle, snac.access_token)

    began = time.monotonic()
    sent = run(cut, shop, "send", text, "--json")
    assert time.monotonic() - began < 30, "a call does not wait for the network"
    assert (sent.code, sent.json["state"], sent.json["owed"]) == (5, "pending", ["bluesky"]), sent
    assert sent.json["channels"]["bluesky"]["error"].startswith("This machine has no network")
    assert sent.json["channels"]["mastodon"]["attempts"] == 0, "the turn is held"
    assert run(cut, shop, "watch", "--once").code == 0
    watched = run(cut, shop, "watch", "--once", "--json").json["overview"]
    assert "nothing can be reached from here, so no channel is blamed" in watched["own_network"]
    assert (watched["down"], blamed(shop)) == ([], [])

    shop_at(shop.folder, real, handle, snac.access_token)  # where the platforms really are
    for _ in range(2):
        assert shop.run("resume", "--json").code == 0
        assert [post["value"]["text"] for post in pds.posts(did)] == [text]
    assert not any(text in status["content"] for status in snac.statuses())
    assert shop.run("status", sent.json["id"], "--json").json["state"] == "reached"


def test_a_site_on_this_machine_is_still_an_alternative(tmp_path: Path, snac: Snac, cut: tuple[str, ...]) -> None:
    shop = shop_at(tmp_path / "shop", (snac.url, snac.url), "cut.test", snac.access_token, "bluesky | site")
    sent = run(cut, shop, "send", "Cut off", "--json")
    assert (sent.code, sent.json["owed"], len(shop.pages())) == (3, ["bluesky"], 1), sent
    assert blamed(shop) == []


def test_a_machine_that_delivered_just_now_is_not_said_to_be_cut_off(
    tmp_path: Path, pds: Pds, snac: Snac, cut: tuple[str, ...]
) -> None:
    handle = f"cut{random.randrange(10**6)}.test"
    pds.create_account(handle, PASSWORD)
    shop = shop_at(tmp_path / "shop", (pds.url, snac.url), handle, snac.access_token)
    assert run(cut, shop, "send", f"Cut off {random.random()}").code == 5
    assert shop.run("resume").code == 0
    assert shop.run("status", "--json").json["overview"]["own_network"] is None
