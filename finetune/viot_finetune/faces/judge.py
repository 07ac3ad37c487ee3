"""How well a net tells people apart who were never trained on.

Owns the choice of pairs where only labels are known: people are split into ten folds and pairs stay inside a fold, so
the threshold of the accuracy is chosen on other people than it is judged on. The protocol (ten folds, the ROC) is
``viot_tools.verification``'s. Knows no training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from viot_agent.errors import UserFault
from viot_finetune.faces.data import FaceSet
from viot_tools.verification.folds import both_views, by_folds, squared_distance
from viot_tools.verification.roc import TooFew, roc, tar_at_far

FOLDS = 10
LEAST_PEOPLE = 20
"""Fewer people than this leave folds of one, in which nobody is a stranger to anybody."""
FAR = 0.01


@dataclass(frozen=True, slots=True)
class Verified:
    """``accuracy``: mean over folds, threshold from the other folds. ``auc``: area under the ROC of the same pairs.
    ``tar``: share of same-person pairs accepted where ``FAR`` of strangers' pairs are; None where these are too few to
    show it."""

    accuracy: float
    auc: float
    tar: float | None
    pairs: int
    people: int


def embed(net: nn.Module, data: FaceSet, batch: int = 64) -> NDArray[np.float32]:
    """(N, D) float32: ``normalise(f(face) + f(mirrored face))`` of every picture; the net's mode is given back."""
    training, device = net.training, next(net.parameters()).device

    def view(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        tensor = torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).float().to(device)
        return np.asarray(net(tensor).float().cpu().numpy(), np.float32)

    net.eval()
    with torch.no_grad():
        rows = [
            both_views(view, np.stack([data.picture(i) for i in range(start, min(start + batch, len(data.labels)))]))
            for start in range(0, len(data.labels), batch)
        ]
    net.train(training)
    return np.concatenate(rows)


def pairs(
    labels: NDArray[np.int64], count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """``(index pairs (P, 2), same person (P,), fold (P,))``: in every fold of people up to ``count / 20`` pairs of the
    same person and as many of different ones. Raises UserFault for fewer than ``LEAST_PEOPLE`` people."""
    people = np.unique(labels)
    if len(people) < LEAST_PEOPLE:
        raise UserFault(f"{len(people)} people are too few to be judged on", fix=f"hold out {LEAST_PEOPLE} or more")
    rng = np.random.default_rng([seed, 29])
    fold_of = dict(zip(people.tolist(), (rng.permutation(len(people)) % FOLDS).tolist(), strict=True))
    folds = np.array([fold_of[label] for label in labels.tolist()])
    index, same, fold = [], [], []
    for f in range(FOLDS):
        here = np.flatnonzero(folds == f)
        a, b = (here[m] for m in np.triu_indices(len(here), 1))
        equal = labels[a] == labels[b]
        genuine, strangers = np.flatnonzero(equal), np.flatnonzero(~equal)
        n = min(count // (2 * FOLDS), len(genuine), len(strangers))
        for pool, value in ((genuine, True), (strangers, False)):
            chosen = rng.choice(pool, n, replace=False)
            index.append(np.stack([a[chosen], b[chosen]], 1))
            same.append(np.full(n, value))
            fold.append(np.full(n, f))
    return np.concatenate(index), np.concatenate(same), np.concatenate(fold)


def verify(vectors: NDArray[np.float32], labels: NDArray[np.int64], seed: int, count: int = 6000) -> Verified:
    """The figures of ``vectors`` (N, D), L2-normalised. Raises as :func:`pairs`."""
    index, same, fold = pairs(labels, count, seed)
    return listed(vectors, index, same, fold, len(set(labels.tolist())))


def listed(
    vectors: NDArray[np.float32],
    index: NDArray[np.int64],
    same: NDArray[np.bool_],
    fold: NDArray[np.int64],
    people: int,
) -> Verified:
    """The figures over a list of pairs: rows of ``vectors`` (P, 2), same person (P,), fold (P,). A row of NaN is a face
    that was not found: its pairs are wrong, not left out."""
    distance = squared_distance(vectors[index[:, 0]], vectors[index[:, 1]])
    try:
        tar: float | None = tar_at_far(-distance, same, FAR).tar
    except TooFew:
        tar = None
    told = by_folds(distance, same, fold)
    return Verified(float(told.accuracy.mean()), roc(-distance, same).auc, tar, len(same), people)
