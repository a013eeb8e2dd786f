"""What a decision says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from surecast.crowd import Takes
from surecast.outcome import Outcome, Reason


class State(StrEnum):
    """The state of a broadcast, over the parts of its route that are required."""

    REACHED = "reached"
    REROUTED = "rerouted"
    PENDING = "pending"
    UNSURE = "unsure"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A turn that opens now; with `skip`, it is over at once for that reason."""

    channel: str
    skip: Outcome | None = None
    not_before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from the facts so far.

    Attributes:
        openings: turns to open, in the order of reading the route.
        state: the state after them.
        owed: channels that still get their post.
        final: nothing will change by itself any more.
        turns_open: whether a channel that had its turn may still reach in it.
        held: something waits for what nobody here can hasten: the end of quiet hours, or this machine's network.
        wake_at: when to decide again although nothing happened; Unix seconds.
        unwanted: direct channels in which nothing more may begin: another alternative reached, the announcement is
            over, or they were skipped for good.
        dropped: channels that are owed the post no more, with the reason: a newer announcement of the same incident
            goes there, or what readers have had elsewhere is not caught up on.
        takes: by direct channel with others over its audience in front of it, which of their contacts it takes over
            at present.
    """

    openings: tuple[Opening, ...]
    state: State
    owed: tuple[str, ...]
    final: bool
    wake_at: float | None
    turns_open: bool = False
    held: bool = False
    unwanted: frozenset[str] = frozenset()
    takes: Mapping[str, Takes] = field(default_factory=dict)
    dropped: Mapping[str, Reason] = field(default_factory=dict)
