"""The light on a face and the sharpness of its picture, so that a mask laid over it is lit and focused alike.

A plane is fitted to the luminance of the skin that stays visible or is about to be covered (cheeks, nose, forehead),
over canonical coordinates, by least squares with two rounds in which what lies far from the plane (beards, hair,
shine) is left out. Sharpness is the energy of the finest details over that of coarser ones. Owns these readings. Knows
no mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.masks.face import FaceMesh

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EVEN = 172.0
"""Luminance of skin in the even light in which the templates' colours hold."""


@dataclass(frozen=True, slots=True)
class Light:
    """``level`` 1 = the even light of the templates; ``across`` and ``down``: change of it per canonical unit, as part
    of the level; ``cast`` (3,) the light's colour, mean luminance 1; ``grey``: the picture has no colours; ``skin``:
    its luminance in the middle of the face, 0..255 (0 unknown); ``blur``: how soft the picture is, as the deviation in
    pixels of the Gaussian that makes a sharp drawing look like it."""

    level: float
    across: float
    down: float
    cast: NDArray[np.float32]
    grey: bool
    skin: float = 0.0
    blur: float = 0.5

    def at(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """The gain at canonical points, 0.2 to 1.6."""
        slope = np.clip(1 + self.across * x + self.down * (y - 0.7), 0.45, 1.55)
        return np.asarray(np.clip(self.level * slope, 0.2, 1.6), np.float32)

    def hidden(
        self, luminance: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Where what is seen at canonical points is far darker than skin would be there: hair before the face."""
        slope = np.clip(1 + self.across * x + self.down * (y - 0.7), 0.45, 1.55)
        return np.asarray(luminance < 0.38 * self.skin * slope, bool)


_X, _Y = np.meshgrid(np.linspace(-0.95, 0.95, 15), np.linspace(-0.75, 1.5, 19))
_PLACES = np.column_stack([_X.ravel(), _Y.ravel()]).astype(np.float32)
_PLACES = _PLACES[
    ~((np.abs(_PLACES[:, 1]) < 0.2) & (np.abs(np.abs(_PLACES[:, 0]) - 0.5) < 0.35))  # the eyes
    & (np.abs(_PLACES[:, 0]) < 1.0 - 0.25 * np.clip(_PLACES[:, 1] - 0.4, 0, 2))
]


def light_on(image: Image, mesh: FaceMesh) -> Light:
    """The light on the face that ``mesh`` describes in ``image`` (H, W, 3) uint8 RGB."""
    import cv2

    height, width = image.shape[:2]
    at = mesh.map(_PLACES)
    seen = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] <= width - 1) & (at[:, 1] <= height - 1)
    if seen.sum() < 20:
        return Light(0.9, 0.0, 0.0, np.ones(3, np.float32), False)
    places, at = _PLACES[seen], at[seen]
    colours = cv2.remap(image, at[:, 0].reshape(-1, 1), at[:, 1].reshape(-1, 1), cv2.INTER_LINEAR).reshape(-1, 3)
    colours = colours.astype(np.float32)
    value = colours @ LUMA
    design = np.column_stack([np.ones(len(places)), places[:, 0], places[:, 1] - 0.7])
    weight = value >= np.percentile(value, 20)
    for _ in range(3):
        fit = np.linalg.lstsq(design[weight], value[weight], rcond=None)[0]
        away = value - design @ fit
        spread = max(float(np.median(np.abs(away[weight]))) * 2.5, 4.0)
        weight = np.abs(away) < spread
        if weight.sum() < 12:
            weight = np.ones(len(value), bool)
    skin = max(float(fit[0]), 8.0)
    step = max(1, int((image.shape[0] * image.shape[1] / 20_000) ** 0.5))
    bright = float(np.percentile(image[::step, ::step], 97))
    # dark skin in good light must not darken the mask as dim light would: the picture's whites tell them apart
    level = 0.55 * (skin / _EVEN) ** 0.75 + 0.45 * (bright / 235.0)
    mean = colours[weight].mean(axis=0)
    spread_of_colours = float(np.abs(colours - colours.mean(axis=1, keepdims=True)).mean())
    return Light(
        float(np.clip(level, 0.25, 1.12)),
        float(np.clip(0.8 * fit[1] / skin, -0.45, 0.45)),
        float(np.clip(0.5 * fit[2] / skin, -0.15, 0.15)),
        _cast(mean),
        spread_of_colours < 1.5,
        skin,
        _blur(image, at),
    )


def _blur(image: Image, at: NDArray[np.float32]) -> float:
    """The softness of the part of the picture around these points, 0.3 to 2.2 pixels: the finest details weighed
    against coarser ones, calibrated on sharp portraits blurred on purpose."""
    import cv2

    x0, y0 = np.maximum(at.min(axis=0), 0).astype(int)
    x1, y1 = np.ceil(at.max(axis=0)).astype(int)
    step = max(1, (y1 - y0) // 400)
    if step > 1:  # a face this large is judged by a part of it: at full resolution, in the middle
        cx, cy = (x0 + x1) // 2, (y0 + y1) // 2
        x0, y0, x1, y1 = cx - 200, cy - 200, cx + 200, cy + 200
    part = image[max(0, y0) : y1, max(0, x0) : x1]
    if part.shape[0] < 12 or part.shape[1] < 12:
        return 0.5
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(grey, (0, 0), s) for s in (0.7, 1.4, 2.8))
    ratio = float(np.sqrt(np.mean((grey - fine) ** 2) / (np.mean((middle - coarse) ** 2) + 1e-3)))
    return float(np.interp(ratio, (0.15, 0.20, 0.25, 0.35, 0.50, 0.80), (2.2, 1.8, 1.4, 0.95, 0.55, 0.3)))


def _cast(skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """A third of the way from white light to what would make a common skin tone look like ``skin``."""
    common = np.array([1.17, 0.955, 0.79], np.float32)  # skin's channels over its luminance in white light
    ratio = skin / max(float(skin @ LUMA), 1.0) / common
    cast = np.clip(1 + 0.33 * (ratio - 1), 0.85, 1.18)
    return np.asarray(cast / float(cast @ LUMA), np.float32)
