"""One mask, laid on one face of a picture of any size.

A mask lies in the usual 112x112 crop; the face in the picture. The mask is carried there by the inverse of the
similarity that would cut the crop out, bilinearly: a weighted mean of the mask's values, so no value of the picture can
change by more than the mask allows. Where the face is smaller than the crop, the mask is averaged down first, because
taking every n-th of its values would be another mask.

Owns geometry and the bound. Knows neither people nor recognisers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.faces.detect import Face, FaceDetector, overlap, refine
from viot_tools.faces.recognise import TEMPLATE, similarity, warp

SIDE = 112
SMALLEST = 40.0
"""Pixels of a face's height below which it is left as it is: a mask on it would be averaged away."""
FADE = 4.0
"""Pixels of the crop over which the mask fades at the rim, so that no edge of a square is seen."""

Delta = NDArray[np.float32]
"""(112, 112, 3) float32, RGB, on the scale of 0..255."""


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A face and where its crop lies: ``matrix`` (2, 3) takes a pixel (x, y, 1) of the picture to one of the crop."""

    face: Face
    matrix: NDArray[np.float64]

    @property
    def height(self) -> float:
        """Pixels."""
        return self.face.xyxy[3] - self.face.xyxy[1]

    @property
    def scale(self) -> float:
        """Pixels of the crop to a pixel of the picture."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def crop(self, image: Image) -> Image:
        """(112, 112, 3) the aligned face."""
        return warp(image, self.matrix, SIDE)

    def corners(self) -> NDArray[np.float64]:
        """(4, 2) the crop's corners in pixels of the picture."""
        square = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], float) - 0.5
        return np.asarray((square - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T)

    def region(self, height: int, width: int) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1: the upright box around the crop, inside a picture of that size; may be empty."""
        low, high = np.floor(self.corners().min(0)), np.ceil(self.corners().max(0)) + 1
        x0, y0 = (int(v) for v in np.clip(low, 0, (width, height)))
        x1, y1 = (int(v) for v in np.clip(high, 0, (width, height)))
        return x0, y0, x1, y1


def spots(image: Image, detector: FaceDetector) -> list[Spot]:
    """Every face of the picture with its place, from left to right. Raises WeightsMissing."""
    found = [refine(detector, image, face) for face in detector.detect(image)]
    placed = [Spot(face, similarity(face.landmarks, TEMPLATE)) for face in found]
    return sorted(placed, key=lambda s: s.face.xyxy[0])


def again(image: Image, spot: Spot, detector: FaceDetector) -> Spot | None:
    """The same face found anew in another version of the picture; None when it is not found there."""
    best = max(spots(image, detector), key=lambda s: overlap(s.face.xyxy, spot.face.xyxy), default=None)
    return best if best is not None and overlap(best.face.xyxy, spot.face.xyxy) >= 0.4 else None


def faded(delta: Delta) -> Delta:
    """The mask with its rim faded out; nowhere larger."""
    at = np.arange(SIDE, dtype=np.float32)
    ramp = np.clip((np.minimum(at, SIDE - 1 - at) + 0.5) / FADE, 0, 1)
    return np.asarray(delta * (ramp[:, None] * ramp[None])[..., None], np.float32)


def carried(delta: Delta, spot: Spot, region: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """(H, W, 3) the mask as it lies in the ``region`` of the picture; 0 outside the crop."""
    import cv2

    x0, y0, x1, y1 = region
    matrix, scale = spot.matrix.copy(), spot.scale
    matrix[:, 2] = matrix @ np.array([x0, y0, 1.0])
    delta = faded(delta)
    if scale > 1:
        side = max(2, round(SIDE / scale))
        delta = np.asarray(cv2.resize(delta, (side, side), interpolation=cv2.INTER_AREA), np.float32)
        share = side / SIDE
        matrix *= share
        matrix[:, 2] += (share - 1) / 2  # pixel centres
    # the other direction of the matrix: where in the picture a value of the mask goes
    linear = np.linalg.inv(matrix[:, :2])
    outward = np.hstack([linear, (-linear @ matrix[:, 2])[:, None]])
    return np.asarray(cv2.warpAffine(delta, outward, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR), np.float32)


def lay(image: Image, clean: Image, masks: list[tuple[Delta, Spot]], epsilon: float) -> None:
    """Put the masks on ``image`` in place; ``clean`` is the picture as it was, to which the bound holds.

    No value of ``image`` then differs from ``clean`` by more than ``epsilon`` (whole steps: 7.5 allows 7), and outside
    the crops none differs at all. Where crops overlap the sum is held to the bound too.
    """
    height, width = clean.shape[:2]
    bound = np.floor(epsilon)
    for delta, spot in masks:
        region = spot.region(height, width)
        x0, y0, x1, y1 = region
        if x1 <= x0 or y1 <= y0:
            continue
        part = image[y0:y1, x0:x1]
        origin = clean[y0:y1, x0:x1].astype(np.int16)
        change = part.astype(np.int16) - origin + np.rint(carried(delta, spot, region)).astype(np.int16)
        part[:] = np.clip(origin + np.clip(change, -bound, bound).astype(np.int16), 0, 255).astype(np.uint8)


def largest_change(a: Image, b: Image) -> int:
    """Over all values of two pictures of one size."""
    import cv2

    return int(cv2.absdiff(a, b).max(initial=0))
