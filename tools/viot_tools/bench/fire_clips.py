"""Fire and smoke in clips: which raise an alarm, going the way of ingest (5 frames a second, motion gate, segments).

Owns ``fire.clips.*`` and the floor's look at a clip; what the rows mean is said in ``fire``. Knows no table layout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from viot_agent.bench.report import Row
from viot_agent.errors import MediaFault
from viot_agent.library.motion import MotionGate
from viot_agent.library.rows import Event, EventRow, SegmentInfo, Shared
from viot_agent.media.readers import open_media
from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.bench.fire_floor import FLOOR, Score, flame_coloured, logit, supplied_score
from viot_tools.fire.analyzer import FireAnalyzer
from viot_tools.fire.border import across, edge_kind
from viot_tools.fire.model import FireMap
from viot_tools.fire.names import KINDS

CLIPS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".264"})
SAMPLE_FPS = 5.0
SEGMENT_SECONDS = 30.0


class FloorLooker:
    """The floor in the place of our network: ``score`` (0..1) of a whole picture is its one cell; it knows no smoke."""

    model_version = "floor"

    def __init__(self, model: str, score: Score) -> None:
        self.model, self._score = model, score

    def look(self, image: Image) -> FireMap:
        """See :class:`viot_tools.fire.model.FireLooker`."""
        one = np.full((1, 1), logit(self._score(image)), np.float32)
        return FireMap(one, np.full((1, 1), -14, np.float32), image.shape[1], image.shape[0])


def floor_looker(weights: Weights) -> FloorLooker:
    """The supplied classifier where its file is there, else the rule "more than 1 % of the pixels flame-coloured"."""
    supplied = supplied_score(weights)
    if supplied is not None:
        return FloorLooker(FLOOR, supplied)
    return FloorLooker("flame colour", lambda image: 1.0 if flame_coloured(image) > 0.01 else 0.0)


def clip_rows(data: Path, weights: Weights, analyzer: FireAnalyzer, quick: bool) -> tuple[list[Row], list[str]]:
    """``fire.clips.*``; the floor goes the same way (vote, movement, segments) with its own look at each frame."""
    paths = [p for p in sorted((data / "videos").rglob("*")) if p.suffix.lower() in CLIPS]
    burning = [p for p in paths if p.parent.name == "fire"]
    quiet = [p for p in paths if p.parent.name != "fire"][:: 6 if quick else 1]
    skipped = [] if burning else [f"fire.clips.found: no clip in {data}/videos/fire"]
    if not quiet:
        skipped.append(f"fire.clips.false_alarms: no clip without fire in {data}/videos")
    floor = FireAnalyzer(weights, looker=floor_looker(weights))
    seen: dict[Path, list[list[EventRow]]] = {}
    for path in [*burning, *quiet]:
        try:
            seen[path] = events_of([analyzer, floor], path)
        except MediaFault as fault:
            skipped.append(f"fire.clips: {path.name} left out: {fault}")
    made = []

    def add(name: str, what: str, over: Sequence[Path], hit: Callable[[EventRow], bool]) -> None:
        names = [p for p in over if p in seen]
        if names:
            yes, base = ([any(hit(e) for e in seen[p][k]) for p in names] for k in (0, 1))
            low, high = wilson(sum(yes), len(yes))
            value, other = sum(yes) / len(yes), sum(base) / len(base)
            made.append(Row(name, what, value, low, high, len(yes), analyzer.model, weights.tier, other))

    add("fire.clips.found", "share of clips with fire that raise an alarm", burning, alarm)
    add("fire.clips.false_alarms", "share of clips without fire that raise one", quiet, alarm)
    add("fire.clips.unsure", "share of clips without fire told as cannot tell", quiet, lambda e: not alarm(e))
    skipped += [
        f"fire.clips.false_alarms: {p.name}: {e.kind} from {e.t0:.1f} to {e.t1:.1f} s, score {e.score:.2f}"
        for p in quiet
        if p in seen
        for e in seen[p][0]
        if alarm(e)
    ]
    return made, skipped


def alarm(event: EventRow) -> bool:
    """Whether the tool says *found* of it."""
    return bool(event.data["moves"])


def events_of(analyzers: Sequence[FireAnalyzer], clip: Path) -> list[list[EventRow]]:
    """For each analyzer the events that the tool would read of ``clip``: those of each segment, and those over their
    borders. Raises MediaFault."""
    reader = open_media(clip)
    info = reader.info
    grid = [k / SAMPLE_FPS for k in range(int(info.duration * SAMPLE_FPS) + 1) if k / SAMPLE_FPS < info.duration]
    shape = SegmentInfo(clip.name, clip, 0, 0.0, info.duration, info.width, info.height, SAMPLE_FPS)
    found: list[list[EventRow]] = [[] for _ in analyzers]
    running, gate, segment = [a.start(shape) for a in analyzers], MotionGate(), 0

    def close() -> None:
        for rows, analysis in zip(found, running, strict=True):
            rows += analysis.finish().events

    for t, frame in zip(grid, reader.read(grid), strict=True):
        if int(t / SEGMENT_SECONDS) != segment:
            close()
            running, gate, segment = [a.start(shape) for a in analyzers], MotionGate(), int(t / SEGMENT_SECONDS)
        motion, still = gate.look(frame)
        for analysis in running:
            analysis.see(frame, Shared(motion, still))
    close()
    return [_told(rows) for rows in found]


def wilson(yes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927)."""
    p = yes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _told(rows: Sequence[EventRow]) -> list[EventRow]:
    """The events among the rows, with those that only two segments together make."""
    told = [row for row in rows if row.kind in KINDS]
    for kind in KINDS:
        ends = [Event("", r.t0, r.t1, r.kind, r.score, r.data, "", "") for r in rows if r.kind == edge_kind(kind)]
        told += [EventRow(e.kind, e.start, e.end, e.score, e.data) for e in across(kind, ends)]
    return told
