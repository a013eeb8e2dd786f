"""Mastodon, simulated: the part of its API that posts, reads back and takes back (https://docs.joinmastodon.org/api/).

Codes and sentences are those of https://github.com/mastodon/mastodon (app/controllers/api, config/locales/en.yml,
2026-11-22). What differs on purpose:

- Any access token but ``wrong`` and ``revoked`` belongs to an account, made on the spot: announcer, announcer2, ...
- The X-RateLimit headers count as they do there, and nothing is turned away unless a fault says so.
- Nothing is federated, scheduled or polled; what asks for that is refused with a sentence of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from surecast.clock import iso
from surecast.sandbox import mastodon_text
from surecast.sandbox.chaos import Fault, Kind
from surecast.sandbox.mastodon_media import MOST_ATTACHED, Media, MediaShelf, configuration
from surecast.sandbox.server import Picture, Platform, Post, RefusedError, html_reply

VERSION = "4.5.0"
MOST_CHARACTERS = 500
KEY_KEPT_S = 3600.0  # app/services/post_status_service.rb
RATE_LIMIT, RATE_PERIOD_S = 300, 300  # config/initializers/rack_attack.rb, throttle_per_token_api
BAD_TOKENS = frozenset({"wrong", "revoked"})
VISIBILITIES = ("public", "unlisted", "private", "direct")


@dataclass(slots=True)
class Account:
    """An account; a token is its whole identity."""

    id: str
    name: str
    created_at: float


@dataclass(slots=True)
class _Rates:
    """Requests per token in the running period."""

    period: int = 0
    counted: dict[str, int] = field(default_factory=dict)


class Mastodon(Platform):
    """The simulated Mastodon.

    Attributes:
        honours_keys: whether Idempotency-Key is honoured; other servers that speak this API ignore it.
        polls_until_ready: how often an uploaded file must be asked for before it can be attached.
    """

    title = "Mastodon"
    words: ClassVar[Mapping[Fault, tuple[int, Mapping[str, Any]]]] = MappingProxyType(
        {
            Fault.UNAUTHORIZED: (401, {"error": "The access token is invalid"}),
            Fault.FORBIDDEN: (403, {"error": "This action is not allowed"}),
            Fault.REFUSED: (422, {"error": "Validation failed: Text is invalid"}),
            Fault.ERROR: (500, {"error": "We're sorry, but something went wrong on our end."}),
            Fault.UNAVAILABLE: (
                503,
                {"error": "There was a temporary problem serving your request, please try again"},
            ),
        }
    )

    def __init__(self, name: str, **house: Any) -> None:
        super().__init__(name, **house)
        self.honours_keys = True
        self.polls_until_ready = 0
        self._accounts: dict[str, Account] = {}
        self._media = MediaShelf(self.url)
        self._keys: dict[tuple[str, str], tuple[str, float]] = {}
        self._rates = _Rates()
        self._last_id = 0

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (
            web.post("/api/v1/statuses", self._post_status),
            web.get("/api/v1/statuses/{id}", self._get_status),
            web.delete("/api/v1/statuses/{id}", self._delete_status),
            web.get("/api/v1/accounts/verify_credentials", self._verify_credentials),
            web.get("/api/v1/accounts/{id}", self._get_account),
            web.get("/api/v1/accounts/{id}/statuses", self._account_statuses),
            web.post("/api/v1/media", self._post_media),
            web.post("/api/v2/media", self._post_media),
            web.get("/api/v1/media/{id}", self._get_media),
            web.get("/api/v1/instance{slash:/?}", self._instance_v1),
            web.get("/api/v2/instance{slash:/?}", self._instance_v2),
            web.get("/health", self._health),
            web.get("/media/{id}", self._show_media),
            web.get("/@{name}/{id}", self._show_post),
        )

    def kind_of(self, request: web.Request) -> Kind:
        upload = request.method == "POST" and request.path.endswith("/media")
        return Kind.UPLOAD if upload else super().kind_of(request)

    def refusal(self, status: int, message: str) -> RefusedError:
        return _refused(status, "Record not found" if status == 404 else message)

    def wait_headers(self, seconds: float) -> Mapping[str, str]:
        return _rate_headers(0, self.clock.now() + seconds)  # a 429 of Mastodon has no Retry-After

    def stamp(self, request: web.Request, reply: web.StreamResponse) -> None:
        super().stamp(request, reply)
        if not request.path.startswith("/api/") or "X-RateLimit-Limit" in reply.headers or reply.status == 429:
            return
        period = int(self.clock.now()) // RATE_PERIOD_S
        if period != self._rates.period:
            self._rates = _Rates(period)
        who = request.headers.get("Authorization", "")
        count = self._rates.counted[who] = self._rates.counted.get(who, 0) + 1
        reply.headers.update(_rate_headers(max(0, RATE_LIMIT - count), (period + 1) * RATE_PERIOD_S))

    # Statuses

    async def _post_status(self, request: web.Request) -> web.Response:
        account, given = self._authorized(request), await _form(request)
        key = request.headers.get("Idempotency-Key", "") if self.honours_keys else ""
        earlier, kept_until = self._keys.get((account.id, key), ("", 0.0))
        if key and self.clock.now() < kept_until:
            return web.json_response(self._own(account, earlier).raw)
        status = self._new_status(account, given)
        self.shelves.put(status)
        if key:
            self._keys[account.id, key] = (status.id, self.clock.now() + KEY_KEPT_S)
        return web.json_response(status.raw)

    def _new_status(self, account: Account, given: Mapping[str, Any]) -> Post:
        text, warning = str(given.get("status") or ""), str(given.get("spoiler_text") or "")
        visibility = str(given.get("visibility") or "public")
        for name in ("scheduled_at", "poll"):
            if given.get(name):
                raise _refused(422, f"Validation failed: {name} is not simulated")
        media = self._media.attachable(account.id, given.get("media_ids") or [])
        if not text.strip() and not warning and not media:
            raise _refused(422, "Validation failed: Text can't be blank")
        if mastodon_text.count(text, warning) > MOST_CHARACTERS:
            raise _refused(422, f"Validation failed: Text character limit of {MOST_CHARACTERS} exceeded")
        if visibility not in VISIBILITIES:
            raise _refused(422, "Validation failed: Visibility is not included in the list")
        reply_to = str(given.get("in_reply_to_id") or "")
        if reply_to and reply_to not in self.shelves.held:
            raise _refused(404, "The post you are trying to reply to does not appear to exist.")
        for each in media:
            each.attached = True
        about = {"spoiler_text": warning, "visibility": visibility, "language": given.get("language") or None}
        about["in_reply_to_id"] = reply_to or None
        about["sensitive"] = str(given.get("sensitive", "")).lower() in {"1", "true", "on"}
        return self._status(account, text, about, media)

    def _status(self, account: Account, text: str, about: Mapping[str, Any], media: list[Media]) -> Post:
        status_id = self._next_id()
        url = f"{self.url}/@{account.name}/{status_id}"
        content = mastodon_text.content(text, self.url)
        tags = [{"name": tag, "url": f"{self.url}/tags/{tag}"} for tag in mastodon_text.tags(text)]
        raw = {
            "id": status_id,
            "created_at": iso(self.clock.now()),
            "in_reply_to_account_id": None,
            **about,
            "uri": f"{self.url}/users/{account.name}/statuses/{status_id}",
            "url": url,
            "replies_count": 0,
            "reblogs_count": 0,
            "favourites_count": 0,
            "quotes_count": 0,
            "edited_at": None,
            "content": content,
            "reblog": None,
            "application": {"name": "surecast", "website": None},
            "account": self._about(account),
            "media_attachments": [self._media.about(each) for each in media],
            "mentions": [],
            "tags": tags,
            "emojis": [],
            "card": None,
            "poll": None,
        }
        return Post(
            id=status_id,
            author=account.name,
            text=text,
            html=content,
            at=self.clock.now(),
            url=url,
            language=str(about["language"] or ""),
            public=about["visibility"] in {"public", "unlisted"},
            pictures=tuple(Picture(url=self._media.address(each), alt=each.description) for each in media),
            raw=raw,
        )

    async def _get_status(self, request: web.Request) -> web.Response:
        status_id, account = request.match_info["id"], self._who(request)
        held, shown = self.shelves.held.get(status_id), self.shelves.shown.get(status_id)
        if account is not None and held is not None and held.author == account.name:
            return web.json_response(held.raw)
        if shown is None:
            raise self.refusal(404, "")
        return web.json_response(shown.raw)

    async def _delete_status(self, request: web.Request) -> web.Response:
        status = self._own(self._authorized(request), request.match_info["id"])
        self.shelves.drop(status.id)
        return web.json_response({**status.raw, "text": status.text})

    def _own(self, account: Account, status_id: str) -> Post:
        status = self.shelves.held.get(status_id)
        if status is None or status.author != account.name:
            raise self.refusal(404, "")
        return status

    async def _account_statuses(self, request: web.Request) -> web.Response:
        account = self._account(request.match_info["id"])
        shelf = self.shelves.held if self._who(request) is account else self.shelves.shown
        newest_first = sorted(
            (post for post in shelf.values() if post.author == account.name),
            key=lambda post: int(post.id),
            reverse=True,
        )
        page = _page(newest_first, request.query)
        headers = {}
        if page:
            here = f"{self.url}{request.path}"
            older, newer = f"<{here}?max_id={page[-1].id}>", f"<{here}?min_id={page[0].id}>"
            headers["Link"] = f'{older}; rel="next", {newer}; rel="prev"'
        return web.json_response([post.raw for post in page], headers=headers)

    # Accounts

    def _who(self, request: web.Request) -> Account | None:
        """The account whose token is shown; a bad token is an error even where none is needed."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not token or token in BAD_TOKENS:
            raise _refused(401, "The access token is invalid")
        known = hashlib.sha256(token.encode()).hexdigest()
        if known not in self._accounts:
            number = len(self._accounts) + 1
            name = "announcer" if number == 1 else f"announcer{number}"
            self._accounts[known] = Account(self._next_id(), name, self.clock.now())
        return self._accounts[known]

    def _authorized(self, request: web.Request) -> Account:
        if (account := self._who(request)) is None:
            raise _refused(401, "The access token is invalid")
        return account

    def _account(self, account_id: str) -> Account:
        for account in self._accounts.values():
            if account.id == account_id:
                return account
        raise self.refusal(404, "")

    def _about(self, account: Account) -> dict[str, Any]:
        url = f"{self.url}/@{account.name}"
        about = {"id": account.id, "username": account.name, "acct": account.name, "display_name": "", "url": url}
        flags = dict.fromkeys(("locked", "bot", "group", "discoverable"), False)
        counts = dict.fromkeys(("followers_count", "following_count", "statuses_count"), 0)
        images = dict.fromkeys(("avatar", "avatar_static", "header", "header_static"), f"{self.url}/missing.png")
        made = {"created_at": iso(account.created_at), "last_status_at": None, "note": "", "uri": url}
        return {**about, **flags, **counts, **images, **made, "emojis": [], "fields": []}

    async def _verify_credentials(self, request: web.Request) -> web.Response:
        account = self._authorized(request)
        source = {"privacy": "public", "sensitive": False, "language": None, "note": "", "fields": []}
        return web.json_response({**self._about(account), "source": source})

    async def _get_account(self, request: web.Request) -> web.Response:
        return web.json_response(self._about(self._account(request.match_info["id"])))

    # Media

    async def _post_media(self, request: web.Request) -> web.Response:
        owner = self._authorized(request).id
        media = await self._media.take(request, media_id=self._next_id(), owner=owner, polls=self.polls_until_ready)
        return web.json_response(self._media.about(media), status=202 if media.polls else 200)

    async def _get_media(self, request: web.Request) -> web.Response:
        owner, media = self._authorized(request).id, self._media.find(request.match_info["id"])
        if media is None or media.owner != owner or media.attached:
            raise self.refusal(404, "")
        media.polls = max(0, media.polls - 1)
        return web.json_response(self._media.about(media), status=206 if media.polls else 200)

    async def _show_media(self, request: web.Request) -> web.Response:
        media = self._media.find(request.match_info["id"])
        if media is None:
            raise self.refusal(404, "")
        headers = {"X-Content-Type-Options": "nosniff"}
        return web.Response(body=media.data, content_type=media.media_type, headers=headers)

    # The server

    async def _instance_v1(self, request: web.Request) -> web.Response:
        del request
        about = {"uri": self.url.partition("://")[2], "title": "Mastodon, simulated", "version": VERSION}
        stats = {"user_count": len(self._accounts), "status_count": len(self.shelves.held), "domain_count": 1}
        texts = {"short_description": "", "description": "", "email": "", "languages": ["en"], "urls": {}, "rules": []}
        return web.json_response({**about, **texts, "stats": stats, "configuration": _configuration()})

    async def _instance_v2(self, request: web.Request) -> web.Response:
        del request
        about = {"domain": self.url.partition("://")[2], "title": "Mastodon, simulated", "version": VERSION}
        texts = {"source_url": "https://github.com/mastodon/mastodon", "description": "", "languages": ["en"]}
        usage = {"users": {"active_month": len(self._accounts)}}
        registrations = {"enabled": False, "approval_required": False, "message": None}
        rest = {"configuration": _configuration(), "contact": {"email": "", "account": None}, "rules": []}
        return web.json_response(
            {**about, **texts, "usage": usage, "registrations": registrations, **rest, "api_versions": {"mastodon": 7}}
        )

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"status": "UP"})

    async def _show_post(self, request: web.Request) -> web.Response:
        post = self.shelves.shown.get(request.match_info["id"])
        if post is None or post.author != request.match_info["name"]:
            return html_reply("<h1>The page you are looking for isn't here.</h1>", 404)
        return self.post_page(post)

    def _next_id(self) -> str:
        """Ids grow with time, as snowflakes do: milliseconds, then 16 bits (lib/mastodon/snowflake.rb)."""
        self._last_id = max(self._last_id + 1, int(self.clock.now() * 1000) << 16)
        return str(self._last_id)


def _refused(status: int, message: str) -> RefusedError:
    return RefusedError(status, {"error": message})


def _rate_headers(remaining: int, reset: float) -> dict[str, str]:
    """Mastodon states the reset as ISO 8601 (app/controllers/concerns/api/rate_limit_headers.rb)."""
    moment = datetime.fromtimestamp(reset, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"X-RateLimit-Limit": str(RATE_LIMIT), "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": moment}


def _configuration() -> dict[str, Any]:
    statuses = {
        "max_characters": MOST_CHARACTERS,
        "max_media_attachments": MOST_ATTACHED,
        "characters_reserved_per_url": mastodon_text.URL_COST,
    }
    return {"urls": {"status": None}, "statuses": statuses, "media_attachments": configuration()}


async def _form(request: web.Request) -> dict[str, Any]:
    """What was given, as JSON or as a form, where ``name[]`` makes a list."""
    if request.content_type == "application/json":
        try:
            given = await request.json()
        except ValueError:
            raise _refused(400, "Error occurred while parsing request parameters") from None
        return given if isinstance(given, dict) else {}
    form, given = await request.post(), {}
    for name in form:
        given[name.removesuffix("[]")] = form.getall(name) if name.endswith("[]") else form[name]
    return given


def _page(newest_first: list[Post], query: Mapping[str, str]) -> list[Post]:
    def number(name: str, default: int) -> int:
        return int(query[name]) if query.get(name, "").isdecimal() else default

    most = min(max(1, number("limit", 20)), 40)
    below, above = number("max_id", 1 << 70), max(number("since_id", 0), number("min_id", 0))
    found = [post for post in newest_first if above < int(post.id) < below]
    return found[-most:] if "min_id" in query else found[:most]
