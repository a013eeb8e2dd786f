"""The part of a report about direct channels: numbers read back from plan, history and decision. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from surecast.crowd import Crowd, Family, Member, Roll, Tally, channel_bits
from surecast.decide import Decision, State
from surecast.history import History, Kind, Order, Plan
from surecast.outcome import Outcome, Reason, Verdict
from surecast.report.values import ChannelReport, ContactCounts, GroupReport, Status
from surecast.route import Together


class Crowds:
    """All direct channels of a broadcast at one moment."""

    def __init__(self, plan: Plan, history: History, decision: Decision, now: float) -> None:
        self._plan = plan
        self._history = history
        self._decision = decision
        self._now = now
        self._cancelled = history.cancelled_at is not None
        self._over = self._cancelled or now >= plan.expires_at
        self._openings = {opening.channel for opening in decision.openings}
        zone = ZoneInfo(plan.time_zone)
        self._quiet_until = plan.quiet.until(now, zone) if plan.quiet is not None else None

    def _ended(self, name: str) -> bool:
        """Whether the announcement is over for a channel: expired, or a person said so."""
        facts = self._history.facts.get(name, ())
        return self._over or any(fact.order is Order.CANCEL for fact in facts)

    # Groups

    def groups(self) -> Iterator[GroupReport]:
        """Every group of which a channel's turn has opened."""
        for node in self._plan.gathered.walk():
            if isinstance(node, Together) and not self._history.crowds.keys().isdisjoint(node.alternatives):
                yield self._group(node.alternatives)

    def _group(self, names: tuple[str, ...]) -> GroupReport:
        audience = self._plan.terms[names[0]].audience
        bits = channel_bits(self._plan.terms, audience)
        crowds = self._history.crowds
        roll = self._history.rolls.get(audience, Roll())
        members = tuple(
            Member(
                terms=self._plan.terms[name],
                crowd=crowds.get(name),
                bit=bits[name],
                hopeless=name in self._decision.unwanted,
            )
            for name in names
        )
        stopped = all(name in self._decision.unwanted for name in names)
        family = Family(members=members, roll=roll, over=stopped)
        opened = {name: crowds[name] for name in names if name in crowds}
        contacts = family.reachable
        unsure = min(family.unsure, contacts - family.reached)
        left = contacts - family.reached - unsure
        held = min(family.held, left)
        on_the_way = min(family.in_turn + family.overdue + self._to_be_handed_on(names), left - held)
        missed = left - held - on_the_way
        not_needed = stopped and not all(map(self._ended, names))
        if not_needed or (not stopped and family.on_the_move):
            # The others need it no more, or were not looked at yet.
            missed = min(missed, sum(crowd.tally.missed + crowd.tally.skipped for crowd in opened.values()))
        return GroupReport(
            audience=audience,
            shares={name: crowd.tally.first for name, crowd in opened.items()},
            contacts=contacts,
            reached=family.reached,
            missed=missed,
            unsure=unsure,
            suppressed=sum(crowd.tally.suppressed for crowd in opened.values()),
            on_the_way=on_the_way,
            held=held,
            held_until=self._quiet_until if held else None,
            complete=roll.complete,
        )

    def _to_be_handed_on(self, names: tuple[str, ...]) -> int:
        """Contacts whom an alternative covers that has not opened yet."""
        unopened = any(name not in self._history.crowds for name in names[1:])
        if self._decision.state is not State.PENDING or not unopened:
            return 0
        return sum(crowd.tally.unrouted for name in names[:-1] if (crowd := self._history.crowds.get(name)))

    # Channels

    def channel(self, name: str, *, held_until: float) -> ChannelReport:
        """One channel's part.

        Args:
            held_until: its health keeps it back till then, Unix seconds; 0 for not at all.
        """
        crowd = self._history.crowds.get(name)
        status = self._unopened(name) if crowd is None else self._status(name, crowd)
        last = crowd.last if crowd is not None else None
        failed = last is not None and status is not Status.DONE
        return ChannelReport(
            name=name,
            platform=self._plan.terms[name].platform,
            verdict=_verdict(crowd, last, status),
            status=status,
            reason=self._reason(name, crowd, status),
            url=None,
            attempts=_tried(crowd.tally) if crowd is not None else 0,
            error=last.detail if last is not None and failed else "",
            began=self._began(name) if crowd is not None else None,
            ended=None,
            next_try=self._next_try(name, crowd, status, held_until) if crowd is not None else None,
            perhaps=crowd is not None and crowd.tally.unsure > 0,
            contacts=self._counts(name, crowd) if crowd is not None else None,
        )

    def _unopened(self, name: str) -> Status:
        if name in self._openings:
            return Status.OWED
        if self._decision.state in {State.REACHED, State.REROUTED}:
            return Status.NOT_NEEDED
        if self._ended(name):
            return Status.GAVE_UP
        return Status.WAITING if self._decision.state is State.PENDING else Status.NOT_NEEDED

    def _status(self, name: str, crowd: Crowd) -> Status:
        tally, stopped = crowd.tally, self._stopped(name, crowd)
        if tally.sending or (not stopped and not crowd.spent and (tally.in_turn or not crowd.covered)):
            return Status.SENDING
        if not stopped and (tally.open or not crowd.covered):
            return Status.OWED
        if tally.unsure:
            return Status.UNSURE
        return self._settled(name, crowd)

    def _settled(self, name: str, crowd: Crowd) -> Status:
        """The status of a channel from which nothing is to be expected any more."""
        tally = crowd.tally
        let_down = tally.open > 0 and (crowd.closed or self._ended(name))
        if tally.reached and not let_down:
            return Status.DONE
        nobody_to_write_to = crowd.covered and not crowd.closed and not tally.missed and not tally.open
        unwanted = name in self._decision.unwanted and not crowd.closed and not self._ended(name)
        return Status.NOT_NEEDED if unwanted or nobody_to_write_to else Status.GAVE_UP

    def _stopped(self, name: str, crowd: Crowd) -> bool:
        """Whether nothing more may begin in it."""
        return crowd.closed or self._over or name in self._decision.unwanted

    def _reason(self, name: str, crowd: Crowd | None, status: Status) -> Reason:
        if status is Status.DONE:
            return Reason.NONE
        if status is Status.GAVE_UP and not (crowd is not None and crowd.closed) and self._ended(name):
            expired = not self._cancelled and self._now >= self._plan.expires_at
            return Reason.EXPIRED if expired else Reason.CANCELLED
        return crowd.last.reason if crowd is not None and crowd.last is not None else Reason.NONE

    def _began(self, name: str) -> float | None:
        facts = self._history.facts.get(name, ())
        return next((fact.at for fact in facts if fact.kind is Kind.TURN), None)

    def _next_try(self, name: str, crowd: Crowd, status: Status, held_until: float) -> float | None:
        if status is Status.UNSURE:
            return self._now if self.looks_up(name) else None
        if status is not Status.OWED:
            return None
        if held_until > self._now:
            return held_until
        return self._quiet_until if 0 < crowd.tally.held == crowd.tally.open else None

    def looks_up(self, name: str) -> bool:
        """Whether contacts in doubt are seen to without a person."""
        terms = self._plan.terms[name]
        return not self._over and (terms.finds or terms.resend == "same_key")

    def _counts(self, name: str, crowd: Crowd) -> ContactCounts:
        tally = crowd.tally
        roll = self._history.rolls.get(self._plan.terms[name].audience, Roll())
        given_up = tally.open - tally.sending if self._stopped(name, crowd) else 0
        let_go = not crowd.closed and not self._ended(name)
        return ContactCounts(
            planned=tally.planned,
            reached=tally.reached,
            confirmed=tally.confirmed,
            missed=tally.missed + (0 if let_go else given_up),
            unsure=tally.unsure,
            suppressed=tally.suppressed,
            skipped=tally.skipped + (given_up if let_go else 0),
            open=tally.open - given_up,
            held=0 if given_up else tally.held,
            unable=roll.unable + sum(roll.able.values()) - roll.reachable(crowd.bit),
            flawed=roll.flawed,
            duplicates=roll.duplicates + crowd.duplicates,
            cost=round(tally.cost, 6),
        )


def _verdict(crowd: Crowd | None, last: Outcome | None, status: Status) -> Verdict | None:
    if crowd is None:
        return None
    if status is Status.DONE:
        all_confirmed = crowd.tally.confirmed == crowd.tally.reached
        return Verdict.CONFIRMED if all_confirmed else Verdict.ACCEPTED
    return last.verdict if last is not None else None


def _tried(tally: Tally) -> int:
    """For how many contacts sending was begun."""
    return tally.sending + tally.retrying + tally.reached + tally.unsure + tally.missed
