"""The analyzer ``poses``: key points of every followed person in each sampled frame that is not still.

At most ``AT_ONCE`` people a frame, the largest first, and none below ``LEAST`` pixels of height, because MoveNet needs
a person of some size and costs about 8 ms each. Who was left out is written as one event a segment, so that the tool
can say so: an absent pose is no absent person.

Owns the choice of whom to look at. Knows neither the model's input nor any question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from viot_agent.library.rows import EventRow, Keypoints, PoseRow, Rows, SegmentInfo, Shared
from viot_agent.media.types import XYXY, Frame
from viot_agent.weights import Weights
from viot_tools.objects.detections import PERSON
from viot_tools.pose.movenet import MoveNet, PoseEstimator
from viot_tools.pose.skeleton import LEFT_OUT, MODEL

AT_ONCE: Final = 8
LEAST: Final = 40.0


class PosesAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`."""

    name = "poses"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights, *, estimator: PoseEstimator | None = None) -> None:
        entry = weights.entry(MODEL)
        self.model = MODEL if estimator is None else estimator.model
        self.model_version = entry.model_version if estimator is None else estimator.model_version
        self.summary = f"body poses of people ({self.model})"
        self._load: Callable[[], PoseEstimator] = lambda: MoveNet(weights)
        self._estimator = estimator

    def start(self, segment: SegmentInfo) -> PosesAnalysis:
        """The analysis of one segment. The model loads with the first one: raises WeightsMissing when absent."""
        if self._estimator is None:
            self._estimator = self._load()
        return PosesAnalysis(self._estimator)


class PosesAnalysis:
    """The state of one segment."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self._estimator = estimator
        self._rows: list[PoseRow] = []
        self._posed: set[str] = set()
        self._left: dict[str, str] = {}
        self._first, self._last = 0.0, -1.0

    def see(self, frame: Frame, shared: Shared) -> dict[str, Keypoints]:
        """Poses of this frame by track key."""
        if frame.t <= self._last:
            return {}  # a clip slower than the sampling shows a frame again
        if self._last < 0:
            self._first = frame.t
        self._last = frame.t
        if shared.still:
            return {}
        found: dict[str, Keypoints] = {}
        people = sorted(_people(shared.results.get("objects")), key=lambda p: p[1][1] - p[1][3])
        for key, xyxy in people:
            if xyxy[3] - xyxy[1] < LEAST:
                self._left.setdefault(key, "small")
            elif len(found) == AT_ONCE:
                self._left.setdefault(key, "crowded")
            else:
                found[key] = self._estimator.estimate(frame.image, xyxy)
                self._rows.append(PoseRow(key, frame.t, found[key]))
                self._posed.add(key)
        return found

    def finish(self) -> Rows:
        """All poses by track and time, and how many people were left out."""
        out = [why for key, why in self._left.items() if key not in self._posed]
        event = EventRow(
            LEFT_OUT, self._first, max(self._last, self._first), 1.0, {w: out.count(w) for w in ("small", "crowded")}
        )
        return Rows(poses=tuple(self._rows), events=(event,) if out else ())


def _people(objects: Any) -> list[tuple[str, XYXY]]:
    """(track key, box) of the people in an ``ObjectFrame``."""
    if objects is None:
        return []
    found = []
    for xyxy, label, key in zip(objects.detections.xyxy, objects.detections.label, objects.track_keys, strict=True):
        if label == PERSON:
            a, b, c, d = (float(v) for v in np.asarray(xyxy))
            found.append((key, (a, b, c, d)))
    return found
