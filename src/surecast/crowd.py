"""What became of the contacts of direct channels, in numbers, and the questions that judgement asks of them. Pure.

Contacts may be many, so nothing here knows one of them: a worker keeps a `Tally` for each batch, and these are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from surecast.channel import Terms
from surecast.outcome import Outcome, Reason, Verdict


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
    """Whether an outcome says that the channel did not manage it, as opposed to that it never will."""
    if outcome.reason is Reason.OURS:
        return False
    if outcome.verdict is Verdict.SKIPPED:
        return outcome.reason in {Reason.BREAKER_OPEN, Reason.SPARED, Reason.RATE_LIMITED}
    return outcome.verdict in {Verdict.UNAVAILABLE, Verdict.THROTTLED, Verdict.UNCERTAIN}


def spent_by(outcome: Outcome) -> Spent:
    """What kind of failure a spending outcome is."""
    return Spent.UNAVAILABLE if unavailable(outcome) else Spent.REFUSED


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
        failing_at, failed_at: when its first failure of availability, and of any sort, was seen; Unix seconds.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One direct channel among alternatives over the same audience.

    Attributes:
        crowd: None while its turn has not opened.
        hopeless: its turn will not open, or it was skipped for good.
    """

    terms: Terms
    crowd: Crowd | None = None
    bit: int = 1
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Alternatives over one audience, judged together: each covers the contacts whom those before it did not reach."""

    members: Sequence[Member]
    roll: Roll

    @property
    def _bits(self) -> int:
        return sum(member.bit for member in self.members)

    def _crowds(self) -> Iterable[Crowd]:
        return (member.crowd for member in self.members if member.crowd is not None)

    @property
    def reachable(self) -> int:
        """Contacts with address and consent for at least one member, without those who want nothing."""
        left_out = sum(crowd.tally.suppressed + crowd.duplicates for crowd in self._crowds())
        return max(0, self.roll.reachable(self._bits) - left_out)

    @property
    def reached(self) -> int:
        """Contacts reached by any member."""
        return sum(crowd.tally.first for crowd in self._crowds())

    @property
    def unsure(self) -> int:
        """Contacts who may have it without our knowing."""
        return sum(crowd.tally.unsure for crowd in self._crowds())

    @property
    def in_turn(self) -> int:
        """Contacts whom a member may reach soon."""
        return sum(crowd.tally.in_turn for crowd in self._crowds() if not (crowd.spent or crowd.closed))

    @property
    def held(self) -> int:
        """Contacts who are not to be woken."""
        return sum(crowd.tally.held for crowd in self._crowds() if not (crowd.spent or crowd.closed))

    @property
    def on_the_move(self) -> bool:
        """Whether something goes on by itself now: the audience is read, deliveries are sent, or handed on."""
        return self.in_turn > 0 or self._being_covered

    @property
    def _being_covered(self) -> bool:
        """Whether contacts still wait to be given to a channel."""
        active = [member for member in self.members if not member.hopeless]
        if not any(member.crowd is not None for member in active):
            return False
        going = [member.crowd for member in active if member.crowd is not None and not member.crowd.closed]
        reading = bool(going) and not self.roll.complete and not all(crowd.spent for crowd in going)
        uncovered = any(not crowd.covered and not crowd.spent for crowd in going)
        return reading or uncovered or self._to_hand_on > 0

    @property
    def _to_hand_on(self) -> int:
        """Spent deliveries behind which there is an alternative that has not looked at them yet."""
        behind = [member for member in self.members[1:] if not member.hopeless]
        if not behind:
            return 0
        *before, _ = self.members
        return sum(member.crowd.tally.unrouted for member in before if member.crowd is not None)

    @property
    def _unopened(self) -> bool:
        return any(member.crowd is None and not member.hopeless for member in self.members)

    @property
    def _enough(self) -> float:
        return self.members[0].terms.enough * self.reachable

    def surely(self) -> bool:
        """As many were reached as are enough, and nobody is on the way any more."""
        if not self.roll.complete or self.on_the_move:
            return False
        return self.reachable > 0 and self.reached >= self._enough

    def first_alone(self) -> bool:
        """Whether the first member reached enough by itself."""
        first = self.members[0].crowd
        return first is not None and first.tally.first >= self._enough

    def hopefully(self) -> bool:
        """Enough were reached, or may be in turns that run or have not come yet."""
        if self._unopened or self._being_covered:
            return True
        return self.reachable > 0 and self.reached + self.in_turn + self.held >= self._enough

    def charitably(self) -> bool:
        """Hoped for, or perhaps delivered without our knowing."""
        return self.hopefully() or (
            self.reachable > 0 and self.reached + self.in_turn + self.held + self.unsure >= self._enough
        )

    def failing(self, index: int) -> bool:
        """Whether a member leaves contacts to those behind it."""
        member = self.members[index]
        if member.hopeless or (member.crowd is not None and (member.crowd.spent or member.crowd.closed)):
            return True
        return member.crowd is not None and member.crowd.tally.unrouted > 0

    def unable_before(self, index: int) -> int:
        """Contacts whom a member can reach and none of those before it."""
        earlier = sum(member.bit for member in self.members[:index])
        return self.roll.only_without(self.members[index].bit, earlier)


# Who covers whom -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whom a direct channel writes to, beside the alternatives in front of it.

    Attributes:
        ahead: the alternatives over the same audience in front of it, in order.
        refusals: it also covers those whom a channel ahead refuses for good; money is not spent on these.
        unable: it also covers those whom no channel ahead could reach anyway.
    """

    ahead: tuple[str, ...] = ()
    refusals: bool = True
    unable: bool = True
