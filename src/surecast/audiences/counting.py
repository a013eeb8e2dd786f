"""Counting an audience: how many people would be reached, how, and what stands in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from surecast.audiences.audience import Audience
from surecast.audiences.flaws import Flaw
from surecast.audiences.reading import Row, opened_rows
from surecast.audiences.seen import Seen, nothing_seen
from surecast.audiences.sources import Source
from surecast.contact import Contact, Medium, masked

MOST_KEPT = 50

#: By which media a contact must not be written to, whatever it agreed to.
Suppressed = Callable[[Contact], Collection[Medium]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What one pass over an audience found.

    Attributes:
        rows: all that are not blank; contacts and bad rows together.
        contacts: rows with at least one usable address.
        bad: rows without one.
        flawed: contacts of which something could not be taken.
        flaws: the first 50 that are wrong; `flaws_found` counts all.
        duplicates: rows with the id of an earlier one, or of whose addresses each stands in an earlier one.
        shared: addresses that stand in an earlier row, which is not for them alone.
        repeats: the first 50 of these two, with the earlier row; `repeats_found` counts all.
        addresses: different ones that are valid, by medium.
        without_consent: those of them that nobody agreed to be written to.
        suppressed: those of them with consent that must not be written to all the same.
        reach: those of them that would be written to.
        by_mask: contacts by the media that each is reached by, every address counted with its first contact; those
            reached by none are under the empty set.
        unread: the columns that nothing reads.
    """

    rows: int
    contacts: int
    bad: int
    flawed: int
    flaws: tuple[Flaw, ...]
    flaws_found: int
    duplicates: int
    shared: int
    repeats: tuple[Flaw, ...]
    repeats_found: int
    addresses: Mapping[Medium, int]
    without_consent: Mapping[Medium, int]
    suppressed: Mapping[Medium, int]
    reach: Mapping[Medium, int]
    by_mask: Mapping[frozenset[Medium], int]
    unread: tuple[str, ...]


def census(audience: Audience, *, suppressed: Suppressed | None = None, latest: date | None = None) -> Census:
    """Counts an audience in one pass; blocking, in memory that does not grow with it.

    Args:
        suppressed: gives the media by which a contact must not be written to.
        latest: the last day on which somebody can have agreed; today, unless given.

    Raises:
        ConfigError: the source cannot be read.
    """
    with nothing_seen() as seen, opened_rows(audience, latest) as (source, found):
        tally = _Tally(seen=seen, suppressed=suppressed, source=source)
        for row in found:
            tally.add(row)
        return tally.census()


def reaches(audience: Audience, media: Collection[Medium], *, latest: date | None = None) -> frozenset[Medium]:
    """By which of these media somebody is reached; stops at the first contact that settles it.

    Raises:
        ConfigError: the source cannot be read.
    """
    wanted = set(media)
    with opened_rows(audience, latest) as (_, found):
        for row in found:
            if row.contact is not None:
                wanted -= {medium for medium in wanted if row.contact.reachable(medium)}
            if not wanted:
                break
    return frozenset(media) - wanted


@dataclass(slots=True, kw_only=True)
class _Tally:
    """Counts row by row."""

    seen: Seen
    suppressed: Suppressed | None
    source: Source
    counts: Counter[str] = field(default_factory=Counter)
    addresses: Counter[Medium] = field(default_factory=Counter)
    without_consent: Counter[Medium] = field(default_factory=Counter)
    stopped: Counter[Medium] = field(default_factory=Counter)
    reach: Counter[Medium] = field(default_factory=Counter)
    by_mask: Counter[frozenset[Medium]] = field(default_factory=Counter)
    flaws: list[Flaw] = field(default_factory=list)
    repeats: list[Flaw] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Counts a row."""
        self.counts["rows"] += 1
        if row.flaws:
            self.counts["flaws"] += len(row.flaws)
            self.flaws.extend(row.flaws[: max(0, MOST_KEPT - len(self.flaws))])
        if row.contact is None:
            self.counts["bad"] += 1
            return
        if row.flaws:
            self.counts["flawed"] += 1
        new = self._new(row.number, row.contact)
        if not new:
            self.counts["duplicates"] += 1
            return
        self._count(row.contact, new)

    def _new(self, number: int, contact: Contact) -> list[Medium]:
        """By which media the contact is met for the first time; by none when somebody with its key was met."""
        if "id" in self.source.names:  # else the key is made of the addresses
            earlier = self.seen.first(f"key {contact.key}", number)
            if earlier != number:
                self._repeat(
                    number, earlier, "the id of", "Only the first is sent to; give each person an id of its own"
                )
                return []
        new = []
        for medium, address in contact.addresses.items():
            earlier = self.seen.first(f"{medium} {address.casefold()}", number)
            if earlier == number:
                new.append(medium)
            else:
                self._repeat(number, earlier, f"the {medium} ({masked(address)}) of", "It is sent to once")
        self.counts["shared"] += len(contact.addresses) - len(new) if new else 0
        return new

    def _repeat(self, number: int, earlier: int, what: str, cure: str) -> None:
        self.counts["repeats"] += 1
        if len(self.repeats) < MOST_KEPT:
            word = self.source.word
            what = f"it has {what} {word} {earlier}"
            self.repeats.append(Flaw(place=f"{word} {number}", column="", what=what, cure=cure))

    def _count(self, contact: Contact, new: Collection[Medium]) -> None:
        stopped: Collection[Medium] = self.suppressed(contact) if self.suppressed is not None else ()
        reached = []
        for medium in new:
            self.addresses[medium] += 1
            if medium not in contact.consents:
                self.without_consent[medium] += 1
            elif medium in stopped:
                self.stopped[medium] += 1
            else:
                self.reach[medium] += 1
                reached.append(medium)
        self.by_mask[frozenset(reached)] += 1

    def census(self) -> Census:
        """What was counted."""
        counts = self.counts
        return Census(
            rows=counts["rows"],
            contacts=counts["rows"] - counts["bad"],
            bad=counts["bad"],
            flawed=counts["flawed"],
            flaws=tuple(self.flaws),
            flaws_found=counts["flaws"],
            duplicates=counts["duplicates"],
            shared=counts["shared"],
            repeats=tuple(self.repeats),
            repeats_found=counts["repeats"],
            addresses=_all(self.addresses),
            without_consent=_all(self.without_consent),
            suppressed=_all(self.stopped),
            reach=_all(self.reach),
            by_mask=MappingProxyType(dict(self.by_mask)),
            unread=tuple(self.source.unread),
        )


def _all(counted: Counter[Medium]) -> Mapping[Medium, int]:
    return MappingProxyType({medium: counted[medium] for medium in Medium})
