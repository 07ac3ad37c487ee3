"""Following things from sample to sample within one segment.

ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", arXiv:2110.06864) by the
package ``trackers``. Sampling is coarse (about 5 pictures a second), so time is given to it in seconds, the least
overlap is small, and a thing has a key from its first box on: dependants (plates) must name the track they read from.

Owns keys and points of tracks. Knows no detector, no picture, no storage. No state outlives the object.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from viot_agent.library.rows import TrackPoint, TrackRow
from viot_tools.objects.detections import Detections

NEW = 0.35
"""The least score that starts a track; a weaker box may only continue one (ByteTrack's two stages)."""
LOST_AFTER = 1.0
"""Seconds without a box after which a track ends."""
LEAST_IOU = 0.1


class SegmentTracker:
    """Tracks of one kind through one segment. Keys are ``prefix`` and a running number: ``p1``, ``p2``, ..."""

    def __init__(
        self, kind: str, prefix: str, sample_fps: float, new: float = NEW, lost_after: float = LOST_AFTER
    ) -> None:
        from trackers import ByteTrackTracker  # a second of import, wanted at ingest only

        self.kind, self.prefix, self.new = kind, prefix, new
        self._tracker = ByteTrackTracker(
            lost_track_buffer=round(lost_after * 30),  # counted by the package in frames of 30 a second
            frame_rate=sample_fps,
            track_activation_threshold=new,
            high_conf_det_threshold=new,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=LEAST_IOU,
        )
        self._tracklets: list[tuple[Any, str]] = []
        self._points: dict[str, list[TrackPoint]] = {}
        self._labels: dict[str, Counter[str]] = {}

    def update(self, t: float, found: Detections) -> tuple[str | None, ...]:
        """Take the boxes seen at ``t`` (seconds, rising). Gives the key of each, None for one too weak to follow."""
        import supervision as sv

        boxes = sv.Detections(
            xyxy=found.xyxy.astype(np.float64),
            confidence=found.score.astype(np.float64),
            class_id=np.arange(len(found)),
        )
        result = self._tracker.update(boxes, timestamp=t)
        keys: list[str | None] = [None] * len(found)
        known = [tracklet for tracklet, _ in self._tracklets]
        # New tracklets stand in the package's list in the order of the boxes that started them.
        born = [x for x in self._tracker.tracks if not any(x is k for k in known)]
        self._tracklets = [pair for pair in self._tracklets if any(pair[0] is x for x in self._tracker.tracks)]
        for tracklet in born:
            key = f"{self.prefix}{len(self._points) + 1}"
            self._tracklets.append((tracklet, key))
            self._points[key], self._labels[key] = [], Counter()
        by_id = {x.tracker_id: key for x, key in self._tracklets if x.tracker_id != -1}
        fresh = [key for x, key in self._tracklets if any(x is b for b in born)]
        if len(result):
            for index, tracker_id in zip(result.class_id, result.tracker_id, strict=True):
                if tracker_id != -1:
                    keys[index] = by_id[int(tracker_id)]
                elif found.score[index] >= self.new:
                    keys[index] = fresh.pop(0)
        for i, found_key in enumerate(keys):
            if found_key is not None:
                x0, y0, x1, y1 = (float(v) for v in found.xyxy[i])
                self._points[found_key].append(TrackPoint(t, (x0, y0, x1, y1), float(found.score[i])))
                self._labels[found_key][found.label[i]] += 1
        return tuple(keys)

    def rows(self) -> tuple[TrackRow, ...]:
        """All tracks so far, in the order of their first box; ``label`` is what most of the boxes said."""
        return tuple(
            TrackRow(key, self.kind, tuple(points), self._labels[key].most_common(1)[0][0])
            for key, points in self._points.items()
        )
