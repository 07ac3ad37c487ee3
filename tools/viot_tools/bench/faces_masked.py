"""The same pairs behind masks: what each recogniser loses, by kind of pair, and what a periocular vote brings back.

``faces.verify.acc.masked``: as ``faces.verify.acc``, every list made over by ``masks.mlfw`` (a third of the pairs has
one mask). ``faces.masked.RECOGNISER.drop``: accuracy on bare faces minus that on masked ones, paired, by the same
protocol; ``faces.masked.SET.RECOGNISER.drop`` one set alone. ``faces.masked.RECOGNISER.KIND``: accuracy on the pairs of
one kind at the thresholds of the whole list.

``faces.masked.RECOGNISER.robust``: the vote of the whole face and of its upper half (``verification.robust``). Row,
weight and threshold are chosen on pairs whose people lie in one half (by a hash of the name), ``CHOOSING`` of them,
evenly through the lists; the figure is of all pairs whose people lie in the other half; the floor is the whole face
alone, its threshold chosen the same way. ``.gain`` is the paired difference, ``.robust.bare`` the same vote on the same
people's bare faces (what it costs where nobody wears a mask), floor the whole face alone.

Faces are aligned before they are masked, so detectors that shift on masks are not in these figures. Owns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_agent.errors import WeightsMissing
from viot_tools.bench.faces_store import Store, Vectors, row
from viot_tools.bench.faces_verify import Scored, acc, scored, sides, usable
from viot_tools.faces.calibrate import half
from viot_tools.masks.mlfw import KINDS, MaskedPair, dress, landmarks_of, plan
from viot_tools.verification.folds import Folds, squared_distance
from viot_tools.verification.pairs import People
from viot_tools.verification.people import Pairing, balanced
from viot_tools.verification.recognisers import TRIVIAL, default_name
from viot_tools.verification.robust import ROWS, best_threshold, choose, fused, periocular, right

NOTES = [
    "MLFW's paper (arXiv 2109.05804v2) reports that masks cost recognisers 5 to 16 % of accuracy; its v1 said 4 to 10"
]

CHOOSING = 300
"""Pairs on which a vote is chosen: each costs six readings of the upper half, for every recogniser."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """A set's list over masks: ``faces`` (2N, 112, 112, 3), left sides first; ``found`` (2N,)."""

    people: People
    planned: tuple[MaskedPair, ...]
    faces: NDArray[np.uint8]
    found: NDArray[np.bool_]


def masked(store: Store, people: People, templates: Sequence[str] | None = None) -> Masked:
    """Every pair of the set's list with what it wears (of ``templates``; None: of all)."""
    from viot_tools.masks.landmarks import Landmarks

    aligned = store.aligned(people)
    points = landmarks_of(aligned, Landmarks(store.weights, store.detector))
    planned = plan(store.pairs(people).pairs, store.seed, templates=templates)
    worn = [(m.pair.left, m.left) for m in planned] + [(m.pair.right, m.right) for m in planned]
    at = aligned.rows(picture for picture, _ in worn)
    found = aligned.found[at]
    faces = aligned.faces[at]
    for k, (_, wears) in enumerate(worn):
        if found[k]:
            faces[k] = dress(faces[k], points[at[k]], wears)
    return Masked(people, tuple(planned), faces, found)


def _seen(store: Store, name: str, part: Masked) -> Vectors:
    """(2N, D) vectors of all sides; those of bare ones are known already."""
    aligned = store.aligned(part.people)
    sides_ = [(m.pair.left, m.left) for m in part.planned] + [(m.pair.right, m.right) for m in part.planned]
    out = store.vectors(part.people, name)[aligned.rows(picture for picture, _ in sides_)]
    covered = np.array([bool(worn.template) for _, worn in sides_], bool) & part.found
    out[covered] = store.embed(name, part.faces[covered], part.found[covered])
    return out


def _scored(store: Store, parts: list[Masked], vectors: list[Vectors]) -> Scored:
    return scored(
        [(store.pairs(m.people), v[: len(m.planned)], v[len(m.planned) :]) for m, v in zip(parts, vectors, strict=True)]
    )


def rows(store: Store, templates: Sequence[str] | None = None) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why. In the builtin tier only the default recogniser."""
    chosen, skipped = usable(store)
    if not chosen:
        return [], [*skipped, "faces.verify.acc.masked, faces.masked.*: no set of named people"]
    tier = store.weights.tier
    try:
        parts = [masked(store, p, templates) for p in chosen]
    except WeightsMissing as missing:
        return [], [*skipped, f"faces.verify.acc.masked, faces.masked.* in tier {tier}: {missing}"]
    default = default_name(tier)
    floor = max(
        float(_scored(store, parts, [_seen(store, r.name, m) for m in parts]).told().right.mean()) for r in TRIVIAL
    )
    found: list[Row] = []
    for name in store.names if tier == "hub" else (default,):
        try:
            vectors = [_seen(store, name, m) for m in parts]
            bare = scored([sides(store, p, name) for p in chosen])
        except WeightsMissing as missing:
            headline = "faces.verify.acc.masked, " if name == default else ""
            skipped.append(f"{headline}faces.masked.{name}.* in tier {tier}: {missing}")
            continue
        covered = _scored(store, parts, vectors)
        told = covered.told()
        if name == default:
            metric = "one person or two behind masks, ten folds"
            found.append(acc("faces.verify.acc.masked", metric, covered, name, store, floor, told))
        found.append(_drop(f"faces.masked.{name}.drop", bare, covered, name, store))
        for k, people in enumerate(chosen if tier == "hub" else ()):
            one = scored([sides(store, people, name)]), _scored(store, [parts[k]], [vectors[k]])
            found.append(_drop(f"faces.masked.{people.name}.{name}.drop", *one, name, store))
        found += _kinds(name, covered, told, [m for p in parts for m in p.planned], store)
        more, without = _robust(name, store, parts, bare, covered)
        found += more
        skipped += without
    return found, skipped


def _drop(id_: str, bare: Scored, covered: Scored, name: str, store: Store) -> Row:
    lost = bare.told().right.astype(float) - covered.told().right.astype(float)
    what = "accuracy lost to masks, paired"
    return row(
        id_, what, balanced(lost, bare.same), bare.pairs, name, store.weights.tier, store.seed, strata=bare.strata
    )


def _kinds(name: str, covered: Scored, told: Folds, planned: list[MaskedPair], store: Store) -> list[Row]:
    out = []
    for kind in KINDS:
        mine = np.array([m.kind == kind for m in planned], bool)
        if mine.any():
            metric = f"told right, {kind.replace('-', ' ')}"
            out.append(_part(f"faces.masked.{name}.{kind}", metric, told.right, covered, mine, name, store))
    return out


def _part(
    id_: str, metric: str, values: NDArray[np.generic], s: Scored, mine: NDArray[np.bool_], name: str, store: Store,
    floor: float | None = None,
) -> Row:  # fmt: skip
    """A figure over some of the pairs; only people who are in them count as units."""
    people = np.unique(np.r_[s.pairs.left[mine], s.pairs.right[mine]])
    at = np.full(s.pairs.count, -1)
    at[people] = np.arange(len(people))
    pairs = Pairing(at[s.pairs.left[mine]], at[s.pairs.right[mine]], len(people))
    statistic = balanced(values[mine].astype(float), s.same[mine])
    return row(
        id_, metric, statistic, pairs, name, store.weights.tier, store.seed, floor=floor, strata=s.strata[people]
    )


def halves(parts: list[Masked]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) pairs whose people both lie in the choosing half, and those in the reporting half; others in neither."""
    at = [(half(m.pair.left_who), half(m.pair.right_who)) for p in parts for m in p.planned]
    return np.array([h == (0, 0) for h in at], bool), np.array([h == (1, 1) for h in at], bool)


def evenly(mine: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """(N,) at most ``most`` of those that are True, at even distances."""
    at = np.flatnonzero(mine)
    out = np.zeros(len(mine), np.bool_)
    out[at if len(at) <= most else at[np.arange(most) * len(at) // most]] = True
    return out


def _bare(store: Store, part: Masked) -> NDArray[np.uint8]:
    """(2N, 112, 112, 3): the sides of the set's list without masks."""
    aligned = store.aligned(part.people)
    pairs = [m.pair for m in part.planned]
    return aligned.faces[aligned.rows([p.left for p in pairs] + [p.right for p in pairs])]


def _upper(store: Store, name: str, parts: Sequence[Masked], row_: int, mine: NDArray[np.bool_]) -> Floats:
    """(N,) squared distances of the periocular readings of the pairs ``mine`` (N,); NaN for all others."""
    out, at = [], 0
    for m in parts:
        n = len(m.planned)
        wanted = np.tile(mine[at : at + n], 2)
        made = store.embed(name, periocular(m.faces[wanted], row_), m.found[wanted])
        vectors = np.full((2 * n, made.shape[1]), np.nan, np.float32)
        vectors[wanted] = made
        out.append(squared_distance(vectors[:n], vectors[n:]))
        at += n
    return np.concatenate(out)


def _robust(
    name: str, store: Store, parts: list[Masked], bare: Scored, covered: Scored
) -> tuple[list[Row], list[str]]:  # fmt: skip
    first, second = halves(parts)
    first = evenly(first, CHOOSING)
    if not all((mine & kind).any() for mine in (first, second) for kind in (covered.same, ~covered.same)):
        return [], [f"faces.masked.{name}.robust: too few people for two halves with pairs of both kinds"]
    upper = {r: _upper(store, name, parts, r, first) for r in ROWS}
    made = choose(covered.distance[first], {r: d[first] for r, d in upper.items()}, covered.same[first])
    alone, _ = best_threshold(covered.distance[first], covered.same[first])
    row_, weight = made.fusion.row, made.fusion.weight
    seen = _upper(store, name, parts, row_, second)
    plain = right(covered.distance, covered.same, alone)
    voted = right(fused(covered.distance, seen, weight), covered.same, made.threshold)
    nothing = [replace(m, faces=_bare(store, m)) for m in parts]
    bare_seen = _upper(store, name, nothing, row_, second)
    bare_voted = right(fused(bare.distance, bare_seen, weight), bare.same, made.threshold)
    bare_plain = right(bare.distance, bare.same, alone)
    how = f"with the part over row {row_} at weight {weight:g}"
    id_ = f"faces.masked.{name}.robust"

    def mean(values: NDArray[np.bool_]) -> float:
        return balanced(values[second].astype(float), covered.same[second])(np.ones(int(second.sum())))

    gain = voted.astype(float) - plain.astype(float)
    return [
        _part(id_, f"behind masks, {how}, other people", voted, covered, second, name, store, mean(plain)),
        _part(f"{id_}.gain", "the same minus its floor, paired", gain, covered, second, name, store, 0.0),
        _part(f"{id_}.bare", "the same vote on bare faces", bare_voted, covered, second, name, store, mean(bare_plain)),
    ], []
