"""Recognisers under attack, as TALFW tests them: pair lists of our own whose left pictures were changed on purpose.

``MOST`` pairs of a set are attacked on the tier's white boxes with DFANet (``viot_tools.cloak.attack``), then every
recogniser verifies them by the protocol. ``faces.talfw-like.RECOGNISER.acc``: its accuracy, floor what it has on the
same pairs without the attack; a recogniser of a maker whose network made the attack is called ``.whitebox``. ``.drop``:
the paired loss; ``.auc`` the area under the curve. Accuracy cannot fall under a half, the area can: then attacked
pairs of two people look more alike than those of one. TALFW's own anchors: recognisers of about .998 on LFW fall to
.65 to .75 in accuracy. Owns these figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_agent.errors import WeightsMissing
from viot_agent.policy import SingleUserPolicy
from viot_agent.steps import Request
from viot_tools.bench.faces_store import Store, Vectors, row
from viot_tools.bench.faces_verify import Scored, acc, area_of, scored, usable
from viot_tools.verification.layouts import Pair, PairSet
from viot_tools.verification.people import balanced

if TYPE_CHECKING:
    from torch import Tensor

    from viot_tools.cloak.attack import Attack
    from viot_tools.cloak.surrogates import Surrogates

MOST, QUICK = 50, 20
"""Pairs of a set that are attacked (two seconds each on one core)."""


def some(pairs: Sequence[Pair], count: int) -> tuple[Pair, ...]:
    """``count`` of them, one or both labels of every fold in turn, in the order of the list."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for i, pair in enumerate(pairs):
        if pair.left != pair.right:
            groups.setdefault((pair.fold, pair.same), []).append(i)
    turns = sorted((place, key, i) for key, found in groups.items() for place, i in enumerate(found))
    return tuple(pairs[i] for i in sorted(i for _, _, i in turns[:count]))


def rows(store: Store, white: Surrogates | None = None, attack: Attack | None = None) -> tuple[list[Row], list[str]]:
    """The rows of the hub tier (the builtin one has no second recogniser), and what was left out and why.

    Raises what an attack raises."""
    import torch  # the other suites do without

    from viot_tools.cloak.attack import PURPOSE, Attack, attacked
    from viot_tools.cloak.surrogates import surrogates

    if store.weights.tier != "hub":
        return [], ["faces.talfw-like.* in tier builtin: it holds one recogniser, which is the surrogate"]
    chosen, skipped = usable(store)
    if not chosen:
        return [], [*skipped, "faces.talfw-like.*: no set of named people"]
    white = surrogates(store.weights) if white is None else white
    attack = replace(attack or Attack(), seed=store.seed)
    count = QUICK if store.quick else MOST
    request = Request("attack the pairs of this bench", purpose=PURPOSE)
    sets: list[tuple[PairSet, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]] = []
    for people in chosen:
        aligned, whole = store.aligned(people), store.pairs(people)
        part = PairSet(whole.name, whole.root, some(whole.pairs, count))
        a, b = aligned.rows(p.left for p in part.pairs), aligned.rows(p.right for p in part.pairs)
        left, right = aligned.faces[a], aligned.faces[b]
        found = aligned.found[a] & aligned.found[b]
        same = np.array([p.same for p in part.pairs], bool)
        made = left.copy()
        made[found] = _pixels(
            attacked(
                _batch(left[found]), _batch(right[found]), torch.from_numpy(same[found]), white.networks, attack,
                gate=SingleUserPolicy(), request=request,
            )
        )  # fmt: skip
        sets.append((part, left, made, right, found))
    makers = {store.recogniser(name).maker for name in white.names}
    out: list[Row] = []
    for name in store.names:
        try:
            bare = _scored(store, name, [(part, left, right, ok) for part, left, _, right, ok in sets])
            hit = _scored(store, name, [(part, made, right, ok) for part, _, made, right, ok in sets])
        except WeightsMissing as missing:
            skipped.append(f"faces.talfw-like.{name}.*: {missing}")
            continue
        box = f"{name}.whitebox" if store.recogniser(name).maker in makers else name
        before, after = bare.told().right.astype(float), hit.told().right.astype(float)
        metric = "attacked pairs, ten folds; floor: without the attack"
        out.append(acc(f"faces.talfw-like.{box}.acc", metric, hit, name, store, float(before.mean())))
        out.append(
            row(
                f"faces.talfw-like.{box}.drop", "accuracy lost to the attack", balanced(before - after, hit.same),
                hit.pairs, name, "hub", store.seed, strata=hit.strata,
            )
        )  # fmt: skip
        floor = area_of(bare)(np.ones(len(bare.same)))
        out.append(
            row(
                f"faces.talfw-like.{box}.auc", "attacked pairs, area under the curve; floor: without the attack",
                area_of(hit), hit.pairs, name, "hub", store.seed, floor=floor, strata=hit.strata,
            )
        )  # fmt: skip
    return out, skipped


def _scored(
    store: Store,
    name: str,
    parts: Sequence[tuple[PairSet, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]],
) -> Scored:
    def seen(faces: NDArray[np.uint8], found: NDArray[np.bool_]) -> Vectors:
        return store.embed(name, faces, found)

    return scored([(part, seen(left, found), seen(right, found)) for part, left, right, found in parts])


def _batch(faces: NDArray[np.uint8]) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).float()


def _pixels(faces: Tensor) -> NDArray[np.uint8]:
    return np.asarray(faces.numpy().transpose(0, 2, 3, 1), np.uint8)
