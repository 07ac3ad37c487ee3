"""The types that flow from readers to everything else, and the one-method reader seam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

XYXY = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the original (rotated upright) frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. ``index`` in presentation order; ``t`` seconds from the file's first frame, by timestamps."""

    index: int
    t: float
    image: Image


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file says of itself. ``fps`` is the average rate; ``started_at`` POSIX seconds from the container, if any.

    ``width``/``height`` are after rotation. ``duration`` in seconds runs to the end of the last frame.
    """

    path: Path
    duration: float
    fps: float
    n_frames: int
    width: int
    height: int
    codec: str
    variable_rate: bool = False
    rotation: int = 0
    started_at: float | None = None


class Reader(Protocol):
    """The seam: one method. ``times`` are ascending seconds; yields, for each, the frame on screen at that time.

    A time before the first frame yields the first, one past the end yields the last. Repeats are decoded once.
    Memory stays constant however long the file is.
    """

    info: MediaInfo

    def read(self, times: Sequence[float]) -> Iterator[Frame]: ...
