"""Which walks of a camera are compared, which people cannot be, and whether enough was looked at for a *no*.

Owns the reading of rows and the grouping of one person's tracks over segments. Knows no words of the answer but the
reasons why a *no* cannot be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.api import Library
from viot_agent.library.rows import Hit, Track
from viot_tools.covered import recorded
from viot_tools.faces.looked import ENOUGH, Local, Looked, percent, quoted, span_words
from viot_tools.gait.analyzer import silhouettes_of
from viot_tools.gait.net import Thresholds
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import MODEL_OF_TIER

ANALYZER = "gait"
Answer = Literal["match", "cannot_tell", "stranger"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One walk on one camera (a chain of tracks over segments) compared with the one asked about. ``score`` the
    cosine, ``silhouettes`` those that its vector rests on; ``start``/``end`` POSIX seconds inside the window."""

    camera: str
    tracks: tuple[Track, ...]
    start: float
    end: float
    score: float
    silhouettes: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Found:
    """What one camera gave: the walks, and how many people were seen who did not walk long and plainly enough."""

    looked: Looked
    seen: tuple[Seen, ...]
    incomparable: int


def compare(
    library: Library, looked: Looked, model: str, query: NDArray[np.float32], limits: Thresholds, detector: str
) -> Found:
    """Compare every stored walk of a camera's window with ``query`` (D,) of length 1.

    ``detector`` is the model whose tracks stand for the people that were seen; where it did not look, all tracks do.
    """
    name, window = looked.camera.name, looked.window
    tracks = library.tracks("person", [name], window.start, window.end)
    by_id = {track.id: track for track in tracks}
    by_chain: dict[int, list[tuple[Track, Hit]]] = {}
    for hit in library.vectors(model, [name], window.start, window.end):
        track = by_id.get(hit.track)
        if track is not None and hit.vector is not None:
            by_chain.setdefault(track.chain, []).append((track, hit))
    step = 0.5 / looked.coverage.sampled_fps if looked.coverage.sampled_fps > 0 else 0.0
    seen = [_seen(pairs, query, limits, window, step) for pairs in by_chain.values()]
    seen.sort(key=lambda s: (s.start, s.tracks[0].id))
    people = [track for track in tracks if track.model == detector] or tracks
    boxes: dict[int, int] = {}
    best: dict[int, float] = {}
    for track in people:
        boxes[track.chain] = boxes.get(track.chain, 0) + len(track.ts)
        best[track.chain] = max(best.get(track.chain, 0.0), float(track.scores.max()))
    others = sum(chain not in by_chain and believed(n, best[chain]) for chain, n in boxes.items())
    return Found(looked, tuple(seen), others)


def _seen(
    pairs: Sequence[tuple[Track, Hit]], query: NDArray[np.float32], limits: Thresholds, window: Window, step: float
) -> Seen:
    vectors = np.stack([hit.vector for _, hit in pairs if hit.vector is not None]).astype(np.float32)
    weight = np.array([hit.quality for _, hit in pairs], np.float32)[:, None]
    mean = (vectors * weight).sum(0)
    score = float(mean @ query / max(float(np.linalg.norm(mean)), 1e-9))
    tracks = tuple(sorted((track for track, _ in pairs), key=lambda t: t.start))
    start, end = tracks[0].start, max(t.end for t in tracks) + step
    return Seen(
        camera=tracks[0].camera,
        tracks=tracks,
        start=start if window.start is None else max(start, window.start),
        end=end if window.end is None else min(end, window.end),
        score=score,
        silhouettes=sum(silhouettes_of(hit.quality) for _, hit in pairs),
        answer=judge(score, limits),
    )


def judge(score: float, limits: Thresholds) -> Answer:
    """Three-valued: see :class:`viot_tools.gait.net.Thresholds`."""
    if score >= limits.match:
        return "match"
    return "stranger" if score < limits.stranger else "cannot_tell"


def look(library: Library, camera: Camera, window: Window, now: float, model: str, local: Local) -> Looked:
    """What was looked at, and why it is not enough for a *no*: too little, or by a detector that misses people."""
    coverage = library.coverage(ANALYZER, [camera.name], window.start, window.end, model=model)
    name, index = camera.name, f"viot index {quoted(camera.name)}"
    spans = library.spans(name)
    if coverage.indexed_seconds <= 0:
        if library.coverage(ANALYZER, [name], None, None, model=model).indexed_seconds <= 0:
            return Looked(camera, window, coverage, f"{name} is not indexed for gait", f"run {index}")
        if recorded(library, camera, window, now):
            return Looked(camera, window, coverage, f"{name} is not indexed for gait at that time", f"run {index}")
        said = f" and none for {window.phrase!r}" if window.phrase else ""
        return Looked(camera, window, coverage, f"{name} has footage {_has(spans, camera, local)}{said}", "")
    if coverage.fraction < ENOUGH:
        share = percent(coverage.fraction)
        problem = f"only {share} of the footage of {name} for that time is indexed for gait"
        return Looked(camera, window, coverage, problem, f"run {index}")
    if window.start is not None:
        asked = (now if window.end is None else min(window.end, now)) - window.start
        if asked > 0 and coverage.indexed_seconds < ENOUGH * asked:
            share = percent(coverage.indexed_seconds / asked)
            has = _has(spans, camera, local)
            return Looked(
                camera, window, coverage, f"{name} has footage {has}, which is {share} of the time asked about", ""
            )
    weak, able = MODEL_OF_TIER["builtin"], MODEL_OF_TIER["hub"]
    found_by = [library.coverage("objects", [name], window.start, window.end, model=m) for m in (weak, able)]
    if found_by[0].indexed_seconds > 0 and found_by[1].fraction < ENOUGH:
        problem = f"the people on {name} were found by {weak}, which misses those who are cut off or far away"
        return Looked(camera, window, coverage, problem, f"viot models pull, then {index}")
    return Looked(camera, window, coverage, "", "")


def _has(spans: Sequence[tuple[float, float]], camera: Camera, local: Local) -> str:
    return span_words(min(a for a, _ in spans), max(b for _, b in spans), camera, local)
