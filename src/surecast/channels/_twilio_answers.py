"""What Twilio's answers and delivery receipts mean: a table of its error codes, and the one of statuses for the rest.

Twilio says that codes may change (https://www.twilio.com/docs/api/errors), so they are data, and an unknown one is
taken for a matter of the one recipient. Its own words are not shown beside a code that is known here: they may name a
person's number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.status import MAYBE, from_status, unreadable

PLATFORM = "Twilio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = field(default="", repr=False)

    @property
    def code(self) -> int | None:
        """Twilio's own code; None where something else answered."""
        try:
            answer: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        code = answer.get("code") if isinstance(answer, dict) else None
        return code if isinstance(code, int) and code >= 10_000 else None


class CallError(Exception):
    """An answer that is no success; the SDK's own errors drop its headers.

    Attributes:
        reply: the answer.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{PLATFORM} answered {reply.status}.")
        self.reply = reply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a code means; `sentence` follows the platform's name."""

    verdict: Verdict = Verdict.REFUSED
    scope: Scope
    reason: Reason
    sentence: str


def _nobody(sentence: str) -> _Row:
    return _Row(scope=Scope.RECIPIENT, reason=Reason.NO_SUCH_ADDRESS, sentence=sentence)


def _this_one(sentence: str) -> _Row:
    """One recipient is not written to, others may be."""
    return _Row(scope=Scope.RECIPIENT, reason=Reason.NOT_ALLOWED, sentence=sentence)


def _sender(sentence: str) -> _Row:
    """Nothing can be sent until a person has corrected that, and then all can; the platform itself is well."""
    return _Row(verdict=Verdict.SKIPPED, scope=Scope.CHANNEL, reason=Reason.MISCONFIGURED, sentence=sentence)


def _text(sentence: str) -> _Row:
    return _Row(scope=Scope.CONTENT, reason=Reason.TEXT_REFUSED, sentence=sentence)


def _account(reason: Reason, sentence: str) -> _Row:
    return _Row(verdict=Verdict.UNAUTHORIZED, scope=Scope.CHANNEL, reason=reason, sentence=sentence)


_OPTED_OUT = _Row(
    scope=Scope.RECIPIENT, reason=Reason.OPTED_OUT, sentence="sends nothing to this person, who has answered STOP"
)
_NUMBER = _nobody("says that this is no valid number")
_NO_MOBILE = _nobody("says that this number takes no SMS")
_FROM = _sender("does not let this account send from there. Check from, and that the number is yours and takes SMS")
_SERVICE = _sender("cannot use this messaging service. Check messaging_service, and that it has a number to send from")
_FULL = _Row(
    verdict=Verdict.THROTTLED,
    scope=Scope.CHANNEL,
    reason=Reason.RATE_LIMITED,
    sentence="has more messages of this sender in its queue than it takes",
)
_SUSPENDED = _account(Reason.NOT_ALLOWED, "says that this account is suspended or closed. Look at its Console")

#: What a refused request means. Each code is explained at https://www.twilio.com/docs/api/errors/CODE; read 2026-11-22.
REFUSALS: Mapping[int, _Row] = MappingProxyType(
    {
        20003: _account(
            Reason.CREDENTIALS, "does not accept account_sid and auth_token. Copy both anew from its Console"
        ),
        20005: _SUSPENDED,
        20008: _account(Reason.CREDENTIALS, "got test credentials. Copy the live ones from its Console"),
        20403: _account(Reason.NOT_ALLOWED, "does not allow this account to do that. Look at its Console"),
        20404: _sender("knows no such account or service. Check account_sid and messaging_service"),
        21201: _NUMBER,
        21211: _NUMBER,
        21212: _FROM,
        21214: _nobody("says that this number cannot be reached"),
        21217: _NUMBER,
        21265: _nobody("says that this is a short code, which takes no SMS"),
        21266: _this_one("does not send from a number to itself"),
        21267: _FROM,
        21408: _this_one("may not send to this country. Allow it in its Console under Messaging, Geo permissions"),
        21602: _text("takes no empty message"),
        21603: _FROM,
        21604: _NUMBER,
        21606: _FROM,
        21608: _this_one("writes only to numbers that are verified, as this is a trial account. Upgrade it"),
        21610: _OPTED_OUT,
        21611: _FULL,
        21612: _this_one("cannot reach this number from this sender"),
        21614: _NO_MOBILE,
        21617: _text("found the text longer than 1,600 characters"),
        21619: _text("takes no empty message"),
        21635: _nobody("says that this is a landline, which takes no SMS"),
        21659: _FROM,
        21660: _FROM,
        21661: _FROM,
        21701: _SERVICE,
        21703: _SERVICE,
        21704: _SERVICE,
        21705: _SERVICE,
        21712: _SERVICE,
        30001: _FULL,
        30002: _SUSPENDED,
        30007: _text("takes this text for spam or against its rules"),
        30034: _sender("wants this US number registered first (A2P 10DLC). Register it in its Console"),
    }
)

#: Why an accepted message did not arrive, as its receipt says: (reason, what follows the platform's name).
FAILURES: Mapping[int, tuple[Reason, str]] = MappingProxyType(
    {
        21211: (Reason.NO_SUCH_ADDRESS, _NUMBER.sentence),
        21408: (Reason.UNDELIVERED, REFUSALS[21408].sentence),
        21610: (Reason.OPTED_OUT, _OPTED_OUT.sentence),
        21614: (Reason.NO_SUCH_ADDRESS, _NO_MOBILE.sentence),
        21635: (Reason.NO_SUCH_ADDRESS, REFUSALS[21635].sentence),
        30001: (Reason.UNDELIVERED, "had too many messages of this sender in its queue"),
        30002: (Reason.UNDELIVERED, _SUSPENDED.sentence),
        30003: (Reason.UNDELIVERED, "could not reach the telephone: switched off, or without a network"),
        30004: (Reason.UNDELIVERED, "says that the network or the person blocks messages"),
        30005: (Reason.NO_SUCH_ADDRESS, "says that this number is unknown or no longer in use"),
        30006: (Reason.NO_SUCH_ADDRESS, "says that this is a landline, or of a network that takes no SMS"),
        30007: (
            Reason.UNDELIVERED,
            "or the network took this text for spam; others may not get it either",
        ),
        30008: (Reason.UNDELIVERED, "does not know why it did not arrive"),
        30034: (Reason.UNDELIVERED, REFUSALS[30034].sentence),
        30036: (Reason.UNDELIVERED, "had it in its queue for longer than it was to be valid"),
    }
)

#: A failing server, or what failed in front of it, may have passed the message on; a second copy costs money again.
MAYBE_PASSED_ON = frozenset({502, 503})

ARRIVED = frozenset({"delivered", "read"})
LOST = frozenset({"undelivered", "failed", "canceled"})


def judge(error: BaseException) -> Outcome | None:
    """The outcome by what Twilio answered; None without an answer, which leaves it to the common rules."""
    if not isinstance(error, CallError):
        return None
    reply = error.reply
    code = reply.code
    if 200 <= reply.status < 300:
        return unreadable(PLATFORM)
    outcome = from_status(reply.status, headers=reply.headers, body=reply.body, platform=PLATFORM)
    if reply.status in MAYBE_PASSED_ON:
        detail = f"{PLATFORM} failed ({reply.status}). {MAYBE}"
        return replace(outcome, verdict=Verdict.UNCERTAIN, reason=Reason.SERVER_ERROR, detail=detail)
    if reply.status >= 500 or outcome.verdict is Verdict.THROTTLED:
        return outcome
    if code is None:
        return outcome  # something in front of it
    if code in REFUSALS:
        return _refused(REFUSALS[code], code)
    detail = f"{PLATFORM} refused this message ({_named(code)})."
    return Outcome(verdict=Verdict.REFUSED, scope=Scope.RECIPIENT, reason=Reason.NOT_ALLOWED, detail=detail)


def receipt_of(status: str | None, code: int | None) -> Outcome | None:
    """What a message's status says; None while it is on its way."""
    if status in ARRIVED:
        return Outcome(verdict=Verdict.CONFIRMED)
    if status not in LOST:
        return None
    reason, sentence = FAILURES.get(code or 0, (Reason.UNDELIVERED, "says that it did not arrive"))
    detail = f"{PLATFORM} {sentence} ({_named(code) if code else status})."
    return Outcome(verdict=Verdict.INVISIBLE, scope=Scope.RECIPIENT, reason=reason, detail=detail)


def _refused(row: _Row, code: int) -> Outcome:
    detail = f"{PLATFORM} {row.sentence} ({_named(code)})."
    return Outcome(verdict=row.verdict, scope=row.scope, reason=row.reason, detail=detail)


def _named(code: int) -> str:
    return f"error {code}, https://www.twilio.com/docs/api/errors/{code}"
