"""What was looked at on one camera in one window, and in which words to say that it was not enough.

Owns the judgement "covered or not" and its sentences. Knows no faces beyond the analyzer's name.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from viot_agent.fleet import Fleet
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.api import Library
from viot_agent.steps import Coverage
from viot_tools.saying import footage_words, none_words, share_words

ENOUGH = 0.9
"""Below this share of the time asked for, *not seen* is *cannot tell*."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One camera. ``problem`` is a sentence when what was looked at is not enough for a *no*, else empty; ``fix`` the
    command that helps, if one does. ``coverage`` counts footage indexed with the model in force."""

    camera: Camera
    window: Window
    coverage: Coverage
    problem: str
    fix: str


def look(
    library: Library, camera: Camera, window: Window, now: float, analyzer: str, model: str, fleet: Fleet
) -> Looked:
    """Judge one camera."""
    coverage = library.coverage(analyzer, [camera.name], window.start, window.end, model=model)
    problem, fix = _judge(library, camera, window, now, analyzer, model, coverage, fleet)
    return Looked(camera, window, coverage, problem, fix)


def _judge(
    library: Library,
    camera: Camera,
    window: Window,
    now: float,
    analyzer: str,
    model: str,
    coverage: Coverage,
    fleet: Fleet,
) -> tuple[str, str]:
    name, index = camera.name, f"viot index {shlex.quote(camera.name)}"
    everything = library.coverage(analyzer, [name], None, None, model=model)
    if everything.indexed_seconds <= 0:
        others = [m for m in library.models(analyzer, [name]) if m != model]
        if others:
            tier = "builtin" if others[0].startswith("dlib") else "hub"
            return (
                f"{name} was indexed with {others[0]}, whose faces cannot be compared with those of {model}",
                f"run {index}, or set VIOT_TIER={tier}",
            )
        return f"{name} is not indexed for faces", f"run {index}"
    has = footage_words(fleet, camera, library.spans(name))
    if coverage.indexed_seconds <= 0:
        none = none_words(fleet, camera, window)
        return f"{has}, and {none}" if none else has, ""
    if coverage.fraction < ENOUGH:
        return (
            f"only {share_words(coverage.fraction)} of the footage of {name} for that time is indexed",
            f"run {index}",
        )
    if window.start is not None:
        until = min(window.end, now) if window.end is not None else now
        asked = until - window.start
        if asked > 0 and coverage.indexed_seconds < ENOUGH * asked:
            return f"{has}, {share_words(coverage.indexed_seconds / asked)} of the time asked about", ""
    return "", ""


def combine(looked: Sequence[Looked]) -> Coverage:
    """One record for all cameras: seconds add up; the fraction and the rate are the worst camera's."""
    each = [entry.coverage for entry in looked]
    starts = [c.start for c in each if c.start is not None]
    ends = [c.end for c in each if c.end is not None]
    return Coverage(
        cameras=tuple(name for c in each for name in c.cameras),
        start=min(starts) if len(starts) == len(each) else None,
        end=max(ends) if len(ends) == len(each) else None,
        indexed_seconds=sum(c.indexed_seconds for c in each),
        fraction=min((c.fraction for c in each), default=0.0),
        sampled_fps=min((c.sampled_fps for c in each if c.sampled_fps > 0), default=0.0),
        gaps=tuple(gap for c in each for gap in c.gaps),
    )
