"""When each frame of a file is shown.

Owns the timestamps of all frames and the step from seconds to frames, so that every reader agrees on them. Eight bytes
a frame: 24 hours at 25 fps are 17 MB, the only part of reading that grows with a file. Knows nothing of decoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

SLACK = 1e-3
"""Seconds: a time so little before a frame means that frame (people compute times as k / 29.97)."""

PtsArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Frames in the order in which they are shown.

    ``pts`` (N,) int64 ascending, in units of ``time_base`` seconds (``t = (pts - pts[0]) * time_base``); ``keys`` (K,)
    int64 ascending: the indices of frames at which decoding can begin; ``end`` the pts at which the last frame's time
    is over.
    """

    pts: PtsArray
    keys: PtsArray
    time_base: Fraction
    end: int

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)

    def t(self, index: int) -> float:
        """Seconds at which frame ``index`` is shown."""
        return float((int(self.pts[index]) - int(self.pts[0])) * self.time_base)

    def indices(self, times: Sequence[float]) -> PtsArray:
        """(T,) the frame on screen at each time; before the first: 0, past the end: the last."""
        wanted = np.asarray(times, np.float64)
        ticks = np.floor((wanted + SLACK) / float(self.time_base)) + float(self.pts[0])
        at = np.searchsorted(self.pts, ticks, side="right") - 1
        return np.asarray(np.clip(at, 0, len(self.pts) - 1), np.int64)

    def index_of(self, pts: int) -> int:
        """The index of the frame with this timestamp, or the one before it."""
        return max(0, int(np.searchsorted(self.pts, pts, side="right")) - 1)

    def key_before(self, index: int) -> int:
        """Which of ``keys`` (its position) is the last at or before frame ``index``; -1 when there is none."""
        return int(np.searchsorted(self.keys, index, side="right")) - 1

    @property
    def fps(self) -> float:
        """The average rate by timestamps; 0 for fewer than two frames."""
        if len(self) < 2:
            return 0.0
        return float((len(self) - 1) / ((int(self.pts[-1]) - int(self.pts[0])) * self.time_base))

    @property
    def variable(self) -> bool:
        """True when some frame stays longer or shorter than usual by more than a tenth and 2 ms (rounding apart)."""
        if len(self) < 3:
            return False
        gaps = np.diff(self.pts) * float(self.time_base)
        usual = float(np.median(gaps))
        return bool((np.abs(gaps - usual) > max(0.1 * usual, 0.002)).any())


def constant(n: int, fps: Fraction) -> Timeline:
    """A timeline of ``n`` frames at a constant rate: for files that carry no clock."""
    return Timeline(np.arange(n, dtype=np.int64), np.zeros(1, np.int64), 1 / fps, n)
