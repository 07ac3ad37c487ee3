"""From stored tracks and vectors to who was where: the people (or vehicles) of a window, and when a right one was seen.

Tracks of one chain (a thing that crosses a border between segments) are one *subject* with one look. Footage is read in
turns, and only of those who are like enough to matter is anything kept: weeks of a busy camera fit in memory. Owns
merging. Knows no thresholds but the time that is bridged, and no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.api import Library
from viot_agent.library.rows import Hit, Vector
from viot_tools.chains import chains
from viot_tools.objects.counts import believed
from viot_tools.reid.embed import Vectors
from viot_tools.reid.identity import summary

BRIDGE = 2.0
"""Seconds between two sightings on one camera that are told as one: somebody was hidden for a moment."""
AT_ONCE = 0.5
"""Seconds that two must be in view together to be surely two."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One thing followed on one camera. ``score``: cosine of its look to the one asked for; ``start``/``end`` POSIX
    seconds, inside the window; ``best`` its best picture (without the vector); ``track`` the id of that one's track."""

    camera: str
    score: float
    start: float
    end: float
    best: Hit

    @property
    def track(self) -> int:
        """The track that the best picture is of."""
        return self.best.track


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What a camera's window holds: the cosine of everything ``compared`` (N,), the ``subjects`` among them that are
    alike enough, and how many could not be compared (small, brief)."""

    subjects: tuple[Subject, ...]
    compared: NDArray[np.float64]
    without: int


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """A stretch of time on one camera; ``best`` the surest subject of it, ``score`` its cosine."""

    camera: str
    start: float
    end: float
    best: Subject
    score: float


def crowd(
    library: Library,
    camera: str,
    start: float | None,
    end: float | None,
    search: tuple[str, str, str],
    query: Vectors,
    least: float,
) -> Crowd:
    """Everybody on ``camera`` in the window, compared with ``query`` (D,); under the cosine ``least`` only counted.

    ``search``: the kind of track, the model of the looks, the detector whose tracks are compared.
    """
    kind, model, objects = search
    found: list[Subject] = []
    compared: list[float] = []
    without = 0
    for chain in chains(library, camera, start, end, kind, model, followed_by=objects):
        tracks, hits = chain.tracks, chain.hits
        vectors: list[Vector] = [h.vector for h in hits if h.vector is not None]
        if not vectors:
            boxes, best = sum(len(t.ts) for t in tracks), max(float(t.scores.max()) for t in tracks)
            without += believed(boxes, best)
            continue
        score = float(summary(vectors, [h.quality for h in hits]) @ query)
        compared.append(score)
        if score < least:
            continue
        low, high = min(t.start for t in tracks), max(t.end for t in tracks)
        low, high = low if start is None else max(low, start), high if end is None else min(high, end)
        shown = replace(max(hits, key=lambda h: h.quality), vector=None)
        found.append(Subject(camera, score, low, max(low, high), shown))
    return Crowd(tuple(sorted(found, key=lambda s: (s.start, s.track))), np.array(compared, np.float64), without)


def beside(a: Subject, b: Subject) -> bool:
    """Seen together on one camera, hence two."""
    return a.camera == b.camera and min(a.end, b.end) - max(a.start, b.start) > AT_ONCE


def appearances(found: Sequence[Subject]) -> list[Appearance]:
    """Merge subjects per camera, bridging gaps; by camera in the order of first sight, then time."""
    cameras = list(dict.fromkeys(s.camera for s in found))
    out: list[Appearance] = []
    for subject in sorted(found, key=lambda s: (cameras.index(s.camera), s.start)):
        last = out[-1] if out else None
        if last is not None and last.camera == subject.camera and subject.start - last.end <= BRIDGE:
            best = subject if subject.score > last.score else last.best
            out[-1] = Appearance(last.camera, last.start, max(last.end, subject.end), best, best.score)
        else:
            out.append(Appearance(subject.camera, subject.start, subject.end, subject, subject.score))
    return out
