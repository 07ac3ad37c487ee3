"""68 landmarks on the faces that the product's own detector finds.

dlib's shape predictor (Kazemi and Sullivan 2014, "One millisecond face alignment with an ensemble of regression
trees") reads an upright copy of the face of fixed size, so that roll and size do not matter, from two slightly
different boxes, whose mean shakes less than one reading. Owns that. Knows no masks.

The model file ships in the wheel ``face_recognition_models``, whose packager puts it under CC0; the pictures it was
trained on (iBUG 300-W) exclude commercial use.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import DLIB_LOCK, Face, FaceDetector, make_detector
from viot_tools.masks.face import Points

NAME = "dlib-landmarks-68"
SMALLEST = 12.0
"""Pixels between the eyes under which a face is too small for landmarks to mean anything."""

# the five points of YuNet in the box that dlib's detector would give, in parts of its side: medians over LFW
_FIVE = np.array([[0.272, 0.270], [0.693, 0.272], [0.491, 0.523], [0.315, 0.721], [0.672, 0.718]])
_SIDE = 180
"""Pixels of dlib's box in the copy that is read."""
_SHAKES = ((-0.015, 0.01, 0.97), (0.015, -0.01, 1.03))


class Landmarks:
    """The detector of the tier in force and the 68-point predictor."""

    def __init__(self, weights: Weights, detector: FaceDetector | None = None) -> None:
        self.model = NAME
        self.model_version = weights.entry(NAME).model_version
        self.detector = make_detector(weights) if detector is None else detector
        self._weights = weights

    def find(self, image: Image) -> list[tuple[Face, Points]]:
        """Every face of the picture with its (68, 2) float32 points in pixels, best first; faces under ``SMALLEST``
        pixels between the eyes too. Raises WeightsMissing when a model is not on this machine."""
        return [(face, self.points(image, face)) for face in self.detector.detect(image)]

    def points(self, image: Image, face: Face, boxes: int = len(_SHAKES)) -> Points:
        """(68, 2) float32 pixels of one face, read from ``boxes`` boxes (1 or 2)."""
        import cv2
        import dlib

        to_copy = _upright(face)
        size = 2 * _SIDE
        copy = cv2.warpAffine(image, to_copy, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if to_copy[0, 0] ** 2 + to_copy[0, 1] ** 2 < 0.25:  # shrinking: without this the points shake with the grid
            scale = float(np.hypot(to_copy[0, 0], to_copy[0, 1]))
            small = cv2.resize(image, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
            ratio = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0], 1.0])
            copy = cv2.warpAffine(small, to_copy * ratio, (size, size), borderMode=cv2.BORDER_REPLICATE)
        predictor = _predictor(str(self._weights.path(NAME)))
        found = []
        with DLIB_LOCK:
            grey = np.ascontiguousarray(copy)
            for dx, dy, scale in _SHAKES if boxes > 1 else ((0.0, 0.0, 1.0),):
                half = _SIDE * scale / 2
                x, y = _SIDE + dx * _SIDE, _SIDE + dy * _SIDE
                shape = predictor(grey, dlib.rectangle(*(round(v) for v in (x - half, y - half, x + half, y + half))))
                found.append([(shape.part(i).x, shape.part(i).y) for i in range(68)])
        middle = np.mean(np.array(found, np.float64), axis=0)
        back = cv2.invertAffineTransform(to_copy)
        return np.asarray(middle @ back[:, :2].T + back[:, 2], np.float32)


def _upright(face: Face) -> NDArray[np.float64]:
    """2x3: from the picture to a copy of 2 ``_SIDE`` pixels in which the face is upright and dlib's box lies in the
    middle with side ``_SIDE``."""
    marks = np.asarray(face.landmarks, np.float64)
    x0, y0, x1, y1 = face.xyxy
    across = marks[1] - marks[0]
    roll = float(np.arctan2(across[1], across[0]))
    cos, sin = np.cos(roll), np.sin(roll)
    turn = np.array([[cos, sin], [-sin, cos]])
    if np.isfinite(marks).all():
        flat = marks @ turn.T
        # a turned head draws the eyes together, a nod the eyes and mouth: the larger reading is the right one
        wide = float(flat[1, 0] - flat[0, 0]) / (_FIVE[1, 0] - _FIVE[0, 0])
        tall = float(flat[3:, 1].mean() - flat[:2, 1].mean()) / (_FIVE[3:, 1].mean() - _FIVE[:2, 1].mean())
        side = max(wide, tall, 1.0)
        inner = flat[[0, 1, 3, 4]].mean(axis=0) - _FIVE[[0, 1, 3, 4]].mean(axis=0) * side
        centre = (inner + side / 2) @ turn
    else:  # dlib's own box, which a border of the picture may have cut
        side = max(x1 - x0, y1 - y0, 1.0)
        centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    matrix = turn * (_SIDE / side)
    return np.column_stack([matrix, np.array([_SIDE, _SIDE]) - matrix @ centre])


@lru_cache(maxsize=1)
def _predictor(path: str) -> Any:
    import dlib

    return dlib.shape_predictor(path)
