"""Pose handles: ``poses-1`` names the stored poses of some cameras and times, for the tool that comes after.

A handle is a small JSON file below ``VIOT_HOME/poses``, one folder a conversation (a run of its own where there is
none), so that it is understood in a later turn too. Folders that nobody added to for ``KEPT`` seconds (``KEPT_RUN`` for
a run of its own, which has no later turn) are removed when the next handle is written. A handle holds names and times,
no pose: rows that are removed from the library are gone for it as well, and the camera scope of the request that uses
it is checked again.

Owns the file. Knows no pose and no sentence.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from viot_agent.errors import BackendFault, RetryFault
from viot_agent.foreign import read_json
from viot_agent.toolbox.contract import ToolContext

PREFIX = "poses"
KEPT, KEPT_RUN = 30 * 86400.0, 86400.0
_RUN = "run-"
_NAME = re.compile(r"^poses-[1-9]\d{0,5}$")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The poses of one camera that ``model`` made between two POSIX times."""

    camera: str
    start: float
    end: float
    model: str


def keep(ctx: ToolContext, stretches: Sequence[Stretch]) -> str:
    """Write ``stretches`` down and give the handle. Raises BackendFault when the disk does not take it."""
    folder = _recall(ctx)
    path = folder / "new.json"
    handle = ctx.new_handle(PREFIX, path)
    ctx.handles[handle] = path = folder / f"{handle}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clean(folder)
        path.write_text(json.dumps([asdict(s) for s in stretches], ensure_ascii=False), "utf-8")
    except OSError as error:
        raise BackendFault(
            f"the pose handle cannot be written to {folder}: {error.strerror}", fix="free the disk, or set VIOT_HOME"
        ) from error
    return handle


def named(ctx: ToolContext, handle: str) -> list[Stretch]:
    """What ``handle`` stands for. Raises RetryFault when this conversation has no such handle."""
    _recall(ctx)
    name = handle.strip().casefold()
    path = ctx.handles.get(name)
    if path is None or not _NAME.match(name) or not path.is_file():
        there = sorted((h for h in ctx.handles if _NAME.match(h)), key=lambda h: int(h.rpartition("-")[2]))
        raise RetryFault(f"there are no poses called {handle!r}", fix="call pose_estimation first", nearest=there[-3:])
    try:
        return [_stretch(row) for row in read_json(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise RetryFault(f"{handle} cannot be read any more", fix="call pose_estimation again") from error


def _stretch(row: Mapping[str, Any]) -> Stretch:
    return Stretch(str(row["camera"]), float(row["start"]), float(row["end"]), str(row["model"]))


def _recall(ctx: ToolContext) -> Path:
    """Make the handles of earlier turns known to this run; gives their folder."""
    said = ctx.request.conversation
    mark = f"{ctx.request.principal.name}\n{said}" if said else f"run {ctx.run_id}"
    folder = ctx.home / PREFIX / f"{'' if said else _RUN}{hashlib.sha256(mark.encode()).hexdigest()[:20]}"
    if folder.is_dir():
        for path in folder.glob("poses-*.json"):
            if _NAME.match(path.stem):
                ctx.handles.setdefault(path.stem, path)
    return folder


def _clean(mine: Path) -> None:
    """Remove the other folders that are too old; a handle that went with one is answered as any unknown handle."""
    now = time.time()
    for folder in mine.parent.iterdir():
        if folder == mine or not folder.is_dir():
            continue
        files = list(folder.glob("poses-*.json"))
        newest = max((_changed(f) for f in [folder, *files]), default=now)
        if now - newest <= (KEPT_RUN if folder.name.startswith(_RUN) else KEPT):
            continue
        for file in files:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # somebody writes there at this moment, or put a file of their own there
            folder.rmdir()


def _changed(path: Path) -> float:
    """POSIX seconds; now for what another process has just removed."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
