"""The tool ``anomaly_detection``: what was unusual on a camera, given what kind of place it is.

Reads the rows of ``activity``, ``objects`` and ``scene``; nothing here looks at pixels. Two sources: the camera's own
history (``judge``) and a few rules about places (``rules``). Each finding says which thing was unusual. Without enough
history *nothing unusual* is never said: cannot tell, and how much more footage is needed.

Without a time the latest ``LATEST`` seconds of footage are judged, and that is said; a window that is asked for is
judged whole, part by part (``history``).

Owns the words. What counts as unusual is decided in ``judge`` and ``rules``.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from viot_agent.library.rows import Track
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, SceneArg, TimeArg, ToolContext, tool
from viot_tools.anomaly.analyzer import KIND, MODEL
from viot_tools.anomaly.history import Histories, Span
from viot_tools.anomaly.judge import LEAST_HISTORY, Judged, Stretch, judge, stretches
from viot_tools.anomaly.measure import COLUMNS, ROWS
from viot_tools.anomaly.rules import Trouble, troubles
from viot_tools.covered import ENOUGH, Covered, covered, together
from viot_tools.objects.detections import MODEL_OF_TIER as DETECTOR_OF_TIER
from viot_tools.recent import latest
from viot_tools.saying import span_words
from viot_tools.scene.classify import MODEL_OF_TIER
from viot_tools.scene.tool import ANALYZER as SCENE
from viot_tools.scene.vocabulary import agree, inside
from viot_tools.scene.votes import vote

NAME = "anomaly_detection"
LISTED = 6
"""Findings that get a sentence and evidence of their own; the rest is counted."""
AROUND = 1.0
LATEST = 3 * 3600.0
"""Seconds of footage that are judged where no time is asked for."""
DAY = 86400.0
"""Seconds around the window from which the place is taken: it is the same place, and nights show nothing of it."""
MISSES_WHO_LIES = DETECTOR_OF_TIER["builtin"]
"""The detector of people who stand."""
LITTLE_HISTORY = 600
"""Seconds of history below which a finding is called a hint: there false alarms are frequent (``anomaly.md``)."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """One unusual thing in words: ``what`` completes "from ... to ...: "."""

    what: str
    cause: str
    start: float
    end: float
    at: float
    score: float
    track: Track | None = None
    xyxy: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """One camera. ``short`` seconds of history are still missing, 0 where there is enough."""

    covered: Covered
    claims: tuple[Claim, ...]
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[_Finding, ...] = ()
    told: bool = False


@tool(needs=("activity", "objects", "scene"))
def anomaly_detection(
    ctx: ToolContext, scene: SceneArg, cameras: CamerasArg | None = None, time: TimeArg | None = None
) -> Observation:
    """Find unusual events, trouble, accidents and suspicious behaviour, given the scene that scene_recognition observed.

    Not for: fire and smoke (fire_smoke_detection), plain actions of people (action_recognition).

    Args:
        scene: the scene that scene_recognition observed.
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """  # noqa: E501
    seen = []
    for camera in ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope):
        window = ctx.fleet.window(time, camera, ctx.request.now)
        seen.append(_look(ctx, scene, covered(ctx, camera, window, KIND, "unusual events", MODEL)))
    claims = tuple(c for s in seen for c in s.claims)
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=" ".join(c.text for c in claims),
        verdict=_verdict(seen),
        claims=claims,
        evidence=tuple(e for s in seen for e in s.evidence),
        coverage=together([s.covered for s in seen]),
        data={
            "anomalies": [
                {
                    "camera": s.covered.camera.name,
                    "cause": f.cause,
                    "start": f.start,
                    "end": f.end,
                    "score": round(f.score, 3),
                }
                for s in seen
                for f in s.findings
            ]
        },
    )


def _verdict(seen: Sequence[_Seen]) -> Verdict:
    """Found anywhere is found; *none* only where every camera could be told of."""
    if any(s.findings for s in seen):
        return "found"
    return "none" if all(s.told for s in seen) else "cannot_tell"


def _look(ctx: ToolContext, scene: str, looked: Covered) -> _Seen:
    """One camera's sentences. Without a time only the latest ``LATEST`` seconds are judged, and that is said."""
    name, cut = looked.camera.name, ""
    if not looked.looked:
        return _Seen(looked, (Claim(f"Cannot tell: {looked.problem}."),))
    if looked.window.start is None and looked.window.end is None:
        looked, cut = latest(ctx, looked, KIND, LATEST)
    words, note = _place(ctx, scene, looked)
    histories = Histories(ctx.library, looked)
    each = [part for span in histories.parts if (part := _part(histories, span, words)) is not None]
    if not each:
        return _Seen(looked, (Claim(f"Cannot tell: no frame of {name} was sampled then."),))
    judged = Judged.joined([part.judged for part in each])
    found = _findings(judged, [t for part in each for t in part.troubles])
    claims, evidence = [], []
    for finding in found[:LISTED]:
        piece = _evidence(ctx, looked, finding)
        when = span_words(ctx.fleet, looked.camera, finding.start, finding.end)
        claims.append(Claim(f"Unusual on {name} {when}: {finding.what} [{piece.id}].", (piece.id,)))
        evidence.append(piece)
    if len(found) > LISTED:
        claims.append(Claim(f"{len(found) - LISTED} more unusual stretches on {name}."))
    problem = looked.problem or _unfollowed(ctx, looked, histories.objects)
    blind = [part.most_history for part in each if not part.judged.history.all()]
    upright = "" if histories.objects != MISSES_WHO_LIES else _upright_only(name)
    told, sentence = _extent(replace(looked, problem=problem), judged, min(blind, default=0), bool(found), upright)
    told = told and not cut and not upright  # "any time" was asked; a fall is unusual
    claims += [Claim(text) for text in (sentence, upright, cut, note) if text]
    return _Seen(looked, tuple(claims), tuple(evidence), tuple(found), told)


@dataclass(frozen=True, slots=True)
class _Part:
    """What is kept of a part of the window once its history is let go."""

    judged: Judged
    troubles: tuple[Trouble, ...]
    most_history: int


def _part(histories: Histories, span: Span, words: Sequence[str]) -> _Part | None:
    """Judge one part; None where no frame of it was sampled."""
    past = histories.of(span)
    if not past.asked.any():
        return None
    found = troubles(words, past.persons, past.vehicles, past.watched.seconds.where(past.near))
    # what began before the window belongs to its first part, where it reaches into it; nothing belongs to two
    first = span == histories.parts[0]
    mine = [t for t in found if t.start < span[1] and (t.start >= span[0] or (first and t.end >= span[0]))]
    return _Part(judge(past.watched, past.asked), tuple(mine), past.most_history)


def _unfollowed(ctx: ToolContext, looked: Covered, model: str | None) -> str:
    """Why falls and crowds may have been missed: nobody was followed in some of the footage; '' otherwise."""
    name, window = looked.camera.name, looked.window
    models = {} if model is None else {"model": model}
    seconds = ctx.library.coverage("objects", [name], window.start, window.end, **models).indexed_seconds
    if seconds >= ENOUGH * looked.coverage.indexed_seconds:
        return ""
    share = int(100 * seconds / looked.coverage.indexed_seconds)
    return f"people and vehicles were followed in {share} % of that footage only: viot index {shlex.quote(name)}"


def _place(ctx: ToolContext, scene: str, looked: Covered) -> tuple[tuple[str, ...], str]:
    """The scenes that the place may be, and a sentence where ``scene`` is not what the rows say. No scene at all where
    the rows cannot tell: a guess must not silence a rule."""
    name = looked.camera.name
    start, end = looked.window.start, looked.window.end
    low, high = None if start is None else start - DAY, None if end is None else end + DAY
    events = ctx.library.events(SCENE, [name], low, high)
    preferred = MODEL_OF_TIER[ctx.weights.tier]
    models = {e.model for e in events}
    voted = vote(events, preferred if preferred in models or not models else min(models)) if events else None
    named = None if voted is None else voted.named
    if not inside(scene):
        if named is not None:
            return inside(named.word), f"{scene!r} is no scene that is known; {name} was taken for {named.word}."
        return (), f"{scene!r} is no scene that is known: judged by the history of {name} alone."
    if named is None:
        return (), ""
    if not agree(scene, named.word):
        return (), f"{name} looks like {named.word}, not {scene}: judged by its history alone."
    return tuple(s for s in inside(scene) if s in inside(named.word)), ""


def _findings(judged: Judged, rules: Sequence[Trouble]) -> list[_Finding]:
    """Both kinds, in order of time; a stretch that a rule explains is not told twice."""
    told = [_of_rule(t) for t in rules]
    rest = [
        _of_history(s)
        for s in stretches(judged)
        if not any(t.start - 2 <= s.end and s.start <= t.end + 2 for t in told)
    ]
    kept = sorted([*told, *rest], key=lambda f: -f.score)[:LISTED]
    other = [f for f in [*told, *rest] if not any(f is k for k in kept)]
    return [*sorted(kept, key=lambda f: f.start), *other]


_RULES = {
    "fall": "somebody went down and stayed down, perhaps a fall",
    "dark": "the picture went dark",
    "vehicle": "a vehicle moved where none belongs",
    "ran": "somebody ran",
}


def _of_rule(t: Trouble) -> _Finding:
    box, at = None, (t.start + t.end) / 2
    if t.track is not None:
        i = int(np.abs(t.track.ts - (t.start + min(1.0, (t.end - t.start) / 2))).argmin())
        x0, y0, x1, y1 = (float(v) for v in t.track.boxes[i])
        box, at = (x0, y0, x1, y1), float(t.track.ts[i])
    return _Finding(_RULES[t.what], t.what, t.start, t.end, at, t.score, t.track, box)


def _of_history(s: Stretch) -> _Finding:
    where = _where(s.cell)
    what = {
        "where": f"something moved where hardly anything moves ({where})",
        "speed": f"something moved {s.ratio:.1f} times as fast as the fastest usual there ({where})",
        "direction": f"something moved against the usual direction ({where})",
        "amount": "there was far more movement than usual",
        "crowd": "there were more people than at any time it was compared with",
        "change": f"something was left, taken away or moved ({where})",
        "light": "the picture was far darker or flatter than usual",
    }[s.channel]
    return _Finding(what, s.channel, s.start, s.end, s.at, s.score)


def _where(cell: int) -> str:
    """``lower left`` for a cell; ``all over`` for none."""
    if cell < 0:
        return "all over"
    row, column = divmod(cell, COLUMNS)
    down = ("upper", "middle", "lower")[row * 3 // ROWS]
    across = ("left", "centre", "right")[column * 3 // COLUMNS]
    return f"{down} {across}"


def _upright_only(name: str) -> str:
    """Why falls may have been missed although people were followed."""
    how = f"viot models pull, then viot index {shlex.quote(name)}"
    return f"Cannot tell of falls on {name}: {MISSES_WHO_LIES} finds nobody who lies ({how})."


def _extent(looked: Covered, judged: Judged, most_history: int, found: bool, upright: str) -> tuple[bool, str]:
    """Whether *nothing unusual* may be said, and the sentence on what was looked at; ``upright`` as in ``_look``."""
    name = looked.camera.name
    blind = int((judged.history == 0).sum())
    if blind:
        missing = max(1, LEAST_HISTORY - most_history)
        what = "Nothing else can be told of" if found else "Cannot tell what is unusual on"
        return False, (
            f"{what} {name}: it has {most_history} s of history to compare with, at least {LEAST_HISTORY} s are "
            f"needed ({missing} s more: viot index {shlex.quote(name)} with more footage). "
            f"{'Sudden darkness is' if upright else 'Falls and sudden darkness are'} told without."
        )
    if looked.problem:
        return False, f"Cannot tell for certain: {looked.problem}."
    least = int(judged.history.min())
    if found:
        hint = f"{name} has only {least} s of history to compare with: take this as a hint."
        return True, hint if least < LITTLE_HISTORY else ""
    return True, (
        f"Nothing unusual on {name} in the {len(judged.t)} s looked at, each compared with {least} s or more of its "
        f"history ({looked.coverage.sampled_fps:g} frames a second, {int(100 * looked.coverage.fraction)} % of the "
        "footage)."
    )


def _evidence(ctx: ToolContext, looked: Covered, finding: _Finding) -> Evidence:
    start, end = finding.start - AROUND, finding.end + AROUND
    spans = ctx.library.spans(looked.camera.name)
    inside_span = next(((a, b) for a, b in spans if a <= finding.at <= b), (start, end))
    track = finding.track
    crop = None if track is None else ctx.library.best_crop(track.id, near=finding.at)
    return Evidence(
        id=ctx.evidence_id(),
        camera=looked.camera.name,
        start=max(start, inside_span[0]),
        end=min(end, inside_span[1]),
        tool=NAME,
        model=MODEL if track is None else track.model,
        model_version="1" if track is None else track.model_version,
        track=None if track is None else str(track.id),
        score=finding.score,
        at=finding.at,
        xyxy=finding.xyxy,
        crop_jpeg=None if crop is None else crop[0],
        label=finding.what,
    )
