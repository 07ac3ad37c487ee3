"""Intervals over people. Pairs that share a person are not independent, so people are drawn again, never pairs.

A draw takes as many people as there are, with replacement; a pair of one person counts as often as that person was
drawn, a pair of two people as often as both together (the product): the pigeonhole bootstrap of Owen 2007 ("The
pigeonhole bootstrap", Annals of Applied Statistics 1), which errs on the wide side.

Owns the drawing. Knows no figure: statistics are the callers'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
Statistic = Callable[[NDArray[np.float64]], float]
"""Weights of the pairs (N,) float64 to a figure; all ones give the figure itself. NaN where a draw holds nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Who stands on each side of N pairs: ``left`` and ``right`` (N,) numbers of ``count`` people."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    count: int

    @property
    def same(self) -> NDArray[np.bool_]:
        """(N,) True where both sides are one person."""
        return np.asarray(self.left == self.right)


def pairing(left: Sequence[object], right: Sequence[object]) -> Pairing:
    """Number the people of N pairs."""
    numbers = {person: i for i, person in enumerate(dict.fromkeys([*left, *right]))}
    return Pairing(
        np.array([numbers[p] for p in left], np.int64), np.array([numbers[p] for p in right], np.int64), len(numbers)
    )


def interval(
    pairs: Pairing, statistic: Statistic, seed: int, draws: int = DRAWS, strata: NDArray[np.integer] | None = None
) -> tuple[float, float]:
    """95 % percentile interval of ``statistic`` over draws of people. ``strata`` (count,) numbers the sets that people
    belong to: people are then drawn within their set. Draws in which the statistic is NaN are left out; (nan, nan)
    where it always is."""
    rng = np.random.default_rng(seed)
    groups = [np.arange(pairs.count)] if strata is None else [np.flatnonzero(strata == s) for s in np.unique(strata)]
    found = []
    for _ in range(draws):
        times = np.zeros(pairs.count)
        for group in groups:
            np.add.at(times, group[rng.integers(0, len(group), len(group))], 1)
        weight = np.where(pairs.same, times[pairs.left], times[pairs.left] * times[pairs.right])
        found.append(statistic(weight))
    values = np.array(found)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def balanced(values: NDArray[np.floating], same: NDArray[np.bool_]) -> Statistic:
    """The statistic "mean of ``values`` (N,)", with genuine and impostor pairs kept at their shares of the list: draws
    of people would otherwise change how many of each there are."""
    values, shares = np.asarray(values, np.float64), []
    for kind in (same, ~same):
        if kind.any():
            shares.append((float(kind.mean()), kind))

    def mean(weight: NDArray[np.float64]) -> float:
        total = 0.0
        for share, kind in shares:
            w = weight[kind]
            if w.sum() <= 0:
                return float("nan")
            total += share * float((w * values[kind]).sum() / w.sum())
        return total

    return mean


def exact(low: float, high: float, value: float, units: int) -> tuple[float, float]:
    """The interval, but for a rate that came out 0 or 1 in every draw the exact one of Clopper and Pearson 1934 over
    ``units`` people: drawing again from equal values would claim certainty."""
    if low == high == value and value in (0.0, 1.0) and units:
        least = 0.025 ** (1 / units)
        return (least, 1.0) if value == 1.0 else (0.0, 1 - least)
    return low, high
