from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from surecast.sandbox import Fault, Kind, On, Platform, Sandbox
from surecast.sandbox.server import Post, Shelves, image_type


class Notes(Platform):
    """All that a new platform must give: its routes."""

    title = "Notes"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (web.post("/notes", self._take),)

    async def _take(self, request: web.Request) -> web.Response:
        text = (await request.json())["text"]
        name = str(len(self.shelves.held))
        note = Post(id=name, author="writer", text=text, html=text, at=self.clock.now(), url=f"{self.url}/{name}")
        self.shelves.put(note)
        return web.json_response({"id": name}, status=201)


@pytest.fixture
def notes() -> Iterator[Platform]:
    with Sandbox.in_thread([Notes]) as sandbox:
        yield sandbox.platforms["notes"]


def ask(
    platform: Platform, method: str = "POST", path: str = "/notes", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(platform.url.partition("://")[2], timeout=0.5)
    with closing(connection):
        connection.request(method, path, json.dumps({"text": "hello"}) if method == "POST" else None, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


STATUS = {
    Fault.THROTTLED: 429,
    Fault.UNAUTHORIZED: 401,
    Fault.FORBIDDEN: 403,
    Fault.REFUSED: 400,
    Fault.ERROR: 500,
    Fault.UNAVAILABLE: 503,
    Fault.EDGE: 502,
    Fault.GARBAGE: 200,
    Fault.HIDDEN: 201,
    Fault.SLOW: 201,
    Fault.NONE: 201,
}
BROKEN = {
    Fault.DOWN: ConnectionRefusedError,
    Fault.HANG_BEFORE: TimeoutError,
    Fault.HANG_AFTER: TimeoutError,
    Fault.LOST_REPLY: http.client.RemoteDisconnected,
    Fault.CLOSE: http.client.RemoteDisconnected,
    Fault.HALF: http.client.IncompleteRead,
    Fault.RESET: ConnectionResetError,
}


@pytest.mark.parametrize("fault", Fault)
def test_a_new_platform_has_every_fault_without_a_line_of_its_own(notes: Platform, fault: Fault) -> None:
    from surecast.sandbox import Trouble

    notes.trouble(Trouble(fault=fault, seconds=0.001 if fault is Fault.SLOW else None))
    if fault in BROKEN:
        with pytest.raises(BROKEN[fault]):
            ask(notes)
    else:
        assert ask(notes)[0] == STATUS[fault]
    held = {Fault.HANG_AFTER, Fault.LOST_REPLY, Fault.HALF, Fault.SLOW, Fault.HIDDEN, Fault.NONE}
    assert (len(notes.posts()), len(notes.visible())) == (fault in held, fault in held - {Fault.HIDDEN})


def test_the_log_says_what_came_and_what_struck_it(notes: Platform) -> None:
    from surecast.sandbox import Trouble

    ask(notes, headers={"Idempotency-Key": "k-1"})
    notes.trouble(Trouble(fault=Fault.CLOSE, on=On.WRITES, remaining=1))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(notes)
    ask(notes, "GET", "/nowhere?secret=1")
    seen = [(each.kind, each.method, each.path, each.answer, each.fault, each.key) for each in notes.requests()]
    assert seen == [
        (Kind.WRITE, "POST", "/notes", 201, Fault.NONE, "k-1"),
        (Kind.WRITE, "POST", "/notes", None, Fault.CLOSE, ""),
        (Kind.READ, "GET", "/nowhere", 404, Fault.NONE, ""),
    ]
    assert notes.requests()[0].digest == hashlib.sha256(b'{"text": "hello"}').hexdigest()
    assert notes.counts() == {Kind.READ: 1, Kind.WRITE: 2, Kind.UPLOAD: 0, Kind.SESSION: 0}
    notes.forget_requests()
    assert (notes.requests(), sum(notes.counts().values())) == ((), 0)


def test_a_snapshot_of_the_log_does_not_change_afterwards(notes: Platform) -> None:
    ask(notes)
    taken = notes.requests()
    taken[0].path = "/elsewhere"
    assert notes.requests()[0].path == "/notes"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_some_website_cannot_post_here(notes: Platform, headers: dict[str, str]) -> None:
    assert ask(notes, headers=headers)[0] == 403
    assert (notes.posts(), notes.requests()) == ((), ())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_programs_on_this_machine_may_use_any_of_its_own_names(notes: Platform, name: str) -> None:
    host = f"{name}:{notes.url.rpartition(':')[2]}"
    assert ask(notes, headers={"Host": host, "Origin": f"http://{host}"})[0] == 201


def test_an_unknown_path_is_refused_in_the_platforms_form(notes: Platform) -> None:
    assert ask(notes, "GET", "/nowhere") == (404, '{"error": "Not Found"}')


def test_readers_see_posts_on_the_front_page(notes: Platform) -> None:
    ask(notes)
    status, page = ask(notes, "GET", "/")
    assert (status, "hello" in page) == (200, True)


def a_post(name: str, text: str = "hello", public: bool = True) -> Post:
    return Post(id=name, author="writer", text=text, html=text, at=0.0, url="", public=public)


def shown(shelves: Shelves) -> dict[str, str]:
    return {name: post.text for name, post in shelves.shown.items()}


def test_while_indexing_stands_still_readers_see_what_was_there_before() -> None:
    shelves = Shelves()
    shelves.put(a_post("old"))
    shelves.put(a_post("gone"))
    shelves.stand_still(True)
    shelves.put(a_post("new"))
    shelves.put(a_post("old", "changed"))
    shelves.drop("gone")
    assert shown(shelves) == {"old": "hello", "gone": "hello"}
    shelves.stand_still(False)
    assert shown(shelves) == {"old": "changed", "new": "hello"}


def test_what_is_not_public_is_never_shown() -> None:
    shelves = Shelves()
    shelves.put(a_post("a", public=False))
    assert (list(shelves.held), shown(shelves)) == (["a"], {})


steps = st.tuples(st.sampled_from(["put", "drop", "stop", "go"]), st.sampled_from("abc"))


@given(st.lists(steps, max_size=20))
def test_after_catching_up_readers_see_what_is_held(moves: list[tuple[str, str]]) -> None:
    shelves = Shelves()
    for number, (what, name) in enumerate(moves):
        match what:
            case "put":
                shelves.put(a_post(name, str(number)))
            case "drop":
                shelves.drop(name)
            case _:
                shelves.stand_still(what == "stop")
    shelves.stand_still(False)
    assert shelves.shown == shelves.held


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n..", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"%PDF", ""),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, expected: str) -> None:
    assert image_type(data) == expected


def test_the_package_loads_no_web_server() -> None:
    import subprocess
    import sys

    code = "import sys, surecast.sandbox; print(sorted({'aiohttp', 'jinja2', 'regex'} & set(sys.modules)))"
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
