"""Synthetic views of a face, where a person has too few pictures to learn a mask from.

A mask must hold on pictures that nobody has taken yet. Other crops, a turn of the head as far as a plane can be turned,
other light, and another focus stand in for them. None is mirrored: the mask is laid on faces that are not. They are a
stand-in: a mask from ten pictures of a person holds better than one from ten views of a single picture.

Owns the drawing of views. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image

SIDE = 112
ENOUGH, FILLED = 5, 10
"""Pictures of a person that need no views, and how many pictures and views fewer become. Input diversity moves pictures
about anyway: ``viot bench cloak --suite table`` has five with and without views, side by side."""
LASTING = 24
"""Pictures and views that a mask is learnt from which is kept, and is to hold on pictures nobody has seen."""


def wanted(pictures: int) -> int:
    """How many pictures and views a mask is learnt from, of so many pictures."""
    return pictures if pictures >= ENOUGH else FILLED


def filled(faces: Sequence[Image], count: int = FILLED, seed: int = 0) -> NDArray[np.uint8]:
    """(N, 112, 112, 3): the faces themselves, then views of them in turn, ``count`` together (or all the faces, where
    there are more). The same arguments give the same views."""
    rng = np.random.default_rng(seed)
    made = [view(faces[i % len(faces)], rng) for i in range(max(0, count - len(faces)))]
    return np.stack([*faces, *made])


def view(face: Image, rng: np.random.Generator) -> Image:
    """(112, 112, 3): one more picture as it might have been taken."""
    import cv2

    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    middle = SIDE / 2
    turn, size = np.deg2rad(rng.uniform(-5, 5)), rng.uniform(0.94, 1.06)
    spin = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (corners - middle) @ spin.T + middle + rng.uniform(-3, 3, 2)
    # one side or end of the face comes nearer, as when the head turns or nods
    yaw, nod = rng.uniform(-0.06, 0.06, 2)
    depth = 1 + yaw * (corners[:, 0] / middle - 1) + nod * (corners[:, 1] / middle - 1)
    moved = (moved - middle) * depth[:, None] + middle
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    out = cv2.warpPerspective(face, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = (out.astype(np.float32) / 255) ** np.exp(rng.uniform(-0.3, 0.3))
    across = np.linspace(-1, 1, SIDE, dtype=np.float32)
    slope = rng.uniform(-0.15, 0.15, 2).astype(np.float32)
    light = light * (1 + slope[0] * across[None, :, None] + slope[1] * across[:, None, None])
    light = light * rng.uniform(0.96, 1.04, 3).astype(np.float32)
    if rng.random() < 0.5:
        light = cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.3, 0.9)))
    return np.asarray(np.clip(np.rint(light * 255), 0, 255), np.uint8)
