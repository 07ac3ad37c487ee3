"""The types that flow from readers to everything else, and the one-method reader seam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import MediaFault

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

    ``width``/``height`` are after rotation (``rotation``: degrees clockwise the file asks to be turned by; readers do
    it). ``duration`` in seconds runs to the end of the last frame. ``has_clock`` is False where the file carries no
    usable timestamps (a raw H.264 stream): then ``t`` = index / ``fps``, with ``fps`` as declared, or 25.
    ``damaged_at`` is set when the file ends earlier than it says, and equals ``duration``, which is what is there.
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
    has_clock: bool = True
    damaged_at: float | None = None


class DamagedMedia(MediaFault):
    """A file that reads up to ``until`` (seconds from its first frame) and no further; all before was given."""

    def __init__(self, message: str, *, until: float, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.until = until


class Reader(Protocol):
    """The seam: one method. ``times`` are ascending seconds; yields, for each, the frame on screen at that time.

    A time before the first frame yields the first, one past the end yields the last. Repeats are decoded once.
    Memory stays constant however long the file is. Times within a millisecond before a frame count as its own.

    Damage inside a file is bridged: the last frame before it stays on screen, and its ``t`` tells so. Damage at the
    end raises :class:`DamagedMedia` at the first time more than half a second past the last frame that decodes, after
    every earlier frame was yielded. In a run that the person has stopped the next frame is a StoppedFault.
    """

    info: MediaInfo

    def read(self, times: Sequence[float]) -> Iterator[Frame]: ...
