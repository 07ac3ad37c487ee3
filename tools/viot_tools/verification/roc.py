"""Receiver operating characteristics: how many genuine pairs are accepted at a stated share of false accepts.

Scores rise with likeness (a cosine, or minus a distance). A pair is accepted where its score is *over* the threshold;
the threshold of a rate is the smallest impostor score that lets at most that share of impostors pass. A genuine pair
whose score is NaN (a face was not found) is never accepted; an impostor's neither.

Owns the curve and its refusal: a rate that the impostors at hand are too few to show is not reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.verification.people import Pairing, exact, interval

LEAST_FALSE = 10
"""False accepts that a rate must leave room for: with ten, the 95 % interval of the rate itself is about half to twice
it; with three it is a fifth to three times."""


class TooFew(UserFault):
    """The impostor pairs cannot show the rate that was asked for."""


@dataclass(frozen=True, slots=True)
class Rate:
    """True accepts ``tar`` at ``threshold``; ``far`` the share of impostors that pass there."""

    asked: float
    far: float
    tar: float
    threshold: float
    low: float
    high: float
    genuine: int
    impostor: int


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """From strict to lax: ``far`` and ``tar`` (M,) at ``threshold`` (M,), starting with nothing accepted."""

    far: NDArray[np.float64]
    tar: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def auc(self) -> float:
        """Area under the curve: the chance that a genuine pair scores over an impostor, ties counted one half."""
        return float(np.trapezoid(self.tar, self.far))


def roc(score: NDArray[np.floating], same: NDArray[np.bool_]) -> Curve:
    """The curve of N pairs. Raises UserFault without a pair of either kind."""
    score, same = _told(score, same)
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    steps = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])  # the last of each run of equal scores
    tar = np.cumsum(same[order])[steps] / same.sum()
    far = np.cumsum(~same[order])[steps] / (~same).sum()
    return Curve(np.r_[0.0, far], np.r_[0.0, tar], np.r_[np.inf, ordered[steps]])


def needed(far: float, least: int = LEAST_FALSE) -> int:
    """Impostor pairs that a rate needs."""
    return math.ceil(round(least / far, 6))


def tar_at_far(
    score: NDArray[np.floating],
    same: NDArray[np.bool_],
    far: float,
    *,
    pairs: Pairing | None = None,
    seed: int = 0,
    draws: int = 300,
    least: int = LEAST_FALSE,
) -> Rate:
    """True accepts at a false-accept rate, with an interval over people where ``pairs`` says who they are (the
    threshold is chosen again in every draw); without, the interval is (nan, nan).

    Raises TooFew when fewer than ``least / far`` impostor pairs are there, UserFault for a rate outside (0, 1).
    """
    if not 0 < far < 1:
        raise UserFault(f"a false-accept rate of {far:g} makes no sense", fix="give one between 0 and 1, such as 1e-3")
    score, same = _told(score, same)
    impostor = int((~same).sum())
    if impostor < needed(far, least):
        raise TooFew(
            f"{impostor} impostor pairs cannot show a false-accept rate of {far:g}",
            fix=f"{needed(far, least)} are needed; ask for {least / impostor:.2g} or more" if impostor > least else "",
        )
    order = np.argsort(-score[~same], kind="stable")
    strange = score[~same][order]
    genuine = score[same]

    def at(weight: NDArray[np.float64]) -> tuple[float, float, float]:
        mine, theirs = weight[same], weight[~same][order]
        if mine.sum() <= 0 or theirs.sum() <= 0:
            return float("nan"), float("nan"), float("nan")
        passed = np.cumsum(theirs) / theirs.sum()
        # the first impostor that would break the rate sets the threshold: scores over it are accepted
        i = min(int((passed > far * (1 + 1e-9)).argmax()), len(strange) - 1)
        threshold = float(strange[i])
        accepted = float(theirs[strange > threshold].sum() / theirs.sum())
        return float(mine[genuine > threshold].sum() / mine.sum()), accepted, threshold

    tar, shown, threshold = at(np.ones(len(same)))
    low = high = float("nan")
    if pairs is not None:
        low, high = interval(pairs, lambda w: at(w)[0], seed, draws)
        low, high = exact(low, high, tar, pairs.count)
    return Rate(far, shown, tar, threshold, low, high, int(same.sum()), impostor)


def _told(score: NDArray[np.floating], same: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores with NaN as minus infinity, and labels. Raises UserFault where no curve can be drawn."""
    score, same = np.asarray(score, np.float64), np.asarray(same, bool)
    if len(score) != len(same):
        raise UserFault(f"{len(score)} scores and {len(same)} labels are not one list")
    if same.all() or not same.any():
        raise UserFault("a curve needs pairs of one person and pairs of two people")
    return np.where(np.isnan(score), -np.inf, score), same
