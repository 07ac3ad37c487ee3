"""A fire over the border of two segments: what each keeps of its last and first seconds, and the vote over both.

Analyzers forget everything between segments, so that a resumed run gives the same rows. What burns for a moment at the
end of one and for a moment at the start of the next wins no vote in either. So a segment keeps the looks of its first
or last seconds (a vote's window of them) in a row of its own, ``fire-edge`` or ``smoke-edge``, where they hold positive
frames and none of these won a vote. Where two such rows meet, the frames of both vote together when somebody asks.

Owns those rows and that vote. Knows no network, no storage and no sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viot_agent.library.rows import Event, EventRow
from viot_tools.fire.burning import THRESHOLD, Look, events, spacing, window_of

MEET = 0.5
"""Seconds by which the samples on both sides of a border may lie further apart than two of one segment: files that
follow each other do not end on the grid."""


def edge_kind(kind: str) -> str:
    """The kind of the rows that keep the ends: ``fire-edge``."""
    return f"{kind}-edge"


def edges(kind: str, looks: Sequence[Look], step: float, found: Sequence[EventRow]) -> tuple[EventRow, ...]:
    """The rows for a segment's start and end, as ``events`` takes its arguments; ``found`` what it gave.

    An end of which any positive frame won is left out (its fire is told of already), and so is one without positive
    frames: nothing is lost there. ``data``:
    ``step`` seconds between two looks, ``looks`` as (seconds from ``t0``, score, box or None, share, stir or None).
    """
    if not looks:
        return ()
    apart = spacing(looks, step)
    window = window_of(apart)
    first = [k for k in looks if k.t - looks[0].t <= window - apart / 2]
    last = [k for k in looks if looks[-1].t - k.t <= window - apart / 2]
    made = []
    for some in (first,) if len(first) == len(looks) else (first, last):
        positive = [k for k in some if k.score >= THRESHOLD[kind]]
        if positive and not any(e.t0 <= k.t < e.t1 for k in positive for e in found):
            made.append(EventRow(edge_kind(kind), some[0].t, some[-1].t + step, 0.0, _packed(some, step)))
    return tuple(made)


def across(kind: str, rows: Sequence[Event]) -> list[Event]:
    """The events of ``kind`` that only the frames on both sides of a border make; ``rows`` are one camera's and one
    model's of ``edge_kind(kind)``."""
    found: list[Event] = []
    run: list[Event] = []
    for row in sorted(rows, key=lambda r: (r.start, r.end)):
        if run and row.start - run[-1].end > MEET + _beyond(row, run[-1]):
            found += _voted(kind, run)
            run = []
        run.append(row)
    return found + _voted(kind, run)


def _beyond(*rows: Event) -> float:
    """Seconds by which pictures of a slow clip (a time lapse) lie further apart than the sampling asked for."""
    steps = [(float(row.data["step"]), row) for row in rows]
    return max(spacing(_looks(row), step) - step for step, row in steps)


def _voted(kind: str, run: Sequence[Event]) -> list[Event]:
    if len(run) < 2:  # its own segment has judged it
        return []
    start = run[0].start
    looks = [look for row in run for look in _looks(row, row.start - start)]
    step = max(float(row.data["step"]) for row in run)
    return [
        Event(run[0].camera, start + e.t0, start + e.t1, kind, e.score, e.data, run[0].model, run[0].model_version)
        for e in events(kind, looks, step)
    ]


def _packed(looks: Sequence[Look], step: float) -> dict[str, Any]:
    return {
        "step": step,
        "looks": [
            [round(k.t - looks[0].t, 4), round(k.score, 5), None if k.xyxy is None else [round(v, 1) for v in k.xyxy],
             round(k.share, 5), None if k.stir is None else round(k.stir, 3)]
            for k in looks
        ],
    }  # fmt: skip


def _looks(row: Event, after: float = 0.0) -> list[Look]:
    return [
        Look(after + float(t), float(score), None if box is None else (box[0], box[1], box[2], box[3]), share, stir)
        for t, score, box, share, stir in row.data["looks"]
    ]
