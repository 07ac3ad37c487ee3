"""The engine: how a connection is set up, when a transaction begins, and what database errors mean to a person.

Owns connections, pragmas (SQLite only, in one hook) and the translation of driver errors into the exception tree. Does
not know the tables. ``read()`` and ``write()`` are the only two ways in; ``write()`` takes the writer's place at once
(``BEGIN IMMEDIATE``), so two writers queue instead of failing half-way.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from viot_agent.errors import BackendFault, BusyFault, DiskFault, LibraryFault, UserFault, ViotError

_DAMAGE = ("malformed", "file is not a database", "file is encrypted", "disk image")
_FULL = ("database or disk is full", "disk i/o error", "no space left")
_UNWRITABLE = ("readonly database", "unable to open")
_BUSY = ("database is locked", "database table is locked")


class Database:
    """A SQLAlchemy engine with this product's manners. ``where`` names it in messages."""

    def __init__(self, url: str | URL, *, where: str, readonly: bool = False) -> None:
        self.where = where
        self.readonly = readonly
        try:
            address = make_url(url)
            sqlite = address.get_backend_name() == "sqlite"
            self.engine: Engine = create_engine(address, connect_args={"timeout": 30.0} if sqlite else {})
        except (SQLAlchemyError, ImportError) as error:
            raise BackendFault(f"Cannot use the database {where}: {error}.", fix="check the address") from error
        # errors in a connect hook come bare, not wrapped by SQLAlchemy
        self._bare: type[BaseException] = self.engine.dialect.loaded_dbapi.Error
        if sqlite:
            event.listen(self.engine, "connect", _query_only if readonly else _pragmas)
            event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent view."""
        with self.translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: commits at the end, rolls back on any exception. Raises LibraryFault when opened read-only."""
        if self.readonly:
            raise LibraryFault(f"The library {self.where} was opened for reading only.")
        with self.translated(), self.engine.connect() as connection:
            connection = connection.execution_options(viot_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Driver errors and full disks become LibraryFault, BusyFault or BackendFault, and what cannot be stored as
        text a UserFault; nothing is swallowed."""
        try:
            yield
        except ViotError:
            raise
        except PoolTimeout as error:
            raise BusyFault(f"Too many questions at once to {self.where}.", fix="try again") from error
        except DBAPIError as error:
            raise self._fault(error.orig or error) from error
        except self._bare as error:
            raise self._fault(error) from error
        except JSONDecodeError as error:
            raise LibraryFault(
                f"The library {self.where} is damaged: a row holds no JSON.",
                fix="restore VIOT_HOME from a backup or index anew",
            ) from error
        except UnicodeEncodeError as error:
            raise UserFault(
                f"{error.object[:100]!a} is no text: some of its bytes are no UTF-8.", fix="type it in a UTF-8 terminal"
            ) from error
        except OSError as error:
            kind = DiskFault if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else BackendFault
            raise kind(
                f"Cannot write or read the library {self.where}: {error.strerror or error}.",
                fix="free space on the disk; what was committed is safe",
            ) from error

    def _fault(self, error: BaseException) -> ViotError:
        text = str(error).lower()
        if any(word in text for word in _DAMAGE):
            return LibraryFault(
                f"The library {self.where} is damaged: {error}.", fix="restore VIOT_HOME from a backup or index anew"
            )
        if any(word in text for word in _BUSY):
            return BusyFault(f"The library {self.where} is being written by another process.", fix="try again")
        if any(word in text for word in _UNWRITABLE):
            return BackendFault(
                f"The library {self.where} cannot be written: {error}.",
                fix="make the folder writable, or set VIOT_HOME to one that is",
            )
        if any(word in text for word in _FULL):
            return DiskFault(
                f"The library {self.where} cannot be written: {error}.",
                fix="free space on the disk; what was committed is safe",
            )
        return BackendFault(f"The database {self.where} failed: {error}.")

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def sqlite_url(path: Path) -> URL:
    """The address of a SQLite file, whatever characters its path holds."""
    return URL.create("sqlite", database=str(path))


def _pragmas(dbapi: Any, _record: Any) -> None:
    """WAL: readers never wait for the writer. NORMAL: a power cut may lose the last commit, never the file."""
    dbapi.isolation_level = None  # transactions begin in _begin, not where the driver guesses
    for pragma in (
        "busy_timeout=30000",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "secure_delete=FAST",
    ):
        dbapi.execute(f"PRAGMA {pragma}")


def _query_only(dbapi: Any, record: Any) -> None:
    dbapi.isolation_level = None
    dbapi.execute("PRAGMA busy_timeout=30000")
    dbapi.execute("PRAGMA query_only=ON")


def _begin(connection: Connection) -> None:
    wants = connection.get_execution_options().get("viot_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants else "BEGIN")
