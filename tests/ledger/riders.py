"""Audiences and direct channels for tests of the ledger: contacts in memory, and workers driven step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests import stories
from tests.ledger.open_files import ME, NOW, accept, alive, plan

from surecast.channel import Terms
from surecast.contact import Contact, Medium
from surecast.crowd import Crowd, Roll, Takes, channel_bits
from surecast.direct import Ticket, family_of
from surecast.history import Plan
from surecast.ledger import batches, broadcasts, crowds, rolls, steps, tickets
from surecast.ledger.broadcasts import Turn
from surecast.ledger.database import Database
from surecast.ledger.rolls import Reach, RollClaim
from surecast.ledger.tickets import End, Lot, Step, Visit
from surecast.outcome import Look, Outcome, Receipt, Scope, Sighting, Verdict
from surecast.policy import Breaker

SEEN = Look(sighting=Sighting.SEEN, receipt=Receipt(id="found"))
UNSEEN = Look(sighting=Sighting.UNSEEN)
DOWN = Outcome(verdict=Verdict.UNAVAILABLE)
UNSURE = Outcome(verdict=Verdict.UNCERTAIN)


def accepted(ticket: Ticket) -> Outcome:
    return Outcome(verdict=Verdict.ACCEPTED, receipt=Receipt(id=f"remote-{ticket.id}-{ticket.attempts}"))


def of_one(verdict: Verdict, **own: Any) -> Outcome:
    """An outcome about a single contact."""
    return Outcome(verdict=verdict, scope=Scope.RECIPIENT, **own)


def direct(channel: str, medium: Medium = Medium.PHONE, **own: Any) -> Terms:
    """Terms of a direct channel over the audience of riders."""
    given: dict[str, Any] = {"audience": "riders", "resend": "after_lookup", "in_flight": 10, "when_unsure": "hold"}
    return stories.terms(channel, medium=medium, **{**given, **own})


SMS = direct("sms")
MAIL = direct("mail", Medium.EMAIL)


def rider(number: int, *, phone: bool = True, email: bool = True, **own: Any) -> Contact:
    """A contact that agreed to everything."""
    addresses = {}
    if phone:
        addresses[Medium.PHONE] = f"+3069400{number:05}"
    if email:
        addresses[Medium.EMAIL] = f"rider{number}@ferries.example"
    given = {"key": str(number), "addresses": addresses, "consents": frozenset(Medium), "name": f"Anna {number}"}
    return Contact(**{**given, **own})


def riders(count: int, **own: Any) -> tuple[Contact, ...]:
    return tuple(rider(number, **own) for number in range(count))


@dataclass
class Board:
    """A ledger with one broadcast to riders, and what each worker has in hand."""

    database: Database
    plan: Plan
    now: float = NOW
    lots: dict[str, dict[int, Lot]] = field(default_factory=dict)

    @classmethod
    def of(cls, database: Database, route: str = "sms", *, urgency: Any = None, **terms: Terms) -> Board:
        """An accepted broadcast; every turn of it is open."""
        given = {"sms": SMS, "mail": MAIL, **terms}
        names = [name for name in given if name in route]
        made = plan(route, **{name: given[name] for name in names})
        made = made if urgency is None else replace(made, urgency=urgency)
        return cls(database, accept(database, made).plan)

    def open(self, *channels: str, skip: Outcome | None = None) -> Board:
        epoch = broadcasts.claim(self.database, self.plan.id, ME, self.now, alive)
        assert epoch is not None
        turns = tuple(Turn(channel=channel, skip=skip, not_before=None) for channel in channels)
        self.settle(epoch, turns=turns)
        return self

    def settle(self, epoch: int, **own: Any) -> None:
        given = {"turns": (), "state": "pending", "final": False, "owed": (), "wake_at": None, "now": self.now, **own}
        assert broadcasts.settle(self.database, self.plan, epoch, **given)

    def decide(self, **own: Any) -> None:
        """A conductor's decision, as given."""
        epoch = broadcasts.claim(self.database, self.plan.id, ME, self.now, alive)
        assert epoch is not None
        self.settle(epoch, **own)

    # The audience

    def claim_roll(self, owner: str = ME, dead: Callable[[str], bool] = alive) -> RollClaim | None:
        return rolls.claim(self.database, self.plan.id, "riders", owner=owner, now=self.now, dead=dead)

    @property
    def reaches(self) -> tuple[Reach, ...]:
        bits = channel_bits(self.plan.terms, "riders")
        terms = self.plan.terms
        return tuple(
            Reach(bit=bit, medium=terms[name].medium or Medium.PHONE, only=terms[name].only, limit=terms[name].limit)
            for name, bit in bits.items()
        )

    def take_down(self, claim: RollClaim, contacts: Sequence[Contact], *, last: bool = True, flawed: int = 0) -> bool:
        return rolls.take_down(self.database, claim, contacts, self.reaches, flawed=flawed, last=last, now=self.now)

    def read(self, contacts: Sequence[Contact]) -> Board:
        """The whole audience is on the roll."""
        claim = self.claim_roll()
        assert claim is not None
        assert self.take_down(claim, contacts)
        rolls.free(self.database, claim)
        return self

    def cover(self, *channels: str) -> Board:
        for channel in channels:
            while crowds.cover(self.database, self.plan, channel, self.now).more:
                pass
        return self

    def take_over(self, channel: str, takes: Takes) -> Board:
        with self.database.transaction():
            crowds.take_over(self.database, self.plan, {channel: takes}, self.now)
        return self

    def tend(self) -> bool:
        return crowds.tend(self.database, self.plan, self.now)

    # Workers

    def visit(self, channel: str, worker: str = ME, **own: Any) -> Visit:
        family = family_of(self.plan, channel)
        over_it = {name for name, terms in self.plan.terms.items() if terms.audience == "riders"}
        given: dict[str, Any] = {
            "plan": self.plan,
            "channel": channel,
            "visitor": f"{worker}/{channel}/{self.plan.id}",
            "rivals": tuple(name for name in family if name != channel),
            "lone": over_it == set(family),
            "breaker": Breaker(),
            "credentials": "s1",
        }
        return Visit(**{**given, **own})

    def batch_ids(self, channel: str) -> list[int]:
        found = self.database.connection.execute(
            "select id from batch where broadcast = ? and channel = ? and number > 0 order by number",
            (self.plan.id, channel),
        )
        return [row["id"] for row in found]

    def take(self, channel: str, worker: str = ME, dead: Callable[[str], bool] = alive) -> list[Ticket]:
        """A worker claims every batch of a channel that it can; gives the deliveries that it has in hand now."""
        mine = self.lots.setdefault(worker, {})
        taken: list[Ticket] = []
        for batch in self.batch_ids(channel):
            claim = batches.claim(self.database, batch, worker, self.now, dead)
            if claim is not None:
                mine[batch] = tickets.take(self.database, claim, self.plan, self.now)
                taken += mine[batch].tickets
        return taken

    def release(self, worker: str = ME, wake_at: float | None = None) -> None:
        for lot in self.lots.pop(worker, {}).values():
            batches.release(self.database, lot.claim, wake_at, self.now)

    def step(
        self,
        channel: str,
        ends: Iterable[End] = (),
        wants: Iterable[Ticket] = (),
        held: Iterable[Ticket] = (),
        *,
        worker: str = ME,
        **visit: Any,
    ) -> Step:
        ends, wants, held = tuple(ends), tuple(wants), tuple(held)
        touched = {ticket.batch for ticket in (*wants, *held, *(end.ticket for end in ends))}
        lots = {batch: lot for batch, lot in self.lots[worker].items() if batch in touched}
        return steps.step(
            self.database,
            self.visit(channel, worker, **visit),
            lots,
            ends=ends,
            wants=wants,
            held=held,
            now=self.now,
        )

    def send(self, channel: str, outcome: Callable[[Ticket], Outcome] = accepted, worker: str = ME) -> Step:
        """A worker sends all that it can of a channel, with one outcome for everybody, and gives its batches back."""
        gone = self.step(channel, wants=self.take(channel, worker), worker=worker).gone
        done = self.step(channel, ends=[End(ticket=ticket, outcome=outcome(ticket)) for ticket in gone], worker=worker)
        self.release(worker)
        return done

    # What the ledger says

    @property
    def crowds(self) -> dict[str, Crowd]:
        with self.database.reading():
            return dict(crowds.of_broadcast(self.database, self.plan)[0])

    @property
    def roll(self) -> Roll:
        with self.database.reading():
            return rolls.of_broadcast(self.database, self.plan.id)["riders"]

    def persons(self) -> int:
        """How many contacts the ledger still knows by name."""
        return int(self.database.connection.execute("select count(person) from recipient").fetchone()[0])
