"""What was observed of a channel: by its own posts, by looking without posting, by its vendor's status page. Values.

Observations are kept a few seconds together, so that a million messages leave no more behind than a few thousand slots.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: What is observed within so many seconds is counted together.
SLOT_S = 10
#: What is older says nothing about now.
KEPT_S = 7_200.0
#: An attempt that takes longer than this is slow, whatever came of it.
SLOW_S = 5.0


class Source(StrEnum):
    """Where an observation comes from."""

    WRITE = "write"  # a post or message of ours was sent
    READ_BACK = "read_back"  # a post of ours was looked for in public
    PROBE = "probe"  # the writing side was asked; nothing was published
    READ_PROBE = "read_probe"  # the reading side was asked for something that readers had seen before
    VENDOR = "vendor"  # its status page


class Answer(StrEnum):
    """What an observation says."""

    GOOD = "good"
    BAD = "bad"
    SILENT = "silent"  # no information


#: The sources that tell whether a platform takes posts, and those that tell whether readers see them.
WRITING, READING = (Source.WRITE, Source.PROBE), (Source.READ_BACK, Source.READ_PROBE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One observation, or several of the same moment.

    Attributes:
        detail: one redacted sentence for people; the last one of a slot is kept.
    """

    source: Source
    answer: Answer
    count: int = 1
    slow: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The observations of one source within a few seconds.

    Attributes:
        at: when the last of them was made, Unix seconds.
        last: what that one said.
    """

    source: Source
    at: float
    good: int
    bad: int
    slow: int
    silent: int
    last: Answer
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Slots of one or several sources, added up.

    Attributes:
        bad_in_a_row: how many said so since the last good one.
        first_bad_at: when the first of those came, as far as slots can tell.
        good_in_a_row: how many slots without any bad one came last.
    """

    good: int = 0
    bad: int = 0
    slow: int = 0
    bad_in_a_row: int = 0
    good_in_a_row: int = 0
    first_bad_at: float | None = None
    last_at: float | None = None
    detail: str = ""

    @property
    def all(self) -> int:
        """How many observations say anything."""
        return self.good + self.bad


def sum_up(slots: Iterable[Slot], sources: Iterable[Source], since: float) -> Sum:
    """What the slots of some sources say together since a moment."""
    wanted = frozenset(sources)
    good = bad = slow = bad_in_a_row = good_in_a_row = 0
    first_bad_at = last_at = None
    detail = ""
    for slot in sorted((slot for slot in slots if slot.source in wanted and slot.at >= since), key=lambda s: s.at):
        good, bad, slow = good + slot.good, bad + slot.bad, slow + slot.slow
        if not (slot.good or slot.bad):
            continue
        last_at = slot.at
        if slot.last is Answer.BAD or not slot.good:
            fresh = slot.good > 0  # a good one stands before the bad ones in it
            bad_in_a_row = slot.bad if fresh else bad_in_a_row + slot.bad
            first_bad_at = slot.at if fresh or first_bad_at is None else first_bad_at
            good_in_a_row, detail = 0, slot.detail or detail
        else:
            bad_in_a_row, first_bad_at = 0, None
            good_in_a_row = 1 if slot.bad else good_in_a_row + 1
    return Sum(
        good=good,
        bad=bad,
        slow=slow,
        bad_in_a_row=bad_in_a_row,
        good_in_a_row=good_in_a_row,
        first_bad_at=first_bad_at,
        last_at=last_at,
        detail=detail,
    )
