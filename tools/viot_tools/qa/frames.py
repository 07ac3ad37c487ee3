"""Which moments of the footage a question is about, by what the index knows; evenly spaced ones only where it knows
nothing on it.

A question's program (or, without one, its words) is held against the things of the index. Each thing it means gives
moments that show it: when it comes and goes, when it is seen best, what it does, when most of them are there. The
moments are then chosen one by one, the weightiest first, those near to a chosen one counting less, so that a budget of
frames is spread in time (question-aware sampling in the spirit of Yu et al., "Self-Chained Image-Language Model for
Video Localization and Question Answering", NeurIPS 2023, with an index in place of a localiser).

Owns the choice. Knows no pixel, no model and no storage. Times are POSIX seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from viot_tools.qa.facts import Facts, Spot
from viot_tools.qa.meant import Meant, meant
from viot_tools.qa.program import ACTIONS, Program, Unparsed
from viot_tools.qa.types import QuestionType

BUDGET = 16
GAP = 0.4
"""Seconds: nearer frames of one camera show the same."""
TAIL = 0.1
"""Seconds before the end of footage at which its last frame is looked for."""
AROUND = 1.5
"""Seconds before something comes, or after it is gone, that show the change."""
BETWEEN = 0.15
"""The weight of a moment that only fills a stretch in which what is asked about is there."""

Spans = Mapping[str, Sequence[tuple[float, float]]]
"""By camera, the stretches (POSIX seconds, half-open) of which there are pictures."""

_CHANGE: frozenset[QuestionType] = frozenset(
    ("when", "order", "before_after", "state_change", "why", "how", "predictive", "counterfactual")
)
"""Types whose answer lies in comings and goings."""
_ENDS: frozenset[QuestionType] = frozenset(("order", "before_after", "state_change", "predictive", "counterfactual"))
"""Types for which the first and the last of the footage are always looked at."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame to look at, and why, in words."""

    camera: str
    t: float
    why: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Selection:
    """``moments`` by camera and time. ``aware``: the index knew something on the question; ``words`` say which."""

    moments: tuple[Moment, ...]
    aware: bool
    words: str


def choose(
    question: str,
    type_: QuestionType,
    parsed: Program | Unparsed,
    facts: Facts,
    spans: Spans,
    *,
    budget: int = BUDGET,
) -> Selection:
    """At most ``budget`` moments. ``spans``: where there are pictures; moments outside of them are not chosen.

    Raises ValueError for a budget below one.
    """
    if budget < 1:
        raise ValueError(f"a budget of {budget} frames shows nothing")
    found = meant(question, parsed, facts)
    wishes = [m for thing in found for m in _moments(thing, type_, facts)]
    wishes += _crowded(found, type_)
    wishes = [m for m in (_inside(m, spans) for m in wishes) if m is not None]
    if not wishes:
        even = evenly(spans, budget)
        return Selection(even, False, f"the index has nothing on it: {_frames(len(even))}, evenly spaced")
    if type_ in _ENDS:
        wishes += list(_ends(spans, dict.fromkeys(m.camera for m in wishes)))
    total = sum(b - a for stretches in spans.values() for a, b in stretches)
    if len(wishes) < 4 * budget:
        wishes += list(_between(found, spans, budget))
    chosen = _spread(wishes, budget, spacing=max(total / budget, GAP))
    return Selection(_sorted(chosen, spans), True, _words(chosen, found))


def evenly(spans: Spans, budget: int) -> tuple[Moment, ...]:
    """At most ``budget`` moments in the middle of equal parts of all footage, by camera and time."""
    pieces = [(camera, a, b) for camera, stretches in spans.items() for a, b in stretches if b > a]
    total = sum(b - a for _, a, b in pieces)
    n = min(budget, max(1, int(total / GAP))) if total > 0 else 0
    found, before = [], 0.0
    wanted = iter([(i + 0.5) * total / n for i in range(n)])
    at = next(wanted, None)
    for camera, a, b in pieces:
        while at is not None and at < before + (b - a):
            found.append(Moment(camera, min(a + (at - before), math.nextafter(b, a)), "evenly spaced"))
            at = next(wanted, None)
        before += b - a
    return _sorted(found, spans)


def _moments(found: Meant, type_: QuestionType, facts: Facts) -> Iterator[Moment]:
    """What shows one thing, with weights 0..1 by what the question is after."""
    thing, name = found.thing, found.words
    turns = type_ in _CHANGE or found.anchor or found.pick.motion in ("enters", "leaves", "passes")
    edge = 1.0 if turns else 0.45
    rows = [
        Moment(thing.camera, thing.start, f"{name} comes", edge),
        Moment(thing.camera, thing.end, f"{name} is seen last", edge),
    ]
    if turns:
        rows += [
            Moment(thing.camera, thing.start - AROUND, f"before {name} comes", 0.6),
            Moment(thing.camera, thing.end + AROUND, f"after {name} is gone", 0.6),
        ]
    best = _best(thing.path)
    middle = (thing.start + thing.end) / 2 if best is None else best.t
    rows.append(Moment(thing.camera, middle, f"{name} is seen best", 0.8 if turns else 1.0))
    for doing in thing.doing or ():
        if doing.action not in ACTIONS:  # looked at, and not told
            continue
        wanted = doing.action in found.pick.doing
        weight = 1.0 if wanted else 0.7 if type_ == "action" else 0.3
        if doing.end > doing.start or wanted:
            rows.append(Moment(thing.camera, (doing.start + doing.end) / 2, f"{name} is {doing.action}", weight))
    if type_ == "action" and not thing.doing:
        quarter = (thing.end - thing.start) / 4
        rows += [Moment(thing.camera, thing.start + k * quarter, f"{name} is there", 0.7) for k in (1, 2, 3)]
    low, high = facts.start, facts.end
    return (Moment(m.camera, m.t, m.why, m.weight * found.weight) for m in rows if low - AROUND <= m.t <= high + AROUND)


def _best(path: Sequence[Spot]) -> Spot | None:
    """Where the thing is largest; of those nearly as large, the one nearest to the middle of the picture."""
    if not path:
        return None
    largest = max(s.w * s.h for s in path)
    large = [s for s in path if s.w * s.h >= 0.8 * largest]
    return min(large, key=lambda s: (abs(s.x - 0.5) + abs(s.y - 0.5), s.t))


def _crowded(found: Sequence[Meant], type_: QuestionType) -> list[Moment]:
    """On each camera, the moment at which most of what is asked about is there: for questions of how many."""
    if type_ != "how_many":
        return []
    rows = []
    for camera in dict.fromkeys(m.thing.camera for m in found):
        mine = [m.thing for m in found if m.thing.camera == camera and not m.anchor]
        if not mine:
            continue
        starts, ends = np.sort([t.start for t in mine]), np.sort([t.end for t in mine])
        there = np.searchsorted(starts, starts, "right") - np.searchsorted(ends, starts, "left")
        most, at = int(there.max()), float(starts[there.argmax()])
        until = min((t.end for t in mine if t.start <= at <= t.end), default=at)
        rows.append(Moment(camera, (at + until) / 2, f"{most} at one time", 1.2))
    return rows


def _ends(spans: Spans, cameras: Iterable[str]) -> Iterator[Moment]:
    for camera in cameras:
        stretches = sorted(spans.get(camera, ()))
        if stretches:
            yield Moment(camera, stretches[0][0], "the footage begins", 0.9)
            yield Moment(camera, max(stretches[-1][0], stretches[-1][1] - TAIL), "the footage ends", 0.9)


def _between(found: Sequence[Meant], spans: Spans, budget: int) -> Iterator[Moment]:
    """Moments that fill the stretches in which the things are there."""
    for m in found:
        length = m.thing.end - m.thing.start
        n = min(budget, int(length / GAP))
        for k in range(n):
            t = m.thing.start + (k + 0.5) * length / n
            moment = _inside(Moment(m.thing.camera, t, f"{m.words} is there", BETWEEN * m.weight), spans)
            if moment is not None:
                yield moment


def _inside(moment: Moment, spans: Spans) -> Moment | None:
    """The moment, moved by ``AROUND`` at most into footage; None where there is none."""
    best: float | None = None
    for a, b in spans.get(moment.camera, ()):
        t = min(max(moment.t, a), max(a, b - TAIL))
        if abs(t - moment.t) <= AROUND and (best is None or abs(t - moment.t) < abs(best - moment.t)):
            best = t
    return None if best is None else Moment(moment.camera, best, moment.why, moment.weight)


def _spread(wishes: Sequence[Moment], budget: int, *, spacing: float) -> list[Moment]:
    """The weightiest first; one that lies near to a chosen one of its camera counts less, nearer than ``GAP`` not at
    all. ``spacing``: seconds from which on it counts in full."""
    weight, t = np.array([m.weight for m in wishes]), np.array([m.t for m in wishes])
    number = {camera: i for i, camera in enumerate(dict.fromkeys(m.camera for m in wishes))}
    camera = np.array([number[m.camera] for m in wishes])
    nearest = np.full(len(wishes), np.inf)
    chosen: list[Moment] = []
    while len(chosen) < budget:
        worth = np.where(nearest >= GAP, weight * (0.15 + 0.85 * np.minimum(1.0, nearest / spacing)), -1.0)
        best = float(worth.max(initial=-1.0))
        if best < 0:
            break
        equal = np.flatnonzero(worth == best)
        index = int(equal[t[equal].argmin()])
        chosen.append(wishes[index])
        near = np.where(camera == camera[index], np.abs(t - t[index]), np.inf)
        nearest = np.minimum(nearest, near)
    return chosen


def _sorted(moments: Iterable[Moment], spans: Spans) -> tuple[Moment, ...]:
    order = {camera: i for i, camera in enumerate(spans)}
    return tuple(sorted(moments, key=lambda m: (order[m.camera], m.t)))


def _words(chosen: Sequence[Moment], found: Sequence[Meant]) -> str:
    """``9 frames: of 2 things in the index that the question means``."""
    things = {m.thing.id for m in found}
    what = "1 thing" if len(things) == 1 else f"{len(things)} things"
    return f"{_frames(len(chosen))}, chosen for {what} in the index that the question is about"


def _frames(n: int) -> str:
    return "1 frame" if n == 1 else f"{n} frames"
