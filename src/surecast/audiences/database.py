"""Contacts in a database: SQLite through the standard library, others through SQLAlchemy; read, never written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from surecast.audiences.audience import Audience
from surecast.audiences.cells import as_cells
from surecast.audiences.columns import Columns, require_columns
from surecast.audiences.flaws import Unusable
from surecast.audiences.sources import Record, Source
from surecast.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Engine

_EXAMPLE = "Write e.g. postgresql+psycopg://user:password@host/name."
AT_ONCE = 1000  # rows on their way from the server

_SQLITE = re.compile(r"sqlite:///(?P<path>[^?]+)")  # as SQLAlchemy writes it: a relative path, or / and an absolute one


@contextmanager
def open_database(audience: Audience) -> Iterator[Source]:
    """Asks the database; its rows come as they are read.

    Raises:
        ConfigError: it cannot be reached or asked, or its columns give no addresses.
    """
    address = _address(audience)
    opened = _sqlite if _SQLITE.fullmatch(address) else _sqlalchemy
    with opened(address, audience) as (header, rows):
        columns = require_columns(header, audience.columns, f"The query of {audience.where}")
        yield Source(
            word="row", records=_records(rows, columns), names=columns.names, unread=dict.fromkeys(columns.unread)
        )


def _address(audience: Audience) -> str:
    if isinstance(audience.source, str):
        return audience.source
    address = audience.source.reveal().strip()
    if "://" not in address:
        raise ConfigError(f"{_upper(audience.where)} has no address. {_EXAMPLE}")
    return address


def _records(rows: Iterable[Sequence[Any]], columns: Columns) -> Iterator[Record]:
    for number, row in enumerate(rows, start=1):
        try:
            cells = as_cells(columns.pick((*row, "")), columns.names)
        except Unusable as wrong:
            yield number, wrong
        else:
            yield number, cells


Opened = tuple[Sequence[str], Iterable[Sequence[Any]]]


@contextmanager
def _sqlite(address: str, audience: Audience) -> Iterator[Opened]:
    path = audience.folder / unquote(address.removeprefix("sqlite:///"))

    def unreadable(error: Exception) -> ConfigError:
        if not _is_file(path):
            return ConfigError(f"There is no file {path}. Correct source, or put the database there.")
        return ConfigError(f"{_upper(audience.where)} cannot be read: {_told(error)}. Correct the query, or the file.")

    try:
        # One thread at a time reads, though not always the same: a pool's threads take turns.
        database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise unreadable(error) from error
    with closing(database):
        try:
            found = database.execute(audience.query or "")
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise unreadable(error) from error
        yield [column[0] for column in found.description or ()], _read(found, sqlite3.Error, unreadable)


@contextmanager
def _sqlalchemy(address: str, audience: Audience) -> Iterator[Opened]:
    where = _upper(audience.where)
    try:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(f'{where} needs SQLAlchemy. Install it: pip install "surecast[sql]".') from None
    engine = _engine(address, where)
    options: dict[str, Any] = {"stream_results": True, "yield_per": AT_ONCE, "no_parameters": True}
    if engine.dialect.name == "postgresql":
        options["postgresql_readonly"] = True

    def unreadable(error: Exception) -> ConfigError:
        told = _without_password(_told(error), engine.url.password)
        return ConfigError(f"{where} cannot be read: {told}. Correct the query, or the address.")

    with ExitStack() as stack:
        stack.callback(engine.dispose)
        try:
            # Nothing is committed: what a query should have changed is rolled back with the connection.
            connection = stack.enter_context(engine.connect()).execution_options(**options)
            found = connection.exec_driver_sql(audience.query or "")
            header = list(found.keys()) if found.returns_rows else []
        except SQLAlchemyError as error:
            raise unreadable(error) from None
        yield header, _read(found, SQLAlchemyError, unreadable)


def _engine(address: str, where: str) -> Engine:
    import sqlalchemy  # noqa: PLC0415 - an extra
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    try:
        return sqlalchemy.create_engine(address, poolclass=NullPool, hide_parameters=True)
    except (NoSuchModuleError, ArgumentError, ValueError):  # their texts quote the address
        raise ConfigError(f"{where} has an address that cannot be read. {_EXAMPLE}") from None
    except ImportError as error:
        raise ConfigError(f"{where} needs the package {error.name}. Install it with pip.") from None


def _read(
    found: Iterable[Sequence[Any]], errors: type[Exception], unreadable: Callable[[Exception], ConfigError]
) -> Iterator[Sequence[Any]]:
    """The rows; what the database says in the midst of them is told as at their beginning."""
    try:
        for row in found:  # noqa: UP028 - `yield from` would close a cursor whose database is closed already
            yield row
    except errors as error:
        raise unreadable(error) from None


def _told(error: Exception) -> str:
    """What the database itself said, on one line, without the statement."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:300].rstrip(".") or type(cause).__name__


def _without_password(text: str, password: object) -> str:
    return text.replace(str(password), "***") if password else text


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _upper(where: str) -> str:
    return f"T{where[1:]}" if where.startswith("the ") else where
