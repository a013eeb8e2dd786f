"""Twilio, simulated: the part of its API that sends SMS, lists them, and shows an account and its senders.

Paths, fields and codes are those of https://www.twilio.com/docs/messaging/api/message-resource (2026-11-26); some
numbers mean something, as with Twilio's test credentials (https://www.twilio.com/docs/iam/test-credentials):

- To +15005550001 is no number (21211), ...0002 cannot be reached (21612), ...0003 is in a country that is not allowed
  (21408), ...0004 has answered STOP (21610), ...0009 takes no SMS (21614).
- From +15005550001 is no number (21212), ...0007 is somebody else's (21606), the queue of ...0008 is full (21611).

What differs on purpose:

- To +15005551 and three digits is accepted and does not arrive, with the code 30 and these digits: ...1003, ...1005.
- Any account and token are taken but the token ``wrong`` (20003), any number is the account's own but those above, and
  any messaging service exists but those that end with 404.
- A message is queued until it is looked at the first time; `queue_s` keeps it there for longer.
- A fault ``hidden`` keeps receipts back: what is sent meanwhile stays ``sent`` until it is lifted.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from aiohttp import web

from surecast.contact import masked
from surecast.sandbox.chaos import Fault
from surecast.sandbox.page import page
from surecast.sandbox.server import Platform, Post, RefusedError, html_reply
from surecast.sandbox.twilio_codes import BAD_FROM, LONGEST_VALIDITY_S, WORDS, check, refused, said
from surecast.text.sms import segments

VERSION: Final = "2010-04-01"
NUMBER: Final = "+15005550006"
WRONG: Final = "wrong"
MOST_ON_A_PAGE, ON_A_PAGE = 1000, 50

_LOST: Final = re.compile(r"\+15005551(\d{3})")


class Twilio(Platform):
    """The simulated Twilio. `Post.author` is the number that a message went to.

    Attributes:
        queue_s: how long a message stays queued, in seconds.
    """

    title = "Twilio"
    words: ClassVar[Mapping[Fault, tuple[int, Mapping[str, Any]]]] = MappingProxyType(
        {
            Fault.THROTTLED: said(429, 20429, "Too Many Requests"),
            Fault.UNAUTHORIZED: said(401, 20003, "Authenticate"),
            Fault.FORBIDDEN: said(403, 20403, "Forbidden"),
            Fault.REFUSED: said(400, 21617, WORDS[21617][1]),
            Fault.ERROR: said(500, 20500, "Internal Server Error"),
            Fault.UNAVAILABLE: said(503, 20503, "Service Unavailable"),
        }
    )

    def __init__(self, name: str, **house: Any) -> None:
        super().__init__(name, **house)
        self.queue_s = 0.0

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        account = f"/{VERSION}/Accounts/{{account}}"
        return (
            web.get(f"{account}.json", self._show_account),
            web.post(f"{account}/Messages.json", self._create),
            web.get(f"{account}/Messages.json", self._list),
            web.get(f"{account}/Messages/{{sid}}.json", self._show),
            web.get(f"{account}/IncomingPhoneNumbers.json", self._show_numbers),
            web.get(f"{account}/SMS/ShortCodes.json", self._show_short_codes),
            web.get("/messaging/v1/Services/{sid}", self._show_service),
        )

    def path_of(self, request: web.Request) -> str:
        return re.sub(r"/Accounts/[^/.]+", "/Accounts/***", request.path)

    def refusal(self, status: int, message: str) -> RefusedError:
        return refused(20404) if status == 404 else RefusedError(*said(status, 20000 + status, message))

    # The API

    async def _create(self, request: web.Request) -> web.Response:
        account = _account(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        to, sender, service = form.get("To", ""), form.get("From", ""), form.get("MessagingServiceSid", "")
        check(form)
        sid = f"SM{len(self.shelves.held) + 1:032x}"
        now = self.clock.now()
        message: dict[str, Any] = {
            "sid": sid,
            "account_sid": account,
            "api_version": VERSION,
            "uri": f"/{VERSION}/Accounts/{account}/Messages/{sid}.json",
            "direction": "outbound-api",
            "to": to,
            "from": sender or NUMBER,
            "messaging_service_sid": service or None,
            "body": form["Body"],
            "num_segments": str(segments(form["Body"]).count),
            "num_media": "0",
            "date_created": _date(now),
            "price": None,
            "price_unit": "USD",
            "subresource_uris": {},
        }
        self.shelves.put(
            Post(
                id=sid,
                author=to,
                text=form["Body"],
                html=html.escape(form["Body"]).replace("\n", "<br>"),
                at=now,
                url=f"{self.url}/",
                raw={**message, "validity_period": int(form.get("ValidityPeriod", LONGEST_VALIDITY_S))},
            )
        )
        return web.json_response(message | _status("queued", now), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        account, query = _account(request), request.query
        messages = [
            self._now(post)
            for post in reversed(self.shelves.held.values())
            if post.raw["account_sid"] == account and _wanted(post, self._sent_at(post), query)
        ]
        count = min(MOST_ON_A_PAGE, int(query.get("PageSize", ON_A_PAGE)))
        number = int(query.get("Page", 0))
        begin, path = number * count, request.rel_url
        more = begin + count < len(messages)
        following = path.update_query(Page=number + 1, PageSize=count, PageToken=f"PA{number + 1}")
        before = path.update_query(Page=max(0, number - 1), PageSize=count)
        return web.json_response(
            {
                "messages": messages[begin : begin + count],
                "page": number,
                "page_size": count,
                "start": begin,
                "end": begin + count - 1,
                "uri": str(path),
                "first_page_uri": str(path.update_query(Page=0, PageSize=count)),
                "next_page_uri": str(following) if more else None,
                "previous_page_uri": str(before) if number else None,
            }
        )

    async def _show(self, request: web.Request) -> web.Response:
        account, post = _account(request), self.shelves.held.get(request.match_info["sid"])
        if post is None or post.raw["account_sid"] != account:
            raise refused(20404)
        return web.json_response(self._now(post))

    async def _show_account(self, request: web.Request) -> web.Response:
        sid = _account(request)
        return web.json_response(
            {"sid": sid, "friendly_name": "Simulated", "status": "active", "type": "Full", "owner_account_sid": sid}
        )

    async def _show_numbers(self, request: web.Request) -> web.Response:
        account, number = _account(request), request.query.get("PhoneNumber", NUMBER)
        shown = {"sid": f"PN{0:032x}", "account_sid": account, "phone_number": number, "capabilities": {"sms": True}}
        return web.json_response(_one_page("incoming_phone_numbers", [] if number in BAD_FROM else [shown]))

    async def _show_short_codes(self, request: web.Request) -> web.Response:
        account, code = _account(request), request.query.get("ShortCode", "12345")
        return web.json_response(_one_page("short_codes", [{"account_sid": account, "short_code": code}]))

    async def _show_service(self, request: web.Request) -> web.Response:
        sid = request.match_info["sid"]
        _logged_in(request)
        if sid.endswith("404"):
            raise refused(20404)
        return web.json_response({"sid": sid, "friendly_name": "Simulated"})

    # What became of a message

    def _sent_at(self, post: Post) -> float | None:
        """When a message left the queue, Unix seconds; None while it is there."""
        at = post.at + self.queue_s
        return at if self.clock.now() >= at else None

    def _now(self, post: Post) -> dict[str, Any]:
        """A message as the API shows it now, without how long it is valid."""
        sent_at = self._sent_at(post)
        if sent_at is None:
            status = _status("queued", post.at)
        elif lost := _LOST.fullmatch(post.author):
            status = _status("undelivered", sent_at, sent_at, int(f"30{lost[1]}"))
        else:
            status = _status("delivered" if post.id in self.shelves.shown else "sent", sent_at, sent_at)
        return {name: value for name, value in post.raw.items() if name != "validity_period"} | status

    async def _front_page(self, request: web.Request) -> web.Response:
        """The page shows nobody's number."""
        del request
        shown = tuple(replace(post, author=masked(post.author)) for post in reversed(self.shelves.shown.values()))
        return html_reply(page(f"{self.title}, simulated", shown))


def _account(request: web.Request) -> str:
    """The account of the path, which must be the one that is logged in."""
    if _logged_in(request) != request.match_info["account"]:
        raise refused(20404)
    return request.match_info["account"]


def _logged_in(request: web.Request) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        account, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise refused(20003) from None
    if scheme.lower() != "basic" or not token or token == WRONG:
        raise refused(20003)
    return account


def _status(
    status: str, updated_at: float, sent_at: float | None = None, code: int | None = None
) -> dict[str, str | int | None]:
    return {
        "status": status,
        "date_updated": _date(updated_at),
        "date_sent": None if sent_at is None else _date(sent_at),
        "error_code": code,
        "error_message": None,
    }


def _wanted(post: Post, sent_at: float | None, query: Mapping[str, str]) -> bool:
    """Whether a list with these filters has the message; one that still waits has no date that would fit any."""
    if any(name in query and post.raw[name.lower()] != query[name] for name in ("To", "From")):
        return False
    day = "" if sent_at is None else datetime.fromtimestamp(sent_at, UTC).date().isoformat()
    after, before, on = (query.get(name, "")[:10] for name in ("DateSent>", "DateSent<", "DateSent"))
    if (after or before or on) and not day:
        return False
    return (not after or day >= after) and (not before or day <= before) and (not on or day == on)


def _one_page(name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: items, "page": 0, "page_size": ON_A_PAGE, "next_page_uri": None, "previous_page_uri": None}


def _date(moment: float) -> str:
    """A moment as the API writes it: RFC 2822, whole seconds, with a numeric zone."""
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
