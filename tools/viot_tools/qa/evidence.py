"""Pieces of evidence of the things that an answer rests on: their stretch, their best picture, their box.

Owns the choice of picture. Knows no word of the answer.
"""

from __future__ import annotations

import numpy as np

from viot_agent.steps import Evidence
from viot_agent.toolbox.contract import ToolContext
from viot_tools.qa.facts import Found, Thing

SHOWN = 6
"""Things that get evidence of their own; the others stand beside those that they were in view with."""
WHOLE = 0.8
"""Share of a stay from which on a piece is about all of it."""


def pieces(found: Found, ctx: ToolContext, tool: str) -> tuple[Evidence, ...]:
    """One piece a thing, in order of time. Of an answer that cannot be told, those that only may belong are shown."""
    things = list(found.things or (found.maybe if not found.value else ()))
    shown = sorted(things[:SHOWN], key=lambda t: (t.start, t.id))
    rest = things[SHOWN:]
    made = []
    for thing in shown:
        spans = [(a, b) for camera, a, b in found.intervals if camera == thing.camera and _touches(a, b, thing)]
        start, end = spans[0] if len(spans) == 1 else (thing.start, thing.end)
        beside = tuple(
            str(t.track)
            for t in rest
            if t.track is not None and t.camera == thing.camera and t.start <= end and t.end >= start
        )
        made.append(_piece(ctx, tool, thing, start, end, beside))
    return tuple(made)


def _touches(start: float, end: float, thing: Thing) -> bool:
    return start <= thing.end and end >= thing.start


def _piece(ctx: ToolContext, tool: str, thing: Thing, start: float, end: float, beside: tuple[str, ...]) -> Evidence:
    at, box, crop = (start + end) / 2, None, None
    track = None if thing.track is None else ctx.library.track(thing.track)
    if track is not None:
        # of a part of its stay, the picture of that part; else the best one
        part = end - start < WHOLE * (thing.end - thing.start)
        picture = ctx.library.best_crop(track.id, near=at if part else None)
        if picture is not None:
            crop, at = picture
        i = int(np.abs(track.ts - at).argmin())
        x0, y0, x1, y1 = (float(v) for v in track.boxes[i])
        box, at = (x0, y0, x1, y1), float(track.ts[i])
        # a clip shows the moment that the picture is of
        start, end = min(start, at), max(end, at)
    return Evidence(
        id=ctx.evidence_id(),
        camera=thing.camera,
        start=start,
        end=end,
        tool=tool,
        model=thing.model,
        model_version=thing.model_version,
        track=None if thing.track is None else str(thing.track),
        who=thing.name or None,
        score=thing.score,
        at=at,
        xyxy=box,
        crop_jpeg=crop,
        label=_label(thing),
        beside=beside,
    )


def _label(thing: Thing) -> str:
    """``white van``, ``person``, a name."""
    if thing.name:
        return thing.name
    colour = thing.attributes.get("colour")
    noun = thing.label or thing.kind
    return f"{colour.value} {noun}" if colour is not None and colour.sure else noun
