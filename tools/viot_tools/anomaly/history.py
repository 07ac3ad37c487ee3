"""A camera's seconds from the library: what each did, how many people were in view, and who was there when asked.

Owns the reading of rows and the joining of sources by time. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.fleet.types import Window
from viot_agent.library.api import Library
from viot_agent.library.rows import Track
from viot_tools.anomaly.analyzer import KIND
from viot_tools.anomaly.judge import GUARD
from viot_tools.anomaly.measure import CELLS, COLUMNS, ROWS, Seconds, unpack
from viot_tools.anomaly.normal import Floats, Watched
from viot_tools.anomaly.rules import straight
from viot_tools.covered import Covered
from viot_tools.objects.detections import PERSON
from viot_tools.recent import stretches_looked_at

LONGEST: Final = 6 * 3600.0
"""Seconds on either side of the window in which history is looked for: what is usual changes with the day."""
MOST_HISTORY: Final = 3600.0
"""Seconds of footage that a part is compared with at most, the nearest ones. A second takes 6 kB, and 30 kB while its
look is learnt: with this and ``PART`` judging takes some 200 MB, however long the footage is."""
PART: Final = 1800.0
"""Seconds of a window that are judged at once."""
EDGE: Final = 10.0
"""Seconds beyond a part that a rule may need to see what begins in it."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class History:
    """N seconds of one camera as ``watched``, ``asked`` (N,) those of the part; ``near`` (N,) those of the window
    within ``EDGE`` of it, and the tracks there."""

    watched: Watched
    asked: NDArray[np.bool_]
    near: NDArray[np.bool_]
    persons: tuple[Track, ...]
    vehicles: tuple[Track, ...]

    @property
    def most_history(self) -> int:
        """The most seconds that any asked second can be compared with."""
        if not self.asked.any():
            return 0
        outside = int((~self.asked).sum())
        t, asked = self.watched.seconds.t, self.watched.seconds.t[self.asked]
        alone = max(int((np.abs(t - a) > GUARD).sum()) for a in (asked[0], asked[-1]))
        return max(outside, alone)


class Histories:
    """The window of ``looked`` in parts, each with the history around it; one part is in memory at a time."""

    def __init__(self, library: Library, looked: Covered) -> None:
        self._library, self._looked = library, looked
        self.objects = _objects_model(library, looked)
        name, window = looked.camera.name, looked.window
        low = None if window.start is None else window.start - LONGEST
        high = None if window.end is None else window.end + LONGEST
        models = {} if looked.model is None else {"model": looked.model}
        wide = replace(looked, window=Window(low, high), coverage=library.coverage(KIND, [name], low, high, **models))
        spans = library.spans(name)
        self._around = stretches_looked_at(spans, wide)
        self.parts = parts(stretches_looked_at(spans, looked), window)

    def of(self, part: Span) -> History:
        """The seconds of one part and the nearest ``MOST_HISTORY`` seconds around it."""
        name, (start, end) = self._looked.camera.name, part
        first, last = reach(self._around, part, MOST_HISTORY)
        events = [e for e in self._library.events(KIND, [name], first, last) if self._looked.model in (None, e.model)]
        packed = [unpack(str(e.data["packed"]), [float(s) for s in e.data["starts"]], e.start) for e in events]
        seconds = Seconds.joined(packed)
        t, window = seconds.t, self._looked.window
        inside = (t >= _low(window)) & (t < _high(window))
        if len(t):
            first, last = float(t[0]) - 1, float(t[-1]) + 1
        persons = self._library.tracks(PERSON, [name], first, last, model=self.objects)
        vehicles = self._library.tracks("vehicle", [name], first, last, model=self.objects)
        size = events[0].data["size"] if events else (1, 1)
        watched = Watched(
            seconds,
            _people(self._library, name, self.objects, seconds),
            paces([*persons, *vehicles], seconds),
            cells_under([*persons, *vehicles], seconds, (float(size[0]), float(size[1]))),
        )
        low, high = start - EDGE, end + EDGE
        return History(
            watched,
            (t >= start) & (t < end),
            inside & (t >= low) & (t < high),
            tuple(p for p in persons if p.start < high and p.end >= low),
            tuple(v for v in vehicles if v.start < high and v.end >= low),
        )


def parts(stretches: Sequence[Span], window: Window) -> list[Span]:
    """The window cut where more than ``PART`` seconds have gone by since the footage of a part began."""
    cuts: list[float] = []
    at = stretches[0][0] + PART if stretches else np.inf
    for a, b in stretches:
        while b > at:
            cuts.append(max(a, at))
            at = cuts[-1] + PART
    return list(pairwise([_low(window), *cuts, _high(window)]))


def reach(around: Sequence[Span], part: Span, most: float) -> Span:
    """From when to when to read so that ``part`` comes with the nearest ``most`` seconds of the footage ``around``."""
    if not around:
        return part
    first, last = around[0][0], around[-1][1]
    start, end = max(part[0], first), min(part[1], last)

    def footage(r: float) -> float:
        return sum(max(0.0, min(b, end + r) - max(a, start - r)) for a, b in around)

    far, near = max(start - first, last - end, 0.0), 0.0
    if footage(far) - footage(0.0) > most:
        while far - near > 1.0:
            r = (near + far) / 2
            near, far = (r, far) if footage(r) - footage(0.0) <= most else (near, r)
        far = near
    # a second's middle may lie behind the last frame
    return max(start - far, first) - 1, min(end + far, last) + 1


def _low(window: Window) -> float:
    return -np.inf if window.start is None else window.start


def _high(window: Window) -> float:
    return np.inf if window.end is None else window.end


def paces(tracks: Sequence[Track], seconds: Seconds) -> Floats:
    """(N,) own heights a second of the fastest followed box in each second: end to end over half a second or more, the
    foot of the box followed; 0 where nothing was."""
    found = np.zeros(len(seconds))
    for track in tracks:
        foot = np.stack([(track.boxes[:, 0] + track.boxes[:, 2]) / 2, track.boxes[:, 3]], 1)
        height = max(1.0, float(np.median(track.boxes[:, 3] - track.boxes[:, 1])))
        later, second = np.searchsorted(track.ts, track.ts + 0.5), np.searchsorted(seconds.t, track.ts - 0.25)
        for i, (t, j, n) in enumerate(zip(track.ts.tolist(), later.tolist(), second.tolist(), strict=True)):
            if j == len(track.ts) or j - i < 2 or track.ts[j] > t + 0.9:
                continue
            if n < len(found) and abs(seconds.t[n] - t) <= 1:
                speed = straight(foot[i : j + 1]) / (float(track.ts[j] - t) * height)
                found[n] = max(found[n], speed)
    return found


def cells_under(tracks: Sequence[Track], seconds: Seconds, size: tuple[float, float]) -> NDArray[np.bool_]:
    """(N, 96): the cells that a followed box touches within a second of it; ``size`` of the picture in pixels."""
    found = np.zeros((len(seconds), ROWS, COLUMNS), bool)
    scale = np.array([COLUMNS / size[0], ROWS / size[1]] * 2)
    for track in tracks:
        first, last = np.searchsorted(seconds.t, track.ts - 1.5), np.searchsorted(seconds.t, track.ts + 1.5)
        low = np.floor(np.clip(track.boxes[:, :2] * scale[:2], 0, None)).astype(int)
        # a box that lies left of or above the picture must not count from its far end
        high = np.ceil(np.clip(track.boxes[:, 2:] * scale[2:], 0, None)).astype(int)
        for i, ((x0, y0), (x1, y1)) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            found[first[i] : last[i], y0:y1, x0:x1] = True
    return found.reshape(len(seconds), CELLS)


def _objects_model(library: Library, looked: Covered) -> str | None:
    """The detector that covers most of the window."""
    models = library.models("objects", [looked.camera.name])
    start, end = looked.window.start, looked.window.end
    return max(
        models,
        key=lambda m: library.coverage("objects", [looked.camera.name], start, end, model=m).indexed_seconds,
        default=None,
    )


def _people(library: Library, name: str, model: str | None, seconds: Seconds) -> Floats:
    """(N,) the median number of people in view in each second; 0 where none was counted."""
    found = np.zeros(len(seconds))
    if model is None or not len(seconds):
        return found
    counts = library.counts(PERSON, [name], float(seconds.t[0]) - 1, float(seconds.t[-1]) + 1, model=model)
    ts, n = np.array([c.ts for c in counts]), np.array([c.n for c in counts])
    first, last = np.searchsorted(ts, seconds.t - 0.5), np.searchsorted(ts, seconds.t + 0.5)
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        if b > a:
            found[i] = float(np.median(n[a:b]))
    return found
