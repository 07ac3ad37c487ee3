"""The vector files as whole sets: counted, taken out and put in, bit for bit, for a library that moves.

Owns that walk over files and batches. What a file is, and the rule that ties it to the tables, is in ``vectors``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from viot_agent.library.schema import vector_batches as batches
from viot_agent.library.schema import vector_files as files
from viot_agent.library.vector_index import Block
from viot_agent.library.vectors import VectorFiles, record

_BLOCK = 16_384
_DAY = 86_400.0


class FilesBulk:
    """All vectors of one library's files."""

    def __init__(self, index: VectorFiles) -> None:
        self._index = index

    def sizes(self, connection: Connection) -> dict[tuple[str, int], int]:
        """How many vectors of each (model, length) there are; removed ones do not count."""
        query = (
            select(files.c.model, files.c.dim, func.coalesce(func.sum(batches.c.n), 0).label("total"))
            .outerjoin(batches, batches.c.file_id == files.c.id)
            .group_by(files.c.model, files.c.dim)
        )
        return {(str(r.model), int(r.dim)): int(r.total) for r in connection.execute(query)}

    def dump(self, connection: Connection, model: str, dim: int) -> Iterator[Block]:
        """All vectors of a model and length, in the order in which they were stored."""
        query = (
            select(batches, files.c.path, files.c.committed_rows)
            .join(files, files.c.id == batches.c.file_id)
            .where(files.c.model == model, files.c.dim == dim)
            .order_by(batches.c.id)
        )
        held: list[Block] = []
        size = 0
        for row in connection.execute(query.execution_options(yield_per=1000)):
            mapped = self._index.map(row.path, int(row.committed_rows), dim)
            taken = np.array(mapped[row.first : row.first + row.n])
            held.append(Block(np.full(row.n, row.run_id), np.full(row.n, row.camera_id), taken))
            size += int(row.n)
            if size >= _BLOCK:
                yield _joined(held)
                held, size = [], 0
        if held:
            yield _joined(held)

    def load(self, connection: Connection, model: str, dim: int, blocks: Iterable[Block]) -> None:
        """Write blocks to the files of their days, flush each once, and insert the batches. Raises LibraryFault for a
        damaged file; OSError (disk full) passes."""
        layout = record(dim)
        open_: dict[int, _Open] = {}
        with ExitStack() as stack:
            for block in blocks:
                days = np.floor(block.records["ts"] / _DAY).astype(np.int64)
                found: list[dict[str, Any]] = []
                for day in np.unique(days).tolist():
                    if day not in open_:
                        open_[day] = self._open(connection, model, dim, day, stack)
                    at = np.flatnonzero(days == day)
                    found += open_[day].write(block, at, model)
                connection.execute(batches.insert(), found)
            for one in open_.values():
                one.file.flush()
                os.fsync(one.file.fileno())
                done = files.update().where(files.c.id == one.id)
                connection.execute(done.values(committed_rows=one.rows))
                assert one.file.tell() == one.rows * layout.itemsize
        self._index.forget()

    def _open(self, connection: Connection, model: str, dim: int, day: int, stack: ExitStack) -> _Open:
        name = datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d")
        number, path, committed = self._index.file(connection, model, name, dim)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        file = stack.enter_context(path.open("r+b"))
        file.truncate(committed * record(dim).itemsize)  # what a killed move left
        file.seek(0, os.SEEK_END)
        return _Open(number, file, committed)


class _Open:
    """A file that is being filled."""

    def __init__(self, number: int, file: IO[bytes], rows: int) -> None:
        self.id, self.file, self.rows = number, file, rows

    def write(self, block: Block, at: NDArray[np.int64], model: str) -> list[dict[str, Any]]:
        """Append the rows ``at`` of a block; one batch for each stretch of one run and camera."""
        self.file.write(block.records[at].tobytes())
        run, camera, ts = block.run[at], block.camera[at], block.records["ts"][at]
        edges = np.flatnonzero((np.diff(run) != 0) | (np.diff(camera) != 0)) + 1
        found = []
        for a, b in zip([0, *edges.tolist()], [*edges.tolist(), len(at)], strict=True):
            found.append(
                {
                    "run_id": int(run[a]),
                    "camera_id": int(camera[a]),
                    "file_id": self.id,
                    "model": model,
                    "start_ts": float(ts[a:b].min()),
                    "end_ts": float(ts[a:b].max()),
                    "first": self.rows + a,
                    "n": b - a,
                }
            )
        self.rows += len(at)
        return found


def _joined(blocks: list[Block]) -> Block:
    return Block(*(np.concatenate([getattr(b, name) for b in blocks]) for name in ("run", "camera", "records")))
