"""What readers of the simulated Bluesky ask: the AppView, which knows a post only once it is indexed."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from surecast.clock import Clock, iso
from surecast.sandbox.bluesky_accounts import Account, Accounts, Record
from surecast.sandbox.bluesky_records import POST, InvalidRecordError, check_post, is_at_uri
from surecast.sandbox.bluesky_wire import bad_param, limit, param, refused
from surecast.sandbox.server import Picture, Post, Shelves

MOST_URIS = 25  # app.bsky.feed.getPosts, parameter uris


class AppView:
    """The reading side, without credentials.

    Args:
        url: its own address, for pictures and pages.
    """

    def __init__(self, url: str, accounts: Accounts, shelves: Shelves, clock: Clock) -> None:
        self._url = url
        self._accounts = accounts
        self._shelves = shelves
        self._clock = clock

    def post(self, account: Account, uri: str, record: Record) -> Post:
        """A record as a post for the shelves."""
        value, valid = record.value, True
        try:
            check_post(value)
        except InvalidRecordError:  # stored with validate=false: the AppView never shows it
            valid = False
        embed = self._embed_view(account, value.get("embed")) if valid else None
        images = (embed or {}).get("images", ())
        text = str(value.get("text", ""))
        return Post(
            id=uri,
            author=account.handle,
            text=text,
            html=_html(text, value.get("facets") or []) if valid else "",
            at=self._clock.now(),
            url=f"{self._url}/profile/{account.handle}/post/{uri.rpartition('/')[2]}",
            language=next(iter(value.get("langs") or [""]), "") if valid else "",
            public=valid,
            pictures=tuple(Picture(url=image["fullsize"], alt=image["alt"]) for image in images),
            raw={"cid": record.cid, "value": value, "embed": embed},
        )

    async def get_profile(self, request: web.Request) -> web.Response:
        if (account := self._accounts.find(param(request, "actor"))) is None:
            raise refused(400, "InvalidRequest", "Profile not found")
        count = sum(post.author == account.handle for post in self._shelves.shown.values())
        return web.json_response({**_author(account), "followersCount": 0, "followsCount": 0, "postsCount": count})

    async def get_posts(self, request: web.Request) -> web.Response:
        uris = request.query.getall("uris", [])
        if not uris:
            raise bad_param(request, 'Missing required key "uris"')
        if len(uris) > MOST_URIS:
            raise bad_param(request, f"array too big (maximum {MOST_URIS}, got {len(uris)})")
        for uri in uris:
            if not is_at_uri(uri):
                raise bad_param(request, f'Invalid at-uri (got "{uri}")')
        found = [self.shown(uri) for uri in dict.fromkeys(uris)]
        return web.json_response({"posts": [self._view(post) for post in found if post is not None]})

    def author_feed(self, request: web.Request, *, asked_by: Account | None) -> web.Response:
        """The feed; for the author the server adds what is not indexed yet (read after write)."""
        if (account := self._accounts.find(param(request, "actor"))) is None:
            raise refused(400, "InvalidRequest", "Profile not found")
        most = limit(request)
        known = self._shelves.shown if asked_by is not account else {**self._shelves.held, **self._shelves.shown}
        posts = [post for post in known.values() if post.author == account.handle]
        posts.sort(key=lambda post: post.at, reverse=True)
        return web.json_response({"feed": [{"post": self._view(post)} for post in posts[:most]]})

    def shown(self, uri: str) -> Post | None:
        """The post that readers see under an address, whose authority may be a handle or a DID."""
        authority, _, rest = uri.removeprefix("at://").partition("/")
        account = self._accounts.find(authority)
        return self._shelves.shown.get(f"at://{account.did}/{rest}") if account else None

    def page_of(self, actor: str, rkey: str) -> Post | None:
        """The post that readers see on a profile."""
        return self.shown(f"at://{actor}/{POST}/{rkey}")

    def _view(self, post: Post) -> dict[str, Any]:
        account = self._accounts.find(post.author)
        assert account is not None
        counts = dict.fromkeys(("replyCount", "repostCount", "likeCount", "quoteCount"), 0)
        view = {"uri": post.id, "cid": post.raw["cid"], "author": _author(account), "record": post.raw["value"]}
        embed = {"embed": post.raw["embed"]} if post.raw["embed"] else {}
        return {**view, **embed, **counts, "indexedAt": iso(post.at), "labels": []}

    def _embed_view(self, account: Account, embed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        match embed:
            case {"$type": "app.bsky.embed.images", "images": list(images)}:
                return {
                    "$type": "app.bsky.embed.images#view",
                    "images": [self._image_view(account, image) for image in images],
                }
            case {"$type": "app.bsky.embed.external", "external": dict(card)}:
                view = {key: card[key] for key in ("uri", "title", "description")}
                if "thumb" in card:
                    view["thumb"] = self._blob_url(account, card["thumb"])
                return {"$type": "app.bsky.embed.external#view", "external": view}
        return None

    def _image_view(self, account: Account, image: Mapping[str, Any]) -> dict[str, str]:
        url = self._blob_url(account, image["image"])
        return {"thumb": url, "fullsize": url, "alt": image["alt"]}

    def _blob_url(self, account: Account, blob: Mapping[str, Any]) -> str:
        return f"{self._url}/xrpc/com.atproto.sync.getBlob?did={account.did}&cid={blob['ref']['$link']}"


def _author(account: Account) -> dict[str, Any]:
    return {"did": account.did, "handle": account.handle, "displayName": "", "labels": []}


def _html(text: str, facets: list[dict[str, Any]]) -> str:
    """The text with its links; what no facet covers is inert. Facets that overlap or end outside are left out."""
    data, done, parts = text.encode(), 0, list[str]()
    for facet in sorted(facets, key=lambda facet: int(facet["index"]["byteStart"])):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        link = next((each["uri"] for each in facet["features"] if "uri" in each), None)
        if link is None or not link.startswith(("https://", "http://")) or not done <= start < end <= len(data):
            continue
        shown = html.escape(data[start:end].decode(errors="replace"))
        parts += [html.escape(data[done:start].decode(errors="replace")), f'<a href="{html.escape(link)}">{shown}</a>']
        done = end
    parts.append(html.escape(data[done:].decode(errors="replace")))
    return f"<p>{''.join(parts)}</p>".replace("\n", "<br>")
