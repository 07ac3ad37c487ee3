"""Comparing faces behind masks: the covered part is put away on both sides, and both readings vote.

A mask lowers the likeness of two pictures of one person (they wear different ones) and raises that of two strangers in
the same one. ``periocular`` paints everything under the nose's bridge in the face's own mean colour, so that neither
side's mask is seen; what is left (eyes, brows, forehead) is embedded by the same network, without training. The vote is
a weighted mean of the two cosines, ``(1 - w) cos(full) + w cos(periocular)``. The product goes a similar way with one
vector a face, both parts whitened and weighed alike (``faces.worn``).

``choose`` picks the row and the weight on one half of the people; nothing of the other half is looked at. Owns the
painting, the fusion and the choice. Knows no detector and no product thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.verification.folds import THRESHOLDS

ROWS = (60, 66, 72)
"""Rows of the 112x112 crop from which on it is painted: the eyes lie at 52, the tip of the nose at 72."""
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
BROW = 20
"""The mean colour is taken from this row on: above is hair and background."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """``row`` from which on the face is painted, ``weight`` 0..1 of the periocular reading (0: the full face alone)."""

    row: int
    weight: float


def periocular(faces: NDArray[np.uint8], row: int) -> NDArray[np.uint8]:
    """A copy of aligned faces (N, 112, 112, 3) whose rows from ``row`` on have the mean colour of rows ``BROW`` to
    ``row``. Raises ValueError for a row outside the face."""
    if not BROW < row < faces.shape[1]:
        raise ValueError(f"row {row} does not cut a face of {faces.shape[1]} rows below the brows")
    out = faces.copy()
    out[:, row:] = np.round(faces[:, BROW:row].mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return out


def fused(full: NDArray[np.floating], upper: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
    """Squared distances of N pairs from those of both readings: with unit vectors, 2 minus twice the fused cosine."""
    return np.asarray((1 - weight) * full + weight * upper, np.float64)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, the squared distance under which two faces are one person, and the accuracy where it was."""

    fusion: Fusion
    threshold: float
    accuracy: float


def best_threshold(distance: NDArray[np.floating], same: NDArray[np.bool_]) -> tuple[float, float]:
    """(threshold, accuracy): the middle of the best run of ``THRESHOLDS``, genuine and impostor pairs weighing alike.
    A NaN distance is an error at every threshold."""
    seen = np.isfinite(distance)
    under = (distance[None] < THRESHOLDS[:, None]) & seen[None]
    over = (distance[None] >= THRESHOLDS[:, None]) & seen[None]
    rate = (under[:, same].mean(axis=1) + over[:, ~same].mean(axis=1)) / 2
    best = np.flatnonzero(rate >= rate.max() - 1e-12)
    return float(THRESHOLDS[best].mean()), float(rate.max())


def choose(
    full: NDArray[np.floating],
    upper: Mapping[int, NDArray[np.floating]],
    same: NDArray[np.bool_],
    weights: Sequence[float] = WEIGHTS,
) -> Choice:
    """The fusion of the best accuracy on N masked pairs: ``full`` (N,) squared distances of whole faces, ``upper`` row
    to those of the periocular readings. Of equals the smaller weight (the less that is changed), then the lower row.

    Raises UserFault without pairs of both kinds.
    """
    same = np.asarray(same, bool)
    if same.all() or not same.any():
        raise UserFault("choosing a fusion needs pairs of one person and pairs of two people")
    tried: list[Choice] = []
    for weight in sorted(weights):
        for row in sorted(upper, reverse=True):
            threshold, accuracy = best_threshold(fused(full, upper[row], weight), same)
            tried.append(Choice(Fusion(row, weight), threshold, accuracy))
    return max(tried, key=lambda c: c.accuracy)  # max keeps the first of equals


def right(distance: NDArray[np.floating], same: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
    """(N,) which pairs are told right at a threshold chosen elsewhere; NaN is wrong."""
    return np.asarray(np.isfinite(distance) & ((distance < threshold) == np.asarray(same, bool)))
