"""The library on disk: one object over the database and the vectors, in four parts.

``fleet_store`` (cameras, people), ``reads`` (what tools ask), ``writes`` (what ingest found), ``run_store`` (what was
asked). Owns opening and closing. Everything below ``home``: ``library.db`` and ``vectors/``.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from viot_agent.errors import BackendFault, LibraryFault
from viot_agent.library.database import Database, sqlite_url
from viot_agent.library.fleet_store import FleetStore
from viot_agent.library.lock import FileLock
from viot_agent.library.migrate import prepare
from viot_agent.library.reads import Reads
from viot_agent.library.run_store import RunStore
from viot_agent.library.vectors import VectorFiles
from viot_agent.library.writes import Writes


class Library(FleetStore, Reads, Writes, RunStore):
    """The library below ``home``. Use :meth:`open`; safe to share between threads; a context manager."""

    def __init__(self, home: Path, db: Database) -> None:
        self.home = home
        self.db = db
        self.index = VectorFiles(home)

    @classmethod
    def open(cls, home: Path, url: str | None = None, *, readonly: bool = False) -> Library:
        """Open the library below ``home``, making or migrating it unless ``readonly``.

        ``url`` is a SQLAlchemy address of another database than ``home/library.db``. Raises LibraryFault for a library
        that is newer than this program, damaged, or (read-only) absent; BackendFault when the disk or database fails.
        """
        home = Path(home)
        path = home / "library.db"
        if url is None:
            if readonly and not path.is_file():
                raise LibraryFault(f"There is no library in {home}.", fix="viot camera add NAME SOURCE")
            try:
                home.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BackendFault(
                    f"Cannot make the folder {home}: {error.strerror}.", fix="choose another VIOT_HOME"
                ) from error
        db = Database(
            sqlite_url(path) if url is None else url, where=str(path) if url is None else "(server)", readonly=readonly
        )
        try:
            prepare(db, FileLock(home / "library.lock", doing="making or migrating this library", timeout=60.0))
            library = cls(home, db)
            if not readonly:
                with db.read() as connection:
                    library.index.check(connection)
        except BaseException:
            db.close()
            raise
        return library

    def close(self) -> None:
        """Give back connections and maps."""
        self.index.forget()
        self.db.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
