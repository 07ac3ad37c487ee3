"""People, vehicles and places that are drawn by code for the detector's training; no picture of anybody is in them.

A *puppet* is somebody with cloth and shading; the demo's flatter figures and vehicles are drawn by the demo's own code
in other colours (so the demo is no independent test of this detector). The teacher takes four puppets of five for
people; those it does not take teach nothing.

Owns the drawing. Knows no network, no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import Image
from viot_tools.demo import figures, scenes

WIDTH, HEIGHT = 320, 192
"""Pixels of a view."""


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """A thing without its background: RGBA (H, W, 4) uint8, cropped to it; ``person`` or a car."""

    rgba: NDArray[np.uint8]
    person: bool


def puppet(rng: np.random.Generator) -> CutOut:
    """Somebody drawn with shading and cloth: trunk, limbs, head and hair, seen from any side, standing or walking."""
    h, w = 240, 150
    rgb, alpha = np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.float32)
    skin = np.array([1.0, 0.78, 0.65]) * rng.uniform(70, 235)
    hair = rng.uniform(10, 110) * np.array([1.0, 0.9, 0.8])

    def cloth() -> NDArray[np.float64]:
        tone = rng.uniform(15, 235)
        return np.clip(tone + rng.normal(0, rng.choice([5.0, 45.0]), 3), 5, 245)

    upper, lower, shoes = cloth(), cloth(), rng.uniform(10, 200) * np.ones(3)
    side = rng.uniform(0, 1)  # 0 from the front, 1 from the side
    shoulder, hip = 27 - 11 * side + rng.normal(0, 2), 19 - 5 * side + rng.normal(0, 1.5)
    x, neck, waist, feet = w / 2, 46.0, 128.0, 228.0
    swing, lean = rng.normal(0, 0.3) * (0.4 + side), rng.normal(0, 3)

    def limb(points: Sequence[tuple[float, float]], widths: Sequence[float], tone: NDArray[np.float64]) -> None:
        for (ax, ay), (bx, by), wa, wb in zip(points, points[1:], widths, widths[1:], strict=False):
            for k in np.linspace(0, 1, 24):
                centre = (round(ax + (bx - ax) * k), round(ay + (by - ay) * k))
                r = max(1, round(wa + (wb - wa) * k))
                cv2.circle(rgb, centre, r, tone.tolist(), -1)
                cv2.circle(alpha, centre, r, 255, -1)

    def leg(angle: float, at: float) -> None:
        bend = max(0.0, -angle) * 0.9
        knee = (at + 50 * np.sin(angle), waist + 50 * np.cos(angle))
        foot = (knee[0] + 50 * np.sin(angle - bend), knee[1] + 48 * np.cos(angle - bend))
        limb([(at, waist), knee, foot], [12, 9.5, 6.5], lower * rng.uniform(0.8, 1.0))
        limb([foot, (foot[0] + 9 * side, min(feet, foot[1] + 4))], [6, 5], shoes)

    def arm(angle: float, at: float) -> None:
        elbow = (at + 36 * np.sin(angle), neck + 12 + 36 * np.cos(angle))
        hand = (elbow[0] + 30 * np.sin(angle * 1.4), elbow[1] + 30 * np.cos(angle * 1.4))
        limb([(at, neck + 12), elbow, hand], [8, 7, 5.5], upper * rng.uniform(0.75, 0.95))
        limb([hand, (hand[0], hand[1] + 5)], [5, 4.5], skin)

    spread = hip * 0.5 * (1 - 0.7 * side)
    arm(-swing + rng.normal(0, 0.2), x + shoulder * (0.85 - 0.75 * side))
    leg(swing, x - spread)
    leg(-swing, x + spread)
    limb([(x + lean, neck + 14), (x + lean / 2, 90), (x, waist + 4)], [shoulder * 0.78, hip * 0.95, hip], upper)
    if rng.random() < 0.25:  # a coat or a skirt
        limb([(x, waist), (x, waist + rng.uniform(15, 60))], [hip, hip * rng.uniform(1.0, 1.35)], upper)
    arm(swing + rng.normal(0, 0.2), x - shoulder * (0.85 - 0.75 * side))
    limb([(x + lean, neck), (x + lean, neck - 8)], [7, 7], skin * 0.85)
    head = (round(x + lean + 2 * side), 26)
    for tone, size in ((hair, (13, 17)), (skin, (round(11 - 3 * side), 13))):
        seen = tone is hair or rng.random() < 0.6  # from behind there is hair only
        if seen:
            cv2.ellipse(rgb, (head[0], head[1] + (0 if tone is hair else 4)), size, 0, 0, 360, tone.tolist(), -1)
            cv2.ellipse(alpha, head, (13, 17), 0, 0, 360, 255, -1)
    light = (
        1
        + rng.uniform(-0.35, 0.35) * np.linspace(-1, 1, w)[None, :]
        + rng.uniform(-0.2, 0.2) * np.linspace(-1, 1, h)[:, None]
    )
    folds = cv2.resize(rng.normal(0, 1, (40, 16)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    rgb = rgb * light[..., None] * (1 + 0.11 * folds[..., None]) + rng.normal(0, 5, (h, w, 1))
    edge = cv2.GaussianBlur(alpha, (0, 0), 4)[..., None] / 255  # darker where the body turns away
    rgb = np.clip(rgb * (0.6 + 0.4 * edge), 0, 255)
    rgba = np.dstack([rgb, cv2.GaussianBlur(alpha, (3, 3), 0)]).astype(np.uint8)
    rows, cols = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    rgba = rgba[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    squeeze = rng.uniform(0.7, 1.05)  # seen from above a person is shorter
    return CutOut(np.asarray(cv2.resize(rgba, None, fx=1, fy=squeeze, interpolation=cv2.INTER_AREA), np.uint8), True)


def drawn(rng: np.random.Generator, n: int) -> list[CutOut]:
    """``n`` of the demo's walking figures and vehicles, in colours of their own."""

    def colour(low: int, high: int) -> figures.RGB:
        r, g, b = (int(v) for v in rng.integers(low, high, 3))
        return r, g, b

    made = []
    for i in range(n):
        if i % 4 == 3:
            picture = figures.vehicle(colour(10, 240), "AB-123", tall=bool(rng.integers(2))).image
        else:
            skin = int(rng.integers(70, 235))
            clothes = figures.Clothes(
                colour(10, 230), colour(10, 160), (skin, int(skin * 0.8), int(skin * 0.68)), colour(10, 120)
            )
            picture = figures.figure(clothes, float(rng.uniform(0, 1)), left=bool(rng.integers(2))).image
        rgba = np.asarray(picture.convert("RGBA"), np.uint8)
        rows, cols = np.flatnonzero(rgba[..., 3].any(1)), np.flatnonzero(rgba[..., 3].any(0))
        made.append(CutOut(np.ascontiguousarray(rgba[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]), i % 4 != 3))
    return made


def drawn_scenes() -> list[Image]:
    """The demo's empty places, and three of other seeds."""
    names = ("lobby", "back door", "gate", "yard")
    return [np.asarray(scenes.build(n, s).background.convert("RGB"), np.uint8) for n in names for s in (1, 2)]


def invented_place(rng: np.random.Generator) -> Image:
    """A bare room or yard: floor and wall in perspective, doors, posts, panels, stains, light from somewhere."""
    h, w = HEIGHT * 2, WIDTH * 2
    horizon = int(rng.uniform(0.05, 0.75) * h)
    wall, floor = rng.uniform(20, 235, 3), rng.uniform(20, 220, 3)
    if rng.random() < 0.7:  # most places are nearly grey
        wall, floor = wall.mean() + rng.normal(0, 8, 3), floor.mean() + rng.normal(0, 8, 3)
    picture = np.empty((h, w, 3), np.float32)
    picture[:horizon], picture[horizon:] = wall, floor
    for _ in range(int(rng.integers(0, 14))):
        tone = rng.uniform(10, 240) + rng.normal(0, 10, 3)
        x, y = int(rng.uniform(0, w)), int(rng.uniform(0, h))
        what = rng.integers(5)
        if what == 0:  # a door, a cupboard, a panel
            size = int(rng.uniform(10, 120)), int(rng.uniform(20, 260))
            cv2.rectangle(picture, (x, y), (x + size[0], y + size[1]), tone.tolist(), -1)
            if rng.random() < 0.5:
                cv2.rectangle(picture, (x, y), (x + size[0], y + size[1]), (tone * 0.7).tolist(), 2)
        elif what == 1:  # a post, a pipe, a kerb, a marking
            end = (x + int(rng.normal(0, 60)), y + int(rng.normal(0, 260)))
            cv2.line(picture, (x, y), end, tone.tolist(), int(rng.integers(1, 12)))
        elif what == 2:  # a lamp, a ball, a plant's pot
            axes = int(rng.uniform(3, 50)), int(rng.uniform(3, 50))
            cv2.ellipse(picture, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, tone.tolist(), -1)
        elif what == 3:  # tiles, blinds
            for k in range(int(rng.integers(3, 12))):
                step = int(rng.uniform(6, 40))
                cv2.line(picture, (x, y + k * step), (x + int(rng.uniform(40, 300)), y + k * step), tone.tolist(), 2)
        else:  # furniture: a convex heap of planes
            points = (rng.normal(0, 1, (5, 2)) * rng.uniform(10, 70) + (x, y)).astype(np.int32)
            cv2.fillConvexPoly(picture, cv2.convexHull(points), tone.tolist())
    ramp = np.linspace(rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1), w, dtype=np.float32)[None, :, None]
    coarse = cv2.resize(rng.normal(0, 1, (12, 20)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    picture = picture * ramp + coarse[..., None] * rng.uniform(0, 12) + rng.normal(0, rng.uniform(0, 7), (h, w, 1))
    return np.asarray(np.clip(cv2.GaussianBlur(picture, (3, 3), 0), 0, 255), np.uint8)
