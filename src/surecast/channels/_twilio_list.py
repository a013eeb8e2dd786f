"""Reading Twilio's list of messages: for one in doubt, and for what became of many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from surecast.channels._twilio_answers import receipt_of
from surecast.channels._twilio_words import Template
from surecast.outcome import Look, Outcome, Receipt, Sighting
from surecast.text.sms import transliterate

if TYPE_CHECKING:
    from surecast.channel import Sending
    from surecast.channels._twilio_talk import Account

#: How many messages a page holds at most (https://www.twilio.com/docs/usage/twilios-response#pagination), and how many
#: of one number's are looked through at first.
PAGE, FIRST_LOOK = 1000, 50

#: A message may be dated so much before our own clock says that it was begun.
CLOCKS_DIFFER_S = 120.0

#: What a trial account's messages begin with (https://www.twilio.com/docs/usage/tutorials/how-to-use-your-free-trial).
TRIAL = "Sent from your Twilio trial account - "


async def messages_to(account: Account, to: str, sender: str | None, since: float, timeout_s: float) -> list[Any]:
    """The messages of a sender to a number; all, or at least those of the days from a moment on (Unix seconds).

    One that still waits in a queue has no date of sending, so the newest are asked for without one.
    """
    filters = _by_sender(sender) | {"to": to}
    page = await account.page(timeout_s, page_size=FIRST_LOOK, **filters)
    found = {message.sid: message for message in page}
    if page.next_page_url is not None:
        async for more in _pages(account, timeout_s, date_sent_after=_day(since), **filters):
            found |= {message.sid: message for message in more}
    return list(found.values())


def look(messages: Iterable[Any], template: Template, sending: Sending) -> Look:
    """The message in doubt among those to its number; of two that may be it, nobody knows which one is."""
    since = sending.first_began_at - CLOCKS_DIFFER_S
    words = _plain(template.body)
    found = [
        message.sid
        for message in messages
        if message.sid not in sending.claimed
        and _is_ours(message, template.sender, template.service, since)
        and _plain(message.body) == words
    ]
    if not found:
        return Look(sighting=Sighting.UNSEEN)
    if len(found) > 1:
        return Look(sighting=Sighting.UNKNOWN, detail=f"{len(found)} messages with these words went to this number.")
    return Look(sighting=Sighting.SEEN, receipt=Receipt(id=found[0]))


async def receipts(
    account: Account, sender: str | None, service: str | None, since: float, timeout_s: float
) -> AsyncIterator[Sequence[tuple[str, Outcome]]]:
    """What became of the messages that a sender or a service sent since a moment by our clock, page by page."""
    since -= CLOCKS_DIFFER_S
    async for page in _pages(account, timeout_s, date_sent_after=_day(since), **_by_sender(sender)):
        told = ((message, receipt_of(message.status, message.error_code)) for message in page)
        yield [
            (message.sid, outcome) for message, outcome in told if outcome and _is_ours(message, sender, service, since)
        ]


async def _pages(account: Account, timeout_s: float, **filters: Any) -> AsyncIterator[Any]:
    async with asyncio.timeout(timeout_s):
        page = await account.page(timeout_s, page_size=PAGE, **filters)
    while page is not None:
        yield page
        async with asyncio.timeout(timeout_s):
            page = await account.next_page(page, timeout_s)


def _by_sender(sender: str | None) -> dict[str, str]:
    """The filter by sender: a number. Which one a service picks is not known before, and names may not be found."""
    return {"from_": sender} if sender and sender.removeprefix("+").isdecimal() else {}


def _is_ours(message: Any, sender: str | None, service: str | None, since: float) -> bool:
    """Whether this sender or this service sent it, since a moment."""
    created = message.date_created
    return (
        str(message.direction).startswith("outbound")
        and (sender is None or str(message.from_).casefold() == sender.casefold())
        and (service is None or message.messaging_service_sid == service)
        and (created is None or created.timestamp() >= since)
    )


def _plain(body: str | None) -> str:
    """Words as they are compared: a service may replace typographic characters by itself."""
    return " ".join(transliterate((body or "").removeprefix(TRIAL)).split())


def _day(moment: float) -> str:
    """The day of a moment in UTC, as Twilio's filters take it."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
