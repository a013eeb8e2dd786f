"""Renewable platform sessions: encrypted in the ledger, renewed by one process at a time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from surecast.clock import Clock
from surecast.ledger.database import Database, Ledger
from surecast.ledger.owner import proven_dead
from surecast.secret import Secret

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

LEASE_S = 20.0
POLL_S = 0.05


class LedgerSessions:
    """The `SessionStore` of one channel.

    A session is the credential itself, so it is sealed (Fernet: AES-128-CBC with HMAC-SHA256) with a key derived
    from the ledger's own key, or else from the channel's secret: whoever copies the ledger alone cannot post, and a
    changed password makes the old session unreadable, which is the same as none.

    Args:
        key: the secret that the sealing key is derived from; without one nothing is stored.
    """

    def __init__(self, ledger: Ledger, channel: str, key: Secret | None, owner: str, clock: Clock) -> None:
        self._ledger = ledger
        self._channel = channel
        self._key = key
        self._owner = owner
        self._clock = clock
        self._lock = asyncio.Lock()

    async def load(self) -> str | None:
        """The stored session, or None when there is none that can be read."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - only channels with sessions need it

        fernet = self._fernet()
        sealed = await self._ledger.do(_load, self._channel)
        if sealed is None or fernet is None:
            return None
        try:
            return fernet.decrypt(sealed).decode()
        except InvalidToken:
            return None

    async def save(self, session: str) -> None:
        """Stores a session in place of the one before."""
        if (fernet := self._fernet()) is not None:
            await self._ledger.do(_save, self._channel, fernet.encrypt(session.encode()))

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Holds the only right, over all processes, to renew the session; load again inside."""
        async with self._lock:
            while not await self._ledger.do(_lease, self._channel, self._owner, self._clock.now()):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)  # another process holds it; no event of ours tells when it ends
            try:
                yield
            finally:
                await asyncio.shield(self._ledger.do(_free, self._channel, self._owner))

    def _fernet(self) -> Fernet | None:
        from cryptography.fernet import Fernet  # noqa: PLC0415

        if self._key is None:
            return None
        # The secrets are long and random (app passwords, tokens); stretching them would only slow every send.
        digest = hashlib.blake2b(
            self._key.reveal().encode(), digest_size=32, person=b"surecastsession", salt=_salt(self._channel)
        )
        return Fernet(base64.urlsafe_b64encode(digest.digest()))


def _salt(channel: str) -> bytes:
    return hashlib.blake2b(channel.encode(), digest_size=16).digest()


def _load(database: Database, channel: str) -> bytes | None:
    with database.reading() as queries:
        row = queries.session_of(database.connection, channel=channel)
    return None if row is None else row["sealed"]


def _save(database: Database, channel: str, sealed: bytes) -> None:
    with database.transaction() as queries:
        queries.add_session(database.connection, channel=channel)
        queries.put_session(database.connection, channel=channel, sealed=sealed)


def _lease(database: Database, channel: str, owner: str, now: float) -> bool:
    with database.transaction() as queries:
        connection = database.connection
        queries.add_session(connection, channel=channel)
        held = queries.session_owner(connection, channel=channel)["owner"]
        gone = held if held and held != owner and proven_dead(held) else None
        return bool(
            queries.lease_session(connection, channel=channel, owner=owner, until=now + LEASE_S, now=now, dead=gone)
        )


def _free(database: Database, channel: str, owner: str) -> None:
    with database.transaction() as queries:
        queries.free_session(database.connection, channel=channel, owner=owner)
