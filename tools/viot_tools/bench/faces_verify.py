"""Is it one person? Verification by the protocol of LFW, for every supplied recogniser, on pair lists of our own.

``faces.verify.acc``: the tier's default recogniser over the lists of all sets together, one threshold for all of them
(folds of the same number are one fold). ``faces.verify.RECOGNISER.acc``, ``.auc``: each supplied recogniser, the same
way. ``faces.verify.SET.RECOGNISER.acc``: one set alone. ``.tar_1e-3``: true accepts at that false-accept rate over
*all* pairs within the sets; a rate that they are too few to show is skipped and said so. The floor is the better of two
trivial rules (grey values at 16x16, colours), on the same pairs by the same protocol.

Owns these figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_agent.errors import UserFault, WeightsMissing
from viot_tools.bench.faces_store import Store, Vectors, joined, row
from viot_tools.verification.folds import Folds, by_folds, squared_distance
from viot_tools.verification.layouts import PairSet
from viot_tools.verification.pairs import People, all_pairs
from viot_tools.verification.people import Pairing, Statistic, balanced
from viot_tools.verification.recognisers import TRIVIAL, default_name
from viot_tools.verification.roc import TooFew, tar_at_far

RATES = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """N pairs of one or several sets: ``distance``, ``same``, ``folds`` (N,), who they are, and whose set each person
    belongs to."""

    distance: NDArray[np.float64]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64]
    pairs: Pairing
    strata: NDArray[np.int64]

    def told(self) -> Folds:
        """By the protocol."""
        return by_folds(self.distance, self.same, self.folds)


def scored(parts: Sequence[tuple[PairSet, Vectors, Vectors]]) -> Scored:
    """The lists of several sets, each with the vectors (N, D) of its left and of its right sides."""
    pairs, strata = joined(
        [(s.name, [p.left_who for p in s.pairs], [p.right_who for p in s.pairs]) for s, _, _ in parts]
    )
    return Scored(
        np.concatenate([squared_distance(a, b) for _, a, b in parts]),
        np.array([p.same for s, _, _ in parts for p in s.pairs], bool),
        np.array([p.fold for s, _, _ in parts for p in s.pairs], np.int64),
        pairs,
        strata,
    )


def sides(store: Store, people: People, name: str) -> tuple[PairSet, Vectors, Vectors]:
    """The set's list with its two sides' vectors."""
    found, aligned = store.pairs(people), store.aligned(people)
    vectors = store.vectors(people, name)
    return (
        found,
        vectors[aligned.rows(p.left for p in found.pairs)],
        vectors[aligned.rows(p.right for p in found.pairs)],
    )


def acc(
    id_: str, metric: str, s: Scored, model: str, store: Store, floor: float | None = None, told: Folds | None = None
) -> Row:
    """Accuracy of the protocol over those pairs (each pair counts once, also where folds differ in length)."""
    told = s.told() if told is None else told
    return row(
        id_, metric, balanced(told.right.astype(float), s.same), s.pairs, model, store.weights.tier, store.seed,
        floor=floor, strata=s.strata,
    )  # fmt: skip


def trivial(store: Store, chosen: Sequence[People]) -> float:
    """The better accuracy of the trivial rules on those sets' lists."""
    return max(float(scored([sides(store, p, r.name) for p in chosen]).told().right.mean()) for r in TRIVIAL)


def usable(store: Store) -> tuple[list[People], list[str]]:
    """The sets of which a list can be made, and what cannot."""
    found, skipped = [], list(store.skipped)
    for people in store.sets:
        try:
            store.pairs(people)
        except UserFault as fault:
            skipped.append(f"faces.verify.{people.name}.*: {fault}")
            continue
        found.append(people)
    return found, skipped


def rows(store: Store) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why. In the builtin tier only the default recogniser."""
    chosen, skipped = usable(store)
    if not chosen:
        return [], [*skipped, "faces.verify.*: no set of named people"]
    tier = store.weights.tier
    names = store.names if tier == "hub" else ("dlib",)
    floor = trivial(store, chosen)
    floors = {p.name: trivial(store, [p]) for p in chosen}
    default = default_name(tier)
    found: list[Row] = []
    for name in names:
        try:
            parts = [sides(store, p, name) for p in chosen]
        except WeightsMissing as missing:
            headline = "faces.verify.acc, " if name == default else ""
            skipped.append(f"{headline}faces.verify.*{name}* in tier {tier}: {missing}")
            continue
        together = scored(parts)
        told = together.told()
        if name == default:
            found.append(acc("faces.verify.acc", "one person or two, ten folds", together, name, store, floor, told))
        if tier != "hub":
            continue
        found.append(acc(f"faces.verify.{name}.acc", "the same, each recogniser", together, name, store, floor, told))
        found.append(_area(f"faces.verify.{name}.auc", together, name, store))
        for people, part in zip(chosen, parts, strict=True):
            one = scored([part])
            id_ = f"faces.verify.{people.name}.{name}.acc"
            found.append(acc(id_, "one set, its own threshold", one, name, store, floors[people.name]))
        for rate in RATES:
            try:
                found.append(_at_rate(store, chosen, name, rate))
            except TooFew as fault:
                skipped.append(f"faces.verify.*.tar_{rate:.0e}: {fault}".replace("e-0", "e-"))
    return found, skipped


def area_of(s: Scored) -> Statistic:
    """Area under the curve; in a draw each pair weighs as its people do, so it is worked out on ranks once."""
    order = np.argsort(np.where(np.isnan(s.distance), np.inf, s.distance), kind="stable")
    same = s.same[order]
    keys = np.nan_to_num(s.distance[order], nan=np.inf)
    last = np.searchsorted(keys, keys, side="right")
    first = np.searchsorted(keys, keys, side="left")

    def area(weight: NDArray[np.float64]) -> float:
        w = weight[order]
        strange = np.r_[0.0, np.cumsum(w * ~same)]
        total, mine = strange[-1], w[same]
        if total <= 0 or mine.sum() <= 0:
            return float("nan")
        # impostors that lie further apart, those equally far one half
        beaten = total - (strange[last[same]] + strange[first[same]]) / 2
        return float((mine * beaten).sum() / (mine.sum() * total))

    return area


def _area(id_: str, s: Scored, name: str, store: Store) -> Row:
    return row(id_, "area under the curve", area_of(s), s.pairs, name, store.weights.tier, store.seed, strata=s.strata)


def _at_rate(store: Store, chosen: Sequence[People], name: str, rate: float) -> Row:
    """True accepts over all pairs within the sets. Raises TooFew."""
    parts, scores = [], []
    for people in chosen:
        aligned, vectors = store.aligned(people), store.vectors(people, name).astype(np.float64)
        left, right = all_pairs(people, aligned.pictures)
        owner = people.owner
        who = [owner[p] for p in aligned.pictures]
        parts.append((people.name, [who[i] for i in left], [who[i] for i in right]))
        scores.append((vectors[left] * vectors[right]).sum(axis=1))
    pairs, _ = joined(parts)
    made = tar_at_far(np.concatenate(scores), pairs.same, rate, pairs=pairs, seed=store.seed)
    id_ = f"faces.verify.{name}.tar_{rate:.0e}".replace("e-0", "e-")
    metric = f"true accepts at {rate:g} false ones, {made.impostor} impostor pairs"
    return Row(id_, metric, made.tar, made.low, made.high, made.genuine, name, store.weights.tier)
