"""What analyzers write and tools read: frozen rows, and the analyzer seam.

Owns the vocabulary between pixels and storage. Knows neither SQL nor models. Inside an analyzer, times are seconds from
the first frame of the *file* (``t``); in what the store gives back they are POSIX seconds (``ts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Frame

Vector = NDArray[np.float32]
"""(D,) float32, L2-normalised."""
Keypoints = NDArray[np.float32]
"""(17, 3) float32: x, y in pixels of the frame and score 0..1, in COCO's order (nose, eyes, ears, shoulders, elbows,
wrists, hips, knees, ankles; left before right)."""
KEYPOINTS = 17


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A box at a time."""

    t: float
    xyxy: XYXY
    score: float


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One thing followed through one segment. ``key`` is unique in (segment, analyzer) and the same on every run.

    ``kind``: ``person``, ``vehicle``, ``object`` or ``face``; ``label`` a finer class (``car``, ``truck``, ``chair``).
    """

    key: str
    kind: str
    points: tuple[TrackPoint, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class CropRow:
    """A small picture of a track. ``jpeg`` bytes; ``quality`` 0..1."""

    track: str
    t: float
    xyxy: XYXY
    jpeg: bytes
    quality: float


@dataclass(frozen=True, slots=True)
class VectorRow:
    """An embedding of a track at a time, made by ``model``."""

    track: str
    t: float
    model: str
    vector: Vector
    quality: float


@dataclass(frozen=True, slots=True)
class PlateRow:
    """A plate text read in one frame (``track`` is the vehicle's or the plate's own track key)."""

    track: str
    t: float
    text: str
    score: float
    char_scores: tuple[float, ...]
    xyxy: XYXY
    jpeg: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class PoseRow:
    """The body pose of a track at a time: ``keypoints`` (17, 3) float32, x and y in pixels of the frame and score."""

    track: str
    t: float
    keypoints: Keypoints = field(repr=False)


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """What a track looks like: ``name`` has ``value`` (``upper_colour``, ``red``), with a score 0..1.

    One row a name and value: several values of one name may hold (``carrying`` a bag and a backpack). ``t`` is when it
    was seen best; it holds for the whole track.
    """

    track: str
    t: float
    name: str
    value: str
    score: float


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many of ``kind`` were in the frame at ``t``."""

    kind: str
    t: float
    n: float


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened between two times."""

    kind: str
    t0: float
    t1: float
    score: float
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """All that one analyzer found in one segment; written in one transaction."""

    tracks: tuple[TrackRow, ...] = ()
    crops: tuple[CropRow, ...] = ()
    vectors: tuple[VectorRow, ...] = ()
    plates: tuple[PlateRow, ...] = ()
    counts: tuple[CountRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    poses: tuple[PoseRow, ...] = ()
    attributes: tuple[AttributeRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """The piece of a file under analysis: ``[t0, t1)`` seconds from the file's first frame."""

    camera: str
    media: Path
    index: int
    t0: float
    t1: float
    width: int
    height: int
    sample_fps: float


@dataclass(slots=True)
class Shared:
    """What analyzers of one frame pass on: ``results[analyzer name]``, and the motion gate's word.

    ``still`` is True when the picture has not changed since the last frame that was looked at; an analyzer may then
    answer with what it found there. ``motion`` is the changed share of the picture, 0..1.
    """

    motion: float = 1.0
    still: bool = False
    results: dict[str, Any] = field(default_factory=dict)


class SegmentAnalysis(Protocol):
    """The state of one analyzer over one segment. No state survives the segment: a resumed run gives the same rows."""

    def see(self, frame: Frame, shared: Shared) -> Any:
        """Look at one sampled frame; the return value is what dependants find in ``shared.results``."""
        ...

    def finish(self) -> Rows:
        """All rows of the segment."""
        ...


class Analyzer(Protocol):
    """Runs at ingest, writes rows. ``model``/``model_version`` name the bytes that look; a change of either re-indexes.

    ``needs`` names analyzers whose per-frame results it reads; ``summary`` is one line for people.
    """

    name: str
    version: str
    model: str
    model_version: str
    needs: tuple[str, ...]
    summary: str

    def start(self, segment: SegmentInfo) -> SegmentAnalysis: ...


# What the store gives back -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Track:
    """A stored track. ``chain`` is the id of the first track of a chain of segments (a thing that crosses a border).

    ``ts`` (N,) float64 POSIX seconds, ``boxes`` (N, 4) float32 xyxy pixels, ``scores`` (N,) float32.
    """

    id: int
    chain: int
    camera: str
    kind: str
    label: str
    model: str
    model_version: str
    ts: NDArray[np.float64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    @property
    def start(self) -> float:
        return float(self.ts[0])

    @property
    def end(self) -> float:
        return float(self.ts[-1])


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored embedding. ``score`` is the cosine to the query (nan where none was asked)."""

    track: int
    camera: str
    ts: float
    score: float
    quality: float
    vector: Vector | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PlateRead:
    """A stored plate reading."""

    track: int
    camera: str
    ts: float
    text: str
    score: float
    char_scores: tuple[float, ...]
    xyxy: XYXY
    jpeg: bytes = field(repr=False)
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Poses:
    """The stored poses of one track, in order of time. ``chain`` as in :class:`Track`.

    ``ts`` (N,) float64 POSIX seconds, ``keypoints`` (N, 17, 3) float32: x, y in pixels of the frame and score.
    """

    track: int
    chain: int
    camera: str
    ts: NDArray[np.float64]
    keypoints: NDArray[np.float32]
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A stored attribute of a track: ``name`` has ``value``, seen best at ``ts``. ``chain`` as in :class:`Track`."""

    track: int
    chain: int
    camera: str
    ts: float
    name: str
    value: str
    score: float
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A stored count of one sampled frame."""

    camera: str
    ts: float
    kind: str
    n: float
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event."""

    camera: str
    start: float
    end: float
    kind: str
    score: float
    data: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Footage:
    """Where a stretch of a camera's time lies on disk: ``media`` from ``offset`` seconds after its first frame.

    ``width`` and ``height`` of its frames in pixels, 0 where they are not known.
    """

    camera: str
    media: Path
    offset: float
    start: float
    end: float
    width: int = 0
    height: int = 0
