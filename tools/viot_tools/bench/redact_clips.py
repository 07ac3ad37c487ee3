"""Redacted clips, looked at: which sure faces of the original are hidden, and what detectors find in the copy.

A part of ``viot bench redact``, whose docstring says what the figures mean. Owns ground, coverage and the rows of
clips.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row, bootstrap
from viot_agent.media.clips import cut_clip
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_agent.weights.store import Entry
from viot_tools.bench.redact_attack import light_blur
from viot_tools.cloak.surrogates import threshold
from viot_tools.faces.detect import DlibHog, Face, FaceDetector, YuNet, make_detector, overlap
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import TEMPLATE, similarity, warp
from viot_tools.redact.find import Finder, Haar, make_finder, merged
from viot_tools.redact.follow import RATE
from viot_tools.redact.hide import Colours, Region, colours, head, hide, noise
from viot_tools.redact.video import Cover, drawn, planned
from viot_tools.verification.recognisers import Recogniser

LONGEST = 20.0
"""Seconds of a clip that are redacted."""
STEP = 0.2
"""Seconds between two looks."""
HIDDEN = 0.9
"""Share of a face's box that must lie in what is hidden."""
GATE = 0.3
"""Quality under which the tools name nobody (``gate`` of the calibrations)."""
NULLS = 40
"""Drawings of each hidden place as if nobody had been there."""
SURE = {"yunet": 0.8, "yunet-s": 0.8, "dlib-hog": 0.88}
"""Scores from which a detector's find is a face of the ground."""

YUNET_S = Entry(
    "yunet-s", "hub", "face detector (measured, not used by any tool)", "face_detect/yunet_s_dynamic.onnx", 237823,
    "daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3", "Apache-2.0", True, False,
    repository="ShiqiYu/libfacedetection.train",
)  # fmt: skip


class YuNetS(YuNet):
    """YuNet-s: the smaller network of the same makers."""

    model = "yunet-s"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One face of the ground in one frame, seen at ``second`` of clip ``clip``. ``missed``: of the redaction, and of
    the floor; ``found`` and ``blurred``: by detector, in the copy and under a light blur; ``crops``: the aligned face
    (112, 112, 3) as it was, in the copy, and under a light blur, where its landmarks are known; ``fair``: it can be
    compared at all, being neither cut off by the picture's rim nor too poor for the tools that name people; ``nobody``
    (``NULLS``, 112, 112, 3): the crop with every hidden place drawn from the colour around it and the noise alone."""

    clip: str
    second: int
    missed: bool
    missed_floor: bool
    found: Mapping[str, bool]
    blurred: Mapping[str, bool]
    crops: tuple[Image, Image, Image] | None
    fair: bool
    nobody: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who redacts (``finder``), and the tier's usual detector, which stands for the floor; who says where faces are
    (``ground``: those with a score from :data:`SURE` on), and who looks for them in the copy (``usual``)."""

    finder: Finder
    floor: FaceDetector
    ground: Sequence[FaceDetector]
    usual: Sequence[FaceDetector]


@dataclass(slots=True)
class Watched:
    """What was seen in clips. ``hand``: of the labelled moments, whether the redaction and the floor hid too few."""

    places: list[Place] = field(default_factory=list)
    hand: list[tuple[int, bool, bool]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


# clips ----------------------------------------------------------------------------------------------------------------


def watch(data: Path, names: Sequence[str], eyes: Eyes, seed: int, longest: float = LONGEST) -> Watched:
    """Redact the clips below ``data``/videos and look at copy and original. The noise comes from ``seed`` here, in the
    product from the system's entropy."""
    seen = Watched()
    rng = np.random.default_rng(seed)
    for name in names:
        source = data / "videos" / name
        if not source.is_file():
            seen.skipped.append(f"redact.*: there is no {source}")
            continue
        print(f"redacting {name} by {eyes.finder.model}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            if examine(source).info.duration > longest:
                cut_clip(source, 0.0, longest, Path(folder) / "part.mp4", crf=12)
                source = Path(folder) / "part.mp4"
            timeline = examine(source).timeline
            reader = open_media(source)
            times = [timeline.t(i) for i in range(len(timeline))]
            plan = planned(reader, times, eyes.finder)
            for cover in plan.covers:
                cover.dim = noise(rng)
            drawn(reader, plan.covers, Path(folder) / "copy.mp4", "blocks", len(times))
            copy = open_media(Path(folder) / "copy.mp4")
            instants = list(np.arange(np.random.default_rng(seed).uniform(0, STEP), reader.info.duration, STEP))
            floor = _PerFrame(source, eyes.floor, [t // (1 / RATE) / RATE for t in instants])
            frames = zip(instants, reader.read(instants), copy.read(instants), floor, strict=True)
            for t, before, after, hidden in frames:
                regions = [r for c in plan.covers if (r := c.region(before.t)) is not None]
                seen.places += _places(name, t, before.image, after.image, regions, hidden, eyes, rng)
            if all(p.clip != name for p in seen.places):
                seen.skipped.append(f"redact.*.{Path(name).stem}: no detector is sure of a face in it")
            seen.hand += _hand(data, name, source, plan.covers, eyes.floor)
    return seen


class _PerFrame:
    """The floor's regions at each of some moments: the detector at its usual threshold, at the last frame looked at."""

    def __init__(self, source: Path, detector: FaceDetector, times: Sequence[float]) -> None:
        self._source, self._detector, self._times = source, detector, list(times)

    def __iter__(self) -> Iterator[list[Region]]:
        for frame in open_media(self._source).read(self._times):
            yield [head(f.xyxy) for f in self._detector.detect(frame.image)]


def covered(box: XYXY, regions: Sequence[Region], points: int = 24) -> float:
    """The share of a box that lies in any of the regions."""
    xs = np.linspace(box[0], box[2], 2 * points + 1)[1::2]
    ys = np.linspace(box[1], box[3], 2 * points + 1)[1::2]
    inside = np.zeros((points, points), bool)
    for region in regions:
        x0, y0, x1, y1 = region.xyxy
        u = ((xs - (x0 + x1) / 2) / max((x1 - x0) / 2, 1e-6))[None, :]
        v = ((ys - (y0 + y1) / 2) / max((y1 - y0) / 2, 1e-6))[:, None]
        inside |= u**2 + v**2 <= 1 if region.round else np.maximum(np.abs(u), np.abs(v)) <= 1
    return float(inside.mean())


def _places(
    clip: str, t: float, before: Image, after: Image, regions: Sequence[Region], floor: Sequence[Region],
    eyes: Eyes, rng: np.random.Generator,
) -> list[Place]:  # fmt: skip
    faces = merged([f for d in eyes.ground for f in d.detect(before) if f.score >= SURE[d.model]])
    if not faces:
        return []
    blurred = before
    for face in faces:
        blurred = light_blur(blurred, face.xyxy)
    # a face that was missed is held against its place as it would look had it been hidden; what is seen beside a hidden
    # one (hair, a wall) is in the drawings too, so that they differ from the copy in nothing but what is hidden
    missed = [covered(face.xyxy, regions) < HIDDEN for face in faces]
    every = [*regions, *(head(face.xyxy) for face, bare in zip(faces, missed, strict=True) if bare)]
    drawn_over = [(r, colour) for r in every if (colour := colours(before, r)) is not None]
    in_copy = {d.model: d.detect(after) for d in eyes.usual}
    in_blur = {d.model: d.detect(blurred) for d in eyes.usual}
    return [
        Place(
            clip,
            int(t),
            bare,
            covered(face.xyxy, floor) < HIDDEN,
            {m: _at(face, found) for m, found in in_copy.items()},
            {m: _at(face, found) for m, found in in_blur.items()},
            crops := _crops(face, before, after, blurred),
            crops is not None and _fair(face, crops[0], before),
            _nobody(face, before, drawn_over, rng) if crops else np.empty((0, 112, 112, 3), np.uint8),
        )
        for face, bare in zip(faces, missed, strict=True)
    ]


def _at(face: Face, found: Sequence[Face]) -> bool:
    return any(overlap(face.xyxy, f.xyxy) > 0.3 for f in found)


def _crops(face: Face, *images: Image) -> tuple[Image, Image, Image] | None:
    if not np.isfinite(face.landmarks).all():
        return None
    a, b, c = (_crop(face, image) for image in images)
    return a, b, c


def _crop(face: Face, image: Image) -> Image:
    return warp(image, similarity(face.landmarks, TEMPLATE), 112)


def _nobody(
    face: Face, image: Image, regions: Sequence[tuple[Region, Colours]], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """(NULLS, 112, 112, 3): the crop of a face as it were drawn if nobody had been in the hidden ``regions``, with the
    colours around it."""
    corners = np.array([[0, 0], [112, 0], [112, 112], [0, 112]], float) @ _back(face)[:, :2].T + _back(face)[:, 2]
    height, width = image.shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(corners.min(axis=0)) - 2, 0, (width - 1, height - 1)))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners.max(axis=0)) + 2, (left + 1, top + 1), (width, height)))
    part = image[top:bottom, left:right]
    matrix = similarity(face.landmarks - (left, top), TEMPLATE)
    drawn_in = [
        (Region((r.xyxy[0] - left, r.xyxy[1] - top, r.xyxy[2] - left, r.xyxy[3] - top), r.round), colour)
        for r, colour in regions
    ]
    out = []
    for _ in range(NULLS):
        empty = part.copy()
        for region, colour in drawn_in:
            hide(empty, region, colour + noise(rng))
        out.append(warp(empty, matrix, 112))
    return np.stack(out)


def _fair(face: Face, chip: Image, image: Image) -> bool:
    """Else the crops before and after share what is no face: the black beyond the rim, or a wall behind a profile."""
    height, width = image.shape[:2]
    corners = (np.array([[0, 0], [112, 0], [112, 112], [0, 112]], float)) @ _back(face)[:, :2].T + _back(face)[:, 2]
    inside = (corners >= 0).all() and (corners[:, 0] <= width).all() and (corners[:, 1] <= height).all()
    return bool(inside) and measure(face, chip).value >= GATE


def _back(face: Face) -> NDArray[np.float64]:
    """(2, 3): from the aligned crop to the picture."""
    import cv2

    return np.asarray(cv2.invertAffineTransform(similarity(face.landmarks, TEMPLATE)), np.float64)


def _hand(
    data: Path, name: str, source: Path, covers: Sequence[Cover], detector: FaceDetector
) -> list[tuple[int, bool, bool]]:
    """The labelled moments of the one labelled clip: (second, redaction hid too few, floor hid too few)."""
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    file = next((p / "hamilton_faces.json" for p in places if (p / "hamilton_faces.json").is_file()), None)
    labels = None if file is None else json.loads(file.read_text("utf-8"))
    if labels is None or not str(labels["video"]).endswith(name):
        return []
    spans = [(s["start"], s["end"]) for stretches in labels["visible"].values() for s in stretches]
    end = examine(source).info.duration
    times = [t for t in np.arange(STEP / 2, end, STEP) if any(a <= t < b for a, b in spans)]
    out = []
    for t, floor in zip(times, _PerFrame(source, detector, times), strict=True):
        wanted = sum(a <= t < b for a, b in spans)
        hidden = sum(c.region(t) is not None for c in covers)
        out.append((int(t), hidden < wanted, len(floor) < wanted))
    return out


def eyes_of(weights: Weights, hub: Weights) -> tuple[Eyes, list[str]]:
    """Those of the tier of ``weights``, judged by every supplied detector, and why one is not asked."""
    skipped = []
    found: list[FaceDetector] = [YuNet(hub, longest=1280)]
    small = Weights(hub.home, hub.models_dir, "hub", {**hub.manifest, "yunet-s": YUNET_S})
    if small.locate("yunet-s") is None:
        skipped.append("redact.found.yunet-s: put yunet_s_dynamic.onnx into VIOT_MODELS/face_detect")
    else:
        found.append(YuNetS(small, longest=1280))
    found.append(DlibHog(hub))
    return Eyes(make_finder(weights), make_detector(weights), found, [*found, Haar()]), skipped


# rows -----------------------------------------------------------------------------------------------------------------


def share(parts: Sequence[tuple[object, float]], seed: int) -> tuple[float, float, float]:
    """Mean of the values of (group, value), and its 95 % interval by drawing groups anew."""
    groups: dict[object, list[float]] = {}
    for key, value in parts:
        groups.setdefault(key, []).append(value)
    sums = np.array([(sum(v), len(v)) for v in groups.values()], float).reshape(-1, 2)
    if not len(sums):
        return float("nan"), float("nan"), float("nan")

    def ratio(index: NDArray[np.float64]) -> float:
        some = sums[index.astype(int)]
        return float(some[:, 0].sum() / some[:, 1].sum())

    low, high = bootstrap(list(range(len(sums))), seed, ratio)
    return float(sums[:, 0].sum() / sums[:, 1].sum()), low, high


def missed_rows(seen: Watched, tier: str, seed: int) -> list[Row]:
    rows = []
    clips = list(dict.fromkeys(p.clip for p in seen.places))
    for name in ("", *(clips if len(clips) > 1 else ())):
        some = [p for p in seen.places if not name or p.clip == name]
        if some:
            value = share([((p.clip, p.second), p.missed) for p in some], seed)
            floor = float(np.mean([p.missed_floor for p in some]))
            key = f"redact.missed{'.' + Path(name).stem if name else ''}"
            rows.append(Row(key, "share of sure faces not hidden", *value, len(some), "face_redaction", tier, floor))
    if seen.hand:
        value = share([(s, bad) for s, bad, _ in seen.hand], seed)
        floor = float(np.mean([bad for _, _, bad in seen.hand]))
        metric = "share of labelled moments with too few faces hidden"
        rows.append(Row("redact.missed.hand", metric, *value, len(seen.hand), "face_redaction", tier, floor))
    return rows


def found_rows(seen: Watched, tier: str, seed: int) -> list[Row]:
    names = list(seen.places[0].found) if seen.places else []
    rows = []
    for name in names:
        value = share([((p.clip, p.second), p.found[name]) for p in seen.places], seed)
        floor = float(np.mean([p.blurred[name] for p in seen.places]))
        metric = "share of faces at whose place it still finds one"
        rows.append(Row(f"redact.found.{name}", metric, *value, len(seen.places), name, tier, floor))
    return rows


KNOWN = "share of pairs of one person over its threshold"
NOBODY = "share over its threshold of what is drawn where nobody is"
TOLD = "share of pairs over its threshold and over all of these"


def known_rows(seen: Watched, tier: str, judges: Sequence[Recogniser], seed: int) -> list[Row]:
    """Of the faces that can be compared, and (``all``) of every one with landmarks. ``nobody``: ``NULLS`` drawings of
    each place that hold nothing of the face, only the colour around it and the noise; in a dark or coarse crop they are
    over the threshold, too, and tell of nobody. ``told``: pairs over it that are more alike than with any of them."""
    some = [(p, p.crops) for p in seen.places if p.crops is not None]
    rows = []
    for judge in judges if some else ():
        was, now, blur = (judge.embed(np.stack([c[k] for _, c in some])) for k in range(3))
        bound = least(judge)
        after, blurred = ((was * other).sum(axis=1) for other in (now, blur))
        hits, floors = after >= bound, blurred >= bound
        none = judge.embed(np.concatenate([p.nobody for p, _ in some])).reshape(len(some), NULLS, -1)
        empty = (none * was[:, None]).sum(axis=2)
        most = empty.max(axis=1)
        fair = np.array([p.fair for p, _ in some])
        for key, metric, chosen, over, floor in (
            ("", KNOWN, fair, hits, floors),
            ("nobody.", NOBODY, fair, (empty >= bound).mean(axis=1), None),
            ("told.", TOLD, fair, hits & (after > most), floors & (blurred > most)),
            ("all.", KNOWN, np.ones(len(some), bool), hits, floors),
        ):
            if chosen.any():
                parts = [((p.clip, p.second), h) for (p, _), h, ok in zip(some, over, chosen, strict=True) if ok]
                least_good = None if floor is None else float(floor[chosen].mean())
                name = f"redact.known.clips.{key}{judge.name}"
                value = share(parts, seed)
                rows.append(Row(name, metric, *value, int(chosen.sum()), judge.name, tier, least_good))
    return rows


def least(judge: Recogniser) -> float:
    """The threshold of a judge that has one."""
    bound, _ = threshold(judge.name)
    assert bound is not None, "only judges with a threshold are asked"
    return bound
