"""What the parts of ``viot bench faces`` share: every picture found, aligned and embedded once a tier.

Owns the passes over pictures, the sets in use and the rows' intervals over people. Owns no figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face, FaceDetector, make_detector
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import DlibResnet, FaceRecogniser, make_recogniser
from viot_tools.verification.align import AlignedSet, align
from viot_tools.verification.folds import both_views
from viot_tools.verification.layouts import PairSet
from viot_tools.verification.pairs import People, pair_list, sets
from viot_tools.verification.people import DRAWS, Pairing, Statistic, exact, interval
from viot_tools.verification.recognisers import MAKERS, TRIVIAL, Dlib, Recogniser, default_name, recogniser

Vectors = NDArray[np.float32]
QUICK_PEOPLE, QUICK_PICTURES = 12, 3


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """A set as the product sees it: ``vectors`` (N, D) of its own recogniser on its own crops, NaN without a face, and
    their ``quality`` (N,)."""

    vectors: Vectors
    quality: NDArray[np.float64]


class Store:
    """The sets under one data folder, in one tier. Everything is computed on first use and kept.

    ``detector``, ``own`` and ``recognisers`` (name to one) stand in for the tier's and the supplied ones."""

    def __init__(
        self,
        data: Path,
        weights: Weights,
        quick: bool,
        seed: int,
        *,
        detector: FaceDetector | None = None,
        own: FaceRecogniser | None = None,
        recognisers: Mapping[str, Recogniser] | None = None,
    ) -> None:
        self.data, self.weights, self.seed, self.quick = data, weights, seed, quick
        self.detector = make_detector(weights) if detector is None else detector
        self.own_recogniser = make_recogniser(weights) if own is None else own
        found, self.skipped = sets(data)
        self.sets: tuple[People, ...] = tuple(_fewer(p) for p in found) if quick else tuple(found)
        self.names = (default_name(weights.tier),) if quick else tuple(MAKERS)
        self._recognisers: dict[str, Recogniser] = {r.name: r for r in TRIVIAL} | dict(recognisers or {})
        self._aligned: dict[str, AlignedSet] = {}
        self._own: dict[str, Own] = {}
        self._vectors: dict[tuple[str, str], Vectors] = {}
        self._lists: dict[str, tuple[PairSet, str]] = {}
        self._seen: dict[str, dict[bytes, Vectors]] = {}

    def aligned(self, people: People) -> AlignedSet:
        """The set's faces. The one pass over its pictures, in which the product's own crops are embedded too."""
        if people.name not in self._aligned:
            pictures = list(people.owner)
            chips: dict[int, Image] = {}
            quality = np.zeros(len(pictures))

            def keep(i: int, image: Image, face: Face) -> None:
                chips[i] = self.own_recogniser.align(image, face)
                quality[i] = measure(face, chips[i]).value

            made = align(people.root, pictures, self.detector, keep)
            self._aligned[people.name] = made
            self._own[people.name] = Own(self.embed_chips(chips, len(pictures)), quality)
        return self._aligned[people.name]

    def own(self, people: People) -> Own:
        """The set as the product sees it."""
        self.aligned(people)
        return self._own[people.name]

    def embed_chips(self, chips: Mapping[int, Image], n: int) -> Vectors:
        """(n, 128) of the product's own recogniser on its own crops, by row; NaN where there is none."""
        rows = np.full((n, 128), np.nan, np.float32)
        if chips:
            stacked = np.stack(list(chips.values()))
            if isinstance(self.own_recogniser, DlibResnet):  # itself it takes seven times as long as our port of it
                rows[list(chips)] = Dlib(self.weights).embed_chips(stacked)
            else:
                rows[list(chips)] = self.own_recogniser.embed_chips(list(stacked))
        return rows

    def recogniser(self, name: str) -> Recogniser:
        """A supplied recogniser or a trivial rule, made once."""
        if name not in self._recognisers:
            self._recognisers[name] = recogniser(name, self.weights)
        return self._recognisers[name]

    def vectors(self, people: People, name: str) -> Vectors:
        """(N, D) of both views of the set's aligned faces, in the order of its pictures; NaN without a face."""
        key = (people.name, name)
        if key not in self._vectors:
            aligned = self.aligned(people)
            self._vectors[key] = self.embed(name, aligned.faces, aligned.found)
        return self._vectors[key]

    def embed(self, name: str, faces: NDArray[np.uint8], found: NDArray[np.bool_]) -> Vectors:
        """(N, D) of both views of any aligned faces; NaN where ``found`` is False. A face that was embedded before (the
        same pixels, whichever suite asked) is not embedded again."""
        known = self._seen.setdefault(name, {})
        keys = [hashlib.sha256(face.tobytes()).digest() if ok else b"" for face, ok in zip(faces, found, strict=True)]
        new = {key: i for i, key in enumerate(keys) if key and key not in known}
        if new:
            known.update(zip(new, both_views(self.recogniser(name).embed, faces[list(new.values())]), strict=True))
        size = len(next(iter(known.values()))) if known else 1
        nothing = np.full(size, np.nan, np.float32)
        return np.stack([known[key] if key else nothing for key in keys]) if keys else np.zeros((0, size), np.float32)

    def pairs(self, people: People) -> PairSet:
        """The set's list."""
        return self._list(people)[0]

    def _list(self, people: People) -> tuple[PairSet, str]:
        if people.name not in self._lists:
            self._lists[people.name] = pair_list(people, self.seed)
        return self._lists[people.name]

    def notes(self) -> list[str]:
        """Where each list came from, and the pictures in which no face was found: these count as errors."""
        lists = ", ".join(where for _, where in self._lists.values())
        lost = [f"{len(a.failures)} of {len(a.pictures)} in {name}" for name, a in self._aligned.items() if a.failures]
        said = [f"pair lists ({self.weights.tier}): {lists}"] if lists else []
        if lost:
            said.append(f"no face found ({self.weights.tier}, every pair with one counts as wrong): {', '.join(lost)}")
        return said


def _fewer(people: People) -> People:
    some = {who: p[:QUICK_PICTURES] for who, p in list(people.pictures.items())[:QUICK_PEOPLE]}
    return People(people.name, people.root, some, people.apart)


def row(
    id_: str,
    metric: str,
    statistic: Statistic,
    pairs: Pairing,
    model: str,
    tier: str,
    seed: int,
    *,
    floor: float | None = None,
    strata: NDArray[np.integer] | None = None,
    draws: int = DRAWS,
) -> Row:
    """A figure over pairs, with its interval over people."""
    n = len(pairs.left)
    value = statistic(np.ones(n))
    low, high = exact(*interval(pairs, statistic, seed, draws, strata), value, pairs.count)
    return Row(id_, metric, value, low, high, n, model, tier, floor)


def joined(parts: Sequence[tuple[str, Sequence[object], Sequence[object]]]) -> tuple[Pairing, NDArray[np.int64]]:
    """The pairs of several sets as one list, and the set of each person: ``(set, left people, right people)`` each.
    Two sets' people never are the same, whatever their names."""
    left: list[object] = []
    right: list[object] = []
    for name, a, b in parts:
        left += [(name, who) for who in a]
        right += [(name, who) for who in b]
    numbers = {person: i for i, person in enumerate(dict.fromkeys([*left, *right]))}
    order = {name: k for k, name in enumerate(dict.fromkeys(str(p[0]) for p in numbers))}  # type: ignore[index]
    strata = np.array([order[str(p[0])] for p in numbers], np.int64)  # type: ignore[index]
    return (
        Pairing(np.array([numbers[p] for p in left]), np.array([numbers[p] for p in right]), len(numbers)),
        strata,
    )
