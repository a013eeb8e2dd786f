"""A ledger and its workers in miniature: what becomes of contacts when the one decision is obeyed to the letter.

All that is pure is the real thing: the decision, what an attempt means, the breaker. The rest is the least that does
what the ledger promises, so that rules can be tried on thousands of stories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace as replaced

from surecast.crowd import Crowd, Mark, Roll, Spent, Takes, Tally, spent_by, unavailable
from surecast.decide import Decision, decide
from surecast.direct import Ticket, attempted, began, family_of, to_do
from surecast.health import assess_all
from surecast.history import Action, Fact, History, Kind, Plan
from surecast.outcome import RULES, Outcome, Reason, Receipt, Scope, Verdict
from surecast.policy import Breaker, Gate, after, knock, wait_s
from surecast.standing import next_step, stand
from tests.stories import EXPIRES, START

ACCEPTED = Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id="post"))
SKIPPED = Outcome(verdict=Verdict.SKIPPED, reason=Reason.BREAKER_OPEN)

#: What a channel answers at a moment; the number is the contact's, and 0 for a post in public.
Weather = Callable[[float, int], Outcome]


@dataclass
class Row:
    """The delivery to one contact."""

    ticket: Ticket
    routed: bool = False


@dataclass
class Group:
    """One direct channel's part of the broadcast."""

    bit: int
    rows: dict[int, Row] = field(default_factory=dict)
    spent: Spent = Spent.NO
    closed: bool = False
    stopped: bool = False
    takes: Takes = Takes.ALL
    failing_at: float | None = None
    failed_at: float | None = None

    def fail(self, outcome: Outcome, now: float, *, whole: bool = False, closed: bool = False) -> None:
        self.failed_at = now if self.failed_at is None else self.failed_at
        if unavailable(outcome) and self.failing_at is None:
            self.failing_at = now
        if whole:
            self.spent, self.closed = spent_by(outcome), self.closed or closed


@dataclass
class World:
    """One broadcast over public channels and the riders.

    Args:
        able: which channels can reach each contact, as bits.
        speed: how many contacts a channel writes to at one moment.
    """

    plan: Plan
    able: tuple[int, ...]
    weather: Mapping[str, Weather]
    speed: int = 4
    now: float = START
    facts: list[Fact] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    sent: list[tuple[float, str, int]] = field(default_factory=list)
    decisions: list[tuple[float, Decision]] = field(default_factory=list)

    def run(self) -> Decision:
        """Lives through the broadcast until nothing changes by itself any more."""
        for _ in range(20_000):
            decision = self.conduct()
            while self._work(decision):
                decision = self.conduct()
            moments = [moment for moment in (decision.wake_at, *self._due()) if moment is not None]
            if decision.final or not moments:
                return decision
            self.now = max(min(moments), self.now + 0.001)
        raise AssertionError("It never comes to an end.")

    def conduct(self) -> Decision:
        self._hand_on()
        history = History.of(tuple(self.facts), crowds=self._crowds(), rolls={"riders": self._roll()})
        decision = decide(self.plan, history, assess_all(self.gates.values(), self.now), self.now)
        self.decisions.append((self.now, decision))
        for opening in decision.openings:
            self._fact(opening.channel, Kind.TURN)
            if opening.skip is not None:
                self._fact(opening.channel, Kind.ENDED, outcome=opening.skip, not_before=opening.not_before)
            if self.plan.terms[opening.channel].direct:
                group = self.groups[opening.channel] = Group(bit=self._bit(opening.channel))
                if opening.skip is not None:
                    closed = opening.channel in decision.unwanted
                    group.fail(opening.skip, self.now, whole=True, closed=closed)
        for name, group in self.groups.items():
            group.stopped = name in decision.unwanted
            group.takes = decision.takes.get(name, Takes.ALL)
            if not group.stopped and not group.closed:
                self._cover(name, group)
        return decision

    def reached(self, *channels: str) -> set[int]:
        """Contacts reached by any of these channels, or of all."""
        return {who for _, name, who in self.sent if who and (not channels or name in channels)}

    # What the ledger does

    def _fact(self, channel: str, kind: Kind, outcome: Outcome | None = None, not_before: float | None = None) -> None:
        action = None if kind is Kind.TURN else Action.PUBLISH
        attempt = sum(fact.kind is Kind.BEGAN for fact in self.facts) + (kind is Kind.BEGAN)
        self.facts.append(
            Fact(
                seq=len(self.facts) + 1,
                channel=channel,
                kind=kind,
                at=self.now,
                action=action,
                attempt=attempt,
                outcome=outcome,
                not_before=not_before,
            )
        )

    def _bit(self, name: str) -> int:
        return 1 << [each for each, terms in self.plan.terms.items() if terms.direct].index(name)

    def _roll(self) -> Roll:
        return Roll(complete=bool(self.groups), able={mask: self.able.count(mask) for mask in set(self.able)})

    def _crowds(self) -> dict[str, Crowd]:
        first: dict[int, str] = {}
        for _, name, who in self.sent:
            first.setdefault(who, name)
        return {name: self._crowd(name, group, first) for name, group in self.groups.items()}

    def _crowd(self, name: str, group: Group, first: Mapping[int, str]) -> Crowd:
        terms = self.plan.terms[name]
        tickets = [row.ticket for row in group.rows.values()]
        counts = {mark.name.lower(): sum(ticket.mark is mark for ticket in tickets) for mark in Mark}
        late = sum(bool(ticket.spent) and ticket.mark in {Mark.SENDING, Mark.RETRYING} for ticket in tickets)
        ends = [moment for ticket in tickets if (moment := ticket.turn_ends_at(terms)) is not None]
        tally = Tally(
            **counts,
            first=sum(first.get(who) == name for who in group.rows),
            late=late,
            unrouted=sum(bool(row.ticket.spent) and not row.routed for row in group.rows.values()),
            turn_ends_at=min(ends, default=None),
        )
        return Crowd(
            tally=tally,
            bit=group.bit,
            covered=True,
            spent=group.spent,
            closed=group.closed,
            failing_at=group.failing_at,
            failed_at=group.failed_at,
        )

    def _cover(self, name: str, group: Group) -> None:
        """Gives a channel those whom no live channel ahead can reach."""
        family = family_of(self.plan, name)
        ahead = family[: family.index(name)]
        for who, mask in enumerate(self.able, start=1):
            if mask & group.bit and who not in group.rows and all(self._leaves(each, who, group) for each in ahead):
                self._give(name, group, who)

    def _leaves(self, ahead: str, who: int, group: Group) -> bool:
        """Whether a channel ahead leaves a contact that it was not given, or has not managed, to a channel behind."""
        if not self.able[who - 1] & self._bit(ahead):
            return True
        other = self.groups.get(ahead)
        if other is None:
            return False
        row = other.rows.get(who)
        if row is not None and row.ticket.mark in {Mark.REACHED, Mark.SENDING, Mark.UNSURE}:
            return False
        if group.takes is Takes.ALL:
            return bool(other.spent or other.closed)
        return group.takes is Takes.FAILURES and other.spent is Spent.UNAVAILABLE

    def _hand_on(self) -> None:
        for name in [name for name, terms in self.plan.terms.items() if terms.direct and name in self.groups]:
            self._end_turns(name)
            family = family_of(self.plan, name)
            for who, row in self.groups[name].rows.items():
                if row.ticket.spent and not row.routed:
                    row.routed = self._route(who, row.ticket.spent, family[family.index(name) + 1 :])

    def _end_turns(self, name: str) -> None:
        terms = self.plan.terms[name]
        for row in self.groups[name].rows.values():
            ends_at = row.ticket.turn_ends_at(terms)
            if ends_at is not None and ends_at <= self.now:
                row.ticket = replaced(row.ticket, spent=Spent.UNAVAILABLE)

    def _route(self, who: int, spent: Spent, behind: tuple[str, ...]) -> bool:
        """Gives a contact to the next that can take it; whether nobody is waited for."""
        for name in behind:
            group = self.groups.get(name)
            if not self.able[who - 1] & self._bit(name) or (group and (group.closed or who in group.rows)):
                continue
            if group is None:
                return False
            if group.takes is Takes.ALL or (group.takes is Takes.FAILURES and spent is Spent.UNAVAILABLE):
                self._give(name, group, who)
                return True
            if spent is Spent.UNAVAILABLE:
                return False  # it waits until it is worth its money
        return bool(behind)

    def _give(self, name: str, group: Group, who: int) -> None:
        ticket = Ticket(id=who, batch=0, recipient=who, key=f"{name}:{who}", address=f"{who}", not_before=self.now)
        group.rows[who] = Row(ticket=ticket)

    # What the workers do

    def _due(self) -> list[float]:
        """When something can be tried next."""
        moments = []
        for name in self.groups:
            gate = self.gates.get(name, Gate(channel=name))
            moments += [max(row.ticket.not_before, gate.open_until) for row in self._open_rows(name)]
        for name in self.plan.terms:
            step = self._public_step(name)
            if step is not None:
                moments.append(max(step, self.gates.get(name, Gate(channel=name)).open_until))
        return [max(moment, self.now + 1.0) for moment in moments]

    def _open_rows(self, name: str) -> list[Row]:
        group, terms = self.groups[name], self.plan.terms[name]
        if group.stopped or group.closed or self.now >= EXPIRES:
            return []
        return [row for row in group.rows.values() if to_do(row.ticket, terms) == "publish"]

    def _public_step(self, name: str) -> float | None:
        terms = self.plan.terms[name]
        if terms.direct or self.now >= EXPIRES:
            return None
        step = next_step(stand(terms, [fact for fact in self.facts if fact.channel == name]), over=False)
        return step.at if step is not None and step.action is Action.PUBLISH else None

    def _work(self, decision: Decision) -> bool:
        """One round of all workers; whether anything was done."""
        done = False
        for name in self.groups:
            rows = [row for row in self._open_rows(name) if row.ticket.not_before <= self.now]
            done = sum(self._send(name, row) for row in rows[: self.speed]) > 0 or done
        for name in self.plan.terms:
            at = self._public_step(name)
            done = (at is not None and at <= self.now and self._publish(name)) or done
        if done:
            self.now += 1.0
        return done

    def _pass(self, name: str) -> bool:
        gate = self.gates.get(name, Gate(channel=name))
        passage, gate = knock(gate, owner=name, now=self.now, trial_s=1.0, credentials="s", ordered=False, retry=False)
        self.gates[name] = gate
        return passage.go

    def _judge(self, name: str, outcome: Outcome) -> None:
        gate = self.gates[name]
        trial = gate.trial_owner == name
        self.gates[name] = after(gate, outcome, trial=trial, now=self.now, breaker=Breaker(), credentials="s")

    def _publish(self, name: str) -> bool:
        if not self._pass(name):
            return False
        self._fact(name, Kind.BEGAN)
        outcome = self.weather[name](self.now, 0)
        self._judge(name, outcome)
        failures = sum(fact.channel == name and fact.outcome is not None for fact in self.facts) + 1
        wait = wait_s(seed=name, failures=failures, asked_s=None)
        again = self.now + wait if RULES[outcome.verdict].retry != "no" else None
        self._fact(name, Kind.ENDED, outcome=outcome, not_before=again)
        if outcome.verdict is Verdict.ACCEPTED:
            self.sent.append((self.now, name, 0))
        return True

    def _send(self, name: str, row: Row) -> bool:
        group, terms, who = self.groups[name], self.plan.terms[name], row.ticket.recipient
        others = [each for each in family_of(self.plan, name) if each != name and each in self.groups]
        if any(who in self.groups[each].rows and self._has(each, who) for each in others):
            row.ticket = replaced(row.ticket, mark=Mark.SKIPPED)
            return True
        if not self._pass(name):
            if not group.spent and not self._on_trial(name):
                group.fail(SKIPPED, self.now, whole=True)
                return True
            return False
        outcome = self.weather[name](self.now, who)
        row.ticket = attempted(began(row.ticket, self.now), outcome, terms, self.now)
        if outcome.verdict is Verdict.ACCEPTED:
            self.sent.append((self.now, name, who))
        self._judge(name, outcome)
        if outcome.verdict is Verdict.ACCEPTED and not group.closed:
            group.spent = Spent.NO  # it works again
            if not any(each.ticket.spent and not each.routed for each in group.rows.values()):
                group.failing_at = None
        elif outcome.verdict is not Verdict.ACCEPTED:
            recipient = outcome.scope is Scope.RECIPIENT
            closed = outcome.verdict is Verdict.REFUSED and not recipient
            whole = closed or (outcome.verdict is Verdict.UNAUTHORIZED and not recipient)
            group.fail(outcome, self.now, whole=whole, closed=closed)
        return True

    def _on_trial(self, name: str) -> bool:
        gate = self.gates[name]
        return gate.opened_at is not None and gate.open_until <= self.now

    def _has(self, name: str, who: int) -> bool:
        return self.groups[name].rows[who].ticket.mark in {Mark.REACHED, Mark.SENDING, Mark.UNSURE}
