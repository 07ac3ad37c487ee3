"""How often the fall rule finds simulated falls, and how often it cries where nobody falls.

``python -m viot_finetune.vision.action_falls [--each N] [--seed S]``: six seconds of a simulated person at 5 pictures a
second, seen by a random camera; the box is the one around the joints with a detector's errors, cut by the picture's
edge, lost now and then. Prints the share of falls found (and within a second), and per other movement the share called
a fall. The thresholds in ``viot_tools.pose.falls`` were chosen by this table.

Owns the simulated boxes. Knows no network.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viot_finetune.vision import skeleton_motion as motion
from viot_finetune.vision.skeleton_body import Angles, Build, pose
from viot_finetune.vision.skeleton_view import project
from viot_tools.pose.falls import falls

SECONDS, FPS = 6.0, 5.0
Rng = np.random.Generator


def _eased(rng: Rng, t: NDArray[np.float64], make: motion.Motion, when: float, length: float) -> Angles:
    """Standing until ``when``, then the other movement within ``length`` seconds, and so it stays."""
    up, down = motion.standing(rng, t), make(rng, t)
    part = motion.ramp(t, when, length)
    for name in ("hip", "knee", "spread", "arm", "lift", "elbow", "inward", "lean", "tip"):
        getattr(up, name)[:] = getattr(up, name) * (1 - part) + getattr(down, name) * part
    up.tip_towards[:] = down.tip_towards
    return up


def _bend(rng: Rng, t: NDArray[np.float64]) -> Angles:
    a = motion.standing(rng, t)
    a.lean += rng.uniform(1.0, 1.8)
    for i in (0, 1):
        a.knee[i] += rng.uniform(0, 0.8)
        a.hip[i] += rng.uniform(0, 0.4)
        a.arm[i] += 1.3
    return a


def _squat(rng: Rng, t: NDArray[np.float64]) -> Angles:
    a, deep = motion.standing(rng, t), rng.uniform(1.0, 2.2)
    for i in (0, 1):
        a.hip[i] += deep
        a.knee[i] += 1.1 * deep
    a.lean += rng.uniform(0.1, 0.6)
    return a


def scene(rng: Rng, name: str) -> tuple[NDArray[np.float64], NDArray[np.float32], float]:
    """(N,) times, (N, 4) boxes and the moment of the movement, for a fall or one of the others."""
    t = np.arange(0, SECONDS, 1 / FPS)
    when = rng.uniform(2.0, 3.0)
    made: dict[str, Any] = {
        "falling": lambda: motion.falling(rng, t, when),
        "sitting down": lambda: _eased(rng, t, motion.sitting, when - 1, rng.uniform(0.7, 1.5)),
        "squatting down": lambda: _eased(rng, t, _squat, when - 1, rng.uniform(0.6, 1.5)),
        "bending": lambda: _eased(rng, t, _bend, when - 1, rng.uniform(0.6, 1.5)),
        "lying down slowly": lambda: _eased(rng, t, motion.lying, when - 1, rng.uniform(2.5, 4.0)),
    }
    angles = made[name]() if name in made else motion.MOTIONS[name](rng, t)
    xy, _ = project(rng, pose(Build.random(rng), angles))
    low, high = xy.min(1), xy.max(1)
    size = float(np.median(high[:, 1] - low[:, 1]))
    margin = rng.uniform(0.03, 0.09)
    boxes = np.concatenate([low - margin * size, high + margin * size], 1)
    boxes += rng.normal(0, 0.025 * size, boxes.shape)
    if rng.random() < 0.3:  # the picture's lower edge
        edge = float(np.quantile(boxes[:, 3], rng.uniform(0.2, 1.0)))
        boxes = np.minimum(boxes, [np.inf, edge, np.inf, edge])
    keep = (rng.random(len(t)) > rng.choice([0.0, 0.1, 0.25])) & (boxes[:, 3] - boxes[:, 1] > 0.12 * size)
    return t[keep], boxes[keep].astype(np.float32), when


KINDS = (
    "falling",
    "sitting down",
    "squatting down",
    "bending",
    "lying down slowly",
    *(n for n in motion.MOTIONS if n not in ("falling", "lying", "sitting")),
)


def table(each: int, seed: int) -> dict[str, float]:
    """Share of scenes of each kind that are called a fall; for falls also within a second of the impact."""
    rng = np.random.default_rng(seed)
    found: dict[str, float] = {}
    for name in KINDS:
        called, near = 0, 0
        for _ in range(each):
            ts, boxes, when = scene(rng, name)
            seen = falls(ts, boxes) if len(ts) > 5 else []
            called += bool(seen)
            near += any(f.start - 1 <= when <= f.end + 1 for f in seen)
        found[name] = round(called / each, 4)
        if name == "falling":
            found["falling, within a second"] = round(near / each, 4)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m viot_finetune.vision.action_falls", description=__doc__)
    parser.add_argument("--each", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(json.dumps(table(given.each, given.seed), indent=1))


if __name__ == "__main__":
    main()
