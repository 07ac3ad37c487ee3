"""Hiding one region of a picture: patches of the colour around it, or one flat grey.

What is drawn under *blocks* holds **nothing of the head**: the mean colour of a frame around it, under noise of
``BLOCKS`` x ``BLOCKS`` parts (``NOISE``) that are blurred into one another, so that it looks like no flat disc. Mosaics
and blurs are seen through by learning how people look under them (McPherson, Shokri and Shmatikov 2016, "Defeating
image obfuscation with deep learning"), and blocks with a quarter of the head's contrast and half of its brightness
under the same noise were found to tell a little (docs/redaction.md). ``solid`` is the same grey whatever is around.
Nothing of the head shows through at the rim: what fades lies outside of it.

Owns pixels. Knows neither faces nor time; how blocks are held steady in a video is the caller's (``eased``).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image

Style = Literal["blocks", "solid"]
Colours = NDArray[np.float32]
"""(BLOCKS, BLOCKS, 3) float32 RGB, 0..255."""

BLOCKS = 4
"""Blocks across and down a region."""
NOISE = 16.0
"""Standard deviation, of 255, that is added to each block, and once more to all of them; drawn once for a face."""
GREY = 112
"""The one value of ``solid``: it tells nothing of what was there."""
FADE = 0.06
"""Share of the region's size over which it fades into the picture, outside of the region."""


@dataclass(frozen=True, slots=True)
class Region:
    """An ellipse (heads) or a rectangle (plates) around ``xyxy``, in pixels; it may reach over the picture's rim."""

    xyxy: XYXY
    round: bool = True


def noise(rng: np.random.Generator | None = None) -> Colours:
    """Noise for one head, of brightness alone. Without ``rng`` it comes from the system's own entropy: noise that could
    be drawn again from a known seed could be taken off again."""
    drawn = np.random.default_rng(secrets.randbits(128)) if rng is None else rng
    light = drawn.normal(0.0, NOISE, (BLOCKS, BLOCKS, 1)) + drawn.normal(0.0, NOISE)
    return np.repeat(light, 3, axis=2).astype(np.float32)


def head(face: XYXY, margin: float = 1.15) -> Region:
    """The region that hides the head around a face's box: the ellipse through the corners of the box, ``margin`` times
    as large, so that forehead, ears and chin lie in it."""
    x0, y0, x1, y1 = face
    a, b = margin * (x1 - x0) / 2**0.5, margin * (y1 - y0) / 2**0.5
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return Region((x - a, y - b, x + a, y + b))


def plate(box: XYXY, margin: float = 0.15) -> Region:
    """The region that hides a plate: its box, larger by a share of its height on every side."""
    x0, y0, x1, y1 = box
    m = margin * (y1 - y0) + 1
    return Region((x0 - m, y0 - m, x1 + m, y1 + m), round=False)


def colours(image: Image, region: Region) -> Colours | None:
    """The blocks of a region without their noise: the mean colour around it, and nothing of what is in it. None for a
    region outside of the picture."""
    box = _inside(region.xyxy, image)
    if box[2] <= box[0] or box[3] <= box[1]:
        return None
    return np.broadcast_to(_around(image, box), (BLOCKS, BLOCKS, 3)).copy()


def _around(image: Image, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """(3,): the mean colour of a frame around a box, ``GREY`` where the box fills the picture."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    wide = max(2, (x1 - x0 + y1 - y0) // 12)
    a, b, c, d = max(0, x0 - wide), max(0, y0 - wide), min(width, x1 + wide), min(height, y1 + wide)
    total, inner = image[b:d, a:c].reshape(-1, 3), image[y0:y1, x0:x1].reshape(-1, 3)
    left = len(total) - len(inner)
    if left == 0:
        return np.full(3, GREY, np.float32)
    return np.asarray((total.sum(axis=0, dtype=np.float64) - inner.sum(axis=0, dtype=np.float64)) / left, np.float32)


def eased(before: Colours | None, now: Colours, seconds: float, over: float = 0.5) -> Colours:
    """Colours that follow what is around slowly, else they would flicker. ``seconds`` since ``before``; ``over``: the
    time constant."""
    if before is None:
        return now
    share = np.float32(1 - np.exp(-max(seconds, 0.0) / over))
    return np.asarray(before + share * (now - before), np.float32)


def hide(image: Image, region: Region, blocks: Colours | None) -> None:
    """Hide ``region`` of ``image`` (H, W, 3) uint8 in place, under ``blocks``, or flat where they are None."""
    import cv2

    x0, y0, x1, y1 = region.xyxy
    w, h = x1 - x0, y1 - y0
    fade = max(2.0, FADE * max(w, h))
    left, top, right, bottom = _inside((x0 - fade, y0 - fade, x1 + fade, y1 + fade), image)
    if right <= left or bottom <= top:
        return
    xs = np.arange(left, right, dtype=np.float32) + 0.5
    ys = np.arange(top, bottom, dtype=np.float32) + 0.5
    u, v = (xs - np.float32((x0 + x1) / 2)) / max(w / 2, 0.5), (ys - np.float32((y0 + y1) / 2)) / max(h / 2, 0.5)
    if region.round:
        # beyond the rim, in pixels along the shorter half axis: never less than 0 inside
        away = (np.sqrt(u[None, :] ** 2 + v[:, None] ** 2) - 1) * (min(w, h) / 2)
    else:
        away = np.maximum((np.abs(u) - 1)[None, :] * (w / 2), (np.abs(v) - 1)[:, None] * (h / 2))
    alpha = np.clip(1 - away / fade, 0, 1)[..., None].astype(np.float32)
    part = image[top:bottom, left:right]
    if blocks is None:
        fill: NDArray[np.float32] | float = float(GREY)
    else:
        # bicubic between the blocks' middles is the blur; sampled at the pixels' places within the region
        at = [(c * (BLOCKS / 2) + (BLOCKS - 1) / 2).astype(np.float32) for c in (u, v)]
        mx, my = np.meshgrid(at[0], at[1])
        smooth = cv2.GaussianBlur(blocks, (3, 3), 0.6, borderType=cv2.BORDER_REPLICATE)
        fill = cv2.remap(smooth, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mixed = part * (1 - alpha) + np.asarray(fill, np.float32) * alpha
    image[top:bottom, left:right] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _inside(xyxy: XYXY, image: Image) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    x0, y0, x1, y1 = xyxy
    return (
        max(0, int(np.floor(x0))),
        max(0, int(np.floor(y0))),
        min(width, int(np.ceil(x1))),
        min(height, int(np.ceil(y1))),
    )
