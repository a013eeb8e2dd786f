"""What a broadcaster can be asked about the people it writes to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from surecast.audiences import Audience
from surecast.channel import Channel
from surecast.clock import Clock
from surecast.contact import Contact, Medium
from surecast.errors import ConfigError, UsageError
from surecast.estimate import Count, Estimate, estimate
from surecast.history import Plan
from surecast.ledger import broadcasts, people, suppressions
from surecast.ledger.database import Database, Ledger
from surecast.ledger.keyed import hasher
from surecast.ledger.people import Unreached
from surecast.ledger.suppressions import Suppression
from surecast.message import Announcement
from surecast.outcome import Reason
from surecast.planning import Few, House, make_plan
from surecast.route import Route
from surecast.threads import DaemonPool

if TYPE_CHECKING:
    from surecast.bounces import Bounce

MOST_LISTED = 1_000_000
#: In one transaction, for others wait meanwhile.
MOST_SETTLED = 5_000

Suppressed = Callable[[Contact], Collection[Medium]]


class People:
    """The part of a desk that knows audiences, suppressions, and single contacts."""

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        house: House,
        audiences: Mapping[str, Audience],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._channels = channels
        self._house = house
        self._audiences = audiences
        self._clock = clock
        self._pool = DaemonPool("people", size=2)

    # Before sending

    async def estimate(self, said: Announcement, route: Route, name: str, *, limit: int | None = None) -> Estimate:
        """What an announcement would come to; reads the audiences of its route."""
        few = None if limit is None else Few(limit=limit)
        plan = make_plan(said, self._house, self._channels, route, route_name=name, now=self._clock.now(), few=few)
        suppressed = await self._ledger.do(_suppressed) if self._ledger.path.exists() else None
        counts = {}
        for audience in dict.fromkeys(terms.audience for terms in plan.terms.values() if terms.audience):
            if audience not in self._audiences:
                raise ConfigError(f"The audience {audience!r} is not in the configuration.")
            counts[audience] = await self._pool.run(self._count, plan, audience, suppressed)
        return estimate(plan, counts, self._house.currency)

    def _count(self, plan: Plan, audience: str, suppressed: Suppressed | None) -> Count:
        from surecast.audiences import census  # noqa: PLC0415 - loads what knows telephone numbers

        found = census(self._audiences[audience], suppressed=suppressed)
        over_it = {name: terms.medium for name, terms in plan.terms.items() if terms.audience == audience}
        used = {medium for medium in over_it.values() if medium is not None}
        return Count(
            contacts=found.contacts,
            bad=found.bad,
            flawed=found.flawed,
            duplicates=found.duplicates,
            people=sum(people for media, people in found.by_mask.items() if not media.isdisjoint(used)),
            reach={name: found.reach.get(medium, 0) for name, medium in over_it.items() if medium},
            suppressed={name: found.suppressed.get(medium, 0) for name, medium in over_it.items() if medium},
        )

    async def hashed(self, address: str) -> str:
        """The keyed hash of a typed address, as a plan keeps it."""
        return str(await self._ledger.do(people.hashed, await self._address(address)))

    async def _address(self, text: str) -> tuple[Medium, str]:
        return await self._pool.run(self._read, text)

    def _read(self, text: str) -> tuple[Medium, str]:
        from surecast.audiences.addresses import read_address  # noqa: PLC0415 - loads what knows telephone numbers

        regions = {audience.region for audience in self._audiences.values()} - {None}
        return read_address(text, next(iter(regions)) if len(regions) == 1 else None)

    # Afterwards

    async def unreached(self, name: str, *, unsure: bool) -> tuple[Unreached, ...]:
        """Contacts who were missed, or of whom it is not known."""
        found = await self._ledger.do(broadcasts.find, name)
        plan = await self._ledger.do(broadcasts.plan, found)
        return await self._ledger.do(people.unreached, plan, unsure=unsure, most=MOST_LISTED)

    async def settle(self, plan: Plan, channel: str, *, there: bool, to: str | None) -> int:
        """Records a person's word about contacts in doubt.

        Raises:
            UsageError: nobody is in doubt.
        """
        address = None if to is None else await self._address(to)
        settled, found = 0, MOST_SETTLED
        while found == MOST_SETTLED:
            found = await self._ledger.do(
                people.settle,
                plan,
                channel,
                there=there,
                address=address,
                most=MOST_SETTLED,
                now=self._clock.now(),
            )
            settled += found
        if not settled:
            whom = "this address" if to is not None else f"anybody on {channel}"
            raise UsageError(
                f"Nothing is in doubt for {whom}, so there is nothing to settle: surecast status {plan.id}."
            )
        return settled

    # Suppressions

    async def suppress(self, address: str, why: str) -> bool:
        """Never writes to a person again."""
        known = await self._address(address)
        return bool(await self._ledger.do(suppressions.add, [known], person=True, why=why, now=self._clock.now()))

    async def unsuppress(self, address: str) -> bool:
        """Takes an address off the list."""
        medium, known = await self._address(address)
        return await self._ledger.do(suppressions.remove, medium, known)

    async def suppressions(self) -> tuple[Suppression, ...]:
        """The list."""
        return await self._ledger.do(suppressions.listing, MOST_LISTED)

    async def suppress_bounces(self, file: Path) -> Mapping[str, int]:
        """Enters the addresses of bounces and complaints; gives how many of which sort.

        Raises:
            UsageError: the file cannot be read, or holds no bounce.
        """
        bounces = await self._pool.run(_bounces, file)
        now = self._clock.now()
        addresses = {
            reason: [(Medium.EMAIL, bounce.address) for bounce in bounces if bounce.reason is reason]
            for reason in (Reason.NO_SUCH_ADDRESS, Reason.OPTED_OUT)
        }
        gone, left = addresses[Reason.NO_SUCH_ADDRESS], addresses[Reason.OPTED_OUT]
        return {
            "bounced": await self._ledger.do(suppressions.add, gone, person=False, why="bounce", now=now),
            "complained": await self._ledger.do(suppressions.add, left, person=True, why="complaint", now=now),
            "temporary": len(bounces) - len(gone) - len(left),
        }

    async def forget(self, address: str) -> int:
        """Removes an address from the ledger."""
        return await self._ledger.do(people.forget, await self._address(address))


def _suppressed(database: Database) -> Suppressed | None:
    """Says by which media a contact must not be written to; None when nobody is on the list."""
    with database.transaction() as queries:
        hashed = hasher(database)
        listed = {row["address"]: row["person"] for row in queries.suppressed_all(database.connection)}
    if not listed:
        return None

    def suppressed(contact: Contact) -> Collection[Medium]:
        held = {medium: hashed(medium, address) for medium, address in contact.addresses.items()}
        if any(listed.get(each) for each in held.values()):
            return tuple(held)
        return tuple(medium for medium, each in held.items() if each in listed)

    return suppressed


def _bounces(file: Path) -> tuple[Bounce, ...]:
    from surecast.bounces import parse  # noqa: PLC0415 - few files of bounces are ever read

    try:
        found = parse(file.read_bytes())
    except OSError as error:
        raise UsageError(f"The bounces cannot be read from {file}: {error.strerror}. Correct the path.") from error
    if not found:
        raise UsageError(f"{file} holds no bounce (RFC 3464). Give a mailbox or a single message with some.")
    return found
