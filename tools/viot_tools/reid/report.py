"""What both re-identification tools say: sentences with evidence, from the decision over everybody that was seen.

Three-valued: *found*; *none*, with what was looked at and how many were compared; *cannot tell*, where somebody stays
in the doubt band, could not be compared, or too little was indexed. Owns the words. Who is who is decided in
``identity``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from viot_agent.fleet.types import Camera, Window
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import ToolContext
from viot_tools.covered import Covered, covered_by, together
from viot_tools.reid.embed import Vectors
from viot_tools.reid.identity import Calibration, decide
from viot_tools.reid.sightings import Appearance, Crowd, Subject, appearances, beside, crowd
from viot_tools.saying import duration, names_words, problems_words, span_words

LISTED = 8
"""Times named in one sentence; the rest is counted, and stands in the evidence."""
POSSIBLE = 3
"""Doubtful ones that are shown."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is compared with what. ``purpose`` completes "was not searched for ..."; ``one``/``many`` name what is seen;
    ``by`` says what the likeness rests on; ``objects`` is the detector whose tracks are compared, ``blind`` what it
    does not see, '' where that is little: then a *no* may be said."""

    tool: str
    analyzer: str
    kind: str
    model: str
    objects: str
    purpose: str
    one: str
    many: str
    by: str
    blind: str = ""


@dataclass(slots=True)
class Report:
    """Looks at cameras one by one and turns what was decided into one observation."""

    ctx: ToolContext
    search: Search
    label: str
    model_version: str
    calibration: Calibration
    looked: list[Covered] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def look(self, camera: Camera, window: Window, query: Vectors) -> None:
        """Compare everybody in one camera's rows with ``query`` (D,), of length 1."""
        search = self.search
        entry = covered_by(self.ctx, camera, window, search.analyzer, search.purpose, search.model)
        self.looked.append(entry)
        seen = Crowd((), np.zeros(0), 0)
        if entry.looked:
            # who lies under both bounds can be nobody, however many are compared
            least = min(self.calibration.lower, self.calibration.levels[0] + self.calibration.upper(1))
            kinds = (search.kind, search.model, search.objects)
            seen = crowd(self.ctx.library, camera.name, window.start, window.end, kinds, query, least)
        self.crowds.append(seen)

    def about(self, notes: Sequence[str] = (), *, sure: bool = True) -> Observation:
        """Was it seen? ``notes`` are sentences that come first; without ``sure`` nothing is ruled out, because nobody
        knows that the picture shows what was asked for."""
        some = [s for c in self.crowds for s in c.subjects]
        compared = sum(len(c.compared) for c in self.crowds)
        scores = np.array([s.score for s in some], np.float64)
        levels = np.array([self.calibration.level(c.compared) for c in self.crowds for _ in c.subjects])
        said = decide(scores, lambda i, j: beside(some[i], some[j]), self.calibration, compared, levels)
        same = [s for s, a in zip(some, said, strict=True) if a == "same"]
        unsure = [s for s, a in zip(some, said, strict=True) if a == "unsure"]
        for note in notes:
            self._say(note)
        found = appearances(same)
        self._found(found)
        without = sum(c.without for c in self.crowds)
        problems = [entry.problem for entry in self.looked if entry.problem]
        if found:
            if unsure:
                self._doubt(unsure, f"{self._count(len(unsure), 'more ')} may be too, cannot tell")
            self._problems(problems, "")
            return self._finish("found", found, compared, len(unsure))
        if not any(entry.looked for entry in self.looked):
            self._problems(problems, "Cannot tell: ")
            return self._finish("cannot_tell", found, 0, 0)
        open_question = bool(unsure or without or problems or not sure or self.search.blind)
        lead = "Cannot tell for certain: " if open_question else ""
        if unsure:
            may = f"may be {self.label}, and {self.search.by} alone cannot settle it"
            self._doubt(unsure, f"Cannot tell: {self._count(len(unsure))} {may}")
            lead = "Otherwise "
        self._say(f"{lead}{self.label} was not seen on {self._extent()}; {self._compared(compared)}")
        if without:
            self._say(f"{self._count(without)} could not be compared (too small, or seen too briefly)")
        if self.search.blind:
            self._say(f"{self.search.objects} misses {self.search.blind}; viot models pull gets a better detector")
        self._problems(problems, "")
        return self._finish("cannot_tell" if open_question else "none", found, compared, len(unsure))

    def cannot(self, text: str, fix: str = "") -> Observation:
        """An observation that says only why nothing can be told."""
        self._say(f"Cannot tell: {text}")
        return replace(self._finish("cannot_tell", [], 0, 0), fix=fix)

    # sentences

    def _found(self, found: Sequence[Appearance]) -> None:
        for camera in dict.fromkeys(a.camera for a in found):
            group = [a for a in found if a.camera == camera]
            marks = [self._show(a.best, a.start, a.end, self.label) for a in group]
            times = [f"{self._span(a.camera, a.start, a.end)} [{mark}]" for a, mark in zip(group, marks, strict=True)]
            often = "once" if len(group) == 1 else f"{len(group)} times"
            more = f", and {len(times) - LISTED} more times" if len(times) > LISTED else ""
            what = f"{self.label} was seen on {camera} {often}: {', '.join(times[:LISTED])}{more}"
            self._say(f"{what}; by {self.search.by}, which others may share", marks)

    def _doubt(self, some: Sequence[Subject], sentence: str) -> None:
        best = sorted(some, key=lambda s: (-s.score, s.start))[:POSSIBLE]
        marks = [self._show(s, s.start, s.end, f"may be {self.label}") for s in best]
        times = ", ".join(
            f"{s.camera} {self._span(s.camera, s.start, s.end)} [{mark}]" for s, mark in zip(best, marks, strict=True)
        )
        more = f", and {len(some) - len(best)} more" if len(some) > len(best) else ""
        self._say(f"{sentence}: {times}{more}", marks)

    def _problems(self, problems: Sequence[str], lead: str) -> None:
        if problems:
            self._say(f"{lead or 'Cannot tell for the rest: '}{problems_words(problems)}")

    def _extent(self) -> str:
        some = [entry for entry in self.looked if entry.looked]
        seconds = sum(entry.coverage.indexed_seconds for entry in some)
        where = names_words([entry.camera.name for entry in some])
        rate = min((e.coverage.sampled_fps for e in some if e.coverage.sampled_fps > 0), default=0.0)
        return f"{where} in the {duration(seconds)} indexed ({rate:g} frames a second)"

    def _compared(self, n: int) -> str:
        if not n:
            return f"no {self.search.one} that can be compared was seen there"
        return f"{self._count(n)} seen there {'was' if n == 1 else 'were'} compared by {self.search.by}"

    def _count(self, n: int, more: str = "") -> str:
        return f"{n} {more}{self.search.one if n == 1 else self.search.many}"

    def _span(self, camera: str, start: float, end: float) -> str:
        there = next(entry.camera for entry in self.looked if entry.camera.name == camera)
        if end - start < 1.0:
            return f"at {self.ctx.fleet.local(start, there)}"
        return span_words(self.ctx.fleet, there, start, end)

    def _say(self, text: str, marks: Sequence[str] = ()) -> None:
        # a camera's, a picture's or a person's own name keeps its case
        text = text[0].upper() + text[1:] if text.startswith(("the ", "no ", "only ", "somebody ")) else text
        self.claims.append(Claim(text if text.endswith(".") else f"{text}.", tuple(marks)))

    # evidence

    def _show(self, subject: Subject, start: float, end: float, label: str) -> str:
        """Evidence of one subject; returns its id. Nobody is named: the likeness is of clothes, not of a person."""
        hit = subject.best
        crop, track = self.ctx.library.best_crop(hit.track, near=hit.ts), self.ctx.library.track(hit.track)
        at = crop[1] if crop else hit.ts
        box = None if track is None else track.boxes[int(np.abs(track.ts - at).argmin())]
        piece = Evidence(
            id=self.ctx.evidence_id(),
            camera=subject.camera,
            start=start,
            end=end,
            tool=self.search.tool,
            model=self.search.model,
            model_version=self.model_version,
            track=str(hit.track),
            score=round(subject.score, 4),
            at=at,
            xyxy=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            crop_jpeg=crop[0] if crop else None,
            label=label,
        )
        self.evidence.append(piece)
        return piece.id

    def _finish(self, verdict: Verdict, found: Sequence[Appearance], compared: int, unsure: int) -> Observation:
        data: dict[str, Any] = {
            "appearances": [
                {"camera": a.camera, "start": a.start, "end": a.end, "score": round(a.score, 4)} for a in found
            ],
            "compared": compared,
            "undecided": unsure,
        }
        return Observation(
            call_id=self.ctx.call_id,
            tool=self.search.tool,
            status="ok",
            summary=" ".join(claim.text for claim in self.claims),
            verdict=verdict,
            claims=tuple(self.claims),
            evidence=tuple(self.evidence),
            coverage=together(self.looked) if self.looked else None,
            data=data,
        )
