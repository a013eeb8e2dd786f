"""Keyed hashes of addresses: enough to recognise one, and of no use without the ledger's own key.

They have 64 bits. Among a million addresses two share a hash with a chance of one in thirty million; the second of
the two would be counted as a repetition of the first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import blake2b

from surecast.ledger.database import Database

Hasher = Callable[[str, str], int]

KEY = "hash_key"


def hasher(database: Database) -> Hasher:
    """The ledger's hash of an address: called with its medium and the address. Runs inside a transaction."""
    known = database.kept.get(KEY)
    if known is None:
        database.queries.add_setting(database.connection, name=KEY, value=secrets.token_bytes(32))
        key = bytes(database.queries.setting_of(database.connection, name=KEY)["value"])
        known = database.kept[KEY] = _hasher(key)
    made: Hasher = known
    return made


def _hasher(key: bytes) -> Hasher:
    def hashed(medium: str, address: str) -> int:
        # Mailboxes differ by the case of letters in theory only: who wrote "Anna" means the one who is "anna".
        told = f"{medium}\0{address.lower() if medium == 'email' else address}"
        digest = blake2b(told.encode(), key=key, digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    return hashed
