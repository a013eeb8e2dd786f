"""From the cells of a row to a contact, and to what is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date

from surecast.audiences.audience import CONSENTS, Audience, is_language, is_time_zone
from surecast.audiences.chats import chat
from surecast.audiences.consent import said
from surecast.audiences.flaws import Flaw, Unusable, holds_surrogates, not_utf8
from surecast.audiences.mail import mail_address
from surecast.audiences.numbers import known_region, phone_number
from surecast.contact import Contact, Medium

LONGEST_TEXT = 200

#: What no name holds: the beginning of a spreadsheet's formula; what ends a header's line, steers a terminal or turns
#: the direction of the text; a web address, with which a sign-up form is made to send somebody else's advertisement.
_NO_NAME = re.compile(
    r"\A[=@+\-]|[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|://|\bwww\.", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Cells = tuple[str, ...]


class People:
    """Makes contacts of the rows of one audience.

    Args:
        word: what a row is called: ``line`` or ``row``.
        names: what the source calls our fields; may grow while it is read.
        latest: the last day on which somebody can have agreed.

    Raises:
        ConfigError: the audience's region is no country.
    """

    def __init__(self, audience: Audience, word: str, names: Mapping[str, str], latest: date) -> None:
        self._word = word
        self._names = names
        self._latest = latest
        self._region = audience.region
        self._language = audience.language or ""
        self._time_zone = audience.time_zone or ""
        self._consented = audience.consented
        if audience.region is not None:
            known_region(audience.region)

    def contact(self, number: int, cells: Cells) -> tuple[Contact | None, tuple[Flaw, ...]]:
        """The contact of a row, without whatever is wrong with it; None when no address is left."""
        key, name, phone, email, telegram, language, zone, by_sms, by_email, by_telegram = map(str.strip, cells)
        flaws: list[Flaw] = []
        addresses: dict[Medium, str] = {}
        if phone:
            try:
                addresses[Medium.PHONE] = phone_number(phone, self._region)
            except Unusable as wrong:
                flaws.append(self.flaw(number, "phone", wrong))
        if email:
            try:
                addresses[Medium.EMAIL] = mail_address(email)
            except Unusable as wrong:
                flaws.append(self.flaw(number, "email", wrong))
        if telegram:
            try:
                addresses[Medium.TELEGRAM] = chat(telegram)
            except Unusable as wrong:
                flaws.append(self.flaw(number, "telegram", wrong))
        consents = self._consents(number, (by_sms, by_email, by_telegram), flaws)
        if not addresses:
            flaws.append(self.flaw(number, "", _no_address(some=bool(flaws))))
            return None, tuple(flaws)
        contact = Contact(
            key=self._checked(number, "id", key, _id, flaws) or key_of(addresses),
            addresses=addresses,
            consents=consents.intersection(addresses),
            name=self._checked(number, "name", name, _name, flaws),
            language=self._checked(number, "language", language, _language, flaws) or self._language,
            time_zone=self._checked(number, "time_zone", zone, _time_zone, flaws) or self._time_zone,
        )
        return contact, tuple(flaws)

    def flaw(self, number: int, field: str, wrong: Unusable) -> Flaw:
        """What is wrong with a field of a row."""
        column = self._names.get(field, field)
        return Flaw(place=f"{self._word} {number}", column=column, what=wrong.what, cure=wrong.cure)

    def _checked(self, number: int, field: str, value: str, check: Callable[[str], str], flaws: list[Flaw]) -> str:
        if not value:
            return ""
        try:
            return check(value)
        except Unusable as wrong:
            flaws.append(self.flaw(number, field, wrong))
            return ""

    def _consents(self, number: int, written: tuple[str, str, str], flaws: list[Flaw]) -> frozenset[Medium]:
        """A person's own word goes before what holds for the list; a word that cannot be read is taken for a no."""
        if not any(written):
            return self._consented
        yes, no = set[Medium](), set[Medium]()
        for word, value in zip(("sms", "email", "telegram"), written, strict=True):
            try:
                answer = said(value, self._latest)
            except Unusable as wrong:
                flaws.append(self.flaw(number, f"consent_{word}", wrong))
                answer = "no"
            if answer != "unsaid":
                (yes if answer == "yes" else no).add(CONSENTS[word])
        return frozenset((self._consented | yes) - no)


def key_of(addresses: Mapping[Medium, str]) -> str:
    """What stands for a person without an id: the same as long as all addresses are."""
    text = "\0".join(f"{medium}={address.casefold()}" for medium, address in addresses.items())
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _no_address(*, some: bool) -> Unusable:
    if some:
        return Unusable("no address is left", "Mend one of them, or remove the row")
    return Unusable("there is no address", "Write a phone, an email or a telegram, or remove the row")


def _name(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise Unusable(f"it is longer than {LONGEST_TEXT} characters", "Write a name; until then none is used")
    if holds_surrogates(value):
        raise not_utf8()
    if found := _NO_NAME.search(value):
        what = {"=": "a formula", "@": "a formula", "+": "a formula", "-": "a formula"}.get(found[0])
        what = what or ("a web address" if found[0].isprintable() else "a line break or another control character")
        raise Unusable(f"it is no name: it holds {what}", "Write a name; until then none is used")
    return value


def _id(value: str) -> str:
    if len(value) > LONGEST_TEXT or _CONTROL.search(value) or holds_surrogates(value):
        raise Unusable(
            "it is too long for an id, or holds what cannot be shown", "Correct it; until then the addresses identify"
        )
    return value


def _language(value: str) -> str:
    if not is_language(value):
        raise Unusable("it is no language tag", "Write one of BCP 47, e.g. en or pt-BR; until then it has none")
    return value


def _time_zone(value: str) -> str:
    if not is_time_zone(value):
        raise Unusable("it is no time zone", "Write e.g. Europe/Athens; until then it has none of its own")
    return value
