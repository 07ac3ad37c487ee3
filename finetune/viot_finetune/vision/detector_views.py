"""Views: the small pictures that the detector is trained on.

A view is a crop of a picture at a random scale, cut-outs on another background, or four crops side by side. The
teacher sees it as it is, the student through a worse camera (``noised``).

Owns views and that camera. Knows neither files nor network.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_finetune.vision.detector_drawn import HEIGHT, WIDTH, CutOut, invented_place

PERSON_HEIGHTS, CAR_WIDTHS = (14.0, 200.0), (24.0, 240.0)
"""Pixels in a view at which cut-outs are pasted."""


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What views are made of. ``scenes[i]`` are the pictures of a source; ``empty`` those without anybody in them."""

    scenes: tuple[tuple[Image, ...], ...]
    weights: tuple[float, ...]
    empty: tuple[Image, ...]
    things: tuple[CutOut, ...]


def view(rng: np.random.Generator, stock: Stock) -> Image:
    """A training picture (HEIGHT, WIDTH, 3) RGB."""
    kind = rng.random()
    if kind < 0.42:
        return _crop(rng, _scene(rng, stock), WIDTH, HEIGHT)
    if kind < 0.85:
        return _pasted(rng, stock)
    w, h = WIDTH // 2, HEIGHT // 2
    four = [_crop(rng, _scene(rng, stock), w, h) for _ in range(4)]
    return np.vstack([np.hstack(four[:2]), np.hstack(four[2:])])


def _scene(rng: np.random.Generator, stock: Stock) -> Image:
    weights = np.array(stock.weights)
    source = stock.scenes[int(rng.choice(len(weights), p=weights / weights.sum()))]
    return source[int(rng.integers(len(source)))]


def _crop(rng: np.random.Generator, picture: Image, width: int, height: int) -> Image:
    """A part of ``picture`` of a view's shape, from the whole of it down to a quarter of its width."""
    h, w = picture.shape[:2]
    share = float(np.exp(rng.uniform(np.log(0.25), np.log(1.15))))
    scale = width / (w * share)
    scale = min(max(scale, 0.12), 2.0)
    matrix = np.array([[scale, 0, 0], [0, scale * float(np.exp(rng.normal(0, 0.06))), 0]], np.float32)
    room = np.array([width - w * matrix[0, 0], height - h * matrix[1, 1]])
    matrix[:, 2] = np.minimum(room, 0) + np.abs(room) * rng.uniform(0, 1, 2)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if scale < 0.6:  # warping alone would alias
        small = cv2.resize(picture, None, fx=scale, fy=matrix[1, 1], interpolation=cv2.INTER_AREA)
        matrix = np.array([[1, 0, matrix[0, 2]], [0, 1, matrix[1, 2]]], np.float32)
        picture = small
    out = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(114, 114, 114),
    )  # fmt: skip
    return np.asarray(out, np.uint8)


def _pasted(rng: np.random.Generator, stock: Stock) -> Image:
    place = rng.random()
    if place < 0.45:
        back = _crop(rng, stock.empty[int(rng.integers(len(stock.empty)))], WIDTH, HEIGHT)
    elif place < 0.8:
        back = _crop(rng, invented_place(rng), WIDTH, HEIGHT)
    else:
        back = _crop(rng, _scene(rng, stock), WIDTH, HEIGHT)
    picture = back.astype(np.float32)
    depth = rng.random() < 0.5  # one depth: alike in size; else anything
    base = float(rng.uniform(0, 1))
    for _ in range(int(rng.choice([0, 1, 1, 2, 2, 3, 4, 6, 9]))):
        thing = stock.things[int(rng.integers(len(stock.things)))]
        low, high = PERSON_HEIGHTS if thing.person else CAR_WIDTHS
        where = float(np.clip(base + rng.normal(0, 0.08), 0, 1)) if depth else float(rng.uniform(0, 1))
        size = low * (high / low) ** where
        _paste(rng, picture, thing, size / thing.rgba.shape[0 if thing.person else 1])
    return np.clip(picture, 0, 255).astype(np.uint8)


def _paste(rng: np.random.Generator, picture: NDArray[np.float32], thing: CutOut, scale: float) -> None:
    rgba = thing.rgba[:, ::-1] if rng.random() < 0.5 else thing.rgba
    fx = scale * float(np.exp(rng.normal(0, 0.08)))
    w, h = max(3, round(rgba.shape[1] * fx)), max(3, round(rgba.shape[0] * scale))
    small = cv2.resize(rgba, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.float32)
    rgb, alpha = small[..., :3], small[..., 3:] / 255
    if rng.random() < 0.5:  # clothes and paint of other colours
        rgb = rgb[..., rng.permutation(3)] if rng.random() < 0.4 else rgb
        rgb = rgb * rng.uniform(0.6, 1.3, 3) + rng.uniform(-15, 15)
    if rng.random() < 0.3:  # the lower half is hidden
        alpha = alpha.copy()
        alpha[int(h * rng.uniform(0.5, 0.95)) :] = 0
    x = int(rng.uniform(-0.4 * w, picture.shape[1] - 0.6 * w))
    y = int(rng.uniform(-0.3 * h, picture.shape[0] - 0.5 * h))
    x0, y0, x1, y1 = max(0, x), max(0, y), min(picture.shape[1], x + w), min(picture.shape[0], y + h)
    if x1 <= x0 or y1 <= y0:
        return
    a = alpha[y0 - y : y1 - y, x0 - x : x1 - x]
    part = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = part * (1 - a) + rgb[y0 - y : y1 - y, x0 - x : x1 - x] * a


def noised(rng: np.random.Generator, picture: Image) -> Image:
    """The same view by a worse camera: light, colour, blur, noise, JPEG. Nothing moves."""
    level = np.arange(256, dtype=np.float32) / 255
    curve = level ** float(np.exp(rng.normal(0, 0.25)))
    middle = float(curve[int(picture[::8, ::8].mean())])
    curve = middle + (curve - middle) * float(np.exp(rng.normal(-0.05, 0.2))) + rng.normal(0, 0.05)
    table = np.clip(255 * curve[:, None] * np.exp(rng.normal(0, 0.06, 3)), 0, 255).astype(np.uint8)
    x = np.asarray(cv2.LUT(picture, table[None]), np.uint8)
    colour = float(rng.choice([0.0, 1.0], p=[0.12, 0.88]) * np.exp(rng.normal(0, 0.25)))
    grey = cv2.cvtColor(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    x = np.asarray(cv2.addWeighted(x, colour, grey, 1 - colour, 0), np.uint8)
    if rng.random() < 0.35:
        x = np.asarray(cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 1.3))), np.uint8)
    if rng.random() < 0.5:
        dust = (rng.standard_normal((HEIGHT, WIDTH), np.float32) * rng.uniform(1, 9))[..., None]
        x = np.clip(x + np.roll(np.repeat(dust, 3, 2), (0, 0, 1), (0, 1, 2)), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        _, coded = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        x = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return x
