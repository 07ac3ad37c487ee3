"""The analyzer ``objects``: people and vehicles in each sampled frame, followed through the segment, and counted.

What dependants find in ``shared.results["objects"]`` is an :class:`ObjectFrame`: only boxes that are followed, each
with the key of its track, and every key handed out becomes a row. What else the detector saw there (``others``) is only
passed on, for the analyzer ``things``. In the builtin tier nothing looks for vehicles, so no
vehicle counts are written there: a zero would be a claim.

Owns the way from frames to rows. Knows neither the library nor any question.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from viot_agent.library.rows import CountRow, Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.objects.counts import present
from viot_tools.objects.crops import Album
from viot_tools.objects.detect import object_detector
from viot_tools.objects.detections import PERSON, VEHICLES, Detections, ObjectDetector, ThingDetector
from viot_tools.objects.track import SegmentTracker


@dataclass(frozen=True, slots=True)
class ObjectFrame:
    """The followed things of one frame: ``detections`` (N) with ``track_keys`` (N), people first.

    ``others``: things that are neither people nor vehicles, not followed here; none where the detector knows none.
    """

    detections: Detections
    track_keys: tuple[str, ...]
    others: Detections = field(default_factory=Detections.none)


class ObjectsAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. The detector is that of the tier in force, or the one given."""

    name = "objects"
    version = "1"
    needs: tuple[str, ...] = ()

    def __init__(self, weights: Weights, *, detector: ObjectDetector | None = None) -> None:
        self.detector = detector or object_detector(weights)
        self.model = self.detector.model
        self.model_version = self.detector.model_version
        seen = "people and vehicles" if self.detector.sees & VEHICLES else "people (no vehicles in this tier)"
        self.summary = f"{seen}, followed and counted ({self.model})"

    def start(self, segment: SegmentInfo) -> ObjectsAnalysis:
        """A fresh state for one segment."""
        return ObjectsAnalysis(self.detector, segment.sample_fps)


class ObjectsAnalysis:
    """The state of one segment."""

    def __init__(self, detector: ObjectDetector, sample_fps: float) -> None:
        self._detector, self._fps = detector, sample_fps
        self._trackers = {"person": SegmentTracker("person", "p", sample_fps)}
        if detector.sees & VEHICLES:
            self._trackers["vehicle"] = SegmentTracker("vehicle", "v", sample_fps)
        self._album = Album()
        self._times: list[float] = []
        self._last: Detections | None = None
        self._others = Detections.none()
        self._given = ObjectFrame(Detections.none(), ())

    def see(self, frame: Frame, shared: Shared) -> ObjectFrame:
        """Detect (or take the last frame's boxes where the picture is still), follow, keep good crops."""
        if self._times and frame.t <= self._times[-1]:
            return self._given  # a clip slower than the sampling shows a frame again
        if self._last is None or not shared.still:
            self._last, self._others = self._look(frame.image)
        self._times.append(frame.t)
        parts, keys = [], []
        for kind, tracker in self._trackers.items():
            found = self._last.people() if kind == PERSON else self._last.vehicles()
            given = tracker.update(frame.t, found)
            followed = found.where(np.array([key is not None for key in given], bool))
            parts.append(followed)
            keys += [key for key in given if key is not None]
        boxes = Detections(
            np.concatenate([p.xyxy for p in parts]),
            np.concatenate([p.score for p in parts]),
            tuple(name for p in parts for name in p.label),
        )
        if not shared.still:
            for i, key in enumerate(keys):
                x0, y0, x1, y1 = (float(v) for v in boxes.xyxy[i])
                self._album.offer(key, frame.t, frame.image, (x0, y0, x1, y1), float(boxes.score[i]))
        self._given = ObjectFrame(boxes, tuple(keys), self._others)
        return self._given

    def _look(self, image: Image) -> tuple[Detections, Detections]:
        if isinstance(self._detector, ThingDetector):
            return self._detector.detect_all(image)
        return self._detector.detect(image), Detections.none()

    def finish(self) -> Rows:
        """Tracks, crops, and a count of each kind at every time that was looked at."""
        by_kind = {kind: tracker.rows() for kind, tracker in self._trackers.items()}
        tracks = tuple(row for rows in by_kind.values() for row in rows)
        counts = tuple(
            CountRow(kind, t, float(n))
            for kind, rows in by_kind.items()
            for t, n in zip(self._times, present(rows, self._times, self._fps), strict=True)
        )
        return Rows(tracks=tracks, crops=self._album.rows(t.key for t in tracks), counts=counts)
