"""An outage of a platform, and what surecast has to say about it to readers. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which a platform does not work for its readers. All moments are in Unix seconds.

    Attributes:
        began_at: when the first sign of it was seen.
        noticed_at: when the signs were enough.
        up_since: since when all is well again; None while it is not, or before.
        ended_at: when it was well for long enough; None until then.
        why, facts: in words for people: the weightiest sign, and all of them.
        relapses: how often it was well for a while and then not.
    """

    id: int
    channel: str
    began_at: float
    noticed_at: float
    up_since: float | None = None
    ended_at: float | None = None
    why: str = ""
    facts: tuple[str, ...] = ()
    relapses: int = 0


class Sort(StrEnum):
    """What a notice says."""

    NOTICE = "notice"
    UPDATE = "update"
    ALL_CLEAR = "all_clear"


class Stage(StrEnum):
    """What became of a notice."""

    DRAFT = "draft"  # waits for a person
    SENT = "sent"
    DROPPED = "dropped"  # by a person, or because it came too late to mean anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice, as the ledger keeps it.

    Attributes:
        id: what a person types to approve it.
        number: of an update, which one it is.
        text, title, url, language: the announcement.
        route: an expression over channels.
        broadcast: the broadcast that carries it, once it is sent.
    """

    id: str
    outage: int
    sort: Sort
    number: int
    text: str
    route: str
    stage: Stage
    created_at: float
    title: str | None = None
    url: str | None = None
    language: str | None = None
    decided_at: float | None = None
    broadcast: str | None = None
