"""The verification protocol of the LFW family: ten folds, the threshold chosen on nine, accuracy on the tenth.

An embedding is ``unit(f(x) + f(flip x))``; two are compared by their squared Euclidean distance (0..4 for unit
vectors); thresholds are 0, 0.01, ..., 3.99; folds are not shuffled; the smallest threshold of the best accuracy on the
other folds is used; the figure is the mean of the folds' accuracies (Huang et al. 2007, "Labeled Faces in the Wild",
view 2, with the grid that the field's published evaluations use).

Owns the arithmetic. Knows no pictures and no networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault

THRESHOLDS = np.arange(0, 400) / 100
"""Squared distances that are tried; ``np.arange(0, 4, 0.01)`` without its rounding."""

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""``(N, 112, 112, 3) uint8 RGB`` to ``(N, D) float32``."""


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """What came of K folds over N pairs: ``accuracy`` and ``threshold`` (K,) float64, ``right`` (N,) bool."""

    accuracy: NDArray[np.float64]
    threshold: NDArray[np.float64]
    right: NDArray[np.bool_]


def both_views(embed: Embed, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, D) float32, L2-normalised: ``unit(f(x) + f(flip x))`` of ``faces`` (N, H, W, 3). A recogniser that already
    normalises f weighs both views alike."""
    return _unit(np.asarray(embed(faces), np.float32) + embed(np.ascontiguousarray(faces[:, :, ::-1])))


def squared_distance(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) squared Euclidean distances of the rows of two (N, D) arrays. NaN where a row is NaN: no face was found."""
    return np.asarray(((left.astype(np.float64) - right) ** 2).sum(axis=-1))


def fold_numbers(n: int, folds: int = 10) -> NDArray[np.int64]:
    """(n,) fold of each pair, unshuffled: consecutive blocks, the first ``n % folds`` of them one longer."""
    return np.concatenate([np.full(len(part), k) for k, part in enumerate(np.array_split(np.arange(n), folds))])


def by_folds(
    distance: NDArray[np.floating],
    same: NDArray[np.bool_],
    folds: NDArray[np.integer] | None = None,
    thresholds: NDArray[np.floating] = THRESHOLDS,
) -> Folds:
    """The protocol over N pairs: ``distance`` (N,), ``same`` (N,) bool, ``folds`` (N,) fold numbers (None: ten equal
    consecutive ones). A pair is called the same person where its distance is *under* the threshold.

    A pair whose distance is NaN (a face was not found) is wrong at every threshold: it is counted, never left out.
    Raises UserFault when there are fewer than two folds, or lengths differ.
    """
    distance, same = np.asarray(distance, np.float64), np.asarray(same, bool)
    numbers = fold_numbers(len(same)) if folds is None else np.asarray(folds)
    if not len(distance) == len(same) == len(numbers):
        raise UserFault(f"{len(distance)} distances, {len(same)} labels and {len(numbers)} folds are not one list")
    labels = list(dict.fromkeys(numbers.tolist()))
    if len(labels) < 2:
        raise UserFault("one fold leaves nothing to choose the threshold on", fix="give at least two folds of pairs")
    seen = np.isfinite(distance)
    # (T, N): right at each threshold
    right = ((distance[None] < np.asarray(thresholds)[:, None]) == same[None]) & seen[None]
    accuracy, chosen = np.zeros(len(labels)), np.zeros(len(labels))
    out = np.zeros(len(same), bool)
    for k, label in enumerate(labels):
        test = numbers == label
        best = int(right[:, ~test].mean(axis=1).argmax())
        chosen[k], out[test] = thresholds[best], right[best, test]
        accuracy[k] = out[test].mean()
    return Folds(accuracy, chosen, out)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), np.float32)
