"""The benchmark's world: what really happened on a site's footage, as a function of a plan and a seed.

A plan names what a case needs (events, crowds, scenes, answers, gaps, faults); everything else is background, drawn
for each camera from the seed only when somebody looks, so that a site of 200 cameras costs what is asked of it. Also
keeps the final state: clips cut, alerts set, media made.

Owns the truth. Knows no tool, no wording and no request. Times are POSIX seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

from viot_agent.bench.match import word_f1
from viot_agent.bench.phrases import DAYS
from viot_agent.bench.pools import ANOMALIES, PLATE_FORMS, VEHICLES
from viot_agent.bench.site import Site, make_site
from viot_agent.library.intervals import clip, overlaps, subtract, total

SPAN = (DAYS + 2) * 86400.0
"""Seconds of footage that every camera has, up to the present."""

EventKind = Literal["person", "vehicle", "fire", "smoke", "anomaly", "action"]
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing on one camera. ``subject``: an enrolled name, an upload's handle, a plate, or "" for a stranger.

    ``label``: the plate's vehicle look, the anomaly, the action. ``face``/``gait``: can be told by face, by walk.
    ``count``: people who do the action.
    """

    id: str
    kind: EventKind
    camera: str
    start: float
    end: float
    subject: str = ""
    label: str = ""
    face: bool = True
    gait: bool = True
    count: int = 1


@dataclass(frozen=True, slots=True)
class Upload:
    """What an attached file shows; ``face`` = a usable face."""

    shows: Literal["person", "vehicle", "other"] = "other"
    face: bool = True


@dataclass(frozen=True)
class Plan:
    """Everything that makes a world, as JSON. ``quiet``: (kind, camera or ``*``) without background.

    ``crowd``: (camera or ``*``, start, end, low, high). ``answers``: (question, camera or ``*``, answer, type).
    ``gaps``: (camera or ``*``, start, end) not indexed. ``down``: tools that fail for good; ``flaky``: tools whose
    first call fails. ``signs``: (tool, text) that stands in view and is read out with that tool's observation.
    """

    site: str
    size: int
    now: float
    seed: int
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    reserved: tuple[str, ...] = ()
    events: tuple[Happening, ...] = ()
    quiet: tuple[tuple[str, str], ...] = ()
    crowd: tuple[tuple[str, float, float, int, int], ...] = ()
    scenes: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[tuple[str, str, str, str], ...] = ()
    gaps: tuple[tuple[str, float, float], ...] = ()
    down: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    signs: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Only what differs from an empty plan."""
        raw = asdict(self)
        raw["events"] = [{k: v for k, v in e.items() if v != _BLANK.get(k, object())} for e in raw["events"]]
        return {k: v for k, v in raw.items() if v or k in ("site", "size", "now", "seed")}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """The plan of a case."""
        known = dict(raw)
        known["uploads"] = {h: Upload(**u) for h, u in raw.get("uploads", {}).items()}
        known["events"] = tuple(Happening(**e) for e in raw.get("events", ()))
        for key in ("quiet", "crowd", "answers", "gaps", "signs"):
            known[key] = tuple(tuple(row) for row in raw.get(key, ()))
        for key in ("reserved", "down", "flaky"):
            known[key] = tuple(raw.get(key, ()))
        return cls(**known)


_BLANK = {"subject": "", "label": "", "face": True, "gait": True, "count": 1}


@dataclass(slots=True)
class State:
    """What a run has changed, in the order it was made."""

    clips: list[tuple[tuple[str, ...], float, float]] = field(default_factory=list)
    alerts: list[tuple[str, tuple[str, ...] | None, str]] = field(default_factory=list)
    media: list[tuple[str, str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Sorted, so that the order of independent calls does not matter."""
        return {
            "clips": sorted([list(c), round(a), round(b)] for c, a, b in self.clips),
            "alerts": sorted(([e, list(c) if c is not None else None, t] for e, c, t in self.alerts), key=repr),
            "media": sorted([list(m) for m in self.media]),
        }


class World:
    """The truth behind one case, and what was changed in it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.site: Site = make_site(plan.site, plan.size)
        self.begin, self.now = plan.now - SPAN, plan.now
        self.state = State()
        self.failed_once: set[str] = set()
        self.made: dict[str, str] = {}  # handle -> what it is
        self.poses: dict[str, list[tuple[str, float, float]]] = {}  # handle -> where and when
        self._scenes = {c: s.scene for c, s in self.site.spots.items()} | dict(plan.scenes)

    def rng(self, *words: object) -> random.Random:
        """A generator that depends on the plan's seed and ``words`` alone."""
        return random.Random(" ".join(map(str, (self.plan.seed, *words))))

    def window(self, start: float | None, end: float | None) -> tuple[float, float]:
        """Cut to the footage that exists."""
        return max(self.begin, self.begin if start is None else start), min(self.now, self.now if end is None else end)

    # what happened ---------------------------------------------------------------------------------------------------

    def events(self, kinds: Sequence[str], camera: str, start: float, end: float) -> list[Happening]:
        """Everything of these kinds on that camera that overlaps the window, by time."""
        planned = [e for e in self.plan.events if e.kind in kinds and e.camera == camera]
        loud = [k for k in kinds if (k, camera) not in self.plan.quiet and (k, "*") not in self.plan.quiet]
        behind = [e for e in _background(self.plan, camera) if e.kind in loud] if loud else []
        found = [e for e in (*planned, *behind) if overlaps(e.start, e.end, start, end)]
        return sorted(found, key=lambda e: (e.start, e.id))

    def crowd(self, camera: str, start: float, end: float) -> tuple[int, int, float]:
        """Least and most people in the window, and when it was busiest."""
        for where, a, b, low, high in self.plan.crowd:
            if where in (camera, "*") and a < end and start < b:
                rng = self.rng("crowd", camera, a)
                inside = max(start, a), min(end, b)
                return low, high, round(inside[0] + rng.random() * (inside[1] - inside[0]))
        rng = self.rng("crowd", camera)
        level = rng.choice((1, 2, 4, 8, 15, 25))
        hours = [level * rng.uniform(0.0, 2.0) for _ in range(24)]
        counts: list[tuple[int, float]] = []
        factors: dict[int, float] = {}
        for t in _steps(start, end):
            day = int(t // 86400)
            if day not in factors:
                factors[day] = self.rng("crowd", camera, day).uniform(0.4, 1.4)
            counts.append((round(factors[day] * hours[int(t // 3600) % 24]), t))
        most = max(counts, key=lambda c: (c[0], -c[1]))
        return min(counts)[0], most[0], float(round(most[1]))

    def scene(self, camera: str) -> str:
        """The kind of place that the camera shows."""
        return self._scenes[camera]

    def answer(self, question: str, cameras: Sequence[str], similar: float = 0.5) -> tuple[str, str] | None:
        """Answer and type of the planned question that is most like ``question``; None when nothing is known of it."""
        best: tuple[float, str, str] | None = None
        for asked, where, answer, kind in self.plan.answers:
            score = word_f1(question, asked)
            if (where == "*" or where in cameras) and score >= similar and (best is None or score > best[0]):
                best = (score, answer, kind)
        return None if best is None else best[1:]

    # what was looked at ----------------------------------------------------------------------------------------------

    def covered(self, camera: str, start: float, end: float) -> float:
        """Indexed seconds of the camera in the window."""
        gaps = [(a, b) for where, a, b in self.plan.gaps if where in (camera, "*")]
        return total(subtract(clip([(self.begin, self.now)], start, end), gaps))

    def gaps(self, cameras: Iterable[str], start: float, end: float) -> list[tuple[str, float, float]]:
        """The stretches of the window that are not indexed."""
        return [
            (camera, a, b)
            for camera in cameras
            for where, x, y in self.plan.gaps
            if where in (camera, "*")
            for a, b in clip([(x, y)], start, end)
        ]


def _steps(start: float, end: float) -> list[float]:
    """The start, and every full hour after it inside the window."""
    first = (int(start // 3600) + 1) * 3600
    return [start, *map(float, range(first, int(end), 3600))]


def make_plate(rng: random.Random) -> str:
    """A plate of some country's shape."""
    form = rng.choice(PLATE_FORMS)
    return "".join(rng.choice(_LETTERS) if c == "A" else str(rng.randint(0, 9)) if c == "9" else c for c in form)


@lru_cache(maxsize=4096)
def _background_of(
    site: str, size: int, now: float, seed: int, reserved: tuple[str, ...], camera: str
) -> tuple[Happening, ...]:
    place = make_site(site, size)
    rng = random.Random(f"{seed} background {camera}")
    people = [p.name for p in place.people if p.name not in reserved]
    number = 0

    def stretch(longest: float) -> tuple[float, float]:
        start = now - SPAN + rng.random() * (SPAN - 7200.0)
        return float(round(start)), float(round(start + rng.uniform(5.0, longest)))

    out: list[Happening] = []

    def add(kind: EventKind, longest: float, **more: Any) -> None:
        nonlocal number
        number += 1
        start, end = stretch(longest)
        out.append(Happening(f"b{camera}-{number}", kind, camera, start, end, **more))

    for _ in range(rng.randint(2, 7)):
        known = rng.random() < 0.6
        add("person", 240.0, subject=rng.choice(people) if known else "", face=known or rng.random() < 0.7)
    for _ in range(rng.randint(1, 5)):
        add("vehicle", 120.0, subject=make_plate(rng), label=rng.choice(VEHICLES))
    if rng.random() < 0.04:
        add(rng.choice(("fire", "smoke")), 300.0)
    if rng.random() < 0.15:
        add("anomaly", 90.0, label=rng.choice(ANOMALIES))
    for _ in range(rng.randint(2, 5)):
        add("action", 600.0, label=rng.choice(("standing", "walking", "sitting")), count=rng.randint(1, 6))
    return tuple(out)


def _background(plan: Plan, camera: str) -> tuple[Happening, ...]:
    """What goes on at a camera whatever the case asks."""
    return _background_of(plan.site, plan.size, plan.now, plan.seed, plan.reserved, camera)
