"""Faces followed through a video for a cloak: where the aligned crop lies at every moment, and looks to learn from.

The file is read once for this before anything is drawn, so smoothing looks ahead as well as back. Owns tracks and
their smoothing. Makes no mask and knows nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image, Reader
from viot_tools.cloak.apply import SIDE, SMALLEST, Spot
from viot_tools.faces.detect import Face, refine
from viot_tools.faces.enrol import Kit
from viot_tools.faces.quality import measure
from viot_tools.faces.recognise import TEMPLATE, similarity
from viot_tools.faces.tracking import CutDetector, FaceTracker

RATE = 10.0
"""Frames a second at which faces are looked for; between them the crop moves on a line."""
KEPT = 24
"""Moments of a track whose crops are kept, spread over it."""
_NEAR = 0.15
"""Seconds: deviation of the weights in time."""
_STILL = 0.03
"""Sides of the crop: deviation of the weights in movement."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One look at the face: the crop (112, 112, 3) and the recogniser's own chip."""

    t: float
    spot: Spot
    crop: Image
    chip: Image
    quality: float


@dataclass(slots=True)
class Track:
    """One face through one shot, on screen from ``first`` to ``last`` seconds. ``places`` (N, 4) at ``ts``: the crop's
    middle x and y in pixels of the frame, and the complex factor (real, imaginary) from crop to frame."""

    first: float
    last: float
    ts: list[float] = field(default_factory=list)
    boxes: list[XYXY] = field(default_factory=list)
    places: list[NDArray[np.float64]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    _every: int = 1

    def add(self, t: float, image: Image, spot: Spot, kit: Kit) -> None:
        """One more sample; its crop is kept when its turn comes."""
        self.ts.append(t)
        self.boxes.append(spot.face.xyxy)
        self.places.append(_place(spot.matrix))
        if (len(self.ts) - 1) % self._every == 0:
            chip = kit.recogniser.align(image, spot.face)
            self.moments.append(Moment(t, spot, spot.crop(image), chip, measure(spot.face, chip).value))
            if len(self.moments) > KEPT:
                self.moments, self._every = self.moments[::2], self._every * 2

    def matrix(self, t: float) -> NDArray[np.float64]:
        """(2, 3) frame to crop at ``t`` seconds: on a line between samples, held at the ends."""
        rows = np.stack(self.places)
        return _matrix(np.array([np.interp(t, self.ts, column) for column in rows.T]))

    def spot(self, t: float) -> Spot:
        """The face at ``t`` seconds, for laying a mask."""
        box = self.boxes[int(np.abs(np.asarray(self.ts) - t).argmin())]
        return Spot(Face(box, 1.0, np.full((5, 2), np.nan, np.float32)), self.matrix(t))


def follow(
    reader: Reader, times: Sequence[float], kit: Kit, said: Callable[[float], None] | None = None
) -> tuple[list[Track], int]:
    """The faces of a video that are large enough, and how many tracks were left out as too small. ``times``: seconds of
    all frames. Raises what the reader raises."""
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    fps = (len(times) - 1) / span if span > 0 else RATE
    stride = max(1, round(fps / RATE))
    step = stride / fps
    tracker, cuts = FaceTracker(), CutDetector()
    live: dict[int, Track] = {}
    tracks: list[Track] = []
    small: set[int] = set()
    large: set[int] = set()
    for i, frame in enumerate(reader.read(times)):
        t = times[i]
        if i % stride:
            continue
        if cuts.see(frame.image):
            tracker.end()
            for track in live.values():
                track.last = min(track.last, t - 1e-4)
            live.clear()
        faces = [refine(kit.detector, frame.image, face) for face in kit.detector.detect(frame.image)]
        pairs, _ = tracker.update(t, faces)
        for trail, face in pairs:
            if face.xyxy[3] - face.xyxy[1] < SMALLEST:
                small.add(trail.number)
                continue
            large.add(trail.number)
            if trail.number not in live:
                live[trail.number] = Track(max(times[0], t - step + 1e-3) if t > times[0] else t, t)
                tracks.append(live[trail.number])
            track = live[trail.number]
            track.add(t, frame.image, Spot(face, similarity(face.landmarks, TEMPLATE)), kit)
            track.last = t + step - 1e-3
        if said is not None:
            said((i + 1) / len(times))
    many = len(times) > 3 * stride
    kept = [smoothed(track) for track in tracks if len(track.ts) > 1 or not many]  # seen once, it is mostly no face
    return kept, len(small - large)


def smoothed(track: Track) -> Track:
    """The track with its places as weighted means over time, in place: what lies near in time and has hardly moved
    counts (Tomasi and Manduchi 1998), so a still face is held still and a fast one is not smeared."""
    ts, rows = np.asarray(track.ts), np.stack(track.places)
    sides = SIDE * np.hypot(rows[:, 2], rows[:, 3])
    moved = np.linalg.norm(rows[:, None, :2] - rows[None, :, :2], axis=2) / np.median(sides)
    weights = np.exp(-(((ts[:, None] - ts[None]) / _NEAR) ** 2) / 2 - ((moved / _STILL) ** 2) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    track.places = list(weights @ rows)
    return track


def _place(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    factor = 1 / complex(matrix[0, 0], matrix[1, 0])
    middle = np.linalg.solve(matrix[:, :2], np.full(2, (SIDE - 1) / 2) - matrix[:, 2])
    return np.array([*middle, factor.real, factor.imag])


def _matrix(place: NDArray[np.float64]) -> NDArray[np.float64]:
    z = 1 / complex(place[2], place[3])
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.hstack([linear, (np.full(2, (SIDE - 1) / 2) - linear @ place[:2])[:, None]])
