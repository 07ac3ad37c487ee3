"""``viot bench redact``: which faces a redaction misses, and what detectors, recognisers and learners make of the rest.

Suites: ``clips`` (videos redacted whole, looked at every fifth of a second), ``portraits`` (people with several
pictures) and ``parrot`` (people named by who has learnt how they look redacted: ``redact_attack``).

``redact.missed``: share of faces of which less than nine tenths of the box is hidden. A face is there where any of
YuNet-n, YuNet-s and dlib's detector is sure of one in the *original*; what all three overlook is in no figure, and
YuNet-n is what the hub tier redacts with. ``redact.missed.hand``: share of the labelled moments of one clip
(``annotations/hamilton_faces.json``) at which fewer faces are hidden than people are labelled as seen. Floor of both:
the tier's usual detector, frame by frame, at its usual threshold. ``redact.found.DETECTOR``: share of those places at
which that detector finds a face in the copy. ``redact.known.SET.RECOGNISER``: share of pairs, a redacted face and one
of the same person, that lie over the recogniser's own threshold at a false-accept rate of 1e-3 (``judges.json``); in
clips the other one is the very same frame before redaction, and faces that nobody would be named by, turned away or
cut off by the picture's rim, count in the rows ``.all.`` only: their crops share what is no face. Floor of both: a
light Gaussian blur.

Owns suites and portraits; clips are looked at in ``redact_clips``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from viot_agent.bench.report import Report, Row
from viot_agent.errors import UserFault, WeightsMissing
from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_agent.weights.store import Tier
from viot_tools.bench import redact_attack, redact_clips
from viot_tools.bench.redact_attack import blocks, light_blur, solid
from viot_tools.bench.redact_clips import KNOWN, LONGEST, least, share
from viot_tools.cloak.surrogates import threshold
from viot_tools.faces.detect import FaceDetector, YuNet, overlap
from viot_tools.faces.recognise import TEMPLATE, similarity, warp
from viot_tools.verification.pairs import read_people
from viot_tools.verification.recognisers import MAKERS, Recogniser, recogniser

SUITES = ("clips", "portraits", "parrot")
CLIPS = (
    "faces/short_hamilton_clip.mp4",
    "faces/facenet_pytorch_video.mp4",
    "crowd.mp4",
    "intel/one-by-one-person-detection.mp4",
)
SETS = ("lfw_10x10", "att_orl")


def bench(
    data: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    suite: Annotated[str, "of clips, portraits and parrot, with commas between; all where none is named"] = "",
    clips: Annotated[str, "files below data/videos, with commas between"] = ",".join(CLIPS),
    tiers: Annotated[str, "of hub and builtin, with commas between"] = "hub,builtin",
) -> Report:
    """Missed faces, what detectors and recognisers find in redacted clips and portraits, and the parrot attack.

    ``data`` is laid out like ``../shared/data``. Hub files come from ``VIOT_MODELS``, else ``data/models``. Raises
    UserFault for an unknown suite or tier.
    """
    running = tuple(suite.split(",")) if suite else SUITES
    strange = next((s for s in running if s not in SUITES), None)
    if strange is not None:
        raise UserFault(f"there is no suite {strange!r}", fix=f"the suites are {', '.join(SUITES)}")
    asked = tiers.split(",")
    if any(t not in ("hub", "builtin") for t in asked):
        raise UserFault(f"the tiers are {tiers!r}", fix="hub, builtin, or both with a comma between")
    base = Weights.from_env()
    local = base.models_dir or (data / "models" if (data / "models").is_dir() else None)
    hub = Weights(base.home, local, "hub")
    judges, skipped = _judges(hub)
    rows: list[Row] = []
    notes: list[str] = []
    names = clips.split(",")[: 1 if quick else None]
    for tier in (t for t in ("hub", "builtin") if t in asked and "clips" in running):
        chosen: Tier = "hub" if tier == "hub" else "builtin"
        eyes, without = redact_clips.eyes_of(Weights(base.home, local, chosen), hub)
        seen = redact_clips.watch(data, names, eyes, seed, LONGEST / (4 if quick else 1))
        skipped += [*without, *seen.skipped]
        rows += redact_clips.missed_rows(seen, tier, seed) + redact_clips.found_rows(seen, tier, seed)
        rows += redact_clips.known_rows(seen, tier, judges, seed)
        notes.append(f"{tier}: {len(seen.places)} faces in {len({(p.clip, p.second) for p in seen.places})} seconds")
    if {"portraits", "parrot"} & set(running):
        find = _central(YuNet(hub))
        people = {n: data / "faces" / n for n in SETS}
        skipped += [f"redact.*.{n}.*: there is no {p}" for n, p in people.items() if not p.is_dir()]
        sets = {
            n: redact_attack.portraits(read_people(p), find, 5 if quick else None)
            for n, p in people.items() if p.is_dir()
        }  # fmt: skip
        if "portraits" in running:
            rows += [row for n, some in sets.items() for row in _known_portraits(n, some, judges, hub, seed)]
        if "parrot" in running:
            made, said = redact_attack.rows(sets, judges[0] if judges else None, seed)
            rows, notes = rows + made, notes + said
    return Report(tuple(rows), tuple(dict.fromkeys(skipped)), notes=tuple(notes))


def _known_portraits(
    name: str, some: Sequence[redact_attack.Portrait], judges: Sequence[Recogniser], hub: Weights, seed: int
) -> list[Row]:
    """Pairs of a redacted picture and another of the same person as it is, both cut out by the original's landmarks."""
    detector = YuNet(hub)
    owners: list[str] = []
    looks: dict[str, list[Image]] = {"bare": [], "blocks": [], "solid": [], "blur": []}
    rng = np.random.default_rng(seed)
    for portrait in some:
        face = max(detector.detect(portrait.image), key=lambda f: overlap(f.xyxy, portrait.face))
        matrix = similarity(face.landmarks, TEMPLATE)
        owners.append(portrait.who)
        made = {
            "bare": portrait.image,
            "blocks": blocks(rng)(portrait.image, portrait.face),
            "solid": solid(portrait.image, portrait.face),
            "blur": light_blur(portrait.image, portrait.face),
        }
        for key, image in made.items():
            looks[key].append(warp(image, matrix, 112))
    if not some:
        return []
    who = np.array(owners)
    same = (who[:, None] == who[None]) & ~np.eye(len(who), dtype=bool)
    rows = []
    for judge in judges:
        bound = least(judge)
        vectors = {key: judge.embed(np.stack(images)) for key, images in looks.items()}
        over = {key: (v @ vectors["bare"].T >= bound) for key, v in vectors.items()}
        floor = float(over["blur"][same].mean())
        for style in ("blocks", "solid"):
            value = share([(who[i], float(over[style][i, j])) for i, j in np.argwhere(same)], seed)
            rows.append(
                Row(f"redact.known.{name}.{judge.name}.{style}", KNOWN, *value, int(same.sum()), judge.name, "any",
                    floor)
            )  # fmt: skip
    return rows


def _judges(hub: Weights) -> tuple[list[Recogniser], list[str]]:
    """The recognisers whose files are here and whose thresholds are known, and why the others are not asked."""
    found: list[Recogniser] = []
    skipped = []
    for name in MAKERS:
        one = recogniser(name, hub)
        if threshold(name)[0] is None:
            skipped.append(f"redact.known.*.{name}: its threshold is not measured")
            continue
        try:
            one.embed(np.zeros((1, 112, 112, 3), np.uint8))
        except WeightsMissing as missing:
            skipped.append(f"redact.known.*.{name}: {missing}")
            continue
        found.append(one)
    return found, skipped


def _central(detector: FaceDetector) -> redact_attack.Find:
    def find(image: Image) -> XYXY | None:
        best = max(detector.detect(image), key=lambda f: f.xyxy[2] - f.xyxy[0], default=None)
        return None if best is None else best.xyxy

    return find
