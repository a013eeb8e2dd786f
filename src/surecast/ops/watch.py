"""The watch: looks at the channels, decides with a cool head, tells readers and people, and pays back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from surecast.broadcaster.desk import Desk
from surecast.broadcaster.observer import Observer
from surecast.channel import Channel
from surecast.config.values import Config
from surecast.errors import LedgerBusyError, LedgerError, SurecastError
from surecast.health import Condition, Health
from surecast.ledger import broadcasts, outages, rounds
from surecast.ops.digest import Digest
from surecast.ops.heartbeat import Heartbeat
from surecast.ops.judging import Judgement, Times, judge
from surecast.ops.notices import VALID, Notices
from surecast.ops.outage_reporter import OutageReporter
from surecast.ops.reporter import Reporter
from surecast.ops.telling import Teller, Tells
from surecast.outage import Notice, Outage, Sort

log = logging.getLogger(__name__)

#: A round without anything to do costs a few reads of the ledger.
PAUSE_S = 2.0
#: A single round waits for what is due within so long, or what the pace of paying back makes due next.
SOON_S = 10.0
#: After so long a single round begins nothing more: cron may start the next one every minute.
ONCE_S = 50.0
#: So many passes in a row may deliver nothing after one that did: a post may take one to prepare and one to send.
MOST_FRUITLESS = 2
#: A single round rests so long at least.
MOMENT_S = 0.1
#: A notice that was let go is in a broadcast after this, if its process lives.
HALF_SENT_S = 30.0
DAY_S = 86_400.0


class Watch:
    """Watches the channels of one configuration.

    Any number may run over one ledger: of each look, notice and message one of them makes one.
    """

    def __init__(self, desk: Desk, config: Config, *, people: Tells, notices: Notices, heartbeat: Heartbeat) -> None:
        self._desk = desk
        self._config = config
        self._rules = config.watch
        self._observer: Observer = desk.observer
        teller = Teller(desk, config, people)
        self._reporter = Reporter(desk, config, teller)
        self._outage_reporter = OutageReporter(desk, config, teller)
        self._digest = Digest(desk, config, teller)
        self._notices = notices
        self._heartbeat = heartbeat
        self._logged: dict[str, Condition] = {}
        self._times = Times(
            notice_after_s=config.watch.notice_after_s,
            update_after_s=config.watch.update_after_s,
            all_clear_after_s=config.watch.all_clear_after_s,
        )

    async def run(self) -> None:
        """Watches, and delivers what is owed, for ever."""
        working = asyncio.create_task(self._desk.work())
        try:
            while True:
                with contextlib.suppress(LedgerBusyError):  # somebody writes for long; the next round comes soon
                    await self.round()
                done, _ = await asyncio.wait({working}, timeout=PAUSE_S)
                for ended in done:
                    ended.result()
        finally:
            working.cancel()
            await asyncio.wait({working})

    async def once(self) -> tuple[str, ...]:
        """One round, and what is due is delivered; for cron. Gives the broadcasts that it touched.

        As long as that makes less of what is owed, it waits for what is due soon: a platform that is back gets what it
        missed at a pace, and the next run may be minutes away.
        """
        await self.round()
        touched: dict[str, None] = {}
        soon_s = max(SOON_S, 1.5 / self._config.catch_up.pace.per_s)
        until, owed, fruitless = self._desk.clock.now() + ONCE_S, await self._owed(), MOST_FRUITLESS
        while True:
            touched |= dict.fromkeys(await self._desk.work_once())
            next_at = await self._desk.ledger.do(broadcasts.next_wake)
            now, before, owed = self._desk.clock.now(), owed, await self._owed()
            fruitless = 0 if owed < before else fruitless + 1
            if fruitless > MOST_FRUITLESS or next_at is None or next_at > min(now + soon_s, until):
                return tuple(touched)
            await asyncio.sleep(max(MOMENT_S, next_at - now))

    async def _owed(self) -> int:
        return sum(each.posts for each in (await self._desk.operator.overview()).owed)

    async def round(self) -> float:
        """Looks where it is time to, and does what follows; gives after how many seconds there is more to do."""
        await self._desk.ledger.do(rounds.watcher_seen, self._desk.owner, self._desk.clock.now())
        await self._look_around()
        health = await self._switched()
        self._log_changes(health)
        await self._finish_notices()
        await self._follow_outages(health)
        await self._reporter.report(health)
        await self._digest.tell_if_due()
        await self._heartbeat.beat()
        return self._pause_s(health)

    def _pause_s(self, health: Mapping[str, Health]) -> float:
        if any(each.condition is Condition.DEGRADED for each in health.values()):
            return self._rules.recheck_s
        now = self._desk.clock.now()
        trials = [each.not_before - now for each in health.values() if each.condition is Condition.DOWN]
        return max(PAUSE_S, min([self._rules.every_s, *trials]))

    # Looking

    async def _look_around(self) -> None:
        health = await self._desk.operator.health()
        usable = [name for name, channel in self._config.channels.items() if not channel.misconfigured]
        await asyncio.gather(*(self._look(name, health[name]) for name in usable))

    async def _look(self, name: str, health: Health) -> None:
        shut = health.condition is Condition.DOWN and health.not_before > 0
        every_s = self._rules.recheck_s if health.condition in _SUSPICIOUS else self._rules.every_s
        if shut or await self._is_time(f"look:{name}", every_s):
            await self._observer.look(name)
        if await self._is_time(f"page:{name}", self._rules.status_every_s):
            await self._observer.read_page(name)

    async def _is_time(self, name: str, every_s: float) -> bool:
        return await self._desk.ledger.do(rounds.take, name, every_s=every_s, now=self._desk.clock.now())

    async def _switched(self) -> Mapping[str, Health]:
        """How the channels are, after the breakers of those that are down were opened."""
        health = await self._desk.operator.health()
        opened = [
            await self._observer.switch(each, between_s=self._rules.between_switches_s)
            for name, each in health.items()
            if name in self._config.channels and not self._config.channels[name].kind.traits.local
        ]
        return await self._desk.operator.health() if any(opened) else health

    def _log_changes(self, health: Mapping[str, Health]) -> None:
        """For whoever reads along; of a channel that was never anything but well there is nothing to say."""
        for name in self._config.channels:
            each = health[name]
            if each.condition in {Condition.UNKNOWN, self._logged.get(name, Condition.UP)}:
                continue
            because = f": {'; '.join(each.reasons)}" if each.reasons else ""
            log.info("%s is %s%s", name, each.condition.value, because)
            self._logged[name] = each.condition

    # Outages

    async def _follow_outages(self, health: Mapping[str, Health]) -> None:
        known = {outage.channel: outage for outage in await self._desk.ledger.do(outages.open_now)}
        bad = frozenset(name for name, each in health.items() if each.condition in _BAD)
        for name, channel in self._config.channels.items():
            if channel.kind.traits.local or name not in health:
                continue
            outage = known.get(name)
            said = await self._desk.ledger.do(outages.notices, outage.id) if outage is not None else ()
            judgement = judge(outage, health[name], said, self._times, self._desk.clock.now())
            await self._carry_out(channel, outage, judgement, health[name], bad)

    async def _carry_out(
        self, channel: Channel, outage: Outage | None, judgement: Judgement, health: Health, bad: frozenset[str]
    ) -> None:
        ledger, now = self._desk.ledger, self._desk.clock.now()
        if outage is None:
            if judgement.begins_at is None:
                return
            why = health.reasons[0] if health.reasons else ""
            outage = await ledger.do(
                outages.begin, channel.name, began_at=judgement.begins_at, why=why, facts=health.reasons, now=now
            )
            if outage is None:  # another watch was faster
                return
            log.info("Outage %d of %s began", outage.id, channel.name)
            await self._drop_all_clears(channel.name)
        elif judgement.well_since != outage.up_since:
            await ledger.do(outages.up_again, outage, judgement.well_since)
        for notice in judgement.drop:
            await self._notices.drop(notice)
        if judgement.over:
            await self._end(channel, outage, say=judgement.say, bad=bad)
        elif judgement.say is not None:
            await self._say(outage, judgement.say, number=judgement.number, bad=bad)

    async def _drop_all_clears(self, channel: str) -> None:
        """That a platform works again is not true any more, if nobody has let it go by now."""
        ledger = self._desk.ledger
        for notice in await ledger.do(outages.drafts):
            if notice.sort is Sort.ALL_CLEAR and (await ledger.do(outages.by_id, notice.outage)).channel == channel:
                await self._notices.drop(notice)

    async def _end(self, channel: Channel, outage: Outage, *, say: Sort | None, bad: frozenset[str]) -> None:
        if say is not None:  # first, as nobody would write it for an outage that is over
            await self._say(outage, say, number=0, bad=bad)
        await self._notices.withdraw(outage)
        late = await self._outage_reporter.dropped_in(outage)
        if await self._desk.ledger.do(outages.end, outage, self._desk.clock.now()):
            log.info("Outage %d of %s is over", outage.id, channel.name)
            await self._outage_reporter.over(outage, late)

    async def _finish_notices(self) -> None:
        """Does what a process had in hand that ended meanwhile: sends what was let go, and tells of what waits."""
        ledger, before = self._desk.ledger, self._desk.clock.now() - HALF_SENT_S
        known = {outage.id: outage for outage in await ledger.do(outages.since, before - DAY_S)}
        for notice in await ledger.do(outages.half_sent, before):
            if await self._notices.was_accepted(notice):
                continue
            if self._still_true(notice, known.get(notice.outage)):
                with contextlib.suppress(SurecastError):  # tried again with the next round
                    await self._notices.finish(notice)
                    log.info("The %s of outage %d was sent", _SAYS[notice.sort], notice.outage)
            else:
                await self._notices.drop(notice)
        waiting = [notice for notice in await ledger.do(outages.drafts) if notice.created_at < before]
        if not waiting or not await self._is_time("drafts", HALF_SENT_S):
            return
        for notice in waiting:
            outage = known.get(notice.outage)
            if outage is not None and self._still_true(notice, outage):
                await self._let_go(outage, notice)
            elif notice.sort is Sort.ALL_CLEAR:  # nobody wonders any more, and there will be no other one
                await self._notices.drop(notice)

    def _still_true(self, notice: Notice, outage: Outage | None) -> bool:
        """Whether a notice still says what is so: it may have waited for a process that was gone for long."""
        said_at = notice.created_at if notice.decided_at is None else notice.decided_at
        if self._desk.clock.now() - said_at >= VALID[notice.sort].total_seconds():
            return False
        goes_on = outage is not None and outage.ended_at is None and outage.up_since is None
        return notice.sort is Sort.ALL_CLEAR or goes_on

    async def _say(self, outage: Outage, sort: Sort, *, number: int, bad: frozenset[str]) -> None:
        """Writes a notice and lets it go."""
        try:
            missed = len(await self._outage_reporter.paid_back(outage)) if sort is Sort.ALL_CLEAR else 0
            route = await self._notices.route(outage, sort, bad)
            if route is None:
                if sort is Sort.NOTICE:
                    await self._outage_reporter.untold(outage)
                return
            notice = await self._notices.draft(outage, sort, route, number=number, missed=missed)
        except LedgerError:
            raise  # the next round writes it
        except SurecastError as error:  # a route that cannot be read: the watch goes on
            await self._outage_reporter.trouble(outage, str(error))
            return
        if notice is not None:
            log.info("The %s of outage %d is written, as %s", _SAYS[sort], outage.id, notice.id)
            await self._let_go(outage, notice)

    async def _let_go(self, outage: Outage, notice: Notice) -> None:
        """Sends a notice where the configuration lets the watch do that; a person is told either way."""
        try:
            if self._rules.act == "send":
                if await self._notices.send(notice) is None:  # somebody else has decided about it
                    return
                log.info("The %s of outage %d was sent", _SAYS[notice.sort], outage.id)
        except LedgerError:
            raise
        except SurecastError as error:
            await self._outage_reporter.trouble(outage, str(error))
            return
        await self._outage_reporter.notice(outage, notice, sent=self._rules.act == "send")


_SAYS = {Sort.NOTICE: "notice", Sort.UPDATE: "update", Sort.ALL_CLEAR: "all-clear"}
_SUSPICIOUS = frozenset({Condition.DEGRADED, Condition.DOWN})
_BAD = frozenset({Condition.DOWN, Condition.ISOLATED})
