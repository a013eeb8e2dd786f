"""What a broadcaster can be asked, as coroutines; they all run in one loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from surecast.audiences import Audience
from surecast.broadcaster.accounts import account, in_hand
from surecast.broadcaster.observer import Observer
from surecast.broadcaster.operator import Operator
from surecast.broadcaster.people import People
from surecast.broadcaster.roster import Network, Roster
from surecast.broadcaster.waiting import after_acceptance, decided, longest_s, under_way
from surecast.channel import Channel, Context, Picture
from surecast.clock import Clock
from surecast.decide import Decision, decide
from surecast.dispatch import Bench, Dispatcher
from surecast.engines.embedded import Embedded
from surecast.errors import KeyReusedError, LedgerBusyError, LedgerError, UsageError
from surecast.history import Fact, Kind, Order, Plan
from surecast.ledger import batches, broadcasts, watching
from surecast.ledger.database import Ledger
from surecast.ledger.owner import new_owner, proven_dead
from surecast.message import Announcement
from surecast.outcome import Outcome, Receipt, Verdict
from surecast.pictures import LoadedPicture, read
from surecast.planning import Few, House, make_plan
from surecast.policy import Breaker
from surecast.report import Report, Status, make_report
from surecast.route import Route
from surecast.secret import Secret
from surecast.standing import stand
from surecast.threads import DaemonPool

#: A call waits at most so much longer than the longest way through its route.
WAIT_MARGIN_S = 5.0
#: The purpose of a message to the people in charge.
PERSON = "person"
#: An attempt that has just begun may end before the process leaves; an older one hangs.
LEAVE_S = 2.0


class Desk:
    """Answers the calls of one `Broadcaster` in its loop."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        house: House,
        *,
        ledger: Ledger,
        ledger_key: Secret | None,
        network: Network,
        breaker: Breaker,
        repeat_window_s: float,
        keep_s: float,
        background: Literal["thread", "worker"],
        audiences: Mapping[str, Audience],
        in_charge: Mapping[str, Channel],
        clock: Clock,
    ) -> None:
        self._channels = channels
        self._in_charge = in_charge
        self._house = house
        self.ledger = ledger
        self.clock = clock
        self._repeat_window_s = repeat_window_s
        self._keep_s = keep_s
        self._background = background
        self.owner = new_owner()
        self._roster = Roster(
            {**channels, **in_charge},
            house,
            network,
            ledger=ledger,
            ledger_key=ledger_key,
            owner=self.owner,
            clock=clock,
            audiences=audiences,
        )
        self._engine = Embedded(ledger, clock)
        self._engine.dispatcher = Dispatcher(
            Bench(
                ledger=ledger,
                host=self._roster,
                waker=self._engine,
                clock=clock,
                breaker=breaker,
                owner=self.owner,
            )
        )
        self._files = DaemonPool("files", size=2)
        self.people = People(ledger, channels, house, audiences, clock)
        self.operator = Operator(ledger, channels, house, self._roster, clock, resume=self.resume)
        self.observer = Observer(
            ledger=ledger,
            roster=self._roster,
            channels=channels,
            breaker=breaker,
            clock=clock,
            owner=self.owner,
            pause_s=1 / house.catch_up_rate.per_s if house.catch_up_rate is not None else 0.0,
        )
        self._mine: set[str] = set()
        self._tending: asyncio.Task[None] | None = None

    # Sending

    async def preview(self, announcement: Announcement, route: Route, route_name: str) -> Plan:
        """The plan and nothing else: no ledger, no connection, no secret."""
        pictures = await self._pictures(announcement)
        return self._plan(announcement, self._channels, route, route_name, pictures)

    async def broadcast(
        self,
        announcement: Announcement,
        route: Route,
        route_name: str,
        *,
        wait: bool | float,
        again: bool,
        on_change: Literal["raise", "keep"],
        limit: int | None = None,
        only: str | None = None,
        purpose: str = "",
    ) -> Report:
        """Accepts an announcement and, unless `wait` is false, drives it until its route is decided.

        Args:
            purpose: what surecast itself says by it; quiet hours and bounds on messages to one person are not for that.
                With `PERSON` the route is one of channels to the people in charge.
        """
        pictures = await self._pictures(announcement)
        known = self._in_charge if purpose == PERSON else self._channels
        checked = {name: self._roster.checked(channel) for name, channel in known.items()}
        few = None
        if limit is not None or only is not None:
            few = Few(limit=limit, only="" if only is None else await self.people.hashed(only))
        plan = self._plan(announcement, checked, route, route_name, pictures, few=few)
        if purpose:
            plan = replace(plan, purpose=purpose, quiet=None, per_contact=None)
        accepted = await self._accept(plan, {picture.digest: picture.data for picture in pictures}, again=again)
        if not accepted.same and on_change == "raise":
            raise KeyReusedError(
                f"The key {announcement.key!r} stands for another announcement (broadcast {accepted.plan.id}). "
                'Give a new key, or on_change="keep" to leave the first one as it is.'
            )
        name = accepted.plan.id
        try:
            if wait is not False:
                bound = longest_s(accepted.plan) + WAIT_MARGIN_S if wait is True else wait
                await self._engine.drive(name, enough=decided, until=self.clock.now() + bound)
            if self._background == "thread":
                self._tend(name)
            return await self.status(name, repeated=not accepted.created)
        except LedgerError as error:
            raise after_acceptance(error, name) from error

    async def _accept(self, plan: Plan, images: Mapping[str, bytes], *, again: bool) -> broadcasts.Accepted:
        since = None if again else self.clock.now() - self._repeat_window_s
        try:
            return await self.ledger.do(broadcasts.accept, plan, images, repeat_since=since)
        except LedgerError as error:
            raise type(error)(f"{error} Nothing was sent.") from error

    def _plan(
        self,
        announcement: Announcement,
        channels: Mapping[str, Channel],
        route: Route,
        route_name: str,
        pictures: tuple[LoadedPicture, ...],
        *,
        few: Few | None = None,
    ) -> Plan:
        shown = tuple(
            Picture(
                digest=picture.digest,
                media_type=picture.media_type,
                alt=image.alt,
                width=picture.width,
                height=picture.height,
            )
            for image, picture in zip(announcement.images, pictures, strict=True)
        )
        return make_plan(
            announcement,
            self._house,
            channels,
            route,
            route_name=route_name,
            pictures=shown,
            now=self.clock.now(),
            few=few,
        )

    async def _pictures(self, announcement: Announcement) -> tuple[LoadedPicture, ...]:
        return tuple([await self._files.run(read, image) for image in announcement.images])

    # Reading

    async def status(self, name: str, *, repeated: bool = False) -> Report:
        """The facts of a broadcast read back; `name` as a person types it."""
        now = self.clock.now()
        known = await self.ledger.do(account, name, now)
        stored, health = known.stored, self.operator.assessed(known.observed, now)
        decision = decide(stored.plan, stored.history, health, now)
        goes_on = known.in_hand or self._tends(stored.plan.id)
        return make_report(
            stored.plan,
            stored.history,
            decision,
            now,
            health=health,
            repeated=repeated,
            worker_seen_at=now if goes_on else known.worker_seen_at,
            worker=self._house.worker,
            currency=self._house.currency,
        )

    def _tends(self, name: str) -> bool:
        """Whether this process carries a broadcast on in its background."""
        return name in self._mine and self._tending is not None and not self._tending.done()

    async def facts(self, name: str) -> tuple[Fact, ...]:
        """What happened in a broadcast, in the ledger's order."""
        stored = await self.ledger.do(broadcasts.load, await self.ledger.do(broadcasts.find, name))
        everything = (fact for facts in stored.history.facts.values() for fact in facts)
        return tuple(sorted(everything, key=lambda fact: fact.seq))

    async def listing(self, most: int) -> tuple[broadcasts.Listed, ...]:
        """The newest broadcasts."""
        return await self.ledger.do(broadcasts.listing, most, self.clock.now())

    # Orders of a person

    async def cancel(self, name: str, channel: str | None) -> Report:
        """Ends everything that has not begun."""
        found = await self.ledger.do(broadcasts.find, name)
        stored = await self.ledger.do(broadcasts.load, found)
        if channel is not None:
            self._check_channel(stored.plan, channel)
        await self.ledger.do(broadcasts.cancel, found, channel, self.clock.now())
        await self._engine.dispatcher.conduct(found)
        self._engine.wake(found)
        return await self.status(found)

    async def settle(self, name: str, channel: str, *, there: bool, url: str | None, to: str | None = None) -> Report:
        """Records a person's word about a post in doubt, or about all, or one, of a direct channel."""
        found = await self.ledger.do(broadcasts.find, name)
        stored = await self.ledger.do(broadcasts.load, found)
        self._check_channel(stored.plan, channel)
        if stored.plan.terms[channel].direct:
            await self.people.settle(stored.plan, channel, there=there, to=to)
            await self._engine.dispatcher.conduct(found)
            self._engine.wake(found)
            return await self.status(found)
        if to is not None:
            raise UsageError(f"{channel} posts in public, so there is no address to settle. Leave --to out.")
        standing = stand(stored.plan.terms[channel], stored.history.facts.get(channel, ()))
        if standing.accepted_at is not None and there:
            return await self.status(found)
        if not (standing.doubts or standing.sending):
            raise UsageError(
                f"The post on {channel} is not in doubt, so there is nothing to settle: surecast status {found}."
            )
        outcome = None
        if there:
            outcome = Outcome(verdict=Verdict.CONFIRMED, receipt=Receipt(id=url, url=url) if url else None)
        fact = Fact(
            seq=0,
            channel=channel,
            kind=Kind.ORDERED,
            at=self.clock.now(),
            order=Order.THERE if there else Order.NOT_THERE,
            outcome=outcome,
        )
        await self.ledger.do(broadcasts.order, found, fact, url)
        await self._engine.dispatcher.conduct(found)
        self._engine.wake(found)
        return await self.status(found)

    def _check_channel(self, plan: Plan, channel: str) -> None:
        if channel not in plan.terms:
            raise UsageError(f"Broadcast {plan.id} has no channel {channel!r}. It has: {', '.join(plan.terms)}.")

    # What is owed

    async def resume(self, name: str | None, for_s: float) -> tuple[Report, ...]:
        """Gives everything owed one trial now, settles what is in doubt, and waits up to `for_s` seconds."""
        names = (
            (await self.ledger.do(broadcasts.find, name),)
            if name is not None
            else await self.ledger.do(broadcasts.open_ids)
        )
        until = self.clock.now() + for_s

        async def one(found: str) -> Report:
            async def rested(decision: Decision) -> bool:
                return not under_way(decision) and not await self._worth_waiting(found, until)

            await self._engine.drive(found, enough=rested, until=until, ordered=True)
            return await self.status(found)

        reports = await asyncio.gather(*map(one, names))
        # A channel that rests lets one trial through: where that succeeded, the others were only behind it.
        works = {name for report in reports for name, part in report.channels.items() if part.status is Status.DONE}
        behind = [report.id for report in reports if works.intersection(report.owed)]
        again = dict(zip(behind, await asyncio.gather(*map(one, behind)), strict=True))
        return tuple(again.get(report.id, report) for report in reports)

    async def _worth_waiting(self, name: str, until: float) -> bool:
        """Whether something that a person waits for can happen before `until`: a lease ends, a wait, a look-up."""
        listed = await self.ledger.do(batches.listed, name)
        if in_hand(listed) or any(self._engine.runs(batch.id) for batch in listed):
            return True
        report = await self.status(name)
        return any(
            channel.status is Status.SENDING
            or (
                channel.next_try is not None
                and channel.next_try <= until
                and (channel.status is Status.UNSURE or channel.verdict in {Verdict.THROTTLED, Verdict.UNCERTAIN})
            )
            for channel in report.channels.values()
        )

    async def work_once(self) -> tuple[str, ...]:
        """Delivers what is due now, once; gives the broadcasts it touched."""
        now = self.clock.now()
        await self.ledger.do(broadcasts.worker_seen, self.owner, now)
        await self._forget(now)
        due = await self.ledger.do(broadcasts.due, now, proven_dead)
        bound = now + WAIT_MARGIN_S
        for name in due:
            stored = await self.ledger.do(broadcasts.load, name)
            bound = max(bound, now + longest_s(stored.plan) + WAIT_MARGIN_S)

        async def one(found: str) -> None:
            async def rested(decision: Decision) -> bool:
                return not under_way(decision) and not await self._busy(found)

            await self._engine.drive(found, enough=rested, until=bound)

        await asyncio.gather(*map(one, due))
        return due

    async def work(self, beat_s: float = 5.0) -> None:
        """Delivers what is owed as it falls due, for ever."""
        tending = asyncio.create_task(self._engine.tend())
        try:
            while True:
                now = self.clock.now()
                with contextlib.suppress(LedgerBusyError):  # somebody writes for long; the next beat comes soon
                    await self.ledger.do(broadcasts.worker_seen, self.owner, now)
                    await self._forget(now)
                done, _ = await asyncio.wait({tending}, timeout=beat_s)
                for ended in done:
                    ended.result()
        finally:
            tending.cancel()

    def context(self) -> Context:
        """What is needed to call an address that belongs to no channel."""
        return self._roster.context("")

    async def deliver_due(self) -> float | None:
        """Delivers everything that is due now, and waits for nothing else; gives when something is due next."""
        return await self._engine.run_due()

    async def _forget(self, now: float) -> None:
        """Drops what is older than it is kept."""
        await self.ledger.do(broadcasts.forget, now - self._keep_s)
        await self.ledger.do(watching.tidy, now, self._keep_s)

    async def _busy(self, name: str) -> bool:
        return any(self._engine.runs(batch.id) for batch in await self.ledger.do(batches.listed, name))

    def _tend(self, name: str) -> None:
        """In the background of this process: what it accepted is carried on until it is over."""
        self._mine.add(name)
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._engine.tend(self._mine.__contains__))
        self._engine.wake(name)

    # Its life

    async def warm(self) -> None:
        """Opens the ledger and begins to open every channel that can be used."""
        await self.operator.health()
        usable = (name for name, channel in self._channels.items() if not channel.misconfigured)
        self._roster.warm(tuple(usable))

    async def close(self) -> None:
        """Stops: attempts that have just begun may end, all others are recorded as interrupted."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.wait({self._tending})
        await self._engine.stop(young_s=LEAVE_S)
        await self._roster.close()
        await self.ledger.close()
        self._files.close()
