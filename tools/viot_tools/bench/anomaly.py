"""How well the unusual is found: real footage into which a script puts anomalies, a real fall, and plain footage.

* ``anomaly.auc``: area under the ROC curve of the seconds' loudest surprise, inserted seconds against the rest of the
  same clip, mean over cases; ``anomaly.auc.KIND`` for each kind of anomaly
* ``anomaly.found``: share of cases of which at least one unusual stretch overlaps the anomaly; ``anomaly.fall``: the
  same for the one real fall
* ``anomaly.false_per_hour``: stretches told on footage in which nothing was inserted (``.held``: the clips that no line
  was set on), with an exact Poisson interval

The floor of the AUCs is the energy of the frame difference; of the false alarms, that energy over twice its usual
largest (95 %). ``.gain`` is the paired difference to the floor. Intervals are bootstrapped over clips: cases of one
clip resemble each other.

Every case is judged as the tool does when no other footage of the camera is indexed: each piece against the rest of the
clip, anomaly included. Pictures are 480 wide (of the fall as they are), 5 a second, at most 50 seconds of a
clip. A clip needs a history of 30 s besides what is judged, or only the rules are heard. Owns these figures.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row, bootstrap
from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import SegmentInfo, Shared, Track
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame, Image
from viot_agent.weights import Weights
from viot_tools.anomaly.history import cells_under, paces
from viot_tools.anomaly.judge import judge, stretches
from viot_tools.anomaly.measure import Meter, Seconds, pack, unpack
from viot_tools.anomaly.normal import Floats, Watched
from viot_tools.anomaly.rules import troubles
from viot_tools.bench.insertions import FPS, Cut, Kind, insert, passages
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.objects.detect import object_detector
from viot_tools.objects.detections import Detections, ObjectDetector

WIDTH, LONGEST = 480, 50.0
EVERY: Final[tuple[Kind, ...]] = ("left", "runner", "dark", "covered", "crowd")
CASES: Final[dict[str, tuple[Kind, ...]]] = {
    "people-detection.264": EVERY,
    "intel/one-by-one-person-detection.mp4": ("left", "dark", "covered"),
    "shopfront_cctv.mp4": EVERY,
    "traffic.mp4": (*EVERY, "wrong way"),
    "intel/car-detection.mp4": ("dark", "covered"),
}
"""Nobody can be cut out of a clip whose people stand; the clip of 30 s is too short to have a history."""
SET_ON = ("people-detection.264", "intel/one-by-one-person-detection.mp4", "shopfront_cctv.mp4")
PLAIN = (
    *SET_ON,
    "traffic.mp4",
    "actions/exercise.avi",
    "intel/car-detection.mp4",
    "violence/3.mp4",
    "pedestrians.mp4",
    "actions/test_video_structuralize.mp4",
    "actions/demo_skeleton.mp4",
)
FALL = ("falls/fall.mp4", 3.8, 7.8)
QUICK = ("people-detection.264", "intel/car-detection.mp4")


@dataclass(frozen=True, slots=True)
class Footage:
    """What ingest and the tool make of some frames. ``total`` (N,) the loudest surprise of each second, and the scores
    of the rules that speak then; ``told`` the stretches; ``difference`` (N,) mean change of grey, the floor."""

    seconds: Seconds
    total: Floats
    told: list[tuple[float, float]]
    difference: Floats


@dataclass(frozen=True, slots=True)
class Case:
    """One inserted anomaly: both AUCs, and whether it was told."""

    clip: str
    kind: str
    auc: float
    floor: float
    found: bool


class Remembering:
    """A detector that looks at each picture once: cases of one clip share most of their frames."""

    def __init__(self, detector: ObjectDetector) -> None:
        self.inner, self.model, self.model_version = detector, detector.model, detector.model_version
        self.sees = detector.sees
        self._seen: dict[bytes, Detections] = {}

    def detect(self, image: Image) -> Detections:
        key = hashlib.sha256(image.tobytes()).digest()
        if key not in self._seen:
            self._seen[key] = self.inner.detect(image)
        return self._seen[key]


def frames_of(clip: Path, width: int | None = WIDTH) -> list[Image]:
    """The clip as the cases use it; ``width`` None = as it is."""
    reader = open_media(clip, width=width)
    n = int(min(reader.info.duration, LONGEST) * FPS)
    return [f.image for f in reader.read([k / FPS for k in range(n)])]


def watch(frames: Sequence[Image], weights: Weights, detector: ObjectDetector) -> Footage:
    """Ingest ``frames`` as one segment, and judge every second of them."""
    height, width = frames[0].shape[:2]
    shape = SegmentInfo("bench", Path("bench"), 0, 0.0, len(frames) / FPS, width, height, FPS)
    objects, meter, gate = ObjectsAnalyzer(weights, detector=detector).start(shape), Meter(0.0), MotionGate()
    for i, image in enumerate(frames):
        frame = Frame(i, i / FPS, image)
        objects.see(frame, Shared(*gate.look(frame)))
        meter.see(frame.t, image)
    meter.finish()
    found = objects.finish()
    seconds = unpack(pack(meter.rows), meter.starts, 0.0)
    by_time = [(c.t, c.n) for c in found.counts if c.kind == "person"]
    people = np.array([np.median([n for t, n in by_time if abs(t - s) <= 0.5] or [0.0]) for s in seconds.t])
    tracks = [
        Track(
            i,
            i,
            "bench",
            row.kind,
            row.label,
            detector.model,
            "",
            np.array([p.t for p in row.points]),
            np.array([p.xyxy for p in row.points], np.float32),
            np.array([p.score for p in row.points], np.float32),
        )
        for i, row in enumerate(found.tracks)
    ]
    busy = cells_under(tracks, seconds, (width, height))
    judged = judge(Watched(seconds, people, paces(tracks, seconds), busy), np.ones(len(seconds), bool))
    persons = [t for t in tracks if t.kind == "person"]
    told = [(s.start, s.end) for s in stretches(judged)]
    rules = troubles((), persons, (), seconds)
    told += [(t.start, t.end) for t in rules]
    total = judged.total.copy()
    for rule in rules:
        total[(seconds.t >= rule.start) & (seconds.t <= rule.end)] += rule.score
    return Footage(seconds, total, told, _difference(frames, seconds))


def _difference(frames: Sequence[Image], seconds: Seconds) -> Floats:
    grey = [cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (160, 90)).astype(np.int16) for f in frames]
    each = np.array([0.0] + [float(np.abs(b - a).mean()) for a, b in pairwise(grey)])
    first = np.rint((seconds.t - 0.5) * FPS).astype(int)
    return np.array([each[i : i + FPS].mean() for i in first])


def auc(score: Floats, anomalous: NDArray[np.bool_]) -> float:
    """P(an anomalous second scores higher than a plain one); ties count half."""
    inside, outside = score[anomalous][:, None], score[~anomalous]
    return float((inside > outside).mean() + 0.5 * (inside == outside).mean())


def cases(
    data: Path, weights: Weights, quick: bool, seed: int
) -> tuple[list[Case], dict[str, Footage], list[str], str]:
    """Every case, the plain footage by clip, what is absent, and the detector's name. Raises WeightsMissing."""
    root, skipped = data / "videos", []
    made: list[Case] = []
    plain: dict[str, Footage] = {}
    detector = object_detector(weights)
    for name in QUICK if quick else dict.fromkeys([*CASES, *PLAIN]):
        if not (root / name).is_file():
            skipped.append(f"anomaly.*: no videos/{name} in {data}")
            continue
        remembering = Remembering(detector)
        frames = frames_of(root / name)
        plain[name] = watch(frames, weights, remembering)
        kinds = CASES.get(name, ())
        things: list[list[Cut]] = passages(frames) if kinds else []
        for i, kind in enumerate(kinds[:3] if quick else kinds):
            inserted = insert(frames, kind, seed * 100 + i, things)
            if inserted is None:
                skipped.append(f"anomaly.auc.{kind}: nothing in {name} can be cut out")
                continue
            seen = watch(inserted.frames, weights, remembering)
            start, end = inserted.first / FPS, inserted.last / FPS
            inside = (seen.seconds.t > start) & (seen.seconds.t < end)
            hit = any(a < end and b > start for a, b in seen.told)
            made.append(Case(name, kind, auc(seen.total, inside), auc(seen.difference, inside), hit))
    return made, plain, skipped, detector.model


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """The rows of one tier, and what was skipped. Raises WeightsMissing."""
    made, plain, skipped, detector = cases(data, weights, quick, seed)
    model = f"activity-meter+{detector}"
    found: list[Row] = []

    def row(name: str, metric: str, of: Sequence[Case], value: Callable[[Case], float], floor: float | None) -> None:
        clips = dict.fromkeys(c.clip for c in of)
        each = [float(np.mean([value(c) for c in of if c.clip == clip])) for clip in clips]
        low, high = bootstrap(each, seed)
        mean = float(np.mean([value(c) for c in of]))
        found.append(Row(name, metric, mean, low, high, len(of), model, weights.tier, floor))

    if made:
        floor = float(np.mean([c.floor for c in made]))
        row("anomaly.auc", "AUC over seconds, inserted anomalies", made, lambda c: c.auc, floor)
        row("anomaly.auc.gain", "the same less frame difference, paired", made, lambda c: c.auc - c.floor, 0.0)
        for kind in dict.fromkeys(c.kind for c in made):
            some = [c for c in made if c.kind == kind]
            name = f"anomaly.auc.{kind.replace(' ', '_')}"
            row(name, f"AUC, {kind}", some, lambda c: c.auc, float(np.mean([c.floor for c in some])))
        row("anomaly.found", "share of inserted anomalies told", made, lambda c: float(c.found), None)
    for name, clips in (("", PLAIN), (".held", tuple(c for c in PLAIN if c not in SET_ON))):
        some_footage = [plain[c] for c in clips if c in plain]
        if some_footage:
            found.append(_false_alarms(f"anomaly.false_per_hour{name}", some_footage, model, weights.tier))
    fall = data / "videos" / FALL[0]
    if quick:
        return found, skipped
    if not fall.is_file():
        return found, [*skipped, f"anomaly.fall: no videos/{FALL[0]} in {data}"]
    seen = watch(frames_of(fall, None), weights, object_detector(weights))
    hit = float(any(a < FALL[2] and b > FALL[1] for a, b in seen.told))
    found.append(Row("anomaly.fall", "the one real fall was told", hit, 0.0, 1.0, 1, model, weights.tier, 0.0))
    return found, skipped


def _false_alarms(name: str, footage: Sequence[Footage], model: str, tier: str) -> Row:
    hours = sum(len(f.seconds) for f in footage) / 3600
    told = sum(len(f.told) for f in footage)
    floor = sum(_runs(f.difference > 2 * np.percentile(f.difference, 95)) for f in footage)
    low, high = poisson(told)
    return Row(
        name, "unusual stretches an hour of plain footage", told / hours, low / hours, high / hours, told, model, tier,
        floor / hours,
    )  # fmt: skip


def _runs(above: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(above & ~np.concatenate([[False], above[:-1]])))


def poisson(n: int) -> tuple[float, float]:
    """The exact 95 % interval of a Poisson mean after ``n`` events (Garwood 1936), by bisection."""

    def solve(target: float, events: int) -> float:
        low, high = 0.0, 10.0 + 4 * (events + 1)
        for _ in range(80):
            middle = (low + high) / 2
            below = sum(math.exp(-middle + k * math.log(middle) - math.lgamma(k + 1)) for k in range(events + 1))
            low, high = (middle, high) if below > target else (low, middle)
        return low

    return (0.0 if n == 0 else solve(0.975, n - 1)), solve(0.025, n)
