"""Taking single tracks' vectors out of the files: their batch is cut into the stretches that stay.

Owns that cutting. The bytes are overwritten by ``VectorFiles.erase`` after the commit, as for whole batches.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from viot_agent.library.schema import vector_batches as batches
from viot_agent.library.schema import vector_files as files


def drop(
    connection: Connection, opened: Callable[[str, int, int], NDArray[np.void]], ids: Iterable[int]
) -> list[tuple[str, int, int, int]]:
    """(path, dim, first, n) of the vectors of these tracks, which no batch names any more.

    ``opened`` maps (path, rows, dim) to the stored records.
    """
    wanted = np.array(sorted(set(ids)), dtype=np.int64)
    gone: list[tuple[str, int, int, int]] = []
    if not len(wanted):
        return gone
    for file in connection.execute(select(files)).all():
        mine = connection.execute(select(batches).where(batches.c.file_id == file.id)).all()
        if not mine:
            continue
        stored = opened(str(file.path), int(file.committed_rows), int(file.dim))
        for batch in mine:
            part = stored[int(batch.first) : int(batch.first) + int(batch.n)]
            dropped = np.isin(part["track"], wanted)
            if not dropped.any():
                continue
            connection.execute(batches.delete().where(batches.c.id == batch.id))
            same = {name: getattr(batch, name) for name in ("run_id", "camera_id", "file_id", "model")}
            for first, n, out in stretches(dropped):
                at = int(batch.first) + first
                if out:
                    gone.append((str(file.path), int(file.dim), at, n))
                    continue
                ts = part["ts"][first : first + n]
                times = {"start_ts": float(ts.min()), "end_ts": float(ts.max())}
                connection.execute(batches.insert().values(first=at, n=n, **times, **same))
    return gone


def unnamed(
    connection: Connection, opened: Callable[[str, int, int], NDArray[np.void]]
) -> list[tuple[str, int, int, int]]:
    """Vectors that no batch names and that were not overwritten: a process died between the two."""
    found: list[tuple[str, int, int, int]] = []
    for file in connection.execute(select(files)).all():
        if not int(file.committed_rows):
            continue
        stored = opened(str(file.path), int(file.committed_rows), int(file.dim))
        left = (stored["track"] != 0) | (stored["ts"] != 0)
        for batch in connection.execute(select(batches.c.first, batches.c.n).where(batches.c.file_id == file.id)):
            left[int(batch.first) : int(batch.first) + int(batch.n)] = False
        if left.any():
            found += [(str(file.path), int(file.dim), first, n) for first, n, out in stretches(left) if out]
    return found


def stretches(marks: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """(first, length, mark) of each stretch of equal marks."""
    edges = np.flatnonzero(np.diff(marks)) + 1
    for first, last in itertools.pairwise([0, *edges.tolist(), len(marks)]):
        yield first, last - first, bool(marks[first])
