"""Body poses and actions on real footage, against what was written down by eye before any model ran.

``pose.pck``: share of joints within half a torso (left shoulder to right hip; Andriluka et al., "2D Human Pose
Estimation", CVPR 2014, call it PCK) of the annotated place, on 14 people of eight clips (``annotations/poses.json``);
``pose.pck02`` the same within a fifth. The floor places an upright mean pose in the box. ``pose.reference``: the key
points that ship with the model's own test picture, found again through the product's square cut.

``action.macro_f1``: mean F1 over the actions that the annotated clips show (``annotations/actions.json``), judged every
0.4 s for every person; *unknown* counts as missed, and an action told where the annotation says *other* as false. The
floor says "standing" always. ``action.other``: share of the *other* moments that are rightly left unknown; its floor is
chance among ten actions and unknown. ``action.fall.delay``: seconds between the impact and the end of the fall told;
``action.fall.false``: falls told on all supplied clips without one, per clip; the floor calls a fall whenever a box
turns from tall to wide within a second and a half.

The path is that of ingest: the clips are indexed into a library in a temporary folder. Intervals are bootstrapped over
people (falls: clips); people of one clip resemble each other, so the true ones are wider.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.library.ingest import ingest
from viot_agent.library.rows import Analyzer, Keypoints
from viot_agent.library.store import Library
from viot_agent.media.readers import open_media
from viot_agent.media.types import XYXY
from viot_agent.weights import Weights, default_home
from viot_tools.objects.analyzer import ObjectsAnalyzer
from viot_tools.pose.actions import REAL_CLIPS, Done, actions
from viot_tools.pose.analyzer import PosesAnalyzer
from viot_tools.pose.movenet import MoveNet, PoseEstimator, mean_pose
from viot_tools.pose.network import MODEL as NETWORK
from viot_tools.pose.network import ActionNetwork
from viot_tools.pose.people import Person, people
from viot_tools.pose.skeleton import MODEL

Distances = NDArray[np.float64]
Seen = list[tuple[Person, list[Done]]]
"""The people of a clip, each with what they did."""
STEP = 0.4
QUICK = ("S001C001P001R001A001_rgb.avi", "demo_skeleton.mp4", "fall.mp4", "3.mp4", "short_hamilton_clip.mp4")
VIDEOS = frozenset({".mp4", ".avi", ".264"})


def rows(data: Path, weights: Weights, quick: bool = False, seed: int = 0) -> tuple[list[Row], list[str]]:
    """The rows of the tier that ``weights`` stands for. Raises WeightsMissing when the hub's pose model is absent."""
    if weights.tier == "builtin":
        return [], ["pose.*, action.* in tier builtin: no pose model is in it (viot models pull movenet)"]
    made, skipped = pose_rows(data, weights, seed)
    with tempfile.TemporaryDirectory(prefix="viot-bench-pose-") as home:
        more, left = action_rows(data, weights, quick, seed, Path(home))
    return made + more, skipped + left


def annotation(data: Path, name: str) -> dict[str, Any] | None:
    """An annotation file of the data folder, else of this checkout; None where neither is."""
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    path = next((p / name for p in places if (p / name).is_file()), None)
    return None if path is None else json.loads(path.read_text("utf-8"))


# poses ----------------------------------------------------------------------------------------------------------------


def pose_rows(data: Path, weights: Weights, seed: int) -> tuple[list[Row], list[str]]:
    """PCK on the annotated people, and on the model's own picture."""
    net = MoveNet(weights)
    found, skipped = _reference(data, net, weights, seed)
    listed = annotation(data, "poses.json")
    if listed is None:
        return found, [*skipped, f"pose.pck: no annotations/poses.json in {data}"]
    there = [p for p in listed["people"] if (data / p["path"]).is_file()]
    if len(there) < len(listed["people"]):
        skipped.append(
            f"pose.pck: {len(listed['people']) - len(there)} of the annotated people: no such clip in {data}"
        )
    errors = [_errors(data, p, net) for p in there]
    for name, limit in (("pose.pck", 0.5), ("pose.pck02", 0.2)):
        mine = [float((a <= limit).mean()) for a, _ in errors]
        floor = [float((b <= limit).mean()) for _, b in errors]
        if not mine:
            continue
        what, by = f"share of joints within {limit:g} torso", (MODEL, weights.tier)
        low, high = bootstrap(mine, seed)
        base = round(float(np.mean(floor)), 4)
        found.append(Row(name, what, float(np.mean(mine)), low, high, len(mine), *by, base))
        gain = [a - b for a, b in zip(mine, floor, strict=True)]
        low, high = bootstrap(gain, seed)
        found.append(
            Row(
                f"{name}.gain",
                f"{what}, less the floor's",
                float(np.mean(gain)),
                low,
                high,
                len(gain),
                MODEL,
                weights.tier,
                0.0,
            )
        )
    return found, skipped


def _errors(
    data: Path, person: Mapping[str, Any], net: PoseEstimator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances in torsos, per annotated joint: of the model and of the mean pose."""
    frame = next(iter(open_media(data / person["path"]).read([float(person["t"])])))
    a, b, c, d = (float(v) for v in person["xyxy"])
    points = {int(k): np.array(v, float) for k, v in person["points"].items()}
    return _distances(net.estimate(frame.image, (a, b, c, d)), points), _distances(mean_pose((a, b, c, d)), points)


def _distances(made: Keypoints, points: Mapping[int, NDArray[np.float64]]) -> Distances:
    return np.array([np.linalg.norm(made[j, :2] - at) for j, at in points.items()]) / torso(points)


def torso(points: Mapping[int, NDArray[np.float64]]) -> float:
    """The longest shoulder to hip that is annotated, in pixels: from any side, some people are seen from the side."""
    return max(
        float(np.linalg.norm(points[s] - points[h])) for s in (5, 6) for h in (11, 12) if s in points and h in points
    )


def _reference(data: Path, net: PoseEstimator, weights: Weights, seed: int) -> tuple[list[Row], list[str]]:
    folder = data / "models" / "pose" / "movenet"
    csv = next(iter(sorted(folder.glob("*_reference.csv"))), None)
    picture = folder / "squat.bmp"
    if csv is None or not picture.is_file():
        return [], [f"pose.reference: no squat.bmp with its reference in {folder}"]
    image = cv2.imread(str(picture))
    assert image is not None, "the picture of the model's own repository"
    table = np.loadtxt(csv, delimiter=",", skiprows=1)
    height, width = image.shape[:2]
    points = {int(r[2]): np.array([r[4] * width, r[5] * height]) for r in table}
    every = np.stack(list(points.values()))
    low, high = every.min(0), every.max(0)
    edge = 0.08 * float((high - low).max())
    box: XYXY = (float(low[0] - edge), float(low[1] - edge), float(high[0] + edge), float(high[1] + edge))
    rgb = np.ascontiguousarray(image[:, :, ::-1])
    mine = (_distances(net.estimate(rgb, box), points) <= 0.5).astype(float).tolist()
    floor = (_distances(mean_pose(box), points) <= 0.5).astype(float)
    a, b = bootstrap(mine, seed)
    what = "joints of the model's own picture within 0.5 torso of its reference"
    return [
        Row("pose.reference", what, float(np.mean(mine)), a, b, 17, MODEL, weights.tier, round(float(floor.mean()), 4))
    ], []


# actions --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One person: at each judged moment the truth and what was told; '' told is unknown."""

    clip: str
    truth: tuple[str, ...]
    told: tuple[str, ...]


def action_rows(data: Path, weights: Weights, quick: bool, seed: int, home: Path) -> tuple[list[Row], list[str]]:
    """F1 of the actions, and the falls. ``home`` holds the library; a second run on it indexes nothing again."""
    listed = annotation(data, "actions.json")
    if listed is None:
        return [], [f"action.*: no annotations/actions.json in {data}"]
    network = ActionNetwork.load(weights.path(NETWORK))
    clips: dict[str, Mapping[str, Any]] = {n: c for n, c in listed["clips"].items() if not quick or n in QUICK}
    skipped = [f"action.*.{n}: no {c['path']} in {data}" for n, c in clips.items() if not (data / c["path"]).is_file()]
    clips = {n: c for n, c in clips.items() if (data / c["path"]).is_file()}
    every = {p.name: p for p in sorted((data / "videos").rglob("*")) if p.suffix.lower() in VIDEOS}
    wanted = {n: p for n, p in every.items() if not quick or n in QUICK}
    seen = look(wanted, weights, home, network)
    judged = [j for n, c in clips.items() for j in judge(n, c, seen.get(n, []))]
    return _f1_rows(judged, weights.tier, seed) + _fall_rows(clips, seen, weights.tier, seed), skipped


def look(clips: Mapping[str, Path], weights: Weights, home: Path, network: ActionNetwork) -> dict[str, Seen]:
    """Index the clips as cameras that start at 0, and judge every person: clip name -> (person, what they did)."""
    found: dict[str, Seen] = {}
    analyzers: list[Analyzer] = [ObjectsAnalyzer(weights), PosesAnalyzer(weights)]
    with Library.open(home) as library:
        for name, path in clips.items():
            library.add_camera(name, str(path), start=0.0)
            ingest(library, name, analyzers, open_reader=open_media, workers=1)
            everybody = people(library, name, None, None, MODEL)
            found[name] = [(person, actions(person, network)) for person in everybody]
    return found


def judge(clip: str, truth: Mapping[str, Any], seen: Sequence[tuple[Person, Sequence[Done]]]) -> list[Judged]:
    """Truth and told for every person of a clip at the moments of its spans at which the person has poses."""
    out = []
    for person, done in seen:
        if any(_holds(person, path) for path in truth.get("ignore", ())):
            continue
        pairs = []
        for t0, t1, action in truth["spans"]:
            for t in np.arange(t0 + 0.1, t1, STEP):
                if float(np.abs(person.ts - t).min()) <= 0.5:
                    pairs.append((action, next((d.action for d in done if d.start <= t < d.end), "")))
        if pairs:
            out.append(Judged(clip, tuple(a for a, _ in pairs), tuple("" if b == "unknown" else b for _, b in pairs)))
    return out


def _holds(person: Person, path: Sequence[Sequence[float]]) -> bool:
    """Whether the person's box holds the moving point at most of the times that both know."""
    ts, x, y = (np.array([p[k] for p in path], float) for k in range(3))
    both = (person.box_ts >= ts[0]) & (person.box_ts <= ts[-1])
    if not both.any():
        return False
    at, boxes = person.box_ts[both], person.boxes[both]
    px, py = np.interp(at, ts, x), np.interp(at, ts, y)
    inside = (px >= boxes[:, 0]) & (px <= boxes[:, 2]) & (py >= boxes[:, 1]) & (py <= boxes[:, 3])
    return bool(inside.mean() > 0.5)


def f1(truth: Sequence[str], told: Sequence[str], action: str) -> float:
    """F1 of one action over moments."""
    hit = sum(a == b == action for a, b in zip(truth, told, strict=True))
    return 2 * hit / max(1, sum(a == action for a in truth) + sum(b == action for b in told))


def _f1_rows(judged: Sequence[Judged], tier: str, seed: int) -> list[Row]:
    names = sorted({a for j in judged for a in j.truth} - {"other"})
    if not names:
        return []

    def over(chosen: Sequence[Judged], which: Sequence[str], *, floor: bool = False) -> float:
        truth = [a for j in chosen for a in j.truth]
        told = ["standing"] * len(truth) if floor else [b for j in chosen for b in j.told]
        return float(np.mean([f1(truth, told, n) for n in which]))

    def interval(which: Sequence[str], less_floor: bool = False) -> tuple[float, float]:
        """Over people, drawn within each clip, so that every action stays in the draw."""
        rng = np.random.default_rng(seed)
        groups = [[j for j in judged if j.clip == c] for c in dict.fromkeys(j.clip for j in judged)]
        drawn = []
        for _ in range(1000):
            chosen = [g[i] for g in groups for i in rng.integers(0, len(g), len(g))]
            drawn.append(over(chosen, which) - (over(chosen, which, floor=True) if less_floor else 0.0))
        low, high = np.percentile(drawn, [2.5, 97.5])
        return float(low), float(high)

    n = len(judged)
    base = over(judged, names, floor=True)
    value = over(judged, names)
    low, high = interval(names)
    found = [
        Row("action.macro_f1", f"mean F1 of {', '.join(names)}", value, low, high, n, NETWORK, tier, round(base, 4))
    ]
    low, high = interval(names, less_floor=True)
    found.append(
        Row("action.macro_f1.gain", "the same, less the floor's", value - base, low, high, n, NETWORK, tier, 0.0)
    )
    for name in names:
        low, high = interval([name])
        what = f"F1 of {name} ({REAL_CLIPS.get(name, 0)} real clips)"
        least = round(over(judged, [name], floor=True), 4)
        count = sum(name in j.truth for j in judged)
        found.append(Row(f"action.f1.{name}", what, over(judged, [name]), low, high, count, NETWORK, tier, least))
    others = [[float(b == "") for a, b in zip(j.truth, j.told, strict=True) if a == "other"] for j in judged]
    shares = [float(np.mean(o)) for o in others if o]
    if shares:
        low, high = bootstrap(shares, seed)
        what = "share of other movements left unknown, by person"
        found.append(Row("action.other", what, float(np.mean(shares)), low, high, len(shares), NETWORK, tier, 0.0909))
    return found


def _fall_rows(clips: Mapping[str, Mapping[str, Any]], seen: Mapping[str, Seen], tier: str, seed: int) -> list[Row]:
    found = []
    model = f"{NETWORK} and the fall rule"
    for name, clip in clips.items():
        if "fall" not in clip or name not in seen:
            continue
        told = [d for _, done in seen[name] for d in done if d.action == "falling"]
        impact = float(clip["fall"][1])
        delay = min((abs(d.end - impact) for d in told), default=float("inf"))
        what = f"seconds between impact and the fall told, {name} (one clip, no interval)"
        found.append(Row("action.fall.delay", what, delay, delay, delay, 1, model, tier, None))
    calm = [n for n in seen if "fall" not in clips.get(n, {})]
    if calm:
        false = [float(sum(d.action == "falling" for _, done in seen[n] for d in done)) for n in calm]
        floor = [float(sum(_turns(person) for person, _ in seen[n])) for n in calm]
        low, high = bootstrap(false, seed)
        what = "falls told per clip, on clips without one"
        base = round(float(np.mean(floor)), 4)
        found.append(Row("action.fall.false", what, float(np.mean(false)), low, high, len(false), model, tier, base))
    return found


def _turns(person: Person) -> bool:
    """The trivial rule: a box that is taller than wide is wider than tall within a second and a half."""
    wide = (person.boxes[:, 2] - person.boxes[:, 0]) > (person.boxes[:, 3] - person.boxes[:, 1])
    return any(bool(wide[(person.box_ts > t) & (person.box_ts <= t + 1.5)].any()) for t in person.box_ts[~wide])


def main() -> None:
    """``python -m viot_tools.bench.pose --data DIR [--quick] [--home DIR]``; with ``--home`` the index is kept."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m viot_tools.bench.pose", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", type=Path, help="a folder for the library, to index only once")
    given = parser.parse_args()
    weights = Weights(default_home(), given.data / "models", "hub")
    made, skipped = pose_rows(given.data, weights, given.seed)
    if given.home is None:
        made, skipped = rows(given.data, weights, given.quick, given.seed)
    else:
        more, left = action_rows(given.data, weights, given.quick, given.seed, given.home)
        made, skipped = made + more, skipped + left
    command = f"python -m viot_tools.bench.pose --data {given.data}{' --quick' if given.quick else ''}"
    Report(tuple(made), tuple(skipped), command).print(Console(width=170))


if __name__ == "__main__":
    main()
