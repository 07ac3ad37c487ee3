"""Planning the world behind a case: for every step what is to be found there, so that conditions hold or do not.

Owns the choice of outcomes and the events that make them so. Does not run tools: ``build`` does, and so computes the
right answer instead of writing it down.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viot_agent.bench.conditions import Need
from viot_agent.bench.families import Family
from viot_agent.bench.pools import ACTIONS, ANOMALIES, COLOURS, THINGS, VEHICLES
from viot_agent.bench.site import Site
from viot_agent.bench.world import SPAN, EventKind, Happening, Plan, Upload, make_plate
from viot_agent.fleet.times import resolve_time
from viot_agent.fleet.types import Camera
from viot_agent.fleet.types import Window as TimeWindow

_KINDS: Mapping[str, EventKind] = {
    "face_recognition": "person",
    "person_reid": "person",
    "gait_recognition": "person",
    "plate_recognition": "vehicle",
    "vehicle_reid": "vehicle",
    "fire_smoke_detection": "fire",
    "anomaly_detection": "anomaly",
    "action_recognition": "action",
    "pose_estimation": "action",
}
Window = tuple[Camera, float, float]


@dataclass
class Draft:
    """A plan that grows step by step."""

    site: Site
    now: float
    seed: int
    rng: random.Random
    uploads: dict[str, Upload] = field(default_factory=dict)
    reserved: list[str] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)
    quiet: list[tuple[str, str]] = field(default_factory=list)
    crowd: list[tuple[str, float, float, int, int]] = field(default_factory=list)
    scenes: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str, str, str]] = field(default_factory=list)
    gaps: list[tuple[str, float, float]] = field(default_factory=list)

    def plan(self, **more: Any) -> Plan:
        """The finished plan."""
        return Plan(
            self.site.key,
            self.site.size,
            self.now,
            self.seed,
            dict(self.uploads),
            tuple(dict.fromkeys(self.reserved)),
            tuple(self.events),
            tuple(dict.fromkeys(self.quiet)),
            tuple(self.crowd),
            dict(self.scenes),
            tuple(self.answers),
            tuple(dict.fromkeys(self.gaps)),
            **more,
        )

    def windows(self, args: Mapping[str, Any]) -> list[Window]:
        """Cameras and stretches of a step's arguments, cut to the footage."""
        names = args.get("cameras")
        cameras = list(self.site.cameras)
        if names:
            cameras = list({c.id: c for n in names for c in self.site.named(n)}.values())
        begin = self.now - SPAN
        out = []
        read: dict[str, TimeWindow] = {}
        for camera in cameras:
            start, end = begin, self.now
            if "time" in args:
                if camera.tz not in read:
                    read[camera.tz] = resolve_time(str(args["time"]), self.now, camera.tz, extent=(begin, self.now))
                w = read[camera.tz]
                start = begin if w.start is None else max(begin, w.start)
                end = self.now if w.end is None else min(self.now, w.end)
            out.append((camera, start, max(start, end)))
        return out

    def add(self, kind: EventKind, window: Window, **more: Any) -> None:
        """An event inside the window."""
        camera, start, end = window
        room = max(0.0, end - start - 2.0)
        at = start + 1.0 + self.rng.random() * room * 0.9
        until = min(end, at + self.rng.uniform(4.0, 60.0))
        number = f"e{len(self.events) + 1}"
        self.events.append(
            Happening(number, kind, camera.name, float(round(at, 1)), float(round(max(until, at), 1)), **more)
        )

    def hush(self, kinds: Sequence[str], windows: Sequence[Window]) -> None:
        """No background of these kinds on the cameras looked at."""
        everywhere = len(windows) == len(self.site.cameras)
        for kind in kinds:
            self.quiet += [(kind, "*")] if everywhere else [(kind, c.name) for c, _, _ in windows]


def uploads_of(family: Family) -> dict[str, Upload]:
    """What each attached file shows, by what the family does with it."""
    found: dict[str, Upload] = {}
    for turn in family.turns:
        for handle in turn.uploads:
            tools = {s.tool for t in family.turns for s in t.steps for v in s.args.values() if v == handle}
            if "vehicle_reid" in tools:
                found[handle] = Upload("vehicle", False)
            elif tools and tools <= {"person_reid", "gait_recognition"}:
                found[handle] = Upload("person", False)
            else:
                found[handle] = Upload("person", True)
    return found


def plan_free(draft: Draft, tool: str, args: Mapping[str, Any], *, alone: bool) -> None:
    """A step that no condition hangs on: found, not found, or (when it is the only one) not indexed."""
    roll = draft.rng.random()
    if tool == "video_qa":
        draft.answers.append((str(args["question"]), "*", *answer_to(str(args["question"]), draft.rng)))
        return
    if tool == "pose_estimation":
        need = Need("actions", actions=tuple(draft.rng.sample(ACTIONS[:4], 2)))
        plan_need(draft, "action_recognition", args, need)
        return
    if tool not in _KINDS or tool == "action_recognition":
        return
    if alone and roll > 0.92 and tool != "anomaly_detection":
        windows = draft.windows(args)
        draft.hush([_KINDS[tool]], windows)
        draft.gaps += [
            (c.name if len(windows) < len(draft.site.cameras) else "*", a - 1, b + 1) for c, a, b in windows[:40]
        ]
        draft.reserved += [str(v) for k, v in args.items() if k in ("person", "plate")]
        return
    plan_need(draft, tool, args, Need("presence", found=roll < 0.68))


def plan_need(draft: Draft, tool: str, args: Mapping[str, Any], need: Need) -> None:
    """Make the world so that ``need`` holds for this step."""
    rng = draft.rng
    windows = draft.windows(args)
    if need.kind == "crowd":
        draft.crowd += [(c.name, a, b, need.low, need.high) for c, a, b in windows]
    elif need.kind == "scene":
        draft.scenes.update({c.name: need.text for c, _, _ in windows})
    elif need.kind == "answer":
        draft.answers.append((str(args["question"]), "*", need.text, "factoid"))
    elif need.kind == "actions":
        draft.hush(["action"], windows)
        for act in need.actions:
            draft.add(
                "action",
                rng.choice(windows),
                label=act,
                count=rng.randint(1, 2) if act in ACTIONS[4:] else rng.randint(1, 9),
            )
    elif need.kind == "strangers":
        draft.hush(["person"], windows)
        for i in range(rng.randint(2, 4) + need.low):
            stranger = i < need.low
            name = "" if stranger else rng.choice([p.name for p in draft.site.people])
            draft.add("person", rng.choice(windows), subject=name)
    else:
        _presence(draft, tool, args, need.found, windows)


def _presence(draft: Draft, tool: str, args: Mapping[str, Any], found: bool, windows: Sequence[Window]) -> None:
    rng, kind = draft.rng, _KINDS[tool]
    subject = next((str(args[k]) for k in ("person", "plate", "vehicle") if k in args), "")
    if subject:
        draft.reserved.append(subject)
    else:
        draft.hush(["fire", "smoke"] if kind == "fire" else [kind], windows)
    if not found:
        return
    for _ in range(rng.randint(1, 3)):
        window = rng.choice(windows)
        if tool == "person_reid":
            draft.add("person", window, subject=subject, face=False, gait=False)
        elif tool == "gait_recognition":
            draft.add("person", window, subject=subject, face=False)
        elif kind == "person":
            draft.add("person", window, subject=subject or rng.choice([p.name for p in draft.site.people]))
        elif tool == "vehicle_reid":
            draft.add("vehicle", window, subject=subject, label=rng.choice(VEHICLES))
        elif kind == "vehicle":
            draft.add("vehicle", window, subject=subject or make_plate(rng), label=rng.choice(VEHICLES))
        elif kind == "fire":
            draft.add(rng.choice(("fire", "smoke")), window)
        else:
            draft.add("anomaly", window, label=rng.choice(ANOMALIES))


def answer_to(question: str, rng: random.Random) -> tuple[str, str]:
    """A plausible answer and the question's type."""
    words = question.casefold().split()
    first = words[0] if words else ""
    if "colour" in words or "color" in words:
        return f"It is {rng.choice(COLOURS)}.", "factoid"
    if "why" in words:
        return f"Because {rng.choice(THINGS)} stood in the way.", "inference"
    if "first" in words or "before" in words or "after" in words:
        return rng.choice(
            ("The white one, by about a minute.", "Yes, it was there before.", "No, that came later.")
        ), "inference"
    if first in ("was", "were", "is", "are", "did", "does", "do", "has", "have", "had"):
        return rng.choice(("Yes.", "No.", "Yes, clearly.", "No, not at any time.")), "factoid"
    if first == "who":
        return f"Somebody with {rng.choice(THINGS)}.", "factoid"
    if first == "where":
        return f"Next to {rng.choice(THINGS)}.", "factoid"
    return f"{rng.choice(THINGS)}.", "factoid"
