"""One direct channel of one broadcast in this process: its deliveries to contacts, many on their way at once.

Attempts run in a few workers. One loop beside them records what ended and commits to what begins next, many together
in one transaction, so that a delivery costs the ledger little. A few more than are on their way are committed to in
advance: a free worker never waits for the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from msgspec import structs

from surecast.channel import Adapter
from surecast.direct import Ticket, family_of, to_do
from surecast.dispatch.courier import Courier, is_look
from surecast.dispatch.own_outcomes import unless_cut_off
from surecast.dispatch.ports import Bench
from surecast.errors import LedgerError
from surecast.history import Plan
from surecast.ledger import beginnings, steps
from surecast.ledger.tickets import End, Lot, Step, Visit
from surecast.outcome import RULES, Outcome, Scope, Verdict
from surecast.transport.classify import classify

#: The least time between two transactions while deliveries are on their way: a few ends and beginnings go together.
LINGER_S = 0.02
#: A look at what a person or another process changed comes at least so often.
GLANCE_S = 0.25
#: The quiet hours of a time zone are worked out anew after this.
QUIET_KEPT_S = 1.0
CREDENTIALS_KEPT_S = 1.0
#: So many deliveries are committed to in advance, as a share of those on their way, where a doubt waits for a person.
AHEAD = 0.4
#: With less time left than this before its rate lets it go, a batch waits here instead of being given back.
PATIENCE_S = 5.0
#: What waits longer than this for a free slot is given back and looked at anew: a person might have cancelled or opted
#: out, its lease might end, and its place in the channel's rate is gone.
STALE_S = 0.5
#: Attempts that are on their way when the process leaves may end within this.
LEAVE_S = 1.0
#: When the ledger fails, ends are offered to it again after these pauses.
RECORD_PAUSES_S = (0.2, 1.0, 3.0)


@dataclass(slots=True)
class _Stint:
    """A batch while it is worked on here."""

    lot: Lot
    waiting: deque[Ticket]
    out: int = 0
    later: list[float] = field(default_factory=list)
    shut: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Lane:
    """The deliveries of one direct channel of one broadcast.

    Args:
        slots: how many of the channel's deliveries may be on their way in this process, over all broadcasts.
    """

    def __init__(self, bench: Bench, plan: Plan, channel: str, slots: asyncio.Semaphore) -> None:
        self._bench = bench
        self._ledger, self._host, self._clock = bench.ledger, bench.host, bench.clock
        self._plan = plan
        self._terms = plan.terms[channel]
        self._channel = channel
        self._slots = slots
        self._visit = visit(bench, plan, channel)
        self._stints: dict[int, _Stint] = {}
        self._lots: dict[int, Lot] = {}
        self._ready: asyncio.Queue[tuple[Ticket, float]] = asyncio.Queue()
        self._ends: list[End] = []
        self._news = asyncio.Event()
        self._out = self._on_their_way = 0
        self._stopped = self._leaving = self._closing = False
        self._committed_at = 0.0
        self._unjudged: list[asyncio.Future[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._loop: asyncio.Task[None] | None = None
        self._courier: Courier
        self._ordered = False
        self._quiet: dict[str, tuple[float, float | None]] = {}
        self._credentials = (0.0, "")

    @property
    def _room(self) -> int:
        """How many may be committed to: those on their way, and some in advance where no rate counts moments.

        If the process dies, all of them are in doubt: few in advance where nothing but a person can settle that.
        """
        on_their_way = self._terms.in_flight
        if self._terms.rate:
            return on_their_way
        return on_their_way + (on_their_way if self._terms.finds else math.ceil(on_their_way * AHEAD))

    async def run(self, lot: Lot, adapter: Adapter, payload: bytes, *, ordered: bool) -> float | None:
        """Takes the deliveries of a batch as far as they can go now; gives when to come back, None for never.

        Raises:
            LedgerError: the ledger cannot be written; what is on its way is recorded when it can be again.
        """
        language = self._plan.posts[self._channel].language
        self._courier = Courier(adapter=adapter, payload=payload, terms=self._terms, language=language)
        self._ordered = self._ordered or ordered
        stint = _Stint(lot, deque())
        now = self._clock.now()
        for ticket in lot.tickets:
            if not to_do(ticket, self._terms):
                continue
            if ticket.not_before > now and not ordered:
                stint.later.append(ticket.not_before)
            else:
                stint.waiting.append(ticket)
        if self._closing:
            return now
        if not stint.waiting:
            return min(stint.later, default=None)
        self._stints[lot.claim.batch], self._lots[lot.claim.batch] = stint, lot
        self._news.set()
        try:
            while not stint.done.is_set():  # a loop that was about to end when we came has not seen us
                if self._loop is None or self._loop.done():
                    self._loop = asyncio.create_task(self._step_on(), name=f"surecast-lane-{self._channel}")
                await self._until_done(stint, self._loop)
        finally:
            self._stints.pop(lot.claim.batch, None)
            self._lots.pop(lot.claim.batch, None)
        return min(stint.later, default=None)

    def leave(self) -> None:
        """The process goes: nothing more begins, and batches end once what is on its way has ended."""
        self._closing = self._stopped = True
        self._call_off()
        self._end_waiting(self._clock.now())
        self._news.set()

    async def _until_done(self, stint: _Stint, loop: asyncio.Task[None]) -> None:
        waits = asyncio.create_task(stint.done.wait())
        try:
            await asyncio.wait({waits, loop}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the process is leaving: what is on its way is recorded before it goes
            if not self._leaving:
                self._leaving = True
                loop.cancel()
            await asyncio.wait({loop})
            raise
        finally:
            waits.cancel()
        if not stint.done.is_set():
            loop.result()

    # The loop beside the workers

    async def _step_on(self) -> None:
        """Records ends and commits to beginnings, until no batch is left."""
        self._stopped = self._leaving = False
        try:
            while self._stints or self._out or self._ends:
                self._news.clear()
                pause = await self._step()
                if pause > 0:
                    await self._rest(pause)
        except LedgerError:
            await self._leave(self._terms.timeout_s)
            raise
        finally:
            await self._leave(LEAVE_S)

    async def _step(self) -> float:
        """One transaction; gives how long nothing can be done but to wait for news, in seconds."""
        ends, self._ends = self._ends, []
        judged = len(self._unjudged)
        self._out -= len(ends)
        wants, held = self._due()
        if not (ends or wants or held):
            self._settle_stints()
            await self._glance()
            return GLANCE_S
        recording = asyncio.create_task(self._record(ends, wants, held))
        try:
            step = await asyncio.shield(recording)
        except asyncio.CancelledError:  # the ledger goes through with it all the same
            await asyncio.wait({recording})
            if recording.exception() is None:
                ends = [End(ticket=ticket) for ticket in recording.result().gone]
            self._ends = ends + self._ends
            raise
        except Exception:
            self._ends = ends + self._ends
            raise
        for ticket in (end.ticket for end in ends):
            if ticket.batch in self._stints:
                self._stints[ticket.batch].out -= 1
        for batch, comes_back in step.later:
            if batch in self._stints:
                self._stints[batch].later.append(comes_back)
        pause = self._follow(step, len(wants))
        unjudged, self._unjudged = self._unjudged[:judged], self._unjudged[judged:]
        for waiting in unjudged:
            if not waiting.done():
                waiting.set_result(None)
        return pause

    async def _glance(self) -> None:
        """While all slots are taken, nothing is committed to, but what is already may have to be called off."""
        waiting = self._out > self._on_their_way
        if waiting and await self._ledger.do(beginnings.stopped, self._visit, self._clock.now()):
            self._stopped = True
            self._call_off()
            self._news.set()

    async def _record(self, ends: list[End], wants: list[Ticket], held: list[Ticket]) -> Step:
        asking = replace(self._visit, credentials=await self._fingerprint(), ordered=self._ordered)
        if wants:
            self._ordered = False
        touched = {ticket.batch for ticket in (*wants, *held, *(end.ticket for end in ends))}
        lots = {batch: self._lots[batch] for batch in touched}
        self._committed_at = now = self._clock.now()
        return await self._ledger.do(steps.step, asking, lots, ends=ends, wants=wants, held=held, now=now)

    async def _fingerprint(self) -> str:
        """That of the channel's secrets; a secret in a file is not read for every transaction."""
        now = self._clock.now()
        if now - self._credentials[0] > CREDENTIALS_KEPT_S:
            self._credentials = (now, await self._host.credentials(self._channel))
        return self._credentials[1]

    def _due(self) -> tuple[list[Ticket], list[Ticket]]:
        """The next deliveries that may be committed to, and those that quiet hours put off."""
        wants: list[Ticket] = []
        held: list[Ticket] = []
        room = self._room - self._out
        for stint in self._stints.values():
            while stint.waiting and len(wants) < room:
                ticket = stint.waiting.popleft()
                until = self._quiet_until(ticket)
                if until is None:
                    wants.append(ticket)
                else:
                    held.append(structs.replace(ticket, not_before=until))
        return wants, held

    def _quiet_until(self, ticket: Ticket) -> float | None:
        quiet = self._plan.quiet
        if quiet is None or self._is_look(ticket):
            return None
        zone, now = ticket.time_zone or self._plan.time_zone, self._clock.now()
        known = self._quiet.get(zone)
        if known is None or known[0] < now - QUIET_KEPT_S or (known[1] is not None and known[1] <= now):
            known = self._quiet[zone] = (now, quiet.until(now, ZoneInfo(zone)))
        return known[1]

    def _follow(self, step: Step, wanted: int) -> float:
        """Sends off what may go; gives how long to wait for news."""
        for batch in step.lost:
            self._give_up(batch)
        for ticket in step.gone:
            self._stints[ticket.batch].out += 1
            self._out += 1
            self._ready.put_nowait((ticket, self._committed_at))
        self._hire()
        self._put_back(step.put_back)
        self._stopped = step.stopped
        if step.stopped or (step.shut_until is not None and not step.gone):
            self._call_off()
        if self._closing:
            self.leave()
        elif step.stopped:
            self._end_waiting(None, but_looks=True)
        if step.shut_until is not None and (self._out == 0 or step.shut_until - self._clock.now() > PATIENCE_S):
            self._end_waiting(step.shut_until)
        if step.healed:
            self._come_back()
        self._settle_stints()
        if step.next_at is not None:
            return max(0.001, min(GLANCE_S, step.next_at - self._clock.now()))
        if step.shut_until is not None:
            return GLANCE_S
        return GLANCE_S if self._out or not wanted else 0.0

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        if self._ready.qsize() > 0:  # nobody waits for us: a few more may go together
            await asyncio.sleep(LINGER_S)

    # Batches

    def _put_back(self, waiting: list[Ticket]) -> None:
        for ticket in reversed(waiting):
            if ticket.batch in self._stints:
                self._stints[ticket.batch].waiting.appendleft(ticket)

    def _end_waiting(self, until: float | None, *, but_looks: bool = False) -> None:
        """What has not begun stays in its batch, which comes back then; look-ups may go on."""
        for stint in self._stints.values():
            if stint.waiting and until is not None:
                stint.later.append(until)
                stint.shut = True
            stint.waiting = deque(ticket for ticket in stint.waiting if but_looks and self._is_look(ticket))

    def _come_back(self) -> None:
        """The channel's gate opened sooner than it had said."""
        for stint in self._stints.values():
            if stint.shut:
                stint.later.append(self._clock.now())

    def _give_up(self, batch: int) -> None:
        if (stint := self._stints.get(batch)) is not None:
            stint.waiting.clear()

    def _settle_stints(self) -> None:
        for stint in list(self._stints.values()):
            if not stint.waiting and not stint.out:
                stint.done.set()
                self._stints.pop(stint.lot.claim.batch, None)

    # Workers

    def _hire(self) -> None:
        while len(self._workers) < min(self._terms.in_flight, self._out):
            self._workers.append(asyncio.create_task(self._work(), name=f"surecast-send-{self._channel}"))

    async def _work(self) -> None:
        while True:
            ticket, since = await self._ready.get()
            begun = False
            try:
                async with self._slots:
                    if self._stopped or self._clock.now() - since > STALE_S:
                        end = End(ticket=ticket)
                    else:
                        begun = True
                        end = await self._begun(ticket)
            except asyncio.CancelledError as stop:
                cut_off = begun and not self._is_look(ticket)
                self._ends.append(End(ticket=ticket, outcome=classify(stop) if cut_off else None))
                raise
            self._ends.append(end)
            if end.outcome is not None and _ends_all(end.outcome):
                self._call_off()
            self._news.set()
            if end.outcome is not None and _counts(end.outcome):
                await self._judged()

    async def _judged(self) -> None:
        """Waits for what the ledger makes of a failure: the channel's gate may be shut by then."""
        waiting = asyncio.get_running_loop().create_future()
        self._unjudged.append(waiting)
        await waiting

    def _call_off(self) -> None:
        """What is committed to and has not begun does not begin."""
        while not self._ready.empty():
            ticket, _ = self._ready.get_nowait()
            self._ends.append(End(ticket=ticket))

    async def _begun(self, ticket: Ticket) -> End:
        self._on_their_way += 1
        try:
            end = await self._courier.carry(ticket, self._clock.now())
            if end.outcome is None:
                return end
            outcome = await unless_cut_off(end.outcome, self._host, self._plan, self._channel)
            return replace(end, outcome=outcome)
        finally:
            self._on_their_way -= 1

    def _is_look(self, ticket: Ticket) -> bool:
        return is_look(ticket, self._terms)

    async def _leave(self, patience_s: float) -> None:
        """Ends the workers, once attempts on their way had time to end; those that are cut off are recorded as such."""
        self._stopped = True
        self._call_off()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._on_their_way:
                    self._news.clear()
                    await self._news.wait()
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)
        self._workers.clear()
        self._unjudged.clear()
        ends, self._ends, self._out = self._ends, [], 0
        for pause_s in (*RECORD_PAUSES_S, 0.0) if ends else ():
            try:
                await self._record(ends, [], [])
            except LedgerError:  # it is out of order: what is not recorded in the end is in doubt
                await asyncio.sleep(pause_s)
            else:
                return


def _ends_all(outcome: Outcome) -> bool:
    """Whether an outcome says that the same comes of every other attempt."""
    if outcome.scope is Scope.RECIPIENT:
        return False
    return outcome.verdict in {Verdict.REFUSED, Verdict.UNAUTHORIZED, Verdict.SKIPPED}


def _counts(outcome: Outcome) -> bool:
    """Whether an outcome may shut the channel's gate."""
    return outcome.scope is Scope.CHANNEL and RULES[outcome.verdict].breaker == "counts"


def visit(bench: Bench, plan: Plan, channel: str, *, credentials: str = "", ordered: bool = False) -> Visit:
    """Who works on a direct channel here, and beside which other alternatives."""
    terms = plan.terms[channel]
    family = family_of(plan, channel)
    audience = {name for name, other in plan.terms.items() if other.audience == terms.audience}
    return Visit(
        plan=plan,
        channel=channel,
        visitor=f"{bench.owner}/{channel}/{plan.id}",
        rivals=tuple(name for name in family if name != channel),
        lone=audience == set(family),
        breaker=bench.breaker,
        credentials=credentials,
        ordered=ordered,
    )
