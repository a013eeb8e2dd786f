"""The digest of the week for the people in charge."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from surecast.broadcaster.desk import Desk
from surecast.clock import hours_minutes
from surecast.config.values import Config
from surecast.config.watching import DAYS, NEVER
from surecast.ledger import outages, rounds, watching
from surecast.ops.telling import Teller
from surecast.text.messages import Spell

WEEK_S = 7 * 86_400.0


class Digest:
    """Tells what the week was like, at its day and time."""

    def __init__(self, desk: Desk, config: Config, teller: Teller) -> None:
        self._desk = desk
        self._config = config
        self._teller = teller

    async def tell_if_due(self) -> None:
        """Tells it once a week, of all processes one."""
        now = self._desk.clock.now()
        due = _last_due(self._config.watch.digest, datetime.fromtimestamp(now, self._config.zone))
        if due is None:
            return
        ledger = self._desk.ledger
        last = await ledger.do(rounds.last, "digest")
        if last is None:  # the first week has not passed yet
            await ledger.do(rounds.put, "digest", now)
            return
        if last >= due or not await ledger.do(rounds.take, "digest", every_s=now - due, now=now):
            return
        await self._tell(now)

    async def _tell(self, now: float) -> None:
        since = now - WEEK_S
        overview = await self._desk.operator.overview()
        found = await self._desk.ledger.do(outages.since, since)
        states = Counter(await self._desk.ledger.do(watching.states_since, since))
        zone = self._config.zone
        await self._teller.tell(
            f"digest:{now:.0f}",
            "digest",
            since=since,
            states=states,
            outages=tuple(
                Spell(
                    platform=self._teller.platform(outage.channel),
                    lasted_s=(outage.ended_at or now) - outage.began_at,
                    over=outage.ended_at is not None,
                )
                for outage in found
            ),
            owed=tuple(
                f"{self._teller.platform(each.channel)}: {each.posts}, the oldest of "
                f"{hours_minutes(each.oldest_at, zone, now)}"
                for each in overview.owed
            ),
            needs=overview.needs_you,
            worker_seen=overview.worker_seen_at,
            watcher_seen=overview.watcher_seen_at,
        )


def _last_due(weekly: str, now: datetime) -> float | None:
    """The last moment at which the digest was due, Unix seconds; None for never."""
    if weekly == NEVER:
        return None
    day, _, clock = weekly.partition(" ")
    hour, minute = map(int, clock.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    due -= timedelta(days=(now.weekday() - DAYS.index(day)) % 7)
    return (due if due <= now else due - timedelta(days=7)).timestamp()
