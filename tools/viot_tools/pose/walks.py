"""Walking, by the way that a person's box takes: what is upright and goes steadily through the picture is on its feet.

A pose model loses people who are small or seen from above; the detector's box does not. Around a moment t, with H the
mean height of the box within ``AROUND`` seconds:

- *tall*: the box is at least ``TALL`` times as high as wide, in the middle;
- *speed*: the lower edge's middle goes ``SLOW`` to ``FAST`` H a second, by least squares over the boxes; slower is
  swaying, faster a cyclist, a runner or a box that changed its owner;
- *steady*: that line explains most of the way, and the box does not grow or shrink faster than ``GROWTH`` of itself a
  second, as it does where it is cut by the border.

A camera that is carried moves everybody so; it is not told apart here. The limits are set from what walking is (1.4 m/s
is 0.8 H a second across the picture, a third of it towards or away from a high camera), and looked at on the
development clips of ``datasets/viot_qa``. Owns this rule. Knows no pose, no network and no sentence.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

AROUND: Final = 1.0
"""Seconds to either side of a moment."""
LEAST: Final = 5
"""Boxes that must lie there, over at least ``AROUND`` seconds."""
TALL: Final = 1.7
SLOW: Final = 0.25
FAST: Final = 1.4
GROWTH: Final = 0.4
STEADY: Final = 0.2
"""Share of the way by which the boxes may lie off the line, as a standard deviation."""
JOIN: Final = 0.6
"""Seconds between two such moments that are one stretch."""


def walks(ts: NDArray[np.float64], boxes: NDArray[np.float32]) -> list[tuple[float, float]]:
    """The stretches in which a person walks: ``ts`` (N,) rising POSIX seconds, ``boxes`` (N, 4) xyxy pixels."""
    found: list[tuple[float, float]] = []
    for t in ts[_walking(ts, boxes)].tolist():
        if found and t - found[-1][1] <= JOIN:
            found[-1] = found[-1][0], t
        else:
            found.append((t, t))
    return [(a, b) for a, b in found if b > a]


def _walking(ts: NDArray[np.float64], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether the rule holds around each box; by running sums, for a person may stay for hours."""
    if not len(ts):
        return np.zeros(0, bool)
    low = np.searchsorted(ts, ts - AROUND - 1e-6)
    high = np.searchsorted(ts, ts + AROUND + 1e-6, "right")
    n = (high - low).astype(np.float64)
    x0, y0, x1, y1 = boxes.astype(np.float64).T
    heights, widths = np.maximum(y1 - y0, 1.0), np.maximum(x1 - x0, 1.0)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        run = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray((run[high] - run[low]) / n)

    t = ts - ts[0]
    spread = np.maximum(mean(t * t) - mean(t) ** 2, 1e-9)

    def line(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Slope a second, and the variance that the line leaves."""
        middle = values.mean()
        v = values - middle
        slope = (mean(t * v) - mean(t) * mean(v)) / spread
        return slope, np.maximum(mean(v * v) - mean(v) ** 2 - slope**2 * spread, 0.0)

    across, off_x = line((x0 + x1) / 2)
    down, off_y = line(y1)
    tall = mean(heights)
    speed = np.hypot(across, down) / tall
    off = np.sqrt(off_x + off_y) / tall
    growth, _ = line(np.log(heights))
    seconds = ts[high - 1] - ts[low]
    return np.asarray(
        (n >= LEAST)
        & (seconds >= AROUND)
        & (tall >= TALL * mean(widths))
        & (speed >= SLOW)
        & (speed <= FAST)
        & (np.abs(growth) <= GROWTH)
        & (off <= STEADY * speed * seconds)
    )
