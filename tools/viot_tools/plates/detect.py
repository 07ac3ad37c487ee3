"""Where plates are: LPD-YuNet (hub tier) and PP-OCR's text detector with a plate-shape filter (builtin tier).

Both answer with proposals; whether a proposal is a plate is settled by reading it (``viot_tools.plates.read``).

Owns proposals and their geometry. Does not read text, and knows no track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image
from viot_tools.inference import session
from viot_tools.plates.ocr import TextBox, TextDetector, clockwise


@dataclass(frozen=True, slots=True, eq=False)
class PlateBox:
    """A proposal. ``corners`` (4, 2) float32 pixels, clockwise from top left; ``score`` 0..1.

    ``source`` names the finder; ``tight`` tells that the corners follow the text (PP-OCR), not the plate's rim (LPD).
    """

    corners: NDArray[np.float32]
    score: float
    source: str
    tight: bool = False

    @property
    def xyxy(self) -> XYXY:
        """Upright box around the corners."""
        (left, top), (right, bottom) = self.corners.min(0), self.corners.max(0)
        return float(left), float(top), float(right), float(bottom)

    def moved(self, x: float, y: float) -> PlateBox:
        """The same box in a picture whose origin lies (x, y) pixels further left and up."""
        return PlateBox(self.corners + np.array([x, y], np.float32), self.score, self.source, self.tight)


class PlateDetector(Protocol):
    """The seam: one method. ``image`` RGB; proposals best first."""

    def detect(self, image: Image) -> list[PlateBox]: ...


# LPD-YuNet ------------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT = 320, 240
_MAPS = ((30, 40, 8, (10, 16, 24)), (15, 20, 16, (32, 48)), (7, 10, 32, (64, 96)), (3, 5, 64, (128, 192, 256)))


def lpd_priors() -> NDArray[np.float32]:
    """(4385, 4) cx, cy, w, h as shares of the 320x240 input, in the order of the network's rows."""
    rows = [
        ((j + 0.5) * step / _WIDTH, (i + 0.5) * step / _HEIGHT, size / _WIDTH, size / _HEIGHT)
        for height, width, step, sizes in _MAPS
        for i in range(height)
        for j in range(width)
        for size in sizes
    ]
    return np.array(rows, np.float32)


class LpdYunet:
    """OpenCV Zoo's LPD-YuNet: four corners per plate, input 320x240.

    The network sees plates of about 30 to 200 pixels at its input, so a large picture is looked at whole and, where
    ``tiles`` says so, again in overlapping tiles.
    """

    def __init__(self, path: Path, *, threshold: float = 0.3, tiles: tuple[float, ...] = (), sure: float = 0.5) -> None:
        """``tiles``: sides of the tiles as shares of the picture, e.g. ``(0.6,)``, looked at while nothing scores
        ``sure``. Every find is looked at again at twice the plate's width, which gives far better corners."""
        self._session = session(path)
        self._input = self._session.get_inputs()[0].name
        self._priors = lpd_priors()
        self._threshold, self._tiles, self._sure = threshold, tiles, sure

    def detect(self, image: Image) -> list[PlateBox]:
        """Proposals with corners in pixels of ``image`` (RGB)."""
        found = list(self._look(image))
        for share in self._tiles:
            if any(box.score >= self._sure for box in found):
                break
            for x, y, tile in tiles(image, share):
                found += [box.moved(x, y) for box in self._look(tile)]
        return suppress([self._again(image, box) for box in suppress(found)])

    def _again(self, image: Image, box: PlateBox) -> PlateBox:
        """The proposal looked at again, large in the network's input; as it was where nothing is seen then."""
        height, width = image.shape[:2]
        left, top, right, bottom = box.xyxy
        half = max(right - left, 2.0 * (bottom - top))
        x0, x1 = (int(np.clip((left + right) / 2 + s * half, 0, width)) for s in (-1, 1))
        y0, y1 = (int(np.clip((top + bottom) / 2 + s * half * 0.75, 0, height)) for s in (-1, 1))
        if x1 - x0 < 8 or y1 - y0 < 8:
            return box
        seen = [b.moved(x0, y0) for b in self._look(image[y0:y1, x0:x1])]
        same = [b for b in [*seen, box] if overlap(b.xyxy, box.xyxy) > 0.5]
        best = max(same, key=lambda b: (upright_sides(b.corners), b.score))
        if upright_sides(best.corners):
            return best
        # a wide plate sometimes comes out as a thin diagonal: its outer box is right all the same
        a, b, c, d = best.xyxy
        return PlateBox(np.array([[a, b], [c, b], [c, d], [a, d]], np.float32), best.score, best.source)

    def _look(self, image: Image) -> Iterator[PlateBox]:
        height, width = image.shape[:2]
        # padded to 4:3, not squeezed: plates keep the shape the network was trained on
        scale = min(_WIDTH / width, _HEIGHT / height)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = np.full((_HEIGHT, _WIDTH, 3), 114, np.uint8)
        canvas[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        tensor = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32))
        loc, conf, iou = self._session.run(["loc", "conf", "iou"], {self._input: tensor})
        scores = np.sqrt(conf[:, 1] * np.clip(iou[:, 0], 0.0, 1.0))
        for k in np.flatnonzero(scores > self._threshold):
            centre, size = self._priors[k, :2], self._priors[k, 2:]
            corners = np.stack([centre + loc[k, a : a + 2] * 0.1 * size for a in (4, 6, 10, 12)])
            pixels = (corners * (_WIDTH, _HEIGHT) * (width / w, height / h)).astype(np.float32)
            yield PlateBox(clockwise(pixels), float(scores[k]), "lpd")


def tiles(image: Image, share: float) -> Iterator[tuple[int, int, Image]]:
    """(x, y, tile) covering ``image`` with tiles of ``share`` of its sides, half overlapping."""
    height, width = image.shape[:2]
    th, tw = max(1, round(height * share)), max(1, round(width * share))
    n = int(np.ceil((1 - share) / (share / 2))) + 1
    for y in np.linspace(0, height - th, n).astype(int):
        for x in np.linspace(0, width - tw, n).astype(int):
            yield int(x), int(y), image[y : y + th, x : x + tw]


# PP-OCR ---------------------------------------------------------------------------------------------------------------


class OcrPlates:
    """Text of a plate's shape, by PP-OCR's text detector: single boxes, neighbours joined, and stacked pairs."""

    def __init__(self, path: Path, *, side: int = 736) -> None:
        """``side``: the longer side when looked at; more finds smaller plates, the cost grows with its square."""
        self._detector = TextDetector(path)
        self._side = side

    def detect(self, image: Image) -> list[PlateBox]:
        """Proposals with corners in pixels of ``image`` (RGB)."""
        found = [box for box in self._detector.detect(image, side=self._side) if _plate_line(box)]
        lines = [PlateBox(box.corners, box.score, "ocr", True) for box in found]
        return sorted([*lines, *_joined(lines), *_stacked(lines)], key=lambda box: -box.score)


def sides(corners: NDArray[np.float32]) -> tuple[float, float]:
    """Width and height of a turned box."""
    width = (np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    height = (np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2
    return float(width), float(height)


def _plate_line(box: TextBox) -> bool:
    width, height = sides(box.corners)
    slope = abs(float(box.corners[1, 1] - box.corners[0, 1])) / max(float(box.corners[1, 0] - box.corners[0, 0]), 1.0)
    return height >= 8 and width >= 12 and 0.8 <= width / height <= 9 and slope < 0.7


def _hull(a: PlateBox, b: PlateBox) -> PlateBox:
    rectangle = cv2.minAreaRect(np.concatenate([a.corners, b.corners]))
    corners = clockwise(cv2.boxPoints(rectangle).astype(np.float32))
    return PlateBox(corners, min(a.score, b.score) * 0.99, "ocr", True)


def _joined(boxes: list[PlateBox]) -> Iterator[PlateBox]:
    """Neighbours on one line: a plate's groups often come as two boxes ("26" "TA 661")."""
    for a in boxes:
        for b in boxes:
            (_, ha), (_, hb) = sides(a.corners), sides(b.corners)
            gap = b.corners[0, 0] - a.corners[1, 0]
            level = abs(float((a.corners[1:3].mean(0) - b.corners[[0, 3]].mean(0))[1]))
            if a is not b and max(ha, hb) < 1.5 * min(ha, hb) and -0.3 * ha < gap < 1.6 * ha and level < 0.45 * ha:
                yield _hull(a, b)


def _stacked(boxes: list[PlateBox]) -> Iterator[PlateBox]:
    """Pairs one above the other: square plates."""
    for a in boxes:
        for b in boxes:
            (wa, ha), (wb, hb) = sides(a.corners), sides(b.corners)
            ca, cb = a.corners.mean(0), b.corners.mean(0)
            close = 0.5 * (ha + hb) * 0.6 < cb[1] - ca[1] < 0.5 * (ha + hb) * 1.6
            if (
                a is not b
                and close
                and abs(ca[0] - cb[0]) < 0.35 * max(wa, wb)
                and 0.35 < wa / wb < 2.2
                and wb / hb < 4.5
            ):
                yield _hull(a, b)


class SeveralDetectors:
    """The proposals of several detectors, duplicates gone."""

    def __init__(self, *detectors: PlateDetector) -> None:
        self._detectors = detectors

    def detect(self, image: Image) -> list[PlateBox]:
        """All proposals, best first; of two that cover each other the earlier detector's stays."""
        found: list[PlateBox] = []
        for detector in self._detectors:
            found += [b for b in detector.detect(image) if all(overlap(b.xyxy, o.xyxy) < 0.5 for o in found)]
        return found


def upright_sides(corners: NDArray[np.float32]) -> bool:
    """Whether top and left side of the quadrangle meet at 50 to 130 degrees, as a plate's do in any sane view."""
    top = corners[1] - corners[0] + corners[2] - corners[3]
    side = corners[3] - corners[0] + corners[2] - corners[1]
    cosine = float(top @ side) / max(float(np.linalg.norm(top) * np.linalg.norm(side)), 1e-6)
    return abs(cosine) < 0.64


# geometry -------------------------------------------------------------------------------------------------------------


def iou(a: XYXY, b: XYXY) -> float:
    """Intersection over union of two upright boxes."""
    inner = _inner(a, b)
    return inner / max(_area(a) + _area(b) - inner, 1e-6)


def overlap(a: XYXY, b: XYXY) -> float:
    """Intersection over the smaller box."""
    return _inner(a, b) / max(min(_area(a), _area(b)), 1e-6)


def _area(a: XYXY) -> float:
    return max(0.0, a[2] - a[0]) * max(0.0, a[3] - a[1])


def _inner(a: XYXY, b: XYXY) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def suppress(boxes: list[PlateBox], *, limit: float = 0.3) -> list[PlateBox]:
    """Non-maximum suppression, best first: by IoU, and by containment (a tile may cut a plate)."""
    kept: list[PlateBox] = []
    for box in sorted(boxes, key=lambda b: (-b.score, b.xyxy)):
        if all(iou(box.xyxy, o.xyxy) < limit and overlap(box.xyxy, o.xyxy) < 0.7 for o in kept):
            kept.append(box)
    return kept
