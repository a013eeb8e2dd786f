"""The same calls to a simulated platform and to a real server: they must answer alike.

Compared are status, error name, sentence and content hashes; account ids are made equal first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from surecast.sandbox import Sandbox
from tests.sandbox.bench import PNG
from tests.servers import web

if TYPE_CHECKING:
    from tests.servers.mastodon_mock import MastodonMock
    from tests.servers.pds import Pds
    from tests.servers.snac import Snac

pytestmark = pytest.mark.server

POST = "app.bsky.feed.post"
PASSWORD = "harbour-1234"
NOBODY = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
ABSENT = "bafyreigpx77hjfbtrw63h7i3vzffnxq4u2qtcvgmqchl3jcfmlkgrbkkqa"


@dataclass
class Bluesky:
    """One server with a session on it."""

    url: str
    handle: str
    did: str = ""
    access: str = ""
    refresh: str = ""

    def __post_init__(self) -> None:
        self.log_in()

    def log_in(self, password: str = PASSWORD, identifier: str = "") -> web.Reply:
        data = {"identifier": identifier or self.handle, "password": password}
        reply = self.post("server.createSession", data, token="")
        if reply.status == 200:
            given = reply.json()
            self.did, self.access, self.refresh = given["did"], given["accessJwt"], given["refreshJwt"]
        return reply

    def post(self, method: str, data: Mapping[str, Any] | None = None, token: str | None = None) -> web.Reply:
        used = self.access if token is None else token
        return web.send("POST", f"{self.url}/xrpc/com.atproto.{method}", data=data, token=used or None)

    def get(self, query: str, token: str | None = None) -> web.Reply:
        return web.send("GET", f"{self.url}/xrpc/com.atproto.{query}".replace("{did}", self.did), token=token)

    def put(self, key: str, record: Any, **rest: Any) -> web.Reply:
        data = {"repo": self.did, "collection": POST, "rkey": f"3jzfcijpj2z2{key}", "record": record, **rest}
        return self.post("repo.putRecord", data)

    def create(self, **rest: Any) -> web.Reply:
        return self.post("repo.createRecord", {"repo": self.did, "collection": POST, "record": a_record(), **rest})

    def upload(self, data: bytes, media_type: str) -> dict[str, Any]:
        import httpx

        reply = httpx.post(
            f"{self.url}/xrpc/com.atproto.repo.uploadBlob",
            content=data,
            headers={"Content-Type": media_type, "Authorization": f"Bearer {self.access}"},
            trust_env=False,
        )
        return dict(reply.json()["blob"])


def a_record(**fields: Any) -> dict[str, Any]:
    given = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z", "langs": ["en"], **fields}
    return {key: value for key, value in given.items() if value is not None}


def with_feature(kind: str, **fields: Any) -> dict[str, Any]:
    feature = {"$type": f"app.bsky.richtext.facet#{kind}", **fields}
    return a_record(facets=[{"index": {"byteStart": 0, "byteEnd": 5}, "features": [feature]}])


def with_index(**index: Any) -> dict[str, Any]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example"}
    return a_record(facets=[{"index": index, "features": [feature]}])


def with_images(*images: dict[str, Any]) -> dict[str, Any]:
    return a_record(embed={"$type": "app.bsky.embed.images", "images": list(images)})


def sessions(server: Bluesky) -> Iterator[tuple[str, web.Reply]]:
    yield "a bad password", server.log_in("wrong")
    yield "an unknown user", server.log_in("wrong", "nobody.test")
    yield "no password", server.post("server.createSession", {"identifier": server.handle})
    yield "a login", server.log_in()
    yield "the session", server.get("server.getSession", server.access)
    yield "no token", server.get("server.getSession")
    yield "garbage as token", server.get("server.getSession", "abc")
    yield "the refresh token as access token", server.get("server.getSession", server.refresh)
    yield "the access token as refresh token", server.post("server.refreshSession")
    yield "no refresh token", server.post("server.refreshSession", token="")
    yield "a renewal", (renewed := server.post("server.refreshSession", token=server.refresh))
    yield "the old refresh token at once", server.post("server.refreshSession", token=server.refresh)
    latest = renewed.json()["refreshJwt"]
    yield "logging out", server.post("server.deleteSession", token=latest)
    yield "a renewal after logging out", server.post("server.refreshSession", token=latest)


def writes(server: Bluesky) -> Iterator[tuple[str, web.Reply]]:
    record, other = a_record(), a_record(text="other")
    yield "no token", server.post("repo.putRecord", {"repo": server.did}, token="")
    yield "a put", server.put("a", record)
    yield "the same put", server.put("a", record)
    yield "another text, guarded", server.put("a", other, swapRecord=None)
    yield "the same text, guarded", server.put("a", record, swapRecord=None)
    yield "another text, unguarded", server.put("a", other)
    yield "a new key, guarded", server.put("b", record, swapRecord=None)
    yield "a new key, wrong guard", server.put("c", record, swapRecord=ABSENT)
    yield "a put without $type", server.put("d", a_record(**{"$type": None}))
    yield "a create", server.create()
    yield "a create with a key", server.create(rkey="3jzfcijpj2z2e")
    yield "a create with a key in use", server.create(rkey="3jzfcijpj2z2a")
    yield "an unchecked create", server.create(validate=False, record=a_record(text="a" * 301))
    yield "by handle", server.create(repo=server.handle)
    yield "somebody else's repository", server.create(repo=NOBODY)
    yield "no collection name", server.create(collection="x")
    yield "no fields", server.post("repo.putRecord", {"repo": server.did})
    yield (
        "a delete",
        server.post("repo.deleteRecord", {"repo": server.did, "collection": POST, "rkey": "3jzfcijpj2z2e"}),
    )
    yield "again", server.post("repo.deleteRecord", {"repo": server.did, "collection": POST, "rkey": "3jzfcijpj2z2e"})
    yield "an unknown method", server.post("repo.noSuch", {})
    yield "the wrong verb", server.get("repo.putRecord")
    yield "no JSON", web.send("POST", f"{server.url}/xrpc/com.atproto.repo.putRecord", token=server.access)


def records(server: Bluesky) -> Iterator[tuple[str, web.Reply]]:
    for label, record in {
        "301 graphemes": a_record(text="a" * 301),
        "300 graphemes": a_record(text="é" * 300),
        "too many bytes": a_record(text="é" * 299 + "\u0301" * 3000),
        "a family of emoji": a_record(text="👨‍👩‍👧‍👦" * 119),
        "an empty text": a_record(text=""),
        "no createdAt": a_record(createdAt=None),
        "a bad createdAt": a_record(createdAt="yesterday"),
        "a createdAt without zone": a_record(createdAt="2026-01-01T00:00:00"),
        "no text": a_record(text=None),
        "a number as text": a_record(text=5),
        "four languages": a_record(langs=["en", "de", "fr", "it"]),
        "a bad language": a_record(langs=["!!"]),
        "another type": a_record(**{"$type": "app.bsky.feed.like"}),
        "a field nobody knows": a_record(mood="calm"),
        "a link": with_feature("link", uri="https://a.example"),
        "a bad link": with_feature("link", uri="no uri"),
        "no link": with_feature("link"),
        "a bad mention": with_feature("mention", did="x"),
        "a long tag": with_feature("tag", tag="x" * 65),
        "a feature nobody knows": with_feature("sparkle"),
        "a facet past the end": with_index(byteStart=1, byteEnd=999),
        "a facet before the start": with_index(byteStart=-1, byteEnd=5),
        "a facet without end": with_index(byteStart=1),
        "a card": a_record(
            embed={
                "$type": "app.bsky.embed.external",
                "external": {"uri": "https://a.example", "title": "t", "description": ""},
            }
        ),
        "half a card": a_record(embed={"$type": "app.bsky.embed.external", "external": {"uri": "https://a.example"}}),
        "a reply to nothing": a_record(
            reply={"root": {"uri": "at://x/y/z", "cid": "q"}, "parent": {"uri": "at://x/y/z", "cid": "q"}}
        ),
    }.items():
        yield label, server.put("f", record)
    data = {"repo": server.did, "collection": POST, "rkey": "release-1.0", "record": a_record()}
    yield "a key that is no TID", server.post("repo.putRecord", data)


def pictures(server: Bluesky) -> Iterator[tuple[str, web.Reply]]:
    png, text = server.upload(PNG, "image/png"), server.upload(b"hello", "text/plain")
    big = server.upload(PNG + bytes(2_100_000), "image/png")
    absent = {**png, "ref": {"$link": "bafkreibabalobzn6cd366ukcsjycp4yymjymgfxcv6xczmlgpemzkz3cfa"}}
    for label, record in {
        "a picture": with_images({"image": png, "alt": "a"}),
        "five pictures": with_images(*[{"image": png, "alt": "a"}] * 5),
        "no description": with_images({"image": png}),
        "text as picture": with_images({"image": text, "alt": "a"}),
        "a big picture": with_images({"image": big, "alt": "a"}),
        "a picture never uploaded": with_images({"image": absent, "alt": "a"}),
    }.items():
        yield label, server.put("g", record)
    yield "an upload without token", server.post("repo.uploadBlob", {}, token="")


def reads(server: Bluesky) -> Iterator[tuple[str, web.Reply]]:
    for key in "hij":
        server.put(key, a_record(text=key))
    record = f"collection={POST}&rkey=3jzfcijpj2z2h"
    yield "a record", server.get(f"repo.getRecord?repo={{did}}&{record}")
    yield "a record by handle", server.get(f"repo.getRecord?repo={server.handle}&{record}")
    yield "a record of another content", server.get(f"repo.getRecord?repo={{did}}&{record}&cid={ABSENT}")
    yield "a record that is not there", server.get(f"repo.getRecord?repo={{did}}&collection={POST}&rkey=3jzfcijpj2zzz")
    yield "a record of nobody", server.get(f"repo.getRecord?repo=nobody.test&{record}")
    yield "a record without collection", server.get("repo.getRecord?repo={did}")
    yield "a short list", server.get(f"repo.listRecords?repo={{did}}&collection={POST}&limit=1&reverse=true")
    yield "no list", server.get("repo.listRecords?repo={did}&collection=app.bsky.feed.like")
    yield "a list of nothing", server.get(f"repo.listRecords?repo={{did}}&collection={POST}&limit=0")
    yield "a handle", server.get(f"identity.resolveHandle?handle={server.handle}")
    yield "an unknown handle", server.get("identity.resolveHandle?handle=nobody.test")
    yield "no handle at all", server.get("identity.resolveHandle?handle=nobody..test")
    yield "which handle", server.get("identity.resolveHandle")
    yield "the server", server.get("server.describeServer")
    yield "its health", web.send("GET", f"{server.url}/xrpc/_health")


#: In answers that are otherwise alike: what differs by design, or from account to account and moment to moment.
OWN = {"accessJwt", "refreshJwt", "didDoc", "email", "emailConfirmed", "commit", "createdAt"}


def seen(server: Bluesky, label: str, reply: web.Reply) -> tuple[str, int, Any]:
    """An answer in comparable form."""
    try:
        said = json.loads(reply.body.replace(server.did.encode(), b"DID")) if reply.body else None
    except ValueError:
        said = reply.text
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if key not in OWN}
        if "create" in label or label == "by handle":  # the key is the server's own
            said.pop("uri", None)
    return label, reply.status, said


@pytest.mark.parametrize("script", [sessions, writes, records, pictures, reads])
def test_the_simulated_bluesky_answers_as_its_own_server_does(pds: Pds, script: Any) -> None:
    handle = f"of-{script.__name__}.test"  # some names alone are reserved
    pds.create_account(handle, PASSWORD)
    with Sandbox.in_thread(["bluesky"]) as sandbox:
        platform: Any = sandbox.platforms["bluesky"]
        platform.sessions.grace_s = 7200.0
        simulated = Bluesky(platform.url, handle)
        answers = [seen(simulated, *step) for step in script(simulated)]
    real = Bluesky(pds.url, handle)
    assert answers == [seen(real, *step) for step in script(real)]


class Words(HTMLParser):
    """What a reader sees of a status."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(source)

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass
class Fediverse:
    """One server that speaks Mastodon's API."""

    url: str
    token: str

    def call(self, method: str, path: str, form: dict[str, str] | None = None, **rest: Any) -> web.Reply:
        return web.send(method, f"{self.url}{path}", form=form, token=rest.pop("token", self.token), **rest)


def talk(server: Fediverse, name: str) -> Iterator[tuple[str, Any]]:
    """Calls on which the servers agree; `name` leaves out what one of them does not have."""
    posts = "/api/v1/statuses"
    me = server.call("GET", "/api/v1/accounts/verify_credentials").json()
    text = "Ferry 12 is cancelled.\n\nSee https://ferries.example/announcements/12 & more."
    posted = server.call("POST", posts, {"status": text, "visibility": "public", "language": "en"}).json()
    yield "what is read", re.sub(r"\s+", "", Words(posted["content"]).text)
    yield "its form", {key: type(posted[key]).__name__ for key in ("id", "content", "url", "created_at", "account")}
    yield "whose it is", posted["account"]["id"] == me["id"]
    yield "how it is shown", (posted["visibility"], posted["media_attachments"], posted["reblog"])
    yield "reading it back", server.call("GET", f"{posts}/{posted['id']}").status
    listed = server.call("GET", f"/api/v1/accounts/{me['id']}/statuses?limit=5").json()
    yield "finding it", posted["id"] in [status["id"] for status in listed]
    yield "a status that is not there", server.call("GET", f"{posts}/999999").status
    limits = server.call("GET", "/api/v1/instance").json()["configuration"]["statuses"]
    yield "whether it tells its limits", sorted(key for key in limits if key.startswith("max_"))
    if name == "mastodon_mock":
        for label, token in {"no token": None, "a bad token": "wrong"}.items():
            yield label, server.call("GET", "/api/v1/accounts/verify_credentials", token=token).status
            yield f"posting with {label}", server.call("POST", posts, {"status": "x"}, token=token).status
        yield "reading without token", server.call("GET", f"{posts}/{posted['id']}", token=None).status
        twice = [
            server.call("POST", posts, {"status": text}, headers={"Idempotency-Key": "k-1"}).json()["id"]
            for text in ("one", "two")
        ]
        yield "the same key", twice[0] == twice[1]
        for label, form in {"an empty text": {"status": ""}, "a long text": {"status": "x" * 501}}.items():
            refused = server.call("POST", posts, form)
            yield label, (refused.status, json.loads(refused.body)["error"].partition(":")[0])
        taken = server.call("DELETE", f"{posts}/{posted['id']}")
        yield "taking it back", (taken.status, taken.json()["text"] == text)
        yield "afterwards", server.call("GET", f"{posts}/{posted['id']}").status
        instance = server.call("GET", "/api/v2/instance").json()["configuration"]["statuses"]
        yield "the limits", instance


@pytest.mark.parametrize("name", ["mastodon_mock", "snac"])
def test_the_simulated_mastodon_answers_as_other_servers_do(name: str, request: pytest.FixtureRequest) -> None:
    server: MastodonMock | Snac = request.getfixturevalue(name)
    other = Fediverse(server.url, server.access_token)
    with Sandbox.in_thread(["mastodon"]) as sandbox:
        answers = list(talk(Fediverse(sandbox.url("mastodon"), "token"), name))
    assert answers == list(talk(other, name))
