"""The benchmark's simulated walkers: bodies of tapered tubes, joints' curves as Fourier series, rendered in colour.

Nothing is shared with the walkers that the network was trained on (``viot_finetune.vision.walkers``): bodies are
elliptical tubes with lengths after Drillis and Contini (1966) instead of spheres, joint angles are Fourier fits to the
usual curves of a gait cycle with every harmonic of its own size per person instead of rectified sines, the lens
distorts, the clothes are others, and masks are not spoilt by hand: a coloured picture with texture, sensor noise and a
cast shadow goes through the tool's own comparison with the background.

Owns this model. Knows no network and no figure. Axes: x ahead, y left, z up, metres; phase 0..1 from heel strike to
heel strike of the left foot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_tools.gait.silhouette import align, clean, fault, foreground, window

Array = NDArray[np.float64]
RATE = 5.0
EVERYDAY = "everyday"
CHANGED = ("parka", "dress", "poncho", "wide trousers", "rucksack", "trolley")
_AT = np.array([0, 5, 12, 20, 30, 40, 50, 60, 66, 73, 80, 88, 95]) / 100
_HIP = np.array([28, 27, 23, 16, 7, -2, -10, -6, 4, 17, 26, 31, 29.0])
_KNEE = np.array([4, 11, 17, 14, 8, 5, 11, 34, 51, 62, 50, 22, 5.0])
_ANKLE = np.array([0, -5, -2, 4, 7, 10, 7, -14, -17, -6, 0, 2, 0.0])
HARMONICS = 4
_ORDERS = np.arange(HARMONICS + 1)


def _series(at: Array, degrees: Array) -> NDArray[np.complex128]:
    """Fourier coefficients (5,), radians, of a closed curve through the points."""
    grid = np.arange(64) / 64
    curve = np.interp(grid, [*at, 1.0], [*degrees, degrees[0]])
    return np.asarray(np.fft.rfft(np.deg2rad(curve))[: HARMONICS + 1] / 64, np.complex128)


def _value(series: NDArray[np.complex128], phase: float) -> float:
    terms = (series * np.exp(2j * np.pi * phase * _ORDERS)).real
    return float(2 * terms.sum() - terms[0])


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """``length`` of segments and ``breadth``/``depth`` of rings in metres, ``hip``, ``knee``, ``ankle`` the series of
    the left and right leg, ``arm`` mean, size and lag of the shoulder, ``elbow`` mean and gain, ``trunk`` lean, its
    size of nodding and the head's pitch, ``pelvis`` drop and turn, ``base`` half the width of the track, ``cadence``
    cycles a second."""

    length: dict[str, float]
    breadth: dict[str, float]
    depth: dict[str, float]
    hip: tuple[NDArray[np.complex128], NDArray[np.complex128]]
    knee: tuple[NDArray[np.complex128], NDArray[np.complex128]]
    ankle: tuple[NDArray[np.complex128], NDArray[np.complex128]]
    arm: tuple[float, float, float, float]
    elbow: tuple[float, float]
    abducted: float
    trunk: tuple[float, float, float]
    pelvis: tuple[float, float]
    base: float
    cadence: float
    hair: float


SEGMENTS = {
    "thigh": 0.245, "shank": 0.246, "foot": 0.150, "sole": 0.039, "trunk": 0.288, "neck": 0.052, "head": 0.130,
    "upper": 0.186, "fore": 0.146, "hand": 0.080,
}  # fmt: skip
RINGS = {
    "shoulder": (0.212, 0.090), "chest": (0.174, 0.125), "waist": (0.150, 0.115), "hips": (0.186, 0.130),
    "thigh": (0.094, 0.096), "knee": (0.064, 0.068), "calf": (0.062, 0.066), "ankle": (0.042, 0.046),
    "arm": (0.056, 0.056), "elbow": (0.044, 0.044), "wrist": (0.034, 0.030),
    "head": (0.088, 0.108), "neck": (0.064, 0.066),
}  # fmt: skip
"""Breadth and depth of the body's rings as shares of a height of 1."""


def person(rng: np.random.Generator) -> Person:
    """A person drawn at random."""
    tall = float(np.clip(rng.normal(1.69, 0.095), 1.45, 1.98))
    stout = float(np.clip(rng.lognormal(0.0, 0.14), 0.72, 1.5))
    length = {k: tall * v * float(rng.normal(1.0, 0.045)) for k, v in SEGMENTS.items()}
    own = {k: float(rng.normal(1.0, 0.06)) for k in RINGS}
    hang = {"waist": 1.5, "hips": 1.0, "chest": 0.8, "thigh": 0.8, "shoulder": 0.4}
    breadth = {k: tall * v[0] * own[k] * stout ** hang.get(k, 0.4) for k, v in RINGS.items()}
    depth = {k: tall * v[1] * own[k] * stout ** (1.5 * hang.get(k, 0.4)) for k, v in RINGS.items()}

    def legs(degrees: Array, spread: float) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        size = float(rng.normal(1.0, spread))
        each = rng.normal(1.0, 0.15, HARMONICS + 1) * np.exp(1j * rng.normal(0, 0.10, HARMONICS + 1))
        each[0] = 1.0
        both = _series(_AT, degrees) * each * size
        both[0] += np.deg2rad(rng.normal(0, 3.0))
        left = both * float(rng.normal(1.0, 0.04))
        return left, both

    return Person(
        length=length,
        breadth=breadth,
        depth=depth,
        hip=legs(_HIP, 0.16),
        knee=legs(_KNEE, 0.12),
        ankle=legs(_ANKLE, 0.2),
        arm=(rng.normal(-0.05, 0.12), abs(rng.normal(0.33, 0.17)), rng.normal(0.0, 0.04), rng.normal(1.0, 0.2)),
        elbow=(abs(rng.normal(0.35, 0.22)), abs(rng.normal(0.6, 0.3))),
        abducted=abs(float(rng.normal(0.10, 0.07))),
        trunk=(float(rng.normal(0.06, 0.06)), abs(float(rng.normal(0.02, 0.015))), float(rng.normal(0.12, 0.14))),
        pelvis=(abs(float(rng.normal(0.05, 0.03))), abs(float(rng.normal(0.09, 0.06)))),
        base=float(rng.normal(0.05, 0.025)),
        cadence=float(np.clip(rng.normal(0.92, 0.09), 0.65, 1.2)),
        hair=float(rng.random()),
    )


Tube = tuple[list[Array], str]
"""Rings (n, 3) from one end to the other, and what it is made of."""


def _ring(centre: Array, along: Array, breadth: float, depth: float, n: int = 10) -> Array:
    """An ellipse across ``along``; ``breadth`` sideways (y), ``depth`` ahead, both whole diameters."""
    x, y, z = along
    side = np.array([-x * y, 1.0 - y * y, -z * y])
    side /= np.sqrt(side @ side) + 1e-9
    ahead = np.array([side[1] * z - side[2] * y, side[2] * x - side[0] * z, side[0] * y - side[1] * x])
    cosine, sine = _CIRCLE[n]
    return np.asarray(centre + breadth / 2 * cosine * side + depth / 2 * sine * ahead)


_CIRCLE = {n: (np.cos(a)[:, None], np.sin(a)[:, None]) for n in (8, 10) for a in [np.arange(n) * 2 * np.pi / n]}


def _tube(points: Sequence[Array], sizes: Sequence[tuple[float, float]], cloth: str) -> Tube:
    along = points[-1] - points[0]
    along = along / (np.sqrt(along @ along) + 1e-9)
    return [_ring(p, along, b, d) for p, (b, d) in zip(points, sizes, strict=True)], cloth


def _swing(length: float, pitch: float, out: float = 0.0) -> Array:
    """A hanging segment turned ``pitch`` ahead and ``out`` to the left."""
    return length * np.array([np.sin(pitch) * np.cos(out), np.sin(out), -np.cos(pitch) * np.cos(out)])


def tubes(p: Person, wear: str, phase: float) -> list[Tube]:
    """The body at a phase, its lowest point on the ground."""
    parts: list[Tube] = []
    size = {k: np.array([p.breadth[k], p.depth[k]]) for k in RINGS}
    top = 0.06 if wear == "parka" else 0.012
    leg = {"wide trousers": 0.05}.get(wear, 0.008)
    drop, turn = p.pelvis
    ankles = []
    for left, sign in ((True, 1.0), (False, -1.0)):
        at = phase if left else phase + 0.5
        which = 0 if left else 1
        swing, flex = _value(p.hip[which], at), max(0.0, _value(p.knee[which], at))
        foot = _value(p.ankle[which], at)
        turned = turn * np.cos(2 * np.pi * phase)
        half = 0.25 * p.breadth["hips"]
        hip = np.array([sign * half * np.sin(turned), sign * half, sign * drop * half * np.sin(2 * np.pi * phase)])
        inward = np.arctan2(p.base * sign - sign * half, p.length["thigh"] + p.length["shank"])
        knee = hip + _swing(p.length["thigh"], swing, inward)
        ankle = knee + _swing(p.length["shank"], swing - flex, inward)
        tilt = swing - flex + foot
        heel = (
            ankle + _swing(p.length["sole"], tilt) - 0.25 * p.length["foot"] * np.array([np.cos(tilt), 0, np.sin(tilt)])
        )
        toe = heel + p.length["foot"] * np.array([np.cos(tilt), 0.12 * sign, np.sin(tilt)])
        calf = knee + 0.35 * (ankle - knee)
        hem = size["ankle"] + (0.10 if wear == "wide trousers" else 0.02)
        parts.append(_tube([hip, knee], [tuple(size["thigh"] + leg), tuple(size["knee"] + leg)], "legs"))
        parts.append(
            _tube([knee, calf, ankle], [tuple(size["knee"] + leg), tuple(size["calf"] + leg), tuple(hem)], "legs")
        )
        foot_rings = [_ring(q, np.array([1.0, 0, 0]), 0.07, 0.05, 8) for q in (heel, toe)]
        parts.append(([*foot_rings, _ring(ankle, np.array([0, 0, 1.0]), 0.07, 0.08, 8)], "shoes"))
        ankles.append(min(heel[2], toe[2]) - 0.025)
    lean = p.trunk[0] + p.trunk[1] * np.cos(4 * np.pi * phase)
    up = np.array([np.sin(lean), 0.0, np.cos(lean)])
    root = np.array([0.0, 0.0, 0.03])
    levels = [root + up * p.length["trunk"] * f for f in (0.0, 0.38, 0.78, 1.0)]
    rings = [tuple(size[k] + top) for k in ("hips", "waist", "chest", "shoulder")]
    parts.append(_tube(levels[:3], rings[:3], "top"))
    parts.append(_tube(levels[2:], [rings[2], (rings[3][0] * 0.92, rings[3][1])], "top"))
    shoulders = levels[3]
    nod = lean + p.trunk[2]
    throat = shoulders + p.length["neck"] * np.array([np.sin(nod), 0.0, np.cos(nod)])
    crown = throat + p.length["head"] * np.array([np.sin(nod * 0.5), 0.0, np.cos(nod * 0.5)])
    parts.append(_tube([shoulders, throat], [tuple(size["neck"] * 1.3), tuple(size["neck"])], "skin"))
    skull = [throat + (crown - throat) * f for f in (0.0, 0.35, 0.75, 1.0)]
    parts.append(_tube(skull[:3], [tuple(size["head"] * f) for f in (0.6, 1.0, 1.0)], "skin"))
    parts.append(_tube(skull[1:], [tuple(size["head"] * f) for f in (1.0, 1.05, 0.6)], "hair"))
    if p.hair > 0.6:
        back = throat + np.array([-0.05, 0.0, 0.0])
        parts.append(_tube([skull[2], back - up * 0.12 * (p.hair - 0.5)], [tuple(size["head"]), (0.16, 0.06)], "hair"))
    for sign in (1.0, -1.0):
        parts += _arm(p, wear, phase, sign, shoulders, size, top)
    parts += _garments(p, wear, phase, root, levels, size)
    lift = np.array([0.0, 0.0, -min(ankles)])
    return [([ring + lift for ring in rings], cloth) for rings, cloth in parts]


def _arm(
    p: Person, wear: str, phase: float, sign: float, shoulders: Array, size: dict[str, Array], top: float
) -> list[Tube]:
    mean, amount, lag, ratio = p.arm
    at = 2 * np.pi * (phase + lag + (0.5 if sign > 0 else 0.0))
    still = 0.15 if wear == "trolley" and sign < 0 else 1.0
    pitch = mean + amount * (ratio if sign > 0 else 1.0) * still * (np.cos(at) + 0.12 * np.cos(2 * at))
    if wear == "trolley" and sign < 0:
        pitch -= 0.45
    bend = still * (p.elbow[0] + p.elbow[1] * max(0.0, pitch))
    out = sign * (p.abducted + 1.2 * top)
    start = shoulders + np.array([0.0, sign * (p.breadth["shoulder"] / 2 - 0.01), -0.045])
    elbow = start + _swing(p.length["upper"], pitch, out)
    wrist = elbow + _swing(p.length["fore"], pitch + bend, out * 0.4)
    hand = wrist + _swing(p.length["hand"], pitch + bend + 0.1, 0.0)
    sleeve = 0.6 * top
    parts = [
        _tube([start, elbow], [tuple(size["arm"] + sleeve), tuple(size["elbow"] + sleeve)], "top"),
        _tube([elbow, wrist], [tuple(size["elbow"] + sleeve), tuple(size["wrist"] + sleeve)], "top"),
        _tube([wrist, hand], [(0.045, 0.06), (0.03, 0.07)], "skin"),
    ]
    if wear == "trolley" and sign < 0:
        box = hand + np.array([-0.45, 0.0, -0.38])
        parts.append(_tube([hand, box], [(0.03, 0.03), (0.03, 0.03)], "goods"))
        parts.append(
            _tube(
                [box + np.array([0.0, 0.0, 0.1]), box + np.array([-0.1, 0.0, -0.42])],
                [(0.24, 0.36), (0.24, 0.36)],
                "goods",
            )
        )
    return parts


def _garments(
    p: Person, wear: str, phase: float, root: Array, levels: Sequence[Array], size: dict[str, Array]
) -> list[Tube]:
    down = np.array([0.0, 0.0, -1.0])
    step = abs(np.cos(2 * np.pi * phase))
    hips = size["hips"]
    if wear == "parka":
        hem = root + down * 0.55 * p.length["thigh"]
        return [_tube([levels[1], hem], [tuple(size["waist"] + 0.09), tuple(hips + 0.10)], "top")]
    if wear == "dress":
        hem = root + down * (p.length["thigh"] + 0.45 * p.length["shank"])
        wide = hips + np.array([0.16, 0.22 + 0.22 * step])
        return [_tube([levels[1], root, hem], [tuple(size["waist"]), tuple(hips + 0.04), tuple(wide)], "legs")]
    if wear == "poncho":
        hem = root + down * 0.15
        shoulders = levels[3] + np.array([0.0, 0.0, 0.01])
        wide = (p.breadth["shoulder"] + 0.36, p.depth["hips"] + 0.22)
        return [_tube([shoulders, hem], [(p.breadth["shoulder"] * 0.7, 0.14), wide], "top")]
    if wear == "rucksack":
        middle = (levels[1] + levels[3]) / 2 + np.array([-0.5 * p.depth["chest"] - 0.11, 0.0, 0.0])
        ends = [middle + np.array([0.0, 0.0, z]) for z in (-0.22, 0.22)]
        return [_tube(ends, [(0.32, 0.22), (0.28, 0.18)], "goods")]
    return []


@dataclass(frozen=True, slots=True)
class Camera:
    """``heading`` degrees of the walk, 0 = towards the camera, 90 = across; ``up`` and ``away`` metres; ``tall`` pixels
    of a body of 1.7 m in the middle; ``bend`` the radial distortion (k1); ``off`` where the walk lies in the picture,
    -1..1; ``curve`` how much the path turns, radians."""

    heading: float
    up: float
    away: float
    tall: float
    bend: float
    off: float
    curve: float


def camera(rng: np.random.Generator, heading: float) -> Camera:
    """A camera drawn at random for a heading (jittered by 8 degrees)."""
    return Camera(
        heading=heading + float(rng.uniform(-8, 8)),
        up=float(rng.uniform(2.0, 4.2)),
        away=float(rng.uniform(6.5, 13.0)),
        tall=float(rng.uniform(75, 150)),
        bend=float(rng.uniform(-0.22, 0.0)),
        off=float(rng.uniform(-0.5, 0.5)),
        curve=float(rng.normal(0, 0.12)),
    )


def _pixels(points: Array, c: Camera) -> Array:
    """World points (..., 3) to pixels (..., 2) and depth, as (..., 3)."""
    tilt = np.arctan2(c.up - 0.85, c.away)
    focal = c.tall * np.hypot(c.away, c.up - 0.85) / 1.7
    x = points[..., 1] + c.off * 0.35 * c.away
    ahead, rise = c.away - points[..., 0], c.up - points[..., 2]
    z = np.maximum(ahead * np.cos(tilt) + rise * np.sin(tilt), 0.6)
    u, v = x / z, (rise * np.cos(tilt) - ahead * np.sin(tilt)) / z
    grow = 1 + c.bend * (u * u + v * v)
    return np.stack([focal * u * grow, focal * v * grow, z], -1)


def film(p: Person, wear: str, c: Camera, seconds: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(N, 64, 44) silhouettes of a walk as the tool would take them: those that it would refuse are left out."""
    colours = {k: rng.uniform(25, 225, 3) for k in ("top", "legs", "shoes", "hair", "goods")}
    colours["skin"] = np.array([200, 160, 130]) * rng.uniform(0.45, 1.15)
    ground = rng.uniform(70, 190, 3)
    tiles = cv2.resize(rng.normal(0, 1, (24, 24, 1)), (360, 360), interpolation=cv2.INTER_CUBIC)[..., None]
    sun = np.array([rng.normal(0, 0.9), rng.normal(0, 0.9)]) if rng.random() < 0.5 else None
    sensor, flicker = float(rng.uniform(1.0, 3.5)), float(rng.uniform(0, 2.5))
    legs = p.length["thigh"] + p.length["shank"]
    speed = 2 * legs * np.sin(max(0.15, 1.05 * abs(p.hip[1][1]) * 2)) * p.cadence * 2 / 1.6
    count = round(seconds * RATE)
    begin = rng.random()
    pace = p.cadence * float(rng.normal(1.0, 0.03))
    found = []
    where, heading = np.zeros(2), np.deg2rad(c.heading)
    path = []
    for i in range(count):
        turn = heading + c.curve * (i / count - 0.5)
        path.append((where.copy(), turn))
        where = where + speed / RATE * np.array([np.cos(turn), np.sin(turn)])
    middle = np.mean([w for w, _ in path], axis=0)
    for i, (at, turn) in enumerate(path):
        place = at - middle
        if c.away - place[0] < 2.2:
            continue
        body = tubes(p, wear, begin + pace * i / RATE)
        spun = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
        world = [([ring @ spun + np.array([*place, 0.0]) for ring in rings], cloth) for rings, cloth in body]
        picture = _render(world, c, colours, ground, tiles, sun, rng)
        if picture is None:
            continue
        image, behind, box = picture
        light = rng.normal(0, flicker)
        noisy = image + rng.normal(0, sensor, image.shape) + light
        seen = np.clip(noisy, 0, 255).astype(np.uint8)
        still = np.clip(behind + rng.normal(0, sensor / 4, behind.shape), 0, 255).astype(np.uint8)
        tall = box[3] - box[1]
        j = rng.normal(0, 0.02, 4) * tall
        rough = (box[0] + j[0], box[1] + j[1], box[2] + j[2], box[3] + j[3])
        x0, y0, x1, y1 = window(rough, seen.shape[1], seen.shape[0])
        inner = (rough[0] - x0, rough[1] - y0, rough[2] - x0, rough[3] - y0)
        mask = clean(foreground(seen[y0:y1, x0:x1], still[y0:y1, x0:x1], inner, sensor), inner)
        if not fault(mask, inner):
            found.append(align(mask))
    return np.stack(found) if found else np.zeros((0, 64, 44), np.uint8)


def _render(
    world: Sequence[Tube],
    c: Camera,
    colours: dict[str, Array],
    ground: Array,
    tiles: Array,
    sun: Array | None,
    rng: np.random.Generator,
) -> tuple[Array, Array, tuple[float, float, float, float]] | None:
    """(picture, empty scene, box) around one body; None when it is too small or too near."""
    flat = [_pixels(np.stack(rings), c) for rings, _ in world]
    every = np.concatenate([s.reshape(-1, 3) for s in flat])
    low, high = every[:, :2].min(0), every[:, :2].max(0)
    tall = high[1] - low[1]
    if not 58 <= tall <= 330:
        return None
    margin = 0.3 * tall
    size = np.ceil(high - low + 2 * margin).astype(int)
    texture = cv2.resize(tiles, (int(size[0]), int(size[1])), interpolation=cv2.INTER_LINEAR)
    behind = ground + 14.0 * texture[..., None]
    image = behind.copy()
    origin = low - margin

    def polygon(points: Array) -> NDArray[np.int32]:
        hull = cv2.convexHull((points - origin).astype(np.float32))[:, 0]
        return np.asarray(np.round(hull * 16), np.int32)

    if sun is not None:
        dark = np.zeros(image.shape[:2], np.uint8)
        for rings, _ in world:
            points = np.concatenate(rings)
            cast = np.column_stack([points[:, :2] + points[:, 2:3] * sun, np.zeros(len(points))])
            cv2.fillConvexPoly(dark, polygon(_pixels(cast, c)[:, :2]), 255, shift=4)
        share = cv2.GaussianBlur(dark, (5, 5), 0).astype(float) / 255.0
        image *= 1 - 0.38 * share[..., None]
    for i in sorted(range(len(flat)), key=lambda i: -flat[i][..., 2].mean()):  # the farthest first
        points = flat[i]
        colour = colours[world[i][1]] * rng.uniform(0.94, 1.06)
        for a in range(len(points) - 1):
            cv2.fillConvexPoly(image, polygon(points[a : a + 2, :, :2].reshape(-1, 2)), colour.tolist(), shift=4)
    image = cv2.GaussianBlur(image, (3, 3), 0.7)
    box = (float(margin), float(margin), float(margin + high[0] - low[0]), float(margin + tall))
    return image, behind, box
