"""What an analyzer has looked at on one camera in one window, and the words for "not enough for a no".

Where several models indexed a camera, the one in force speaks if it covers as much as any; else the one that covers
most. Owns this judgement and its sentences for tools that read one analyzer's rows. Knows no tool and no pixel.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.api import Library
from viot_agent.steps import Coverage
from viot_agent.toolbox.contract import ToolContext
from viot_tools.saying import footage_words, none_words, share_words

ENOUGH = 0.9
"""Share of the time asked about that must have been indexed before a *no* is said."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One camera. ``problem`` says why a *no* cannot be given there, '' where it can."""

    camera: Camera
    window: Window
    coverage: Coverage
    model: str | None
    problem: str

    @property
    def looked(self) -> bool:
        """Whether anything of the window was looked at."""
        return self.coverage.indexed_seconds > 0


def covered(ctx: ToolContext, camera: Camera, window: Window, analyzer: str, purpose: str, preferred: str) -> Covered:
    """Judge one camera. ``purpose`` completes "was not searched for ..."; ``preferred`` is the model in force."""
    library, name = ctx.library, camera.name
    each = [
        (library.coverage(analyzer, [name], window.start, window.end, model=model), model)
        for model in library.models(analyzer, [name])
    ]
    nothing: tuple[Coverage, str | None] = (library.coverage(analyzer, [name], window.start, window.end), None)
    coverage, model = max(each, key=lambda c: (round(c[0].fraction, 3), c[1] == preferred), default=nothing)
    return Covered(camera, window, coverage, model, problem(ctx, camera, window, coverage, analyzer, purpose))


def covered_by(ctx: ToolContext, camera: Camera, window: Window, analyzer: str, purpose: str, model: str) -> Covered:
    """The same for a tool that can compare what ``model`` made and nothing else: what others indexed is a problem."""
    entry = covered(ctx, camera, window, analyzer, purpose, model)
    if entry.model is None or entry.model == model:
        return replace(entry, model=model)
    mine = ctx.library.coverage(analyzer, [camera.name], window.start, window.end, model=model)
    why = f"{camera.name} was indexed with {entry.model}, which cannot be compared with {model}"
    return replace(entry, coverage=mine, model=model, problem=f"{why}: viot index {shlex.quote(camera.name)}")


def problem(ctx: ToolContext, camera: Camera, window: Window, coverage: Coverage, analyzer: str, purpose: str) -> str:
    """Why the absence of something cannot be told for this camera, or ''."""
    spans, index = ctx.library.spans(camera.name), f"viot index {shlex.quote(camera.name)}"
    if coverage.indexed_seconds <= 0:
        if spans and ctx.library.coverage(analyzer, [camera.name], None, None).indexed_seconds <= 0:
            return f"{camera.name} was not searched for {purpose}: {index}"
        if spans and recorded(ctx.library, camera, window, ctx.request.now):
            return f"{camera.name} was not searched for {purpose} at that time: {index}"
        none = f", and {none_words(ctx.fleet, camera, window)}" if spans and window.phrase else ""
        return footage_words(ctx.fleet, camera, spans) + none
    if coverage.fraction < ENOUGH:
        return f"only {share_words(coverage.fraction)} of what {camera.name} recorded is indexed: {index}"
    if window.start is not None:
        until = ctx.request.now if window.end is None else min(window.end, ctx.request.now)
        asked = until - window.start
        if asked > 0 and coverage.indexed_seconds < ENOUGH * asked:
            share = share_words(coverage.indexed_seconds / asked)
            return f"{footage_words(ctx.fleet, camera, spans)}, {share} of the time asked about"
    return ""


def enough(coverage: Coverage) -> bool:
    """Whether so much of the footage was looked at that what was not found counts as not there."""
    return coverage.indexed_seconds > 0 and coverage.fraction >= ENOUGH


def recorded(library: Library, camera: Camera, window: Window, now: float) -> bool:
    """Whether the camera has footage of the window, looked at or not."""
    start, end = 0.0 if window.start is None else window.start, now if window.end is None else window.end
    return bool(library.footage(camera.name, start, end))


def together(each: Sequence[Covered]) -> Coverage:
    """One record for all cameras: seconds add up; the fraction and the rate are the worst camera's."""
    starts, ends = [c.window.start for c in each], [c.window.end for c in each]
    return Coverage(
        cameras=tuple(c.camera.name for c in each),
        start=None if None in starts else min(s for s in starts if s is not None),
        end=None if None in ends else max(e for e in ends if e is not None),
        indexed_seconds=sum(c.coverage.indexed_seconds for c in each),
        fraction=min((c.coverage.fraction for c in each), default=0.0),
        sampled_fps=min((c.coverage.sampled_fps for c in each if c.coverage.sampled_fps > 0), default=0.0),
        gaps=tuple(gap for c in each for gap in c.coverage.gaps),
    )
