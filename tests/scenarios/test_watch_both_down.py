"""Every channel of the route is dead: the report says so, nobody can be told, the watch delivers when one is back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.scenarios.shop import Shop
from tests.scenarios.watching import quick, stopped, watching
from tests.servers.fixtures import OwnPds, OwnSnac
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

HANDLE, PASSWORD = "writer.test", "pass-word-1234"
EXPIRES_S = 6.0


def outages(shop: Shop) -> dict[str, int]:
    """The channels that have an outage, and how often readers were told of it."""
    down = shop.run("status", "--json").json["overview"]["down"]
    return {each["channel"]: each["outage"]["notices"] for each in down if each["outage"]}


@pytest.mark.parametrize("returns", ["bluesky", "mastodon"])
def test_what_nobody_could_have_is_delivered_by_the_watch_when_one_side_returns(
    tmp_path: Path, own_pds: OwnPds, own_snac: OwnSnac, returns: str
) -> None:
    pds, snac = own_pds(), own_snac()
    did = pds.create_account(HANDLE, PASSWORD)
    shop = quick(Shop(tmp_path / "shop")).bluesky("bluesky", pds.url, HANDLE, PASSWORD)
    shop.mastodon("mastodon", snac.url, snac.access_token).route("bluesky | mastodon")
    pds.kill()
    snac.kill()

    with watching(shop) as watch:
        began = time.monotonic()
        late = shop.run("send", "Too late by then", "--expires", f"{EXPIRES_S:g}s", "--json")
        sent = shop.run("send", "Ferry 12 is cancelled", "--json")
        assert (late.code, late.json["state"], sent.code, sent.json["state"]) == (4, "missed", 4, "missed"), sent.out
        assert (sent.json["owed"], sent.json["final"]) == (["bluesky", "mastodon"], False)
        wait_until(lambda: outages(shop) == {"bluesky": 0, "mastodon": 0}, 20, "an outage of each, told to nobody")
        time.sleep(max(0.0, began + EXPIRES_S - time.monotonic()))

        (pds if returns == "bluesky" else snac).restart()
        wait_until(lambda: shop.run("status", sent.json["id"]).code in {0, 3}, 60, "it is not delivered")
        expired = shop.run("status", late.json["id"])
        assert (expired.code, "too late" in expired.out) == (4, True), expired.out
        assert stopped(watch).code == 0

    snac.restart()
    there = [post["value"]["text"] for post in pds.posts(did)] if returns == "bluesky" else []
    there += [status["content"] for status in snac.statuses()]
    assert sum("Ferry 12 is cancelled" in text for text in there) == 1, there
    assert not any("Too late by then" in text for text in there), there
