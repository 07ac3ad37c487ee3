"""How well walkers are told apart: on simulated walkers that the network never met, and on halves of real walks.

*Simulated* (``bench.walkers``: other bodies, joints, clothes and camera than those of training). Each walker walks in
everyday clothes at four headings for the gallery; probes are the same headings again, in everyday clothes
(``gait.rank1.same_clothes``) and with one garment or load changed (``gait.rank1``). As in CASIA-B's protocol the
gallery walk of the probe's own heading is left out; the rows ``.own_heading`` leave it in. ``gait.far`` and
``gait.tpr``: pairs of a gallery walk and a changed probe at the shipped threshold.

*Real*: ``gait.real.halves.rank1`` finds the second half of each walk that can be cut from real clips among the first
halves of all; clothes and place are the same, so this is no test of gait alone, only of the path from real pixels.
``gait.real.far``: walks seen at the same time are different people; the share of such pairs over the threshold.

The floor is the nearest neighbour by statistics of the silhouettes (width, filled share, moments, how much they vary),
scaled by the gallery's spread. Intervals are bootstrapped over walkers; ``.gain`` is the paired difference to it.

Owns these figures. Knows no table layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viot_agent.bench.report import Row, bootstrap
from viot_agent.errors import MediaFault
from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import SegmentInfo, Shared
from viot_agent.media.readers import open_media
from viot_agent.weights import Weights
from viot_tools.bench.walkers import CHANGED, EVERYDAY, camera, film, person
from viot_tools.gait.net import GaitNet, thresholds
from viot_tools.gait.walks import LEAST_GOOD, Stretch, Walk
from viot_tools.objects.analyzer import ObjectsAnalyzer

Array = NDArray[np.float32]
WALKERS, QUICK_WALKERS = 60, 12
HEADINGS = (0.0, 45.0, 90.0, 135.0)
SECONDS = 3.6
CLIPS = (
    "videos/people-detection.264",
    "videos/intel/one-by-one-person-detection.mp4",
    "videos/pedestrians.mp4",
    "videos/shopfront_cctv.mp4",
    "videos/violence/3.mp4",
    "videos/mot_demo.mp4",
)
SAMPLE_FPS, SEGMENT_SECONDS = 5.0, 30.0
LEAST_HALF = 4
"""Silhouettes of half a real walk."""


@dataclass(frozen=True, slots=True)
class Filmed:
    """Simulated walks: silhouettes (T, 64, 44) of walker ``who`` at heading number ``heading``."""

    silhouettes: NDArray[np.uint8]
    who: int
    heading: int


@lru_cache(maxsize=2)
def filmed(walkers: int, seed: int) -> dict[str, tuple[Filmed, ...]]:
    """The gallery and the two sets of probes. Walker i depends on ``seed`` and i alone."""
    sets: dict[str, list[Filmed]] = {"gallery": [], "same_clothes": [], "changed": []}
    for i in range(walkers):
        rng = np.random.default_rng([seed, 4711, i])
        one = person(rng)
        for k, heading in enumerate(HEADINGS):
            wears = {"gallery": EVERYDAY, "same_clothes": EVERYDAY, "changed": CHANGED[(i + k) % len(CHANGED)]}
            for name, wear in wears.items():
                silhouettes = film(one, wear, camera(rng, heading), SECONDS, rng)
                for _ in range(3):  # a walk that the tool would refuse is filmed again from elsewhere
                    if len(silhouettes) >= LEAST_GOOD:
                        break
                    silhouettes = film(one, wear, camera(rng, heading), SECONDS, rng)
                if len(silhouettes) >= LEAST_GOOD:
                    sets[name].append(Filmed(silhouettes, i, k))
    return {name: tuple(some) for name, some in sets.items()}


def statistics(silhouettes: NDArray[np.uint8]) -> Array:
    """The floor's features of a walk (T, 64, 44): mean and spread over the pictures of width over height, filled share,
    mean and spread of the columns in six bands of rows, and the second moments."""
    each = []
    for picture in silhouettes.astype(np.float32) / 255.0:
        columns = np.flatnonzero(picture.max(0) > 0.5)
        mass = picture.sum() + 1e-6
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
        mid_y, mid_x = (picture * y).sum() / mass, (picture * x).sum() / mass
        bands = [band.sum() / picture.size for band in np.array_split(picture, 6)]
        spread = [float((band.max(0) > 0.5).sum()) / picture.shape[1] for band in np.array_split(picture, 6)]
        width = (columns[-1] - columns[0] + 1) / picture.shape[0] if len(columns) else 0.0
        moments = [
            (picture * (y - mid_y) ** 2).sum() / mass / 64**2,
            (picture * (x - mid_x) ** 2).sum() / mass / 64**2,
            (picture * (x - mid_x) * (y - mid_y)).sum() / mass / 64**2,
        ]
        each.append([width, mass / picture.size, mid_y / 64, *moments, *bands, *spread])
    table = np.array(each, np.float32)
    return np.concatenate([table.mean(0), table.std(0)])


def nearest(probes: Array, gallery: Array) -> Array:
    """Negative Euclidean distances (P, G) of the floor, every feature scaled by the gallery's spread."""
    scale = gallery.std(0) + 1e-6
    gap = probes[:, None] / scale - gallery[None] / scale
    return np.asarray(-np.sqrt((gap**2).mean(-1)), np.float32)


def hits(
    scores: Array, probes: Sequence[Filmed], gallery: Sequence[Filmed], *, own_heading: bool
) -> dict[int, list[float]]:
    """Walker -> 1.0 for each probe whose best gallery walk is the same walker's, else 0.0."""
    found: dict[int, list[float]] = {}
    who = np.array([g.who for g in gallery])
    heading = np.array([g.heading for g in gallery])
    for row, probe in zip(scores, probes, strict=True):
        allowed = row if own_heading else np.where(heading == probe.heading, -np.inf, row)
        found.setdefault(probe.who, []).append(float(who[int(np.argmax(allowed))] == probe.who))
    return found


def rows(data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """All rows of one tier. The network is the same in both tiers; the real clips depend on the tier's detector."""
    net = GaitNet.of(weights)
    found = simulated(net, weights.tier, QUICK_WALKERS if quick else WALKERS, seed)
    filmed_ones, skipped = real(net, data, weights, quick, seed)
    return [*found, *filmed_ones], skipped


def simulated(net: GaitNet, tier: str, walkers: int, seed: int) -> list[Row]:
    """The rows on that many simulated walkers."""
    sets = filmed(walkers, seed)
    vectors = {name: np.stack([net.embed(f.silhouettes) for f in some]) for name, some in sets.items()}
    plain = {name: np.stack([statistics(f.silhouettes) for f in some]) for name, some in sets.items()}
    gallery, found = sets["gallery"], []
    for name, end, metric in (
        ("changed", "", "rank-1, other clothes"),
        ("same_clothes", ".same_clothes", "rank-1, same clothes"),
    ):
        scores, floor = vectors[name] @ vectors["gallery"].T, nearest(plain[name], plain["gallery"])
        for own in (False, True):
            what = "any heading" if own else "across headings"
            found += _rank(
                f"gait.rank1{end}{'.own_heading' if own else ''}",
                f"{metric}, {what}, simulated",
                hits(scores, sets[name], gallery, own_heading=own),
                hits(floor, sets[name], gallery, own_heading=own),
                net.model,
                tier,
                seed,
            )
    return [*found, *_pairs(vectors, plain, sets, net.model, tier, seed)]


def _rank(
    name: str,
    metric: str,
    mine: dict[int, list[float]],
    floor: dict[int, list[float]],
    model: str,
    tier: str,
    seed: int,
) -> list[Row]:
    each = [float(np.mean(v)) for v in mine.values()]
    base = [float(np.mean(floor[who])) for who in mine]
    low, high = bootstrap(each, seed)
    gain = [a - b for a, b in zip(each, base, strict=True)]
    gain_low, gain_high = bootstrap(gain, seed)
    n = sum(len(v) for v in mine.values())
    return [
        Row(name, metric, float(np.mean(each)), low, high, n, model, tier, float(np.mean(base))),
        Row(
            f"{name}.gain",
            f"{metric}: over the floor, paired",
            float(np.mean(gain)),
            gain_low,
            gain_high,
            n,
            model,
            tier,
            0.0,
        ),
    ]


def _pairs(
    vectors: dict[str, Array],
    plain: dict[str, Array],
    sets: dict[str, tuple[Filmed, ...]],
    model: str,
    tier: str,
    seed: int,
) -> list[Row]:
    """False and true accepts at the shipped threshold, per probe walker."""
    limits = thresholds()
    probes, gallery = sets["changed"], sets["gallery"]
    scores = vectors["changed"] @ vectors["gallery"].T
    same = np.array([p.who for p in probes])[:, None] == np.array([g.who for g in gallery])[None]
    who = np.array([p.who for p in probes])
    walkers = np.unique(who)
    false = [float((scores >= limits.match)[who == w][~same[who == w]].mean()) for w in walkers]
    true = [float((scores >= limits.match)[who == w][same[who == w]].mean()) for w in walkers]
    turned = [float((scores < limits.stranger)[who == w][same[who == w]].mean()) for w in walkers]
    floor = nearest(plain["changed"], plain["gallery"])
    # the floor at the same share of false accepts as the network has here
    cut = float(np.quantile(floor[~same], 1 - float(np.mean(false))))
    floor_true = float((floor[same] > cut).mean())
    found = []
    for name, metric, values, n, base in (
        ("gait.far", f"strangers over the threshold {limits.match:g}, simulated", false, int((~same).sum()), 0.0),
        ("gait.tpr", "same walker over it, other clothes, simulated", true, int(same.sum()), floor_true),
        ("gait.frr", "same walker called a stranger, other clothes, simulated", turned, int(same.sum()), 1.0),
    ):
        low, high = bootstrap(values, seed)
        found.append(Row(name, metric, float(np.mean(values)), low, high, n, model, tier, base))
    return found


def real_walks(path: Path, objects: ObjectsAnalyzer, least: int) -> list[tuple[int, Walk]]:
    """(segment, walk) of a clip, looked at as ingest does."""
    reader = open_media(path)
    info = reader.info
    found: list[tuple[int, Walk]] = []
    segment = -1
    stretch, analysis, gate = Stretch(), objects.start(_shape(path, 0, info.width, info.height)), MotionGate()
    for frame in reader.read([k / SAMPLE_FPS for k in range(int(info.duration * SAMPLE_FPS - 1e-9) + 1)]):
        if int(frame.t / SEGMENT_SECONDS) != segment:
            found += [(segment, walk) for walk in stretch.walks(least)]
            segment = int(frame.t / SEGMENT_SECONDS)
            stretch, gate = Stretch(), MotionGate()
            analysis = objects.start(_shape(path, segment, info.width, info.height))
        motion, still = gate.look(frame)
        stretch.see(frame, analysis.see(frame, Shared(motion, still)), still=still)
    return found + [(segment, walk) for walk in stretch.walks(least)]


def _shape(path: Path, index: int, width: int, height: int) -> SegmentInfo:
    start = index * SEGMENT_SECONDS
    return SegmentInfo(path.name, path, index, start, start + SEGMENT_SECONDS, width, height, SAMPLE_FPS)


def real(net: GaitNet, data: Path, weights: Weights, quick: bool, seed: int) -> tuple[list[Row], list[str]]:
    """The rows on real clips, and what was skipped."""
    objects = ObjectsAnalyzer(weights)
    skipped: list[str] = []
    found: list[tuple[str, int, Walk]] = []
    for name in CLIPS[:1] if quick else CLIPS:
        if not (data / name).is_file():
            skipped.append(f"gait.real.*.{Path(name).stem}: no {name} in {data}")
            continue
        try:
            found += [(name, segment, walk) for segment, walk in real_walks(data / name, objects, LEAST_GOOD)]
        except MediaFault as error:
            skipped.append(f"gait.real.*.{Path(name).stem}: {error}")
    long = [walk for _, _, walk in found if len(walk.times) >= 2 * LEAST_HALF]
    if len(long) < 2:
        return [], [
            *skipped,
            f"gait.real.halves in tier {weights.tier}: 2 long walks are needed, {len(long)} found",
        ]
    halves = [(w.silhouettes[: len(w.times) // 2], w.silhouettes[len(w.times) // 2 :]) for w in long]
    first, second = (np.stack([net.embed(h[k]) for h in halves]) for k in (0, 1))
    plain_first, plain_second = (np.stack([statistics(h[k]) for h in halves]) for k in (0, 1))
    right = (second @ first.T).argmax(1) == np.arange(len(halves))
    base = nearest(plain_second, plain_first).argmax(1) == np.arange(len(halves))
    result = _rank(
        "gait.real.halves.rank1",
        "rank-1, second half of a real walk among first halves",
        {i: [float(v)] for i, v in enumerate(right)},
        {i: [float(v)] for i, v in enumerate(base)},
        net.model,
        weights.tier,
        seed,
    )
    return [*result, *_real_pairs(net, found, first, second, weights.tier, seed)], skipped


def _real_pairs(
    net: GaitNet, found: Sequence[tuple[str, int, Walk]], first: Array, second: Array, tier: str, seed: int
) -> list[Row]:
    """Real pairs over the threshold: walks that were seen at the same time, and halves of one walk."""
    limits = thresholds()
    vectors = [net.embed(walk.silhouettes) for _, _, walk in found]
    strangers = [
        float(vectors[i] @ vectors[j] >= limits.match)
        for i, (clip, segment, a) in enumerate(found)
        for j, (other, part, b) in enumerate(found[:i])
        if clip == other and segment == part and a.times[0] <= b.times[-1] and b.times[0] <= a.times[-1]
    ]
    same = (np.einsum("nd,nd->n", first, second) >= limits.match).astype(float).tolist()
    made = []
    for name, metric, values, base in (
        ("gait.real.far", "real walks at the same time over the threshold", strangers, 0.0),
        ("gait.real.tpr", "halves of a real walk over the threshold", same, 0.0),
    ):
        if values:
            low, high = bootstrap(values, seed)
            made.append(Row(name, metric, float(np.mean(values)), low, high, len(values), net.model, tier, base))
    return made


def main() -> None:
    """``python -m viot_tools.bench.gait --data DIR``."""
    import argparse

    from rich.console import Console

    from viot_agent.bench.report import Report

    parser = argparse.ArgumentParser(description="How well walkers are told apart, in the tier in force.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    weights = Weights.from_env()
    found, skipped = rows(arguments.data, weights, arguments.quick, arguments.seed)
    command = f"python -m viot_tools.bench.gait --data {arguments.data}" + (" --quick" if arguments.quick else "")
    Report(tuple(found), tuple(skipped), command).print(Console(width=180))


if __name__ == "__main__":
    main()
