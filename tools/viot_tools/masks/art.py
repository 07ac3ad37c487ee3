"""Draws a template: outline, relief and print by formula, lit from above, as RGBA over the canonical face.

Everything that gives form (pleats, folds, seams, wrinkles, weave) is a height; its slope turns the light. Owns the
drawing and a pyramid of sizes of it. Knows no picture and no face but the canonical one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from viot_tools.masks.prints import print_on
from viot_tools.masks.templates import Curve, Template, template

Field = NDArray[np.float32]
"""(H, W) float32 over the canonical face."""

LEFT, TOP, RIGHT, BOTTOM = -1.5, -0.25, 1.5, 2.25
PIXELS = 256
"""Pixels of a canonical unit in the largest drawing."""
SHEEN = 52.0
"""White light that fabric throws back whatever its colour: without it folds in black cloth could not be seen."""
LEVELS = 4
"""Sizes: ``PIXELS``, and halves of it."""

_LIGHT = np.array([-0.04, -0.63, 0.77])


@lru_cache(maxsize=64)
def art(name: str, level: int = 0) -> NDArray[np.float32]:
    """(H, W, 4) float32 of the template at ``PIXELS / 2**level`` a unit: RGB 0..255 times alpha, and alpha 0..1."""
    import cv2

    if level == 0:
        drawn = _draw(template(name))
    else:
        larger = art(name, level - 1)
        size = (larger.shape[1] // 2, larger.shape[0] // 2)
        drawn = np.asarray(cv2.resize(larger, size, interpolation=cv2.INTER_AREA), np.float32)
    drawn.setflags(write=False)
    return drawn


def to_art(points: NDArray[np.float32], level: int = 0) -> NDArray[np.float32]:
    """Canonical points as pixels of the drawing of that level (the centre of a pixel is whole)."""
    scale = PIXELS / 2**level
    return np.asarray((points - (LEFT, TOP)) * scale - 0.5, np.float32)


def outline_of(design: Template, per_edge: int = 12) -> NDArray[np.float32]:
    """The whole outline as a closed polygon, canonical points."""
    right = np.vstack([_spline(curve, per_edge) for curve in design.cut.curves])
    return np.vstack([right, (right * (-1, 1))[::-1]]).astype(np.float32)


def _spline(curve: Curve, per_edge: int) -> NDArray[np.float32]:
    """Catmull-Rom through the points; the ends at the middle of the face are level, as the mirrored half goes on."""
    p = np.array(curve, np.float32)
    first = p[1] * (-1, 1) if p[0, 0] == 0 else 2 * p[0] - p[1]
    last = p[-2] * (-1, 1) if p[-1, 0] == 0 else 2 * p[-1] - p[-2]
    padded = np.vstack([first, p, last])
    t = (np.arange(per_edge) / per_edge)[:, None].astype(np.float32)
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*parts, p[-1:]]).astype(np.float32)


def grid() -> tuple[Field, Field]:
    """x and y of every pixel of the largest drawing."""
    width, height = round((RIGHT - LEFT) * PIXELS), round((BOTTOM - TOP) * PIXELS)
    xs = LEFT + (np.arange(width, dtype=np.float32) + 0.5) / PIXELS
    ys = TOP + (np.arange(height, dtype=np.float32) + 0.5) / PIXELS
    x, y = np.meshgrid(xs, ys)
    return x.astype(np.float32), y.astype(np.float32)


def _draw(design: Template) -> NDArray[np.float32]:
    import cv2

    x, y = grid()
    polygon = to_art(outline_of(design))
    alpha = np.zeros(x.shape, np.uint8)
    cv2.fillPoly(alpha, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inside = np.asarray(cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 5) / PIXELS, np.float32)
    rng = np.random.default_rng(sum(map(ord, design.name)))
    height = _form(design, x, y) + _relief(design, x, y, inside) + _wrinkles(design, x, y, rng)
    shade = _lit(height) * (1 - 0.22 * np.exp(-inside / 0.025)) * _grain(design, x, y, rng)
    colour = np.empty((*x.shape, 3), np.float32)
    colour[:] = design.colour
    if design.pattern:
        print_on(colour, design, x, y)
    hem = np.clip((0.062 - inside) / 0.006, 0, 1)[..., None]
    if design.surface in ("pleated", "seamed", "folded") and design.pattern in ("", "stripes"):
        colour += (np.array(design.hem, np.float32) - colour) * hem
    if design.valve:
        shade = _valve(colour, shade, x, y)
    stitches = _stitches(design, inside, x, y)
    lit = np.clip(shade * (1 - 0.18 * stitches), 0, 1.25)[..., None]
    out = colour * lit + SHEEN * np.clip(lit - 0.72, 0, None)
    a = (alpha.astype(np.float32) / 255)[..., None]
    return np.concatenate([np.clip(out, 0, 255) * a, a], axis=2).astype(np.float32)


def _form(design: Template, x: Field, y: Field) -> Field:
    """The large form: a head's roundness, the tent of the nose, the chin; for a cup its dome."""
    head = 0.55 * np.sqrt(np.clip(1.06 - (x / 1.32) ** 2 - ((y - 0.75) / 2.2) ** 2, 0.02, None))
    if design.surface == "cup":
        r2 = (x / 0.98) ** 2 + ((y - 1.02) / 0.96) ** 2
        dome = 0.62 * np.sqrt(np.clip(1.08 - r2, 0.03, None))
        return np.asarray(0.5 * head + dome + 0.10 * _bump(x, y, 0.0, 0.45, 0.16, 0.35), np.float32)
    nose = 0.26 * _bump(x, y, 0.0, 0.62, 0.30, 0.34) + 0.10 * _bump(x, y, 0.0, 0.30, 0.16, 0.25)
    chin = 0.12 * _bump(x, y, 0.0, 1.55, 0.45, 0.22)
    if design.surface in ("folded", "seamed", "flat"):  # a keel along the middle
        keel = {"folded": 0.42, "seamed": 0.26, "flat": 0.24}[design.surface]
        ridge = keel * np.exp(-np.sqrt((x / 0.50) ** 2 + 0.004)) * np.clip(1 - ((y - 0.95) / 1.05) ** 2, 0, 1)
        return np.asarray(head + ridge + 0.5 * nose + 0.5 * chin, np.float32)
    return np.asarray(head + nose + chin, np.float32)


def _bump(x: Field, y: Field, cx: float, cy: float, sx: float, sy: float) -> Field:
    return np.asarray(np.exp(-(((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2)), np.float32)


def _relief(design: Template, x: Field, y: Field, inside: Field) -> Field:
    """Pleats, seams, wire and hems."""
    height = 0.006 * np.clip((0.062 - inside) / 0.008, 0, 1)
    wire_y = 0.155 + 0.55 * np.clip(np.abs(x) - 0.05, 0, None) ** 1.15 + 0.055
    if design.surface in ("pleated", "folded", "cup"):
        ends = np.clip((0.42 - np.abs(x)) / 0.03, 0, 1)
        height += 0.010 * ends * np.exp(-(((y - wire_y) / 0.022) ** 4))
    if design.surface == "pleated":
        across = np.clip(1 - (x / 1.02) ** 2, 0, 1)
        for k in range(3):
            line = (0.72 + 0.155 * k) + (0.08 + 0.14 * k) * across
            away = y - line
            height += 0.030 * np.where(away < 0, np.exp(-np.abs(away) / 0.10), -np.exp(-np.abs(away) / 0.012) * 0.25)
            height -= 0.022 / (1 + np.exp(-np.clip(away / 0.006, -30, 30)))
    if design.surface == "folded":
        height += 0.012 * np.exp(-((x / 0.018) ** 2))
        for inset in (0.10, 0.125):
            height -= 0.004 * np.exp(-(((inside - inset) / 0.006) ** 2))
    if design.surface in ("seamed", "flat"):
        height -= 0.008 * np.exp(-((x / 0.010) ** 2))
    if design.surface == "cup":
        height -= 0.012 * np.exp(-(((inside - 0.07) / 0.010) ** 2))
        height += 0.006 * np.exp(-(((y - 1.02 - 0.10 * (x / 0.9) ** 2) / 0.02) ** 2)) * (np.abs(x) < 0.9)
    return np.asarray(height, np.float32)


def _wrinkles(design: Template, x: Field, y: Field, rng: np.random.Generator) -> Field:
    """Soft folds that run from the strap corners towards nose and chin, and broad unevenness."""
    import cv2

    depth = {"pleated": 0.030, "seamed": 0.030, "folded": 0.012, "flat": 0.012, "cup": 0.004}[design.surface]
    coarse_by = 4  # folds are broad: a quarter of the resolution holds them
    cx = np.asarray(x[::coarse_by, ::coarse_by])
    height = np.zeros(cx.shape, np.float32)
    for strap in design.cut.straps:
        for side in (-1, 1):
            for _ in range(3):
                sx, sy = strap.start[0] * side, strap.start[1]
                ex, ey = rng.uniform(-0.1, 0.45) * side, sy + rng.uniform(-0.12, 0.28)
                bend = rng.uniform(-0.10, 0.10)
                t = np.linspace(0, 1, 24)
                xs, ys = sx + (ex - sx) * t, sy + (ey - sy) * t + bend * np.sin(np.pi * t)
                line = to_art(np.column_stack([xs, ys]).astype(np.float32)) / coarse_by
                layer = np.zeros(cx.shape, np.uint8)
                cv2.polylines(layer, [np.round(line * 16).astype(np.int32)], False, 255, 2, cv2.LINE_AA, 4)
                fade = np.clip(1 - np.abs(cx - sx) / (abs(ex - sx) + 1e-3), 0, 1)
                width = PIXELS * rng.uniform(0.016, 0.032) / coarse_by
                soft = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), width)
                much = rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.0) * depth * 2.2
                height += (much * soft * fade).astype(np.float32)
    height = cv2.resize(height, x.shape[::-1], interpolation=cv2.INTER_CUBIC)
    coarse = rng.normal(0, 1, (14, 16)).astype(np.float32)
    broad = cv2.resize(coarse, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(height + depth * 0.25 * broad, np.float32)


def _lit(height: Field) -> Field:
    """Lambert's light on the slopes, 1 where the mean of the mask is, softened: cloth scatters."""
    dy, dx = np.gradient(height * PIXELS)
    length = np.sqrt(dx * dx + dy * dy + 1)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    facing = np.clip((-dx * light[0] - dy * light[1] + light[2]) / length, 0, None)
    return np.asarray(0.52 + 0.60 * facing, np.float32)


def _grain(design: Template, x: Field, y: Field, rng: np.random.Generator) -> Field:
    """The fabric: fleece for what is not woven, a weave for cloth."""
    import cv2

    noise = rng.normal(0, 1, x.shape).astype(np.float32)
    fleece = cv2.GaussianBlur(noise, (0, 0), 1.6)
    amount = 0.07
    grain = 1 + amount * fleece
    if design.kind in ("cloth", "patterned") or design.name == "black-cloth":
        turn = 2 * np.pi * 46
        grain = grain + 0.03 * np.sin(turn * x) * np.sin(turn * y)
    return np.asarray(grain, np.float32)


def _stitches(design: Template, inside: Field, x: Field, y: Field) -> Field:
    """Dashes along the hem (cloth) or welded dots (surgical, KN95), 0..1."""
    if design.surface == "cup":
        return np.zeros_like(x)
    along = np.cos(2 * np.pi * 17 * (x * np.sign(x) + y))
    dashes = np.clip(along * 3, 0, 1) * np.exp(-(((inside - 0.045) / 0.006) ** 2))
    if design.surface in ("seamed", "flat"):
        middle = np.exp(-(((np.abs(x) - 0.03) / 0.005) ** 2)) * np.clip(np.cos(2 * np.pi * 17 * y) * 3, 0, 1)
        dashes = np.maximum(dashes, middle)
    return np.asarray(dashes, np.float32)


def _valve(colour: NDArray[np.float32], shade: Field, x: Field, y: Field) -> Field:
    """A plastic valve on the cheek of a respirator; gives the shade back with it."""
    r = np.sqrt(((x - 0.34) / 1.0) ** 2 + ((y - 1.16) / 1.05) ** 2)
    body = np.clip((0.19 - r) / 0.008, 0, 1)[..., None]
    colour += (np.array((206, 208, 212), np.float32) - colour) * body
    rim = 1 + 0.10 * np.exp(-(((r - 0.165) / 0.012) ** 2)) - 0.22 * np.exp(-(((r - 0.195) / 0.012) ** 2))
    slots = 1 - 0.30 * (r < 0.135) * np.clip(np.cos(2 * np.pi * (y - 1.16) / 0.06) * 4 - 1.5, 0, 1)
    return np.asarray(shade * (1 + (rim - 1) * np.exp(-((np.clip(r - 0.2, 0, None) / 0.02) ** 2))) * slots, np.float32)
