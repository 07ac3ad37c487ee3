"""Falls, by the physics of a person's box: the head goes down fast, the body becomes low, and it stays down.

A network that reads skeletons cannot be trusted here alone: pose models lose people just when they tip over. What the
detector's box does is robust. At a moment t, with H the height of the box in the second before t:

- *drop*: how far the upper edge is lower 0.4 to 1.4 s after t than just before it, in H;
- *widen*: how much wider the box is afterwards for its height: who lies is long, who squats or sits is not;
- *shrink*: height of the box afterwards over H (somebody who walks towards a high camera goes down in the picture too,
  but does not become low);
- a fall is ``drop + WEIGHT ln(widen) >= FALLEN`` with ``drop >= DROP`` and ``shrink <= SHRINK``;
- nothing falls faster than freely: a box whose edge jumps further between two pictures has changed its owner;
- *stay*: the person is still there and still down ``STAY`` seconds later, and has not slid on out of the picture.

Thresholds were chosen on simulated people (``python -m viot_finetune.vision.action_falls`` prints the shares found and
the false ones) and hold for all supplied clips without a fall; the one clip with a fall took no part.

``action_recognition`` and ``anomaly_detection`` both tell falls by this rule.

Owns this rule. Knows no network and no sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FALLEN: Final = 0.86
WEIGHT: Final = 0.35
DROP: Final = 0.25
SHRINK: Final = 0.8
FAST: Final = 1.25
"""Seconds from upright to down, sampling included; who lies down takes longer."""
STAY: Final = 1.4
DOWN: Final = 1.0
"""Seconds that a person must be seen down, from the end of the fall on."""
RECOVER: Final = 0.5
"""Up again by this share of the drop within ``STAY`` seconds: bent down or sat on the heels, no fall."""
SLIDE: Final = 0.35
"""Further down than this (in H) within ``STAY`` seconds: going out of the picture, no fall."""
TOPPLE: Final = 0.57
"""Seconds that a head takes from 1.6 m freely: ``sqrt(2 h / g)``."""
SLACK: Final = 0.05
"""Error of a detector's edge, in H."""
LEAST: Final = 3
"""Boxes that must lie in the second before, and in the second after."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall: ``start`` and ``end`` of the way down, POSIX seconds; ``score`` as above; ``down_until`` the last moment
    at which the person was still down."""

    start: float
    end: float
    score: float
    down_until: float


def falls(ts: NDArray[np.float64], boxes: NDArray[np.float32]) -> list[Fall]:
    """The falls in a person's boxes, ``ts`` (N,) rising seconds and ``boxes`` (N, 4) xyxy pixels."""
    found: list[Fall] = []
    scores = [_score(ts, boxes, i) for i in range(len(ts))]
    i = 0
    while i < len(ts):
        if scores[i] == 0:
            i += 1
            continue
        j = i
        while j + 1 < len(ts) and scores[j + 1] > 0 and ts[j + 1] - ts[j] <= 1.3:
            j += 1
        best = max(range(i, j + 1), key=lambda k: scores[k])
        fall = _describe(ts, boxes, best, scores[best])
        i = j + 1
        if fall.end - fall.start <= FAST and fall.down_until - fall.end >= DOWN:
            found.append(fall)
            i = max(i, int(np.searchsorted(ts, fall.down_until, "right")))
    return found


def _between(ts: NDArray[np.float64], a: float, b: float) -> NDArray[np.intp]:
    """Which of ``ts`` lie in a..b. By bisection: a person may stay for hours."""
    return np.arange(np.searchsorted(ts, a - 1e-6), np.searchsorted(ts, b + 1e-6, "right"))


def _score(ts: NDArray[np.float64], boxes: NDArray[np.float32], i: int) -> float:
    """The score of a fall that begins at ``ts[i]``, 0 where the rule is not met."""
    t = float(ts[i])
    before, after = _between(ts, t - 1.0, t), _between(ts, t + 0.4, t + 1.4)
    later = _between(ts, t + 1.4, t + 1.4 + STAY)
    if len(before) < LEAST or len(after) < LEAST or ts[-1] < t + STAY:
        return 0.0
    top = boxes[:, 1]

    def height(which: NDArray[np.intp]) -> NDArray[np.float32]:
        return np.asarray(np.maximum(boxes[which, 3] - boxes[which, 1], 1.0))

    def shape(which: NDArray[np.intp]) -> float:
        return float(np.median(np.maximum(boxes[which, 2] - boxes[which, 0], 1.0) / height(which)))

    tall = float(np.median(height(before)))
    from_top, to_top = float(np.median(top[_between(ts, t - 0.5, t)])), float(np.median(top[after]))
    drop = (to_top - from_top) / tall
    score = drop + WEIGHT * float(np.log(shape(after) / shape(before)))
    if drop < DROP or score < FALLEN or float(np.median(height(after))) > SHRINK * tall:
        return 0.0
    if _jumps(ts, top, tall, t):
        return 0.0
    if len(later):
        at = float(np.median(top[later]))
        if at < to_top - RECOVER * drop * tall or at > to_top + SLIDE * tall:
            return 0.0
    elif ts[-1] < t + STAY + 0.4:
        # it ends here: down for at least a second, and not on the way out
        tail = top[_between(ts, float(ts[-1]) - 0.4, float(ts[-1]))]
        if float(np.median(tail)) > to_top + SLIDE * tall:
            return 0.0
    return score


def _jumps(ts: NDArray[np.float64], top: NDArray[np.float32], tall: float, t: float) -> bool:
    """Whether the upper edge (in H: ``tall`` pixels) falls faster than freely in the second and a half after ``t``.

    The last ``dt`` seconds of a fall of height h carry ``h (1 - (1 - dt / TOPPLE)^2)``; a head starts at 0.94 H.
    """
    near = _between(ts, t - 0.25, t + 1.4)
    dt, step = np.diff(ts[near]), np.diff(top[near]) / tall
    most = 0.94 * (1 - np.maximum(0.0, 1 - dt / TOPPLE) ** 2)
    return bool((step > most + SLACK).any())


def _describe(ts: NDArray[np.float64], boxes: NDArray[np.float32], i: int, score: float) -> Fall:
    """When exactly: from the last moment at which the head was up to the first at which it was down."""
    t = float(ts[i])
    top, before = boxes[:, 1], _between(ts, t - 1.0, t)
    tall = float(np.median(boxes[before, 3] - boxes[before, 1]))
    from_top = float(np.median(top[_between(ts, t - 0.5, t)]))
    drop = (float(np.median(top[_between(ts, t + 0.4, t + 1.4)])) - from_top) / tall
    near = _between(ts, t - 0.6, t + 1.4)
    up = [k for k in near if top[k] <= from_top + 0.15 * tall]
    low = [k for k in near if top[k] >= from_top + 0.75 * drop * tall]
    first = max((k for k in up if not low or k < low[0]), default=i)
    end = next((k for k in low if k > first), min(first + 1, len(ts) - 1))
    risen = [k for k in range(end, len(ts)) if top[k] < from_top + 0.5 * drop * tall]
    # one box that reaches up is no getting up
    up_again = next((k for k, m in zip(risen, risen[2:], strict=False) if m - k == 2), None)
    until = float(ts[-1]) if up_again is None else float(ts[up_again])
    return Fall(float(ts[first]), float(ts[end]), score, until)
