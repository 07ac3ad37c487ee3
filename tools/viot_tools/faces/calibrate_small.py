"""Small faces: fitting the joint vectors (``joint``), choosing their thresholds, and saying how good they are.

Run by ``calibrate`` for the hub tier. Pictures are those of ``calibrate``, halves too. The probe side of every pair is
a copy shrunk to ``EYES`` pixels between the eyes that is small and passes the gate, the gallery side an original.

Chosen on one half: the basis; then the thresholds, on cosines of which *neither* person was in the fit (``FOLDS``
groups of people, each pair of groups left out in turn), because a basis flatters those it was fitted to. With some
eighty people a rate of 1e-4 hangs on a handful of look-alikes, and another eighty have others: the threshold at a rate
is therefore the upper end of a 95 % bootstrap interval (people drawn anew ``DRAWS`` times) of the cosine that so many
impostor comparisons pass. It is chosen on single frames, while ``identity`` wants the sum of ``LEAST_LOOKS``: single
frames reach higher, so this errs on the safe side.

Reported on the other half, which neither fit nor choice has seen: the rate per comparison, for frames and for tracks
of three; and what a person asks about, the share of *searches* by somebody not enrolled, among 2, 3, 5 and 10 enrolled
people of the same set, that name anybody. Intervals are 95 %, by bootstrap over the people searched with; where no
search went wrong they are empty, and the number of people says how little that is worth. Owns these numbers; knows no
libraries.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.media.types import Image
from viot_tools.faces.basis import Basis, fit
from viot_tools.faces.calibrate import FAR, GATE, Picture, Probe, central, half, margins, opened
from viot_tools.faces.detect import Face, FaceDetector, refine
from viot_tools.faces.joint import LEAST_LOOKS, MobileFaceNetDlib, is_small
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import FaceRecogniser, unit

EYES = (14, 12, 10)
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
FOLDS = 6
DRAWS = 1000
GALLERIES = (2, 3, 5, 10)
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """One face by both recognisers; see :class:`viot_tools.faces.calibrate.Probe`."""

    picture: Picture
    source: int
    original: bool
    quality: float
    first: Vectors
    second: Vectors

    @property
    def person(self) -> tuple[str, str]:
        return self.picture.group, self.picture.person


def see_all(
    found: Sequence[Picture], detector: FaceDetector, recogniser: FaceRecogniser, joint: MobileFaceNetDlib
) -> list[Seen]:
    """Originals that pass the gate and their small copies that do, along the full path."""
    import cv2

    seen: list[Seen] = []
    for number, picture in enumerate(found):
        image = opened(picture)
        original = central(detector.detect(image), image)
        if original is None:
            continue
        versions: list[tuple[bool, Image, Face | None]] = [(True, image, original)]
        for eyes in EYES:
            scale = eyes / original.eye_distance
            if scale < 0.9:
                copy = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
                versions.append((False, copy, central(detector.detect(copy), copy)))
        for whole, version, face in versions:
            if face is None:
                continue
            face = refine(detector, version, face)
            if not (whole or is_small(face)):
                continue
            chip = recogniser.align(version, face)
            quality = measure(face, chip).value
            if quality >= GATE:
                first, second = recogniser.embed_chips([chip])[0], joint.second(version, [face])[0]
                seen.append(Seen(picture, number, whole, quality, first, second))
        if number % 50 == 0:
            print(f"  small faces: {number}/{len(found)} pictures", file=sys.stderr, flush=True)
    return seen


def fitted(seen: Sequence[Seen]) -> Basis:
    """The basis of the originals among ``seen``."""
    some = [s for s in seen if s.original]
    return fit(np.stack([s.first for s in some]), np.stack([s.second for s in some]), [s.person for s in some])


def joined(basis: Basis, seen: Sequence[Seen]) -> Vectors:
    """(N, D) joint vectors."""
    return basis.join(np.stack([s.first for s in seen]), np.stack([s.second for s in seen]))


@dataclass(frozen=True, slots=True)
class Table:
    """Cosines (P, G) of probes to gallery pictures, and which of them are of one person or of two of one set. Rows
    stand for one frame each, or for a track; ``probes`` and ``gallery`` say whose they are."""

    probes: Sequence[Seen]
    gallery: Sequence[Seen]
    cosine: Floats
    genuine: NDArray[np.bool_]
    impostor: NDArray[np.bool_]

    @classmethod
    def of(cls, probes: Sequence[Seen], gallery: Sequence[Seen], cosine: Floats) -> Table:
        def equal(a: Sequence[Any], b: Sequence[Any]) -> NDArray[np.bool_]:
            number = {key: i for i, key in enumerate(dict.fromkeys([*a, *b]))}
            rows, columns = np.array([number[key] for key in a]), np.array([number[key] for key in b])
            return np.asarray(rows[:, None] == columns[None, :])

        person = equal([s.person for s in probes], [s.person for s in gallery])
        group = equal([s.picture.group for s in probes], [s.picture.group for s in gallery])
        source = equal([s.source for s in probes], [s.source for s in gallery])
        return cls(probes, gallery, cosine, person & ~source, group & ~person)


def frames(seen: Sequence[Seen]) -> list[list[Seen]]:
    """Each small copy by itself."""
    return [[s] for s in seen if not s.original]


def tracks(seen: Sequence[Seen]) -> list[list[Seen]]:
    """The ``LEAST_LOOKS`` small copies of one picture, where there are so many: as near as stills come to a track."""
    copies: dict[int, list[Seen]] = {}
    for s in seen:
        if not s.original:
            copies.setdefault(s.source, []).append(s)
    return [some for some in copies.values() if len(some) >= LEAST_LOOKS]


def compared(basis: Basis, probes: Sequence[Sequence[Seen]], gallery: Sequence[Seen]) -> Table:
    """Probes (each the sum of its looks, weighted by quality as in ``identity.summary``) against gallery pictures."""
    rows = [unit((joined(basis, some) * np.array([[s.quality] for s in some], np.float32)).sum(0)) for some in probes]
    cosine = np.stack(rows).astype(np.float64) @ joined(basis, gallery).T
    return Table.of([some[0] for some in probes], gallery, cosine)


def fold(person: tuple[str, str]) -> int:
    """The group of people this one is left out with."""
    return hashlib.sha256("/".join(person).encode()).digest()[1] % FOLDS


def left_out(seen: Sequence[Seen]) -> Table:
    """Frames against originals, each cosine by a basis fitted without both people."""
    probes, gallery = frames(seen), [s for s in seen if s.original]
    rows, columns = np.array([fold(p[0].person) for p in probes]), np.array([fold(g.person) for g in gallery])
    cosine = np.zeros((len(probes), len(gallery)))
    for i in range(FOLDS):
        for j in range(i, FOLDS):
            basis = fitted([s for s in seen if fold(s.person) not in (i, j)])
            both = compared(basis, probes, gallery).cosine
            here = np.outer(rows == i, columns == j) | np.outer(rows == j, columns == i)
            cosine[here] = both[here]
    return Table.of([p[0] for p in probes], gallery, cosine)


def _weights(table: Table, rng: np.random.Generator, where: NDArray[np.bool_]) -> Floats:
    """How often each of the comparisons ``where`` occurs when the people are drawn anew."""
    everyone = {p: i for i, p in enumerate(dict.fromkeys([s.person for s in (*table.probes, *table.gallery)]))}
    drawn = np.bincount(rng.integers(0, len(everyone), len(everyone)), minlength=len(everyone)).astype(np.float64)
    rows = drawn[[everyone[s.person] for s in table.probes]]
    columns = drawn[[everyone[s.person] for s in table.gallery]]
    return np.asarray(np.outer(rows, columns)[where])


def upper_limits(table: Table, rates: Sequence[float], draws: int = DRAWS) -> list[float]:
    """For each rate the cosine that at most so many impostor comparisons pass in 95 of 100 draws of the people."""
    rng = np.random.default_rng(0)
    score = table.cosine[table.impostor]
    order = np.argsort(-score, kind="stable")
    score = score[order]
    found = np.zeros((draws, len(rates)))
    for k in range(draws):
        weight = np.cumsum(_weights(table, rng, table.impostor)[order])
        at = np.searchsorted(weight, np.array(rates) * weight[-1])
        found[k] = score[np.minimum(at, len(score) - 1)]
    return [float(x) for x in np.quantile(found, 0.95, axis=0)]


def per_comparison(table: Table, threshold: float, draws: int = DRAWS) -> list[float]:
    """[rate, low, high] of impostor comparisons at or above ``threshold``."""
    rng = np.random.default_rng(1)
    wrong = table.cosine[table.impostor] >= threshold
    rates = []
    for _ in range(draws):
        weight = _weights(table, rng, table.impostor)
        rates.append(float(weight[wrong].sum() / max(weight.sum(), 1.0)))
    return [_short(wrong.mean()), *(_short(q) for q in np.quantile(rates, [0.025, 0.975]))]


def searches(table: Table, threshold: float, margin: float, enrolled: int, each: int = 20) -> dict[str, Any]:
    """Searches by people who are not enrolled, among ``enrolled`` others of their set with one picture each, ``each``
    galleries a probe: how many name somebody."""
    rng = np.random.default_rng(enrolled)
    columns: dict[str, dict[str, list[int]]] = {}
    for j, g in enumerate(table.gallery):
        columns.setdefault(g.picture.group, {}).setdefault(g.picture.person, []).append(j)
    wrong: dict[tuple[str, str], list[bool]] = {}
    for i, probe in enumerate(table.probes):
        others = [js for person, js in columns[probe.picture.group].items() if person != probe.picture.person]
        if len(others) < enrolled:
            continue
        for _ in range(each):
            some = [others[k][rng.integers(len(others[k]))] for k in rng.choice(len(others), enrolled, replace=False)]
            runner_up, best = np.sort(table.cosine[i, some])[-2:] if enrolled > 1 else (-1.0, table.cosine[i, some[0]])
            wrong.setdefault(probe.person, []).append(bool(best >= threshold and best - runner_up >= margin))
    count, total = (np.array([f(v) for v in wrong.values()], np.float64) for f in (sum, len))
    drawn = rng.integers(0, len(total), (DRAWS, len(total)))
    rates = count[drawn].sum(1) / total[drawn].sum(1)
    return {
        "enrolled": enrolled,
        "people": len(total),
        "searches": int(total.sum()),
        "named": int(count.sum()),
        "rate": _short(count.sum() / total.sum()),
        "interval": [_short(q) for q in np.quantile(rates, [0.025, 0.975])],
    }


def choose(seen: Sequence[Seen]) -> tuple[Basis, dict[str, Any]]:
    """The basis and the numbers, from the choosing half. Raises UserFault when there are too few faces."""
    if len({s.person for s in seen}) < 2 * FOLDS or len(frames(seen)) < 100:
        raise UserFault(f"{len(frames(seen))} small faces are too few to calibrate")
    basis = fitted(seen)
    table = left_out(seen)
    genuine = table.cosine[table.genuine]
    curve = [(rate, round(score, 4)) for rate, score in zip(RATES, upper_limits(table, RATES), strict=True)]
    upper = dict(curve)[FAR]
    lower = round(min(float(np.quantile(genuine, 0.005)), upper), 4)
    leads = margins([Probe(s.picture, s.source, s.original, s.quality, v) for s, v in _with(basis, seen)])
    return basis, {
        "far": FAR,
        "threshold": upper,
        "curve": curve,
        "lower": lower,
        "lower_poor": lower,
        "margin": round(max(0.0, float(np.quantile(leads, 0.02)) / 2), 4),
        "gate": GATE,
        "same": upper,
        "chosen_on": _size(table),
    }


def report(seen: Sequence[Seen], basis: Basis, numbers: dict[str, Any]) -> dict[str, Any]:
    """Rates of the chosen numbers on the other half, at the threshold of galleries up to ten (1e-4 a comparison)."""
    strict = min(numbers["curve"])[1]
    gallery = [s for s in seen if s.original]
    out: dict[str, Any] = {"at": strict}
    for name, probes in (("frames", frames(seen)), ("tracks", tracks(seen))):
        table = compared(basis, probes, gallery)
        out[name] = {
            "far": per_comparison(table, numbers["threshold"])[0],
            "far_at_1e-4": per_comparison(table, strict),
            "highest_impostor": round(float(table.cosine[table.impostor].max()), 4),
            "tar_at_1e-4": round(float((table.cosine[table.genuine] >= strict).mean()), 4),
            "searches": [searches(table, strict, numbers["margin"], n) for n in GALLERIES],
            **_size(table),
        }
    out["far"] = out["frames"]["far"]
    return out


def calibrate_small(
    found: Sequence[Picture], detector: FaceDetector, recogniser: FaceRecogniser, joint: MobileFaceNetDlib
) -> tuple[dict[str, Any], Basis]:
    """The row of ``thresholds.json`` for joint vectors, and the basis that belongs to it."""
    seen = see_all(found, detector, recogniser, joint)
    basis, chosen = choose([s for s in seen if half(s.picture.person) == 0])
    row = {
        "model": joint.model,
        "model_version": joint.networks,
        "detector": detector.model,
        "detector_version": detector.model_version,
        **chosen,
        "on_other_people": report([s for s in seen if half(s.picture.person) == 1], basis, chosen),
    }
    return row, basis


def _with(basis: Basis, seen: Sequence[Seen]) -> list[tuple[Seen, Vectors]]:
    return list(zip(seen, joined(basis, seen), strict=True))


def _size(table: Table) -> dict[str, int]:
    return {
        "people": len({s.person for s in table.probes}),
        "probes": len(table.probes),
        "genuine": int(table.genuine.sum()),
        "impostor": int(table.impostor.sum()),
    }


def _short(x: Any) -> float:
    return float(f"{float(x):.2g}")
