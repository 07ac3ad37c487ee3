"""Things painted by code for the training pictures: flames, smoke, and what is taken for them (lamps, sunsets, cloth).

Owns the drawing, from noise and formulas alone; nothing is read from disk. Patches are (h, w, 4) float32, RGB 0..255
and how much of the patch covers what is behind it, 0..1. Knows no label and no network.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Patch = NDArray[np.float32]
Plane = NDArray[np.float32]
_HEAT = np.array(
    [[20, 0, 0], [120, 15, 5], [225, 70, 10], [255, 150, 30], [255, 220, 110], [255, 250, 225]], np.float32
)
"""Colours of a flame from its cool rim to its core."""


def noise(rng: np.random.Generator, height: int, width: int, coarse: float = 4.0, octaves: int = 4) -> Plane:
    """(height, width) 0..1: random values at ``coarse`` cells across and finer ones, halved in weight each octave."""
    total = np.zeros((height, width), np.float32)
    for k in range(octaves):
        cells = max(2, int(coarse * 2**k))
        seeds = rng.random((max(2, round(cells * height / max(width, 1)) + 1), cells + 1), dtype=np.float32)
        total += cv2.resize(seeds, (width, height), interpolation=cv2.INTER_CUBIC) / 2**k
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def flame(rng: np.random.Generator, size: int) -> Patch:
    """One flame or a wall of them, ``size`` pixels high: a body that narrows upwards, torn by rising noise."""
    height = size
    width = max(8, int(size * rng.uniform(0.5, 2.2)))
    y = np.linspace(1, 0, height, dtype=np.float32)[:, None]  # 0 at the foot
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    sway = rng.uniform(-0.5, 0.5) * y**1.5
    torn = noise(rng, height, width, rng.uniform(2, 5))
    crest = noise(rng, 2, width, rng.uniform(2, 7), 3)[0][None]
    body = 1 - np.abs(x - sway) ** rng.uniform(1.2, 3) * (0.6 + y * rng.uniform(0.2, 1.5))
    heat = body * (1.1 - 0.9 * y / (0.35 + 0.65 * crest)) + (torn - 0.5) * rng.uniform(0.8, 1.5)
    heat = np.clip(heat * rng.uniform(1.0, 1.6), 0, 1)
    steps = heat * (len(_HEAT) - 1)
    low = np.clip(steps.astype(int), 0, len(_HEAT) - 2)
    part = (steps - low)[..., None]
    colour = _HEAT[low] * (1 - part) + _HEAT[low + 1] * part
    alpha = np.clip((heat - 0.12) / 0.25, 0, 1)
    return np.dstack([colour, alpha]).astype(np.float32)


def smoke(rng: np.random.Generator, size: int) -> Patch:
    """A plume that widens upwards, black to light grey, a little brown, its edge eaten by noise."""
    height, width = size, max(8, int(size * rng.uniform(0.5, 1.6)))
    y = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    bend = rng.uniform(-0.7, 0.7) * y**1.3
    spread = rng.uniform(0.12, 0.35) + rng.uniform(0.3, 0.7) * y
    body = 1 - (np.abs(x - bend) / spread) ** 2
    curls = noise(rng, height, width, rng.uniform(3, 7), 5)
    alpha = np.clip(body * 0.9 + (curls - 0.45) * 1.6, 0, 1) * rng.uniform(0.55, 0.97)
    alpha *= np.clip((1 - y) * 6 + 0.3, 0, 1) if rng.random() < 0.5 else 1
    dark = rng.uniform(10, 170) if rng.random() < 0.75 else rng.uniform(150, 215)
    shade = dark + (noise(rng, height, width, rng.uniform(3, 8), 5) - 0.5) * rng.uniform(40, 110)
    tint = np.array([1 + rng.uniform(-0.02, 0.1), 1, 1 - rng.uniform(-0.05, 0.1)], np.float32)
    return np.dstack([np.clip(shade[..., None] * tint, 0, 255), alpha]).astype(np.float32)


def warm(rng: np.random.Generator) -> NDArray[np.float32]:
    """A colour that flames have too: red, orange, yellow."""
    hue = rng.uniform(0, 32)
    pixel = np.array([[[hue, rng.uniform(120, 255), rng.uniform(130, 255)]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def cloth(rng: np.random.Generator, size: int) -> Patch:
    """A garment, a ball, a sign or a vest with bands: a smooth shape in one warm colour with soft folds."""
    height, width = size, max(6, int(size * rng.uniform(0.4, 1.8)))
    kind = rng.integers(4)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    if kind == 0:
        alpha = np.clip((1 - np.hypot(x, y)) * size / 4, 0, 1)
    elif kind == 1:
        alpha = np.ones((height, width), np.float32)
    else:
        alpha = np.clip((1.05 - np.hypot(x, y) + (noise(rng, height, width, 2, 2) - 0.5)) * size / 6, 0, 1)
    folds = 1 + (noise(rng, height, width, rng.uniform(2, 5), 3) - 0.5) * rng.uniform(0.1, 0.7)
    colour = warm(rng) * folds[..., None] * np.ones((1, 1, 3), np.float32)
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.5 else 0):
        at, thick = rng.uniform(0, 1), rng.uniform(0.03, 0.12)
        across = np.abs((np.arange(height) if rng.random() < 0.5 else np.zeros(height)) / height - at) < thick
        colour[across] = warm(rng) if rng.random() < 0.5 else rng.uniform(0, 255)
    if kind == 3:  # planks, bricks: lines in one warm colour
        every = max(3, int(size * rng.uniform(0.06, 0.2)))
        colour[:: int(every)] *= rng.uniform(0.3, 0.8)
    return np.dstack([np.clip(colour, 0, 255), alpha * np.ones((height, width), np.float32)]).astype(np.float32)


def lamp(rng: np.random.Generator, size: int) -> Patch:
    """A light: a burnt-out core, a smooth halo, sometimes rays. Two of them are headlights, rows are street lamps."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    r = np.hypot(x, y) + 1e-6
    core = rng.uniform(0.05, 0.35)
    light = np.clip(1.3 - r / core, 0, 1) + (np.clip(1 - r, 0, 1) ** rng.uniform(1.5, 4)) * rng.uniform(0.3, 0.9)
    if rng.random() < 0.3:
        rays = np.abs(np.cos(np.arctan2(y, x) * rng.integers(2, 5))) ** 40
        light += rays * np.clip(1 - r, 0, 1) * 0.5
    tone = np.array([255, rng.uniform(150, 255), rng.uniform(50, 250)], np.float32)
    colour = tone + (255 - tone) * np.clip(light - 0.6, 0, 1)[..., None]
    return np.dstack([colour, np.clip(light, 0, 1)]).astype(np.float32)


def sunset(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture with a warm sky: a gradient that colours it, and sometimes the sun's disc."""
    height, width = image.shape[:2]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    at, spread = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.6)
    amount = np.exp(-(((y - at) / spread) ** 2)) * rng.uniform(0.4, 1.0)
    tone = np.array([1.35, rng.uniform(0.6, 1.0), rng.uniform(0.15, 0.6)], np.float32)
    made = image * (1 - amount + amount * tone) * rng.uniform(0.5, 1.1)
    if rng.random() < 0.4:
        size = int(rng.uniform(0.1, 0.5) * width)
        if size >= 8:
            made = laid(made, lamp(rng, size), int(rng.uniform(0, width)), int(at * height), True)[0]
    return np.asarray(np.clip(made, 0, 255), np.float32)


def laid(image: NDArray[np.float32], patch: Patch, cx: int, cy: int, light: bool) -> tuple[NDArray[np.float32], Plane]:
    """``image`` with the patch's middle at (cx, cy), and the cover of each pixel 0..1.

    ``light``: what is behind shines through, as with everything that glows (screen blending); else it is covered.
    """
    height, width = image.shape[:2]
    h, w = patch.shape[:2]
    x0, y0 = cx - w // 2, cy - h // 2
    left, top, right, bottom = max(0, x0), max(0, y0), min(width, x0 + w), min(height, y0 + h)
    cover = np.zeros((height, width), np.float32)
    if right <= left or bottom <= top:
        return image, cover
    part = patch[top - y0 : bottom - y0, left - x0 : right - x0]
    alpha = part[..., 3:]
    made = image.copy()
    behind = made[top:bottom, left:right]
    if light:
        made[top:bottom, left:right] = 255 - (255 - behind) * (255 - part[..., :3] * alpha) / 255
    else:
        made[top:bottom, left:right] = behind * (1 - alpha) + part[..., :3] * alpha
    cover[top:bottom, left:right] = alpha[..., 0]
    return made, cover
