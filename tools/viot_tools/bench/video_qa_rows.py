"""VIoT-QA's scenes as what the product would have stored of them: library rows, and the same with rows gone wrong.

The whole path from a question to its answer is then the product's own. ``Flaws`` loses things, invents things and
breaks tracks in two at rates that ``video_qa_rates`` measures. Owns the way from truth to rows. Knows no question.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from viot_agent.library.fake import FakeLibrary, Looked
from viot_agent.library.rows import Attribute, Event, Footage, Track
from viot_tools.bench.video_qa_world import WALK, Actor, Kind, Scene
from viot_tools.qa.facts import Doing
from viot_tools.qa.program import COLOURS, VEHICLES
from viot_tools.qa.stored import Place

WIDTH, HEIGHT = 1280, 720
MODEL, VERSION = "truth", "1"
SAMPLE_FPS = 5.0
ANALYZERS = ("objects", "attributes", "poses", "faces", "fire", "anomaly")
SURE = 0.99
"""The score of everything in the rows: what is measured is reasoning, not seeing."""
STEP = 1.0
"""Seconds between two boxes of a track."""
BRIEF = (2.0, 8.0)
"""Seconds that an invented thing is seen."""


@dataclass(frozen=True, slots=True)
class Flaws:
    """What goes wrong with rows: shares of things lost (``miss``), invented things a true one (``false``), and breaks
    of a track into two a thing (``switch``)."""

    miss: float = 0.0
    false: float = 0.0
    switch: float = 0.0


NONE = Flaws()


@dataclass(frozen=True, slots=True)
class Stored:
    """A scene's library; ``of`` names the actor behind each track id, as far as there is one."""

    scene: Scene
    library: FakeLibrary
    of: dict[int, Actor]


def store(scene: Scene, flaws: Flaws = NONE, seed: int = 0) -> Stored:
    """The rows of a scene; with ``flaws`` by ``seed``."""
    rng = random.Random(f"rows {seed} {scene.id}")
    seen = list(_seen(scene.actors, flaws, rng))
    tracks: list[Track] = []
    attributes: list[Attribute] = []
    of: dict[int, Actor] = {}
    for number, (actor, whole) in enumerate((s for s in seen if s[0].kind != "fire"), 1):
        track = _track(number, actor, whole, scene)
        tracks.append(track)
        attributes += _attributes(track, actor, scene.unknown)
        of[number] = whole
    fires = [a for a in scene.actors if a.kind == "fire"]
    return Stored(
        scene,
        FakeLibrary(
            scene.cameras,
            scene.people,
            footage=[Footage(c, Path(f"{c}.mp4"), 0.0, scene.start, scene.end, WIDTH, HEIGHT) for c in scene.filmed],
            looked=[
                Looked(analyzer, MODEL, c, scene.start, scene.end, SAMPLE_FPS)
                for analyzer in ANALYZERS
                for c in scene.filmed
            ],
            tracks=tracks,
            attributes=attributes,
            events=[_fire(a) for a in fires],
        ),
        of,
    )


def _seen(actors: Sequence[Actor], flaws: Flaws, rng: random.Random) -> Iterator[tuple[Actor, Actor]]:
    """What is stored of each, with the true one behind it: lost, broken in two, or with something invented beside."""
    for actor in actors:
        if actor.kind == "fire" or rng.random() >= flaws.miss:
            yield from _broken(actor, rng) if rng.random() < flaws.switch else ((actor, actor),)
        if actor.kind != "fire" and rng.random() < flaws.false:
            invented = _invented(actor.kind, actor, actors, rng)
            yield invented, invented


def _broken(actor: Actor, rng: random.Random) -> Iterator[tuple[Actor, Actor]]:
    t = round(rng.uniform(actor.start + 2, actor.end - 2), 1)
    yield replace(actor, end=t), actor
    yield replace(actor, start=t + 0.2), actor


def _invented(kind: Kind, beside: Actor, actors: Sequence[Actor], rng: random.Random) -> Actor:
    """Something that is not there, on the same camera at any time, with looks of its own."""
    low, high = min(a.start for a in actors), max(a.end for a in actors)
    start = rng.uniform(low, high)
    looks = {"colour": rng.choice(COLOURS)}
    if kind == "person":
        looks = dict(beside.looks) | {name: rng.choice(COLOURS) for name in ("upper_colour", "lower_colour")}
    label = rng.choice(VEHICLES) if kind == "vehicle" else ""
    action = "standing" if kind == "person" else ""
    return Actor(-1, kind, beside.camera, start, start + rng.uniform(*BRIEF), label, looks, "stay", action)


def _track(number: int, actor: Actor, whole: Actor, scene: Scene) -> Track:
    """The boxes of ``actor``, which may be a part of the ``whole`` whose path it goes."""
    n = max(2, round((actor.end - actor.start) / STEP) + 1)
    ts = np.linspace(actor.start, actor.end, n)
    boxes = np.array([_box(whole, t, scene) for t in ts], np.float32)
    label = actor.label or actor.kind
    scores = np.full(n, SURE, np.float32)
    return Track(number, number, actor.camera, actor.kind, label, MODEL, VERSION, ts, boxes, scores)


def _box(a: Actor, t: float, scene: Scene) -> tuple[float, float, float, float]:
    """Where it is at ``t``, xyxy in pixels. What the footage's border cuts is inside of the picture already."""
    part = (t - a.start) / max(a.end - a.start, 1e-6)
    if a.start <= scene.start:
        part = 0.4 + 0.6 * part
    elif a.end >= scene.end:
        part = 0.6 * part
    high = 0.3 if a.kind == "person" else 0.22
    wide = high * (0.25 if a.kind == "person" else 0.9)
    lane = 0.5 + 0.25 * ((a.id * 7) % 5 - 2) / 2
    x, y = part, lane
    if a.path == "left":
        x = 1 - part
    elif a.path in ("near", "far"):
        grown = part if a.path == "near" else 1 - part
        scale = 0.4 + 1.4 * grown
        high, wide = high * scale, wide * scale
        x, y = 0.3 + 0.4 * lane, 0.35 + 0.3 * grown
    elif a.path == "stay":
        place = 0.25 + 0.5 * ((a.id * 3) % 7) / 6
        came = 1.0 if a.start <= scene.start else min(1.0, (t - a.start) / WALK)
        gone = 1.0 if a.end >= scene.end else min(1.0, (a.end - t) / WALK)
        border = 0.0 if place < 0.5 else 1.0
        x = border + (place - border) * min(came, gone)
    # a box ends where the picture does
    x0, x1 = max(0.0, x - wide / 2), min(1.0, x + wide / 2)
    y0, y1 = max(0.0, y - high / 2), min(1.0, y + high / 2)
    if x1 - x0 < 0.01:
        x0, x1 = (0.0, 0.01) if x < 0.5 else (0.99, 1.0)
    return x0 * WIDTH, y0 * HEIGHT, x1 * WIDTH, y1 * HEIGHT


def _attributes(track: Track, actor: Actor, unknown: frozenset[str]) -> Iterator[Attribute]:
    middle = float(track.ts[len(track.ts) // 2])
    for name, value in actor.looks.items():
        if name not in unknown:
            yield Attribute(track.id, track.chain, track.camera, middle, name, value, SURE, MODEL, VERSION)


def _fire(actor: Actor) -> Event:
    frames = round((actor.end - actor.start) * SAMPLE_FPS)
    data = {"after": 1.0, "frames": frames, "positive": frames, "moves": True, "alone": True, "grew": 1.0}
    return Event(actor.camera, actor.start, actor.end, "fire", SURE, data, MODEL, VERSION)


@dataclass(frozen=True, slots=True)
class TrueActions:
    """What people did, as the truth has it (``qa.stored.ActionSource``)."""

    stored: Stored

    def problem(self, place: Place) -> str:
        """Why actions cannot be told there: nothing was recorded."""
        return "" if place.camera.name in self.stored.scene.filmed else f"{place.camera.name} has no footage"

    def doing(self, place: Place) -> dict[int, list[Doing]]:
        """By track."""
        return {
            track: [Doing(a.action, a.start, a.end, SURE)]
            for track, a in self.stored.of.items()
            if a.kind == "person" and a.camera == place.camera.name
        }


@dataclass(frozen=True, slots=True)
class TrueNames:
    """Who people are, as the truth has it (``qa.stored.NameSource``)."""

    stored: Stored

    def problem(self, place: Place) -> str:
        """Why faces cannot be told there: nothing was recorded."""
        return "" if place.camera.name in self.stored.scene.filmed else f"{place.camera.name} has no footage"

    def names(self, place: Place, people: Sequence[Track]) -> dict[int, str]:
        """By track."""
        return {t.id: self.stored.of[t.id].name for t in people if t.camera == place.camera.name}
