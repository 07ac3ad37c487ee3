"""Choosing the thresholds of ``person_reid`` and ``vehicle_reid``, and the means of the clothes descriptor.

``python -m viot_tools.reid.calibrate --data ../shared/data [--fit] [--out thresholds.json]``

prints ``thresholds.json``; ``--out`` writes it; ``--fit`` makes ``clothes.safetensors`` anew from the people that the
detector follows in the Intel clips and in ``mot_demo.mp4``, and stops.

People. The curve is of strangers on one camera, over that camera's level (``views``): a single picture against the look
of a track, as a question does; every view weighs the same. MOT17-mini alone, all its people against all, was too lax
(people seen from above in one office passed it). ``lower`` is not only under ``MISSED`` of the *genuine* (tracks of the
clips, their first picture against the look of what was seen ``LATER`` seconds on) but also under what ``DOUBT`` of the
people of MOT17-mini (truth boxes, at least 0.7 visible, 64 pixels high) reach against all others, same street or
another, whichever is less: another camera costs more than another moment. Vehicles. The marked ones of
``datasets/annotations/vehicles.json``, every picture against the looks of all others, and of the same vehicle at
another moment. Photographs with their copies were tried first and would have been too lax: cars in one light are more
alike than photographs (the rate came out at 0.28 a search instead of 0.01). With 18 vehicles the curve ends at 1 %, and
what a search needs beyond is extrapolated.

The curve is the cosine (of people: the lead over the camera's level) that a share ``rate / SAFETY`` of the strangers
passes. PRW's frames take no part: ``viot bench vision`` measures on them, and on every view with thresholds made
without it. For vehicles it measures by leaving each one out of the calibration that judges it. Owns the choice of
numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights, default_home
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.reid.embed import Embedder, Vectors, clothes_numbers, people_embedder
from viot_tools.reid.identity import Calibration, summary
from viot_tools.reid.query import WHOLE
from viot_tools.reid.vehicle import VehicleLook
from viot_tools.reid.views import LATER, LEAST, View, clip_view, levels, sequence_view, tail

if TYPE_CHECKING:
    from viot_tools.bench.clip_people import Followed

FAR, VEHICLE_FAR = 0.01, 0.05
"""Searches that may name a wrong one, of those whose right one is not there."""
APART = 5
"""Frames between two sightings of a vehicle that are compared."""
RATES = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4)
VIEW_RATES = RATES[:4]
RARE = 1e-4
PLAIN = ("builtin",)
"""Tiers whose cosines are compared as they are: the level of a camera makes the clothes' worse
(``reid.person.views.tpr``)."""
SAFETY = 2
MISSED, DOUBT = 0.05, 0.01
MARGIN = 0.01, 0.05
"""From and to: leads within one camera are larger than those of a picture that another one took."""
CLIPS = (
    "people-detection.264",
    "intel/one-by-one-person-detection.mp4",
    "crowd.mp4",
    "pedestrians.mp4",
    "mot_demo.mp4",
)
FIT_CLIPS = ("intel/one-by-one-person-detection.mp4", "people-detection.264", "mot_demo.mp4")


@dataclass(frozen=True, slots=True)
class Someone:
    """One person of one MOT17 sequence, in pictures."""

    sequence: str
    number: int
    pictures: tuple[Image, ...]


def sequences(data: Path, least: float = 64.0, visible: float = 0.7) -> list[Someone]:
    """Everybody of MOT17-mini, in a fixed order. Raises UserFault when it is not there."""
    root = data / "videos" / "stills" / "MOT17-mini" / "train"
    found: dict[tuple[str, int], list[Image]] = {}
    for folder in sorted(root.glob("MOT17-*")):
        truth = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
        people = truth[np.isin(truth[:, 7], (1, 2, 7)) & (truth[:, 8] >= visible) & (truth[:, 5] >= least)]
        for path in sorted((folder / "img1").glob("*.jpg")):
            image = decode_image(path)
            for row in people[people[:, 0] == int(path.stem)]:
                x, y, w, h = (int(v) for v in row[2:6])
                crop = image[max(0, y) : y + h, max(0, x) : x + w]
                if min(crop.shape[:2]) >= 8:
                    found.setdefault((folder.name, int(row[1])), []).append(crop.copy())
    if not found:
        raise UserFault(f"no MOT17-mini under {data / 'videos' / 'stills'}", fix="--data DIR")
    return [Someone(s, n, tuple(p)) for (s, n), p in sorted(found.items())]


# figures --------------------------------------------------------------------------------------------------------------


def genuine_people(people: Sequence[Followed], vectors: Sequence[Vectors]) -> NDArray[np.float64]:
    """Cosine of each one's first picture of a whole body (as the tool asks for) to the look of what came ``LATER``
    seconds after it. ``vectors``: one (n, D) each."""
    scores = []
    for one, own in zip(people, vectors, strict=True):
        shapes = [p.image.shape for p in one.pictures]
        first = next((k for k, shape in enumerate(shapes) if shape[0] >= WHOLE * shape[1]), None)
        if first is None:
            continue
        later = [k for k, p in enumerate(one.pictures) if p.t - one.pictures[first].t >= LATER]
        if later:
            rest = summary([own[k] for k in later], [one.pictures[k].quality for k in later])
            scores.append(float(own[first] @ rest))
    return np.array(scores)


@dataclass(frozen=True, slots=True)
class Strangers:
    """Comparisons of one set: every ``impostor`` cosine; ``leads`` of the right one over the best other beside it."""

    impostor: NDArray[np.float64]
    leads: NDArray[np.float64]


def strangers(vectors: Sequence[Vectors], beside: Sequence[str]) -> Strangers:
    """``vectors`` one (n, D) a person: their every picture against the others' looks. ``beside`` names the scene."""
    looks = np.stack([summary(list(v), [1.0] * len(v)) for v in vectors])
    impostor: list[float] = []
    leads: list[float] = []
    scene = np.array(beside)
    for i, own in enumerate(vectors):
        scores = own.astype(np.float64) @ looks.T
        others = np.arange(len(vectors)) != i
        impostor += list(scores[:, others].ravel())
        rivals = others & (scene == scene[i])
        if len(own) >= 2 and rivals.any():
            rest = summary(list(own[1:]), [1.0] * (len(own) - 1))
            leads.append(float(own[0] @ rest) - float(scores[0][rivals].max()))
    return Strangers(np.array(impostor), np.array(leads))


def choose(genuine: NDArray[np.float64], found: Strangers) -> dict[str, Any]:
    """The numbers. Raises UserFault when there is too little to choose on."""
    rates = [r for r in RATES if r / SAFETY * len(found.impostor) >= 3]
    if len(rates) < 2 or len(genuine) < 10:
        raise UserFault(f"{len(found.impostor)} impostor and {len(genuine)} genuine comparisons are too few")
    curve = [[r, round(float(np.quantile(found.impostor, 1 - r / SAFETY)), 4)] for r in rates]
    lower = min(float(np.quantile(genuine, MISSED)), float(np.quantile(found.impostor, 1 - DOUBT)))
    strict = curve[-1][1]
    return {
        "far": FAR,
        "curve": curve,
        "lower": round(lower, 4),
        "missed": MISSED,
        "margin": round(float(np.clip(np.quantile(found.leads, 0.02) / 2, *MARGIN)), 4),
        "chosen_on": {
            "impostor": len(found.impostor),
            "genuine": len(genuine),
            "genuine_median": round(float(np.median(genuine)), 4),
            "genuine_over_strictest": round(float((genuine >= strict).mean()), 4),
            "impostor_in_doubt": round(float((found.impostor >= lower).mean()), 4),
        },
    }


@dataclass(frozen=True, slots=True)
class Material:
    """What people are calibrated on: everybody of MOT17-mini with their vectors, the clips' people with theirs, and the
    views that both make."""

    everybody: list[Someone]
    vectors: list[Vectors]
    clips: dict[str, tuple[list[Followed], list[Vectors]]]
    views: list[View]


def material(data: Path, embedder: Embedder, analyzer: ObjectsAnalyzer, clips: Sequence[str] = CLIPS) -> Material:
    """Looks at MOT17-mini and at those of ``clips`` that are there. Raises UserFault when the former is not."""
    from viot_tools.bench.clip_people import clip_pictures
    from viot_tools.bench.vehicles import annotation

    everybody = sequences(data)
    vectors = [embedder.embed(s.pictures) for s in everybody]
    views = []
    for name in sorted({s.sequence for s in everybody}):
        own = [v for s, v in zip(everybody, vectors, strict=True) if s.sequence == name]
        views.append(sequence_view(name, own))
    visits = (annotation(data, "visits.json") or {}).get("clips", {})
    seen = {}
    for name in clips:
        if (data / "videos" / name).is_file():
            print(f"  {name}", file=sys.stderr, flush=True)
            people = clip_pictures(data / "videos" / name, analyzer)
            seen[name] = people, [embedder.embed([p.image for p in one.pictures]) for one in people]
            views.append(clip_view(name, *seen[name], visits.get(name, [])))
    return Material(everybody, vectors, seen, [v for v in views if len(v.strange) >= LEAST])


def view_numbers(views: Sequence[View], *, plain: bool = False) -> dict[str, Any]:
    """``levels`` and ``curve`` from the strangers of ``views``; ``plain``: of cosines as they are, for comparison.

    A dozen views do not show what happens once in thousands of comparisons. So the curve goes on to ``RARE`` with its
    mean slope, and the whole is raised until ``FAR / SAFETY`` of the searches in the views name a stranger, not more.
    """
    between = (0.0, 0.0) if plain else levels(views)
    judge = Calibration("", FAR, (), 0.0, 0.0, 0.0, between)
    leads = [[s.strange - judge.level(s.everybody) for s in v.searches] for v in views]
    curve = [(rate, tail([np.concatenate(view) for view in leads], rate / SAFETY)) for rate in VIEW_RATES]
    decades = np.log10(VIEW_RATES[0] / np.array([VIEW_RATES[-1], RARE]))
    curve.append((RARE, curve[0][1] + (curve[-1][1] - curve[0][1]) * float(decades[1] / decades[0])))
    upper = replace(judge, curve=tuple(curve)).upper
    over = [
        np.array(
            [max(found) - upper(len(s.everybody)) for found, s in zip(view, v.searches, strict=True) if len(found)]
        )
        for view, v in zip(leads, views, strict=True)
    ]
    lift = max(0.0, tail(over, FAR / SAFETY) + 1e-4)  # the last one that is allowed stays below
    return {"levels": [round(x, 4) for x in between], "curve": [[rate, round(s + lift, 4)] for rate, s in curve]}


def people_row(data: Path, weights: Weights) -> dict[str, Any]:
    """One row of ``thresholds.json``, of the tier of ``weights``."""
    embedder, analyzer = people_embedder(weights), ObjectsAnalyzer(weights)
    seen = material(data, embedder, analyzer)
    genuine = np.concatenate([genuine_people(*clip) for clip in seen.clips.values()] or [np.zeros(0)])
    row = choose(genuine, strangers(seen.vectors, [s.sequence for s in seen.everybody]))
    row |= view_numbers(seen.views, plain=weights.tier in PLAIN)
    del row["chosen_on"]["genuine_over_strictest"]  # a lead is no cosine; viot bench vision says what is found again
    row["chosen_on"] |= {
        "views": {v.name: len(v.strange) for v in seen.views},
        "people": len(seen.everybody),
        "tracks": sum(len(people) for people, _ in seen.clips.values()),
        "detector": f"{analyzer.model} {analyzer.model_version}",
        "clips": {name: fingerprint(data / "videos" / name) for name in seen.clips},
    }
    return {"model": embedder.model, "model_version": embedder.model_version, **row}


def fingerprint(path: Path) -> str:
    """The first half of a file's sha256, in hex: which footage the numbers were chosen on."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def vehicle_row(data: Path, weights: Weights) -> dict[str, Any]:
    """The same for vehicles."""
    from viot_tools.bench.vehicles import alike, sightings

    look, seen = VehicleLook(weights), sightings(data)
    if not seen:
        raise UserFault(
            "no marked vehicles", fix="--data DIR with videos/traffic.mp4, in a checkout of this repository"
        )
    row = vehicle_numbers(
        [s.vehicle for s in seen], [s.index for s in seen], look.embed([s.image for s in seen]), alike(data)
    )
    return {"model": look.model, "model_version": look.model_version, **row}


def vehicle_numbers(
    vehicle: Sequence[str], index: Sequence[int], vectors: Vectors, same: Sequence[frozenset[str]], without: str = ""
) -> dict[str, Any]:
    """The numbers from marked vehicles: ``vectors`` (N, D) of the sighting ``index[i]`` of ``vehicle[i]``; pairs in
    ``same`` may be one vehicle and count neither way. ``without`` leaves one out. Raises UserFault as ``choose``."""
    names, places = np.array(vehicle), np.array(index)
    kept = sorted(set(vehicle) - {without})
    looks = {k: summary(list(vectors[names == k]), [1.0] * int((names == k).sum())) for k in kept}
    impostor, genuine, leads = [], [], []
    for i, name in enumerate(names):
        if name == without:
            continue
        others = [k for k in kept if k != name and frozenset((k, str(name))) not in same]
        strange = [float(vectors[i] @ looks[k]) for k in others]
        impostor += strange
        mine = (names == name) & (abs(places - places[i]) >= APART)
        if mine.any():
            genuine.append(float(vectors[i] @ summary(list(vectors[mine]), [1.0] * int(mine.sum()))))
            leads.append(genuine[-1] - max(strange))
    row = choose(np.array(genuine), Strangers(np.array(impostor), np.array(leads)))
    row["chosen_on"] |= {"vehicles": len(kept)}
    return row | {"far": VEHICLE_FAR}


def calibrations(data: Path, hub: Weights) -> dict[str, Any]:
    """What ``thresholds.json`` holds."""
    rows = [people_row(data, hub), people_row(data, Weights(hub.home, None, "builtin")), vehicle_row(data, hub)]
    return {"command": "python -m viot_tools.reid.calibrate --data DIR", "calibrations": rows}


def fit_clothes(data: Path, weights: Weights, out: Path) -> None:
    """Write the mean and spread of ``clothes_numbers`` over the people of ``FIT_CLIPS``, each track once."""
    from safetensors.numpy import save_file

    from viot_tools.bench.clip_people import clip_pictures

    analyzer = ObjectsAnalyzer(weights)
    clips = [clip_pictures(data / "videos" / name, analyzer) for name in FIT_CLIPS]
    tracks = [one.pictures for people in clips for one in people]
    each = np.stack([np.mean([clothes_numbers(p.image) for p in t], axis=0) for t in tracks])
    every = np.stack([clothes_numbers(p.image) for t in tracks for p in t])
    arrays: Mapping[str, NDArray[Any]] = {
        "mean": np.ascontiguousarray(each.mean(0), np.float32),
        "spread": np.ascontiguousarray(np.maximum(every.std(0), 1e-3), np.float32),
    }
    save_file(dict(arrays), str(out))
    print(f"{out}: {len(tracks)} tracks, {len(every)} pictures", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m viot_tools.reid.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like ../shared/data")
    parser.add_argument("--fit", action="store_true", help="make clothes.safetensors anew, and stop")
    parser.add_argument("--out", type=Path, help="write thresholds.json here")
    given = parser.parse_args(argv)
    hub = Weights(default_home(), given.data / "models", "hub")
    if given.fit:
        fit_clothes(given.data, hub, Path(__file__).with_name("clothes.safetensors"))
        return
    text = json.dumps(calibrations(given.data, hub), indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
