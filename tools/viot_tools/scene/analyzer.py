"""The analyzer ``scene``: what kind of place a segment shows, from its least crowded pictures.

A place is seen best where nobody stands in front of it: of each third of the segment, the picture with the least area
under followed boxes is kept (small), and the segment gets one row of kind ``scene`` with the probabilities of all
scenes. A segment without light says so and claims nothing.

Owns the choice of pictures and the row. Knows no model's inside and no question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from viot_agent.library.rows import EventRow, Rows, SegmentInfo, Shared
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.objects.detections import VEHICLES
from viot_tools.scene.classify import Around, SceneClassifier, scene_classifier
from viot_tools.scene.statistics import TOO_DARK, darkness
from viot_tools.scene.vocabulary import SCENES, best

KIND: Final = "scene"
PICTURES = 3
KEPT_WIDTH = 448


@dataclass(slots=True)
class _Kept:
    """The emptiest picture of one part of the segment so far."""

    t: float
    covered: float
    image: Image


class SceneAnalyzer:
    """See :class:`viot_agent.library.rows.Analyzer`. The classifier is that of the tier in force, or the one given."""

    name = "scene"
    version = "1"
    needs: tuple[str, ...] = ("objects",)

    def __init__(self, weights: Weights, *, classifier: SceneClassifier | None = None) -> None:
        self.classifier = classifier or scene_classifier(weights)
        self.model = self.classifier.model
        self.model_version = self.classifier.model_version
        self.summary = f"what kind of place it is ({self.model})"

    def start(self, segment: SegmentInfo) -> SceneAnalysis:
        """A fresh state for one segment."""
        return SceneAnalysis(self.classifier, segment)


class SceneAnalysis:
    """The state of one segment: at most ``PICTURES`` small pictures."""

    def __init__(self, classifier: SceneClassifier, segment: SegmentInfo) -> None:
        self._classifier, self._segment = classifier, segment
        self._kept: dict[int, _Kept] = {}
        self._looks = self._with_vehicles = 0
        self._last = segment.t0

    def see(self, frame: Frame, shared: Shared) -> None:
        """Keep the frame where it is the emptiest of its part of the segment."""
        objects = shared.results.get("objects")
        self._last = max(self._last, frame.t)
        self._looks += 1
        self._with_vehicles += objects is not None and any(name in VEHICLES for name in objects.detections.label)
        covered = _covered(frame.image, objects)
        length = max(self._segment.t1 - self._segment.t0, 1e-6)
        part = min(PICTURES - 1, max(0, int((frame.t - self._segment.t0) / length * PICTURES)))
        there = self._kept.get(part)
        if there is None or covered < there.covered:
            self._kept[part] = _Kept(frame.t, covered, _small(frame.image))

    def finish(self) -> Rows:
        """One row, or none where no frame was seen."""
        if not self._kept:
            return Rows()
        kept = [self._kept[part] for part in sorted(self._kept)]
        light = [k for k in kept if darkness(k.image) >= TOO_DARK]
        times = [round(k.t, 2) for k in kept]
        if not light:
            row = EventRow(KIND, self._segment.t0, self._last, 0.0, {"dark": True, "frames": times})
            return Rows(events=(row,))
        around = Around(self._with_vehicles / max(1, self._looks))
        p = self._classifier.look([k.image for k in light], around)
        order = np.argsort(-p)[:3]
        data = {
            "top": [[SCENES[i], round(float(p[i]), 3)] for i in order],
            "p": [round(float(v), 4) for v in p],
            "frames": [round(k.t, 2) for k in light],
        }
        return Rows(events=(EventRow(KIND, self._segment.t0, self._last, best(p, "scene").probability, data),))


def _covered(image: Image, objects: Any) -> float:
    """Share of the picture under followed boxes (overlaps count twice); 0 where nothing is followed."""
    if objects is None or not len(objects.detections):
        return 0.0
    sides = objects.detections.xyxy[:, 2:] - objects.detections.xyxy[:, :2]
    area = float(np.clip(sides, 0, None).prod(1).sum())
    return area / float(image.shape[0] * image.shape[1])


def _small(image: Image) -> Image:
    scale = KEPT_WIDTH / image.shape[1]
    if scale >= 1:
        return image.copy()
    size = (KEPT_WIDTH, max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
