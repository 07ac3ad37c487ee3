"""From pictures of one unmoving camera to the silhouettes of the people in it.

No segmentation weights are needed: the background of a stretch of footage is the median of pictures spread over it,
with the people's own boxes left out, and a person is what differs from it inside a box. A mask is cleaned, judged, and
laid into 64 x 44 pixels as gait recognition does (Chao et al., "GaitSet: Regarding Gait as a Set for Cross-View Gait
Recognition", AAAI 2019, section 4.1: cut to the height, scaled to 64, centred on the median column of its mass).

Owns pixels -> mask -> aligned silhouette, and what makes one good enough. Knows no tracks, no network and no storage:
the training simulator and the benchmark's clean and lay out their masks by the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY, Image

Mask = NDArray[np.bool_]
"""(H, W) True where the person is."""
Silhouette = NDArray[np.uint8]
"""(64, 44) uint8, 0 outside to 255 inside."""

ROWS, COLUMNS = 64, 44
AROUND = 0.2
"""Share of a box's size that is looked at around it: detectors cut off feet and swinging arms."""
LEAST_HEIGHT = 56.0
"""Pixels that a person must be tall in the working picture (its longest side is ``scene.WORK``)."""
LEAST_STEP, STEP_NOISE = 14.0, 4.0
"""A pixel is foreground when it differs from the background by this many grey steps of 256, or by this many times the
noise of the scene, whichever is more."""
SHADOW_DARKEST, SHADOW_CHROMA, SHADOW_FROM = 0.45, 0.035, 0.65
"""A shadow keeps the colour (normalised r, g within this) and darkens to no less than this share; it is looked for from
this share of the box's height down, since dark clothes before grey ground look the same."""
LEAST_PART = 0.08
"""A piece of foreground under this share of the largest is dropped."""


@dataclass(frozen=True, slots=True)
class Background:
    """``median`` (H, W, 3) uint8; ``known`` (H, W) where enough pictures showed it; ``noise`` in grey steps."""

    median: NDArray[np.uint8]
    known: Mask
    noise: float


def background(pictures: NDArray[np.uint8], covered: NDArray[np.bool_], least: int = 3) -> Background:
    """The background of ``pictures`` (N, H, W, 3) where they are not ``covered`` (N, H, W) by people.

    A pixel is known where at least ``least`` pictures show it uncovered. The noise is 1.48 times the median absolute
    difference of known, uncovered pixels from the background (a robust standard deviation).
    """
    shown = (~covered).sum(0)
    stack = np.ascontiguousarray(np.where(covered[..., None], np.uint8(255), pictures).transpose(1, 2, 3, 0))
    stack.sort(axis=-1)  # covered entries sort behind all others
    middle = np.maximum(shown - 1, 0) // 2
    median = np.take_along_axis(stack, middle[:, :, None, None], axis=-1)[..., 0]
    known = shown >= least
    some = pictures[:: max(1, len(pictures) // 6), ::3, ::3].astype(np.int16)
    seen = ~covered[:: max(1, len(pictures) // 6), ::3, ::3] & known[::3, ::3]
    off = np.abs(some - median[::3, ::3]).mean(-1)[seen]
    noise = 1.48 * float(np.median(off)) if off.size else 0.0
    return Background(median, known, noise)


def window(xyxy: XYXY, width: int, height: int) -> tuple[int, int, int, int]:
    """The box with ``AROUND`` of its size on each side, inside the picture, as whole pixels x0, y0, x1, y1."""
    x0, y0, x1, y1 = xyxy
    mx, my = AROUND * (x1 - x0), AROUND * (y1 - y0)
    # arms and legs swing sideways: half a body's height is the widest stride
    mx = max(mx, 0.12 * (y1 - y0))
    return max(0, int(x0 - mx)), max(0, int(y0 - my)), min(width, int(x1 + mx) + 1), min(height, int(y1 + my) + 1)


def foreground(cut: Image, behind: NDArray[np.uint8], box: XYXY, noise: float) -> Mask:
    """What differs from the background in ``cut`` (h, w, 3), ``box`` being the person's in pixels of ``cut``.

    The light of the moment is taken out by the median difference outside the box. Shadows on the ground are left out.
    """
    a = cv2.GaussianBlur(cut, (3, 3), 0).astype(np.float32)
    b = cv2.GaussianBlur(behind, (3, 3), 0).astype(np.float32)
    x0, y0, x1, y1 = (round(v) for v in box)
    outside = np.ones(cut.shape[:2], bool)
    outside[max(0, y0) : y1, max(0, x0) : x1] = False
    if outside.sum() > 50:
        a = np.clip(a - np.median((a - b)[outside], axis=0), 0.0, 255.0)
    step = np.abs(a - b).max(-1)
    mask: Mask = step > max(LEAST_STEP, STEP_NOISE * noise)
    low = max(0, int(y0 + SHADOW_FROM * (y1 - y0)))
    mask[low:] &= ~_shadow(a[low:], b[low:])
    return mask


def _shadow(a: NDArray[np.float32], b: NDArray[np.float32]) -> Mask:
    light_a, light_b = a.sum(-1) + 1.0, b.sum(-1) + 1.0
    ratio = light_a / light_b
    chroma = np.abs(a[..., :2] / light_a[..., None] - b[..., :2] / light_b[..., None]).max(-1)
    dark: Mask = (ratio > SHADOW_DARKEST) & (ratio < 0.97) & (chroma < SHADOW_CHROMA)
    return dark


def clean(mask: Mask, box: XYXY) -> Mask:
    """The person in a raw ``mask``: specks off, gaps closed, pieces that belong together kept, holes filled.

    Pieces must meet the ``box`` (pixels of the mask) and have ``LEAST_PART`` of the largest one's area. An empty mask
    comes back where nothing is left.
    """
    tall = max(8.0, box[3] - box[1])
    near = _ellipse(max(1, round(tall / 90)))
    wide = _ellipse(max(1, round(tall / 36)))
    raw = mask.astype(np.uint8)
    raw = cv2.morphologyEx(raw, cv2.MORPH_OPEN, near)
    raw = cv2.morphologyEx(raw, cv2.MORPH_CLOSE, wide)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(raw, connectivity=8)
    if count < 2:
        return np.zeros(mask.shape, bool)
    area = stats[1:, cv2.CC_STAT_AREA].astype(float)
    mid_x, half = (box[0] + box[2]) / 2, max(0.65 * (box[2] - box[0]), 0.25 * tall)
    inside = (np.abs(centres[1:, 0] - mid_x) < half) & (centres[1:, 1] > box[1] - 0.1 * tall)
    inside &= centres[1:, 1] < box[3] + 0.08 * tall
    if not inside.any():
        return np.zeros(mask.shape, bool)
    good = inside & (area >= LEAST_PART * area[inside].max())
    kept = np.isin(labels, 1 + np.flatnonzero(good)).astype(np.uint8)
    outline, tree = cv2.findContours(kept, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for contour, node in zip(outline, tree[0], strict=True):
        # the gap between the legs is no hole: it is open to the ground, or larger than this
        if node[3] >= 0 and cv2.contourArea(contour) < 0.004 * tall * tall:
            cv2.drawContours(kept, [contour], -1, 1, cv2.FILLED)
    return kept.astype(bool)


def _ellipse(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def fault(mask: Mask, box: XYXY) -> str:
    """Why a cleaned mask is no usable silhouette, in a word or two; empty when it is.

    ``box`` is the detector's, in pixels of the mask.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return "not told from the background"
    tall, wide = float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)
    box_tall = max(1.0, box[3] - box[1])
    if tall < LEAST_HEIGHT * 0.85:
        return "too small"
    if not 0.8 <= tall / box_tall <= 1.25:
        return "incomplete"
    if wide / tall > 0.85:
        return "not alone"
    filled = float(mask.sum()) / (tall * wide)
    if filled < 0.28 or float(mask.sum()) < 0.11 * tall * tall:
        return "not told from the background"
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2 or stats[1:, cv2.CC_STAT_AREA].max() < 0.85 * mask.sum():
        return "in pieces"
    ends = mask[[rows[0], rows[-1]]].sum(1)
    if columns[0] == 0 or columns[-1] == mask.shape[1] - 1 or ends.max() > 0.7 * wide:
        return "not alone"
    return ""


def align(mask: Mask) -> Silhouette:
    """A good mask in 64 x 44 pixels: its height fills the rows, the median column of its mass is in the middle."""
    rows = np.flatnonzero(mask.any(1))
    cut = mask[rows[0] : rows[-1] + 1].astype(np.uint8) * 255
    scale = ROWS / cut.shape[0]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(cut, (max(1, round(cut.shape[1] * scale)), ROWS), interpolation=how)
    mass = np.cumsum(small.sum(0, dtype=np.int64))
    middle = int(np.searchsorted(mass, mass[-1] / 2))
    padded = np.pad(small, ((0, 0), (COLUMNS, COLUMNS)))
    left = middle + COLUMNS - COLUMNS // 2
    return np.ascontiguousarray(padded[:, left : left + COLUMNS])


def crowded(box: XYXY, others: Sequence[XYXY]) -> bool:
    """Whether another person's box covers more than a fifteenth of this one, or hides behind its sides."""
    x0, y0, x1, y1 = box
    size = max(1e-6, (x1 - x0) * (y1 - y0))
    for a0, b0, a1, b1 in others:
        meet = max(0.0, min(x1, a1) - max(x0, a0)) * max(0.0, min(y1, b1) - max(y0, b0))
        if meet > size / 15:
            return True
    return False
