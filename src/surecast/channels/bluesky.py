"""Bluesky: posts through the account's server (PDS), read back in public through the AppView.

API: https://docs.bsky.app/docs/api/com-atproto-repo-put-record and .../com-atproto-repo-get-record (write, look-up),
https://docs.bsky.app/docs/api/app-bsky-feed-get-posts (read-back), https://atproto.com/specs/xrpc (errors).

The write is idempotent: record key and `createdAt` follow from the delivery, and `putRecord` with ``swapRecord: null``
answers the same bytes with success and anything else with ``InvalidSwap`` (measured on the reference PDS 0.5.35).
`createRecord` would answer a repetition with a plain 500.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from surecast.channel import Kind, Limits, Probed, Traits
from surecast.channels._bluesky_account import (
    Account,
    SessionError,
    UnreadableReplyError,
    error_code,
    is_loopback,
)
from surecast.channels._bluesky_record import (
    COLLECTION,
    Shown,
    post_record,
    post_uri,
    record_key,
    split_uri,
    write_request,
)
from surecast.outcome import Look, Outcome, Reason, Receipt, Scope, Sighting, Verdict
from surecast.pictures import shrink
from surecast.secret import Secret
from surecast.settings import setting, web_address
from surecast.text.facets import Facet, detect
from surecast.threads import DaemonPool
from surecast.transport.classify import MAYBE, classify
from surecast.transport.clients import httpx_client
from surecast.transport.status import from_error, unreadable

if TYPE_CHECKING:
    from surecast.channel import Context, Errand, Picture, Sending

PLATFORM = "Bluesky"
SERVICE = "https://bsky.social"

#: The AppView itself; public.api.bsky.app is a cache in front of it and shows a new post later
#: (https://docs.bsky.app/docs/advanced-guides/api-directory, checked 2026-11-22).
APPVIEW = "https://api.bsky.app"

#: 300 graphemes and 3000 bytes: lexicons/app/bsky/feed/post.json; 4 images: lexicons/app/bsky/embed/images.json,
#: which allows 2,000,000 bytes each; servers of older releases stop at 1,000,000 (checked 2026-11-22).
LIMITS = Limits(text=300, unit="graphemes", text_bytes=3000, images=4, image_bytes=1_000_000, alt=2_000)

TRAITS = Traits(platform=PLATFORM, limits=LIMITS, resend="same_key", link_card=True, read_back_needs_no_setup=True)

#: Each call of `prepare` may take so long in each phase; its caller limits the whole.
PREPARE_S = 10.0

#: All mentions together; a mention that is not resolved by then stays plain text. In an emergency a whole attempt
#: has about 3 s, and the server may ask the very read side that is down.
MENTIONS_S = 1.5

#: Images that were made small are kept for the next attempt, so many of them.
IMAGES_KEPT = 8

_LOG_IN_ANEW = (
    "Bluesky does not accept the login. "
    "Make a new app password at https://bsky.app/settings/app-passwords and put it into app_password."
)
_CLOSED = "Bluesky has closed or suspended this account. Log in at https://bsky.app to see why."
_OTHER_ACCOUNT = "The post was prepared for another account than the one that handle names now. Announce it again."
_OCCUPIED = "Another post already has this post's place on Bluesky; it was left as it is. Announce it again."
_BLOB_GONE = "Bluesky no longer has the uploaded image. Announce it again."


def _refused(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT, reason=reason, detail=detail)


def _unauthorized(reason: Reason, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.UNAUTHORIZED, reason=reason, detail=detail)


#: The API's own error names that say more than their HTTP status (most of these come as a plain 400). Measured on
#: the reference PDS 0.5.35; names: https://docs.bsky.app/docs/api/com-atproto-server-create-session (2026-11-22).
CODES: Mapping[str, Outcome] = MappingProxyType(
    {
        "ExpiredToken": _unauthorized(Reason.CREDENTIALS, _LOG_IN_ANEW),
        "InvalidToken": _unauthorized(Reason.CREDENTIALS, _LOG_IN_ANEW),
        "AuthMissing": _unauthorized(Reason.CREDENTIALS, _LOG_IN_ANEW),
        "AuthenticationRequired": _unauthorized(Reason.CREDENTIALS, _LOG_IN_ANEW),
        "AuthFactorTokenRequired": _unauthorized(Reason.CREDENTIALS, _LOG_IN_ANEW),
        "AccountTakedown": _unauthorized(Reason.NOT_ALLOWED, _CLOSED),
        "AccountDeactivated": _unauthorized(Reason.NOT_ALLOWED, _CLOSED),
        "AccountSuspended": _unauthorized(Reason.NOT_ALLOWED, _CLOSED),
        "RepoTakendown": _unauthorized(Reason.NOT_ALLOWED, _CLOSED),
        "RepoDeactivated": _unauthorized(Reason.NOT_ALLOWED, _CLOSED),
        "BlobNotFound": _refused(Reason.MEDIA_REFUSED, _BLOB_GONE),
    }
)


def _handle(value: str) -> str:
    if value.startswith("@"):
        return f"a handle is written without @. Write {value[1:]}"
    if not value.startswith("did:") and ("." not in value or "@" in value or "/" in value):
        return f"{value!r} is not a handle. Write it in full, e.g. ferries.bsky.social"
    return ""


def _address(value: str | None) -> str:
    if value is None:
        return ""
    if value.startswith("http://") and not is_loopback(value):
        return "http:// would send the password readable for everybody on the way. Begin it with https://"
    return web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A Bluesky account."""

    handle: str = setting("The account's name, without @.", example="ferries.bsky.social", check=_handle)
    app_password: Secret = setting("An app password, made at https://bsky.app/settings/app-passwords.")
    service: str = setting(
        "Where to log in: bsky.social, or the server (PDS) that holds the account.",
        default=SERVICE,
        example="https://pds.example",
        check=_address,
        sandbox="endpoint",
    )
    appview: str | None = setting(
        "Where the public reads Bluesky; left out, it is Bluesky's own.",
        default=None,
        example=APPVIEW,
        check=_address,
        sandbox="endpoint",
    )


def _appview(settings: Settings) -> str:
    """Where the public reads; a server on this machine has no public read side unless somebody names one."""
    return settings.appview or ("" if is_loopback(settings.service) else APPVIEW)


def _reads_back(settings: Settings) -> bool:
    return bool(_appview(settings))


class Bluesky:
    """Posts to one account. Every call may raise what the SDK raises; `classify` explains it."""

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context) -> None:
        self._context = context
        self._service = settings.service.rstrip("/")
        self._appview = _appview(settings)
        self._small: dict[str, bytes] = {}
        self._threads = DaemonPool("bluesky-images", size=1)
        self._account = Account(
            handle=settings.handle,
            app_password=settings.app_password,
            service=self._service,
            context=context,
        )

    async def open(self) -> None:
        """Loads the SDK and builds the client; no traffic."""
        await self._account.open()

    async def close(self) -> None:
        """Ends all connections at once."""
        self._threads.close()
        self._threads = DaemonPool("bluesky-images", size=1)
        await self._account.close()

    async def prepare(self, errand: Errand) -> bytes:
        """Uploads the images, resolves the mentions; gives the body of the write."""
        session = await self._account.session(PREPARE_S)
        facets = detect(errand.post.parts[errand.part].text)
        images = await self._upload(errand)
        record = post_record(errand, facets, await self._resolve(facets), images)
        return write_request(session.did, record_key(errand.created_at, errand.key, errand.part), record)

    async def publish(self, sending: Sending) -> Outcome:
        """Writes the record; success means that it is there, from now or from before."""
        request = json.loads(sending.payload)
        if request["repo"] != (await self._account.session(sending.timeout_s)).did:
            return _refused(Reason.NOT_ALLOWED, _OTHER_ACCOUNT)
        try:
            reply = await self._account.procedure("com.atproto.repo.putRecord", sending.payload, sending.timeout_s)
        except Exception as error:
            if error_code(error) != "InvalidSwap":
                raise
            return await self._occupied(sending)
        receipt = self._receipt(request, reply)
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt) if receipt else unreadable(PLATFORM)

    async def find(self, sending: Sending) -> Look:
        """Looks into the account's own repository, where a post is from the moment of its acceptance."""
        try:
            return await self._look(sending)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is no information
            return Look(sighting=Sighting.UNKNOWN, answered=False, detail=self._why(error))

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look:
        """Asks the AppView without credentials; with ours the server would patch in what nobody else sees."""
        if not self._appview:
            return Look(sighting=Sighting.UNKNOWN, detail="No public read side is configured (appview).")
        try:
            reply = await self._read(
                f"{self._appview.rstrip('/')}/xrpc/app.bsky.feed.getPosts", {"uris": receipt.id}, timeout_s
            )
            there = receipt.id in [post["uri"] for post in reply["posts"]]
        except Exception as error:  # noqa: BLE001 - whatever it was, it is no information
            return Look(sighting=Sighting.UNKNOWN, answered=False, detail=self._why(error))
        return Look(sighting=Sighting.SEEN, receipt=receipt) if there else Look(sighting=Sighting.UNSEEN)

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome:
        """Deletes the post; one that is not there counts as deleted."""
        repo, rkey = split_uri(receipt.id)
        body = json.dumps({"repo": repo, "collection": COLLECTION, "rkey": rkey}).encode()
        await self._account.procedure("com.atproto.repo.deleteRecord", body, timeout_s)
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt)

    async def probe(self, timeout_s: float) -> Probed:
        """Asks the server who it is and who we are."""
        answers = False
        try:
            await self._read(f"{self._service}/xrpc/com.atproto.server.describeServer", {}, timeout_s)
            answers = True
            me = await self._account.query("com.atproto.server.getSession", {}, timeout_s)
        except Exception as error:  # noqa: BLE001 - told to a person
            outcome = classify(error, own=self.classify)
            why = _without_doubt(outcome)
            detail = f"{self._service} answers, but: {why}" if answers else why
            return Probed(ok=False, detail=detail, outcome=outcome)
        if me.get("active") is False:
            return Probed(ok=False, detail=_CLOSED)
        return Probed(ok=True, detail=f"{self._service} answers, and @{me.get('handle')} is logged in.")

    def classify(self, error: BaseException) -> Outcome | None:
        """The API's own error names, and what the SDK's exceptions hide."""
        if isinstance(error, SessionError):
            return self._without_session(error)
        if isinstance(error, UnreadableReplyError):
            return unreadable(PLATFORM)
        response = getattr(error, "response", None)
        if response is None:
            return None
        if row := CODES.get(error_code(error)):
            return row
        return from_error(response.status_code, response.headers, response.content, platform=PLATFORM)

    def _without_session(self, error: SessionError) -> Outcome:
        """Nothing was sent, so nothing is in doubt."""
        outcome = classify(error.__cause__ or error, own=self.classify)
        if outcome.verdict is not Verdict.UNCERTAIN:
            return outcome
        return Outcome(
            verdict=Verdict.UNAVAILABLE,
            reason=outcome.reason,
            detail=f"Nothing was sent, as logging in to Bluesky failed. {_without_doubt(outcome)}",
        )

    def _why(self, error: BaseException) -> str:
        return _without_doubt(classify(error, own=self.classify))

    async def _look(self, sending: Sending) -> Look:
        request = json.loads(sending.payload)
        where = {name: request[name] for name in ("repo", "collection", "rkey")}
        try:
            reply = await self._account.query("com.atproto.repo.getRecord", where, sending.timeout_s)
        except Exception as error:
            if error_code(error) != "RecordNotFound":
                raise
            return Look(sighting=Sighting.UNSEEN)
        receipt = self._receipt(request, reply)
        if receipt and reply.get("value") == request["record"]:
            return Look(sighting=Sighting.SEEN, receipt=receipt)
        return Look(sighting=Sighting.UNKNOWN, detail="Something else has this post's place on Bluesky.")

    async def _occupied(self, sending: Sending) -> Outcome:
        look = await self._look(sending)
        if look.sighting is Sighting.SEEN:
            return Outcome(verdict=Verdict.ACCEPTED, receipt=look.receipt)
        return _refused(Reason.TEXT_REFUSED, _OCCUPIED)

    def _receipt(self, request: Mapping[str, Any], reply: Mapping[str, Any]) -> Receipt | None:
        uri, cid = post_uri(request["repo"], request["rkey"]), reply.get("cid")
        if reply.get("uri") != uri or not isinstance(cid, str):
            return None
        return Receipt(uri, f"https://bsky.app/profile/{self._account.name}/post/{request['rkey']}", {"cid": cid})

    async def _upload(self, errand: Errand) -> tuple[Shown, ...]:
        pictures = errand.post.pictures if errand.part == 0 else ()
        images = await asyncio.gather(*[self._made_small(errand, picture) for picture in pictures])
        shown = []
        for picture, data in zip(pictures, images, strict=True):
            reply = await self._account.procedure("com.atproto.repo.uploadBlob", data, PREPARE_S, picture.media_type)
            if not isinstance(reply.get("blob"), dict):
                raise UnreadableReplyError
            shown.append(Shown(blob=reply["blob"], alt=picture.alt, width=picture.width, height=picture.height))
        return tuple(shown)

    async def _made_small(self, errand: Errand, picture: Picture) -> bytes:
        """A large photograph takes seconds: what one attempt does not live to see is there for the next one."""
        known = self._small.get(picture.digest)
        if known is not None:
            return known
        data = await errand.image(picture.digest)

        def work() -> bytes:
            small = self._small.get(picture.digest)
            if small is None:
                small = shrink(data, picture.media_type, errand.post.limits.image_bytes)
                self._small[picture.digest] = small
                for digest in list(self._small)[:-IMAGES_KEPT]:
                    del self._small[digest]
            return small

        return await self._threads.run(work)

    async def _resolve(self, facets: tuple[Facet, ...]) -> dict[str, str]:
        """The accounts behind the mentions. A mention is an ornament: the post never waits or fails for it."""
        dids: dict[str, str] = {}
        with contextlib.suppress(TimeoutError):  # those that are not resolved by then stay plain text
            async with asyncio.timeout(MENTIONS_S):
                for handle in dict.fromkeys(facet.value for facet in facets if facet.kind == "mention"):
                    dids |= await self._did(handle)
        return dids

    async def _did(self, handle: str) -> dict[str, str]:
        try:
            reply = await self._account.query("com.atproto.identity.resolveHandle", {"handle": handle}, MENTIONS_S)
        except Exception:  # noqa: BLE001 - see `_resolve`
            return {}
        return {handle: reply["did"]} if isinstance(reply.get("did"), str) else {}

    async def _read(self, url: str, params: dict[str, str], timeout_s: float) -> dict[str, Any]:
        """Reads without credentials."""
        async with httpx_client(self._context, timeout_s) as client:
            reply = await client.get(url, params=params)
        reply.raise_for_status()
        content = reply.json()
        if not isinstance(content, dict):
            raise UnreadableReplyError
        return content


def _without_doubt(outcome: Outcome) -> str:
    """The detail of a call that could deliver nothing."""
    return outcome.detail.removesuffix(MAYBE).strip()


KIND = Kind(
    name="bluesky", traits=TRAITS, settings=Settings, adapter=Bluesky, sdk=("atproto_client",), reads_back=_reads_back
)
