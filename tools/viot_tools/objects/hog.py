"""People by HOG, the builtin tier (Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", 2005).

The detector and its linear SVM are compiled into OpenCV 4, so no file is needed. It knows upright, unoccluded people of
96 pixels or more and nothing else: no vehicles, nobody who sits, lies or is cut off. Measured against motion counters
and OpenCV's cascades in ``benchmarks/people_builtin.py``: it was the best of them and is still weak. It takes furniture
for people, and where there is never more than one person, "one person" is the better guess.
"""

from __future__ import annotations

import itertools
import operator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

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
        xywh, margin = self._windows(grey)
        if not len(xywh):
            return Detections.none()
        # the window has a margin of an eighth of its height around the person
        x, y, w, h = xywh.T
        xyxy = np.stack([x + 0.15 * w, y + 0.06 * h, x + 0.85 * w, y + 0.94 * h], 1) / scale
        keep = margin >= self.least
        score = (1 / (1 + np.exp(-2 * (margin[keep] - 0.5)))).astype(np.float32)
        found = Detections(xyxy[keep].astype(np.float32), score, (PERSON,) * int(keep.sum()))
        return suppress(found, 0.4, 0.7)

    def _windows(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All windows (N, 4), x, y, width and height, that the SVM takes for a person, and their margins (N,).

        What ``detectMultiScale`` does, scale by scale: its threads put windows and margins into two lists under a lock
        of their own each, so that on a busy machine a window may get another one's margin (OpenCV 4, ``hog.cpp``).
        Overlaps are not grouped: their margins settle them.
        """
        height, width = grey.shape
        ratios = list(itertools.accumulate([1.0, *[self.step] * (self._hog.nlevels - 1)], operator.mul))
        wide, high = self._hog.winSize
        ratios = [r for r in ratios if round(width / r) >= wide and round(height / r) >= high]
        with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
            each = list(pool.map(partial(self._windows_at, grey), ratios))
        boxes = np.concatenate([np.zeros((0, 4)), *(b for b, _ in each)])
        margins = np.concatenate([np.zeros(0), *(m for _, m in each)])
        first = np.clip(boxes[:, :2], 0, None)
        size = np.minimum(boxes[:, :2] + boxes[:, 2:], (width, height)) - first  # what lies in the picture
        return np.concatenate([first, size], 1).astype(np.float32), margins.astype(np.float32)

    def _windows_at(self, grey: NDArray[np.uint8], ratio: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Windows and margins at one scale; windows may reach over the edge by the padding."""
        height, width = grey.shape
        size = round(width / ratio), round(height / ratio)
        small = grey if ratio == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR_EXACT)
        places, margins = self._hog.detect(small, 0.0, (8, 8), (8, 8))
        window = [round(side * ratio) for side in self._hog.winSize]
        boxes = [[round(int(x) * ratio), round(int(y) * ratio), *window] for x, y in places]
        return np.array(boxes, float).reshape(-1, 4), np.asarray(margins, float).reshape(-1)
