"""The words that several tools share: stretches of time on a camera's clock, and why nothing can be told.

Owns phrases made by code. Knows no tool, no pixel and no storage; times come in as POSIX seconds.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window

MOST_SPANS = 3
"""Stretches of footage that a sentence names; the rest are counted."""
MOST_PROBLEMS = 6
"""Cameras of which a sentence says why nothing can be told; of more than that a fleet's owner reads none."""


def span_words(fleet: Fleet, camera: Camera, start: float, end: float, words: tuple[str, str] = ("from", "to")) -> str:
    """``from 14:05:00 to 14:06:00 on 3 March 2026``; the date stands twice when it changes, and within one second it is
    ``at 14:05:00 on 3 March 2026``."""
    a, b = fleet.local(start, camera), fleet.local(end, camera)
    if a == b:
        return f"at {a}"
    clock, _, date = a.partition(" on ")
    if date and b.endswith(" on " + date):
        a = clock
    return f"{words[0]} {a} {words[1]} {b}"


def footage_words(fleet: Fleet, camera: Camera, spans: Sequence[tuple[float, float]]) -> str:
    """``gate 2 has footage from ... to ...``, or how to index it when there is none."""
    if not spans and camera.live:
        return f"nothing of {camera.name} was looked at yet: viot watch --camera {shlex.quote(camera.name)}"
    if not spans:
        return f"{camera.name} is not indexed yet: viot index {shlex.quote(camera.name)}"
    shown = [span_words(fleet, camera, a, b) for a, b in spans[:MOST_SPANS]]
    more = f", and {len(spans) - MOST_SPANS} more stretches" if len(spans) > MOST_SPANS else ""
    return f"{camera.name} has footage {', '.join(shown)}{more}"


def none_words(fleet: Fleet, camera: Camera, window: Window) -> str:
    """``none for 'between 9 and 10' (from 21:00:00 to 22:00:00 on 3 March 2026)``: a phrase can be meant otherwise than
    it was read; "" where none was said."""
    if not window.phrase:
        return ""
    if window.start is None or window.end is None:
        return f"none for {window.phrase!r}"
    return f"none for {window.phrase!r} ({span_words(fleet, camera, window.start, window.end)})"


def people_words(n: int) -> str:
    """``nobody``, ``1 person``, ``4 people``."""
    return {0: "nobody", 1: "1 person"}.get(n, f"{n} people")


def duration(seconds: float) -> str:
    """``9 s``, ``12 min``, ``3.5 h``."""
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def share_words(share: float) -> str:
    """``40 %`` of a share 0..1, rounded down; ``less than 1 %`` for what would be 0."""
    return f"{int(100 * share + 1e-6) or 'less than 1'} %"


def names_words(names: Sequence[str]) -> str:
    """``gate 1``, ``gate 1 and yard``, ``gate 1, gate 2 and yard``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def problems_words(problems: Sequence[str]) -> str:
    """What stands in the way on each camera, the first few of many."""
    more = len(problems) - MOST_PROBLEMS
    if more < 2:
        return "; ".join(problems)
    return f"{'; '.join(problems[:MOST_PROBLEMS])}; and so on for {more} more cameras"
