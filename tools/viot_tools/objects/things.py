"""The analyzer ``things``: chairs, bags, screens, dogs and other things of a scene, followed and kept with their label.

They come from the pass of the detector that ``objects`` makes anyway, so this costs next to nothing; people and
vehicles are none of its business. The detector is small and sees things that are not there, so a thing must be seen
``SEEN`` times, once with ``BEST`` at least. A thing that is not listed may still be there: small ones are missed.

Owns the way from detections to rows. Knows neither the library nor any question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from viot_agent.library.rows import Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectFrame
from viot_tools.objects.crops import Album
from viot_tools.objects.detections import MODEL_OF_TIER
from viot_tools.objects.track import SegmentTracker

KIND: Final = "object"
SPOKEN: Final = {"cell phone": "phone", "potted plant": "plant"}
"""Labels that are kept in the words people ask with."""
NEW, BEST, SEEN = 0.4, 0.6, 4
"""The score that starts a thing, the one that it must reach once, and in how many frames it must be seen. By eye on the
ten development clips of ``datasets/viot_qa``: seven things are kept so, six of them rightly; without ``BEST`` 12 and
9."""
LOST_AFTER: Final = 4.0
"""Seconds: things that stand still flicker in and out of the detector's sight."""


class ThingsAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`; of the hub tier, whose detector tells things."""

    name = "things"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights) -> None:
        self.model = MODEL_OF_TIER["hub"]
        self.model_version = weights.entry(self.model).model_version
        self.summary = f"other things in view, with what they are ({self.model})"

    def start(self, segment: SegmentInfo) -> ThingsAnalysis:
        """A fresh state for one segment."""
        return ThingsAnalysis(segment.sample_fps)


class ThingsAnalysis:
    """The state of one segment."""

    def __init__(self, sample_fps: float) -> None:
        self._tracker = SegmentTracker(KIND, "o", sample_fps, new=NEW, lost_after=LOST_AFTER)
        self._album = Album()
        self._last = float("-inf")

    def see(self, frame: Frame, shared: Shared) -> None:
        """Follow what ``objects`` saw beside people and vehicles."""
        objects = shared.results["objects"]
        assert isinstance(objects, ObjectFrame)
        if frame.t <= self._last:
            return  # a clip slower than the sampling shows a frame again
        self._last = frame.t
        found = objects.others
        for key, box, score in zip(self._tracker.update(frame.t, found), found.xyxy, found.score, strict=True):
            if key is not None and not shared.still:
                x0, y0, x1, y1 = (float(v) for v in box)
                self._album.offer(key, frame.t, frame.image, (x0, y0, x1, y1), float(score))

    def finish(self) -> Rows:
        """The tracks that were seen often enough, with pictures."""
        tracks = tuple(
            replace(row, label=SPOKEN.get(row.label, row.label))
            for row in self._tracker.rows()
            if len(row.points) >= SEEN and max(p.score for p in row.points) >= BEST
        )
        return Rows(tracks=tracks, crops=self._album.rows(t.key for t in tracks))
