"""What every part of the store shares: the database, the vectors, and looking cameras up by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from viot_agent.library import names
from viot_agent.library.database import Database
from viot_agent.library.schema import cameras
from viot_agent.library.vectors import VectorFiles


class Part:
    """A part of the library over one database and one folder of vectors."""

    home: Path
    db: Database
    index: VectorFiles

    def _camera_ids(self, connection: Connection, wanted: Sequence[str] | None) -> dict[int, str]:
        """id -> name of the wanted cameras (None = all). Raises NameFault for a name nobody carries."""
        rows = connection.execute(select(cameras.c.id, cameras.c.name, cameras.c.folded).order_by(cameras.c.id)).all()
        if wanted is None:
            return {int(r.id): str(r.name) for r in rows}
        by_name = {str(r.folded): r for r in rows}
        found: dict[int, str] = {}
        for name in wanted:
            row = by_name.get(names.folded(name))
            if row is None:
                raise names.unknown("camera", name, [str(r.name) for r in rows])
            found[int(row.id)] = str(row.name)
        return found

    def _camera_id(self, connection: Connection, name: str) -> int:
        return next(iter(self._camera_ids(connection, [name])))
