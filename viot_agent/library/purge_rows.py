"""Taking rows out of the library for good: a camera's, a stretch of time's, or some tracks', with their vectors.

Owns the statements, and what is left so that nothing comes back: a purged stretch stands in ``purges``, is not indexed
again and is not shown. Files are not touched here but the vectors' own. Works inside somebody's transaction; what it
gives back is erased from the vector files after the commit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import JSON, ColumnElement, Connection, String, Text, cast, func, or_, select

from viot_agent.library.schema import alert_firings, cameras, media, metadata, segments, tracks
from viot_agent.library.schema import segment_runs as runs
from viot_agent.library.schema_trust import purges
from viot_agent.library.store import Library
from viot_agent.library.vector_index import Stretch

_PART = 500  # names in one statement: SQLite takes some thousand parameters


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one camera, POSIX seconds, half-open."""

    camera: int
    name: str
    start: float
    end: float


def counts(connection: Connection) -> dict[str, int]:
    """Rows of every table."""
    return {
        t.name: int(connection.execute(select(func.count()).select_from(t)).scalar_one())
        for t in metadata.sorted_tables
    }


def recordings(connection: Connection, window: Window) -> list[tuple[int, Path, float, float]]:
    """(id, path, start, end) of the camera's recordings that overlap the window, by start."""
    m = media.c
    rows = connection.execute(
        select(m.id, m.path, m.start_ts, m.duration)
        .where(m.camera_id == window.camera, m.start_ts < window.end, m.start_ts + m.duration > window.start)
        .order_by(m.start_ts, m.id)
    )
    return [(int(r.id), Path(r.path), float(r.start_ts), float(r.start_ts + r.duration)) for r in rows]


def rounded(connection: Connection, window: Window) -> Window:
    """The window widened to whole indexed segments: what was found is stored by segment."""
    s = segments.c
    low, high = connection.execute(
        select(func.min(s.start_ts), func.max(s.end_ts)).where(_overlap(s.camera_id, s.start_ts, s.end_ts, window))
    ).one()
    start, end = window.start, window.end
    return Window(
        window.camera,
        window.name,
        start if low is None else min(start, float(low)),
        end if high is None else max(end, float(high)),
    )


def drop_window(connection: Connection, library: Library, window: Window, gone: Iterable[int]) -> list[Stretch]:
    """All that was found in the (rounded) window, and the rows of the recordings ``gone``; the window is kept in
    mind."""
    inside = _overlap(segments.c.camera_id, segments.c.start_ts, segments.c.end_ts, window)
    written = select(runs.c.id).join(segments, segments.c.id == runs.c.segment_id).where(inside)
    stretches = library.index.stretches(connection, connection.execute(written).scalars().all())
    connection.execute(segments.delete().where(inside))
    f = alert_firings.c
    connection.execute(alert_firings.delete().where(_overlap(f.camera_id, f.start_ts, f.end_ts, window, closed=True)))
    for part in _parts(gone):
        connection.execute(media.delete().where(media.c.id.in_(part)))
    p = purges.c
    connection.execute(
        purges.delete().where(p.camera_id == window.camera, p.start_ts >= window.start, p.end_ts <= window.end)
    )
    connection.execute(
        purges.insert().values(camera_id=window.camera, start_ts=window.start, end_ts=window.end, created=time.time())
    )
    return stretches


def drop_camera(connection: Connection, library: Library, camera: int) -> list[Stretch]:
    """A camera's row with all that hangs on it."""
    written = select(runs.c.id).join(segments, segments.c.id == runs.c.segment_id).where(segments.c.camera_id == camera)
    stretches = library.index.stretches(connection, connection.execute(written).scalars().all())
    connection.execute(cameras.delete().where(cameras.c.id == camera))
    return stretches


def whole_chains(connection: Connection, ids: Iterable[int]) -> set[int]:
    """These tracks with all that are chained to them over the borders of segments."""
    found: set[int] = set()
    for part in _parts(ids):
        chains = select(tracks.c.chain).where(tracks.c.id.in_(part))
        found.update(connection.execute(select(tracks.c.id).where(tracks.c.chain.in_(chains))).scalars())
    return found


def drop_tracks(connection: Connection, library: Library, ids: set[int]) -> list[Stretch]:
    """Tracks with their crops, plates, poses and attributes, and the vectors that name them. Counts stay."""
    stretches = library.index.drop_tracks(connection, ids)
    for part in _parts(ids):
        connection.execute(tracks.delete().where(tracks.c.id.in_(part)))
    return stretches


def orphans(connection: Connection) -> dict[str, int]:
    """Rows whose parent is not there, by ``table.column``; only those with some. A database that keeps its foreign keys
    has none."""
    found: dict[str, int] = {}
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            lost = table.outerjoin(key.column.table, key.parent == key.column)
            query = select(func.count()).select_from(lost).where(key.parent.is_not(None), key.column.is_(None))
            n = int(connection.execute(query).scalar_one())
            if n:
                found[f"{table.name}.{key.parent.name}"] = n
    return found


def naming(connection: Connection, word: str, holds: Callable[[object], bool]) -> dict[str, int]:
    """Rows that hold a name in a column of text, by ``table.column``; only those with some. ``word`` narrows what
    ``holds`` is asked about: SQLite folds the case of ASCII letters only, so the usual spellings are looked for."""
    ways = {word, word.lower(), word.upper(), *(json.dumps(w)[1:-1] for w in (word, word.lower(), word.upper()))}
    found: dict[str, int] = {}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON | String | Text):
                near = or_(*(cast(column, Text).ilike(f"%{_escaped(way)}%", escape="\\") for way in sorted(ways)))
                n = sum(1 for value in connection.execute(select(column).where(near)).scalars() if holds(value))
                if n:
                    found[f"{table.name}.{column.name}"] = n
    return found


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _overlap(
    camera: ColumnElement[int],
    start: ColumnElement[float],
    end: ColumnElement[float],
    window: Window,
    *,
    closed: bool = False,
) -> ColumnElement[bool]:
    """``closed``: a row of no length belongs too."""
    inside: ColumnElement[bool] = (start < window.end) & (end > window.start)
    if closed:
        inside = or_(inside, (start >= window.start) & (start < window.end))
    return (camera == window.camera) & inside


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    known = sorted(ids)
    for i in range(0, len(known), _PART):
        yield known[i : i + _PART]
