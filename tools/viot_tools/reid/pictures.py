"""The pictures of a track that are worth embedding: a few, good ones, apart in time.

Good: a sure box with enough pixels, whole (not cut off by the frame) and not behind somebody else. Owns the choice.
Knows no embedding, no kind of thing and no storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image
from viot_tools.objects.crops import crop_quality

KEPT = 4
"""Pictures a track; more change its mean vector hardly."""
APART = 0.8
"""Seconds between two of them."""
SIDE = 288
"""The longest side that is kept, in pixels: no model here looks at more than 256."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one thing: RGB pixels of its box, when, and how good (0..1)."""

    t: float
    quality: float
    image: Image


class Pictures:
    """Collects while a segment is read; memory is ``KEPT`` small pictures a track."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Picture]] = {}

    def offer(self, key: str, t: float, image: Image, xyxy: XYXY, score: float, hidden: float) -> bool:
        """Consider the box ``xyxy`` of the frame ``image`` as a picture of track ``key``; ``hidden`` 0..1 of it lies
        behind others. Says whether it is kept, until a better one comes."""
        quality = crop_quality(image.shape[1], image.shape[0], xyxy, score) * (1.0 - hidden)
        if quality <= 0:
            return False  # wholly behind somebody else: the pixels are that one's
        kept = self._kept.setdefault(key, [])
        near = [p for p in kept if abs(p.t - t) < APART]
        rivals = near or (kept if len(kept) >= KEPT else [])
        if rivals and (max if near else min)(p.quality for p in rivals) >= quality:
            return False
        cut = cut_out(image, xyxy)
        if cut is None:
            return False
        gone = near or ([min(rivals, key=lambda p: p.quality)] if rivals else [])
        self._kept[key] = [p for p in kept if not any(p is g for g in gone)] + [Picture(t, quality, cut)]
        return True

    def __iter__(self) -> Iterator[tuple[str, Picture]]:
        """(track key, picture), tracks in the order of their first box, pictures in time."""
        for key, pictures in self._kept.items():
            for picture in sorted(pictures, key=lambda p: p.t):
                yield key, picture


def cut_out(image: Image, xyxy: XYXY) -> Image | None:
    """The pixels of a box, at most ``SIDE`` a side, as a copy; None when less than 8 pixels a side lie in the frame."""
    height, width = image.shape[:2]
    left, top = max(0, round(xyxy[0])), max(0, round(xyxy[1]))
    right, bottom = min(width, round(xyxy[2])), min(height, round(xyxy[3]))
    if right - left < 8 or bottom - top < 8:
        return None
    part = image[top:bottom, left:right]
    scale = SIDE / max(part.shape[:2])
    if scale < 1:
        size = (max(8, round(part.shape[1] * scale)), max(8, round(part.shape[0] * scale)))
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return part.copy()  # a view would keep the whole frame in memory


def hidden_share(boxes: NDArray[np.float32], index: int) -> float:
    """How much of box ``index`` (0..1) another of ``boxes`` (N, 4) that stands nearer covers: one whose lower edge is
    lower in the picture."""
    mine = boxes[index]
    area = float((mine[2] - mine[0]) * (mine[3] - mine[1]))
    if area <= 0:
        return 1.0
    others: Iterable[NDArray[np.float32]] = (b for j, b in enumerate(boxes) if j != index and b[3] > mine[3])
    worst = 0.0
    for other in others:
        across = min(mine[2], other[2]) - max(mine[0], other[0])
        down = min(mine[3], other[3]) - max(mine[1], other[1])
        if across > 0 and down > 0:
            worst = max(worst, float(across * down) / area)
    return min(1.0, worst)
