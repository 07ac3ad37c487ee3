"""Vehicles by look: found again at another moment, and others left alone; see ``reid`` for what the rows say.

Owns the vehicle rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from viot_agent.bench.report import Row
from viot_agent.errors import UserFault
from viot_agent.weights import Weights
from viot_tools.bench.reid_rows import Searches, by_unit, floats, gain, row, searches, whole_colours
from viot_tools.bench.vehicles import Sighting, alike, annotation, sightings
from viot_tools.reid.calibrate import APART, VEHICLE_FAR, vehicle_numbers
from viot_tools.reid.colour import COLOURS
from viot_tools.reid.embed import Vectors
from viot_tools.reid.fit_vehicle import photographs
from viot_tools.reid.identity import Calibration, from_row, summary
from viot_tools.reid.vehicle import VehicleLook


def vehicle_rows(data: Path, weights: Weights, seed: int) -> tuple[list[Row], list[str]]:
    """The rows, and what was left out and why."""
    seen = sightings(data)
    if not seen:
        return [], ["reid.vehicle.*: no marked clips, or no annotations/vehicles.json"]
    try:
        photos = [crop for _, crop in photographs(data, weights)]
    except UserFault:
        photos = []
    marks, same = annotation(data, "vehicles.json") or {}, alike(data)
    look = VehicleLook(weights)
    vectors, reads = look.look([s.image for s in seen])
    marked = [s.vehicle for s in seen], [s.index for s in seen]
    # judged by thresholds that did not see it
    try:
        each = {
            v: from_row({"model": look.model, **vehicle_numbers(*marked, vectors, same, v)}) for v in set(marked[0])
        }
    except UserFault as fault:
        return [], [f"reid.vehicle.*: {fault}"]
    ours = _vehicle_searches(seen, same, vectors, look.embed(photos), each)
    plain = _vehicle_searches(
        seen, same, whole_colours([s.image for s in seen]), whole_colours(photos) if photos else None, each
    )
    model, tier = look.model, weights.tier
    first, floor = by_unit(ours.who, floats(ours.first)), by_unit(plain.who, floats(plain.first))
    moving = sorted(set(ours.who))
    found = [
        row("reid.vehicle.rank1", "right one first, another moment (by eye)", first, seed, model, tier, floor),
        gain("reid.vehicle.rank1.gain", first, floor, seed, model, tier),
    ]
    named = by_unit(ours.who, [float(a and not b) for a, b in zip(ours.named, ours.wrongly, strict=True)])
    what = f"right one named, at {VEHICLE_FAR:g} wrong searches"
    found.append(row("reid.vehicle.tpr_at_far", what, named, seed, model, tier))
    wrong = by_unit(ours.who, floats(ours.wrongly))
    found.append(row("reid.vehicle.far", "another vehicle named, per search", wrong, seed, model, tier))
    truth = marks["colours"]
    said, network = [], []
    for vehicle in sorted({s.vehicle for s in seen}):
        own = [r for r, s in zip(reads, seen, strict=True) if s.vehicle == vehicle]
        said.append(float(COLOURS[int(np.mean([r.pixels for r in own], axis=0).argmax())] == truth[vehicle]))
        network.append(float(COLOURS[int(np.mean([r.network for r in own], axis=0).argmax())] == truth[vehicle]))
    found.append(row("reid.vehicle.colour", "colour as by eye", said, seed, model, tier, network))
    left = [] if photos else ["reid.vehicle.*: no photographs under plates: no distractors"]
    return found, left if len(moving) > 1 else [*left, "reid.vehicle.*: one vehicle only"]


def _vehicle_searches(
    seen: Sequence[Sighting],
    alike: Sequence[frozenset[str]],
    vectors: Vectors,
    photos: Vectors | None,
    by: Mapping[str, Calibration],
) -> Searches:
    """Every sighting of a vehicle that was seen twice: the most alike among all others' pictures and the photographs;
    and, as a question does, the looks of all others against the threshold (no photograph: no camera took them)."""
    names, index = np.array([s.vehicle for s in seen]), np.array([s.index for s in seen])
    looks = {name: summary(list(vectors[names == name]), [1.0] * int((names == name).sum())) for name in set(names)}
    strangers_ = np.zeros((0, vectors.shape[1]), np.float32) if photos is None else photos
    found = []
    for i, name in enumerate(names):
        right = (names == name) & (abs(index - index[i]) >= APART)
        if not right.any():
            continue
        kin = {str(name)}.union(*(pair for pair in alike if name in pair))
        others = strangers_ @ vectors[i]
        best = float((vectors[right] @ vectors[i]).max())
        strange = np.concatenate([vectors[~np.isin(names, list(kin))] @ vectors[i], others])
        upper = by[str(name)].upper(len(looks))
        own = float(summary(list(vectors[right]), [1.0] * int(right.sum())) @ vectors[i])
        wrong = [float(look @ vectors[i]) for other, look in looks.items() if other not in kin]
        wrongly = max(wrong) >= upper
        found.append((str(name), best > float(strange.max()), own >= upper, wrongly))
    return searches(found)
