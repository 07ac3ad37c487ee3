"""Training samples: crops of pictures with fire; flames and smoke laid into other pictures; hard ones without fire.

The pictures with boxes are nearly all gas flares before a sky. So that neither the sky nor the mast is what is learnt,
flames cut out of them (and painted ones) are laid into faces, cars, streets and rooms, by day and by night; and the sky
without its flame, warm pictures, lamps, sunsets and orange cloth are shown as what they are: no fire.

Owns the mixture. Every draw comes from the generator given, so a seed gives the same samples. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_finetune.vision.fire_data import Burning
from viot_finetune.vision.fire_net import IGNORE, NO, SOMEWHERE, YES
from viot_finetune.vision.fire_paint import Patch, cloth, flame, laid, lamp, smoke, sunset
from viot_tools.fire.model import CELL

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mixture:
    """What a stage of training is shown. ``size``: pixels of a sample's side, a multiple of 16. ``real``, ``pasted``
    and ``without`` are the shares of the three kinds of samples; they add up to 1."""

    size: int = 160
    real: float = 0.4
    pasted: float = 0.25
    without: float = 0.35
    painted_flames: float = 0.35
    """Share of the flames laid in that are painted; the others are cut out of the training pictures."""
    distractors: float = 0.5
    night: float = 0.35
    varied: bool = False
    """Fire in duller, darker and odder colours too, and behind haze."""


class Samples:
    """An endless stream of samples. ``burning`` and ``without`` are what may be seen (the other folds are left out)."""

    def __init__(self, burning: Sequence[Burning], without: Sequence[Image], mixture: Mixture = Mixture()) -> None:
        self._burning, self._without, self._mixture = list(burning), list(without), mixture
        self._flames = [p for picture in burning for p in cut_outs(picture, 0)]
        self._smokes = [p for picture in burning for p in cut_outs(picture, 1)]

    def draw(self, rng: np.random.Generator) -> tuple[Image, Labels, Labels]:
        """(size, size, 3) uint8 RGB; labels of ``fire_net``: cells (2, size / 8, size / 8), picture (2,)."""
        kind, size = rng.random(), self._mixture.size
        if kind < self._mixture.real:
            image, fire, somewhere_fire, somewhere_smoke, unknown = self._real(rng)
            burns = True
        else:
            burns = kind < self._mixture.real + self._mixture.pasted
            image = self._background(rng)
            fire, somewhere_fire, somewhere_smoke, unknown = (np.zeros((size, size), np.float32) for _ in range(4))
        if rng.random() < self._mixture.distractors:
            image = self._distracted(rng, image, fire)
        covered = np.zeros((size, size), np.float32)
        if burns and kind >= self._mixture.real:
            image, fire, covered = self._set_on_fire(rng, image)
        image = coloured(rng, image, not burns, self._mixture.varied)
        cells, pictures = labels_of(fire, somewhere_fire, somewhere_smoke, unknown, covered)
        return worn(rng, image), cells, pictures

    def _real(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        """A crop of a picture with fire: image, flame, in a fire box, in a smoke box, unknown of smoke."""
        picture = self._burning[int(rng.integers(len(self._burning)))]
        size = self._mixture.size
        height, width = picture.image.shape[:2]
        scale = np.exp(rng.uniform(np.log(0.63), np.log(2.0))) * 256 / max(height, width)
        aspect = np.exp(rng.uniform(-0.25, 0.25))
        sx, sy = max(scale * aspect, size / width), max(scale / aspect, size / height)
        boxes = [b for b in picture.boxes if b[0] == 0] or list(picture.boxes)
        if rng.random() < 0.7 and boxes:  # with a flame in it; else anywhere, sky and masts too
            _, x0, y0, x1, y1 = boxes[int(rng.integers(len(boxes)))]
            fx, fy = rng.uniform(x0, x1), rng.uniform(y0, y1)
        else:
            fx, fy = rng.uniform(0, width), rng.uniform(0, height)
        left = np.clip(fx * sx - rng.uniform(0.1, 0.9) * size, 0, width * sx - size)
        top = np.clip(fy * sy - rng.uniform(0.1, 0.9) * size, 0, height * sy - size)
        matrix = np.array([[sx, 0, -left], [0, sy, -top]], np.float32)
        crop = cv2.warpAffine(picture.image, matrix, (size, size), borderMode=cv2.BORDER_REFLECT)
        masks = cv2.warpAffine(picture.masks, matrix, (size, size))
        if rng.random() < 0.5:
            crop, masks = crop[:, ::-1], masks[:, ::-1]
        planes = np.asarray(masks, np.float32) / np.float32(255)
        return np.asarray(crop, np.float32), planes[..., 0], planes[..., 1], planes[..., 2], planes[..., 3]

    def _background(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """A crop without fire: of the stills, or of the box-free part of a picture with fire."""
        if rng.random() < 0.25:
            for _ in range(8):
                image, fire, in_fire, in_smoke, unknown = self._real(rng)
                if not (fire.any() or in_fire.any() or in_smoke.any() or unknown.any()):
                    return sunset(rng, image) if rng.random() < 0.6 else image
        still = self._without[int(rng.integers(len(self._without)))]
        side = self._mixture.size
        height, width = still.shape[:2]
        least = side / min(height, width)
        scale = max(least, np.exp(rng.uniform(np.log(0.35), np.log(1.2))))
        size = (max(side, round(width * scale)), max(side, round(height * scale)))
        small = cv2.resize(still, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        x, y = int(rng.integers(size[0] - side + 1)), int(rng.integers(size[1] - side + 1))
        crop = np.asarray(small, np.float32)[y : y + side, x : x + side]
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return sunset(rng, crop) if rng.random() < 0.1 else crop

    def _distracted(
        self, rng: np.random.Generator, image: NDArray[np.float32], fire: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """With lamps and warm things; beside a flame, never on it."""
        if rng.random() < 0.35:
            image = image * rng.uniform(0.1, 0.6)
        for _ in range(int(rng.integers(1, 5))):
            size = int(np.exp(rng.uniform(np.log(6), np.log(70))))
            cx, cy = int(rng.integers(self._mixture.size)), int(rng.integers(self._mixture.size))
            m = size
            if fire[max(0, cy - m) : cy + m, max(0, cx - m) : cx + m].any():
                continue
            if rng.random() < 0.5:
                image = laid(image, lamp(rng, max(8, size)), cx, cy, True)[0]
            else:
                image = laid(image, cloth(rng, size), cx, cy, False)[0]
        return image

    def _set_on_fire(
        self, rng: np.random.Generator, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """With flames, smoke or both laid in: image, flame, smoke."""
        size = self._mixture.size
        fire, covered = (np.zeros((size, size), np.float32) for _ in range(2))
        if rng.random() < self._mixture.night:
            image = image * rng.uniform(0.08, 0.6)
        both = rng.random()
        x, y = rng.uniform(0.1, 0.9) * size, rng.uniform(0.2, 0.9) * size
        if both < 0.55:
            patch = smoke(rng, int(rng.uniform(40, 180)))
            if self._smokes and rng.random() < 0.5:
                patch = self._picked(rng, self._smokes, rng.uniform(40, 170))
            image, cover = laid(image, patch, int(x), int(y - patch.shape[0] * rng.uniform(0.2, 0.5)), False)
            covered = np.maximum(covered, cover)
        if both > 0.2:
            for _ in range(int(rng.integers(1, 4))):
                high = np.exp(rng.uniform(np.log(10), np.log(150)))
                if rng.random() < self._mixture.painted_flames or not self._flames:
                    patch, glows = flame(rng, max(10, int(high))), rng.random() < 0.6
                else:
                    patch, glows = self._picked(rng, self._flames, high), rng.random() < 0.4
                if self._mixture.varied:  # seen through haze
                    patch = patch * np.array([1, 1, 1, rng.uniform(0.6, 1.0)], np.float32)
                cx, cy = int(x + rng.normal(0, 20)), int(y + rng.normal(0, 12))
                image, cover = laid(image, patch, cx, cy, glows)
                fire = np.maximum(fire, cover)
            if rng.random() < 0.3:  # what burns colours what is near it
                glow = cv2.GaussianBlur(fire, (0, 0), rng.uniform(8, 25))[..., None] * rng.uniform(0.3, 0.9)
                image = image * (1 + glow * np.array([0.9, 0.3, -0.2], np.float32)) + glow * np.array([60, 22, 0])
        return np.clip(image, 0, 255), fire, covered * (fire < 0.3)

    def _picked(self, rng: np.random.Generator, bank: Sequence[Patch], size: float) -> Patch:
        """A patch of the bank, ``size`` pixels high, turned and mirrored."""
        patch = bank[int(rng.integers(len(bank)))]
        scale = size / patch.shape[0]
        width = max(4, round(patch.shape[1] * scale * np.exp(rng.uniform(-0.3, 0.3))))
        made = cv2.resize(patch, (min(width, 2 * self._mixture.size), max(4, int(size))), interpolation=cv2.INTER_AREA)
        return np.asarray(made[:, ::-1] if rng.random() < 0.5 else made, np.float32)


def cut_outs(picture: Burning, kind: int) -> list[Patch]:
    """The flames (0) or the dark smoke (1) of the picture's boxes as patches, where they can be told from the rest."""
    made = []
    for which, x0, y0, x1, y1 in picture.boxes:
        if which != kind or min(x1 - x0, y1 - y0) < 12:
            continue
        colour = picture.image[y0:y1, x0:x1].astype(np.float32)
        if kind == 0:
            alpha = picture.masks[y0:y1, x0:x1, 0].astype(np.float32) / 255
        else:
            light = colour.max(2)
            alpha = np.clip((np.percentile(light, 85) - light - 20) / 60, 0, 1)
            alpha *= 1 - picture.masks[y0:y1, x0:x1, 1].astype(np.float32) / 255
            alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.5), np.float32)
        if 0.12 < float(alpha.mean()) < 0.9:
            made.append(np.dstack([colour, alpha]).astype(np.float32))
    return made


def coloured(rng: np.random.Generator, image: NDArray[np.float32], strong: bool, varied: bool) -> NDArray[np.float32]:
    """Another light and another camera. ``strong``: colours far off, so that warm alone is not taken for fire;
    ``varied``: fire in odd colours too."""
    spread = 0.1
    if (strong or varied) and rng.random() < 0.5:
        spread = 0.35 if strong else 0.2
    gains = np.exp(rng.uniform(-spread, spread, 3)).astype(np.float32)
    if strong and rng.random() < 0.2:
        gains = np.array([rng.uniform(1.1, 1.6), rng.uniform(0.7, 1.0), rng.uniform(0.2, 0.7)], np.float32)
    image = image * gains * rng.uniform(0.55 if varied else 0.7, 1.2)
    grey = image.mean(2, keepdims=True)
    least = 0.2 if strong else 0.4 if varied else 0.5
    image = grey + (image - grey) * rng.uniform(least, 1.35)
    if rng.random() < 0.3:
        image = 255 * (np.clip(image, 0, 255) / 255) ** np.exp(rng.uniform(-0.4, 0.4))
    if strong and rng.random() < 0.1:  # mist
        image = image + (rng.uniform(150, 230) - image) * rng.uniform(0.1, 0.6)
    return np.asarray(np.clip(image, 0, 255), np.float32)


def worn(rng: np.random.Generator, image: NDArray[np.float32]) -> Image:
    """As a cheap camera gives it: blurred, coarse, noisy, compressed."""
    if rng.random() < 0.3:
        side = image.shape[0]
        small = int(side * rng.uniform(0.4, 0.9))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(2, 10), image.shape).astype(np.float32)
    made = np.asarray(np.clip(image, 0, 255), np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])
        made = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return made


def labels_of(
    fire: NDArray[np.float32],
    in_fire: NDArray[np.float32],
    in_smoke: NDArray[np.float32],
    unknown: NDArray[np.float32],
    covered: NDArray[np.float32],
) -> tuple[Labels, Labels]:
    """Planes (size, size) 0..1 to labels of cells and of the picture. ``covered``: smoke laid in, pixel by pixel."""
    side = fire.shape[0] // CELL
    f, inf, ins, unk, cov = (
        cv2.resize(np.asarray(p, np.float32), (side, side), interpolation=cv2.INTER_AREA)
        for p in (fire, in_fire, in_smoke, unknown, covered)
    )
    cells = np.full((2, side, side), NO, np.int64)
    cells[0][(f > 0.03) | (inf > 0.02)] = IGNORE
    cells[0][f >= 0.3] = YES
    if not (f >= 0.3).any() and f.max() > 0.03:
        cells[0][f >= 0.6 * f.max()] = SOMEWHERE  # a flame smaller than a cell
    cells[1][(unk > 0.02) | (cov > 0.08)] = IGNORE
    cells[1][ins > 0.6] = SOMEWHERE
    cells[1][cov >= 0.4] = YES
    cells[1][(cells[0] != NO) & (cells[1] != NO)] = IGNORE
    pictures = np.full(2, NO, np.int64)
    for k in (0, 1):
        yes, some = int((cells[k] == YES).sum()), int((cells[k] == SOMEWHERE).sum())
        if yes >= 2 or some >= 6:
            pictures[k] = YES
        elif yes or some or (cells[k] == IGNORE).any():
            pictures[k] = IGNORE
    return cells, pictures
