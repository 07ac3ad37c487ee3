"""From library rows to facts: tracks become things, with looks, actions and names as far as a question needs them.

Tracks of one chain are one thing, and so are those that :mod:`viot_tools.objects.handover` joins; flickers are left
out (``objects.counts``). Looks are voted over a thing's tracks. Only what is needed is read: a question about a colour
runs no network and looks at no face.

Owns this joining. What people do and who they are comes from two sources behind one-method seams (``stored_actions``,
``stored_names``; tests bring their own). Knows no question.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from viot_agent.library.rows import Attribute, Track
from viot_agent.toolbox.contract import ToolContext
from viot_tools.covered import Covered, covered, together
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import MODEL_OF_TIER
from viot_tools.objects.detections import VEHICLES as TOLD
from viot_tools.objects.handover import Path, handed_over
from viot_tools.qa.facts import Doing, Facts, Spot, Thing, Value
from viot_tools.qa.ground import SUBJECTS, item_words
from viot_tools.qa.program import ATTRIBUTES, VEHICLES, Pick, Program, Subject
from viot_tools.qa.stored_events import Place as Place
from viot_tools.qa.stored_events import happened
from viot_tools.qa.votes import looks, told
from viot_tools.saying import problems_words

ATTRIBUTE_ANALYZER = "attributes"
SPOTS = 240
"""Spots of a path that are kept, evenly: more tell nothing of a way."""
FEW, STRONG = 5, 0.8
"""Boxes from which on a thing is surely one, and the score from which on fewer are enough: of the people and vehicles
of the ten development clips with fewer and weaker boxes, nearly all are pieces of others or nothing."""
STANDS, FAR, SWAYS = 4.0, 0.07, 0.2
"""Seconds, and the height of a box as a share of the picture's, from which on and up to which somebody who keeps within
``SWAYS`` of that height of one place may be a thing. In ``vtest.avi`` of OpenCV all nine such are cones, a post, a
stone and a tripod; of the other 20 clips none has any."""
WAYS: Final = ("direction", "exit", "entry")
"""Values that are told from the way of a thing."""
AGREED = 0.75
"""Share of its boxes that must be called the same for the kind of a thing to be sure."""
SEAM = 1.5
"""Seconds between two files that are no hole in the footage: the library links tracks over them."""
PATH: Final = "path"
"""Needed where the way of a thing matters; ways of thousands of people take longer than all the rest."""
EVERYTHING: Final = frozenset(("person", "vehicle", "object", "fire", "smoke", PATH, *ATTRIBUTES))
"""What is cheap to read: all but actions and names."""
TRACKED: Final[Mapping[Subject, str]] = {"person": "objects", "vehicle": "objects", "object": "things"}
"""What is followed, with the analyzer that writes its tracks."""


class ActionSource(Protocol):
    """What people do."""

    def problem(self, place: Place) -> str:
        """Why actions cannot be told there, '' where they can."""
        ...

    def doing(self, place: Place) -> Mapping[int, Sequence[Doing]]:
        """By the id of a person's track: what they did, ``unknown`` where it cannot be told. Others were not looked
        at."""
        ...


class NameSource(Protocol):
    """Who people are, by their faces."""

    def problem(self, place: Place) -> str:
        """Why faces cannot be told there, '' where they can."""
        ...

    def names(self, place: Place, people: Sequence[Track]) -> Mapping[int, str]:
        """By the id of a person's track: the enrolled name that its face told for certain, or "" for a face that is
        nobody enrolled for certain. Of the others faces cannot tell."""
        ...


def needs(program: Program) -> frozenset[str]:
    """What a program asks of the facts: subjects, attributes, ``action``, ``name``, ``path``."""
    wanted = {program.attribute} if program.attribute not in ("", *WAYS, "label") else set()
    if program.ask == "action":
        wanted.add("action")
    if program.ask == "where" or program.attribute in WAYS:
        wanted.add(PATH)
    picks = list(program.picks)
    while picks:
        pick = picks.pop()
        wanted |= _of_pick(pick)
        picks += [relation.anchor for relation in pick.when if relation.anchor is not None]
    return frozenset(wanted)


def _of_pick(pick: Pick) -> set[str]:
    wanted: set[str] = {pick.kind, *(h.attribute for h in pick.attributes if h.attribute != "label")}
    if pick.doing or pick.known_by:
        wanted.add("action")
    if pick.name:
        wanted.add("name")
    if pick.motion or pick.place or pick.which == "largest":
        wanted.add(PATH)
    return wanted


@dataclass(slots=True)
class _Reading:
    """What is being put together."""

    ctx: ToolContext
    things: list[Thing] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    looked: dict[str, list[Covered]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    tracks: dict[tuple[str, str], list[Track]] = field(default_factory=dict)

    def problem(self, item: str, why: str) -> None:
        if why and why not in self.problems.setdefault(item, []):
            self.problems[item].append(why)


def facts(
    ctx: ToolContext, places: Sequence[Place], need: frozenset[str], actions: ActionSource, names: NameSource
) -> Facts:
    """Everything of ``need`` (:func:`needs`) that the library holds of these places."""
    reading = _Reading(ctx)
    spans: dict[str, tuple[tuple[float, float], ...]] = {}
    for place in places:
        spans[place.camera.name] = _spans(ctx, place)
        _tracked(reading, place, need, actions, names)
        for events in happened(ctx, place, need):
            reading.looked.setdefault(events.kind, []).append(events.looked)
            reading.problem(events.kind, events.problem)
            reading.known |= {events.kind} if events.known else set()
            reading.things += events.things
    edges = [t for mine in spans.values() for span in mine for t in span]
    starts = [p.window.start for p in places if p.window.start is not None]
    ends = [p.window.end for p in places if p.window.end is not None]
    now = ctx.request.now
    coverage = {}
    for item, all_ in reading.looked.items():
        # a camera that nobody looked at is told of as a problem, and does not make the others' footage partial
        some = [c for c in all_ if c.looked] or all_
        coverage[item] = together(some)
    return Facts(
        cameras=tuple(place.camera.name for place in places),
        start=min(starts) if len(starts) == len(places) else min(edges, default=min(starts, default=now)),
        end=max(ends) if len(ends) == len(places) else max(edges, default=max(ends, default=now)),
        things=tuple(sorted(reading.things, key=lambda t: (t.start, t.id))),
        known=frozenset(reading.known),
        coverage=coverage,
        spans=spans,
        problems={item: problems_words(why) for item, why in reading.problems.items()},
    )


def _spans(ctx: ToolContext, place: Place) -> tuple[tuple[float, float], ...]:
    """The stretches of footage inside the window, those joined that only a seam parts."""
    low = -float("inf") if place.window.start is None else place.window.start
    high = float("inf") if place.window.end is None else place.window.end
    joined: list[tuple[float, float]] = []
    for a, b in sorted(ctx.library.spans(place.camera.name)):
        if joined and a <= joined[-1][1] + SEAM:
            joined[-1] = joined[-1][0], max(joined[-1][1], b)
        else:
            joined.append((a, b))
    return tuple((max(a, low), min(b, high)) for a, b in joined if max(a, low) < min(b, high))


# people, vehicles, objects -------------------------------------------------------------------------------------------


def _tracked(reading: _Reading, place: Place, need: frozenset[str], actions: ActionSource, names: NameSource) -> None:
    kinds = [kind for kind in TRACKED if kind in need]
    if not kinds:
        return
    frame = _size(reading.ctx, place)
    size = frame if PATH in need else None
    voted = _attributes(reading, place, need)
    for kind in kinds:
        entry = _looked(reading, place, kind)
        if entry.model is None or not entry.looked or kind not in reading.known:
            continue
        window = place.window
        tracks = reading.ctx.library.tracks(kind, [place.camera.name], window.start, window.end, model=entry.model)
        done, said = _people(reading, place, need, actions, names, tracks) if kind == "person" else (None, None)
        reading.things += [
            _thing(kind, group, size, voted, done, said, lifeless(kind, group, frame)) for group in _groups(tracks)
        ]


def _looked(reading: _Reading, place: Place, kind: Subject) -> Covered:
    """What was looked at for this kind, and what that detector cannot tell."""
    ctx, name = reading.ctx, place.camera.name
    entry = covered(ctx, place.camera, place.window, TRACKED[kind], SUBJECTS[kind], MODEL_OF_TIER[ctx.weights.tier])
    reading.looked.setdefault(kind, []).append(entry)
    reading.problem(kind, entry.problem)
    if entry.model is None or not entry.looked:
        return entry
    if kind != "person" and entry.model == MODEL_OF_TIER["builtin"]:
        why = f"{SUBJECTS[kind]} on {name} are not looked for by {entry.model}, only people"
        reading.problem(kind, f"{why}: viot models pull, then viot index {shlex.quote(name)}")
        return entry
    reading.known.add(kind)
    if kind == "vehicle" and entry.model in MODEL_OF_TIER.values():
        for label in [v for v in VEHICLES if v not in TOLD]:
            reading.problem(label, f"{entry.model} has no word for a {label} and takes it for another vehicle")
    if kind == "object":
        reading.problem(kind, f"{entry.model} misses small objects")
    return entry


def _groups(tracks: Sequence[Track]) -> list[list[Track]]:
    """Tracks that are one thing, each by time."""
    chains: dict[int, list[Track]] = {}
    for track in tracks:
        chains.setdefault(track.chain, []).append(track)
    firm = [sorted(c, key=lambda t: t.start) for c in chains.values() if _firm(c)]
    firm.sort(key=lambda c: (c[0].start, c[0].id))
    return [[t for k in group for t in firm[k]] for group in handed_over([Path.of(c) for c in firm])]


def _firm(chain: Sequence[Track]) -> bool:
    return believed(sum(len(t.ts) for t in chain), max(float(t.scores.max()) for t in chain))


def _people(
    reading: _Reading,
    place: Place,
    need: frozenset[str],
    actions: ActionSource,
    names: NameSource,
    tracks: Sequence[Track],
) -> tuple[Mapping[int, Sequence[Doing]] | None, Mapping[int, str] | None]:
    """What the people of a place did and who they are, where that is needed and can be told."""
    done: Mapping[int, Sequence[Doing]] | None = None
    said: Mapping[int, str] | None = None
    if "action" in need:
        why = actions.problem(place)
        reading.problem("action", why)
        if not why:
            reading.known.add("action")
            done = actions.doing(place)
    if "name" in need:
        why = names.problem(place)
        reading.problem("name", why)
        if not why:
            reading.known.add("name")
            said = names.names(place, tracks)
    return done, said


def _thing(
    kind: Subject,
    group: Sequence[Track],
    size: tuple[int, int] | None,
    voted: Mapping[int, Sequence[Attribute]],
    done: Mapping[int, Sequence[Doing]] | None,
    said: Mapping[int, str] | None,
    lifeless: bool,
) -> Thing:
    best = max(group, key=lambda t: (len(t.ts), -t.id))
    seen = looks(a for track in group for a in voted.get(track.id, ()))
    names = {said[t.id] for t in group if t.id in said} if said is not None else set()
    # two faces told of one thing: it changed its owner, and nobody can be named
    name = names.pop() if len(names) == 1 else None
    label, share = _label(group)
    if label and share < AGREED:
        seen.setdefault("label", Value(label, share, sure=False))
    return Thing(
        id=str(group[0].id),
        kind=kind,
        camera=group[0].camera,
        start=min(t.start for t in group),
        end=max(t.end for t in group),
        label=label,
        path=_path(group, size),
        attributes=seen,
        doing=_doing(group, done),
        name=name or "",
        named=name is not None,
        track=best.id,
        score=float(best.scores.max()),
        model=best.model,
        model_version=best.model_version,
        sure=not lifeless
        and (sum(len(t.ts) for t in group) >= FEW or max(float(t.scores.max()) for t in group) >= STRONG),
    )


def lifeless(kind: Subject, group: Sequence[Track], size: tuple[int, int] | None) -> bool:
    """Whether a person far away may be a post or a sign: hardly anybody stands that still for all of their stay."""
    if kind != "person" or size is None or max(t.end for t in group) - min(t.start for t in group) < STANDS:
        return False
    boxes = np.concatenate([t.boxes for t in group])
    heights = boxes[:, 3] - boxes[:, 1]
    height = float(np.median(heights))
    if not 0 < height <= FAR * size[1]:
        return False
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = np.linalg.norm(centres - np.median(centres, axis=0), axis=1) / height
    # who comes or goes was elsewhere at first or at last
    ends = max(float(np.median(away[:FEW])), float(np.median(away[-FEW:])))
    return bool(np.quantile(away, 0.9) <= SWAYS and ends <= 2 * SWAYS)


def _label(group: Sequence[Track]) -> tuple[str, float]:
    """What most of its boxes were called, and the share of these."""
    boxes: dict[str, int] = {}
    for track in group:
        if track.label:
            boxes[track.label] = boxes.get(track.label, 0) + len(track.ts)
    best = max(boxes, key=lambda label: boxes[label], default="")
    return best, boxes[best] / sum(boxes.values()) if best else 0.0


def _path(group: Sequence[Track], size: tuple[int, int] | None) -> tuple[Spot, ...]:
    """Where it was, as shares of the frame; nothing where the size of the frame is not known."""
    if size is None:
        return ()
    path = Path.of(group)
    keep = np.unique(np.linspace(0, len(path.ts) - 1, min(SPOTS, len(path.ts))).round().astype(int))
    boxes = path.boxes[keep].astype(np.float64) / np.array([*size, *size])
    middle, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return tuple(Spot(*row) for row in np.column_stack([path.ts[keep], middle, extent]).tolist())


def _size(ctx: ToolContext, place: Place) -> tuple[int, int] | None:
    """(width, height) of the camera's frames in the window, None where it is not known or changed."""
    spans = _spans(ctx, place)
    if not spans:
        return None
    footage = ctx.library.footage(place.camera.name, spans[0][0], spans[-1][1])
    sizes = {(f.width, f.height) for f in footage if f.width > 0 and f.height > 0}
    return sizes.pop() if len(sizes) == 1 else None


def _doing(group: Sequence[Track], done: Mapping[int, Sequence[Doing]] | None) -> tuple[Doing, ...] | None:
    if done is None or not any(t.id in done for t in group):
        return None
    every = {d for t in group for d in done.get(t.id, ())}
    return tuple(sorted(every, key=lambda d: (d.start, d.end, d.action)))


def _attributes(reading: _Reading, place: Place, need: frozenset[str]) -> dict[int, list[Attribute]]:
    """Looks by track, where they are needed; kinds of vehicles are looks too."""
    wanted = sorted(need & set(ATTRIBUTES))
    if not wanted and "vehicle" not in need:
        return {}
    ctx, camera, window = reading.ctx, place.camera, place.window
    entry = covered(ctx, camera, window, ATTRIBUTE_ANALYZER, "looks", "")
    for name in wanted:
        reading.problem(name, entry.problem)
    found: dict[int, list[Attribute]] = {}
    if entry.model is None or not entry.looked:
        return found
    can = told(entry.model, wanted)
    reading.known |= can
    for name in wanted:
        if name not in can:
            reading.problem(name, f"{item_words(name)}: not told by {entry.model}")
    for row in ctx.library.attributes([camera.name], window.start, window.end, model=entry.model):
        found.setdefault(row.track, []).append(row)
    return found
