"""Printed fabrics: dots, stripes, plaid, flowers, camouflage, checks, as formulas over the mask.

Coordinates run along the fabric (the arc over a round head), so that a print grows denser towards the cheeks. Owns the
prints. Does not know form, light or faces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_tools.masks.templates import Colour, Template

Field = NDArray[np.float32]


def print_on(colour: NDArray[np.float32], design: Template, x: Field, y: Field) -> None:
    """Print the template's pattern on ``colour`` (H, W, 3), in place."""
    u = np.asarray(np.arcsin(np.clip(x / 1.35, -1, 1)) * 1.35, np.float32)
    v = y
    inks = design.inks
    if design.pattern == "dots":
        _ink(colour, inks[0], _dots(u, v, 0.17, 0.042))
    elif design.pattern == "stripes":
        _ink(colour, inks[0], _soft(np.cos(2 * np.pi * v / 0.16) * 0.04))
    elif design.pattern == "checks":
        for along in (u, v):
            _ink(colour, inks[0], 0.5 * _soft(np.cos(2 * np.pi * along / 0.15) * 0.04))
    elif design.pattern == "plaid":
        for along in (u, v):
            _ink(colour, inks[0], 0.62 * _soft(0.075 - np.abs(_wrap(along, 0.42))))
            _ink(colour, inks[1], 0.70 * _soft(0.010 - np.abs(_wrap(along - 0.21, 0.42))))
    elif design.pattern == "flowers":
        _flowers(colour, inks, u, v)
    elif design.pattern == "camouflage":
        for i, (ink, share) in enumerate(zip(inks, (0.1, 0.55, 0.85), strict=True)):
            _ink(colour, ink, _soft((_cloud(x.shape, 11 + i) - share) * 0.2))


def _ink(colour: NDArray[np.float32], ink: Colour, much: Field) -> None:
    colour += (np.array(ink, np.float32) - colour) * np.clip(much, 0, 1)[..., None]


def _soft(distance: NDArray[np.floating]) -> Field:
    """1 inside, 0 outside of a signed distance, with an edge of 0.01."""
    return np.asarray(np.clip(distance / 0.01 + 0.5, 0, 1), np.float32)


def _wrap(a: Field, period: float) -> Field:
    return np.asarray((a + period / 2) % period - period / 2, np.float32)


def _dots(u: Field, v: Field, period: float, radius: float) -> Field:
    row = np.floor(v / period + 0.5)
    du = _wrap(np.asarray(u + (row % 2) * period / 2, np.float32), period)
    dv = v - row * period
    return _soft(radius - np.sqrt(du * du + dv * dv))


def _flowers(colour: NDArray[np.float32], inks: tuple[Colour, ...], u: Field, v: Field) -> None:
    rng = np.random.default_rng(5)
    placed: list[tuple[float, float]] = []
    for _ in range(400):
        at = (float(rng.uniform(-1.9, 1.9)), float(rng.uniform(0.0, 2.1)))
        if all((at[0] - p[0]) ** 2 + (at[1] - p[1]) ** 2 > 0.22**2 for p in placed):
            placed.append(at)
    for i, (cu, cv) in enumerate(placed):
        size = float(rng.uniform(0.065, 0.095))
        near = (np.abs(u - cu) < 0.2) & (np.abs(v - cv) < 0.2)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not len(rows) or not len(columns):
            continue
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        du, dv = u[part] - cu, v[part] - cv
        r, angle = np.sqrt(du * du + dv * dv), np.arctan2(dv, du) + rng.uniform(0, 6.28)
        for leaf in (0.6, 3.4):
            ku, kv = du - 0.11 * np.cos(leaf + i), dv - 0.11 * np.sin(leaf + i)
            _ink(colour[part], inks[2], _soft(0.032 - np.sqrt(ku * ku + 1.6 * kv * kv)))
        _ink(colour[part], inks[0] if i % 3 else inks[1], _soft(size * (0.68 + 0.32 * np.cos(5 * angle)) - r))
        _ink(colour[part], inks[1] if i % 3 else inks[0], _soft(0.26 * size - r))


def _cloud(shape: tuple[int, ...], seed: int) -> Field:
    """Smooth noise of mean 0 and deviation 1."""
    import cv2

    rng = np.random.default_rng(seed)
    total = np.zeros(shape, np.float32)
    for cells, weight in ((11, 1.0), (23, 0.5)):
        coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        total += weight * cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((total - total.mean()) / total.std(), np.float32)
