"""The website: real folders, real processes, real disks that are full."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surecast.channel import (
    Confirms,
    Context,
    Errand,
    Finds,
    Limits,
    Part,
    Picture,
    Post,
    Probes,
    Retracts,
    Sending,
    Words,
)
from surecast.channels.site import KIND, Settings, Site
from surecast.outcome import Outcome, Reason, Sighting, Verdict
from surecast.transport.classify import classify

T = TypeVar("T")

NOON = 1_780_308_000.0  # 2026-06-01 10:00 UTC, 13:00 in Athens
HOUR = 3600.0
ATOM = "{http://www.w3.org/2005/Atom}"
PHOTO = b"\xff\xd8\xff\xe0 stands for a photo"
URL = "https://ferries.example/notices"


class Turned:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> float:
        return self.moment


class NoSessions:
    async def load(self) -> str | None:
        return None

    async def save(self, session: str) -> None: ...

    def renewing(self):
        raise NotImplementedError


def context(**changes: str) -> Context:
    given = {"sender": "Harbour Ferries", "language": "en", "time_zone": "Europe/Athens", **changes}
    return Context(name="site", sessions=NoSessions(), **given)


async def photo(digest: str) -> bytes:
    return PHOTO


def errand(
    text: str = "Ferry 12 is cancelled today.",
    *,
    key: str = "b7k2/site/0",
    at: float = NOON,
    valid: float = 4 * HOUR,
    language: str = "en",
    pictures: tuple[Picture, ...] = (),
    **words: str | bool | None,
) -> Errand:
    post = Post(
        parts=(Part(text=text),),
        words=Words(text=text, **words),
        language=language,
        sender="Harbour Ferries",
        limits=Limits(),
        pictures=pictures,
    )
    return Errand(key=key, post=post, part=0, created_at=at, expires_at=at + valid, image=photo)


def site_in(folder: Path, clock: Turned | None = None, ctx: Context | None = None, **given) -> Site:
    return Site(Settings(directory=folder, url=URL, **given), ctx or context(), clock or Turned())


def run(call: Awaitable[T]) -> T:
    async def outer() -> T:
        return await call

    return asyncio.run(outer())


def sending(payload: bytes, timeout_s: float = 10.0) -> Sending:
    return Sending(key="b7k2/site/0", payload=payload, first_began_at=NOON, timeout_s=timeout_s)


async def attempt(site: Site, some: Errand, timeout_s: float = 10.0) -> Outcome:
    """What the dispatcher does: open, prepare, publish, and classify what is raised."""
    try:
        await site.open()
        return await site.publish(sending(await site.prepare(some), timeout_s))
    except Exception as error:
        return classify(error, own=site.classify)


def publish(site: Site, *errands: Errand, timeout_s: float = 10.0) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        return [await attempt(site, some, timeout_s) for some in errands]

    return run(all_of_them())


def look(site: Site, some: Errand) -> Sighting:
    async def prepared() -> Sighting:
        return (await site.find(sending(await site.prepare(some)))).sighting

    return run(prepared())


def page_of(folder: Path, outcome: Outcome) -> str:
    assert outcome.receipt is not None, outcome
    return (folder / f"{outcome.receipt.id}.html").read_text(encoding="utf-8")


class Outline(HTMLParser):
    """The structure of a page; a tag that is never closed, or closed twice, is an error."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def shape(self) -> list[str]:
        return [name for name, _ in self.tags]


def whole_site(folder: Path) -> tuple[list[str], list[str]]:
    """Checks every file of a site; gives the slugs in the index and in the feeds."""
    for page in folder.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert html.startswith("<!doctype html>")
        assert html.rstrip().endswith("</html>")
        Outline(html)
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    linked = [
        attrs["href"].removesuffix(".html")
        for attrs in Outline((folder / "index.html").read_text(encoding="utf-8")).all("a")
        if attrs["href"].endswith(".html") and attrs["href"] != "index.html"
    ]
    atom = ET.parse(folder / "feed.atom").getroot()
    rss = ET.parse(folder / "feed.rss").getroot()
    feed = json.loads((folder / "feed.json").read_bytes())
    by_feed = [
        [link.attrib["href"] for link in atom.findall(f"{ATOM}entry/{ATOM}link[@rel='alternate']")],
        [link.text for link in rss.findall("channel/item/link")],
        [item["url"] for item in feed["items"]],
    ]
    slugs = [[url.removeprefix(f"{URL}/").removesuffix(".html") for url in urls] for urls in by_feed]
    assert slugs[0] == slugs[1] == slugs[2]
    assert sorted(linked) == sorted(slugs[0])
    assert [slug for slug in linked if not (folder / f"{slug}.html").is_file()] == []
    return linked, slugs[0]


# What is written


def test_an_announcement_becomes_a_page_an_entry_of_index_and_feeds_and_a_line_for_programs(tmp_path: Path):
    some = errand(title="Ferry 12 is cancelled", url="https://ferries.example/12", body="Wind.\n\nBuses run.")
    [outcome] = publish(site_in(tmp_path), some)
    slug = "ferry-12-is-cancelled-" + outcome.receipt.id[-12:]
    assert outcome.verdict is Verdict.ACCEPTED
    assert (outcome.receipt.id, outcome.receipt.url) == (slug, f"{URL}/{slug}.html")
    assert whole_site(tmp_path) == ([slug], [slug])
    assert json.loads((tmp_path / "current.json").read_bytes())["notices"] == [
        {
            "id": json.loads((tmp_path / "feed.json").read_bytes())["items"][0]["id"],
            "text": "Ferry 12 is cancelled today.",
            "title": "Ferry 12 is cancelled",
            "url": f"{URL}/{slug}.html",
            "external_url": "https://ferries.example/12",
            "published": "2026-06-01T10:00:00.000Z",
            "expires": "2026-06-01T14:00:00.000Z",
            "language": "en",
        }
    ]


def test_the_page_says_everything_with_times_in_the_owners_zone(tmp_path: Path):
    some = errand(title="Ferry 12 is cancelled", url="https://ferries.example/12", body="Wind.\n\nBuses run.")
    html = page_of(tmp_path, publish(site_in(tmp_path), some)[0])
    outline = Outline(html)
    assert outline.texts["h1"] == ["Ferry 12 is cancelled"]
    assert [text for text in outline.texts["p"] if text] == [
        "This notice is no longer valid.", "Ferry 12 is cancelled today.", "Wind.", "Buses run.", " "
    ]  # fmt: skip
    assert {"href": "https://ferries.example/12", "lang": "en"} in outline.all("a")
    assert [datetime.fromisoformat(time["datetime"]).timestamp() for time in outline.all("time")] == [
        NOON + 4 * HOUR,
        NOON,
    ]
    assert "17:00" in outline.texts["time"][0]
    assert "EEST" in outline.texts["time"][0]


def test_the_same_delivery_has_the_same_file_for_ever(tmp_path: Path):
    some = errand(title="Ferry 12")
    first, second = site_in(tmp_path), site_in(tmp_path)
    assert run(first.prepare(some)) == run(second.prepare(some))
    outcomes = publish(first, some, some) + publish(second, some)
    assert {outcome.receipt.id for outcome in outcomes} == {outcomes[0].receipt.id}
    assert whole_site(tmp_path)[1] == [outcomes[0].receipt.id]


def test_writing_the_same_again_touches_no_file(tmp_path: Path):
    def states() -> dict[str, tuple[int, int]]:
        return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in tmp_path.rglob("*.*") if p.is_file()}

    publish(site_in(tmp_path), errand())
    before = states()
    publish(site_in(tmp_path), errand())
    assert states() == before


def test_two_deliveries_of_the_same_words_have_files_of_their_own(tmp_path: Path):
    outcomes = publish(site_in(tmp_path), errand(key="a"), errand(key="b"))
    assert len(whole_site(tmp_path)[1]) == len({outcome.receipt.id for outcome in outcomes}) == 2


@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        ("Ferry 12 is cancelled!", "ferry-12-is-cancelled-"),
        ("Größere Störung: Linie 3", "groere-storung-linie-3-"),
        ("Don't wait", "dont-wait-"),
        ("Το πλοίο 3 καθυστερεί", "notice-"),
        ("../../etc/passwd", "etc-passwd-"),
        ("🚢", "notice-"),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight-"),
        ("x" * 300, "x" * 48 + "-"),
    ],
)
def test_file_names_are_readable_and_harmless(tmp_path: Path, words: str, beginning: str):
    slug = publish(site_in(tmp_path), errand(words))[0].receipt.id
    assert re.fullmatch(rf"{re.escape(beginning)}[0-9a-f]{{12}}", slug), slug


def test_a_notice_without_a_title_is_headed_by_its_text_and_does_not_say_it_twice(tmp_path: Path):
    short, long = publish(
        site_in(tmp_path), errand("Pier 3 is closed.\nUse pier 4.", key="a"), errand("Pier 3 is closed. " * 9, key="b")
    )
    assert Outline(page_of(tmp_path, short)).texts["h1"] == ["Pier 3 is closed."]
    assert "<p>Use pier 4.</p>" in page_of(tmp_path, short)
    assert page_of(tmp_path, short).count("<p>") == 1
    assert Outline(page_of(tmp_path, long)).texts["h1"][0].endswith(" Pier 3 is closed. Pier 3 is…")
    assert ("Pier 3 is closed. " * 9).strip() in page_of(tmp_path, long)


def test_an_address_in_the_text_can_be_followed(tmp_path: Path):
    html = page_of(tmp_path, publish(site_in(tmp_path), errand("Look at https://ferries.example/?a=1&b=2."))[0])
    assert "https://ferries.example/?a=1&b=2" in [a["href"] for a in Outline(html).all("a")]


def test_exact_words_stand_alone(tmp_path: Path):
    some = errand("Exactly this.", exact=True, title="Not this", body="nor this", url="https://not.example/")
    html = page_of(tmp_path, publish(site_in(tmp_path), some)[0])
    assert Outline(html).texts["h1"] == ["Exactly this."]
    assert [word for word in ("Not this", "nor this", "not.example") if word in html] == []


def test_what_is_valid_comes_first_and_what_ended_is_said_to_be_so(tmp_path: Path):
    clock = Turned()
    site = site_in(tmp_path, clock)
    old = errand("Old.", key="old", valid=HOUR)
    publish(site, old)
    clock.moment += 2 * HOUR
    new = [errand(f"New {n}.", key=f"new{n}", at=clock.moment + n) for n in (1, 2)]
    slugs = [outcome.receipt.id for outcome in publish(site, *new)]
    ended = f"old-{hash_of('old')}"
    assert whole_site(tmp_path) == ([slugs[1], slugs[0], ended], [slugs[1], slugs[0], ended])
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.index(slugs[0]) < index.index("No longer valid") < index.index(ended)
    assert '<p class="over" lang="en">This notice is no longer valid.' in (tmp_path / f"{ended}.html").read_text()
    assert [notice["text"] for notice in json.loads((tmp_path / "current.json").read_bytes())["notices"]] == [
        "New 2.", "New 1."
    ]  # fmt: skip


def hash_of(key: str) -> str:
    from surecast.channels._site_entry import slug_of

    return slug_of("x", key).rpartition("-")[2]


def test_ended_notices_leave_the_list_but_keep_their_pages(tmp_path: Path):
    clock = Turned()
    site = site_in(tmp_path, clock, keep=3)
    old = [errand(f"Old {n}.", key=f"old{n}", at=NOON + n, valid=HOUR) for n in range(4)]
    outcomes = publish(site, *old)
    assert len(whole_site(tmp_path)[1]) == 4  # valid ones stay, whatever `keep` says
    clock.moment += 2 * HOUR
    publish(site, errand("New.", key="new", at=clock.moment))
    listed = whole_site(tmp_path)[1]
    assert [slug.partition("-")[0] for slug in listed] == ["new", "old", "old"]
    assert outcomes[0].receipt.id not in listed
    assert "This notice is no longer valid." in page_of(tmp_path, outcomes[0])
    assert look(site, old[0]) is Sighting.SEEN
    assert publish(site, old[0])[0].verdict is Verdict.ACCEPTED
    assert whole_site(tmp_path)[1] == listed


def test_ids_in_feeds_stay_when_the_site_moves(tmp_path: Path):
    def ids() -> tuple[str, str, str]:
        atom, rss = ET.parse(tmp_path / "feed.atom"), ET.parse(tmp_path / "feed.rss")
        return (
            atom.findtext(f"{ATOM}entry/{ATOM}id"),
            rss.findtext("channel/item/guid"),
            json.loads((tmp_path / "feed.json").read_bytes())["items"][0]["id"],
        )

    publish(site_in(tmp_path), errand())
    before = ids()
    moved = Site(Settings(directory=tmp_path, url="https://new.example"), context(), Turned())
    publish(moved, errand("Another.", key="other", at=NOON - 1))
    assert ids() == before
    assert len(set(before)) == 1


def test_pictures_are_files_named_by_digest_with_words_for_those_who_cannot_see_them(tmp_path: Path):
    pictures = (
        Picture(digest="AB12" * 16, media_type="image/jpeg", alt='The "Aigina" at pier 3', width=1200, height=800),
        Picture(digest="cd" * 32, media_type="image/svg+xml", alt="scripts may live here", width=1, height=1),
    )
    [outcome] = publish(site_in(tmp_path), errand(pictures=pictures))
    name = f"{outcome.receipt.id}-ab12ab12ab12.jpg"
    assert (tmp_path / name).read_bytes() == PHOTO
    assert Outline(page_of(tmp_path, outcome)).all("img") == [
        {"src": name, "alt": 'The "Aigina" at pier 3', "width": "1200", "height": "800"}
    ]
    item = json.loads((tmp_path / "feed.json").read_bytes())["items"][0]
    assert item["image"] == f"{URL}/{name}"
    assert f'src="{URL}/{name}"' in item["content_html"]


def test_files_can_be_read_by_the_web_server_whatever_the_umask(tmp_path: Path):
    before = os.umask(0o077)
    try:
        publish(site_in(tmp_path / "new"), errand())
    finally:
        os.umask(before)
    public = [path for path in tmp_path.rglob("*") if path.is_file() and ".surecast" not in path.parts]
    assert {stat.S_IMODE(path.stat().st_mode) for path in public} == {0o644}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (tmp_path / "new", tmp_path / "new/entries")} == {0o755}


def test_a_page_is_written_in_its_own_language(tmp_path: Path):
    site = site_in(tmp_path, ctx=context(language="de-AT"))
    german, french, arabic = publish(
        site, errand(key="a", language="de"), errand(key="b", language="fr"), errand(key="c", language="ar")
    )
    said = ("Gültig bis", "Valable jusqu", "Gültig bis")
    for outcome, label, language in zip((german, french, arabic), said, ("de", "fr", "ar"), strict=True):
        html = page_of(tmp_path, outcome)
        assert label in html
        assert Outline(html).all("html") == [{"lang": language}]
    assert "Aktuelle Meldungen" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_language_without_words_of_ours_gets_english_and_says_so(tmp_path: Path):
    publish(site_in(tmp_path, ctx=context(language="fi")), errand(language="fi"))
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in index
    assert '<h3 id="h-ferry' in index
    assert 'lang="fi" dir="auto">' in index


def test_no_local_path_leaks(tmp_path: Path):
    folder = tmp_path / "secret-place"
    publish(site_in(folder), errand())
    leaks = [path for path in folder.rglob("*") if path.is_file() and b"secret-place" in path.read_bytes()]
    assert leaks == []


def test_an_entry_that_somebody_spoilt_is_left_out_and_named(tmp_path: Path):
    publish(site_in(tmp_path), errand(key="a"))
    for name, text in {
        "cut-off": '{"schema": 1, "slug"', "list": "[]", "elsewhere": '{"schema": 1, "slug": "../../x"}'
    }.items():  # fmt: skip
        (tmp_path / "entries" / f"{name}.json").write_text(text)
    [outcome] = publish(site_in(tmp_path), errand(key="b"))
    assert outcome.verdict is Verdict.ACCEPTED
    assert all(f"entries/{name}.json" in outcome.detail for name in ("cut-off", "list", "elsewhere"))
    for spoilt in ("cut-off", "list", "elsewhere"):
        (tmp_path / "entries" / f"{spoilt}.json").unlink()
    assert len(whole_site(tmp_path)[1]) == 2


# Accessibility


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

    def light(colour: str) -> float:
        digits = colour * 2 if len(colour) == 3 else colour
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_has_a_contrast_of_seven_to_one(tmp_path: Path, theme: int):
    publish(site_in(tmp_path), errand())
    style = Outline((tmp_path / "index.html").read_text(encoding="utf-8")).texts["style"][0]
    colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+)", style.split(":root {")[theme + 1]))
    pairs = [(ink, paper) for ink in ("ink", "quiet", "link") for paper in ("paper", "card")]
    pairs += [("on-band", "band"), ("over", "over-paper")]
    assert {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs if contrast(
        colours[pair[0]], colours[pair[1]]) < 7} == {}  # fmt: skip


def test_pages_have_one_heading_landmarks_a_language_and_feeds(tmp_path: Path):
    [outcome] = publish(site_in(tmp_path), errand())
    for html in (page_of(tmp_path, outcome), (tmp_path / "index.html").read_text(encoding="utf-8")):
        outline = Outline(html)
        assert [len(outline.all(tag)) for tag in ("h1", "header", "main", "footer", "nav", "title")] == [1] * 6
        assert outline.all("html") == [{"lang": "en"}]
        skip = outline.all("a")[0]
        assert (skip["class"], skip["href"], outline.all("main")[0]["id"]) == ("skip", "#content", "content")
        types = [link["type"] for link in outline.all("link") if link["rel"] == "alternate"]
        assert types == ["application/atom+xml", "application/rss+xml", "application/feed+json"]
        ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_only_our_own_style_and_script_may_run(tmp_path: Path):
    import base64
    import hashlib

    publish(site_in(tmp_path), errand())
    outline = Outline((tmp_path / "index.html").read_text(encoding="utf-8"))
    [policy] = [meta["content"] for meta in outline.all("meta") if meta.get("http-equiv")]
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(outline.texts[tag][0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_all_languages_have_all_words():
    import surecast

    words = json.loads((Path(surecast.__file__).parent / "templates/site/words.json").read_text(encoding="utf-8"))
    assert {
        language: set(words["en"]) ^ set(said) for language, said in words.items() if set(words["en"]) ^ set(said)
    } == {}
    assert [said for said in words.values() if not all(said.values())] == []


@pytest.fixture(scope="session")
def chromium() -> str:
    return shutil.which("chromium") or missing("a browser: apt-get install chromium")


def seen_by(chromium: str, page: Path, profile: Path) -> str:
    """The page's structure after its script ran."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", f"--user-data-dir={profile}"]
    command = [chromium, *quiet, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.slow
def test_a_browser_marks_what_ended_since_the_last_write(tmp_path: Path, chromium: str):
    clock, long_ago = Turned(), 1_000_000_000.0
    clock.moment = long_ago
    site = site_in(tmp_path / "site", clock)
    [one, two] = publish(site, *(errand(key=key, at=long_ago + n) for n, key in enumerate("ab")))
    page, index = (tmp_path / "site" / name for name in (f"{one.receipt.id}.html", "index.html"))
    assert (" hidden>This notice" in page.read_text(), "Current notices" in index.read_text()) == (True, True)
    assert 'lang="en">This notice is no longer valid.' in seen_by(chromium, page, tmp_path / "profile")
    html = seen_by(chromium, index, tmp_path / "profile")
    assert '<p class="none">There are no notices' in html
    assert html.index('id="ended-heading"') < html.index(two.receipt.id) < html.index(one.receipt.id)


# Untrusted text

HOSTILE = (
    "</h1></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'>&lt;]]>{{ 7*7 }}"
    "\u202e\x00\x08\x1b\ud800\ufffe\U0001ffff👩‍👩‍👧 שלום\r\njavascript:alert(1)"
)


def test_a_hostile_text_stays_text(tmp_path: Path):
    some = errand(HOSTILE, title=HOSTILE, body=HOSTILE, url='https://x.example/"><script>', language='en"><script>',
        pictures=(Picture(digest="ab" * 32, media_type="image/png", alt=HOSTILE, width=1, height=1),))  # fmt: skip
    evil = context(sender=HOSTILE)
    [outcome] = publish(site_in(tmp_path, ctx=evil), some)
    whole_site(tmp_path)
    for html in (page_of(tmp_path, outcome), (tmp_path / "index.html").read_text(encoding="utf-8")):
        outline = Outline(html)
        assert len(outline.all("script")) == 1
        assert [attrs for _, attrs in outline.tags if any(name.startswith("on") for name in attrs)] == []
        assert "49" not in outline.texts["h1"][0]
    assert "dir" in Outline(page_of(tmp_path, outcome)).all("h1")[0]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example", "https://", "ftp://x", " "])
def test_only_web_addresses_become_links(tmp_path: Path, url: str):
    html = page_of(tmp_path, publish(site_in(tmp_path), errand(url=url))[0])
    assert 'class="more"' not in html


anything = st.text(
    st.characters() | st.sampled_from("<>&\"'{}%#]\r\n\t\x00\x0b\x1f\x7f\x85\u2028\ud800\ufdd0\ufffe\U0010ffff"),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(text=anything.filter(lambda text: text.strip()), title=st.none() | anything, body=st.none() | anything)
def test_any_text_gives_well_formed_feeds_and_the_same_page_structure(rendered, text, title, body):
    atom, rss, feed, page = rendered(errand(text, title=title, body=body))
    assert len(ET.fromstring(atom).findall(f"{ATOM}entry")) == 1
    assert len(ET.fromstring(rss).findall("channel/item")) == 1
    assert json.loads(feed)["items"][0]["content_text"].strip() == feed_text(text, body)
    shape = [tag for tag in Outline(page.decode()).shape() if tag not in ("p", "br", "a", "span")]
    assert shape == [
        tag for tag in Outline(rendered(errand("x"))[3].decode()).shape() if tag not in ("p", "br", "a", "span")
    ]


def feed_text(text: str, body: str | None) -> str:
    from surecast.channels._site_entry import clean

    return "\n\n".join(filter(None, (clean(text), clean(body or "")))).strip()


@pytest.fixture(scope="module")
def rendered() -> Callable[[Errand], tuple[bytes, bytes, bytes, bytes]]:
    """Renders one announcement, without a folder."""
    from zoneinfo import ZoneInfo

    from surecast.channels._site_entry import Entry
    from surecast.channels._site_pages import Pages

    pages = Pages(title="T", sender="S", url=URL, language="en", zone=ZoneInfo("UTC"))

    def render(some: Errand) -> tuple[bytes, bytes, bytes, bytes]:
        entry = Entry.read(Entry.of(some, URL).payload())
        made = dict(pages.render([entry], [], [], NOON))
        return made["feed.atom"], made["feed.rss"], made["feed.json"], made[entry.page]

    return render


# Look-up and retraction


def test_a_look_up_sees_what_is_there_and_nothing_else(tmp_path: Path):
    site = site_in(tmp_path / "site")
    assert look(site, errand()) is Sighting.UNSEEN
    publish(site, errand(key="other"))
    assert look(site, errand()) is Sighting.UNSEEN
    publish(site, errand())
    assert look(site, errand()) is Sighting.SEEN


def test_a_look_up_for_other_words_under_the_same_key_does_not_take_the_old_ones_for_them(tmp_path: Path):
    site = site_in(tmp_path)
    old, new = errand("It runs.", title="Ferry 12"), errand("It does not run.", title="Ferry 12")
    publish(site, old)
    assert look(site, new) is Sighting.UNSEEN
    publish(site, new)
    assert (look(site, new), len(whole_site(tmp_path)[1])) == (Sighting.SEEN, 1)


def test_a_look_up_that_cannot_look_knows_nothing(tmp_path: Path):
    site = site_in(tmp_path / "site")
    payload = run(site.prepare(errand()))
    (tmp_path / "site").write_text("a file in place of the folder")
    found = run(site.find(sending(payload)))
    assert (found.sighting, "is no folder" in found.detail) == (Sighting.UNKNOWN, True)


def test_a_retracted_notice_is_gone_everywhere_and_twice_is_fine(tmp_path: Path):
    site = site_in(tmp_path)
    picture = Picture(digest="ab" * 32, media_type="image/jpeg", alt="", width=1, height=1)
    gone, kept = publish(site, errand(key="a", pictures=(picture,)), errand(key="b", pictures=(picture,)))
    for _ in range(2):
        assert run(site.retract(gone.receipt, 5.0)).verdict is Verdict.ACCEPTED
        assert whole_site(tmp_path)[1] == [kept.receipt.id]
        assert [path for path in tmp_path.rglob("*") if gone.receipt.id in path.name] == []
    assert len(list(tmp_path.glob(f"{kept.receipt.id}*"))) == 2
    assert look(site, errand(key="a", pictures=(picture,))) is Sighting.UNSEEN


def test_a_receipt_cannot_name_a_file_elsewhere(tmp_path: Path):
    site, victim = site_in(tmp_path / "site"), tmp_path / "victim.html"
    victim.write_text("not ours")
    [outcome] = publish(site, errand())
    with pytest.raises(ValueError, match="is no file of a website"):
        run(site.retract(replace(outcome.receipt, id="../victim"), 5.0))
    assert victim.exists()


# Trouble with the folder


def test_a_start_page_of_somebody_else_is_never_overwritten(tmp_path: Path):
    (tmp_path / "index.html").write_text("<h1>My shop</h1>")
    [outcome] = publish(site_in(tmp_path), errand())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.OURS)
    assert f"{tmp_path / 'index.html'} was not written by surecast" in outcome.detail
    assert (tmp_path / "index.html").read_text() == "<h1>My shop</h1>"
    assert run(site_in(tmp_path).probe(5.0)).ok is False


def test_a_file_in_place_of_the_folder_is_our_own_fault_and_named(tmp_path: Path):
    (tmp_path / "site").write_text("")
    [outcome] = publish(site_in(tmp_path / "site"), errand())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.OURS)
    assert outcome.detail == (
        f"{tmp_path / 'site'} is no folder: a file stands in its place. Move it away, or choose another directory."
    )


CHILD = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.channels.test_site import *
folder = Path(sys.argv[1])
"""


def child(script: str, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> list[str]:
    """Runs a piece of Python in a process of its own, which knows all names of this file."""
    code = CHILD.format(root=str(Path(__file__).parents[2])) + textwrap.dedent(script)
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="session")
def own_mounts() -> tuple[str, ...]:
    """The beginning of a command that may mount file systems which only it sees."""
    for prefix in (("unshare", "--mount"), ("unshare", "--mount", "--map-root-user")):
        if (
            shutil.which("unshare")
            and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        ):
            return prefix
    return missing("a mount namespace: install util-linux, and run as root or with user namespaces allowed")


def missing(what: str) -> NoReturn:
    """Skips the test; where nothing may be skipped, fails it."""
    if os.environ.get("SURECAST_STRICT") == "1":
        pytest.fail(f"needs {what}", pytrace=False)
    pytest.skip(f"needs {what}")


CURE = "Free some disk space; the pages of before stand."


def test_a_full_disk_spoils_nothing_and_is_named(tmp_path: Path, own_mounts: tuple[str, ...]):
    lines = child(
        """
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=True)
        site = site_in(folder)
        print(publish(site, errand(key="a"))[0].verdict)
        print(run(site.probe(5.0)).detail.partition(":")[0])
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1024)): pass
            except OSError: pass
        before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
        [full] = publish(site, errand(key="b"))
        print(full.verdict, full.reason)
        print(full.detail)
        print(before == {path: path.read_bytes() for path in before})
        print(len(whole_site(folder)[1]), look(site, errand(key="b")))
        (folder / "filler").unlink()
        print(publish(site, errand(key="b"))[0].verdict, len(whole_site(folder)[1]), look(site, errand(key="b")))
        """,
        tmp_path,
        prefix=own_mounts,
    )
    assert lines == [
        "accepted",
        f"The disk of {tmp_path} is nearly full",
        "unavailable ours",
        f"There is no room left for {tmp_path} (No space left on device). {CURE}",
        "True",
        "1 unseen",
        "accepted 2 seen",
    ]


def test_a_read_only_disk_is_named(tmp_path: Path, own_mounts: tuple[str, ...]):
    lines = child(
        """
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], check=True)
        [outcome] = publish(site_in(folder), errand())
        print(outcome.verdict, outcome.reason)
        print(outcome.detail)
        print(run(site_in(folder).probe(5.0)).detail)
        """,
        tmp_path,
        prefix=own_mounts,
    )
    sentence = f"{tmp_path} is on a read-only disk. Mount it writable, or choose another directory."
    assert lines == ["unavailable ours", sentence, sentence]


def test_a_limit_on_file_sizes_is_like_a_full_disk(tmp_path: Path):
    publish(site_in(tmp_path), errand(key="a"))
    lines = child(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        [outcome] = publish(site_in(folder), errand(key="b"))
        print(outcome.verdict, outcome.reason, outcome.detail)
        """,
        tmp_path,
    )
    assert lines[0].startswith(f"unavailable ours There is no room left for {tmp_path} (File too large).")
    assert len(whole_site(tmp_path)[1]) == 1


def test_a_folder_of_another_user_is_named():
    if os.geteuid() != 0:
        folder = Path("/")
        [outcome] = publish(site_in(folder / "surecast-test"), errand())
        detail = outcome.detail
    else:
        lines = child(
            """
            folder = Path("/var/tmp") / f"surecast-{os.getpid()}"
            folder.mkdir(mode=0o755)
            site = site_in(folder)
            run(site.open())
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            print(publish(site, errand())[0].detail)
            """,
            "",
        )
        detail = lines[0]
        folder = Path(re.search(r"/var/tmp/surecast-\d+", detail)[0])
        folder.rmdir()
    assert "surecast may not write in " in detail
    assert "chown" in detail


# Several processes


def test_eight_processes_at_once_lose_nothing_and_double_nothing(tmp_path: Path):
    script = """
    site = site_in(folder)
    run(site.open())
    print("ready", flush=True)
    sys.stdin.readline()
    mine = [errand(f"Notice {sys.argv[2]}-{n}.", key=f"{sys.argv[2]}-{n}", at=NOON + n) for n in range(5)]
    shared = errand("From all.", key="all")
    for outcome in publish(site, *mine, shared, timeout_s=30.0):
        assert outcome.verdict is Verdict.ACCEPTED, outcome
    """
    code = CHILD.format(root=str(Path(__file__).parents[2])) + textwrap.dedent(script)
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(8)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.close()
    while any(process.poll() is None for process in processes):
        every_file_is_whole(tmp_path)  # as a reader in the middle of it sees them
        time.sleep(0.01)
    for process in processes:
        process.stdout.close()
    assert [process.returncode for process in processes] == [0] * 8
    listed = whole_site(tmp_path)[1]
    assert len(listed) == len(set(listed)) == 8 * 5 + 1
    assert not_yet_tidy(tmp_path) == []


def not_yet_tidy(folder: Path) -> list[str]:
    return [path.name for path in (folder / ".surecast").iterdir() if path.suffix != ".lock"]


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_no_broken_page(tmp_path: Path):
    script = """
    import itertools
    site = site_in(folder)
    run(site.open())
    print("ready", flush=True)
    picture = Picture(digest="ab" * 32, media_type="image/jpeg", alt="", width=1, height=1)
    async def for_ever():
        for n in itertools.count():
            await attempt(site, errand(f"Notice {n % 7}.", key=f"{n % 7}-{sys.argv[2]}", pictures=(picture,)))
            if n % 5 == 4: await site.retract(receipt_of(folder), 5.0)
    run(for_ever())
    """
    code = CHILD.format(root=str(Path(__file__).parents[2])) + textwrap.dedent(script)
    chance = random.Random(12)
    for turn in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(turn)], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.02 + chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
        every_file_is_whole(tmp_path)
    site = site_in(tmp_path)
    [outcome] = publish(site, errand("After all that.", key="after"))
    assert outcome.verdict is Verdict.ACCEPTED
    listed = whole_site(tmp_path)[1]
    assert sorted(listed) == sorted(path.stem for path in (tmp_path / "entries").glob("*.json"))
    assert [name for name in not_yet_tidy(tmp_path) if name.startswith("new-")] == []


def every_file_is_whole(folder: Path) -> None:
    """What a reader may see between two writes: each file complete, and no link into nothing."""
    for page in folder.glob("*.html"):
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    for name in ("feed.atom", "feed.rss"):
        if (folder / name).exists():
            ET.parse(folder / name)
    if (folder / "index.html").exists():
        links = [a["href"] for a in Outline((folder / "index.html").read_text(encoding="utf-8")).all("a")]
        assert [link for link in links if link.startswith("notice") and not (folder / link).exists()] == []
    assert [path for path in folder.glob("*.jpg") if path.read_bytes() != PHOTO] == []


def test_a_crash_in_the_middle_is_not_seen_as_published(tmp_path: Path):
    site = site_in(tmp_path)
    publish(site, errand())
    slug = next((tmp_path / "entries").glob("*.json")).stem
    (tmp_path / ".surecast" / f"{slug}.writing").touch()  # what a killed process leaves behind
    assert look(site, errand()) is Sighting.UNSEEN
    publish(site, errand())
    assert look(site, errand()) is Sighting.SEEN


def test_files_in_the_making_that_a_killed_process_left_are_cleared_away(tmp_path: Path):
    (tmp_path / ".surecast").mkdir()
    (tmp_path / ".surecast" / "7.new").write_text("half a pa")
    publish(site_in(tmp_path), errand())
    assert not_yet_tidy(tmp_path) == []


@pytest.fixture
def hung_writer(tmp_path: Path) -> Iterator[None]:
    """Another process that holds the lock and does nothing."""
    (tmp_path / ".surecast").mkdir()
    with (tmp_path / ".surecast" / "write.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_hung_writer_is_waited_for_no_longer_than_the_attempt_and_never_blocks_the_loop(
    tmp_path: Path, hung_writer: None
):
    async def beside() -> tuple[Outcome, int]:
        site, beats = site_in(tmp_path), 0
        task = asyncio.ensure_future(attempt(site, errand(), timeout_s=0.5))
        while not task.done():
            await asyncio.sleep(0.01)
            beats += 1
        return task.result(), beats

    outcome, beats = run(beside())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.OURS)
    assert f"Another surecast is still busy in {tmp_path}" in outcome.detail
    assert beats >= 10


# The command after a write


def script_in(folder: Path, text: str) -> str:
    path = folder / "carry-on.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_command_carries_the_finished_files_on(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    site = site_in(here, after_write=("cp", "-R", f"{here}/.", str(there)))
    there.mkdir()
    [outcome] = publish(site, errand())
    assert outcome.verdict is Verdict.ACCEPTED
    assert len(whole_site(there)[1]) == 1
    assert not_yet_tidy(here) == []


def test_a_failing_command_means_written_but_not_published_until_it_works(tmp_path: Path):
    folder = tmp_path / "site"
    command = script_in(
        tmp_path, "echo connecting; echo 'ssh: connect to host web: \033[31mtimed out' >&2; echo >&2; exit 12"
    )
    site = site_in(folder, after_write=(command, "token=unseen"))
    [outcome] = publish(site, errand())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.NOT_CONNECTED)
    assert outcome.detail == (
        f"The site in {folder} is written, but not published: carry-on.sh ended with status 12: "
        "ssh: connect to host web: [31mtimed out. Run the command of after_write by hand to see why."
    )
    assert len(whole_site(folder)[1]) == 1
    assert look(site, errand()) is Sighting.UNSEEN
    script_in(tmp_path, "exit 0")
    assert publish(site, errand())[0].verdict is Verdict.ACCEPTED
    assert look(site, errand()) is Sighting.SEEN


def test_a_hanging_command_is_ended_with_its_children(tmp_path: Path):
    folder, pid = tmp_path / "site", tmp_path / "pid"
    command = script_in(tmp_path, f"sleep 60 & echo $! > {pid}; wait")
    [outcome] = publish(site_in(folder, after_write=(command,)), errand(), timeout_s=1.0)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.TIMED_OUT)
    assert "carry-on.sh was not done in time and was ended" in outcome.detail
    state = Path(f"/proc/{int(pid.read_text())}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_command_that_is_not_there_is_named(tmp_path: Path):
    site = site_in(tmp_path, after_write=("no-such-rsync", "-a"))
    [outcome] = publish(site, errand())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, Reason.OURS)
    assert "no-such-rsync cannot be started (No such file or directory: no-such-rsync)" in outcome.detail


def test_a_secret_in_what_the_command_says_is_not_repeated(tmp_path: Path):
    from surecast.transport.redact import register

    register("hunter2-hunter2")
    for before in ("", "x" * 180):  # the second stands where the line is cut off
        command = script_in(tmp_path, f"echo 'login failed {before} hunter2-hunter2' >&2; exit 1")
        [outcome] = publish(site_in(tmp_path / "site", after_write=(command,)), errand())
        assert "login failed" in outcome.detail
        assert "hunter2" not in outcome.detail


def test_the_command_gets_its_arguments_as_they_are(tmp_path: Path):
    publish(site_in(tmp_path / "site", after_write=("touch", str(tmp_path / "a b; $HOME *"))), errand())
    assert (tmp_path / "a b; $HOME *").exists()


def test_the_command_runs_in_the_folder_that_was_named(tmp_path: Path):
    script_in(tmp_path, "pwd > where")
    site = site_in(tmp_path / "site", after_write=("./carry-on.sh",), after_write_in=tmp_path)
    assert run(site.probe(5.0)).ok
    assert publish(site, errand())[0].verdict is Verdict.ACCEPTED
    assert (tmp_path / "where").read_text().strip() == str(tmp_path)


def test_writers_at_once_share_a_slow_command(tmp_path: Path):
    folder, log = tmp_path / "site", tmp_path / "log"
    # The first run lasts until all have written; the second carries on whatever the first did not begin with.
    wait_for_all = f"while [ $(ls {folder}/.surecast | grep -c written) -lt 6 ]; do sleep 0.02; done"
    command = script_in(tmp_path, f"[ -e {log} ] || {wait_for_all}\nls {folder}/entries | wc -l >> {log}")

    async def at_once() -> list[Outcome]:
        sites = [site_in(folder, after_write=(command,)) for _ in range(6)]
        errands = [errand(key=str(number)) for number in range(6)]
        return await asyncio.gather(*(attempt(site, some, 30.0) for site, some in zip(sites, errands, strict=True)))

    assert [outcome.verdict for outcome in run(at_once())] == [Verdict.ACCEPTED] * 6
    assert log.read_text().split() in (["6"], ["6", "6"])
    assert not_yet_tidy(folder) == []


def test_a_retraction_is_carried_on_too(tmp_path: Path):
    folder, log = tmp_path / "site", tmp_path / "log"
    site = site_in(folder, after_write=(script_in(tmp_path, f"ls {folder} >> {log}; exit 3"),))
    [outcome] = publish(site, errand())
    gone = run(site.retract(run(site.find(sending(run(site.prepare(errand()))))).receipt or receipt_of(folder), 5.0))
    assert (outcome.verdict, gone.verdict) == (Verdict.UNAVAILABLE, Verdict.UNAVAILABLE)
    log.unlink()
    script_in(tmp_path, f"ls {folder} >> {log}")
    slug = f"ferry-12-is-cancelled-today-{hash_of('b7k2/site/0')}"
    assert run(site.retract(receipt(slug), 5.0)).verdict is Verdict.ACCEPTED
    assert slug not in log.read_text()


def receipt(slug: str):
    from surecast.outcome import Receipt

    return Receipt(id=slug)


def receipt_of(folder: Path):
    return receipt(next((folder / "entries").glob("*.json")).stem)


# Probe, settings, traits


def test_a_probe_says_what_is_well_and_leaves_nothing_behind(tmp_path: Path):
    probed = run(site_in(tmp_path / "site", after_write=("true",)).probe(5.0))
    assert (probed.ok, re.sub(r"[\d.]+ [GM]B", "N GB", probed.detail)) == (
        True, f"{tmp_path / 'site'} can be written, N GB free."
    )  # fmt: skip
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_probe_names_what_is_wrong(tmp_path: Path):
    (tmp_path / "file").write_text("")
    missing = run(site_in(tmp_path, after_write=("no-such-rsync",)).probe(5.0))
    blocked = run(site_in(tmp_path / "file").probe(5.0))
    assert (missing.ok, "there is no program 'no-such-rsync'" in missing.detail) == (False, True)
    assert (blocked.ok, "is no folder" in blocked.detail) == (False, True)


def test_settings_are_checked_with_a_cure():
    checks = {field.name: field.metadata["check"] for field in Settings.__dataclass_fields__.values()}
    assert checks["url"]("ferries.example") != ""
    assert checks["url"](URL) == ""
    assert "Write 1 or more" in checks["keep"](0)
    assert checks["keep"](1) == ""
    assert "the command has no program" in checks["after_write"](("",))
    assert checks["after_write"](()) == checks["after_write"](("rsync",)) == ""


def test_in_the_sandbox_nothing_leaves_the_machine():
    fields = Settings.__dataclass_fields__
    assert {name: field.metadata["sandbox"] for name, field in fields.items()} == {
        "directory": "folder", "url": "keep", "after_write": "default", "after_write_in": "keep",
        "title": "keep", "keep": "keep"
    }  # fmt: skip
    assert fields["after_write"].default == ()


def test_the_website_can_look_up_read_back_retract_and_probe():
    assert [KIND.able(ability) for ability in (Finds, Retracts, Probes, Confirms)] == [True] * 4
    assert (KIND.traits.platform, KIND.traits.resend, KIND.traits.limits.text) == ("Website", "same_key", None)
    assert KIND.traits.long_form
    assert not KIND.traits.link_card
