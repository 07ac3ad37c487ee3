"""How well people are counted: the real analyzer against counts made by eye, both tiers in one table.

``count.within1``: share of annotated frames with up to six people whose count is at most one off; ``count.mae``: mean
absolute error on the same frames (where there are few people, "one person" is nearly always within one, and only this
tells the two apart); ``count.mre``: mean relative error on frames with more; per clip and over all. ``crowd.mae``: mean
absolute error on the ground truth of the four MOT17 sequences that were not used to choose settings (people at least a
quarter visible). ``crowd.mae.heads``: the same on street pictures whose heads were marked (``crowd_india_annotated``,
ShanghaiTech's layout), each shown as a clip that stands still. The floor says "one person" always; for ``.heads`` it is
the median of the set, which knows the answers.

The path is that of ingest: reader, motion gate, analyzer, segments of 30 s, 5 pictures a second from the file's start;
the annotated frames are looked at *besides*, so that an annotation is compared with its own frame and not with one a
tenth of a second away. A frame of which the annotator was unsure counts as the range given; the rows ``.strict`` take
the sure people alone for the truth. Intervals are bootstrapped over frames; frames of one clip resemble each other, so
the true ones are wider.

Owns these figures. Knows no table layout.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from viot_agent.bench.report import Report, Row, bootstrap
from viot_agent.errors import FailedFault, WeightsMissing
from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.probe import examine
from viot_agent.media.readers import open_media
from viot_agent.media.types import Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectsAnalyzer

SAMPLE_FPS = 5.0
SEGMENT_SECONDS = 30.0
FEW = 6
HELD_OUT = ("02", "10", "11", "13")
"""MOT17 sequences that no setting was chosen on."""
TUNED_ON = ("04", "05", "09")
QUICK_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """One annotated frame: the truth lies in ``low`` to ``high``."""

    low: int
    high: int
    counted: int

    @property
    def error(self) -> int:
        """People too many or too few, 0 inside the range."""
        return max(self.low - self.counted, self.counted - self.high, 0)

    def strictly(self) -> Judged:
        """The same with the sure people alone for the truth."""
        return Judged(self.low, self.low, self.counted)

    @property
    def floor_error(self) -> int:
        """The same for the rule "one person"."""
        return max(self.low - 1, 1 - self.high, 0)


def annotation_file(data: Path) -> Path | None:
    """``people_counts.json`` of the data folder, else of this checkout; None where neither is."""
    places = (data / "annotations", Path(__file__).resolve().parents[3] / "datasets" / "annotations")
    return next((p / "people_counts.json" for p in places if (p / "people_counts.json").is_file()), None)


def count_frames(analyzer: ObjectsAnalyzer, frames: Iterator[Frame], shape: SegmentInfo) -> dict[int, int]:
    """Frame index -> people counted, over ``frames`` in order, in segments as ingest cuts them."""
    counted: dict[int, int] = {}
    seen: list[tuple[int, float]] = []
    analysis, gate, segment = analyzer.start(shape), MotionGate(), 0

    def close() -> None:
        by_time = {c.t: round(c.n) for c in analysis.finish().counts if c.kind == "person"}
        counted.update({index: by_time[t] for index, t in seen})
        seen.clear()

    for frame in frames:
        if int(frame.t / SEGMENT_SECONDS) != segment:
            close()
            analysis, gate, segment = analyzer.start(shape), MotionGate(), int(frame.t / SEGMENT_SECONDS)
        if seen and seen[-1][0] == frame.index:
            continue
        motion, still = gate.look(frame)
        analysis.see(frame, Shared(motion, still))
        seen.append((frame.index, frame.t))
    close()
    return counted


def count_clip(analyzer: ObjectsAnalyzer, clip: Path, wanted: Sequence[int]) -> dict[int, int]:
    """People counted in the frames ``wanted`` of ``clip``. Raises FailedFault when a frame cannot be hit."""
    reader = open_media(clip)
    info = reader.info
    timeline = examine(clip).timeline
    exact = [timeline.t(i) + 1e-4 for i in wanted]  # the frame on screen just after its own start
    grid = [k / SAMPLE_FPS for k in range(int(max(exact) * SAMPLE_FPS) + 4) if k / SAMPLE_FPS < info.duration]
    shape = SegmentInfo(clip.name, clip, 0, 0.0, info.duration, info.width, info.height, SAMPLE_FPS)
    counted = count_frames(analyzer, reader.read(sorted({*grid, *exact})), shape)
    missing = sorted(set(wanted) - counted.keys())
    if missing:
        raise FailedFault(f"{clip.name}: the frames {missing} were not met")
    return {i: counted[i] for i in wanted}


def _few_and_many(judged: Sequence[Judged], where: str, model: str, tier: str, seed: int) -> list[Row]:
    rows = []
    few, many = [j for j in judged if j.low <= FEW], [j for j in judged if j.low > FEW]
    if few:
        good = [float(j.error <= 1) for j in few]
        low, high = bootstrap(good, seed)
        floor = float(np.mean([j.floor_error <= 1 for j in few]))
        rows.append(_row("count.within1", where, float(np.mean(good)), low, high, len(few), model, tier, floor))
        off = [float(j.error) for j in few]
        low, high = bootstrap(off, seed)
        floor = float(np.mean([j.floor_error for j in few]))
        rows.append(_row("count.mae", where, float(np.mean(off)), low, high, len(few), model, tier, floor))
    if many:
        relative = [j.error / j.low for j in many]
        low, high = bootstrap(relative, seed)
        floor = float(np.mean([j.floor_error / j.low for j in many]))
        rows.append(_row("count.mre", where, float(np.mean(relative)), low, high, len(many), model, tier, floor))
    return rows


def _row(
    name: str, where: str, value: float, low: float, high: float, n: int, model: str, tier: str, floor: float
) -> Row:
    what = {
        "count.within1": "share within 1 person (up to 6)",
        "count.mae": "mean absolute error (up to 6)",
        "count.mre": "mean relative error (above 6)",
        "crowd.mae": "mean absolute error, heads marked" if where == "heads" else "mean absolute error, MOT17",
    }[name]
    return Row(
        f"{name}.{where}" if where else name,
        f"{what}{', ' + where if where else ''}",
        value,
        low,
        high,
        n,
        model,
        tier,
        floor,
    )


def _clips(analyzer: ObjectsAnalyzer, data: Path, quick: bool, tier: str, seed: int) -> tuple[list[Row], list[str]]:
    path = annotation_file(data)
    if path is None:
        return [], [f"count.*: no annotations/people_counts.json in {data}, and no checkout beside this package"]
    rows, skipped, every = [], [], []
    clips: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text("utf-8"))["clips"]
    for name, clip in clips.items():
        if not (data / clip["path"]).is_file():
            skipped.append(f"count.*.{Path(name).stem}: no {clip['path']} in {data}")
            continue
        frames = {int(i): f for i, f in clip["frames"].items()}
        wanted = sorted(frames)[: QUICK_FRAMES if quick else None]
        counted = count_clip(analyzer, data / clip["path"], wanted)
        judged = [
            Judged(len(frames[i]["people"]), len(frames[i]["people"]) + len(frames[i].get("unsure", ())), counted[i])
            for i in wanted
        ]
        every += judged
        rows += _few_and_many(judged, Path(name).stem, analyzer.model, tier, seed)
    overall = _few_and_many(every, "", analyzer.model, tier, seed)
    strict = _few_and_many([j.strictly() for j in every], "strict", analyzer.model, tier, seed)
    return [*overall, *strict, *rows], skipped


def mot_truth(folder: Path) -> dict[int, int]:
    """Frame number -> people (walking, riding, standing) at least a quarter visible, from ``gt/gt.txt``."""
    rows = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
    people = np.isin(rows[:, 7], (1, 2, 7)) & (rows[:, 8] >= 0.25)
    return {int(n): int((people & (rows[:, 0] == n)).sum()) for n in np.unique(rows[:, 0])}


def count_sequence(analyzer: ObjectsAnalyzer, folder: Path) -> list[Judged]:
    """A MOT17 sequence as a short clip at its own rate."""
    lines = (folder / "seqinfo.ini").read_text("utf-8").splitlines()
    fps = float(next(line.split("=")[1] for line in lines if line.startswith("frameRate=")))
    paths = sorted((folder / "img1").glob("*.jpg"))

    def frames() -> Iterator[Frame]:
        for path in paths:
            picture = cv2.imread(str(path))
            if picture is None:
                raise FailedFault(f"{path} is no picture")
            image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            yield Frame(int(path.stem), (int(path.stem) - 1) / fps, image)

    counted = count_frames(analyzer, frames(), SegmentInfo(folder.name, folder, 0, 0.0, 30.0, 0, 0, fps))
    truth = mot_truth(folder)
    return [Judged(truth[n], truth[n], counted[n]) for n in counted if n in truth]


def _mot(analyzer: ObjectsAnalyzer, data: Path, quick: bool, tier: str, seed: int) -> tuple[list[Row], list[str]]:
    root = data / "videos" / "stills" / "MOT17-mini" / "train"
    if not root.is_dir():
        return [], [f"crowd.mae: no videos/stills/MOT17-mini in {data}"]
    rows = []
    for where, wanted in (("", HELD_OUT[:1] if quick else HELD_OUT), ("tuned-on", () if quick else TUNED_ON)):
        folders = [f for f in sorted(root.iterdir()) if f.name.split("-")[1:2] and f.name.split("-")[1] in wanted]
        judged = [j for folder in folders for j in count_sequence(analyzer, folder)]
        if judged:
            errors = [float(j.error) for j in judged]
            low, high = bootstrap(errors, seed)
            floor = float(np.mean([j.floor_error for j in judged]))
            rows.append(
                _row("crowd.mae", where, float(np.mean(errors)), low, high, len(errors), analyzer.model, tier, floor)
            )
    return rows, []


def head_count(path: Path) -> int:
    """Heads marked in one picture: ``image_info[0, 0].location`` (N, 2) of ShanghaiTech's MATLAB files.

    Raises FailedFault for a file that is missing, damaged or of another layout.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise FailedFault(f"there is no {path}", fix="it holds the marked heads; the data set has one for each picture")
    try:
        located = loadmat(str(path))["image_info"][0, 0][0, 0][0]
    except (KeyError, IndexError, ValueError, TypeError, OSError, NotImplementedError, MatReadError) as error:
        raise FailedFault(f"{path} does not hold heads as ShanghaiTech's ground truth does") from error
    return len(located)


def count_still(analyzer: ObjectsAnalyzer, picture: Path) -> int:
    """People counted in a picture shown for four looks, as a clip in which nothing moves."""
    read = cv2.imread(str(picture))
    if read is None:
        raise FailedFault(f"{picture} is no picture")
    image = np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)
    frames = (Frame(i, i / SAMPLE_FPS, image) for i in range(4))
    shape = SegmentInfo(picture.name, picture, 0, 0.0, 1.0, image.shape[1], image.shape[0], SAMPLE_FPS)
    return count_frames(analyzer, frames, shape)[3]


def _heads(analyzer: ObjectsAnalyzer, data: Path, quick: bool, tier: str, seed: int) -> tuple[list[Row], list[str]]:
    root = data / "videos" / "stills" / "crowd_india_annotated"
    pictures = sorted(root.glob("*/images/*.jpg"))[: QUICK_FRAMES if quick else None]
    if not pictures:
        return [], [f"crowd.mae.heads: no videos/stills/crowd_india_annotated in {data}"]
    truth: list[int] = []
    errors: list[float] = []
    skipped: list[str] = []
    for picture in pictures:
        try:
            heads = head_count(picture.parents[1] / "ground-truth" / f"GT_{picture.stem}.mat")
        except FailedFault as fault:
            skipped.append(f"crowd.mae.heads: {picture.name} left out: {fault}")
            continue
        truth.append(heads)
        errors.append(float(abs(count_still(analyzer, picture) - heads)))
    if not truth:
        return [], skipped
    low, high = bootstrap(errors, seed)
    floor = float(np.mean([abs(n - float(np.median(truth))) for n in truth]))
    mean = float(np.mean(errors))
    return [_row("crowd.mae", "heads", mean, low, high, len(errors), analyzer.model, tier, floor)], skipped


def measure(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """All rows of both tiers, and what was left out and why."""
    rows: list[Row] = []
    skipped: list[str] = []
    for tier in ("hub", "builtin"):
        try:
            analyzer = ObjectsAnalyzer(
                Weights(weights.home, weights.models_dir, "hub" if tier == "hub" else "builtin", weights.manifest)
            )
        except WeightsMissing as error:
            skipped.append(f"count.*, crowd.mae in tier {tier}: {error}")
            continue
        for part in (_clips, _mot, _heads):
            found, left = part(analyzer, data, quick, tier, seed)
            rows += found
            skipped += left
    return rows, list(dict.fromkeys(skipped))


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> list[dict[str, Any]]:
    """The rows as the benches print them."""
    return [asdict(row) for row in measure(data, weights, quick, seed)[0]]


def main() -> None:
    """``python -m viot_tools.bench.counting --data DIR``."""
    from rich.console import Console

    parser = argparse.ArgumentParser(description="How well people are counted, both tiers.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    weights = Weights.from_env()
    if weights.models_dir is None and (arguments.data / "models").is_dir():
        weights = Weights(weights.home, arguments.data / "models")
    found, skipped = measure(arguments.data, weights, arguments.quick, arguments.seed)
    command = f"python -m viot_tools.bench.counting --data {arguments.data}" + (" --quick" if arguments.quick else "")
    Report(tuple(found), tuple(skipped), command).print(Console(width=160))


if __name__ == "__main__":
    main()
