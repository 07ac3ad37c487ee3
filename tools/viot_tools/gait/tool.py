"""The tool ``gait_recognition``: when was the walker of an attached video seen, by the way they walk.

Reads the rows of the analyzer ``gait``; the only pictures it looks at are those of the attached video. Three-valued per
walk: *match*, *stranger*, or *cannot tell* between the two thresholds. A *no* needs coverage, and everybody who was
seen must have walked plainly enough to be compared. Every answer says that the model is validated in simulation only.

Owns the words. Thresholds live in ``net``, reading and judging in ``covered``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viot_agent.errors import RetryFault
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, PersonArg, TimeArg, ToolContext, tool
from viot_tools.covered import together
from viot_tools.saying import duration, names_words, problems_words, span_words

if TYPE_CHECKING:
    from viot_agent.fleet.types import Camera, Window
    from viot_tools.gait.covered import Found, Seen
    from viot_tools.gait.net import Thresholds
    from viot_tools.gait.query import Query

NAME = "gait_recognition"
LISTED = 10
"""Walks that get evidence of their own; the rest is counted."""
CAVEAT = "gait: validated in simulation only"


@tool(needs=("gait",), biometric=True, cost="footage")
def gait_recognition(
    ctx: ToolContext, person: PersonArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find a person by the way they walk: appearances of the walker in an attached video.

    Not for: pictures (face_recognition, person_reid), what people do (action_recognition).

    Args:
        person: the handle of an attached video of a walking person, or an enrolled name.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    from viot_tools.gait.net import GaitNet, thresholds
    from viot_tools.gait.query import walker_of
    from viot_tools.objects.analyzer import ObjectsAnalyzer

    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    windows = [(camera, ctx.fleet.window(time, camera, ctx.request.now)) for camera in chosen]
    attached = next((a for a in ctx.request.attachments if a.handle == person), None)
    if attached is None:
        from viot_tools.reid.query import HANDLE

        if HANDLE.match(person):
            there = [a.handle for a in ctx.request.attachments]
            attached_words = f"attached: {', '.join(there)}" if there else "nothing is attached"
            raise RetryFault(
                f"there is no {person} ({attached_words})",
                nearest=there,
                fix="attach a video of the walking person",
            )
        return _by_name(ctx, person)
    if attached.kind != "video":
        raise RetryFault(
            f"{person} is a picture, and nobody walks in a picture",
            fix="attach a video of the walking person, or use person_reid or face_recognition for a picture",
        )
    net = GaitNet.of(ctx.weights)
    query = walker_of(attached.path, person, ObjectsAnalyzer(ctx.weights), net)
    return answer(ctx, person, query, windows, thresholds(), net.model, net.model_version)


def answer(
    ctx: ToolContext,
    handle: str,
    query: Query,
    windows: Sequence[tuple[Camera, Window]],
    limits: Thresholds,
    model: str,
    model_version: str,
) -> Observation:
    """Compare the walker of ``handle`` with every walk stored by ``model`` in the windows, and say what came of it."""
    from viot_tools.gait.covered import compare, look
    from viot_tools.objects.detections import MODEL_OF_TIER

    detector = MODEL_OF_TIER[ctx.weights.tier]
    looked = [look(ctx, c, w, model) for c, w in windows]
    found = [compare(ctx.library, entry, model, query.vector, limits, detector) for entry in looked]
    return _Report(ctx, handle, query, found, {c.name: c for c, _ in windows}, model, model_version).tell()


def _by_name(ctx: ToolContext, name: str) -> Observation:
    """A name. People are enrolled by pictures, and no picture walks."""
    known = {p.name.casefold(): p.name for p in ctx.library.people()}.get(name.casefold())
    who = f"{known} is" if known else f"nobody's walk is known as {name!r}: people are"
    text = f"Cannot tell: {who} enrolled by face, not by gait; attach a video in which the person walks. {CAVEAT}."
    return Observation(
        ctx.call_id, NAME, "ok", text, "cannot_tell", (Claim(text),), fix="attach a video of the walking person"
    )


@dataclass(slots=True)
class _Report:
    """Turns what was compared into sentences with evidence."""

    ctx: ToolContext
    handle: str
    query: Query
    found: Sequence[Found]
    cameras: dict[str, Camera]
    model: str
    model_version: str
    claims: list[Claim] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def tell(self) -> Observation:
        """The answer."""
        seen = [s for f in self.found for s in f.seen]
        same = [s for s in seen if s.answer == "match"]
        doubt = [s for s in seen if s.answer == "cannot_tell"]
        who = f"the walker in {self.handle}"
        for camera in dict.fromkeys(s.camera for s in same):
            self._list(f"{who} was seen on {camera}", [s for s in same if s.camera == camera])
        if doubt:
            best = sorted(doubt, key=lambda s: -s.score)
            walks = "1 walk" if len(doubt) == 1 else f"{len(doubt)} walks"
            lead = f"{walks} more" if same else f"Cannot tell: {walks}"
            self._list(f"{lead} can be neither taken for that of {who} nor ruled out", best, 3, True)
        if not same:
            self._no(who, doubt)
        self._problems(bool(same))
        self._basis()
        covered = any(f.looked.coverage.indexed_seconds > 0 for f in self.found)
        unsure = doubt or any(f.looked.problem or f.incomparable for f in self.found) or not covered
        return self._finish("found" if same else "cannot_tell" if unsure else "none", same)

    def _no(self, who: str, doubt: Sequence[Seen]) -> None:
        good = [f for f in self.found if f.looked.coverage.indexed_seconds > 0]
        if not good:
            return
        seconds = sum(f.looked.coverage.indexed_seconds for f in good)
        rate = min(f.looked.coverage.sampled_fps for f in good)
        strangers = sum(s.answer == "stranger" for f in good for s in f.seen)
        incomparable = sum(f.incomparable for f in good)
        where = names_words([f.looked.camera.name for f in good])
        none = "no other walk" if doubt else "no walk"
        walks = f"{none} there could be compared" if not strangers else f"{_count(strangers, 'walk')} there "
        if strangers:
            walks += "is another person's" if strangers == 1 else "are other people's"
        lead = "otherwise " if doubt else "Cannot tell for certain: " if incomparable else ""
        self._say(
            f"{lead}{who} was not recognised on {where} in the {duration(seconds)} indexed "
            f"({rate:.2g} frames a second); {walks}"
        )
        if incomparable:
            what = "1 person was" if incomparable == 1 else f"{incomparable} people were"
            self._say(f"{what} seen there who did not walk long, whole and apart enough to be compared")

    def _list(self, lead: str, some: Sequence[Seen], most: int = LISTED, camera: bool = False) -> None:
        words, marks = [], []
        for s in some[:most]:
            mark = self._show(s)
            where = f"{s.camera} " if camera else ""
            words.append(f"{where}{self._span(s)} (cosine {s.score:.2f}, {_silhouettes(s.silhouettes)}) [{mark}]")
            marks.append(mark)
        more = f", and {len(some) - most} more" if len(some) > most else ""
        self._say(f"{lead}{':' if camera else ''} {', '.join(words)}{more}", marks)

    def _problems(self, found: bool) -> None:
        problems = [f.looked.problem for f in self.found if f.looked.problem]
        if problems:
            self._say(f"{'Cannot tell for the rest' if found else 'Cannot tell'}: {problems_words(problems)}")

    def _basis(self) -> None:
        q = self.query
        others = ""
        if q.others:
            others = f" (the one who walks longest; {_count(q.others, 'other person', 'other people')} walk there too)"
        short = ", of which the first minute was looked at" if q.cut else ""
        self._say(
            f"The walk was taken from {_silhouettes(q.silhouettes)} between {q.start:.1f} and {q.end:.1f} s of "
            f"{self.handle}{short}{others}. {CAVEAT}, so take a match as a hint and check it by eye"
        )

    def _span(self, s: Seen) -> str:
        return span_words(self.ctx.fleet, self.cameras[s.camera], s.start, s.end)

    def _show(self, s: Seen) -> str:
        """Evidence of one walk; returns its id."""
        crop, track = self.ctx.library.best_crop(s.longest), self.ctx.library.track(s.longest)
        at = crop[1] if crop else (s.start + s.end) / 2
        box = None if track is None else track.boxes[int(abs(track.ts - at).argmin())]
        piece = Evidence(
            id=self.ctx.evidence_id(),
            camera=s.camera,
            start=s.start,
            end=s.end,
            tool=NAME,
            model=self.model,
            model_version=self.model_version,
            track=str(s.longest),
            score=s.score,
            at=at,
            xyxy=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            crop_jpeg=crop[0] if crop else None,
            label=f"walker of {self.handle}" if s.answer == "match" else f"may be the walker of {self.handle}",
        )
        self.evidence.append(piece)
        return piece.id

    def _say(self, sentence: str, evidence: Sequence[str] = ()) -> None:
        text = sentence[0].upper() + sentence[1:] if sentence.startswith(("the ", "otherwise ", "only ")) else sentence
        self.claims.append(Claim(text + ".", tuple(evidence)))

    def _finish(self, verdict: Verdict, same: Sequence[Seen]) -> Observation:
        return Observation(
            call_id=self.ctx.call_id,
            tool=NAME,
            status="ok",
            summary=" ".join(c.text for c in self.claims),
            verdict=verdict,
            claims=tuple(self.claims),
            evidence=tuple(self.evidence),
            coverage=together([f.looked for f in self.found]),
            data={
                "appearances": [
                    {"camera": s.camera, "start": s.start, "end": s.end, "score": s.score, "silhouettes": s.silhouettes}
                    for s in same
                ],
                "undecided": sum(s.answer == "cannot_tell" for f in self.found for s in f.seen),
                "incomparable": sum(f.incomparable for f in self.found),
                "silhouettes": self.query.silhouettes,
            },
        )


def _silhouettes(n: int) -> str:
    from viot_tools.gait.analyzer import FULL

    return f"{FULL} silhouettes or more" if n >= FULL else f"{n} silhouettes"


def _count(n: int, word: str, plural: str = "") -> str:
    return f"{n} {word if n == 1 else plural or word + 's'}"
