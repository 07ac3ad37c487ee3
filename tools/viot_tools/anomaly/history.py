"""A camera's seconds from the library: what each did, how many people were in view, and who was there when asked.

Owns the reading of rows and the joining of sources by time. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

LONGEST: Final = 6 * 3600.0
"""Seconds of footage on either side of what is asked that count as history: what is usual changes with the day."""


@dataclass(frozen=True, slots=True)
class History:
    """N seconds of one camera as ``watched``, ``asked`` (N,) those of the window; and the tracks of the window."""

    watched: Watched
    asked: NDArray[np.bool_]
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


def history(library: Library, looked: Covered) -> History:
    """All that is known of the camera of ``looked`` around its window."""
    name, window = looked.camera.name, looked.window
    low = None if window.start is None else window.start - LONGEST
    high = None if window.end is None else window.end + LONGEST
    events = [e for e in library.events(KIND, [name], low, high) if looked.model in (None, e.model)]
    parts = [unpack(str(e.data["packed"]), [float(s) for s in e.data["starts"]], e.start) for e in events]
    seconds = Seconds.joined(parts)
    asked = np.ones(len(seconds), bool)
    if window.start is not None:
        asked &= seconds.t >= window.start
    if window.end is not None:
        asked &= seconds.t < window.end
    model = _objects_model(library, looked)
    first, last = (None, None) if not len(seconds) else (float(seconds.t[0]) - 1, float(seconds.t[-1]) + 1)
    persons = library.tracks(PERSON, [name], first, last, model=model)
    vehicles = library.tracks("vehicle", [name], first, last, model=model)
    size = events[0].data["size"] if events else (1, 1)
    watched = Watched(
        seconds,
        _people(library, name, model, seconds),
        paces([*persons, *vehicles], seconds),
        cells_under([*persons, *vehicles], seconds, (float(size[0]), float(size[1]))),
    )
    return History(watched, asked, _within(persons, window), _within(vehicles, window))


def _within(tracks: Sequence[Track], window: Window) -> tuple[Track, ...]:
    """Those that overlap the window."""
    low = -np.inf if window.start is None else window.start
    high = np.inf if window.end is None else window.end
    return tuple(t for t in tracks if t.start < high and t.end >= low)


def paces(tracks: Sequence[Track], seconds: Seconds) -> Floats:
    """(N,) own heights a second of the fastest followed box in each second: end to end over half a second or more, the
    foot of the box followed; 0 where nothing was."""
    found = np.zeros(len(seconds))
    for track in tracks:
        foot = np.stack([(track.boxes[:, 0] + track.boxes[:, 2]) / 2, track.boxes[:, 3]], 1)
        height = max(1.0, float(np.median(track.boxes[:, 3] - track.boxes[:, 1])))
        for i, t in enumerate(track.ts):
            later = np.flatnonzero((track.ts >= t + 0.5) & (track.ts <= t + 0.9))
            if len(later) == 0 or later[0] - i < 2:
                continue
            j = int(later[0])
            speed = straight(foot[i : j + 1]) / (float(track.ts[j] - t) * height)
            n = int(np.searchsorted(seconds.t, t - 0.25))
            if n < len(found) and abs(seconds.t[n] - t) <= 1:
                found[n] = max(found[n], speed)
    return found


def cells_under(tracks: Sequence[Track], seconds: Seconds, size: tuple[float, float]) -> NDArray[np.bool_]:
    """(N, 96): the cells that a followed box touches within a second of it; ``size`` of the picture in pixels."""
    found = np.zeros((len(seconds), ROWS, COLUMNS), bool)
    scale = np.array([COLUMNS / size[0], ROWS / size[1]] * 2)
    for track in tracks:
        for t, box in zip(track.ts, track.boxes * scale, strict=True):
            first, last = np.searchsorted(seconds.t, t - 1.5), np.searchsorted(seconds.t, t + 1.5)
            x0, y0 = np.floor(np.clip(box[:2], 0, None)).astype(int)
            x1, y1 = np.ceil(box[2:]).astype(int)
            found[first:last, y0:y1, x0:x1] = True
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
