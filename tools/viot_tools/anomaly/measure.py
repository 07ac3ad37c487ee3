"""Seconds of video as numbers: where and how fast the picture moved, what it looked like, how light it was.

A second (``Second``) is a grid of 12 x 8 cells over the picture, each with the share of moved pixels and the mean and
the largest optical flow (DIS: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016) of those
pixels, in widths (x) and heights (y) of the picture a second; a picture of 32 x 18 (the median of the second; grey, and
red less blue); and mean, spread and sharpness of the whole. All fit one byte each; packed, an hour of a camera takes
about a megabyte.

Owns measuring and packing. Knows no history and judges nothing.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.errors import LibraryFault
from viot_agent.media.types import Image

COLUMNS, ROWS = 12, 8
CELLS: Final = COLUMNS * ROWS
LOOK_WIDTH, LOOK_HEIGHT = 32, 18
LOOK: Final = 2 * LOOK_WIDTH * LOOK_HEIGHT
WIDTH, HEIGHT = 192, 128
"""Pixels of the small picture that flow is taken from: 16 a cell in both directions."""
LEVEL = 14
"""Grey steps of 256 by which a pixel must change to count as moved."""
FASTEST = 2.0
"""Widths (heights) a second that a byte can hold; faster is this fast."""
_BYTES = 4 * CELLS + LOOK + 3


@dataclass(frozen=True, slots=True)
class Seconds:
    """N seconds, rising in time. ``t`` (N,) seconds of the middle; ``moved`` (N, 96) share of moved pixels 0..1;
    ``vx``, ``vy`` (N, 96) mean flow of them; ``peak`` (N, 96) largest speed; ``look`` (N, 1152) grey, then red less
    blue, 0..1; ``light`` (N, 3) mean, spread and sharpness, each 0..1. float32 but for ``t``."""

    t: NDArray[np.float64]
    moved: NDArray[np.float32]
    vx: NDArray[np.float32]
    vy: NDArray[np.float32]
    peak: NDArray[np.float32]
    look: NDArray[np.float32]
    light: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.t)

    def where(self, keep: NDArray[np.bool_]) -> Seconds:
        """Those for which ``keep`` (N,) is True."""
        return Seconds(*(getattr(self, name)[keep] for name in Seconds.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[Seconds]) -> Seconds:
        """One after the other, in order of time."""
        if not parts:
            return cls.none()
        whole = cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in Seconds.__slots__))
        order = np.argsort(whole.t, kind="stable")
        return cls(*(getattr(whole, name)[order] for name in Seconds.__slots__))

    @classmethod
    def none(cls) -> Seconds:
        """No second."""
        look, light = np.zeros((0, LOOK), np.float32), np.zeros((0, 3), np.float32)
        cells = np.zeros((0, CELLS), np.float32)
        return cls(np.zeros(0), cells, cells, cells, cells, look, light)


class Meter:
    """Feed it the sampled frames of one segment in order; it gives one row of bytes a second."""

    def __init__(self, t0: float) -> None:
        import cv2  # late, here and below: naming the tools must not load it

        self._t0 = t0
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: tuple[float, NDArray[np.uint8]] | None = None
        self._second = 0
        self._cells: list[NDArray[np.float32]] = []
        self._looks: list[NDArray[np.uint8]] = []
        self._light: list[tuple[float, float, float]] = []
        self.rows: list[NDArray[np.uint8]] = []
        self.starts: list[float] = []

    def see(self, t: float, image: Image) -> None:
        """One frame at ``t`` seconds, RGB (H, W, 3)."""
        import cv2

        second = int(t - self._t0 + 1e-6)
        if second != self._second:
            self._close()
            self._second = second
        small = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        if self._before is not None and t > self._before[0]:
            self._cells.append(self._motion(grey, t - self._before[0]))
        self._before = (t, grey)
        self._looks.append(_look(small, grey))
        sharp = float(cv2.Laplacian(grey, cv2.CV_32F).std())
        self._light.append((float(grey.mean()) / 255, float(grey.std()) / 128, min(1.0, sharp / 64)))

    def finish(self) -> None:
        """Close the last second."""
        self._close()

    def _motion(self, grey: NDArray[np.uint8], step: float) -> NDArray[np.float32]:
        """(4, 96): share moved, mean vx, mean vy, largest speed."""
        import cv2

        assert self._before is not None
        changed = cv2.absdiff(grey, self._before[1]) > LEVEL
        found = np.zeros((4, CELLS), np.float32)
        if not changed.any():
            return found
        flow = self._flow.calc(self._before[1], grey, None) / (step * np.array([WIDTH, HEIGHT], np.float32))
        moved = _per_cell(changed.astype(np.float32)).mean(2)
        weight = np.maximum(moved * (WIDTH // COLUMNS) * (HEIGHT // ROWS), 1)
        vx, vy = flow[..., 0] * changed, flow[..., 1] * changed
        speed = np.where(changed, np.hypot(flow[..., 0], flow[..., 1]), 0)
        found[0] = moved.ravel()
        found[1] = (_per_cell(vx).sum(2) / weight).ravel()
        found[2] = (_per_cell(vy).sum(2) / weight).ravel()
        found[3] = np.percentile(_per_cell(speed), 95, axis=2).ravel()
        return found

    def _close(self) -> None:
        if not self._looks:
            return
        cells = np.stack(self._cells) if self._cells else np.zeros((1, 4, CELLS), np.float32)
        moved = cells[:, 0].mean(0)
        weight = np.maximum(cells[:, 0].sum(0), 1e-6)
        vx, vy = (cells[:, 0] * cells[:, 1]).sum(0) / weight, (cells[:, 0] * cells[:, 2]).sum(0) / weight
        peak = np.sort(cells[:, 3], 0)[-min(2, len(cells))]  # the second largest: one odd frame pair is no speed
        parts = [
            np.sqrt(moved) * 255,
            np.clip(vx / FASTEST, -1, 1) * 127 + 128,
            np.clip(vy / FASTEST, -1, 1) * 127 + 128,
            np.clip(peak / FASTEST, 0, 1) * 255,
            np.median(np.stack(self._looks), 0).ravel(),
            np.clip(np.median(np.array(self._light), 0), 0, 1) * 255,
        ]
        self.rows.append(np.concatenate([np.rint(p) for p in parts]).astype(np.uint8))
        self.starts.append(self._t0 + self._second)
        self._cells, self._looks, self._light = [], [], []


def _look(small: Image, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(2, 18, 32): grey, and red less blue (128 = alike): a red bag on a brown floor is the same grey."""
    import cv2

    tiny = cv2.resize(small, (LOOK_WIDTH, LOOK_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.int16)
    warm = (tiny[..., 0] - tiny[..., 2]) // 2 + 128
    plain = cv2.resize(grey, (LOOK_WIDTH, LOOK_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.stack([plain, warm.astype(np.uint8)])


def _per_cell(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(HEIGHT, WIDTH) to (ROWS, COLUMNS, pixels of a cell)."""
    h, w = HEIGHT // ROWS, WIDTH // COLUMNS
    return np.asarray(values.reshape(ROWS, h, COLUMNS, w).swapaxes(1, 2).reshape(ROWS, COLUMNS, h * w), np.float32)


def pack(rows: Sequence[NDArray[np.uint8]]) -> str:
    """Rows of bytes as text: differences in time, deflated, base85."""
    block = np.stack(rows)
    block[1:] = block[1:] - block[:-1]  # uint8 wraps round, and back again when read
    return base64.b85encode(zlib.compress(block.tobytes(), 6)).decode("ascii")


def unpack(text: str, starts: Sequence[float], offset: float) -> Seconds:
    """What :func:`pack` wrote; ``starts`` are the seconds' beginnings in file time, ``offset`` file time to POSIX.

    Raises LibraryFault when the text is not a whole number of seconds (a torn row: index again).
    """
    try:
        raw = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8)
    except (ValueError, zlib.error) as error:
        raise LibraryFault(f"an activity row cannot be read: {error}", fix="index the camera again") from error
    if raw.size != len(starts) * _BYTES:
        raise LibraryFault(
            f"an activity row holds {raw.size} bytes, not {len(starts)} seconds of {_BYTES}",
            fix="index the camera again",
        )
    block: NDArray[np.float32] = np.cumsum(raw.reshape(len(starts), _BYTES), axis=0, dtype=np.uint8).astype(np.float32)
    cut = np.cumsum([CELLS, CELLS, CELLS, CELLS, LOOK])
    moved, vx, vy, peak, look, light = (np.asarray(part, np.float32) for part in np.split(block, cut, axis=1))
    flow = np.float32(FASTEST / 127)
    return Seconds(
        np.asarray(starts, np.float64) + 0.5 + offset,
        np.square(moved / np.float32(255)),
        (vx - np.float32(128)) * flow,
        (vy - np.float32(128)) * flow,
        peak * np.float32(FASTEST / 255),
        look / np.float32(255),
        light / np.float32(255),
    )
