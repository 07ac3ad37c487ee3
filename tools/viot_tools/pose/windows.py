"""From stored poses to what the skeleton network reads: windows of two seconds on an even grid, free of place and size.

A window holds ``FRAMES`` moments ``STEP`` apart. Poses between two stored ones are interpolated, over gaps of up to
``GAP`` (a still picture is looked at every two seconds only); the ends of a short track are held. Features, (7, 10, 17)
float32: place relative to the middle of the torso (2), way of that middle (2), speed of each joint (2), all in units of
the body's spread, and the score.

Owns the network's input. Training (``viot_finetune.vision``) and asking use this one function. Knows no storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP: Final = 0.2
FRAMES: Final = 10
CHANNELS: Final = 7
GAP: Final = 2.3
EVERY: Final = 2
"""Windows start every second grid point: each moment is seen by five windows."""
ENOUGH: Final = 6
"""Grid points of ten that must lie on or between poses; a shorter track is too short to tell."""
_TORSO: Final = (5, 6, 11, 12)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a track: ``start`` POSIX seconds of its first moment, ``keypoints`` (10, 17, 3) float32."""

    start: float
    keypoints: NDArray[np.float32]

    @property
    def middle(self) -> float:
        return self.start + STEP * (FRAMES - 1) / 2

    @property
    def end(self) -> float:
        return self.start + STEP * (FRAMES - 1)


def windows(ts: NDArray[np.float64], keypoints: NDArray[np.float32]) -> Iterator[Window]:
    """The windows of one track's poses, ``ts`` (N,) rising and ``keypoints`` (N, 17, 3), in order of time."""
    if not len(ts):
        return
    steps = round((float(ts[-1]) - float(ts[0])) / STEP) + 1
    grid = ts[0] + STEP * np.arange(max(steps, FRAMES))
    # a short track stands in the middle of its only window
    if steps < FRAMES:
        grid = grid - STEP * ((FRAMES - steps) // 2)
    good = _on_or_between(grid, ts)
    dense = np.stack([np.interp(grid, ts, keypoints[:, j, c]) for j in range(17) for c in range(3)], 1).reshape(
        len(grid), 17, 3
    )
    for first in range(0, len(grid) - FRAMES + 1, EVERY):
        part = slice(first, first + FRAMES)
        if int(good[part].sum()) >= ENOUGH:
            yield Window(float(grid[first]), dense[part].astype(np.float32))


def _on_or_between(grid: NDArray[np.float64], ts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which grid points lie near a pose or between two that are at most ``GAP`` apart."""
    after = np.clip(np.searchsorted(ts, grid), 0, len(ts) - 1)
    before = np.clip(after - 1, 0, len(ts) - 1)
    near = np.minimum(np.abs(grid - ts[after]), np.abs(grid - ts[before])) <= STEP * 0.75
    inside = (grid >= ts[before]) & (grid <= ts[after]) & (ts[after] - ts[before] <= GAP)
    return np.asarray(near | inside)


def features(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 10, 17, 3) key points in pixels to (..., 7, 10, 17) features."""
    xy, score = keypoints[..., :2].astype(np.float64), np.clip(keypoints[..., 2], 0, 1).astype(np.float64)
    weight = (score + 0.05)[..., None]
    mean = (xy * weight).sum(-2, keepdims=True) / weight.sum(-2, keepdims=True)
    spread = np.sqrt((((xy - mean) ** 2).sum(-1, keepdims=True) * weight).sum(-2) / weight.sum(-2))[..., 0]
    scale = np.maximum(np.percentile(spread, 75, axis=-1), 1e-3)[..., None, None, None]
    torso, held = xy[..., _TORSO, :], weight[..., _TORSO, :]
    centre = (torso * held).sum(-2, keepdims=True) / held.sum(-2, keepdims=True)
    place = (xy - centre) / scale
    way = np.broadcast_to((centre - centre.mean(-3, keepdims=True)) / scale, xy.shape)
    speed = np.diff(xy, axis=-3, prepend=xy[..., :1, :, :]) / scale
    made = np.concatenate([place, way, speed, score[..., None]], -1)
    return np.ascontiguousarray(np.moveaxis(np.clip(made, -6, 6), -1, -3), np.float32)
