"""How much of the face that is to stay visible lies under what hides others, and when.

Heads that stand close are hidden with a margin, and now and then a track of nobody lies on a face: the one to keep is
then painted over, and the answer must not say that it stays visible. Nothing is hidden less for it. Owns this measure.
Draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from viot_agent.media.types import XYXY
from viot_tools.redact.follow import RATE, Track
from viot_tools.redact.hide import FADE, Region

MUCH = 0.05
"""Share of a face from which on it counts as covered: less is the rim of a blur beside it."""
BLINK = 0.25
"""Seconds: a shorter time covered, or uncovered between two that are covered, is told with its neighbours."""
LEAST = 0.1
"""Seconds: the last figure that is said."""
_GRID = 24

Span = tuple[float, float]


def share(face: XYXY, regions: Sequence[Region]) -> float:
    """0..1: how much of the ellipse in the box ``face`` lies under any of ``regions``, their fading rim with them."""
    at = (np.arange(_GRID) + 0.5) / _GRID
    u, v = (a.ravel() for a in np.meshgrid(at, at))
    inside = (2 * u - 1) ** 2 + (2 * v - 1) ** 2 <= 1
    x = face[0] + u[inside] * (face[2] - face[0])
    y = face[1] + v[inside] * (face[3] - face[1])
    under = np.zeros(len(x), bool)
    for region in regions:
        under |= _under(x, y, region)
    return float(under.mean())


def _under(x: NDArray[np.float64], y: NDArray[np.float64], region: Region) -> NDArray[np.bool_]:
    x0, y0, x1, y1 = region.xyxy
    rim = FADE * max(x1 - x0, y1 - y0) / 2  # half of what fades in
    u, v = (np.abs(2 * c - a - b) / max(b - a + 2 * rim, 1.0) for c, a, b in ((x, x0, x1), (y, y0, y1)))
    return np.asarray(u**2 + v**2 <= 1 if region.round else np.maximum(u, v) <= 1, bool)


def covered(
    track: Track, first: float, last: float, hidden: Callable[[float], Sequence[Region]], times: Iterable[float]
) -> tuple[Span, ...]:
    """The stretches of ``first`` to ``last`` seconds in which the face of ``track`` is covered. ``hidden`` tells what
    else is hidden at a time; of ``times``, the seconds of the video's frames, as many are looked at as were for faces.
    """
    ts, raw = np.asarray(track.ts), np.asarray(track.raw)
    step = 1 / RATE
    seen: list[tuple[float, bool]] = []
    for t in times:
        if not first <= t <= last or (seen and t - seen[-1][0] < 0.9 * step):
            continue
        x0, y0, x1, y1 = (float(np.interp(t, ts, column)) for column in raw.T)
        seen.append((t, share((x0, y0, x1, y1), hidden(t)) > MUCH))
    if not seen:  # no frame lies between: nothing was painted there
        return ()
    ends = [t for t, _ in seen[1:]] + [last]
    spans = merged([(t, end) for (t, under), end in zip(seen, ends, strict=True) if under], BLINK)
    return tuple((a, b) for a, b in spans if b - a >= BLINK or b - a >= last - first)


def rest(first: float, last: float, taken: Sequence[Span]) -> list[Span]:
    """What of ``first`` to ``last`` lies in none of ``taken`` (in order, apart), all of it where nothing is taken; a
    piece shorter than what is said is left out."""
    edges = [first, *(edge for span in taken for edge in span), last]
    if not taken:
        return [(first, last)]  # a face that was found in one frame only, too
    found = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return [(a, b) for a, b in found if b - a >= LEAST]


def merged(spans: Iterable[Span], gap: float = 0.0) -> list[Span]:
    """The union of ``spans``; those at most ``gap`` apart are one."""
    out: list[Span] = []
    for a, b in sorted(spans):
        if out and a - out[-1][1] <= gap + 1e-6:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out
