"""The best pictures of each track: up to two, apart in time.

Owns choosing and encoding. What makes a picture good here: a sure box, enough pixels, and nothing cut off by the edge
of the frame. Knows no detector and no storage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from viot_agent.errors import FailedFault
from viot_agent.library.rows import CropRow
from viot_agent.media.types import XYXY, Image

KEPT = 2
APART = 1.0
"""Seconds between two pictures of one track."""
SIDE = 256
"""The longest side of a stored picture."""
MARGIN = 0.06
ENOUGH = 128.0
"""Pixels of height from which on size no longer matters."""


@dataclass(frozen=True, slots=True)
class _Shot:
    t: float
    xyxy: XYXY
    quality: float
    image: Image


class Album:
    """Collects pictures while a segment is read; memory is two small pictures a track."""

    def __init__(self) -> None:
        self._shots: dict[str, list[_Shot]] = {}

    def offer(self, key: str, t: float, image: Image, xyxy: XYXY, score: float) -> None:
        """Consider the box ``xyxy`` of ``image`` as a picture of track ``key``."""
        quality = crop_quality(image.shape[1], image.shape[0], xyxy, score)
        shots = self._shots.setdefault(key, [])
        near = [s for s in shots if abs(s.t - t) < APART]
        rivals = near or (shots if len(shots) == KEPT else [])
        if rivals and max(s.quality for s in near or [min(rivals, key=lambda s: s.quality)]) >= quality:
            return
        cut = _cut(image, xyxy)
        if not cut.size:
            return
        drop = near or ([min(shots, key=lambda s: s.quality)] if len(shots) == KEPT else [])
        self._shots[key] = [s for s in shots if not any(s is d for d in drop)]
        self._shots[key].append(_Shot(t, xyxy, quality, cut))

    def rows(self, keys: Iterable[str]) -> tuple[CropRow, ...]:
        """The pictures of ``keys``, in that order, each in order of time."""
        return tuple(
            CropRow(key, s.t, s.xyxy, to_jpeg(s.image), s.quality)
            for key in keys
            for s in sorted(self._shots.get(key, ()), key=lambda s: s.t)
        )


def crop_quality(width: int, height: int, xyxy: XYXY, score: float) -> float:
    """0..1: the score, less for few pixels, half for a box that touches the edge of the frame."""
    x0, y0, x1, y1 = xyxy
    size = min(1.0, max(0.0, y1 - y0) / ENOUGH) ** 0.5
    whole = x0 > 1 and y0 > 1 and x1 < width - 2 and y1 < height - 2
    return float(score * size * (1.0 if whole else 0.5))


def _cut(image: Image, xyxy: XYXY) -> Image:
    x0, y0, x1, y1 = xyxy
    mx, my = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    left, top = max(0, int(x0 - mx)), max(0, int(y0 - my))
    cut = image[top : max(top, int(np.ceil(y1 + my))), left : max(left, int(np.ceil(x1 + mx)))]
    scale = SIDE / max(1, *cut.shape[:2])
    if cut.size and scale < 1:
        size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
        return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    return cut.copy()  # a view would keep the whole frame in memory


def to_jpeg(image: Image) -> bytes:
    """An RGB picture as JPEG bytes."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise FailedFault("OpenCV cannot write JPEG", fix="pip install --force-reinstall --no-deps opencv-python")
    return bytes(data)
