"""What a channel's health means for its outage: whether one begins, is told, goes on, or is over. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from surecast.health import Condition, Health
from surecast.outage import Notice, Outage, Sort, Stage
from surecast.outcome import Verdict

#: What makes an outage; a refused login or a switch of a person's is none, whatever readers miss by it.
OUTAGES = frozenset({Verdict.UNAVAILABLE.value, Verdict.UNCERTAIN.value, Verdict.INVISIBLE.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When an outage is told; in seconds.

    Attributes:
        notice_after_s: since its first sign.
        update_after_s: since the notice, each once.
        all_clear_after_s: for so long it must be well, without a break, before it counts as over.
    """

    notice_after_s: float = 60.0
    update_after_s: tuple[float, ...] = (3_600.0, 10_800.0, 21_600.0)
    all_clear_after_s: float = 2_700.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What follows for a channel's outage.

    Attributes:
        begins_at: an outage began then; None when none begins.
        well_since: the outage's `up_since` from now on.
        over: it is over.
        say: what is to be said to readers now; of an update its `number`.
        drop: notices that nobody has let go, and that mean nothing any more.
    """

    begins_at: float | None = None
    well_since: float | None = None
    over: bool = False
    say: Sort | None = None
    number: int = 0
    drop: tuple[Notice, ...] = ()


def judge(outage: Outage | None, health: Health, said: Sequence[Notice], times: Times, now: float) -> Judgement:
    """What follows from a channel's health at `now`.

    One outage lasts from its first sign until the platform was well for `all_clear_after_s`: half an hour of
    well-being between two hours of trouble is a part of it, and readers hear of it once. Whoever was told that it
    began is told that it is over, and nobody else.

    Args:
        outage: the one that is not over; None when there is none.
        said: its notices, in whatever stage.
    """
    down = health.condition is Condition.DOWN and health.reason in OUTAGES
    if outage is None:
        if not down:
            return Judgement()
        began_at = now if health.since is None else min(health.since, now)
        sort = Sort.NOTICE if now - began_at >= times.notice_after_s else None
        return Judgement(begins_at=began_at, say=sort)
    well_since = _well_since(outage, health, now, down=down)
    doubtful = health.condition is Condition.DEGRADED  # it goes on, and is not over on a bad look
    if well_since is not None and now - well_since >= times.all_clear_after_s and not doubtful:
        told = any(notice.sort is Sort.NOTICE and notice.stage is Stage.SENT for notice in said)
        waiting = tuple(notice for notice in said if notice.stage is Stage.DRAFT and notice.sort is not Sort.ALL_CLEAR)
        return Judgement(well_since=well_since, over=True, say=Sort.ALL_CLEAR if told else None, drop=waiting)
    say, number = _to_say(outage, said, times, now) if down else (None, 0)
    return Judgement(well_since=well_since, say=say, number=number)


def _well_since(outage: Outage, health: Health, now: float, *, down: bool) -> float | None:
    """One bad look does not end a recovery, nor does it begin one."""
    if down:
        return None
    if outage.up_since is None and health.condition is Condition.UP:
        return now
    return outage.up_since


def _to_say(outage: Outage, said: Sequence[Notice], times: Times, now: float) -> tuple[Sort | None, int]:
    notice = next((each for each in said if each.sort is Sort.NOTICE), None)
    if notice is None:
        return (Sort.NOTICE if now - outage.began_at >= times.notice_after_s else None), 0
    if notice.stage is not Stage.SENT or notice.decided_at is None:
        return None, 0
    updates = [each for each in said if each.sort is Sort.UPDATE]
    if any(each.stage is Stage.DRAFT for each in updates):  # one that waits for a person is enough
        return None, 0
    # After a gap without a watch one update stands for all that were due meanwhile.
    number = sum(now - notice.decided_at >= after_s for after_s in times.update_after_s)
    return (Sort.UPDATE, number) if number > max((each.number for each in updates), default=0) else (None, 0)
