"""What was planned and what happened: plan, facts, and their place in order.

A fact is written once and never changed. Facts are ordered by the ledger's sequence, never by time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from surecast.channel import Post, Terms
from surecast.crowd import Crowd, Roll
from surecast.message import Urgency
from surecast.outcome import Look, Outcome
from surecast.quiet import Quiet
from surecast.rate import Rate
from surecast.route import Route, gather


class Action(StrEnum):
    """A step of a delivery."""

    PREPARE = "prepare"
    PUBLISH = "publish"
    FIND = "find"
    CONFIRM = "confirm"
    RETRACT = "retract"


class Kind(StrEnum):
    """What a fact says."""

    TURN = "turn"  # the channel's turn opened
    BEGAN = "began"  # an action began
    ENDED = "ended"  # it ended, with an outcome or a look
    ORDERED = "ordered"  # a person said so


class Order(StrEnum):
    """What a person may say about a delivery."""

    THERE = "there"  # settle: the post is there
    NOT_THERE = "not_there"  # settle: it is not
    CANCEL = "cancel"  # nothing that has not begun may begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened to one channel's delivery.

    Attributes:
        seq: its place in the ledger's order.
        at: Unix seconds, as the recording process saw them.
        attempt: the number of the action within the delivery; pairs a beginning with its end.
        not_before: no next attempt before this moment, committed with the outcome so that all processes agree.
    """

    seq: int
    channel: str
    kind: Kind
    at: float
    action: Action | None = None
    attempt: int = 0
    outcome: Outcome | None = None
    look: Look | None = None
    order: Order | None = None
    not_before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RerouteNote:
    """The post of a channel that stands behind another, for when that one fails: with a note why it comes here.

    Attributes:
        failing: the channel whose readers are meant.
        post: its `below` is the note, which stands below the post's own words; those are the same and whole.
    """

    failing: str
    post: Post


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Route, fitted posts and terms, frozen when the announcement was accepted.

    Attributes:
        id: four to six characters that a person can type.
        route_text: the route as an expression over the channels' names.
        route_name: the name it has in the configuration; empty for an expression given by hand.
        created_at, expires_at: Unix seconds.
        warnings: what the person should know although the announcement goes out.
        quiet: when people are not to be woken; None for never, or where the urgency outweighs it.
        per_contact: how many direct messages one person may get; None for no bound.
        incident: what it is about; see `Announcement`.
        purpose: what surecast itself says by it, e.g. ``notice``; empty for an announcement of the house.
        late: what channels post that get it long after it was announced; by channel.
        notes: for channels behind others, what they post when the one before them failed; by channel.
    """

    id: str
    key: str | None
    fingerprint: str
    urgency: Urgency
    route_text: str
    route_name: str
    created_at: float
    expires_at: float
    posts: Mapping[str, Post]
    terms: Mapping[str, Terms]
    warnings: tuple[str, ...] = ()
    time_zone: str = "UTC"
    quiet: Quiet | None = None
    per_contact: Rate | None = None
    incident: str | None = None
    purpose: str = ""
    late: Mapping[str, Post] = field(default_factory=dict)
    notes: Mapping[str, RerouteNote] = field(default_factory=dict)

    @cached_property
    def route(self) -> Route:
        """The route itself."""
        return Route.parse(self.route_text)

    @cached_property
    def gathered(self) -> Route:
        """The route as it is judged: alternatives over one audience together."""
        audiences = {name: some.audience for name, some in self.terms.items() if some.direct}
        return gather(self.route, audiences) if audiences else self.route


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All facts of a broadcast so far, by channel, each in the ledger's order.

    Attributes:
        crowds: what became of the contacts of each direct channel whose turn has opened.
        rolls: the audiences that were looked at, by name.
        superseded: channels on which a newer announcement of the same incident had its turn.
    """

    facts: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    cancelled_at: float | None = None
    crowds: Mapping[str, Crowd] = field(default_factory=dict)
    rolls: Mapping[str, Roll] = field(default_factory=dict)
    superseded: frozenset[str] = frozenset()

    @staticmethod
    def of(
        facts: tuple[Fact, ...],
        cancelled_at: float | None = None,
        *,
        crowds: Mapping[str, Crowd] = MappingProxyType({}),
        rolls: Mapping[str, Roll] = MappingProxyType({}),
        superseded: frozenset[str] = frozenset(),
    ) -> History:
        """Sorts the ledger's facts by channel."""
        by_channel: dict[str, list[Fact]] = {}
        for fact in sorted(facts, key=lambda fact: fact.seq):
            by_channel.setdefault(fact.channel, []).append(fact)
        return History(
            facts={name: tuple(some) for name, some in by_channel.items()},
            cancelled_at=cancelled_at,
            crowds=crowds,
            rolls=rolls,
            superseded=superseded,
        )
