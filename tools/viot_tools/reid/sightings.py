"""From stored tracks and vectors to who was where: the people (or vehicles) of a window, and when a right one was seen.

Tracks of one chain (a thing that crosses a border between segments) are one *subject* with one look. Owns grouping and
merging. Knows no thresholds but the time that is bridged, and no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.library.api import Library
from viot_agent.library.rows import Hit, Track, Vector
from viot_tools.objects.counts import believed
from viot_tools.reid.embed import Vectors
from viot_tools.reid.identity import summary

BRIDGE = 2.0
"""Seconds between two sightings on one camera that are told as one: somebody was hidden for a moment."""
AT_ONCE = 0.5
"""Seconds that two must be in view together to be surely two."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One thing followed on one camera. ``look`` (D,) of all its pictures; ``start``/``end`` POSIX seconds, inside the
    window; ``hits`` its pictures' vectors, in time; ``tracks`` in time."""

    camera: str
    tracks: tuple[Track, ...]
    hits: tuple[Hit, ...]
    look: Vectors
    start: float
    end: float

    @property
    def best(self) -> Hit:
        """Its best picture."""
        return max(self.hits, key=lambda h: h.quality)


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What a camera's window holds: the ``subjects`` that can be compared, and how many cannot (small, brief)."""

    subjects: tuple[Subject, ...]
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
    library: Library, camera: str, start: float | None, end: float | None, kind: str, model: str, objects: str
) -> Crowd:
    """Everybody of ``kind`` on ``camera`` in the window: looks by ``model``, tracks that ``objects`` found."""
    tracks = library.tracks(kind, [camera], start, end, model=objects)
    if not tracks:
        return Crowd((), 0)
    # pictures just outside the window still tell who it is
    hits: dict[int, list[Hit]] = {}
    first, last = min(t.start for t in tracks), max(t.end for t in tracks) + 1e-3
    for hit in library.vectors(model, [camera], first, last):
        hits.setdefault(hit.track, []).append(hit)
    chains: dict[int, list[Track]] = {}
    for track in tracks:
        chains.setdefault(track.chain, []).append(track)
    found, without = [], 0
    for chain in chains.values():
        mine = sorted((h for t in chain for h in hits.get(t.id, ())), key=lambda h: h.ts)
        vectors: list[Vector] = [h.vector for h in mine if h.vector is not None]
        if not vectors:
            boxes, best = sum(len(t.ts) for t in chain), max(float(t.scores.max()) for t in chain)
            without += believed(boxes, best)
            continue
        low, high = min(t.start for t in chain), max(t.end for t in chain)
        low, high = low if start is None else max(low, start), high if end is None else min(high, end)
        look = summary(vectors, [h.quality for h in mine])
        found.append(Subject(camera, tuple(chain), tuple(mine), look, low, max(low, high)))
    return Crowd(tuple(sorted(found, key=lambda s: (s.start, s.tracks[0].id))), without)


def beside(a: Subject, b: Subject) -> bool:
    """Seen together on one camera, hence two."""
    return a.camera == b.camera and min(a.end, b.end) - max(a.start, b.start) > AT_ONCE


def appearances(found: Sequence[tuple[Subject, float]]) -> list[Appearance]:
    """Merge (subject, cosine) pairs per camera, bridging gaps; by camera in the order of first sight, then time."""
    cameras = list(dict.fromkeys(s.camera for s, _ in found))
    out: list[Appearance] = []
    for subject, score in sorted(found, key=lambda f: (cameras.index(f[0].camera), f[0].start)):
        last = out[-1] if out else None
        if last is not None and last.camera == subject.camera and subject.start - last.end <= BRIDGE:
            best, top = (subject, score) if score > last.score else (last.best, last.score)
            out[-1] = Appearance(last.camera, last.start, max(last.end, subject.end), best, top)
        else:
            out.append(Appearance(subject.camera, subject.start, subject.end, subject, score))
    return out
