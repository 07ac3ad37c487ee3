"""Simulated walkers for training: a body of spheres and their hulls, clothes, a pinhole camera, and bad silhouettes.

A :class:`Walker` is one person: body measures and a way of walking, both drawn from ranges of adults. An
:class:`Outfit` changes thickness and shape and nothing else. ``walk`` films the walker for some seconds at 5 pictures a
second and gives what a background model would give: masks with holes, missing feet, shadows and ragged edges, cleaned
and laid out by the tool's own functions.

Owns this model of bodies, clothes, cameras and noise. It knows no network. The benchmark's walkers
(``viot_tools.bench.walkers``) are other bodies, other joints' curves, other clothes, another camera and rendered in
colour: nothing is shared with them but the tool's own cleaning.

Axes: x is the way the walker walks, y to the left, z up, metres. Angles in radians. A phase of 2 pi is two steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from viot_tools.gait.silhouette import Silhouette, align, clean, fault, window

Points = NDArray[np.float64]
RATE = 5.0
"""Pictures a second, as ingest samples."""
CLOTHES = ("plain", "coat", "long coat", "skirt", "loose", "padded")
CARRIED = ("nothing", "bag", "shoulder bag", "backpack", "hat", "bun")


@dataclass(frozen=True, slots=True)
class Walker:
    """One person. Lengths in metres, the rest as the names say; ``swing_side`` -1..1 favours an arm, ``limp`` a leg."""

    height: float
    leg: float
    shin: float
    shoulder: float
    hip: float
    girth: float
    belly: float
    head: float
    thigh_r: float
    arm: float
    stride: float
    cadence: float
    thigh_swing: float
    knee: float
    stance_knee: float
    arm_swing: float
    elbow: float
    arm_out: float
    lean: float
    hunch: float
    head_forward: float
    sway: float
    bob: float
    roll: float
    width: float
    toe_out: float
    lift: float
    swing_side: float
    limp: float
    arm_lag: float


def walker(rng: np.random.Generator) -> Walker:
    """A person drawn at random."""

    def n(mean: float, sd: float, low: float, high: float) -> float:
        return float(np.clip(rng.normal(mean, sd), low, high))

    height = n(1.70, 0.10, 1.48, 1.96)
    leg = height * n(0.49, 0.018, 0.44, 0.54)
    girth = n(1.0, 0.17, 0.68, 1.55)
    return Walker(
        height=height,
        leg=leg,
        shin=n(0.50, 0.02, 0.45, 0.55),
        shoulder=height * n(0.108, 0.012, 0.08, 0.14),
        hip=height * n(0.056, 0.009, 0.035, 0.085),
        girth=girth,
        belly=max(0.0, n(0.35, 0.4, 0.0, 1.5) * (girth - 0.6)),
        head=n(1.0, 0.06, 0.85, 1.2),
        thigh_r=n(0.078, 0.012, 0.05, 0.115) * girth**0.6,
        arm=height * n(0.185, 0.010, 0.16, 0.215),
        stride=leg * n(1.55, 0.20, 1.0, 2.05),
        cadence=n(0.93, 0.10, 0.65, 1.2),
        thigh_swing=n(0.40, 0.08, 0.20, 0.62),
        knee=n(1.00, 0.16, 0.6, 1.4),
        stance_knee=n(0.12, 0.08, 0.0, 0.4),
        arm_swing=n(0.38, 0.20, 0.0, 0.95),
        elbow=n(0.35, 0.25, 0.02, 1.35),
        arm_out=n(0.12, 0.07, 0.0, 0.38),
        lean=n(0.05, 0.05, -0.08, 0.22),
        hunch=n(0.12, 0.12, -0.1, 0.5),
        head_forward=n(0.04, 0.025, -0.02, 0.12),
        sway=n(0.02, 0.012, 0.0, 0.06),
        bob=n(0.02, 0.01, 0.0, 0.05),
        roll=n(0.05, 0.04, 0.0, 0.17),
        width=n(0.07, 0.04, -0.02, 0.2),
        toe_out=n(0.12, 0.12, -0.15, 0.5),
        lift=n(0.0, 0.08, -0.2, 0.2),
        swing_side=n(0.0, 0.35, -1.0, 1.0),
        limp=n(0.0, 0.10, -0.4, 0.4),
        arm_lag=n(0.0, 0.25, -0.7, 0.7),
    )


@dataclass(frozen=True, slots=True)
class Outfit:
    """What is worn and carried; ``thick`` metres over body and limbs, ``hem`` 0 (hip) to 1 (ankle), ``flare`` metres,
    ``heel`` metres, ``side`` -1 or 1 for what hangs on one side, ``size`` metres of what is carried."""

    clothes: str
    carried: str
    thick: float
    hem: float
    flare: float
    heel: float
    side: float
    size: float


def outfit(rng: np.random.Generator, clothes: str | None = None) -> Outfit:
    """Clothes drawn at random, or some of ``CLOTHES``."""
    kind = str(rng.choice(CLOTHES)) if clothes is None else clothes
    heavy = kind in ("coat", "long coat", "padded")
    hem = {"coat": (0.15, 0.45), "long coat": (0.45, 0.85), "skirt": (0.35, 0.95)}.get(kind, (0.0, 0.0))
    carried = "nothing" if rng.random() < 0.5 else str(rng.choice(CARRIED))
    return Outfit(
        clothes=kind,
        carried=carried,
        thick=float(rng.uniform(0.02, 0.06) if heavy else rng.uniform(0.0, 0.018)),
        hem=float(rng.uniform(*hem)) if hem[1] else 0.0,
        flare=float(rng.uniform(0.02, 0.16)),
        heel=float(rng.choice((0.0, 0.0, 0.03, 0.07))),
        side=float(rng.choice((-1.0, 1.0))),
        size=float(rng.uniform(0.10, 0.24)),
    )


Ball = tuple[Points, float]
"""Centre (3,) and radius of a sphere."""


def _turn(v: Points, pitch: float) -> Points:
    """``v`` (3,) turned about the y axis; a positive pitch swings what hangs down forward."""
    c, s = np.cos(pitch), np.sin(pitch)
    return np.array([c * v[0] - s * v[2], v[1], s * v[0] + c * v[2]])


def body(w: Walker, o: Outfit, phase: float) -> list[list[Ball]]:
    """The parts of a body at a phase: each a list of spheres whose hull is drawn. The pelvis stands over (0, 0)."""
    g, thick = w.girth, o.thick
    parts: list[list[Ball]] = []
    side_sway = w.sway * np.sin(phase)
    pelvis = np.array([0.0, side_sway, 0.0])
    feet = []
    for sign in (1.0, -1.0):
        p = phase + (0.0 if sign > 0 else np.pi)
        uneven = 1.0 + sign * w.limp
        amplitude = w.thigh_swing * uneven
        swing = amplitude * np.cos(p) + 0.25 * w.thigh_swing
        flex = w.stance_knee * max(0.0, np.cos(p - 0.7)) + w.knee * uneven * max(0.0, np.sin(-p - 0.25)) ** 1.6
        drop = w.roll * w.hip * np.sin(p)
        hip = pelvis + np.array([0.04 * np.cos(p), sign * w.hip, drop])
        thigh, shin = w.leg * (1 - w.shin) * 0.96, w.leg * w.shin * 0.96
        out = (w.width / 2 - w.hip) * sign
        knee = hip + _turn(np.array([0.0, out * 0.5, -thigh]), swing)
        ankle = knee + _turn(np.array([0.0, out * 0.5, -shin]), swing - flex)
        tilt = swing - flex + (0.35 + w.lift) * max(0.0, np.sin(-p + 0.6)) * -1.0
        toe = ankle + _turn(np.array([0.15 * w.height / 1.7, sign * 0.15 * np.sin(w.toe_out), -0.05]), tilt)
        heel = ankle + _turn(np.array([-0.045, 0.0, -0.05 - o.heel]), tilt)
        loose = 0.035 if o.clothes == "loose" else 0.0
        parts.append([(hip, w.thigh_r + thick / 2 + loose), (knee, 0.62 * w.thigh_r + thick / 2 + loose)])
        calf = (knee * 0.65 + ankle * 0.35, 0.60 * w.thigh_r + thick / 3 + loose * 1.2)
        parts.append([(knee, 0.60 * w.thigh_r + thick / 3 + loose), calf])
        parts.append([calf, (ankle, 0.42 * w.thigh_r + loose * 1.3)])
        parts.append([(heel, 0.035), (ankle, 0.04), (toe, 0.026)])
        feet.append(min(heel[2] - 0.035, toe[2] - 0.026))
    ground = min(feet)
    lean = -w.lean - w.hunch * 0.3
    torso = w.height - w.leg - 0.245 * w.head * w.height / 1.7
    twist = 0.12 * np.cos(phase)
    chest = pelvis + _turn(np.array([0.0, side_sway * 0.5, torso]), lean)
    depth = 0.085 * g + thick
    hips = [(pelvis + np.array([0.0, s * w.hip, 0.02]), 0.10 * g**0.7 + thick) for s in (1, -1)]
    shoulders = [
        (chest + np.array([s * twist * w.shoulder - 0.02, s * (w.shoulder - 0.02), -0.05]), depth * 0.8)
        for s in (1, -1)
    ]
    waist = pelvis + _turn(np.array([0.0, 0.0, torso * 0.4]), lean)
    parts.append([*hips, *[(waist + np.array([0.0, s * w.hip * 0.8, 0.0]), depth) for s in (1, -1)]])
    middle = [(waist + np.array([0.0, s * w.hip * 0.8, 0.0]), depth) for s in (1, -1)]
    parts.append([*middle, *shoulders])
    if w.belly > 0.05:
        parts.append([(waist + np.array([0.07 * w.belly, 0.0, -0.02]), depth + 0.05 * w.belly)])
    if w.hunch > 0.15:
        parts.append([(chest + np.array([-0.05, 0.0, -0.1]), 0.08 + 0.1 * w.hunch)])
    neck = chest + np.array([0.0, 0.0, 0.02])
    head = neck + np.array([w.head_forward + w.hunch * 0.12, 0.0, 0.135 * w.head * w.height / 1.7])
    size = 0.088 * w.head * w.height / 1.7
    parts.append([(neck, 0.055), (head, 0.06)])
    parts.append([(head + np.array([0.012, 0, -0.02]), size), (head + np.array([0.0, 0, 0.035]), size * 0.98)])
    parts += _arms(w, o, phase, shoulders)
    parts += _worn(w, o, phase, pelvis, waist, chest, head, ground)
    shift = np.array([0.0, 0.0, -ground + w.bob * 0.5 * (1 + np.cos(2 * phase))])
    return [[(centre + shift, radius) for centre, radius in part] for part in parts]


def _arms(w: Walker, o: Outfit, phase: float, shoulders: Sequence[Ball]) -> list[list[Ball]]:
    parts = []
    for sign, (root, _) in zip((1.0, -1.0), shoulders, strict=True):
        p = phase + w.arm_lag + (np.pi if sign > 0 else 0.0)
        loaded = o.carried == "bag" and sign == o.side
        amount = w.arm_swing * (1 + 0.6 * sign * w.swing_side) * (0.25 if loaded else 1.0)
        swing = amount * np.cos(p) - 0.05
        bend = (w.elbow + 0.35 * amount * max(0.0, np.cos(p))) * (0.2 if loaded else 1.0)
        out = sign * (w.arm_out + o.thick * 1.5)
        upper = np.array([0.0, np.sin(out) * w.arm, -np.cos(out) * w.arm])
        lower = np.array([0.0, np.sin(out * 0.4) * w.arm * 0.92, -np.cos(out * 0.4) * w.arm * 0.92])
        start = root + np.array([0.0, sign * 0.03, 0.0])
        elbow = start + _turn(upper, swing)
        wrist = elbow + _turn(lower, swing + bend)
        hand = wrist + _turn(lower * 0.25, swing + bend + 0.1)
        thick = 0.5 * o.thick
        fat = w.girth**0.6
        parts.append([(start, 0.055 * fat + thick), (elbow, 0.042 * fat + thick)])
        parts.append([(elbow, 0.040 * fat + thick), (wrist, 0.028 * fat + thick)])
        parts.append([(wrist, 0.028), (hand, 0.035)])
        if loaded:
            low = hand + np.array([0.0, 0.0, -0.08])
            half = o.size * 0.8
            parts.append([(low + np.array([x, 0, z]), 0.045) for x in (-half, half) for z in (0.0, -o.size * 1.3)])
    return parts


def _worn(
    w: Walker, o: Outfit, phase: float, pelvis: Points, waist: Points, chest: Points, head: Points, ground: float
) -> list[list[Ball]]:
    parts: list[list[Ball]] = []
    if o.hem > 0:
        down = pelvis[2] - o.hem * (pelvis[2] - ground - 0.05)
        # cloth follows the legs: the hem is wider along the step when they are apart
        along = 0.12 + o.flare + 0.10 * o.hem * abs(np.cos(phase))
        across = w.hip + 0.08 + o.flare
        ring = [
            (np.array([along * np.cos(a), pelvis[1] + across * np.sin(a), down]), 0.02)
            for a in np.linspace(0, 2 * np.pi, 10, endpoint=False)
        ]
        parts.append([*[(waist + np.array([0, s * w.hip * 0.8, 0]), 0.09 * w.girth + o.thick) for s in (1, -1)], *ring])
    if o.carried == "backpack":
        at = (waist + chest) / 2 + np.array([-0.12 - o.size * 0.5, 0.0, 0.03])
        parts.append([(at + np.array([0, y, z]), o.size * 0.5) for y in (-0.09, 0.09) for z in (-0.13, 0.12)])
    if o.carried == "shoulder bag":
        at = pelvis + np.array([0.0, o.side * (w.hip + 0.13), 0.0])
        parts.append([(at + np.array([x, 0, z]), 0.05) for x in (-o.size * 0.7, o.size * 0.7) for z in (-0.12, 0.1)])
        parts.append([(chest + np.array([0, -o.side * 0.08, 0.0]), 0.03), (at, 0.03)])
    if o.carried == "hat":
        parts.append([(head + np.array([x, y, 0.07]), 0.02) for x in (-0.13, 0.16) for y in (-0.12, 0.12)])
        parts.append([(head + np.array([0, 0, 0.1]), 0.085)])
    if o.carried == "bun":
        parts.append([(head + np.array([-0.1, 0, 0.04]), 0.06), (head + np.array([-0.06, 0, -0.12]), 0.05)])
    return parts


@dataclass(frozen=True, slots=True)
class View:
    """A camera for one walk. ``yaw`` 0 = the walker comes towards it, pi/2 = from the side; ``up`` metres above ground,
    ``away`` metres at the middle of the walk, ``tall`` pixels of the walker there, ``tilt`` radians of roll, ``drift``
    of the heading over the walk."""

    yaw: float
    up: float
    away: float
    tall: float
    tilt: float
    aside: float


def view(rng: np.random.Generator, yaw: float | None = None) -> View:
    """A camera drawn at random, or one at a yaw."""
    return View(
        yaw=float(rng.uniform(-np.pi, np.pi)) if yaw is None else yaw,
        up=float(rng.uniform(1.2, 4.5)),
        away=float(rng.uniform(4.5, 16.0)),
        tall=float(rng.uniform(62, 160)),
        tilt=float(rng.normal(0, 0.04)),
        aside=float(rng.uniform(-0.35, 0.35)),
    )


def project(parts: Sequence[Sequence[Ball]], at: Points, v: View) -> tuple[list[NDArray[np.float32]], Points]:
    """Outlines (n, 2) of the parts in pixels, the walker standing ``at`` (2,) metres from the middle of the walk."""
    # the camera looks at the walker's middle: `aside` moves the walk off the axis, so that perspective leans bodies
    c, s = np.cos(v.yaw), np.sin(v.yaw)
    pitch = np.arctan2(v.up - 0.9, v.away)
    focal = v.tall * np.hypot(v.away, v.up - 0.9) / 1.7
    spheres = [b for part in parts for b in part]
    p = np.array([b[0] for b in spheres]) + np.array([at[0], at[1], 0.0])
    r = np.array([b[1] for b in spheres])
    # world to camera: x right, y down, z forward; the walker at yaw 0 walks against z
    x = s * p[:, 0] + c * p[:, 1] + v.aside * v.away
    forward = v.away - (c * p[:, 0] - s * p[:, 1])
    height = v.up - p[:, 2]
    z = np.maximum(np.cos(pitch) * forward + np.sin(pitch) * height, 0.8)
    y = -np.sin(pitch) * forward + np.cos(pitch) * height
    u, w_ = focal * x / z, focal * y / z
    u, w_ = np.cos(v.tilt) * u - np.sin(v.tilt) * w_, np.sin(v.tilt) * u + np.cos(v.tilt) * w_
    size = focal * r / z
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    rim = np.stack([u[:, None] + size[:, None] * np.cos(angles), w_[:, None] + size[:, None] * np.sin(angles)], -1)
    outlines, i = [], 0
    for part in parts:
        points = rim[i : i + len(part)].reshape(-1, 2).astype(np.float32)
        outlines.append(cv2.convexHull(points)[:, 0])
        i += len(part)
    return outlines, np.concatenate([rim.min((0, 1)), rim.max((0, 1))])


@dataclass(frozen=True, slots=True)
class Noise:
    """How bad the masks of one walk are, 0..1 each."""

    holes: float
    edges: float
    feet: float
    shadow: float
    specks: float
    swell: float


def noise(rng: np.random.Generator) -> Noise:
    """Drawn at random; most are mild."""
    a, b, c, d, e = rng.random(5) ** 1.5
    return Noise(a, b, c, d, e, float(rng.uniform(-1, 1)))


def spoil(mask: NDArray[np.uint8], box: tuple[float, float, float, float], n: Noise, rng: np.random.Generator) -> None:
    """Make a true mask (H, W) 0/255 as bad as a background model does, in place."""
    high, wide = mask.shape
    tall = box[3] - box[1]
    if n.swell > 0.3 and rng.random() < 0.8:
        mask[:] = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    elif n.swell < -0.4 and rng.random() < 0.8 and tall > 80:
        mask[:] = cv2.erode(mask, np.ones((3, 3), np.uint8))
    coarse = max(2, int(tall / 9))
    field = cv2.resize(rng.normal(size=(high // coarse + 2, wide // coarse + 2)).astype(np.float32), (wide, high))
    fine = cv2.resize(rng.normal(size=(high // 3 + 2, wide // 3 + 2)).astype(np.float32), (wide, high))
    soft = cv2.GaussianBlur(mask, (5, 5), 0).astype(np.float32) / 255.0
    soft += 0.35 * n.edges * fine
    mask[:] = np.where(soft > 0.5, 255, 0)
    if rng.random() < n.holes:
        mask[field > 1.9 - 0.9 * n.holes * rng.random()] = 0
    if rng.random() < 0.6 * n.feet:
        mask[int(box[3] - tall * rng.uniform(0.01, 0.07)) :] = 0
    if rng.random() < 0.8 * n.shadow:
        middle = ((box[0] + box[2]) / 2 + rng.normal(0, 0.1) * tall, box[3] - 0.01 * tall)
        axes = (int(tall * rng.uniform(0.06, 0.25)), max(1, int(tall * rng.uniform(0.01, 0.035))))
        cv2.ellipse(mask, (int(middle[0]), int(middle[1])), axes, float(rng.uniform(-25, 25)), 0, 360, 255, -1)
    for _ in range(rng.poisson(2.0 * n.specks)):
        spot = (int(rng.uniform(0, wide)), int(rng.uniform(0, high)))
        cv2.circle(mask, spot, max(1, int(tall * rng.uniform(0.01, 0.04))), 255, -1)


def walk(
    w: Walker, o: Outfit, v: View, seconds: float, rng: np.random.Generator, bad: Noise | None = None
) -> NDArray[np.uint8]:
    """(N, 64, 44) silhouettes of a walk, N up to ``seconds`` x ``RATE``: those whose mask is bad are left out."""
    bad = noise(rng) if bad is None else bad
    start = rng.uniform(0, 2 * np.pi)
    pace = w.cadence * rng.normal(1.0, 0.04)
    count = round(seconds * RATE)
    speed = w.stride * w.cadence
    reach = speed * (count - 1) / RATE / 2
    # who comes nearer than two metres is no longer wholly in the picture
    reach = min(reach, v.away - 2.0 if abs(np.cos(v.yaw)) > 0.5 else reach)
    found: list[Silhouette] = []
    for i, x in enumerate(np.linspace(-reach, reach, count)):
        parts = body(w, o, start + 2 * np.pi * pace * i / RATE)
        outlines, reached = project(parts, np.array([x, 0.0]), v)
        # the detector's box is off by some hundredths of its size
        low, size = reached[:2], reached[2:] - reached[:2]
        if size[1] < 50:
            continue
        margin = 0.35 * size[1]
        canvas = np.zeros((int(size[1] + 2 * margin), int(size[0] + 2 * margin)), np.uint8)
        for outline in outlines:
            cv2.fillConvexPoly(canvas, np.round((outline - low + margin) * 16).astype(np.int32), 255, shift=4)
        true = (margin, margin, margin + size[0], margin + size[1])
        spoil(canvas, true, bad, rng)
        j = rng.normal(0, 0.025, 4) * size[1]
        box = (true[0] + j[0], true[1] + j[1] * 0.7, true[2] + j[2], true[3] + j[3] * 0.7)
        x0, y0, x1, y1 = window(box, canvas.shape[1], canvas.shape[0])
        inner = (box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0)
        mask = clean(canvas[y0:y1, x0:x1] > 0, inner)
        if not fault(mask, inner):
            found.append(align(mask))
    return np.stack(found) if found else np.zeros((0, 64, 44), np.uint8)
