"""What ingest writes: files, segments and all rows of a segment in one transaction.

Exactly once: ``unique(media, idx)`` and ``unique(segment, analyzer, model)`` hold even if two writers get past the
lock. What is done twice because a server went away leaves the same rows. Times come in as seconds of the file and are
stored as POSIX seconds. Owns the mapping of track keys to stored tracks (``chains`` links them over borders). Does not
know frames, readers or when a segment is due.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, select

from viot_agent.errors import FailedFault, NameFault
from viot_agent.library import chains, packing
from viot_agent.library.base import Part, lasting
from viot_agent.library.purged import hidden
from viot_agent.library.records import Fingerprint, MediaRow, RunRows, RunStamp, SegmentSpan, StoredRun
from viot_agent.library.rows import KEYPOINTS, Rows
from viot_agent.library.schema import attributes, counts, crops, events, media, plates, poses, segments, tracks
from viot_agent.library.schema import segment_runs as runs
from viot_agent.library.vectors import NewVector
from viot_agent.media.types import XYXY


class Writes(Part):
    """The writing half of the library."""

    @lasting
    def media_rows(self, camera: str) -> list[MediaRow]:
        """The files of a camera that were seen before, by start."""
        with self.db.read() as connection:
            query = select(media).where(media.c.camera_id == self._camera_id(connection, camera))
            return [_media(r) for r in connection.execute(query.order_by(media.c.start_ts, media.c.id))]

    @lasting
    def add_media(
        self,
        camera: str,
        path: Path,
        fingerprint: Fingerprint,
        *,
        start_ts: float,
        start_origin: str,
        duration: float,
        fps: float,
        width: int,
        height: int,
        segment_seconds: float = 30.0,
        owner: str = "local",
        number: int | None = None,
    ) -> MediaRow:
        """Store a file; the row of an earlier state of the same path goes with everything found in it.

        Raises NameFault when there is no such camera, or it is not the one of that ``number`` any more."""
        with self.db.write() as connection:
            camera_id = self._camera_id(connection, camera)
            if number is not None and camera_id != number:
                raise NameFault(f"The camera {camera!r} was removed and added anew.", name=camera)
            mine = (media.c.camera_id == camera_id) & (media.c.path == str(path))
            old = connection.execute(
                select(runs.c.id)
                .join(segments, segments.c.id == runs.c.segment_id)
                .join(media, media.c.id == segments.c.media_id)
                .where(mine)
            ).scalars()
            stretches = self.index.stretches(connection, old)
            connection.execute(media.delete().where(mine))
            done = connection.execute(
                media.insert().values(
                    camera_id=camera_id,
                    path=str(path),
                    size=fingerprint.size,
                    mtime=fingerprint.mtime,
                    digest=fingerprint.digest,
                    start_ts=start_ts,
                    start_origin=start_origin,
                    duration=duration,
                    fps=fps,
                    width=width,
                    height=height,
                    segment_seconds=segment_seconds,
                    owner=owner,
                )
            )
            assert done.inserted_primary_key is not None
            row = connection.execute(select(media).where(media.c.id == done.inserted_primary_key[0])).one()
        with self.db.translated():
            self.index.erase(stretches)
        return _media(row)

    @lasting
    def media_stopped(self, media_id: int, t: float, problem: str) -> None:
        """Remember that the file cannot be read past ``t`` seconds, and why."""
        with self.db.write() as connection:
            connection.execute(media.update().where(media.c.id == media_id).values(duration=t, problem=problem))

    @lasting
    def purged(self, row: MediaRow) -> list[tuple[float, float]]:
        """What was purged of a file's time, in seconds of the file: it is not looked at again."""
        with self.db.read() as connection:
            found = hidden(connection, row.camera_id, row.start_ts, row.start_ts + row.duration)
        return [(a - row.start_ts, b - row.start_ts) for a, b in found]

    @lasting
    def stored_runs(self, media_id: int) -> list[StoredRun]:
        """Which analyzers have done which segments of a file."""
        query = (
            select(segments.c.idx, runs)
            .join(runs, runs.c.segment_id == segments.c.id)
            .where(segments.c.media_id == media_id)
            .order_by(segments.c.idx, runs.c.id)
        )
        with self.db.read() as connection:
            return [
                StoredRun(
                    r.idx,
                    RunStamp(r.analyzer, r.analyzer_version, r.model, r.model_version, r.inputs),
                    r.sample_fps,
                )
                for r in connection.execute(query)
            ]

    @lasting
    def write_segment(self, row: MediaRow, span: SegmentSpan, found: Sequence[RunRows]) -> None:
        """Write all that ``found`` holds for one segment, in one transaction.

        An earlier run of the same analyzer and model on the segment is replaced. Order matters: an analyzer comes after
        those it needs. Raises FailedFault for rows that break the analyzer contract (a track key nobody made, a
        duplicate key, times out of order); LibraryFault, BusyFault, BackendFault as the database says. Nothing of the
        segment stays then.
        """
        self.index.ready(self.db, {(v.model, n) for r in found for v in r.rows.vectors if (n := np.size(v.vector))})
        stretches: list[tuple[str, int, int, int]] = []
        with self.db.write(camera=row.camera_id) as connection:
            segment = self._segment(connection, row, span)
            for run in found:
                mine = (runs.c.segment_id == segment) & (runs.c.analyzer == run.stamp.analyzer)
                old = connection.execute(select(runs.c.id).where(mine, runs.c.model == run.stamp.model)).scalars().all()
                stretches += self.index.stretches(connection, old)
                if old:
                    connection.execute(runs.delete().where(runs.c.id.in_(old)))
            for run in found:
                self._write_run(connection, row, segment, span, run, found)
        with self.db.translated():
            self.index.erase(stretches)

    # one segment -----------------------------------------------------------------------------------------------------

    def _segment(self, connection: Connection, row: MediaRow, span: SegmentSpan) -> int:
        there = connection.execute(
            select(segments.c.id).where(segments.c.media_id == row.id, segments.c.idx == span.idx)
        ).scalar()
        if there is not None:
            return int(there)
        done = connection.execute(
            segments.insert().values(
                media_id=row.id,
                camera_id=row.camera_id,
                idx=span.idx,
                t0=span.t0,
                t1=span.t1,
                start_ts=row.start_ts + span.t0,
                end_ts=row.start_ts + span.t1,
            )
        )
        assert done.inserted_primary_key is not None
        return int(done.inserted_primary_key[0])

    def _write_run(
        self,
        connection: Connection,
        row: MediaRow,
        segment: int,
        span: SegmentSpan,
        run: RunRows,
        found: Sequence[RunRows],
    ) -> None:
        stamp, rows, base = run.stamp, run.rows, row.start_ts
        done = connection.execute(
            runs.insert().values(
                segment_id=segment,
                analyzer=stamp.analyzer,
                analyzer_version=stamp.version,
                model=stamp.model,
                model_version=stamp.model_version,
                inputs=stamp.inputs,
                sample_fps=run.sample_fps,
                frames=run.frames,
                seconds=run.seconds,
                done_at=time.time(),
            )
        )
        assert done.inserted_primary_key is not None
        run_id = int(done.inserted_primary_key[0])
        own = {"run_id": run_id, "camera_id": row.camera_id}
        keys = self._write_tracks(connection, row, segment, span, run, own)
        if stamp.needs and (rows.crops or rows.vectors or rows.plates or rows.poses or rows.attributes):
            keys = {**_needed_keys(connection, segment, stamp, found), **keys}

        def track(key: str) -> int:
            if key not in keys:
                raise FailedFault(f"The analyzer {stamp.analyzer!r} names a track {key!r} that no analyzer made.")
            return keys[key]

        def box(xyxy: XYXY) -> dict[str, float]:
            return {n: float(v) for n, v in zip(("x1", "y1", "x2", "y2"), xyxy, strict=True)}

        _insert(
            connection,
            crops,
            [
                {
                    "run_id": run_id,
                    "track_id": track(c.track),
                    "ts": base + c.t,
                    "quality": float(c.quality),
                    "jpeg": c.jpeg,
                    **box(c.xyxy),
                }
                for c in rows.crops
            ],
        )
        _insert(
            connection,
            plates,
            [
                {
                    **own,
                    "track_id": track(p.track),
                    "ts": base + p.t,
                    "text": p.text,
                    "score": float(p.score),
                    "char_scores": packing.pack(p.char_scores, "<f4"),
                    "jpeg": p.jpeg,
                    **box(p.xyxy),
                }
                for p in rows.plates
            ],
        )
        _insert(connection, poses, [{**own, **_poses(stamp, row, key, track(key), rows)} for key in _posed(rows)])
        _insert(connection, attributes, [{**own, **a} for a in _attributes(connection, stamp, row, keys, rows)])
        kinds = dict.fromkeys(c.kind for c in rows.counts)
        packed = []
        for kind in kinds:
            mine = sorted((base + c.t, float(c.n)) for c in rows.counts if c.kind == kind)
            ts, n = [m[0] for m in mine], [m[1] for m in mine]
            arrays = {"ts": packing.pack(ts, "<f8"), "n": packing.pack(n, "<f4")}
            packed.append({**own, "kind": kind, "start_ts": ts[0], "end_ts": ts[-1], **arrays})
        _insert(connection, counts, packed)
        _insert(
            connection,
            events,
            [
                {
                    **own,
                    "kind": e.kind,
                    "start_ts": base + e.t0,
                    "end_ts": base + e.t1,
                    "score": float(e.score),
                    "data": dict(e.data),
                }
                for e in rows.events
            ],
        )
        for model in dict.fromkeys(v.model for v in rows.vectors):
            new = [
                NewVector(track(v.track), base + v.t, float(v.quality), v.vector)
                for v in rows.vectors
                if v.model == model
            ]
            try:
                self.index.append(connection, run_id, row.camera_id, model, new)
            except ValueError as error:
                raise FailedFault(f"The analyzer {stamp.analyzer!r} made a bad embedding: {error}.") from error

    def _write_tracks(
        self,
        connection: Connection,
        row: MediaRow,
        segment: int,
        span: SegmentSpan,
        run: RunRows,
        own: Mapping[str, int],
    ) -> dict[str, int]:
        """key -> id of the new tracks, chained to those before the border."""
        keys: dict[str, int] = {}
        before = chains.at_border(connection, row, segment, span, run.stamp) if run.rows.tracks else []
        linked = chains.link(before, run.rows.tracks, row.start_ts, row.start_ts + span.t0)
        for t in run.rows.tracks:
            times = [p.t for p in t.points]
            if not times or times != sorted(times):
                raise FailedFault(
                    f"The analyzer {run.stamp.analyzer!r} made a track {t.key!r} with times out of order."
                )
            if t.key in keys:
                raise FailedFault(f"The analyzer {run.stamp.analyzer!r} made two tracks with the key {t.key!r}.")
            ts = [row.start_ts + x for x in times]
            points = packing.pack_points(ts, [p.xyxy for p in t.points], [p.score for p in t.points])
            values: dict[str, Any] = {"key": t.key, "kind": t.kind, "label": t.label, "points": points}
            done = connection.execute(
                tracks.insert().values(**own, **values, start_ts=ts[0], end_ts=ts[-1], chain=linked.get(t.key, 0))
            )
            assert done.inserted_primary_key is not None
            keys[t.key] = int(done.inserted_primary_key[0])
            if t.key not in linked:
                connection.execute(tracks.update().where(tracks.c.id == keys[t.key]).values(chain=keys[t.key]))
        return keys


def _needed_keys(connection: Connection, segment: int, stamp: RunStamp, found: Sequence[RunRows]) -> dict[str, int]:
    """key -> id of this segment's tracks of the analyzers that ``stamp`` needs, by the models named in its inputs."""
    keys: dict[str, int] = {}
    wanted = {tuple(entry.split("\t")[:2]) for entry in stamp.inputs.split("\n") if entry}
    rows = connection.execute(
        select(tracks.c.key, tracks.c.id, runs.c.analyzer, runs.c.model)
        .join(runs, runs.c.id == tracks.c.run_id)
        .where(runs.c.segment_id == segment, runs.c.analyzer.in_(stamp.needs))
        .order_by(tracks.c.id)
    )
    for r in rows:
        if not wanted or (r.analyzer, r.model) in wanted:
            keys[r.key] = int(r.id)
    return keys


def _posed(rows: Rows) -> dict[str, None]:
    """The keys of tracks with poses, in their order."""
    return dict.fromkeys(p.track for p in rows.poses)


def _poses(stamp: RunStamp, row: MediaRow, key: str, track: int, rows: Rows) -> dict[str, Any]:
    """The poses of one track as one row. Raises FailedFault for key points of another shape or times that repeat."""
    mine = [p for p in rows.poses if p.track == key]
    ts = [row.start_ts + p.t for p in mine]
    if any(p.keypoints.shape != (KEYPOINTS, 3) for p in mine):
        raise FailedFault(f"The analyzer {stamp.analyzer!r} made a pose of {key!r} that is not ({KEYPOINTS}, 3).")
    if any(b <= a for a, b in pairwise(ts)):
        raise FailedFault(f"The analyzer {stamp.analyzer!r} made poses of {key!r} with times out of order.")
    data = packing.pack_poses(ts, np.stack([p.keypoints for p in mine]).astype(np.float32))
    return {"track_id": track, "start_ts": ts[0], "end_ts": ts[-1], "data": data}


def _attributes(
    connection: Connection, stamp: RunStamp, row: MediaRow, keys: Mapping[str, int], rows: Rows
) -> list[dict[str, Any]]:
    """The attributes with the interval of their tracks. Raises FailedFault for one that is told twice, one without a
    track, or a score outside 0..1."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for a in rows.attributes:
        if a.track not in keys:
            raise FailedFault(f"The analyzer {stamp.analyzer!r} names a track {a.track!r} that no analyzer made.")
        if (a.track, a.name, a.value) in found:
            raise FailedFault(f"The analyzer {stamp.analyzer!r} says {a.name} {a.value} of {a.track!r} twice.")
        if not 0 <= a.score <= 1:
            raise FailedFault(f"The analyzer {stamp.analyzer!r} scored {a.name} of {a.track!r} with {a.score}.")
        told = {"ts": row.start_ts + a.t, "name": a.name, "value": a.value, "score": float(a.score)}
        found[a.track, a.name, a.value] = {"track_id": keys[a.track], **told}
    ids = {a["track_id"] for a in found.values()}
    times = select(tracks.c.id, tracks.c.start_ts, tracks.c.end_ts).where(tracks.c.id.in_(ids))
    spans = {r.id: {"start_ts": r.start_ts, "end_ts": r.end_ts} for r in connection.execute(times)} if ids else {}
    return [{**a, **spans[a["track_id"]]} for a in found.values()]


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Raises FailedFault for nan: SQLite takes it for nothing at all, PostgreSQL for a number above all others."""
    bad = next((name for row in rows for name, value in row.items() if value != value), None)
    if bad is not None:
        raise FailedFault(f"An analyzer gave nan for {bad} in {table.name}.")
    if rows:
        connection.execute(table.insert(), rows)


def _media(r: Any) -> MediaRow:
    return MediaRow(
        id=r.id,
        camera_id=r.camera_id,
        path=Path(r.path),
        fingerprint=Fingerprint(r.size, r.mtime, r.digest),
        start_ts=r.start_ts,
        start_origin=r.start_origin,
        duration=r.duration,
        fps=r.fps,
        width=r.width,
        height=r.height,
        segment_seconds=r.segment_seconds,
        problem=r.problem,
    )
