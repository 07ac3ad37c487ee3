"""The tools that handle footage as it is: ``list_cameras`` and ``export_clip``. Neither runs a model.

Owns their sentences and the files below ``VIOT_HOME/exports``. Does not know what is on the footage.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from viot_agent.errors import BackendFault, FailedFault, RetryFault
from viot_agent.fleet.types import Camera, Window
from viot_agent.library.rows import Footage
from viot_agent.steps import Claim, Evidence, Observation
from viot_agent.toolbox.contract import CamerasArg, RequiredTimeArg, ToolContext, tool
from viot_tools.saying import footage_words, none_words, span_words

LONGEST = 600.0
"""Seconds of footage in one exported window."""
SHORTEST = 0.2
"""A stretch of footage shorter than this is a seam between two files, not a clip."""


@tool()
def list_cameras(ctx: ToolContext) -> Observation:
    """List the cameras with their groups, their state and the time that is indexed.

    Not for: what can be seen on a camera (the tools that look), cutting footage (export_clip).
    """
    states = ctx.fleet.describe(ctx.request.camera_scope)
    sentences, data = [], []
    for state in states:
        there = _source_exists(state.camera.source)
        sentences.append(state.sentence() + ("" if there else "; its source is not there now") + ".")
        data.append(
            {
                "name": state.camera.name,
                "groups": list(state.camera.groups),
                "state": state.state,
                "start": state.first,
                "end": state.last,
                "seconds": state.seconds,
                "source_exists": there,
            }
        )
    head = {0: "There is no camera yet (viot camera add NAME SOURCE).", 1: "There is 1 camera:"}
    opening = head.get(len(states), f"There are {len(states)} cameras:")
    return Observation(
        call_id=ctx.call_id,
        tool="list_cameras",
        status="ok",
        summary=" ".join([opening, *sentences]),
        claims=tuple(Claim(s) for s in sentences),
        data={"cameras": data},
    )


def _source_exists(source: str) -> bool:
    """Whether a file or folder is there; a stream's address is taken on trust."""
    return "://" in source or Path(source).expanduser().exists()


@tool(cost="render")
def export_clip(ctx: ToolContext, cameras: CamerasArg, time: RequiredTimeArg) -> Observation:
    """Cut the footage of a time out of the recordings and save it as a clip.

    Not for: finding out what happened or when (ask the tools that look first).

    Args:
        cameras: camera or group names.
        time: the person's own time phrase, ten minutes at most.
    """
    chosen = ctx.fleet.resolve_cameras(cameras, scope=ctx.request.camera_scope)
    plans = [(camera, _footage(ctx, camera, time)) for camera in chosen]  # all are checked before any is cut
    claims: list[Claim] = []
    evidence: list[Evidence] = []
    clips: list[dict[str, Any]] = []
    for camera, parts in plans:
        if not parts:
            spans = ctx.library.spans(camera.name)
            none = (
                f", and {none_words(ctx.fleet, camera, ctx.fleet.window(time, camera, ctx.request.now))}"
                if spans
                else ""
            )
            claims.append(Claim(f"Cannot tell: {footage_words(ctx.fleet, camera, spans)}{none}."))
        for part in parts:
            handle, path, piece = _cut(ctx, camera, part)
            words = span_words(ctx.fleet, camera, part.start, part.end)
            evidence.append(piece)
            claims.append(Claim(f"{handle} shows {camera.name} {words} [{piece.id}].", (piece.id,)))
            clips.append(
                {"handle": handle, "camera": camera.name, "start": part.start, "end": part.end, "path": str(path)}
            )
    return Observation(
        call_id=ctx.call_id,
        tool="export_clip",
        status="ok",
        summary=" ".join(c.text for c in claims),
        verdict="info" if clips else "cannot_tell",
        claims=tuple(claims),
        evidence=tuple(evidence),
        data={"clips": clips},
    )


def _footage(ctx: ToolContext, camera: Camera, phrase: str) -> list[Footage]:
    """The footage of the window, its open ends closed by what is indexed.

    Raises RetryFault when that is more than ten minutes: a whole day may be asked for where little of it is recorded.
    """
    window: Window = ctx.fleet.window(phrase, camera, ctx.request.now)
    spans = ctx.library.spans(camera.name)
    if not spans:
        return []
    start = spans[0][0] if window.start is None else window.start
    end = spans[-1][1] if window.end is None else window.end
    parts = ctx.library.footage(camera.name, start, end) if end > start else []
    parts = [p for p in parts if p.end - p.start >= SHORTEST]
    seconds = sum(p.end - p.start for p in parts)
    if seconds > LONGEST:
        raise RetryFault(
            f"{phrase!r} on {camera.name} is {seconds / 60:.0f} minutes of footage; a clip may have {LONGEST / 60:.0f}",
            fix="ask for a shorter time",
        )
    return parts


def _cut(ctx: ToolContext, camera: Camera, part: Footage) -> tuple[str, Path, Evidence]:
    """Write one clip. Raises FailedFault when the recording is gone, and what ``cut_clip`` raises."""
    from viot_agent.media.clips import cut_clip  # brings a video library, wanted only when something is cut

    if not part.media.is_file():
        raise FailedFault(
            f"the recording {part.media} of {camera.name} is not there any more",
            fix=f"put it back, or remove and add the camera {camera.name!r} anew",
        )
    folder = ctx.home / "exports" / (ctx.run_id or "run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendFault(
            f"the folder {folder} cannot be made: {error.strerror}", fix="free the disk or set VIOT_HOME"
        ) from error
    stamp = datetime.fromtimestamp(part.start, UTC).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^\w-]+", "-", camera.name).strip("-") or "camera"
    number = 1 + sum(1 for handle in ctx.handles if handle.startswith("clip-"))
    path = folder / f"{name[:60]}-{stamp}-{number}.mp4"
    cut_clip(part.media, part.offset, part.offset + part.end - part.start, path)
    handle = ctx.new_handle("clip", path)
    piece = Evidence(
        id=ctx.evidence_id(),
        camera=camera.name,
        start=part.start,
        end=part.end,
        tool="export_clip",
        model="recording",
        model_version="",
        clip=str(path),
        label=handle,
    )
    return handle, path, piece
