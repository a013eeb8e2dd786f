"""What an HTTP status means when a write is answered with it: the one table of statuses."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.redact import redact

#: What an UNCERTAIN outcome's detail ends with.
MAYBE = "It may have been delivered."

#: How much of a platform's own words stands in a detail, in characters.
LONGEST_QUOTE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a status means; `sentence` follows the platform's name."""

    verdict: Verdict
    reason: Reason
    scope: Scope = Scope.CHANNEL
    sentence: str


def _refused(reason: Reason, sentence: str, scope: Scope = Scope.CONTENT) -> _Row:
    return _Row(verdict=Verdict.REFUSED, reason=reason, scope=scope, sentence=sentence)


def _not_reached(sentence: str) -> _Row:
    return _Row(verdict=Verdict.UNAVAILABLE, reason=Reason.NOT_CONNECTED, sentence=sentence)


def _unauthorized(reason: Reason, sentence: str) -> _Row:
    return _Row(verdict=Verdict.UNAUTHORIZED, reason=reason, sentence=sentence)


REDIRECTED = _Row(
    verdict=Verdict.UNCERTAIN,
    reason=Reason.REDIRECTED,
    sentence="answered with a redirect, which is not followed",
)
REFUSED = _refused(Reason.TEXT_REFUSED, "refused the post")
SERVER_ERROR = _Row(verdict=Verdict.UNCERTAIN, reason=Reason.SERVER_ERROR, sentence="failed")
UNREADABLE = _Row(
    verdict=Verdict.UNCERTAIN,
    reason=Reason.UNREADABLE_REPLY,
    sentence="gave an answer that cannot be read",
)
EDGE_PAGE = _not_reached("was not reached: a proxy or its edge answered with a page of its own")

#: Statuses with a meaning of their own; the others mean what `_BY_HUNDRED` says.
#: Cloudflare's 52x: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
#: (2026-11-22). 520, 522 and 524 may come after the request was passed on.
BY_STATUS: Mapping[int, _Row] = MappingProxyType(
    {
        401: _unauthorized(Reason.CREDENTIALS, "does not accept the credentials. Renew them"),
        402: _unauthorized(Reason.NOT_ALLOWED, "wants to be paid first"),
        403: _unauthorized(Reason.NOT_ALLOWED, "does not allow this account to post. Check its permissions"),
        404: _refused(
            Reason.NOT_ALLOWED, "does not know what was asked for. Check the channel's address", Scope.CHANNEL
        ),
        405: _refused(Reason.NOT_ALLOWED, "takes no posts at this address. Check the channel's address", Scope.CHANNEL),
        407: _Row(
            verdict=Verdict.UNAVAILABLE,
            reason=Reason.OURS,
            sentence="was not reached: the proxy wants credentials. Check proxy under [network]",
        ),
        408: SERVER_ERROR,
        410: _refused(Reason.NOT_ALLOWED, "has closed this address for good", Scope.CHANNEL),
        413: _refused(Reason.MEDIA_REFUSED, "found the post or its images too large"),
        415: _refused(Reason.MEDIA_REFUSED, "does not take this kind of content"),
        421: _not_reached("was not reached: another server answered"),
        425: _not_reached("wants the request again over a settled connection"),
        429: _Row(verdict=Verdict.THROTTLED, reason=Reason.RATE_LIMITED, sentence="asks for fewer requests"),
        451: _refused(Reason.NOT_ALLOWED, "refused the post for legal reasons"),
        503: _Row(verdict=Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, sentence="is unavailable for now"),
        511: _Row(
            verdict=Verdict.UNAVAILABLE,
            reason=Reason.OURS,
            sentence="was not reached: the local network wants a login",
        ),
        521: _not_reached("was not reached: its edge found the server down"),
        523: _not_reached("was not reached: its edge found no way to the server"),
        525: _not_reached("was not reached: its edge could set up no secure connection to the server"),
        526: _not_reached("was not reached: its edge does not trust the server's certificate"),
        530: _not_reached("was not reached: its edge could not find the server"),
    }
)

_BY_HUNDRED: Mapping[int, _Row] = MappingProxyType(
    {1: UNREADABLE, 2: UNREADABLE, 3: REDIRECTED, 4: REFUSED, 5: SERVER_ERROR}
)

#: Statuses that an edge or a proxy gives in place of the platform; then they come as a web page.
FROM_AN_EDGE = frozenset({401, 403, 502})


def from_status(
    status: int,
    *,
    headers: Mapping[str, str],
    body: bytes | str | None = None,
    error: str = "",
    platform: str,
    now: float | None = None,
) -> Outcome:
    """The outcome of a write that was answered with `status`.

    A success that is handed in counts as one whose reply could not be read: only the adapter can read it.

    Args:
        headers: of the answer, names in any case.
        body: of the answer, or its beginning; None when it is not known. Tells a web page from the platform's own
            answer; read for its own words when `error` gives none, never shown as it is.
        error: the platform's own words; shown redacted, at most 200 characters of them.
        platform: its name for people.
        now: Unix seconds, for a wait that is given as a time; the answer's own Date is preferred to it.
    """
    known = {str(name).lower(): str(value) for name, value in headers.items()}
    page = _is_page(known.get("content-type", ""), body)
    row = _row(status, page=page)
    raw = body.encode(errors="replace") if isinstance(body, str) else body  # of a raw body only named members are words
    words = "" if page else _cut(redact(error or own_words(raw)))
    waits = row.verdict in (Verdict.THROTTLED, Verdict.UNAVAILABLE)
    return Outcome(
        verdict=row.verdict,
        scope=row.scope,
        reason=row.reason,
        detail=_detail(f"{platform} {row.sentence} ({status})", words, row.verdict),
        retry_after_s=_wait_s(known, status, time.time() if now is None else now) if waits else None,
    )


def from_error(
    status: int, headers: Mapping[str, str], error: object, *, platform: str, now: float | None = None
) -> Outcome:
    """`from_status` for what an SDK's error still holds of the answer.

    Args:
        error: the answer's content in whatever shape the SDK gives: text, bytes, a mapping or an object with
            `error` and `message`, or None.
    """
    body = error if isinstance(error, bytes | str) else None
    return from_status(status, headers=headers, body=body, error=own_words(error), platform=platform, now=now)


def unreadable(platform: str) -> Outcome:
    """The outcome of a write that was answered with success and a reply that cannot be read."""
    return Outcome(
        verdict=UNREADABLE.verdict,
        reason=UNREADABLE.reason,
        detail=_detail(f"{platform} {UNREADABLE.sentence}", "", UNREADABLE.verdict),
    )


def _detail(what: str, words: str, verdict: Verdict) -> str:
    said = f"{what}: {words}" if words else what
    end = "" if said.endswith((".", "!", "?", "…")) else "."
    return f"{said}{end} {MAYBE}" if verdict is Verdict.UNCERTAIN else f"{said}{end}"


def own_words(content: object) -> str:
    """What a platform says about an error, from its answer's content; empty when it says nothing that can be read.

    Reads the usual shapes: ``error`` with ``message`` (XRPC), ``error`` with ``error_description`` (OAuth, Mastodon),
    ``description`` (Telegram), ``detail`` or ``title`` (RFC 9457), a nested ``error`` object (Meta), or plain text.
    Bytes are a raw answer: what is not JSON there is not shown.
    """
    if isinstance(content, bytes | str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = content if isinstance(content, str) and not _is_page("", content) else ""
    if isinstance(content, str):
        return " ".join(content.split())
    found = [_member(content, name) for name in _WORDS]
    nested = next((member for member in found if isinstance(member, Mapping)), None)
    if nested is not None:
        return own_words(nested)
    words = [" ".join(member.split()) for member in found if isinstance(member, str)]
    return ": ".join(dict.fromkeys(word for word in words if word))


_WORDS = ("error", "message", "error_description", "description", "title", "detail")


def _member(content: object, name: str) -> Any:
    return content.get(name) if isinstance(content, Mapping) else getattr(content, name, None)


#: A web page, or what Cloudflare says to clients that are no browsers: "error code: 1020".
_PAGE = re.compile(r"[\ufeff\s]*(?:<|error code: \d+\s*\Z)")


def _row(status: int, *, page: bool) -> _Row:
    if page and status in FROM_AN_EDGE:
        return EDGE_PAGE
    return BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, UNREADABLE)


def _is_page(content_type: str, body: bytes | str | None) -> bool:
    if body is not None and not body:
        return False  # whatever its type says
    start = (body or "")[:200]
    text = start.decode("utf-8", "replace") if isinstance(start, bytes) else start
    return "html" in content_type.lower() or _PAGE.match(text) is not None


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 1].rstrip() + "…"


#: Where platforms say when to come back, best first. RateLimit-Reset: Bluesky in Unix seconds; X-RateLimit-Reset:
#: Mastodon as ISO 8601 time, https://docs.joinmastodon.org/api/rate-limits/; X-Rate-Limit-Reset: X (2026-11-22).
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_NUMBER = re.compile(r"\d{1,13}(?:\.\d{1,9})?")
_UNIX_TIMES_BEGIN = 1_000_000_000


def _wait_s(headers: Mapping[str, str], status: int, now: float) -> float | None:
    """The wait the platform asked for, in seconds; None when it names none that can be read."""
    # Both times then come from the same clock, the platform's, however wrong ours may be.
    now = _http_date(headers.get("date", "")) or now
    after = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(after):
        return float(after)
    until = _http_date(after)
    if until is None and status == 429:
        resets = (_moment(headers.get(name, "").strip(), now) for name in _RESETS)
        until = next((moment for moment in resets if moment is not None), None)
    return None if until is None else max(0.0, until - now)


def _moment(text: str, now: float) -> float | None:
    """Unix seconds from a rate limit's reset: Unix time, seconds from now as the IETF draft has it, or ISO 8601."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _UNIX_TIMES_BEGIN * 1000:
            return number / 1000  # some count milliseconds
        return number if number >= _UNIX_TIMES_BEGIN else now + number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _http_date(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _http_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only for answers that ask for a wait

    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
