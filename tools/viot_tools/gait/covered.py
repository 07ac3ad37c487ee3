"""Which walks of a camera are compared, which people cannot be, and whether enough was looked at for a *no*.

Owns what is read of the rows, and the reason why a *no* cannot be given that is gait's own. Knows no other words of the
answer.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.api import Library
from viot_agent.toolbox.contract import ToolContext
from viot_tools.chains import Chain, chains
from viot_tools.covered import ENOUGH, Covered, covered_by
from viot_tools.gait.analyzer import silhouettes_of
from viot_tools.gait.net import Thresholds
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import MODEL_OF_TIER

ANALYZER = "gait"
Answer = Literal["match", "cannot_tell", "stranger"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One walk on one camera (a chain of tracks over segments) compared with the one asked about. ``score`` the
    cosine, ``silhouettes`` those that its vector rests on; ``longest`` the id of its longest track; ``start``/``end``
    POSIX seconds inside the window."""

    camera: str
    longest: int
    start: float
    end: float
    score: float
    silhouettes: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Found:
    """What one camera gave: the walks, and how many people were seen who did not walk long and plainly enough."""

    looked: Covered
    seen: tuple[Seen, ...]
    incomparable: int


def compare(
    library: Library, looked: Covered, model: str, query: NDArray[np.float32], limits: Thresholds, detector: str
) -> Found:
    """Compare every stored walk of a camera's window with ``query`` (D,) of length 1.

    ``detector`` is the model whose tracks stand for the people that were seen; where it did not look, all tracks do.
    """
    name, window = looked.camera.name, looked.window
    step = 0.5 / looked.coverage.sampled_fps if looked.coverage.sampled_fps > 0 else 0.0
    seen: list[Seen] = []
    others = {True: 0, False: 0}  # people without a walk, by whether ``detector`` found them
    there = False
    for chain in chains(library, name, window.start, window.end, "person", model):
        mine = any(track.model == detector for track in chain.tracks)
        there = there or mine
        if chain.hits:
            seen.append(_seen(chain, query, limits, window, step))
        else:
            boxes, best = sum(len(t.ts) for t in chain.tracks), max(float(t.scores.max()) for t in chain.tracks)
            others[mine] += believed(boxes, best)
    seen.sort(key=lambda s: (s.start, s.longest))
    return Found(looked, tuple(seen), others[True] if there else others[False])


def _seen(chain: Chain, query: NDArray[np.float32], limits: Thresholds, window: Window, step: float) -> Seen:
    vectors = np.stack([hit.vector for hit in chain.hits if hit.vector is not None]).astype(np.float32)
    weight = np.array([hit.quality for hit in chain.hits], np.float32)[:, None]
    mean = (vectors * weight).sum(0)
    score = float(mean @ query / max(float(np.linalg.norm(mean)), 1e-9))
    walked = [t for t in chain.tracks if any(h.track == t.id for h in chain.hits)]
    start, end = walked[0].start, max(t.end for t in walked) + step
    return Seen(
        camera=walked[0].camera,
        longest=max(walked, key=lambda t: (len(t.ts), -t.id)).id,
        start=start if window.start is None else max(start, window.start),
        end=end if window.end is None else min(end, window.end),
        score=score,
        silhouettes=sum(silhouettes_of(hit.quality) for hit in chain.hits),
        answer=judge(score, limits),
    )


def judge(score: float, limits: Thresholds) -> Answer:
    """Three-valued: see :class:`viot_tools.gait.net.Thresholds`."""
    if score >= limits.match:
        return "match"
    return "stranger" if score < limits.stranger else "cannot_tell"


def look(ctx: ToolContext, camera: Camera, window: Window, model: str) -> Covered:
    """What was looked at, and why it is not enough for a *no*: too little, or by a detector that misses people."""
    entry = covered_by(ctx, camera, window, ANALYZER, "walks", model)
    if entry.problem:
        return entry
    name, weak, able = camera.name, MODEL_OF_TIER["builtin"], MODEL_OF_TIER["hub"]
    by_weak, by_able = (
        ctx.library.coverage("objects", [name], window.start, window.end, model=m) for m in (weak, able)
    )
    if by_weak.indexed_seconds <= 0 or by_able.fraction >= ENOUGH:
        return entry
    misses = f"the people on {name} were found by {weak}, which misses those who are cut off or far away"
    return replace(entry, problem=f"{misses}: viot models pull, then viot index {shlex.quote(name)}")
