"""``face_recognition`` and people who wear masks: the whole path, with masks drawn on the pictures themselves.

Every picture's face is given a mask (template and fit by seed), then the picture goes the product's way: detector,
landmarks, crop, recogniser, quality, vote, at the shipped thresholds, among people enrolled bare.
``faces.masked.found``: the share of masked faces that the detector finds again, of those it found bare;
``faces.masked.SET.found`` one set alone.
``faces.identify.masked.whole.far`` and ``.right`` as ``faces.identify.*``, by whole faces at the thresholds of bare
ones. That is the product where it does nothing else for masked faces (the rows are then ``faces.identify.masked.far``
and ``.right``); what it does where it does is in ``faces_told``.

Owns these figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_tools.bench import faces_told
from viot_tools.bench.faces_identify import both, outcome, searchable
from viot_tools.bench.faces_store import Own, Store
from viot_tools.bench.reid_rows import by_unit
from viot_tools.bench.reid_rows import row as unit_row
from viot_tools.faces.calibrate import central
from viot_tools.faces.detect import overlap, refine
from viot_tools.faces.quality import measure
from viot_tools.faces.worn import WornRecogniser
from viot_tools.masks.landmarks import Landmarks
from viot_tools.masks.render import mask_face
from viot_tools.masks.templates import TEMPLATES
from viot_tools.verification.align import opened
from viot_tools.verification.pairs import People

AGAIN = 0.3
"""Intersection over union with the bare face's box at which a masked one counts as found again."""


def rows(store: Store, by: WornRecogniser | None = None) -> tuple[list[Row], list[str]]:
    """The rows of the store's tier, and what was left out and why; ``by`` stands in for what the tier has for masked
    faces. Raises WeightsMissing."""
    chosen = searchable(store)
    if not chosen:
        return [], ["faces.masked.found, faces.identify.masked.*: no set of people on whom no threshold was chosen"]
    model, tier = store.detector.model, store.weights.tier
    metric = "masked faces that are found, of those found bare"
    worn: dict[str, tuple[Own, NDArray[np.uint8]]] = {}
    units: dict[str, list[float]] = {}
    for people in chosen:
        own, chips, hits, who = wearing(store, people)
        worn[people.name] = own, chips
        units[people.name] = by_unit(who, hits)
    everybody = [value for values in units.values() for value in values]
    found = [unit_row("faces.masked.found", metric, everybody, store.seed, model, tier)]
    for name, values in units.items():
        found.append(unit_row(f"faces.masked.{name}.found", f"{metric}, one set", values, store.seed, model, tier))
    made, _ = outcome(store, chosen, lambda people: worn[people.name][0])
    how = ", behind masks, by the whole face"
    judge = faces_told.product(store) if by is None else by
    if judge is None:
        return [*found, *both(made, "faces.identify.masked", how, store, None)], []
    found += both(made, "faces.identify.masked.whole", how, store, None)
    return [*found, *faces_told.rows(store, chosen, worn, made, judge)], []


def wearing(store: Store, people: People) -> tuple[Own, NDArray[np.uint8], list[float], list[str]]:
    """The set as the product sees it when everybody wears a mask, with the crops (N, S, S, 3); and, for each face found
    bare, whether it was found again, and whose it is."""
    finder, aligned, owner = Landmarks(store.weights, store.detector), store.aligned(people), people.owner
    vectors = np.full_like(store.own(people).vectors, np.nan)
    quality, names = np.zeros(len(aligned.pictures)), sorted(TEMPLATES)
    chips = np.zeros((len(quality), *[store.own_recogniser.size] * 2, 3), np.uint8)
    hits: list[float] = []
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
        who.append(owner[aligned.pictures[i]])
        if face is not None and again:
            face = refine(store.detector, masked, face)
            chips[i] = store.own_recogniser.align(masked, face)
            vectors[i], quality[i] = store.embed_chips({0: chips[i]}, 1)[0], measure(face, chips[i]).value
    return Own(vectors, quality), chips, hits, who
