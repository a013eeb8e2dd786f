"""Carries one delivery to one contact, or looks it up; whatever an adapter does becomes an outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from surecast.channel import Adapter, Finds, Sending, Terms
from surecast.contact import Recipient, masked
from surecast.crowd import Mark
from surecast.direct import Ticket
from surecast.ledger.tickets import End
from surecast.outcome import Look, Outcome, Reason, Sighting, Verdict
from surecast.transport.classify import MAYBE, classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """What all deliveries of a channel share.

    Attributes:
        payload: what was prepared for all of them.
        language: of contacts that have none of their own.
    """

    adapter: Adapter
    payload: bytes
    terms: Terms
    language: str

    async def carry(self, ticket: Ticket, now: float) -> End:
        """One attempt, or one look-up of an attempt in doubt."""
        sending = Sending(
            key=ticket.key,
            payload=self.payload,
            first_began_at=ticket.first_at or now,
            timeout_s=self.terms.timeout_s,
            claimed=ticket.claimed,
            to=Recipient(address=ticket.address, name=ticket.name, language=ticket.language or self.language),
        )
        if is_look(ticket, self.terms):
            return End(ticket=ticket, look=await self._look(sending))
        try:
            async with asyncio.timeout(self.terms.timeout_s):
                outcome: object = await self.adapter.publish(sending)
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything; it becomes an outcome here
            outcome = classify(error, own=self.adapter.classify)
        if not isinstance(outcome, Outcome):
            outcome = Outcome(
                verdict=Verdict.UNCERTAIN, reason=Reason.OURS, detail=f"The channel's adapter gave no outcome. {MAYBE}"
            )
        if outcome.verdict not in {Verdict.ACCEPTED, Verdict.CONFIRMED}:
            outcome = replace(outcome, detail=_without(ticket.address, outcome.detail))
        return End(ticket=ticket, outcome=outcome)

    async def _look(self, sending: Sending) -> Look:
        if not isinstance(self.adapter, Finds):
            return Look(sighting=Sighting.UNKNOWN)
        try:
            async with asyncio.timeout(self.terms.timeout_s):
                look: object = await self.adapter.find(sending)
        except Exception as error:  # noqa: BLE001 - a read side in trouble may raise anything
            return Look(sighting=Sighting.UNKNOWN, answered=False, detail=classify(error).detail)
        return look if isinstance(look, Look) else Look(sighting=Sighting.UNKNOWN)


def is_look(ticket: Ticket, terms: Terms) -> bool:
    """Whether a delivery in doubt is looked up, and not sent again."""
    return ticket.mark is Mark.UNSURE and terms.resend != "same_key"


def _without(address: str, detail: str) -> str:
    """A sentence with a contact's address masked, however the platform writes it."""
    for written in (address, address.removeprefix("+")):
        detail = detail.replace(written, masked(address))
    return detail
