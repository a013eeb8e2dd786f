"""What came of an action: a verdict with its scope, and the one table that says what each verdict means."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Verdict(StrEnum):
    """What we know after an action ended. Not a bool: unknown is a state of its own."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    INVISIBLE = "invisible"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"


class Scope(StrEnum):
    """Whom a verdict concerns. Only `CHANNEL` touches the breaker and a person."""

    CHANNEL = "channel"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Reason(StrEnum):
    """The closed list of reasons: the same word in ledger, report, log and documentation."""

    NONE = ""
    NOT_CONNECTED = "not_connected"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    CANCELLED_IN_FLIGHT = "cancelled_in_flight"
    SERVER_ERROR = "server_error"
    UNREADABLE_REPLY = "unreadable_reply"
    REDIRECTED = "redirected"
    RATE_LIMITED = "rate_limited"
    TEXT_REFUSED = "text_refused"
    MEDIA_REFUSED = "media_refused"
    CREDENTIALS = "credentials"
    NOT_ALLOWED = "not_allowed"
    NOT_VISIBLE = "not_visible"
    OURS = "ours"
    NO_NETWORK = "no_network"  # this machine is cut off; no platform is to blame
    # Why an action was not begun at all:
    BREAKER_OPEN = "breaker_open"
    ISOLATED = "isolated"
    SPARED = "spared"
    MISCONFIGURED = "misconfigured"
    CANNOT_BE_FITTED = "cannot_be_fitted"
    SUPPRESSED = "suppressed"
    OVER_THE_CAP = "over_the_cap"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    TOO_OFTEN = "too_often"  # the person had as many messages as one may have
    NOT_WORTH_IT = "not_worth_it"  # no money is spent because of a failure of this sort
    OUTDATED = "outdated"  # a newer announcement of the same incident took its place
    HAD_ELSEWHERE = "had_elsewhere"  # readers have it from another channel, and this one does not catch up
    NOBODY_THERE = "nobody_there"  # the audience has nobody whom this channel reaches
    # What is wrong with one recipient:
    OPTED_OUT = "opted_out"  # the person does not want it; the platform says so
    NO_SUCH_ADDRESS = "no_such_address"  # nobody can be reached there, now or later
    UNDELIVERED = "undelivered"  # a receipt says that it did not arrive


#: A SKIPPED with one of these reasons ends the route; with any other the next alternative gets its turn.
ENDS_THE_ROUTE = frozenset({Reason.EXPIRED, Reason.SUPERSEDED, Reason.CANCELLED})

#: A SKIPPED with one of these may be tried again later: the post stays owed.
PASSES_BY_ITSELF = frozenset(
    {
        Reason.BREAKER_OPEN,
        Reason.ISOLATED,
        Reason.SPARED,
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS,
        Reason.MISCONFIGURED,
        Reason.OVER_THE_CAP,
    }
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform gave us for an accepted post.

    Attributes:
        id: the platform's own name for the post, enough to find, confirm and retract it.
        url: where a reader sees it, if there is such a place.
        extra: further platform data, e.g. a content hash.
    """

    id: str
    url: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an action ended.

    Attributes:
        detail: one redacted sentence for people; never a body, a token or a URL with credentials.
        retry_after_s: the wait the platform asked for, in seconds from now.
    """

    verdict: Verdict
    scope: Scope = Scope.CHANNEL
    reason: Reason = Reason.NONE
    detail: str = ""
    receipt: Receipt | None = None
    retry_after_s: float | None = None


class Sighting(StrEnum):
    """What a look-up (`find`) or a public read-back (`confirm`) saw."""

    SEEN = "seen"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"  # the read side did not answer: no information, never an absence


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The end of a `find` or `confirm`: what was seen, and the receipt where it was.

    Attributes:
        answered: false when the platform gave no answer at all, which also says something about the platform.
    """

    sighting: Sighting
    answered: bool = True
    receipt: Receipt | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the verdict table.

    Attributes:
        retry: whether another attempt here may follow: never, at the stated time, after back-off, or only as the
            platform's `resend` trait allows.
        breaker: what it does to the channel's breaker.
        spends: whether it spends the channel's turn at once.
        look_first: whether what may have been delivered must be looked up before it is sent again.
        tell: whether a person is told.
    """

    retry: Literal["no", "stated_time", "backoff", "as_resend_allows"]
    breaker: Literal["heals", "counts", "opens", "ignores"]
    spends: bool
    look_first: bool = False
    tell: bool = False


RULES: MappingProxyType[Verdict, Rule] = MappingProxyType(
    {
        Verdict.ACCEPTED: Rule(retry="no", breaker="heals", spends=False),
        Verdict.CONFIRMED: Rule(retry="no", breaker="heals", spends=False),
        Verdict.INVISIBLE: Rule(retry="no", breaker="counts", spends=True, tell=True),
        Verdict.REFUSED: Rule(retry="no", breaker="ignores", spends=True, tell=True),
        Verdict.THROTTLED: Rule(retry="stated_time", breaker="ignores", spends=False),
        Verdict.UNAVAILABLE: Rule(retry="backoff", breaker="counts", spends=False),
        Verdict.UNAUTHORIZED: Rule(retry="no", breaker="opens", spends=True, tell=True),
        Verdict.UNCERTAIN: Rule(retry="as_resend_allows", breaker="counts", spends=False, look_first=True, tell=True),
        Verdict.SKIPPED: Rule(retry="no", breaker="ignores", spends=True),
    }
)
