"""The light on a face, read from its skin, so that a mask laid over it is lit alike.

A plane is fitted to the luminance of the skin that stays visible or is about to be covered (cheeks, nose, forehead),
over canonical coordinates, by least squares with two rounds in which what lies far from the plane (beards, hair,
shine) is left out. Owns that reading. Knows no mask.
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
    of the level; ``cast`` (3,) the light's colour, mean luminance 1; ``grey``: the picture has no colours."""

    level: float
    across: float
    down: float
    cast: NDArray[np.float32]
    grey: bool

    def at(self, canonical: NDArray[np.float32]) -> NDArray[np.float32]:
        """The gain at canonical points (..., 2), 0.2 to 1.6."""
        slope = 1 + self.across * canonical[..., 0] + self.down * (canonical[..., 1] - 0.7)
        return np.asarray(np.clip(self.level * np.clip(slope, 0.45, 1.55), 0.2, 1.6), np.float32)


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
    weight = value > np.percentile(value, 20)
    for _ in range(3):
        fit = np.linalg.lstsq(design[weight], value[weight], rcond=None)[0]
        away = value - design @ fit
        spread = max(float(np.median(np.abs(away[weight]))) * 2.5, 4.0)
        weight = np.abs(away) < spread
        if weight.sum() < 12:
            weight = np.ones(len(value), bool)
    skin = max(float(fit[0]), 8.0)
    bright = float(np.percentile(image, 97))
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
    )


def _cast(skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """A third of the way from white light to what would make a common skin tone look like ``skin``."""
    common = np.array([1.17, 0.955, 0.79], np.float32)  # skin's channels over its luminance in white light
    ratio = skin / max(float(skin @ LUMA), 1.0) / common
    cast = np.clip(1 + 0.33 * (ratio - 1), 0.85, 1.18)
    return np.asarray(cast / float(cast @ LUMA), np.float32)
