"""Finding faces in a picture: one seam, two detectors.

``YuNet`` (hub tier; Wu, Peng and Yu 2023, "YuNet: a tiny millisecond-level face detector") runs in ONNX Runtime,
``DlibHog`` (builtin tier; Dalal and Triggs' HOG with dlib's max-margin training) in dlib. Both answer in pixels of the
picture they were given. Owns scaling, decoding and suppression. Knows neither identities nor tracks.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_tools.inference import session


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face. ``score`` 0..1, comparable within one detector only.

    ``landmarks`` (5, 2) float32 pixels: left eye, right eye, nose, left and right mouth corner, *as seen in the
    picture*. A detector that does not find mouth corners leaves them NaN.
    """

    xyxy: XYXY
    score: float
    landmarks: NDArray[np.float32]

    @property
    def eye_distance(self) -> float:
        """Pixels between the eyes."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


class FaceDetector(Protocol):
    """The seam: one method. ``image`` (H, W, 3) uint8 RGB; faces come best first. ``blind_to`` completes "it does not
    see" (empty: nothing worth saying in an answer)."""

    model: str
    model_version: str
    blind_to: str

    def detect(self, image: Image) -> list[Face]: ...


class YuNet:
    """YuNet-n at three strides. Pictures are scaled so that the longest side is ``longest`` at most (never enlarged)
    and padded to multiples of 32; a face of about 10 pixels of the scaled picture is the smallest found."""

    model = "yunet"
    blind_to = ""

    def __init__(
        self, weights: Weights, *, longest: int = 960, min_score: float = 0.6, max_overlap: float = 0.3
    ) -> None:
        self.model_version = weights.entry(self.model).model_version
        self._weights = weights
        self._longest, self._min_score, self._max_overlap = longest, min_score, max_overlap

    def detect(self, image: Image) -> list[Face]:
        """Faces, best first. Raises WeightsMissing when the model is not on this machine."""
        import cv2

        height, width = image.shape[:2]
        scale = min(1.0, self._longest / max(height, width))
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        h, w = image.shape[:2]
        padded = np.zeros((_up32(h), _up32(w), 3), np.float32)
        padded[:h, :w] = image[:, :, ::-1]  # the network was trained on BGR, 0..255
        net = session(self._weights.path(self.model))
        outputs = dict(
            zip(
                [o.name for o in net.get_outputs()],
                net.run(None, {net.get_inputs()[0].name: padded.transpose(2, 0, 1)[None]}),
                strict=True,
            )
        )
        found = decode_yunet(outputs, padded.shape[:2], self._min_score)
        sx, sy = width / w, height / h
        faces = []
        for i in suppress(found[:, :4], found[:, 4], self._max_overlap):
            box = found[i, :4] * (sx, sy, sx, sy)
            points = (found[i, 5:].reshape(5, 2) * (sx, sy)).astype(np.float32)
            faces.append(Face(_clip(box, width, height), float(found[i, 4]), points))
        return [f for f in faces if f.xyxy[2] - f.xyxy[0] >= 2 and f.xyxy[3] - f.xyxy[1] >= 2]


def decode_yunet(outputs: dict[str, NDArray[np.float32]], size: tuple[int, int], min_score: float) -> NDArray[Any]:
    """(N, 15) float64: x0, y0, x1, y1, score, five (x, y) points, in pixels of the padded input of ``size`` (H, W).

    score = sqrt(cls * obj); centre = (cell + offset) * stride, size = exp(.) * stride, point = (cell + offset) *
    stride. YuNet numbers the landmarks right eye first *of the person*, which is the left one as seen in the picture.
    """
    rows = []
    for stride in (8, 16, 32):
        columns = size[1] // stride
        cls, obj = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        score = np.sqrt(np.clip(cls, 0, 1).astype(np.float64) * np.clip(obj, 0, 1))
        keep = np.flatnonzero(score >= min_score)
        cell = np.stack([keep % columns, keep // columns], axis=1).astype(np.float64)
        box = outputs[f"bbox_{stride}"][0, keep].astype(np.float64)
        centre = (cell + box[:, :2]) * stride
        half = np.exp(box[:, 2:]) * stride / 2
        points = (outputs[f"kps_{stride}"][0, keep].reshape(-1, 5, 2) + cell[:, None]) * stride
        rows.append(np.hstack([centre - half, centre + half, score[keep, None], points.reshape(-1, 10)]))
    return np.vstack(rows)


def suppress(boxes: NDArray[Any], scores: NDArray[Any], max_overlap: float) -> list[int]:
    """Greedy non-maximum suppression: indices kept, best first; ties fall to the earlier row (deterministic)."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for i in order:
        if all(overlap(boxes[i], boxes[j]) <= max_overlap for j in kept):
            kept.append(int(i))
    return kept


def overlap(a: NDArray[Any] | XYXY, b: NDArray[Any] | XYXY) -> float:
    """Intersection over union of two xyxy boxes."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    both = w * h
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


# dlib objects are not safe to use from two threads at once, and cost up to a second and 40 MB each: one set a process.
DLIB_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _hog() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


@lru_cache(maxsize=1)
def dlib_marks(path: str) -> Any:
    """dlib's shape predictor of that file. Use it under :data:`DLIB_LOCK`."""
    import dlib

    return dlib.shape_predictor(path)


class DlibHog:
    """dlib's frontal face detector, which finds faces from 80 pixels on: the picture is scaled so that its longest side
    is ``longest``, up to ``enlarge`` times its size (640x360 at 1280 finds faces from 40 pixels on). Profiles are
    not found. ``score`` squashes dlib's margin onto
    YuNet's scale: 0 -> 0.73, 0.5 -> 0.88, 1 -> 0.95."""

    model = "dlib-hog"
    blind_to = "faces from the side, most that wear masks, or under about 40 pixels"

    def __init__(self, weights: Weights, *, longest: int = 1280, enlarge: float = 2.0, min_margin: float = 0.0) -> None:
        self.model_version = weights.entry("dlib-landmarks-5").model_version
        self._weights = weights
        self._longest, self._enlarge, self._min_margin = longest, enlarge, min_margin

    def detect(self, image: Image) -> list[Face]:
        """Faces, best first. Raises WeightsMissing when the landmark file is not on this machine."""
        import cv2
        import dlib

        height, width = image.shape[:2]
        scale = min(self._enlarge, self._longest / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = image if scale == 1.0 else cv2.resize(image, size, interpolation=method)
        sx, sy = width / size[0], height / size[1]
        points = dlib_marks(str(self._weights.path("dlib-landmarks-5")))
        with DLIB_LOCK:
            rectangles, margins, _ = _hog().run(cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), 0, self._min_margin)
            whole = np.ascontiguousarray(image)
            faces = []
            for r, margin in zip(rectangles, margins, strict=True):
                box = (r.left() * sx, r.top() * sy, r.right() * sx, r.bottom() * sy)
                shape = points(whole, dlib.rectangle(*(round(v) for v in box)))
                marks = np.array([(shape.part(i).x, shape.part(i).y) for i in range(5)], np.float32)
                faces.append(
                    Face(_clip(box, width, height), float(1 / (1 + np.exp(-1 - 2 * margin))), five_points(marks))
                )
        faces.sort(key=lambda f: -f.score)
        return [f for f in faces if f.xyxy[2] - f.xyxy[0] >= 2 and f.xyxy[3] - f.xyxy[1] >= 2]


def five_points(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """dlib's five marks (corners of the eye on the right of the picture, of the one on the left, base of the nose) as
    :class:`Face` landmarks (5, 2); the mouth corners, which dlib's model does not find, are NaN."""
    points = np.full((5, 2), np.nan, np.float32)
    points[0], points[1], points[2] = marks[2:4].mean(0), marks[0:2].mean(0), marks[4]
    return points


REFINE_BELOW = 70.0
REFINE_TO = 112.0


def around(image: Image, face: Face, margin: float = 0.6) -> tuple[Image, Face]:
    """A copy of the face with ``margin`` of its size around it, and the face in the copy's pixels."""
    x0, y0, x1, y1 = face.xyxy
    reach = margin * max(x1 - x0, y1 - y0)
    height, width = image.shape[:2]
    left, top = max(0, int(x0 - reach)), max(0, int(y0 - reach))
    copy = image[
        top : max(top + 2, min(height, int(y1 + reach))), left : max(left + 2, min(width, int(x1 + reach)))
    ].copy()
    shift = np.array([left, top], np.float32)
    return copy, Face((x0 - left, y0 - top, x1 - left, y1 - top), face.score, face.landmarks - shift)


def refine(detector: FaceDetector, image: Image, face: Face) -> Face:
    """The same face with landmarks found again in an enlarged cut-out, when it is lower than ``REFINE_BELOW`` pixels.

    Landmarks of small faces are the weak point of their embeddings: with faces shrunk to 10 pixels between the eyes
    this (and cubic sampling) lifts the true-accept rate at the stated false-accept rate from 0.76 to 0.84, and changes
    nothing for large ones. Box and score stay the first ones. A face that is not found again stays as it was.
    """
    import cv2

    tall = face.xyxy[3] - face.xyxy[1]
    if tall >= REFINE_BELOW:
        return face
    small, inside = around(image, face)
    scale = REFINE_TO / tall
    big = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    ratio = np.array([big.shape[1] / small.shape[1], big.shape[0] / small.shape[0]])
    wanted = tuple(np.tile(ratio, 2) * inside.xyxy)
    again = max(detector.detect(big), key=lambda f: overlap(f.xyxy, wanted), default=None)
    if again is None or overlap(again.xyxy, wanted) < 0.4:
        return face
    offset = face.landmarks[2] - inside.landmarks[2]
    return Face(face.xyxy, face.score, (again.landmarks / ratio + offset).astype(np.float32))


def make_detector(weights: Weights) -> FaceDetector:
    """The detector of the tier in force."""
    return YuNet(weights) if weights.tier == "hub" else DlibHog(weights)


def _up32(n: int) -> int:
    return max(32, (n + 31) // 32 * 32)


def _clip(box: Any, width: int, height: int) -> XYXY:
    x0, y0, x1, y1 = (float(v) for v in box)
    return max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)
