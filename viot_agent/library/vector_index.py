"""The seam of the vectors: appended, searched, read, moved. Files beside SQLite, tables of pgvector on PostgreSQL.

Owns the protocols and the block in which vectors move from one to the other, bit for bit. Knows neither files nor SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from viot_agent.library.database import Database
from viot_agent.library.vectors import Found, NewVector

Stretch = tuple[str, int, int, int]
"""Path, length, first row and number of rows of vectors that no row names any more."""


@dataclass(frozen=True, slots=True)
class Block:
    """Stored vectors on the move, in the order in which they were stored.

    ``run`` (N,) and ``camera`` (N,) int64 ids, ``records`` (N,) of ``vectors.record(dim)``.
    """

    run: NDArray[np.int64]
    camera: NDArray[np.int64]
    records: NDArray[np.void]


class Movable(Protocol):
    """Vectors as whole sets: counted, taken out, put in."""

    def sizes(self, connection: Connection) -> dict[tuple[str, int], int]:
        """How many vectors of each (model, length) there are."""
        ...

    def dump(self, connection: Connection, model: str, dim: int) -> Iterator[Block]:
        """All vectors of a model and length, in blocks of some thousand."""
        ...

    def load(self, connection: Connection, model: str, dim: int, blocks: Iterable[Block]) -> None:
        """Store blocks in a library that has no vectors of this model and length yet."""
        ...


class VectorIndex(Protocol):
    """What the library asks of its vectors. ``connection`` is inside the library's transaction."""

    def ready(self, db: Database, wanted: Iterable[tuple[str, int]]) -> None:
        """Make what these (model, length) need before a transaction writes them."""
        ...

    def append(
        self, connection: Connection, run_id: int, camera_id: int, model: str, vectors: Sequence[NewVector]
    ) -> None: ...

    def search(
        self,
        connection: Connection,
        model: str,
        query: NDArray[np.float32],
        cameras: Sequence[int] | None,
        start: float | None,
        end: float | None,
        *,
        k: int,
    ) -> list[Found]: ...

    def every(
        self, connection: Connection, model: str, cameras: Sequence[int] | None, start: float | None, end: float | None
    ) -> list[Found]: ...

    def check(self, connection: Connection) -> None: ...

    def stretches(self, connection: Connection, run_ids: Iterable[int]) -> list[Stretch]: ...

    def drop_tracks(self, connection: Connection, ids: Iterable[int]) -> list[Stretch]:
        """Take the vectors of these tracks out; what is to be erased after the commit."""
        ...

    def unnamed(self, connection: Connection) -> list[Stretch]:
        """What no row names any more and was not erased."""
        ...

    def erase(self, stretches: Iterable[Stretch]) -> None: ...

    def forget(self) -> None: ...

    def movable(self) -> Movable: ...
