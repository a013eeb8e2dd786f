"""SMS through Twilio, to each contact with a telephone number, with Twilio's own SDK.

API: https://www.twilio.com/docs/messaging/api/message-resource (create, list), accounts, incoming phone numbers,
short codes, and messaging services.

Messages have no key by which Twilio would know an attempt again. What is in doubt is looked up in the list of messages
by number, words and time.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surecast.channel import Context, Errand, Kind, Probed, Sending, Traits
from surecast.channels._twilio_answers import PLATFORM, CallError, judge
from surecast.channels._twilio_list import CLOCKS_DIFFER_S, look, messages_to, receipts
from surecast.channels._twilio_words import LIMITS, LONGEST_VALIDITY_S, Template, dress
from surecast.contact import Medium, masked
from surecast.errors import ConfigError
from surecast.outcome import Look, Outcome, Receipt, Sighting, Verdict
from surecast.secret import Secret
from surecast.settings import setting, web_address
from surecast.threads import DaemonPool
from surecast.transport.classify import classify
from surecast.transport.clients import tls_context
from surecast.transport.redact import register
from surecast.transport.status import unreadable

if TYPE_CHECKING:
    from surecast.channels._twilio_talk import Account, Talk

IN_FLIGHT = 50
TEMPLATES_KEPT = 8


def _address(value: str) -> str:
    if value.startswith("http://") and not re.match(r"http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)", value):
        return "http:// would send the token readable for everybody on the way. Begin it with https://"
    return web_address(value)


def _number_or_name(value: str) -> str:
    if re.fullmatch(r"\+[1-9]\d{6,14}|\d{3,8}", value) or (
        re.fullmatch(r"[A-Za-z0-9 ]{1,11}", value) and re.search(r"[A-Za-z]", value)
    ):
        return ""
    if re.fullmatch(r"MG[0-9a-f]{32}", value):
        return f'this is a messaging service. Write messaging_service = "{value}" instead of from'
    return (
        f"{value!r} is nothing that an SMS can come from. Write the number with + and country, e.g. +302100000000, a "
        "short code, or a name of at most 11 letters and digits"
    )


def _service(value: str) -> str:
    if re.fullmatch(r"MG[0-9a-fA-F]{32}", value):
        return ""
    return f"{value!r} is no messaging service. Copy its SID from the Console; it begins with MG"


def _validity(value: float) -> str:
    if 1 <= value <= LONGEST_VALIDITY_S:
        return ""
    return 'Twilio keeps a message for 1 second to 10 hours. Write e.g. "4h"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person writes in the table of a channel of type ``twilio``."""

    account_sid: Secret = setting(
        "The account's SID, from the Console's first page; it begins with AC.",
        example='{ env = "TWILIO_ACCOUNT_SID" }',
    )
    auth_token: Secret = setting(
        "The account's auth token, from the same page.", example='{ env = "TWILIO_AUTH_TOKEN" }'
    )
    from_: str | None = setting(
        "What the SMS come from: a number of yours at Twilio, a short code, or a name where networks allow one.",
        default=None,
        example='"+15005550006"',
        check=_number_or_name,
        name="from",
    )
    messaging_service: str | None = setting(
        "The SID of a messaging service that picks the number, instead of from; it begins with MG.",
        default=None,
        example='"MG0123456789abcdef0123456789abcdef"',
        check=_service,
    )
    validity_s: float = setting(
        "How long Twilio may keep a message before it is sent; never longer than the announcement is valid.",
        default=4 * 3600.0,
        example="4h",
        check=_validity,
    )
    smart: bool = setting(
        "Whether typographic characters are replaced by plain ones where that makes fewer segments.",
        default=True,
        example="false",
    )
    sender_name: bool | str = setting(
        "The name at the beginning of each message: true for the house's sender, false for none, or another name.",
        default=True,
        example='"Ferries"',
    )
    opt_out: str = setting(
        "What stands at the end of each message, usually how to stop them.",
        default="",
        example='"Reply STOP to end"',
    )
    api: str = setting(
        "The address of Twilio's API, e.g. that of another region.",
        default="https://api.twilio.com",
        check=_address,
        sandbox="endpoint",
    )

    def __post_init__(self) -> None:
        if self.from_ is None and self.messaging_service is None:
            raise ConfigError('nothing says what the SMS come from. Write from = "+..." or messaging_service = "MG..."')
        if self.from_ is not None and self.messaging_service is not None:
            raise ConfigError("from and messaging_service exclude each other. Remove one of them")


TRAITS = Traits(platform="SMS", limits=LIMITS, resend="after_lookup", public=False, medium=Medium.PHONE, costly=True)


class TwilioAdapter:
    """Sends SMS of one account.

    Args:
        settings: the account, and what its messages come from.
        context: what the house gives besides.
    """

    traits = TRAITS

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._pool = DaemonPool(f"twilio-{context.name}", size=2)
        self._talk: Talk | None = None
        self._account: Account | None = None
        self._templates: dict[bytes, Template] = {}

    async def open(self) -> None:
        """Loads the SDK, the trusted certificates and the secrets, off the loop; no traffic."""
        await self._pool.run(importlib.import_module, "surecast.channels._twilio_talk")
        await self._pool.run(tls_context, self._context)
        try:
            await self._log_in()
        except ConfigError:
            return  # told when it is needed

    async def close(self) -> None:
        """Ends all connections."""
        talk, self._talk, self._account = self._talk, None, None
        self._pool.close()
        if talk is not None:
            await talk.close()

    async def prepare(self, errand: Errand) -> bytes:
        """What every recipient is sent, as JSON: the words, what they come from, and how long they are valid."""
        return Template(
            body=errand.post.parts[errand.part].text,
            sender=self._settings.from_,
            service=self._settings.messaging_service,
            validity_s=self._settings.validity_s,
            expires_at=errand.expires_at,
        ).payload()

    async def publish(self, sending: Sending) -> Outcome:
        """Sends one SMS once."""
        assert sending.to is not None
        account = self._account or await self._log_in()
        fields = self._template(sending.payload).fields()
        try:
            sid = await account.send(fields, sending.to.address, sending.timeout_s)
        except CallError as error:
            if error.reply.status == 401:
                self._account = None  # the secrets may have been changed where they are kept
            raise
        if sid is None:
            return unreadable(PLATFORM)
        return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id=sid))

    async def find(self, sending: Sending) -> Look:
        """Looks for the same words to the same number among the messages sent since the first attempt began."""
        assert sending.to is not None
        template, since = self._template(sending.payload), sending.first_began_at - CLOCKS_DIFFER_S
        try:
            async with asyncio.timeout(sending.timeout_s):
                account = self._account or await self._log_in()
                messages = await messages_to(account, sending.to.address, template.sender, since, sending.timeout_s)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was seen
            return Look(sighting=Sighting.UNKNOWN, answered=False, detail=self._explain(error))
        return look(messages, template, sending)

    async def receipts(self, since: float, timeout_s: float) -> AsyncIterator[Sequence[tuple[str, Outcome]]]:
        """What became of the messages sent since a moment, by their delivery receipts, page by page.

        What is still on its way is left out, and so is what other senders of the account sent.

        Args:
            since: Unix seconds.
            timeout_s: of each page, in seconds.
        """
        account = self._account or await self._log_in()
        settings = self._settings
        async for page in receipts(account, settings.from_, settings.messaging_service, since, timeout_s):
            yield page

    async def probe(self, timeout_s: float) -> Probed:
        """Says as which account SMS are sent and from where, and whether the account may."""
        try:
            async with asyncio.timeout(timeout_s):
                account = self._account or await self._log_in()
                found = await account.look(timeout_s)
                lacks = await self._lacks(account, timeout_s)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is explained
            return Probed(ok=False, detail=self._explain(error), outcome=classify(error, own=self.classify))
        detail = f"Sends from {self._named()} as the account “{found.friendly_name}”."
        if found.status != "active":
            return Probed(ok=False, detail=f"{detail} But the account is {found.status}. Look at its Console.")
        if lacks:
            return Probed(ok=False, detail=f"{detail} {lacks}")
        if found.type == "Trial":
            detail += " It is a trial account: only verified numbers are written to."
        return Probed(ok=True, detail=detail)

    def classify(self, error: BaseException) -> Outcome | None:
        """Judges by what Twilio answered; without an answer, the transport's error tells."""
        return judge(error)

    async def _log_in(self) -> Account:
        from surecast.channels import _twilio_talk  # noqa: PLC0415 - loads the SDK, in `open`

        login = await self._pool.run(read_login, self._settings)
        if self._talk is None:
            self._talk = _twilio_talk.Talk(self._context, self._settings.api)
        self._account = self._talk.account(*login)
        return self._account

    def _template(self, payload: bytes) -> Template:
        """A payload is the same object for all recipients: it is read once."""
        known = self._templates.get(payload)
        if known is None:
            known = self._templates[payload] = Template.read(payload)
            for old in list(self._templates)[:-TEMPLATES_KEPT]:
                del self._templates[old]
        return known

    async def _lacks(self, account: Account, timeout_s: float) -> str:
        """What is wrong with the number or the service; a name belongs to nobody and cannot be looked up."""
        service, number = self._settings.messaging_service, self._settings.from_ or ""
        if service is not None:
            try:
                await account.service(service, timeout_s)
            except CallError as error:
                if error.reply.status != 404:
                    raise
                return "But there is no such service. Correct messaging_service."
            return ""
        if not _is_number(number):
            return ""
        found = await account.numbers(number, timeout_s)
        if not found:
            return "But the account has no such number. Correct from."
        takes_sms = (getattr(found[0], "capabilities", None) or {}).get("sms", True)
        return "" if takes_sms else "But this number can send no SMS. Take another one."

    def _named(self) -> str:
        sender = self._settings.from_
        if sender is None:
            return "a messaging service"
        return masked(sender) if _is_number(sender) else f"“{sender}”"

    def _explain(self, error: BaseException) -> str:
        """Why a look told nothing, for people; nothing was sent."""
        outcome = classify(error, self.classify)
        return (
            f"{PLATFORM} gave no answer that can be used." if outcome.verdict is Verdict.UNCERTAIN else outcome.detail
        )


def _is_number(sender: str) -> bool:
    return sender.removeprefix("+").isdecimal()


def read_login(settings: Settings) -> tuple[str, str]:
    """The account's SID and token, masked from now on.

    Raises:
        ConfigError: one is missing, or holds what would lead to another address.
    """
    sid, token = settings.account_sid.reveal(), settings.auth_token.reveal()
    if sid.startswith("SK"):
        raise ConfigError(
            f"The account_sid {settings.account_sid.source} is that of an API key. Give the account's, AC..."
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", sid):
        raise ConfigError(
            f"The account_sid {settings.account_sid.source} holds characters that none has. Copy it anew."
        )
    register(sid)
    register(token)
    return sid, token


KIND = Kind(
    name="twilio",
    traits=TRAITS,
    settings=Settings,
    adapter=TwilioAdapter,
    sdk=("twilio",),
    dress=dress,
    in_flight=IN_FLIGHT,
    status_page="https://status.twilio.com/api/v2/summary.json",
)
