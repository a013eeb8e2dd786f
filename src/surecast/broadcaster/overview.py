"""What an operator is answered: how things stand, and what a switch or a trial came to. Values."""

from __future__ import annotations

from dataclasses import dataclass

from surecast.channel import Probed
from surecast.health import Condition
from surecast.report import Report

#: A watch that was not seen for so long is silent.
WATCH_SILENT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What one channel still gets.

    Attributes:
        posts: how many broadcasts.
        oldest_at: when the oldest of them was announced.
        expires_at: when the first of them is given up.
    """

    channel: str
    posts: int
    oldest_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A channel that does not work as it should, or is switched off.

    Attributes:
        since: Unix seconds; None where nobody knows.
        reasons: in words for people, the weightiest first.
        not_before: when the next trial may go, or until when it is switched off; None for at once, or for ever.
        outage: the number of the outage that is open there.
        began_at: when that outage began.
        notices: how many notices about it readers were sent.
    """

    name: str
    platform: str
    condition: Condition
    since: float | None = None
    reasons: tuple[str, ...] = ()
    not_before: float | None = None
    outage: int | None = None
    began_at: float | None = None
    notices: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How things stand, for the person who looks after them.

    Attributes:
        down: the channels that are down, degraded or switched off.
        needs_you: sentences, each with the command to run.
        worker_seen_at: when a process that delivers what is owed was last seen; None for never.
        watcher_seen_at: likewise for one that watches the platforms.
        worker: the command that delivers, as it must stand in cron.
        own_network: why nothing at all can be reached from here; empty when that is not so.
    """

    at: float
    down: tuple[Trouble, ...] = ()
    owed: tuple[Owed, ...] = ()
    needs_you: tuple[str, ...] = ()
    worker_seen_at: float | None = None
    watcher_seen_at: float | None = None
    worker: str = "surecast work --once"
    own_network: str = ""

    @property
    def calm(self) -> bool:
        """Whether there is nothing to see to."""
        return not (self.down or self.owed or self.needs_you or self.own_network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a person's switch came to.

    Attributes:
        at: when it was done, Unix seconds.
        until: when a channel that is off goes on by itself; None for never.
        owed: what it still gets; None for nothing.
        worker_seen_at, worker: see `Overview`.
    """

    channel: str
    platform: str
    at: float
    until: float | None = None
    owed: Owed | None = None
    worker_seen_at: float | None = None
    worker: str = "surecast work --once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a trial came to.

    Attributes:
        works: the probe went well, and so did the post, if one was owed.
        probed: what the channel answered before anything was posted.
        report: of the broadcast that was tried; None when nothing was owed, or the probe failed.
    """

    channel: str
    platform: str
    works: bool
    probed: Probed
    report: Report | None = None
