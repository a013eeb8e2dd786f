"""What the public sees of a post in a channel or group with a public name: Telegram's web pages.

The widget of a post, ``https://t.me/name/number?embed=1``, is what https://core.telegram.org/widgets/post embeds
elsewhere. It holds the post, or an error such as "Post not found". That error alone proves nothing: it also comes
where the web shows nothing of a chat at all. A channel's list of posts, ``https://t.me/s/name?before=number``, has the
twenty posts before a number. Only a list that shows the channel's other posts, and not this one, shows an absence.
Markup as many programs read it, 2026-11-22.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from surecast.outcome import Look, Receipt, Sighting

if TYPE_CHECKING:
    import httpx

_POST: Final = re.compile(r'data-post="([A-Za-z0-9_]+)/(\d+)"')
_NO_POST: Final = "tgme_widget_message_error"
_PLACE: Final = re.compile(r"https?://[^?#]*/([A-Za-z]\w{3,31})/(\d+)(?:[?#].*)?", re.ASCII)


def place(receipt: Receipt) -> tuple[str, int] | None:
    """The public name of the chat and the number of the message; None for a post in a private chat."""
    found = _PLACE.fullmatch(receipt.url or "")
    return (found[1], int(found[2])) if found else None


async def look(reader: httpx.AsyncClient, pages: str, receipt: Receipt) -> Look:
    """Looks for a post as anybody can; what is unclear is no information."""
    where = place(receipt)
    if where is None:
        return _unknown("A post in a private chat cannot be seen in public.")
    name, number = where
    widget = await reader.get(f"{pages}/{name}/{number}", params={"embed": "1"})
    if number in _posts(widget, name):
        return Look(sighting=Sighting.SEEN, receipt=receipt)
    if widget.status_code != 200 or _NO_POST not in widget.text:
        return _unknown(
            f"The post's page answered with {widget.status_code}, and shows neither a post nor its absence."
        )
    listed = _posts(await reader.get(f"{pages}/s/{name}", params={"before": str(number + 1)}), name)
    if number in listed:
        return Look(sighting=Sighting.SEEN, receipt=receipt)
    return Look(sighting=Sighting.UNSEEN) if listed else _unknown("The web shows no posts of this chat at all.")


def _posts(page: httpx.Response, name: str) -> set[int]:
    """The numbers of the chat's messages that a page shows; names are the same in any case of letters."""
    if page.status_code != 200:
        return set()
    return {int(number) for chat, number in _POST.findall(page.text) if chat.lower() == name.lower()}


def _unknown(detail: str) -> Look:
    return Look(sighting=Sighting.UNKNOWN, detail=detail)
