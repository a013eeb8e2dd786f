"""The people in charge: whom surecast turns to itself, by which channels, and whether they can be reached.

They are told over copies of the configured channels, which write to an audience of their own. So a message to them is
retried, handed on and paid for as any other is, and what the people of a newsletter get has nothing to do with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from surecast.audiences import Audience
from surecast.channel import Channel
from surecast.config.findings import Finding
from surecast.contact import Medium
from surecast.route import Operand, Route

if TYPE_CHECKING:
    from surecast.config.tables import Person
    from surecast.config.values import Config

#: The names that belong to the people in charge: of their audience, and at the beginning of their channels'.
AUDIENCE, PREFIX = "people_in_charge", "people_"

#: How long one way to a person has before the next one is taken as well.
WITHIN_S = 30.0

#: What a channel says around its messages to many, and need not say to those in charge; by its type.
LEFT_OUT: Mapping[str, Mapping[str, Any]] = MappingProxyType({"twilio": {"opt_out": ""}, "email": {"templates": None}})

#: What each way of reaching somebody is, and the type of channel that does it.
WAYS = MappingProxyType({Medium.EMAIL: ("e-mail", "email"), Medium.PHONE: ("text messages", "twilio")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The people in charge, and how they are reached.

    Attributes:
        channels: copies of the configured channels, each by the name of the channel that it was made of, in the order
            in which they are tried.
        audience: the people; None when there is nobody.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    audience: Audience | None = None

    @property
    def audiences(self) -> Mapping[str, Audience]:
        """The people by the name under which the channels know them."""
        return {} if self.audience is None else {AUDIENCE: self.audience}

    def route(self, failing: str | None = None) -> Route | None:
        """The way to the people: each gets a message by the first channel that reaches them. None when there is none.

        Args:
            failing: the configured channel that they are told about; its own copy comes last.
        """
        order = sorted(self.channels, key=lambda name: name == failing)
        ways: list[Operand] = [self.channels[name] for name in order]
        return reduce(or_, ways).as_route() if ways else None


def in_charge(config: Config) -> Charge:
    """The people in charge as a configuration describes them.

    The ways of the first person come first, in their order. A channel is left out whose copy's name is taken; and all
    are, where the name of the audience is.
    """
    told = _told(config)
    if not told or AUDIENCE in config.audiences:
        return Charge()
    copied = {name: _copy(config.channels[name]) for name in _copied(config)}
    channels = {name: copy for name, copy in copied.items() if copy.name not in config.channels}
    return Charge(channels=MappingProxyType(channels), audience=_audience(told))


def _told(config: Config) -> Mapping[str, Person]:
    return {name: person for name, person in config.people.items() if person.via}


def _audience(people: Mapping[str, Person]) -> Audience:
    return Audience(source="[people]", rows=tuple(_row(name, person) for name, person in people.items()))


def _row(name: str, person: Person) -> Mapping[str, str]:
    """A person as a contact: with the addresses by which they are to be reached, and the consent to use these."""
    addresses = {"email": person.email or "", "phone": person.phone or ""}
    row = {"id": name, "name": person.name}
    for way, consent in (("email", "consent_email"), ("phone", "consent_sms")):
        row |= {way: addresses[way], consent: "yes"} if way in person.via else {way: "", consent: "no"}
    return MappingProxyType(row)


def _copied(config: Config) -> Iterator[str]:
    """The channels by which somebody is to be reached, in the order of the first person who says how."""
    for way in dict.fromkeys(way for person in config.people.values() for way in person.via):
        yield from _reaching(config, way)


def _reaching(config: Config, way: str) -> tuple[str, ...]:
    return tuple(name for name, channel in config.channels.items() if channel.kind.traits.medium == way)


def _copy(channel: Channel) -> Channel:
    settings = channel.settings
    left_out = {key: value for key, value in LEFT_OUT.get(channel.kind.name, {}).items() if hasattr(settings, key)}
    if left_out:
        settings = dataclasses.replace(settings, **left_out)
    return dataclasses.replace(
        channel,
        name=f"{PREFIX}{channel.name}",
        settings=settings,
        audience=AUDIENCE,
        priority=None,
        within_s=WITHIN_S,
        confirm="accepted",
        when_unsure="reroute",  # to be told twice is better than not at all
        enough=1.0,
        spend_after_s=0.0,  # one message to one person ruins nobody; the caps hold nevertheless
        status_page="",
        credentials_end=None,
    )


# `config check` -----------------------------------------------------------------------------------------------------


def charge_mistakes(config: Config) -> Iterator[Finding]:
    """Names that are taken, and addresses that cannot be written to."""
    told = _told(config)
    if not told:
        return
    if AUDIENCE in config.audiences:
        yield Finding(("audiences", AUDIENCE), "the name belongs to those in [people]", "Choose another name")
    for name in _copied(config):
        if (taken := f"{PREFIX}{name}") in config.channels:
            why = f"the name belongs to what {name} sends to those in [people]"
            yield Finding(("channels", taken), why, "Choose another name")
    yield from _unusable(told)


def _unusable(people: Mapping[str, Person]) -> Iterator[Finding]:
    from surecast.audiences import rows  # noqa: PLC0415 - loads what knows telephone numbers

    for name, row in zip(people, rows(_audience(people)), strict=True):
        for flaw in row.flaws:
            if flaw.column in WAYS:
                # No region can be written here, as it can for an audience.
                cure = "Write it with + and the code of its country" if "region" in flaw.cure else flaw.cure
                yield Finding(("people", name, flaw.column), flaw.what, cure)


def charge_notes(config: Config) -> Iterator[Finding]:
    """Who will not hear of everything: nobody is told, a way leads nowhere, or one channel is the only way."""
    if not _told(config):
        if any(_reaching(config, way) for way in WAYS):
            how = 'Write [people.duty] and below it name = "...", email = "..." and via = ["email"]'
            yield Finding(("people",), "nobody is told when a channel needs a person", how)
        return
    routed = {name for route in config.routes.values() for name in route.names()}
    for name, person in config.people.items():
        yield from _ways(name, person, config, routed)


def _ways(name: str, person: Person, config: Config, routed: set[str]) -> Iterator[Finding]:
    reached = [channel for way in dict.fromkeys(person.via) for channel in _reaching(config, way)]
    if not person.via:
        yield Finding(("people", name), "nothing says how to reach this person", 'Write via = ["email"]')
    for way in dict.fromkeys(person.via):
        if not _reaching(config, way):
            what, kind = WAYS[Medium(way)]
            at = ("people", name, "via")
            yield Finding(at, f"no channel sends {what}, so nobody is told that way", f'Add one of the type "{kind}"')
    if len(reached) == 1 and reached[0] in routed:
        why = f"{reached[0]} alone reaches this person, so they may not hear of it when {reached[0]} fails"
        yield Finding(("people", name, "via"), why, "Add another way")
