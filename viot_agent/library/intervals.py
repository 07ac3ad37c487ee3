"""Arithmetic on stretches of time ``(start, end)``: merging, cutting, subtracting, adding up. Knows nothing else."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[float, float]

TOUCH = 0.05
"""Stretches closer than this, in seconds, are one: a frame's time is no more exact."""


def merge(spans: Iterable[Span], *, touch: float = TOUCH) -> list[Span]:
    """Ascending, without overlaps; what touches is joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + touch:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def clip(spans: Iterable[Span], start: float | None, end: float | None) -> list[Span]:
    """The parts inside ``[start, end)``; None = unbounded."""
    low = float("-inf") if start is None else start
    high = float("inf") if end is None else end
    return [(max(a, low), min(b, high)) for a, b in spans if max(a, low) < min(b, high)]


def subtract(whole: Iterable[Span], taken: Iterable[Span], *, touch: float = TOUCH) -> list[Span]:
    """What of ``whole`` is in none of ``taken``; leftovers not longer than ``touch`` are dropped."""
    left: list[Span] = []
    cuts = merge(taken, touch=0.0)
    for start, end in merge(whole, touch=0.0):
        at = start
        for a, b in cuts:
            if b <= at or a >= end:
                continue
            if a - at > touch:
                left.append((at, a))
            at = max(at, b)
        if end - at > touch:
            left.append((at, end))
    return left


def total(spans: Iterable[Span]) -> float:
    """Seconds covered, overlaps once."""
    return sum(b - a for a, b in merge(spans, touch=0.0))


def overlaps(a: float, b: float, start: float | None, end: float | None) -> bool:
    """Whether the row ``[a, b]`` belongs to the half-open window; a row of no length belongs where its time lies."""
    return (end is None or a < end) and (start is None or b > start or a >= start)
