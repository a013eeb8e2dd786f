"""Bluesky, simulated: one server that keeps accounts (PDS), and on the same port one that readers ask (AppView).

Codes, error names and sentences are those of @atproto/pds 0.5.35 (https://docs.bsky.app/docs/api/), compared with it by
the tests. What differs on purpose:

- Any handle or DID logs in with any password but ``wrong`` and ``revoked``; the account is made on the spot.
- A refresh token is spent by its use (`Sessions.grace_s`), and no rate limit applies unless a fault says so.
- The commits in answers are made up: there is no repository tree behind them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from surecast.sandbox.bluesky_accounts import Account, Accounts, Record, Sessions, TokenError, Tokens
from surecast.sandbox.bluesky_appview import AppView
from surecast.sandbox.bluesky_records import (
    HANDLE,
    NSID,
    POST,
    TID,
    InvalidRecordError,
    blob_cid,
    check_post,
    record_cid,
)
from surecast.sandbox.bluesky_wire import bad_param, body, limit, param, refused, token
from surecast.sandbox.chaos import Fault, Kind
from surecast.sandbox.server import Platform, RefusedError, html_reply, image_type

UPLOAD_LIMIT_BYTES = 5 * 1024 * 1024  # the PDS's default, PDS_BLOB_UPLOAD_LIMIT
BAD_PASSWORDS = frozenset({"wrong", "revoked"})

_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Method:
    verb: str
    kind: Kind
    call: Callable[[web.Request], Awaitable[web.Response]]


def _said(status: int, error: str, message: str) -> tuple[int, Mapping[str, Any]]:
    return status, {"error": error, "message": message}


class Bluesky(Platform):
    """The simulated Bluesky.

    Attributes:
        sessions: the logins; their times may be changed.
    """

    title = "Bluesky"
    words: ClassVar[Mapping[Fault, tuple[int, Mapping[str, Any]]]] = MappingProxyType(
        {
            Fault.THROTTLED: _said(429, "RateLimitExceeded", "Rate Limit Exceeded"),
            Fault.UNAUTHORIZED: _said(401, "AuthenticationRequired", "Invalid identifier or password"),
            Fault.FORBIDDEN: _said(403, "AccountNotFound", "Account not found"),
            Fault.REFUSED: _said(400, "InvalidRequest", "Invalid app.bsky.feed.post record"),
            Fault.ERROR: _said(500, "InternalServerError", "Internal Server Error"),
            Fault.UNAVAILABLE: _said(503, "NotEnoughResources", "Service Unavailable"),
        }
    )

    def __init__(self, name: str, **house: Any) -> None:
        super().__init__(name, **house)
        self.sessions = Sessions(self.clock)
        self._accounts = Accounts()
        self._appview = AppView(self.url, self._accounts, self.shelves, self.clock)
        self._last_tid = 0
        read, write, session = Kind.READ, Kind.WRITE, Kind.SESSION
        self._methods = {
            "_health": _Method("GET", read, self._health),
            "com.atproto.server.describeServer": _Method("GET", read, self._describe_server),
            "com.atproto.server.createSession": _Method("POST", session, self._create_session),
            "com.atproto.server.refreshSession": _Method("POST", session, self._refresh_session),
            "com.atproto.server.deleteSession": _Method("POST", session, self._delete_session),
            "com.atproto.server.getSession": _Method("GET", session, self._get_session),
            "com.atproto.identity.resolveHandle": _Method("GET", read, self._resolve_handle),
            "com.atproto.repo.putRecord": _Method("POST", write, self._put_record),
            "com.atproto.repo.createRecord": _Method("POST", write, self._create_record),
            "com.atproto.repo.deleteRecord": _Method("POST", write, self._delete_record),
            "com.atproto.repo.uploadBlob": _Method("POST", Kind.UPLOAD, self._upload_blob),
            "com.atproto.repo.getRecord": _Method("GET", read, self._get_record),
            "com.atproto.repo.listRecords": _Method("GET", read, self._list_records),
            "com.atproto.sync.getBlob": _Method("GET", read, self._get_blob),
            "app.bsky.actor.getProfile": _Method("GET", read, self._appview.get_profile),
            "app.bsky.feed.getPosts": _Method("GET", read, self._appview.get_posts),
            "app.bsky.feed.getAuthorFeed": _Method("GET", read, self._get_author_feed),
        }

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (
            web.route("*", "/xrpc/{method}", self._xrpc),
            web.get("/profile/{actor}/post/{rkey}", self._show_post),
        )

    def kind_of(self, request: web.Request) -> Kind:
        method = self._methods.get(request.path.removeprefix("/xrpc/"))
        return method.kind if method else super().kind_of(request)

    def refusal(self, status: int, message: str) -> RefusedError:
        names = {404: "NotFound", 413: "PayloadTooLarge"}
        return refused(status, names.get(status, "InvalidRequest"), message)

    def wait_headers(self, seconds: float) -> Mapping[str, str]:
        reset = str(int(self.clock.now() + seconds))
        limits = {"RateLimit-Limit": "30", "RateLimit-Remaining": "0", "RateLimit-Policy": "30;w=300"}
        return {**super().wait_headers(seconds), **limits, "RateLimit-Reset": reset}

    async def _xrpc(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        method = self._methods.get(name)
        if method is None:
            raise refused(400, "InvalidRequest", f"No service configured for {name}")
        if request.method != method.verb:
            said = f"Incorrect HTTP method ({request.method}) expected {method.verb}"
            raise refused(400, "InvalidRequest", said)
        try:
            return await method.call(request)
        except TokenError as error:
            raise refused(400, error.error, error.message) from None
        except InvalidRecordError as error:
            raise refused(400, "InvalidRequest", f"Invalid {POST} record: {error}") from None

    # The server itself and its sessions

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"version": "0.5.35"})

    async def _describe_server(self, request: web.Request) -> web.Response:
        del request
        about = {"did": "did:web:localhost", "availableUserDomains": [".test"], "inviteCodeRequired": False}
        limits = {"blobUploadLimit": UPLOAD_LIMIT_BYTES, "links": {}, "contact": {}}
        return web.json_response({**about, **limits})

    async def _create_session(self, request: web.Request) -> web.Response:
        given = await body(request, "identifier", "password")
        account = None if given["password"] in BAD_PASSWORDS else self._accounts.enter(str(given["identifier"]))
        if account is None:
            raise refused(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session(account, self.sessions.begin(account.did))

    async def _refresh_session(self, request: web.Request) -> web.Response:
        tokens = self.sessions.renew(token(request))
        account = self._accounts.find(tokens.did)
        if account is None:  # a session of an earlier simulation
            raise TokenError("ExpiredToken", "Token has been revoked")
        return self._session(account, tokens)

    async def _delete_session(self, request: web.Request) -> web.Response:
        self.sessions.end(token(request))
        return web.Response()

    async def _get_session(self, request: web.Request) -> web.Response:
        return web.json_response(self._about(self._authorized(request)))

    def _session(self, account: Account, tokens: Tokens) -> web.Response:
        return web.json_response({"accessJwt": tokens.access, "refreshJwt": tokens.refresh, **self._about(account)})

    def _about(self, account: Account) -> dict[str, Any]:
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.url}
        did_doc = {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": account.did,
            "alsoKnownAs": [f"at://{account.handle}"],
            "verificationMethod": [],
            "service": [service],
        }
        return {"did": account.did, "didDoc": did_doc, "handle": account.handle, "active": True}

    def _authorized(self, request: web.Request) -> Account:
        account = self._accounts.find(self.sessions.account(token(request)))
        if account is None:  # a session of an earlier simulation
            raise TokenError("InvalidToken", "Token could not be verified")
        return account

    async def _resolve_handle(self, request: web.Request) -> web.Response:
        handle = param(request, "handle")
        if not HANDLE.match(handle.lower()):
            raise bad_param(request, f'Invalid handle (got "{handle}")')
        if (account := self._accounts.find(handle)) is None:
            raise refused(400, "HandleNotFound", "Unable to resolve handle")
        return web.json_response({"did": account.did})

    # Repositories

    async def _put_record(self, request: web.Request) -> web.Response:
        account = self._authorized(request)
        given = await body(request, "repo", "collection", "rkey", "record")
        shelf, rkey = self._shelf(account, given), str(given["rkey"])
        record, about = self._prepared(account, given, rkey)
        current = shelf.get(rkey)
        if current is not None and current.cid == record.cid:  # already so: success, and no new commit
            return web.json_response({"uri": _uri(account, given, rkey), "cid": record.cid, **about})
        _check_swap(given, current)
        return self._stored(account, given, rkey, record, about)

    async def _create_record(self, request: web.Request) -> web.Response:
        account = self._authorized(request)
        given = await body(request, "repo", "collection", "record")
        shelf, rkey = self._shelf(account, given), str(given.get("rkey") or self._next_tid())
        record, about = self._prepared(account, given, rkey)
        if rkey in shelf:  # no error of its own on the real server either
            raise refused(500, "InternalServerError", "Internal Server Error")
        return self._stored(account, given, rkey, record, about)

    async def _delete_record(self, request: web.Request) -> web.Response:
        account = self._authorized(request)
        given = await body(request, "repo", "collection", "rkey")
        shelf, rkey = self._shelf(account, given), str(given["rkey"])
        if rkey not in shelf:
            return web.json_response({})
        _check_swap(given, shelf[rkey])
        del shelf[rkey]
        self.shelves.drop(_uri(account, given, rkey))
        return web.json_response({"commit": self._commit(account)})

    def _shelf(self, account: Account, given: Mapping[str, Any]) -> dict[str, Record]:
        owner = self._accounts.find(str(given["repo"]))
        if owner is None:
            raise refused(403, "AccountNotFound", "Account not found")
        if owner is not account:
            raise refused(401, "AuthenticationRequired", "Authentication Required")
        collection = str(given["collection"])
        if not NSID.match(collection):
            raise refused(400, "InvalidRequest", f'Invalid NSID (got "{collection}") at $.collection')
        return account.records.setdefault(collection, {})

    def _prepared(self, account: Account, given: Mapping[str, Any], rkey: str) -> tuple[Record, dict[str, str]]:
        """The record as it will be stored, and what the server says of its validity."""
        collection, value = str(given["collection"]), given["record"]
        if not isinstance(value, dict):
            raise refused(400, "InvalidRequest", f"Expected object value type (got {value}) at $.record")
        value = {"$type": collection, **value}
        if value["$type"] != collection:
            raise refused(400, "InvalidRequest", f"Invalid $type: expected {collection}, got {value['$type']}")
        about: dict[str, str] = {}
        if given.get("validate") is not False:
            about = {"validationStatus": "valid" if collection == POST else "unknown"}
            if collection == POST:
                check_post(value)
        if collection == POST and not TID.match(rkey):
            said = f'Invalid record key for {collection}: Invalid TID string (got "{rkey}") at $'
            raise refused(400, "InvalidRequest", said)
        for cid in _blob_links(value):
            if cid not in account.blobs:
                raise refused(400, "BlobNotFound", f"Could not find blob: {cid}")
        return Record(record_cid(value), value), about

    def _stored(
        self, account: Account, given: Mapping[str, Any], rkey: str, record: Record, about: Mapping[str, str]
    ) -> web.Response:
        account.records[given["collection"]][rkey] = record
        uri = _uri(account, given, rkey)
        if given["collection"] == POST:
            self.shelves.put(self._appview.post(account, uri, record))
        said = {"uri": uri, "cid": record.cid, "commit": self._commit(account), **about}
        return web.json_response(said)

    def _commit(self, account: Account) -> dict[str, str]:
        account.commits += 1
        return {"cid": record_cid({"did": account.did, "commit": account.commits}), "rev": self._next_tid()}

    def _next_tid(self) -> str:
        self._last_tid = max(self._last_tid + 1, int(self.clock.now() * 1_000_000))
        number = self._last_tid << 10
        return "".join(_TID_LETTERS[number >> 5 * place & 31] for place in reversed(range(13)))

    async def _upload_blob(self, request: web.Request) -> web.Response:
        account = self._authorized(request)
        data = await request.read()
        if len(data) > UPLOAD_LIMIT_BYTES:
            raise refused(413, "PayloadTooLarge", "request entity too large")
        media_type = request.headers.get("Content-Type", "*/*").partition(";")[0].strip()
        if media_type == "*/*":
            media_type = image_type(data) or "application/octet-stream"
        cid = blob_cid(data)
        account.blobs[cid] = (media_type, data)
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": media_type, "size": len(data)}
        return web.json_response({"blob": blob})

    async def _get_record(self, request: web.Request) -> web.Response:
        repo, collection, rkey = (param(request, name) for name in ("repo", "collection", "rkey"))
        if (account := self._accounts.find(repo)) is None:
            raise refused(400, "InvalidRequest", "Could not locate record")
        uri = f"at://{account.did}/{collection}/{rkey}"
        record = account.records.get(collection, {}).get(rkey)
        if record is None or request.query.get("cid", record.cid) != record.cid:
            raise refused(400, "RecordNotFound", f"Could not locate record: {uri}")
        return web.json_response({"uri": uri, "cid": record.cid, "value": record.value})

    async def _list_records(self, request: web.Request) -> web.Response:
        repo, collection = param(request, "repo"), param(request, "collection")
        most, cursor = limit(request), request.query.get("cursor")
        if (account := self._accounts.find(repo)) is None:
            raise refused(400, "InvalidRequest", f"Could not find repo: {repo}")
        forward = request.query.get("reverse") == "true"
        records = sorted(account.records.get(collection, {}).items(), reverse=not forward)
        if cursor is not None:
            records = [each for each in records if (each[0] > cursor if forward else each[0] < cursor)]
        found = [
            {"uri": f"at://{account.did}/{collection}/{rkey}", "cid": record.cid, "value": record.value}
            for rkey, record in records[:most]
        ]
        return web.json_response({"records": found, **({"cursor": records[:most][-1][0]} if found else {})})

    async def _get_blob(self, request: web.Request) -> web.Response:
        account, cid = self._accounts.find(param(request, "did")), param(request, "cid")
        if account is None or cid not in account.blobs:
            raise refused(400, "BlobNotFound", "Blob not found")
        media_type, data = account.blobs[cid]
        return web.Response(body=data, content_type=media_type, headers={"X-Content-Type-Options": "nosniff"})

    # Readers

    async def _get_author_feed(self, request: web.Request) -> web.Response:
        asked_by = self._authorized(request) if "Authorization" in request.headers else None
        return self._appview.author_feed(request, asked_by=asked_by)

    async def _show_post(self, request: web.Request) -> web.Response:
        post = self._appview.page_of(request.match_info["actor"], request.match_info["rkey"])
        return self.post_page(post) if post else html_reply("<h1>Post not found</h1>", 404)


def _check_swap(given: Mapping[str, Any], current: Record | None) -> None:
    """`swapRecord` says what must be there now: a CID, or null for nothing; left out, anything may."""
    if "swapRecord" in given and given["swapRecord"] != (current.cid if current else None):
        raise refused(400, "InvalidSwap", f"Record was at {current.cid if current else 'null'}")


def _uri(account: Account, given: Mapping[str, Any], rkey: str) -> str:
    return f"at://{account.did}/{given['collection']}/{rkey}"


def _blob_links(value: Any) -> list[str]:
    match value:
        case {"$type": "blob", "ref": {"$link": str(cid)}}:
            return [cid]
        case dict():
            return [cid for each in value.values() for cid in _blob_links(each)]
        case list():
            return [cid for each in value for cid in _blob_links(each)]
    return []
