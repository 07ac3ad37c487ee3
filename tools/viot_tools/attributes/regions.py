"""Where in the picture of a person the upper and the lower clothing are.

By the key points of the body where a pose was estimated and they are sure, else by fixed shares of a standing person's
box. A box that is too wide for a whole standing person shows half of one: its lower clothing is not looked for.

Owns this geometry. Knows no colours, no model and no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import Keypoints
from viot_agent.media.types import XYXY, Image

SURE: Final = 0.3
"""The least score of a key point that is believed."""
WHOLE: Final = 0.62
"""Width by height of a box above which it is no whole standing person."""
UPPER: Final = (0.28, 0.20, 0.72, 0.46)
LOWER: Final = (0.30, 0.55, 0.70, 0.82)
"""Left, top, right, bottom as shares of a standing person's box."""
HALF: Final = (0.25, 0.55, 0.75, 0.95)
"""The upper clothing in the box of half a person."""

Part = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Parts:
    """Left, top, right, bottom of the clothing as shares of the box; None where it is not to be seen."""

    upper: Part | None
    lower: Part | None


def parts(xyxy: XYXY, pose: Keypoints | None = None) -> Parts:
    """The parts of a person's box, in pixels of the frame as ``pose`` is."""
    width, height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
    if pose is not None:
        seen = pose[:, 2] >= SURE
        at = np.asarray((pose[:, :2] - np.array(xyxy[:2])) / np.array([width, height]), np.float32)
        if seen[[5, 6, 11, 12]].all():
            return _by_pose(at, seen)
    if width > WHOLE * height:
        return Parts(HALF, None)
    return Parts(UPPER, LOWER)


def _by_pose(at: NDArray[np.float32], seen: NDArray[np.bool_]) -> Parts:
    """``at`` (17, 2) shares of the box; shoulders and hips are sure."""
    shoulders, hips = at[[5, 6]], at[[11, 12]]
    upper = _between(shoulders, hips, 0.12, 0.8)
    knees = [k for k in (13, 14) if seen[k]]
    return Parts(upper, _between(hips, at[knees], 0.1, 0.95) if knees else None)


def _between(a: NDArray[np.float32], b: NDArray[np.float32], first: float, last: float) -> Part | None:
    """The box from ``first`` to ``last`` of the way from points ``a`` to ``b``; None where next to nothing is left."""
    start, end = a.mean(0) + first * (b.mean(0) - a.mean(0)), a.mean(0) + last * (b.mean(0) - a.mean(0))
    spread = max(float(np.ptp(a[:, 0])), float(np.ptp(b[:, 0])), 0.16) * 0.42
    tall = max(float(np.ptp(a[:, 1])), float(np.ptp(b[:, 1])), 0.04) * 0.42
    left, right = min(start[0], end[0]) - spread, max(start[0], end[0]) + spread
    top, bottom = min(start[1], end[1]) - tall * 0.2, max(start[1], end[1]) + tall * 0.2
    part = (max(0.0, float(left)), max(0.0, float(top)), min(1.0, float(right)), min(1.0, float(bottom)))
    return part if part[2] - part[0] > 0.05 and part[3] - part[1] > 0.03 else None


def cut(picture: Image, part: Part) -> Image:
    """The pixels of a part of a picture; at least two a side."""
    height, width = picture.shape[:2]
    left, top = min(int(part[0] * width), width - 2), min(int(part[1] * height), height - 2)
    return picture[top : max(top + 2, int(part[3] * height)), left : max(left + 2, int(part[2] * width))]
