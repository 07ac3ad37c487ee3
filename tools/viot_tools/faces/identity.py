"""Who is it? Three answers: *match*, *no*, *unsure*. Several frames of one track vote, under calibrated thresholds.

The stated false-accept rate is per *search of one track among all enrolled people*: a comparison with n people has n
chances to be wrong, so each comparison gets far / n, read off the measured curve. ``LEAST_GALLERY`` stands in for
a smaller n, so that enrolling a second person does not change what was said of the first. Past the end of the curve its
last point holds, and the rate then grows with n (``Calibration.measured_to``).

A face that is small in all its frames is judged by joint vectors (``joint``), the same way, under their own thresholds.

Owns the decision. Knows no pictures, no library and no words. How the numbers were chosen: ``calibrate``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault
from viot_tools.faces.recognise import unit

Answer = Literal["match", "no", "unsure"]

LEAST_GALLERY = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one recogniser behind one detector.

    ``curve``: (false-accept rate per comparison, cosine) from lax to strict. ``lower``: below it a face of good quality
    is somebody else. ``lower_poor``: the same for a face under the ``gate``. ``margin``: lead over the runner-up among
    the enrolled. ``gate``: least quality at which anybody is named. ``same``: cosine at which the summaries of two
    unknown tracks are taken for one person.
    """

    model: str
    model_version: str
    detector: str
    far: float
    curve: tuple[tuple[float, float], ...]
    lower: float
    lower_poor: float
    margin: float
    gate: float
    same: float

    @property
    def measured_to(self) -> int:
        """The number of enrolled people up to which the stated rate is measured."""
        return max(1, int(self.far / self.curve[-1][0] + 0.5))

    def upper(self, enrolled: int = 1) -> float:
        """The cosine at which a track is named, among ``enrolled`` people; log-linear between measured rates."""
        rates = np.log10([far for far, _ in self.curve])[::-1]
        scores = np.array([score for _, score in self.curve])[::-1]
        return float(np.interp(np.log10(self.far / max(LEAST_GALLERY, enrolled)), rates, scores))


def load(model: str, detector: str) -> Calibration:
    """The shipped numbers. Raises FailedFault for a recogniser that was never calibrated behind this detector."""
    raw = json.loads((files("viot_tools.faces") / "thresholds.json").read_text("utf-8"))
    row = next((r for r in raw["calibrations"] if (r["model"], r["detector"]) == (model, detector)), None)
    if row is None:
        raise FailedFault(
            f"the face recogniser {model} has no calibrated thresholds behind the detector {detector}",
            fix=str(raw["command"]),
        )
    return from_row(row)


def from_row(row: Mapping[str, Any]) -> Calibration:
    """A row of ``thresholds.json``; what it reports besides (rates on the other half) is for people."""
    return Calibration(
        model=str(row["model"]),
        model_version=str(row["model_version"]),
        detector=str(row["detector"]),
        far=float(row["far"]),
        curve=tuple((float(f), float(s)) for f, s in row["curve"]),
        lower=float(row["lower"]),
        lower_poor=float(row["lower_poor"]),
        margin=float(row["margin"]),
        gate=float(row["gate"]),
        same=float(row["same"]),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """One embedded frame of a track: ``vector`` (D,) L2-normalised, ``quality`` 0..1."""

    ts: float
    quality: float
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the looks of one track say. ``who`` and ``score``: the best enrolled person, whatever the answer;
    ``runner_up`` the next one's score (-1 when there is none). ``poor``: no look passed the gate."""

    answer: Answer
    who: str
    score: float
    runner_up: float
    poor: bool
    scores: Mapping[str, float]


def template(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) the normalised mean of a person's pictures (N, D): one comparison a person, however many pictures."""
    return unit(vectors.mean(axis=0))


def vote(looks: Sequence[Look], people: Mapping[str, NDArray[np.float32]], calibration: Calibration) -> Verdict:
    """Compare a track with the templates of all enrolled people (name to (D,)).

    The score of a person is the cosine to the track's :func:`summary` (of the looks that pass the gate; of all looks
    when none passes, which never gives a match). Summing the looks before comparing cancels what differs between
    frames: on the calibration faces four looks lift the lowest 0.5 % of genuine scores from 0.28 to 0.48 and leave the
    impostors' where they were. *match*: the best person reaches the threshold and leads by the margin. *no*: even the
    best stays below ``lower``. All between is *unsure*. ``looks`` must not be empty.
    """
    poor = is_poor(looks, calibration)
    names = sorted(people)
    if not names:
        return Verdict("unsure" if poor else "no", "", -1.0, -1.0, poor, {})
    cosines = np.stack([people[name] for name in names]) @ summary(looks, calibration)
    scores = {name: float(s) for name, s in zip(names, cosines, strict=True)}
    order = sorted(names, key=lambda name: (-scores[name], name))
    best, score = order[0], scores[order[0]]
    runner_up = scores[order[1]] if len(order) > 1 else -1.0
    answer: Answer
    if not poor and score >= calibration.upper(len(names)) and score - runner_up >= calibration.margin:
        answer = "match"
    else:
        answer = "unsure" if could_be(score, poor, calibration) else "no"
    return Verdict(answer, best, score, runner_up, poor, scores)


def doubles(name: str, people: Mapping[str, NDArray[np.float32]], calibration: Calibration) -> list[str]:
    """The others whose template is as like to ``name``'s as a match must be: one face under several names, so that no
    camera can tell which of them it saw."""
    if name not in people:
        return []
    least = calibration.upper(len(people))
    return sorted(n for n, v in people.items() if n != name and float(v @ people[name]) >= least)


def is_poor(looks: Sequence[Look], calibration: Calibration) -> bool:
    """True when no look passes the gate."""
    return all(look.quality < calibration.gate for look in looks)


def summary(looks: Sequence[Look], calibration: Calibration) -> NDArray[np.float32]:
    """(D,) the normalised sum of a track's looks, weighted by quality: of those that pass the gate, or of all if none
    does."""
    used = [look for look in looks if look.quality >= calibration.gate] or list(looks)
    weights = np.array([max(look.quality, 1e-3) for look in used], np.float32)
    return unit((weights[:, None] * np.stack([look.vector for look in used])).sum(0))


def linked(
    looks: Sequence[Look],
    verdict: Verdict,
    matched: Mapping[str, Sequence[NDArray[np.float32]]],
    calibration: Calibration,
    enrolled: int,
    margin: float,
) -> float | None:
    """The second way to a match, for a track in doubt: its best person leads by the ``margin`` (of the calibration
    that gave the verdict), *and* the track is as like to one that was itself named that person (``matched``: name to
    summaries, of the same camera and about the same time) as a match must be. Two independent accidents are needed to
    be wrong. One step only: linked tracks link no further. Returns the cosine to the other track, or None."""
    if verdict.answer != "unsure" or verdict.poor or verdict.score - verdict.runner_up < margin:
        return None
    own = summary(looks, calibration)
    best = max((float(own @ other) for other in matched.get(verdict.who, ())), default=-1.0)
    return best if best >= calibration.upper(enrolled) else None


def could_be(score: float, poor: bool, calibration: Calibration) -> bool:
    """True when a score does not rule a person out."""
    return score >= (calibration.lower_poor if poor else calibration.lower)


def cluster(vectors: NDArray[np.float32], same: float, apart: Sequence[tuple[int, int]] = ()) -> list[int]:
    """Group (N, D) unit vectors: average linkage on the cosine, merging while the mean cosine is at least ``same``.

    ``apart`` names pairs that cannot be one person (seen at once by one camera). Returns a label 0, 1, ... for each
    row, numbered by first appearance; deterministic (ties fall to the earlier pair). O(N^2) a merge.
    """
    n = len(vectors)
    if n == 0:
        return []
    cosine = np.asarray(vectors @ vectors.T, np.float64)
    for i, j in apart:
        cosine[i, j] = cosine[j, i] = -np.inf  # an average with it stays minus infinity: the ban is inherited
    np.fill_diagonal(cosine, -np.inf)
    sizes, owner = np.ones(n), np.arange(n)
    while True:
        i, j = sorted(divmod(int(np.argmax(cosine)), n))
        if cosine[i, j] < same:
            break
        merged = (sizes[i] * cosine[i] + sizes[j] * cosine[j]) / (sizes[i] + sizes[j])
        cosine[i], cosine[:, i] = merged, merged
        cosine[i, i] = -np.inf
        cosine[j], cosine[:, j] = -np.inf, -np.inf
        sizes[i] += sizes[j]
        owner[owner == j] = i
    numbers: dict[int, int] = {}
    return [numbers.setdefault(int(root), len(numbers)) for root in owner]
