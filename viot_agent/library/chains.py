"""One thing over a segment's border: which new track goes on from which stored one.

Analyzers forget everything between segments, so that a resumed run gives the same rows; here what they cut is linked
again. A new track takes the ``chain`` of an old one of the same analyzer, model and kind when the old one's last box
lies near the border in time and on the new one's first box. Owns that decision; writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from viot_agent.library import packing
from viot_agent.library.records import MediaRow, RunStamp, SegmentSpan
from viot_agent.library.rows import TrackRow
from viot_agent.library.schema import media, segments, tracks
from viot_agent.library.schema import segment_runs as runs
from viot_agent.media.types import XYXY

BORDER_SECONDS = 1.5
"""A track that ends this near before a border may go on after it."""
BORDER_IOU = 0.3
"""Least overlap of the last and the first box of one thing."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A stored track's last box at a border."""

    chain: int
    kind: str
    xyxy: XYXY


def at_border(connection: Connection, row: MediaRow, segment: int, span: SegmentSpan, stamp: RunStamp) -> list[Ending]:
    """Tracks of the same analyzer and model that reach the start of this segment from the one before it.

    That is the segment with the number before in the same file, or, for a file's first, one of another file of the same
    camera and picture size that ends where this one begins.
    """
    border = row.start_ts + span.t0
    previous = select(segments.c.id).join(media, media.c.id == segments.c.media_id)
    if span.idx > 0:
        previous = previous.where(segments.c.media_id == row.id, segments.c.idx == span.idx - 1)
    else:
        previous = previous.where(
            segments.c.camera_id == row.camera_id,
            segments.c.media_id != row.id,
            segments.c.end_ts > border - BORDER_SECONDS,
            segments.c.end_ts < border + 0.05,
            media.c.width == row.width,
            media.c.height == row.height,
        )
    found = connection.execute(
        select(tracks.c.chain, tracks.c.kind, tracks.c.points)
        .join(runs, runs.c.id == tracks.c.run_id)
        .where(runs.c.segment_id.in_(previous), runs.c.segment_id != segment)
        .where(runs.c.analyzer == stamp.analyzer, runs.c.model == stamp.model)
        .where(tracks.c.end_ts >= border - BORDER_SECONDS)
        .order_by(tracks.c.id)
    )
    endings = []
    for r in found:
        box = packing.unpack_points(bytes(r.points))[1][-1].tolist()
        endings.append(Ending(int(r.chain), r.kind, (box[0], box[1], box[2], box[3])))
    return endings


def link(before: Sequence[Ending], new: Sequence[TrackRow], base: float, border: float) -> dict[str, int]:
    """key -> chain of the track it goes on from: greedy by overlap, each used once."""
    pairs = [
        (iou(old.xyxy, t.points[0].xyxy), -i, -j)
        for i, old in enumerate(before)
        for j, t in enumerate(new)
        if t.points and old.kind == t.kind and base + t.points[0].t - border <= BORDER_SECONDS
    ]
    taken: set[int] = set()
    chains: dict[str, int] = {}
    for overlap, i, j in sorted(pairs, reverse=True):
        key = new[-j].key
        if overlap < BORDER_IOU or -i in taken or key in chains:
            continue
        taken.add(-i)
        chains[key] = before[-i].chain
    return chains


def iou(a: XYXY, b: XYXY) -> float:
    """Intersection over union of two boxes, 0 for boxes without area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return float(both / union) if union > 0 else 0.0
