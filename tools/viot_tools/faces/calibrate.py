"""Choosing the thresholds of face recognition on real faces, and saying how good they are on other people.

``python -m viot_tools.faces.calibrate --data ../shared/data [--tier hub|builtin] [--out thresholds.json]``

prints ``thresholds.json``, and with ``--out`` writes it and, beside it, ``joint.safetensors`` (``calibrate_small``, the
hub tier's second row: small faces by two recognisers). The row of masked faces is ``calibrate_worn``'s, which comes
after this.

Every picture goes the full path: detector, alignment, recogniser, quality. People (not pictures) are split into two
halves by a hash of their name: numbers are chosen on one half and reported on the other. The gallery side of every pair
is an original picture, the probe side the original or a copy shrunk until a camera's size (eye distances of
``EYES`` pixels), because enrolment pictures are good and cameras are not. Impostor pairs are taken within one set, and
across the two LFW sets, whose names differ; comparing grey laboratory pictures with news photographs would be too easy.

What is chosen: ``curve`` the cosine that a share FAR / ``SAFETY`` of impostor comparisons passes (with so few people,
the rate on others came out up to twice as high), raised by what the summary of four looks at an impostor adds;
``lower`` the cosine under which 0.5 % of genuine comparisons fall, never above the threshold for one person
(``lower_poor``: 5 %, faces under the gate); ``margin`` half the lead over the runner-up of a gallery of ten that 98 %
of genuine probes have; ``same`` is the threshold for one person. The gate was set by looking at genuine cosines by
quality: they fall apart under 10 pixels between the eyes, which is 0.33. FAR is per *comparison*: a search among n
people has n chances (see ``identity``).

Not in the data: strict profiles, masks, children, and enough people to measure rates for groups of people apart. Owns
the choice of numbers; knows nothing of libraries and cameras. The people of ``short_hamilton_clip.mp4`` are left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import UserFault, ViotError
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.faces.detect import Face, FaceDetector, make_detector, refine
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import FaceRecogniser, make_recogniser, unit

EYES = (20, 14, 10, 7)
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
FAR = 1e-3
GATE = 0.3
SAFETY = 2
SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm"}
COMMAND = (
    "python -m viot_tools.faces.calibrate --data DIR --out thresholds.json && "
    "python -m viot_tools.faces.calibrate_worn --data DIR --out thresholds.json"
)
"""What makes the whole of ``thresholds.json``; the second one its row ``mobilefacenet+eyes``."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one named person. ``group`` keeps sets apart whose people may overlap."""

    group: str
    person: str
    path: Path


@dataclass(frozen=True, slots=True)
class Probe:
    """One embedded face. ``source`` numbers the picture; ``original`` is False for shrunken copies."""

    picture: Picture
    source: int
    original: bool
    quality: float
    vector: NDArray[np.float32]


def pictures(data: Path) -> list[Picture]:
    """Named pictures under ``data``/faces, in a fixed order. Raises UserFault when there are none."""
    root = data / "faces"
    found: list[Picture] = []
    for name, group, limit in (("lfw_10x10", "lfw", 10), ("lfw_aligned_100x2", "lfw", 2), ("att_orl", "orl", 6)):
        for folder in sorted(p for p in (root / name).glob("*") if p.is_dir()):
            paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
            found += [Picture(group, folder.name, path) for path in paths[:limit]]
    for path in sorted((root / "ageitgey").glob("*.jpg")):
        match = re.match(r"(obama|biden)", path.stem)
        if match and "partial" not in path.stem:
            found.append(Picture("ageitgey", match[1], path))
    for path in sorted((root / "ageitgey" / "knn_examples" / "train").glob("*/*")):
        if path.parent.name != "alex_lacamoire":
            found.append(Picture("ageitgey", path.parent.name, path))
    found += _deepface(root / "deepface_dataset")
    if not found:
        raise UserFault(f"no face pictures under {root}", fix="--data names a folder laid out like ../shared/data")
    return found


def _deepface(folder: Path) -> Iterator[Picture]:
    """People are the groups joined by *Yes* pairs of master.csv; a picture in no such pair is left out."""
    table = folder / "master.csv"
    if not table.is_file():
        return
    with table.open(newline="") as file:
        rows = [(r["file_x"], r["file_y"]) for r in csv.DictReader(file) if r["Decision"] == "Yes"]
    person = {name: name for row in rows for name in row}
    for a, b in rows:
        old, new = person[b], person[a]
        person = {name: new if owner == old else owner for name, owner in person.items()}
    for name in sorted(person):
        if (folder / name).is_file():
            yield Picture("deepface", person[name], folder / name)


def half(person: str) -> int:
    """0 (chosen on) or 1 (reported on), by a hash of the name."""
    return hashlib.sha256(person.encode()).digest()[0] % 2


def central(faces: Sequence[Face], image: Image) -> Face | None:
    """The face a labelled portrait is of: the one nearest to the middle."""
    middle = np.array([image.shape[1], image.shape[0]]) / 2
    return min(
        faces,
        key=lambda f: float(np.hypot(*((np.array(f.xyxy[:2]) + f.xyxy[2:]) / 2 - middle))),
        default=None,
    )


def opened(picture: Picture) -> Image:
    """(H, W, 3) RGB. Raises UserFault for a file that is no picture."""
    import cv2

    raw = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if raw is None:
        raise UserFault(f"{picture.path} is no readable picture")
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), np.uint8)


def embed_all(found: Sequence[Picture], detector: FaceDetector, recogniser: FaceRecogniser) -> list[Probe]:
    """Every picture and its shrunken copies along the full path; a face that is not found gives no probe."""
    import cv2

    probes: list[Probe] = []
    for number, picture in enumerate(found):
        image = opened(picture)
        original = central(detector.detect(image), image)
        if original is None:
            continue
        versions = [image]
        for eyes in EYES:
            scale = eyes / original.eye_distance
            if scale < 0.9:
                versions.append(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        for k, version in enumerate(versions):
            face = original if k == 0 else central(detector.detect(version), version)
            if face is None:
                continue
            face = refine(detector, version, face)
            chip = recogniser.align(version, face)
            vector = recogniser.embed_chips([chip])[0]
            probes.append(Probe(picture, number, k == 0, measure(face, chip).value, vector))
        if number % 50 == 0:
            print(f"  {number}/{len(found)} pictures", file=sys.stderr, flush=True)
    return probes


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons of one half: cosines and the probe's quality."""

    genuine: NDArray[np.float64]
    genuine_quality: NDArray[np.float64]
    impostor: NDArray[np.float64]
    impostor_quality: NDArray[np.float64]


def pairs(probes: Sequence[Probe]) -> Pairs:
    """All probe x gallery comparisons (gallery: originals that pass the gate; never a picture with itself)."""
    gallery = [p for p in probes if p.original and p.quality >= GATE]
    cosine = np.stack([p.vector for p in probes]).astype(np.float64) @ np.stack([p.vector for p in gallery]).T
    quality = np.broadcast_to(np.array([p.quality for p in probes])[:, None], cosine.shape)
    person = _equal(probes, gallery, lambda p: (p.picture.group, p.picture.person))
    group = _equal(probes, gallery, lambda p: p.picture.group)
    source = _equal(probes, gallery, lambda p: p.source)
    genuine, impostor = person & ~source, group & ~person
    return Pairs(cosine[genuine], quality[genuine], cosine[impostor], quality[impostor])


def _equal(rows: Sequence[Probe], columns: Sequence[Probe], key: Any) -> NDArray[np.bool_]:
    numbers: dict[Any, int] = {}
    a = np.array([numbers.setdefault(key(p), len(numbers)) for p in rows])
    b = np.array([numbers.setdefault(key(p), len(numbers)) for p in columns])
    return np.asarray(a[:, None] == b[None, :])


def impostor_tracks(probes: Sequence[Probe]) -> NDArray[np.float64]:
    """Cosines of made-up tracks to pictures of other people of the same set: the normalised sum of four looks at one
    person, from four pictures, six tracks a person, drawn by hash."""
    people: dict[tuple[str, str], dict[int, list[Probe]]] = {}
    for p in probes:
        if p.quality >= GATE:
            people.setdefault((p.picture.group, p.picture.person), {}).setdefault(p.source, []).append(p)
    gallery = [p for p in probes if p.original and p.quality >= GATE]
    cosines = []
    for (group, person), sources in people.items():
        if len(sources) < 4:
            continue
        others = [g.vector for g in gallery if g.picture.group == group and g.picture.person != person]
        for k in range(6):
            order = sorted((hashlib.sha256(f"{k}/{s}".encode()).digest(), s) for s in sources)[:4]
            looks = [sources[s][(k + i) % len(sources[s])].vector for i, (_, s) in enumerate(order)]
            cosines.append(np.stack(others).astype(np.float64) @ unit(np.sum(looks, axis=0)))
    return np.concatenate(cosines) if cosines else np.zeros(0)


def margins(probes: Sequence[Probe]) -> NDArray[np.float64]:
    """Lead of the right person over the best of nine others of the same set, gallery of one picture each."""
    gallery: dict[tuple[str, str], Probe] = {}
    for p in probes:
        if p.original and p.quality >= GATE:
            gallery.setdefault((p.picture.group, p.picture.person), p)
    leads = []
    for p in probes:
        own = gallery.get((p.picture.group, p.picture.person))
        if own is None or own.source == p.source or p.quality < GATE:
            continue
        others = [g for k, g in gallery.items() if k[0] == p.picture.group and k[1] != p.picture.person]
        chosen = sorted(others, key=lambda g: hashlib.sha256(f"{p.source}{g.source}".encode()).digest())[:9]
        if chosen:
            leads.append(float(p.vector @ own.vector) - max(float(p.vector @ g.vector) for g in chosen))
    return np.array(leads)


def choose(probes: Sequence[Probe]) -> dict[str, Any]:
    """The numbers, from the probes of the choosing half."""
    found = pairs(probes)
    impostor = found.impostor  # of any quality: a stranger may come in any
    genuine = found.genuine[found.genuine_quality >= GATE]
    poor = found.genuine[found.genuine_quality < GATE]
    rates = [rate for rate in RATES if rate / SAFETY * len(impostor) >= 3]
    if FAR not in rates or len(genuine) < 100:
        raise UserFault(f"{len(impostor)} impostor and {len(genuine)} genuine comparisons are too few to calibrate")
    tracks = impostor_tracks(probes)
    raised = (
        max(0.0, float(np.quantile(tracks, 1 - FAR)) - float(np.quantile(impostor, 1 - FAR))) if len(tracks) else 0.0
    )
    curve = [(rate, round(float(np.quantile(impostor, 1 - rate / SAFETY)) + raised, 4)) for rate in rates]
    upper = dict(curve)[FAR]
    lower = min(float(np.quantile(genuine, 0.005)), upper)
    lower_poor = min(float(np.quantile(poor, 0.05)), lower) if len(poor) >= 100 else lower
    return {
        "far": FAR,
        "threshold": upper,
        "curve": curve,
        "lower": round(lower, 4),
        "lower_poor": round(lower_poor, 4),
        "margin": round(max(0.0, float(np.quantile(margins(probes), 0.02)) / 2), 4),
        "gate": GATE,
        "same": upper,
        "raised_for_tracks": round(raised, 4),
        "chosen_on": {**_size(probes, found), "impostor_tracks": len(tracks)},
    }


def report(probes: Sequence[Probe], numbers: dict[str, Any]) -> dict[str, Any]:
    """Rates of the chosen numbers on the other half."""
    found = pairs(probes)
    good = found.genuine[found.genuine_quality >= GATE]
    leads = margins(probes)
    rate = float((found.impostor >= numbers["threshold"]).mean())
    return {
        "far": float(f"{rate:.2g}"),
        "far_by_threshold": [
            [far, float(f"{(found.impostor >= score).mean():.2g}")] for far, score in numbers["curve"]
        ],
        "tar": round(float((good >= numbers["threshold"]).mean()), 4),
        "genuine_in_doubt_band": round(float(((good >= numbers["lower"]) & (good < numbers["threshold"])).mean()), 4),
        "genuine_ruled_out": round(float((good < numbers["lower"]).mean()), 4),
        "impostor_in_doubt_band": round(
            float(((found.impostor >= numbers["lower"]) & (found.impostor < numbers["threshold"])).mean()), 4
        ),
        "tar_at_far_1e-4": round(float((good >= min(numbers["curve"])[1]).mean()), 4),
        "genuine_under_margin": round(float((leads < numbers["margin"]).mean()), 4) if len(leads) else None,
        "pairs": _size(probes, found),
    }


def _size(probes: Sequence[Probe], found: Pairs) -> dict[str, int]:
    return {
        "people": len({(p.picture.group, p.picture.person) for p in probes}),
        "pictures": len({p.source for p in probes}),
        "probes": len(probes),
        "genuine": int((found.genuine_quality >= GATE).sum()),
        "genuine_poor": int((found.genuine_quality < GATE).sum()),
        "impostor": len(found.impostor),
    }


def calibrate(data: Path, weights: Weights) -> dict[str, Any]:
    """One row of ``thresholds.json`` for the tier of ``weights``."""
    detector, recogniser = make_detector(weights), make_recogniser(weights)
    found = pictures(data)
    probes = embed_all(found, detector, recogniser)
    chosen = choose([p for p in probes if half(p.picture.person) == 0])
    return {
        "model": recogniser.model,
        "model_version": recogniser.model_version,
        "detector": detector.model,
        "detector_version": detector.model_version,
        **chosen,
        "faces_found": [len({p.source for p in probes}), len(found)],
        "on_other_people": report([p for p in probes if half(p.picture.person) == 1], chosen),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    from viot_tools.faces.calibrate_small import calibrate_small  # which stands on this module
    from viot_tools.faces.joint import FILE, MobileFaceNetDlib, write

    about = "Choose the thresholds of bare and of small faces on one half of the people, report on the other."
    parser = argparse.ArgumentParser(prog="python -m viot_tools.faces.calibrate", description=about)
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like ../shared/data")
    parser.add_argument("--tier", choices=("hub", "builtin"), action="append", help="default: both")
    parser.add_argument("--out", type=Path, help="write (or update) this JSON file; joint.safetensors goes beside it")
    args = parser.parse_args(argv)
    basis = None
    try:
        with tempfile.TemporaryDirectory() as scratch:
            rows = []
            for tier in args.tier or ("hub", "builtin"):
                weights = Weights(Path(scratch), args.data / "models" if tier == "hub" else None, tier)
                rows.append(calibrate(args.data, weights))
                if tier == "hub":
                    joint = MobileFaceNetDlib(weights)
                    found = pictures(args.data)
                    row, basis = calibrate_small(found, make_detector(weights), make_recogniser(weights), joint)
                    rows.append(row)
    except ViotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if args.out is not None and args.out.is_file():
        fresh = {row["model"] for row in rows}
        rows += [r for r in json.loads(args.out.read_text("utf-8"))["calibrations"] if r["model"] not in fresh]
    text = json.dumps({"command": COMMAND, "calibrations": rows}, indent=1)
    if args.out is not None:
        args.out.write_text(text + "\n", "utf-8")
        if basis is not None:
            write(basis, args.out.with_name(FILE.name), joint.versions)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
