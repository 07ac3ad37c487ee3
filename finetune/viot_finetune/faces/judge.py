"""How well a net tells people apart who were never trained on.

Owns the embedding (mirror image added), the pairs and the figures. People are split into ten folds and pairs stay
inside a fold, so the threshold of the accuracy is chosen on other people than it is judged on. Knows no training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from viot_agent.errors import UserFault
from viot_finetune.faces.data import FaceSet

FOLDS = 10
LEAST_PEOPLE = 20
"""Fewer people than this leave folds of one, in which nobody is a stranger to anybody."""


@dataclass(frozen=True, slots=True)
class Verified:
    """``accuracy``: mean over folds, threshold from the other folds. ``auc``: area under the ROC of the same pairs.
    ``tar``: share of same-person pairs accepted where 1 % of strangers' pairs are."""

    accuracy: float
    auc: float
    tar: float
    pairs: int
    people: int


def embed(net: nn.Module, data: FaceSet, batch: int = 64) -> NDArray[np.float32]:
    """(N, D) float32: ``normalise(f(face) + f(mirrored face))`` of every picture; the net's mode is given back."""
    training, device = net.training, next(net.parameters()).device
    net.eval()
    rows = []
    with torch.no_grad():
        for start in range(0, len(data.labels), batch):
            pictures = np.stack([data.picture(i) for i in range(start, min(start + batch, len(data.labels)))])
            faces = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float().to(device)
            rows.append(functional.normalize(net(faces) + net(faces.flip(3))).cpu().numpy())
    net.train(training)
    return np.concatenate(rows).astype(np.float32)


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
    """The figures of ``vectors`` (N, D), L2-normalised."""
    index, same, fold = pairs(labels, count, seed)
    cosine = (vectors[index[:, 0]] * vectors[index[:, 1]]).sum(1)
    right = [_at(cosine[fold == f], same[fold == f], _best(cosine[fold != f], same[fold != f])) for f in range(FOLDS)]
    threshold = np.quantile(cosine[~same], 0.99)
    return Verified(
        float(np.mean(right)),
        auc(cosine, same),
        float((cosine[same] > threshold).mean()),
        len(same),
        len(set(labels.tolist())),
    )


def auc(score: NDArray[Any], same: NDArray[np.bool_]) -> float:
    """Share of (same, different) pairs of pairs that ``score`` puts in the right order; ties count half."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive, negative = int(same.sum()), int((~same).sum())
    return float((rank[same].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _best(cosine: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """The threshold with the most pairs right: a pair is called the same at or above it."""
    order = np.argsort(-cosine, kind="stable")
    gained = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
    best = int(gained.argmax())
    if best == 0:
        return float(cosine[order[0]]) + 1e-6
    return float(cosine[order[best - 1]])


def _at(cosine: NDArray[np.float32], same: NDArray[np.bool_], threshold: float) -> float:
    return float(((cosine >= threshold) == same).mean())
