"""Which cameras and which time a question is about: what it says itself, and what the call says beside it.

The question's own words go first: a call that names one of two cameras that are compared would leave the other out.
Owns this joining. Knows no program and no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from viot_agent.errors import RetryFault, TimeFault
from viot_agent.fleet.types import Camera, Window
from viot_agent.toolbox.contract import ToolContext
from viot_tools.qa.parse import place_and_time
from viot_tools.qa.program import Program, Unparsed
from viot_tools.qa.stored import Place

EXACT: Final = 99.0
"""The score of a mention from which on it is a name as it is written."""


def where_and_when(
    ctx: ToolContext, text: str, parsed: Program | Unparsed, cameras: Sequence[str] | None, time: str | None
) -> list[Place]:
    """The cameras with the time on each one's clock.

    Raises NameFault for a camera that nobody has, TimeFault for a time that cannot be read, RetryFault for two times
    that have nothing in common, PolicyRefusal for cameras out of the request's scope.
    """
    said = place_and_time(text, ctx.fleet.cameras(), [p.name for p in ctx.fleet.people()])
    scope = ctx.request.camera_scope
    if not cameras:
        # "gate 9", where no camera is called so: the fault names the nearest ones
        near = [m for m in ctx.fleet.mentions(text) if m.kind == "camera" and m.score < EXACT]
        strange = [m.text for m in near if m.score == 0 or any(c.isdigit() for c in m.text)]
        if strange:
            ctx.fleet.resolve_cameras(strange, scope=scope)
    named = list(said.cameras)
    if isinstance(parsed, Program) and any(o.strip().isdigit() for o in parsed.options):
        # "on gate 2: 1, 4, 6 or 3?": numbers to choose from are no second half of a camera's name
        halves = {m.target for m in ctx.fleet.mentions(text) if m.kind == "camera" and m.text.isdigit()}
        named = [name for name in named if name not in halves]
    chosen = ctx.fleet.resolve_cameras(named or cameras or None, scope=scope)
    return [Place(camera, _window(ctx, camera, time, said.time)) for camera in chosen]


def _window(ctx: ToolContext, camera: Camera, called: str | None, said: str | None) -> Window:
    """What both times have in common: ``after 14:05`` of ``yesterday``."""
    now = ctx.request.now
    if called is None or said is None or called.casefold() in said.casefold():
        return ctx.fleet.window(said if called is None else said or called, camera, now)
    if said.casefold() in called.casefold():
        return ctx.fleet.window(called, camera, now)
    try:
        return ctx.fleet.window(f"{said} {called}", camera, now)
    except TimeFault:
        a, b = ctx.fleet.window(called, camera, now), ctx.fleet.window(said, camera, now)
    starts, ends = [t for t in (a.start, b.start) if t is not None], [t for t in (a.end, b.end) if t is not None]
    start, end = max(starts, default=None), min(ends, default=None)
    if start is not None and end is not None and start >= end:
        raise RetryFault(
            f"the question says {said!r} and the time {called!r}", fix="give one time, or both in one phrase"
        )
    return Window(start, end, f"{said}, {called}")
