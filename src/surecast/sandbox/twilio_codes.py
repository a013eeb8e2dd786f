"""What the simulated Twilio refuses, with Twilio's codes and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from surecast.sandbox.server import RefusedError

#: What Twilio says with a code: (HTTP status, message); ``{}`` is the number.
WORDS: Final[Mapping[int, tuple[int, str]]] = MappingProxyType(
    {
        20003: (401, "Authenticate"),
        20001: (400, "Invalid parameter: ValidityPeriod"),
        20404: (404, "The requested resource was not found"),
        21211: (400, "Invalid 'To' Phone Number: {}"),
        21212: (400, "Invalid From Number (caller ID): {}"),
        21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}"),
        21602: (400, "Message body is required."),
        21603: (400, "A 'From' phone number is required."),
        21604: (400, "A 'To' phone number is required."),
        21606: (400, "The 'From' phone number {} is not a valid, SMS-capable inbound phone number for your account."),
        21610: (400, "Attempt to send to unsubscribed recipient"),
        21611: (429, "The 'From' number {} has exceeded the maximum number of queued messages"),
        21612: (400, "The 'To' phone number: {}, is not currently reachable using the 'From' phone number"),
        21614: (400, "'To' number: {}, is not a valid mobile number"),
        21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    }
)

#: Numbers that nothing is sent to, or from, and why.
BAD_TO: Final = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
BAD_FROM: Final = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}

LONGEST: Final = 1600
LONGEST_VALIDITY_S: Final = 36_000

_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")


def said(status: int, code: int, message: str) -> tuple[int, dict[str, Any]]:
    about = {"message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return status, {"code": code, **about}


def refused(code: int, number: str = "") -> RefusedError:
    """A refusal with one of the codes that are known here."""
    status, words = WORDS[code]
    return RefusedError(*said(status, code, words.format(number)))


def check(form: Mapping[str, str]) -> None:
    """Refuses what Twilio would refuse."""
    to, sender, service = (form.get(name, "") for name in ("To", "From", "MessagingServiceSid"))
    if not to:
        raise refused(21604)
    if not sender and not service:
        raise refused(21603)
    if not service and sender in BAD_FROM:
        raise refused(BAD_FROM[sender], sender)
    if service.endswith("404"):
        raise refused(20404)
    if not _NUMBER.fullmatch(to):
        raise refused(21211, to)
    if to in BAD_TO:
        raise refused(BAD_TO[to], to)
    if not form.get("Body"):
        raise refused(21602)
    if len(form["Body"]) > LONGEST:
        raise refused(21617)
    validity = form.get("ValidityPeriod", "1")
    if not validity.isdecimal() or not 1 <= int(validity) <= LONGEST_VALIDITY_S:
        raise refused(20001)
