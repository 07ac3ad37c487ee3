"""The tool ``face_recognition``: when was a person's face seen, or whose faces were.

Reads the rows of the analyzer ``faces``; the only pictures it looks at are an attached one and enrolment pictures whose
vectors the model in force still lacks. The answer is three-valued: *found*, *none* (with what was looked at), or
*cannot tell* (nothing indexed, too little of it, a face in the doubt band or too poor to compare). Every sentence is
made here, by code. Appearances bridge gaps of up to ``sightings.BRIDGE`` (1 second) in which the face was missed.

Owns the words. Who is who is decided in ``identity`` and ``sightings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viot_agent.errors import NameFault
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, PersonArg, TimeArg, ToolContext, tool
from viot_tools.saying import duration, names_words, span_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viot_agent.fleet.types import Camera, Window
    from viot_tools.faces.enrol import Kit
    from viot_tools.faces.looked import Looked
    from viot_tools.faces.sightings import Appearance, Found

NAME = "face_recognition"
LISTED = 12
"""Times named in one sentence; the rest is counted, and stands in the evidence."""


@tool(needs=("faces",), biometric=True, cost="index")
def face_recognition(
    ctx: ToolContext, person: PersonArg | None = None, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find when a person's face was seen, or list everyone whose face was seen.

    Not for: counting people (crowd_counting), finding people by clothes or walk, reading number plates.

    Args:
        person: enrolled name, or the handle of an attached picture of a face; omitted = every enrolled person seen.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    from viot_tools.faces.enrol import Kit
    from viot_tools.faces.gallery import enrolled, small_judge, uploaded, worn_judge
    from viot_tools.faces.identity import doubles
    from viot_tools.faces.looked import look
    from viot_tools.faces.sightings import Judge, Subject, decide, subjects

    where = _windows(ctx, cameras, time)
    kit = Kit.of(ctx.weights)
    model = kit.recogniser.model
    people: dict[str, NDArray[np.float32]]
    unusable: dict[str, str] = {}
    wanted = person
    if person is not None and ctx.attachment(person) is not None:
        people = {person: uploaded(ctx, person, kit)}
    else:
        if person is not None:
            try:
                wanted = ctx.fleet.resolve_person(person).name
            except NameFault as error:
                return _not_enrolled(ctx, error)
        people, unusable = enrolled(ctx, kit)
        if wanted is not None and wanted in unusable:
            return _observation(
                ctx,
                f"Cannot tell: {wanted} cannot be compared with the model {model}: {unusable[wanted]}",
                "cannot_tell",
                fix="viot person enroll with another picture",
            )
    looked = [look(ctx.library, c, w, ctx.request.now, "faces", model, ctx.fleet) for c, w in where]
    joint = kit.joint.model if kit.joint is not None else ""
    behind, gate = kit.worn.model if kit.worn is not None else "", kit.calibration.gate
    seen: list[list[Subject]] = []
    for entry in looked:
        c, w, fps = entry.camera, entry.window, entry.coverage.sampled_fps
        if entry.coverage.indexed_seconds > 0:
            seen.append(subjects(ctx.library, c.name, w.start, w.end, model, fps, joint=joint, worn=behind, gate=gate))
    small: Judge | None = None
    worn: Judge | None = None
    without: list[str] = []
    if any(subject.small for some in seen for subject in some):
        small, why = small_judge(ctx, kit, people)
        without += [why] if why else []
    if any(subject.worn for some in seen for subject in some):
        worn, why = worn_judge(ctx, kit, people)
        without += [why] if why else []
    found = [f for some in seen for f in decide(some, Judge(people, kit.calibration), small, worn)]
    report = _Report(ctx, kit, {c.name: c for c, _ in where}, looked, found, without)
    for name in [wanted] if wanted is not None else sorted(people):
        report.doubles |= {frozenset((name, other)) for other in doubles(name, people, kit.calibration)}
    if wanted is not None:
        return report.about(wanted)
    return report.everybody(unusable)


def _windows(ctx: ToolContext, cameras: Sequence[str] | None, time: str | None) -> list[tuple[Camera, Window]]:
    """The cameras and what the phrase means on each one's clock. Raises NameFault and TimeFault."""
    wanted = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    return [(camera, ctx.fleet.window(time, camera, ctx.request.now)) for camera in wanted]


def _not_enrolled(ctx: ToolContext, error: NameFault) -> Observation:
    """A name that is nobody's (or several people's): the person who asks must say more; calling again cannot help."""
    everyone = [p.name for p in ctx.library.people()]
    known = f"enrolled are {', '.join(everyone[:LISTED])}" if everyone else "nobody is enrolled"
    nearest = f"; nearest: {', '.join(error.nearest)}" if error.nearest else ""
    text = f"Cannot tell: {error.message}; {known}{nearest}. To enrol: viot person enroll NAME PICTURE --consent TEXT."
    return _observation(ctx, text, "cannot_tell", fix="viot person enroll NAME PICTURE --consent TEXT")


def _observation(ctx: ToolContext, text: str, verdict: Verdict, *, fix: str = "") -> Observation:
    return Observation(ctx.call_id, NAME, "ok", text, verdict, (Claim(text),), fix=fix)


@dataclass(slots=True)
class _Report:
    """Turns what was decided into sentences with evidence."""

    ctx: ToolContext
    kit: Kit
    cameras: dict[str, Camera]
    looked: list[Looked]
    found: list[Found]
    without: list[str] = field(default_factory=list)
    doubles: set[frozenset[str]] = field(default_factory=set)
    claims: list[Claim] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    # the two questions

    def about(self, who: str) -> Observation:
        """When was ``who`` seen?"""
        from viot_tools.faces.sightings import appearances

        mine = [a for a in appearances(self.found) if a.who == who]
        theirs = [f.subject for f in self.found if f.who == who]
        possible = [f for f in self.found if f.may_be(who) and not f.beside(theirs)]
        doubtful = [f for f in possible if not f.verdict.poor]
        poor = [f for f in possible if f.verdict.poor]
        self._appearances(mine)
        label = self._label(who)
        if mine:
            if doubtful:
                self._doubt(doubtful, f"{_count(len(doubtful), 'more face')} may be {label} too, cannot tell")
            self._problems()
            return self._finish("cannot_tell" if self.doubles else "found", mine)
        if not any(entry.coverage.indexed_seconds > 0 for entry in self.looked):
            self._problems(lead="Cannot tell: ")
            return self._finish("cannot_tell", mine)
        unsure = bool(possible) or any(entry.problem for entry in self.looked)
        lead = "Cannot tell: " if unsure else ""
        if doubtful:
            self._doubt(doubtful, f"{lead}{_count(len(doubtful), 'face')} may be {label}, and no picture settles it")
            lead = "Otherwise "
        blind = self.kit.detector.blind_to
        limit = f" (the detector {self.kit.detector.model} does not see {blind})" if blind else ""
        self._say(f"{lead}{label} was not recognised on {self._extent()}{limit}; {self._others(who)}")
        if poor:
            they = "it" if len(poor) == 1 else "they"
            self._say(f"{_count(len(poor), 'face')} cannot be compared ({_why(poor)}), so {they} may be {label}")
        self._problems()
        return self._finish("cannot_tell" if unsure else "none", mine)

    def everybody(self, unusable: dict[str, str]) -> Observation:
        """Who was seen?"""
        from viot_tools.faces.sightings import appearances, strangers, too_poor

        calibration = self.kit.calibration
        everyone = appearances(self.found)
        self._appearances(everyone)
        unknown = strangers(self.found, calibration)
        poor = too_poor(self.found, calibration)
        settled = {id(f) for group in unknown for f in group} | {id(f) for f in poor}
        doubtful = [f for f in self.found if f.who is None and id(f) not in settled]
        if unknown:
            best = [max(group, key=lambda f: max(look.quality for look in f.subject.looks)) for group in unknown]
            what = "unknown person was" if len(unknown) == 1 else "unknown people were"
            behind = sum(bool(f.subject.worn) for f in best)
            masks = f" ({_masked_words(behind, len(best))})" if behind else ""
            shown = [self._show(f, "unknown") for f in best]
            self._say(f"{len(unknown)} {what} seen on {self._where(best)}{masks}", shown)
        for name in sorted({f.verdict.who for f in doubtful}):
            some = [f for f in doubtful if f.verdict.who == name]
            self._doubt(some, f"{_count(len(some), 'face')} on {self._where(some)} may be {name}, cannot tell")
        if poor:
            self._say(f"{_count(len(poor), 'face')} on {self._where(poor)} cannot be told: {_why(poor)}")
        for name, why in unusable.items():
            self._say(f"{name} could not be looked for: {why}")
        indexed = any(entry.coverage.indexed_seconds > 0 for entry in self.looked)
        if not self.found and indexed:
            self._say(f"No face was seen on {self._extent()}")
        self._problems(lead="" if self.found else "Cannot tell: ")
        data = {"unknown": len(unknown), "undecided": len(doubtful) + len(poor)}
        if everyone or unknown:
            return self._finish("found", everyone, data)
        unsure = self.found or not indexed or any(entry.problem for entry in self.looked)
        return self._finish("cannot_tell" if unsure else "none", everyone, data)

    # sentences

    def _label(self, who: str) -> str:
        return f"the face in {who}" if self.ctx.attachment(who) is not None else who

    def _appearances(self, some: Sequence[Appearance]) -> None:
        groups: dict[tuple[str, str], list[Appearance]] = {}
        for a in some:
            groups.setdefault((a.who, a.camera), []).append(a)
        for (who, camera), group in groups.items():
            marks, times = [], []
            for a in group:
                shown = self._show(a.best, who, a.start, a.end)
                marks.append(shown)
                times.append(f"{self._span(a.start, a.end, camera)} [{shown}]")
            often = "once" if len(group) == 1 else f"{len(group)} times"
            more = f", and {len(times) - LISTED} more times" if len(times) > LISTED else ""
            self._say(f"{self._label(who)} was seen on {camera} {often}: {', '.join(times[:LISTED])}{more}", marks)
            behind = [mark for a, mark in zip(group, marks, strict=True) if a.best.subject.worn]
            if behind:
                listed = ", ".join(f"[{mark}]" for mark in behind[:LISTED])
                more = f" and {len(behind) - LISTED} more" if len(behind) > LISTED else ""
                self._say(f"the face in {listed}{more} wears a mask: it was compared by the eye region", behind)

    def _doubt(self, some: Sequence[Found], sentence: str) -> None:
        best = sorted(some, key=lambda f: (-f.verdict.score, f.subject.start))[:3]
        shown = [self._show(f, None) for f in best]
        times = ", ".join(
            f"{f.subject.camera} {self._span(f.subject.start, f.subject.end, f.subject.camera)} [{mark}]"
            for f, mark in zip(best, shown, strict=True)
        )
        more = f", and {len(some) - len(best)} more" if len(some) > len(best) else ""
        behind = sum(bool(f.subject.worn) for f in some)
        masks = f" ({_masked_words(behind, len(some))}, compared by the eye region)" if behind else ""
        self._say(f"{sentence}: {times}{more}{masks}", shown)

    def _problems(self, lead: str = "") -> None:
        for sentence in self.without:
            self._say(sentence)
        for pair in sorted(sorted(names) for names in self.doubles if self.found):
            self._say(
                f"{pair[0]} and {pair[1]} are enrolled with the same face, so it cannot be told which of the two was "
                "seen (remove one of them: viot person remove NAME)"
            )
        for entry in self.looked:
            if entry.problem:
                fix = f" ({entry.fix})" if entry.fix else ""
                self._say(f"{lead}{entry.problem}{fix}")

    def _extent(self) -> str:
        some = [e for e in self.looked if e.coverage.indexed_seconds > 0]
        seconds = sum(e.coverage.indexed_seconds for e in some)
        rates = [e.coverage.sampled_fps for e in some if e.coverage.sampled_fps > 0]
        rate = f", {min(rates):.2g} frames a second" if rates else ""
        return f"{names_words([e.camera.name for e in some])} in the {duration(seconds)} indexed{rate}"

    def _others(self, who: str) -> str:
        from viot_tools.faces.sightings import strangers, too_poor

        named = {f.who for f in self.found if f.who is not None}
        parts = [f"{', '.join(sorted(named))}"] if named else []
        unknown = len(strangers(self.found, self.kit.calibration))
        poor = len(too_poor(self.found, self.kit.calibration))
        # compared with the attached picture alone, somebody enrolled is no unknown person
        kind = "other" if self.ctx.attachment(who) is not None else "unknown"
        parts += [_count(unknown, f"{kind} person", f"{kind} people")] if unknown else []
        parts += [f"{_count(poor, 'face')} too poor to tell"] if poor else []
        return "seen there: " + ", ".join(parts) if parts else "no face was seen there"

    def _span(self, start: float, end: float, camera: str) -> str:
        return span_words(self.ctx.fleet, self.cameras[camera], start, end).removeprefix("from ")

    def _where(self, some: Sequence[Found]) -> str:
        return names_words(list(dict.fromkeys(f.subject.camera for f in some)))

    # evidence

    def _show(self, f: Found, who: str | None, start: float | None = None, end: float | None = None) -> str:
        """Evidence of one subject; returns its id. ``who`` None or "unknown" names nobody."""
        import numpy as np

        track = max(f.subject.tracks, key=lambda t: (len(t.ts), -t.id))
        crop = self.ctx.library.best_crop(track.id)
        at = crop[1] if crop else float(track.ts[len(track.ts) // 2])
        box = track.boxes[int(np.argmin(np.abs(track.ts - at)))]
        named = who if who != "unknown" else None
        evidence = Evidence(
            id=self.ctx.evidence_id(),
            camera=f.subject.camera,
            start=f.subject.start if start is None else start,
            end=f.subject.end if end is None else end,
            tool=NAME,
            model=f.calibration.model,
            model_version=track.model_version,
            track=str(track.id),
            who=named,
            score=f.verdict.score if f.verdict.scores else None,
            at=at,
            xyxy=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            crop_jpeg=crop[0] if crop else None,
            label=who or (f"may be {f.verdict.who}" if f.verdict.who else "face"),
        )
        self.evidence.append(evidence)
        return evidence.id

    def _say(self, sentence: str, evidence: Sequence[str] = ()) -> None:
        # a camera's or person's own name keeps its case; the words made here begin a sentence
        own = ("the face in ", "only ", "no ", "small faces ", "masked faces ")
        text = (sentence[0].upper() + sentence[1:] if sentence.startswith(own) else sentence) + "."
        self.claims.append(Claim(text, tuple(evidence)))

    def _finish(self, verdict: Verdict, some: Sequence[Appearance], data: dict[str, int] | None = None) -> Observation:
        from viot_tools.faces.looked import combine

        rows = [{"who": a.who, "camera": a.camera, "start": a.start, "end": a.end} for a in some]
        return Observation(
            call_id=self.ctx.call_id,
            tool=NAME,
            status="ok",
            summary=" ".join(c.text for c in self.claims),
            verdict=verdict,
            claims=tuple(self.claims),
            evidence=tuple(self.evidence),
            coverage=combine(self.looked),
            data={"appearances": rows, **(data or {})},
            fix=next((e.fix for e in self.looked if e.fix), ""),
        )


def _masked_words(masked: int, of: int) -> str:
    """``masked``, or ``2 of them masked``."""
    return "masked" if masked == of else f"{masked} of them masked"


def _count(n: int, word: str, plural: str = "") -> str:
    return f"{n} {word if n == 1 else plural or word + 's'}"


def _why(some: Sequence[Found]) -> str:
    """The reasons of poor faces, most frequent first."""
    words = [word for f in some for word in sorted(f.subject.reasons)]
    order = sorted(set(words), key=lambda w: (-words.count(w), w))
    return ", ".join(order) if order else "too poor"
