"""What came of a replay, in figures: compared with what the platforms hold, not only with what the ledger says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from surecast.broadcaster.desk import Desk
from surecast.history import Action, Fact, Kind
from surecast.ledger import broadcasts, outages
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.outcome import Sighting, Verdict
from surecast.replay.timeline import Timeline
from surecast.report import Report, Status
from surecast.sandbox import Sandbox

#: The `within` of every announcement of a replay, in seconds.
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An announcement of the replay."""

    id: str
    text: str
    incident: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something to draw: when, in seconds from the beginning, and what."""

    at_s: float
    what: str
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of a replay. All times in seconds.

    Attributes:
        announcements: how many were made; `in_time`: how many of them readers could read on some public channel within
            their `within`; `slowest_s`: the longest that took.
        noticed_s: from the first thing that went wrong to the notice to readers, and to the entry of the outage.
        outages, notices, updates, all_clears: how many of each.
        taken: posts that the platform took; `missing`: those of them that it does not hold.
        doubled: announcements that it holds more than once.
        dropped: announcements that the platform gets no more, by reason.
        newest_there: of the `incidents`, on how many the platform holds the newest announcement, once.
        rerouted: announcements that readers had from another channel.
        requests: how many requests the failing platform got while something was wrong with it.
        told: how many causes people were told of.
    """

    announcements: int
    in_time: int
    slowest_s: float
    noticed_s: float | None
    entered_s: float | None
    outages: int
    notices: int
    updates: int
    all_clears: int
    taken: int
    doubled: int
    missing: int
    dropped: dict[str, int]
    incidents: int
    newest_there: int
    rerouted: int
    requests: int
    told: int
    marks: tuple[Mark, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For machines, without what is only drawn."""
        return {name: value for name, value in asdict(self).items() if name != "marks"}


async def count(
    desk: Desk,
    timeline: Timeline,
    sandbox: Sandbox,
    said: Sequence[Said],
    *,
    begins_at: float,
    told: int,
) -> Figures:
    """Counts what came of it."""
    platform = sandbox.platforms[timeline.platform]
    copies = Counter(post.text.split("\n")[0] for post in platform.posts())
    reports = {each.id: await desk.status(each.id) for each in said}
    waits = [await _readers_waited(desk, each) for each in said]
    within = [wait for wait in waits if wait is not None and wait <= WITHIN_S]
    taken = [each for each in said if reports[each.id].channels[timeline.platform].url is not None]
    known = await desk.ledger.do(outages.since, begins_at)
    notices = [notice for outage in known for notice in await desk.ledger.do(outages.notices, outage.id)]
    sent = [notice for notice in notices if notice.stage is Stage.SENT]
    first = min((notice.decided_at or notice.created_at for notice in sent if notice.sort is Sort.NOTICE), default=None)
    began_at = begins_at + timeline.begins_s
    newest = {each.incident: each for each in said}
    return Figures(
        announcements=len(said),
        in_time=len(within),
        slowest_s=max((wait for wait in waits if wait is not None), default=0.0),
        noticed_s=None if first is None else first - began_at,
        entered_s=min((outage.noticed_at - began_at for outage in known), default=None),
        outages=len(known),
        notices=_count(sent, Sort.NOTICE),
        updates=_count(sent, Sort.UPDATE),
        all_clears=_count(sent, Sort.ALL_CLEAR),
        taken=len(taken),
        doubled=sum(copies[each.text] > 1 for each in said),
        missing=sum(copies[each.text] == 0 for each in taken),
        dropped=dict(_dropped(reports.values(), timeline.platform)),
        incidents=len(newest),
        newest_there=sum(copies[each.text] == 1 for each in newest.values()),
        rerouted=sum(_by_another(report, timeline.platform) for report in reports.values()),
        requests=_requests(sandbox, timeline, begins_at),
        told=told,
        marks=tuple(await _marks(desk, said, known, sent, begins_at)),
    )


def _count(sent: Sequence[Notice], sort: Sort) -> int:
    return sum(notice.sort is sort for notice in sent)


async def _readers_waited(desk: Desk, said: Said) -> float | None:
    """How long it took until a public channel of somebody else's showed it to readers; None for never."""
    stored = await desk.ledger.do(broadcasts.load, said.id)
    shown = [
        fact.at
        for name, facts in stored.history.facts.items()
        for fact in facts
        if name != "site" and _shows(fact, seen_by=stored.plan.terms[name].confirms)
    ]
    return min(shown) - said.at if shown else None


def _shows(fact: Fact, *, seen_by: bool) -> bool:
    if fact.kind is not Kind.ENDED:
        return False
    if seen_by:
        return fact.action is Action.CONFIRM and fact.look is not None and fact.look.sighting is Sighting.SEEN
    return fact.outcome is not None and fact.outcome.verdict is Verdict.ACCEPTED


def _by_another(report: Report, platform: str) -> bool:
    return any(part.status is Status.DONE for name, part in report.channels.items() if name != platform)


def _dropped(reports: Any, channel: str) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for report in reports:
        part = report.channels[channel]
        if part.status.value == "gave_up" and part.reason.value in {"outdated", "had_elsewhere", "expired"}:
            reasons[part.reason.value] += 1
    return reasons


def _requests(sandbox: Sandbox, timeline: Timeline, begins_at: float) -> int:
    spells = [(begins_at + spell.begins_s, begins_at + spell.ends_s) for spell in timeline.spells]
    asked = sandbox.platforms[timeline.platform].requests()
    return sum(any(start <= each.at < end for start, end in spells) for each in asked)


async def _marks(
    desk: Desk,
    said: Sequence[Said],
    known: Sequence[Outage],
    sent: Sequence[Notice],
    begins_at: float,
) -> list[Mark]:
    marks = []
    for each in said:
        stored = await desk.ledger.do(broadcasts.load, each.id)
        for name, facts in stored.history.facts.items():
            for fact in facts:
                if _shows(fact, seen_by=stored.plan.terms[name].confirms):
                    marks.append(Mark(at_s=fact.at - begins_at, what="seen", channel=name))
                    break
    marks += [
        Mark(at_s=(notice.decided_at or notice.created_at) - begins_at, what=notice.sort.value) for notice in sent
    ]
    for outage in known:
        marks.append(Mark(at_s=outage.noticed_at - begins_at, what="outage"))
        if outage.ended_at is not None:
            marks.append(Mark(at_s=outage.ended_at - begins_at, what="over"))
    return sorted(marks, key=lambda mark: mark.at_s)
