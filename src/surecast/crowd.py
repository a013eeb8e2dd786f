"""What became of the contacts of direct channels, in numbers, and the questions that judgement asks of them. Pure.

Contacts may be many, so nothing here knows one of them: a worker keeps a `Tally` for each batch, and these are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import reduce
from operator import or_

from surecast.channel import Terms
from surecast.outcome import Outcome, Reason, Verdict

ROUNDING = 1e-6  # a share of a number of people is no whole number


class Mark(IntEnum):
    """Where the delivery to one contact stands; as the ledger keeps it."""

    QUEUED = 0
    SENDING = 1
    RETRYING = 2
    HELD = 3  # quiet hours
    REACHED = 4
    UNSURE = 5
    MISSED = 6
    SUPPRESSED = 7
    SKIPPED = 8  # had too many messages, or no money is left for it


class Spent(IntEnum):
    """Whether the next alternative may cover a contact."""

    NO = 0
    UNAVAILABLE = 1  # the channel did not manage it
    REFUSED = 2  # it never will: refused, not delivered, no such address


def unavailable(outcome: Outcome) -> bool:
    """Whether an outcome shows that the channel does not work, which is worth money where others cost it.

    An open breaker does not: what had opened it may have been a refused login. The gate knows.
    """
    if outcome.reason in {Reason.OURS, Reason.NO_NETWORK}:
        return False
    if outcome.verdict is Verdict.SKIPPED:
        return outcome.reason in {Reason.SPARED, Reason.RATE_LIMITED}
    return outcome.verdict in {Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNCERTAIN}


def spent_by(outcome: Outcome) -> Spent:
    """What kind of failure a spending outcome is."""
    passing = unavailable(outcome) or outcome.reason is Reason.BREAKER_OPEN
    return Spent.UNAVAILABLE if passing else Spent.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many deliveries stand where.

    Attributes:
        reached: accepted, or confirmed by a receipt.
        confirmed: those of them whose receipt has come.
        first: those of `reached` whom no alternative had reached before.
        late: those of `retrying` whose turn is over.
        unrouted: spent deliveries that the next alternative has not looked at yet.
        turn_ends_at: the nearest end of a contact's turn, Unix seconds; None while no turn runs.
        cost: what was spent.
    """

    queued: int = 0
    sending: int = 0
    retrying: int = 0
    held: int = 0
    reached: int = 0
    confirmed: int = 0
    first: int = 0
    unsure: int = 0
    missed: int = 0
    suppressed: int = 0
    skipped: int = 0
    late: int = 0
    unrouted: int = 0
    turn_ends_at: float | None = None
    cost: float = 0.0

    @property
    def planned(self) -> int:
        """All deliveries."""
        return self.open + self.reached + self.unsure + self.missed + self.suppressed + self.skipped

    @property
    def open(self) -> int:
        """Deliveries that may still be tried."""
        return self.queued + self.sending + self.retrying + self.held

    @property
    def in_turn(self) -> int:
        """Deliveries that may reach soon: waiting in the queue is not a miss."""
        return self.queued + self.sending + self.retrying - self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """One direct channel's part of a broadcast.

    Attributes:
        bit: stands for the channel in the sets of channels that `Roll.able` counts.
        covered: every contact on the roll was looked at for this channel.
        duplicates: contacts left out as another one has the same address.
        spent: the whole channel is spent, with what kind of failure.
        closed: nothing will be sent any more, whatever happens.
        failing_at: since when it fails to reach contacts, as far as attempts showed; None when all are reached again.
        failed_at: when its first failure of any sort was seen; both in Unix seconds.
        last: what went wrong last, for people; None when nothing did.
    """

    tally: Tally = field(default_factory=Tally)
    bit: int = 1
    covered: bool = False
    duplicates: int = 0
    spent: Spent = Spent.NO
    closed: bool = False
    failing_at: float | None = None
    failed_at: float | None = None
    last: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """An audience as a broadcast found it.

    Attributes:
        complete: it was read to its end.
        able: how many contacts can be reached by which set of channels (bits), by address and consent.
        unable: contacts without an address and the consent to use it for any of the channels.
        flawed: rows in which something was wrong.
        duplicates: rows that repeat a contact or an address.
    """

    complete: bool = False
    able: Mapping[int, int] = field(default_factory=dict)
    unable: int = 0
    flawed: int = 0
    duplicates: int = 0

    def reachable(self, bits: int) -> int:
        """Contacts whom at least one of the channels can reach."""
        return sum(count for mask, count in self.able.items() if mask & bits)

    def only_without(self, bits: int, earlier: int) -> int:
        """Contacts whom one of the channels can reach, and none of the `earlier` ones."""
        return sum(count for mask, count in self.able.items() if mask & bits and not mask & earlier)


def channel_bits(terms: Mapping[str, Terms], audience: str) -> dict[str, int]:
    """The bit of each direct channel over an audience, in the order of the route."""
    names = [name for name, some in terms.items() if some.direct and some.audience == audience]
    return {name: 1 << number for number, name in enumerate(names)}


# Several alternatives over one audience --------------------------------------------------------------------------


class Takes(IntEnum):
    """Which contacts of those before it a channel takes over; as the ledger keeps it."""

    NOTHING = 0  # they cost money that is not to be spent, or not yet
    FAILURES = 1  # those whom a channel before it did not manage to reach, for now
    ALL = 2  # and those whom it never will


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One direct channel among alternatives over the same audience.

    Attributes:
        crowd: None while its turn has not opened.
        hopeless: its turn will not open, or nothing more may begin in it.
        waits: it begins, or takes over more, at a moment that is known.
    """

    terms: Terms
    crowd: Crowd | None = None
    bit: int = 1
    hopeless: bool = False
    takes: Takes = Takes.ALL
    waits: bool = False

    @property
    def tally(self) -> Tally:
        """Its numbers; all zero while its turn has not opened."""
        return Tally() if self.crowd is None else self.crowd.tally

    @property
    def given_up(self) -> bool:
        """Whether it leaves all its contacts to those behind it."""
        return self.hopeless or (self.crowd is not None and (self.crowd.closed or self.crowd.spent is not Spent.NO))

    @property
    def leaves(self) -> bool:
        """Whether it leaves a contact to those behind it."""
        return self.given_up or self.tally.unrouted > 0

    @property
    def at_work(self) -> bool:
        """Whether it has its turn, as far as the channel as a whole is concerned."""
        return self.crowd is not None and not self.given_up

    @property
    def receives(self) -> bool:
        """Whether contacts are handed on to it."""
        return self.crowd is not None and not (self.hopeless or self.crowd.closed) and self.takes is not Takes.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Alternatives over one audience, judged together: each covers the contacts whom those before it did not reach.

    Attributes:
        over: the announcement is, so nothing more begins.
    """

    members: Sequence[Member]
    roll: Roll
    over: bool = False

    # Numbers of contacts

    @property
    def reachable(self) -> int:
        """Those with address and consent for at least one member, without those who want nothing.

        Somebody left out by two members is taken off twice; so it is never less than were reached.
        """
        left_out = sum(m.tally.suppressed + (m.crowd.duplicates if m.crowd else 0) for m in self.members)
        return max(self.reached, self.roll.reachable(self._bits(len(self.members))) - left_out)

    @property
    def reached(self) -> int:
        """Those reached by any member."""
        return sum(member.tally.first for member in self.members)

    @property
    def unsure(self) -> int:
        """Those who may have it without our knowing."""
        return sum(member.tally.unsure for member in self.members)

    @property
    def in_turn(self) -> int:
        """Those whom a member may reach soon."""
        return 0 if self.over else sum(member.tally.in_turn for member in self.members if member.at_work)

    @property
    def held(self) -> int:
        """Those who are not to be woken."""
        return 0 if self.over else sum(member.tally.held for member in self.members if member.at_work)

    @property
    def overdue(self) -> int:
        """Those to whom it is on its way although the turn is over; at most so many."""
        tallies = ((member.at_work and not self.over, member.tally) for member in self.members)
        return sum(min(tally.sending, tally.late) if in_time else tally.sending for in_time, tally in tallies)

    def alone(self, index: int) -> int:
        """Those whom a member can reach and none of those before it."""
        return self.roll.only_without(self.members[index].bit, self._bits(index))

    def _bits(self, upto: int) -> int:
        return reduce(or_, (member.bit for member in self.members[:upto]), 0)

    @property
    def _handed_on(self) -> int:
        """Spent deliveries that a member behind takes over as soon as it has looked at them."""
        if self.over:
            return 0
        behind, count = False, 0
        for member in reversed(self.members):
            count += member.tally.unrouted if behind else 0
            behind = behind or member.receives
        return count

    # What goes on

    @property
    def being_covered(self) -> bool:
        """Whether the audience is still read, or contacts on its roll wait to be given to a member at work."""
        at_work = [member.crowd for member in self.members if member.at_work and member.crowd is not None]
        return not self.over and any(not self.roll.complete or not crowd.covered for crowd in at_work)

    @property
    def on_the_move(self) -> bool:
        """Whether something goes on by itself now: the audience is read, deliveries are sent, or handed on."""
        return self.in_turn > 0 or self.being_covered or self._handed_on > 0

    @property
    def waits(self) -> bool:
        """Whether a member begins, or takes over more, at a moment that is known."""
        some = (member for index, member in enumerate(self.members) if self.called(index))
        return not self.over and any(member.waits and not member.given_up for member in some)

    def called(self, index: int) -> bool:
        """Whether there is anybody for a member: the first has everybody, the others whom those before leave."""
        return index == 0 or any(member.leaves for member in self.members[:index]) or self.alone(index) > 0

    def settled_before(self, index: int) -> bool:
        """Whether those before a member have nobody in turn any more, so that nobody new is left to it."""
        before = Family(members=self.members[:index], roll=self.roll)
        return not (before.in_turn or before.held or before.being_covered)

    # Readings

    def surely(self) -> bool:
        """As many were reached as are enough, and nobody is on the way any more."""
        return not self.on_the_move and self._enough(self.reached)

    def hopefully(self) -> bool:
        """Enough were reached, or may be in turns that run or have not come yet."""
        if self.surely():
            return True
        first = self.members[0]
        if not self.over and first.crowd is None and not first.hopeless:
            return True
        return self.being_covered or self.waits or self._enough(self._hoped_for)

    def on_its_way(self) -> bool:
        """Hoped for, or on its way although the turn is over."""
        return self.hopefully() or (not self.over and self._enough(self._hoped_for + self.overdue))

    def charitably(self) -> bool:
        """Hoped for, or perhaps delivered without our knowing."""
        return self.hopefully() or self._enough(self._hoped_for + self.overdue + self.unsure)

    def holding(self) -> bool:
        """Whether the next alternative over another audience must wait: also for a doubt that holds."""
        held = self.unsure > 0 and any(member.terms.when_unsure == "hold" for member in self.members)
        return self.hopefully() or (held and self.charitably())

    def as_intended(self) -> bool:
        """Whether enough were reached by the first member, or by another because the first has no address of theirs."""
        first, *others = self.members
        by_others = sum(member.tally.first for member in others)
        not_for_first = sum(count for mask, count in self.roll.able.items() if not mask & first.bit)
        return self._enough(first.tally.first + min(by_others, not_for_first))

    @property
    def _hoped_for(self) -> int:
        return self.reached + self.in_turn + self.held + self._handed_on

    def _enough(self, count: int) -> bool:
        asked = self.members[0].terms.enough * self.reachable
        return self.roll.complete and self.reachable > 0 and count >= asked - ROUNDING
