"""An address as a person types it, without saying which sort it is."""

from __future__ import annotations

import re

from surecast.audiences.chats import chat
from surecast.audiences.flaws import Unusable
from surecast.audiences.mail import mail_address
from surecast.audiences.numbers import phone_number
from surecast.contact import Medium
from surecast.errors import UsageError


def read_address(text: str, region: str | None = None) -> tuple[Medium, str]:
    """The medium and the normalised form of a typed address.

    ``+30 2101234567`` is a telephone number, ``anna@ferries.example`` an e-mail address, ``@anna`` or
    ``telegram:123456`` a Telegram chat.

    Args:
        region: the country of telephone numbers without a country code.

    Raises:
        UsageError: it is none of these.
    """
    word, _, rest = text.strip().partition(":")
    try:
        if word.lower() == Medium.TELEGRAM:
            return Medium.TELEGRAM, chat(rest.strip())
        if text.strip().startswith("@"):
            return Medium.TELEGRAM, chat(text.strip())
        if "@" in text:
            return Medium.EMAIL, mail_address(text.strip())
        if re.search(r"\d", text):
            return Medium.PHONE, phone_number(text.strip(), region)
    except Unusable as error:
        raise UsageError(f"This is no address that can be used: {error}.") from error
    raise UsageError(
        "This is no address. Give a telephone number with + and country, an e-mail address, or telegram:NUMBER."
    )
