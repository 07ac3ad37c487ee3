"""Wrong labels, put in on purpose: what a recogniser does with them is what SFace is about.

Owns the drawing. Symmetric noise: a share of the pictures gets the label of another person, drawn evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault


def noisy(
    labels: NDArray[np.int64], classes: int, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """``labels`` (N,) with exactly ``round(share * N)`` of them changed, each to another of the ``classes``, and which
    (N,) were. A share of 0.2 at one seed changes a subset of what 0.4 changes. Raises UserFault for a share outside
    0..1 or fewer than two classes."""
    if not 0 <= share <= 1:
        raise UserFault(f"the share of wrong labels must be from 0 to 1, not {share}", fix="20 % is 0.2")
    if share and classes < 2:
        raise UserFault("a label can only be wrong where there are at least two people")
    rng = np.random.default_rng([seed, 17])
    order = rng.permutation(len(labels))
    # drawn for all, so that the changed labels do not depend on the share either
    away = rng.integers(1, max(2, classes), len(labels))
    wrong = np.zeros(len(labels), bool)
    wrong[order[: round(share * len(labels))]] = True
    return np.where(wrong, (labels + away) % classes, labels), wrong
