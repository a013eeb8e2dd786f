"""Reads an audience off the event loop, a part at a time; never more of it is held."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from surecast.audiences import Audience
from surecast.dispatch.ports import Part
from surecast.threads import DaemonPool

if TYPE_CHECKING:
    from surecast.audiences import Row

#: So long a source may take to let go.
CLOSE_S = 1.0


class Reader:
    """The `AudienceReader` of one audience, in a thread of its own."""

    def __init__(self, audience: Audience) -> None:
        self._pool = DaemonPool("audience", size=1)
        self._rows: Iterator[Row] | None = None
        self._audience = audience

    async def next(self, most: int) -> Part:
        """The contacts of the next rows, at most so many.

        Raises:
            ConfigError: the source cannot be read.
        """
        return await self._pool.run(self._next, most)

    def _next(self, most: int) -> Part:
        from surecast.audiences import rows  # noqa: PLC0415 - loads what knows telephone numbers

        if self._rows is None:
            self._rows = iter(rows(self._audience))
        part = list(islice(self._rows, most))
        return Part(
            contacts=tuple(row.contact for row in part if row.contact is not None),
            flawed=sum(bool(row.flaws) for row in part),
            last=len(part) < most,
        )

    async def close(self) -> None:
        """Lets go of the source; one that hangs is left behind."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._pool.run(self._close)
        self._pool.close()

    def _close(self) -> None:
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()
