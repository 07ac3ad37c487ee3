"""The latest part of what an analyzer has looked at: for questions without a time, for windows too long.

Owns that cut and its sentence. Knows no tool, no row and no pixel; "covered or not" is ``viot_tools.covered``'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from viot_agent.fleet.types import Window
from viot_agent.toolbox.contract import ToolContext
from viot_tools.covered import ENOUGH, Covered

Span = tuple[float, float]
"""POSIX seconds from..to."""


def stretches_looked_at(spans: Sequence[Span], looked: Covered) -> list[Span]:
    """What of the window was looked at, ascending: what is between the gaps of ``looked``; ``spans`` its camera's."""
    if not spans:
        return []
    window = looked.window
    at = spans[0][0] if window.start is None else window.start
    end = spans[-1][1] if window.end is None else window.end
    found: list[Span] = []
    for _, a, b in looked.coverage.gaps:
        if min(a, end) > at:
            found.append((at, min(a, end)))
        at = max(at, b)
    return [*found, (at, end)] if end > at else found


def latest(ctx: ToolContext, looked: Covered, analyzer: str, most: float) -> tuple[Covered, str]:
    """``looked`` cut to the latest ``most`` seconds that were looked at, and a sentence that says so; as it came, and
    '', where there is no more than that."""
    name = looked.camera.name
    left = most
    for a, b in reversed(stretches_looked_at(ctx.library.spans(name), looked)):
        if b - a > left:
            break
        left -= b - a
    else:
        return looked, ""
    start = b - left
    window = Window(start, looked.window.end, looked.window.phrase)
    models = {} if looked.model is None else {"model": looked.model}
    coverage = ctx.library.coverage(analyzer, [name], start, window.end, **models)
    problem = looked.problem
    if not problem and coverage.fraction < ENOUGH:
        problem = f"only {math.floor(100 * coverage.fraction)} % of that is indexed"
    sentence = (
        f"Only the latest {most / 3600:g} h of footage of {name} were read, from "
        f"{ctx.fleet.local(start, looked.camera)} on: name a time for what lies before."
    )
    return replace(looked, window=window, coverage=coverage, problem=problem), sentence
