"""The library: one object over the database and the vectors, in four parts.

``fleet_store`` (cameras, people), ``reads`` (what tools ask), ``writes`` (what ingest found), ``run_store`` (what was
asked). Owns opening, closing and the locks that keep processes apart. On disk it is ``library.db`` and ``vectors/``
below ``home``; on PostgreSQL one database holds both, for any number of machines with homes of their own.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from viot_agent.errors import BackendFault, LibraryFault
from viot_agent.fleet.types import Camera
from viot_agent.library import address
from viot_agent.library.database import Database
from viot_agent.library.fleet_store import FleetStore
from viot_agent.library.lock import FileLock, Held
from viot_agent.library.migrate import prepare
from viot_agent.library.reads import Reads
from viot_agent.library.run_store import RunStore
from viot_agent.library.vector_index import VectorIndex
from viot_agent.library.vectors import VectorFiles
from viot_agent.library.writes import Writes


class Library(FleetStore, Reads, Writes, RunStore):
    """The library of ``home``. Use :meth:`open`; safe to share between threads; a context manager."""

    def __init__(self, home: Path, db: Database, index: VectorIndex | None = None) -> None:
        self.home = home
        self.db = db
        self.index: VectorIndex = VectorFiles(home) if index is None else index
        self.folder = home
        """Where a library on disk lies; locks on a server do not need it."""

    @classmethod
    def open(cls, home: Path, url: str | address.Address | None = None, *, readonly: bool = False) -> Library:
        """Open the library of ``home``, making or migrating it unless ``readonly``.

        ``url`` is another place than ``home/library.db``, see ``address``. Raises LibraryFault for a library that is
        newer than this program, damaged, or (read-only) absent; BackendFault when the disk or database fails; UserFault
        for an address that cannot be read.
        """
        home = Path(home)
        at = address.in_folder(home) if url is None else address.read(url) if isinstance(url, str) else url
        library = cls.over(home, at, readonly=readonly)
        try:
            making = library.lock("library", doing="making or migrating this library", timeout=60.0)
            prepare(library.db, making)
            if not readonly:
                with library.db.read() as connection:
                    library.index.check(connection)
        except BaseException:
            library.close()
            raise
        return library

    @classmethod
    def over(cls, home: Path, at: address.Address, *, readonly: bool = False) -> Library:
        """The same before anybody has looked at its tables. Raises LibraryFault, BackendFault."""
        if at.folder is not None:
            if readonly and not (at.url.database and Path(at.url.database).is_file()):
                raise LibraryFault(f"There is no library in {at.folder}.", fix="viot camera add NAME SOURCE")
            try:
                at.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BackendFault(
                    f"Cannot make the folder {at.folder}: {error.strerror}.", fix="choose another VIOT_HOME"
                ) from error
        db = Database(at.url, where=at.where, readonly=readonly)
        if at.folder is None:
            from viot_agent.library.vector_tables import VectorTables

            return cls(home, db, VectorTables())
        library = cls(home, db, VectorFiles(at.folder))
        library.folder = at.folder
        return library

    def lock(self, name: str, *, doing: str, wait: bool = False, timeout: float = 0.0) -> Held:
        """One process at a time does this to the library: of this machine, or of all where it lies on a server.

        ``with library.lock("x", doing="indexing this library") as held:`` raises BusyFault when another holds it.
        """
        if not self.db.server:
            return FileLock(self.folder / f"{name}.lock", doing=doing, wait=wait, timeout=timeout)
        from viot_agent.library.postgres import ServerLock

        return ServerLock(self.db, name, doing=doing, wait=wait, timeout=timeout)

    def ingest_lock(self, camera: Camera, *, wait: bool = False) -> Held:
        """What an ingester holds: the library on disk, which has one writer; one camera of a library on a server."""
        if not self.db.server:
            return self.lock("index", doing="indexing this library", wait=wait)
        return self.lock(f"camera {camera.id}", doing=f"indexing the camera {camera.name!r}", wait=wait)

    def close(self) -> None:
        """Give back connections and maps."""
        self.index.forget()
        self.db.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
