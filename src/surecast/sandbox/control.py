"""The control port: faults are switched and posts looked at from another terminal, e.g. with curl.

    curl -d '{"platform": "bluesky", "fault": "lost_reply", "on": "writes", "remaining": 1}' URL/fault
    curl URL/posts
    curl URL/requests?platform=bluesky

`fault`, `on`, `remaining`, `seconds`, `wait` and `taken_in` are those of `Trouble`; without `platform` all are meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from surecast.clock import iso
from surecast.errors import UsageError
from surecast.sandbox.chaos import Trouble
from surecast.sandbox.page import index
from surecast.sandbox.server import Platform, html_reply, stranger

MAX_BODY_BYTES = 10_000


class Control:
    """Answers on the control port for the platforms of one sandbox."""

    def __init__(self, platforms: Mapping[str, Platform], url: str) -> None:
        self._platforms = platforms
        self._url = url

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_only_from_here], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/", self._index)
        app.router.add_get("/platforms", self._list_platforms)
        app.router.add_post("/fault", self._set_fault)
        app.router.add_get("/posts", self._list_posts)
        app.router.add_get("/requests", self._list_requests)
        return app

    async def _index(self, request: web.Request) -> web.Response:
        del request
        usage = (__doc__ or "").replace("URL", self._url)
        return html_reply(index({name: each.url for name, each in self._platforms.items()}, usage))

    async def _list_platforms(self, request: web.Request) -> web.Response:
        return _json({name: _state(each) for name, each in self._chosen(request.query.get("platform")).items()})

    async def _set_fault(self, request: web.Request) -> web.Response:
        try:
            given = json.loads(await request.read())
        except ValueError:
            raise UsageError("The body is not JSON.") from None
        if not isinstance(given, dict):
            raise UsageError('The body is no JSON object such as {"platform": "bluesky", "fault": "down"}.')
        chosen = self._chosen(given.pop("platform", None))
        trouble = Trouble.read(given)
        for platform in chosen.values():
            platform.trouble(trouble)
        return _json({name: _state(each) for name, each in chosen.items()})

    async def _list_posts(self, request: web.Request) -> web.Response:
        return _json(
            {name: _posts(each) for name, each in self._chosen(request.query.get("platform")).items()},
        )

    async def _list_requests(self, request: web.Request) -> web.Response:
        return _json(
            {
                name: {
                    "counts": each.counts(),
                    "requests": [{**asdict(entry), "at": iso(entry.at)} for entry in each.requests()],
                }
                for name, each in self._chosen(request.query.get("platform")).items()
            }
        )

    def _chosen(self, name: Any) -> Mapping[str, Platform]:
        return self._platforms if name is None else {name: pick(self._platforms, name)}


def pick(platforms: Mapping[str, Platform], name: Any) -> Platform:
    """The platform of that name.

    Raises:
        UsageError: with the names there are.
    """
    if not isinstance(name, str) or name not in platforms:
        raise UsageError(f"No platform is named {name!r} here. There are: {', '.join(platforms)}.")
    return platforms[name]


@web.middleware
async def _only_from_here(request: web.Request, handler: Any) -> web.StreamResponse:
    if why := stranger(request):
        return web.Response(status=403, text=why)
    try:
        reply: web.StreamResponse = await handler(request)
    except UsageError as error:
        return _json({"error": str(error)}, status=400)
    return reply


def _state(platform: Platform) -> dict[str, Any]:
    return {"url": platform.url, "troubles": [asdict(trouble) for trouble in platform.troubles]}


def _posts(platform: Platform) -> list[dict[str, Any]]:
    visible = {post.id for post in platform.visible()}
    return [
        {
            "id": post.id,
            "author": post.author,
            "text": post.text,
            "url": post.url,
            "at": iso(post.at),
            "visible": post.id in visible,
        }
        for post in platform.posts()
    ]


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        text=json.dumps(value, indent=2, ensure_ascii=False) + "\n", status=status, content_type="application/json"
    )
