"""What ``face_recognition`` makes of masked faces: told, and compared by the eye region, in the tier that does.

``faces.worn.told``: the share of faces behind drawn masks that are said to wear one; ``faces.worn.bare`` that of bare
faces, wrongly. ``faces.identify.masked.far`` and ``.right``: searches as in ``faces.identify.*`` by masked faces, each
compared behind its mask, at the thresholds for that, if it was told to wear one, and as a bare face else.
``faces.identify.masked.right.gain`` is the paired difference to the whole face at the thresholds of bare ones
(``faces.identify.masked.whole.*``); ``faces.identify.bare.gain`` what telling masks costs or gains people who wear
none. The people are those on whom nothing was chosen. They are enrolled as ``viot person enroll`` does: a picture told
to wear a mask (one cut off at the mouth among them) takes no part behind masks, and where that leaves somebody of the
gallery without a picture, masked faces are compared by whole faces. Owns these figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row
from viot_tools.bench.faces_identify import Outcome, Searched, Trial, both, eligible, searched, trials
from viot_tools.bench.faces_store import Own, Store, Vectors
from viot_tools.bench.reid_rows import by_unit
from viot_tools.bench.reid_rows import row as unit_row
from viot_tools.faces.identity import Calibration, Look, load, template, vote
from viot_tools.faces.recognise import MobileFaceNet
from viot_tools.faces.worn import WornRecogniser, make_worn
from viot_tools.verification.pairs import People


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """A set's faces: ``seen`` as the recogniser sees them, ``told`` (N,) whether they are said to wear a mask,
    ``vectors`` (N, D) by what is compared of masked ones, NaN where there is none."""

    seen: Own
    told: NDArray[np.bool_]
    vectors: Vectors


def product(store: Store) -> WornRecogniser | None:
    """What the store's tier has for masked faces; nothing where another recogniser stands in for the tier's."""
    return make_worn(store.weights) if isinstance(store.own_recogniser, MobileFaceNet) else None


def behind(seen: Own, chips: NDArray[np.uint8], worn: WornRecogniser, *, enrolled: bool) -> Behind:
    """Those faces (crops (N, S, S, 3)) as the product sees them. Vectors have those told to wear no mask where they are
    ``enrolled``, else, where they are searched for, those told to wear one."""
    found = np.asarray(np.isfinite(seen.vectors).all(axis=1), np.bool_)
    told = np.zeros(len(seen.vectors), np.bool_)
    told[found] = worn.wears(list(chips[found]))
    wanted = found & (~told if enrolled else told)
    made = worn.embed(list(chips[wanted]), seen.vectors[wanted]) if wanted.any() else np.zeros((0, 1), np.float32)
    vectors = np.full((len(told), made.shape[1]), np.nan, np.float32)
    vectors[wanted] = made
    return Behind(seen, told, vectors)


def named(trial: Trial, gallery: Behind, probes: Behind, plain: Calibration, masked: Calibration) -> str:
    """Whom the product names, '' for nobody."""
    people = templates(trial, gallery) if probes.told[trial.probe] else None
    if people is None:
        return searched(trial, gallery.seen.vectors, probes.seen, plain)
    look = Look(0.0, float(probes.seen.quality[trial.probe]), probes.vectors[trial.probe])
    verdict = vote([look], people, masked)
    return verdict.who if verdict.answer == "match" else ""


def templates(trial: Trial, gallery: Behind) -> dict[str, Vectors] | None:
    """The enrolled people as masked faces are compared with them; None when one of them has no picture for that."""
    found: dict[str, Vectors] = {}
    for who, rows in trial.gallery.items():
        mine = gallery.vectors[list(rows)]
        mine = mine[np.isfinite(mine).all(axis=1)]
        if not len(mine):
            return None
        found[who] = template(mine)
    return found


def rows(
    store: Store,
    chosen: Sequence[People],
    masked: Mapping[str, tuple[Own, NDArray[np.uint8]]],
    whole: Outcome,
    worn: WornRecogniser,
) -> list[Row]:
    """The rows. ``masked``: by set, its faces behind masks as the recogniser sees them and their crops; ``whole``: what
    came of the same searches by whole faces."""
    model, tier = store.own_recogniser.model, store.weights.tier
    plain, behind_masks = load(model, store.detector.model), load(worn.model, store.detector.model)
    told: dict[bool, tuple[list[str], list[float]]] = {False: ([], []), True: ([], [])}
    away, home, bare = [], [], []
    for people in chosen:
        aligned, others = store.aligned(people), frozenset(eligible(people))
        gallery = behind(store.own(people), aligned.faces, worn, enrolled=True)
        probes = behind(*masked[people.name], worn, enrolled=False)
        for seen, wears in ((gallery, False), (probes, True)):
            for i in np.flatnonzero(np.isfinite(seen.seen.vectors).all(axis=1)):
                who = people.owner[aligned.pictures[i]]
                if who in others:
                    told[wears][0].append(f"{people.name}/{who}")
                    told[wears][1].append(float(seen.told[i]))
        strangers, mates = trials(people, aligned.found, store.seed)
        for trial in strangers:
            hit = bool(named(trial, gallery, probes, plain, behind_masks))
            away.append(Searched(f"{people.name}/{trial.who}", hit))
        for trial in mates:
            who = f"{people.name}/{trial.who}"
            home.append(Searched(who, named(trial, gallery, probes, plain, behind_masks) == trial.who))
            ours = named(trial, gallery, gallery, plain, behind_masks) == trial.who
            before = searched(trial, gallery.seen.vectors, gallery.seen, plain) == trial.who
            bare.append((who, float(ours) - float(before)))
    made = Outcome(tuple(away), tuple(home))
    gain = [float(a.hit) - float(b.hit) for a, b in zip(made.mates, whole.mates, strict=True)]
    names = [s.who for s in made.mates]
    said = "faces said to wear a mask"
    return [
        unit_row("faces.worn.told", f"masked {said}", by_unit(*told[True]), store.seed, worn.model, tier),
        unit_row("faces.worn.bare", f"bare {said}, wrongly", by_unit(*told[False]), store.seed, worn.model, tier),
        *both(made, "faces.identify.masked", ", behind masks, compared by the eye region", store, None),
        unit_row(
            "faces.identify.masked.right.gain", "the same minus whole faces at the thresholds of bare ones, paired",
            by_unit(names, gain), store.seed, worn.model, tier, [0.0],
        ),
        unit_row(
            "faces.identify.bare.gain", "bare faces named rightly, with masks told minus without, paired",
            by_unit([w for w, _ in bare], [v for _, v in bare]), store.seed, worn.model, tier, [0.0],
        ),
    ]  # fmt: skip
