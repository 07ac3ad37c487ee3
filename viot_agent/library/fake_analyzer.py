"""Two analyzers that need no model, and a picture for them: the fakes of the analyzer seam.

``FakeThings`` finds the bright square that ``moving_square`` paints and follows it; ``FakeLooks`` reads its results and
writes embeddings and plates on *its* tracks, as a recogniser does on a detector's. Both give the same rows on every
run. Owns nothing else. ``delay`` seconds a frame make them as slow as a test wants them.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from viot_agent.library.rows import (
    CountRow,
    CropRow,
    EventRow,
    PlateRow,
    Rows,
    SegmentInfo,
    Shared,
    TrackPoint,
    TrackRow,
    VectorRow,
)
from viot_agent.media.types import XYXY, Frame, Image

WIDTH, HEIGHT, SIDE = 64, 36, 12


def moving_square(t: float) -> Image:
    """(36, 64, 3): a white square of 12 pixels that goes round once in 40 seconds; it is away for the last ten."""
    image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    if t % 40 < 30:
        x = round((WIDTH - SIDE) * (0.5 + 0.5 * math.sin(2 * math.pi * t / 40)))
        y = round((HEIGHT - SIDE) * (0.5 + 0.5 * math.cos(2 * math.pi * t / 40)))
        image[y : y + SIDE, x : x + SIDE] = 250
    return image


@dataclass(slots=True)
class FakeThings:
    """Tracks, crops, counts and events of the square."""

    version: str = "1"
    model: str = "square"
    model_version: str = "1"
    name: str = "things"
    needs: tuple[str, ...] = ()
    summary: str = "finds the white square"
    delay: float = 0.0

    def start(self, segment: SegmentInfo) -> _Things:
        return _Things(self.delay, segment)


class _Things:
    def __init__(self, delay: float, segment: SegmentInfo) -> None:
        self._delay = delay
        self._segment = segment
        self._times: list[float] = []
        self._points: list[TrackPoint] = []

    def see(self, frame: Frame, shared: Shared) -> XYXY | None:
        time.sleep(self._delay)
        self._times.append(frame.t)
        y, x = np.nonzero(frame.image[:, :, 0] > 128)
        if not len(x):
            return None
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        self._points.append(TrackPoint(frame.t, box, 0.5 + 0.25 * (frame.index % 2)))
        return box

    def finish(self) -> Rows:
        seen = {p.t for p in self._points}
        counts = tuple(CountRow("person", t, float(t in seen)) for t in self._times)
        if not self._points:
            return Rows(counts=counts)
        first, last = self._points[0], self._points[-1]
        crop = CropRow("square", first.t, first.xyxy, f"jpeg at {first.t:.3f}".encode(), 0.9)
        event = EventRow("square", first.t, last.t, 0.8, {"segment": self._segment.index, "seen": len(seen)})
        return Rows((TrackRow("square", "person", tuple(self._points)),), (crop,), counts=counts, events=(event,))


@dataclass(slots=True)
class FakeLooks:
    """An embedding of 8 numbers a second and one plate a segment, on the tracks of ``things``."""

    version: str = "1"
    model: str = "look"
    model_version: str = "1"
    name: str = "looks"
    needs: tuple[str, ...] = ("things",)
    summary: str = "describes the white square"

    def start(self, segment: SegmentInfo) -> _Looks:
        return _Looks(self.model)


class _Looks:
    def __init__(self, model: str) -> None:
        self._model = model
        self._vectors: list[VectorRow] = []
        self._plates: list[PlateRow] = []

    def see(self, frame: Frame, shared: Shared) -> None:
        box: XYXY | None = shared.results["things"]
        if box is None:
            return
        if not self._plates:
            self._plates.append(PlateRow("square", frame.t, f"SQ {int(frame.t):03}", 0.75, (0.5, 0.75), box, b"plate"))
        if not self._vectors or frame.t - self._vectors[-1].t >= 1.0 - 1e-6:
            turn = np.float32(frame.t) * np.arange(1, 9, dtype=np.float32) / 7
            self._vectors.append(VectorRow("square", frame.t, self._model, np.cos(turn), 0.5))

    def finish(self) -> Rows:
        return Rows(vectors=tuple(self._vectors), plates=tuple(self._plates))
