"""Events as facts: fire and smoke as ``fire_smoke_detection`` reads them, unusual events as ``anomaly_detection`` does.

Owns this reading. What burns and what is unusual is decided by those tools' own modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import Event
from viot_agent.toolbox.contract import ToolContext
from viot_tools.anomaly.analyzer import KIND as ACTIVITY
from viot_tools.anomaly.analyzer import MODEL as ACTIVITY_MODEL
from viot_tools.anomaly.tool import anomaly_detection
from viot_tools.covered import Covered, covered
from viot_tools.fire.border import across, edge_kind
from viot_tools.fire.names import ANALYZER as FIRE
from viot_tools.fire.names import MODEL as FIRE_MODEL
from viot_tools.fire.tool import joined
from viot_tools.qa.facts import Thing
from viot_tools.qa.program import Subject

AROUND = 60.0
"""Seconds around the window from which fires that cross a segment's border are read."""
BURNING: tuple[Subject, ...] = ("fire", "smoke")


@dataclass(frozen=True, slots=True)
class Place:
    """A camera and the time asked about on its clock."""

    camera: Camera
    window: Window


@dataclass(frozen=True, slots=True)
class Events:
    """Of one kind at one place; ``known`` whether it was looked for, ``problem`` why its absence cannot be told."""

    kind: Subject
    looked: Covered
    known: bool
    problem: str
    things: tuple[Thing, ...]


def happened(ctx: ToolContext, place: Place, need: frozenset[str]) -> Iterator[Events]:
    """The events of the kinds that are needed."""
    for kind in BURNING:
        if kind in need:
            looked = covered(ctx, place.camera, place.window, FIRE, "fire and smoke", FIRE_MODEL)
            things = tuple(_fires(ctx, kind, place, looked)) if looked.looked else ()
            yield Events(kind, looked, looked.looked, looked.problem, things)
    if "anomaly" in need:
        yield _unusual(ctx, place)


def _fires(ctx: ToolContext, kind: Subject, place: Place, looked: Covered) -> Iterator[Thing]:
    """What does not move may be a picture or a lamp."""
    mine = [e for e in _rows(ctx, kind, place) if e.model == looked.model]
    for n, event in enumerate(joined(mine)):
        yield Thing(
            f"{place.camera.name}-{kind}-{n}",
            kind,
            place.camera.name,
            event.start,
            max(event.start, event.end),
            score=event.score,
            model=event.model,
            model_version=event.model_version,
            sure=bool(event.data["moves"]),
        )


def _rows(ctx: ToolContext, kind: str, place: Place) -> Iterable[Event]:
    name, start, end = place.camera.name, place.window.start, place.window.end
    low, high = None if start is None else start - AROUND, None if end is None else end + AROUND
    ends = ctx.library.events(edge_kind(kind), [name], low, high)
    over = [e for model in {e.model for e in ends} for e in across(kind, [e for e in ends if e.model == model])]
    inside = [e for e in over if (start is None or e.end > start) and (end is None or e.start < end)]
    return [*ctx.library.events(kind, [name], start, end), *inside]


def _unusual(ctx: ToolContext, place: Place) -> Events:
    """What the tool for it finds, by the camera's own history: a scene is named by nobody here."""
    name = place.camera.name
    looked = covered(ctx, place.camera, place.window, ACTIVITY, "unusual events", ACTIVITY_MODEL)
    told = anomaly_detection.fn(ctx, "", [name], place.window.phrase or None)
    things = tuple(
        Thing(f"{name}-anomaly-{n}", "anomaly", name, e["start"], e["end"], score=e["score"], model=ACTIVITY_MODEL)
        for n, e in enumerate(told.data["anomalies"])
    )
    problem = told.summary if told.verdict == "cannot_tell" else ""
    return Events("anomaly", looked, bool(things) or not problem, problem.rstrip("."), things)
