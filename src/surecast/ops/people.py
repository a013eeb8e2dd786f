"""A person is told: once for each cause, and anew when that is over and comes again."""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta
from pathlib import Path
from typing import Unpack

from surecast.broadcaster.desk import PERSON, Desk
from surecast.clock import iso
from surecast.config.charge import Charge
from surecast.errors import LedgerError, SurecastError, UsageError
from surecast.ledger import rounds
from surecast.ledger.database import Database
from surecast.message import Announcement, Urgency
from surecast.report import Report
from surecast.route import Route
from surecast.text.messages import Message, MessageValues, render_message

log = logging.getLogger(__name__)

#: Below an emergency nothing that costs money takes over from a channel that was refused its login, or its text.
URGENCY = Urgency.EMERGENCY
#: What nobody was told by then, they have found out.
VALID = timedelta(hours=4)


class People:
    """Tells the people in charge what needs them.

    Args:
        desk: of a broadcaster that has the channels of `charge`.
        templates: the house's own templates; what is wrong in one of them keeps no message back.
    """

    def __init__(self, desk: Desk, charge: Charge, templates: Path | None = None) -> None:
        self._desk = desk
        self._charge = charge
        self._templates = templates

    async def tell(
        self, cause: str, message: str, *, failing: str | None = None, **values: Unpack[MessageValues]
    ) -> bool:
        """Sends a message to everybody in charge, unless they were told of its cause; whether it was sent now.

        It is committed when this returns, and delivered as any broadcast that nobody waits for. Nothing is raised:
        whoever watches goes on, and what could not be told is told with the next call.

        Args:
            cause: its name, e.g. ``credentials:bluesky``.
            message: the name of a template, one of `surecast.text.messages.MESSAGES`.
            failing: the channel that they are told about; they hear of it by another one where there is one.
            values: what the template is filled with.
        """
        route = self._charge.route(failing)
        if route is None:
            return False
        try:
            return await self._tell(cause, message, route, values)
        except Exception as error:  # noqa: BLE001 - whatever it is, the cause is still untold, and comes up again
            log.warning("%s: the people in charge could not be told of it (%s)", cause, type(error).__name__)
            return False

    async def over(self, cause: str) -> None:
        """A cause is over: when it comes again, people are told anew.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        if await self._desk.ledger.do(rounds.told_of, cause) is not None:
            await self._desk.ledger.do(rounds.over, cause)

    async def _tell(self, cause: str, message: str, route: Route, values: MessageValues) -> bool:
        ledger, now = self._desk.ledger, self._desk.clock.now()
        since = await ledger.do(_untold_since, cause, now)
        if since is None:
            return False
        try:
            said = self._rendered(message, {"now": now, **values})
            report = await self._send(said, route, f"told:{cause}:{iso(since)}")
        except SurecastError as error:
            if not (isinstance(error, LedgerError) and error.broadcast):  # nothing was accepted
                with contextlib.suppress(LedgerError):
                    await ledger.do(rounds.over, cause)
            raise
        await ledger.do(rounds.told_by, cause, report.id)
        if not report.repeated:
            log.info("The people in charge are told: %s", said.subject)
        return not report.repeated

    def _rendered(self, message: str, values: MessageValues) -> Message:
        try:
            return render_message(message, self._templates, **values)
        except UsageError:
            return render_message(message, None, **values)

    async def _send(self, said: Message, route: Route, key: str) -> Report:
        """The subject alone is what an SMS says; in a letter it stands above the rest."""
        announcement = Announcement(
            text=said.subject,
            body=said.body or None,
            urgency=URGENCY,
            key=key,
            expires=VALID,
        )
        return await self._desk.broadcast(
            announcement, route, "", wait=False, again=False, on_change="keep", purpose=PERSON
        )


def _untold_since(database: Database, cause: str, now: float) -> float | None:
    """Since when people are to be told of a cause; None when they were.

    A process that died in the middle has entered the cause and told nobody. Whoever comes next does so under the same
    moment, so that they are told once even if that process was not dead but slow.
    """
    fresh = rounds.tell(database, cause, now)
    entered = rounds.told_of(database, cause)
    assert entered is not None
    return entered.at if fresh or entered.broadcast is None else None
