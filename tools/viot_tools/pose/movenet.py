"""One person's key points in a picture: MoveNet Lightning (int8, TFLite) behind a one-method seam.

The network looks at a square of 192 pixels with one person in it; the square is cut around the person's box with a
margin, padded with grey where it leaves the frame and never stretched. Output: 17 rows of (y, x, score), 0..1 of the
square. Model: Google, "Next-Generation Pose Detection with MoveNet and TensorFlow.js", 2021.

Owns the square and the way back to pixels of the frame. Knows no tracks and no storage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image
from viot_agent.weights import Weights
from viot_tools.pose.skeleton import MODEL

if TYPE_CHECKING:
    from viot_agent.library.rows import Keypoints

SIDE: Final = 192
MARGIN: Final = 0.25
"""The square is this share larger than the longer side of the box: raised arms leave a detector's box."""
PADDING: Final = 127
"""Grey of what lies outside of the frame."""


@dataclass(frozen=True, slots=True)
class Square:
    """A square piece of a frame: left, top and side in pixels; it may reach out of the frame."""

    left: float
    top: float
    side: float


class PoseEstimator(Protocol):
    """The seam. ``model``/``model_version`` name the bytes that look."""

    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...
    def estimate(self, image: Image, xyxy: XYXY) -> Keypoints:
        """The pose of the person in the box ``xyxy`` of an RGB picture (H, W, 3): (17, 3) x, y, score."""
        ...


class MoveNet:
    """See :class:`PoseEstimator`. Raises WeightsMissing when the file is not on this machine."""

    model = MODEL

    def __init__(self, weights: Weights) -> None:
        from viot_tools.inference import compiled

        self.model_version = weights.entry(MODEL).model_version
        self._net = compiled(weights.path(MODEL))

    def estimate(self, image: Image, xyxy: XYXY) -> Keypoints:
        square = square_around(xyxy)
        raw = self._net.run(cut_square(image, square)[None])[0].reshape(17, 3)
        return to_frame(raw, square)


class FakePoses:
    """A pose made of the box alone, or by ``make``. For tests and trials."""

    model = "fake-poses"
    model_version = "0"

    def __init__(self, make: Callable[[XYXY], Keypoints] | None = None) -> None:
        self.asked: list[XYXY] = []
        self._make = make or mean_pose

    def estimate(self, image: Image, xyxy: XYXY) -> Keypoints:
        self.asked.append(xyxy)
        return self._make(xyxy)


def square_around(xyxy: XYXY, margin: float = MARGIN) -> Square:
    """The square with the box in its middle."""
    x0, y0, x1, y1 = xyxy
    side = max(x1 - x0, y1 - y0, 1.0) * (1.0 + margin)
    return Square((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def cut_square(image: Image, square: Square, side: int = SIDE) -> Image:
    """The square as (side, side, 3) uint8 RGB."""
    height, width = image.shape[:2]
    left, top = int(np.floor(square.left)), int(np.floor(square.top))
    size = max(1, int(np.ceil(square.side)))
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + size), min(height, top + size)
    whole = np.full((size, size, 3), PADDING, np.uint8)
    if x1 > x0 and y1 > y0:
        whole[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    how = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (side, side), interpolation=how), np.uint8)


def to_frame(raw: NDArray[np.float32], square: Square) -> Keypoints:
    """(17, 3) y, x, score of the square as x, y in pixels of the frame, score."""
    left, top, size = np.floor(square.left), np.floor(square.top), np.ceil(square.side)
    return np.stack([left + raw[:, 1] * size, top + raw[:, 0] * size, raw[:, 2]], 1).astype(np.float32)


_MEAN: Final = np.array(
    [
        (0.50, 0.07),
        (0.53, 0.05),
        (0.47, 0.05),
        (0.57, 0.06),
        (0.43, 0.06),
        (0.68, 0.19),
        (0.32, 0.19),
        (0.76, 0.34),
        (0.24, 0.34),
        (0.78, 0.47),
        (0.22, 0.47),
        (0.62, 0.50),
        (0.38, 0.50),
        (0.61, 0.73),
        (0.39, 0.73),
        (0.60, 0.95),
        (0.40, 0.95),
    ],
    np.float32,
)


def mean_pose(xyxy: XYXY) -> Keypoints:
    """A person who stands upright and faces the camera, fitted into the box: the floor of ``viot bench vision``."""
    x0, y0, x1, y1 = xyxy
    place = np.array([x0, y0], np.float32) + _MEAN * np.array([x1 - x0, y1 - y0], np.float32)
    return np.concatenate([place, np.ones((17, 1), np.float32)], 1).astype(np.float32)
