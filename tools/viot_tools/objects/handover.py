"""Broken tracks made whole: which track goes on where another one ended.

A track that ends while another begins near it within ``HANDOVER`` is taken for the same thing: detectors lose people
just when they fall, and the tracker then starts anew. "Near" is measured in the person's own height.

Owns this joining. Knows no storage, no pose and no sentence; boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viot_agent.library.rows import Track

HANDOVER: Final = 1.3
"""Seconds: the tracker gives a lost thing up after one."""
NEAR: Final = 0.75
"""Heights of the person between the last box and the first one of what goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Where something was seen: ``ts`` (N,) rising POSIX seconds, N >= 1, and ``boxes`` (N, 4); paths of two ``place``
    numbers never go on from each other."""

    ts: NDArray[np.float64]
    boxes: NDArray[np.float32]
    place: int = 0

    @classmethod
    def of(cls, tracks: Sequence[Track]) -> Path:
        """The path of the tracks of one chain."""
        order = sorted(tracks, key=lambda t: t.start)
        ts = np.concatenate([t.ts for t in order])
        keep = rising(ts)
        return cls(ts[keep], np.concatenate([t.boxes for t in order])[keep])


def rising(ts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of (N,) times lie after all before them: two tracks of one chain may overlap for a moment, then the first
    one's times stand."""
    best = np.maximum.accumulate(np.concatenate([[-np.inf], ts[:-1]]))
    return np.asarray(ts > best)


def handed_over(paths: Sequence[Path]) -> list[list[int]]:
    """Which of ``paths`` (by first appearance) are one thing, as their numbers in time; nearest in time first."""
    groups: list[list[int]] = []
    ends: list[float] = []
    for n, path in enumerate(paths):
        start = float(path.ts[0])
        # the times first: hours of a busy place hold thousands of people
        just = [k for k, end in enumerate(ends) if 0 < start - end <= HANDOVER]
        before = [k for k in just if _goes_on(paths[groups[k][-1]], path)]
        if not before:
            groups.append([n])
            ends.append(float(path.ts[-1]))
            continue
        last = max(before, key=lambda k: ends[k])
        groups[last].append(n)
        ends[last] = float(path.ts[-1])
    return groups


def _goes_on(old: Path, new: Path) -> bool:
    if old.place != new.place:
        return False
    a, b = old.boxes[-1], new.boxes[0]
    height = max(float(a[3] - a[1]), float(b[3] - b[1]), 1.0)
    # the nearest points of the feet: a person who falls stays where they stood, whatever the box does
    across = abs(float(a[0] + a[2] - b[0] - b[2])) / 2
    down = min(abs(float(a[3] - b[3])), abs(float(a[1] + a[3] - b[1] - b[3])) / 2)
    return bool(np.hypot(across, down) <= NEAR * height)
