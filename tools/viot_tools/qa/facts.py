"""What is known about some footage: things with intervals, paths, attributes and actions; and what was not looked at.

The seam between storage and reasoning: ``stored`` makes facts of library rows, tests write them by hand. Times are
POSIX seconds. A value that was not looked for, or not told for certain, is absent: absence is *unknown*, never *no*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from viot_agent.steps import Coverage
from viot_tools.qa.program import Subject


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an attribute, with a score in 0..1. ``sure``: above the calibrated threshold of its attribute."""

    value: str
    score: float
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thing was: box centre and size as shares of the frame, at ``t``."""

    t: float
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Doing:
    """An action with its stretch; ``unknown`` where it was looked at and cannot be told."""

    action: str
    start: float
    end: float
    score: float


@dataclass(frozen=True, slots=True)
class Thing:
    """A person, a vehicle, an object (one chain of tracks on one camera), or an event (``fire``, ``smoke``,
    ``anomaly``: no path, no attributes).

    ``label``: kind of vehicle or object, "" where unknown. ``doing`` None: actions were not looked at. ``name``: the
    enrolled person that faces told for certain; ``named`` False: faces could not tell. ``track``: id in the library.
    ``sure`` False: it may be none at all (a fire that does not move).
    """

    id: str
    kind: Subject
    camera: str
    start: float
    end: float
    label: str = ""
    path: tuple[Spot, ...] = field(default=(), repr=False)
    attributes: Mapping[str, Value] = field(default_factory=dict)
    doing: tuple[Doing, ...] | None = None
    name: str = ""
    named: bool = False
    track: int | None = None
    score: float = 1.0
    model: str = ""
    model_version: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of the cameras between ``start`` and ``end``.

    ``known``: what was looked for at all: subjects (``person``, ``vehicle``, ``object``, ``fire``, ``smoke``,
    ``anomaly``), attribute names, ``action``, ``name``. ``coverage`` by subject, for the honesty of a *no*.
    ``spans``: the indexed stretches of each camera inside the time asked about, so that a track cut by the end of the
    footage is no arrival. ``problems``: of a subject, attribute, ``action`` or ``name``, why its absence cannot be
    told, in words for a person.
    """

    cameras: tuple[str, ...]
    start: float
    end: float
    things: tuple[Thing, ...]
    known: frozenset[str]
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    spans: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a program gave. ``value`` is the short answer (``yes``, ``3``, ``red``, ``gate 2``, ``walking``) or "" where
    it cannot be told, with ``reason``; ``maybe``: things that may belong and were not counted.

    ``things`` support the answer, ``intervals`` are the stretches (camera, start, end) that settle it. ``number``: the
    answer as a number where it is one (count, seconds, POSIX time). ``pick``: which of the program's picks it is, where
    one was asked for (order, compare).
    """

    value: str
    reason: str = ""
    things: tuple[Thing, ...] = ()
    maybe: tuple[Thing, ...] = ()
    intervals: tuple[tuple[str, float, float], ...] = ()
    number: float | None = None
    pick: int | None = None
