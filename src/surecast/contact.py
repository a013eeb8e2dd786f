"""The people whom direct channels write to: contacts with addresses, and what an adapter is told of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Medium(StrEnum):
    """By which of a contact's addresses a direct channel reaches it; also the name of the column that holds it."""

    PHONE = "phone"
    EMAIL = "email"
    TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person with addresses, as an audience gives it.

    Attributes:
        key: the person's id within the audience; without one, a hash of the normalised addresses.
        addresses: those that are valid, normalised: E.164, the canonical form of an e-mail address, a chat's number.
        consents: by which of them the person agreed to be written to.
        language: BCP 47 tag; empty takes the announcement's.
        time_zone: IANA name; empty takes the audience's.
    """

    key: str
    addresses: Mapping[Medium, str] = field(repr=False)
    consents: frozenset[Medium]
    name: str = field(default="", repr=False)
    language: str = ""
    time_zone: str = ""

    def reachable(self, medium: Medium) -> bool:
        """Whether there is an address, and the consent to use it."""
        return medium in self.addresses and medium in self.consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One contact as an adapter sees it: where to send, and what may be said to it.

    Attributes:
        address: normalised; never shown in a log, an error or a `repr`.
        language: BCP 47 tag, never empty.
    """

    address: str = field(repr=False)
    name: str = field(default="", repr=False)
    language: str = "en"


def masked(address: str) -> str:
    """An address as it may be shown in logs and kept for good: enough to recognise, too little to use.

    ``+30***4567``, ``e***@ferries.example``, ``***4321``.
    """
    local, at, domain = address.rpartition("@")
    if at and local:
        return f"{local[0]}***@{domain}"
    head = address[: min(3, max(0, len(address) - 7))]
    return f"{head}***{address[-4:] if len(address) > 5 else ''}"
