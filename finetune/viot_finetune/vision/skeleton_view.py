"""A camera over the simulated bodies, and a pose model that errs as MoveNet does: world joints to key points in pixels.

Camera height 1 to 6 m, distance 2.5 to 15 m, any bearing. Errors: noise of 1 to 4 % of the body, more and with low
scores on joints that are hidden (the far side of the body, behind furniture, below the picture's edge, the face from
behind), left and right exchanged, single wild points, whole frames lost, and far more of all that where the body is not
upright, because pose models are trained on upright people.

Owns the picture side of the simulator. Knows no action.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viot_finetune.vision.skeleton_body import Array
from viot_tools.pose.skeleton import MIRROR

Rng = np.random.Generator


def project(rng: Rng, joints: Array) -> tuple[Array, Array]:
    """(n, 17, 3) metres to (n, 17, 2) pixels (y down) and (n, 17) depths, through a random camera that stands still."""
    distance, height, bearing = rng.uniform(2.5, 15.0), rng.uniform(1.0, 6.0), rng.uniform(-np.pi, np.pi)
    middle = joints.reshape(-1, 3).mean(0)
    eye = np.array([middle[0] + distance * np.cos(bearing), middle[1] + distance * np.sin(bearing), height])
    at = middle + rng.normal(0, 0.35, 3)
    ahead = (at - eye) / np.linalg.norm(at - eye)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    roll = rng.normal(0, 0.04)
    right, down = right * np.cos(roll) + down * np.sin(roll), down * np.cos(roll) - right * np.sin(roll)
    seen = joints - eye
    depth = np.maximum(seen @ ahead, 0.3)
    focal = 600.0
    return np.stack([focal * (seen @ right) / depth, focal * (seen @ down) / depth], -1), depth


def observe(rng: Rng, joints: Array) -> NDArray[np.float32]:
    """What a pose model makes of (n, 17, 3) world joints: (n, 17, 3) float32 pixels and scores."""
    xy, depth = project(rng, joints)
    n = len(xy)
    size = float(np.percentile(np.ptp(xy, axis=1).max(1), 75)) + 1e-6
    hidden = _hidden(rng, joints, xy, depth, size)
    # how far from upright the torso is in the picture: 0 upright, 1 level, 2 upside down
    torso = xy[:, 5:7].mean(1) - xy[:, 11:13].mean(1)
    tilt = 1 + torso[:, 1] / (np.linalg.norm(torso, axis=1) + 1e-6)
    trouble = 1 + rng.uniform(0.5, 3.0) * np.clip(tilt - 0.4, 0, 1.2)
    base = rng.uniform(0.008, 0.03) * size * rng.choice([1.0, 2.0], p=[0.8, 0.2])
    quick = rng.uniform(0.3, 0.95)
    noise = rng.normal(0, 1, (n, 17, 2)) * quick + _slow(rng, n) * np.sqrt(1 - quick**2)
    spread = base * trouble[:, None] * np.where(hidden, rng.uniform(2.0, 5.0), 1.0)
    out = xy + noise * spread[..., None]
    sure = rng.uniform(0.5, 0.85)
    score = np.where(hidden, rng.beta(2, 8, (n, 17)), np.clip(rng.normal(sure, 0.12, (n, 17)), 0.15, 0.95))
    score = score / (0.6 + 0.4 * trouble[:, None])
    wild = rng.random((n, 17)) < rng.uniform(0, 0.05) * trouble[:, None]
    out[wild] += rng.normal(0, 0.25 * size, (int(wild.sum()), 2))
    score[wild] *= 0.5
    _collapse(rng, out, score, tilt, size)
    for pair in ((7, 8), (9, 10), (13, 14), (15, 16)):  # one pair of limbs exchanged now and then
        limb = rng.random(n) < 0.04
        out[limb[:, None] & np.isin(np.arange(17), pair)] = out[limb][:, pair[::-1]].reshape(-1, 2)
    out += _pan(rng, n, size)
    swapped = rng.random(n) < (0.3 if rng.random() < 0.1 else 0.02)
    swapped |= bool(rng.random() < 0.06)
    out[swapped], score[swapped] = out[swapped][:, MIRROR], score[swapped][:, MIRROR]
    made = np.concatenate([out, score[..., None]], -1).astype(np.float32)
    return _lose_frames(rng, made)


def _slow(rng: Rng, n: int) -> Array:
    """Errors that last: (n, 17, 2), correlated in time."""
    walk = np.zeros((n, 17, 2))
    walk[0] = rng.normal(0, 1, (17, 2))
    for i in range(1, n):
        walk[i] = 0.8 * walk[i - 1] + 0.6 * rng.normal(0, 1, (17, 2))
    return walk


def _pan(rng: Rng, n: int, size: float) -> Array:
    """A camera that is held or turned, one in five: everything moves together, (n, 1, 2)."""
    if rng.random() >= 0.2:
        return np.zeros((n, 1, 2))
    steady = np.linspace(-0.5, 0.5, n)[:, None] * rng.normal(0, 0.8, 2)
    return np.asarray((steady + np.cumsum(rng.normal(0, 0.03, (n, 2)), 0))[:, None] * size)


def _hidden(rng: Rng, joints: Array, xy: Array, depth: Array, size: float) -> NDArray[np.bool_]:
    n = len(xy)
    hidden = np.zeros((n, 17), bool)
    # the far side of the body, seen from the side
    for left, right in ((5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)):
        gap = depth[:, left] - depth[:, right]
        close = np.abs(xy[:, left, 0] - xy[:, right, 0]) < 0.12 * size
        hidden[:, left] |= close & (gap > 0.1) & (rng.random() < 0.5)
        hidden[:, right] |= close & (gap < -0.1) & (rng.random() < 0.5)
    # the face, seen from behind
    behind = depth[:, 0] > depth[:, 3:5].mean(1) + 0.02
    hidden[:, :3] |= behind[:, None]
    kind = rng.choice(["none", "legs", "edge", "strip", "patch"], p=[0.45, 0.15, 0.25, 0.05, 0.1])
    if kind == "legs":  # behind a desk or a counter
        low = (11, 13) if rng.random() < 0.5 else (13, 13)
        hidden[:, low[0] :] |= True
    elif kind == "edge":  # below the picture's edge: the model guesses them on the edge
        edge = np.percentile(xy[..., 1], rng.uniform(55, 92))
        below = xy[..., 1] > edge
        hidden |= below
        xy[..., 1] = np.where(below, edge + 0.3 * rng.random() * (xy[..., 1] - edge), xy[..., 1])
    elif kind == "strip":  # a post
        x = rng.uniform(*np.percentile(xy[..., 0], [10, 90]))
        hidden |= np.abs(xy[..., 0] - x) < 0.08 * size
    elif kind == "patch":
        hidden[:, rng.choice(17, int(rng.integers(1, 6)), replace=False)] = True
    return hidden


def _collapse(rng: Rng, out: Array, score: Array, tilt: Array, size: float) -> None:
    """Bodies that lie or hang head down often come out as a small heap of unsure points."""
    broken = rng.random(len(out)) < np.clip(tilt - 0.6, 0, 1) * rng.uniform(0, 0.8)
    for i in np.flatnonzero(broken):
        middle = out[i].mean(0)
        out[i] = middle + (out[i] - middle) * rng.uniform(0.2, 0.7) + rng.normal(0, 0.05 * size, (17, 2))
        score[i] *= rng.uniform(0.2, 0.7)


def _lose_frames(rng: Rng, made: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames that the detector missed are interpolated; a track may begin late or end early, then its end is held."""
    n = len(made)
    keep = rng.random(n) >= rng.choice([0.0, 0.1, 0.3], p=[0.5, 0.35, 0.15])
    if rng.random() < 0.2:
        first = int(rng.integers(0, 4))
        keep[:first] = False
        keep[n - int(rng.integers(0, 5 - first)) :] = False
    if keep.sum() < 4:
        return made
    at = np.flatnonzero(keep)
    place = np.interp(np.arange(n), at, np.arange(len(at)))
    low = np.minimum(place.astype(int), max(len(at) - 2, 0))
    part = (place - low)[:, None, None]
    return np.asarray(made[at[low]] * (1 - part) + made[at[low + 1]] * part, np.float32)
