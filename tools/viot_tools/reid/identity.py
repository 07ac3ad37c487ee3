"""The same, another, or not to be told: one picture against everybody who was seen, under calibrated thresholds.

The stated false-accept rate is per *search*: a question against n people (or vehicles) has n chances to take a wrong
one for the right one, so each comparison gets ``far / n``, read off the measured curve (log-linear between its points;
past its strict end the last slope goes on). The look of a track is the normalised sum of its pictures' vectors, each by
its quality.

Strangers look more alike on one camera than on another (from above, in one light, in one uniform), so people are
compared by how much more alike they are than strangers of that camera are to the one asked for: cosine minus the median
over everybody seen there (test normalisation; Auckenthaler et al., "Score Normalization for Text-Independent Speaker
Verification Systems", Digital Signal Processing 2000; here the median for the mean, and no division). Two of them that
stand on one camera at the same time cannot both be right: the weaker one is not, and where both are about equally alike
(``margin``) nobody is named.

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
FEW = 4
"""How many people of a camera weigh as much as not knowing the camera."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one model. ``curve``: (false-accept rate a comparison, cosine) from lax to strict; ``lower``:
    under it lies nobody but ``missed`` of the right ones; ``margin``: lead over somebody who was there at that time.

    ``far``: wrong searches among all in which the one asked for was not there. ``levels``: the lowest and the highest
    median cosine of strangers on any camera; the curve counts from a camera's own (``level``). (0, 0): as it is.
    """

    model: str
    far: float
    curve: tuple[tuple[float, float], ...]
    lower: float
    missed: float
    margin: float
    levels: tuple[float, float] = (0.0, 0.0)

    def level(self, scores: NDArray[np.float64]) -> float:
        """What a stranger scores on a camera whose people score ``scores`` (N,): the median, inside ``levels``; of few
        people nearer to the upper end, which is the careful one."""
        low, high = self.levels
        if not len(scores):
            return high
        return float(np.clip((len(scores) * np.median(scores) + FEW * high) / (len(scores) + FEW), low, high))

    def upper(self, n: int) -> float:
        """The cosine over a camera's level from which one of ``n`` is taken for the one asked for; 1 is out of
        reach."""
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
    """A row of ``thresholds.json``; what it reports besides is for people. Only people's rows have ``levels``."""
    low, high = row.get("levels", (0.0, 0.0))
    return Calibration(
        model=str(row["model"]),
        far=float(row["far"]),
        curve=tuple((float(r), float(s)) for r, s in row["curve"]),
        lower=float(row["lower"]),
        missed=float(row["missed"]),
        margin=float(row["margin"]),
        levels=(float(low), float(high)),
    )


def thresholds_words(model: str, kind: str) -> str:
    """From which cosine on one of ``kind`` ("people") is taken for the one asked for, and how often wrongly."""
    row = _shipped().get(model)
    if row is None:
        return "no calibrated thresholds"
    by = from_row(row)
    low, high = by.levels
    over = f" over the camera's own level, which lies between {low:g} and {high:g}" if high else ""
    return (
        f"told among 10 {kind} from {by.upper(10):.3f}, among 100 from {by.upper(100):.3f}{over} "
        f"(cosines that {by.far:g} of searches for strangers pass)"
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
    scores: NDArray[np.float64],
    beside: Callable[[int, int], bool],
    calibration: Calibration,
    n: int | None = None,
    levels: NDArray[np.float64] | float = 0.0,
) -> list[Answer]:
    """What each of N scores says.

    ``beside(i, j)`` tells whether two were seen together on one camera, and is asked only where one is at or over the
    threshold; ``n``: how many were compared, where ``scores`` are a part of them; ``levels``: (N,) or one, of the
    cameras that saw them.
    """
    count = len(scores) if n is None else n
    lead = scores - levels
    upper = calibration.upper(count)
    found: list[Answer] = [
        "same" if over >= upper else "other" if s < calibration.lower else "unsure"
        for s, over in zip(scores, lead, strict=True)
    ]
    order = sorted((i for i, a in enumerate(found) if a == "same"), key=lambda i: -lead[i])
    for place, i in enumerate(order):
        # one who is somebody else already rules nobody out
        rivals = [j for j in order[:place] if found[j] != "other" and beside(i, j)]
        if rivals:
            nearest = max(rivals, key=lambda j: -abs(lead[j] - lead[i]))
            found[i] = "other"
            if lead[nearest] - lead[i] < calibration.margin:
                found[i] = found[nearest] = "unsure"
    sure = [i for i in order if found[i] == "same"]
    for i, answer in enumerate(found):
        if answer == "unsure" and any(lead[j] - lead[i] >= calibration.margin and beside(i, j) for j in sure):
            found[i] = "other"  # the one asked for stood beside
    return found
