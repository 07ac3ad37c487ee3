"""Names of colours: which of the eleven basic colour terms of English (Berlin and Kay, 1969) a pixel has.

Each term is a region of CIE Lab in lightness, saturation and hue with soft borders, as in Benavente, Vanrell and
Baldrich, "Parametric fuzzy sets for automatic color naming" (JOSA A 25(10), 2008). The borders are our own, set by what
the words mean; what is left of their error is taken up by the calibration. Saturation is chroma by lightness and not
chroma, so a red coat in the dark is still red; and pictures are first brought to a common light (``light_of``), so
that a white shirt in a dark room is not grey.

Owns pixels -> shares of names. Knows no body, no vehicle, no model and no storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

COLOURS: Final = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
"""The same as ``viot_tools.qa.program.COLOURS``; a test holds them equal."""
EDGES: Final = (44.0, 66.0, 111.0, 186.0, 302.0, 345.0)
"""Where in degrees of Lab hue red, orange, yellow, green, blue and purple end; red begins where purple ends."""
SOFT: Final = 4.0
"""Degrees over which one hue gives way to the next."""
BRIGHT, AIM, GAINS = 0.75, 0.45, (0.6, 3.0)
"""The frame's ``BRIGHT`` quantile of linear luminance is brought to ``AIM``, by a factor within ``GAINS``."""
DARK, VEIL, THICK = 0.05, 0.5, 0.05
"""Of each channel's ``DARK`` quantile the share ``VEIL`` is taken for haze and the camera's own black, ``THICK`` at
most."""

Lab = NDArray[np.float64]
"""(N, 3) CIE Lab, L 0..100."""
Shares = NDArray[np.float64]
"""(N, 11) or (11,) how much of each of ``COLOURS``; sums to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What a frame's light does to linear RGB: ``veil`` (3,) lies over it all, ``gain`` (3,) makes up for the rest."""

    veil: NDArray[np.float64]
    gain: NDArray[np.float64]


def light_of(frame: Image) -> Light:
    """How to bring a frame to a common brightness, and halfway to a neutral light.

    The veil is the darkest of the picture (dark-object subtraction: Chavez, "An improved dark-object subtraction
    technique", Remote Sensing of Environment 24, 1988), the light is estimated by Shades of Grey (Finlayson and
    Trezzi, CIC 2004) with p = 4.
    """
    small = _linear(cv2.resize(frame, (64, 36), interpolation=cv2.INTER_AREA)).reshape(-1, 3)
    veil = np.minimum(np.quantile(small, DARK, axis=0) * VEIL, THICK)
    small = np.maximum(small - veil, 0) / (1 - veil)
    bright = float(np.quantile(small @ np.array([0.2126, 0.7152, 0.0722]), BRIGHT))
    light = (small**4).mean(0) ** 0.25
    neutral = np.clip((light.mean() / np.maximum(light, 1e-3)) ** 0.5, 0.8, 1.25)
    return Light(veil, np.asarray(np.clip(AIM / max(bright, 1e-3), *GAINS) * neutral))


def lab(image: Image, light: Light | None = None, side: int = 24) -> Lab:
    """(side * side, 3) Lab pixels of an RGB picture, shrunk or enlarged, with its frame's ``light`` made up for."""
    how = cv2.INTER_AREA if min(image.shape[:2]) > side else cv2.INTER_LINEAR
    small = cv2.resize(image, (side, side), interpolation=how)
    linear = _linear(small)
    if light is not None:
        linear = np.maximum(linear - light.veil, 0) / (1 - light.veil) * light.gain
    shown = np.where(linear < 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    pixels = cv2.cvtColor(np.clip(shown, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
    return np.asarray(pixels.reshape(-1, 3), np.float64)


def names(pixels: Lab) -> Shares:
    """(N, 11) how much of each of ``COLOURS`` each pixel is."""
    light, a, b = pixels.T
    chroma = np.hypot(a, b)
    degrees = np.degrees(np.arctan2(b, a)) % 360
    strength = chroma / (light + 16)
    # daylight in the shade is bluish: grey reaches further there
    colourful = _rise(strength, 0.18 + 0.05 * np.exp(-((_apart(degrees, 265) / 45) ** 2)), 0.04)
    black, white = _rise(-light, -29, 5), _rise(light, 60, 6)
    none = _rise(-light, -9, 2)  # too dark for any hue
    red, orange, yellow, green, blue, purple = (colourful * (1 - none) * hue for hue in _hues(degrees).T)
    # dark or dull orange and yellow are brown, pale red and purple pink
    from_orange = np.maximum(_rise(-light, -46, 6), _rise(-strength, -0.45, 0.1))
    from_yellow = np.maximum(_rise(-light, -40, 6), _rise(-strength, -0.3, 0.06) * _rise(-light, -74, 6))
    from_yellow = from_yellow * _rise(-degrees, -98, 6)
    from_red = _rise(-light, -41, 6) * _rise(-strength, -0.45, 0.08) * _rise(degrees % 340, 18, 8)
    pale_red = (1 - from_red) * _rise(light, 58, 6) * _rise(-chroma, -62, 8)
    pale_purple = _rise(light, 60, 6) * _rise(degrees, 318, 8)
    found = {
        "black": (1 - colourful) * black + colourful * none,
        "white": (1 - colourful) * white,
        "grey": (1 - colourful) * (1 - black) * (1 - white),
        "red": red * (1 - from_red - pale_red),
        "orange": orange * (1 - from_orange),
        "yellow": yellow * (1 - from_yellow),
        "green": green,
        "blue": blue,
        "purple": purple * (1 - pale_purple),
        "pink": red * pale_red + purple * pale_purple,
        "brown": orange * from_orange + yellow * from_yellow + red * from_red,
    }
    each = np.stack([found[name] for name in COLOURS], 1)
    return np.asarray(each / np.maximum(each.sum(1, keepdims=True), 1e-9))


def _hues(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 6) memberships in the six hues of ``EDGES``; every row sums to 1."""
    found = []
    for start, end in zip((EDGES[-1] - 360, *EDGES[:-1]), EDGES, strict=True):
        found.append(_rise(-np.abs(_apart(degrees, (start + end) / 2)), -(end - start) / 2, SOFT))
    each = np.stack(found, 1)
    return np.asarray(each / each.sum(1, keepdims=True))


def _apart(degrees: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """Signed difference of angles, -180..180."""
    return np.asarray((degrees - at + 180) % 360 - 180)


def _rise(x: NDArray[np.float64], at: float | NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A logistic step from 0 to 1 at ``at``."""
    return np.asarray(1 / (1 + np.exp(-np.clip((x - at) / width * 2, -40, 40))))


def _linear(image: Image) -> NDArray[np.float64]:
    """sRGB 0..255 to linear light 0..1 (IEC 61966-2-1)."""
    x = image.astype(np.float64) / 255
    return np.asarray(np.where(x < 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4))
