"""VIoT-QA's scenes: who and what came past a site's cameras, by seed, as plain truth.

A scene is 3 to 10 cameras of one of the benchmark's sites (``viot_agent.bench.site``) with ten minutes to three hours
of footage, and the people, vehicles and fires on it, each with its looks, path, action and name. Everything that a
question may hang on is kept apart in time, so that what is true does not turn on a second. Owns the truth. Knows no
question, no library row and no answer. Times are POSIX seconds.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, final
from zoneinfo import ZoneInfo

from viot_agent.bench.site import make_site, site_keys
from viot_agent.fleet.types import Camera, Person
from viot_tools.qa.program import COLOURS, VEHICLES

Kind = Literal["person", "vehicle", "fire"]
Path = Literal["left", "right", "near", "far", "stay", ""]
"""Where it goes: across the picture to the left or right, towards the camera, away from it, or it comes and stays."""

APART = 6.0
"""Seconds between any two comings and goings on one camera."""
INSIDE = 12.0
"""Seconds from the footage's borders within which nothing comes or goes: it is there already, or comes later."""
MOVING = ("walking", "running")
STAYING = ("standing", "sitting", "squatting", "waving", "lying")
WALK = 4.0
"""Seconds in which somebody who stays comes in and goes out."""
HIDDEN = ("hat", "hair", "sleeves")
"""Attributes that a scene with holes was not indexed for."""


@final
@dataclass(frozen=True, slots=True)
class Actor:
    """One visit of one thing to one camera. ``looks``: attribute -> value, in the words of ``qa.program``."""

    id: int
    kind: Kind
    camera: str
    start: float
    end: float
    label: str = ""
    looks: Mapping[str, str] = field(default_factory=dict)
    path: Path = ""
    action: str = ""
    name: str = ""

    @property
    def stay(self) -> float:
        """Seconds in one place, 0 for what keeps moving."""
        return max(0.0, self.end - self.start - 2 * WALK) if self.path == "stay" else 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """``[start, end]`` is what every camera but ``empty`` recorded. ``unknown``: attributes nobody looked for."""

    id: int
    tz: str
    now: float
    start: float
    end: float
    cameras: tuple[Camera, ...]
    people: tuple[Person, ...]
    actors: tuple[Actor, ...]
    empty: str = ""
    unknown: frozenset[str] = frozenset()

    @property
    def filmed(self) -> tuple[str, ...]:
        """Names of the cameras with footage."""
        return tuple(c.name for c in self.cameras if c.name != self.empty)


@dataclass(frozen=True, slots=True)
class View:
    """What of a scene a question is about: some cameras, some time, and who was in view then.

    ``began`` and ``ended`` are the footage's own borders: what is there from the first frame on did not come.
    """

    cameras: tuple[str, ...]
    start: float
    end: float
    actors: tuple[Actor, ...]
    began: float
    ended: float


def view(
    scene: Scene, cameras: Sequence[str] | None = None, start: float | None = None, end: float | None = None
) -> View:
    """The part of the scene between ``start`` and ``end`` on ``cameras``; None = all of it."""
    names = scene.filmed if cameras is None else tuple(cameras)
    low, high = scene.start if start is None else start, scene.end if end is None else end
    seen = tuple(a for a in scene.actors if a.camera in names and a.start < high and a.end > low)
    return View(names, low, high, seen, scene.start, scene.end)


def still(whole: View) -> View:
    """What one picture of each camera shows, taken in the middle: no path, no coming or going."""
    t = (whole.start + whole.end) / 2
    seen = tuple(
        Actor(a.id, a.kind, a.camera, t, t, a.label, a.looks, "", a.action, a.name)
        for a in whole.actors
        if a.start <= t <= a.end
    )
    return View(whole.cameras, t, t, seen, t, t)


def make_scene(seed: int, number: int, *, holes: bool = False) -> Scene:
    """The scene of that number. ``holes``: one camera recorded nothing and some attributes were not looked for."""
    rng = random.Random(f"viot-qa {seed} {number} {holes}")
    site = make_site(rng.choice(site_keys()), 10)
    cameras = site.cameras[: rng.randint(3, 4) if number % 3 == 0 else rng.randint(3, 10)]
    minutes = rng.choice((10, 20, 30)) if len(cameras) < 5 else rng.choice((60, 90, 120, 180))
    day = datetime(2026, rng.randint(2, 11), rng.randint(1, 26), tzinfo=ZoneInfo(site.tz))
    first = day + timedelta(minutes=5 * rng.randint(6 * 12, 17 * 12))
    start = first.timestamp()
    asked = day + timedelta(days=rng.randint(0, 1), hours=22)
    people = list(site.people)
    rng.shuffle(people)
    cast = _Cast(rng, start, start + 60.0 * minutes, [p.name for p in people[: rng.randint(2, 5)]])
    empty = cameras[rng.randrange(len(cameras))].name if holes else ""
    for camera in cameras:
        if camera.name != empty:
            cast.fill(camera.name)
    return Scene(
        number,
        site.tz,
        asked.timestamp(),
        start,
        start + 60.0 * minutes,
        cameras,
        tuple(site.people),
        tuple(sorted(cast.actors, key=lambda a: (a.start, a.id))),
        empty,
        frozenset(HIDDEN) if holes else frozenset(),
    )


class _Cast:
    """Puts things on cameras, one after the other."""

    def __init__(self, rng: random.Random, start: float, end: float, names: list[str]) -> None:
        self.rng, self.start, self.end, self.names = rng, start, end, names
        self.actors: list[Actor] = []

    def fill(self, camera: str) -> None:
        """Three to six people, two to five vehicles and now and then a fire; some of them at about the same time."""
        rng = self.rng
        kinds: list[Kind] = []
        kinds += ["person" for _ in range(rng.randint(3, 6))]
        kinds += ["vehicle" for _ in range(rng.randint(2, 5))]
        rng.shuffle(kinds)
        if rng.random() < 0.25:
            kinds.append("fire")
        rush = self.start + rng.uniform(0.1, 0.8) * (self.end - self.start)
        for i, kind in enumerate(kinds):
            self._put(kind, camera, rush if i < 4 else None, at_border=rng.random() < 0.12)

    def _put(self, kind: Kind, camera: str, rush: float | None, at_border: bool) -> None:
        rng = self.rng
        path: Path = "" if kind == "fire" else rng.choice(("left", "right", "near", "far", "stay", "stay"))
        low, high = self.start + INSIDE, self.end - INSIDE
        for _ in range(200):
            most = min(300.0, 0.3 * (self.end - self.start))
            lasts = round(rng.uniform(30.0, most) if path in ("stay", "") else rng.uniform(10.0, 45.0))
            start = float(round(rush + rng.uniform(-40, 40) if rush else rng.uniform(low, high - lasts)))
            if at_border:
                start = rng.choice((self.start, self.end - lasts))
            end = start + lasts
            if (not at_border and (start < low or end > high)) or not self._free(camera, start, end):
                continue
            self.actors.append(self._actor(kind, camera, start, end, path))
            return

    def _free(self, camera: str, start: float, end: float) -> bool:
        """Whether nobody else on this camera comes or goes then; what is cut by the footage's border may be several."""
        edges = [t for a in self.actors if a.camera == camera for t in (a.start, a.end)]
        return all(abs(t - mine) >= APART for t in edges for mine in (start, end) if mine not in (self.start, self.end))

    def _actor(self, kind: Kind, camera: str, start: float, end: float, path: Path) -> Actor:
        rng, number = self.rng, len(self.actors)
        if kind == "fire":
            return Actor(number, kind, camera, start, end)
        if kind == "vehicle":
            looks = {"colour": rng.choice(COLOURS)}
            return Actor(number, kind, camera, start, end, rng.choice(VEHICLES), looks, path)
        looks = {
            "upper_colour": rng.choice(COLOURS),
            "lower_colour": rng.choice(COLOURS),
            "carrying": rng.choice(("backpack", "bag", "nothing")),
            "sex": rng.choice(("male", "female")),
            "hat": rng.choice(("yes", "no", "no")),
            "hair": rng.choice(("long", "short")),
            "sleeves": rng.choice(("long", "short")),
            "lower": "trousers",
        }
        action = rng.choice(STAYING if path == "stay" else MOVING)
        name = self.names.pop() if self.names and rng.random() < 0.3 else ""
        return Actor(number, kind, camera, start, end, "", looks, path, action, name)
