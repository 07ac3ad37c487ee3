"""The tool ``crowd_counting``: how many people were in view, from the counts that were written at ingest.

Owns the reading of counts and the sentences. Counting is done by the analyzer; nothing here looks at pixels. Where two
models have indexed a camera, the one that covers more of the window speaks, the tier in force first among equals.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

import numpy as np

from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import Count, Track
from viot_agent.steps import Claim, Coverage, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, TimeArg, ToolContext, tool
from viot_tools.objects.counts import believed
from viot_tools.objects.detections import MODEL_OF_TIER, PERSON
from viot_tools.saying import footage_words, none_words, people_words, share_words, span_words

ANALYZER = "objects"
ENOUGH = 0.9
"""Share of the recorded time that must have been indexed before a count is given."""
CURVE_POINTS = 200
AROUND = 2.0
"""Seconds of evidence before and after the busiest moment."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one camera gave. ``least`` to ``most`` people, or None for all of them when nothing can be told."""

    camera: Camera
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    least: int | None = None
    most: int | None = None
    typical: float | None = None
    peak: float | None = None
    different: int | None = None
    curve: tuple[tuple[float, int], ...] = ()

    @property
    def claim(self) -> Claim:
        return Claim(self.sentence, tuple(e.id for e in self.evidence))


@tool(needs=("objects",))
def crowd_counting(ctx: ToolContext, cameras: CamerasArg | None = None, time: TimeArg | None = None) -> Observation:
    """Count people in view: least, most and typical number, when it was busiest, how many different ones passed.

    Not for: finding one person (face_recognition), counting vehicles, reading number plates (plate_recognition).

    Args:
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    windows = [ctx.fleet.window(time, camera, ctx.request.now) for camera in chosen]
    findings = [_look(ctx, camera, window) for camera, window in zip(chosen, windows, strict=True)]
    return Observation(
        call_id=ctx.call_id,
        tool="crowd_counting",
        status="ok",
        summary=" ".join(f.sentence for f in findings),
        verdict=_verdict(findings),
        claims=tuple(f.claim for f in findings),
        evidence=tuple(e for f in findings for e in f.evidence),
        coverage=_coverage(ctx, chosen, windows),
        data={
            "cameras": {
                f.camera.name: {
                    "min": f.least,
                    "max": f.most,
                    "typical": f.typical,
                    "max_at": f.peak,
                    "different": f.different,
                }
                for f in findings
                if f.most is not None
            },
            "curve": {f.camera.name: [list(point) for point in f.curve] for f in findings if f.most is not None},
            "untold": [f.camera.name for f in findings if f.most is None],
        },
    )


def _verdict(findings: Sequence[_Finding]) -> Verdict:
    """Found anywhere is found; nobody is *none* only where every camera could be told of."""
    if any(f.most for f in findings):
        return "found"
    return "none" if all(f.most is not None for f in findings) else "cannot_tell"


def _coverage(ctx: ToolContext, cameras: Sequence[Camera], windows: Sequence[Window]) -> Coverage:
    """Over all cameras; their windows differ only by time zone, so the widest stands for all."""
    starts = [w.start for w in windows]
    ends = [w.end for w in windows]
    low = None if None in starts else min(s for s in starts if s is not None)
    high = None if None in ends else max(e for e in ends if e is not None)
    return ctx.library.coverage(ANALYZER, [c.name for c in cameras], low, high)


def _look(ctx: ToolContext, camera: Camera, window: Window) -> _Finding:
    """One camera's sentence, with its evidence."""
    spans = ctx.library.spans(camera.name)
    model, looked = _model(ctx, camera, window)
    if model is None or looked is None or looked.indexed_seconds <= 0:
        why = footage_words(ctx.fleet, camera, spans)
        if spans and window.phrase:
            why += f", and {none_words(ctx.fleet, camera, window)}"
        if spans and ctx.library.footage(camera.name, *_bounds(window, spans)):
            why = f"{camera.name} was not searched for people then: viot index {shlex.quote(camera.name)}"
        return _Finding(camera, f"Cannot tell: {why}.")
    if looked.fraction < ENOUGH:
        how = f"viot index {shlex.quote(camera.name)}"
        return _Finding(
            camera,
            f"Cannot tell: only {share_words(looked.fraction)} of what {camera.name} recorded is indexed ({how}).",
        )
    counts = ctx.library.counts(PERSON, [camera.name], window.start, window.end, model=model)
    if not counts:
        return _Finding(camera, f"Cannot tell: no frame of {camera.name} was sampled then.")
    tracks = ctx.library.tracks(PERSON, [camera.name], window.start, window.end, model=model)
    return _finding(ctx, camera, window, looked, counts, tracks)


def _model(ctx: ToolContext, camera: Camera, window: Window) -> tuple[str | None, Coverage | None]:
    """The model that indexed most of the window, with its coverage."""
    preferred = MODEL_OF_TIER[ctx.weights.tier]
    found = [
        (ctx.library.coverage(ANALYZER, [camera.name], window.start, window.end, model=model), model)
        for model in ctx.library.models(ANALYZER, [camera.name])
    ]
    if not found:
        return None, None
    looked, model = max(found, key=lambda f: (round(f[0].fraction, 3), f[1] == preferred))
    return model, looked


def _bounds(window: Window, spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    start = spans[0][0] if window.start is None else window.start
    return start, max(spans[-1][1], start) if window.end is None else window.end


def _finding(
    ctx: ToolContext,
    camera: Camera,
    window: Window,
    looked: Coverage,
    counts: Sequence[Count],
    tracks: Sequence[Track],
) -> _Finding:
    numbers = [round(c.n) for c in counts]
    least, most, typical = min(numbers), max(numbers), float(median(numbers))
    step = 1 / looked.sampled_fps if looked.sampled_fps > 0 else 0.0
    first, last = counts[0].ts, counts[-1].ts + step
    if window.end is not None:
        last = min(last, window.end)
    where = _where(ctx, camera, window, first, last, step)
    if most == 0:
        sentence = (
            f"{where}: nobody in view in any of the {len(counts)} frames looked at "
            f"({looked.sampled_fps:g} a second, {int(100 * looked.fraction)} % of the footage).{_rough(counts)}"
        )
        return _Finding(camera, sentence, (), 0, 0, 0.0, None, 0, _curve(counts))
    peak = _busiest(counts, most)
    evidence = _evidence(ctx, camera, counts, tracks, peak, most, (first, last))
    different = max(most, _different(tracks))
    at = ctx.fleet.local(peak, camera).partition(" on ")[0] if last - first < 86_400 else ctx.fleet.local(peak, camera)
    body = _numbers(least, most, typical, f"{at} [{evidence.id}]")
    whole = "probably one and the same person" if different == 1 else f"about {different} different people in all"
    sentence = f"{where}: {body}; {whole}.{_rough(counts)}"
    return _Finding(camera, sentence, (evidence,), least, most, typical, peak, different, _curve(counts))


def _numbers(least: int, most: int, typical: float, at: str) -> str:
    """``at most 4 people at once, at 14:05:32 [e1]; usually 1 person, at times nobody``. ``typical``: the median."""
    if least == most:
        return f"{people_words(most)} all the time, for example at {at}"
    if most == 1:
        top = f"never more than 1 person at once, for example at {at}"
    else:
        top = f"at most {people_words(most)} at once, at {at}"
    usual = people_words(int(typical)) if typical == int(typical) else f"{int(typical)} or {int(typical) + 1} people"
    rest = f", never fewer than {least}" if least else ", at times nobody" if typical else ""
    return f"{top}; usually {usual}{rest}"


def _rough(counts: Sequence[Count]) -> str:
    """The built-in detector does not beat "always one person" on quiet scenes (``viot bench vision``): it says so."""
    if counts[0].model != MODEL_OF_TIER["builtin"]:
        return ""
    return (
        f" Take the number as rough: {counts[0].model} misses people who sit, are cut off or far away, and takes some "
        "upright things for people; viot models pull gets a better detector."
    )


def _where(ctx: ToolContext, camera: Camera, window: Window, first: float, last: float, step: float) -> str:
    """``On gate 2 between ... and ...``; says so when the footage is shorter than the time asked for."""
    slack = step + 1.0
    late = window.start is not None and first - window.start > slack
    early = window.end is not None and window.end - last > slack
    between = span_words(ctx.fleet, camera, first, last, ("between", "and"))
    if late or early:
        return f"On {camera.name}, which has footage only {between} of the time asked for"
    return f"On {camera.name} {between}"


def _busiest(counts: Sequence[Count], most: int) -> float:
    """The middle of the longest run of frames with ``most`` people: a moment that will bear looking at."""
    runs = [list(run) for top, run in groupby(counts, key=lambda c: round(c.n) == most) if top]
    longest = max(runs, key=len)
    return longest[len(longest) // 2].ts


def _different(tracks: Sequence[Track]) -> int:
    """How many people: chains of tracks across segments, flickers left out."""
    boxes: dict[int, int] = {}
    best: dict[int, float] = {}
    for track in tracks:
        boxes[track.chain] = boxes.get(track.chain, 0) + len(track.ts)
        best[track.chain] = max(best.get(track.chain, 0.0), float(track.scores.max()))
    return sum(believed(n, best[chain]) for chain, n in boxes.items())


def _evidence(
    ctx: ToolContext,
    camera: Camera,
    counts: Sequence[Count],
    tracks: Sequence[Track],
    peak: float,
    most: int,
    covered: tuple[float, float],
) -> Evidence:
    """The busiest moment, with the surest person in view then. Where others were near it too, the picture is the whole
    frame with all their boxes (``viot_agent.agent.evidence``); the crop stands in where that footage is gone."""
    seen = next(c for c in counts if c.ts == peak)
    there = [(t, int(np.abs(t.ts - peak).argmin())) for t in tracks if t.start - 0.5 <= peak <= t.end + 0.5]
    there.sort(key=lambda p: (-float(p[0].scores[p[1]]), p[0].id))
    track, box, crop = None, None, None
    for candidate, index in there:
        picture = ctx.library.best_crop(candidate.id, near=peak)
        if picture is not None:
            track, crop = candidate, picture[0]
            x0, y0, x1, y1 = (float(v) for v in candidate.boxes[index])
            box = (x0, y0, x1, y1)
            break
    near = [t for t in tracks if t.start <= peak + AROUND and t.end >= peak - AROUND]
    others = [t for t in near if track is None or t.id != track.id]
    return Evidence(
        id=ctx.evidence_id(),
        camera=camera.name,
        start=max(covered[0], peak - AROUND),
        end=min(covered[1], peak + AROUND),
        tool="crowd_counting",
        model=seen.model,
        model_version=seen.model_version,
        track=None if track is None else str(track.id),
        score=None if track is None else float(track.scores.max()),
        at=peak,
        xyxy=box,
        crop_jpeg=crop,
        label=people_words(most),
        beside=tuple(str(t.id) for t in others),
    )


def _curve(counts: Sequence[Count]) -> tuple[tuple[float, int], ...]:
    """At most ``CURVE_POINTS`` points: of each stretch of frames the fullest, so that the peak stays."""
    if len(counts) <= CURVE_POINTS:
        return tuple((c.ts, round(c.n)) for c in counts)
    edges = np.linspace(0, len(counts), CURVE_POINTS + 1).astype(int)
    picked = (max(counts[a:b], key=lambda c: c.n) for a, b in pairwise(edges))
    return tuple((c.ts, round(c.n)) for c in picked)
