"""The tool ``pose_estimation``: whose poses are stored, and the handle by which ``action_recognition`` finds them.

Reads the rows of the analyzer ``poses``; nothing here looks at pixels. Where nobody was seen, no handle is given: there
is nothing to go on with, and the sentence says what was looked at.

Owns the sentences. Who is one person is decided in ``people``, what was covered in ``looked``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from viot_agent.fleet.types import Camera
from viot_agent.steps import Claim, Evidence, Observation, Verdict
from viot_agent.toolbox.contract import CamerasArg, TimeArg, ToolContext, tool
from viot_tools.covered import Covered, together
from viot_tools.pose.handles import Stretch, keep
from viot_tools.pose.looked import ANALYZER, demand_weights, look
from viot_tools.pose.people import Person, people
from viot_tools.pose.skeleton import LEFT_OUT
from viot_tools.recent import latest
from viot_tools.saying import people_words, span_words

NAME: Final = "pose_estimation"
SHOWN: Final = 3
"""People of one camera who get evidence of their own, those with the most poses first."""
LATEST: Final = 2 * 3600.0
"""Seconds of footage whose poses are read, the latest of the window: eight people at five frames a second make 30 MB of
poses an hour, and ``action_recognition`` reads them all at once."""


@tool(needs=("poses",))
def pose_estimation(ctx: ToolContext, cameras: CamerasArg | None = None, time: TimeArg | None = None) -> Observation:
    """Estimate the body poses (skeletons) of people; returns a pose handle that action_recognition needs.

    Not for: saying what people do (action_recognition comes after it), counting people (crowd_counting).

    Args:
        cameras: camera or group names; omitted = the whole fleet.
        time: the person's own time phrase; omitted = any time.
    """
    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    looked = [look(ctx, camera, ctx.fleet.window(time, camera, ctx.request.now)) for camera in chosen]
    demand_weights(ctx, looked)
    cuts = [latest(ctx, one, ANALYZER, LATEST) if one.looked else (one, "") for one in looked]
    looked = [one for one, _ in cuts]
    there = [(one, _people(ctx, one)) for one in looked]
    found = [(one, mine) for one, mine in there if mine]
    handle = keep(ctx, [_stretch(one, mine) for one, mine in found]) if found else ""
    claims: list[Claim] = []
    evidence: list[Evidence] = []
    for one, mine in found:
        pieces = [piece(ctx, NAME, person) for person in sorted(mine, key=lambda p: -len(p.ts))[:SHOWN]]
        evidence += pieces
        claims.append(_found(ctx, one, mine, handle, pieces))
    nobody = [one for one, mine in there if not mine and one.coverage.indexed_seconds > 0]
    if nobody:
        claims.append(_nobody(ctx, nobody))
    for one, cut in cuts:
        out = _left_out(ctx, one)
        lead = "Cannot tell for certain" if one.looked else "Cannot tell"
        claims += [Claim(s) for s in (out, cut, f"{lead}: {one.problem}." if one.problem else "") if s]
    unsure = any(one.problem or cut for one, cut in cuts)
    verdict: Verdict = "info" if found else "cannot_tell" if unsure else "none"
    return Observation(
        call_id=ctx.call_id,
        tool=NAME,
        status="ok",
        summary=" ".join(c.text for c in claims),
        verdict=verdict,
        claims=tuple(claims),
        evidence=tuple(evidence),
        coverage=together(looked),
        data={"handle": handle, "people": {one.camera.name: len(mine) for one, mine in there}} if handle else {},
    )


def _people(ctx: ToolContext, one: Covered) -> list[Person]:
    if one.model is None:
        return []
    return people(ctx.library, one.camera.name, one.window.start, one.window.end, one.model)


def _stretch(one: Covered, mine: Sequence[Person]) -> Stretch:
    """The window's open ends are closed by what was found, so that the handle means the same tomorrow."""
    start = min(p.start for p in mine) if one.window.start is None else one.window.start
    end = max(p.end for p in mine) + 1e-3 if one.window.end is None else one.window.end
    return Stretch(one.camera.name, start, end, mine[0].model)


def _found(ctx: ToolContext, one: Covered, mine: Sequence[Person], handle: str, pieces: Sequence[Evidence]) -> Claim:
    total = sum(len(p.ts) for p in mine)
    when = span_words(ctx.fleet, one.camera, min(p.start for p in mine), max(p.end for p in mine), ("between", "and"))
    marks = "".join(f" [{p.id}]" for p in pieces)
    poses = "1 pose" if total == 1 else f"{total} poses"
    return Claim(
        f"{handle} holds the poses of {people_words(len(mine))} on {one.camera.name} {when} ({poses}){marks}.",
        tuple(p.id for p in pieces),
    )


def _nobody(ctx: ToolContext, nobody: Sequence[Covered]) -> Claim:
    seconds = sum(one.coverage.indexed_seconds for one in nobody)
    rate = min(one.coverage.sampled_fps for one in nobody)
    names = ", ".join(one.camera.name for one in nobody)
    return Claim(
        f"Nobody whose pose could be estimated on {names} in the {seconds:.0f} s of footage that was looked at "
        f"({rate:g} frames a second sampled)."
    )


def _left_out(ctx: ToolContext, one: Covered) -> str:
    """Of whom no pose was made, because they were too small or too many."""
    there = ctx.library.events(LEFT_OUT, [one.camera.name], one.window.start, one.window.end)
    events = [e for e in there if e.model == one.model]
    small = sum(int(e.data.get("small", 0)) for e in events)
    crowded = sum(int(e.data.get("crowded", 0)) for e in events)
    parts = [
        f"{n} {'track' if n == 1 else 'tracks'} of people {why}"
        for n, why in ((small, "too small"), (crowded, "beyond the largest of a crowded picture"))
        if n
    ]
    return f"On {one.camera.name} no pose was made of {' and '.join(parts)}." if parts else ""


def piece(ctx: ToolContext, name: str, person: Person, at: float | None = None, label: str = "") -> Evidence:
    """Evidence of one person: the track in view at ``at`` (default: when its pose is surest), with the skeleton."""
    if at is None:
        at = float(person.ts[int(person.keypoints[:, :, 2].mean(1).argmax())])
    i = int(np.abs(person.box_ts - at).argmin())
    track = _track_at(ctx, person, at)
    crop = ctx.library.best_crop(track, near=at)
    near = int(np.abs(person.ts - at).argmin())
    x0, y0, x1, y1 = (float(v) for v in person.boxes[i])
    return Evidence(
        id=ctx.evidence_id(),
        camera=person.camera,
        start=person.start,
        end=person.end,
        tool=name,
        model=person.model,
        model_version=person.model_version,
        track=str(track),
        score=float(person.keypoints[near, :, 2].mean()),
        at=at,
        xyxy=(x0, y0, x1, y1),
        crop_jpeg=None if crop is None else crop[0],
        label=label,
        beside=tuple(str(t) for t in person.tracks if t != track) if label else (),
        skeleton=True,
    )


def _track_at(ctx: ToolContext, person: Person, at: float) -> int:
    """The one of a person's tracks that is in view at ``at``, else the nearest."""
    best, least = person.tracks[0], np.inf
    for number in person.tracks:
        track = ctx.library.track(number)
        if track is None:
            continue
        off = max(track.start - at, at - track.end, 0.0)
        if off < least:
            best, least = number, off
    return best


def camera_of(ctx: ToolContext, name: str) -> Camera:
    """The camera of that name, within the request's scope. Raises PolicyRefusal, NameFault."""
    [camera] = ctx.fleet.resolve_cameras([name], scope=ctx.request.camera_scope)
    return camera
