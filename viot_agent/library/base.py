"""What every part of the store shares: the database, the vectors, looking cameras up by name, and lasting through a
restart of the database server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, select

from viot_agent.library import names
from viot_agent.library.database import Database
from viot_agent.library.schema import cameras
from viot_agent.library.vector_index import VectorIndex

P = ParamSpec("P")
T = TypeVar("T")


class _Stored(Protocol):
    db: Database


S = TypeVar("S", bound=_Stored)


def lasting(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that is done again when the server went away in the middle of it, see ``Database.again``.

    For methods that leave the same rows when they are done twice.
    """

    @wraps(method)
    def done(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.db.again(lambda: method(self, *args, **kwargs))

    return done


class Part:
    """A part of the library over one database and its vectors."""

    home: Path
    db: Database
    index: VectorIndex

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
