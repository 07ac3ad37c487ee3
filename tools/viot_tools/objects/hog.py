"""People by HOG, the builtin tier (Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", 2005).

The detector and its linear SVM are compiled into OpenCV 4, so no file is needed. It knows upright, unoccluded people of
96 pixels or more and nothing else: no vehicles, nobody who sits, lies or is cut off. Measured against motion counters
and OpenCV's cascades in ``benchmarks/people_builtin.py``: it was the best of them and is still weak. It takes furniture
for people, and where there is never more than one person, "one person" is the better guess.
"""

from __future__ import annotations

import cv2
import numpy as np

from viot_agent.media.types import Image
from viot_tools.objects.detections import MODEL_OF_TIER, PERSON, Detections
from viot_tools.objects.suppress import suppress


class HogPeople:
    """OpenCV's people detector at a longest side of ``side`` pixels, ``step`` the ratio of neighbouring scales.

    ``least`` is the SVM margin that a box must have. The settings are the cheapest of those that were equally good.
    """

    model = MODEL_OF_TIER["builtin"]
    model_version = cv2.__version__
    sees = frozenset({PERSON})

    def __init__(self, side: int = 960, step: float = 1.2, least: float = 0.0) -> None:
        self.side, self.step, self.least = side, step, least
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(self, image: Image) -> Detections:
        """Upright people in an RGB picture; the score is the margin squashed to 0..1 (margin 0.2 is 0.35)."""
        scale = self.side / max(image.shape[:2])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if grey.shape[0] < 128 or grey.shape[1] < 64:
            return Detections.none()
        # groupThreshold 0: overlaps are settled by their margins below
        boxes, margins = self._hog.detectMultiScale(grey, 0.0, (8, 8), (8, 8), self.step, 0)
        if not len(boxes):
            return Detections.none()
        xywh = np.asarray(boxes, np.float32).reshape(-1, 4)
        # the window has a margin of an eighth of its height around the person
        x, y, w, h = xywh.T
        xyxy = np.stack([x + 0.15 * w, y + 0.06 * h, x + 0.85 * w, y + 0.94 * h], 1) / scale
        margin = np.asarray(margins, np.float32).reshape(-1)
        keep = margin >= self.least
        score = (1 / (1 + np.exp(-2 * (margin[keep] - 0.5)))).astype(np.float32)
        found = Detections(xyxy[keep].astype(np.float32), score, (PERSON,) * int(keep.sum()))
        return suppress(found, 0.4, 0.7)
