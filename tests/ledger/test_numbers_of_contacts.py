"""Whatever happens to deliveries, in whatever order, by however many workers: the numbers stay those of the rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.open_files import NOW, opened
from tests.ledger.recount import recount
from tests.ledger.riders import DOWN, SEEN, UNSEEN, UNSURE, Board, accepted, direct, of_one, rider

from surecast.contact import Medium
from surecast.crowd import Mark
from surecast.direct import Ticket, to_do
from surecast.ledger import people, rolls, steps, suppressions
from surecast.ledger.owner import LEASE_S
from surecast.ledger.tickets import End
from surecast.outcome import Look, Outcome, Reason, Scope, Sighting, Verdict

STEPS = 120
WORKERS = ("one", "two", "three")
CONTACTS = [
    *(rider(number) for number in range(6)),
    rider(6, phone=False),
    rider(7, email=False),
    rider(8, addresses={Medium.PHONE: "+306940000000", Medium.EMAIL: "rider8@ferries.example"}),
    rider(9, consents=frozenset({Medium.EMAIL})),
]
OUTCOMES: list[Outcome | None] = [
    None,  # never made
    DOWN,
    UNSURE,
    of_one(Verdict.UNAVAILABLE),
    of_one(Verdict.UNCERTAIN),
    of_one(Verdict.REFUSED),
    of_one(Verdict.REFUSED, reason=Reason.NO_SUCH_ADDRESS),
    of_one(Verdict.REFUSED, reason=Reason.OPTED_OUT),
    of_one(Verdict.THROTTLED, retry_after_s=3.0),
]
OF_THE_CHANNEL = [
    Outcome(verdict=Verdict.UNAUTHORIZED, reason=Reason.CREDENTIALS),
    Outcome(verdict=Verdict.REFUSED, scope=Scope.CONTENT),
]
LOOKS = [SEEN, UNSEEN, Look(sighting=Sighting.UNKNOWN, answered=False), None]


class Bustle:
    """Workers on two alternatives, conductors, people and platforms, all at once."""

    def __init__(self, board: Board, chance: random.Random) -> None:
        self.board, self.chance = board, chance
        self.database = board.database
        self.in_hand: dict[tuple[str, str], list[Ticket]] = {}
        self.out: dict[tuple[str, str], list[Ticket]] = {}
        self.dead: set[str] = set()

    def act(self) -> None:
        acts: dict[Callable[[], None], int] = {
            self.work: 30,
            self.read: 3,
            self.cover: 3,
            self.tend: 6,
            self.time_goes_by: 6,
            self.give_back: 4,
            self.die: 1,
            self.decide: 1,
            self.settle: 2,
            self.forget: 1,
            self.suppress: 1,
            self.receive: 3,
        }
        self.chance.choices(list(acts), weights=list(acts.values()))[0]()

    @property
    def channel(self) -> str:
        return self.chance.choice(list(self.board.crowds))

    # The audience

    def read(self) -> None:
        owner, first = self.chance.choice(WORKERS), self.chance.randint(0, 9)
        claim = self.board.claim_roll(owner, dead=self.dead.__contains__)
        if claim is None or claim.complete:
            return
        self.board.take_down(claim, CONTACTS[: first + 1], last=False)
        if self.chance.random() < 0.5:
            self.board.take_down(claim, CONTACTS[first:], last=True)
        rolls.free(self.database, claim)

    def cover(self) -> None:
        if "mail" not in self.board.crowds and self.chance.random() < 0.5:
            self.board.open("mail")
        self.board.cover(self.channel)

    def tend(self) -> None:
        self.board.tend()

    def time_goes_by(self) -> None:
        seconds = self.chance.choice([0.5, 5.0, 5.0, 70.0, LEASE_S + 16])
        self.board.now = min(self.board.now + seconds, NOW + 3_000)

    def decide(self) -> None:
        self.board.decide(unwanted=frozenset(self.chance.choice([(), (), ("mail",), ("sms", "mail")])))

    # Workers

    def work(self) -> None:
        """A worker records some ends, and begins some more."""
        channel = self.channel
        place = (self.chance.choice(WORKERS), channel)
        worker = place[0]
        if not (self.in_hand.get(place) or self.out.get(place)):
            self.in_hand[place] = self.board.take(channel, worker, dead=self.dead.__contains__)
            self.dead.discard(worker)
        ended = self._some(self.out.get(place, []))
        terms, now = self.board.plan.terms[channel], self.board.now
        due = self._some([t for t in self.in_hand[place] if to_do(t, terms) and t.not_before <= now])
        quiet = [ticket for ticket in due if ticket.mark is not Mark.UNSURE and self.chance.random() < 0.1]
        wants = [ticket for ticket in due if ticket not in quiet]
        done = self.board.step(channel, [self._end(ticket) for ticket in ended], wants, quiet, worker=worker)
        self.out[place] = [t for t in self.out.get(place, []) if t not in ended] + done.gone
        self.in_hand[place] = [t for t in self.in_hand[place] if t not in due] + done.put_back

    def _some(self, tickets: list[Ticket]) -> list[Ticket]:
        return [ticket for ticket in tickets if self.chance.random() < 0.6]

    def _end(self, ticket: Ticket) -> End:
        if ticket.mark is Mark.UNSURE:
            return End(ticket=ticket, look=self.chance.choice(LOOKS))
        kind = self.chance.random()
        if kind < 0.4:
            return End(ticket=ticket, outcome=accepted(ticket))
        return End(ticket=ticket, outcome=self.chance.choice(OUTCOMES if kind < 0.99 else OF_THE_CHANNEL))

    def give_back(self) -> None:
        """Only a worker that has nothing on its way gives back what it holds."""
        worker = self.chance.choice(WORKERS)
        if any(tickets for (whose, _), tickets in self.out.items() if whose == worker):
            return
        self.in_hand = {place: tickets for place, tickets in self.in_hand.items() if place[0] != worker}
        self.board.release(worker)

    def die(self) -> None:
        """What it has in hand stays with it: perhaps it is only asleep."""
        self.dead.add(self.chance.choice(WORKERS))

    # People and platforms

    def _address(self, medium: Medium) -> tuple[Medium, str]:
        return medium, self.chance.choice(CONTACTS[:6]).addresses[medium]

    def settle(self) -> None:
        channel = self.channel
        medium = self.board.plan.terms[channel].medium
        assert medium is not None
        address = self.chance.choice([None, self._address(medium)])
        there = self.chance.random() < 0.5
        people.settle(
            self.database, self.board.plan, channel, there=there, address=address, most=10, now=self.board.now
        )

    def forget(self) -> None:
        people.forget(self.database, self._address(Medium.EMAIL))

    def suppress(self) -> None:
        person = self.chance.random() < 0.3
        suppressions.add(self.database, [self._address(Medium.PHONE)], person=person, why="x", now=self.board.now)

    def receive(self) -> None:
        channel = self.channel
        found = self.database.connection.execute(
            "select d.remote from direct d join crowd c on c.id = d.crowd where c.channel = ? and d.mark = 4 limit ?",
            (channel, self.chance.randint(1, 3)),
        ).fetchall()
        delivered = self.chance.random() < 0.5
        verdict = Verdict.CONFIRMED if delivered else Verdict.INVISIBLE
        outcome = of_one(verdict, reason=Reason.NONE if delivered else Reason.UNDELIVERED)
        page = [(row["remote"], outcome) for row in found if row["remote"]]
        steps.receive(self.database, self.board.visit(channel), page, now=self.board.now)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    unsure=st.sampled_from(["hold", "reroute"]),
    resend=st.sampled_from(["after_lookup", "never", "same_key"]),
    receipts=st.booleans(),
)
def test_numbers_stay_those_of_the_rows(seed: int, unsure: str, resend: str, receipts: bool) -> None:
    sms = direct(
        "sms", when_unsure=unsure, resend=resend, costly=True, unit_cost=1.0, max_cost=15.0, max_cost_per_day=30.0
    )
    mail = direct("mail", Medium.EMAIL, when_unsure=unsure, receipts=receipts)
    with TemporaryDirectory(prefix="surecast-numbers-") as folder:
        path = Path(folder) / "ledger.db"
        with opened(path) as database:
            bustle = Bustle(Board.of(database, "sms | mail", sms=sms, mail=mail).open("sms"), random.Random(seed))
            bustle.read()
            for _ in range(STEPS):
                bustle.act()
                recount(path)
