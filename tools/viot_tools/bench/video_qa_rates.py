"""How often the product's own rows are wrong: misses, false tracks and identity switches on MOT17, by its truth.

``python -m viot_tools.bench.video_qa_rates [--data ../shared/data] [--tier hub]`` prints the rates that the corrupted
half of VIoT-QA is made with. Truth and tracks are matched frame by frame (CLEAR MOT: Bernardin and Stiefelhagen,
"Evaluating Multiple Object Tracking Performance", EURASIP JIVP 2008, section 2), at an overlap of 0.5.

Owns this measurement. Knows no question.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import FailedFault, UserFault, ViotError
from viot_agent.library.chains import iou
from viot_agent.library.rows import SegmentInfo, Shared, TrackRow
from viot_agent.media.types import XYXY, Frame
from viot_agent.weights import Weights
from viot_tools.objects.analyzer import ObjectsAnalyzer

MATCH = 0.5
VISIBLE = 0.25
"""Least visible share of somebody who is to be found; who is less visible may be found, and is then no false one."""
HIGH = 0.06
"""Least height of somebody who is to be found, as a share of the picture's."""
PEOPLE, OTHERS = (1,), (2, 7, 8)
"""MOT17's classes: walking people; riders, standing people and reflections, whose boxes count neither way."""


@dataclass(frozen=True, slots=True)
class Tally:
    """``people`` to be found, ``missed`` of them (no track for at least half of their frames), ``switches`` from one
    track to another, ``tracks`` of which ``false`` ones lie on nobody, ``seconds`` that people were followed."""

    people: int = 0
    missed: int = 0
    switches: int = 0
    tracks: int = 0
    false: int = 0
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f) + getattr(other, f) for f in self.__slots__))


Boxes = Mapping[int, Sequence[tuple[int, XYXY, bool]]]
"""Frame number -> (identity, box, whether to be found)."""


def truth(folder: Path, height: int) -> Boxes:
    """What ``gt/gt.txt`` holds. Raises FailedFault for a file of another layout."""
    try:
        rows: NDArray[np.float64] = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise FailedFault(f"{folder}/gt/gt.txt is no MOT17 truth: {error}") from error
    out: dict[int, list[tuple[int, XYXY, bool]]] = {}
    for frame, id_, x, y, w, h, _, kind, seen in rows[:, :9]:
        if int(kind) in (*PEOPLE, *OTHERS):
            wanted = int(kind) in PEOPLE and seen >= VISIBLE and h >= HIGH * height
            out.setdefault(int(frame), []).append((int(id_), (x, y, x + w, y + h), wanted))
    return out


def tally(boxes: Boxes, tracks: Sequence[TrackRow], times: Mapping[int, float]) -> Tally:
    """Match frame by frame, each truth with one track at most, what was matched before first."""
    of_person: dict[int, list[str]] = {}
    frames: Counter[int] = Counter()
    wanted: set[int] = set()
    hits: Counter[str] = Counter()
    switches, before = 0, dict[int, str]()
    for frame, t in sorted(times.items()):
        there = boxes.get(frame, ())
        here = {k.key: p.xyxy for k in tracks for p in k.points if abs(p.t - t) < 1e-6}
        pairs = sorted(
            ((before.get(i) == key, iou(box, b), i, key) for i, box, _ in there for key, b in here.items()),
            reverse=True,
        )
        taken: set[int | str] = set()
        for _, overlap, i, key in pairs:
            if overlap < MATCH or i in taken or key in taken:
                continue
            taken |= {i, key}
            hits[key] += 1
            of_person.setdefault(i, []).append(key)
            switches += before.get(i, key) != key
            before[i] = key
        for i, _, must in there:
            frames[i] += must
            wanted |= {i} if must else set()
    missed = sum(len(of_person.get(i, ())) < 0.5 * frames[i] for i in wanted)
    false = sum(hits[k.key] < 0.5 * len(k.points) for k in tracks)
    step = np.median(np.diff(sorted(times.values()))) if len(times) > 1 else 0.0
    return Tally(len(wanted), missed, switches, len(tracks), false, float(step) * sum(frames.values()))


def sequence(analyzer: ObjectsAnalyzer, folder: Path) -> Tally:
    """One MOT17 sequence at its own rate. Raises FailedFault for a picture that cannot be read."""
    lines = (folder / "seqinfo.ini").read_text("utf-8").splitlines()
    fps = float(next(line.split("=")[1] for line in lines if line.startswith("frameRate=")))
    analysis, times, height = analyzer.start(SegmentInfo("", folder, 0, 0.0, 30.0, 0, 0, fps)), dict[int, float](), 0
    for path in sorted((folder / "img1").glob("*.jpg")):
        picture = cv2.imread(str(path))
        if picture is None:
            raise FailedFault(f"{path} is no picture")
        image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        number, height = int(path.stem), image.shape[0]
        times[number] = (number - 1) / fps
        analysis.see(Frame(number, times[number], image), Shared())
    people = [t for t in analysis.finish().tracks if t.kind == "person"]
    return tally(truth(folder, height), people, times)


def measure(data: Path, weights: Weights) -> dict[str, Tally]:
    """Each sequence of MOT17-mini below ``data``. Raises UserFault when there is none."""
    root = data / "videos" / "stills" / "MOT17-mini" / "train"
    folders = sorted(f for f in root.glob("MOT17-*") if (f / "gt" / "gt.txt").is_file())
    if not folders:
        raise UserFault(f"no MOT17-mini under {data / 'videos' / 'stills'}", fix="--data DIR")
    analyzer = ObjectsAnalyzer(weights)
    return {folder.name: sequence(analyzer, folder) for folder in folders}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tallies and the rates; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m viot_tools.bench.video_qa_rates", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tier", choices=("hub", "builtin"), default="hub")
    args = parser.parse_args(argv)
    base = Weights.from_env()
    try:
        found = measure(args.data, Weights(base.home, base.models_dir or args.data / "models", args.tier))
    except ViotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    whole = sum(found.values(), Tally())
    print(f"{'':>18} people missed switches tracks false seconds")
    for name, one in (*found.items(), ("all", whole)):
        counts = f"{one.people:>6} {one.missed:>6} {one.switches:>8} {one.tracks:>6} {one.false:>5}"
        print(f"{name:>18} {counts} {one.seconds:>7.1f}")
    rates = {"miss": whole.missed, "false tracks": whole.false, "switches": whole.switches}
    print("a person: " + ", ".join(f"{name} {n / whole.people:.3f}" for name, n in rates.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
