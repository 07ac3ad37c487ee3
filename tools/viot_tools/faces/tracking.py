"""Following faces from sampled frame to sampled frame within one shot.

A face belongs to the trail whose expected box (last box moved on at its last speed) it overlaps most, or lies nearest
to at a like size; a trail ends after ``MAX_GAP`` seconds without a face, or at a cut. Every choice is made in a fixed
order, so a second run gives the same trails. Owns association. Knows neither embeddings nor identities: ``analyzer``
splits a trail in which the face changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import TrackPoint
from viot_agent.media.types import XYXY, Image
from viot_tools.faces.detect import Face, overlap

MAX_GAP = 1.0


@dataclass(slots=True)
class Trail:
    """One face being followed; ``number`` counts from 1 in the segment."""

    number: int
    points: list[TrackPoint] = field(default_factory=list)

    def expected(self, t: float) -> XYXY:
        """The last box, moved on at the speed of the last two (for half a second at most)."""
        last = self.points[-1]
        if len(self.points) < 2:
            return last.xyxy
        before = self.points[-2]
        step = min(t - last.t, 0.5) / max(last.t - before.t, 1e-3)
        step = min(step, 1.0)
        dx = (last.xyxy[0] + last.xyxy[2] - before.xyxy[0] - before.xyxy[2]) / 2 * step
        dy = (last.xyxy[1] + last.xyxy[3] - before.xyxy[1] - before.xyxy[3]) / 2 * step
        return last.xyxy[0] + dx, last.xyxy[1] + dy, last.xyxy[2] + dx, last.xyxy[3] + dy


class FaceTracker:
    """Trails of one segment."""

    def __init__(self) -> None:
        self._live: list[Trail] = []
        self._count = 0

    def update(self, t: float, faces: Sequence[Face]) -> tuple[list[tuple[Trail, Face]], list[Trail]]:
        """Take the faces of the frame at ``t``. Returns each face with its trail, and the trails that ended."""
        ended = [trail for trail in self._live if t - trail.points[-1].t > MAX_GAP + 1e-6]
        self._live = [trail for trail in self._live if trail not in ended]
        chances = [
            (affinity(trail.expected(t), face.xyxy), -i, -j)
            for i, trail in enumerate(self._live)
            for j, face in enumerate(faces)
        ]
        owner: dict[int, Trail] = {}
        taken: set[int] = set()
        for value, i, j in sorted(chances, reverse=True):
            if value > 0 and -i not in taken and -j not in owner:
                owner[-j] = self._live[-i]
                taken.add(-i)
        pairs = []
        for j, face in enumerate(faces):
            trail = owner.get(j)
            if trail is None:
                self._count += 1
                trail = Trail(self._count)
                self._live.append(trail)
            trail.points.append(TrackPoint(t, face.xyxy, face.score))
            pairs.append((trail, face))
        return pairs, ended

    def end(self) -> list[Trail]:
        """End every trail (a cut, or the end of the segment)."""
        ended, self._live = self._live, []
        return ended


def affinity(expected: XYXY, box: XYXY) -> float:
    """0 = cannot be one face; 1..2 by overlap; 0..1 for near misses of like size (a small face that moved far)."""
    # plain numbers: in a crowd this is asked ten thousand times a frame, and arrays of four cost seven times as much
    size_a = math.hypot(expected[2] - expected[0], expected[3] - expected[1])
    size_b = math.hypot(box[2] - box[0], box[3] - box[1])
    if not 0.55 <= size_a / max(size_b, 1e-6) <= 1.8:
        return 0.0
    shared = overlap(expected, box)
    if shared >= 0.1:
        return 1.0 + shared
    across, down = expected[0] + expected[2] - box[0] - box[2], expected[1] + expected[3] - box[1] - box[3]
    return max(0.0, 1.0 - math.hypot(across / 2, down / 2) / (0.5 * (size_a + size_b)))


class CutDetector:
    """Says when the picture is another one altogether: a trail must not run from one shot into the next."""

    def __init__(self, share: float = 0.3) -> None:
        self._share = share
        self._last: NDArray[np.float32] | None = None

    def see(self, image: Image) -> bool:
        """True when the mean change of a 32x18 thumbnail exceeds ``share`` of its mean brightness (for sampled frames;
        somebody walking past the lens counts too, which only splits trails)."""
        import cv2

        small = cv2.resize(image, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2)
        last, self._last = self._last, small
        if last is None:
            return False
        return bool(np.abs(small - last).mean() > self._share * (max(small.mean(), last.mean()) + 8.0))
