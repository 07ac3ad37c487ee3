"""Finding faces so that as few as possible are missed: low thresholds, several sizes, several detectors.

A thing that is hidden and was no face costs little; a face that is missed costs everything. So a detector is asked from
a score on at which the tools that name people would not believe it, and at more than one size, because each size has
faces it is blind to. Owns which looks are taken in which tier. Knows neither time nor people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import DlibHog, Face, FaceDetector, YuNet, overlap

SAME = 0.3
"""Overlap (intersection over union) from which two finds are one face."""
WITHIN, LIKE = 0.7, 4.0
"""A find that lies in another by this share, and is at most so many times smaller, is the same face."""


class Finder(Protocol):
    """The seam. ``sure``: the score from which one find alone is believed to be a face, in a video.

    ``look``: the faces of a frame of video; ``study``: those of a picture, at whatever it costs. Best first; landmarks
    may be NaN. ``blind_to`` completes "it does not see" (empty: nothing worth saying).
    """

    @property
    def model(self) -> str: ...

    @property
    def model_version(self) -> str: ...

    @property
    def blind_to(self) -> str: ...

    @property
    def sure(self) -> float: ...

    def look(self, image: Image) -> list[Face]: ...

    def study(self, image: Image) -> list[Face]: ...


@dataclass(frozen=True, slots=True)
class DetectorFinder:
    """``quick`` detectors look at frames, ``further`` at pictures besides; ``turned``: pictures are also looked at
    lying on either side and upside down, by the first detector, from ``sure`` on."""

    quick: tuple[FaceDetector, ...]
    further: tuple[FaceDetector, ...]
    sure: float
    blind_to: str
    turned: bool = True

    @property
    def model(self) -> str:
        """Names of the detectors, each once."""
        return "+".join(dict.fromkeys(d.model for d in self.quick))

    @property
    def model_version(self) -> str:
        """Versions in the order of the names."""
        return "+".join({d.model: d.model_version for d in self.quick}.values())

    def look(self, image: Image) -> list[Face]:
        """Raises WeightsMissing when a model is not on this machine."""
        return merged([f for d in self.quick for f in d.detect(image)])

    def study(self, image: Image) -> list[Face]:
        """As :meth:`look`, with tiles of a large picture and, where ``turned``, of its turns."""
        found = [f for d in (*self.quick, *self.further) for f in d.detect(image)]
        for x, y, part in _tiles(image):
            found += [_moved(f, x, y) for f in self.quick[0].detect(part)]
        if self.turned:
            for turns in (1, 2, 3):
                lying = self.quick[0].detect(np.ascontiguousarray(np.rot90(image, turns)))
                found += [_turned(f, turns, image) for f in lying if f.score >= self.sure]
        return merged(found)


class Haar:
    """OpenCV's boosted cascades (Viola and Jones 2001; Lienhart 2003), which come with its wheel: frontal faces and
    profiles to both sides. Worse than the detectors of the tools, but blind to other things. ``score`` is always
    ``SCORE``: the cascades' own weights mean little. Landmarks are NaN.

    ``longest``: pictures are scaled down to that side.
    """

    model = "opencv-haar"
    blind_to = ""
    SCORE = 0.7

    def __init__(self, longest: int = 800) -> None:
        import cv2

        self.model_version = str(cv2.__version__)
        self._longest = longest

    def detect(self, image: Image) -> list[Face]:
        """Faces, in no order of certainty."""
        import cv2

        scale = min(1.0, self._longest / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        grey = cv2.equalizeHist(grey)
        frontal, profile = _cascade("haarcascade_frontalface_alt2.xml"), _cascade("haarcascade_profileface.xml")
        boxes = [tuple(b) for b in frontal.detectMultiScale(grey, 1.1, 4, minSize=(20, 20))]
        boxes += [tuple(b) for b in profile.detectMultiScale(grey, 1.1, 4, minSize=(20, 20))]
        mirror = np.ascontiguousarray(grey[:, ::-1])
        boxes += [
            (size[0] - x - w, y, w, h) for x, y, w, h in profile.detectMultiScale(mirror, 1.1, 4, minSize=(20, 20))
        ]
        nowhere = np.full((5, 2), np.nan, np.float32)
        sx, sy = image.shape[1] / size[0], image.shape[0] / size[1]
        return [Face((x * sx, y * sy, (x + w) * sx, (y + h) * sy), self.SCORE, nowhere) for x, y, w, h in boxes]


@lru_cache(maxsize=4)
def _cascade(file: str) -> Any:
    import cv2

    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / file))


def make_finder(weights: Weights) -> Finder:
    """The finder of the tier in force. Models load on the first look."""
    if weights.tier == "hub":
        low = 0.3
        quick = (YuNet(weights, longest=1280, min_score=low), YuNet(weights, longest=384, min_score=low))
        further = (YuNet(weights, longest=1920, min_score=low), YuNet(weights, longest=160, min_score=low))
        return DetectorFinder(quick, further, 0.5, "faces turned away by more than a profile, or under about 10 pixels")
    hog = DlibHog(weights, min_margin=-0.25)
    # cascades call something a face often enough that one find alone is not believed in a video
    return DetectorFinder(
        (hog, Haar()), (Haar(1600),), 0.74, "many faces from the side, with masks, or under about 40 pixels"
    )


def merged(found: Sequence[Face]) -> list[Face]:
    """Each face once, best first: finds that overlap, or of which one lies in the other at a like size, are one."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda f: (-f.score, f.xyxy)):
        if not any(same(face.xyxy, other.xyxy) for other in kept):
            kept.append(face)
    return kept


def same(a: XYXY, b: XYXY) -> bool:
    """Whether two boxes are finds of one face."""
    if overlap(a, b) > SAME:
        return True
    area = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inner = max(w, 0.0) * max(h, 0.0)
    return inner > WITHIN * min(area) and max(area) < LIKE * min(area)


def _tiles(image: Image, side: int = 1280) -> Iterator[tuple[int, int, Image]]:
    """(x, y, part) of a picture much larger than a detector looks at, overlapping by a quarter; none of others."""
    height, width = image.shape[:2]
    if max(height, width) <= 1.5 * side:
        return
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, np.ascontiguousarray(image[y : y + side, x : x + side])


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (0.75 * side))) + 1
    return [round(v) for v in np.linspace(0, length - side, count)]


def _moved(face: Face, x: int, y: int) -> Face:
    x0, y0, x1, y1 = face.xyxy
    shift = np.array([x, y], np.float32)
    return Face((x0 + x, y0 + y, x1 + x, y1 + y), face.score, face.landmarks + shift)


def _turned(face: Face, turns: int, image: Image) -> Face:
    """A face found in ``np.rot90(image, turns)``, in pixels of ``image``."""
    height, width = image.shape[:2]

    def back(points: Any) -> Any:
        x, y = points[..., 0], points[..., 1]
        if turns == 1:
            return np.stack([width - y, x], axis=-1)
        if turns == 2:
            return np.stack([width - x, height - y], axis=-1)
        return np.stack([y, height - x], axis=-1)

    x0, y0, x1, y1 = face.xyxy
    corners = back(np.array([[x0, y0], [x1, y1]]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Face(box, face.score, np.asarray(back(face.landmarks), np.float32))
