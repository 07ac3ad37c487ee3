"""From tracks to the number of things in view at each sampled time.

A thing is there from its first box to its last. A gap of up to two samples is bridged (the detector blinked), a longer
one is not (it was hidden: not in view). One lonely box is a flicker unless it is strong, or stands at the border of the
segment, where its track was cut. Looking back over the whole segment is allowed here, so a count does not wait for a
track to be confirmed. Settings were chosen on clips that no published figure uses (``benchmarks/people_builtin.py``).

Owns this rule, for counts and for "how many different". Knows no picture and no storage.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

from viot_agent.library.rows import TrackPoint, TrackRow

BRIDGE = 2
"""Missed samples that do not end a presence."""
STRONG = 0.6
"""The score at which a single box is believed."""


def believed(n_boxes: int, best_score: float) -> bool:
    """Is this a thing, or a flicker?"""
    return n_boxes >= 2 or best_score >= STRONG


def present(tracks: Iterable[TrackRow], times: Sequence[float], sample_fps: float) -> list[int]:
    """How many of ``tracks`` are in view at each of ``times`` (rising; those that were looked at)."""
    n = [0] * len(times)
    bridge = (BRIDGE + 1) / sample_fps + 1e-6
    for track in tracks:
        points = track.points
        cut = points[0].t <= times[0] or points[-1].t >= times[-1]
        if not cut and not believed(len(points), max(p.score for p in points)):
            continue
        for start, end in _stretches(points, bridge):
            for i in range(bisect.bisect_left(times, start - 1e-6), bisect.bisect_right(times, end + 1e-6)):
                n[i] += 1
    return n


def _stretches(points: Sequence[TrackPoint], bridge: float) -> list[tuple[float, float]]:
    """First and last time of each run of points no further apart than ``bridge`` seconds."""
    found = [(points[0].t, points[0].t)]
    for point in points[1:]:
        if point.t - found[-1][1] <= bridge:
            found[-1] = (found[-1][0], point.t)
        else:
            found.append((point.t, point.t))
    return found
