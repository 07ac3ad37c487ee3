"""Protection success rate: how often a cloaked probe is not found (Zhong and Deng, "OPOM", TPAMI 2022, protocol).

For every person and every ordered pair i != j of the person's test pictures, the cloaked picture i is the probe, and
the clean picture j is put among the distractors, who are all other people; other protected people are not in the
gallery. ``PSR@k = 1 - share of probes whose mate is among the k nearest by cosine``: 500 people with 5 pictures make
10,000 queries (Privacy-Commons), with 10 pictures 45,000 (Privacy-Celebrities). A mate that ties with a distractor
stands before it: in doubt the cloak has failed.

Beside it the share of the same pairs that a recogniser rejects at its own threshold, which needs no gallery. Pairs of
one person are not independent, so every interval draws people anew, not pairs.

Owns the counting. Features come from whoever made them; nothing here knows a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_tools.verification.people import exact

Floats = NDArray[np.floating]
Quantise = Literal["truncate", "round", "none"]
RANKS = (1, 5, 10)
DRAWS = 2000


def masked(faces: NDArray[np.uint8], delta: Floats, quantise: Quantise = "truncate") -> NDArray[np.number]:
    """``faces`` (N, H, W, 3) uint8 RGB with the mask ``delta`` (3, H, W), or one for each (N, 3, H, W), on the 0..255
    scale: added, clipped, and cut off to uint8 as the paper's test does (``truncate``), rounded, or left as float32.

    Raises UserFault when the shapes do not fit.
    """
    if faces.ndim != 4 or faces.shape[-1] != 3 or delta.shape[-3:] != (3, *faces.shape[1:3]):
        raise UserFault(
            f"a mask of shape {delta.shape} does not fit pictures of {faces.shape}",
            fix="give (N, H, W, 3) pictures and a (3, H, W) mask",
        )
    added = np.clip(faces.astype(np.float32) + np.moveaxis(delta, -3, -1).astype(np.float32), 0, 255)
    if quantise == "none":
        return added
    return (np.rint(added) if quantise == "round" else np.floor(added)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Person:
    """One person's test pictures as L2-normalised features: ``clean`` (T, D), and ``probes`` (T, D) of the same
    pictures, cloaked."""

    clean: Floats
    probes: Floats


@dataclass(frozen=True, slots=True)
class Share:
    """A share of queries, by person: ``hits`` and ``queries`` (P,). ``low`` and ``high``: 95 %, people drawn anew."""

    value: float
    low: float
    high: float
    hits: NDArray[np.int64]
    queries: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Queries of all people."""
        return int(self.queries.sum())


def psr(people: Sequence[Person], distractors: Floats, ranks: Sequence[int] = RANKS, seed: int = 0) -> dict[int, Share]:
    """PSR@k for every k of ``ranks``, against ``distractors`` (M, D) L2-normalised.

    Raises UserFault when nobody has two pictures, when shapes differ, or when there are fewer distractors than ranks.
    """
    _check(people, distractors.shape[-1])
    if len(distractors) < max(ranks):
        raise UserFault(
            f"{len(distractors)} distractors cannot push a mate out of the first {max(ranks)}",
            fix="give more other people, or smaller ranks",
        )
    kept = {k: np.zeros(len(people), np.int64) for k in ranks}
    queries = np.zeros(len(people), np.int64)
    deepest = max(ranks)
    for p, person in enumerate(people):
        mates = _pairs(person)
        queries[p] = mates.size
        if not mates.size:
            continue
        others = person.probes @ distractors.T
        best = -np.sort(-np.partition(others, others.shape[1] - deepest, axis=1)[:, -deepest:], axis=1)
        for k in ranks:
            # the mate is among the first k unless k distractors are nearer
            kept[k][p] = int((mates < best[:, k - 1 : k]).sum())
    return {k: _share(kept[k], queries, seed) for k in ranks}


def gallery_sizes(
    people: Sequence[Person], distractors: Floats, sizes: Sequence[int], ranks: Sequence[int] = RANKS, seed: int = 0
) -> dict[int, dict[int, Share]]:
    """PSR by number of distractors: a smaller gallery is a part of every larger one, drawn once from ``seed``.

    Raises UserFault as ``psr``, and for more distractors than there are.
    """
    if max(sizes) > len(distractors):
        raise UserFault(f"a gallery of {max(sizes)} needs as many distractors; there are {len(distractors)}", fix="")
    order = np.random.default_rng(seed).permutation(len(distractors))
    return {size: psr(people, distractors[order[:size]], ranks, seed) for size in sizes}


def below(people: Sequence[Person], threshold: float, seed: int = 0) -> Share:
    """Share of the pairs (cloaked i, clean j), i != j, that the recogniser does not accept: whose cosine is not over
    its own ``threshold`` (``viot_tools.verification.roc`` chooses it).

    Raises UserFault when nobody has two pictures or shapes differ.
    """
    _check(people, people[0].clean.shape[-1] if people else 0)
    scores = [_pairs(person) for person in people]
    hits = np.array([int((s <= threshold).sum()) for s in scores], np.int64)
    return _share(hits, np.array([s.size for s in scores], np.int64), seed)


def pooled(shares: Sequence[Share], seed: int = 0) -> Share:
    """Several shares over the same people in the same order (by several targets, of several seeds) as one: the people
    are drawn anew, so what belongs to one person stays together. Raises UserFault when people differ or none is given.
    """
    if not shares or len({len(s.queries) for s in shares}) > 1:
        raise UserFault("shares over different people cannot be put together", fix="measure all on the same people")
    return _share(np.sum([s.hits for s in shares], 0), np.sum([s.queries for s in shares], 0), seed)


def share_of(hits: NDArray[np.bool_], groups: NDArray[np.integer], seed: int = 0) -> Share:
    """The share of ``hits`` (N,) True, with an interval that draws whole ``groups`` (N,) 0, 1, ... anew: a person's
    pictures, or single ones."""
    count = int(groups.max()) + 1
    return _share(
        np.bincount(groups, hits, count).astype(np.int64), np.bincount(groups, minlength=count).astype(np.int64), seed
    )


def difference(a: Share, b: Share, seed: int = 0) -> tuple[float, float, float]:
    """``a - b`` and its 95 % interval, both measured on the same people in the same order: people drawn anew, the same
    for both. Raises UserFault when the queries differ."""
    if not np.array_equal(a.queries, b.queries):
        raise UserFault("two shares over different queries cannot be paired", fix="measure both on the same people")
    draws = _draw(len(a.queries), seed)
    queries = a.queries[draws].sum(1)
    with_any = queries > 0
    drawn = (a.hits - b.hits)[draws].sum(1)[with_any] / queries[with_any]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return a.value - b.value, float(low), float(high)


def _pairs(person: Person) -> Floats:
    """(T, T - 1) cosines of every probe and the clean pictures that are not its own."""
    t = len(person.clean)
    scores = person.probes @ person.clean.T
    return scores[~np.eye(t, dtype=bool)].reshape(t, max(t - 1, 0))


def _check(people: Sequence[Person], dimensions: int) -> None:
    for i, person in enumerate(people):
        if person.clean.shape != person.probes.shape or person.clean.shape[1:] != (dimensions,):
            raise UserFault(
                f"person {i} has features of {person.clean.shape} and {person.probes.shape}",
                fix=f"give (T, {dimensions}) for both",
            )
    if not any(len(person.clean) > 1 for person in people):
        raise UserFault(
            "protection is measured against other pictures of the person, and nobody has two", fix="give two or more"
        )


def _share(hits: NDArray[np.int64], queries: NDArray[np.int64], seed: int) -> Share:
    draws = _draw(len(queries), seed)
    drawn = queries[draws].sum(1)
    with_any = drawn > 0
    low, high = np.percentile(hits[draws].sum(1)[with_any] / drawn[with_any], [2.5, 97.5])
    value = float(hits.sum() / queries.sum())
    return Share(value, *exact(float(low), float(high), value, int((queries > 0).sum())), hits, queries)


def _draw(people: int, seed: int) -> NDArray[np.int64]:
    """(DRAWS, people) indices; the same seed draws the same people."""
    return np.random.default_rng(seed).integers(0, people, (DRAWS, people))
