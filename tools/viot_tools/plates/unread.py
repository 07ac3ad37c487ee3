"""Vehicles that were seen and of which no plate was read: each of them may carry the plate that is asked for.

A plate belongs to the vehicle in whose box it was read. Vehicles come from the rows of the analyzer ``objects``; where
its detector tells none (the builtin tier), none are found here. Owns this joining. Makes no sentences.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import PlateRead, Track
from viot_agent.toolbox.contract import ToolContext
from viot_tools.covered import covered
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import MODEL_OF_TIER

CARRIERS: Final = frozenset({"car", "bus", "truck", "motorcycle"})
"""Labels of what carries plates."""
CLOCK = 0.5
"""Seconds by which the box of a vehicle and a reading in it may be apart."""
ROUND = 0.1
"""Share of a vehicle's box by which a plate may lie outside of it."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle on one camera, from ``start`` to ``end`` (POSIX seconds) inside the window that was asked for."""

    camera: Camera
    tracks: tuple[Track, ...]
    start: float
    end: float

    @property
    def widest(self) -> tuple[float, Track, int]:
        """(pixels, track, index in it) of its largest box."""
        each = [(t.boxes[:, 2] - t.boxes[:, 0], t) for t in self.tracks]
        wide, track = max(((w, t) for w, t in each), key=lambda p: float(p[0].max()))
        return float(wide.max()), track, int(wide.argmax())


def unread(ctx: ToolContext, camera: Camera, window: Window, plates: str | None) -> list[Vehicle]:
    """The vehicles of one camera in the window without a reading by the model ``plates``, in order of first sight."""
    library, name = ctx.library, camera.name
    model = covered(ctx, camera, window, "objects", "vehicles", MODEL_OF_TIER[ctx.weights.tier]).model
    chains: dict[int, list[Track]] = {}
    for track in library.tracks("vehicle", [name], window.start, window.end, model=model) if model else []:
        if track.label in CARRIERS:
            chains.setdefault(track.chain, []).append(track)
    real = [
        chain
        for chain in chains.values()
        if believed(sum(len(t.ts) for t in chain), max(float(t.scores.max()) for t in chain))
    ]
    if not real:
        return []
    first, last = min(t.start for chain in real for t in chain), max(t.end for chain in real for t in chain)
    # a reading just outside of the window is of the same vehicle
    reads = sorted(library.plates([name], first - CLOCK, last + CLOCK, model=plates), key=lambda r: r.ts)
    found = []
    for chain in real:
        if not any(_carries(track, reads) for track in chain):
            start, end = min(t.start for t in chain), max(t.end for t in chain)
            low = start if window.start is None else max(start, window.start)
            high = end if window.end is None else min(end, window.end)
            found.append(Vehicle(camera, tuple(chain), low, max(low, high)))
    return sorted(found, key=lambda v: (v.start, v.tracks[0].id))


def _carries(track: Track, reads: Sequence[PlateRead]) -> bool:
    """Whether any of ``reads``, which rise in time, lies in the vehicle's box of that moment."""
    a = bisect.bisect_left(reads, track.start - CLOCK, key=lambda r: r.ts)
    b = bisect.bisect_right(reads, track.end + CLOCK, key=lambda r: r.ts)
    for read in reads[a:b]:
        i = int(np.abs(track.ts - read.ts).argmin())
        if abs(float(track.ts[i]) - read.ts) > CLOCK:
            continue
        x0, y0, x1, y1 = (float(v) for v in track.boxes[i])
        dx, dy = ROUND * (x1 - x0), ROUND * (y1 - y0)
        x, y = (read.xyxy[0] + read.xyxy[2]) / 2, (read.xyxy[1] + read.xyxy[3]) / 2
        if x0 - dx <= x <= x1 + dx and y0 - dy <= y <= y1 + dy:
            return True
    return False
