"""Sets of pictures against sets of pictures, as in IJB-B and IJB-C: one template a person, 1:1 and 1:N.

Where the data folder is such a release (``meta/NAME_face_tid_mid.txt``, ``meta/NAME_template_pair_label.txt`` and the
pictures in ``loose_crop``), its own list of template pairs is evaluated: ``faces.templates.NAME.tar_RATE``; several
releases in one folder each by theirs.

Else templates are made of the sets of named people: everybody's pictures by turns make two templates (of one set:
pictures are their own media). ``faces.templates.tar_RATE``: true accepts over all pairs of a first and a second
template within the sets. ``faces.templates.rank1`` and ``.tpir``: half of the people (drawn from the seed) are the
gallery, each with the first template; the second's pictures of everybody are the searches. ``rank1`` is the share of
mated searches whose mate comes first, ``tpir`` of those that also pass the threshold at which ``FPIR`` of the unmated
searches find anybody. Intervals of the last two are over people.

The tier's default recogniser, whole aligned faces. Owns these figures; pooling and comparing are
``verification.templates``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_tools.bench.faces_store import Store
from viot_tools.bench.reid_rows import by_unit
from viot_tools.bench.reid_rows import row as unit_row
from viot_tools.verification.align import align
from viot_tools.verification.folds import both_views
from viot_tools.verification.pairs import People
from viot_tools.verification.people import pairing
from viot_tools.verification.recognisers import default_name
from viot_tools.verification.roc import Rate, TooFew, tar_at_far
from viot_tools.verification.templates import (
    Templates,
    identify,
    pool,
    pool_in_parts,
    read_media,
    read_template_pairs,
    verify,
)

RATES = (1e-2, 1e-3, 1e-4)
FPIR = 0.1

Vectors = NDArray[np.float32]


def rows(store: Store) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why. Raises UserFault for a broken release,
    WeightsMissing."""
    lists = sorted((store.data / "meta").glob("*_face_tid_mid.txt"))
    if not lists:
        return _own(store)
    found, skipped = [], []
    for media in lists:
        more, without = _released(store, media)
        found += more
        skipped += without
    return found, skipped


def _released(store: Store, media: Path) -> tuple[list[Row], list[str]]:
    name, model = media.name.removesuffix("_face_tid_mid.txt"), default_name(store.weights.tier)
    pictures, template, medium = read_media(media)
    left, right, same = read_template_pairs(media.with_name(f"{name}_template_pair_label.txt"))
    lost = 0

    def see(part: NDArray[np.int64]) -> Vectors:
        nonlocal lost
        made = align(store.data / "loose_crop", [pictures[i] for i in part], store.detector)
        lost += len(made.failures)
        vectors = both_views(store.recogniser(model).embed, made.faces)
        vectors[~made.found] = np.nan
        return vectors

    found, refused = verify(pool_in_parts(see, template, medium), left, right, same, RATES)
    out = [_rate(f"faces.templates.{name}", rate, model, store) for rate in found]
    skipped = [f"faces.templates.{name}.*: {why}" for why in refused]
    if lost:
        skipped.append(f"faces.templates.{name}: {lost} pictures without a face count for nothing")
    return out, skipped


def _rate(id_: str, rate: Rate, model: str, store: Store) -> Row:
    metric = f"true accepts at {rate.asked:g} false ones, {rate.impostor} impostor pairs of templates"
    key = f"{rate.asked:.0e}".replace("e-0", "e-")
    return Row(f"{id_}.tar_{key}", metric, rate.tar, rate.low, rate.high, rate.genuine, model, store.weights.tier)


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """A person: their first template (D,) and the vectors (N, D) of the pictures of the second; NaN without a face."""

    people: People
    who: str
    first: Vectors
    second: Vectors


def _own(store: Store) -> tuple[list[Row], list[str]]:
    model = default_name(store.weights.tier)
    everybody = [h for people in store.sets for h in halves(store, people, model)]
    if len(everybody) < 4:
        return [], ["faces.templates.*: fewer than four people with two pictures"]
    found, skipped = _one_to_one(store, everybody, model)
    more, without = _one_to_many(store, everybody, model)
    return [*found, *more], [*skipped, *without]


def halves(store: Store, people: People, model: str) -> list[Halves]:
    """Everybody of the set with two pictures: the first, third, ... and the second, fourth, ... of them."""
    vectors, at = store.vectors(people, model), {p: i for i, p in enumerate(store.aligned(people).pictures)}
    out = []
    for who, pictures in people.pictures.items():
        if len(pictures) >= 2:
            mine = vectors[[at[p] for p in pictures]]
            out.append(Halves(people, who, _template(mine[::2]), mine[1::2]))
    return out


def _template(vectors: Vectors) -> Vectors:
    return np.asarray(pool(vectors, np.zeros(len(vectors), int)).vectors[0])


def _one_to_one(store: Store, everybody: Sequence[Halves], model: str) -> tuple[list[Row], list[str]]:
    n = len(everybody)
    made = Templates(
        np.arange(2 * n), np.stack([h.first for h in everybody] + [_template(h.second) for h in everybody])
    )
    left, right = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    told = np.array([_told(everybody[int(i)], everybody[int(j)]) for i, j in zip(left, right, strict=True)], dtype=bool)
    left, right = left[told], right[told]
    score = (made.vectors[left].astype(np.float64) * made.vectors[n + right]).sum(axis=1)
    names = [f"{h.people.name}/{h.who}" for h in everybody]
    pairs = pairing([names[i] for i in left], [names[j] for j in right])
    found, skipped = [], []
    for rate in RATES:
        try:
            at = tar_at_far(score, left == right, rate, pairs=pairs, seed=store.seed)
        except TooFew as fault:
            skipped.append(f"faces.templates.tar_{rate:.0e}: {fault}".replace("e-0", "e-"))
        else:
            found.append(_rate("faces.templates", at, model, store))
    return found, skipped


def _told(a: Halves, b: Halves) -> bool:
    """Whether their set says that they are one person, or two."""
    return a.people is b.people and (a.who == b.who or a.people.strangers(a.who, b.who))


def _one_to_many(store: Store, everybody: Sequence[Halves], model: str) -> tuple[list[Row], list[str]]:
    # sets with a list of who is known to be two people cannot be one gallery with others
    told = [h for h in everybody if h.people.apart is None]
    usable = [h for h in told if np.isfinite(h.first).all()]
    lost = len(told) - len(usable)
    if len(usable) < 4:
        return [], ["faces.templates.rank1, .tpir: fewer than four people in sets in which all are told apart"]
    names = [f"{h.people.name}/{h.who}" for h in usable]
    order = np.random.default_rng(store.seed).permutation(len(usable))
    enrolled = sorted(int(i) for i in order[: len(usable) // 2])
    gallery = np.stack([usable[i].first for i in enrolled])
    probes = np.concatenate([h.second for h in usable])
    who = [name for name, h in zip(names, usable, strict=True) for _ in h.second]
    inside = [names[i] for i in enrolled]
    mated = [w for w in who if w in set(inside)]
    skipped = []
    try:
        made = identify(gallery, inside, probes, who, ranks=(1,), fpir=FPIR)
    except TooFew as fault:
        skipped.append(f"faces.templates.tpir: {fault}")
        made = identify(gallery, inside, probes, who, ranks=(1,))
    tier = store.weights.tier
    who_lost = "one person" if lost == 1 else f"{lost} people"
    left_out = f"; without {who_lost} in whose first template no face was found" if lost else ""
    metric = f"searches whose mate comes first, among {len(inside)} templates{left_out}"
    found = [
        unit_row(
            "faces.templates.rank1",
            metric,
            by_unit(mated, [float(b == 0) for b in made.better]),
            store.seed,
            model,
            tier,
        )
    ]
    if made.named is not None:
        metric = f"the same over the threshold at which {FPIR:g} of {made.unmated} strangers' searches find anybody"
        metric += left_out
        found.append(
            unit_row(
                "faces.templates.tpir", metric, by_unit(mated, [float(v) for v in made.named]), store.seed, model, tier
            )
        )
    return found, skipped
