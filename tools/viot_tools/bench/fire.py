"""Fire and smoke: pictures told apart, places hit, clips with and without an alarm, both tiers (they use one network).

``fire.auc``: area under the ROC curve of a picture's score (how far fire or smoke is above its threshold) over all
pictures: those with boxes (``.valid``) and photographs (``.photos``), against the photographs without fire. Many of the
photographs filed under ``fire`` in the supplied set show no flame and no smoke (burnt houses, engines, a title card):
what is told apart there is luck or surroundings. The floor is the supplied classifier ``htn-fire`` where its file is
there, else the share of flame-coloured pixels. ``.gain`` and ``.gain.colour`` are the differences to both, on the same
draws of pictures.
``fire.hit``/``smoke.hit``: share of pictures whose hottest cell lies in a box (floor: the middle of the picture).
``fire.clips.*`` go the way of ingest (5 frames a second, motion gate, segments of 30 s): ``false_alarms`` is the share
of clips without fire that raise one, ``unsure`` the share with something that is told as *cannot tell*, ``found`` the
share of clips with fire that raise an alarm. A clip has fire when it lies in a folder called ``fire``.

Intervals: bootstrap over pictures, near-duplicates drawn together; for clips Wilson's, because none of few is not 0 %.
``python -m viot_tools.bench.fire --data ../shared/data [--quick]`` prints the rows. Knows no table layout.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Report, Row
from viot_agent.errors import MediaFault
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.bench.fire_clips import clip_rows
from viot_tools.bench.fire_floor import FLOOR, flame_coloured, logit, supplied_score
from viot_tools.fire.analyzer import FireAnalyzer
from viot_tools.fire.burning import THRESHOLD
from viot_tools.fire.model import FireLooker, FireMap
from viot_tools.fire.names import KINDS

PICTURES = frozenset({".jpg", ".jpeg", ".png"})
LEARNT = "train"
"""The split that the network has seen; never measured on."""
ALIKE = 0.93
DRAWS = 2000
Boxes = tuple[tuple[int, float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture, where it is from (``valid`` or ``photos``), whether it is filed as fire; boxes as (class, x0, y0, x1,
    y1) in shares of the picture, class 0 fire, 1 smoke."""

    path: Path
    source: str
    fire: bool
    boxes: Boxes = ()


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """All rows of the tier that ``weights`` stands for, and what was left out. Raises WeightsMissing.

    Both tiers look with the same network and have the same floor, so the second one asked for costs nothing.
    """
    found, skipped = _measured(data, weights.home, weights.models_dir, quick, seed)
    return [replace(row, tier=weights.tier) for row in found], list(skipped)


@lru_cache(maxsize=4)
def _measured(
    data: Path, home: Path, models: Path | None, quick: bool, seed: int
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    weights = Weights(home, models, "builtin")
    analyzer = FireAnalyzer(weights)
    found, skipped = picture_rows(data, weights, analyzer.looker, quick, seed)
    more, left = clip_rows(data, weights, analyzer, quick)
    return (*found, *more), (*skipped, *left)


# pictures -------------------------------------------------------------------------------------------------------------


def picture_rows(
    data: Path, weights: Weights, looker: FireLooker, quick: bool, seed: int
) -> tuple[list[Row], list[str]]:
    """``fire.auc*``, ``fire.hit``, ``smoke.hit``."""
    photos = photos_of(data)[:: 4 if quick else 1]
    if not any(p.fire for p in photos) or not any(not p.fire for p in photos):
        return [], [f"fire.auc, fire.hit: {data}/videos/stills has no pictures of both kinds, with fire and without"]
    images = [picture(p.path) for p in photos]
    maps = [looker.look(image) for image in images]
    ours = np.array([over_threshold(m) for m in maps])
    colour = np.array([flame_coloured(image) for image in images])
    supplied = supplied_score(weights)
    floor = colour if supplied is None else np.array([supplied(image) for image in images])
    groups = near_duplicates(images)
    skipped = [] if supplied is not None else [f"fire.auc.gain: {FLOOR} is not on this machine; the floor is colour"]
    made, tier, model = [], weights.tier, looker.model

    def add(name: str, what: str, keep: Sequence[bool]) -> None:
        use = np.array(keep)
        truth = np.array([p.fire for p in photos])[use]
        if truth.all() or not truth.any():
            skipped.append(f"{name}: no pictures of both kinds")
            return
        value, low, high = auc_interval(ours[use], truth, np.array(groups)[use], seed)
        other = auc(floor[use], truth)
        made.append(Row(name, what, value, low, high, int(use.sum()), model, tier, other))

    everything = [True] * len(photos)
    add("fire.auc", "area under ROC, all fire pictures", everything)
    for source, words in (("valid", "pictures with boxes"), ("photos", "photographs")):
        keep = [p.source == source or not p.fire for p in photos]
        if any(p.source == source and p.fire for p in photos):
            add(f"fire.auc.{source}", f"area under ROC, {words}", keep)
        else:
            skipped.append(f"fire.auc.{source}: no such pictures in {data}")
    truth = np.array([p.fire for p in photos])
    for name, base in (("fire.auc.gain", None if supplied is None else floor), ("fire.auc.gain.colour", colour)):
        if base is not None:
            value, low, high = auc_interval(ours, truth, np.array(groups), seed, base)
            words = FLOOR if name == "fire.auc.gain" else "the share of flame-coloured pixels"
            made.append(Row(name, f"fire.auc over that of {words}", value, low, high, len(photos), model, tier, 0.0))
    made += hit_rows(photos, maps, groups, tier, model, seed)
    return made, skipped


def hit_rows(
    photos: Sequence[Photo], maps: Sequence[FireMap], groups: Sequence[int], tier: str, model: str, seed: int
) -> list[Row]:
    """Share of the pictures with boxes of a kind whose hottest cell lies in one of them."""
    made = []
    for number, kind in enumerate(KINDS):
        use = [i for i, p in enumerate(photos) if any(b[0] == number for b in p.boxes)]
        if not use:
            continue
        hits, middles = [], []
        for i in use:
            x, y = maps[i].peak(kind)
            hits.append(float(inside(photos[i].boxes, number, x / maps[i].width, y / maps[i].height)))
            middles.append(float(inside(photos[i].boxes, number, 0.5, 0.5)))
        values, which = np.array(hits), np.array([groups[i] for i in use])
        low, high = interval(which, seed, partial(mean_of, values))
        words = f"hottest cell in a {kind} box"
        made.append(
            Row(f"{kind}.hit", words, float(values.mean()), low, high, len(use), model, tier, float(np.mean(middles)))
        )
    return made


def over_threshold(seen: FireMap) -> float:
    """How far the surer of fire and smoke lies above the score from which it is believed, in logits: one score of a
    picture, though the two are on scales of their own."""
    return max(logit(seen.score(kind)) - logit(THRESHOLD[kind]) for kind in KINDS)


def mean_of(values: NDArray[np.float64], drawn: NDArray[np.int64]) -> float:
    """The mean of the drawn values."""
    return float(values[drawn].mean())


def photos_of(data: Path) -> list[Photo]:
    """Below ``videos/stills``: ``SET/SPLIT/{images,labels}`` (not ``train``) and ``SET/{fire,nonfire}``."""
    found = []
    root = data / "videos" / "stills"
    for images in sorted(root.glob("*/*/images")):
        split = images.parent
        if split.name == LEARNT or not (split / "labels").is_dir():
            continue
        for path in sorted(images.iterdir()):
            label = split / "labels" / f"{path.stem}.txt"
            if path.suffix.lower() in PICTURES and label.is_file():
                boxes = read_boxes(label)
                found.append(Photo(path, "valid", bool(boxes), boxes))
    for folder in sorted(root.glob("*/nonfire")):
        for kind in ("fire", "nonfire"):
            paths = sorted((folder.parent / kind).glob("*"))
            found += [Photo(p, "photos", kind == "fire") for p in paths if p.suffix.lower() in PICTURES]
    return found


def read_boxes(label: Path) -> Boxes:
    """YOLO lines ``class cx cy w h`` as corners."""
    made = []
    for line in label.read_text("utf-8").splitlines():
        kind, cx, cy, w, h = (float(v) for v in line.split())
        made.append((int(kind), cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    return tuple(made)


def inside(boxes: Boxes, kind: int, x: float, y: float) -> bool:
    """Whether (x, y) lies in a box of ``kind``."""
    return any(k == kind and x0 <= x <= x1 and y0 <= y <= y1 for k, x0, y0, x1, y1 in boxes)


def picture(path: Path) -> Image:
    """An RGB picture. Raises MediaFault when it is none."""
    read = cv2.imread(str(path))
    if read is None:
        raise MediaFault(f"{path} is no picture", fix="remove it from the data folder")
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def near_duplicates(images: Sequence[Image]) -> list[int]:
    """A group number for each picture: pictures whose 16 x 16 grey versions correlate by 0.93 are drawn together."""
    small = [cv2.resize(cv2.cvtColor(i, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA) for i in images]
    flat = np.stack([np.asarray(s, np.float64).reshape(-1) for s in small])
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    group = list(range(len(images)))
    for a, b in np.argwhere(np.triu(flat @ flat.T >= ALIKE, 1)).tolist():
        low, high = sorted((group[a], group[b]))
        group = [low if g == high else g for g in group]
    return group


def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Share of pairs (with, without fire) in the right order; ties count half (Mann and Whitney 1947)."""
    yes, no = scores[truth][:, None], scores[~truth][None]
    return float(np.mean((yes > no) + 0.5 * (yes == no)))


def auc_interval(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    groups: NDArray[np.int64],
    seed: int,
    base: NDArray[np.float64] | None = None,
) -> tuple[float, float, float]:
    """AUC (or its difference to that of ``base`` on the same draws) with its 95 % interval."""

    def value(drawn: NDArray[np.int64]) -> float:
        if truth[drawn].all() or not truth[drawn].any():
            return float("nan")
        mine = auc(scores[drawn], truth[drawn])
        return mine if base is None else mine - auc(base[drawn], truth[drawn])

    low, high = interval(groups, seed, value)
    return value(np.arange(len(scores))), low, high


def interval(groups: NDArray[np.int64], seed: int, value: Callable[[NDArray[np.int64]], float]) -> tuple[float, float]:
    """95 % percentile bootstrap of ``value`` (indices to a number), whole groups drawn with replacement."""
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    rng = np.random.default_rng(seed)
    values = [
        value(np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])) for _ in range(DRAWS)
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """``python -m viot_tools.bench.fire --data DIR``."""
    from rich.console import Console

    parser = argparse.ArgumentParser(description="How well fire and smoke are told and found.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    base = Weights.from_env()
    local = base.models_dir or (arguments.data / "models" if (arguments.data / "models").is_dir() else None)
    found, skipped = rows(arguments.data, Weights(base.home, local, "builtin"), arguments.quick, arguments.seed)
    command = f"python -m viot_tools.bench.fire --data {arguments.data}" + (" --quick" if arguments.quick else "")
    Report(tuple(found), tuple(skipped), command).print(Console(width=160))


if __name__ == "__main__":
    main()
