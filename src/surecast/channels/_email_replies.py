"""What the replies of a mail server mean, by the moment in which they come.

Codes: RFC 5321, 4.2. Enhanced codes: RFC 3463 and https://www.iana.org/assignments/smtp-enhanced-status-codes. Only an
enhanced code says for sure that nobody has an address; the 550 of old may also mean that the server dislikes us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from surecast.outcome import Outcome, Reason, Scope, Verdict
from surecast.transport.redact import redact
from surecast.transport.status import LONGEST_QUOTE, MAYBE

PLATFORM = "E-mail"


class Stage(StrEnum):
    """How far a message has come."""

    HELLO = "hello"  # connecting, greeting, securing the connection
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"  # before the text
    TEXT = "text"  # after its final dot


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a server, with its lines joined."""

    code: int
    text: str = ""

    @property
    def enhanced(self) -> str:
        """The enhanced code; empty when there is none."""
        found = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?!\d)", self.text)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a reply means; `sentence` follows the relay's name."""

    verdict: Verdict
    reason: Reason
    scope: Scope = Scope.CHANNEL
    sentence: str


_CLOSING = _Row(verdict=Verdict.UNAVAILABLE, reason=Reason.SERVER_ERROR, sentence="takes no mail at the moment")
_SLOWER = _Row(verdict=Verdict.THROTTLED, reason=Reason.RATE_LIMITED, sentence="wants mail to come slower")
_LOGIN = _Row(
    verdict=Verdict.UNAUTHORIZED,
    reason=Reason.CREDENTIALS,
    sentence="does not accept the login. Check user and password of the relay",
)
_NO_LOGIN = _Row(
    verdict=Verdict.UNAUTHORIZED,
    reason=Reason.CREDENTIALS,
    sentence="wants a login over a secure connection. Give the relay user, password and security",
)
_FROM = _Row(
    verdict=Verdict.UNAUTHORIZED,
    reason=Reason.NOT_ALLOWED,
    sentence="does not let this account send as from says. Ask its operator, or write another address",
)
_POLICY = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NOT_ALLOWED,
    sentence="does not carry our mail. Ask its operator why",
)
_TOO_LARGE = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.TEXT_REFUSED,
    scope=Scope.CONTENT,
    sentence="finds the message too large. Make the text shorter",
)
_DISLIKED = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.TEXT_REFUSED,
    scope=Scope.CONTENT,
    sentence="refused the message. Read its words, and change the text or ask its operator",
)
_NOBODY = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NO_SUCH_ADDRESS,
    scope=Scope.RECIPIENT,
    sentence="says that nobody has this address",
)
_NOT_THIS_ONE = _Row(
    verdict=Verdict.REFUSED,
    reason=Reason.NOT_ALLOWED,
    scope=Scope.RECIPIENT,
    sentence="does not take mail for this address",
)
_NOT_NOW = _Row(
    verdict=Verdict.UNAVAILABLE,
    reason=Reason.SERVER_ERROR,
    scope=Scope.RECIPIENT,
    sentence="takes nothing for this address at the moment",
)
_NOT_YET = _Row(
    verdict=Verdict.THROTTLED,
    reason=Reason.RATE_LIMITED,
    scope=Scope.RECIPIENT,
    sentence="wants us to come again later for this address",
)

_ANY = frozenset(Stage)
_TO_ONE = frozenset({Stage.RECIPIENT, Stage.TEXT})
_WORDS = frozenset({Stage.DATA, Stage.TEXT})

#: (stages, pattern of "code enhanced", what it means); the first that fits counts.
MEANINGS: tuple[tuple[frozenset[Stage], str, _Row], ...] = (
    (_ANY, r"421 4\.7", _SLOWER),
    (_ANY, r"421", _CLOSING),
    (frozenset({Stage.LOGIN}), r"4", _CLOSING),
    (frozenset({Stage.LOGIN}), r"5", _LOGIN),
    (frozenset({Stage.HELLO}), r"4.. 4\.7", _SLOWER),
    (frozenset({Stage.HELLO}), r"[45]", _CLOSING),
    (_ANY, r"535|5.. 5\.7\.8", _LOGIN),
    (_ANY, r"530|538|5.. 5\.7\.(9|11)", _NO_LOGIN),
    # Gmail: 550 5.4.5 "Daily user sending limit exceeded"; Amazon SES: 454 "Throttling failure" after the text.
    (_ANY, r"454|5.. 5\.4\.5", _SLOWER),
    (_TO_ONE, r"5.. 5\.1\.(1|2|3|6|10)$", _NOBODY),
    (_ANY, r"5.. 5\.1\.[78]$", _FROM),
    (_ANY, r"5.. 5\.(2\.3|3\.4)$", _TOO_LARGE),
    (_TO_ONE, r"5.. 5\.2", _NOT_THIS_ONE),
    # The sender
    (frozenset({Stage.SENDER}), r"552", _TOO_LARGE),
    (frozenset({Stage.SENDER}), r"4.. 4\.7", _SLOWER),
    (frozenset({Stage.SENDER}), r"4", _CLOSING),
    (frozenset({Stage.SENDER}), r"5", _FROM),
    # The recipient; some servers say only here what they have against the sender (Postfix: 554 5.7.1).
    (frozenset({Stage.RECIPIENT}), r"4.. 4\.3", _CLOSING),
    (frozenset({Stage.RECIPIENT}), r"4.. 4\.7", _NOT_YET),
    (frozenset({Stage.RECIPIENT}), r"4", _NOT_NOW),
    (frozenset({Stage.RECIPIENT}), r"551", _NOT_THIS_ONE),
    (frozenset({Stage.RECIPIENT}), r"554|5.. 5\.7", _POLICY),
    (frozenset({Stage.RECIPIENT}), r"5", _NOT_THIS_ONE),
    # The text
    (_WORDS, r"4.. 4\.7", _SLOWER),
    (_WORDS, r"4.. 4\.2", _NOT_NOW),
    (_WORDS, r"4", _CLOSING),
    (_WORDS, r"552", _TOO_LARGE),
    (_WORDS, r"5", _DISLIKED),
)


def judge(relay: str, stage: Stage, reply: Reply, *, hide: str = "") -> Outcome:
    """The outcome of a reply that is no success.

    Args:
        relay: its name for people.
        hide: the recipient's address, which servers like to repeat.
    """
    key = f"{reply.code} {reply.enhanced}"
    for stages, pattern, row in MEANINGS:
        if stage in stages and re.match(pattern, key):
            said = _quoted(reply, hide)
            detail = f"{relay} {row.sentence} ({said})."
            wait = _stated_wait_s(reply.text) if row.verdict is Verdict.THROTTLED else None
            return Outcome(verdict=row.verdict, scope=row.scope, reason=row.reason, detail=detail, retry_after_s=wait)
    if stage is Stage.TEXT:
        detail = f"The answer of {relay} could not be read. {MAYBE}"
        return Outcome(verdict=Verdict.UNCERTAIN, reason=Reason.UNREADABLE_REPLY, detail=detail)
    detail = f"{relay} does not answer as a mail server does. Check host and port of the relay."
    return Outcome(verdict=Verdict.UNAVAILABLE, reason=Reason.UNREADABLE_REPLY, detail=detail)


def _stated_wait_s(text: str) -> float | None:
    """The wait that servers like to state in their words, as "try again in 60 seconds"; there is no field for it."""
    found = re.search(r"\b(?:in|for|after) (\d{1,4}) (second|minute)", text)
    return float(found[1]) * (60 if found[2] == "minute" else 1) if found else None


def _quoted(reply: Reply, hide: str) -> str:
    text = " ".join(reply.text.split())
    if hide:
        text = re.sub(re.escape(hide), "the address", text, flags=re.IGNORECASE)
    return redact(f"{reply.code}{' ' if text else ''}{text}")[:LONGEST_QUOTE]
