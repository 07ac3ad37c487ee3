"""Ten actions and "other" as joint angles over time, drawn at random: what the skeleton network learns from.

Every function takes a random generator and the times (n,) in seconds of one window and gives :class:`Angles`; nothing
is recorded from people and no data set is used. Movements start at a random phase, with a random pace and size.

Owns what an action looks like. Knows no camera.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from viot_finetune.vision.skeleton_body import Angles, Array

Rng = np.random.Generator
Motion = Callable[[Rng, Array], Angles]


def smooth(rng: Rng, t: Array, size: float, slow: float = 1.5) -> Array:
    """A wandering (n,) signal of standard deviation about ``size`` that changes within ``slow`` seconds."""
    total = np.zeros_like(t)
    for _ in range(3):
        total += np.sin(2 * np.pi * t / rng.uniform(slow, 4 * slow) + rng.uniform(0, 2 * np.pi))
    return np.asarray(total * size / 1.22)


def ramp(t: Array, start: float, length: float) -> Array:
    """0 before ``start``, 1 after ``start + length``, smooth between."""
    u = np.clip((t - start) / max(length, 1e-3), 0, 1)
    return np.asarray(u * u * (3 - 2 * u))


def _alive(rng: Rng, a: Angles, t: Array) -> Angles:
    """Sway, breath and a turning head, as nobody stands like a post."""
    a.lean += smooth(rng, t, 0.03) + rng.normal(0, 0.04)
    a.side += smooth(rng, t, 0.02)
    a.twist += smooth(rng, t, 0.05)
    a.look += smooth(rng, t, 0.25, 1.0) + rng.normal(0, 0.3)
    a.nod += smooth(rng, t, 0.1) + rng.normal(0.1, 0.15)
    a.heading += rng.uniform(-np.pi, np.pi)
    for i in (0, 1):
        a.arm[i] += smooth(rng, t, 0.04)
        a.lift[i] += np.abs(smooth(rng, t, 0.04))
        a.hip[i] += smooth(rng, t, 0.015)
    return a


def _idle_arms(rng: Rng, a: Angles, t: Array) -> None:
    """Hanging, on the hips, crossed, before the body, behind it, or holding something small."""
    kind = rng.choice(
        ["hang", "hips", "crossed", "front", "behind", "phone", "touch"], p=[0.45, 0.1, 0.1, 0.1, 0.07, 0.1, 0.08]
    )
    for i in (0, 1):
        a.arm[i] += rng.normal(0.0, 0.08)
        a.lift[i] += np.abs(rng.normal(0.1, 0.06))
        a.elbow[i] += np.abs(rng.normal(0.2, 0.12))
        if kind == "hips":
            a.lift[i] += 0.7
            a.elbow[i] += 1.5
            a.inward[i] += 1.4
        elif kind == "crossed":
            a.arm[i] += 0.4
            a.elbow[i] += 1.7
            a.inward[i] += 1.1
        elif kind == "front":
            a.arm[i] += 0.25
            a.elbow[i] += rng.uniform(0.4, 1.0)
            a.inward[i] += 0.8
        elif kind == "behind":
            a.arm[i] -= 0.5
            a.elbow[i] += 0.4
            a.inward[i] -= 0.6
    one = int(rng.integers(2))
    if kind == "phone":
        a.arm[one] += rng.uniform(0.3, 0.8)
        a.elbow[one] += rng.uniform(1.4, 2.3)
        a.inward[one] += 0.5
        a.nod += 0.3
    elif kind == "touch":  # scratches the head, drinks, adjusts glasses: once, not to and fro
        when = ramp(t, rng.uniform(-0.5, 1.5), rng.uniform(0.3, 0.8)) * (1 - ramp(t, rng.uniform(1.2, 3.0), 0.5))
        a.arm[one] += 0.9 * when
        a.elbow[one] += 1.9 * when
        a.inward[one] += 0.4 * when


def standing(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    _idle_arms(rng, a, t)
    stance = np.abs(rng.normal(0.06, 0.05))
    for i in (0, 1):
        a.spread[i] += stance
        bend = np.abs(rng.normal(0.05, 0.05))
        a.hip[i] += bend
        a.knee[i] += 2 * bend
    if rng.random() < 0.25:  # shifts the weight, or turns on the spot
        a.heading += rng.normal(0, 0.6) * ramp(t, rng.uniform(0, 1.2), 0.8)
        a.x += smooth(rng, t, 0.04)
        a.y += smooth(rng, t, 0.04)
    a.lean += rng.choice([0.0, rng.uniform(0.1, 0.35)], p=[0.8, 0.2])
    return a


def _stride(rng: Rng, a: Angles, t: Array, pace: float, hertz: float, swing: float, lift: float) -> Array:
    """Legs that go: thighs in antiphase, the knee bends while its leg comes forward. Gives the phase (n,)."""
    phase = 2 * np.pi * hertz * t + rng.uniform(0, 2 * np.pi)
    for i, shift in ((0, 0.0), (1, np.pi)):
        a.hip[i] += swing * np.sin(phase + shift) + 0.05
        a.knee[i] += 0.12 + lift * np.clip(np.cos(phase + shift - 0.3), 0, 1) ** 1.5
    speed = pace * (1 + smooth(rng, t, 0.06))
    start = a.heading[0]
    a.heading += rng.normal(0, 0.15) * t
    step = np.diff(t, prepend=t[0]) * speed
    a.x += np.cumsum(step * np.cos(start + (a.heading - start)))
    a.y += np.cumsum(step * np.sin(start + (a.heading - start)))
    return phase


def walking(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    pace = rng.uniform(0.5, 1.8)
    hertz = np.clip(0.55 + 0.28 * pace + rng.normal(0, 0.06), 0.5, 1.15)
    phase = _stride(rng, a, t, pace, float(hertz), 0.16 + 0.22 * pace, rng.uniform(0.5, 0.95))
    free = rng.random(2) < (0.85, 0.85)
    if rng.random() < 0.12:
        _idle_arms(rng, a, t)
        free[:] = False
    for i, shift in ((0, np.pi), (1, 0.0)):
        size = rng.uniform(0.15, 0.6) if free[i] else 0.03
        a.arm[i] += size * np.sin(phase + shift)
        a.elbow[i] += rng.uniform(0.15, 0.6) if free[i] else 0.3
        a.lift[i] += 0.08
    a.lean += rng.normal(0.06, 0.04)
    return a


def running(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    pace = rng.uniform(2.3, 5.0)
    hertz = float(rng.uniform(1.2, 1.65))
    phase = _stride(rng, a, t, pace, hertz, rng.uniform(0.55, 0.9), rng.uniform(1.2, 2.0))
    for i, shift in ((0, np.pi), (1, 0.0)):
        a.arm[i] += rng.uniform(0.5, 0.9) * np.sin(phase + shift)
        a.elbow[i] += rng.uniform(1.1, 1.8)
        a.inward[i] += rng.uniform(0.1, 0.5)
    a.lean += rng.uniform(0.08, 0.3)
    a.hop += 0.06 * np.abs(np.sin(phase))
    return a


def sitting(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    a.lean += rng.normal(0.05, 0.18)
    spread = np.abs(rng.normal(0.12, 0.12))
    floor = rng.random() < 0.12
    for i in (0, 1):
        a.hip[i] += np.pi / 2 + rng.normal(0.05, 0.12)
        a.knee[i] += rng.uniform(0.1, 2.3) if floor else np.pi / 2 + rng.normal(0, 0.25)
        a.spread[i] += spread * (3 if floor else 1)
    kind = rng.choice(["lap", "desk", "idle"], p=[0.45, 0.35, 0.2])
    if kind == "idle":
        _idle_arms(rng, a, t)
    for i in (0, 1):
        if kind == "lap":
            a.arm[i] += rng.uniform(0.2, 0.6)
            a.elbow[i] += rng.uniform(0.7, 1.3)
            a.inward[i] += rng.uniform(0, 0.6)
        elif kind == "desk":
            a.arm[i] += rng.uniform(0.5, 0.9) + smooth(rng, t, 0.08, 0.6)
            a.elbow[i] += rng.uniform(0.7, 1.4)
            a.inward[i] += rng.uniform(0, 0.6)
    if rng.random() < 0.2:  # sits down, or gets up, at the edge of the window
        when = ramp(t, rng.uniform(-0.9, 0.0), rng.uniform(0.7, 1.2))
        for i in (0, 1):
            a.hip[i] *= when
            a.knee[i] *= when
        a.lean += 0.5 * np.sin(np.pi * when)
    return a


def _heap(rng: Rng, a: Angles, t: Array) -> None:
    """Limbs as they come to lie."""
    for i in (0, 1):
        a.hip[i] += rng.uniform(-0.1, 1.2) + smooth(rng, t, 0.03)
        a.knee[i] += rng.uniform(0.0, 1.6)
        a.spread[i] += np.abs(rng.normal(0.1, 0.15))
        a.arm[i] += rng.uniform(-0.5, 2.6) + smooth(rng, t, 0.05)
        a.lift[i] += rng.uniform(0.0, 1.4)
        a.elbow[i] += rng.uniform(0.0, 2.0)


def lying(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    _heap(rng, a, t)
    a.tip += rng.choice([-1.0, 1.0]) * (np.pi / 2 + rng.normal(0, 0.08))
    a.tip_towards += rng.uniform(-np.pi, np.pi)
    a.lean += rng.uniform(-0.1, 0.5)
    return a


def falling(rng: Rng, t: Array, impact: float | None = None) -> Angles:
    """Goes, stands or reaches, then tips over within half a second to a second and stays down."""
    before = walking(rng, t) if rng.random() < 0.6 else standing(rng, t)
    after = Angles(len(t))
    _heap(rng, after, t)
    length = rng.uniform(0.4, 0.95)
    impact = rng.uniform(0.6, t[-1] - 0.1) if impact is None else impact
    gone = ramp(t, impact - length, length) ** rng.uniform(1.0, 1.6)  # falls faster and faster
    for name in ("hip", "knee", "spread", "arm", "lift", "elbow", "inward"):
        mine, other = getattr(before, name), getattr(after, name)
        getattr(before, name)[:] = mine * (1 - gone) + other * gone
    # arms fly up on the way
    for i in (0, 1):
        before.lift[i] += rng.uniform(0, 1.6) * np.sin(np.pi * gone)
    if rng.random() < 0.4:  # the knees give way first
        for i in (0, 1):
            before.hip[i] += 1.2 * np.sin(np.pi * np.clip(1.4 * gone, 0, 1))
            before.knee[i] += 2.0 * np.sin(np.pi * np.clip(1.4 * gone, 0, 1))
    before.tip += gone * (np.pi / 2 + rng.normal(0, 0.1))
    before.tip_towards += rng.uniform(-np.pi, np.pi)
    stop = np.minimum(gone * 1.3, 1.0)
    for track in (before.x, before.y):
        still = np.diff(track, prepend=track[0]) * (1 - stop)
        track[:] = track[0] + np.cumsum(still)
    slide = rng.uniform(0, 0.7)
    before.x += slide * gone * np.cos(before.heading + before.tip_towards)
    before.y += slide * gone * np.sin(before.heading + before.tip_towards)
    return before


def waving(rng: Rng, t: Array) -> Angles:
    a = sitting(rng, t) if rng.random() < 0.15 else standing(rng, t)
    hands = (0, 1) if rng.random() < 0.25 else (int(rng.integers(2)),)
    hertz, phase = rng.uniform(0.8, 2.4), rng.uniform(0, 2 * np.pi)
    from_elbow = rng.random() < 0.65
    for i in hands:
        swing = np.sin(2 * np.pi * hertz * t + phase)
        for part in (a.arm, a.lift, a.elbow, a.inward):
            part[i] *= 0
        if from_elbow:  # the forearm goes to and fro beside the head
            a.lift[i] += rng.uniform(1.0, 1.9)
            a.elbow[i] += rng.uniform(0.9, 1.4) + rng.uniform(0.3, 0.6) * swing
            a.inward[i] -= np.pi / 2 + rng.normal(0, 0.2)
        else:
            a.lift[i] += rng.uniform(2.0, 2.7) + rng.uniform(0.25, 0.5) * swing
            a.elbow[i] += rng.uniform(0.0, 0.5)
        a.arm[i] += rng.normal(0.1, 0.2)
    return a


def squatting(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    kind = rng.choice(["held", "down", "up", "exercise"], p=[0.45, 0.15, 0.1, 0.3])
    down = {
        "held": np.ones_like(t),
        "down": ramp(t, rng.uniform(-0.4, 0.5), rng.uniform(0.5, 1.1)),
        "up": 1 - ramp(t, rng.uniform(1.0, 1.8), rng.uniform(0.5, 1.1)),
        "exercise": 0.5 - 0.5 * np.cos(2 * np.pi * t / rng.uniform(1.4, 3.5) + rng.uniform(0, 2 * np.pi)),
    }[str(kind)]
    deep = rng.uniform(1.1, 2.2)
    wide = rng.uniform(0.0, 0.9) * (rng.random() < 0.6)
    for i in (0, 1):
        a.hip[i] += down * deep * 0.95
        a.knee[i] += down * deep * rng.normal(1.1, 0.05)
        a.spread[i] += 0.08 + wide * down
    a.lean += down * rng.uniform(0.1, 0.7)
    arms = rng.choice(["front", "knees", "hips", "idle"])
    for i in (0, 1):
        if arms == "front":
            a.arm[i] += down * rng.uniform(0.9, 1.6)
            a.elbow[i] += rng.uniform(0.0, 1.2)
        elif arms == "knees":
            a.arm[i] += down * 0.7
            a.elbow[i] += 0.7
        elif arms == "hips":
            a.lift[i] += 0.7
            a.elbow[i] += 1.5
            a.inward[i] += 1.4
    if arms == "idle":
        _idle_arms(rng, a, t)
    return a


def fighting(rng: Rng, t: Array) -> Angles:
    a = _alive(rng, Angles(len(t)), t)
    for i in (0, 1):  # a guard, from which fists and feet go out
        a.arm[i] += rng.uniform(0.4, 0.9)
        a.elbow[i] += rng.uniform(1.5, 2.2)
        a.inward[i] += rng.uniform(0.2, 0.7)
        a.spread[i] += rng.uniform(0.05, 0.2)
        a.knee[i] += rng.uniform(0.1, 0.5)
    a.hip[0] += rng.uniform(0.1, 0.4)
    a.hip[1] -= rng.uniform(0.1, 0.3)
    moment = rng.uniform(-0.2, 0.3)
    while moment < t[-1]:
        out = np.exp(-(((t - moment) / rng.uniform(0.1, 0.2)) ** 2))
        i = int(rng.integers(2))
        what = rng.choice(["punch", "hook", "kick", "push"], p=[0.45, 0.2, 0.2, 0.15])
        if what == "punch":
            a.arm[i] += out * rng.uniform(0.6, 1.0)
            a.elbow[i] -= out * rng.uniform(1.2, 1.7)
            a.twist += (1 if i else -1) * out * 0.5
        elif what == "hook":
            a.lift[i] += out * rng.uniform(0.8, 1.4)
            a.twist += (1 if i else -1) * out * 0.8
        elif what == "kick":
            a.hip[i] += out * rng.uniform(0.9, 1.8)
            a.lean -= out * 0.3
        else:
            for k in (0, 1):
                a.arm[k] += out * 0.6
                a.elbow[k] -= out * 1.4
            a.lean += out * 0.3
        moment += rng.uniform(0.25, 0.7)
    a.elbow = np.clip(a.elbow, 0.05, 2.5)
    a.x += smooth(rng, t, 0.18, 0.4)
    a.y += smooth(rng, t, 0.18, 0.4)
    a.lean += smooth(rng, t, 0.15, 0.4)
    return a


def carrying(rng: Rng, t: Array) -> Angles:
    a = walking(rng, t) if rng.random() < 0.7 else standing(rng, t)
    both = rng.random() < 0.75
    hands = (0, 1) if both else (int(rng.integers(2)),)
    arm, elbow, inward = rng.uniform(0.1, 0.8), rng.uniform(0.6, 1.7), rng.uniform(0.0, 0.5)
    for i in hands:
        for part in (a.arm, a.lift, a.elbow, a.inward):
            part[i] *= 0
        a.arm[i] += arm + smooth(rng, t, 0.03)
        a.elbow[i] += elbow + smooth(rng, t, 0.03)
        a.lift[i] += rng.uniform(0.05, 0.35)
        a.inward[i] += inward
    if both and rng.random() < 0.15:  # on the shoulder or the head
        for i in hands:
            a.lift[i] += 1.0
            a.elbow[i] += 0.8
    a.lean -= rng.uniform(-0.05, 0.15)
    return a


def other(rng: Rng, t: Array) -> Angles:
    """Anything else: bending, gymnastics, reaching, throwing, gestures, crawling, jumping. Never called by a name."""
    kind = rng.choice(
        ["bend", "gym", "reach", "gesture", "crawl", "jump", "random"], p=[0.15, 0.22, 0.1, 0.2, 0.05, 0.1, 0.18]
    )
    a = standing(rng, t) if kind != "gesture" or rng.random() < 0.7 else sitting(rng, t)
    if kind == "bend":
        a.lean += rng.uniform(0.8, 1.7) * ramp(t, rng.uniform(-0.8, 1.0), rng.uniform(0.4, 1.0))
        for i in (0, 1):
            a.arm[i] += a.lean * rng.uniform(0.6, 1.1)
    elif kind == "gym":
        hertz, phase = rng.uniform(0.3, 1.1), rng.uniform(0, 2 * np.pi)
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * hertz * t + phase)
        legs, arms = rng.uniform(0.1, 0.7, 2), rng.uniform(0.3, 2.9, 2)
        for i in (0, 1):
            a.spread[i] += legs[i] * beat
            a.lift[i] += arms[i] * (beat if rng.random() < 0.7 else 1 - beat)
            a.elbow[i] += rng.uniform(0, 1.8) * (1 - beat)
        a.side += rng.normal(0, 0.3) * beat
    elif kind == "reach":
        i = int(rng.integers(2))
        a.arm[i] += rng.uniform(1.2, 2.9) * ramp(t, rng.uniform(-0.5, 1.2), rng.uniform(0.3, 0.8))
        a.lean += rng.normal(0.1, 0.2)
    elif kind == "gesture":
        for i in (0, 1):
            a.arm[i] += 0.5 + smooth(rng, t, 0.35, 0.4)
            a.elbow[i] = np.clip(1.2 + smooth(rng, t, 0.5, 0.4), 0, 2.4)
            a.inward[i] += smooth(rng, t, 0.5, 0.5)
    elif kind == "crawl":
        a.lean += 1.4
        for i, s in ((0, 0.0), (1, np.pi)):
            beat = np.sin(2 * np.pi * rng.uniform(0.5, 1.0) * t + s)
            a.hip[i] += 1.4 + 0.3 * beat
            a.knee[i] += 1.5
            a.arm[i] += 1.4 - 0.3 * beat
    elif kind == "jump":
        beat = np.sin(2 * np.pi * rng.uniform(0.6, 1.8) * t + rng.uniform(0, 2 * np.pi))
        a.hop += rng.uniform(0.1, 0.4) * np.clip(beat, 0, 1)
        for i in (0, 1):
            a.hip[i] += 0.7 * np.clip(-beat, 0, 1)
            a.knee[i] += 1.3 * np.clip(-beat, 0, 1)
            a.lift[i] += rng.uniform(0, 2.6) * np.clip(beat, 0, 1)
            a.spread[i] += rng.uniform(0, 0.5) * np.clip(beat, 0, 1)
    else:
        for part, size in ((a.hip, 0.5), (a.arm, 0.9), (a.lift, 0.9), (a.elbow, 0.9), (a.spread, 0.25)):
            for i in (0, 1):
                part[i] += np.abs(smooth(rng, t, size, 0.5)) + rng.uniform(0, size)
        a.knee += np.abs(a.hip) * rng.uniform(0.5, 1.8)
        a.lean += smooth(rng, t, 0.3, 0.7) + rng.normal(0, 0.3)
    return a


MOTIONS: dict[str, Motion] = {
    "standing": standing,
    "walking": walking,
    "running": running,
    "sitting": sitting,
    "falling": falling,
    "lying": lying,
    "waving": waving,
    "squatting": squatting,
    "fighting": fighting,
    "carrying": carrying,
    "other": other,
}
"""In the order of the network's outputs."""
