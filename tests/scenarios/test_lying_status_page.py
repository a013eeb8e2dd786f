"""A vendor's status page that says what is not so: what we see ourselves decides."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from surecast.sandbox import Sandbox
from tests.scenarios.shop import Shop
from tests.scenarios.watching import quick, stopped, watching
from tests.servers.faults import FaultServer
from tests.servers.process import wait_until

GREEN, RED = ("none", "All Systems Operational", "operational"), ("critical", "Major Outage", "major_outage")
Says = tuple[str, str, str]
PASSWORD = "abcd-efgh-ijkl-mnop"


class StatusPage(ThreadingHTTPServer):
    """A Statuspage (v2) on loopback that always says the same."""

    daemon_threads = True

    def __init__(self, says: Says) -> None:
        self.asked = 0
        indicator, description, component = says
        self.summary = {
            "page": {"id": "x", "name": "Bluesky", "updated_at": "2026-04-06T06:00:00Z"},
            "status": {"indicator": indicator, "description": description},
            "components": [{"id": "c", "name": "AppView", "status": component}],
            "incidents": [],
            "scheduled_maintenances": [],
        }
        super().__init__(("127.0.0.1", 0), Summary)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v2/summary.json"


class Summary(BaseHTTPRequestHandler):
    server: StatusPage

    def do_GET(self) -> None:
        body = json.dumps(self.server.summary).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.asked += 1

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def status_page(says: Says) -> Iterator[StatusPage]:
    with StatusPage(says) as page:
        serving = threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield page
        finally:
            page.shutdown()
            serving.join()


@pytest.fixture
def far_side() -> Iterator[Sandbox]:
    with Sandbox.in_thread(("bluesky", "mastodon")) as running:
        yield running


def shop_at(folder: Path, far_side: Sandbox, page: StatusPage, appview: str) -> Shop:
    shop, service = quick(Shop(folder)), far_side.url("bluesky")
    shop.bluesky("bluesky", service, "ferries.example", PASSWORD, appview=appview, status_page=page.url)
    return shop.mastodon("mastodon", far_side.url("mastodon"), "token").route("bluesky | mastodon")


def bluesky(shop: Shop) -> dict[str, Any]:
    channels = shop.run("channels", "--json").json["channels"]
    found: dict[str, Any] = next(each for each in channels if each["name"] == "bluesky")
    return found


def notices(far_side: Sandbox) -> int:
    posts = [post for platform in far_side.platforms.values() for post in platform.posts()]
    return sum(post.text.startswith("We cannot reach our readers") for post in posts)


def test_a_page_that_is_green_does_not_hide_that_readers_are_given_nothing(tmp_path: Path, far_side: Sandbox) -> None:
    with status_page(GREEN) as page, FaultServer("503", upstream=far_side.url("bluesky"), remaining=0) as appview:
        shop = shop_at(tmp_path / "shop", far_side, page, appview.url)
        assert shop.run("send", f"All is well {random.random()}", "--json").json["state"] == "reached"
        appview.set_fault("503")
        with watching(shop) as watch:
            wait_until(lambda: notices(far_side) == 1, 30, "readers are not told")
            known = bluesky(shop)
            assert stopped(watch).code == 0
        assert (known["condition"], known["reason"]) == ("down", "invisible")
        assert "its status page says that all is well" in known["reasons"], "it is named, and decides nothing"


def test_a_page_that_is_red_takes_nothing_down_that_works(tmp_path: Path, far_side: Sandbox) -> None:
    with status_page(RED) as page:
        shop = shop_at(tmp_path / "shop", far_side, page, far_side.url("bluesky"))
        with watching(shop) as watch:
            assert shop.run("send", f"All is well {random.random()}", "--json").json["state"] == "reached"
            wait_until(lambda: page.asked >= 2, 30, "the page is not read")
            known, status = bluesky(shop), shop.run("status", "--json").json["overview"]
            assert shop.run("send", f"Still {random.random()}", "--json").json["state"] == "reached"
            assert stopped(watch).code == 0
        assert (known["condition"], status["down"], notices(far_side)) == ("up", [], 0)
        assert "its status page says: Major Outage" in known["reasons"]
        assert shop.run("channels", "history", "--json").json["switches"] == []
