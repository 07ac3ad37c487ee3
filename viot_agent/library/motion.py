"""The motion gate: has the picture changed since it was last looked at?

Owns the comparison of small grey pictures. Decides nothing: analyzers read ``Shared.still`` and may answer with what
they found before. The state of one segment; a new segment starts with a look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Frame


@dataclass(frozen=True, slots=True)
class Gate:
    """``width`` pixels of the small picture; a pixel has changed by more than ``level`` grey steps of 256; the picture
    is still while less than ``share`` of it has changed, for at most ``hold`` seconds. ``share`` 0 = never still."""

    width: int = 160
    level: int = 12
    share: float = 0.002
    hold: float = 2.0


class MotionGate:
    """Feed it the sampled frames of a segment in order."""

    def __init__(self, gate: Gate = Gate()) -> None:
        self._gate = gate
        self._seen: NDArray[np.uint8] | None = None
        self._at = 0.0

    def look(self, frame: Frame) -> tuple[float, bool]:
        """(changed share of the picture since the last frame that was not still, 0..1; whether it is still)."""
        import cv2

        height, width = frame.image.shape[:2]
        size = (self._gate.width, max(1, round(height * self._gate.width / width)))
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        grey: NDArray[np.uint8] = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        share = 1.0
        if self._seen is not None and self._seen.shape == grey.shape:
            share = float(np.count_nonzero(cv2.absdiff(grey, self._seen) > self._gate.level)) / grey.size
        # a hair below: 2.0 s after a look at 5 fps the difference may come out as 1.9999999
        still = share < self._gate.share and frame.t - self._at < self._gate.hold - 1e-6
        if not still:
            self._seen, self._at = grey, frame.t
        return share, still
