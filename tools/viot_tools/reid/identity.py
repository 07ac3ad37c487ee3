"""The same, another, or not to be told: one picture against everybody who was seen, under calibrated thresholds.

The stated false-accept rate is per *search*: a question against n people (or vehicles) has n chances to take a wrong
one for the right one, so each comparison gets ``far / n``, read off the measured curve (log-linear between its points;
past its strict end the last slope goes on). The look of a track is the normalised sum of its pictures' vectors, each
by its quality. Two of them that stand on one camera at the same time cannot both be right: the weaker one is not, and
where both are about equally alike (``margin``) nobody is named.

Owns the decision. Knows no picture, no library and no words. Where the numbers come from: ``calibrate``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_tools.reid.embed import Vectors, unit

Answer = Literal["same", "other", "unsure"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one model. ``curve``: (false-accept rate a comparison, cosine) from lax to strict; ``lower``:
    under it lies nobody but ``missed`` of the right ones; ``margin``: lead over somebody who was there at that time.

    ``far``: wrong searches among all in which the one asked for was not there.
    """

    model: str
    far: float
    curve: tuple[tuple[float, float], ...]
    lower: float
    missed: float
    margin: float

    def upper(self, n: int) -> float:
        """The cosine from which one of ``n`` is taken for the one asked for; 1 is out of reach."""
        rates = np.log10([rate for rate, _ in self.curve])
        scores = np.array([score for _, score in self.curve])
        wanted = float(np.log10(self.far / max(1, n)))
        if wanted < rates[-1]:
            slope = (scores[-1] - scores[-2]) / (rates[-1] - rates[-2])
            return float(min(1.0, scores[-1] + slope * (wanted - rates[-1])))
        return float(np.interp(wanted, rates[::-1], scores[::-1]))


def load(model: str) -> Calibration:
    """The shipped numbers of ``model``. Raises FailedFault for a model that was never calibrated."""
    row = _shipped().get(model)
    if row is None:
        raise FailedFault(
            f"the model {model} has no calibrated thresholds", fix="python -m viot_tools.reid.calibrate --data DIR"
        )
    return from_row(row)


def from_row(row: Mapping[str, Any]) -> Calibration:
    """A row of ``thresholds.json``; what it reports besides is for people."""
    return Calibration(
        model=str(row["model"]),
        far=float(row["far"]),
        curve=tuple((float(r), float(s)) for r, s in row["curve"]),
        lower=float(row["lower"]),
        missed=float(row["missed"]),
        margin=float(row["margin"]),
    )


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Mapping[str, Any]]:
    raw = json.loads((files("viot_tools.reid") / "thresholds.json").read_text("utf-8"))
    return {str(row["model"]): row for row in raw["calibrations"]}


def summary(vectors: Sequence[Vectors], qualities: Sequence[float]) -> Vectors:
    """(D,) the look of a track: its vectors by quality, summed and normalised."""
    weights = np.maximum(np.asarray(qualities, np.float32), 1e-3)
    return unit((np.stack(list(vectors)) * weights[:, None]).sum(0))


def decide(
    scores: NDArray[np.float64], beside: Callable[[int, int], bool], calibration: Calibration, n: int | None = None
) -> list[Answer]:
    """What each of N scores says. ``beside(i, j)`` tells whether two were seen together on one camera, and is asked of
    those at or over the threshold only; ``n``: how many were compared, where ``scores`` are a part of them."""
    count = len(scores) if n is None else n
    upper = calibration.upper(count)
    found: list[Answer] = [
        "same" if s >= upper else "other" if s < min(calibration.lower, upper) else "unsure" for s in scores
    ]
    order = sorted((i for i, a in enumerate(found) if a == "same"), key=lambda i: -scores[i])
    for place, i in enumerate(order):
        # one who is somebody else already rules nobody out
        rivals = [j for j in order[:place] if found[j] != "other" and beside(i, j)]
        if rivals:
            nearest = max(rivals, key=lambda j: -abs(scores[j] - scores[i]))
            found[i] = "other"
            if scores[nearest] - scores[i] < calibration.margin:
                found[i] = found[nearest] = "unsure"
    return found
