"""Opens the ledger: one SQLite file, one thread, one transaction a call."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from surecast.errors import LedgerBusyError, LedgerError, LedgerTooNewError
from surecast.threads import DaemonPool

P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
CACHE_KB = 5_000
SQL_FILES = ("queries.sql", "direct.sql")

#: One ledger file is made at a time, so that none is locked by one thread while another still closes it.
_making = threading.Lock()


class Database:
    """An open ledger file; used in one thread only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.queries: Any = _queries()
        self.kept: dict[str, Any] = {}  # what was read once and never changes
        self._connection = _connect(path)
        self.connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise _explained(error, path) from error
        except BaseException:
            self._connection.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection itself, for the queries."""
        return self._connection

    def _prepare(self) -> None:
        """Makes the connection and the file ready, whoever else is at it.

        SQLite does not wait for others while it turns a new file to WAL: its busy timeout is not asked there
        (https://www.sqlite.org/c3ref/busy_handler.html, on deadlocks), and of programs that start together some fail.
        At worst this waits twice `BUSY_TIMEOUT_S`, once here and once in SQLite.
        """
        patiently = Retrying(
            retry=retry_if_exception(_is_busy),
            stop=stop_after_delay(BUSY_TIMEOUT_S),
            wait=wait_random(0.001, 0.02),
            reraise=True,
        )
        for attempt in patiently:
            with attempt:
                self._configure()
                _migrate(self._connection, self.path)

    def _configure(self) -> None:
        self._connection.execute(f"pragma busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("pragma foreign_keys = on")
        self._connection.execute(f"pragma cache_size = -{CACHE_KB}")
        self._connection.execute("pragma secure_delete = on")  # an address that was emptied is gone from the file

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Any]:
        """A transaction that holds the write lock from its start; gives the queries, bound to nothing.

        Args:
            durable: its commit reaches the disk before this returns, so that not even a power cut undoes it.
        """
        try:
            if durable:
                self._connection.execute("pragma synchronous = full")
            self._connection.execute("begin immediate")
            try:
                yield self.queries
            except BaseException:
                self._undo()
                raise
            self._connection.execute("commit")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._undo()
            raise _explained(error, self.path) from error
        finally:
            if durable:
                self._connection.execute("pragma synchronous = normal")

    def _undo(self) -> None:
        self.kept.clear()  # it may have been written in the transaction that now has never been
        self._connection.execute("rollback")

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """One consistent view for several queries; waits for nobody."""
        try:
            self._connection.execute("begin")
            try:
                yield self.queries
            finally:
                self._connection.execute("rollback")
        except sqlite3.Error as error:
            raise _explained(error, self.path) from error

    def close(self) -> None:
        self._connection.close()


class Ledger:
    """The ledger for an event loop: `do` runs a transaction in the ledger's own thread.

    Args:
        path: the file; its folder is made when it is missing, the file is readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pool = DaemonPool("ledger", size=1)
        self._database: Database | None = None

    async def do(self, call: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs ``call(database, ...)`` in the ledger's thread and gives its result.

        Raises:
            LedgerError: with what to do about it; nothing of the call's transaction is kept then.
        """
        return await self._pool.run(self._call, lambda database: call(database, *args, **kwargs))

    def _call(self, call: Callable[[Database], T]) -> T:
        if self._database is None:
            self._database = Database(self.path)
        return call(self._database)

    async def close(self) -> None:
        """Closes the file after the calls in hand."""
        await self._pool.run(self._close)
        self._pool.close()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


@cache
def _queries() -> Any:
    import aiosql  # noqa: PLC0415 - parsing SQL files is only needed once a ledger is opened

    folder = resources.files("surecast.ledger")
    sql = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in SQL_FILES)
    return aiosql.from_str(sql, "sqlite3", mandatory_parameters=False)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        with _making:
            _make(path)
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except OSError as error:
        raise LedgerError(_cure(path, error.strerror or "it cannot be opened")) from error
    except sqlite3.Error as error:
        raise _explained(error, path) from error


def _make(path: Path) -> None:
    """Makes the file if it is missing: sqlite3 would give it the umask's mode, and it holds what is not yet public.

    A file that is there is not opened here. Closing a descriptor drops all locks that this process has on the file
    (https://www.sqlite.org/howtocorrupt.html, 2.2), and with them those of another open ledger on it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder") from None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    steps = sorted(
        (
            file
            for file in resources.files("surecast.ledger").joinpath("migrations").iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda file: file.name,
    )
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > len(steps):
        raise LedgerTooNewError(
            f"The ledger {path} was written by a newer surecast (schema {version}, this one knows {len(steps)}). "
            "Upgrade surecast: pip install -U surecast. Nothing was changed."
        )
    if version == len(steps):
        return
    connection.execute("begin immediate")
    try:
        version = connection.execute("pragma user_version").fetchone()[0]  # another process may have been faster
        for number, step in enumerate(steps[version:], start=version + 1):
            for statement in _statements(step.read_text(encoding="utf-8")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {number}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("rollback")
        raise


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around them."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)  # Python's own errors, e.g. of a text that is no UTF-8, have none
    return isinstance(error, sqlite3.OperationalError) and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _explained(error: sqlite3.Error, path: Path) -> LedgerError:
    text = str(error)
    if _is_busy(error):
        return LedgerBusyError(
            f"The ledger {path} is locked by another process for more than {BUSY_TIMEOUT_S:.0f} s. "
            "Wait for that process or end it, then run the same command again: nothing was lost or sent twice."
        )
    if "disk is full" in text or "disk I/O" in text:
        return LedgerError(_cure(path, "the disk is full or failing"))
    if "readonly" in text or "read-only" in text:
        return LedgerError(_cure(path, "it is read-only"))
    if "not a database" in text or "malformed" in text:
        return LedgerError(
            f"The ledger {path} is damaged or no ledger at all. Move it away, or restore it from a backup."
        )
    if "unable to open" in text:
        return LedgerError(_cure(path, "it cannot be opened"))
    return LedgerError(f"The ledger {path} answered: {text}. Nothing of this step was kept; try again.")


def _cure(path: Path, what: str) -> str:
    return (
        f"The ledger {path} cannot be written: {what}. Give this user write access to the file and its folder "
        'and free space, or name another place: ledger = "..." in surecast.toml.'
    )
