"""The engine: how a connection is set up, when a transaction begins, and what database errors mean to a person.

Owns connections, pragmas (SQLite only, in one hook) and the translation of driver errors into the exception tree. Does
not know the tables. ``read()`` and ``write()`` are the ways in; ``write()`` takes the writer's place at once (``BEGIN
IMMEDIATE``; on PostgreSQL a lock of the transaction), so two writers queue instead of failing half-way. ``postgres``
holds what is different there. A server that restarts is waited for, see ``again``.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from viot_agent.errors import BackendFault, BusyFault, DiskFault, LibraryFault, LostFault, UserFault, ViotError
from viot_agent.library import jsontext

T = TypeVar("T")

_DAMAGE = ("malformed", "file is not a database", "file is encrypted", "disk image")
_FULL = ("database or disk is full", "disk i/o error", "no space left")
_UNWRITABLE = ("readonly database", "unable to open")
_BUSY = ("database is locked", "database table is locked")


PATIENCE = 60.0
"""Seconds that a server which answered before is waited for."""
_TRIES = 3


class Database:
    """A SQLAlchemy engine with this product's manners. ``where`` names it in messages, never with a password.

    ``patience``: seconds to wait for a server that went away after it had answered once.
    """

    def __init__(self, url: str | URL, *, where: str, readonly: bool = False, patience: float = PATIENCE) -> None:
        self.where = where
        self.readonly = readonly
        self.patience = patience
        self._met = False
        try:
            address = make_url(url)
            self.server = address.get_backend_name() == "postgresql"
            sqlite = address.get_backend_name() == "sqlite"
            if self.server:
                from viot_agent.library import postgres

                address = postgres.own_address(address)
                options = postgres.options()
            else:
                options = {"connect_args": {"timeout": 30.0}} if sqlite else {}
            self.engine: Engine = create_engine(address, json_serializer=jsontext.dumps, **options)
        except ImportError as error:
            # psycopg itself may be there without the library it stands on
            psycopg = error.name == "psycopg" or "libpq" in str(error)
            fix = "pip install 'viot-agent[postgres]'" if psycopg else "check the address"
            raise BackendFault(f"Cannot use the database {where}: {' '.join(str(error).split())}.", fix=fix) from error
        except (SQLAlchemyError, TypeError) as error:
            raise BackendFault(f"Cannot use the database {where}: {error}.", fix="check the address") from error
        # errors in a connect hook come bare, not wrapped by SQLAlchemy
        self._bare: type[BaseException] = self.engine.dialect.loaded_dbapi.Error
        if self.server:
            event.listen(self.engine, "connect", postgres.at_connect)
        elif sqlite:
            event.listen(self.engine, "connect", _query_only if readonly else _pragmas)
            event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent view."""
        with self.translated(), self.connect() as connection:
            if self.server:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def settled(self) -> Iterator[Connection]:
        """A view in which no writer stands half-way: every id below the highest one is there, or never will be.

        SQLite's one writer gives that in any case. On a server writers of several cameras end in any order.
        """
        if not self.server:
            with self.read() as connection:
                yield connection
            return
        from viot_agent.library import postgres

        with self.translated(), self.connect() as connection, connection.begin():
            postgres.take_turn(connection, None)
            yield connection

    @contextmanager
    def write(self, camera: int | None = None) -> Iterator[Connection]:
        """A transaction: commits at the end, rolls back on any exception. Raises LibraryFault when opened read-only.

        One writer at a time. With ``camera`` (an id) all that is written was found on that camera: on a server such
        transactions run beside those of other cameras.
        """
        if self.readonly:
            raise LibraryFault(f"The library {self.where} was opened for reading only.")
        with self.translated(), self.connect() as connection:
            connection = connection.execution_options(viot_write=True)
            with connection.begin():
                if self.server:
                    from viot_agent.library import postgres

                    postgres.take_turn(connection, camera)
                yield connection

    def again(self, work: Callable[[], T]) -> T:
        """``work()``, and once more when the server went away in the middle of it.

        ``work`` must leave the same rows when it is done twice: whether a commit came through is not known then. Raises
        LostFault when the server does not come back in time.
        """
        for _ in range(_TRIES - 1):
            try:
                return work()
            except LostFault:
                if not self._met:
                    raise
        return work()

    def connect(self) -> Connection:
        """A connection outside of any transaction; a server that answered before is waited for."""
        give_up = time.monotonic() + (self.patience if self._met and self.server else 0.0)
        pause = 0.05
        while True:
            try:
                connection = self.engine.connect()
            except (DBAPIError, self._bare):
                if time.monotonic() + pause >= give_up:
                    raise
                time.sleep(pause)
                pause = min(2.0, 2 * pause)
            else:
                self._met = True
                return connection

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
        if self.server:
            from viot_agent.library import postgres

            return postgres.fault(error, self.where)
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
