"""What was met before in a long stream, in a file and not in memory."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

CACHE_KIB = 32_768  # the only memory that it takes, however long the stream is


class Seen:
    """Remembers the numbers of rows by what they hold, as keyed digests that nobody else can make.

    Two different texts among a million are taken for one with a probability of 1 in 10 million.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._execute = database.execute
        self._key = os.urandom(16)

    def first(self, text: str, number: int) -> int:
        """The number of the row that held `text` first: `number` itself when none did."""
        digest = hashlib.blake2b(text.encode(), digest_size=8, key=self._key).digest()
        mark = int.from_bytes(digest, signed=True)
        if self._execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (mark, number)).rowcount:
            return number
        found: tuple[int] = self._execute("SELECT number FROM seen WHERE digest = ?", (mark,)).fetchone()
        return found[0]


@contextmanager
def nothing_seen() -> Iterator[Seen]:
    """A memory of its own; SQLite deletes the file by itself, also when the process dies."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE seen (digest INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
        database.execute("BEGIN")
        yield Seen(database)
