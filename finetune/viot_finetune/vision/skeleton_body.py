"""A jointed body in three dimensions: angles over time in, the 17 key points of COCO out.

Metres, seconds and radians; x forward, y left, z up before the body is turned. ``pose`` puts the body on the ground:
its lowest joint touches it, so that sitting, lying and falling come out right without physics.

Owns forward kinematics. Knows no action and no camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Length = float | Array


@dataclass(frozen=True, slots=True)
class Build:
    """Lengths of one person in metres, from ``height`` and shares of it (after Winter, Biomechanics, 2009)."""

    height: Length = 1.72
    leg: Length = 0.245
    shin: Length = 0.246
    torso: Length = 0.288
    arm: Length = 0.172
    forearm: Length = 0.157
    shoulders: Length = 0.235
    hips: Length = 0.13
    head: Length = 0.13

    @classmethod
    def random(cls, rng: np.random.Generator) -> Build:
        """A grown-up or (one in eight) a child."""
        height = rng.uniform(1.1, 1.45) if rng.random() < 0.125 else rng.normal(1.70, 0.09)
        shares = (0.245, 0.246, 0.288, 0.172, 0.157, 0.235, 0.13, 0.13)
        return cls(float(height), *(float(s * rng.normal(1.0, 0.05)) for s in shares))

    @classmethod
    def side_by_side(cls, builds: Sequence[Build], n: int) -> Build:
        """One build of (len(builds) * n, 1) arrays, ``n`` rows each: for bodies that are posed all at once."""
        return cls(*(np.repeat([getattr(b, f.name) for b in builds], n)[:, None] for f in fields(cls)))


@dataclass(slots=True)
class Angles:
    """All angles over ``n`` moments, each (n,) radians. Sides: index 0 left, 1 right.

    ``hip``/``knee``: flexion, forward and backward; ``spread``: leg to the side. ``arm``: flexion forward; ``lift``:
    arm to the side; ``elbow``: flexion; ``inward``: forearm across the body. ``lean`` forward, ``side`` of the torso,
    ``twist`` of the shoulders about the spine. ``nod`` and ``look`` of the head. ``tip`` and ``tip_towards``: the whole
    body tipped over by an angle towards a heading. ``x``, ``y`` metres on the ground, ``heading``, ``hop`` metres up.
    """

    n: int
    hip: Array = field(init=False)
    knee: Array = field(init=False)
    spread: Array = field(init=False)
    arm: Array = field(init=False)
    lift: Array = field(init=False)
    elbow: Array = field(init=False)
    inward: Array = field(init=False)
    lean: Array = field(init=False)
    side: Array = field(init=False)
    twist: Array = field(init=False)
    nod: Array = field(init=False)
    look: Array = field(init=False)
    tip: Array = field(init=False)
    tip_towards: Array = field(init=False)
    x: Array = field(init=False)
    y: Array = field(init=False)
    heading: Array = field(init=False)
    hop: Array = field(init=False)

    def __post_init__(self) -> None:
        for name in ("hip", "knee", "spread", "arm", "lift", "elbow", "inward"):
            setattr(self, name, np.zeros((2, self.n)))
        for name in ("lean", "side", "twist", "nod", "look", "tip", "tip_towards", "x", "y", "heading", "hop"):
            setattr(self, name, np.zeros(self.n))

    @classmethod
    def side_by_side(cls, each: Sequence[Angles]) -> Angles:
        """All of them, one after the other."""
        made = cls(sum(a.n for a in each))
        for f in fields(cls)[1:]:
            setattr(made, f.name, np.concatenate([getattr(a, f.name) for a in each], -1))
        return made


def _cross(a: Array, b: Array) -> Array:
    """The cross product of (n, 3) vectors; several times as fast as NumPy's on few rows."""
    x, y, z = a[:, 0], a[:, 1], a[:, 2]
    u, v, w = b[:, 0], b[:, 1], b[:, 2]
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], 1)


def _rotate(v: Array, axis: Array, angle: Array) -> Array:
    """Rodrigues: vectors ``v`` (n, 3) about unit axes ``axis`` (n, 3) by ``angle`` (n,)."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (axis * v).sum(1, keepdims=True)
    return np.asarray(v * c + _cross(axis, v) * s + axis * along * (1 - c))


def _unit(n: int, k: int, sign: float = 1.0) -> Array:
    v = np.zeros((n, 3))
    v[:, k] = sign
    return v


def pose(build: Build, a: Angles) -> Array:
    """(n, 17, 3) metres in the world, z up, the lowest joint ``hop`` above the ground."""
    n, h = a.n, build.height
    x, y, z = (_unit(n, k) for k in range(3))
    up = _rotate(_rotate(z, y, a.lean), x, -a.side)
    forward = _rotate(x, y, a.lean)
    left = _rotate(_rotate(y, up, a.twist), x, -a.side)
    front = _rotate(forward, up, a.twist)
    neck = up * (build.torso * h)
    joints = np.zeros((n, 17, 3))
    face = _rotate(_rotate(front, up, a.look), left, a.nod)
    top = _rotate(up, left, a.nod)
    across = _cross(top, face)
    head = neck + up * (0.06 * h)
    scale = build.head * h
    joints[:, 0] = head + top * scale * 0.35 + face * scale * 0.75
    for j, s in ((1, 1.0), (2, -1.0)):
        joints[:, j] = head + top * scale * 0.55 + face * scale * 0.65 + across * s * scale * 0.25
    for j, s in ((3, 1.0), (4, -1.0)):
        joints[:, j] = head + top * scale * 0.45 + across * s * scale * 0.55
    for i, s in ((0, 1.0), (1, -1.0)):
        shoulder = neck + left * (s * build.shoulders * h / 2)
        upper = _rotate(_rotate(-up, left, -a.arm[i]), front, s * a.lift[i])
        # the elbow bends about an axis that is carried along with the arm, turned about it by "inward"
        bend = _rotate(_rotate(left, front, s * a.lift[i]), upper, s * a.inward[i])
        lower = _rotate(upper, bend, -a.elbow[i])
        elbow = shoulder + upper * build.arm * h
        joints[:, 5 + i], joints[:, 7 + i], joints[:, 9 + i] = shoulder, elbow, elbow + lower * build.forearm * h
        hip = y * (s * build.hips * h / 2)
        thigh = _rotate(_rotate(-z, y, -a.hip[i]), x, s * a.spread[i])
        shin = _rotate(thigh, _rotate(y, x, s * a.spread[i]), a.knee[i])
        knee = hip + thigh * build.leg * h
        joints[:, 11 + i], joints[:, 13 + i], joints[:, 15 + i] = hip, knee, knee + shin * build.shin * h
    axis = np.stack([-np.sin(a.tip_towards), np.cos(a.tip_towards), np.zeros(n)], 1)
    flat = joints.reshape(n * 17, 3)
    flat = _rotate(flat, np.repeat(axis, 17, 0), np.repeat(a.tip, 17))
    flat = _rotate(flat, np.repeat(z, 17, 0), np.repeat(a.heading, 17))
    joints = flat.reshape(n, 17, 3)
    joints[:, :, 0] += a.x[:, None]
    joints[:, :, 1] += a.y[:, None]
    joints[:, :, 2] += (a.hop + 0.05 - joints[:, :, 2].min(1))[:, None]
    return joints
