"""What is different on PostgreSQL: how a connection is made ready, the server's locks, and what its errors mean.

Owns the psycopg side of ``database``; is imported only where a library lies on such a server. Does not know the tables.

Writers. SQLite has one writer at a time, and code above relies on it: what was read in a write transaction still holds
when it writes, and ids are committed in their order. Here an advisory lock of the transaction says the same. A
transaction that writes what was found on one camera shares it and holds that camera's own lock, so cameras are indexed
side by side; every other writer holds it alone.
"""

from __future__ import annotations

import os
import socket
import time
import zlib
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from viot_agent.errors import (
    BackendFault,
    BusyFault,
    DiskFault,
    FailedFault,
    LibraryFault,
    LostFault,
    UserFault,
    ViotError,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from viot_agent.library.database import Database

DRIVER = "postgresql+psycopg"
WAIT_SECONDS = 30
"""How long a writer waits for another, as on SQLite."""
CONNECT_SECONDS = 10

# the first of the two numbers of an advisory lock: what kind of thing the second one names
_LIBRARY, _CAMERA, _NAME = 0x56494F54, 0x56494F55, 0x56494F56

_BUSY = {"55P03", "40001", "40P01", "53300"}
_FULL = {"53100", "53400"}
_AWAY = {"57P01", "57P02", "57P03", "57P05"}


def options() -> dict[str, Any]:
    """What ``create_engine`` is told beyond the address."""
    who = f"viot {os.getpid()}@{socket.gethostname()}"[:63]
    return {
        # a connection that died while it was idle is replaced before it is used
        "pool_pre_ping": True,
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": who,
            "client_encoding": "utf8",
        },
    }


def at_connect(dbapi: DBAPIConnection, _record: Any) -> None:
    """Numbers come back to the last bit whatever the server's habits are; nobody waits without end for a lock."""
    connection: Any = dbapi
    connection.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'; SET extra_float_digits = 1")
    connection.commit()


def own_address(url: URL) -> URL:
    """``postgresql://`` and ``postgres://`` mean psycopg 3, the one driver this product uses."""
    return url.set(drivername=DRIVER) if url.drivername in ("postgresql", "postgres") else url


def take_turn(connection: Connection, camera: int | None) -> None:
    """Wait for the writer's place, until the transaction ends. ``camera``: all that is written belongs to it."""
    if camera is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:a, 0)"), {"a": _LIBRARY})
    else:
        connection.execute(
            text("SELECT pg_advisory_xact_lock_shared(:a, 0), pg_advisory_xact_lock(:b, :camera)"),
            {"a": _LIBRARY, "b": _CAMERA, "camera": camera & 0x7FFFFFFF},
        )


def is_lost(error: BaseException) -> bool:
    """Whether this error of the driver says that the server went away, or is not there."""
    state = getattr(error, "sqlstate", None)
    if state is None:  # a connection that could not be made, or that broke
        return type(error).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError")
    return str(state) in _AWAY or str(state).startswith("08")


def fault(error: BaseException, where: str) -> ViotError:
    """What an error of the driver means to a person. ``where`` names the database, without a password."""
    state = str(getattr(error, "sqlstate", None) or "")
    words = " ".join(str(error).split())
    lower = words.lower()
    if "nul (0x00)" in lower or state == "22021":
        return UserFault("The text holds a NUL character, which cannot be stored.", fix="leave it out")
    if state == "28P01" or "password authentication failed" in lower or "no password supplied" in lower:
        return BackendFault(
            f"The database {where} does not let this user in.", fix="check user and password in VIOT_DB"
        )
    if state == "3D000" or ('database "' in lower and "does not exist" in lower):
        return BackendFault(f"There is no database {where}.", fix="make it: createdb -E UTF8 -T template0 NAME")
    if state in _BUSY or "too many clients" in lower:
        return BusyFault(f"The library {where} is being written by another process.", fix="try again")
    if state in _FULL:
        return DiskFault(
            f"The library {where} cannot be written: {words}.", fix="free space there; what was committed is safe"
        )
    if state == "42501":
        return BackendFault(f"This user may not do that in {where}: {words}.", fix="see docs/postgres.md, roles")
    if state in ("22001", "54000"):
        return FailedFault(f"A text is too long to be stored: {words}.", fix="shorten it")
    if state == "25006":
        return BackendFault(f"The library {where} cannot be written: {words}.", fix="connect to the primary server")
    if state in ("XX001", "XX002"):
        return LibraryFault(f"The library {where} is damaged: {words}.", fix="restore it from a backup or index anew")
    if is_lost(error):
        return LostFault(
            f"The database {where} does not answer: {words}.",
            fix="start it, or check VIOT_DB; what was committed is safe",
        )
    return BackendFault(f"The database {where} failed: {words}.")


def make_ready(connection: Connection, where: str) -> None:
    """What a library needs of the database before its tables: UTF-8, and pgvector 0.8 or newer. Raises LibraryFault."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise LibraryFault(
            f"The database {where} stores texts as {encoding}.", fix="make another: createdb -E UTF8 -T template0 NAME"
        )
    query = text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    version = connection.execute(query).scalar()
    if version is None:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql("CREATE EXTENSION vector")
        except DBAPIError as error:
            if is_lost(error.orig or error):
                raise
            raise LibraryFault(
                f"The database {where} has no pgvector: {' '.join(str(error.orig).split())}.",
                fix="install pgvector on the server; as its superuser: CREATE EXTENSION vector",
            ) from error
        version = connection.execute(query).scalar_one()
    if tuple(int(n) for n in str(version).split(".")[:2]) < (0, 8):
        raise LibraryFault(
            f"The database {where} has pgvector {version}; 0.8 is needed.", fix="ALTER EXTENSION vector UPDATE"
        )


def loosen(connection: Connection) -> None:
    """Texts of any length, in the order of their code points, as on SQLite: a second rule here would make some rows
    fail and others come in another order."""
    found = connection.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text') "
            "AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version' "
            "ORDER BY table_name, ordinal_position"
        )
    ).all()
    changes: dict[str, list[str]] = {}
    for table, column in found:
        changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE TEXT COLLATE "C"')
    for table, parts in changes.items():
        connection.execute(text(f'ALTER TABLE "{table}" {", ".join(parts)}'))


class ServerLock:
    """One process at a time on all machines: an advisory lock held by a connection of its own.

    The server releases it when the holder dies. It goes too when the server restarts, so :meth:`check` takes it again
    before anything is written under it. Raises BusyFault when another holds it and ``timeout`` seconds have passed
    (``wait``: never).
    """

    def __init__(self, db: Database, name: str, *, doing: str, wait: bool = False, timeout: float = 0.0) -> None:
        self._db = db
        self._key = zlib.crc32(name.encode()) & 0x7FFFFFFF
        self._doing = doing
        self._wait = wait
        self._timeout = timeout
        self._connection: Connection | None = None

    def __enter__(self) -> ServerLock:
        with self._db.translated():
            self._take(self._timeout, wait=self._wait)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._drop()

    def check(self) -> None:
        """Make sure that the lock is still held. Raises BusyFault when somebody else took it meanwhile."""
        with self._db.translated():
            if self._connection is not None:
                try:
                    self._connection.exec_driver_sql("SELECT 1")
                    return
                except DBAPIError as error:
                    if not is_lost(error.orig or error):
                        raise
            self._drop()
            self._take(0.0, wait=False)

    def _take(self, timeout: float, *, wait: bool) -> None:
        connection = self._db.connect().execution_options(isolation_level="AUTOCOMMIT")
        give_up = time.monotonic() + timeout
        try:
            while not self._try(connection):
                if not wait and time.monotonic() >= give_up:
                    raise BusyFault(
                        f"Another process{self._holder(connection)} is {self._doing}.",
                        fix="wait until it is done, or stop it",
                    )
                time.sleep(0.1)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        self._connection = connection

    def _try(self, connection: Connection) -> bool:
        query = text("SELECT pg_try_advisory_lock(:a, :b)")
        return bool(connection.execute(query, {"a": _NAME, "b": self._key}).scalar_one())

    def _holder(self, connection: Connection) -> str:
        """`` (process 123 on host)``, or nothing where the server does not say."""
        query = text(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :a AND l.objid = :b "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        name = connection.execute(query, {"a": _NAME, "b": self._key}).scalar()
        pid, _, host = str(name or "").removeprefix("viot ").partition("@")
        return f" (process {pid} on {host})" if pid.isdigit() else ""

    def _drop(self) -> None:
        """Closing the session releases the lock, also where the server does not answer any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()
                connection.close()
