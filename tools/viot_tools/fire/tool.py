"""The tool ``fire_smoke_detection``: where and when something burned or smoked, from the events written at ingest.

Three-valued: *found* for what won the vote and moves; *cannot tell* for what looks like fire but stands still (a
poster, a lamp, a screen), and where too little was looked at; *none* with what was looked at. Every sentence is made
by code.

Owns the words; whether enough was looked at is judged in ``covered``. Nothing here looks at pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import Event
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, TimeArg, ToolContext, tool
from viot_tools.covered import Covered, covered, together
from viot_tools.fire.border import across, edge_kind
from viot_tools.fire.names import ANALYZER, KINDS, MODEL
from viot_tools.saying import duration, names_words, problems_words, span_words

NAME = "fire_smoke_detection"
LISTED = 10
"""Events that get a sentence and evidence of their own; the rest is counted."""
APART = 3.0
"""Seconds without fire between two events that are told as one (also across the border of two segments)."""
AROUND = 60.0
"""Seconds around the window from which segments' ends are read; a vote's window is far shorter but in time lapses."""
GREW = 2.0
"""Times the area at the start from which an event is said to have grown."""


@tool(needs=("fire",))
def fire_smoke_detection(
    ctx: ToolContext, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Detect fire and smoke: when and where something burned, smouldered or smoked.

    Not for: steam or fog as weather, other trouble (anomaly_detection).

    Args:
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    report = _Report(ctx)
    for camera in ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope):
        report.look(camera, ctx.fleet.window(time, camera, ctx.request.now))
    return report.observation()


@dataclass(frozen=True, slots=True)
class _Looked:
    """One camera: what was looked at, and what was found in it."""

    covered: Covered
    events: tuple[Event, ...]

    @property
    def camera(self) -> Camera:
        return self.covered.camera

    @property
    def window(self) -> Window:
        return self.covered.window


def joined(events: Sequence[Event]) -> list[Event]:
    """Events of one kind and camera, by time, with those less than ``APART`` seconds apart made one."""
    made: list[Event] = []
    last: dict[str, int] = {}  # kind -> where its latest stretch stands in ``made``
    for event in sorted(events, key=lambda e: e.start):
        at = last.get(event.kind)
        if at is None or event.start - made[at].end >= APART:
            last[event.kind] = len(made)
            made.append(event)
            continue
        before = made[at]
        best = before if before.score >= event.score else event
        data = {
            **best.data,
            "after": best.start + float(best.data["after"]) - before.start,
            "frames": int(before.data["frames"]) + int(event.data["frames"]),
            "positive": int(before.data["positive"]) + int(event.data["positive"]),
            "moves": bool(before.data["moves"] or event.data["moves"]),
            "alone": bool(before.data["alone"] and event.data["alone"]),
            "grew": before.data["grew"],
        }
        made[at] = replace(
            best, start=before.start, end=max(before.end, event.end), score=max(before.score, event.score), data=data
        )
    return made


@dataclass(slots=True)
class _Report:
    """Collects what the cameras gave and turns it into sentences with evidence."""

    ctx: ToolContext
    looked: list[_Looked] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def look(self, camera: Camera, window: Window) -> None:
        """Read one camera's rows; which model's, where several indexed it: see ``covered``."""
        entry = covered(self.ctx, camera, window, ANALYZER, "fire and smoke", MODEL)
        rows = [e for k in KINDS for e in self._rows(k, camera, window) if e.model == entry.model]
        events = joined(rows)
        events.sort(key=lambda e: (not e.data["moves"], e.start, e.kind))
        self.looked.append(_Looked(entry, tuple(events)))

    def _rows(self, kind: str, camera: Camera, window: Window) -> list[Event]:
        """The events of a kind in the window, also those that only two segments together make."""
        start, end = window.start, window.end
        # the other side of a border may lie outside of the window
        low, high = None if start is None else start - AROUND, None if end is None else end + AROUND
        ends = self.ctx.library.events(edge_kind(kind), [camera.name], low, high)
        over = [e for model in {e.model for e in ends} for e in across(kind, [e for e in ends if e.model == model])]
        inside = [e for e in over if (start is None or e.end > start) and (end is None or e.start < end)]
        return [*self.ctx.library.events(kind, [camera.name], start, end), *inside]

    def observation(self) -> Observation:
        """The whole answer."""
        every = [(one, event) for one in self.looked for event in one.events]
        sure = [(one, event) for one, event in every if event.data["moves"]]
        unsure = [(one, event) for one, event in every if not event.data["moves"]]
        for one, event in [*sure, *unsure][:LISTED]:
            self._event(one, event)
        if len(every) > LISTED:
            self._say(f"There are {len(every) - LISTED} more such stretches")
        self._nothing()
        verdict: Verdict = "none"
        if sure:
            verdict = "found"
        elif unsure or any(one.covered.problem for one in self.looked):
            verdict = "cannot_tell"
        return self._finish(verdict, every)

    # sentences

    def _say(self, text: str, *ids: str) -> None:
        self.claims.append(Claim(text if text.endswith(".") else text + ".", ids))

    def _event(self, one: _Looked, event: Event) -> None:
        """One stretch. An event that began before the window is told from the window's start on."""
        start = event.start if one.window.start is None else max(event.start, one.window.start)
        end = event.end if one.window.end is None else min(event.end, one.window.end)
        data = event.data
        at = event.start + float(data["after"])
        at = at if start <= at <= end else (start + end) / 2
        box = data["xyxy"] if at == event.start + float(data["after"]) else None
        piece = Evidence(
            id=self.ctx.evidence_id(),
            camera=one.camera.name,
            start=start,
            end=max(end, start),
            tool=NAME,
            model=event.model,
            model_version=event.model_version,
            score=event.score,
            at=at,
            xyxy=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            label=event.kind if data["moves"] else f"{event.kind}?",
        )
        self.evidence.append(piece)
        when = span_words(self.ctx.fleet, one.camera, start, end)
        if end - start < 1.0:
            when = f"at {self.ctx.fleet.local(start, one.camera)}"
        how = f"score {event.score:.2f}, in {data['positive']} of {data['frames']} frames"
        name, id = one.camera.name, piece.id
        if data["moves"]:
            grew = f", growing to {data['grew']:.1f} times its size" if (data["grew"] or 0) >= GREW else ""
            self._say(f"{event.kind.capitalize()} was seen on {name} {when} ({how}{grew}) [{id}]", id)
        elif data["alone"]:
            self._say(
                f"Cannot tell whether {name} shows real {event.kind}: one picture {when} looks like it ({how}), and no "
                f"second one shows whether it moves [{id}]",
                id,
            )
        else:
            self._say(
                f"Cannot tell whether {name} shows real {event.kind}: something looks like it {when} ({how}) but does "
                f"not move, as a picture or a lamp would not [{id}]",
                id,
            )

    def _nothing(self) -> None:
        """What a *none* rests on, and where the rest of the time cannot be spoken for."""
        good = [one for one in self.looked if not one.events and one.covered.looked]
        if good:
            seconds = sum(one.covered.coverage.indexed_seconds for one in good)
            rate = min(one.covered.coverage.sampled_fps for one in good)
            where = names_words(list(dict.fromkeys(one.camera.name for one in good)))
            self._say(
                f"No fire or smoke was seen on {where} in the {duration(seconds)} of footage that was looked at "
                f"({self._span(good)}; {rate:g} frames a second sampled)"
            )
        problems = [one.covered.problem for one in self.looked if one.covered.problem]
        if problems:
            lead = "Cannot tell for certain" if any(one.covered.looked for one in self.looked) else "Cannot tell"
            self._say(f"{lead}: {problems_words(problems)}")

    def _span(self, good: Sequence[_Looked]) -> str:
        """What the looked-at footage spans, per camera, at most three named."""
        parts = []
        for one in good[:3]:
            spans, gaps = self.ctx.library.spans(one.camera.name), one.covered.coverage.gaps
            low = spans[0][0] if one.window.start is None else one.window.start
            high = spans[-1][1] if one.window.end is None else one.window.end
            # ``spans`` are any analyzer's; what this one left out at either end is no part of what was looked at
            low = max([low, *(b for _, a, b in gaps if a <= low)])
            high = min([high, *(a for _, a, b in gaps if b >= high)])
            where = f"{one.camera.name} " if len(good) > 1 else ""
            parts.append(where + span_words(self.ctx.fleet, one.camera, low, high))
        more = f" and {len(good) - 3} more cameras" if len(good) > 3 else ""
        return ", ".join(parts) + more

    def _finish(self, verdict: Verdict, every: Sequence[tuple[_Looked, Event]]) -> Observation:
        return Observation(
            call_id=self.ctx.call_id,
            tool=NAME,
            status="ok",
            summary=" ".join(claim.text for claim in self.claims),
            verdict=verdict,
            claims=tuple(self.claims),
            evidence=tuple(self.evidence),
            coverage=together([one.covered for one in self.looked]),
            data={
                "events": [
                    {
                        "kind": event.kind,
                        "camera": one.camera.name,
                        "start": event.start,
                        "end": event.end,
                        "score": event.score,
                        "moves": bool(event.data["moves"]),
                    }
                    for one, event in every
                ]
            },
        )
