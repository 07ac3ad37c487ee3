"""``face_recognition`` and people who wear masks: the whole path, with masks drawn on the pictures themselves.

Every picture's face is given a mask (template and fit by seed), then the picture goes the product's way: detector,
landmarks, crop, recogniser, quality, vote, at the shipped thresholds, among people enrolled bare.
``faces.masked.found``: the share of masked faces that the detector finds again (of those it found bare), floor the
share at which anything found in the picture covers a random face-sized box of it.
``faces.identify.masked.far`` and ``.right`` as ``faces.identify.*``.

Owns these figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_tools.bench.faces_identify import both, eligible, outcome
from viot_tools.bench.faces_store import Own, Store
from viot_tools.bench.reid_rows import by_unit
from viot_tools.bench.reid_rows import row as unit_row
from viot_tools.faces.calibrate import central
from viot_tools.faces.detect import Face, overlap, refine
from viot_tools.faces.quality import measure
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.render import mask_face
from viot_tools.masks.templates import TEMPLATES
from viot_tools.verification.align import opened
from viot_tools.verification.pairs import People

AGAIN = 0.3
"""Intersection over union with the bare face's box at which a masked one counts as found again."""


def rows(store: Store) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why. Raises WeightsMissing."""
    chosen = [p for p in store.sets if len(eligible(p)) >= 2]
    if not chosen:
        return [], ["faces.masked.found, faces.identify.masked.*: no set of people on whom no threshold was chosen"]
    worn, hits, chance, who = {}, [], [], []
    for people in chosen:
        worn[people.name], again, by_chance, names = wearing(store, people)
        hits += again
        chance += by_chance
        who += [f"{people.name}/{name}" for name in names]
    model, tier = store.detector.model, store.weights.tier
    metric = "masked faces that are found, of those found bare"
    found = [
        unit_row("faces.masked.found", metric, by_unit(who, hits), store.seed, model, tier, [float(np.mean(chance))])
    ]
    made, _ = outcome(store, chosen, lambda people: worn[people.name])
    return [*found, *both(made, "faces.identify.masked", ", behind masks", store, None)], []


def wearing(store: Store, people: People) -> tuple[Own, list[float], list[float], list[str]]:
    """The set as the product sees it when everybody wears a mask; and, for each face found bare, whether it was found
    again, whether it would have been by chance, and whose it is."""
    finder, aligned, owner = Landmarks(store.weights, store.detector), store.aligned(people), people.owner
    vectors = np.full_like(store.own(people).vectors, np.nan)
    quality, names = np.zeros(len(aligned.pictures)), sorted(TEMPLATES)
    hits: list[float] = []
    chance: list[float] = []
    who: list[str] = []
    for i in np.flatnonzero(aligned.found):
        image = opened(people.root / aligned.pictures[i])
        bare = central(store.detector.detect(image), image)
        if bare is None:
            continue
        rng = np.random.default_rng([store.seed, int(i)])
        name, seed = names[int(rng.integers(len(names)))], int(rng.integers(2**31))
        masked = mask_face(image, finder.points(image, bare), name, seed).image
        seen = store.detector.detect(masked)
        face = max(seen, key=lambda f: overlap(f.xyxy, bare.xyxy), default=None)
        again = face is not None and overlap(face.xyxy, bare.xyxy) >= AGAIN
        hits.append(float(again))
        chance.append(float(any(overlap(f.xyxy, _elsewhere(bare, image.shape, rng)) >= AGAIN for f in seen)))
        who.append(owner[aligned.pictures[i]])
        if face is not None and again:
            face = refine(store.detector, masked, face)
            chip = store.own_recogniser.align(masked, face)
            vectors[i], quality[i] = store.embed_chips({0: chip}, 1)[0], measure(face, chip).value
    return Own(vectors, quality), hits, chance, who


def _elsewhere(face: Face, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A box of the face's size anywhere in the picture."""
    x0, y0, x1, y1 = face.xyxy
    size: NDArray[np.float64] = np.array([x1 - x0, y1 - y0])
    room = np.maximum(np.array([shape[1], shape[0]]) - size, 0)
    left, top = rng.uniform(0, 1, 2) * room
    return float(left), float(top), float(left + size[0]), float(top + size[1])
