"""People by body and clothing, vehicles by look: found again among strangers, and strangers left alone.

``reid.person.rank1``: PRW's frames (two cameras) with the people in them marked by eye. A picture of somebody who is
seen by both cameras (their box, or a query crop) is searched among everybody of the *other* camera, with everybody of
MOT17-mini and every box the detector finds in those frames besides; right when the most alike is the same person. The
floor is the supplied baseline, retail-0288 alone (builtin tier: the colours of the whole box). ``.gain`` is the paired
difference. ``reid.person.far``: share of searches for somebody who is *not* there that name anybody, at the shipped
thresholds; ``reid.person.tpr_at_far``: share of the searches of ``rank1`` that name the right one and nobody wrong,
floor the baseline with cosines as they are, its threshold set on all strangers of MOT17-mini.
``reid.person.mot17.rank1``: first picture against last, same street, a moment later: a sanity row; ``.poor``: the first
picture 40 pixels high, in the dark, hidden below the hips, and all of these at once (the share of the four that come
out right, per person). ``reid.person.views.far``: in every view of ``views`` (a street, a stadium, an office from
above), the share of its pictures for which a stranger of that view is named; ``.tpr``: the share for which the same
person at another moment is. Every view is judged by thresholds made without it, as a camera is that nobody calibrated
on; floor the same rule with cosines as they are, without the camera's level (builtin tier: with it; there it makes them
worse, and is left out).

``reid.vehicle.rank1``: vehicles marked by eye in two clips; a picture against all others of the same vehicle at least
``APART`` frames away, among all other vehicles and the photographs under ``plates``; floor colours of the whole box.
``reid.vehicle.far`` and ``.tpr_at_far`` as above, among the marked ones alone. ``reid.vehicle.colour``: the colour that
the pictures of a vehicle are said to have together, floor the attribute network's word. Thresholds of vehicles are
calibrated on the same marks, so every vehicle is judged by thresholds made without it. Intervals are bootstrapped over
queries for people (two of them are seen by both cameras: the true interval is wider) and over vehicles; exact where all
units came out alike.

``python -m viot_tools.bench.reid --data ../shared/data [--quick]`` prints both tiers. Owns these figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.media.pictures import decode_image
from viot_agent.media.types import Image
from viot_agent.weights import Weights, default_home
from viot_tools.bench.reid_rows import Searches, by_unit, floats, gain, row, searches, whole_colours
from viot_tools.bench.reid_vehicles import vehicle_rows
from viot_tools.bench.vehicles import annotation
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.objects.detect import object_detector
from viot_tools.objects.detections import box_iou
from viot_tools.reid.calibrate import (
    CLIPS,
    FAR,
    PLAIN,
    RATES,
    SAFETY,
    Someone,
    material,
    strangers,
    view_numbers,
)
from viot_tools.reid.embed import OsnetRetail, Vectors, people_embedder
from viot_tools.reid.identity import Calibration, from_row, load, summary
from viot_tools.reid.pictures import cut_out
from viot_tools.reid.views import View

FRAMES = Path("videos") / "stills" / "prw_market1501_frames"
Embed = Callable[[Sequence[Image]], Vectors]


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture of somebody: ``person`` '' for a distractor, ``camera`` '' for one of another data set."""

    person: str
    camera: str
    image: Image
    query: bool = False


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """The rows of the tier that ``weights`` stands for, and what was left out and why."""
    found, skipped = _people(data, weights, quick, seed)
    if weights.tier == "hub":
        more, without = vehicle_rows(data, weights, seed)
        return found + more, skipped + without
    return found, [*skipped, "reid.vehicle.* in tier builtin: nothing there finds vehicles"]


# people ---------------------------------------------------------------------------------------------------------------


def marked_people(data: Path, weights: Weights) -> tuple[list[Marked], frozenset[str]]:
    """Everybody marked in PRW's frames, the query crops, and further boxes that the detector finds; and the names whose
    bearer may be seen by the other camera under another name."""
    marks = annotation(data, "prw_people.json")
    if marks is None:
        return [], frozenset()
    detector, found = object_detector(weights), []
    for name, people in marks["frames"].items():
        path = data / FRAMES / name
        if not path.is_file():
            continue
        image = decode_image(path)
        for person, (x0, y0, x1, y1) in people.items():
            crop = cut_out(image, (x0, y0, x1, y1))
            if crop is not None:
                found.append(Marked(person, name[:2], crop))
        known = np.array(list(people.values()), np.float32)
        seen = detector.detect(image).people()
        for box in seen.xyxy[box_iou(seen.xyxy, known).max(1, initial=0.0) < 0.3]:
            crop = cut_out(image, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
            if crop is not None and crop.shape[0] >= 40:
                found.append(Marked("", name[:2], crop))
    for path in sorted((data / FRAMES / "query").glob("*.jpg")):
        person, camera = path.name.split("_")[:2]
        found.append(Marked(person, camera[:2], decode_image(path), query=True))
    return found, frozenset(marks["cross_camera_unknown"])


def search(
    people: Sequence[Marked], vectors: Vectors, others: Vectors, unknown: frozenset[str], calibration: Calibration
) -> tuple[Searches, Searches]:
    """(searches for people whom the other camera saw, searches for people who are not there).

    ``vectors`` (N, D) of ``people``; ``others`` (M, D) the looks of strangers. Somebody ``unknown`` is searched only
    where nobody unknown stands.
    """
    person = np.array([p.person for p in people])
    camera = np.array([p.camera for p in people])
    gallery = np.array([not p.query for p in people])
    in_doubt = np.isin(person, list(unknown))
    present: list[tuple[str, bool, bool, bool]] = []
    absent: list[tuple[str, bool, bool, bool]] = []
    for i, p in enumerate(people):
        if not p.person:
            continue
        there = gallery & (camera != camera[i])
        right = there & (person == p.person) & (p.person not in unknown)
        wrong = there & (person != p.person) & (~in_doubt if p.person in unknown else True)
        scores, elsewhere = (vectors @ vectors[i]).astype(np.float64), (others @ vectors[i]).astype(np.float64)
        upper = calibration.upper(int(there.sum()) + len(others))
        lead, far = scores - calibration.level(scores[there]), elsewhere - calibration.level(elsewhere)
        wrongly = bool((lead[wrong] >= upper).any() or (far >= upper).any())
        absent.append((p.person, False, False, wrongly))
        if right.any():
            strange = float(np.concatenate([scores[wrong], elsewhere]).max())
            present.append(
                (p.person, float(scores[right].max()) > strange, bool((lead[right] >= upper).any()), wrongly)
            )
    return searches(present), searches(absent)


def _people(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    embedder = people_embedder(weights)
    try:
        seen = material(data, embedder, ObjectsAnalyzer(weights), () if quick else CLIPS)
    except UserFault as fault:
        return [], [f"reid.person.*: {fault}"]
    everybody, mine = seen.everybody, seen.vectors
    if quick:
        everybody, mine = everybody[::4], mine[::4]
    ours: Embed = embedder.embed
    if weights.tier == "hub":
        plain: Embed = OsnetRetail(weights).retail
    else:
        plain = whole_colours
    theirs = [plain(s.pictures) for s in everybody]
    model, tier = embedder.model, weights.tier
    scene = [s.sequence for s in everybody]
    sane, floor = _moment_later(everybody, mine), _moment_later(everybody, theirs)
    found = [row("reid.person.mot17.rank1", "first picture against last, MOT17", sane, seed, model, tier, floor)]
    worse, worse_floor = _poor_moment_later(everybody, mine, ours), _poor_moment_later(everybody, theirs, plain)
    what = "the same, poor query pictures"
    found.append(row("reid.person.mot17.poor.rank1", what, worse, seed, model, tier, worse_floor))
    found.append(gain("reid.person.mot17.poor.rank1.gain", worse, worse_floor, seed, model, tier))
    found += view_rows(seen.views, seed, model, tier)
    people, unknown = marked_people(data, weights)
    if not people:
        return found, ["reid.person.rank1, .far, .tpr_at_far: no PRW frames, or no annotations/prw_people.json"]
    shipped, baseline = load(model), _calibrated(strangers(theirs, scene).impostor)
    images = [p.image for p in people]
    present, absent = search(people, ours(images), _looks(mine), unknown, shipped)
    other, _ = search(people, plain(images), _looks(theirs), unknown, baseline)
    first, beaten = floats(present.first), floats(other.first)
    found.append(row("reid.person.rank1", "right one first, other camera (PRW)", first, seed, model, tier, beaten))
    found.append(gain("reid.person.rank1.gain", first, beaten, seed, model, tier))
    named = [float(a and not b) for a, b in zip(present.named, present.wrongly, strict=True)]
    theirs_named = [float(a and not b) for a, b in zip(other.named, other.wrongly, strict=True)]
    what = f"right one named, at {shipped.far:g} wrong searches"
    found.append(row("reid.person.tpr_at_far", what, named, seed, model, tier, theirs_named))
    found.append(gain("reid.person.tpr_at_far.gain", named, theirs_named, seed, model, tier))
    by_person = by_unit(absent.who, floats(absent.wrongly))
    found.append(row("reid.person.far", "somebody named who is not there, per search", by_person, seed, model, tier))
    return found, []


def view_rows(views: Sequence[View], seed: int, model: str, tier: str) -> list[Row]:
    """Each view judged by thresholds made from the others."""
    pairs = [(view, [v for v in views if v is not view]) for view in views]
    plain = tier in PLAIN
    ours = [judged(view, _made(view_numbers(others, plain=plain))) for view, others in pairs]
    other = [judged(view, _made(view_numbers(others, plain=not plain))) for view, others in pairs]
    far, tpr = [w for w, _ in ours], [r for _, r in ours if r is not None]
    floor_far, floor = [w for w, _ in other], [r for _, r in other if r is not None]
    what = "a stranger of the view named, per search; its camera not calibrated on"
    return [
        row("reid.person.views.far", what, far, seed, model, tier, floor_far),
        row("reid.person.views.tpr", "the same person named at another moment there", tpr, seed, model, tier, floor),
        gain("reid.person.views.tpr.gain", tpr, floor, seed, model, tier),
    ]


def judged(view: View, by: Calibration) -> tuple[float, float | None]:
    """(share of searches that name a stranger, share of those with another moment that name the right one)."""
    wrong, right = [], []
    for s in view.searches:
        least = by.level(s.everybody) + by.upper(len(s.everybody))
        wrong.append(bool((s.strange >= least).any()))
        if s.own is not None:
            right.append(s.own >= least)
    return float(np.mean(wrong)), float(np.mean(right)) if right else None


def _made(numbers: Mapping[str, Any]) -> Calibration:
    return from_row({"model": "", "far": FAR, "lower": 0.0, "missed": 0.0, "margin": 0.0, **numbers})


def _looks(vectors: Sequence[Vectors]) -> Vectors:
    return np.stack([summary(list(v), [1.0] * len(v)) for v in vectors])


def _moment_later(everybody: Sequence[Someone], vectors: Sequence[Vectors]) -> list[float]:
    last = np.stack([v[-1] for v in vectors])
    return [
        float(int((last @ v[0]).argmax()) == i)
        for i, (s, v) in enumerate(zip(everybody, vectors, strict=True))
        if len(s.pictures) >= 2
    ]


def poorer(picture: Image) -> list[Image]:
    """The same person as a bad camera gives it: 40 pixels high; in the dark; hidden below the hips; all at once."""
    small = _shrunk(picture)
    dark = np.asarray(127.5 * (picture / 255.0) ** 1.8, np.uint8)
    hidden = picture.copy()
    hidden[int(picture.shape[0] * 0.6) :] = 114
    both = np.asarray(127.5 * (hidden / 255.0) ** 1.8, np.uint8)
    return [small, dark, hidden, _shrunk(both)]


def _shrunk(picture: Image) -> Image:
    if picture.shape[0] <= 40:
        return picture
    size = (max(8, picture.shape[1] * 40 // picture.shape[0]), 40)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _poor_moment_later(everybody: Sequence[Someone], vectors: Sequence[Vectors], embed: Embed) -> list[float]:
    """Share of the ``poorer`` versions of each one's first picture that are most like their own last one."""
    last = np.stack([v[-1] for v in vectors])
    found = []
    for i, s in enumerate(everybody):
        if len(s.pictures) >= 2:
            queries = embed(poorer(np.ascontiguousarray(s.pictures[0])))
            found.append(float(((last @ queries.T).argmax(0) == i).mean()))
    return found


def _calibrated(impostor: NDArray[np.float64]) -> Calibration:
    """The baseline's thresholds: of cosines as they are, on all strangers of MOT17-mini."""
    rates = [r for r in RATES if r / SAFETY * len(impostor) >= 3]
    curve = tuple((r, float(np.quantile(impostor, 1 - r / SAFETY))) for r in rates)
    return Calibration("baseline", FAR, curve, -1.0, 0.01, 0.0)


def main() -> None:
    """Print both tiers' rows as a table; the hub tier's weights are taken from ``DATA/models``."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m viot_tools.bench.reid", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found: list[Row] = []
    skipped: list[str] = []
    for weights in (Weights(default_home(), given.data / "models", "hub"), Weights(default_home(), None, "builtin")):
        try:
            some, left = rows(given.data, weights, given.quick, given.seed)
        except WeightsMissing as error:
            skipped.append(f"reid.* in tier {weights.tier}: {error}")
            continue
        found += some
        skipped += left
    command = f"python -m viot_tools.bench.reid --data {given.data}{' --quick' if given.quick else ''}"
    Report(tuple(found), tuple(skipped), command).print(Console(width=170))


if __name__ == "__main__":
    main()
