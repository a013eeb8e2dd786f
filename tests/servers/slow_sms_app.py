"""The process of SlowSms: `python slow_sms_app.py PORT DELAY_SECONDS`. It needs the standard library only.

HTTP by hand, as a web framework would be the slowest part of what is measured. No chunked bodies, no TLS.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

MESSAGES = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages(?:/(\w+))?\.json")
NUMBER = "+15551234567"
LONGEST = 1600
# https://www.twilio.com/docs/iam/test-credentials
TEST_NUMBERS = {
    "+15005550001": (21211, "The 'To' number is not a valid phone number"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
PHRASES = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Account:
    """What was sent and counted, for all connections."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.messages: list[dict[str, Any]] = []
        self.by_sid: dict[str, dict[str, Any]] = {}
        self.by_number: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.requests = self.creates = self.in_flight = self.most_in_flight = 0

    def counts(self) -> dict[str, int]:
        """The counts by name."""
        return {"requests": self.requests, "creates": self.creates, "most_in_flight": self.most_in_flight}

    def create(self, account: str, form: dict[str, str]) -> tuple[int, Any]:
        """Take a message: from now on it is out, whether or not its sender hears of it."""
        to, text = form.get("To", ""), form.get("Body", "")
        refusal = TEST_NUMBERS.get(to)
        if not to:
            refusal = (21604, "A 'To' phone number is required.")
        elif not text:
            refusal = (21602, "Message body is required.")
        elif len(text) > LONGEST:
            refusal = (21617, f"The concatenated message body exceeds the {LONGEST} character limit")
        if refusal:
            return error(400, *refusal)
        now, sid = int(time.time()), f"SM{len(self.messages) + 1:032x}"
        service = form.get("MessagingServiceSid")
        when = formatdate(now)
        answer = {
            "account_sid": account, "api_version": "2010-04-01", "body": text, "date_created": when, "date_sent": None,
            "date_updated": when, "direction": "outbound-api", "error_code": None, "error_message": None,
            "from": form.get("From"), "messaging_service_sid": service, "num_media": "0", "num_segments": "1",
            "price": None, "price_unit": None, "sid": sid, "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"/2010-04-01/Accounts/{account}/Messages/{sid}/Media.json"}, "to": to,
            "uri": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
        }  # fmt: skip
        later = {"date_sent": when, "from": form.get("From") or NUMBER, "status": "delivered"}
        kept = {**answer, **later, "status_callback": form.get("StatusCallback"), "_second": now}
        self.messages.append(kept)
        self.by_sid[sid] = kept
        self.by_number[to].append(kept)
        return 201, answer

    def fetch(self, sid: str) -> tuple[int, Any]:
        """One message."""
        message = self.by_sid.get(sid)
        return (200, public(message)) if message else error(404, 20404, "The requested resource was not found")

    def list(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """A page of the messages that were asked for, the newest first."""
        found = self.by_number.get(query["To"], []) if "To" in query else self.messages
        found = [message for message in reversed(found) if wanted(message, query)]
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
        start = page * size
        shown = found[start : start + size]
        following = {**query, "Page": str(page + 1), "PageToken": f"PA{shown[-1]['sid']}" if shown else ""}
        return 200, {
            "messages": [public(message) for message in shown], "page": page, "page_size": size, "start": start,
            "end": start + len(shown) - 1, "uri": f"{path}?{urlencode(query)}", "previous_page_uri": None,
            "first_page_uri": f"{path}?{urlencode({**query, 'Page': '0'})}",
            "next_page_uri": f"{path}?{urlencode(following)}" if start + size < len(found) else None,
        }  # fmt: skip


def wanted(message: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether a message passes the filters of a list."""
    if "From" in query and message["from"] != query["From"]:
        return False
    after, before = query.get("DateSent>"), query.get("DateSent<")
    if after and message["_second"] < second(after):
        return False
    return not (before and message["_second"] > second(before))


def second(moment: str) -> float:
    """A date or an instant as Twilio writes it, in UTC."""
    read = datetime.fromisoformat(moment)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def public(message: dict[str, Any]) -> dict[str, Any]:
    """What the API tells of a message: not the address for its status."""
    return {name: value for name, value in message.items() if name not in ("status_callback", "_second")}


def error(status: int, code: int, message: str) -> tuple[int, Any]:
    """An error as Twilio words it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return status, {"code": code, "message": message, "more_info": more, "status": status}


class Connection(asyncio.Protocol):
    """One client's connection, kept open between requests."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take every request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            length = re.search(r"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < whole:
                return
            body = self.buffer[end + 4 : whole].decode()
            del self.buffer[:whole]
            self.request(head, body)

    def request(self, head: str, body: str) -> None:
        """Do what is asked, and answer now or later."""
        method, target, _ = head.split(" ", 2)
        path, _, query = target.partition("?")
        account = self.account
        if path.startswith("/_"):
            self.answer(*self.control(path, dict(parse_qsl(body))))
            return
        account.requests += 1
        matched = MESSAGES.fullmatch(unquote(path))
        if matched is None:
            self.answer(*error(404, 20404, "The requested resource was not found"))
        elif "\r\nauthorization: basic " not in head.lower():
            self.answer(*error(401, 20003, "Authenticate"))
        elif matched[2]:
            self.answer(*account.fetch(matched[2]))
        elif method == "GET":
            self.answer(*account.list(path, dict(parse_qsl(query))))
        else:
            account.creates += 1
            account.in_flight += 1
            account.most_in_flight = max(account.most_in_flight, account.in_flight)
            answer = account.create(matched[1], dict(parse_qsl(body)))
            asyncio.get_running_loop().call_later(account.delay, self.answer_create, *answer)

    def control(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """What the test asks, beside the API."""
        account = self.account
        if path == "/_sent":
            return 200, [{**public(kept), "status_callback": kept["status_callback"]} for kept in account.messages]
        if path == "/_delay":
            account.delay = float(form["Seconds"])
        elif path == "/_reset":
            account.reset()
        return 200, account.counts()

    def answer_create(self, status: int, content: Any) -> None:
        """The late answer to a message."""
        self.account.in_flight -= 1
        self.answer(status, content)

    def answer(self, status: int, content: Any) -> None:
        """Answer a request, if the client is there still."""
        if self.transport.is_closing():
            return
        body = json.dumps(content).encode()
        head = (
            f"HTTP/1.1 {status} {PHRASES[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        self.transport.write(head.encode() + b"\r\n" + body)


async def main(port: int, delay: float) -> None:
    """Serve until killed."""
    account = Account(delay)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(account), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
