"""What a report is made of: one part for each channel, and one for each group of alternatives over an audience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from surecast.clock import iso
from surecast.decide import State
from surecast.outcome import Reason, Verdict
from surecast.report.words import say

SCHEMA = 1


class Status(StrEnum):
    """Where a channel's post stands, in one word."""

    DONE = "done"
    SENDING = "sending"
    WAITING = "waiting"  # its turn has not come
    OWED = "owed"
    UNSURE = "unsure"
    NOT_NEEDED = "not_needed"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCounts:
    """How many contacts of a direct channel stand where.

    `planned` is the sum of reached, missed, unsure, suppressed, skipped and open.

    Attributes:
        planned: given to this channel so far, in a group those whom it covers.
        confirmed: those of `reached` whose receipt says that it arrived.
        suppressed: not to be written to.
        skipped: had too many messages, or the caps do not pay for them, or another channel has reached them.
        open: still to be tried.
        held: those of `open` who are not to be woken now.
        unable: of the audience, without an address for this channel and the consent to use it.
        flawed: rows of the audience in which something is wrong.
        duplicates: rows and contacts left out because another one has the same address.
        cost: what was spent, in the currency of the report.
    """

    planned: int = 0
    reached: int = 0
    confirmed: int = 0
    missed: int = 0
    unsure: int = 0
    suppressed: int = 0
    skipped: int = 0
    open: int = 0
    held: int = 0
    unable: int = 0
    flawed: int = 0
    duplicates: int = 0
    cost: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """One channel's part of a report.

    Attributes:
        verdict: the last one; None when nothing ended yet.
        url: where readers see the post.
        attempts: how often a post was sent off; of a direct channel, for how many contacts that was tried.
        error: one sentence about what went wrong last; empty when nothing did.
        perhaps: whether it may have the post without our knowing.
        began, ended, next_try: Unix seconds; the next try comes then or, if nobody is running, at the next run.
        contacts: of a direct channel whose turn has opened; else None.
    """

    name: str
    platform: str
    verdict: Verdict | None
    status: Status
    reason: Reason
    url: str | None
    attempts: int
    error: str
    began: float | None
    ended: float | None
    next_try: float | None
    perhaps: bool = False
    contacts: ContactCounts | None = None

    def to_dict(self) -> dict[str, Any]:
        """For machines: times in ISO 8601 UTC."""
        return {
            "verdict": self.verdict.value if self.verdict else None,
            "status": self.status.value,
            "reason": self.reason.value or None,
            "url": self.url,
            "attempts": self.attempts,
            "error": self.error or None,
            "began": _iso(self.began),
            "ended": _iso(self.ended),
            "next_try": _iso(self.next_try),
            "contacts": self.contacts.to_dict() if self.contacts else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """Direct channels that are alternatives over one audience, taken together: every contact counts once.

    Attributes:
        contacts: who can be reached by any of the channels, without those who are not to be written to.
        reached: by any of them; `shares` says how many each channel reached first.
        missed: neither reached, nor in doubt, nor on the way; some of them may still be tried.
        on_the_way: may be reached soon.
        held: not to be woken before `held_until` (Unix seconds).
        complete: the audience was read to its end.
    """

    audience: str
    shares: Mapping[str, int]
    contacts: int
    reached: int
    missed: int
    unsure: int
    suppressed: int
    on_the_way: int
    held: int
    held_until: float | None = None
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "audience": self.audience,
            "channels": list(self.shares),
            "contacts": self.contacts,
            "reached": self.reached,
            "missed": self.missed,
            "unsure": self.unsure,
            "suppressed": self.suppressed,
            "on_the_way": self.on_the_way,
            "held": self.held,
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a broadcast, as far as the facts say at `at`.

    Attributes:
        state: reached, rerouted, pending, unsure or missed; see the page on verdicts.
        final: nothing will change by itself any more.
        owed: channels that still get their post.
        groups: the direct channels whose turn has opened, by the contacts whom they share.
        currency: of all costs.
        repeated: this call sent nothing: the same announcement had been accepted before.
        worker_seen_at: when a process that delivers what is owed was last seen; None for never.
        worker: the command that would, as it must stand in cron.
    """

    id: str
    key: str | None
    state: State
    final: bool
    owed: tuple[str, ...]
    route: str
    channels: Mapping[str, ChannelReport]
    created_at: float
    expires_at: float
    at: float
    time_zone: str
    warnings: tuple[str, ...] = ()
    groups: tuple[GroupReport, ...] = ()
    currency: str = "EUR"
    cancelled: bool = False
    repeated: bool = False
    worker_seen_at: float | None = None
    worker: str = "surecast work --once"

    @property
    def satisfied(self) -> bool:
        """Whether readers were reached as the route asks."""
        return self.state in {State.REACHED, State.REROUTED}

    # Contacts, over all direct channels. Whoever is to get it by two channels that are both needed counts twice.

    @property
    def reached(self) -> int:
        """Contacts reached by whatever alternative."""
        return sum(group.reached for group in self.groups)

    @property
    def missed(self) -> int:
        """Contacts who were not reached, and are not on the way."""
        return sum(group.missed for group in self.groups)

    @property
    def unsure(self) -> int:
        """Contacts who may have it without our knowing."""
        return sum(group.unsure for group in self.groups)

    @property
    def suppressed(self) -> int:
        """Contacts who are not to be written to."""
        return sum(group.suppressed for group in self.groups)

    @property
    def held(self) -> int:
        """Contacts who wait for the end of their quiet hours."""
        return sum(group.held for group in self.groups)

    @property
    def cost(self) -> float:
        """What was spent, in `currency`."""
        return sum(channel.contacts.cost for channel in self.channels.values() if channel.contacts)

    def __getitem__(self, channel: str) -> ChannelReport:
        if channel not in self.channels:
            raise KeyError(f"The route has no channel {channel!r}. It has: {', '.join(self.channels)}.")
        return self.channels[channel]

    def to_dict(self) -> dict[str, Any]:
        """For machines: ``schema`` 1, times in ISO 8601 UTC."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "key": self.key,
            "state": self.state.value,
            "final": self.final,
            "owed": list(self.owed),
            "route": self.route,
            "channels": {name: channel.to_dict() for name, channel in self.channels.items()},
            "contacts": self._contacts(),
            "created": _iso(self.created_at),
            "expires": _iso(self.expires_at),
            "cancelled": self.cancelled,
            "repeated": self.repeated,
            "warnings": list(self.warnings),
        }

    def _contacts(self) -> dict[str, Any] | None:
        if not self.groups:
            return None
        return {
            "reached": self.reached,
            "missed": self.missed,
            "unsure": self.unsure,
            "suppressed": self.suppressed,
            "held": self.held,
            "cost": self.cost,
            "currency": self.currency,
            "groups": [group.to_dict() for group in self.groups],
        }

    def __str__(self) -> str:
        return "\n".join(say(self))


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)
