"""The website as the public gets it: a web server on loopback that has the pages, or old ones, or none, or is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.channels.test_site import Turned, context, errand, run, sending
from tests.servers.faults import FaultServer

from surecast.broadcaster import Broadcaster
from surecast.channels._site_public import MAX_BYTES
from surecast.channels.site import KIND, Settings, Site
from surecast.config import load_config
from surecast.config.assemble import assemble
from surecast.outcome import Look, Outcome, Receipt, Sighting, Verdict
from surecast.report import Status

SEEN, UNSEEN, UNKNOWN = Sighting.SEEN, Sighting.UNSEEN, Sighting.UNKNOWN

#: What a test has the server say in the place of a page: a status, further headers, and a body.
Said = tuple[int, dict[str, str], bytes]


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder as web servers do, and counts."""

    server: Public

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        said = self.server.instead(urlsplit(self.path).path) if self.server.instead else None
        if said is None:
            super().do_GET()
            return
        status, headers, body = said
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Public(ThreadingHTTPServer):
    """The public web server of a folder; `instead` answers in its place."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.instead: Callable[[str], Said | None] | None = None


@contextmanager
def serving(folder: Path) -> Iterator[Public]:
    with Public(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Public]:
    with serving(tmp_path / "public") as server:
        yield server


def published(folder: Path, url: str, key: str = "b7k2/site/0") -> tuple[Site, Receipt]:
    """A site that has just published its announcement."""
    site = Site(Settings(directory=folder, url=url), context(), Turned())

    async def publish() -> Outcome:
        await site.open()
        return await site.publish(sending(await site.prepare(errand(key=key))))

    receipt = run(publish()).receipt
    assert receipt is not None
    return site, receipt


def look(site: Site, receipt: Receipt, timeout_s: float = 5.0) -> Look:
    return run(site.confirm(receipt, timeout_s))


def sighting(seen: Look) -> tuple[Sighting, bool]:
    return seen.sighting, seen.answered


# Seen


def test_a_page_that_the_web_server_shows_is_seen(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    assert look(site, receipt) == Look(sighting=SEEN, receipt=receipt)
    assert look(site, Receipt(id=receipt.id)).sighting is SEEN


def test_every_look_asks_for_the_page_as_it_is_now_and_shows_no_credentials(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    for _ in range(2):
        look(site, receipt)
    (first, headers), (second, _) = public.asked
    assert first != second
    assert {urlsplit(path).path for path in (first, second)} == {f"/{receipt.id}.html"}
    assert headers["cache-control"] == "no-cache"
    assert headers["user-agent"].startswith("surecast")
    assert not headers.keys() & {"authorization", "cookie"}


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda page: page.replace(b'"', b""),
        lambda page: page.replace(b'"', b"'"),
        lambda page: page.replace(b'name="surecast-notice" content=', b'data-x content="x" content=').replace(
            b'">\n<link rel="canonical"', b'" name="surecast-notice"/>\n<link rel="canonical"'
        ),
    ],
    ids=["no quotes", "other quotes", "turned round"],
)
def test_a_page_that_was_rewritten_on_its_way_is_seen(public: Public, rewrite: Callable[[bytes], bytes]) -> None:
    site, receipt = published(public.folder, public.url)
    page = rewrite((public.folder / f"{receipt.id}.html").read_bytes())
    public.instead = lambda path: (200, {}, page)
    assert look(site, receipt).sighting is SEEN


@pytest.mark.parametrize("times", [1, 3])
def test_redirects_are_followed(public: Public, times: int) -> None:
    site, receipt = published(public.folder, public.url)
    there = f"/{receipt.id}.html"

    def lead_on(path: str) -> Said | None:
        count = path.count("/moved")
        return (301, {"Location": "/moved" * (count - 1) + there}, b"") if count else None

    public.instead = lead_on
    assert look(site, Receipt(id=receipt.id, url=f"{public.url}{'/moved' * times}{there}")).sighting is SEEN
    assert len(public.asked) == times + 1


# Unseen


def test_a_page_that_was_not_copied_yet_is_unseen_until_it_is(tmp_path: Path, public: Public) -> None:
    site, receipt = published(tmp_path / "here", public.url)
    assert sighting(look(site, receipt)) == (UNSEEN, True)
    (public.folder / f"{receipt.id}.html").write_bytes((tmp_path / "here" / f"{receipt.id}.html").read_bytes())
    assert look(site, receipt).sighting is SEEN


@pytest.mark.parametrize("page", ["index.html", "other"])
def test_another_page_of_ours_in_its_place_is_not_taken_for_it(public: Public, page: str) -> None:
    """As web servers do that show one page for all that is missing, and caches that mix pages up."""
    _, other = published(public.folder, public.url, key="other/site/0")
    site, receipt = published(public.folder, public.url)
    shown = (public.folder / (f"{other.id}.html" if page == "other" else page)).read_bytes()
    assert receipt.id.encode() in shown or page == "other"
    public.instead = lambda path: (200, {}, shown)
    assert sighting(look(site, receipt)) == (UNSEEN, True)


def test_an_old_copy_of_the_site_is_unseen(tmp_path: Path, public: Public) -> None:
    _, before = published(public.folder, public.url, key="old/site/0")
    site, receipt = published(tmp_path / "here", public.url)
    assert [look(site, one).sighting for one in (before, receipt)] == [SEEN, UNSEEN]


@pytest.mark.parametrize(
    "page", [b"", b"<h1>Nothing here</h1>", b"\xff\xfe\x00", b"<meta name=surecast-notice content="]
)
def test_a_success_with_something_else_is_unseen(public: Public, page: bytes) -> None:
    site, receipt = published(public.folder, public.url)
    public.instead = lambda path: (200, {}, page)
    assert sighting(look(site, receipt)) == (UNSEEN, True)


def test_a_page_that_says_the_address_back_is_not_taken_for_it(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    echo = f'<title>{receipt.id}</title><meta property="og:url" content="{receipt.url}"><p>surecast-notice</p>'
    longer = f'<meta name="surecast-notice" content="{receipt.id}-0">'
    public.instead = lambda path: (200, {}, (echo + longer).encode())
    assert look(site, receipt).sighting is UNSEEN


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_said_to_be_gone_is_unseen_whatever_comes_with_it(public: Public, status: int) -> None:
    site, receipt = published(public.folder, public.url)
    page = (public.folder / f"{receipt.id}.html").read_bytes()
    public.instead = lambda path: (status, {}, page)
    assert sighting(look(site, receipt)) == (UNSEEN, True)


# No information


@pytest.mark.parametrize("status", [204, 304, 401, 403, 429, 500, 503])
def test_any_other_answer_tells_nothing(public: Public, status: int) -> None:
    site, receipt = published(public.folder, public.url)
    public.instead = lambda path: (status, {}, b"")
    seen = look(site, receipt)
    assert sighting(seen) == (UNKNOWN, False)
    assert str(status) in seen.detail


@pytest.mark.parametrize("fault", ["refused", "tls_self_signed", "hang_after_body", "reset", "close", "half"])
def test_a_web_server_in_trouble_tells_nothing(tmp_path: Path, fault: str) -> None:
    with FaultServer(fault) as server:
        site, receipt = published(tmp_path / "here", server.url)
        began = time.monotonic()
        seen = look(site, receipt, timeout_s=0.5)
        assert time.monotonic() - began < 2
    assert sighting(seen) == (UNKNOWN, False)
    assert seen.detail
    assert "delivered" not in seen.detail


def test_a_page_that_drips_is_waited_for_no_longer_than_the_look_may_last(tmp_path: Path) -> None:
    with FaultServer("slow_drip", drip_seconds=0.05) as server:
        site, receipt = published(tmp_path / "here", server.url)
        assert sighting(look(site, receipt, timeout_s=0.5)) == (UNKNOWN, False)


def test_redirects_in_a_circle_tell_nothing_and_end(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    public.instead = lambda path: (302, {"Location": path}, b"")
    assert sighting(look(site, receipt)) == (UNKNOWN, False)
    assert len(public.asked) == 4


@pytest.mark.parametrize("there", ["ftp://ferries.example/", "http://", "http://[", "//"])
def test_a_redirect_to_nowhere_tells_nothing(public: Public, there: str) -> None:
    site, receipt = published(public.folder, public.url)
    public.instead = lambda path: (302, {"Location": there}, b"")
    assert sighting(look(site, receipt)) == (UNKNOWN, False)


def test_a_page_without_end_is_not_read_to_its_end(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    public.instead = lambda path: (200, {}, b"<meta " * (MAX_BYTES // 6 + 1))
    assert sighting(look(site, receipt)) == (UNKNOWN, False)


def test_a_page_full_of_beginnings_is_judged_at_once(public: Public) -> None:
    site, receipt = published(public.folder, public.url)
    for part in (b"<meta ", b"<meta >", b"surecast-notice ", b"content "):
        page = (b"<meta " + part * MAX_BYTES)[:MAX_BYTES]
        public.instead = lambda path, page=page: (200, {}, page)  # type: ignore[misc]
        began = time.monotonic()
        assert look(site, receipt).sighting is UNSEEN
        assert time.monotonic() - began < 2


def test_a_receipt_cannot_lead_elsewhere(public: Public) -> None:
    site, _ = published(public.folder, public.url)
    assert sighting(look(site, Receipt(id="../elsewhere"))) == (UNKNOWN, False)
    assert public.asked == []


# The whole line

CONFIG = """\
sender = "Harbour Ferries"
[routes]
default = "site | spare"
[channels.site]
type = "site"
directory = "here"
url = "{url}"
confirm = "visible"
visible_within = "500ms"
[channels.spare]
type = "site"
directory = "spare"
url = "https://ferries.example/spare"
"""


@contextmanager
def harbour(folder: Path, url: str) -> Iterator[Broadcaster]:
    (folder / "surecast.toml").write_text(CONFIG.format(url=url), encoding="utf-8")
    with assemble(load_config(folder / "surecast.toml")) as broadcaster:
        yield broadcaster


def test_a_copy_that_never_arrives_is_invisible_and_the_next_channel_has_its_turn(
    tmp_path: Path, public: Public
) -> None:
    with harbour(tmp_path, public.url) as broadcaster:
        report = broadcaster.broadcast("Ferry 12 is cancelled", wait=20)
    assert (report.state.value, report["site"].verdict) == ("rerouted", Verdict.INVISIBLE)
    assert report["spare"].status is Status.DONE
    assert len(public.asked) > 1


def test_a_copy_that_arrives_is_confirmed(tmp_path: Path) -> None:
    with serving(tmp_path / "here") as public, harbour(tmp_path, public.url) as broadcaster:
        report = broadcaster.broadcast("Ferry 12 is cancelled", wait=20)
    assert (report.state.value, report["site"].verdict) == ("reached", Verdict.CONFIRMED)
    assert report["spare"].verdict is None


def test_nobody_looks_unless_it_is_asked_for(tmp_path: Path, public: Public) -> None:
    assert not KIND.traits.read_back_needs_no_setup
    (tmp_path / "surecast.toml").write_text(CONFIG.format(url=public.url).replace("confirm", "# confirm"), "utf-8")
    with assemble(load_config(tmp_path / "surecast.toml")) as broadcaster:
        report = broadcaster.broadcast("Ferry 12 is cancelled", wait=20)
    assert (report.state.value, report["site"].verdict) == ("reached", Verdict.ACCEPTED)
    assert public.asked == []
