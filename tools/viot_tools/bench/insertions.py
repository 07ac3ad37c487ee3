"""Anomalies put into real footage by a script with a seed: what was inserted, where and when, is the truth.

Something is cut out of the clip itself (a moving thing, by the difference from the clip's median picture) and put back
three times as fast, backwards, or many times at once; a bag is painted; the light goes out; the lens is covered. Owns
making such footage. Knows no detector and no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

Kind = Literal["left", "runner", "wrong way", "dark", "covered", "crowd"]
FPS = 5
LASTS = 6.0
"""Seconds of an inserted anomaly; a bag stays for twice as long."""
CROWD = 8
"""Copies of passers-by in a crowd."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A moving thing in one frame: its pixels, its mask, and its top left corner."""

    frame: int
    x: int
    y: int
    pixels: Image
    mask: NDArray[np.bool_]

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.pixels.shape[1] / 2, self.y + self.pixels.shape[0] / 2


@dataclass(frozen=True, slots=True)
class Inserted:
    """Footage with an anomaly in frames ``[first, last)``."""

    frames: list[Image]
    first: int
    last: int


def passages(frames: Sequence[Image]) -> list[list[Cut]]:
    """Moving things followed through ``frames`` (5 a second): each 6 to 60 frames long, and going somewhere
    (what stays longer has become part of the median picture, and cannot be cut out)."""
    background = np.median(np.stack(frames[:: max(1, len(frames) // 40)]), 0).astype(np.int16)
    height, width = frames[0].shape[:2]
    open_: list[list[Cut]] = []
    done: list[list[Cut]] = []
    for i, frame in enumerate(frames):
        cuts = _cuts(i, frame, background)
        for passage in list(open_):
            if i - passage[-1].frame > 1:
                open_.remove(passage)
                done.append(passage)
        for cut in cuts:
            near = [p for p in open_ if p[-1].frame == i - 1 and _apart(p[-1], cut) < 0.12 * width]
            if near:
                min(near, key=lambda p: _apart(p[-1], cut)).append(cut)
            else:
                open_.append([cut])
    long = [p for p in done + open_ if 6 <= len(p) <= 60 and _apart(p[0], p[-1]) > 0.2 * max(height, width)]
    return sorted(long, key=lambda p: (-_apart(p[0], p[-1]), p[0].frame))


def insert(frames: Sequence[Image], kind: Kind, seed: int, things: Sequence[list[Cut]]) -> Inserted | None:
    """A copy of ``frames`` with one anomaly of ``kind`` in its second half; None where nothing can be cut out."""
    rng = np.random.default_rng(seed)
    lasting = int(LASTS * FPS * (2 if kind == "left" else 1))
    lasting = min(lasting, len(frames) // 4)
    first = int(rng.integers(int(0.5 * len(frames)), len(frames) - lasting))
    made = list(frames)
    span = range(first, first + lasting)
    if kind in ("dark", "covered"):
        noise = rng.integers(0, 12, frames[0].shape).astype(np.uint8)
        for i in span:
            made[i] = (frames[i] * 0.07).astype(np.uint8) if kind == "dark" else _lens(frames[i], noise)
        return Inserted(made, first, first + lasting)
    if kind == "left":
        bag, mask, x, y = _bag(rng, frames[0].shape)
        for i in span:
            made[i] = _pasted(frames[i], bag, mask, x, y)
        return Inserted(made, first, first + lasting)
    if not things:
        return None
    chosen = things[int(rng.integers(min(3, len(things))))]
    third = frames[0].shape[1] // 3
    shifts = [int(rng.integers(-third, third)) for _ in range(CROWD)]
    for k, i in enumerate(span):
        if kind == "runner":
            made[i] = _put(frames[i], chosen[(3 * k) % len(chosen)])
        elif kind == "wrong way":
            made[i] = _put(frames[i], chosen[-1 - k % len(chosen)])
        else:
            made[i] = frames[i]
            for n in range(CROWD):
                other = things[n % min(4, len(things))]
                made[i] = _put(made[i], other[(k + 2 * n) % len(other)], shifts[n])
    return Inserted(made, first, first + lasting)


def _cuts(i: int, frame: Image, background: NDArray[np.int16]) -> list[Cut]:
    height, width = frame.shape[:2]
    away = np.abs(frame.astype(np.int16) - background).max(2) > 30
    mask = cv2.morphologyEx(away.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    found = []
    for k in range(1, n):
        x, y, w, h, area = (int(v) for v in stats[k])
        if 0.003 * height * width < area < 0.25 * height * width:
            found.append(Cut(i, x, y, frame[y : y + h, x : x + w].copy(), labels[y : y + h, x : x + w] == k))
    return found


def _apart(a: Cut, b: Cut) -> float:
    return float(np.hypot(a.centre[0] - b.centre[0], a.centre[1] - b.centre[1]))


def _put(frame: Image, cut: Cut, shift: int = 0) -> Image:
    return _pasted(frame, cut.pixels, cut.mask, cut.x + shift, cut.y)


def _pasted(frame: Image, pixels: Image, mask: NDArray[np.bool_], x: int, y: int) -> Image:
    """``pixels`` where ``mask`` at (x, y), cut at the picture's edge."""
    made = frame.copy()
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
    if x0 < x1 and y0 < y1:
        part = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
        made[y0:y1, x0:x1][mask[part]] = pixels[part][mask[part]]
    return made


def _bag(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Image, NDArray[np.bool_], int, int]:
    """A painted bag: a rounded box in one colour with a lighter top and some grain, standing on the lower half."""
    height, width = shape[:2]
    w, h = int(width * rng.uniform(0.06, 0.09)), int(height * rng.uniform(0.1, 0.15))
    colour = rng.integers(0, 256, 3)
    shade = np.linspace(1.15, 0.75, h)[:, None, None]
    bag = np.clip(colour * shade + rng.normal(0, 8, (h, w, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((h, w), np.uint8)
    cv2.rectangle(mask, (3, 0), (w - 4, h - 1), 1, -1)
    cv2.rectangle(mask, (0, 4), (w - 1, h - 1), 1, -1)
    return bag, mask.astype(bool), int(rng.integers(0, width - w)), int(rng.integers(height // 2, height - h))


def _lens(frame: Image, noise: NDArray[np.uint8]) -> Image:
    """Something close before the lens: a dim, flat, blurred picture."""
    blurred = cv2.GaussianBlur(frame, (0, 0), frame.shape[1] / 8)
    return np.asarray(blurred * 0.25 + 40 + noise, np.float32).clip(0, 255).astype(np.uint8)
