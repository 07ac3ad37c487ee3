"""People drawn by code: as many as a study of recognition wants, each in as many pictures, seeded, nobody's likeness.

A person is a height field and a skin (``person``): the shape of head, nose, brows, eyes, cheeks, lips and chin,
colours, hair, marks. A picture turns the head, moves the features (expression), lights the surface by its normals, puts
something before it and takes it with an imperfect camera (``Nuisance``). The crop is aligned as real ones are: the five
points lie at the usual template, but for a detector's error. Coordinates are in units of the distance between the eyes,
origin between them, y down.

These are surrogates. They have what makes verification hard (pose, light, expression, occlusion, blur: pixel by pixel a
picture is hardly nearer to another of the same person than to a stranger's), and they do not look like photographs: a
figure on them ranks methods, and says nothing about how well a recogniser would do on real people.

Owns the drawing. Knows no training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_finetune.faces.data import SIDE, InMemory

UNIT = 35.24
"""Pixels of one unit in the crop: the template's eyes are so far apart."""
CENTRE = (55.91, 51.6)
"""Where the origin lies in the crop, in pixels."""
REACH = 1.9
"""The canonical maps span -REACH..REACH in x, and as much around y = 0.3."""
CELLS = 144
SHAPE, SKIN = 26, 22
"""Numbers of a person's shape and of the person's skin, each drawn from a normal distribution."""
_POINTS = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.571], [-0.41, 1.157], [0.42, 1.152]])

Map = NDArray[np.float32]
Real = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Nuisance:
    """How much pictures of one person differ. Angles in degrees (standard deviations), shares 0..1."""

    yaw: float = 20.0
    pitch: float = 9.0
    roll: float = 3.0
    shift: float = 1.2
    """Pixels of alignment error, in each direction."""
    expression: float = 1.0
    ambient: float = 0.35
    """Least share of light that comes from everywhere; the less, the harder the shadows."""
    occluded: float = 0.3
    """Share of pictures with glasses, a mask or something else before the face."""
    blur: float = 1.2
    grain: float = 7.0

    def scaled(self, share: float) -> Nuisance:
        """All of it times ``share``; at 0 only light's direction, colour and background differ."""
        return Nuisance(
            self.yaw * share, self.pitch * share, self.roll * share, self.shift * share, self.expression * share,
            0.75 - (0.75 - self.ambient) * share, self.occluded * share, self.blur * share, self.grain * share,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Canonical maps (CELLS, CELLS): ``relief`` (..., 3) height and its slopes, ``skin`` (..., 4) RGB 0..1 and how far
    it is face or hair (0..1)."""

    relief: Map
    skin: Map


def _grid() -> tuple[Map, Map]:
    step = np.linspace(-REACH, REACH, CELLS, dtype=np.float32)
    x, y = np.meshgrid(step, step + np.float32(0.3))
    return x, y


def _bump(x: Map, y: Map, cx: float, cy: float, sx: float, sy: float) -> Map:
    return np.asarray(np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2)), np.float32)


def _edge(distance: Real, soft: float) -> Map:
    """1 where ``distance`` is well below 0, 0 well above."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance / soft, -30, 30))), np.float32)


def person(rng: np.random.Generator) -> Person:
    """One person out of all that can be drawn."""
    s = np.clip(rng.normal(size=SHAPE), -2.2, 2.2).tolist()
    t = np.clip(rng.normal(size=SKIN), -2.2, 2.2).tolist()
    x, y = _grid()
    ax = np.abs(x)
    eye_y, mouth_y, nose_y = 0.02 * s[0], 1.157 + 0.05 * s[1], 0.571 + 0.05 * s[2]
    wide, tall = 1.18 + 0.08 * s[3], 1.62 + 0.08 * s[4]
    jaw = 1 + (0.12 + 0.06 * s[5]) * np.clip(y - 0.6, 0, None)
    egg = (ax * jaw / wide) ** 2 + ((y - 0.38) / tall) ** 2
    z = (0.75 + 0.06 * s[6]) * (1 - 0.55 * egg)
    ridge = np.clip((y + 0.15) / (nose_y + 0.15), 0, 1) * (y < nose_y + 0.12)
    z += (0.30 + 0.06 * s[7]) * ridge * np.exp(-0.5 * (x / (0.10 + 0.02 * s[8] + 0.07 * ridge)) ** 2)
    z += (0.12 + 0.04 * s[9]) * _bump(x, y, 0, nose_y, 0.14 + 0.025 * s[10], 0.11)
    for side in (-1, 1):
        z += (0.08 + 0.03 * s[11]) * _bump(x, y, side * (0.17 + 0.03 * s[10]), nose_y + 0.03, 0.07, 0.08)
        z -= (0.13 + 0.04 * s[12]) * _bump(x, y, side * 0.5, eye_y, 0.24, 0.15)
        z += (0.10 + 0.04 * s[13]) * _bump(x, y, side * 0.5, eye_y - 0.32 - 0.03 * s[14], 0.33, 0.10)
        z += (0.10 + 0.05 * s[15]) * _bump(x, y, side * (0.75 + 0.05 * s[16]), 0.48 + 0.08 * s[17], 0.22, 0.18)
        z -= (0.04 + 0.03 * s[18]) * _bump(x, y, side * 0.62, 0.95, 0.14, 0.3)
    full = 0.06 + 0.02 * s[19]
    mouth_w = 0.40 + 0.05 * s[20]
    z += full * _bump(x, y, 0, mouth_y - 0.06, mouth_w * 0.7, 0.06) + full * _bump(
        x, y, 0, mouth_y + 0.09, mouth_w * 0.6, 0.07
    )
    z += (0.12 + 0.05 * s[21]) * _bump(x, y, 0, 1.72 + 0.05 * s[22], 0.25 + 0.04 * s[23], 0.16)
    z += 0.02 * _smooth(rng, 9)

    dark, red = 1 / (1 + math.exp(-(0.9 * t[0] - 0.6))), 0.02 * t[1]
    tone = np.array([0.93, 0.76, 0.66]) * (1 - dark) + np.array([0.36, 0.23, 0.16]) * dark + [red, -red / 2, -red]
    skin = np.broadcast_to(tone, (CELLS, CELLS, 3)).astype(np.float32).copy()
    skin *= (1 + 0.05 * _smooth(rng, 8) + 0.035 * _smooth(rng, 22))[..., None]
    for _ in range(int(rng.integers(0, 5))):  # moles and scars
        cx, cy, size = rng.uniform(-0.9, 0.9), rng.uniform(-0.7, 1.5), rng.uniform(0.02, 0.05)
        skin *= (1 - 0.6 * _bump(x, y, cx, cy, size, size))[..., None]
    hair = (
        np.array([0.10, 0.07, 0.05])
        + np.clip(0.16 * t[2], 0, 0.5) * np.array([1.2, 0.85, 0.5])
        + np.clip(0.1 * t[3], 0, 0.3)
    )
    lips = tone * np.array([0.88 + 0.05 * t[4], 0.62 + 0.06 * t[5], 0.64 + 0.06 * t[5]])
    _mix(
        skin,
        lips,
        (0.7 + 0.1 * t[6]) * _edge((ax / mouth_w) ** 2 + ((y - mouth_y - 0.01) / (0.11 + 0.03 * s[19])) ** 2 - 1, 0.15),
    )
    beard = np.clip(0.35 * t[7] - 0.15, 0, 0.75) * _edge(0.85 + 0.06 * t[8] - y + 0.2 * ax**2, 0.08)
    _mix(skin, hair, beard * (1 - 0.8 * _bump(x, y, 0, mouth_y, mouth_w * 0.8, 0.08)))
    _mix(skin, tone * 0.35, 0.75 * _bump(ax, y, 0.12 + 0.02 * s[10], nose_y + 0.1, 0.045, 0.03))
    arc = (
        eye_y - 0.33 - 0.03 * s[14] + (0.25 + 0.12 * t[9]) * (ax - 0.5 - 0.05 * t[10]) ** 2 + 0.08 * t[11] * (ax - 0.5)
    )
    thick = 0.045 + 0.014 * t[12]
    inside = _edge(np.abs(ax - 0.52) - (0.27 + 0.03 * t[13]), 0.03)
    _mix(skin, hair, (0.75 + 0.1 * t[14]) * inside * np.exp(-0.5 * ((y - arc) / thick) ** 2))
    tilt = eye_y + 0.10 * s[24] * (ax - 0.5)
    opening = (((ax - 0.5) / (0.20 + 0.02 * t[15])) ** 2 + ((y - tilt) / (0.085 + 0.018 * s[25])) ** 2) - 1
    iris = np.array([0.25, 0.16, 0.10]) + np.clip(0.18 * t[16], 0, 0.4) * np.array([0.5, 0.9, 1.2])
    _mix(skin, tone * 0.35, 0.8 * np.exp(-0.5 * ((opening - 0.15) / 0.3) ** 2) * (y < tilt + 0.02))
    _mix(skin, np.array([0.9, 0.88, 0.86]), _edge(opening, 0.12))
    _mix(skin, iris, _edge(opening, 0.12) * _edge(((ax - 0.5) / 0.085) ** 2 + ((y - tilt) / 0.085) ** 2 - 1, 0.15))
    line = -0.98 + 0.11 * t[17] + (0.12 + 0.12 * t[18]) * ax**2 + 0.05 * t[19] * x
    _mix(skin, hair * (1 + 0.25 * _smooth(rng, 30))[..., None], _edge(y - line, 0.05))
    long = _edge(1.05 + 0.05 * t[20] - ax - 0.1 * y, 0.04) * _edge(y - (0.1 + 0.9 * t[21]), 0.15)
    _mix(skin, hair * (1 + 0.25 * _smooth(rng, 30))[..., None], long)
    crown = (ax / (wide + 0.17)) ** 2 + ((y - 0.25) / (tall + 0.1)) ** 2
    haired = np.maximum(
        _edge(y - line, 0.05) * _edge(crown - 1, 0.05), long * _edge(ax - 1.35, 0.05) * _edge(-0.6 - y, 0.2)
    )
    there = np.maximum(_edge(egg - 1, 0.05), haired)
    dy, dx = np.gradient(z.astype(np.float32), 2 * REACH / (CELLS - 1))
    relief = np.stack([z, dx, dy], -1)
    return Person(
        np.ascontiguousarray(relief, np.float32),
        np.ascontiguousarray(np.dstack([np.clip(skin, 0, 1), there]), np.float32),
    )


def picture(
    who: Person, rng: np.random.Generator, nuisance: Nuisance | None = None, side: int = SIDE
) -> NDArray[np.uint8]:
    """(side, side, 3) uint8 RGB: the person once more, otherwise turned, lit and taken."""
    import cv2

    n = nuisance or Nuisance()
    pixel = np.arange(side, dtype=np.float32) * (SIDE / side) + (SIDE / side - 1) / 2
    px, py = np.meshgrid(pixel, pixel)
    yaw = math.radians(min(42.0, max(-42.0, rng.normal() * n.yaw)))
    pitch = math.radians(min(22.0, max(-22.0, rng.normal() * n.pitch)))
    roll = math.radians(rng.normal() * n.roll)
    size = UNIT * (1 + 0.03 * rng.normal())
    sn, cs, sp, cp = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    # where the five points of the turned head lie decides the crop, as an aligner would
    height = who.relief[..., 0]
    pz = _at(height, _POINTS[:, 0], _POINTS[:, 1])
    qx = _POINTS[:, 0] * cs + pz * sn
    qy = _POINTS[:, 1] * cp - (pz * cs - _POINTS[:, 0] * sn) * sp
    off_x, off_y = float(qx.mean() - _POINTS[:, 0].mean()), float(qy.mean() - _POINTS[:, 1].mean())
    gx, gy = (px - CENTRE[0]) / size, (py - CENTRE[1]) / size
    rx = gx * math.cos(roll) - gy * math.sin(roll) + (off_x + rng.normal() * n.shift / UNIT)
    ry = gx * math.sin(roll) + gy * math.cos(roll) + (off_y + rng.normal() * n.shift / UNIT)
    x, y = rx, ry
    for _ in range(5):  # the surface point seen at a pixel: the fixed point of turning it back
        z = _sample(height, x, y)
        x = 0.5 * x + 0.5 * ((rx - z * sn) / cs)
        y = 0.5 * y + 0.5 * ((ry + (z * cs - x * sn) * sp) / cp)
    relief = _sample(who.relief, x, y)
    mx, my = _expression(x, y, rng, n.expression)
    skin = _sample(who.skin, mx, my)

    normal = np.dstack([-relief[..., 1], -relief[..., 2], np.ones_like(x)])
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    nx = normal[..., 0] * cs + normal[..., 2] * sn
    nz = normal[..., 2] * cs - normal[..., 0] * sn
    ny, nz = normal[..., 1] * cp - nz * sp, nz * cp + normal[..., 1] * sp
    light = np.array([rng.normal(), rng.normal() * 0.6 - 0.4, abs(rng.normal()) + 0.5])
    lx, ly, lz = (light / np.linalg.norm(light)).tolist()
    ambient = n.ambient + (0.75 - n.ambient) * rng.random()
    lit = np.clip(nx * lx + ny * ly + nz * lz, 0, None)
    shade = (ambient + (1.15 - ambient) * lit)[..., None] + 0.12 * rng.random() * (lit**12)[..., None]
    colour = (1 + 0.09 * rng.normal(size=3)).astype(np.float32)
    face = skin[..., :3] * shade * colour
    behind = (
        rng.random(3, np.float32) * (0.4 + 0.6 * (gx * rng.normal() * 0.4 + gy * rng.normal() * 0.4 + 0.5))[..., None]
    )
    image = behind + skin[..., 3:] * (face - behind)
    if rng.random() < n.occluded:
        image = _occlude(image, x, y, gx, gy, rng)
    image = np.clip(image * (0.75 + 0.45 * rng.random()), 0, 1) ** (0.75 + 0.55 * rng.random())
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.3 + n.blur * rng.random() * side / SIDE)
    image = 255 * image + n.grain * rng.random() * rng.standard_normal(image.shape, np.float32)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def draw(
    people: int, each: int, seed: int, *, first: int = 0, nuisance: Nuisance | None = None, side: int = SIDE
) -> InMemory:
    """``each`` pictures of people number ``first`` to ``first + people - 1`` of this seed. A person and picture depend
    on the seed and their numbers alone, so sets that share no number share no person."""
    pictures = np.empty((people * each, side, side, 3), np.uint8)
    for i in range(people):
        who = person(np.random.default_rng([seed, first + i]))
        for j in range(each):
            pictures[i * each + j] = picture(who, np.random.default_rng([seed, first + i, j]), nuisance, side)
    return InMemory(pictures, np.repeat(np.arange(people), each), f"{people} drawn people from {first} on, seed {seed}")


def _mix(skin: Map, colour: Real, share: Map) -> None:
    skin += np.asarray(np.clip(share, 0, 1), np.float32)[..., None] * (np.asarray(colour, np.float32) - skin)


def _smooth(rng: np.random.Generator, cells: int) -> Map:
    """(CELLS, CELLS) noise of unit variance whose waves are about 1/cells of the map long."""
    import cv2

    small = rng.standard_normal((cells, cells), np.float32)
    return np.asarray(cv2.resize(small, (CELLS, CELLS), interpolation=cv2.INTER_CUBIC), np.float32)


def _cell(x: Real, y: Real) -> tuple[Map, Map]:
    scale = (CELLS - 1) / (2 * REACH)
    return ((x + REACH) * scale).astype(np.float32), ((y - 0.3 + REACH) * scale).astype(np.float32)


def _sample(maps: Map, x: Map, y: Map) -> Map:
    import cv2

    cx, cy = _cell(x, y)
    return np.asarray(cv2.remap(maps, cx, cy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _at(maps: Map, x: Real, y: Real) -> Real:
    cx, cy = _cell(x, y)
    found: Real = maps[np.rint(cy).astype(int), np.rint(cx).astype(int)]
    return found


def _expression(x: Map, y: Map, rng: np.random.Generator, strength: float) -> tuple[Map, Map]:
    """Where in the canonical skin a point of the moved face lies: mouth wider or open, brows up, eyes narrow."""
    smile, opened, brow, squint = rng.normal(size=4) * strength
    mouth = _bump(x, y, 0, 1.16, 0.45, 0.2)
    mx = x * (1 - 0.10 * smile * mouth)
    my = y + 0.08 * smile * mouth * (x**2 - 0.08) / 0.16 - 0.06 * opened * mouth * (y - 1.16) / 0.1
    my = my + 0.05 * brow * _bump(np.abs(x), y, 0.5, -0.38, 0.35, 0.16)
    eyes = _bump(np.abs(x), y, 0.5, 0.0, 0.25, 0.12)
    my = my + np.clip(0.45 * squint, -0.35, 0.9) * eyes * y
    return np.asarray(mx, np.float32), np.asarray(my, np.float32)


def _occlude(image: Real, x: Map, y: Map, gx: Map, gy: Map, rng: np.random.Generator) -> Real:
    """Dark glasses, a mask, or a patch (a hand, a scarf, a microphone) before the face."""
    kind = rng.integers(3)
    colour = rng.random(3, np.float32)
    if kind == 0:
        lens = ((np.abs(x) - 0.5) / 0.33) ** 2 + ((y - 0.02) / 0.24) ** 2 - 1
        bar = np.maximum(np.abs(x) - 1.1, np.abs(y + 0.03) - 0.03)
        cover = np.maximum(_edge(lens, 0.08) * rng.uniform(0.6, 1.0), _edge(bar, 0.01))
        colour = colour * 0.25
    elif kind == 1:
        cover = _edge(0.45 + 0.15 * x**2 + 0.1 * rng.normal() - y, 0.03)
        colour = 0.3 + 0.7 * colour
    else:
        cx, cy = rng.uniform(-1.2, 1.2), rng.uniform(-0.8, 1.5)
        turn = rng.uniform(0, math.pi)
        u = (gx - cx) * math.cos(turn) + (gy - cy) * math.sin(turn)
        v = -(gx - cx) * math.sin(turn) + (gy - cy) * math.cos(turn)
        cover = _edge((u / rng.uniform(0.3, 0.6)) ** 2 + (v / rng.uniform(0.3, 0.9)) ** 2 - 1, 0.1)
    covered: Real = image + cover[..., None] * (colour - image)
    return covered
