"""A picture's plain statistics: colour, brightness, edges and their layout. No weights, no place.

After the "spatial envelope" (Oliva and Torralba, "Modeling the Shape of the Scene", IJCV 2001): what a place is shows
in coarse layout before any object is recognised. Owns the feature vector and its length. Knows no label.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

WIDTH, HEIGHT = 128, 96
BANDS = 3
"""Horizontal bands: top, middle, bottom."""
_DIRECTIONS = 6
LENGTH: Final = BANDS * (6 + 4 + _DIRECTIONS) + 6


def statistics(image: Image) -> NDArray[np.float32]:
    """(54,) float32 of an RGB picture (H, W, 3).

    Per band: mean and spread of brightness, saturation; shares of sky-like blue, of green, of warm (wood, skin) and of
    grey; edge strength; edge directions (six bins, sums to 1). Over all: contrast, darkness, fine against coarse
    detail, straight-line share, colourfulness, left-right likeness.
    """
    import cv2  # late: naming the tools must not load it

    small = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV).astype(np.float32)
    hue, saturation, value = hsv[..., 0] * 2, hsv[..., 1] / 255, hsv[..., 2] / 255
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(gx, gy)
    direction = (np.arctan2(gy, gx) % np.pi) / np.pi * _DIRECTIONS
    found: list[float] = []
    for rows in np.array_split(np.arange(HEIGHT), BANDS):
        h, s, v, e, d = hue[rows], saturation[rows], value[rows], strength[rows], direction[rows]
        coloured = s > 0.2
        found += [v.mean(), v.std(), s.mean(), s.std(), e.mean(), e.std()]
        found += [
            float(((h > 180) & (h < 260) & coloured & (v > 0.35)).mean()),
            float(((h > 60) & (h < 170) & coloured).mean()),
            float(((h < 50) & coloured).mean()),
            float((s < 0.12).mean()),
        ]
        weight = np.bincount(np.minimum(d, _DIRECTIONS - 1).astype(int).ravel(), e.ravel(), _DIRECTIONS)
        found += list(weight / max(float(weight.sum()), 1e-6))
    coarse = cv2.GaussianBlur(grey, (0, 0), 4)
    edges = cv2.Canny((grey * 255).astype(np.uint8), 60, 150)
    lines = cv2.HoughLinesP(edges, 1, np.pi / 90, 25, minLineLength=20, maxLineGap=3)
    length = 0.0 if lines is None else float(np.hypot(*(lines[:, 0, 2:] - lines[:, 0, :2]).T).sum())
    rg, yb = small[..., 0].astype(float) - small[..., 1], small[..., 1].astype(float) - small[..., 2]
    found += [
        float(grey.std()),
        float((value < 0.15).mean()),
        float(np.abs(grey - coarse).mean() / (coarse.std() + 0.02)),
        min(length / (10 * WIDTH), 2.0),
        float((rg.std() + yb.std()) / 255),
        float(np.abs(coarse - coarse[:, ::-1]).mean()),
    ]
    return np.asarray(found, np.float32)


def darkness(image: Image) -> float:
    """Mean brightness 0..1: below ``TOO_DARK`` nothing can be told of a place."""
    return float(image.mean()) / 255


TOO_DARK: Final = 0.06
"""Of the supplied footage the darkest that a person could still name had 0.10 (a theatre stage)."""
