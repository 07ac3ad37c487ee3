"""Where which colours are: histograms of CIE Lab over the cells of a picture, and the colour that a vehicle has.

A pixel is counted softly in lightness (``LEVELS``) and, by how colourful it is, in one of ``HUES`` hues or as grey; so
a little more light or a little haze moves a little weight and not all of it. Square roots are kept (Hellinger's
distance: Arandjelovic and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012).

Owns pixels -> colours. Knows neither people nor vehicles as such, no model and no storage.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

LEVELS, HUES = 4, 8
COLOURFUL = 25.0
"""The Lab chroma at which a pixel counts by its hue alone."""
CELL = LEVELS * (HUES + 1)
"""Numbers a cell gives."""
COLOURS: Final = ("white", "grey", "yellow", "red", "green", "blue", "black")
"""In the order of the outputs of vehicle-attributes-recognition-barrier-0039."""


def lab(image: Image, width: int, height: int) -> NDArray[np.float32]:
    """(height, width, 3) float32 CIE Lab of an RGB picture, shrunk or enlarged to that size."""
    how = cv2.INTER_AREA if image.shape[0] > height or image.shape[1] > width else cv2.INTER_LINEAR
    small = cv2.resize(image, (width, height), interpolation=how)
    return np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def layout(pixels: NDArray[np.float32], rows: int, columns: int, weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """(rows * columns * CELL,) the square-rooted histograms of the cells, from the top left row by row.

    ``pixels`` (H, W, 3) Lab, ``weight`` (H, W) how much a pixel counts; every cell sums to 1 before the root.
    """
    height, width = weight.shape
    level = np.clip(pixels[..., 0].astype(np.float64) / 100 * LEVELS - 0.5, 0, LEVELS - 1)
    chroma, hue = _polar(pixels)
    colourful = np.clip(chroma / COLOURFUL, 0, 1)
    turn = hue * HUES
    low, first = np.floor(level).astype(int), np.floor(turn).astype(int) % HUES
    high, second = np.minimum(low + 1, LEVELS - 1), (first + 1) % HUES
    up, along = level - low, turn - np.floor(turn)
    y, x = np.mgrid[:height, :width]
    cell = (y * rows // height) * columns + x * columns // width
    sums = np.zeros(rows * columns * CELL)
    for bright, share in ((low, 1 - up), (high, up)):
        at = cell * CELL + bright * (HUES + 1)
        for bin_, part in ((first, colourful * (1 - along)), (second, colourful * along), (HUES, 1 - colourful)):
            sums += np.bincount((at + bin_).ravel(), (weight * share * part).ravel(), len(sums))
    cells = sums.reshape(rows * columns, CELL)
    return np.asarray(np.sqrt(cells / cells.sum(1, keepdims=True)).ravel(), np.float32)


def window(width: int, height: int, across: float, down: float | None = None) -> NDArray[np.float64]:
    """(height, width) a bell around the middle: ``across`` and ``down`` are its widths in pixels; None = no fall."""
    x = np.exp(-(((np.arange(width) - (width - 1) / 2) / across) ** 2))
    y = np.ones(height) if down is None else np.exp(-(((np.arange(height) - (height - 1) / 2) / down) ** 2))
    return np.asarray(y[:, None] * x[None])


def vehicle_colour(image: Image) -> NDArray[np.float32]:
    """(7,) how much of each of ``COLOURS`` the middle of the picture has more than its corners; sums to 1.

    The corners are road, so what they have is taken off: a grey car on a grey road is still grey, because half of the
    middle's own share always stays.
    """
    pixels = lab(image, 48, 48)
    bell = window(48, 48, 15.0, 13.0)
    corners = np.clip(0.4 - bell, 0, None)
    middle, road = _named(pixels, bell), _named(pixels, corners)
    left = np.maximum(middle - 0.5 * road, 0.5 * middle)
    return np.asarray(left / left.sum(), np.float32)


def _named(pixels: NDArray[np.float32], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(7,) shares of the named colours. Hues of Lab: red about 40 degrees, yellow 90, green 135, blue 285."""
    chroma, hue = _polar(pixels)
    degrees = hue * 360
    colourful = np.clip((chroma - 12) / 14, 0, 1)
    light = pixels[..., 0]
    white = np.clip((light - 58) / 16, 0, 1)
    black = np.clip((42 - light) / 14, 0, 1)
    hues = {
        "red": (degrees < 52) | (degrees >= 338),
        "yellow": (degrees >= 52) & (degrees < 108),
        "green": (degrees >= 108) & (degrees < 190),
        "blue": (degrees >= 190) & (degrees < 315),
    }
    shares = {name: float((weight * colourful * inside).sum()) for name, inside in hues.items()}
    plain = weight * (1 - colourful)
    shares["white"], shares["black"] = float((plain * white).sum()), float((plain * black).sum())
    shares["grey"] = float((plain * (1 - white) * (1 - black)).sum())
    # windows and tyres are dark and plain on every vehicle; colour is worth more than either
    for name in hues:
        shares[name] *= 2.0
    found = np.array([shares[name] for name in COLOURS])
    return np.asarray(found / max(found.sum(), 1e-9))


def _polar(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chroma, and hue as a share of the circle, of Lab pixels (H, W, 3)."""
    a, b = pixels[..., 1].astype(np.float64), pixels[..., 2].astype(np.float64)
    return np.hypot(a, b), (np.arctan2(b, a) / (2 * np.pi)) % 1.0
