"""How alike strangers look on one camera: comparisons inside a view, where nobody can be taken for himself.

A *view* is a sequence of MOT17-mini (truth identities) or a clip. Of a clip, two are surely two who stand apart in one
frame for longer than ``AT_ONCE``, or who belong to different *visits*: stretches of time that were looked through by
eye, and nobody comes twice (``datasets/annotations/visits.json``). Every view counts the same, however many people it
shows: a fleet's cameras are alike a handful of views, not a handful of crowds.

Owns the views and their tail. Knows no thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY
from viot_tools.reid.embed import Vectors
from viot_tools.reid.identity import summary
from viot_tools.reid.sightings import AT_ONCE

if TYPE_CHECKING:
    from viot_tools.bench.clip_people import Followed

LATER = 2.0
"""Seconds after which a picture of the same person is another moment."""
OVERLAP = 0.3
"""Share of the smaller box from which two boxes may be one person found twice."""
LEAST = 30
"""Comparisons under which a view tells nothing of its tail."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One picture against the looks of its view: cosines to surely ``strange`` ones (S,), to ``everybody`` (N,) that a
    question would meet there, and to its own look at another moment (``own``; None when there is none)."""

    strange: NDArray[np.float64]
    everybody: NDArray[np.float64]
    own: float | None


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The searches of one view."""

    name: str
    searches: tuple[Search, ...]

    @property
    def strange(self) -> NDArray[np.float64]:
        """Every comparison of two who are surely two."""
        return np.concatenate([s.strange for s in self.searches]) if self.searches else np.zeros(0)


def sequence_view(name: str, vectors: Sequence[Vectors]) -> View:
    """Of truth identities: ``vectors`` one (n, D) a person. The own look is that of the other pictures."""
    looks = np.stack([summary(list(v), [1.0] * len(v)) for v in vectors])
    found = []
    for i, own in enumerate(vectors):
        others = np.arange(len(vectors)) != i
        for k, vector in enumerate(own):
            scores = looks.astype(np.float64) @ vector
            rest = [v for m, v in enumerate(own) if m != k]
            again = float(summary(rest, [1.0] * len(rest)) @ vector) if rest else None
            found.append(Search(scores[others], scores, again))
    return View(name, tuple(found))


def clip_view(name: str, people: Sequence[Followed], vectors: Sequence[Vectors], visits: Sequence[float]) -> View:
    """Of a clip: ``vectors`` one (n, D) for the pictures of each of ``people``; ``visits`` the seconds between two."""
    looks = np.stack([summary(list(v), [p.quality for p in f.pictures]) for f, v in zip(people, vectors, strict=True)])
    found = []
    for i, (one, own) in enumerate(zip(people, vectors, strict=True)):
        two = np.array([j != i and surely_two(one, other, visits) for j, other in enumerate(people)])
        for picture, vector in zip(one.pictures, own, strict=True):
            scores = looks.astype(np.float64) @ vector
            later = [k for k, p in enumerate(one.pictures) if abs(p.t - picture.t) >= LATER]
            rest = summary([own[k] for k in later], [one.pictures[k].quality for k in later]) if later else None
            found.append(Search(scores[two], scores, None if rest is None else float(rest @ vector)))
    return View(name, tuple(found))


def surely_two(a: Followed, b: Followed, visits: Sequence[float]) -> bool:
    """Of different visits, or apart in the same frames for longer than ``AT_ONCE``."""
    if any((max(a.boxes) < cut) != (max(b.boxes) < cut) for cut in visits):
        return True
    together = sorted(set(a.boxes) & set(b.boxes))
    apart = all(overlap(a.boxes[t], b.boxes[t]) < OVERLAP for t in together)
    return bool(together and apart and together[-1] - together[0] > AT_ONCE)


def overlap(a: XYXY, b: XYXY) -> float:
    """Intersection over the smaller of two boxes, 0..1."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    least = min((r[2] - r[0]) * (r[3] - r[1]) for r in (a, b))
    return max(0.0, across) * max(0.0, down) / least if least > 0 else 1.0


def levels(views: Sequence[View]) -> tuple[float, float]:
    """The lowest and the highest median cosine of strangers of ``views``."""
    medians = [float(np.median(v.strange)) for v in views]
    return min(medians), max(medians)


def tail(values: Sequence[NDArray[np.float64]], share: float) -> float:
    """The least value that at most ``share`` of the comparisons exceed, when every set of ``values`` weighs the
    same."""
    every = np.concatenate(values)
    weight = np.concatenate([np.full(len(v), 1 / len(v) / len(values)) for v in values])
    order = np.argsort(-every)
    place = int(np.searchsorted(np.cumsum(weight[order]), share, side="right"))
    return float(every[order][min(place, len(every) - 1)])
