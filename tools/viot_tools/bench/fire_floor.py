"""What fire is measured against: the supplied classifier, and the share of flame-coloured pixels.

Owns the two scores of a picture. Knows no rows and no clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from viot_agent.media.types import Image
from viot_agent.weights import Weights
from viot_tools.inference import compiled

FLOOR = "htn-fire"
Score = Callable[[Image], float]


def logit(p: float) -> float:
    """Log odds of a score 0..1."""
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def flame_coloured(image: Image) -> float:
    """Share of pixels with red > 180, red >= green > blue and red - blue > 60: the trivial rule."""
    r, g, b = (image[..., k].astype(int) for k in range(3))
    return float(((r > 180) & (r >= g) & (g > b) & (r - b > 60)).mean())


def supplied_score(weights: Weights) -> Score | None:
    """The supplied classifier (MobileNetV2, 224 x 224 RGB / 255, first output = fire); None where its file is not."""
    if weights.locate(FLOOR) is None:
        return None
    model = compiled(weights.path(FLOOR))

    def score(image: Image) -> float:
        small = cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)
        return float(model.run(np.asarray(small, np.float32)[None] / 255)[0].reshape(-1)[0])

    return score
