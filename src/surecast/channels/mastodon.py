"""Mastodon, and servers that speak its client API (snac, GoToSocial, Akkoma, Pixelfed), through Mastodon.py.

API: https://docs.joinmastodon.org/methods/ statuses, media, instance, accounts, apps.

Mastodon keeps an Idempotency-Key for an hour, but stores it only after the status is made
(https://github.com/mastodon/mastodon/pull/21840), and other servers ignore it. So a post in doubt is looked up by its
words; the key is the second belt.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from surecast.channel import Context, Errand, Kind, Limits, Picture, Probed, Sending, Traits
from surecast.channels import _mastodon_words as words
from surecast.channels._mastodon_talk import (
    PLATFORM,
    CallError,
    MediaPendingError,
    Talk,
    begin_talk,
    judge,
    read_token,
)
from surecast.errors import ConfigError
from surecast.outcome import Look, Outcome, Reason, Receipt, Sighting, Verdict
from surecast.secret import Secret
from surecast.settings import setting, web_address
from surecast.text.fit import BLANK_LINE, fit
from surecast.text.measure import fits
from surecast.threads import DaemonPool
from surecast.transport.classify import classify
from surecast.transport.clients import httpx_client

if TYPE_CHECKING:
    import httpx

# What holds until the server has said its own: https://docs.joinmastodon.org/entities/Instance/ (seen 2026-11-22).
# Servers take images of 16 MiB, but four of them must get out within the seconds of one attempt.
LIMITS = Limits(text=500, unit="graphemes", url_cost=23, images=4, image_bytes=2_000_000, alt=1_500)
LIMITS_KEPT_S = 3600.0
LIMITS_TIMEOUT_S = 1.0  # a server that is slow to say its limits must not cost the attempt

UPLOAD_TIMEOUT_S = 30.0  # a thread's last resort; the end of the attempt shuts its socket long before
MEDIA_POLLS, MEDIA_POLL_S = 40, 0.25
PROCESSING = (202, 206)  # https://docs.joinmastodon.org/methods/media/#get (seen 2026-11-22)

# The most that a page holds: https://docs.joinmastodon.org/methods/accounts/#statuses (seen 2026-11-22).
PAGE, PAGES = 40, 10
BEFORE_S = 120.0  # how much earlier than we the server may have dated our post
BEFORE_BY_UNKNOWN_CLOCK_S = 600.0  # the same when its replies carry no Date

# https://docs.joinmastodon.org/api/oauth-scopes/ (seen 2026-11-22)
NEEDED_SCOPES = ("write:statuses", "write:media", "read:accounts", "read:statuses")


def _address(value: str) -> str:
    if value.startswith("http://") and not re.match(r"http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", value):
        return "http:// would send the token readable for everybody on the way. Begin it with https://"
    return web_address(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person writes in the table of a channel of type ``mastodon``."""

    server: str = setting(
        "The address of the server that has the account.",
        example="https://social.example",
        check=_address,
        sandbox="endpoint",
    )
    access_token: Secret = setting(
        "The account's access token, made on the server under Preferences, Development, New application.",
        example='{ env = "MASTODON_ACCESS_TOKEN" }',
    )
    visibility: Literal["public", "unlisted", "private", "direct"] = setting(
        "Who sees the posts: public, unlisted (public, but in no public timeline), private (followers) or direct "
        "(only who is mentioned).",
        default="public",
        example="unlisted",
    )
    language: str | None = setting(
        "The language that posts are marked with, where it is not the announcement's own.",
        default=None,
        example="en",
    )


TRAITS = Traits(platform=PLATFORM, limits=LIMITS, resend="after_lookup", read_back_needs_no_setup=True)


class MastodonAdapter:
    """Publishes statuses of one account.

    Args:
        settings: the account and how it posts.
        context: what the house gives besides.
    """

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._server = settings.server.rstrip("/")
        self._pool = DaemonPool(f"mastodon-{context.name}", size=8)
        self._token = ""
        self._account_id = ""
        self._live: Limits | None = None
        self._ask_limits_at = 0.0

    async def open(self) -> None:
        """Loads the SDK, the trusted certificates and the token, off the loop; no traffic."""
        (await self._begin_talk(LIMITS_TIMEOUT_S)).close()
        with contextlib.suppress(ConfigError):  # told when it is needed
            await self._read_token()

    async def close(self) -> None:
        """Lets idle threads end."""
        self._pool.close()

    async def prepare(self, errand: Errand) -> bytes:
        """Fits the words to the server's own limits, uploads the images, and gives the post's arguments as JSON.

        The server deletes uploads that no post takes.
        """
        limits = await self._live_limits(errand.post.limits)
        media_ids = await self._upload(errand, errand.post.pictures[: limits.images])
        return _payload(errand, _text(errand, limits), media_ids, self._settings)

    async def publish(self, sending: Sending) -> Outcome:
        """Posts once."""
        arguments = json.loads(sending.payload)
        async with self._talk(sending.timeout_s) as talk:
            status = await talk.one("status_post", **arguments)
        return Outcome(verdict=Verdict.ACCEPTED, receipt=_receipt(status, arguments["visibility"]))

    async def find(self, sending: Sending) -> Look:
        """Looks for the post's words among what the account has written since the first attempt began."""
        try:
            async with asyncio.timeout(sending.timeout_s), self._talk(sending.timeout_s) as talk:
                statuses, is_all = await self._written_since(talk, sending.first_began_at)
        except (TimeoutError, CallError) as error:
            return _unknown(self._explain(error), answered=False)
        return _look(statuses, sending, is_all=is_all)

    async def confirm(self, receipt: Receipt, timeout_s: float) -> Look:
        """Reads the post as anybody would: through the API without a token, else its page.

        Servers that keep their API for members answer 401 there, but show the page.
        """
        import httpx  # noqa: PLC0415 - loaded when a post is first looked for

        visibility = receipt.extra.get("visibility", self._settings.visibility)
        if visibility not in ("public", "unlisted"):
            return _unknown(f"A {visibility} post cannot be seen in public.")
        address = f"{self._server}/api/v1/statuses/{quote(receipt.id, safe='')}"
        try:
            async with asyncio.timeout(timeout_s), httpx_client(self._context, timeout_s) as reader:
                reply = await reader.get(address, headers={"Accept": "application/json"})
                if reply.status_code == 401 and receipt.url:
                    return _seen_as_page(await reader.get(receipt.url, headers={"Accept": "text/html"}), receipt)
                return _seen_in_api(reply, receipt)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            return _unknown(self._explain(error), answered=False)

    async def retract(self, receipt: Receipt, timeout_s: float) -> Outcome:
        """Deletes the post; one that is gone already counts as deleted."""
        async with asyncio.timeout(timeout_s), self._talk(timeout_s) as talk:
            try:
                await talk.call("status_delete", id=receipt.id)
            except CallError as error:
                if error.status == 404 and await talk.has_status(receipt.id):
                    detail = f"This server deletes nothing through its API. Delete it by hand: {receipt.url}"
                    return Outcome(verdict=Verdict.REFUSED, reason=Reason.NOT_ALLOWED, detail=detail)
                if error.status != 404 and not 200 <= error.status < 300:
                    raise
        return Outcome(verdict=Verdict.ACCEPTED, receipt=receipt)

    async def probe(self, timeout_s: float) -> Probed:
        """Says whose token it is, what fits, and what the token may not do, as far as the server tells."""
        try:
            async with asyncio.timeout(timeout_s), self._talk(timeout_s) as talk:
                account = await talk.one("account_verify_credentials")
                limits = await talk.limits(LIMITS)
                lacking = await talk.lacking(NEEDED_SCOPES)
        except (TimeoutError, ConfigError, CallError) as error:
            return Probed(ok=False, detail=self._explain(error), outcome=classify(error, own=self.classify))
        fits = f"{limits.text} characters, a link counts {limits.url_cost}, {limits.images} images"
        detail = f"Posts as @{account.get('acct')} on {self._server}: {fits}."
        if lacking:
            detail += f" But the access token may not {', '.join(lacking)}. {self._new_token()}"
        return Probed(ok="write:statuses" not in lacking, detail=detail)

    def classify(self, error: BaseException) -> Outcome | None:
        """Judges by what the server answered; without an answer, only what the SDK refused to send."""
        return judge(error)

    @contextlib.asynccontextmanager
    async def _talk(self, timeout_s: float) -> AsyncIterator[Talk]:
        """A talk as this account, closed at the end."""
        await self._read_token()
        talk = await self._begin_talk(timeout_s)
        try:
            yield talk
        except CallError as error:
            if error.status == 401:
                self._token = self._account_id = ""  # it may have been changed where it is kept
            raise
        finally:
            talk.close()

    async def _begin_talk(self, timeout_s: float) -> Talk:
        return await begin_talk(self._pool, self._context, server=self._server, token=self._token, timeout_s=timeout_s)

    async def _read_token(self) -> None:
        if not self._token:
            self._token = await self._pool.run(read_token, self._settings.access_token)

    async def _live_limits(self, planned: Limits) -> Limits:
        """The server's limits, asked for once an hour; those known before, or planned, when it does not answer."""
        if time.monotonic() >= self._ask_limits_at:
            with contextlib.suppress(TimeoutError, CallError):
                async with asyncio.timeout(LIMITS_TIMEOUT_S), self._talk(LIMITS_TIMEOUT_S) as talk:
                    self._live = await talk.limits(planned)
                    self._ask_limits_at = time.monotonic() + LIMITS_KEPT_S
        return self._live or planned

    async def _upload(self, errand: Errand, pictures: Sequence[Picture]) -> list[str]:
        """Uploads images with their alternative texts, and gives their ids once they may be attached.

        One after the other: some servers show them in the order in which they came.
        """
        if not pictures:
            return []
        async with self._talk(UPLOAD_TIMEOUT_S) as talk:
            ready = {}
            for picture in pictures:
                content = await errand.image(picture.digest)
                about = {"mime_type": picture.media_type, "description": picture.alt or None}
                media = await talk.one("media_post", media_file=content, **about)
                ready[str(media["id"])] = talk.status not in PROCESSING
            for _ in range(MEDIA_POLLS):
                waiting = [media_id for media_id, is_ready in ready.items() if not is_ready]
                if not waiting:
                    return list(ready)
                await asyncio.sleep(MEDIA_POLL_S)
                await talk.call("media", id=waiting[0])
                ready[waiting[0]] = talk.status not in PROCESSING
        raise MediaPendingError("The server was still processing an image.")

    async def _written_since(self, talk: Talk, began_at: float) -> tuple[list[dict[str, Any]], bool]:
        """What the account has written since shortly before `began_at`, and whether that is all of it."""
        if not self._account_id:
            self._account_id = str((await talk.one("account_verify_credentials"))["id"])
        seen: dict[str, dict[str, Any]] = {}
        within: list[dict[str, Any]] = []
        older: dict[str, str] = {}
        for _ in range(PAGES):
            page = await talk.many("account_statuses", id=self._account_id, limit=PAGE, exclude_reblogs=True, **older)
            new = {str(status["id"]): status for status in page if str(status["id"]) not in seen}
            seen |= new
            since = _in_their_time(began_at, talk)
            within = [status for status in seen.values() if _written_at(status) >= since]
            if not new:  # the end, or a server that gives the same page whatever is asked for, as snac does
                return within, len(page) < PAGE
            if _written_at(page[-1]) < since:
                return within, True
            older = {"max_id": str(page[-1]["id"])}
        return within, False

    def _explain(self, error: BaseException) -> str:
        """Why a look at the server told nothing, for people."""
        outcome = classify(error, self.classify)
        # snac 2.75 answers an unknown token with 422 when it is asked whose it is.
        unknown = isinstance(error, CallError) and error.call == "account_verify_credentials" and error.status == 422
        if unknown or outcome.verdict is Verdict.UNAUTHORIZED:
            return f"{self._server} does not accept the access token. {self._new_token()}"
        if outcome.verdict is Verdict.UNCERTAIN:  # its detail speaks of a post
            return f"{self._server} gave no answer that can be used."
        return outcome.detail

    def _new_token(self) -> str:
        return f"Make one under {self._server}/settings/applications with {', '.join(NEEDED_SCOPES)}."


def _payload(errand: Errand, text: str, media_ids: Sequence[str], settings: Settings) -> bytes:
    """The arguments of the SDK's `status_post`: frozen with the first attempt, the same for every other."""
    # ISO 639 codes only: https://docs.joinmastodon.org/methods/statuses/#form-data-parameters (seen 2026-11-22).
    language = (settings.language or errand.post.language).partition("-")[0].lower()
    arguments: dict[str, Any] = {
        "status": text,
        "visibility": settings.visibility,
        "language": language or None,
        "idempotency_key": hashlib.sha256(f"mastodon {errand.key} {errand.part}".encode()).hexdigest()[:32],
    }
    if media_ids:
        arguments["media_ids"] = list(media_ids)
    return json.dumps(arguments, ensure_ascii=False).encode()


def _text(errand: Errand, limits: Limits) -> str:
    """The planned text, or the words fitted anew where the server counts otherwise than planned."""
    post = errand.post
    as_planned = (limits.text, limits.url_cost) == (post.limits.text, post.limits.url_cost)
    if as_planned or len(post.parts) > 1:
        return post.parts[errand.part].text
    text = fit(post.words, limits, traits=TRAITS).text
    below = f"{text}{BLANK_LINE}{post.below}"
    return below if post.below and fits(below, limits) else text


def _receipt(status: dict[str, Any], visibility: str) -> Receipt:
    uri = str(status.get("uri") or "")
    url = str(status.get("url") or uri) or None
    return Receipt(id=str(status["id"]), url=url, extra={"uri": uri, "visibility": visibility})


def _look(statuses: Sequence[dict[str, Any]], sending: Sending, *, is_all: bool) -> Look:
    """Whether exactly one status that nobody claims has the post's words."""
    sent = json.loads(sending.payload)
    free = [status for status in statuses if str(status["id"]) not in sending.claimed]
    same = [status for status in free if words.same(sent["status"], status.get("content") or "")]
    if len(same) == 1:
        return Look(sighting=Sighting.SEEN, receipt=_receipt(same[0], sent["visibility"]))
    if same:
        return _unknown(f"{len(same)} posts of the account have these words.")
    alike = [status for status in free if words.alike(sent["status"], status.get("content") or "")]
    if alike:
        return _unknown(f"A post of the account has nearly these words: {alike[0].get('url')}")
    return Look(sighting=Sighting.UNSEEN) if is_all else _unknown("The account has written too much since to see all.")


def _unknown(detail: str, *, answered: bool = True) -> Look:
    return Look(sighting=Sighting.UNKNOWN, answered=answered, detail=detail)


def _seen_in_api(reply: httpx.Response, receipt: Receipt) -> Look:
    """An answer that is none of the API's own, such as a proxy's page, is no information."""
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        if reply.status_code == 200 and str(answer.get("id")) == receipt.id:
            return Look(sighting=Sighting.SEEN, receipt=receipt)
        if reply.status_code == 404:
            return Look(sighting=Sighting.UNSEEN)
    return _unknown(f"The server answered a reader without credentials with {reply.status_code}.")


def _seen_as_page(reply: httpx.Response, receipt: Receipt) -> Look:
    if reply.status_code == 200:
        return Look(sighting=Sighting.SEEN, receipt=receipt)
    if reply.status_code in (404, 410):
        return Look(sighting=Sighting.UNSEEN)
    return _unknown(f"The post's page answered with {reply.status_code}.")


def _in_their_time(moment: float, talk: Talk) -> float:
    """The earliest time that the server may have given to what we sent at `moment` of our clock."""
    try:
        theirs = parsedate_to_datetime("" if talk.reply is None else talk.reply.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return moment - BEFORE_BY_UNKNOWN_CLOCK_S
    return moment - BEFORE_S + theirs - time.time()


def _written_at(status: dict[str, Any]) -> float:
    """When the status was written; what has no readable time counts as new."""
    written = status.get("created_at")
    return written.timestamp() if isinstance(written, datetime) else float("inf")


KIND = Kind(name="mastodon", traits=TRAITS, settings=Settings, adapter=MastodonAdapter, sdk=("mastodon",))
