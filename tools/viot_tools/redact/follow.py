"""Things to hide, followed through a video, so that none of them shows for a frame in between.

The file is read once for this before anything is drawn: what is hidden looks ahead as well as back. A track is hidden
from ``LEAD`` seconds before it was first found to ``LEAD`` after it was last found, and through every gap; where it was
not found its box lies on a line between its neighbours in time, and grows with the time from the nearest find. Boxes
are the hulls of their neighbours in time, smoothed, and never smaller than what was found. Owns tracks and their boxes.
Draws nothing and names nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image, Reader
from viot_tools.faces.detect import Face
from viot_tools.faces.tracking import CutDetector, FaceTracker, affinity

RATE = 12.5
"""Frames a second at which things are looked for."""
LEAD = 0.5
"""Seconds before the first and after the last find within which a track is hidden too."""
BRIDGE = 2.0
"""Seconds for which something may be lost, to be found again near its old place, and stay hidden meanwhile."""
FEW = 3
"""Finds from which something is believed to be there, however unsure each was."""
_HULL, _NEAR = 0.13, 0.16
"""Seconds: reach of the hull over neighbours, and deviation of the smoothing."""
_GROWS = 0.6
"""Share of its size by which a box grows in a second without a find."""

Look = Callable[[Image], list[Face]]
Seen = Callable[["Track", float, Face, Image], None]
"""Hears of every find of a track, at once: the picture is not kept."""


@dataclass(slots=True)
class Track:
    """One thing through one shot, which runs from ``start`` to ``end`` seconds. ``ts`` ascending, ``raw`` the boxes
    found then, ``scores`` of the detector; ``pieces``: where in ``ts`` an unbroken chain of overlapping boxes begins
    (who is seen may change between two pieces, not within one)."""

    start: float
    end: float
    step: float
    ts: list[float] = field(default_factory=list)
    raw: list[XYXY] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    _steady: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def add(self, t: float, box: XYXY, score: float) -> None:
        """One more find."""
        whole = bool(self.ts) and t - self.ts[-1] <= 2.5 * self.step and affinity(self.raw[-1], box) > 1.0
        if not whole:
            self.pieces.append(len(self.ts))
        self.ts.append(t)
        self.raw.append(box)
        self.scores.append(score)

    @property
    def first(self) -> float:
        """Second from which it is hidden."""
        return max(self.start, self.ts[0] - LEAD)

    @property
    def last(self) -> float:
        """Second to which it is hidden."""
        return min(self.end, self.ts[-1] + LEAD + self.step)

    def believed(self, sure: float) -> bool:
        """Whether anything is there at all, by a detector that is ``sure`` from that score on."""
        return max(self.scores) >= sure or len(self.ts) >= FEW

    def at(self, t: float) -> XYXY | None:
        """The box to hide at ``t`` seconds, None before and after."""
        if not self.first <= t <= self.last:
            return None
        if self._steady is None:
            at = np.asarray(self.ts)
            self._steady = at, steady(at, np.asarray(self.raw))
        ts, boxes = self._steady
        box = np.array([np.interp(t, ts, column) for column in boxes.T])
        if t < ts[0] or t > ts[-1]:
            box = _hull(box, box + _drift(ts, np.asarray(self.raw), t))
        away = float(np.abs(ts - t).min()) - self.step / 2
        grown = _GROWS * max(0.0, away) / 2
        w, h = box[2] - box[0], box[3] - box[1]
        x0, y0, x1, y1 = box + np.array([-w, -h, w, h]) * grown
        return float(x0), float(y0), float(x1), float(y1)


def follow(
    reader: Reader,
    times: Sequence[float],
    look: Look,
    *,
    sure: float,
    seen: Seen | None = None,
    rate: float = RATE,
    said: Callable[[float], None] | None = None,
) -> list[Track]:
    """The things that ``look`` finds in a video, in order of appearance. ``times``: seconds of all its frames; ``said``
    hears how far it is, 0..1. Raises what the reader and ``look`` raise."""
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    fps = (len(times) - 1) / span if span > 0 else rate
    stride = max(1, round(fps / rate))
    step = stride / fps
    tracker, cuts = FaceTracker(), CutDetector()
    live: dict[int, Track] = {}
    tracks: list[Track] = []
    shot = times[0] if times else 0.0
    for i, frame in enumerate(reader.read(times)):
        t = times[i]
        fresh = cuts.see(frame.image)
        if fresh:
            tracker.end()
            for track in tracks:
                if track.start == shot:
                    track.end = min(track.end, t - 1e-4)
            live.clear()
            shot = t
        if said is not None:
            said((i + 1) / len(times))
        if i % stride and not fresh and i != len(times) - 1:
            continue
        pairs, _ = tracker.update(t, look(frame.image))
        here = [live[trail.number] for trail, _ in pairs if trail.number in live]
        for trail, face in pairs:
            if trail.number not in live:
                back = _back([x for x in tracks if x.start == shot], here, face.xyxy, t)
                live[trail.number] = back or Track(shot, float("inf"), step)
                if back is None:
                    tracks.append(live[trail.number])
                here.append(live[trail.number])
            live[trail.number].add(t, face.xyxy, face.score)
            if seen is not None:
                seen(live[trail.number], t, face, frame.image)
    few = len(times) <= FEW * stride
    return [track for track in tracks if few or track.believed(sure)]


def _back(tracks: Sequence[Track], here: Sequence[Track], box: XYXY, t: float) -> Track | None:
    """The track that was near this place a moment ago in this shot, and is not seen elsewhere now."""
    gone = [x for x in tracks if all(x is not h for h in here) and 0 < t - x.ts[-1] <= BRIDGE]
    chances = [(affinity(x.raw[-1], box), x.ts[-1], i) for i, x in enumerate(gone)]
    best = max(chances, default=(0.0, 0.0, -1))
    return gone[best[2]] if best[0] > 0 else None


def steady(ts: NDArray[np.float64], raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4): boxes ``raw`` found at ``ts`` (N,) seconds, each as the hull of its neighbours, smoothed over time, and
    never smaller than itself."""
    apart = np.abs(ts[:, None] - ts[None])
    out = np.empty_like(raw)
    for i in range(len(ts)):
        near = raw[apart[i] <= _HULL]
        out[i, :2], out[i, 2:] = near[:, :2].min(axis=0), near[:, 2:].max(axis=0)
    weights = np.exp(-((apart / _NEAR) ** 2) / 2)
    smooth = weights @ out / weights.sum(axis=1, keepdims=True)
    return np.concatenate([np.minimum(smooth[:, :2], raw[:, :2]), np.maximum(smooth[:, 2:], raw[:, 2:])], axis=1)


def _drift(ts: NDArray[np.float64], raw: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """(4,): how far it has gone by ``t``, before the first or after the last find, at the speed it had there; at most
    by its own size."""
    if len(ts) < 2:
        return np.zeros(4)
    near = ts <= ts[0] + 0.4 if t < ts[0] else ts >= ts[-1] - 0.4
    if near.sum() < 2:
        return np.zeros(4)
    at, middle = ts[near], (raw[near, :2] + raw[near, 2:]) / 2
    speed = (middle[-1] - middle[0]) / (at[-1] - at[0])
    edge = ts[0] if t < ts[0] else ts[-1]
    size = float(np.hypot(*(raw[near][0, 2:] - raw[near][0, :2])))
    way = speed * (t - edge)
    long = float(np.hypot(*way))
    return np.tile(way if long <= size else way * size / long, 2)


def _hull(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def pieces(track: Track) -> Iterator[tuple[int, int]]:
    """The half-open ranges of ``track.ts`` that are unbroken."""
    ends = [*track.pieces[1:], len(track.ts)]
    yield from zip(track.pieces, ends, strict=True)
