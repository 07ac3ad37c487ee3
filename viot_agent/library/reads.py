"""What tools ask: spans and coverage, tracks, vectors, crops, plates, poses, attributes, counts, events. Reads only.

Nothing is cached; every method looks through one consistent view. Windows are half-open; a row belongs when its
interval overlaps the window, a row of no length where its time lies in it. Unknown camera names raise NameFault with
the nearest ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, Table, and_, func, or_, select

from viot_agent.library import intervals, packing
from viot_agent.library.base import Part
from viot_agent.library.intervals import Span
from viot_agent.library.purged import hidden
from viot_agent.library.rows import Attribute, Count, Event, Footage, Hit, PlateRead, Poses, Track, Vector
from viot_agent.library.schema import attributes, counts, crops, events, media, plates, poses, segments, tracks
from viot_agent.library.schema import cameras as cameras_table
from viot_agent.library.schema import segment_runs as runs
from viot_agent.library.vectors import Found
from viot_agent.steps import Coverage


class Reads(Part):
    """The reading half of the library."""

    def spans(self, camera: str) -> list[Span]:
        """Footage of a camera that any analyzer has looked at, merged, ascending POSIX seconds."""
        with self.db.read() as connection:
            ids = self._camera_ids(connection, [camera])
            looked = select(runs.c.id).where(runs.c.segment_id == segments.c.id).exists()
            query = select(segments.c.start_ts, segments.c.end_ts).where(segments.c.camera_id.in_(ids), looked)
            return intervals.merge((r.start_ts, r.end_ts) for r in connection.execute(query))

    def coverage(
        self,
        analyzer: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> Coverage:
        """What ``analyzer`` has looked at in the window.

        ``fraction`` is indexed over existing footage (0 where there is none), ``sampled_fps`` the lowest rate of all
        segments, ``gaps`` every stretch of the window that was not looked at, for want of indexing or of footage; an
        open end of the window is the end of the camera's footage.
        """
        indexed_seconds = exists_seconds = 0.0
        gaps: list[tuple[str, float, float]] = []
        rates: list[float] = []
        with self.db.read() as connection:
            wanted = self._camera_ids(connection, cameras)
            for camera_id, name in wanted.items():
                files = connection.execute(
                    select(media.c.start_ts, media.c.duration).where(media.c.camera_id == camera_id)
                )
                exists = intervals.merge((r.start_ts, r.start_ts + r.duration) for r in files)
                query = (
                    select(segments.c.start_ts, segments.c.end_ts, runs.c.sample_fps)
                    .join(runs, runs.c.segment_id == segments.c.id)
                    .where(segments.c.camera_id == camera_id, runs.c.analyzer == analyzer)
                    .where(*_overlap(segments, start, end))
                )
                if model is not None:
                    query = query.where(runs.c.model == model)
                rows = connection.execute(query).all()
                rates.extend(float(r.sample_fps) for r in rows)
                looked = intervals.clip(intervals.merge((r.start_ts, r.end_ts) for r in rows), start, end)
                indexed_seconds += intervals.total(looked)
                exists_seconds += intervals.total(intervals.clip(exists, start, end))
                low = start if start is not None else (exists[0][0] if exists else None)
                high = end if end is not None else (exists[-1][1] if exists else None)
                if low is not None and high is not None and low < high:
                    gaps.extend((name, a, b) for a, b in intervals.subtract([(low, high)], looked))
        fraction = min(1.0, indexed_seconds / exists_seconds) if exists_seconds > 0 else 0.0
        return Coverage(
            cameras=tuple(wanted.values()),
            start=start,
            end=end,
            indexed_seconds=indexed_seconds,
            fraction=fraction,
            sampled_fps=min(rates, default=0.0),
            gaps=tuple(gaps),
        )

    def models(self, analyzer: str, cameras: Sequence[str] | None) -> list[str]:
        """The models with which ``analyzer`` has looked at these cameras, the one with most segments first."""
        with self.db.read() as connection:
            n = func.count().label("n")
            query = (
                select(runs.c.model, n)
                .join(segments, segments.c.id == runs.c.segment_id)
                .where(runs.c.analyzer == analyzer)
                .group_by(runs.c.model)
                .order_by(n.desc(), runs.c.model)
            )
            if cameras is not None:
                query = query.where(segments.c.camera_id.in_(self._camera_ids(connection, cameras)))
            return [str(r.model) for r in connection.execute(query)]

    def footage(self, camera: str, start: float, end: float) -> list[Footage]:
        """Where the footage of ``[start, end)`` lies, ascending; files that were seen by ``viot index`` only, and not
        what was purged of them."""
        with self.db.read() as connection:
            [(camera_id, name)] = self._camera_ids(connection, [camera]).items()
            rows = connection.execute(
                select(media.c.path, media.c.start_ts, media.c.duration, media.c.width, media.c.height)
                .where(media.c.camera_id == camera_id)
                .where(media.c.start_ts < end, media.c.start_ts + media.c.duration > start)
                .order_by(media.c.start_ts, media.c.id)
            ).all()
            purged = hidden(connection, camera_id, start, end)
        found = []
        for row in rows:
            a, b = max(start, row.start_ts), min(end, row.start_ts + row.duration)
            for low, high in intervals.subtract([(a, b)], purged, touch=0.0) if purged else [(a, b)]:
                found.append(Footage(name, Path(row.path), low - row.start_ts, low, high, row.width, row.height))
        return found

    def tracks(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Track]:
        """Tracks of a kind by start. Their points are whole: they may reach out of the window."""
        return [
            Track(
                r.id,
                r.chain,
                camera,
                r.kind,
                r.label,
                r.model,
                r.model_version,
                *packing.unpack_points(bytes(r.points)),
            )
            for camera, r in self._rows(tracks, kind, cameras, start, end, model)
        ]

    def track(self, id: int) -> Track | None:
        """One track by its id, None when it is not there (any more)."""
        query = (
            select(tracks, runs.c.model, runs.c.model_version, cameras_table.c.name.label("camera"))
            .join(runs, runs.c.id == tracks.c.run_id)
            .join(cameras_table, cameras_table.c.id == tracks.c.camera_id)
            .where(tracks.c.id == id)
        )
        with self.db.read() as connection:
            r = connection.execute(query).one_or_none()
        if r is None:
            return None
        points = packing.unpack_points(bytes(r.points))
        return Track(r.id, r.chain, r.camera, r.kind, r.label, r.model, r.model_version, *points)

    def vectors(self, model: str, cameras: Sequence[str] | None, start: float | None, end: float | None) -> list[Hit]:
        """Every embedding of ``model`` in the window with its vector, by time. ``score`` is nan."""
        with self.db.read() as connection:
            names = self._camera_ids(connection, cameras)
            found = self.index.every(connection, model, None if cameras is None else list(names), start, end)
        return [_hit(f, names) for f in found]

    def search(
        self,
        model: str,
        query: Vector,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        k: int = 100,
    ) -> list[Hit]:
        """The ``k`` embeddings with the largest cosine to ``query`` (D,), best first; exact over the whole window.

        Raises LibraryFault when ``query`` has another length than the stored vectors.
        """
        with self.db.read() as connection:
            names = self._camera_ids(connection, cameras)
            ids = None if cameras is None else list(names)
            return [_hit(f, names) for f in self.index.search(connection, model, query, ids, start, end, k=k)]

    def best_crop(self, track: int, near: float | None = None) -> tuple[bytes, float] | None:
        """(jpeg, POSIX seconds) of the track's best picture, or the one nearest to ``near``; None when it has none."""
        query = select(crops.c.id, crops.c.ts, crops.c.quality).where(crops.c.track_id == track)
        with self.db.read() as connection:
            found = connection.execute(query).all()
            if not found:
                return None
            best = min(found, key=lambda r: (0.0 if near is None else abs(r.ts - near), -r.quality, r.ts))
            jpeg = connection.execute(select(crops.c.jpeg).where(crops.c.id == best.id)).scalar_one()
        return bytes(jpeg), float(best.ts)

    def plates(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[PlateRead]:
        """Plate readings by time."""
        return [
            PlateRead(
                r.track_id,
                camera,
                r.ts,
                r.text,
                r.score,
                tuple(float(s) for s in packing.unpack32(bytes(r.char_scores))),
                (r.x1, r.y1, r.x2, r.y2),
                bytes(r.jpeg),
                r.model,
                r.model_version,
            )
            for camera, r in self._rows(plates, None, cameras, start, end, model)
        ]

    def poses(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Poses]:
        """The poses inside the window, one row a track, by the time of its first pose."""
        with self.db.read() as connection:
            names = self._camera_ids(connection, cameras)
            query = (
                select(poses, tracks.c.chain, runs.c.model, runs.c.model_version)
                .join(runs, runs.c.id == poses.c.run_id)
                .join(tracks, tracks.c.id == poses.c.track_id)
                .where(poses.c.camera_id.in_(names), *_overlap(poses, start, end))
                .order_by(poses.c.camera_id, poses.c.id)
            )
            rows = connection.execute(query if model is None else query.where(runs.c.model == model)).all()
        low, high = -np.inf if start is None else start, np.inf if end is None else end
        found = []
        for r in rows:
            ts, keypoints = packing.unpack_poses(bytes(r.data))
            keep = (ts >= low) & (ts < high)
            if keep.any():
                mine = (names[r.camera_id], ts[keep], keypoints[keep])
                found.append(Poses(r.track_id, r.chain, *mine, r.model, r.model_version))
        return sorted(found, key=lambda p: float(p.ts[0]))  # stable: cameras in their order

    def attributes(
        self, cameras: Sequence[str] | None, start: float | None, end: float | None, *, model: str | None = None
    ) -> list[Attribute]:
        """The attributes of the tracks that overlap the window, by the start of their track, then name and value.

        An attribute holds for its whole track: ``ts``, where it was seen best, may lie outside of the window.
        """
        with self.db.read() as connection:
            names = self._camera_ids(connection, cameras)
            query = (
                select(attributes, tracks.c.chain, runs.c.model, runs.c.model_version)
                .join(runs, runs.c.id == attributes.c.run_id)
                .join(tracks, tracks.c.id == attributes.c.track_id)
                .where(attributes.c.camera_id.in_(names), *_overlap(attributes, start, end))
                .order_by(attributes.c.start_ts, attributes.c.camera_id, attributes.c.track_id)
                .order_by(attributes.c.name, attributes.c.value, attributes.c.id)
            )
            rows = connection.execute(query if model is None else query.where(runs.c.model == model)).all()
        return [
            Attribute(r.track_id, r.chain, names[r.camera_id], r.ts, r.name, r.value, r.score, r.model, r.model_version)
            for r in rows
        ]

    def counts(
        self,
        kind: str,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        *,
        model: str | None = None,
    ) -> list[Count]:
        """One count a sampled frame, by time."""
        found: list[Count] = []
        for camera, r in self._rows(counts, kind, cameras, start, end, model):
            for ts, n in zip(
                packing.unpack64(bytes(r.ts)).tolist(), packing.unpack32(bytes(r.n)).tolist(), strict=True
            ):
                if (start is None or ts >= start) and (end is None or ts < end):
                    found.append(Count(camera, ts, kind, n, r.model, r.model_version))
        found.sort(key=lambda c: c.ts)  # stable: cameras in their order
        return found

    def events(self, kind: str, cameras: Sequence[str] | None, start: float | None, end: float | None) -> list[Event]:
        """Events of a kind by start."""
        return [
            Event(camera, r.start_ts, r.end_ts, r.kind, r.score, r.data, r.model, r.model_version)
            for camera, r in self._rows(events, kind, cameras, start, end, None)
        ]

    def _rows(
        self,
        table: Table,
        kind: str | None,
        cameras: Sequence[str] | None,
        start: float | None,
        end: float | None,
        model: str | None,
    ) -> list[tuple[str, Row[Any]]]:
        """(camera name, row with its run's model) by time."""
        first = table.c.ts if table is plates else table.c.start_ts
        query = select(table, runs.c.model, runs.c.model_version).join(runs, runs.c.id == table.c.run_id)
        with self.db.read() as connection:
            names = self._camera_ids(connection, cameras)
            # naming every camera lets the index on (camera, kind, time) serve the whole fleet too
            query = query.where(table.c.camera_id.in_(names), *_overlap(table, start, end))
            if kind is not None:
                query = query.where(table.c.kind == kind)
            if model is not None:
                query = query.where(runs.c.model == model)
            rows = connection.execute(query.order_by(first, table.c.camera_id, table.c.id)).all()
        return [(names[r.camera_id], r) for r in rows]


def _overlap(table: Table, start: float | None, end: float | None) -> list[ColumnElement[bool]]:
    """The window as SQL."""
    first, last = (table.c.ts, table.c.ts) if table is plates else (table.c.start_ts, table.c.end_ts)
    where: list[ColumnElement[bool]] = []
    if end is not None:
        where.append(first < end)
    if start is not None and table in (counts, poses):
        where.append(last >= start)  # its last count or pose lies at its end
    elif start is not None:
        where.append(or_(last > start, and_(last == start, first == start)))
    return where


def _hit(found: Found, names: dict[int, str]) -> Hit:
    return Hit(found.track, names[found.camera], found.ts, found.score, found.quality, found.vector)
