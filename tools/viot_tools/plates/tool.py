"""The tool ``plate_recognition``: when was a plate seen, or which plates were.

Reads the rows of the analyzer ``plates``; nothing here looks at pixels. Three-valued: *found* only where the vote over
a passage gives exactly the plate asked for; a plate one misread character away is told as similar, never as a match;
*none* comes with what was looked at, and is *cannot tell* where too little was, or where a vehicle was seen of which no
plate was read: it may be that one. Every sentence is made here, by code.

Owns the words and the judgement "looked at enough". Which readings are one sighting is decided in ``sightings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from viot_agent.errors import RetryFault
from viot_agent.fleet.plates import normalise_plate
from viot_agent.fleet.types import Camera, Window
from viot_agent.steps import Claim, Coverage, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, PlateArg, TimeArg, ToolContext, tool
from viot_tools.covered import problem
from viot_tools.plates.sightings import Sighting, sightings
from viot_tools.plates.unread import Vehicle, unread
from viot_tools.saying import span_words

NAME = "plate_recognition"
ANALYZER = "plates"
LISTED = 10
"""Sightings that get a sentence and evidence of their own; the rest is counted."""
EXAMPLES = 3
"""Vehicles without a read plate that are shown."""


@tool(needs=("plates",))
def plate_recognition(
    ctx: ToolContext, plate: PlateArg | None = None, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find when a number plate was seen, or list every plate that was read.

    Not for: finding a vehicle by colour or look, counting vehicles, recognising people (face_recognition).

    Args:
        plate: the number plate asked about; omitted = every plate that was read.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    wanted = None if plate is None else normalise_plate(plate)
    if wanted is not None and not 2 <= len(wanted) <= 12:
        raise RetryFault(f"{plate!r} is no number plate", fix="give its letters and digits, or omit it for every plate")
    report = _Report(ctx)
    for camera in ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope):
        report.look(camera, ctx.fleet.window(time, camera, ctx.request.now))
    if wanted is None:
        return report.everything()
    assert plate is not None
    return report.about(" ".join(plate.split()), wanted)


@dataclass(frozen=True, slots=True)
class _Looked:
    """One camera. ``problem`` says why a *no* cannot be given there, '' where it can."""

    camera: Camera
    window: Window
    coverage: Coverage
    problem: str
    found: tuple[Sighting, ...]
    unread: tuple[Vehicle, ...]


@dataclass(slots=True)
class _Report:
    """Collects what the cameras gave and turns it into sentences with evidence."""

    ctx: ToolContext
    looked: list[_Looked] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def look(self, camera: Camera, window: Window) -> None:
        """Read one camera's rows. Where several models indexed it, the one that covers most of the window speaks."""
        library, name = self.ctx.library, camera.name
        covered = [
            (library.coverage(ANALYZER, [name], window.start, window.end, model=model), model)
            for model in library.models(ANALYZER, [name])
        ]
        coverage, model = max(
            covered,
            key=lambda c: c[0].indexed_seconds,
            default=(library.coverage(ANALYZER, [name], window.start, window.end), None),
        )
        found: list[Sighting] = []
        without: list[Vehicle] = []
        if coverage.indexed_seconds > 0:
            found = sightings(library, name, window.start, window.end, model)
            without = unread(self.ctx, camera, window, model)
        why = self._problem(camera, window, coverage)
        self.looked.append(_Looked(camera, window, coverage, why, tuple(found), tuple(without)))

    def about(self, said: str, wanted: str) -> Observation:
        """Was this plate seen?"""
        every = [(one, s) for one in self.looked for s in one.found]
        same = [(one.camera, s) for one, s in every if s.match(wanted) == "same"]
        similar = [(one.camera, s) for one, s in every if s.match(wanted) == "similar"]
        for camera, sighting in same[:LISTED]:
            self._sighting(f"{said} was read", camera, sighting)
        self._rest(len(same), f"{said} was read")
        if not same and similar:
            self._say(f"Cannot tell whether {said} was seen: no reading says exactly that")
        for camera, sighting in similar[:LISTED]:
            self._sighting(f"A similar plate, {sighting.text}, was read", camera, sighting)
        self._rest(len(similar), "Similar plates were read")
        if same:
            return self._finish("found", same)
        vehicles = self._unread()
        self._coverage(f"{'Cannot tell: ' if vehicles and not similar else ''}{said} was not read", similar)
        self._vehicles(said)
        return self._finish(self._no(similar), similar)

    def everything(self) -> Observation:
        """Which plates were read?"""
        every = [(one.camera, s) for one in self.looked for s in one.found]
        texts = list(dict.fromkeys(s.text for _, s in every))
        if texts:
            number = "1 plate was read" if len(texts) == 1 else f"{len(texts)} different plates were read"
            self._say(f"{number} on {self._names([c for c, _ in every])}")
        # grouped by text, in the order of first sight
        ordered = [pair for text in texts for pair in every if pair[1].text == text]
        for camera, sighting in ordered[:LISTED]:
            self._sighting(sighting.text, camera, sighting)
        self._rest(len(ordered), "Plates were read")
        if every:
            self._vehicles(more=True)
            for one in self.looked:
                if one.problem:
                    self._say(one.problem)
            return self._finish("found", every)
        self._coverage("No plate was read", [])
        self._vehicles()
        return self._finish("cannot_tell" if any(one.problem for one in self.looked) else "none", [])

    # sentences

    def _say(self, text: str, *ids: str) -> None:
        self.claims.append(Claim(text if text.endswith(".") else text + ".", ids))

    def _sighting(self, lead: str, camera: Camera, sighting: Sighting) -> None:
        piece = self._piece(sighting)
        when = self._when(camera, sighting)
        reads = "1 reading" if sighting.moments == 1 else f"{sighting.moments} readings"
        reserve = "" if sighting.sure else "; the reading is uncertain"
        self._say(
            f"{lead} on {camera.name} {when} ({reads}, score {sighting.voted.score:.2f}{reserve}) [{piece.id}]",
            piece.id,
        )

    def _when(self, camera: Camera, sighting: Sighting) -> str:
        if sighting.end - sighting.start < 1.0:
            return f"at {self.ctx.fleet.local(sighting.best.ts, camera)}"
        return span_words(self.ctx.fleet, camera, sighting.start, sighting.end)

    def _piece(self, sighting: Sighting) -> Evidence:
        best = sighting.best
        piece = Evidence(
            id=self.ctx.evidence_id(),
            camera=sighting.camera,
            start=sighting.start,
            end=sighting.end,
            tool=NAME,
            model=best.model,
            model_version=best.model_version,
            track=str(best.track),
            who=sighting.text,
            score=sighting.voted.score,
            at=best.ts,
            xyxy=best.xyxy,
            crop_jpeg=best.jpeg or None,
            label=sighting.text,
        )
        self.evidence.append(piece)
        return piece

    def _unread(self) -> list[Vehicle]:
        return [vehicle for one in self.looked for vehicle in one.unread]

    def _vehicles(self, said: str = "", more: bool = False) -> None:
        """How many vehicles went by unread, any of which may be ``said``; the largest in the picture as examples."""
        every = self._unread()
        if not every:
            return
        shown = sorted(sorted(every, key=lambda v: -v.widest[0])[:EXAMPLES], key=lambda v: (v.start, v.camera.name))
        pieces = [self._vehicle(vehicle) for vehicle in shown]
        several = len({v.camera.name for v in every}) > 1
        parts = []
        for v, piece in zip(shown, pieces, strict=True):
            where = f"on {v.camera.name} " if several else ""
            parts.append(f"{where}{span_words(self.ctx.fleet, v.camera, v.start, v.end)} [{piece.id}]")
        seen, one = f"seen on {self._names([v.camera for v in every])}", len(every) == 1
        if said:
            which = "a vehicle" if one else f"one of about {len(every)} vehicles"
            text = f"{said} may be on {which} {seen} whose {'plate was' if one else 'plates were'} not read"
        else:
            also = " more" if more else ""
            which = f"plate of 1{also} vehicle" if one else f"plates of about {len(every)}{also} vehicles"
            text = f"The {which} {seen} {'was' if one else 'were'} not read"
        example = "for example " if len(every) > len(shown) else ""
        self._say(f"{text}: {example}{', '.join(parts)}", *(piece.id for piece in pieces))

    def _vehicle(self, vehicle: Vehicle) -> Evidence:
        _, track, index = vehicle.widest
        crop = self.ctx.library.best_crop(track.id)
        x0, y0, x1, y1 = (float(v) for v in track.boxes[index])
        piece = Evidence(
            id=self.ctx.evidence_id(),
            camera=vehicle.camera.name,
            start=vehicle.start,
            end=vehicle.end,
            tool=NAME,
            model=track.model,
            model_version=track.model_version,
            track=str(track.id),
            score=float(track.scores.max()),
            at=float(track.ts[index]),
            xyxy=(x0, y0, x1, y1),
            crop_jpeg=crop[0] if crop else None,
            label=f"{track.label}, plate not read",
        )
        self.evidence.append(piece)
        return piece

    def _rest(self, n: int, what: str) -> None:
        if n > LISTED:
            self._say(f"{what} {n - LISTED} more times")

    def _problem(self, camera: Camera, window: Window, coverage: Coverage) -> str:
        """Why the absence of a plate cannot be told for this camera, or ''."""
        return problem(self.ctx, camera, window, coverage, ANALYZER, "plates")

    def _coverage(self, lead: str, similar: Sequence[tuple[Camera, Sighting]]) -> None:
        """What a *no* rests on, and where none can be given."""
        good = [one for one in self.looked if one.coverage.indexed_seconds > 0]
        if good:
            seconds = sum(one.coverage.indexed_seconds for one in good)
            rate = min(one.coverage.sampled_fps for one in good)
            also = " exactly so" if similar else ""
            where = self._names([one.camera for one in good])
            self._say(
                f"{lead}{also} on {where} in the {_length(seconds)} of footage that was looked at "
                f"({self._span(good)}; {rate:g} frames a second sampled)"
            )
        problems = [one.problem for one in self.looked if one.problem]
        if problems:
            self._say(f"{'Cannot tell for certain' if good else 'Cannot tell'}: {'; '.join(problems)}")

    def _span(self, good: Sequence[_Looked]) -> str:
        """What the looked-at footage spans, per camera, at most three named."""
        parts = []
        for one in good[:3]:
            spans = self.ctx.library.spans(one.camera.name)
            low = max([spans[0][0], *([one.window.start] if one.window.start is not None else [])])
            high = min([spans[-1][1], *([one.window.end] if one.window.end is not None else [])])
            where = f"{one.camera.name} " if len(good) > 1 else ""
            parts.append(where + span_words(self.ctx.fleet, one.camera, low, high))
        more = f" and {len(good) - 3} more cameras" if len(good) > 3 else ""
        return ", ".join(parts) + more

    def _no(self, similar: Sequence[tuple[Camera, Sighting]]) -> Verdict:
        return "cannot_tell" if similar or any(one.problem or one.unread for one in self.looked) else "none"

    @staticmethod
    def _names(cameras: Sequence[Camera]) -> str:
        names = list(dict.fromkeys(c.name for c in cameras))
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    def _finish(self, verdict: Verdict, pairs: Sequence[tuple[Camera, Sighting]]) -> Observation:
        each = [one.coverage for one in self.looked]
        starts, ends = [one.window.start for one in self.looked], [one.window.end for one in self.looked]
        return Observation(
            call_id=self.ctx.call_id,
            tool=NAME,
            status="ok",
            summary=" ".join(claim.text for claim in self.claims),
            verdict=verdict,
            claims=tuple(self.claims),
            evidence=tuple(self.evidence),
            coverage=Coverage(
                cameras=tuple(one.camera.name for one in self.looked),
                start=None if None in starts else min(s for s in starts if s is not None),
                end=None if None in ends else max(e for e in ends if e is not None),
                indexed_seconds=sum(c.indexed_seconds for c in each),
                fraction=min(c.fraction for c in each),
                sampled_fps=min((c.sampled_fps for c in each if c.sampled_fps > 0), default=0.0),
                gaps=tuple(gap for c in each for gap in c.gaps),
            ),
            data={
                "sightings": [
                    {"plate": s.text, "camera": c.name, "start": s.start, "end": s.end, "score": s.voted.score}
                    for c, s in pairs
                ],
                "unread": len(self._unread()),
            },
        )


def _length(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
